"""A published DCGAN: the faces of the PyPI package gan-face-generate 1.1.1, which pip downloads to build/published.

Its checkpoint goes through tools/convert.py, and limn's results are held against those of the package's own Generator.
"""

from __future__ import annotations

import functools
import hashlib
import io
import pathlib
import sys
import zipfile

import numpy as np
import recipes
import torch
from checks import ROOT, Check, Failure, Figure, Limn, called
from pictures import level_apart, read_rgb
from reference.parameters import Maker

PACKAGE = "gan-face-generate==1.1.1"
WHEEL = ROOT / "build/published/gan_face_generate-1.1.1-py3-none-any.whl"
SHA256 = "24102f4be41d164e44251168ede0458a45e498a888c81493e2aea48529640569"
LATENT = 100  # values


@functools.cache
def wheel() -> zipfile.ZipFile:
    """The package, downloaded if it is not there; Failure if it is not the known one."""
    if not WHEEL.exists():
        options = ["--quiet", "--no-deps", "--only-binary=:all:", "--disable-pip-version-check", "-d", WHEEL.parent]
        called([sys.executable, "-m", "pip", "download", *options, PACKAGE])
    if hashlib.sha256(WHEEL.read_bytes()).hexdigest() != SHA256:
        raise Failure(f"{WHEEL}: not the known file of gan-face-generate 1.1.1")
    return zipfile.ZipFile(WHEEL)


@functools.cache
def generator() -> torch.nn.Module:
    """The package's own module, with its weights."""
    sys.path.append(str(WHEEL))
    from gan_face_generate.models import Generator  # noqa: PLC0415  (found only through the line above)

    data = io.BytesIO(wheel().read("gan_face_generate/weights.tar"))
    checkpoint = torch.load(data, map_location="cpu", weights_only=True)
    made = Generator(0, 3, LATENT, 64)
    made.load_state_dict(checkpoint["netG_state_dict"])
    return made.eval()


def converted(folder: pathlib.Path) -> pathlib.Path:
    source, weights = folder / "weights.tar", folder / "faces.safetensors"
    if not weights.exists():
        source.write_bytes(wheel().read("gan_face_generate/weights.tar"))
        called([sys.executable, ROOT / "tools/convert.py", source, "-o", weights])
    return weights


def tensor_check(limn: Limn) -> Figure:
    weights, (z, latent) = converted(limn.folder), noise(limn.folder, 3)
    output = limn.folder / "faces.npy"
    limn("run", "-m", weights, latent, "-o", output, "--force")
    with torch.no_grad():
        want = generator().double()(z.double()).numpy()
    return Figure(float(np.abs(np.load(output) - want).max() / np.abs(want).max()), "relative error", 1e-4)


def picture_check(limn: Limn) -> Figure:
    weights, (z, latent) = converted(limn.folder), noise(limn.folder, 16)
    output = limn.folder / "faces.png"
    limn("generate", "-m", weights, "--latent", latent, "-o", output, "--force")
    with torch.no_grad():
        return level_apart(read_rgb(output), recipes.save_image(generator().float()(z), None))


def noise(folder: pathlib.Path, count: int) -> tuple[torch.Tensor, pathlib.Path]:
    z, path = Maker(count).noise(count, LATENT, 1, 1), folder / "faces-z.npy"
    np.save(path, z.numpy())
    return z, path


CHECKS = [
    Check("published faces (dcgan), 3 tensors", tensor_check),
    Check("published faces (dcgan), 16 pictures", picture_check),
]

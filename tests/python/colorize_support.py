"""What the tests of `limn colorize` share: pictures, the bare network, and how alike two results must be."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
from cli_support import ROOT, read_png, succeeds
from colorize_reference import bicubic, hint_planes, lab8, resize_linear, rgb2lab

GOLDENS = ROOT / "tests/goldens"
Hints = list[tuple[int, int, float, float, int]]


def weights(network: str) -> Path:
    return GOLDENS / f"{network}.safetensors"


def smooth(height: int, width: int, channels: int = 3) -> np.ndarray:
    """A picture of gradients, whose colours a rounding error does not change much."""
    y, x = np.mgrid[0:height, 0:width] / max(height, width)
    planes = [127 + 120 * np.sin(3 * x + c) * np.cos(2 * y - c) for c in range(channels)]
    return np.stack(planes, -1).astype(np.uint8)


def network_ab(
    tmp_path: Path,
    network: str,
    picture: np.ndarray,
    hints: Hints | None = None,
    z: np.ndarray | None = None,
    side: int = 256,
    spread: Callable[[np.ndarray, np.ndarray], np.ndarray] | None = None,
) -> np.ndarray:
    """a and b, 2 x side x side, as the network has them.

    spread: a function of L, 1 x side x side, and the planes of hint_planes that returns spread ones. The result is then
        mixed from these and the network's.
    """
    options: list[str | Path] = []
    if network.startswith("vae"):
        x = 2 * lab8(resize_linear(picture, 64))[None, ..., 0] / 255 - 1
        if z is not None:
            np.save(tmp_path / "z.npy", z[None].astype("<f4"))
            options = ["--latent", tmp_path / "z.npy"]
    else:
        x = rgb2lab(bicubic(picture[..., :3], side, side))[None, ..., 0]
        if network.startswith("siggraph17"):
            planes = hint_planes(hints or [], *picture.shape[:2], side)
            planes = spread(x, planes) if spread else planes
            x = np.concatenate([x, planes])
    np.save(tmp_path / "x.npy", x[None].astype("<f4"))
    succeeds("run", "-m", weights(network), tmp_path / "x.npy", "-o", tmp_path / "y.npy", "--force", *options)
    y = np.load(tmp_path / "y.npy")[0].astype(np.float64)
    if spread:
        share = (1 - planes[2]) * (1 - planes[2].mean())
        return share * y + (1 - share) * planes[:2]
    return 127.5 * y - 0.5 if network.startswith("vae") else y


def colorized(tmp_path: Path, network: str, data: bytes, *options: str | Path) -> np.ndarray:
    source, output = tmp_path / "in.picture", tmp_path / "out.png"
    source.write_bytes(data)
    succeeds("colorize", "-m", weights(network), source, "-o", output, "--force", *options)
    return read_png(output.read_bytes())


def assert_alike(got: np.ndarray, want: np.ndarray, what: str = "") -> None:
    """At most one level apart, in at most one sample of a hundred: float32 against float64 at a rounding edge."""
    assert got.shape == want.shape, what
    difference = np.abs(got.astype(int) - want)
    most, share = difference.max(), np.mean(difference != 0)
    assert most <= 1 and share <= 0.01, (what, most, share)


def latent_length() -> int:
    rows = json.loads(succeeds("inspect", weights("vae"), "--json"))["tensors"]
    shapes = {row["name"]: row["shape"] for row in rows}
    return shapes["dec_conv1.weight"][1] - shapes["cond_enc_conv4.weight"][0]

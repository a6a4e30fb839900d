"""The pipelines around the networks, on photographs: `limn colorize`, `segment`, `upscale` and `generate` against the
upstream programs (recipes.py) around PyTorch's forward pass (networks.py).

A check fails whose picture turns out grey or of one class: it would pass whatever limn does.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence

import colorize_reference
import numpy as np
import recipes
import torch
from checkpoint import safetensors
from checks import ROOT, Check, Failure, Figure, Limn
from networks import COLOURS, KINDS, LEVELS, forward_of, network
from pictures import Box, level_apart, photograph, psnr, read_rgb, same_shape, through
from reference.parameters import Maker

LEAST_AGREEMENT = 99.9  # % of the pixels: room for float32 where two classes nearly tie
LEAST_CHROMA, LARGEST_SHARE = 5, 0.9  # mean of the recipe's colours in Lab, share of its most frequent class


def agreement(got: np.ndarray, want: np.ndarray, classes: np.ndarray) -> Figure:
    """Of two mask pictures; `classes` are the recipe's."""
    same_shape(got, want)
    share = np.bincount(classes.ravel()).max() / classes.size
    if share > LARGEST_SHARE:
        raise Failure(f"{100 * share:.1f}% of the pixels are of one class: nothing to compare")
    return Figure(100 * (got == want).all(-1).mean(), "% of pixels", LEAST_AGREEMENT, larger_is_better=True)


def painted(picture: np.ndarray, ab: torch.Tensor) -> np.ndarray:
    chroma = float(torch.linalg.vector_norm(ab, dim=1).mean())
    if not chroma >= LEAST_CHROMA:
        raise Failure(f"the mean chroma is {chroma:.2f}: nothing to compare")
    return recipes.postprocess(recipes.as_rgb(picture), ab)


def eccv16_check(limn: Limn, picture: np.ndarray) -> Figure:
    forward, weights = network("eccv16", limn.folder)
    ab = forward(recipes.preprocess(recipes.as_rgb(picture)))
    return psnr(through(limn, "colorize", picture, "-m", weights), painted(picture, ab))


def siggraph17_check(
    limn: Limn, picture: np.ndarray, hints: Sequence[recipes.Hint] = (), json_file: bool = False
) -> Figure:
    forward, weights = network("siggraph17", limn.folder)
    height, width = picture.shape[:2]
    small = (height, width) == (256, 256)
    given = recipes.put_points(hints) if small or not hints else recipes.scale_points(hints, height, width)
    ab = forward(torch.cat([recipes.preprocess(picture), given], 1))
    options = []
    if hints:
        path = limn.folder / "hints"
        path.write_text(hints_as_json(hints) if json_file else hints_as_text(hints))
        options = ["--hints", path]
    return psnr(through(limn, "colorize", picture, "-m", weights, *options), painted(picture, ab))


def hints_as_text(hints: Sequence[recipes.Hint]) -> str:
    return "".join(f"{x} {y} {colour} {radius}\n" for x, y, colour, radius in hints)


def hints_as_json(hints: Sequence[recipes.Hint]) -> str:
    """The first one by its a and b."""
    entries = [{"x": x, "y": y, "color": colour, "radius": radius} for x, y, colour, radius in hints]
    del entries[0]["color"]
    entries[0]["a"], entries[0]["b"] = recipes.colour(hints[0])
    return json.dumps(entries)


def vae_check(limn: Limn, picture: np.ndarray, seed: int | None = None) -> Figure:
    """limn's own choice of z (engine/pipelines/noise.h) for a seed; 0 without one."""
    forward, weights = network("vae", limn.folder)
    z, options = torch.zeros(1, 64, 1, 1), []
    if seed is not None:
        z = torch.from_numpy(colorize_reference.noise(seed, 64)).view(1, 64, 1, 1)
        options = ["--samples", "1", "--seed", str(seed)]
    ab = recipes.vae_ab(forward(recipes.vae_grey(picture), z))
    return psnr(through(limn, "colorize", picture, "-m", weights, *options), painted(picture, ab))


def deeplabv3_check(limn: Limn, picture: np.ndarray, shorter: int = 0) -> Figure:
    forward, weights = network("deeplabv3", limn.folder)
    classes = recipes.deeplabv3(picture, forward, shorter)
    options = ["--resize", str(shorter)]
    got = through(limn, "segment", picture, "-m", weights, "--view", "mask", *options)
    return agreement(got, recipes.as_rgb(classes.astype(np.uint8)), classes)


def unet_check(
    limn: Limn,
    picture: np.ndarray,
    name: str,
    values: list[int] | list[list[int]],
    scale: float,
    threshold: float = 0,
) -> Figure:
    """A threshold of 0 is the default of both programs."""
    forward, weights = network(name, limn.folder)
    classes = recipes.unet(picture, forward, scale, threshold or 0.5)
    options = ["--scale", str(scale), *(["--threshold", str(threshold)] if threshold else [])]
    got = through(limn, "segment", picture, "-m", weights, "--view", "mask", *options)
    return agreement(got, recipes.mask_to_image(classes, values), classes)


def enhancenet_check(limn: Limn, picture: np.ndarray, *options: str, demo: bool) -> Figure:
    """With the demo weights that come with limn, or random ones at the published width."""
    if demo:
        weights = ROOT / "weights/enhancenet.safetensors"
        tensors = safetensors.read(weights.read_bytes()).tensors
        forward = forward_of(KINDS["enhancenet"], {name: tensor.read().copy() for name, tensor in tensors.items()})
    else:
        forward, weights = network("enhancenet", limn.folder)
    return level_apart(through(limn, "upscale", picture, "-m", weights, *options), recipes.enhancenet(picture, forward))


def dcgan_check(limn: Limn, name: str, count: int, size: int, fixed_range: bool = False) -> Figure:
    forward, weights = network(name, limn.folder)
    z = Maker(100 + count).noise(count, size, 1, 1)
    latent, output = limn.folder / "z.npy", limn.folder / "out.png"
    np.save(latent, z.numpy())
    limn("generate", "-m", weights, "--latent", latent, "-o", output, "--force", *["--fixed-range"] * fixed_range)
    return level_apart(read_rgb(output), recipes.save_image(forward(z), (-1, 1) if fixed_range else None))


def check(
    name: str, measure: Callable[..., Figure], picture: tuple[str, Box | None], *more: object, **options: object
) -> Check:
    return Check(name, lambda limn: measure(limn, photograph(*picture), *more, **options))


# Pillow goes across these first, whatever its version (recipes.py). (Width) x (height):
CAT, CUP = ("chelsea", None), ("coffee", None)  # 451 x 300, 600 x 400
ODD = ("coffee", (101, 5, 448, 399))  # 347 x 394
SMALL = ("coffee", (200, 100, 301, 177))  # 101 x 77
PART = ("chelsea", (13, 7, 314, 206))  # 301 x 199
SQUARE = ("chelsea", (150, 20, 406, 276))  # 256 x 256
HINTS = ((60, 70, "#c83232", 9), (200, 150, "#3264c8", 20), (210, 160, "#32c850", 5), (128, 250, "#ffe000", 3))

CHECKS = [
    check("colorize eccv16, 451 x 300", eccv16_check, CAT),
    check("colorize eccv16, 347 x 394", eccv16_check, ODD),
    Check("colorize eccv16, grey 101 x 77", lambda limn: eccv16_check(limn, photograph(*SMALL, mode="L"))),
    check("colorize siggraph17, automatic, 451 x 300", siggraph17_check, CAT),
    check("colorize siggraph17, hints, 256 x 256", siggraph17_check, SQUARE, HINTS),
    check("colorize siggraph17, hints (JSON), 600 x 400", siggraph17_check, CUP, HINTS, json_file=True),
    check("colorize vae, z = 0, 451 x 300", vae_check, CAT),
    check("colorize vae, seed 5, 347 x 394", vae_check, ODD, 5),
    check("segment deeplabv3, 301 x 199", deeplabv3_check, PART),
    check("segment deeplabv3, 451 x 300 --resize 97", deeplabv3_check, CAT, 97),
    check("segment deeplabv3, 101 x 77 --resize 130", deeplabv3_check, SMALL, 130),
    check("segment unet, 2 classes, 451 x 300 --scale 0.5", unet_check, CAT, "unet, 2 classes", [0, 1], 0.5),
    check("segment unet, 2 classes, 301 x 199 --scale 1", unet_check, PART, "unet, 2 classes", [0, 1], 1),
    check("segment unet, 4 classes, 347 x 394 --scale 0.5", unet_check, ODD, "unet, 4 classes", COLOURS, 0.5),
    check("segment unet, 5 classes, 301 x 199 --scale 1", unet_check, PART, "unet, 5 classes", LEVELS, 1),
    check("segment unet, 1 class, 451 x 300 --scale 0.5", unet_check, CAT, "unet, 1 class", [0, 1], 0.5),
    check("segment unet, 1 class, 301 x 199 --scale 1", unet_check, PART, "unet, 1 class", [0, 1], 1, 0.3),
    check("upscale, demo weights, 301 x 199", enhancenet_check, PART, demo=True),
    check("upscale, demo weights, 301 x 199 --tile 64", enhancenet_check, PART, "--tile", "64", demo=True),
    check("upscale, published width, 101 x 77", enhancenet_check, SMALL, demo=False),
    Check("generate, 11 pictures", lambda limn: dcgan_check(limn, "dcgan", 11, 100)),
    Check("generate, 1 picture", lambda limn: dcgan_check(limn, "dcgan", 1, 100)),
    Check("generate, 16 pictures --fixed-range", lambda limn: dcgan_check(limn, "dcgan", 16, 100, fixed_range=True)),
    Check("generate, 5 grey pictures", lambda limn: dcgan_check(limn, "dcgan, grey", 5, 20)),
]

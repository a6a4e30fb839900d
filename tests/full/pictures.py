"""Photographs in and pictures out, and how far apart two pictures are."""

from __future__ import annotations

import pathlib

import numpy as np
from checks import ROOT, Failure, Figure, Limn
from PIL import Image

LEAST_PSNR, MOST_APART = 50, 1  # dB, % of the samples: room for float32 at an edge of rounding
Box = tuple[int, int, int, int]  # left, top, right, bottom


def photograph(name: str, box: Box | None = None, mode: str = "RGB") -> np.ndarray:
    """A sample, or a part of it, as H x W x 3 or, for mode L, H x W."""
    with Image.open(ROOT / f"weights/samples/{name}.png") as image:
        return np.asarray(image.crop(box or (0, 0, *image.size)).convert(mode))


def through(limn: Limn, command: str, picture: np.ndarray, *options: str | pathlib.Path) -> np.ndarray:
    """What `limn COMMAND` makes of a picture, as RGB."""
    source, output = limn.folder / "in.png", limn.folder / "out.png"
    Image.fromarray(picture).save(source)
    limn(command, source, "-o", output, "--force", *options)
    return read_rgb(output)


def read_rgb(path: pathlib.Path) -> np.ndarray:
    with Image.open(path) as image:
        return np.asarray(image.convert("RGB"))


def same_shape(got: np.ndarray, want: np.ndarray) -> None:
    if got.shape != want.shape:
        raise Failure(f"limn makes {got.shape}, the recipe {want.shape}")


def psnr(got: np.ndarray, want: np.ndarray) -> Figure:
    same_shape(got, want)
    error = np.square(got.astype(np.float64) - want).mean()
    return Figure(10 * np.log10(255**2 / error) if error else np.inf, "dB", LEAST_PSNR, larger_is_better=True)


def level_apart(got: np.ndarray, want: np.ndarray) -> Figure:
    """How many samples are a level apart, few where both round alike; Failure where one is more."""
    same_shape(got, want)
    levels = np.abs(got.astype(int) - want)
    if levels.max() > 1:
        raise Failure(f"a sample is {levels.max()} levels apart, 1 allowed")
    return Figure(100 * levels.mean(), "% 1 level off", MOST_APART)

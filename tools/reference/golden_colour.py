#!/usr/bin/env python3
"""Writes tests/goldens/colour.txt and metrics.txt, computed by scikit-image, for tests/test_colour.c and
tests/test_metrics.c.

colour.txt: lines "rgb R G B L a b" are rgb2lab of 8-bit colours; lines "lab L a b R G B" are lab2rgb, times 255 and
not rounded, of Lab colours inside and outside the range of sRGB; lines "delta L a b L a b E" are deltaE_ciede2000.
metrics.txt: width, height, mean squared error, PSNR, SSIM and mean deltaE_ciede2000 of two pictures, which are not
stored: this program and the test compute them.
"""

import itertools
import pathlib
import warnings

import numpy as np
from skimage import color, metrics

LEVELS = (0, 1, 10, 11, 64, 128, 200, 255)  # the linear part of the curve ends between 10 and 11
LABS = list(itertools.product((0, 3, 20, 50, 90, 100), (-110, -40, -1, 0, 30, 100), (-110, -20, 0, 60, 110)))
SIZES = ((7, 7), (8, 13), (31, 7), (64, 33), (101, 57))


def line(kind, *numbers):
    return " ".join([kind] + [f"{number:.9g}" for number in numbers]) + "\n"


def noise(width, height, seed):
    x, y, c = np.arange(width)[:, None], np.arange(height)[:, None, None], np.arange(3)
    mixed = (x * x * 31 + y * y * 17 + x * y * 7 + c * 85 + seed) * 2654435761
    return (mixed % 2**32 >> 24).astype(np.uint8)


def write_colours(file):
    rgb = np.array(list(itertools.product(LEVELS, repeat=3)), np.uint8)
    lab = np.array(LABS, np.float64)
    random = np.random.default_rng(5)
    pairs = random.uniform((0, -90, -90), (100, 90, 90), (100, 2, 3)).astype(np.float32).astype(np.float64)
    for one, converted in zip(rgb, color.rgb2lab(rgb)):
        file.write(line("rgb", *one, *converted))
    for one, converted in zip(lab, color.lab2rgb(lab) * 255):
        file.write(line("lab", *one, *converted))
    for first, second in pairs:
        file.write(line("delta", *first, *second, color.deltaE_ciede2000(first, second)))


def write_metrics(file):
    for width, height in SIZES:
        a, b = noise(width, height, 0), noise(width, height, 12345)
        b = ((a.astype(int) * 3 + b) // 4).astype(np.uint8)
        delta = color.deltaE_ciede2000(color.rgb2lab(a), color.rgb2lab(b)).mean()
        file.write(
            line(
                str(width),
                height,
                metrics.mean_squared_error(a, b),
                metrics.peak_signal_noise_ratio(a, b),
                metrics.structural_similarity(a, b, channel_axis=-1),
                delta,
            )
        )


def main():
    folder = pathlib.Path(__file__).resolve().parents[2] / "tests" / "goldens"
    warnings.simplefilter("ignore")  # lab2rgb warns about clipped Z; such colours are included on purpose
    with open(folder / "colour.txt", "w") as file:
        write_colours(file)
    with open(folder / "metrics.txt", "w") as file:
        write_metrics(file)


if __name__ == "__main__":
    main()

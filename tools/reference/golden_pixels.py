#!/usr/bin/env python3
"""Writes tests/goldens/pixels.txt and pixels.csv for tests/test_pixel_text.c and test_pixel_table.c: grey levels as
text by Pillow, and the table of three pictures by OpenCV and pandas. The pictures are not stored: this program and the
tests compute them.
"""

import pathlib

import cv2
import numpy as np
import pandas as pd
from PIL import Image

HEIGHT, WIDTH = 5, 7


def source(seed):
    """An RGB picture, computed with Python's integers, which do not overflow."""
    values = [
        (x * x * 31 + y * y * 17 + x * y * 7 + c * 85 + seed * 53) * 2654435761 % 2**32 >> 24
        for y in range(HEIGHT)
        for x in range(WIDTH)
        for c in range(3)
    ]
    return np.array(values, np.uint8).reshape(HEIGHT, WIDTH, 3)


def text(rgb):
    grey = np.array(Image.fromarray(rgb).convert("L"))
    return "".join(" ".join(str(level) for level in row) + "\n" for row in grey)


def table(pictures):
    planes = [cv2.cvtColor(rgb[:, :, ::-1].copy(), cv2.COLOR_BGR2GRAY).ravel() for rgb in pictures]
    frame = pd.DataFrame({"Row": np.repeat(np.arange(HEIGHT), WIDTH), "Column": np.tile(np.arange(WIDTH), HEIGHT)})
    for number, plane in enumerate(planes, 1):
        frame[f"pixel[{number}]"] = plane
    # In float64, because a sum in 8 bits would overflow.
    frame["pixel_mean"] = np.stack(planes).astype(np.float64).mean(axis=0)
    return frame.to_csv(lineterminator="\n")


def main():
    goldens = pathlib.Path(__file__).resolve().parents[2] / "tests" / "goldens"
    (goldens / "pixels.txt").write_text(text(source(1)))
    (goldens / "pixels.csv").write_text(table([source(seed) for seed in (1, 2, 3)]))


if __name__ == "__main__":
    main()

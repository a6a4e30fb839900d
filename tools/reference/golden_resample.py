#!/usr/bin/env python3
"""Writes tests/goldens/resample.txt: small pictures resized by Pillow (13 or later), for tests/test_resample.c.

The source is not stored: this program and the test compute it. Each line has: filter, channels (4: RGBA), source width
and height, result width and height, and the result's bytes in hexadecimal.
"""
import pathlib

from PIL import Image

CASES = [
    # source, result
    ((1, 1), (3, 2)),
    ((7, 5), (7, 5)),
    ((7, 5), (14, 10)),
    ((7, 5), (9, 3)),  # wider and lower: down first
    ((5, 7), (3, 9)),
    ((16, 12), (5, 4)),
    ((16, 12), (1, 1)),
    ((3, 31), (2, 5)),  # removes far more rows than columns: down first
    ((31, 3), (8, 3)),
    ((4, 9), (4, 20)),
]


def sample(x, y, c):
    level = (x * x * 31 + y * y * 17 + x * y * 7 + c * 85) * 2654435761 % 2**32 >> 24
    return level if c < 3 else 0 if level < 64 else min(2 * level - 64, 255)


def source(width, height, channels):
    data = bytes(sample(x, y, c) for y in range(height) for x in range(width) for c in range(channels))
    return Image.frombytes("RGBA" if channels == 4 else "RGB", (width, height), data)


def main():
    path = pathlib.Path(__file__).resolve().parents[2] / "tests" / "goldens" / "resample.txt"
    with open(path, "w") as file:
        for name, kind in (("bilinear", Image.Resampling.BILINEAR), ("bicubic", Image.Resampling.BICUBIC)):
            for channels in (3, 4):
                for (w, h), (to_w, to_h) in CASES:
                    result = source(w, h, channels).resize((to_w, to_h), kind)
                    file.write(f"{name} {channels} {w} {h} {to_w} {to_h} {result.tobytes().hex()}\n")


if __name__ == "__main__":
    main()

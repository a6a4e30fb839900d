#!/usr/bin/env python3
"""Makes the files of this folder: JPEG of samplings that Pillow cannot write, and the pixels that Pillow reads from
them (libjpeg-turbo 2.1)."""

from __future__ import annotations

import sys
from pathlib import Path

from PIL import Image

FOLDER = Path(__file__).resolve().parent
sys.path.insert(0, str(FOLDER.parents[1] / "python"))

from jpeg_writer import Jpeg, segment

ADOBE_RGB = segment(0xEE, b"Adobe\0\x64\0\0\0\0\0")
FILES = {
    "420": Jpeg(19, 21, ((2, 2), (1, 1), (1, 1))),
    "422-progressive": Jpeg(21, 9, ((2, 1), (1, 1), (1, 1)), progressive=True),
    "440-restarts": Jpeg(10, 19, ((1, 2), (1, 1), (1, 1)), restart=2),
    "411": Jpeg(35, 8, ((4, 1), (1, 1), (1, 1))),
    "third-separate": Jpeg(13, 14, ((3, 3), (1, 1), (1, 1)), interleaved=False),
    "luma-less": Jpeg(17, 18, ((1, 1), (2, 2), (2, 1)), progressive=True),
    "narrow": Jpeg(4, 6, ((2, 2), (1, 1), (1, 1))),
    "rgb": Jpeg(12, 10, ((2, 1), (1, 1), (1, 1)), metadata=ADOBE_RGB),
    "grey-2x2": Jpeg(9, 20, ((2, 2),), wide_tables=True),
}


def main() -> None:
    for name, jpeg in FILES.items():
        path = FOLDER / f"{name}.jpg"
        path.write_bytes(jpeg.bytes())
        with Image.open(path) as image:
            image.convert("RGB").save(path.with_suffix(".ppm"))


if __name__ == "__main__":
    main()

#!/usr/bin/env python3
"""Enlarges photographs that the demo weights have not seen, and lays the results side by side.

    python3 tools/demo.py --limn build/limn --output build/demo

Each photograph of weights/samples is shrunk to a quarter with Pillow's bicubic, enlarged again by limn and by Pillow,
and compared with the original. Needs Pillow and NumPy.
"""

from __future__ import annotations

import argparse
import pathlib
import subprocess
import time

import numpy as np
from PIL import Image, ImageDraw

SAMPLES = pathlib.Path(__file__).resolve().parent.parent / "weights" / "samples"
FACTOR = 4
PANEL = 360  # side of a panel of the comparison, in pixels
CROP = 180  # side of the part of the photograph it shows, at twice its size
CAPTION = 34


def psnr(picture: Image.Image, original: Image.Image) -> float:
    """Peak signal-to-noise ratio over all RGB samples, in dB."""
    difference = np.asarray(picture, dtype=np.float64) - np.asarray(original, dtype=np.float64)
    return float(10 * np.log10(255**2 / np.mean(difference**2)))


def caption(text: str) -> Image.Image:
    """One line of text in Pillow's built-in font, doubled to be readable."""
    small = Image.new("RGB", (PANEL // 2, CAPTION // 2), "white")
    ImageDraw.Draw(small).text((4, 3), text, fill="black")
    return small.resize((PANEL, CAPTION), Image.NEAREST)


def panel(picture: Image.Image, text: str) -> Image.Image:
    """The middle of a picture under its caption."""
    left, top = (picture.width - CROP) // 2, (picture.height - CROP) // 2
    part = picture.crop((left, top, left + CROP, top + CROP)).resize((PANEL, PANEL), Image.NEAREST)
    whole = Image.new("RGB", (PANEL, PANEL + CAPTION), "white")
    whole.paste(caption(text), (0, 0))
    whole.paste(part, (0, CAPTION))
    return whole


def upscale(limn: str, source: pathlib.Path, target: pathlib.Path) -> float:
    """Runs `limn upscale` and returns the seconds it took."""
    start = time.perf_counter()
    subprocess.run([limn, "upscale", str(source), "-o", str(target), "--force"], check=True)
    return time.perf_counter() - start


def compare(limn: str, photograph: pathlib.Path, folder: pathlib.Path) -> tuple[list[Image.Image], str]:
    """The panels of one photograph, and a line about it."""
    original = Image.open(photograph).convert("RGB")
    original = original.crop((0, 0, original.width // FACTOR * FACTOR, original.height // FACTOR * FACTOR))
    small = original.resize((original.width // FACTOR, original.height // FACTOR), Image.BICUBIC)
    source, target = folder / f"{photograph.stem}-small.png", folder / f"{photograph.stem}-limn.png"
    small.save(source)
    seconds = upscale(limn, source, target)
    enlarged = Image.open(target).convert("RGB")
    bicubic = small.resize(original.size, Image.BICUBIC)
    ours, theirs = psnr(enlarged, original), psnr(bicubic, original)
    panels = [
        panel(small.resize(original.size, Image.NEAREST), "input, 1/4 of the size"),
        panel(bicubic, f"bicubic {theirs:.2f} dB"),
        panel(enlarged, f"limn {ours:.2f} dB"),
        panel(original, "original"),
    ]
    line = (
        f"{photograph.name}: {small.width}x{small.height} to {original.width}x{original.height} in {seconds:.2f} s, "
        f"PSNR bicubic {theirs:.2f} dB, limn {ours:.2f} dB"
    )
    return panels, line


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--limn", required=True, help="the program")
    parser.add_argument("--output", type=pathlib.Path, required=True, help="folder for the pictures")
    arguments = parser.parse_args()
    arguments.output.mkdir(parents=True, exist_ok=True)
    rows = []
    for photograph in sorted(SAMPLES.glob("*.png")):
        panels, line = compare(arguments.limn, photograph, arguments.output)
        rows.append(panels)
        print(line)
    sheet = Image.new("RGB", (4 * PANEL, len(rows) * (PANEL + CAPTION)), "white")
    for y, panels in enumerate(rows):
        for x, picture in enumerate(panels):
            sheet.paste(picture, (x * PANEL, y * (PANEL + CAPTION)))
    sheet.save(arguments.output / "comparison.png")
    print(f"comparison: {arguments.output / 'comparison.png'}")


if __name__ == "__main__":
    main()

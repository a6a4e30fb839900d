"""Super-resolution measured on photographs: PSNR and SSIM of limn's and of Pillow's bicubic enlargement, by 4.

Both are measured on RGB, with 4 pixels left out at each border, per picture, then the mean. SSIM is scikit-image's,
with its usual window of 7 x 7 pixels. Small pictures are given, or made from the photographs by Pillow's bicubic
reduction, after cutting their sides to multiples of 4.
"""

from __future__ import annotations

import re
import tempfile
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from PIL import Image
from skimage.metrics import peak_signal_noise_ratio, structural_similarity

from .program import EvaluationError, Figures, read_rgb, run

FACTOR = 4
BORDER = 4


def measure(
    program: str, model: str, pictures: Sequence[Path], small: Path | None, options: Sequence[str] = ()
) -> Figures:
    """The figures of a network on `pictures`. The small picture of NAME.jpg is small/NAME.png, that of NAME_HR.png
    small/NAME_LR.png; without `small` they are made from the pictures.

    program, model: limn and its -m; options: further ones of `limn upscale`.
    """
    with tempfile.TemporaryDirectory() as scratch:
        inputs, outputs = Path(scratch, "small"), Path(scratch, "large")
        inputs.mkdir()
        pairs = [pair(path, small) for path in pictures]
        sources = [inputs / f"{path.stem}.png" for path in pictures]
        for source, (_, low) in zip(sources, pairs, strict=True):
            low.save(source)
        results = run(program, ["upscale", "-m", model, *options], sources, outputs)
        rows = {}
        for result, (high, low) in zip(results, pairs, strict=True):
            rows[result.stem] = {
                "limn": compared(read_rgb(result), high),
                "bicubic": compared(low.resize(high.size, Image.Resampling.BICUBIC), high),
            }
    return {"pictures": len(rows), "mean": mean(rows), "each": rows}


def pair(path: Path, small: Path | None) -> tuple[Image.Image, Image.Image]:
    """A photograph, and the same at a quarter of its width and height."""
    high = read_rgb(path)
    if small is None:
        high = high.crop((0, 0, high.width // FACTOR * FACTOR, high.height // FACTOR * FACTOR))
        return high, high.resize((high.width // FACTOR, high.height // FACTOR), Image.Resampling.BICUBIC)
    low = read_rgb(small / f"{re.sub('_HR$', '_LR', path.stem)}.png")
    if high.size != (low.width * FACTOR, low.height * FACTOR):
        raise EvaluationError(
            f"{path}: {high.width} x {high.height} pixels; {FACTOR} times its small picture, {low.width * FACTOR} x "
            f"{low.height * FACTOR}, expected"
        )
    return high, low


def compared(found: Image.Image, true: Image.Image) -> Figures:
    inside = np.s_[BORDER:-BORDER, BORDER:-BORDER]
    a, b = np.asarray(found)[inside], np.asarray(true)[inside]
    return {
        "psnr": float(peak_signal_noise_ratio(b, a, data_range=255)),
        "ssim": float(structural_similarity(b, a, channel_axis=2, data_range=255)),
    }


def mean(rows: dict[str, Figures]) -> Figures:
    return {
        way: {name: float(np.mean([row[way][name] for row in rows.values()])) for name in ("psnr", "ssim")}
        for way in ("limn", "bicubic")
    }


def markdown(figures: Figures) -> str:
    """The figures as a Markdown table."""
    lines = ["| picture | PSNR, dB | bicubic | gain | SSIM | bicubic |", "|---|--:|--:|--:|--:|--:|"]
    for name, row in (*figures["each"].items(), (f"mean of {figures['pictures']}", figures["mean"])):
        (psnr, ssim), (plain, plain_ssim) = row["limn"].values(), row["bicubic"].values()
        lines.append(f"| {name} | {psnr:.2f} | {plain:.2f} | {psnr - plain:+.2f} | {ssim:.4f} | {plain_ssim:.4f} |")
    return "\n".join(lines) + "\n"

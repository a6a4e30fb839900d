"""What the lower precisions change of pictures: the shipped weights on weights/samples, with AMX's arithmetic in plain C
(`--isa amx-emulated`), against float32 there. parity.py measures the errors of whole networks with random weights, which
are larger."""

from __future__ import annotations

import pathlib
from functools import cache, partial

import numpy as np
from checks import ROOT, Check, Figure, Limn
from PIL import Image

SAMPLES = ROOT / "weights/samples"
PHOTOGRAPHS = ("chelsea", "coffee")
NUCLEI = tuple(f"nuclei-{number}" for number in range(1, 5))
PIPELINES = {
    "colorize siggraph17-photos": PHOTOGRAPHS,
    "colorize eccv16-scenes": PHOTOGRAPHS,
    "colorize vae-scenes": PHOTOGRAPHS,
    "upscale enhancenet": PHOTOGRAPHS,
    "segment deeplabv3-scenes": PHOTOGRAPHS,
    "segment unet-nuclei": NUCLEI,
}
# The most levels of 255 by which a sample may differ, and the largest share of a mask's pixels.
LEVELS, PIXELS = {"bf16x2": 1, "bf16": 2}, {"bf16x2": 0, "bf16": 0.002}


def source(limn: Limn, command: str, sample: str) -> pathlib.Path:
    """The sample; of one that is enlarged to four times its sides, its middle."""
    path = SAMPLES / f"{sample}.png"
    if command != "upscale":
        return path
    with Image.open(path) as image:
        left, top = (side // 2 - 64 for side in image.size)
        image.crop((left, top, left + 128, top + 128)).save(limn.folder / path.name)
    return limn.folder / path.name


@cache
def made(limn: Limn, pipeline: str, sample: str, precision: str) -> np.ndarray:
    command, weights = pipeline.split()
    output = limn.folder / "precision.png"
    options = ["--isa", "amx-emulated", "--precision", precision, "--force", "-o", output]
    options += ["--view", "mask"] if command == "segment" else []
    limn(command, "-m", ROOT / f"weights/{weights}.safetensors", source(limn, command, sample), *options)
    return np.asarray(Image.open(output)).astype(int)


def change(limn: Limn, pipeline: str, precision: str) -> Figure:
    """The largest of all samples."""
    segments, worst = pipeline.startswith("segment"), 0.0
    for sample in PIPELINES[pipeline]:
        apart = abs(made(limn, pipeline, sample, precision) - made(limn, pipeline, sample, "fp32"))
        worst = max(worst, float((apart > 0).mean() if segments else apart.max()))
    return Figure(worst, "of pixels", PIXELS[precision]) if segments else Figure(worst, "levels", LEVELS[precision])


CHECKS = [
    Check(f"precision {precision}: {pipeline}", partial(change, pipeline=pipeline, precision=precision))
    for precision in LEVELS
    for pipeline in PIPELINES
]

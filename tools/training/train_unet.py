#!/usr/bin/env python3
"""Train weights for limn's unet graph: segmentation of cells under a microscope.

Needs torch, numpy and pillow. The graph is that of reference/unet.py (Ronneberger, Fischer, Brox 2015, Pytorch-UNet's
variant). The pictures are drawn by training/cells.py or are your own: pictures in FOLDER/images, and masks of the same
names in FOLDER/masks with the class of every pixel. The network sees pictures at half their size, as limn and
Pytorch-UNet do by default (--scale).
"""

from __future__ import annotations

import functools
import sys
from pathlib import Path
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from PIL import Image

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from checkpoint.metadata import Choices
from reference import unet
from reference.parameters import ignore

from training import cells, folders, loop, record
from training.colour import tensor_from_pictures
from training.network import Network, set_up
from training.options import parsed, parser, run
from training.seeds import HELD_OUT, VALIDATION

EPILOG = """\
example (the demo weights, six minutes of one core):
  python3 tools/training/train_unet.py -o unet-cells.pth

example (your own pictures, starting from the demo weights):
  python3 tools/training/train_unet.py --data ~/cells --init weights/unet-cells.safetensors \\
      --rate 5e-4 --steps 300 -o mine.pth
  limn segment -m mine.safetensors picture.png -o mask.png
"""

LAST = ("outc.conv.weight", "outc.conv.bias")
SIDE = 256  # of a training picture before it is scaled
TURNS = [None, Image.ROTATE_90, Image.ROTATE_180, Image.ROTATE_270]
VALIDATED, MEASURED = 16, 40  # number of pictures for the curve and for the record


def drawn(seed: int, number: int) -> tuple[Image.Image, np.ndarray]:
    rgb, mask = cells.picture(seed, number, SIDE)
    return Image.fromarray(rgb), mask


def cut(rng: np.random.Generator, image: Image.Image, mask: np.ndarray) -> tuple[Image.Image, np.ndarray]:
    """A square of one of the user's pictures, rotated and mirrored; outside the picture the border is repeated."""
    high, wide = mask.shape
    down, across = (slice(start := int(rng.integers(max(n - SIDE, 0) + 1)), start + SIDE) for n in (high, wide))
    missing = [(0, max(SIDE - n, 0)) for n in (high, wide)]
    rgb = np.pad(np.asarray(image)[down, across], [*missing, (0, 0)], mode="edge")
    part = np.pad(mask[down, across], missing, mode="edge")
    turns = int(rng.integers(4))
    if rng.random() < 0.5:
        rgb, part = rgb[:, ::-1], part[:, ::-1]
    return Image.fromarray(np.ascontiguousarray(np.rot90(rgb, turns))), np.ascontiguousarray(np.rot90(part, turns))


def shrunk(image: Image.Image, scale: float) -> np.ndarray:
    """The picture at the network's size."""
    size = (int(scale * image.width), int(scale * image.height))
    return np.asarray(image.resize(size, Image.BICUBIC))


def loss_of(network: Network, images: list[Image.Image], masks: list[np.ndarray], classes: int, scale: float):
    """Cross-entropy and Dice loss at the network's size, where a pixel can belong to several classes partially."""
    logits = unet.forward(network, tensor_from_pictures([shrunk(image, scale) for image in images]), ignore)
    truth = F.one_hot(torch.from_numpy(np.stack(masks)).long(), classes).permute(0, 3, 1, 2).float()
    truth = F.interpolate(truth, logits.shape[2:], mode="area")
    found = logits.softmax(1)
    shared, total = (found * truth).sum((0, 2, 3)), (found + truth).sum((0, 2, 3))
    dice = 1 - ((2 * shared + 1) / (total + 1)).mean()
    return F.cross_entropy(logits, truth) + dice


def train(options, network: Network, classes: int) -> loop.History:
    rng = np.random.default_rng(options.seed)
    own = None
    if options.data:
        own = [(image, folders.class_numbers(mask)) for image, mask in folders.labelled(options.data)]

    def batch(step: int) -> tuple[list[Image.Image], list[np.ndarray]]:
        if own is not None:
            pairs = [cut(rng, *own[rng.integers(len(own))]) for _ in range(options.batch)]
        else:
            pairs = [drawn(options.seed, step * options.batch + i) for i in range(options.batch)]
        return [image for image, _ in pairs], [mask for _, mask in pairs]

    # None of the user's own pictures is held out.
    validation = [] if own is not None else [drawn(VALIDATION, number) for number in range(VALIDATED)]
    network.training = True
    optimiser, average = loop.Optimiser(network.parameters(), options), loop.Average(network)

    def step(number: int) -> float:
        loss = optimiser.update(loss_of(network, *batch(number), classes, options.scale), number)
        average.follow()
        return loss

    def figures() -> dict[str, float]:
        if not validation:
            return {}
        with torch.no_grad():
            pictures = tensor_from_pictures([shrunk(image, options.scale) for image, _ in validation])
            found = unet.forward(average.network, pictures, ignore)
        found = F.interpolate(found, (SIDE, SIDE), mode="bilinear", align_corners=True).argmax(1).numpy()
        truth = np.stack([mask for _, mask in validation])
        return {"Dice of cells": 2 * float((found & truth).sum()) / float(found.sum() + truth.sum())}

    def state() -> dict[str, Any]:
        return average.network.state() | {"mask_values": options.mask_values}

    history = loop.run(options, step, figures, state)
    passes = [functools.partial(batch, options.steps + extra) for extra in range(8)]
    average.network.measure_norms(
        lambda make=make: unet.forward(
            average.network, tensor_from_pictures([shrunk(image, options.scale) for image in make()[0]]), ignore
        )
        for make in passes
    )
    loop.save(state(), options.output)
    return history


def measure(limn: record.Limn, folder: Path, scale: float) -> dict[str, Any]:
    """IoU and Dice on held-out pictures, which are larger than the training pictures."""
    for name in ("images", "truth", "found"):
        (folder / name).mkdir(exist_ok=True)
    for number in range(MEASURED):
        rgb, mask = cells.picture(HELD_OUT, number, 384)
        record.write_png(folder / "images" / f"{number:02}.png", rgb)
        record.write_png(folder / "truth" / f"{number:02}.png", 255 * mask)
    limn.run("segment", "--view", "mask", "--scale", scale, folder / "images", "-o", folder / "found", "--force")
    return record.compared_masks(limn, folder / "found", folder / "truth", cells.CLASSES)


def main(arguments: list[str] | None = None) -> int:
    p = parser("Train weights for limn's unet graph.", EPILOG, steps=500, batch=8, rate=2e-3)
    p.add_argument(
        "--base", type=int, default=16, help="channels of the first level (default %(default)s; published: 64)"
    )
    p.add_argument("--classes", default=",".join(cells.CLASSES), metavar="A,B,..", help="class names, in order")
    p.add_argument(
        "--scale", type=float, default=0.5, help="scale of the network's pictures (default, also limn's: 0.5)"
    )
    options = parsed(p, arguments)
    classes = tuple(options.classes.split(","))
    options.mask_values = [0, 255] if len(classes) == 2 else list(range(len(classes)))
    network = set_up(options, "unet", lambda make: unet.fill(make, options.base, 3, len(classes), False, False), LAST)
    history = train(options, network, len(classes)) if options.steps else None
    measured = functools.partial(measure, scale=options.scale)
    record.finish(options, history, measured, Choices(classes=classes))
    return 0


if __name__ == "__main__":
    run(main)

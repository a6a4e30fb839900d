#!/usr/bin/env python3
"""Train weights for limn's unet graph: segmentation of cells, or of nuclei, under a microscope.

Needs torch, numpy and pillow. The graph is that of reference/unet.py (Ronneberger, Fischer, Brox 2015, Pytorch-UNet's
variant). The pictures are
- drawn by training/cells.py;
- or (--nuclei) microscope pictures in the layout of training/nuclei.py, with drawings among them: a part of them is
  trained on, a part gives the validation curve, and a part gives the figures of the record;
- or (--data) your own: pictures in FOLDER/images, and masks of the same names in FOLDER/masks with the class of every
  pixel.
The network sees pictures at half their size, as limn and Pytorch-UNet do by default (--scale).
"""

from __future__ import annotations

import functools
import os
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

from training import cells, folders, loop, nuclei, record
from training.colour import tensor_from_pictures
from training.network import Network, set_up
from training.options import parsed, parser, run
from training.seeds import HELD_OUT, VALIDATION

EPILOG = """\
example (the demo weights, six minutes of one core):
  python3 tools/training/train_unet.py -o unet-cells.pth

example (nuclei, ten minutes of one core):
  python3 tools/training/train_unet.py --nuclei nuclei/ --init weights/unet-cells.safetensors --scale 1 --side 160 \\
      --steps 700 --rate 1e-3 --bf16 -o unet-nuclei.pth

example (your own pictures, starting from the demo weights):
  python3 tools/training/train_unet.py --data ~/cells --init weights/unet-cells.safetensors \\
      --rate 5e-4 --steps 300 -o mine.pth
  limn segment -m mine.safetensors picture.png -o mask.png
"""

LAST = ("outc.conv.weight", "outc.conv.bias")
VALIDATED, MEASURED = 16, 40  # number of drawings for the curve and for the record
CROPPED = 256  # side of the part of a validation picture of --nuclei that is used for the curve

Pair = tuple[Image.Image, np.ndarray]  # a picture and its classes, uint8 H x W


def cut(rng: np.random.Generator, image: Image.Image, mask: np.ndarray, side: int) -> Pair:
    """A square of a picture, rotated and mirrored; outside the picture the border is repeated."""
    high, wide = mask.shape
    down, across = (slice(start := int(rng.integers(max(n - side, 0) + 1)), start + side) for n in (high, wide))
    missing = [(0, max(side - n, 0)) for n in (high, wide)]
    rgb = np.pad(np.asarray(image)[down, across], [*missing, (0, 0)], mode="edge")
    part = np.pad(mask[down, across], missing, mode="edge")
    turns = int(rng.integers(4))
    if rng.random() < 0.5:
        rgb, part = rgb[:, ::-1], part[:, ::-1]
    return Image.fromarray(np.ascontiguousarray(np.rot90(rgb, turns))), np.ascontiguousarray(np.rot90(part, turns))


class Drawings:
    """Drawn cells, or their nuclei."""

    def __init__(self, options, nuclei: bool = False) -> None:
        self.seed, self.side, self.nuclei = options.seed, options.side, nuclei

    def pair(self, number: int, seed: int | None = None) -> Pair:
        """Training picture `number`, or that of another seed."""
        rgb, mask = cells.picture(self.seed if seed is None else seed, number, self.side, self.nuclei)
        return Image.fromarray(rgb), mask

    def validation(self) -> list[Pair]:
        return [self.pair(number, VALIDATION) for number in range(VALIDATED)]


class OwnPictures:
    """The pictures of --data. None is held out."""

    def __init__(self, options) -> None:
        self.rng, self.side = np.random.default_rng(options.seed), options.side
        self.pairs = [(image, folders.class_numbers(mask)) for image, mask in folders.labelled(options.data)]

    def pair(self, number: int) -> Pair:
        return cut(self.rng, *self.pairs[self.rng.integers(len(self.pairs))], self.side)

    def validation(self) -> list[Pair]:
        return []


class Nuclei:
    """The pictures of --nuclei, with drawings among them. Every batch of eight has the kinds in the same shares."""

    MIX = ("dark-field", "stained", "dark-field", "drawn", "dark-field", "stained", "dark-field", "dark-field") + (
        "dark-field", "stained", "dark-field", "grey bright-field", "dark-field", "stained", "dark-field", "dark-field",
    )  # fmt: skip

    def __init__(self, options) -> None:
        self.rng, self.side = np.random.default_rng(options.seed), options.side
        self.parts = nuclei.split(nuclei.read(options.nuclei))
        print(nuclei.counts(self.parts), flush=True)
        self.sampler, self.drawings = nuclei.Sampler(self.parts["train"]), Drawings(options, nuclei=True)
        self.mix = [kind for kind in self.MIX if kind == "drawn" or kind in self.sampler.groups]

    def pair(self, number: int) -> Pair:
        """A window of a training picture, between two thirds and three halves of its size."""
        kind, rng = self.mix[number % len(self.mix)], self.rng
        if kind == "drawn":
            return self.drawings.pair(number)
        picture = self.sampler.draw(rng, kind)
        image, mask = cut(rng, picture.image, picture.mask, round(self.side * 1.5 ** rng.uniform(-1, 1)))
        size = (self.side, self.side)
        mask = np.asarray(Image.fromarray(mask).resize(size, Image.NEAREST))
        return nuclei.developed(rng, image.resize(size, Image.BICUBIC), kind), mask

    def validation(self) -> list[Pair]:
        """The middle of each validation picture, at most CROPPED pixels wide and high."""
        found = []
        for picture in self.parts["validation"]:
            left, top, right, bottom = box = folders.middle(picture.image.size, CROPPED)
            found.append((picture.image.crop(box), picture.mask[top:bottom, left:right]))
        return found


def shrunk(image: Image.Image, scale: float) -> np.ndarray:
    """The picture at the network's size."""
    size = (int(scale * image.width), int(scale * image.height))
    return np.asarray(image.resize(size, Image.BICUBIC))


def loss_of(network: Network, options, pairs: list[Pair], classes: int) -> torch.Tensor:
    """Cross-entropy and Dice loss at the network's size, where a pixel can belong to several classes partially.

    The Dice is that of the whole batch; with --nuclei it is that of each picture's nuclei, as in the record.
    """
    x = tensor_from_pictures([shrunk(image, options.scale) for image, _ in pairs])
    with torch.autocast("cpu", torch.bfloat16, enabled=options.bf16):
        logits = unet.forward(network, x, ignore)
    logits = logits.float()
    truth = F.one_hot(torch.from_numpy(np.stack([mask for _, mask in pairs])).long(), classes).permute(0, 3, 1, 2)
    truth = F.interpolate(truth.float(), logits.shape[2:], mode="area")
    over, known, more = ((2, 3), slice(1, None), 100) if options.nuclei else ((0, 2, 3), slice(None), 1)
    found, wanted = logits.softmax(1)[:, known], truth[:, known]
    shared, total = (found * wanted).sum(over), (found + wanted).sum(over)
    dice = 1 - ((2 * shared + more) / (total + more)).mean()
    return F.cross_entropy(logits, truth) + dice


def found_classes(network: Network, image: Image.Image, scale: float) -> np.ndarray:
    """The classes that a network finds in a picture, at the picture's size."""
    with torch.no_grad():
        logits = unet.forward(network, tensor_from_pictures([shrunk(image, scale)]), ignore)
    size = (image.height, image.width)
    return F.interpolate(logits, size, mode="bilinear", align_corners=True).argmax(1)[0].numpy()


def dice_of(found: np.ndarray, truth: np.ndarray) -> float:
    """The Dice of all that is not background; 1 if both are empty."""
    found, truth = found > 0, truth > 0
    return 2 * float((found & truth).sum()) / float(found.sum() + truth.sum()) if found.any() or truth.any() else 1.0


def train(options, network: Network, source: Drawings | OwnPictures | Nuclei, classes: int) -> loop.History:
    def batch(step: int) -> list[Pair]:
        return [source.pair(step * options.batch + i) for i in range(options.batch)]

    validation = source.validation()
    network.training = True
    optimiser, average = loop.Optimiser(network.parameters(), options), loop.Average(network)

    def step(number: int) -> float:
        loss = optimiser.update(loss_of(network, options, batch(number), classes), number)
        average.follow()
        return loss

    def figures() -> dict[str, float]:
        if not validation:
            return {}
        found = [found_classes(average.network, image, options.scale) for image, _ in validation]
        truth = [mask for _, mask in validation]
        if options.nuclei:
            return {"mean Dice of nuclei": float(np.mean([dice_of(*pair) for pair in zip(found, truth, strict=True)]))}
        return {"Dice of cells": dice_of(np.stack(found), np.stack(truth))}

    def state() -> dict[str, Any]:
        return average.network.state() | {"mask_values": options.mask_values}

    history = loop.run(options, step, figures, state)
    passes = [functools.partial(batch, options.steps + extra) for extra in range(8)]
    average.network.measure_norms(
        lambda make=make: unet.forward(
            average.network, tensor_from_pictures([shrunk(image, options.scale) for image, _ in make()]), ignore
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


def measure_nuclei(limn: record.Limn, folder: Path, source: Nuclei, scale: float) -> dict[str, Any]:
    """The Dice of nuclei on each test picture, and the mean for each kind of light.

    A kind of which no picture is held out is measured on its training pictures, under a name that says so.
    """
    kinds = {"": source.parts["test"]}
    held = {picture.kind for picture in kinds[""]}
    kinds[" (trained on)"] = [picture for picture in source.parts["train"] if picture.kind not in held]
    figures: dict[str, Any] = {}
    for suffix, pictures in kinds.items():
        images, found = (folder / f"{name}{suffix}" for name in ("images", "found"))
        images.mkdir(exist_ok=True)
        for picture in pictures:
            picture.image.save(images / f"{picture.name}.png")
        if pictures:
            limn.run("segment", "--view", "mask", "--scale", scale, images, "-o", found, "--force")
        for kind in sorted({picture.kind for picture in pictures}):
            dices = {p.name: dice_of(np.asarray(Image.open(found / f"{p.name}.png").convert("L")), p.mask)
                     for p in pictures if p.kind == kind}  # fmt: skip
            figures[kind + suffix] = {"pictures": len(dices), "mean_dice": float(np.mean(list(dices.values()))),
                                      "dice": {name: round(dice, 3) for name, dice in dices.items()}}  # fmt: skip
    return figures


def main(arguments: list[str] | None = None) -> int:
    p = parser("Train weights for limn's unet graph.", EPILOG, steps=500, batch=8, rate=2e-3)
    add = p.add_argument
    add("--base", type=int, default=16, help="channels of the first level (default %(default)s; published: 64)")
    add("--classes", metavar="A,B,..", help="class names, in order (default: background, and cell or nucleus)")
    add("--scale", type=float, default=0.5, help="scale of the network's pictures (default, also limn's: 0.5)")
    add("--side", type=int, default=256, help="of a training picture before it is scaled (default %(default)s)")
    add("--nuclei", metavar="FOLDER", help="train on microscope pictures with masks of nuclei")
    add("--bf16", action="store_true", help="train in bfloat16, twice as fast on processors that have it")
    options = parsed(p, arguments)
    if options.nuclei and options.data:
        p.error("--nuclei cannot be used with --data")
    if options.nuclei and not os.path.isfile(os.path.join(options.nuclei, "index.csv")):
        p.error(f"{options.nuclei} has no index.csv")
    if options.side < 16:
        p.error("--side must be at least 16")
    measured = functools.partial(measure, scale=options.scale)
    names = cells.CLASSES
    if options.nuclei:
        options.source = "nuclei of the 2018 Data Science Bowl (CC0), and drawings by the program"
        source, names = Nuclei(options), nuclei.CLASSES
        measured = functools.partial(measure_nuclei, source=source, scale=options.scale)
    else:
        source = OwnPictures(options) if options.data else Drawings(options)
    classes = tuple(options.classes.split(",")) if options.classes else names
    options.mask_values = [0, 255] if len(classes) == 2 else list(range(len(classes)))
    network = set_up(options, "unet", lambda make: unet.fill(make, options.base, 3, len(classes), False, False), LAST)
    history = train(options, network, source, len(classes)) if options.steps else None
    record.finish(options, history, measured, Choices(classes=classes, scale=options.scale))
    return 0


if __name__ == "__main__":
    run(main)

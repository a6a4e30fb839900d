#!/usr/bin/env python3
"""Train weights for limn's deeplabv3 graph: segmentation of drawn landscapes.

Needs torch, numpy and pillow. The graph is that of reference/deeplabv3.py (Chen et al. 2017, torchvision's variant on a
ResNet), with fewer channels and blocks. The pictures are drawn by training/scenes.py or are your own: pictures in
FOLDER/images, and masks of the same names in FOLDER/masks with the class of every pixel, or 255 to ignore it.
"""

from __future__ import annotations

import sys
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from checkpoint.metadata import Choices
from reference import deeplabv3
from reference.parameters import Maker, ignore

from training import folders, loop, record, scenes
from training.colour import normalised, tensor_from_pictures
from training.network import Network, set_up
from training.options import parsed, parser, run
from training.seeds import HELD_OUT, VALIDATION

EPILOG = """\
example (the demo weights, six minutes of one core):
  python3 tools/training/train_deeplabv3.py -o deeplabv3-scenes.pth

example (your own pictures and classes, starting from the demo weights with a new last layer):
  python3 tools/training/train_deeplabv3.py --data ~/street --classes road,kerb,sky,other \\
      --init weights/deeplabv3-scenes.safetensors --rate 5e-4 --steps 500 -o mine.pth
  limn segment -m mine.safetensors picture.jpg --view side -o classes.png
"""

IGNORED = 255
LAST = ("classifier.4.weight", "classifier.4.bias")
VALIDATED, MEASURED = 16, 60  # number of scenes for the curve and for the record

Pair = tuple[np.ndarray, np.ndarray]  # uint8 RGB, classes


def drawn(seed: int, number: int, side: int) -> Pair:
    """A random window of a scene of random size."""
    rng = np.random.default_rng([seed, number, 1])
    whole = int(side * rng.uniform(1.0, 1.6))
    found = scenes.scene(seed, number, whole, whole)
    y, x = rng.integers(whole - side + 1, size=2)
    part = np.s_[y : y + side, x : x + side]
    rgb, classes = found.rgb[part], found.classes[part]
    return (rgb[:, ::-1], classes[:, ::-1]) if rng.random() < 0.5 else (rgb, classes)


def cut(rng: np.random.Generator, image: Any, mask: np.ndarray, side: int) -> Pair:
    """A random window of one of the user's pictures; pixels outside the picture are ignored."""
    high, wide = mask.shape
    y, x = int(rng.integers(max(high - side, 0) + 1)), int(rng.integers(max(wide - side, 0) + 1))
    rgb, classes = np.asarray(image)[y : y + side, x : x + side], mask[y : y + side, x : x + side]
    missing = [(0, side - classes.shape[0]), (0, side - classes.shape[1])]
    rgb, classes = np.pad(rgb, [*missing, (0, 0)], mode="edge"), np.pad(classes, missing, constant_values=IGNORED)
    return (rgb[:, ::-1], classes[:, ::-1]) if rng.random() < 0.5 else (rgb, classes)


def loss_of(network: Network, batch: list[Pair]) -> torch.Tensor:
    logits = deeplabv3.forward(network, normalised(tensor_from_pictures([rgb for rgb, _ in batch])), ignore)
    truth = torch.from_numpy(np.stack([classes for _, classes in batch])).long()
    return F.cross_entropy(logits, truth, ignore_index=IGNORED)


def mean_iou(found: np.ndarray, truth: np.ndarray, classes: int) -> float:
    """The mean IoU over the classes that occur in either mask."""
    both = np.bincount((truth * classes + found).ravel(), minlength=classes**2).reshape(classes, classes)
    shared, either = np.diag(both), both.sum(0) + both.sum(1) - np.diag(both)
    return float(np.mean(shared[either > 0] / either[either > 0]))


def train(options, network: Network, classes: int) -> loop.History:
    rng = np.random.default_rng(options.seed)
    own = None
    if options.data:
        own = [(image, folders.class_numbers(mask)) for image, mask in folders.labelled(options.data)]
        highest = max(int(mask[mask != IGNORED].max(initial=0)) for _, mask in own)
        if highest >= classes:
            raise SystemExit(f"error: a mask has class {highest}, but --classes names {classes} classes, from 0")

    def batch(step: int) -> list[Pair]:
        if own is not None:
            return [cut(rng, *own[rng.integers(len(own))], options.side) for _ in range(options.batch)]
        first = step * options.batch
        return [drawn(options.seed, number, options.side) for number in range(first, first + options.batch)]

    validation = [] if own is not None else [scenes.scene(VALIDATION, number) for number in range(VALIDATED)]
    network.training = True
    optimiser, average = loop.Optimiser(network.parameters(), options), loop.Average(network)

    def step(number: int) -> float:
        loss = optimiser.update(loss_of(network, batch(number)), number)
        average.follow()
        return loss

    def figures() -> dict[str, float]:
        if not validation:
            return {}
        found = []
        with torch.no_grad():
            for scene in validation:
                rgb = normalised(tensor_from_pictures([scene.rgb]))
                found.append(deeplabv3.forward(average.network, rgb, ignore).argmax(1)[0].numpy())
        return {"mean IoU": mean_iou(np.stack(found), np.stack([scene.classes for scene in validation]), classes)}

    history = loop.run(options, step, figures, average.network.state)
    passes = (partial(loss_of, average.network, batch(options.steps + extra)) for extra in range(16))
    average.network.measure_norms(passes)
    loop.save(average.network.state(), options.output)
    return history


def measure(limn: record.Limn, folder: Path) -> dict[str, Any]:
    """IoU of limn's result on held-out scenes."""
    for name in ("images", "truth", "found"):
        (folder / name).mkdir(exist_ok=True)
    for number in range(MEASURED):
        scene = scenes.scene(HELD_OUT, number, 256, 320)
        record.write_png(folder / "images" / f"{number:02}.png", scene.rgb)
        record.write_png(folder / "truth" / f"{number:02}.png", scene.classes)
    limn.run("segment", "--view", "mask", folder / "images", "-o", folder / "found", "--force")
    return record.compared_masks(limn, folder / "found", folder / "truth", scenes.CLASSES)


def main(arguments: list[str] | None = None) -> int:
    p = parser("Train weights for limn's deeplabv3 graph.", EPILOG, steps=350, batch=8, rate=3e-3)
    p.add_argument(
        "--base", type=int, default=16, help="channels of the first stage (default %(default)s; published: 64)"
    )
    p.add_argument("--head", type=int, default=64, help="channels of the head (default %(default)s; published: 256)")
    p.add_argument(
        "--blocks", default="2,2,2,2", help="blocks of the four stages (default %(default)s; published: 3,4,23,3)"
    )
    p.add_argument("--side", type=int, default=192, help="side of a training window in pixels (default %(default)s)")
    p.add_argument("--classes", default=",".join(scenes.CLASSES), metavar="A,B,..", help="class names, in order")
    options = parsed(p, arguments)
    classes = tuple(options.classes.split(","))
    blocks = [int(count) for count in options.blocks.split(",")]
    if len(blocks) != 4 or min(blocks) < 1:
        p.error(f"--blocks {options.blocks}: expected four numbers of at least 1")

    def fill(make: Maker) -> None:
        deeplabv3.fill(make, blocks, options.base, options.head, len(classes))
        # With dilations of 24 and 36 the outer taps lie outside a training window. They are set to 0, because they are
        # never trained but have an effect in a larger picture.
        for branch in (2, 3):
            weight = make.weights[f"classifier.0.convs.{branch}.0.weight"]
            weight *= np.array([[0, 0, 0], [0, 1, 0], [0, 0, 0]], np.float32)

    network = set_up(options, "deeplabv3", fill, LAST)
    history = train(options, network, len(classes)) if options.steps else None
    record.finish(options, history, measure, Choices(classes=classes))
    return 0


if __name__ == "__main__":
    run(main)

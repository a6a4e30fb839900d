"""Segmentation measured on pictures with true masks: Dice and IoU of each class.

    Dice = 2 |found and true| / (|found| + |true|)         IoU = |found and true| / |found or true|

over all pixels of all pictures, and Dice also as the mean over the pictures in which the class is found or true. Labels
are palette indices or grey levels; pixels of 255 in the truth are ignored. With `binary`, every label above 0 is class
1, also 255 and numbers of instances.
"""

from __future__ import annotations

import tempfile
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from .program import EvaluationError, Figures, read_labels, run

LABELS = 256
IGNORED = 255


def measure(
    program: str, model: str, pictures: Sequence[Path], truth: Path, binary: bool, options: Sequence[str] = ()
) -> Figures:
    """The figures of a network on `pictures`. The true mask of NAME.jpg is truth/NAME.png.

    program, model: limn and its -m; options: further ones of `limn segment`.
    """
    with tempfile.TemporaryDirectory() as scratch:
        words = ["segment", "-m", model, "--view", "mask", *options]
        masks = run(program, words, pictures, Path(scratch))
        counts = np.array([count(mask, truth / mask.name, binary) for mask in masks])  # picture, both found true, label
    return figures_of(counts)


def count(found_path: Path, true_path: Path, binary: bool) -> np.ndarray:
    """The pixels of each label that are in both masks, in the one found and in the true one: 3 x 256."""
    found, true = read_labels(found_path), read_labels(true_path)
    if found.shape != true.shape:
        sizes = " and ".join(f"{width} x {height}" for height, width in (found.shape, true.shape))
        raise EvaluationError(f"{true_path}: the picture and its mask have different sizes, {sizes}")
    if binary:
        found, true = found > 0, true > 0
    else:
        for path, labels in ((found_path, found), (true_path, true)):
            if labels.max() >= LABELS or (path == found_path and labels.max() == IGNORED):
                raise EvaluationError(f"{path.name}: a mask of one class, with a label of {labels.max()}; add --binary")
        found, true = found[true != IGNORED], true[true != IGNORED]
    sets = (found[found == true], found, true)
    return np.array([np.bincount(labels.ravel(), minlength=LABELS) for labels in sets])


def figures_of(counts: np.ndarray) -> Figures:
    """The figures by class from counts of pixels: picture, (both, found, true), label."""
    both, found, true = counts.sum(0)
    classes = {}
    for label in np.flatnonzero(found + true):
        here = counts[(counts[:, 1] + counts[:, 2])[:, label] > 0, :, label]
        classes[str(label)] = {
            "dice": float(2 * both[label] / (found[label] + true[label])),
            "iou": float(both[label] / (found[label] + true[label] - both[label])),
            "mean_dice": float(np.mean(2 * here[:, 0] / (here[:, 1] + here[:, 2]))),
            "pictures": len(here),
        }
    return {"pictures": len(counts), "classes": classes}


def markdown(figures: Figures) -> str:
    """The figures as a Markdown table."""
    classes = figures["classes"]
    lines = [f"{figures['pictures']} pictures.", ""]
    lines += ["| class | Dice, all pixels | IoU, all pixels | Dice, mean of pictures |", "|---|--:|--:|--:|"]
    for label, row in classes.items():
        lines.append(f"| {label} | {row['dice']:.3f} | {row['iou']:.3f} | {row['mean_dice']:.3f} ({row['pictures']}) |")
    means = [np.mean([row[key] for row in classes.values()]) for key in ("dice", "iou", "mean_dice")]
    lines.append("| mean of classes | " + " | ".join(f"{mean:.3f}" for mean in means) + " |")
    return "\n".join(lines) + "\n"

"""Runs limn on pictures, and reads pictures."""

from __future__ import annotations

import subprocess
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

Figures = dict[str, Any]


class EvaluationError(Exception):
    """limn failed, or a file does not fit; the message says which and why."""


def run(program: str, words: Sequence[str], pictures: Sequence[Path], folder: Path) -> list[Path]:
    """Runs limn with a command and its options on pictures. Returns the results in `folder`, PNG files, in order."""
    command = [program, *words, *map(str, pictures), "-o", f"{folder}/", "--quiet"]
    try:
        done = subprocess.run(command, capture_output=True, text=True, check=False)
    except OSError as error:
        raise EvaluationError(f"{program}: {error.strerror}") from None
    if done.returncode != 0:
        raise EvaluationError(done.stderr.strip().removeprefix("limn: "))
    return [folder / f"{picture.stem}.png" for picture in pictures]


def read_rgb(path: Path) -> Image.Image:
    with Image.open(path) as image:
        return image.convert("RGB")


def read_labels(path: Path) -> np.ndarray:
    """The palette indices or grey levels of a mask, integers, H x W. RGB may hold grey levels, too."""
    with Image.open(path) as image:
        labels = np.asarray(image).astype(np.int64)
    if labels.ndim == 3:
        if labels.shape[2] != 3 or (labels != labels[..., :1]).any():
            raise EvaluationError(f"{path.name}: a mask with colours; grey levels or palette indices expected")
        labels = labels[..., 0]
    return labels

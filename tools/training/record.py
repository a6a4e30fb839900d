"""The results of a training: the file that limn reads, and its figures, measured with limn."""

from __future__ import annotations

import argparse
import contextlib
import dataclasses
import hashlib
import json
import os
import platform
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import convert
import numpy as np
import torch
from checkpoint.metadata import Choices
from PIL import Image

from .loop import History


class Limn:
    """The limn program with a weights file."""

    def __init__(self, program: str, weights: Path, threads: int) -> None:
        self.program, self.weights, self.threads = program, weights, threads

    def run(self, command: str, *arguments: object) -> str:
        """Runs `limn COMMAND -m WEIGHTS ..` and returns its output. Exits if it fails."""
        return self.plain(command, "-m", self.weights, "-t", self.threads, *arguments)

    def compare(self, *arguments: object) -> dict[str, Any]:
        """The result of `limn compare --json`."""
        return json.loads(self.plain("compare", "--json", *arguments))

    def plain(self, *arguments: object) -> str:
        """Runs limn without weights and returns its output. Exits if it fails."""
        done = subprocess.run([self.program, *map(str, arguments)], capture_output=True, text=True, check=False)
        if done.returncode != 0:
            raise SystemExit(f"error: {self.program} {arguments[0]}: {done.stderr.strip()}")
        return done.stdout


@contextlib.contextmanager
def folder(kept: str | None) -> Iterator[Path]:
    """The folder `kept`, created if needed, or a temporary folder if it is None."""
    if kept:
        Path(kept).mkdir(parents=True, exist_ok=True)
        yield Path(kept)
    else:
        with tempfile.TemporaryDirectory() as name:
            yield Path(name)


def write_png(path: Path, pixels: np.ndarray) -> Path:
    """Writes uint8 pixels, H x W or H x W x 3, and returns the path."""
    Image.fromarray(pixels).save(path)
    return path


def read_rgb(path: Path) -> np.ndarray:
    return np.asarray(Image.open(path).convert("RGB"))


def finish(
    options: argparse.Namespace,
    history: History | None,
    measure: Callable[[Limn, Path], dict[str, Any]],
    choices: Choices,
) -> None:
    """Converts options.output, or without a training options.init, to safetensors, measures it and writes the record.

    measure: returns the figures of the given weights; it can write pictures to the given folder.
    """
    with tempfile.TemporaryDirectory() as scratch:
        if history is not None:
            weights = Path(options.output).with_suffix(".safetensors")
            licence = choices.licence or (None if options.data else "MIT")
            kept = dataclasses.replace(choices, licence=licence)
            print(convert.convert(options.output, str(weights), choices=kept, half=True, force=True).line)
        elif options.init.endswith(".safetensors"):
            weights = Path(options.init)
        else:
            weights = Path(scratch) / "weights.safetensors"
            convert.convert(options.init, str(weights), choices=choices, half=True)
        figures: dict[str, Any] = {}
        if os.access(options.limn, os.X_OK):
            with folder(options.pictures) as pictures:
                figures = measure(Limn(options.limn, weights, options.threads), pictures)
            print(json.dumps(figures, indent=2))
        else:
            print(f"{options.limn}: program not found, so nothing was measured")
        if history is not None:
            about = record(options, history, weights, figures)
            Path(options.output).with_suffix(".json").write_text(json.dumps(about, indent=2) + "\n")


def record(options: argparse.Namespace, history: History, weights: Path, figures: dict[str, Any]) -> dict[str, Any]:
    """The machine-readable record of a training."""
    data = weights.read_bytes()
    return {
        "program": Path(sys.argv[0]).name,
        "data": options.source,
        "init": Path(options.init).name if options.init else False,
        "steps": options.steps,
        "batch": options.batch,
        "rate": options.rate,
        "seed": options.seed,
        "threads": options.threads,
        "processor_seconds": round(history.seconds),
        "torch": torch.__version__.partition("+")[0],
        "machine": platform.machine(),
        "final_loss": round(history.loss, 5),
        "bytes": len(data),
        "sha256": hashlib.sha256(data).hexdigest(),
        "held_out": figures,
    }


def compared_masks(limn: Limn, found: Path, truth: Path, names: tuple[str, ...]) -> dict[str, Any]:
    """`limn compare --masks` of two folders: means over the pictures, and each class over all pixels."""
    report = limn.compare("--masks", found, truth)
    classes = report["pooled"]["classes"]
    return {
        "pictures": len(report["pairs"]),
        "mean_iou": report["mean"]["iou"],
        "mean_dice": report["mean"]["dice"],
        "pixel_accuracy": report["mean"]["pixel_accuracy"],
        "pooled_mean_iou": report["pooled"]["iou"],
        "pooled_mean_dice": report["pooled"]["dice"],
        "classes": {names[row["class"]]: {"iou": row["iou"], "dice": row["dice"]} for row in classes},
    }


def compared_pictures(limn: Limn, found: Path, truth: Path) -> dict[str, float]:
    """`limn compare` of two folders: means over the pictures."""
    report = limn.compare(found, truth)["mean"]
    return {"psnr": report["psnr"], "delta_e": report["delta_e_2000"], "colourfulness": report["colourfulness_a"]}

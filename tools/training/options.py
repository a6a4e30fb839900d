"""Command-line options shared by the training programs."""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Callable
from pathlib import Path

import torch

from .seeds import HELD_OUT, VALIDATION

LIMN = Path(__file__).resolve().parents[2] / "build" / "limn"


def parser(description: str, epilog: str, *, steps: int, batch: int, rate: float) -> argparse.ArgumentParser:
    """The shared options, with a program's own defaults: those of its demo weights, if any."""
    p = argparse.ArgumentParser(
        description=description, epilog=epilog, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    add = p.add_argument
    add("-o", "--output", metavar="OUT.pth", help="file of the weights, rewritten at every checkpoint; at the end also "
        "OUT.safetensors for limn and OUT.json with the figures")  # fmt: skip
    add("--data", metavar="FOLDER", help="train on your own pictures (default: pictures that the program draws)")
    add("--init", metavar="CHECKPOINT", help="start from these weights, .pth or .safetensors, and keep their widths")
    add("--steps", type=int, default=steps, help="training steps (default %(default)s); 0 only measures --init")
    add("--batch", type=int, default=batch, help="pictures per step (default %(default)s)")
    add("--rate", type=float, default=rate, help="peak learning rate (default %(default)s)")
    add("--seed", type=int, default=1, help="seed of weights and pictures (default %(default)s)")
    add("--threads", type=int, default=1, help="threads (default %(default)s: repeatable on one machine)")
    add("--every", type=int, metavar="STEPS", help="steps between checkpoints (default: a twentieth of all)")
    add("--curve", metavar="FILE.png", help="also draw the loss curve (needs matplotlib)")
    add("--pictures", metavar="FOLDER", help="keep the held-out pictures and limn's results")
    add("--limn", metavar="PROGRAM", default=str(LIMN), help="limn program for the measurement (default: build/limn)")
    return p


def parsed(p: argparse.ArgumentParser, arguments: list[str] | None = None) -> argparse.Namespace:
    """Parses and checks the options; sets PyTorch's threads and seed."""
    options = p.parse_args(arguments)
    options.source = "your own" if options.data else "drawn by the program"
    if options.every is None:
        options.every = max(1, options.steps // 20)
    if options.steps == 0 and not options.init:
        p.error("--steps 0 needs --init")
    if options.steps and not options.output:
        p.error("missing -o OUT.pth")
    if options.output and not options.output.endswith(".pth"):
        p.error(f"{options.output}: the name must end with .pth")
    if options.output and not os.path.isdir(os.path.dirname(options.output) or "."):
        p.error(f"the folder of {options.output} does not exist")
    if options.data and not os.path.isdir(options.data):
        p.error(f"{options.data} is not a folder")
    for name in ("batch", "threads", "every"):
        if getattr(options, name) < 1:
            p.error(f"--{name} must be at least 1")
    if options.steps < 0 or options.seed < 0 or options.rate <= 0:
        p.error("--steps and --seed must not be negative, --rate must be positive")
    if options.seed in (VALIDATION, HELD_OUT):
        p.error(f"seeds {VALIDATION} and {HELD_OUT} are reserved for the held-out pictures")
    torch.set_num_threads(options.threads)
    torch.manual_seed(options.seed)
    return options


def run(main: Callable[[], int]) -> None:
    """Exits with the result of `main`, or with one line about a file that cannot be read or written."""
    try:
        sys.exit(main())
    except OSError as error:
        sys.exit(f"error: {error}")

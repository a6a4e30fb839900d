"""The command line that the training programs share."""

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
    """Options of every training program, with its own defaults: those that demo weights were made with, if any."""
    p = argparse.ArgumentParser(
        description=description, epilog=epilog, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    add = p.add_argument
    add("-o", "--output", metavar="OUT.pth", help="where the weights go, rewritten at every checkpoint; beside it, at "
        "the end, OUT.safetensors for limn and OUT.json with the figures")  # fmt: skip
    add("--data", metavar="FOLDER", help="train on your own pictures (default: what the program draws)")
    add("--init", metavar="CHECKPOINT", help="start from these weights, .pth or .safetensors; their widths hold")
    add("--steps", type=int, default=steps, help="(default %(default)s); 0 only measures what --init holds")
    add("--batch", type=int, default=batch, help="pictures a step (default %(default)s)")
    add("--rate", type=float, default=rate, help="peak learning rate (default %(default)s)")
    add("--seed", type=int, default=1, help="of weights and pictures (default %(default)s)")
    add("--threads", type=int, default=1, help="(default %(default)s: repeatable on one machine)")
    add("--every", type=int, metavar="STEPS", help="steps between checkpoints (default: a twentieth of all)")
    add("--curve", metavar="FILE.png", help="also draw the loss curve (needs matplotlib)")
    add("--pictures", metavar="FOLDER", help="keep the held-out pictures and what limn makes of them")
    add("--limn", metavar="PROGRAM", default=str(LIMN), help="measures the result (default: build/limn)")
    return p


def parsed(p: argparse.ArgumentParser, arguments: list[str] | None = None) -> argparse.Namespace:
    """The options, checked; threads and PyTorch's random numbers are set by them."""
    options = p.parse_args(arguments)
    options.source = "your own" if options.data else "drawn by the program"
    if options.every is None:
        options.every = max(1, options.steps // 20)
    if options.steps == 0 and not options.init:
        p.error("--steps 0 needs --init")
    if options.steps and not options.output:
        p.error("training needs -o")
    if options.output and not options.output.endswith(".pth"):
        p.error("the output's name must end with .pth")
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
        p.error(f"seeds {VALIDATION} and {HELD_OUT} are those of the held-out pictures")
    torch.set_num_threads(options.threads)
    torch.manual_seed(options.seed)
    return options


def run(main: Callable[[], int]) -> None:
    """Ends the program with what `main` returns, or with one line about a file that cannot be read or written."""
    try:
        sys.exit(main())
    except OSError as error:
        sys.exit(f"error: {error}")

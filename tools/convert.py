#!/usr/bin/env python3
"""Converts a published checkpoint into the safetensors file that limn runs.

Needs Python 3.11 and NumPy, but not PyTorch or TensorFlow. Nothing in a checkpoint is executed (see
checkpoint/pickle_reader.py). Every name and shape is checked before anything is written. After an error there is no
output file.
"""

from __future__ import annotations

import argparse
import io
import math
import os
import signal
import sys
from typing import NoReturn

try:
    import numpy  # noqa: F401  (checked here, so that a missing NumPy gives one line and no traceback)
except ImportError:
    sys.exit("limn-convert: NumPy is missing; on Debian: apt install python3-numpy")

from checkpoint import models
from checkpoint.conversion import convert
from checkpoint.metadata import Choices
from checkpoint.tensor import CheckpointError

EXAMPLE = """\
example: limn-convert siggraph17-df00044c.pth -o siggraph17.safetensors

"""
MAX_MESSAGE = 2000


class _Parser(argparse.ArgumentParser):
    def format_help(self) -> str:
        return EXAMPLE + super().format_help()

    def error(self, message: str) -> NoReturn:
        self.exit(2, f"limn-convert: {message}; --help shows an example\n")


def _parser() -> argparse.ArgumentParser:
    parser = _Parser(
        prog="limn-convert",
        description="Converts a PyTorch, TensorFlow V1 or safetensors checkpoint into the file that limn runs.",
        epilog="Exit codes: 0 converted, 1 failed (the reason is on stderr, no file is written), 2 usage error, 128"
        " plus the signal number if a signal ended the program.",
        allow_abbrev=False,
    )
    parser.add_argument("checkpoint", metavar="CHECKPOINT", help="the published checkpoint file")
    parser.add_argument("-o", "--output", required=True, metavar="OUT.safetensors", help="the file to write")
    parser.add_argument("--model", choices=models.MODELS, help="fail unless it is this model (default: detect)")
    parser.add_argument("--key", metavar="NAME", help="the network's key or prefix in the file (default: search)")
    parser.add_argument("--half", action="store_true", help="store weights of 2 or more axes as 16-bit floats")
    parser.add_argument("--force", action="store_true", help="replace an existing output file")
    parser.add_argument("--licence", metavar="TEXT", help="the weights' licence (default: the publisher's, if known)")
    parser.add_argument("--classes", type=_names, metavar="A,B,..", help="deeplabv3, unet: class names, in order")
    parser.add_argument("--mask-center", type=_fraction, metavar="X", help="siggraph17: offset of the hint mask")
    parser.add_argument(
        "--scale", type=_scale, metavar="S", help="unet: size to compute at, relative to the picture (default: 0.5)"
    )
    parser.add_argument(
        "--align-corners",
        choices=("true", "false"),
        help="vae: convention of the bilinear resize (default: true, as in torch before 0.4)",
    )
    parser.add_argument(
        "--spread-hints",
        choices=("true", "false"),
        help="siggraph17: whether limn spreads hints before the network sees them (default: false)",
    )
    return parser


def _names(text: str) -> tuple[str, ...]:
    return tuple(name.strip() for name in text.split(","))


def _scale(text: str) -> float:
    value = float(text)
    if not 0 < value <= 100:
        raise ValueError
    return value


_scale.__name__ = "number above 0, at most 100"  # argparse prints these names in its error messages


def _fraction(text: str) -> float:
    value = float(text)
    if not math.isfinite(value) or not 0 <= value <= 1:
        raise ValueError
    return value


_fraction.__name__ = "number from 0 to 1"


def _truth(text: str | None) -> bool | None:
    return None if text is None else text == "true"


def _one_line(text: str) -> str:
    """`text` as one printable line of bounded length, even if it holds names from a hostile file."""
    line = "".join(c if c.isprintable() else c.encode("unicode_escape").decode() for c in text[:MAX_MESSAGE])
    return line + " .." if len(text) > MAX_MESSAGE else line


def _fail(message: str) -> int:
    print(_one_line(f"limn-convert: {message}"), file=sys.stderr)
    return 1


def main(arguments: list[str] | None = None) -> int:
    """Runs the command line; returns the exit code."""
    options = _parser().parse_args(arguments)
    choices = Choices(
        options.licence,
        options.classes,
        options.scale,
        options.mask_center,
        _truth(options.align_corners),
        _truth(options.spread_hints),
    )
    try:
        done = convert(
            options.checkpoint, options.output, options.model, choices, options.half, options.force, options.key
        )
    except CheckpointError as error:
        return _fail(f"{options.checkpoint}: {error}")
    except OSError as error:
        return _fail(f"{error.filename or options.checkpoint}: {error.strerror or error}")
    except MemoryError:
        return _fail(f"{options.checkpoint}: not enough memory to convert it")
    except KeyboardInterrupt:
        return 130
    if done.warning:
        print(_one_line(f"limn-convert: {options.checkpoint}: warning: {done.warning}"), file=sys.stderr)
    return _say(_one_line(done.line))


def _say(line: str) -> int:
    """Prints the line; returns the exit code."""
    try:
        print(line, flush=True)
    except OSError as error:
        sys.stdout = open(os.devnull, "w")  # otherwise Python flushes again at exit and fails with another code
        return _fail(f"standard output: {error.strerror}; the conversion is complete")
    return 0


if __name__ == "__main__":
    if isinstance(sys.stdout, io.TextIOWrapper):
        sys.stdout.reconfigure(errors="backslashreplace")  # escape what the terminal cannot encode
    for ending in (signal.SIGTERM, signal.SIGHUP):  # exit normally, so that an unfinished file is removed
        if signal.getsignal(ending) != signal.SIG_IGN:
            signal.signal(ending, lambda number, _: sys.exit(128 + number))
    sys.exit(main())

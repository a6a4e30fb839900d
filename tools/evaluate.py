#!/usr/bin/env python3
"""Measures weights on pictures that you name, so that they can be compared with others.

    python3 tools/evaluate.py upscale -m enhancenet -m enhancenet-pat photographs/
    python3 tools/evaluate.py segment -m unet-nuclei pictures/ --truth masks/ --binary
    python3 tools/evaluate.py colorize -m siggraph17 -m siggraph17-photos photographs/

Prints Markdown tables, and with --json FILE writes all figures. evaluation/ has a module for each command, which says
what it measures and how. Options after -- are passed to limn: `-- --scale 1`, for example.

Needs NumPy, Pillow, SciPy and scikit-image: on Debian, apt install python3-skimage.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Sequence
from pathlib import Path
from types import ModuleType

try:
    from evaluation import colour, segmentation, upscaling
    from evaluation.program import EvaluationError, Figures
except ImportError as error:
    sys.exit(f"evaluate: {error.name} is missing; on Debian: apt install python3-skimage")

ENDINGS = {".png", ".jpg", ".jpeg", ".bmp", ".ppm", ".pgm", ".pnm", ".tif", ".tiff", ".webp"}


def pictures_of(paths: Sequence[Path]) -> list[Path]:
    """The pictures at `paths`: files, and those in folders, sorted by name. Raises EvaluationError if there is none."""
    found = []
    for path in paths:
        found += sorted(file for file in path.iterdir() if file.suffix.lower() in ENDINGS) if path.is_dir() else [path]
    names = [path.stem for path in found]
    twice = next((name for name in names if names.count(name) > 1), None)
    if twice:
        raise EvaluationError(f"{twice}: the name of two pictures")
    if not found:
        raise EvaluationError(f"{paths[0]}: no pictures in this folder")
    return found


def measured(options: argparse.Namespace, model: str, pictures: list[Path]) -> tuple[ModuleType, Figures]:
    """The module of a command, and its figures."""
    if options.command == "segment":
        return segmentation, segmentation.measure(
            options.limn, model, pictures, options.truth, options.binary, options.limn_options
        )
    if options.command == "colorize":
        return colour, colour.measure(options.limn, model, pictures, options.limn_options)
    return upscaling, upscaling.measure(options.limn, model, pictures, options.small, options.limn_options)


def parser() -> argparse.ArgumentParser:
    made = argparse.ArgumentParser(prog="evaluate", description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    commands = made.add_subparsers(dest="command", required=True, metavar="COMMAND")
    common = argparse.ArgumentParser(add_help=False)
    common.add_argument("-m", action="append", required=True, metavar="NAME|FILE", help="weights; repeatable")
    common.add_argument("--json", type=Path, metavar="FILE", help="also write the figures to a JSON file")
    program = Path(__file__).resolve().parents[1] / "build/limn"
    common.add_argument("--limn", default=str(program), metavar="PROGRAM", help="limn (default: build/limn)")
    common.add_argument("pictures", nargs="+", type=Path, metavar="PICTURES", help="pictures, and folders of pictures")
    segment = commands.add_parser("segment", parents=[common], help="Dice and IoU of each class")
    segment.add_argument("--truth", type=Path, required=True, metavar="FOLDER", help="true masks: NAME.png of NAME.jpg")
    segment.add_argument("--binary", action="store_true", help="count all labels above 0 as one class")
    commands.add_parser("colorize", parents=[common], help="Delta-E, colourfulness; PSNR by number of hints; spreading")
    upscale = commands.add_parser("upscale", parents=[common], help="PSNR and SSIM, along with Pillow's bicubic")
    upscale.add_argument(
        "--small",
        type=Path,
        metavar="FOLDER",
        help="small pictures: NAME.png of NAME.jpg, NAME_LR.png of NAME_HR.png (default: shrunk PICTURES)",
    )
    return made


def main(arguments: list[str]) -> int:
    """Runs the command line; returns the exit code."""
    end = arguments.index("--") if "--" in arguments else len(arguments)
    options = parser().parse_args(arguments[:end])
    options.limn_options = arguments[end + 1 :]
    figures = {}
    try:
        pictures = pictures_of(options.pictures)
        for model in options.m:
            module, figures[model] = measured(options, model, pictures)
            print(f"## {model}\n\n{module.markdown(figures[model])}", flush=True)
        if options.json:
            options.json.write_text(json.dumps(figures, indent=2) + "\n")
    except EvaluationError as error:
        print(f"evaluate: {error}", file=sys.stderr)
        return 1
    except OSError as error:
        print(f"evaluate: {error.filename}: {error.strerror or error}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))

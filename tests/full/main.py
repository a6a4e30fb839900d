#!/usr/bin/env python3
"""The full tests: every network at its published width (parity.py), the pipelines around them on photographs
(pipelines.py), what lower precisions change there (precisions.py), a published DCGAN (faces.py), the pixel tools
(pixel_tools.py), the readers of pictures (readers.py) and the converter (torch_saves.py), against PyTorch and the
libraries that the originals use; and folders of pictures on a Ray cluster (ray_batch.py).

    make test-full                  installs those where they are missing

Prints a line a check and, last, how many passed and failed; nothing is skipped but the cluster, where Ray is missing.
"""

from __future__ import annotations

import argparse
import pathlib
import sys
import tempfile
import time

sys.path += [str(pathlib.Path(__file__).resolve().parents[2] / folder) for folder in ("tools", "tests/python")]

import cv2
import faces
import numpy as np
import pandas
import parity
import PIL
import pipelines
import pixel_tools
import precisions
import ray_batch
import readers
import skimage
import torch
import torch_saves
from checks import HEAD, ROOT, Limn, called


def run_checks(limn: str, work: pathlib.Path, only: str) -> list[bool]:
    every = (*pipelines.CHECKS, *precisions.CHECKS, *faces.CHECKS, *pixel_tools.CHECKS)
    checks = [check for check in every if check.name.startswith(only)]
    if checks:
        print(HEAD)
    with tempfile.TemporaryDirectory(dir=work) as folder:
        return [check.passes(Limn(limn, pathlib.Path(folder))) for check in checks]


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--limn", default=str(ROOT / "build/limn"), help="the program (default: build/limn)")
    parser.add_argument("--seeds", type=int, default=2, help="how many sets of weights of each network (default: 2)")
    parser.add_argument("--only", default="", help="networks and pipelines whose name begins with this")
    arguments = parser.parse_args()
    if not pathlib.Path(arguments.limn).is_file():
        parser.error(f"{arguments.limn}: no such program; make builds it")
    work = ROOT / "build"
    work.mkdir(exist_ok=True)

    start = time.perf_counter()
    libraries = (torch, np, PIL, skimage, cv2, pandas)
    print(", ".join(f"{library.__name__} {library.__version__}" for library in libraries))
    print(called([arguments.limn, "--version"]).strip())
    results = parity.run(arguments.limn, work, arguments.only, arguments.seeds)
    results += run_checks(arguments.limn, work, arguments.only)
    if "readers".startswith(arguments.only):
        readers.use_decoder_of(arguments.limn)
        results += readers.run(readers.FORMATS)
    results += torch_saves.run_checks(arguments.only)
    results += ray_batch.run_checks(arguments.limn, arguments.only)
    print(f"{time.perf_counter() - start:.0f} s")
    print(f"{results.count(True)} passed, {results.count(False)} failed")
    return 0 if results and all(results) else 1


if __name__ == "__main__":
    sys.exit(main())

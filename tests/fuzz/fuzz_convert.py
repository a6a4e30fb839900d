#!/usr/bin/env python3
"""Fuzzes tools/convert.py with atheris, which drives libFuzzer by the lines of Python that an input reaches.

    fuzz_convert.py --prepare BUILD --venv FOLDER    writes BUILD/fuzz_NAME for each target, and prints the names
    fuzz_convert.py NAME [LIBFUZZER'S ARGUMENTS]     runs one

The first makes a virtual environment with atheris where this Python has none; where that fails it says so, and prints
no name. `make fuzz` then runs what it wrote like the targets in C.
"""

from __future__ import annotations

import argparse
import importlib.util
import shlex
import sys
from pathlib import Path

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parents[1] / "tools"))

NAMES = ("convert_pickle", "convert_zip", "convert_legacy", "convert_table", "convert_safetensors")
NEEDS = ("numpy", "atheris")


def prepare(build: Path, venv: Path) -> None:
    """Writes a program for each target, which run.sh runs, and their first inputs."""
    from peers import environment  # tools/peers: makes virtual environments

    python = sys.executable
    if any(importlib.util.find_spec(package) is None for package in NEEDS):
        try:
            environment.ensure(venv, True, NEEDS, ())
        except environment.Unusable as error:
            print(f"fuzz: the converter is left out: {error}", file=sys.stderr)
            return
        python = str(environment.python_of(venv).absolute())
    build.mkdir(parents=True, exist_ok=True)
    for name in NAMES:
        program = build / f"fuzz_{name}"
        program.write_text(f'#!/bin/sh\nexec {shlex.quote(python)} {shlex.quote(__file__)} {name} "$@"\n')
        program.chmod(0o755)
        print(name)


def fuzz(name: str, arguments: list[str]) -> None:
    """Runs libFuzzer on a target; does not return."""
    import atheris

    with atheris.instrument_imports(include=["checkpoint", "zipfile", "pickletools"]):
        import convert_targets

    # The last folders are those of a corpus, the first of which libFuzzer writes to.
    corpus = next((Path(argument) for argument in arguments if not argument.startswith("-")), None)
    with convert_targets.no_checksums():
        for seed, data in convert_targets.seeds(name).items() if corpus else ():
            (corpus / seed).write_bytes(data)
        atheris.Setup([sys.argv[0], *arguments], convert_targets.watched(convert_targets.TARGETS[name]))
        atheris.Fuzz()


def main() -> None:
    if len(sys.argv) > 1 and sys.argv[1] in NAMES:
        fuzz(sys.argv[1], sys.argv[2:])
        return
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--prepare", type=Path, required=True, metavar="BUILD", help="the folder of the fuzzers")
    parser.add_argument("--venv", type=Path, required=True, metavar="FOLDER", help="of atheris")
    options = parser.parse_args()
    prepare(options.prepare, options.venv)


if __name__ == "__main__":
    main()

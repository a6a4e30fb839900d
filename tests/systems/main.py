#!/usr/bin/env python3
"""Builds limn for every system and compares what it writes with what the normal build writes:

    make test-systems            with each instruction set; then the test files about each system
    make test-systems QUICK=1    once on each system

Prints a table. Fails if a program cannot be built or a result differs. `tools/setup.sh -s -m -w` installs the tools.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
from systems import ROOT, SYSTEMS, Program, System, made, unpacked

from cli_support import pixels, ppm, read_png

NETWORKS = (
    "upscale a.ppm -m enhancenet",
    "colorize a.ppm -m eccv16-scenes --network-size 128",
    "colorize a.ppm -m siggraph17-scenes --network-size 128",
    "colorize a.ppm -m vae-scenes --samples 2",
    "segment a.ppm -m deeplabv3-scenes --view side",
    "segment a.ppm -m unet-cells --view overlay",
    "generate -m dcgan-digits --count 3",
)
NETWORK_OPTIONS = "--kernels native --format png -o -"  # not OpenBLAS, which only the normal build has
PIXEL_TOOLS = (
    "pixels to-text a.ppm",
    "pixels dataset a.ppm b.ppm",
    "pixels mean a.ppm b.ppm --format png -o -",
    "compare a.ppm b.ppm --json",
)
HEAD = f"{'system':9} {'networks':>8} {'tools':>6}  {'against the normal build':38} {'test files':22} result seconds"


def difference(got: bytes, want: bytes, tolerance: int) -> str:
    """How the bytes differ. "" if they do not, or if both are pictures whose samples differ within the tolerance."""
    if got == want:
        return ""
    if not tolerance or not got.startswith(b"\x89PNG") or not want.startswith(b"\x89PNG"):
        return f"{len(got)} bytes differ from {len(want)}"
    here, there = (read_png(data).astype(int) for data in (want, got))
    if here.shape != there.shape:
        return f"a picture of {there.shape}, not {here.shape}"
    most = int(np.abs(here - there).max())
    return f"samples differ by up to {most}" if most > tolerance else ""


def same(words: str, here: list[str], there: list[str], normal: Program, program: Program, tolerance: int) -> bool:
    """Runs the command in both programs, and says so if the results differ."""
    want, got = normal.run(*words.split(), *here), program.run(*words.split(), *there)
    if want.returncode or got.returncode:
        failed = want if want.returncode else got
        said = f"exit code {failed.returncode}: {failed.stderr.decode(errors='replace').strip()}"
    else:
        said = difference(got.stdout, want.stdout, tolerance)
    if said:
        print(f"{' '.join(program.command)} {words} {' '.join(there)}: {said}", file=sys.stderr)
    return not said


def instruction_sets(system: System, normal: Program, quick: bool) -> list[tuple[list[str], list[str]]]:
    """Options for the normal build and for the system's program: the same instruction set, or where results may differ
    the baseline here."""
    if system.tolerance:
        return [(["--isa", "baseline"], ["--isa", isa]) for isa in (system.isas[-1:] if quick else system.isas)]
    here = [isa for isa in system.isas if normal.run("explain", "enhancenet", "--isa", isa).returncode == 0]
    return [(["--isa", isa], ["--isa", isa]) for isa in (here[-1:] if quick else here)]


def compared(system: System, normal: Program, program: Program, quick: bool) -> tuple[int, int, str]:
    """How many networks and pixel tools give the right result with every instruction set, and what that means."""
    inputs = {name: ppm(pixels(32, 48, seed=seed)) for seed, name in enumerate(("a.ppm", "b.ppm"))}
    for name, data in inputs.items():
        (program.folder / name).write_bytes(data)
        (normal.folder / name).write_bytes(data)
    pairs = instruction_sets(system, normal, quick)
    networks = sum(
        all(same(f"{words} {NETWORK_OPTIONS}", *pair, normal, program, system.tolerance) for pair in pairs)
        for words in NETWORKS
    )
    tools = sum(same(words, [], [], normal, program, system.tolerance) for words in PIXEL_TOOLS)
    isas = ", ".join(there[1] for _, there in pairs)
    means = f"samples within {system.tolerance}, {isas} to baseline" if system.tolerance else f"the same bytes, {isas}"
    return networks, tools, means


def tested(system: System, limn: Path) -> tuple[bool, str]:
    """Runs the test files about this system; their count."""
    files = [str(path) for pattern in system.tests for path in sorted((ROOT / "tests").glob(pattern))]
    if not files:
        return True, "-"
    words = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", *files]
    environment = os.environ | {"LIMN": str(limn), "PYTHONPATH": str(ROOT / "tests/python")}
    done = subprocess.run(words, cwd=ROOT, env=environment, capture_output=True, text=True, check=False)
    if done.returncode:
        print(done.stdout, done.stderr, file=sys.stderr)
    return done.returncode == 0, done.stdout.splitlines()[-1].split(" in ")[0]


def check(system: System, build: Path, quick: bool) -> bool:
    """Builds, compares, tests; prints the line of the table."""
    start = time.monotonic()
    networks, tools, means, tests = 0, 0, "only built", "-"
    built = made(system.target, build)
    right = built.returncode == 0
    if not right:
        print(built.stdout, built.stderr, file=sys.stderr)
        means = "not built"
    elif system.product:
        normal = Program([str(build / "limn")], build / "systems", {"LIMN_WEIGHTS": str(ROOT / "weights")})
        networks, tools, means = compared(system, normal, unpacked(system, build), quick)
        right = (networks, tools) == (len(NETWORKS), len(PIXEL_TOOLS))
        if not quick:
            passed, tests = tested(system, build / "limn")
            right = right and passed
    result = "passed" if right else "FAILED"
    seconds = time.monotonic() - start
    print(f"{system.name:9} {networks:8} {tools:6}  {means:38} {tests:22} {result:6} {seconds:7.0f}", flush=True)
    return right


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--build", type=Path, default=ROOT / "build", help="the build folder, with the normal limn")
    parser.add_argument("--quick", action="store_true", help="one instruction set, and no test files")
    parser.add_argument("systems", nargs="*", help="names of systems (default: all)")
    args = parser.parse_args()
    build = args.build.resolve()
    (build / "systems").mkdir(exist_ok=True)
    chosen = [system for system in SYSTEMS if not args.systems or system.name in args.systems]
    print(HEAD, flush=True)
    return 0 if all([check(system, build, args.quick) for system in chosen]) else 1


if __name__ == "__main__":
    sys.exit(main())

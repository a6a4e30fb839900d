#!/usr/bin/env python3
"""Compares the speed of the programs that `make test-systems` has built, on this machine:

    python3 tests/systems/times.py [--rounds 5] [static windows ...]

Every program runs the same command on the same pictures, one program after the other, in each round in another order,
on one thread. The time is the processor time of the process, which other work on the machine disturbs least, without
that of `limn --version`, because wine takes long to start. Prints the least time of the normal build without OpenBLAS
(BLAS=none), and for each other program the ratio of the least times and that of the medians.
"""

from __future__ import annotations

import argparse
import resource
import statistics
import sys
from pathlib import Path

from systems import ROOT, SYSTEMS, Program, made, unpacked

from cli_support import pixels, ppm

COMMANDS = (
    "upscale pictures -o made -m enhancenet",
    "colorize pictures -o made -m siggraph17-scenes --network-size 128",
    "colorize pictures -o made -m vae-scenes",
    "segment pictures -o made -m deeplabv3-scenes --view side",
    "segment pictures -o made -m unet-cells --view overlay",
    "generate -o made.png -m dcgan-digits --count 256",
    "pixels dataset pictures -o made.csv",
)
PICTURES = 4


def programs(build: Path, names: list[str]) -> dict[str, Program]:
    """The normal build without OpenBLAS, with it, and those of other systems."""
    made(("BLAS=none",), build / "systems/none")
    weights = {"LIMN_WEIGHTS": str(ROOT / "weights")}
    found = {
        "BLAS=none": Program([str(build / "systems/none/limn")], build / "systems/none", weights),
        "normal": Program([str(build / "limn")], build / "systems", weights),
    }
    for system in SYSTEMS:
        if system.product and system.name in names:
            found[system.name] = unpacked(system, build)
    return found


def seconds(program: Program, words: str) -> float:
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    done = program.run(*words.split())
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    if done.returncode:
        raise SystemExit(f"{program.command} {words}: {done.stderr.decode(errors='replace')}")
    return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


def measured(programs: dict[str, Program], words: str, rounds: int) -> dict[str, list[float]]:
    """Seconds of each program in each round, without its start."""
    times = {name: [] for name in programs}
    for turn in range(rounds):
        names = list(programs)[turn % len(programs) :] + list(programs)[: turn % len(programs)]
        for name in names:
            start = seconds(programs[name], "--version")
            times[name].append(seconds(programs[name], words) - start)
    return times


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--build", type=Path, default=ROOT / "build", help="the build folder")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("systems", nargs="*", default=["static", "windows"], help="names of systems")
    args = parser.parse_args()
    found = programs(args.build.resolve(), args.systems)
    for program in found.values():
        (program.folder / "pictures").mkdir(exist_ok=True)
        for seed in range(PICTURES):
            (program.folder / f"pictures/{seed}.ppm").write_bytes(ppm(pixels(96, 128, seed=seed)))
    others = [name for name in found if name != "BLAS=none"]
    print(f"{'command':66} {'BLAS=none':>9}" + "".join(f" {name:>14}" for name in others))
    for words in COMMANDS:
        times = measured(found, f"{words} --force" + " -t 1" * (not words.startswith("pixels")), args.rounds)
        base = times["BLAS=none"]
        line = f"{words:66} {1000 * min(base):6.0f} ms"
        for name in others:
            least = min(times[name]) / min(base)
            line += f"  {least:6.3f} {statistics.median(times[name]) / statistics.median(base):6.3f}"
        print(line, flush=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())

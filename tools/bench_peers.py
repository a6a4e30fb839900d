#!/usr/bin/env python3
"""Times limn beside the engines that a user would pick instead: PyTorch, ONNX Runtime, OpenVINO, ncnn.

    python3 tools/bench_peers.py                     every network; `make bench-peers` builds limn first
    python3 tools/bench_peers.py unet dcgan64        some of them
    python3 tools/bench_peers.py unet@1x256x384      at another size: GRAPH@BATCHxHEIGHTxWIDTH
    python3 tools/bench_peers.py --sweep             limn from a quarter to four times the pixels
    python3 tools/bench_peers.py --check-clock       limn's own figures against the kernel's

All engines get the same random weights and the same random input, compute in float32, and are left out where
their output is another than limn's by more than a thousandth of its largest magnitude. Then they run in
turn, on the same cores, several rounds, on 1 thread and on all. Memory and start are of fresh processes. An
engine that cannot be installed, that cannot convert a network or that fails is reported as absent, with the
reason.

The first run makes a virtual environment and installs the engines with pip; pip's own settings apply.
(PyTorch's default wheel for Linux on x86-64 brings CUDA along: several GB, and memory and time at each
start, which its figures then show. A wheel without CUDA, put into the environment beforehand, is used as it
is.)

Written to the output folder: peers.json, peers.md, peers.svg and .png; growth.json, .svg and .png;
clock.json.
"""

from __future__ import annotations

import argparse
import datetime
import json
import os
import pathlib
import sys
from typing import Any

from peers import environment, figures, graphs, processes

ROOT = pathlib.Path(__file__).resolve().parent.parent
BUILD = ROOT / "build"
PEERS = ("torch", "onnxruntime", "openvino", "ncnn")
NEEDS = {"ncnn": ("ncnn", "pnnx")}  # packages; elsewhere the one of the engine's own name


def positive(text: str) -> int:
    value = int(text)
    if value < 1:
        raise argparse.ArgumentTypeError(f"{text}: at least 1 expected")
    return value


def case_named(text: str) -> graphs.Case:
    try:
        return graphs.parse(text)
    except graphs.UnknownCase as error:
        raise argparse.ArgumentTypeError(str(error)) from error


def engines_named(text: str) -> list[str]:
    """A list with commas; limn is always among the measured and may be named alone."""
    names = [name for name in text.split(",") if name]
    unknown = [name for name in names if name not in ("limn", *PEERS)]
    if unknown or not names:
        raise argparse.ArgumentTypeError(f"{text}: some of limn,{','.join(PEERS)} expected, with commas")
    return [name for name in PEERS if name in names]


def threads_named(text: str) -> list[int]:
    """Numbers with commas; 0 stands for all."""
    try:
        numbers = [0 if part == "all" else positive(part) for part in text.split(",")]
    except ValueError as error:
        raise argparse.ArgumentTypeError(f"{text}: numbers or `all` expected, with commas") from error
    return numbers


def parse_arguments(arguments: list[str] | None = None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    known = ", ".join(case.name for case in graphs.CASES)
    parser.add_argument("cases", nargs="*", type=case_named, metavar="NETWORK", help=f"{known}; default: all")
    what = parser.add_mutually_exclusive_group()
    what.add_argument(
        "--sweep", action="store_true", help="measure growth instead; limn alone unless --engines"
    )
    what.add_argument("--check-clock", action="store_true", help="check limn's own figures instead")
    parser.add_argument("--limn", type=pathlib.Path, default=BUILD / "limn", help="the program (build/limn)")
    parser.add_argument(
        "--output", type=pathlib.Path, default=BUILD / "peers", metavar="FOLDER", help="build/peers"
    )
    parser.add_argument(
        "--cache", type=pathlib.Path, metavar="FOLDER", help="weights and graphs (OUTPUT/cache)"
    )
    parser.add_argument(
        "--venv", type=pathlib.Path, default=BUILD / "peers-venv", metavar="FOLDER", help="of the peers"
    )
    parser.add_argument("--no-install", action="store_true", help="take the environment as it is")
    parser.add_argument(
        "--engines", type=engines_named, metavar="LIST", help=f"some of {','.join(PEERS)}; or limn"
    )
    parser.add_argument("--threads", type=threads_named, metavar="LIST", help="such as 1,2,all (1,all)")
    parser.add_argument("--rounds", type=positive, metavar="N", help="turns of every engine (5)")
    parser.add_argument("--starts", type=positive, metavar="N", help="fresh processes of every engine (5)")
    parser.add_argument("--seed", type=int, default=1, help="of weights and inputs (1)")
    parser.add_argument(
        "--quick", action="store_true", help="2 short rounds, 2 starts, where not told otherwise"
    )
    options = parser.parse_args(arguments)
    options.cases = options.cases or list(graphs.CASES)
    options.cache = options.cache or options.output / "cache"
    options.rounds = options.rounds or (2 if options.quick else 5)
    options.starts = options.starts or (2 if options.quick else 5)
    if options.engines is None:
        options.engines = [] if options.sweep or options.check_clock else list(PEERS)
    return options


def thread_counts(asked: list[int] | None, cores: int, every: bool) -> tuple[int, ...]:
    """Ascending numbers of threads, at most one a core: by default 1 and all, for a sweep every number."""
    if asked is None:
        asked = list(range(1, cores + 1)) if every else [1, 0]
    numbers = sorted({count or cores for count in asked})
    if numbers[-1] > cores:
        raise SystemExit(f"bench_peers: --threads {numbers[-1]}: this machine lends {cores} physical cores")
    return tuple(numbers)


def ways(engines: list[str]) -> list[str]:
    """The engines as they are run: PyTorch in several ways."""
    return [
        way for engine in engines for way in (figures.FAMILIES["PyTorch"] if engine == "torch" else (engine,))
    ]


def absent_engines(engines: list[str], missing: dict[str, str]) -> dict[str, str]:
    """Why engines are absent, from why packages are."""
    found = {}
    for engine in engines:
        for package in NEEDS.get(engine, (engine,)):
            if package in missing:
                found[engine] = f"{package}: {missing[package]}"
    return found


def write_json(path: pathlib.Path, contents: dict[str, Any]) -> None:
    path.write_text(json.dumps(contents, indent=1) + "\n")
    print(f"bench_peers: {path}", file=sys.stderr)


class Benchmark:
    """The program inside the environment, where NumPy and the peers are."""

    def __init__(self, options: argparse.Namespace) -> None:
        from peers import limn, measure, report

        self.options = options
        cores = processes.physical_cores()
        self.settings = measure.Settings(
            limn=options.limn.absolute(),
            cache=options.cache.absolute(),
            seed=options.seed,
            threads=thread_counts(options.threads, len(cores), options.sweep),
            rounds=options.rounds,
            turn_seconds=0.2 if options.quick else 1.0,
            starts=options.starts,
            cores=tuple(cores),
        )
        program = limn.version(self.settings.limn)
        today = datetime.datetime.now().astimezone().date()
        self.around = report.surroundings(program, cores, self.settings.threads, today)
        self.around |= {"rounds": options.rounds, "starts": options.starts, "seed": options.seed}
        self.missing = absent_engines(options.engines, environment.absent(options.venv))
        self.failures: list[str] = []

    def attempt(self, case: graphs.Case, action, *arguments):
        """What the action returns; None, and a line, where limn itself or the export fails."""
        from peers import report

        try:
            return action(*arguments)
        except processes.EngineFailed as failure:
            self.failures.append(report.failure_text(case.name, failure))
            print(self.failures[-1], file=sys.stderr)
            return None

    def measured(self, case: graphs.Case) -> dict[str, Any] | None:
        from peers import measure

        engines = ways(self.options.engines)
        absent = {
            way: self.missing[e] for e in self.options.engines if e in self.missing for way in ways([e])
        }
        return self.attempt(case, measure.measure, case, engines, absent, self.settings)

    def compare(self) -> None:
        """Every case, with every engine. What has been measured is written after each case."""
        from peers import charts, report

        print(report.describe(self.around) + "\n")
        entries = []
        for case in self.options.cases:
            entry = self.measured(case)
            if not entry:
                continue
            entries.append(entry)
            print(report.case_text(entry, self.settings.threads), flush=True)
            means = {str(count): figures.mean_ratio(entries, str(count)) for count in self.settings.threads}
            found = {**self.around, "cases": entries, "mean_ratio": means, "failures": self.failures}
            (self.options.output / "peers.json").write_text(json.dumps(found, indent=1) + "\n")
        if not entries:
            return
        print(report.aligned(*report.summary_rows(entries, self.settings.threads)))
        (self.options.output / "peers.md").write_text(report.markdown_report(self.around, entries))
        charts.comparison(self.around, entries, self.options.output)
        print(f"bench_peers: peers.json, .md, .svg, .png in {self.options.output}", file=sys.stderr)

    def sweep(self) -> None:
        """Every case that takes sizes, at several."""
        from peers import charts, growth, report

        points: list[dict[str, Any]] = []
        for case in self.options.cases:
            entries = [entry for size in growth.sizes(case) if (entry := self.measured(size))]
            found = growth.points(entries, self.settings.threads)
            if found:
                points += [{"network": case.name, **point} for point in found]
                print(report.growth_text(found), flush=True)
        if points:
            charts.growth(self.around, points, self.options.output)
            write_json(self.options.output / "growth.json", {**self.around, "points": points})

    def check_clock(self) -> None:
        """limn's milliseconds and memory, each against the kernel's."""
        from peers import clock, measure, report

        checks: list[dict[str, Any]] = []
        for case in self.options.cases:
            if self.attempt(case, measure.prepare, case, [], self.settings) is None:
                continue
            limn = measure.limn_of(case, self.settings)
            for count in self.settings.threads:
                cpus = self.settings.cpus(count)
                found = self.attempt(case, clock.check, limn, case, count, cpus, self.options.rounds)
                checks += [{"case": case.name, **found}] if found else []
        print(report.clock_text(checks))
        write_json(self.options.output / "clock.json", {**self.around, "checks": checks})


def main() -> int:
    options = parse_arguments()
    if not os.access(options.limn, os.X_OK):
        print(f"bench_peers: {options.limn}: no such program; `make` builds it", file=sys.stderr)
        return 2
    if not environment.is_current(options.venv):
        try:
            environment.ensure(options.venv, not options.no_install)
        except environment.Unusable as error:
            print(f"bench_peers: {error}", file=sys.stderr)
            return 1
        environment.enter(options.venv)
    options.output.mkdir(parents=True, exist_ok=True)
    benchmark = Benchmark(options)
    if options.sweep:
        benchmark.sweep()
    elif options.check_clock:
        benchmark.check_clock()
    else:
        benchmark.compare()
    return 1 if benchmark.failures else 0


if __name__ == "__main__":
    sys.exit(main())

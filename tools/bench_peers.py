#!/usr/bin/env python3
"""Compares limn's speed, memory and start time with PyTorch, ONNX Runtime, OpenVINO and ncnn.

    python3 tools/bench_peers.py                     every network; `make bench-peers` builds limn first
    python3 tools/bench_peers.py unet dcgan64        some networks
    python3 tools/bench_peers.py unet@1x256x384      another size: GRAPH@BATCHxHEIGHTxWIDTH
    python3 tools/bench_peers.py --isa avx2          limn on AVX2, and the peers kept from AVX-512 and AMX
    python3 tools/bench_peers.py --isa avx512,avx512+amx --precision bf16x2,bf16
                                                     limn on each instruction set, at float32 and lower
    python3 tools/bench_peers.py --layers            the layers of `limn bench kernels`, alone (`make bench-layers`)
    python3 tools/bench_peers.py --layers "unet inc.0" conv2d@1x64x64x256,k=3,p=1
                                                     some of them by their place, or others: OPERATOR@SHAPE
    python3 tools/bench_peers.py --sweep             limn alone, from a quarter to four times the pixels
    python3 tools/bench_peers.py --check-clock       check limn's own figures against the kernel's

All engines get the same random weights and the same random input, and compute in float32. An engine is left out if
its output differs from limn's by more than a thousandth of the largest magnitude. OpenVINO also runs at its default
precision, which is bfloat16 on many processors; for it and for limn's lower precisions the error is stated instead. The
engines run in turn on the same cores for several rounds, on 1 thread and on all. Memory and start time are measured in
fresh processes. An engine that cannot be installed, cannot convert a network, cannot be limited to AVX2 or fails is
reported as absent, with the reason.

The first run creates a virtual environment and installs the engines with pip, under pip's own settings. (PyTorch's
default wheel for Linux on x86-64 includes CUDA: several GB, more memory and a slower start, which its figures then
show. A wheel without CUDA that is already installed in the environment is used instead.)

Layers run on 1 thread unless --threads names another number. Each engine runs them in every layout of memory that it
takes, and the fastest counts; errors are those against float64.

Files written to the output folder: peers.json, peers.md, peers.svg and .png; layers.json, layers.md,
layers-variants.svg and .png; growth.json, .svg and .png; clock.json.
"""

from __future__ import annotations

import argparse
import datetime
import json
import os
import pathlib
import sys
from typing import Any

from peers import environment, figures, graphs, layers, limits, processes

ROOT = pathlib.Path(__file__).resolve().parent.parent
BUILD = ROOT / "build"
PEERS = ("torch", "onnxruntime", "openvino", "ncnn")
NEEDS = {"ncnn": ("ncnn", "pnnx")}  # packages of an engine; by default the one with the engine's name


def positive(text: str) -> int:
    value = int(text)
    if value < 1:
        raise argparse.ArgumentTypeError(f"{text}: expected at least 1")
    return value


def case_named(text: str) -> graphs.Case:
    try:
        return graphs.parse(text)
    except graphs.UnknownCase as error:
        raise argparse.ArgumentTypeError(str(error)) from error


def engines_named(text: str) -> list[str]:
    """Parses a comma-separated list. limn is always measured; it may be named alone."""
    names = [name for name in text.split(",") if name]
    unknown = [name for name in names if name not in ("limn", *PEERS)]
    if unknown or not names:
        raise argparse.ArgumentTypeError(f"{text}: expected a comma-separated list of limn,{','.join(PEERS)}")
    return [name for name in PEERS if name in names]


def sets_named(text: str) -> list[str]:
    """Parses a comma-separated list of limn's instruction sets; limn itself checks the names."""
    names = [name for name in text.split(",") if name]
    if not names or ("avx2" in names and len(names) > 1):
        raise argparse.ArgumentTypeError(f"{text}: expected a comma-separated list, or avx2 alone")
    return names


def precisions_named(text: str) -> list[str]:
    """Parses a comma-separated list of limn's precisions. float32 is always measured."""
    names = [name for name in text.split(",") if name]
    if not names or not set(names) <= set(figures.PRECISIONS):
        known = ",".join(figures.PRECISIONS)
        raise argparse.ArgumentTypeError(f"{text}: expected a comma-separated list of {known}")
    return names


def threads_named(text: str) -> list[int]:
    """Parses a comma-separated list of numbers; 0 means all."""
    try:
        numbers = [0 if part == "all" else positive(part) for part in text.split(",")]
    except ValueError as error:
        raise argparse.ArgumentTypeError(f"{text}: expected a comma-separated list of numbers or `all`") from error
    return numbers


def parse_arguments(arguments: list[str] | None = None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    known = ", ".join(case.name for case in graphs.CASES)
    parser.add_argument("cases", nargs="*", type=case_named, metavar="NETWORK", help=f"{known}; a layer; default: all")
    what = parser.add_mutually_exclusive_group()
    what.add_argument("--layers", action="store_true", help="measure single layers instead")
    what.add_argument(
        "--sweep", action="store_true", help="measure growth with size instead; limn alone unless --engines is given"
    )
    what.add_argument("--check-clock", action="store_true", help="check limn's own figures instead")
    parser.add_argument(
        "--limn", type=pathlib.Path, default=BUILD / "limn", help="the limn program (default: build/limn)"
    )
    parser.add_argument(
        "--output",
        type=pathlib.Path,
        default=BUILD / "peers",
        metavar="FOLDER",
        help="folder of the results (default: build/peers)",
    )
    parser.add_argument(
        "--cache",
        type=pathlib.Path,
        metavar="FOLDER",
        help="folder of the weights and graphs (default: cache in the output folder)",
    )
    parser.add_argument(
        "--venv",
        type=pathlib.Path,
        default=BUILD / "peers-venv",
        metavar="FOLDER",
        help="virtual environment of the peers (default: build/peers-venv)",
    )
    parser.add_argument("--no-install", action="store_true", help="install nothing")
    parser.add_argument(
        "--engines", type=engines_named, metavar="LIST", help=f"some of {','.join(PEERS)} (default: all), or limn alone"
    )
    parser.add_argument(
        "--threads", type=threads_named, metavar="LIST", help="thread counts, such as 1,2,all (default: 1,all)"
    )
    parser.add_argument(
        "--isa",
        type=sets_named,
        metavar="LIST",
        default=[],
        help="limn's instruction sets, such as avx512,avx512+amx (default: the best); avx2 also limits the peers",
    )
    parser.add_argument(
        "--precision",
        type=precisions_named,
        metavar="LIST",
        default=[figures.PRECISIONS[0]],
        help=f"limn's precisions, of {','.join(figures.PRECISIONS)} (fp32 is always measured)",
    )
    parser.add_argument("--rounds", type=positive, metavar="N", help="rounds (default: 5)")
    parser.add_argument("--starts", type=positive, metavar="N", help="fresh processes of each engine (default: 5)")
    parser.add_argument("--seed", type=int, default=1, help="seed of the weights and inputs (default: 1)")
    parser.add_argument("--quick", action="store_true", help="default to 2 short rounds and 2 starts")
    options = parser.parse_args(arguments)
    options.cases = options.cases or list(layers.known() if options.layers else graphs.CASES)
    for case in options.cases:
        if isinstance(case, layers.Layer) and not options.layers:
            parser.error(f"{case.name} needs --layers")
        if options.layers and not isinstance(case, layers.Layer):
            parser.error(f"--layers measures layers only: {case.name}")
    if options.layers:
        options.threads = options.threads or [1]
        if len(options.threads) > 1 or len(options.isa) > 1:
            parser.error("--layers takes one number of threads and one instruction set")
        if options.precision != [figures.PRECISIONS[0]]:
            parser.error("--layers measures every precision")
    options.cache = options.cache or options.output / "cache"
    options.rounds = options.rounds or (2 if options.quick else 5)
    options.starts = options.starts or (2 if options.quick else 5)
    if options.engines is None:
        options.engines = [] if options.sweep or options.check_clock else list(PEERS)
    return options


def thread_counts(asked: list[int] | None, cores: int, every: bool) -> tuple[int, ...]:
    """Ascending thread counts, at most one per core. Default: 1 and all, or with `every` each count."""
    if asked is None:
        asked = list(range(1, cores + 1)) if every else [1, 0]
    numbers = sorted({count or cores for count in asked})
    if numbers[-1] > cores:
        raise SystemExit(f"bench_peers: --threads {numbers[-1]}: this process may use {cores} physical cores")
    return tuple(numbers)


def ways(engines: list[str]) -> list[str]:
    """The variants in which the engines run: PyTorch and OpenVINO have several."""
    known = [way for family in figures.FAMILIES.values() for way in family]
    return [way for engine in engines for way in known if way.split("-")[0] == engine]


def absent_engines(engines: list[str], missing: dict[str, str]) -> dict[str, str]:
    """Reasons why engines are absent, from the reasons why packages are."""
    found = {}
    for engine in engines:
        for package in NEEDS.get(engine, (engine,)):
            if package in missing:
                found[engine] = f"{package}: {missing[package]}"
    return found


def limits_of(engines: list[str], output: pathlib.Path) -> tuple[dict[str, limits.Limit], dict[str, str]]:
    """How each engine is kept from AVX-512, and why others cannot be."""
    found, unlimited = {}, {}
    for engine in engines:
        print(f"bench_peers: limiting {engine} to AVX2", file=sys.stderr)
        try:
            found[engine] = limits.limit(engine, output)
        except limits.Unlimited as error:
            unlimited[engine] = f"cannot be limited to AVX2: {error}"
    return found, unlimited


def write_json(path: pathlib.Path, contents: dict[str, Any]) -> None:
    path.write_text(json.dumps(contents, indent=1) + "\n")
    print(f"bench_peers: {path}", file=sys.stderr)


class Benchmark:
    """The part of the program that runs inside the environment, which has NumPy and the peers."""

    def __init__(self, options: argparse.Namespace) -> None:
        from peers import limn, measure, report

        self.options = options
        cores = processes.physical_cores()
        self.missing = absent_engines(options.engines, environment.absent(options.venv))
        limited, unlimited = {}, {}
        if options.isa == ["avx2"]:
            there = [engine for engine in options.engines if engine not in self.missing]
            limited, unlimited = limits_of(there, options.output.absolute())
        self.missing |= unlimited
        self.settings = measure.Settings(
            limn=options.limn.absolute(),
            variants=limn.variants(options.isa, options.precision),
            limits=limited,
            cache=options.cache.absolute(),
            seed=options.seed,
            threads=thread_counts(options.threads, len(cores), options.sweep),
            rounds=options.rounds,
            turn_seconds=0.2 if options.quick or options.layers else 1.0,
            starts=options.starts,
            cores=tuple(cores),
        )
        program = limn.version(self.settings.limn)
        today = datetime.datetime.now().astimezone().date()
        self.around = report.surroundings(program, cores, self.settings.threads, today)
        self.around |= {"rounds": options.rounds, "starts": options.starts, "seed": options.seed}
        self.around |= {"isa": options.isa, "limits": {name: found.how for name, found in limited.items()}}
        self.failures: list[str] = []

    def attempt(self, case: graphs.Case, action, *arguments):
        """Returns the action's result. If limn itself or the export fails, prints a line and returns None."""
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
        """Measures every case with every engine. The results so far are written after each case."""
        from peers import charts, report

        print(report.describe(self.around) + "\n")
        entries = []
        for case in self.options.cases:
            entry = self.measured(case)
            if not entry:
                continue
            entries.append(entry)
            print(report.case_text(entry, self.settings.threads), flush=True)
            ratios = report.summary_ratios(entries, self.settings.threads)
            found = {**self.around, "cases": entries, "ratios": ratios, "failures": self.failures}
            (self.options.output / "peers.json").write_text(json.dumps(found, indent=1) + "\n")
        if not entries:
            return
        for table in report.summaries(entries, self.settings.threads):
            print(report.aligned(*table) + "\n")
        (self.options.output / "peers.md").write_text(report.markdown_report(self.around, entries))
        charts.comparison(self.around, entries, self.options.output)
        print(f"bench_peers: peers.json, .md, .svg, .png in {self.options.output}", file=sys.stderr)

    def layers(self) -> None:
        """Measures every layer. The results so far are written after each."""
        from peers import layer_measure, layer_report, report

        print(report.describe(self.around) + "\n")
        entries: list[dict[str, Any]] = []
        for layer in self.options.cases:
            engines = self.options.engines
            absent = {way: why for e, why in self.missing.items() for way in layer_measure.ways(layer, [e])}
            entry = self.attempt(layer, layer_measure.measured, layer, engines, absent, self.settings)
            if not entry:
                continue
            entries.append(entry)
            print(layer_report.layer_text(entry), flush=True)
            found = layer_report.kernels_report(self.around, entries)
            (self.options.output / "layers.json").write_text(json.dumps(found, indent=1) + "\n")
        if not entries:
            return
        print(report.aligned(*layer_report.summary_rows(entries)))
        (self.options.output / "layers.md").write_text(layer_report.markdown_report(self.around, entries))
        layer_report.draw(self.around, entries, self.options.output)
        print(f"bench_peers: layers.json, .md, layers-variants.svg, .png in {self.options.output}", file=sys.stderr)

    def sweep(self) -> None:
        """Measures every case that accepts several sizes at each of them."""
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
        """Compares limn's own times and memory with the kernel's."""
        from peers import clock, measure, report

        checks: list[dict[str, Any]] = []
        for case in self.options.cases:
            if self.attempt(case, measure.prepare, case, [], self.settings) is None:
                continue
            limn = measure.limns_of(case, self.settings)[figures.LIMN]
            for count in self.settings.threads:
                cpus = self.settings.cpus(count)
                found = self.attempt(case, clock.check, limn, case, count, cpus, self.options.rounds)
                checks += [{"case": case.name, **found}] if found else []
        print(report.clock_text(checks))
        write_json(self.options.output / "clock.json", {**self.around, "checks": checks})


def main() -> int:
    options = parse_arguments()
    if not os.access(options.limn, os.X_OK):
        print(f"bench_peers: {options.limn}: program not found; run `make` to build it", file=sys.stderr)
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
    if options.layers:
        benchmark.layers()
    elif options.sweep:
        benchmark.sweep()
    elif options.check_clock:
        benchmark.check_clock()
    else:
        benchmark.compare()
    return 1 if benchmark.failures else 0


if __name__ == "__main__":
    sys.exit(main())

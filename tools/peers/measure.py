"""Measures one case: each engine's agreement with limn, times in turn, memory and start time.

Times are those of the forward pass alone, with inputs and result in memory. Start times are those of a whole process,
until the result is in a file; the files it reads are in the page cache.
"""

from __future__ import annotations

import contextlib
import json
import math
import pathlib
import statistics
import subprocess
import sys
from dataclasses import dataclass

import numpy as np

from . import figures, processes
from .figures import LIMN, Entry
from .graphs import Case
from .limits import Limit
from .limn import Limn
from .processes import EngineFailed, Worker
from .report import counted

BOUND = 1e-3  # relative to the largest magnitude; a larger difference means another network


@dataclass(frozen=True)
class Settings:
    """The settings of the measurement."""

    limn: pathlib.Path
    variants: dict[str, tuple[str, ...]]  # of limn: name and options; the first is LIMN
    limits: dict[str, Limit]  # by format; empty unless the peers are limited to AVX2
    cache: pathlib.Path
    seed: int
    threads: tuple[int, ...]  # ascending; start and agreement are measured with the last
    rounds: int
    turn_seconds: float
    starts: int
    cores: tuple[int, ...]

    def cpus(self, threads: int) -> list[int]:
        return list(self.cores[:threads])


def note(text: str) -> None:
    """Prints progress."""
    print(f"bench_peers: {text}", file=sys.stderr, flush=True)


def format_of(engine: str) -> str:
    """The format that an engine reads; the variants of a peer, such as torch-eager, share one."""
    return engine.split("-")[0]


def prepare(case: Case, engines: list[str], settings: Settings) -> dict[str, str]:
    """Writes weights, graphs and inputs. Returns the engines without a graph, with reasons."""
    formats = sorted({format_of(engine) for engine in engines})
    script = str(pathlib.Path(__file__).with_name("export.py"))
    command = [
        sys.executable,
        "-B",
        script,
        case.spec,
        "--cache",
        str(settings.cache),
        "--seed",
        str(settings.seed),
    ]
    note(f"{case.name}: weights and graphs")
    done = subprocess.run([*command, "--engines", *formats], capture_output=True, text=True, check=False)
    if done.returncode:
        raise EngineFailed(f"export: {processes.last_line(done.stderr, f'exit code {done.returncode}')}")
    folder = folder_of(case, settings)
    inputs = case.inputs(settings.seed)
    np.savez(folder / "inputs.npz", *inputs)
    for number, array in enumerate(inputs):
        np.save(folder / f"in{number}.npy", array)
    absent = json.loads((folder / "prepared.json").read_text())["absent"]
    return {engine: absent[format_of(engine)] for engine in engines if format_of(engine) in absent}


def folder_of(case: Case, settings: Settings) -> pathlib.Path:
    return settings.cache / f"{case.spec}-seed{settings.seed}"


def limns_of(case: Case, settings: Settings) -> dict[str, Limn]:
    """limn's variants by name."""
    weights = settings.cache / f"{case.graph}-seed{settings.seed}.safetensors"
    return {name: Limn(settings.limn, weights, options) for name, options in settings.variants.items()}


class Measurement:
    """The measurement of one case; `entry` holds the results."""

    def __init__(self, case: Case, engines: list[str], absent: dict[str, str], settings: Settings) -> None:
        self.case, self.settings = case, settings
        self.folder = folder_of(case, settings)
        self.limns = limns_of(case, settings)
        self.engines = [*self.limns, *(engine for engine in engines if engine not in absent)]
        self.entry: Entry = {
            "case": case.name,
            "title": case.title,
            "megapixels": case.megapixels,
            "repetitions": {},
            "engines": {},
            "absent": dict(absent),
        }

    def leave_out(self, engine: str, reason: str) -> None:
        """Records a failed engine as absent. If limn fails, raises EngineFailed."""
        if engine == LIMN:
            raise EngineFailed(f"limn: {reason}")
        note(f"{self.case.name}: {engine} left out: {reason}")
        self.engines.remove(engine)
        self.entry["engines"].pop(engine, None)
        self.entry["absent"][engine] = reason

    # One process, one result

    def once(self, engine: str, threads: int) -> processes.Finished:
        """Starts a process that loads, runs once and writes its result."""
        output = self.output_of(engine)
        if engine in self.limns:
            inputs = sorted(self.folder.glob("in[0-9].npy"))
            command = self.limns[engine].run(inputs, output, threads)
        else:
            command = [*self.worker_command(engine, threads), "once", str(output)]
        return processes.launch(command, self.settings.cpus(threads))

    def output_of(self, engine: str) -> pathlib.Path:
        return self.folder / f"out-{engine.replace(' ', '-')}.npy"

    def worker_command(self, engine: str, threads: int) -> list[str]:
        inputs = self.folder / "inputs.npz"
        limit = self.settings.limits.get(format_of(engine), Limit())
        return processes.worker_command(
            engine, self.case.spec, self.folder, threads, inputs, limit.environment
        )

    # Agreement

    def error_of(self, engine: str) -> float:
        """The error of the engine's last result, relative to limn's."""
        return figures.relative_error(np.load(self.output_of(engine)), np.load(self.output_of(LIMN)))

    def check(self, engine: str) -> None:
        """Leaves an engine out if its last result differs from limn's at float32.

        One that lowers the precision may differ, but its values must be finite.
        """
        error = self.error_of(engine)
        if error > BOUND and not (figures.lowers(engine) and math.isfinite(error)):
            self.leave_out(engine, f"its output differs by {error:.1e} of the largest magnitude")
        else:
            found = self.entry["engines"][engine]
            found["error"] = max(error, found["error"])

    def agree(self) -> None:
        """Runs every engine once, which also brings its files into the page cache."""
        threads = self.settings.threads[-1]
        for engine in list(self.engines):
            try:
                self.once(engine, threads)
                self.entry["engines"][engine] = {"error": 0.0, "threads": {}}
                self.check(engine)
            except EngineFailed as failure:
                self.leave_out(engine, str(failure))
        errors = {name: found["error"] for name, found in self.entry["engines"].items() if name != LIMN}
        if errors:
            texts = (f"{name} {error:.1e}" for name, error in errors.items())
            note(f"{self.case.name}: errors " + ", ".join(texts))

    # Times

    def take_turns(self, threads: int) -> None:
        """Runs rounds: one engine after the other on the same cores, with the same number of runs."""
        cpus = self.settings.cpus(threads)
        with contextlib.ExitStack() as stack:
            workers: dict[str, Worker] = {}
            for engine in self.peers():
                workers[engine] = stack.enter_context(Worker(self.worker_command(engine, threads), cpus))
                self.attempt(engine, workers[engine].load)
            for engine in self.peers():
                self.attempt(engine, self.learn, engine, workers[engine])
            count = self.turn_length(workers, threads)
            rounds: dict[str, list[tuple[float, float]]] = {engine: [] for engine in self.engines}
            for number in range(self.settings.rounds):
                note(
                    f"{self.case.name}: {counted(threads)}, "
                    f"round {number + 1} of {self.settings.rounds}, {count} runs"
                )
                for engine in rotated(self.engines, number):
                    if engine in self.limns:
                        found = self.limns[engine].measure(self.case, threads, count, cpus)
                        rounds[engine].append((found["min_ms"], found["median_ms"]))
                    else:
                        times = self.attempt(engine, workers[engine].ask, f"run {count}")
                        if times:
                            rounds[engine].append((min(times), statistics.median(times)))
            for engine in self.peers():
                self.attempt(engine, workers[engine].ask, f"save {self.output_of(engine)}")
                if engine in self.engines:
                    self.check(engine)
        for engine in self.engines:
            self.entry["engines"][engine]["threads"][str(threads)] = figures.timing(rounds[engine])
        self.entry["repetitions"][str(threads)] = count

    def peers(self) -> list[str]:
        """The measured peers' variants, as a copy: an engine that fails is removed from `engines`."""
        return [engine for engine in self.engines if engine not in self.limns]

    def measured_limns(self) -> list[Limn]:
        return [limn for name, limn in self.limns.items() if name in self.engines]

    def learn(self, engine: str, worker: Worker) -> None:
        """Asks for the precision of an engine that chooses it, and whether AVX-512 is hidden from a limited one."""
        if figures.lowers(engine):
            self.entry["engines"][engine]["precision"] = worker.ask("precision")
        limit = self.settings.limits.get(format_of(engine), Limit())
        used = worker.ask("avx512") if limit.environment else False
        if used:
            raise EngineFailed(f"it uses AVX-512 in spite of the limit: {limit.how}")
        if used is None:
            note(f"{self.case.name}: {engine}: the kernel does not record whether it uses AVX-512")

    def attempt(self, engine: str, action, *arguments):
        """Returns the action's result. If the engine fails, leaves it out and returns None."""
        try:
            return action(*arguments)
        except EngineFailed as failure:
            self.leave_out(engine, str(failure))
            return None

    def turn_length(self, workers: dict[str, Worker], threads: int) -> int:
        """The number of runs in a turn, from a trial run of every engine; two, because TorchScript optimises first."""
        cpus = self.settings.cpus(threads)
        times = [limn.measure(self.case, threads, 1, cpus)["min_ms"] for limn in self.measured_limns()]
        for engine in self.peers():
            tried = self.attempt(engine, workers[engine].ask, "run 2")
            times += [min(tried)] if tried else []
        return figures.repetitions(min(times), self.settings.turn_seconds)

    # Memory and start

    def start(self) -> None:
        """Starts fresh processes: with all threads for the wall time, with each number of threads for the memory."""
        most = self.settings.threads[-1]
        seconds: dict[str, list[float]] = {engine: [] for engine in self.engines}
        for threads in self.settings.threads:
            note(f"{self.case.name}: fresh processes, {counted(threads)}")
            for number in range(self.settings.starts if threads == most else 1):
                for engine in rotated(self.engines, number):
                    done = self.once(engine, threads)
                    at = self.entry["engines"][engine]["threads"][str(threads)]
                    at["peak_mb"] = max(done.peak_mb, at.get("peak_mb", 0))
                    if threads == most:
                        seconds[engine].append(done.seconds * 1e3)
        for engine, times in seconds.items():
            found = self.entry["engines"][engine]
            found["start_ms"] = {"min": min(times), "median": statistics.median(times)}
            found["overhead_ms"] = min(times) - found["threads"][str(most)]["min_ms"]


def rotated(engines: list[str], by: int) -> list[str]:
    """The engines in order, starting with another one in each round."""
    first = by % len(engines)
    return engines[first:] + engines[:first]


def measure(case: Case, engines: list[str], absent: dict[str, str], settings: Settings) -> Entry:
    """Returns the entry of one case. `absent`: engines known to be missing, with reasons."""
    there = [engine for engine in engines if engine not in absent]
    unconverted = prepare(case, there, settings)
    measurement = Measurement(case, engines, absent | unconverted, settings)
    measurement.agree()
    for threads in settings.threads:
        measurement.take_turns(threads)
    measurement.start()
    return measurement.entry

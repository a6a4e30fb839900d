#!/usr/bin/env python3
"""Runs one engine in a separate process.

    python worker.py ENGINE CASE FOLDER THREADS INPUTS.npz once OUTPUT.npy    load, run once, save, exit
    python worker.py ENGINE CASE FOLDER THREADS INPUTS.npz serve              load, then read commands from stdin

Commands: `run N` runs once untimed, then N times, and answers with the milliseconds of each run; `save PATH` writes the
last result; `precision` and `avx512` answer with what the engine uses. Answers are lines of JSON on the original
stdout; what a library prints there goes to stderr.
"""

from __future__ import annotations

import json
import os
import pathlib
import sys
import threading
import time
from typing import TextIO

import numpy as np

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1]))

from peers.layer_engines import ENGINES
from peers.graphs import parse


def own_channel() -> TextIO:
    """Returns a stream to stdout, and redirects stdout to stderr."""
    channel = os.fdopen(os.dup(1), "w", buffering=1)
    os.dup2(2, 1)
    return channel


def milliseconds(engine, repetitions: int) -> list[float]:
    engine.run()  # after a pause, caches and threads are cold
    times = []
    for _ in range(repetitions):
        start = time.perf_counter()
        engine.run()
        times.append((time.perf_counter() - start) * 1e3)
    return times


def uses_avx512(engine, seconds: float = 0.5) -> bool | None:
    """Whether a thread's 512-bit registers or registers 16 to 31 are used in runs. None: the kernel does not record it.

    Linux records their use when it takes a thread off its core. So another thread interrupts the engine often.
    """
    time.sleep(0.05)  # uses before the start are older than the clock's steps
    start = time.monotonic()
    ended = threading.Event()

    def interrupt() -> None:
        while not ended.wait(0.001):
            pass

    interrupter = threading.Thread(target=interrupt)
    interrupter.start()
    while time.monotonic() < start + seconds:
        engine.run()
    records = [path.read_text() for path in pathlib.Path("/proc/self/task").glob("*/arch_status")]
    elapsed = 1e3 * (time.monotonic() - start)
    ended.set()
    interrupter.join()
    ages = [float(text.split()[1]) for text in records if text.startswith("AVX512_elapsed_ms")]
    return any(0 <= age < elapsed for age in ages) if ages else None  # -1: never used


def answer(engine, order: str, argument: str) -> object:
    if order == "run":
        return milliseconds(engine, int(argument))
    if order == "save":
        np.save(argument, engine.output())
        return "saved"
    return engine.precision() if order == "precision" else uses_avx512(engine)


def serve(engine, channel: TextIO) -> None:
    print(json.dumps("ready"), file=channel)
    for line in sys.stdin:
        order, _, argument = line.strip().partition(" ")
        print(json.dumps(answer(engine, order, argument)), file=channel)


def main() -> None:
    name, case, folder, threads, inputs, *order = sys.argv[1:]
    channel = own_channel()
    with np.load(inputs) as arrays:
        tensors = [arrays[key] for key in sorted(arrays)]
    engine = ENGINES[name](parse(case), pathlib.Path(folder), int(threads), tensors)
    if order[0] == "serve":
        serve(engine, channel)
        return
    engine.run()
    np.save(order[1], engine.output())
    os._exit(0)  # the result is written; do not measure the clean-up


if __name__ == "__main__":
    main()

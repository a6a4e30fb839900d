#!/usr/bin/env python3
"""Runs one engine in a separate process.

    python worker.py ENGINE CASE FOLDER THREADS INPUTS.npz once OUTPUT.npy    load, run once, save, exit
    python worker.py ENGINE CASE FOLDER THREADS INPUTS.npz serve              load, then read commands from stdin

Commands: `run N` runs once untimed, then N times, and answers with the milliseconds of each run; `save PATH` writes the
last result. Answers are lines of JSON on the original stdout; what a library prints there goes to stderr.
"""

from __future__ import annotations

import json
import os
import pathlib
import sys
import time
from typing import TextIO

import numpy as np

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1]))

from peers.engines import ENGINES
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


def serve(engine, channel: TextIO) -> None:
    print(json.dumps("ready"), file=channel)
    for line in sys.stdin:
        order, argument = line.split(maxsplit=1)
        if order == "run":
            answer: object = milliseconds(engine, int(argument))
        else:
            np.save(argument.strip(), engine.output())
            answer = "saved"
        print(json.dumps(answer), file=channel)


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

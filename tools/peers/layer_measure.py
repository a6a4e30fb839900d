"""Measures one layer: all variants of `limn bench kernels`, and every peer in each layout it takes, in turn."""

from __future__ import annotations

import json
import pathlib
import statistics
from typing import Any

import numpy as np

from . import figures, measure, processes
from .figures import LIMN, Entry
from .layers import CONVOLUTIONS, Layer
from .measure import Settings

Row = dict[str, Any]  # as in the report of `limn bench kernels --json`
WAYS = {
    "torch": ("torch-eager", "torch-channels-last", "torch-optimized", "torch-prepacked"),
    "onnxruntime": ("onnxruntime",),
    "openvino": ("openvino", "openvino-nhwc", "openvino-default"),
    "ncnn": ("ncnn", "ncnn-packed"),
}
SLOW = 3  # times the fastest variant's time; slower variants of limn take one turn only
UNMATCHED = "no such operator"
BOUNDS = ("peak_gflops", "bandwidth_gb_per_s")


def ways(layer: Layer, engines: list[str]) -> list[str]:
    """How the engines run this layer: each in several layouts."""
    found = [way for engine in engines for way in WAYS[engine]]
    return [way for way in found if way != "torch-prepacked" or layer.op in CONVOLUTIONS]


class LimnKernels:
    """`limn bench kernels` for one layer: `turns`, the rows of each by variant; `machine`, the facts at the top."""

    def __init__(self, program: pathlib.Path, options: tuple[str, ...] = ()) -> None:
        self.program, self.options = program, options
        self.turns: list[dict[str, Row]] = []
        self.machine: dict[str, str | float] = {}

    def measure(self, layer: Layer, threads: int, repetitions: int, cpus: list[int]) -> dict[str, float]:
        """Measures every variant in the first turn, then the faster ones. Returns the fastest one's times."""
        command = [str(self.program), "bench", "kernels", "--json", "-q", "-t", str(threads)]
        command += [*self.options, "--op", layer.op, "--shape", layer.shape]
        if self.turns:
            first = self.turns[0]
            least = min(row["ms"] for row in first.values())
            command += ["--reps", str(repetitions)]
            command += [f"--variant={name}" for name, row in first.items() if row["ms"] <= SLOW * least]
        report = json.loads(processes.launch(command, cpus).stdout)
        rows = report["kernels"]
        self.turns.append({row["variant"]: row for row in rows})
        for key in BOUNDS:  # at their best
            report[key] = max(report[key], self.machine.get(key, 0))
        self.machine = {key: report[key] for key in ("engine", "cpu", *BOUNDS)}
        fastest = min(rows, key=lambda row: row["ms"])
        return {"min_ms": fastest["ms"], "median_ms": fastest["median_ms"]}

    def rows(self) -> list[Row]:
        """Each variant with the least of its minima and the median of its medians."""
        found = []
        for name, row in self.turns[0].items():
            mine = [turn[name] for turn in self.turns if name in turn]
            median = statistics.median(each["median_ms"] for each in mine)
            found.append({**row, "ms": min(each["ms"] for each in mine), "median_ms": median})
        return found


class LayerMeasurement(measure.Measurement):
    """The measurement of one layer, without fresh processes; errors are those against float64."""

    def __init__(self, layer: Layer, engines: list[str], absent: dict[str, str], settings: Settings) -> None:
        super().__init__(layer, engines, absent, settings)
        self.engines = [LIMN, *self.peers()]
        self.limn = LimnKernels(settings.limn, settings.variants[LIMN])
        self.limns = {LIMN: self.limn}
        self.entry["engines"] = {engine: {"error": 0.0, "threads": {}} for engine in self.engines}

    def error_of(self, engine: str) -> float:
        return figures.relative_error(np.load(self.output_of(engine)), np.load(self.folder / "expected.npy"))


def rated(row: Row, layer: Layer, machine: dict[str, float]) -> Row:
    """The row with the layer's place, and with its rates as shares of the machine's."""
    gflops, gigabytes = (row[key] / row["ms"] / 1e6 for key in ("flop", "bytes"))
    shares = {
        "percent_of_peak": 100 * gflops / machine["peak_gflops"],
        "percent_of_bandwidth": 100 * gigabytes / machine["bandwidth_gb_per_s"],
    }
    return {**row, **shares, "gflops": gflops, "where": layer.where}


def rows_of(measurement: LayerMeasurement, layer: Layer, threads: int) -> list[Row]:
    """limn's variants, then the ways of the peers."""
    limn, entry = measurement.limn, measurement.entry
    own = limn.rows()
    same = {key: own[0][key] for key in ("op", "shape", "flop", "bytes")}
    peers = []
    for way in measurement.engines[1:]:
        found = entry["engines"][way]
        time = found["threads"][str(threads)]
        precision = {"precision": found["precision"]} if "precision" in found else {}
        peers.append({**same, "variant": way, "error": found["error"], "planned": None, **precision})
        peers[-1] |= {"ms": time["min_ms"], "median_ms": time["median_ms"]}
    return [rated(row, layer, limn.machine) for row in own + peers]


def measured(layer: Layer, engines: list[str], absent: dict[str, str], settings: Settings) -> Entry:
    """Returns the entry of one layer: `rows`, and `absent`, the ways that are missing, with reasons."""
    wanted = ways(layer, engines)
    if not layer.is_computed_by_peers:
        absent = dict.fromkeys(wanted, UNMATCHED)
    there = [way for way in wanted if way not in absent]
    if there:
        absent = absent | measure.prepare(layer, ["float64", *there], settings)
    threads = settings.threads[-1]
    measurement = LayerMeasurement(layer, wanted, absent, settings)
    measurement.take_turns(threads)
    return measurement.entry | {"machine": measurement.limn.machine, "rows": rows_of(measurement, layer, threads)}

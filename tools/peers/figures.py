"""The arithmetic of the comparison: minima, medians and ratios, and which engines are compared.

An entry, the results of one case in peers.json:

    {"engines": {ENGINE: {"error": E, "threads": {"1": {"min_ms", "median_ms", "peak_mb"}, ..},
                          "start_ms": {"min", "median"}, "overhead_ms"}}, "absent": {ENGINE: REASON}, ..}

Minima are compared, because on a shared machine every disturbance makes a run longer.
"""

from __future__ import annotations

import math
import statistics
from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import numpy as np

LIMN = "limn"
# The engines as users know them, and the variants in which each is run; the best variant counts.
FAMILIES = {
    LIMN: (LIMN,),
    "PyTorch": ("torch-eager", "torch-channels-last", "torch-frozen", "torch-optimized"),
    "ONNX Runtime": ("onnxruntime",),
    "OpenVINO": ("openvino",),
    "ncnn": ("ncnn",),
}

Entry = dict[str, Any]
Timing = dict[str, float]


def timing(rounds: Iterable[tuple[float, float]]) -> Timing:
    """The least minimum and the median of the medians, from each round's minimum and median."""
    minima, medians = zip(*rounds, strict=True)
    return {"min_ms": min(minima), "median_ms": statistics.median(medians)}


def relative_error(result: np.ndarray, reference: np.ndarray) -> float:
    """The largest difference relative to the largest magnitude; infinite if a value is not finite."""
    if result.shape != reference.shape:
        return math.inf
    difference = float(abs(result.astype("f8") - reference).max())
    largest = float(abs(reference).max())
    return difference / largest if math.isfinite(difference) and largest > 0 else math.inf


def repetitions(fastest_ms: float, turn_seconds: float, least: int = 2, most: int = 50) -> int:
    """The number of runs in a turn, the same for all engines: the fastest engine needs `turn_seconds` for them."""
    return max(least, min(most, math.ceil(1e3 * turn_seconds / fastest_ms)))


def geometric_mean(values: Iterable[float]) -> float:
    """The geometric mean; NaN if there are no values."""
    logarithms = [math.log(value) for value in values]
    return math.exp(sum(logarithms) / len(logarithms)) if logarithms else math.nan


def variants(entry: Entry, family: str) -> dict[str, Entry]:
    """The measured variants of one engine."""
    return {name: entry["engines"][name] for name in FAMILIES[family] if name in entry["engines"]}


def families(entry: Entry) -> list[str]:
    """The engines that were measured, limn first."""
    return [family for family in FAMILIES if variants(entry, family)]


def peer_families(entry: Entry) -> list[str]:
    return [family for family in families(entry) if family != LIMN]


def quickest(entry: Entry, family: str, threads: str) -> tuple[str, Timing]:
    """The variant with the least minimum, and its times."""
    ways = {name: figures["threads"][threads] for name, figures in variants(entry, family).items()}
    return min(ways.items(), key=lambda way: way[1]["min_ms"])


def least_memory(entry: Entry, family: str, threads: str) -> float:
    """The peak in MB of the variant with the lowest peak."""
    return min(figures["threads"][threads]["peak_mb"] for figures in variants(entry, family).values())


def first_start(entry: Entry, family: str) -> Entry:
    """The figures of the variant with the shortest start."""
    return min(variants(entry, family).values(), key=lambda figures: figures["start_ms"]["min"])


def fastest_peer(entry: Entry, threads: str) -> str | None:
    """The fastest family besides limn; None if there is no peer."""
    return min(peer_families(entry), key=lambda f: quickest(entry, f, threads)[1]["min_ms"], default=None)


def ratio(entry: Entry, threads: str) -> float | None:
    """The fastest peer's time divided by limn's."""
    peer = fastest_peer(entry, threads)
    if peer is None:
        return None
    return quickest(entry, peer, threads)[1]["min_ms"] / quickest(entry, LIMN, threads)[1]["min_ms"]


def mean_ratio(entries: Iterable[Entry], threads: str) -> float:
    """The geometric mean of the ratios of all cases with a peer."""
    return geometric_mean(value for entry in entries if (value := ratio(entry, threads)) is not None)

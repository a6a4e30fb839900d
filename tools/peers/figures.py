"""The arithmetic of the comparison: minima, medians and ratios, and which engines are compared.

An entry, the results of one case in peers.json:

    {"engines": {ENGINE: {"error": E, "precision": "f32", "threads": {"1": {"min_ms", "median_ms", "peak_mb"}, ..},
                          "start_ms": {"min", "median"}, "overhead_ms"}}, "absent": {ENGINE: REASON}, ..}

The engine `limn` is limn at float32 on the first instruction set of --isa. `limn avx512+amx bf16` and similar are limn
on another instruction set, at a lower precision, or both.

Minima are compared, because on a shared machine every disturbance makes a run longer.
"""

from __future__ import annotations

import math
import statistics
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import numpy as np

LIMN = "limn"
DEFAULT = "OpenVINO default"  # lowers the precision where the processor can; no float32 peer
PRECISIONS = ("fp32", "bf16x2", "bf16")  # of limn, highest first
# The engines as users know them, and the variants in which each is run; the best variant counts.
FAMILIES = {
    LIMN: (LIMN,),
    "PyTorch": ("torch-eager", "torch-channels-last", "torch-frozen", "torch-optimized"),
    "ONNX Runtime": ("onnxruntime",),
    "OpenVINO": ("openvino",),
    DEFAULT: ("openvino-default",),
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


def is_limn(engine: str) -> bool:
    """Whether the name is that of limn, in any variant."""
    return engine.split(" ")[0] == LIMN


def lowers(engine: str) -> bool:
    """Whether an engine or family may lower the precision: its error is stated, and it is not left out for it."""
    return engine in (DEFAULT, *FAMILIES[DEFAULT]) or engine.split(" ")[-1] in PRECISIONS[1:]


def variants(entry: Entry, family: str) -> dict[str, Entry]:
    """The measured variants of one engine."""
    names = FAMILIES.get(family, (family,))
    return {name: entry["engines"][name] for name in names if name in entry["engines"]}


def own_families(entry: Entry) -> list[str]:
    """limn's measured variants, `limn` first. Each counts as a family."""
    return [name for name in entry["engines"] if is_limn(name)]


def families(entry: Entry) -> list[str]:
    """The engines that were measured, limn first."""
    peers = [family for family in FAMILIES if family != LIMN and variants(entry, family)]
    return own_families(entry) + peers


def peer_families(entry: Entry) -> list[str]:
    """The measured peers that compute in float32."""
    return [family for family in families(entry) if not is_limn(family) and not lowers(family)]


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
    """The fastest float32 peer; None if there is none."""
    return min(peer_families(entry), key=lambda f: quickest(entry, f, threads)[1]["min_ms"], default=None)


def ratio(entry: Entry, threads: str, own: str = LIMN, peer: str | None = None) -> float | None:
    """The time of a peer, by default the fastest in float32, divided by that of limn's variant `own`."""
    peer = peer or fastest_peer(entry, threads)
    if peer is None or not variants(entry, peer) or not variants(entry, own):
        return None
    return quickest(entry, peer, threads)[1]["min_ms"] / quickest(entry, own, threads)[1]["min_ms"]


def ratios(entries: Iterable[Entry], threads: str, own: str = LIMN, peer: str | None = None) -> list[float]:
    """The ratios of all cases that have one."""
    found = (ratio(entry, threads, own, peer) for entry in entries)
    return [value for value in found if value is not None]


def mean_and_least(values: Sequence[float]) -> tuple[float, float]:
    """The geometric mean and the least; NaN if there are no values."""
    return geometric_mean(values), min(values, default=math.nan)

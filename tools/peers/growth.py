"""Growth of time and memory with the input. If it is proportional, the figures per megapixel are constant."""

from __future__ import annotations

from typing import Any

from .figures import Entry, families, least_memory, quickest
from .graphs import GROWTH, Case


def sizes(case: Case) -> list[Case]:
    """The case at a quarter to four times its pixels; empty for a network with a fixed size."""
    if not case.grows:
        return []
    grown = [case.grown(factor) for factor in GROWTH]
    return list({size.spec: size for size in grown}.values())


def points(entries: list[Entry], threads: tuple[int, ...]) -> list[dict[str, Any]]:
    """One point per size, engine and number of threads.

    `mb_per_megapixel` includes the weights, so it falls with the size. `mb_per_further_megapixel` is the growth from
    the smallest size, without the weights.
    """
    found = []
    for entry in entries:
        for family in families(entry):
            for count in map(str, threads):
                megapixels, peak = entry["megapixels"], least_memory(entry, family, count)
                time = quickest(entry, family, count)[1]["min_ms"]
                found.append(
                    {
                        "case": entry["case"],
                        "engine": family,
                        "threads": int(count),
                        "megapixels": megapixels,
                        "min_ms": time,
                        "peak_mb": peak,
                        "ms_per_megapixel": time / megapixels,
                        "mb_per_megapixel": peak / megapixels,
                        "mb_per_further_megapixel": further(entries[0], entry, family, count),
                    }
                )
    return found


def further(smallest: Entry, entry: Entry, family: str, threads: str) -> float | None:
    """Memory per additional megapixel, compared with the smallest size."""
    more = entry["megapixels"] - smallest["megapixels"]
    if more <= 0 or family not in families(smallest):
        return None
    return (least_memory(entry, family, threads) - least_memory(smallest, family, threads)) / more

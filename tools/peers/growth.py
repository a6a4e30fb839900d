"""How time and memory grow with the input: both in proportion, so a megapixel always costs the same."""

from __future__ import annotations

from typing import Any

from .figures import Entry, families, least_memory, quickest
from .graphs import GROWTH, Case


def sizes(case: Case) -> list[Case]:
    """The case at a quarter to four times its pixels; nothing for a network that takes one size only."""
    if not case.grows:
        return []
    grown = [case.grown(factor) for factor in GROWTH]
    return list({size.spec: size for size in grown}.values())


def points(entries: list[Entry], threads: tuple[int, ...]) -> list[dict[str, Any]]:
    """One point a size, engine and number of threads.

    `mb_per_megapixel` counts the weights in, and falls with the size for their sake;
    `mb_per_further_megapixel` is the growth from the smallest size on, without them.
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
    """Memory that each megapixel beyond the smallest size costs."""
    more = entry["megapixels"] - smallest["megapixels"]
    if more <= 0 or family not in families(smallest):
        return None
    return (least_memory(entry, family, threads) - least_memory(smallest, family, threads)) / more

"""Tables and a chart of single layers: limn's variants compared with the peers."""

from __future__ import annotations

import pathlib
from collections.abc import Sequence
from typing import Any

from plots import kernels

from .figures import LIMN, Entry, geometric_mean
from .layer_measure import BOUNDS, SLOW, Row
from .layers import CONVOLUTIONS
from .report import PACKAGES, aligned, counted, describe, markdown, number, times

Table = tuple[Sequence[str], list[Sequence[str]]]
FP32 = ("fp32", "f32")  # in limn's words and in OpenVINO's


def family_of(row: Row) -> str:
    """The engine of a row: limn's variants start with the operator's name, the peers' with that of a package."""
    package = row["variant"].partition("-")[0]
    return next((family for family, name in PACKAGES.items() if name == package), LIMN)


def best_rows(entry: Entry) -> dict[str, Row]:
    """The fastest float32 row of each engine, limn's first."""
    found: dict[str, Row] = {}
    for row in entry["rows"]:
        family = family_of(row)
        if row.get("precision", FP32[0]) in FP32 and (family not in found or row["ms"] < found[family]["ms"]):
            found[family] = row
    return found


def ratio(entry: Entry) -> float | None:
    """The fastest peer's time divided by limn's; None without a peer."""
    best = best_rows(entry)
    peers = [row["ms"] for family, row in best.items() if family != LIMN]
    return min(peers) / best[LIMN]["ms"] if peers else None


def variant_text(row: Row) -> str:
    """The variant without its operator, and with its precision if the report states one."""
    precision = row.get("precision")
    return row["variant"].removeprefix(f"{row['op']}_") + (f" ({precision})" if precision else "")


def choice_text(entry: Entry) -> str:
    """limn's fastest float32 variant, and if the planner chooses another, that one and its time."""
    best = best_rows(entry)[LIMN]
    planned = [row for row in entry["rows"] if row["planned"] and row["variant"] != best["variant"]]
    return "; ".join([variant_text(best), *(f"planned {variant_text(row)} {number(row['ms'])}" for row in planned)])


def share(row: Row) -> str:
    """The rate as a share of what bounds the layer: of the peak of multiply-adds, or of the memory's copy rate."""
    peak, memory = row["percent_of_peak"], row["percent_of_bandwidth"]
    return f"{peak:.0f}%" if peak >= memory else f"{memory:.0f}% m"


def layer_rows(entry: Entry) -> Table:
    """A row per variant of limn and per layout of a peer."""
    header = ["kernel", "min ms", "median", "GFLOP/s", "of peak", "of memory", "error", "choice"]
    rows = [
        [
            variant_text(row),
            *(number(row[key]) for key in ("ms", "median_ms", "gflops")),
            *(f"{row[key]:.1f}%" for key in ("percent_of_peak", "percent_of_bandwidth")),
            "" if row["error"] is None else f"{row['error']:.1e}",
            row["planned"] or "",
        ]
        for row in entry["rows"]
    ]
    return header, rows


def absences(entry: Entry) -> list[str]:
    """A line per reason."""
    reasons = dict.fromkeys(entry["absent"].values())
    return [
        f"absent: {', '.join(way for way, why in entry['absent'].items() if why == reason)}: {reason}"
        for reason in reasons
    ]


def layer_text(entry: Entry) -> str:
    """A layer for the terminal."""
    faster = [f"limn is {times(ratio(entry))} as fast as the fastest peer"] if ratio(entry) else []
    return "\n".join([entry["title"], aligned(*layer_rows(entry)), *absences(entry), *faster]) + "\n"


def summary_rows(entries: Sequence[Entry]) -> Table:
    """A row per layer: each engine's least time, and its share of the bound; limn's fastest variant; the ratio."""
    rows = []
    for entry in entries:
        best = best_rows(entry)
        cells = [f"{number(best[f]['ms'])}, {share(best[f])}" if f in best else "-" for f in (LIMN, *PACKAGES)]
        rows.append([entry["case"], choice_text(entry), *cells, times(ratio(entry))])
    for title, wanted in (("convolutions", True), ("other operators", False)):
        ratios = [ratio(e) for e in entries if (e["rows"][0]["op"] in CONVOLUTIONS) == wanted]
        mean = geometric_mean(each for each in ratios if each)
        rows.append([f"geometric mean, {title}", "", *[""] * (1 + len(PACKAGES)), times(mean)])
    return ["layer", "limn's variant", "limn ms", *(f"{family} ms" for family in PACKAGES), "ratio"], rows


def machine_of(entries: Sequence[Entry]) -> dict[str, Any]:
    """The engine and the machine, with its bounds at their best."""
    best = {key: max(entry["machine"][key] for entry in entries) for key in BOUNDS}
    return entries[0]["machine"] | best


def kernels_report(around: dict[str, Any], entries: Sequence[Entry]) -> dict[str, Any]:
    """The results in the form of `limn bench kernels --json`, with the peers as further variants."""
    return {
        **machine_of(entries),
        "surroundings": around,
        "absent": {entry["case"]: entry["absent"] for entry in entries if entry["absent"]},
        "kernels": [row for entry in entries for row in entry["rows"]],
    }


def markdown_report(around: dict[str, Any], entries: Sequence[Entry]) -> str:
    """layers.md: the summary, then every row."""
    peak, bandwidth = (machine_of(entries)[key] for key in BOUNDS)
    parts = [
        f"{describe(around)}; {counted(around['threads'][-1])}: {number(peak)} GFLOP/s of multiply-adds, copies "
        f"{number(bandwidth)} GB/s. float32, random input and weights, least of {around['rounds']} rounds in turn on "
        "the same cores. Each engine's fastest variant or layout. A share is of the peak, or with m of the memory's "
        "copy rate, whichever is nearer. The ratio is the fastest peer's time divided by limn's.",
        markdown(*summary_rows(entries)),
    ]
    for entry in entries:
        parts += [f"**{entry['title']}**", markdown(*layer_rows(entry)), *absences(entry)]
    return "\n\n".join(parts) + "\n"


def draw(around: dict[str, Any], entries: Sequence[Entry], folder: pathlib.Path) -> list[pathlib.Path]:
    """Draws limn's variants next to each peer's fastest layout; leaves out variants that took one turn only."""
    rows = []
    for entry in entries:
        best = best_rows(entry)
        own = [row for row in entry["rows"] if family_of(row) == LIMN and row["ms"] <= SLOW * best[LIMN]["ms"]]
        rows += own + [{**row, "variant": family} for family, row in best.items() if family != LIMN]
    return kernels.draw({**kernels_report(around, entries), "kernels": rows}, folder, "layers")

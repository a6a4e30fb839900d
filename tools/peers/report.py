"""Tables of the measurements, for the terminal and as Markdown for the README."""

from __future__ import annotations

import datetime
import importlib.metadata
import math
import os
import pathlib
import platform
from collections.abc import Sequence
from typing import Any

from . import figures
from .figures import FAMILIES, LIMN, Entry
from .processes import EngineFailed

PACKAGES = {"PyTorch": "torch", "ONNX Runtime": "onnxruntime", "OpenVINO": "openvino", "ncnn": "ncnn"}
Row = Sequence[str]


# Text and numbers


def number(value: float) -> str:
    """Three significant digits, or all digits before the point: 0.812, 1.55, 24.6, 2238."""
    if not math.isfinite(value):
        return "-"
    places = 0 if abs(value) >= 99.95 else 1 if abs(value) >= 9.995 else 2 if abs(value) >= 0.9995 else 3
    return f"{value:.{places}f}"


def counted(threads: int) -> str:
    return "1 thread" if threads == 1 else f"{threads} threads"


def per_threads(values: Sequence[float]) -> str:
    """One value per number of threads: 2238 / 1110."""
    return " / ".join(number(value) for value in values)


def times(value: float | None) -> str:
    return "-" if value is None or not math.isfinite(value) else f"{value:.2f}x"


# The machine


def processor() -> str:
    """The CPU's name from the kernel."""
    try:
        lines = pathlib.Path("/proc/cpuinfo").read_text().splitlines()
    except OSError:
        return platform.machine()
    names = [
        line.split(":", 1)[1].strip() for line in lines if line.lower().startswith(("model name", "hardware"))
    ]
    return names[0] if names else platform.machine()


def memory_gb() -> float:
    return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 1e9


def versions() -> dict[str, str]:
    """The versions of the installed peers, Python and NumPy."""
    found = {"Python": platform.python_version()}
    for name, package in {**PACKAGES, "NumPy": "numpy", "pnnx": "pnnx", "ONNX": "onnx"}.items():
        try:
            found[name] = importlib.metadata.version(package)
        except importlib.metadata.PackageNotFoundError:
            continue
    if any(dist.name.startswith("nvidia-") for dist in importlib.metadata.distributions()):
        found["PyTorch"] += " (with CUDA libraries, unused)"
    return found


def surroundings(
    limn: str, cores: Sequence[int], threads: Sequence[int], date: datetime.date
) -> dict[str, Any]:
    """Everything that is needed to repeat the measurement."""
    return {
        "date": date.isoformat(),
        "processor": processor(),
        "cores": list(cores),
        "memory_gb": round(memory_gb(), 1),
        "kernel": platform.release(),
        "limn": limn,
        "versions": versions(),
        "threads": list(threads),
    }


def describe(around: dict[str, Any]) -> str:
    """The surroundings as one paragraph."""
    engines = ", ".join(
        f"{name} {around['versions'][name]}" for name in PACKAGES if name in around["versions"]
    )
    return (
        f"{around['processor']}, {len(around['cores'])} physical cores, {around['memory_gb']} GB, "
        f"{around['date']}; {around['limn']}; {engines or 'no peer'}"
    )


# Tables


def aligned(header: Row, rows: Sequence[Row]) -> str:
    """A table with aligned columns: the first to the left, the others to the right."""
    lines = [header, *rows]
    widths = [max(len(line[column]) for line in lines) for column in range(len(header))]

    def fit(line: Row) -> str:
        first, *rest = (
            cell.ljust(w) if i == 0 else cell.rjust(w)
            for i, (cell, w) in enumerate(zip(line, widths, strict=True))
        )
        return "  ".join([first, *rest]).rstrip()

    return "\n".join(fit(line) for line in lines)


def markdown(header: Row, rows: Sequence[Row]) -> str:
    """The same table in Markdown."""
    rule = ["---", *["--:"] * (len(header) - 1)]
    return "\n".join("| " + " | ".join(line) + " |" for line in (header, rule, *rows))


def way_text(entry: Entry, family: str, threads: Sequence[int]) -> str:
    """The fastest variant at each number of threads, for an engine with several."""
    if len(FAMILIES[family]) == 1:
        return ""
    ways = [figures.quickest(entry, family, str(count))[0].removeprefix("torch-") for count in threads]
    return ways[0] if len(set(ways)) == 1 else " / ".join(ways)


def case_rows(entry: Entry, threads: Sequence[int]) -> tuple[Row, list[Row]]:
    """A case's table, one row per engine."""
    header = ["engine", "variant", "error"]
    header += [f"{counted(count)}: min ms, median" for count in threads]
    header += [f"peak MB, {' / '.join(map(str, threads))}", "start ms: min, median", "overhead ms"]
    rows = []
    for family in figures.families(entry):
        ways = figures.variants(entry, family)
        timings = [figures.quickest(entry, family, str(count))[1] for count in threads]
        start = figures.first_start(entry, family)
        error = "" if family == LIMN else f"{max(way['error'] for way in ways.values()):.1e}"
        rows.append(
            [
                *(family, way_text(entry, family, threads), error),
                *(f"{number(t['min_ms'])}, {number(t['median_ms'])}" for t in timings),
                per_threads([figures.least_memory(entry, family, str(count)) for count in threads]),
                f"{number(start['start_ms']['min'])}, {number(start['start_ms']['median'])}",
                number(start["overhead_ms"]),
            ]
        )
    return header, rows


def case_text(entry: Entry, threads: Sequence[int]) -> str:
    """A case for the terminal: the measured engines, the absent ones with reasons, and the ratio."""
    parts = [entry["title"], aligned(*case_rows(entry, threads))]
    parts += [f"absent: {engine}: {reason}" for engine, reason in entry["absent"].items()]
    peers = [(count, figures.fastest_peer(entry, str(count))) for count in threads]
    parts += [
        f"{counted(count)}: limn is {times(figures.ratio(entry, str(count)))} as fast as {peer}"
        for count, peer in peers
        if peer
    ]
    return "\n".join(parts) + "\n"


def summary_rows(entries: Sequence[Entry], threads: Sequence[int]) -> tuple[Row, list[Row]]:
    """limn compared with the best peer for each figure, one row per case."""
    each = " / ".join(map(counted, threads))
    header = [f"network ({each})", "limn ms", "fastest peer ms", "ratio", "peak MB: limn, lowest peer"]
    header += ["start to result ms: limn, first peer"]
    rows = []
    for entry in entries:
        peers = figures.peer_families(entry)
        fastest = [figures.fastest_peer(entry, str(count)) for count in threads]
        own = [figures.quickest(entry, LIMN, str(count))[1]["min_ms"] for count in threads]
        memory = max(figures.least_memory(entry, LIMN, str(count)) for count in threads)
        start = figures.first_start(entry, LIMN)["start_ms"]["min"]
        row = [entry["title"], per_threads(own)]
        if not peers:
            rows.append([*row, "-", "-", number(memory), number(start)])
            continue
        beaten = [
            figures.quickest(entry, peer, str(n))[1]["min_ms"]
            for peer, n in zip(fastest, threads, strict=True)
        ]
        names = fastest[0] if len(set(fastest)) == 1 else " / ".join(map(str, fastest))
        leanest = min(
            (max(figures.least_memory(entry, peer, str(count)) for count in threads), peer) for peer in peers
        )
        first = min((figures.first_start(entry, peer)["start_ms"]["min"], peer) for peer in peers)
        rows.append(
            [
                *(*row, f"{per_threads(beaten)} ({names})"),
                " / ".join(times(figures.ratio(entry, str(count))) for count in threads),
                f"{number(memory)}, {number(leanest[0])} ({leanest[1]})",
                f"{number(start)}, {number(first[0])} ({first[1]})",
            ]
        )
    means = " / ".join(times(figures.mean_ratio(entries, str(count))) for count in threads)
    rows.append(["geometric mean", "", "", means, "", ""])
    return header, rows


def everyone_rows(entries: Sequence[Entry], threads: Sequence[int]) -> tuple[Row, list[Row]]:
    """The milliseconds of every engine, one row per case."""
    rows = []
    for entry in entries:
        there = figures.families(entry)
        cells = [
            per_threads([figures.quickest(entry, family, str(count))[1]["min_ms"] for count in threads])
            if family in there
            else "absent"
            for family in FAMILIES
        ]
        rows.append([entry["title"], *cells])
    return [f"ms, {' / '.join(map(counted, threads))}", *FAMILIES], rows


def markdown_report(around: dict[str, Any], entries: Sequence[Entry]) -> str:
    """peers.md: limn compared with the best peers, then the milliseconds of every engine."""
    threads = around["threads"]
    absences = sorted(
        {f"{entry['title']}: {e}: {why}" for entry in entries for e, why in entry["absent"].items()}
    )
    parts = [
        f"{describe(around)}. float32, the same random weights and inputs, outputs that agree; least of "
        f"{around['rounds']} rounds, in turn on the same cores.",
        markdown(*summary_rows(entries, threads)),
        markdown(*everyone_rows(entries, threads)),
    ]
    if absences:
        parts.append("Absent:\n\n" + "\n".join(f"- {line}" for line in absences))
    return "\n\n".join(parts) + "\n"


# The other two measurements


def growth_text(points: Sequence[dict[str, Any]]) -> str:
    """The sizes of one network, for the terminal."""
    header = ["case", "engine", "threads", "megapixels", "ms", "ms/MP", "peak MB", "MB/MP", "MB/additional MP"]
    rows = [
        [
            *(point["case"], point["engine"], str(point["threads"])),
            *(f"{point['megapixels']:.3f}", number(point["min_ms"]), number(point["ms_per_megapixel"])),
            *(number(point["peak_mb"]), number(point["mb_per_megapixel"])),
            number(point["mb_per_further_megapixel"] or math.nan),
        ]
        for point in points
    ]
    return aligned(header, rows) + "\n"


def clock_text(checks: Sequence[dict[str, Any]]) -> str:
    """limn's own figures and the kernel's."""
    header = [
        "case",
        "threads",
        "runs",
        "wall ms per run",
        "bench ms",
        "ratio",
        "kernel MB",
        "bench MB",
        "ratio",
    ]
    rows = [
        [
            *(check["case"], str(check["threads"]), str(check["runs"])),
            *(number(check["slope_ms"]), number(check["bench_ms"]), f"{check['time_ratio']:.3f}"),
            *(
                number(check["kernel_peak_mb"]),
                number(check["bench_peak_mb"]),
                f"{check['memory_ratio']:.3f}",
            ),
        ]
        for check in checks
    ]
    return aligned(header, rows) + "\n"


def failure_text(case: str, failure: EngineFailed) -> str:
    return f"{case}: not measured: {failure}"

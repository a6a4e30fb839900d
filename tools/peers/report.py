"""Tables of the measurements, for the terminal and as Markdown for the README."""

from __future__ import annotations

import datetime
import importlib.metadata
import math
import os
import pathlib
import platform
from collections.abc import Iterable, Sequence
from typing import Any

from . import figures
from .figures import DEFAULT, FAMILIES, LIMN, Entry
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


def times_per_threads(values: Iterable[float | None]) -> str:
    return " / ".join(times(value) for value in values)


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
    """The surroundings as one paragraph. `isa`: the instruction sets that --isa names."""
    peers = ", ".join(f"{name} {around['versions'][name]}" for name in PACKAGES if name in around["versions"])
    isa = f" with --isa {', '.join(around['isa'])}" if around.get("isa") else ""
    ways: dict[str, list[str]] = {}
    for engine, how in around.get("limits", {}).items():
        ways.setdefault(how, []).append(engine)
    limits = "; ".join(f"{', '.join(engines)}: {how}" for how, engines in ways.items())
    return (
        f"{around['processor']}, {len(around['cores'])} physical cores, {around['memory_gb']} GB, "
        f"{around['date']}; {around['limn']}{isa}; {peers or 'no peer'}"
        + (f". Peers limited to AVX2 ({limits})" if limits else "")
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
    """The fastest variant at each number of threads, for an engine with several; the precision that one has chosen."""
    if len(FAMILIES.get(family, ())) <= 1:
        return next(iter(figures.variants(entry, family).values())).get("precision", "")
    ways = [figures.quickest(entry, family, str(count))[0].removeprefix("torch-") for count in threads]
    return ways[0] if len(set(ways)) == 1 else " / ".join(ways)


def error_text(entry: Entry, family: str) -> str:
    """The largest error of an engine's variants; none for limn at float32, to which it is relative."""
    errors = (way["error"] for way in figures.variants(entry, family).values())
    return "" if family == LIMN else f"{max(errors):.1e}"


def case_rows(entry: Entry, threads: Sequence[int]) -> tuple[Row, list[Row]]:
    """A case's table, one row per engine."""
    header = ["engine", "variant", "error"]
    header += [f"{counted(count)}: min ms, median" for count in threads]
    header += [f"peak MB, {' / '.join(map(str, threads))}", "start ms: min, median", "overhead ms"]
    rows = []
    for family in figures.families(entry):
        timings = [figures.quickest(entry, family, str(count))[1] for count in threads]
        start = figures.first_start(entry, family)
        rows.append(
            [
                *(family, way_text(entry, family, threads), error_text(entry, family)),
                *(f"{number(t['min_ms'])}, {number(t['median_ms'])}" for t in timings),
                peak_mb(entry, family, threads),
                f"{number(start['start_ms']['min'])}, {number(start['start_ms']['median'])}",
                number(start["overhead_ms"]),
            ]
        )
    return header, rows


def case_text(entry: Entry, threads: Sequence[int]) -> str:
    """A case for the terminal: the measured engines, the absent ones with reasons, and the ratio."""
    parts = [entry["title"], aligned(*case_rows(entry, threads))]
    parts += [f"absent: {engine}: {reason}" for engine, reason in entry["absent"].items()]
    if any(found.get("precision") == "f32" for found in figures.variants(entry, DEFAULT).values()):
        parts.append("OpenVINO computes this network in f32 by default")
    for own in figures.own_families(entry):
        for count in threads:
            for peer in opponents(entry, own, count):
                ratio = times(figures.ratio(entry, str(count), own, peer))
                parts.append(f"{counted(count)}: {own} is {ratio} as fast as {peer}")
    return "\n".join(parts) + "\n"


def opponents(entry: Entry, own: str, threads: int) -> list[str]:
    """The peers with which a variant of limn is compared: the fastest in float32 unless it lowers the precision, and
    OpenVINO's default."""
    fastest = None if figures.lowers(own) else figures.fastest_peer(entry, str(threads))
    default = figures.variants(entry, DEFAULT) and DEFAULT
    return [peer for peer in (fastest, default) if peer]


def summary_rows(entries: Sequence[Entry], threads: Sequence[int], own: str = LIMN) -> tuple[Row, list[Row]]:
    """limn at float32 compared with the best float32 peer for each figure, one row per case."""
    each = " / ".join(map(counted, threads))
    header = [f"network ({each})", f"{own} ms", "fastest float32 peer ms", "ratio"]
    header += [f"peak MB: {own}, lowest peer", f"start to result ms: {own}, first peer"]
    rows = [summary_row(entry, threads, own) for entry in entries if figures.variants(entry, own)]
    means, leasts = mean_and_least_texts(entries, threads, own)
    rows.append(["geometric mean", "", "", means, "", ""])
    rows.append(["least", "", "", leasts, "", ""])
    return header, rows


def mean_and_least_texts(
    entries: Sequence[Entry], threads: Sequence[int], own: str, peer: str | None = None
) -> tuple[str, str]:
    """The geometric mean and the least of the ratios, at each number of threads."""
    pairs = [figures.mean_and_least(figures.ratios(entries, str(count), own, peer)) for count in threads]
    means, leasts = zip(*pairs, strict=True)
    return times_per_threads(means), times_per_threads(leasts)


def summary_row(entry: Entry, threads: Sequence[int], own: str) -> Row:
    peers = figures.peer_families(entry)
    memory = max(figures.least_memory(entry, own, str(count)) for count in threads)
    start = figures.first_start(entry, own)["start_ms"]["min"]
    row = [entry["title"], least_ms(entry, own, threads)]
    if not peers:
        return [*row, "-", "-", number(memory), number(start)]
    fastest = [str(figures.fastest_peer(entry, str(count))) for count in threads]
    beaten = [
        figures.quickest(entry, peer, str(n))[1]["min_ms"] for peer, n in zip(fastest, threads, strict=True)
    ]
    names = fastest[0] if len(set(fastest)) == 1 else " / ".join(fastest)
    leanest = min(
        (max(figures.least_memory(entry, peer, str(count)) for count in threads), peer) for peer in peers
    )
    first = min((figures.first_start(entry, peer)["start_ms"]["min"], peer) for peer in peers)
    return [
        *(*row, f"{per_threads(beaten)} ({names})"),
        times_per_threads(figures.ratio(entry, str(count), own) for count in threads),
        f"{number(memory)}, {number(leanest[0])} ({leanest[1]})",
        f"{number(start)}, {number(first[0])} ({first[1]})",
    ]


def least_ms(entry: Entry, family: str, threads: Sequence[int]) -> str:
    return per_threads([figures.quickest(entry, family, str(count))[1]["min_ms"] for count in threads])


def peak_mb(entry: Entry, family: str, threads: Sequence[int]) -> str:
    return per_threads([figures.least_memory(entry, family, str(count)) for count in threads])


def default_rows(entries: Sequence[Entry], threads: Sequence[int]) -> tuple[Row, list[Row]]:
    """Every variant of limn compared with OpenVINO's default, a row each per case; then the mean and the least."""
    header = [f"network ({' / '.join(map(counted, threads))})", "engine", "ms", "ratio to the default"]
    header += ["error against limn at float32", f"peak MB, {' / '.join(map(str, threads))}"]
    compared = [entry for entry in entries if figures.variants(entry, DEFAULT)]
    rows = []
    for entry in compared:
        for family in (DEFAULT, *figures.own_families(entry)):
            name = f"{family} {way_text(entry, family, threads)}".strip()
            ratios = times_per_threads(figures.ratio(entry, str(n), family, DEFAULT) for n in threads)
            row = [
                entry["title"],
                name,
                least_ms(entry, family, threads),
                "" if family == DEFAULT else ratios,
            ]
            rows.append([*row, error_text(entry, family), peak_mb(entry, family, threads)])
    for own in own_of_all(compared):
        texts = mean_and_least_texts(compared, threads, own, DEFAULT)
        for name, text in zip(("geometric mean", "least"), texts, strict=True):
            rows.append([name, own, "", text, "", ""])
    return header, rows


def own_of_all(entries: Sequence[Entry]) -> list[str]:
    """limn's variants that were measured in any case."""
    return list(dict.fromkeys(own for entry in entries for own in figures.own_families(entry)))


def summaries(entries: Sequence[Entry], threads: Sequence[int]) -> list[tuple[Row, list[Row]]]:
    """The tables of the summary: each of limn's variants at float32; OpenVINO's default, if it was measured."""
    exact = [own for own in own_of_all(entries) if not figures.lowers(own)]
    tables = [summary_rows(entries, threads, own) for own in exact]
    if any(figures.variants(entry, DEFAULT) for entry in entries):
        tables.append(default_rows(entries, threads))
    return tables


def everyone_rows(entries: Sequence[Entry], threads: Sequence[int]) -> tuple[Row, list[Row]]:
    """The milliseconds of every engine, one row per case."""
    shown = every_family(entries)
    rows = []
    for entry in entries:
        there = figures.families(entry)
        cells = [least_ms(entry, family, threads) if family in there else "absent" for family in shown]
        rows.append([entry["title"], *cells])
    return [f"ms, {' / '.join(map(counted, threads))}", *shown], rows


def summary_ratios(entries: Sequence[Entry], threads: Sequence[int]) -> list[dict[str, Any]]:
    """The means and least ratios of the summary as numbers, for peers.json."""
    found = []
    for own in own_of_all(entries):
        for peer in [DEFAULT] if figures.lowers(own) else [None, DEFAULT]:
            values = {str(count): figures.ratios(entries, str(count), own, peer) for count in threads}
            if all(values.values()):
                pairs = {count: figures.mean_and_least(each) for count, each in values.items()}
                summed = {count: {"mean": mean, "least": least} for count, (mean, least) in pairs.items()}
                found.append({"engine": own, "peer": peer or "fastest float32 peer", "threads": summed})
    return found


def every_family(entries: Sequence[Entry]) -> list[str]:
    """limn's measured variants, then all peers, measured or not."""
    return own_of_all(entries) + [family for family in FAMILIES if family != LIMN]


def markdown_report(around: dict[str, Any], entries: Sequence[Entry]) -> str:
    """peers.md: limn compared with the best peers and OpenVINO's default, then the milliseconds of every engine."""
    threads = around["threads"]
    absences = sorted(
        {f"{entry['title']}: {e}: {why}" for entry in entries for e, why in entry["absent"].items()}
    )
    parts = [
        f"{describe(around)}. float32 unless stated otherwise, the same random weights and inputs, outputs that agree; "
        f"least of {around['rounds']} rounds, in turn on the same cores.",
        *(markdown(*table) for table in summaries(entries, threads)),
        markdown(*everyone_rows(entries, threads)),
    ]
    if absences:
        parts.append("Absent:\n\n" + "\n".join(f"- {line}" for line in absences))
    return "\n\n".join(parts) + "\n"


# The other two measurements


def growth_text(points: Sequence[dict[str, Any]]) -> str:
    """The sizes of one network, for the terminal."""
    header = [
        "case",
        "engine",
        "threads",
        "megapixels",
        "ms",
        "ms/MP",
        "peak MB",
        "MB/MP",
        "MB/additional MP",
    ]
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

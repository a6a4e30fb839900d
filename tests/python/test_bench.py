"""limn bench from outside: what it measures, the forms it prints, traces and baselines."""

from __future__ import annotations

import csv
import io
import json
import re
from collections import defaultdict
from itertools import pairwise
from pathlib import Path

import pytest
from cli_support import ROOT, WEIGHTS, fails, has_openblas, limn, need_openblas, read_weights, succeeds

DEMO = ROOT / "weights/enhancenet.safetensors"
HEAD = {"bench", "limn", "engine", "isa", "precision", "cpu", "threads", "peak_gflops", "bandwidth_gb_per_s"}
RUNS = {"model", "size", "runs", "min_ms", "median_ms", "p90_ms", "spread_ms", "load_ms", "peak_rss_mb"}
RATES = {"gflop", "gflops", "percent_of_peak"}
LAYER = {"name", "op", "variant", "why", "input", "output", "ms", "min_ms", "spread_ms", "share", "flop", "bytes"}
ROOF = {"gflops", "intensity", "percent_of_peak", "percent_of_bandwidth", "bound"}
KERNEL = {"op", "variant", "shape", "where", "ms", "median_ms", "spread_ms", "flop", "bytes", "gflops", "error"}
QUICK = ["--memory-limit", "500M"]  # too little for the copy that measures the bandwidth, half a second of CPU time
SMALL_STEPS = ["--steps", "--shape", "1x32x32x32,k=3,p=1"]
KERNEL |= {"percent_of_peak", "percent_of_bandwidth", "measured", "planned", "precision", "packed_bytes"}


def bench(*arguments: str | Path) -> dict:
    return json.loads(succeeds("bench", *arguments, "-m", WEIGHTS, "--json", "--seconds", "0.1"))


def kernels(*arguments: str | Path) -> list[dict]:
    return json.loads(succeeds("bench", "kernels", *arguments, "--json", "--reps", "2"))["kernels"]


# A network


def test_model() -> None:
    report = bench("model", "--size", "40x24", "--batch", "2", "--reps", "5", "-t", "2")
    assert report.keys() == HEAD | RUNS | RATES
    assert (report["model"], report["size"], report["runs"], report["threads"]) == ("enhancenet", [2, 40, 24], 5, 2)
    assert 0 < report["min_ms"] <= report["median_ms"] <= report["p90_ms"]
    assert report["spread_ms"] >= 0 and report["load_ms"] > 0 and report["peak_rss_mb"] > 1
    assert report["gflops"] == pytest.approx(report["gflop"] / report["min_ms"] * 1e3)
    assert report["percent_of_peak"] == pytest.approx(100 * report["gflops"] / report["peak_gflops"])


def test_measuring_the_bounds_does_not_count_as_the_networks_memory() -> None:
    """A copy of 256 MiB measures the bandwidth: it takes twice that, where the memory limit lets it."""
    for what, measures_bandwidth in (("model", False), ("layers", True)):
        without = bench(what, "--size", "16x16", "--reps", "1", "--memory-limit", "64M")
        report = bench(what, "--size", "16x16", "--reps", "1")
        assert without["bandwidth_gb_per_s"] is None
        assert (report["bandwidth_gb_per_s"] is not None) == measures_bandwidth
        # The same run but for the copy, were it counted. Pages of libraries may differ by less than a MB.
        assert report["peak_rss_mb"] == pytest.approx(without["peak_rss_mb"], abs=1)


def test_layers() -> None:
    report = bench("layers", "--size", "40x24")
    assert report.keys() == HEAD | RUNS | RATES | {"layers", "sum_ms", "percent_of_median", "percent_of_runs"}
    inspected = json.loads(succeeds("inspect", WEIGHTS, "--size", "40x24", "--json"))
    want = [(node["name"], node["op"], node["flop"]) for node in inspected["nodes"] if node["op"] != "input"]
    assert [(layer["name"], layer["op"], layer["flop"]) for layer in report["layers"]] == want
    peak, bandwidth = report["peak_gflops"], report["bandwidth_gb_per_s"]
    for layer in report["layers"]:
        assert layer.keys() == LAYER | ROOF
        assert layer["variant"] and layer["why"] == "fastest" and 0 < layer["min_ms"] <= layer["ms"], layer
        assert layer["gflops"] == pytest.approx(layer["flop"] / layer["ms"] / 1e6, rel=1e-5), layer
        assert layer["intensity"] == pytest.approx(layer["flop"] / layer["bytes"], rel=1e-5), layer
        assert layer["percent_of_peak"] == pytest.approx(100 * layer["gflops"] / peak, rel=1e-5), layer
        rate = layer["bytes"] / layer["ms"] / 1e6
        assert layer["percent_of_bandwidth"] == pytest.approx(100 * rate / bandwidth, rel=1e-5), layer
        assert (layer["bound"] == "compute") == (layer["intensity"] >= peak / bandwidth), layer
        batch, height, width, channels = layer["output"]
        assert (batch, layer["input"][0]) == (1, 1) and layer["bytes"] >= 4 * height * width * channels
    assert report["sum_ms"] == pytest.approx(sum(layer["ms"] for layer in report["layers"]), rel=1e-5)
    assert sum(layer["share"] for layer in report["layers"]) == pytest.approx(1, rel=1e-5)


def test_operations_of_the_demo_network() -> None:
    """Counted from the weights' shapes: a product and a sum a weight and pixel, and what has no weights."""
    height, width = 12, 20
    report = json.loads(succeeds("bench", "layers", "-m", DEMO, "--size", f"{height}x{width}", "--reps", "1", "--json"))
    kernels_by_number = {
        int((re.search(r"Conv_(\d+)/", name) or ["", "0"])[1]): tensor
        for name, tensor in read_weights(DEMO).items()
        if name.endswith("/weights")
    }
    last = max(kernels_by_number)
    scales = defaultdict(lambda: 1, {last - 3: 2, last - 2: 4, last - 1: 4, last: 4})
    pixels = height * width
    convolutions = sum(2 * pixels * scales[n] ** 2 * tensor.size for n, tensor in kernels_by_number.items())
    shift, bicubic = 3 * pixels, 7 * 3 * 4 * height * (4 * width + width)
    assert sum(layer["flop"] for layer in report["layers"]) == convolutions + shift + bicubic
    assert report["gflop"] == pytest.approx((convolutions + shift + bicubic) / 1e9, rel=1e-6)


def test_layers_add_up_to_the_model() -> None:
    """In each run; medians only where nothing disturbs the runs, so one undisturbed report of several is enough."""
    apart = []
    for _ in range(8):
        report = bench("layers", "--size", "128x128", "--reps", "9", "-t", "1")
        assert 90 < report["percent_of_runs"] <= 100
        apart.append(abs(report["sum_ms"] / report["median_ms"] - 1))
        if apart[-1] < 0.1:
            return
    pytest.fail(f"medians of the layers and of the runs differ: {apart}")


@pytest.mark.parametrize("family", ["openblas", "reference"])
def test_layers_say_that_another_family_is_faster(family: str) -> None:
    if family == "openblas":
        need_openblas()
    report = bench("layers", "--size", "16x16", "--kernels", family)
    assert {layer["why"] for layer in report["layers"] if layer["op"] == "conv2d"} == {"family"}


def test_layers_say_that_memory_excludes_a_faster_kernel() -> None:
    demo = ["bench", "layers", "-m", DEMO, "--size", "64x64", "--reps", "1", "-t", "2", "--memory-limit", "20M"]
    report = json.loads(succeeds(*demo, "--json"))
    slower = [layer for layer in report["layers"] if layer["why"] != "fastest"]
    assert slower and all(layer["why"] == "memory" for layer in slower)
    lighter = {layer["variant"] for layer in slower}
    assert "conv2d_winograd_lean" in lighter and not lighter & {"conv2d_winograd", "conv2d_transpose_winograd"}
    assert report["bandwidth_gb_per_s"] is None and {layer["bound"] for layer in report["layers"]} == {None}
    assert re.search(r"conv2d\w* \(memory\) ", succeeds(*demo).decode())
    assert "slower for: memory" in succeeds(*demo, "--md").decode()


def test_machine() -> None:
    report = json.loads(succeeds("bench", "machine", "--json", "-t", "1"))
    figures = {"core_peak_gflops", "copy_gb_per_s", "memory_mb", "peak_gflops", "bandwidth_gb_per_s"}
    assert report.keys() == HEAD | figures | {"gemm_gflops"}
    assert all(report[key] > 0 for key in figures)
    assert report["gemm_gflops"] > 0 if has_openblas() else report["gemm_gflops"] is None


# Forms


def markdown_table(text: str) -> list[list[str]]:
    """The cells of the lines that begin with a bar; as many in each, and a line of dashes below the headings."""
    lines = [line for line in text.splitlines() if line.startswith("|")]
    cells = [[cell.strip() for cell in line.strip("|").split("|")] for line in lines]
    assert len({len(row) for row in cells}) == 1, text
    assert all(re.fullmatch("-+:?", dashes) for dashes in cells[1]), text
    return cells


@pytest.mark.parametrize("what", ["model", "layers"])
def test_text_is_for_reading(what: str) -> None:
    text = succeeds("bench", what, "-m", WEIGHTS, "--size", "16x16", "--reps", "3").decode()
    assert text.startswith("limn ") and re.search(r"^minimum +\d+\.\d+ ms$", text, re.M), text
    assert not re.search(r" +$", text, re.M), text
    if what == "layers":
        assert re.search(r"^sum of the layers +\d+\.\d+ ms$", text, re.M), text


@pytest.mark.parametrize(
    ("what", "options"),
    [("layers", ["-m", WEIGHTS, "--size", "16x16"]), ("kernels", ["--op", "softmax"]), ("kernels", SMALL_STEPS)],
)
def test_forms_hold_the_same_rows(what: str, options: list[str]) -> None:
    command = ["bench", what, *options, "--reps", "1"]
    rows = json.loads(succeeds(*command, "--json"))[what]
    table = list(csv.DictReader(io.StringIO(succeeds(*command, "--csv").decode())))
    assert [list(row) for row in table] == [list(row) for row in rows]
    assert [row["variant"] for row in table] == [row["variant"] for row in rows]
    assert all(float(row["ms"]) > 0 for row in table)
    cells = markdown_table(succeeds(*command, "--md").decode())
    column = cells[0].index("kernel")
    assert [row[column] for row in cells[2:]] == [row["variant"] for row in rows]


def test_csv_and_markdown_of_a_model() -> None:
    command = ["bench", "model", "-m", WEIGHTS, "--size", "16x16", "--reps", "2"]
    (row,) = csv.DictReader(io.StringIO(succeeds(*command, "--csv").decode()))
    assert row.keys() == RUNS | RATES and row["size"] == "1x16x16" and row["runs"] == "2"
    assert re.search(r"^- minimum: \d+\.\d+ ms$", succeeds(*command, "--md").decode(), re.M)


# Kernels


@pytest.mark.parametrize(
    ("operator", "shape"),
    [
        ("conv2d", "1x12x20x8,oc=5,k=3,p=1"),
        ("conv2d", "2x9x7x3,oc=16,k=3x5,s=2x1,p=2,d=1x2,act=relu,add=1"),
        ("conv2d_transpose", "1x6x5x8,oc=4,k=4,s=2,p=1,act=tanh"),
        ("pointwise", "1x8x8x12,act=sigmoid,add=1"),
        ("max_pool", "1x9x9x4,k=3,s=2,p=1"),
        ("average_pool", "1x9x9x4"),
        ("softmax", "1x4x4x21"),
        ("pad", "1x5x5x3,out=9x8"),
        ("upsample", "1x5x5x3,f=2"),
        ("bilinear", "1x5x5x3,out=9x8,align=1"),
        ("bilinear", "1x5x5x3,f=3"),
        ("bicubic", "1x5x5x3,f=4"),
    ],
)
def test_kernels_of_one_shape(operator: str, shape: str) -> None:
    rows = kernels("--op", operator, "--shape", shape, "-t", "2")
    assert {row["op"] for row in rows} == {operator} and {row["shape"] for row in rows} == {shape}
    for row in rows:
        assert row.keys() == KERNEL and row["where"] == ""
        assert 0 < row["ms"] <= row["median_ms"] and row["bytes"] > 0
        assert row["gflops"] == pytest.approx(row["flop"] / row["ms"] / 1e6, rel=1e-5)
    fp32 = [row for row in rows if row["precision"] == "fp32"]
    assert [row for row in rows if row["planned"]] == fp32[-1:]
    judged = [row for row in rows if "rows, scaled" not in row["measured"]]
    assert all(row["measured"] == "2 rounds" for row in judged)
    if len(rows) > len(judged):
        assert rows[0]["error"] is None and all(0 <= row["error"] < 1e-5 for row in judged if row in fp32)
    if operator == "conv2d":
        assert rows[0]["variant"] == "conv2d_ref" and len(judged) >= 2


def test_kernels_walk_every_operator() -> None:
    inspected = succeeds("bench", "kernels", "--op", "pad", "--csv", "--reps", "1", *QUICK).decode()
    assert {row["op"] for row in csv.DictReader(io.StringIO(inspected))} == {"pad"}
    line = fails(2, "bench", "kernels", "--op", "conv3d")
    for name in re.search(r"one of (.*) expected", line)[1].split(", "):
        if not name.startswith("conv2d"):  # which take a while
            assert kernels("--op", name, *QUICK), name


def test_steps_from_plain_loops_to_the_fastest() -> None:
    rows = kernels(*SMALL_STEPS)
    variants = [row["variant"] for row in rows if row["precision"] == "fp32"]
    assert variants[0] == "conv2d_ref" and variants[-1].startswith("conv2d_winograd")
    assert ("conv2d_gemm" in variants) == has_openblas()
    if has_openblas():
        assert variants.index("conv2d_gemm") < variants.index("conv2d_native")
    assert rows[0]["speedup"] == 1 and all(row["step"] for row in rows)
    for row in rows:
        assert row["speedup"] == pytest.approx(rows[0]["ms"] / row["ms"], rel=1e-5)


def test_a_precision_chooses_its_variants() -> None:
    """Each rung is measured in every run; only the requested one is planned, and only where it applies."""
    for precision in ("fp32", "bf16x2", "bf16"):
        rows = kernels("--shape", "1x8x8x64,oc=64", "--isa", "amx-emulated", "--precision", precision)
        (planned,) = [row for row in rows if row["planned"]]
        assert planned["precision"] == precision
        weights = {row["variant"]: row["packed_bytes"] for row in rows}
        assert weights["conv2d_native"] == 64 * 64 * 4
        assert [weights[f"conv2d_bf16{parts}"] for parts in ("x3", "x2", "")] == [64 * 64 * 2 * n for n in (3, 2, 1)]
        rows = kernels("--shape", "1x8x8x64,oc=64", "--isa", "baseline", "--precision", precision)
        assert {row["precision"] for row in rows} == {"fp32"}


def test_only_the_named_variants() -> None:
    shape = ("--shape", "1x8x8x8,k=3,p=1", "--reps", "2")
    names = ["conv2d_ref", "conv2d_native"]
    rows = kernels(*shape, *(f"--variant={name}" for name in reversed(names)))
    assert [row["variant"] for row in rows] == names and rows[1]["error"] < 1e-5
    (alone,) = kernels(*shape, "--variant", "conv2d_native")
    assert alone["variant"] == "conv2d_native" and alone["error"] is None
    assert kernels("--op", "pad", "--variant", "pad_plain", *QUICK)
    assert "no variant of pad has this name" in fails(2, "bench", "kernels", "--op", "pad", "--variant", names[0])
    line = fails(2, "bench", "kernels", "--variant", "conv2d_nativ")
    assert "no variant of any operator has this name; did you mean conv2d_native?" in line
    line = fails(2, "bench", "kernels", "--shape", "1x8x8x8", "--variant", "conv2d_winograd")
    assert "no variant of --variant applies" in line


BAD_SHAPES = [
    ("", "NxHxWxC"),
    ("1x2x3", "NxHxWxC"),
    ("1x2x3x", "NxHxWxC"),
    ("1x2x3x4x5", "NxHxWxC"),
    ("0x2x3x4", "NxHxWxC"),
    ("-1x2x3x4", "NxHxWxC"),
    ("1x2x3x4;k=3", "NxHxWxC"),
    ("1x2x3x99999999999999999999", "NxHxWxC"),
    ("1x8x8x4,", "conv2d takes oc= k= s= p= d="),
    ("1x8x8x4,q=3", "q: conv2d takes oc="),
    ("1x8x8x4,f=2", "f: conv2d takes oc="),
    ("1x8x8x4,k", "k=: a number, or HxW, from 1"),
    ("1x8x8x4,k=", "k=: a number, or HxW, from 1"),
    ("1x8x8x4,k=3x", "k=: a number, or HxW, from 1"),
    ("1x8x8x4,k=0", "k=: a number, or HxW, from 1"),
    ("1x8x8x4,oc=2x2", "oc=: a number from 1"),
    ("1x8x8x4,oc=-2", "oc=: a number from 1"),
    ("1x8x8x4,act=gelu", "act=: none, relu"),
    ("1x8x8x4,k=9", "output of this layer would be empty"),
    ("99999999x99999999x99999999x64", "too large"),
]


@pytest.mark.parametrize(("shape", "message"), BAD_SHAPES)
def test_bad_shapes(shape: str, message: str) -> None:
    line = fails(2, "bench", "kernels", "--shape", shape)
    assert f"--shape {shape}: " in line and message in line


def test_options_that_would_have_no_effect(tmp_path: Path) -> None:
    trace = tmp_path / "t.json"
    assert "apply only to limn bench kernels" in fails(2, "bench", "model", "-m", WEIGHTS, "--op", "conv2d")
    assert "apply only to limn bench kernels" in fails(2, "bench", "layers", "-m", WEIGHTS, "--steps")
    assert "applies only to limn bench model and layers" in fails(2, "bench", "kernels", "--trace", trace)
    for option in (["-m", WEIGHTS], ["--size", "8x8"], ["--batch", "2"]):
        assert "apply only to limn bench model and layers" in fails(2, "bench", "kernels", *option)
    assert "applies only to limn bench model, layers and" in fails(2, "bench", "machine", "--baseline", trace)
    assert "the file of --trace" in fails(2, "bench", "model", "-m", WEIGHTS, "--force")
    for forms in (["--json", "--csv"], ["--csv", "--md"], ["--json", "--md"]):
        assert "one of --json, --csv and --md" in fails(2, "bench", "model", "-m", WEIGHTS, *forms)
    assert not trace.exists()


# Traces


@pytest.mark.parametrize("threads", [1, 3])
def test_trace(threads: int, tmp_path: Path) -> None:
    path = tmp_path / "trace.json"
    report = bench("layers", "--size", "48x48", "--reps", "1", "-t", str(threads), "--trace", path)
    events = json.loads(path.read_text())
    tracks = [event["tid"] for event in events if event["name"] == "thread_name"]
    assert tracks == list(range(threads))
    spans = [event for event in events if event["ph"] == "X"]
    assert {event["tid"] for event in spans} <= set(tracks) and {event["ph"] for event in events} == {"M", "X"}
    assert {event["pid"] for event in events} == {1}
    assert {event["name"] for event in spans} == {layer["name"] for layer in report["layers"]}
    for track in tracks:  # a thread does one task after the other
        own = sorted((event["ts"], event["dur"]) for event in spans if event["tid"] == track)
        assert all(start >= 0 and start + length <= after + 0.002 for (start, length), (after, _) in pairwise(own))
    for layer in report["layers"]:
        tasks = [event["args"] for event in spans if event["name"] == layer["name"]]
        runs = sorted(task["task"] for task in tasks if task["stage"] == "run")
        assert runs == list(range(len(runs))) and {task["variant"] for task in tasks} == {layer["variant"]}


def test_trace_keeps_an_existing_file(tmp_path: Path) -> None:
    path = tmp_path / "trace.json"
    path.write_text("precious")
    command = ["bench", "model", "-m", WEIGHTS, "--size", "16x16", "--reps", "1", "--trace"]
    assert "already exists" in fails(5, *command, path)
    assert path.read_text() == "precious"
    succeeds(*command, path, "--force")
    assert json.loads(path.read_text())
    assert "No such file" in fails(5, *command, tmp_path / "no/trace.json")
    assert "No space left" in fails(5, *command, "/dev/full")


# Baselines

MARKS = {"slower", "faster", "same"}


def times(report: dict) -> list[tuple[dict, str, str]]:
    """What has times in a report, and the names of least and median there."""
    if report["bench"] == "model":
        return [(report, "min_ms", "median_ms")]
    if report["bench"] == "layers":
        return [(layer, "min_ms", "ms") for layer in report["layers"]]
    return [(kernel, "ms", "median_ms") for kernel in report["kernels"]]


COMPARED = {
    "model": ["model", "-m", WEIGHTS, "--size", "16x16", "--reps", "5"],
    "layers": ["layers", *QUICK, "-m", WEIGHTS, "--size", "16x16", "--reps", "5"],
    "kernels": ["kernels", *QUICK, "--op", "softmax", "--shape", "1x8x8x64", "--reps", "5"],
}


@pytest.mark.parametrize("kind", COMPARED)
@pytest.mark.parametrize(
    ("factor", "spread", "moved"),
    [(1e-3, 0, "slower"), (1e3, 0, "faster"), (1e-3, 1e9, "same"), (1e3, 1e9, "same"), (1e3, None, None)],
)
def test_baseline_marks_what_moved(
    kind: str, factor: float, spread: float | None, moved: str | None, tmp_path: Path
) -> None:
    command = ["bench", *COMPARED[kind], "--json"]
    before = json.loads(succeeds(*command))
    for row, least, median in times(before):
        row[least] *= factor
        row[median] *= factor
        row["spread_ms"] = spread
    path = tmp_path / "before.json"
    path.write_text(json.dumps(before))
    for _ in range(8):  # on a busy machine the second run's own spread may hide that it is slower
        after = json.loads(succeeds(*command, "--baseline", path))
        for (row, _, median), (old, _, old_median) in zip(times(after), times(before), strict=True):
            assert row["moved"] in (moved, "same")
            assert row["baseline_ms"] == pytest.approx(old[old_median], rel=1e-5)
            change = 100 * (row[median] / row["baseline_ms"] - 1)
            assert row["change_percent"] == pytest.approx(change, rel=1e-3, abs=1e-3)
        if all(row["moved"] == moved for row, _, _ in times(after)):
            return
    pytest.fail(f"{after} is not {moved}")


def test_baseline_has_a_column_in_the_table(tmp_path: Path) -> None:
    path = tmp_path / "before.json"
    path.write_bytes(succeeds("bench", *COMPARED["layers"], "--json"))
    cells = markdown_table(succeeds("bench", *COMPARED["layers"], "--baseline", path, "--md").decode())
    assert cells[0][-3:] == ["before", "change", "moved"]
    assert all(re.fullmatch(r"[+-]\d+\.\d%", row[-2]) and row[-1] in MARKS for row in cells[2:]), cells


def test_a_single_run_has_no_spread_and_is_not_judged(tmp_path: Path) -> None:
    path = tmp_path / "before.json"
    command = ["bench", *COMPARED["layers"][:-1], "1", "--json"]
    path.write_bytes(succeeds(*command))
    report = json.loads(succeeds(*command, "--baseline", path))
    assert {layer["spread_ms"] for layer in report["layers"]} == {None}
    assert {layer["moved"] for layer in report["layers"]} == {None}


def test_baseline_of_a_row_that_was_not_there(tmp_path: Path) -> None:
    command = ["bench", *COMPARED["layers"], "--json"]
    before = json.loads(succeeds(*command))
    gone = before["layers"].pop(2)
    path = tmp_path / "before.json"
    path.write_text(json.dumps(before))
    layers = json.loads(succeeds(*command, "--baseline", path))["layers"]
    assert [layer["name"] for layer in layers if layer["moved"] == "new"] == [gone["name"]]
    assert layers[2]["baseline_ms"] is None and layers[2]["change_percent"] is None


def test_baseline_of_another_machine_is_noted(tmp_path: Path) -> None:
    command = ["bench", *COMPARED["model"], "--json"]
    before = json.loads(succeeds(*command)) | {"cpu": "Abacus", "engine": "limn 0.0.1"}
    path = tmp_path / "before.json"
    path.write_text(json.dumps(before))
    done = limn(*command, "--baseline", path)
    assert done.returncode == 0 and "moved" in json.loads(done.stdout)
    assert b"another processor, Abacus" in done.stderr and b"measured with limn 0.0.1" in done.stderr
    assert succeeds(*command, "--baseline", path, "--quiet")


def test_baseline_of_another_precision_is_never_silent(tmp_path: Path) -> None:
    command = ["bench", *COMPARED["model"], "--json"]
    report = succeeds(*command, "--precision", "bf16")
    assert json.loads(report)["precision"] == "bf16"
    (tmp_path / "before.json").write_bytes(report)
    done = limn(*command, "--baseline", tmp_path / "before.json", "--quiet")
    assert done.returncode == 0
    assert re.search(rb"measured with (\S+) kernels at bf16; these are \1 at fp32\n", done.stderr)
    (tmp_path / "before.json").write_bytes(succeeds(*command, "--isa", "baseline"))
    done = limn(*command, "--baseline", tmp_path / "before.json", "--quiet", "--isa", "amx-emulated")
    assert b"measured with baseline kernels at fp32; these are amx-emulated at fp32\n" in done.stderr


def layers_without(key: str, report: dict) -> str:
    return json.dumps(report | {"layers": [{k: v for k, v in row.items() if k != key} for row in report["layers"]]})


def test_what_is_no_baseline(tmp_path: Path) -> None:
    command = ["bench", *COMPARED["layers"]]
    report = json.loads(succeeds(*command, "--json"))
    text = json.dumps(report)
    bad = {
        "": "an object { was expected",
        "not JSON": "an object { was expected",
        "[]": "an object { was expected",
        "{}": "not a report of limn bench --json",
        text[:-20]: "byte ",
        text + "x": "byte ",
        succeeds("bench", *COMPARED["model"], "--json").decode(): "of limn bench model; one of layers expected",
        json.dumps(report | {"model": "unet"}): "of unet at 1x16x16; enhancenet at 1x16x16 expected",
        json.dumps(report | {"size": [2, 16, 16]}): "of enhancenet at 2x16x16; enhancenet at 1x16x16 expected",
        json.dumps(report | {"size": "large"}): "byte ",
        json.dumps(report | {"layers": []}): "contains no measurements",
        json.dumps(report | {"layers": {}}): "byte ",
        layers_without("spread_ms", report): "a row without times",
        layers_without("min_ms", report): "a row without times",
    }
    path = tmp_path / "bad.json"
    for content, message in bad.items():
        path.write_text(content)
        line = fails(4, *command, "--baseline", path)
        assert f"{path}: " in line and message in line, line
    assert "No such file" in fails(4, *command, "--baseline", tmp_path / "none.json")


# Width


@pytest.mark.parametrize("model", ["unet-cells", "deeplabv3-scenes", "eccv16-scenes"])
def test_rows_of_layers_fit_120_columns(model: str, tmp_path: Path) -> None:
    """Text does, with long names, long kernels and a baseline; JSON, CSV and Markdown have all columns."""
    weights = ROOT / f"weights/{model}.safetensors"
    command = ["bench", "layers", "-m", weights, "--size", "128x128", "--reps", "3", *QUICK]
    report = succeeds(*command, "--json")
    (tmp_path / "before.json").write_bytes(report)
    layers = json.loads(report)["layers"]
    for options in ([], ["--baseline", tmp_path / "before.json"], ["--kernels", "openblas" if has_openblas() else "native"]):
        lines = succeeds(*command, *options).decode().splitlines()
        assert max(map(len, lines)) <= 120, max(lines, key=len)
    for layer, row in zip(layers, markdown_table(succeeds(*command, "--md").decode())[2:], strict=True):
        assert row[0] == layer["name"] and len(row) == 15


@pytest.mark.parametrize("options", [["--op", "pad"], SMALL_STEPS, [*SMALL_STEPS, "--op", "conv2d_transpose"]])
def test_rows_of_kernels_fit_120_columns(options: list[str], tmp_path: Path) -> None:
    options = [word.replace(",p=1", ",s=2,p=1") if "--op" in options else word for word in options]
    command = ["bench", "kernels", *options, "--reps", "3"]
    (tmp_path / "before.json").write_bytes(succeeds(*command, "--json"))
    for more in ([], ["--baseline", tmp_path / "before.json"]):
        lines = succeeds(*command, *more).decode().splitlines()
        assert max(map(len, lines)) <= 120, max(lines, key=len)

"""tools/bench_peers.py --layers without any peer: its layers, their operators in PyTorch, its turns and its tables."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import numpy as np
import pytest
import torch
from cli_support import succeeds

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "tools"))

import bench_peers  # noqa: E402  (found only through the line above)
import plot_bench  # noqa: E402
from peers import forward, graphs, layer_measure, layer_report, layers, measure  # noqa: E402
from peers.layers import Layer  # noqa: E402

QUICK = ["--reps", "1", "--memory-limit", "500M"]  # too little for the copy that measures the bandwidth


def kernels(*arguments: str) -> list[dict]:
    return json.loads(succeeds("bench", "kernels", "--json", *arguments, *QUICK))["kernels"]


# Layers


def test_the_layers_are_those_of_limn():
    variants = ("conv2d_native", "conv2d_transpose_native", "upsample_nearest", "bicubic_tf1")
    variants += tuple(f"{op}_plain" for op in ("pointwise", "max_pool", "average_pool", "softmax", "pad", "bilinear"))
    rows = kernels(*(f"--variant={name}" for name in variants))
    assert [(row["op"], row["shape"], row["where"]) for row in rows] == [
        (layer.op, layer.shape, layer.where) for layer in layers.known()
    ]


def test_a_layer_is_found_by_its_place_and_by_its_shape():
    known = layers.parse("enhancenet Conv_1")
    assert known == graphs.parse(known.spec) == graphs.parse(f"conv2d@{known.shape}")
    other = layers.parse("conv2d@2x5x7x3,k=3x1,d=2")
    assert other == layers.parse(other.spec) and "," not in other.spec
    assert (other.batch, other.sides, other.pair("k", 1), other.pair("s", 1)) == (2, (2, 5, 7, 3), (3, 1), (1, 1))
    assert other.title == "conv2d 2x5x7x3,k=3x1,d=2" and other.name == "conv2d@2x5x7x3,k=3x1,d=2"


@pytest.mark.parametrize("name", ["unet", "unet@1x64x64", "conv3d@1x2x3x4", "conv2d@1x2x3", "conv2d@1x2x3x4,k", ""])
def test_what_is_no_layer(name):
    assert layers.parse(name) is None


def computed(layer: Layer) -> tuple[list[np.ndarray], dict[str, np.ndarray], np.ndarray]:
    """Inputs, weights and result of the reference in PyTorch."""
    inputs, weights = layer.inputs(1), layer.random_weights(1)
    tensors = {name: torch.from_numpy(array) for name, array in weights.items()}
    result = forward.run(layer.spec, tensors, [torch.from_numpy(array) for array in inputs])
    return inputs, weights, result.numpy()


SHAPES = [
    ("conv2d", "2x9x7x3,oc=5,k=3x2,s=2x1,p=1,d=2x1"),
    ("conv2d", "1x5x6x3,oc=4,add=1,act=relu"),
    ("conv2d_transpose", "2x5x4x3,oc=6,k=4x3,s=2,p=1,add=1,act=tanh"),
    ("pointwise", "1x5x4x3,add=1,act=leaky_relu"),
    ("pointwise", "1x5x4x3,act=sigmoid"),
    ("max_pool", "1x9x8x3,k=3,s=2x3,p=1"),
    ("average_pool", "2x5x7x3"),
    ("softmax", "1x5x7x3"),
    ("pad", "1x5x6x3,out=9x8"),
    ("pad", "1x5x6x3,out=4x3"),
    ("upsample", "1x5x4x3,f=2"),
    ("bilinear", "1x5x4x3,out=9x8,align=1"),
    ("bilinear", "1x5x4x3,f=3"),
]


@pytest.mark.parametrize(("op", "shape"), SHAPES)
def test_sizes_are_those_of_limn(op, shape):
    inputs, weights, result = computed(Layer(op, shape))
    row = kernels("--op", op, "--shape", shape)[0]
    moved = [inputs[0], *weights.values(), result]
    assert row["bytes"] == sum(array.nbytes for array in moved) + sum(array.nbytes for array in inputs[1:])
    if op.startswith("conv2d"):
        products = weights["weight"].size * (result if op == "conv2d" else inputs[0])[:, 0].size
        assert row["flop"] == 2 * products
    assert all(abs(array).max() <= 1 for array in (*inputs, *weights.values()))


def test_padding_is_half_before_and_the_rest_after():
    (x,), _, y = computed(Layer("pad", "1x1x3x1,out=4x1"))
    assert (y[0, 0, :, 0] == [0, x[0, 0, 0, 1], 0, 0]).all()


def test_a_residual_is_added_before_the_activation():
    (x, residual), _, y = computed(Layer("pointwise", "1x5x4x3,add=1,act=leaky_relu"))
    total = x + residual
    assert np.allclose(y, np.where(total > 0, total, np.float32(0.2) * total), rtol=1e-6)


def test_operators_that_peers_lack():
    lacking = {layer.where for layer in layers.known() if not layer.is_computed_by_peers}
    assert lacking == {"unet concat of up3", "enhancenet rgb"}


def test_only_convolutions_are_packed():
    engines = ["torch", "ncnn"]
    assert "torch-prepacked" in layer_measure.ways(Layer("conv2d", "1x8x8x8"), engines)
    found = layer_measure.ways(Layer("softmax", "1x8x8x8"), engines)
    assert found == ["torch-eager", "torch-channels-last", "torch-optimized", "ncnn", "ncnn-packed"]


# Turns

LAYER = Layer("conv2d", "1x8x8x8", "somewhere")


def row(variant: str, ms: float, **others: object) -> dict:
    """A row of limn's report."""
    found = {"op": "conv2d", "variant": variant, "shape": LAYER.shape, "where": "", "ms": ms, "median_ms": 1.5 * ms}
    found |= {"flop": 3e6, "bytes": 2e6, "gflops": 3 / ms, "percent_of_peak": 100.0, "percent_of_bandwidth": 50.0}
    return found | {"error": 1e-6, "planned": None} | others


FAKE = """#!/bin/sh
case "$*" in
*--variant*) echo "$*" >>{log}; cat {folder}/second.json ;;
*) cat {folder}/first.json ;;
esac
"""


def limn_with(folder: Path, first: list[dict], second: list[dict]) -> layer_measure.LimnKernels:
    """The program replaced by a script: its first answer, and that to all questions for some variants."""
    for name, peak, rows in (("first", 100, first), ("second", 110, second)):
        report = {"engine": "limn", "cpu": "a CPU", "peak_gflops": peak, "bandwidth_gb_per_s": 20, "kernels": rows}
        (folder / f"{name}.json").write_text(json.dumps(report))
    program = folder / "limn"
    program.write_text(FAKE.format(log=folder / "log", folder=folder))
    program.chmod(0o755)
    return layer_measure.LimnKernels(program)


def test_slow_variants_take_one_turn(tmp_path):
    first = [row("conv2d_ref", 90), row("conv2d_native", 6), row("conv2d_winograd", 4)]
    limn = limn_with(tmp_path, first, [row("conv2d_native", 5), row("conv2d_winograd", 4.5)])
    times = [limn.measure(LAYER, 1, 7, [0]) for _ in range(3)]
    assert times == [{"min_ms": 4, "median_ms": 6}] + 2 * [{"min_ms": 4.5, "median_ms": 6.75}]
    asked = (tmp_path / "log").read_text().splitlines()
    assert len(asked) == 2
    assert asked[0].endswith("--op conv2d --shape 1x8x8x8 --reps 7 --variant=conv2d_native --variant=conv2d_winograd")
    found = {each["variant"]: (each["ms"], each["median_ms"]) for each in limn.rows()}
    assert found == {"conv2d_ref": (90, 135), "conv2d_native": (5, 7.5), "conv2d_winograd": (4, 6.75)}
    assert limn.machine == {"engine": "limn", "cpu": "a CPU", "peak_gflops": 110, "bandwidth_gb_per_s": 20}


def measurement_in(folder: Path, engines: list[str], absent: dict[str, str]) -> layer_measure.LayerMeasurement:
    variants = {"limn": ("--isa", "avx2"), "limn bf16": ("--precision", "bf16")}
    settings = measure.Settings(folder / "limn", variants, {}, folder, 1, (1,), 2, 0.1, 2, (0,))
    return layer_measure.LayerMeasurement(LAYER, engines, absent, settings)


def test_only_limn_itself_and_the_peers_take_turns(tmp_path):
    measurement = measurement_in(tmp_path, ["ncnn", "openvino"], {"openvino": "no wheel"})
    assert measurement.engines == ["limn", "ncnn"] and measurement.peers() == ["ncnn"]
    assert measurement.limn.options == ("--isa", "avx2")


def test_rows_of_peers_have_the_rates_of_the_same_layer(tmp_path):
    measurement = measurement_in(tmp_path, ["ncnn", "openvino-default", "openvino"], {"openvino": "no wheel"})
    measurement.limn = limn_with(tmp_path, [row("conv2d_native", 6)], [])
    measurement.limn.measure(LAYER, 1, 1, [0])
    measurement.entry["engines"]["ncnn"] = {"error": 2e-6, "threads": {"1": {"min_ms": 3, "median_ms": 4}}}
    lowered = {"error": 1e-3, "precision": "bf16", "threads": {"1": {"min_ms": 1, "median_ms": 2}}}
    measurement.entry["engines"]["openvino-default"] = lowered
    own, peer, lower = layer_measure.rows_of(measurement, LAYER, 1)
    assert (lower["variant"], lower["precision"], "precision" in peer) == ("openvino-default", "bf16", False)
    assert own["where"] == peer["where"] == "somewhere" and own["planned"] is peer["planned"] is None
    assert (peer["variant"], peer["ms"], peer["median_ms"], peer["error"]) == ("ncnn", 3, 4, 2e-6)
    assert peer["gflops"] == pytest.approx(1.0)
    assert peer["percent_of_peak"] == pytest.approx(1.0)
    assert peer["percent_of_bandwidth"] == pytest.approx(100 * 2 / 3 / 20)


def test_errors_are_those_against_float64(tmp_path):
    measurement = measurement_in(tmp_path, ["ncnn"], {})
    measurement.folder.mkdir()
    np.save(measurement.folder / "expected.npy", np.array([1.0, -2.0]))
    np.save(measurement.output_of("ncnn"), np.array([1.001, -2.0], np.float32))
    assert measurement.error_of("ncnn") == pytest.approx(5e-4, rel=1e-3)


# Tables

BF16 = row("conv2d_bf16", 1, precision="bf16", error=2e-3)
ENTRY = {
    "case": "somewhere",
    "title": LAYER.title,
    "absent": {"openvino": "no wheel", "openvino-nhwc": "no wheel", "onnxruntime": "out of luck"},
    "machine": {"engine": "limn, 1 thread", "cpu": "a CPU", "peak_gflops": 100.0, "bandwidth_gb_per_s": 20.0},
    "rows": [
        row("conv2d_ref", 90, error=None),
        row("conv2d_native", 6, precision="fp32"),
        row("conv2d_winograd", 4, planned="planned", percent_of_peak=217.0),
        BF16,
        row("torch-eager", 9),
        row("torch-prepacked", 5, percent_of_peak=20.0),
        row("ncnn", 12),
        row("openvino-default", 3, precision="bf16"),
    ],
}
POOL = {
    **{"case": "a pool", "title": "a pool", "absent": {}, "machine": ENTRY["machine"]},
    "rows": [row("max_pool_plain", 2, op="max_pool", percent_of_peak=0.0), row("ncnn", 1, op="max_pool")],
}


def test_the_best_of_each_engine_at_float32_counts():
    best = layer_report.best_rows(ENTRY)
    assert {family: found["variant"] for family, found in best.items()} == {
        **{"limn": "conv2d_winograd", "PyTorch": "torch-prepacked", "ncnn": "ncnn"}
    }
    assert layer_report.ratio(ENTRY) == pytest.approx(5 / 4)
    assert layer_report.ratio({**ENTRY, "rows": ENTRY["rows"][:3]}) is None


def test_a_layer_lists_every_variant_and_every_way():
    lines = layer_report.layer_text(ENTRY).splitlines()
    assert lines[0] == "somewhere: conv2d 1x8x8x8"
    names = ["ref", "native (fp32)", "winograd", "bf16 (bf16)", "torch-eager", "torch-prepacked", "ncnn"]
    names.append("openvino-default (bf16)")
    assert [line[: len(name)] for line, name in zip(lines[2:10], names, strict=True)] == names
    assert lines[4].split()[-1] == "planned" and "2.0e-03" in lines[5]
    assert lines[10:] == [
        "absent: openvino, openvino-nhwc: no wheel",
        "absent: onnxruntime: out of luck",
        "limn is 1.25x as fast as the fastest peer",
    ]


def test_the_summary_has_a_row_per_layer():
    header, rows = layer_report.summary_rows([ENTRY, POOL])
    assert all(len(each) == len(header) for each in rows)
    assert rows[0] == ["somewhere", "winograd", "4.00, 217%", "5.00, 50% m", "-", "-", "12.0, 100%", "1.25x"]
    assert rows[1] == ["a pool", "plain", "2.00, 50% m", "-", "-", "-", "1.00, 100%", "0.50x"]
    assert [(each[0], each[-1]) for each in rows[2:]] == [
        ("geometric mean, convolutions", "1.25x"),
        ("geometric mean, other operators", "0.50x"),
    ]


AROUND = {"processor": "A CPU", "cores": [0, 1], "memory_gb": 8.0, "date": "2026-01-02", "limn": "limn 1"}
AROUND |= {"versions": {"ncnn": "3"}, "threads": [1], "rounds": 5}


def test_the_summary_says_if_the_planner_chooses_a_slower_variant():
    rows = [row("conv2d_native", 6, planned="planned"), row("conv2d_gemm", 5)]
    assert layer_report.choice_text({**ENTRY, "rows": rows}) == "gemm; planned native 6.00"


def test_the_report_in_markdown():
    text = layer_report.markdown_report(AROUND, [ENTRY, POOL])
    assert text.startswith("A CPU, 2 physical cores, 8.0 GB, 2026-01-02; limn 1; ncnn 3; 1 thread: 100 GFLOP/s")
    assert "| somewhere | winograd | 4.00, 217% |" in text and "| winograd | 4.00 | 6.00 |" in text
    assert "**somewhere: conv2d 1x8x8x8**" in text and "absent: onnxruntime: out of luck" in text


def test_the_report_in_json_is_one_of_bench_kernels(tmp_path):
    path = tmp_path / "layers.json"
    path.write_text(json.dumps(layer_report.kernels_report(AROUND, [ENTRY, POOL])))
    kind, report = plot_bench.read(path)
    assert kind == "kernels" and len(report["kernels"]) == 10
    assert report["absent"] == {"somewhere": ENTRY["absent"]}


# Arguments


def test_all_layers_on_one_thread_by_default():
    options = bench_peers.parse_arguments(["--layers"])
    assert options.cases == list(layers.known()) and options.threads == [1]
    options = bench_peers.parse_arguments(["--layers", "--threads", "all", "unet inc.0"])
    assert [case.name for case in options.cases] == ["unet inc.0"] and options.threads == [0]


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["--layers", "dcgan"], "--layers measures layers only: dcgan"),
        (["unet inc.0"], "unet inc.0 needs --layers"),
        (["--layers", "--threads", "1,2"], "--layers takes one number of threads and one instruction set"),
        (["--layers", "--isa", "avx512,avx512+amx"], "--layers takes one number of threads and one instruction set"),
        (["--layers", "--precision", "bf16"], "--layers measures every precision"),
        (["--layers", "--sweep"], "not allowed with"),
    ],
)
def test_arguments_that_are_refused(arguments, words, capsys):
    with pytest.raises(SystemExit) as stop:
        bench_peers.parse_arguments(arguments)
    assert stop.value.code == 2 and words in capsys.readouterr().err

"""tools/plot_bench.py: reports that it refuses, how layers are put together, where labels stand, the files it makes."""

from __future__ import annotations

import itertools
import json
import math
import subprocess
import sys
import xml.etree.ElementTree
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "tools"))

import plot_bench  # noqa: E402  (found only through the line above)
from plots import drawing, kernels, layers, report  # noqa: E402
from plots.labels import Box, Labels, Point  # noqa: E402

RUN = {
    "limn": "0.1.0", "engine": "limn 0.1.0, avx512 kernels, OpenBLAS core SkylakeX, 2 threads", "cpu": "A processor",
    "threads": 2, "peak_gflops": 350.5, "bandwidth_gb_per_s": 20.25,
}  # fmt: skip


def layer(name: str, op: str = "conv2d", ms: float = 1.5, flop: float = 3e8, moved: float = 4e6) -> dict[str, Any]:
    return {
        "name": name, "op": op, "variant": f"{op}_native", "why": "fastest", "input": [1, 64, 64, 32],
        "output": [1, 64, 64, 32], "ms": ms, "min_ms": 0.9 * ms, "share": 0.1, "flop": flop, "bytes": moved,
        "gflops": flop / ms / 1e6, "intensity": flop / moved, "percent_of_peak": 50.0, "percent_of_bandwidth": 13.0,
        "bound": "compute",
    }  # fmt: skip


def layers_report(*layers: dict[str, Any]) -> dict[str, Any]:
    run = {
        "model": "enhancenet", "size": [1, 64, 64], "runs": 9, "min_ms": 9.5, "median_ms": 10.5, "p90_ms": 12.0,
        "load_ms": 20.0, "peak_rss_mb": 50.0,
    }  # fmt: skip
    return RUN | run | {"layers": list(layers), "sum_ms": sum(one["ms"] for one in layers)}


def kernel(where: str, variant: str, op: str = "conv2d", ms: float = 2.0, flop: float = 3e8) -> dict[str, Any]:
    return {
        "op": op, "variant": f"{op}_{variant}", "shape": "1x64x64x32,k=3,p=1", "where": where, "ms": ms,
        "median_ms": 1.1 * ms, "gflops": flop / ms / 1e6, "percent_of_peak": 40.0, "flop": flop, "bytes": 4e6,
        "error": 1e-6,
    }  # fmt: skip


LAYERS = layers_report(
    layer("rgb/shift", "pointwise", 0.2, 1e4, 1e5),
    *(layer(f"generator/Conv_{i}", ms=1.5 + i % 3) for i in range(20)),
    layer("pool", "max_pool", 0.3, 0),
    layer("odd", "an_operator_to_come", 0.5),
)
VARIANTS = ("ref", "gemm", "native", "to_come")
KERNELS = RUN | {
    "kernels": [
        *(kernel(f"layer {i}", variant, ms=2.0 + i) for i in range(12) for variant in VARIANTS),
        kernel("pool", "plain", "max_pool", flop=0),
    ]
}


def plot(*arguments: Path | str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, ROOT / "tools/plot_bench.py", *arguments]
    return subprocess.run(command, capture_output=True, text=True, check=False)


def write(path: Path, contents: Any) -> Path:
    path.write_text(json.dumps(contents))
    return path


# Reading


def test_reports_are_told_apart(tmp_path: Path) -> None:
    assert plot_bench.read(write(tmp_path / "a.json", LAYERS)) == ("layers", LAYERS)
    assert plot_bench.read(write(tmp_path / "b.json", KERNELS)) == ("kernels", KERNELS)


def changed(whole: dict[str, Any], name: str, value: Any, index: int | None = None) -> dict[str, Any]:
    """The report with another value of a field, of its layer `index` if given; None takes the field away."""
    copy = json.loads(json.dumps(whole))
    fields = copy if index is None else copy["layers"][index]
    if value is None:
        del fields[name]
    else:
        fields[name] = value
    return copy


@pytest.mark.parametrize(
    ("contents", "message"),
    [
        ("", " is not valid JSON: Expecting value"),
        ("{", " is not valid JSON: "),
        ("layer operator kernel", " is not valid JSON: Expecting value"),
        ("\udcff", " is not valid JSON: "),
        ("[" * 100000, " is not valid JSON: "),
        ([], " is not a report of limn bench layers or limn bench kernels"),
        ({"runs": 3}, " is not a report of limn bench layers or limn bench kernels"),
        (LAYERS | KERNELS, " is not a report of limn bench layers or limn bench kernels"),
        (LAYERS | {"layers": []}, " has no layers"),
        (KERNELS | {"kernels": {}}, " has no kernels"),
        (LAYERS | {"layers": [3]}, ": layers[0] is not a JSON object"),
        (changed(LAYERS, "peak_gflops", None), ": missing field 'peak_gflops'"),
        (changed(LAYERS, "intensity", None, 2), ": layers[2]: missing field 'intensity'"),
        (changed(LAYERS, "ms", "fast", 1), ': layers[1]: ms is "fast", expected a number'),
        (changed(LAYERS, "ms", True, 1), ": layers[1]: ms is true, expected a number"),
        (changed(LAYERS, "ms", 0, 1), ": layers[1]: ms is 0, expected a number above 0"),
        (changed(LAYERS, "ms", math.inf, 1), ": layers[1]: ms is Infinity, expected a number"),
        (changed(LAYERS, "flop", -1, 1), ": layers[1]: flop is -1, expected a number not below 0"),
        (changed(LAYERS, "name", 7, 1), ": layers[1]: name is 7, expected text"),
        (changed(LAYERS, "size", [1, 64]), ": size is [1, 64], expected batch, height and width"),
        (KERNELS | {"bandwidth_gb_per_s": 0}, ": bandwidth_gb_per_s is 0, expected a number above 0"),
    ],
)
def test_what_is_no_report(contents: Any, message: str, tmp_path: Path) -> None:
    path = tmp_path / "report.json"
    text = contents if isinstance(contents, str) else json.dumps(contents)
    path.write_bytes(text.encode(errors="surrogateescape"))
    done = plot(path, "--output", tmp_path / "charts", "--venv", tmp_path / "venv")
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr.startswith(f"plot_bench: {path}{message}") and done.stderr.count("\n") == 1, done.stderr
    assert list(tmp_path.iterdir()) == [path]


def test_a_report_that_is_not_there(tmp_path: Path) -> None:
    done = plot(tmp_path / "none.json")
    assert (done.returncode, done.stderr) == (1, f"plot_bench: {tmp_path}/none.json: No such file or directory\n")


def test_two_reports_of_one_name(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as stop:
        plot_bench.parse_arguments(["a/layers.json", "b/layers.json"])
    assert stop.value.code == 2
    assert "two reports are named layers, so their charts would replace each other" in capsys.readouterr().err


def test_without_matplotlib_there_is_one_line(tmp_path: Path) -> None:
    path = write(tmp_path / "layers.json", LAYERS)
    command = "import sys, plot_bench; plot_bench.can_draw = lambda: False; sys.exit(plot_bench.main())"
    command = [sys.executable, "-c", command, path, "--no-install", "--venv", tmp_path / "venv"]
    done = subprocess.run(command, cwd=ROOT / "tools", capture_output=True, text=True, check=False)
    assert done.returncode == 1
    assert done.stderr == f"plot_bench: {tmp_path}/venv: not a virtual environment, and --no-install was given\n"
    assert list(tmp_path.iterdir()) == [path]


# Layers put together


def names(rows: list[layers.Row]) -> list[str]:
    return [row.title for row in rows]


def test_few_layers_have_a_row_each() -> None:
    assert names(layers.rows_of(LAYERS["layers"])) == [one["name"] for one in LAYERS["layers"]]


def test_layers_of_a_block_share_a_row() -> None:
    blocks = [f"layer{i}.{part}" for i in range(40) for part in ("conv1", "conv2", "down.0")]
    chain = [layer(name) for name in ["stem", *blocks, "layer0.again", "head/relu"]]
    rows = layers.rows_of(chain)
    expected = ["stem", *(f"layer{i} (3 layers)" for i in range(40)), "layer0.again", "head/relu"]
    assert names(rows) == expected
    assert list(itertools.chain(*(row.layers for row in rows))) == chain
    assert len(layers.rows_of(chain, 90)) == 43  # layerN.down.0 apart would be 83 and two more


def test_names_without_blocks_share_rows_evenly() -> None:
    chain = [layer(f"conv{i}") for i in range(201)]
    rows = layers.rows_of(chain)
    assert (len(rows), names(rows)[0], names(rows)[-1]) == (67, "conv0 .. conv2", "conv198 .. conv200")
    assert list(itertools.chain(*(row.layers for row in rows))) == chain


def test_shares_are_never_nothing() -> None:
    shares = {0: "0.0%", 1e-6: "<0.1%", 0.0005: "0.1%", 0.1234: "12.3%", 1: "100.0%"}
    assert {share: report.percent(share) for share in shares} == shares


def test_long_names_keep_both_ends() -> None:
    name = "down4.maxpool_conv.1.double_conv.3"
    assert report.shortened(name, len(name)) == name
    assert report.shortened(name, 24) == "down4.ma...double_conv.3"


def test_every_kernel_has_its_place() -> None:
    panels = kernels.panels_of(KERNELS)
    assert [panel.rate for panel in panels] == ["peak", "peak", "memory"]
    groups = list(itertools.chain(*(panel.groups for panel in panels)))
    assert list(itertools.chain(*(group.kernels for group in groups))) == KERNELS["kernels"]
    for panel in panels:
        for above, below in itertools.pairwise(panel.groups):
            assert below.top == pytest.approx(above.top + above.height)


# Charts


@pytest.fixture
def matplotlib() -> None:
    if not plot_bench.can_draw():
        pytest.skip("needs matplotlib 3.7")


def texts(path: Path) -> str:
    """What stands in an SVG, a line an element."""
    elements = xml.etree.ElementTree.parse(path).iter()
    return "\n".join(element.text or "" for element in elements if element.tag.endswith("text"))


@pytest.mark.usefixtures("matplotlib")
def test_charts_of_both_kinds(tmp_path: Path) -> None:
    one, other = write(tmp_path / "layers.json", LAYERS), write(tmp_path / "kernels.json", KERNELS)
    done = plot(one, other, "--output", tmp_path / "charts")
    assert (done.returncode, done.stdout) == (0, ""), done.stderr
    made = sorted(path.name for path in (tmp_path / "charts").iterdir())
    charts = ("kernels-variants", "layers-layers", "layers-roofline")
    assert made == [f"{name}.{kind}" for name in charts for kind in ("png", "svg")]
    assert all((tmp_path / "charts" / name).read_bytes()[:8] == b"\x89PNG\r\n\x1a\n" for name in made[::2])
    roofline = texts(tmp_path / "charts/layers-roofline.svg")
    assert "multiply-add peak 350 GFLOP/s" in roofline and "memory 20.2 GB/s" in roofline
    assert "not shown: 1." in roofline and "generator/Conv_2  " in roofline
    assert all(one["name"] in texts(tmp_path / "charts/layers-layers.svg") for one in LAYERS["layers"])
    assert all(f"layer {i}" in texts(tmp_path / "charts/kernels-variants.svg") for i in range(12))


@pytest.mark.usefixtures("matplotlib")
def test_names_with_any_characters(tmp_path: Path) -> None:
    """Mathematics of matplotlib, markup, control characters, half a surrogate pair: an SVG of XML 1.0 characters."""
    names = ["$x^$", "a$b$c", "\\frac{", "<b>&amp;", "\x01\x1b[31m", "\ufffe\u202e", "\ud800", "\x9b", "\n\t"]
    path = write(tmp_path / "names.json", layers_report(*(layer(name) for name in names)))
    path.write_text(path.read_text().replace("A processor", "\\u0000 $processor"))
    done = plot(path, write(tmp_path / "kernels.json", RUN | {"kernels": [kernel(name, "ref") for name in names]}))
    assert done.returncode == 0, done.stderr
    written = texts(tmp_path / "names-layers.svg")
    assert all(name in written for name in ["$x^$", "a$b$c", "\\frac{", "<b>&amp;", "\ufffd\ufffd[31m", "\ufffd $pro"])
    for chart in ("names-roofline", "kernels-variants"):
        assert "\ufffd" in texts(tmp_path / f"{chart}.svg")


@pytest.mark.usefixtures("matplotlib")
def test_a_run_of_one_layer_without_arithmetic(tmp_path: Path) -> None:
    path = write(tmp_path / "pool.json", layers_report(layer("pool", "max_pool", flop=0)))
    assert plot(path).returncode == 0
    assert len(list(tmp_path.iterdir())) == 5


@pytest.mark.usefixtures("matplotlib")
@pytest.mark.parametrize(("spread", "left_out"), [(1.0, 0), (0.2, 3), (0.0, 6)])
def test_labels_keep_clear_of_each_other(spread: float, left_out: int) -> None:
    """However close the points lie; what finds no place is left out."""
    from matplotlib.text import Text

    figure, grid = drawing.new_figure(6, 4, 1, 1)
    axes = grid[0, 0]
    axes.set(xlim=(0, 10), ylim=(0, 10))
    drawing.settle(figure)
    points = [Point(4 + spread * (i % 3), 4 + spread * i / 4, 4, f"a label of a point {i}") for i in range(8)]
    points.append(Point(9.95, 9.95, 4, "in the corner"))
    labels = Labels(axes, points)
    labels.avoid_line((0, 7), (10, 7))
    for point in points:
        labels.add(point)
    figure.canvas.draw()
    written = [text for text in axes.texts if text.get_text()]
    boxes = [Box(*Text.get_window_extent(text).extents) for text in written]
    assert len(points) - left_out <= len(boxes) <= len(points)
    assert not any(one.meets(other) for one, other in itertools.combinations(boxes, 2))
    assert not any(box.crosses(labels.lines[0]) or not box.lies_in(axes.get_window_extent()) for box in boxes)
    for box, leader in zip(labels.boxes, labels.lines[1:], strict=True):
        assert not any(other.crosses(leader) for other in labels.boxes if other != box)
    assert written[-1].get_text() == "in the corner"

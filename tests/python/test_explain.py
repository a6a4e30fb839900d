"""limn explain from outside: what it says against the weights, against inspect and bench, and against what runs do."""

from __future__ import annotations

import json
import re
from pathlib import Path
from xml.etree import ElementTree

import numpy as np
import pytest
from cli_support import ROOT, WEIGHTS, fails, need_openblas, read_weights, succeeds, warns

GOLDENS = ROOT / "tests/goldens"
DEMO = ROOT / "weights/enhancenet.safetensors"
NETWORKS = {
    "deeplabv3": ("deeplabv3", [1, 520, 520]),
    "eccv16": ("eccv16", [1, 256, 256]),
    "siggraph17": ("siggraph17", [1, 256, 256]),
    "vae": ("vae", [1, 64, 64]),
    "unet-transposed": ("unet", [1, 512, 512]),
    "unet-bilinear": ("unet", [1, 512, 512]),
    "dcgan-5-stages": ("dcgan", [1, 1, 1]),
    "enhancenet": ("enhancenet", [1, 128, 128]),
}
SVG = "{http://www.w3.org/2000/svg}"


def golden(name: str) -> Path:
    return GOLDENS / f"{name}.safetensors"


def explain(*arguments) -> dict:
    return json.loads(succeeds("explain", *arguments, "--json"))


def node(report: dict, name: str) -> dict:
    return next(node for node in report["nodes"] if node["name"] == name)


@pytest.mark.parametrize("network", NETWORKS)
def test_every_network_at_its_usual_size(network: str) -> None:
    report = explain(golden(network))
    name, size = NETWORKS[network]
    assert (report["model"], report["size"], report["file"]) == (name, size, str(golden(network)))
    totals, nodes, steps = report["totals"], report["nodes"], report["steps"]

    def is_trained(tensor: str) -> bool:
        return not re.search(r"running_|num_batches_tracked|^aux_classifier|^model_class|^enc_", tensor)

    tensors = read_weights(golden(network))
    assert totals["parameters"] == sum(tensor.size for name, tensor in tensors.items() if is_trained(name))
    assert totals["parameters"] == sum(node["parameters"] for node in nodes)
    assert totals["flop"] == sum(node["flop"] for node in nodes) > 0

    kernels = [node["kernel"] for node in nodes if node["kernel"]]
    assert sum(kernel["steps"] for kernel in kernels) == len(steps)
    assert [kernel["first_step"] for kernel in kernels] == sorted(kernel["first_step"] for kernel in kernels)
    assert totals["packed_bytes"] == sum(kernel["packed_bytes"] for kernel in kernels)
    assert all(kernel["why"] in ("fastest", "family", "weights", "memory") for kernel in kernels)
    for kernel in kernels:
        assert kernel["variant"] == steps[kernel["first_step"]]["variant"]


def blocks(report: dict) -> list[tuple[int, int, int, int]]:
    """offset, end, first and last step of all that has a place of its own in the arena."""
    values = [node["value"] for node in report["nodes"] if node["value"]["inside"] is None]
    found = [(value["offset"], value["bytes"], value["first"], value["last"]) for value in values]
    for number, step in enumerate(report["steps"]):
        found += [(scratch["offset"], scratch["bytes"], number, number) for scratch in step["scratch"]]
    return [(offset, offset + size, first, last) for offset, size, first, last in found]


@pytest.mark.parametrize("network", NETWORKS)
@pytest.mark.parametrize("options", [[], ["--kernels", "openblas", "-t", "3", "--batch", "2"]], ids=["fastest", "openblas"])
def test_nothing_overlaps_in_the_arena_and_the_peak_is_there(network: str, options: list[str]) -> None:
    if "openblas" in options:
        need_openblas()
    report = explain(golden(network), *options)
    totals, placed = report["totals"], blocks(report)
    for i, (begin, end, first, last) in enumerate(placed):
        assert end <= totals["arena_bytes"]
        for other_begin, other_end, other_first, other_last in placed[:i]:
            assert last < other_first or other_last < first or end <= other_begin or other_end <= begin
    live = [
        sum(end - begin for begin, end, first, last in placed if first <= number <= last)
        for number in range(len(report["steps"]) + 1)
    ]
    # Scratch is counted as requested; in the arena it takes whole cache lines.
    said = [step["values_bytes"] + step["scratch_bytes"] for step in report["steps"]]
    assert said == pytest.approx(live[:-1], abs=64 * 2)
    assert totals["peak_bytes"] == pytest.approx(max(live), abs=64 * 2) and said[totals["peak_step"]] == max(said)
    sizes = [4 * int(np.prod(node["output"])) for node in report["nodes"]]
    assert totals["unshared_bytes"] == sum(sizes)
    by_name = {node["name"]: node for node in report["nodes"]}
    for inner in report["nodes"]:
        if (host := inner["value"]["inside"]) is not None:
            assert inner["value"]["channel"] + inner["output"][3] <= by_name[host]["output"][3]


@pytest.mark.parametrize("network", NETWORKS)
def test_operations_are_those_that_bench_counts(network: str) -> None:
    size = ["--size", "64x64"]
    report = explain(golden(network), *([] if NETWORKS[network][0] == "dcgan" else size))
    measured = json.loads(succeeds("bench", "model", "-m", golden(network), *size, "--reps", "1", "--json"))
    assert report["totals"]["flop"] / 1e9 == pytest.approx(measured["gflop"], abs=0.0006)  # printed with 3 decimals


@pytest.mark.parametrize("network", NETWORKS)
def test_nodes_are_those_that_inspect_lists(network: str) -> None:
    report = explain(golden(network))
    inspected = json.loads(succeeds("inspect", golden(network), "--size", "{1}x{2}".format(*report["size"]), "--json"))
    want = [(node["name"], *node["shape"], node["parameters"], node["flop"]) for node in inspected["nodes"]]
    shapes = [[node["output"][axis] for axis in (0, 3, 1, 2)] for node in report["nodes"]]
    got = [(node["name"], *shape, node["parameters"], node["flop"]) for node, shape in zip(report["nodes"], shapes)]
    assert got == want


def joined(report: dict, name: str) -> list[tuple[str, str]]:
    return [(fused["does"], fused["into"]) for fused in node(report, name)["fused"]]


def test_what_was_joined_to_what() -> None:
    enhancenet = explain(WEIGHTS)
    enlarged = node(enhancenet, "generator/Conv_3")
    assert joined(enhancenet, "generator/Conv_3") == [("upsample", "kernel"), ("relu", "epilogue")]
    assert (enlarged["does"], enlarged["window"]["kernel"], enlarged["bias"]) == ("conv2d", [3, 3], True)
    assert (enlarged["kernel"]["op"], enlarged["kernel"]["window"]["kernel"]) == ("conv2d_transpose", [4, 4])
    assert joined(enhancenet, "generator/Conv_2") == [("add", "epilogue")]
    assert node(enhancenet, "generator/Conv_2")["inputs"] == ["generator/Conv_1", "generator/Conv"]
    assert joined(enhancenet, "generator/Conv_6") == [("add", "epilogue"), ("shift", "weights")]
    # Batch norm goes into the weights before the ReLU, and stays after it.
    deeplab, eccv16 = explain(golden("deeplabv3")), explain(golden("eccv16"))
    assert joined(deeplab, "backbone.conv1") == [("batchnorm", "weights"), ("relu", "epilogue")]
    assert not node(deeplab, "backbone.conv1")["bias"]
    assert joined(deeplab, "backbone.layer1.0.conv3") == [(does, "weights" if does == "batchnorm" else "epilogue")
                                                          for does in ("batchnorm", "add", "relu")]  # fmt: skip
    assert joined(eccv16, "model1.2") == [("relu", "epilogue"), ("batchnorm", "epilogue")]
    assert joined(eccv16, "model_out") == [("scale", "weights")]
    assert node(explain(golden("siggraph17")), "model1.4/subsample")["does"] == "subsample"


def test_concat_in_place_and_copied() -> None:
    vae = explain(golden("vae"))
    concat = node(vae, "dec_bn3/bilinear/concat")
    assert concat["kernel"] is None and concat["inputs"] == ["dec_bn3/bilinear", "cond_enc_conv1"]
    first, second = (node(vae, name) for name in concat["inputs"])
    assert first["value"]["inside"] == second["value"]["inside"] == concat["name"]
    assert (first["value"]["channel"], second["value"]["channel"]) == (0, first["output"][3])
    unet = explain(golden("unet-transposed"))
    copied = [node for node in unet["nodes"] if node["does"] == "concat" and node["kernel"]]
    assert copied and all(node["kernel"]["op"] == "pointwise" and node["kernel"]["steps"] == 1 for node in copied)
    assert node(unet, "up1.up/pad")["kernel"] is None


def test_every_fused_node_is_listed_once() -> None:
    report = explain(golden("deeplabv3"))
    names = [node["name"] for node in report["nodes"]]
    names += [fused["name"] for node in report["nodes"] for fused in node["fused"]]
    assert len(names) == len(set(names))
    norms = {name.rsplit(".", 1)[0] for name in read_weights(golden("deeplabv3")) if name.endswith("running_mean")}
    assert norms <= set(names)


# Receptive fields


def test_fields_of_inputs_and_of_what_sees_all_or_nothing() -> None:
    vae = explain(golden("vae"))
    assert node(vae, "z")["receptive"] is None and node(vae, "z/bilinear")["receptive"] is None
    assert node(vae, "grey")["receptive"] == {"height": 1, "width": 1, "whole": False, "stride": 1}
    deeplab = explain(golden("deeplabv3"), "--size", "96x65")
    seen = node(deeplab, "classifier.4/bilinear")["receptive"]
    assert seen == {"height": 96, "width": 65, "whole": True, "stride": 1}
    dcgan = explain(golden("dcgan-5-stages"))
    assert node(dcgan, "main.12")["receptive"] == {"height": 1, "width": 1, "whole": True, "stride": None}


def test_the_field_is_what_reaches_the_output(tmp_path: Path) -> None:
    """Each picture of a batch has a NaN in one row. It reaches those outputs whose field holds that row."""
    need_openblas()
    report = explain(DEMO, "--size", "72x2")
    field = report["nodes"][-1]["receptive"]
    assert (report["nodes"][-1]["output"], field["stride"], field["whole"]) == ([1, 288, 8, 3], 0.25, False)
    pictures = np.random.default_rng(2).random((72, 3, 72, 2), np.float32)
    for row in range(72):
        pictures[row, :, row, 1] = np.nan
    np.save(tmp_path / "x.npy", pictures)
    # Winograd's kernels read whole tiles, which NaN would cross.
    warns("run", "-m", DEMO, tmp_path / "x.npy", "-o", tmp_path / "y.npy", "--kernels", "openblas")
    reached = np.isnan(np.load(tmp_path / "y.npy")).any(axis=(1, 3))  # [row of the NaN, row of the output]
    sizes = []
    for output in range(120, 168):  # far enough from both edges
        rows = np.flatnonzero(reached[:, output])
        assert rows[0] > 0 and rows[-1] < 71 and len(rows) == rows[-1] - rows[0] + 1
        assert rows[0] <= output / 4 <= rows[-1]
        sizes.append(len(rows))
    assert max(sizes) == field["height"] == field["width"]
    assert min(sizes) >= field["height"] - 2


# Sizes, choices, errors


def test_sizes_beyond_the_machine_can_be_explained() -> None:
    report = explain("-m", DEMO, "--size", "16384x16384", "--batch", "64", "-t", "4")
    assert report["size"] == [64, 16384, 16384] and report["threads"] == 4
    assert report["totals"]["arena_bytes"] > 1e13


def test_why_a_kernel_is_not_the_fastest() -> None:
    def whys(*options: str) -> set[str]:
        return {node["kernel"]["why"] for node in explain(DEMO, "--size", "64x64", *options)["nodes"] if node["kernel"]}

    assert whys() == {"fastest"} and "memory" in whys("--memory-limit", "20M", "-t", "2")
    need_openblas()
    assert whys("--kernels", "openblas") == {"fastest", "family"}


def test_a_precision() -> None:
    for precision in ("fp32", "bf16x2", "bf16"):
        report = explain(DEMO, "--size", "64x64", "--precision", precision)
        assert report["precision"] == precision
        for isa, used in (("amx-emulated", {"fp32", precision}), ("baseline", {"fp32"})):
            nodes = explain(DEMO, "--size", "64x64", "--isa", isa, "--precision", precision)["nodes"]
            assert {node["kernel"]["precision"] for node in nodes if node["kernel"]} == used


ERRORS = [
    (2, [], "missing -m NAME or -m FILE"),
    (2, [WEIGHTS, WEIGHTS], "more than one network"),
    (2, ["-m", WEIGHTS, WEIGHTS], "more than one network"),
    (2, [WEIGHTS, "--size", "12"], "expected HxW"),
    (2, [WEIGHTS, "--kernels", "mkl"], "expected auto, openblas, native or reference"),
    (2, [WEIGHTS, "--precision", "bf16x4"], "--precision bf16x4: expected fp32, bf16x2 or bf16"),
    (3, ["no-such.safetensors"], "no-such.safetensors"),
    (3, ["no-such"], "no weights called no-such"),
    (4, [golden("unet-bilinear"), "--size", "15x64"], "at least 16 each expected"),
    (4, [golden("siggraph17"), "--size", "64x60"], "multiples of 8 expected"),
    (4, [golden("vae"), "--size", "64x32"], "vae has a fixed input of 64x64"),
    (4, [WEIGHTS, "--size", "16777216x16777216", "--batch", "1048576"], "cannot be computed"),
    (6, [WEIGHTS, "--size", "16777216x16777216", "--batch", "96"], "takes more memory than can be addressed"),
    (6, [WEIGHTS, "--size", "1024x1024", "--memory-limit", "1M"], "out of memory"),
    (5, [WEIGHTS, "--svg", "no/such/folder.svg"], "no/such/folder.svg"),
]


@pytest.mark.parametrize(("code", "arguments", "message"), ERRORS, ids=[row[2] for row in ERRORS])
def test_errors(code: int, arguments: list, message: str, tmp_path: Path) -> None:
    assert message in fails(code, "explain", *arguments, cwd=tmp_path)
    assert not list(tmp_path.iterdir())


# Text and picture


@pytest.mark.parametrize("network", NETWORKS)
def test_text_is_for_reading(network: str) -> None:
    report, text = explain(golden(network)), succeeds("explain", golden(network)).decode()
    assert text.startswith(f"{report['model']}: ") and "fastest" in text
    lines = text.splitlines()
    assert all(line == line.rstrip() for line in lines)
    assert all(sum(line.startswith(node["name"] + " ") for line in lines) == 2 for node in report["nodes"])
    assert sum(bool(re.match(r" *(\d+|end) +[\d.]+ (B|[kMG]B) ", line)) for line in lines) == len(report["steps"]) + 1
    peak = [line for line in lines if line.endswith("<- peak")]
    assert len(peak) == 1 and peak[0].split()[0] == str(report["totals"]["peak_step"])


def boxes(picture: ElementTree.Element) -> list[tuple[float, float, float, float]]:
    return [
        tuple(float(rect.get(key)) for key in ("x", "y", "width", "height"))
        for rect in picture.findall(f"{SVG}g/{SVG}rect[@stroke]")
    ]


@pytest.mark.parametrize("network", NETWORKS)
def test_the_picture(network: str, tmp_path: Path) -> None:
    path = tmp_path / "arena.svg"
    report, text = explain(golden(network)), succeeds("explain", golden(network), "--svg", path)
    assert text == succeeds("explain", golden(network))
    picture = ElementTree.fromstring(path.read_bytes())
    assert picture.tag == f"{SVG}svg" and not re.search(rb"href|<style|<script|@import", path.read_bytes())
    width, height = float(picture.get("width")), float(picture.get("height"))
    placed = blocks(report)
    found = boxes(picture)
    assert len(found) == len(placed)
    for x, y, wide, high in found:
        assert x >= 0 and y >= 0 and wide > 0 and x + wide <= width and y + high <= height
    for i, (x, y, wide, high) in enumerate(found):  # coordinates are rounded to tenths and hundredths
        for other_x, other_y, other_wide, other_high in found[:i]:
            apart = max(other_x - x - wide, x - other_x - other_wide, other_y - y - high, y - other_y - other_high)
            assert apart > -0.11
    titles = [title.text for title in picture.iter(f"{SVG}title")]
    assert all(any(title.startswith(f"{node['name']} (") for title in titles)
               for node in report["nodes"] if node["value"]["inside"] is None)  # fmt: skip


def test_the_picture_is_kept_and_goes_to_standard_output(tmp_path: Path) -> None:
    path = tmp_path / "arena.svg"
    written = succeeds("explain", WEIGHTS, "--svg", "-")
    path.write_bytes(b"mine")
    assert "arena.svg" in fails(5, "explain", WEIGHTS, "--svg", path) and path.read_bytes() == b"mine"
    succeeds("explain", WEIGHTS, "--json", "--svg", path, "--force")
    assert path.read_bytes() == written and written.startswith(b"<svg ")

"""File names, tensor names and metadata with any bytes: JSON, CSV, SVG and Markdown stay valid."""

from __future__ import annotations

import csv
import io
import json
import os
import xml.etree.ElementTree
from pathlib import Path

import numpy as np
import pytest
from checkpoint_files import read_safetensors, safetensors
from cli_support import ROOT, WEIGHTS, limn, npy, pixels, png, ppm, succeeds
from text_support import PIECES, decoded, file, names, shown, strict_json

DCGAN = ROOT / "tests/goldens/dcgan-3-stages.safetensors"
COUNT = 150


@pytest.fixture(scope="module")
def hostile(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, list[bytes]]:
    """A folder of small pictures, and their names."""
    folder = tmp_path_factory.mktemp("hostile")
    found = [name + b".ppm" for name in names(COUNT)]
    for number, name in enumerate(found):
        file(folder, name, ppm(pixels(7, 8, seed=number)))
    return folder, found


def paths(folder: Path, found: list[bytes]) -> list[bytes]:
    return [bytes(folder) + b"/" + name for name in found]


def test_pictures(hostile: tuple[Path, list[bytes]], tmp_path: Path) -> None:
    """upscale, colorize and segment: every name comes back, as input, as output, and in the text of an error."""
    folder, found = hostile
    given = paths(folder, found)
    outputs = tmp_path / "made"
    report = strict_json(succeeds("upscale", "-m", WEIGHTS, *given, "-o", outputs, "--json"))
    assert [picture["input"] for picture in report["pictures"]] == [decoded(path) for path in given]
    assert [Path(picture["output"]).name for picture in report["pictures"]] == [decoded(name) for name in found]
    for command, model, *more in (("colorize", "eccv16"), ("segment", "unet-bilinear", "--scale", "3")):
        arguments = [command, "-m", ROOT / f"tests/goldens/{model}.safetensors", *given[:60], "-o", outputs, *more]
        report = strict_json(succeeds(*arguments, "--json", "--force"))
        assert [picture["input"] for picture in report["pictures"]] == [decoded(path) for path in given[:60]]
    bad = [file(tmp_path, name, b"no picture") for name in found]
    done = limn("upscale", "-m", WEIGHTS, *bad, "-o", outputs, "--json", "--force")
    report = strict_json(done.stdout)
    assert done.returncode == 1 and report["failed"] == len(bad)
    assert all(picture["error"] for picture in report["pictures"])


def test_compare(hostile: tuple[Path, list[bytes]]) -> None:
    folder, found = hostile
    report = strict_json(succeeds("compare", folder, folder, "--json"))
    assert sorted(pair["a"] for pair in report["pairs"]) == sorted(decoded(path) for path in paths(folder, found))
    table = succeeds("compare", folder, folder, "--csv").decode("utf-8")
    rows = list(csv.reader(io.StringIO(table, newline=""), strict=True))
    wanted = sorted(shown(path, kept="\r\n") for path in paths(folder, found))
    assert sorted(row[0] for row in rows[1:-1]) == wanted and len({len(row) for row in rows}) == 1
    text = succeeds("compare", folder, folder).decode("utf-8")
    assert len(text.split("\n")) == len(found) + 3 and sorted(wanted)[0].split("\n")[0] in text


def test_pixels_and_generate(hostile: tuple[Path, list[bytes]], tmp_path: Path) -> None:
    folder, found = hostile
    report = strict_json(succeeds("pixels", "dataset", *paths(folder, found), "-o", tmp_path / "t.csv", "--json"))
    assert [picture["input"] for picture in report["pictures"]] == [decoded(path) for path in paths(folder, found)]
    succeeds("pixels", "dataset", *paths(folder, found), "-o", tmp_path / "t.csv", "--force")
    rows = list(csv.reader(io.StringIO((tmp_path / "t.csv").read_text("utf-8"), newline=""), strict=True))
    assert len({len(row) for row in rows}) == 1
    size = read_safetensors(DCGAN.read_bytes())[0]["main.0.weight"].shape[0]
    for name in found[:40]:
        sheet = file(tmp_path, name, ppm(pixels(8, 8)))
        report = strict_json(succeeds("pixels", "split", sheet, "--grid", "2x2", "-o", tmp_path / "pieces", "--json",
                                      "--force"))  # fmt: skip
        assert {picture["input"] for picture in report["pictures"]} == {decoded(sheet)}
        latent = file(tmp_path, name + b".npy", npy(np.zeros((2, size), np.float32)))
        target = bytes(tmp_path) + b"/made-" + name + b".png"
        report = strict_json(succeeds("generate", "-m", DCGAN, "--latent", latent, "-o", target, "--json"))
        assert report["latent"] == decoded(latent) and report["files"] == [decoded(target)]


def test_weights(tmp_path: Path) -> None:
    """inspect, verify, explain and bench: the path of the file and, in it, names and values of metadata."""
    tensors, _, _ = read_safetensors(WEIGHTS.read_bytes())
    texts = [text for text in (decoded(piece) for piece in PIECES)]
    metadata = {f"key {text}": f"value {text}" for text in texts} | {"limn.model": "enhancenet"}
    content = safetensors(tensors, metadata)
    small = ["--size", "16x16"]
    for name in names(len(PIECES) + 20):
        path = file(tmp_path, name + b".safetensors", content)
        report = strict_json(succeeds("inspect", path, "--json", *small))
        assert report["file"] == decoded(path) and report["metadata"] == metadata
        assert strict_json(succeeds("verify", path, "--json"))["file"] == decoded(path)
        printed = succeeds("inspect", path, *small).decode("utf-8").split("\n")
        assert printed[0] == shown(path)
    assert {shown(f"key {text}".encode()).strip() for text in texts} <= {line[:20].strip() for line in printed}
    for arguments in (["explain", path], ["bench", "model", "-m", path, "--reps", "1", "--memory-limit", "500M"]):
        strict_json(succeeds(*arguments, *small, "--json"))
    svg = succeeds("explain", path, *small, "--svg", "-")
    xml.etree.ElementTree.fromstring(svg)


def test_the_names_of_tensors(tmp_path: Path) -> None:
    """inspect lists the tensors of a file even if they form no network."""
    one = np.zeros(2, np.float32)
    texts = dict.fromkeys(decoded(piece) for piece in PIECES)
    path = file(tmp_path, b"t.safetensors", safetensors({f"t{text}": one for text in texts}))
    done = limn("inspect", path)
    lines = done.stdout.decode("utf-8").split("\n")
    assert done.returncode == 3 and len(lines) == len(texts) + 4
    assert {line[:44].rstrip() for line in lines[3:-1]} == {shown(f"t{text}".encode()).rstrip() for text in texts}


def test_the_list_of_weights(tmp_path: Path) -> None:
    """A line for each name, whatever bytes it holds; a name with a dot is a path."""
    found = [name for name in names(len(PIECES) + 60) if b"." not in name]
    for name in found:
        file(tmp_path, name + b".safetensors", WEIGHTS.read_bytes())
    lines = succeeds("--weights", env={"LIMN_WEIGHTS": str(tmp_path)}).decode("utf-8").split("\n")
    listed = [line.split("  upscale: ")[0].rstrip() for line in lines[: len(found)]]
    assert sorted(listed) == sorted(shown(name).rstrip() for name in found)


def test_names_of_classes(tmp_path: Path) -> None:
    model, picture = ROOT / "tests/goldens/unet-bilinear.safetensors", tmp_path / "p.png"
    tensors, metadata, _ = read_safetensors(model.read_bytes())
    picture.write_bytes(png(pixels(32, 32)))
    count = max(2, len(tensors["outc.conv.bias"]))  # one output stands for two classes
    for first in range(0, len(PIECES), count):
        texts = [decoded(piece) for piece in (PIECES + PIECES)[first : first + count]]
        named = metadata | {"limn.classes": json.dumps(texts)}
        path = file(tmp_path, b"named.safetensors", safetensors(tensors, named))
        arguments = ["segment", "-m", path, picture, "-o", tmp_path / "m.png", "--force"]
        for row in strict_json(succeeds(*arguments, "--json"))["pictures"][0]["classes"]:
            assert row["name"] == texts[row["class"]]


def test_a_trace(tmp_path: Path) -> None:
    trace = bytes(tmp_path) + b"/t\xff\n.json"
    succeeds("bench", "model", "-m", WEIGHTS, "--size", "16x16", "--reps", "1", "--trace", trace, "--md")
    with open(trace, "rb") as file_:
        strict_json(file_.read())
    assert os.fsdecode(trace) in [os.path.join(tmp_path, name) for name in os.listdir(tmp_path)]

"""`limn run --dump` and `--dump-images`: what nodes make, against the goldens; names; files that may not be written."""

from __future__ import annotations

import json
import re
from pathlib import Path

import numpy as np
import pytest
from cli_support import ROOT, WEIGHTS, fails, read_png, read_weights, succeeds, warns

GOLDENS = ROOT / "tests/goldens"
INPUTS = {
    "deeplabv3": "rgb", "enhancenet": "rgb", "eccv16": "L", "siggraph17": "Lab", "unet-bilinear": "x",
    "unet-transposed": "x", "vae": "grey", "dcgan-5-stages": "z",
}  # fmt: skip
UNET = GOLDENS / "unet-transposed.safetensors"


@pytest.fixture
def tensor(tmp_path: Path) -> Path:
    path = tmp_path / "in.npy"
    np.save(path, np.random.default_rng(3).random((1, 3, 6, 5), np.float32))
    return path


def nodes(weights: Path) -> list[str]:
    """As `limn inspect` lists them, inputs included."""
    return [node["name"] for node in json.loads(succeeds("inspect", weights, "--size", "64x64", "--json"))["nodes"]]


def stem(index: int, name: str) -> str:
    return f"{index:03}-{re.sub(r'[^A-Za-z0-9._-]', '_', name)}"


# Values


@pytest.mark.parametrize("network", INPUTS)
def test_every_value_of_the_goldens(network: str, tmp_path: Path) -> None:
    values = {
        name.removeprefix("0/"): value
        for name, value in read_weights(GOLDENS / f"{network}.golden.safetensors").items()
        if name.startswith("0/")
    }
    np.save(tmp_path / "in.npy", values[INPUTS[network]].astype("<f4"))
    options = []
    if network == "vae":
        np.save(tmp_path / "z.npy", values["z"].astype("<f4"))
        options += ["--latent", tmp_path / "z.npy"]
    for index, name in enumerate(values):
        options += ["--dump", f"{name}={tmp_path / f'{index}.npy'}"]
    weights = GOLDENS / f"{network}.safetensors"
    succeeds("run", "-m", weights, tmp_path / "in.npy", "-o", tmp_path / "out.npy", *options)
    for index, (name, want) in enumerate(values.items()):
        got = np.load(tmp_path / f"{index}.npy")
        assert (got.shape, got.dtype) == (want.shape, np.dtype("<f4")), name
        # The bound of tests/test_models.c, and its reason.
        assert np.abs(got - want).max() <= 7e-6 * max(1, np.abs(want).max()), name


def test_the_output_node_makes_the_output(tensor: Path, tmp_path: Path) -> None:
    command = ["run", "-m", WEIGHTS, tensor, "-o", tmp_path / "y.npy", "--force"]
    plain = succeeds("run", "-m", WEIGHTS, tensor, "-o", "-")
    layers = json.loads(succeeds("bench", "layers", "-m", WEIGHTS, "--size", "6x5", "--reps", "1", "--json"))["layers"]
    for name in (layers[-1]["name"], f"{layers[-1]['name']}/add/shift"):
        succeeds(*command, "--dump", f"{name}={tmp_path / 'last.npy'}")
        assert (tmp_path / "last.npy").read_bytes() == (tmp_path / "y.npy").read_bytes() == plain
    assert succeeds(*command, "--dump", f"{name}=-") == plain


@pytest.mark.parametrize("threads", ["1", "3"])
@pytest.mark.parametrize("size", [(16, 16), (40, 56)])
def test_concats_and_pads_that_no_step_makes(size: tuple[int, int], threads: str, tmp_path: Path) -> None:
    """They are written in place where that is possible, which depends on the size."""
    np.save(tmp_path / "in.npy", np.random.default_rng(1).random((2, 1, *size), np.float32))
    names = {
        "skip": "down1.maxpool_conv.1.double_conv.4/relu", "up": "up3.up", "pad": "up3.up/pad",
        "concat": "down1.maxpool_conv.1.double_conv.4/relu/concat",
    }  # fmt: skip
    dumps = [word for key, name in names.items() for word in ("--dump", f"{name}={tmp_path / key}.npy")]
    succeeds("run", "-m", UNET, tmp_path / "in.npy", "-o", tmp_path / "y.npy", "-t", threads, *dumps)
    got = {key: np.load(tmp_path / f"{key}.npy") for key in names}
    assert (got["up"] == got["pad"]).all()
    assert (got["concat"] == np.concatenate([got["skip"], got["pad"]], 1)).all()


def test_one_node_in_two_files(tensor: Path, tmp_path: Path) -> None:
    dumps = ["--dump", f"rgb={tmp_path / 'a.npy'}", "--dump", f"rgb={tmp_path / 'b=.npy'}"]
    succeeds("run", "-m", WEIGHTS, tensor, "-o", tmp_path / "y.npy", *dumps)
    assert (np.load(tmp_path / "a.npy") == np.load(tensor)).all()
    assert (tmp_path / "a.npy").read_bytes() == (tmp_path / "b=.npy").read_bytes()


# Names


@pytest.mark.parametrize(
    ("weights", "name", "message"),
    [
        (WEIGHTS, "Conv_2", "no node of this name in .*; similar names: generator/Conv_2, "),
        (WEIGHTS, "generator/conv_4", "similar names: generator/Conv_4, "),
        (WEIGHTS, "generator/Conv_2/add/relu", "similar names: .*generator/Conv_2/add, "),
        (WEIGHTS, "x" * 255, "no node of this name"),
        (WEIGHTS, "x" * 256, "NODE=FILE.npy expected"),
        (WEIGHTS, "", "NODE=FILE.npy expected"),
        (WEIGHTS, "generator/Conv_6/add", "not stored: node generator/Conv_6 .* generator/Conv_6/add/shift, "),
        (WEIGHTS, "generator/Conv_2/add/upsample", "not stored: node generator/Conv_3 .* generator/Conv_3/relu, "),
        (GOLDENS / "deeplabv3.safetensors", "backbone.bn1", "node backbone.conv1 .* backbone.bn1/relu, "),
    ],
)
def test_names_that_stand_for_no_value(weights: Path, name: str, message: str, tensor: Path, tmp_path: Path) -> None:
    line = fails(2, "run", "-m", weights, tensor, "-o", tmp_path / "y.npy", "--dump", f"{name}={tmp_path / 'a.npy'}")
    assert re.search(message, line), line
    assert list(tmp_path.iterdir()) == [tensor]


# Sheets


def sheets(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


@pytest.mark.parametrize("network", ["enhancenet", "deeplabv3"])
def test_a_sheet_for_every_node(network: str, tmp_path: Path) -> None:
    weights, folder = GOLDENS / f"{network}.safetensors", tmp_path / "maps"
    np.save(tmp_path / "in.npy", np.random.default_rng(3).random((1, 3, 33, 41), np.float32))
    command = ["run", "-m", weights, tmp_path / "in.npy", "-o", folder / "y.npy", "--dump-images", folder]
    line = fails(5, *command)
    assert "y.npy" in line and "No such file" in line  # the output is checked before the folder is made
    command[5] = tmp_path / "y.npy"
    succeeds(*command, "--dump", f"rgb={folder / 'rgb.npy'}")
    assert sheets(folder) == [*(f"{stem(i, name)}.png" for i, name in enumerate(nodes(weights))), "rgb.npy"]
    assert (np.load(folder / "rgb.npy") == np.load(tmp_path / "in.npy")).all()


def test_pixels_of_a_sheet(tmp_path: Path) -> None:
    x = np.random.default_rng(3).random((2, 3, 50, 40), np.float32)
    x[0, 1, 7, 9] = np.nan
    x[0, 2, 8, 3] = np.inf
    np.save(tmp_path / "in.npy", x)
    command = ["run", "-m", WEIGHTS, tmp_path / "in.npy", "-o", tmp_path / "y.npy", "--dump-images", tmp_path / "maps"]
    warns(*command)
    sheet = read_png((tmp_path / "maps/000-rgb.png").read_bytes())
    for channel, values in enumerate(x[0]):
        finite = values[np.isfinite(values)]
        grey = (values - finite.min()) / (finite.max() - finite.min()) * 255
        left, top = 8 + channel * (80 + 8), 8 + 3 * 14 + 8  # under three lines
        tile = sheet[top : top + 100, left : left + 80]
        assert (tile == tile.repeat(2, 0)[::2].repeat(2, 1)[:, ::2]).all()  # each value is a square
        tile = tile[::2, ::2]
        assert np.isfinite(grey[tile.max(2) == tile.min(2)]).all()
        assert np.abs(tile[np.isfinite(grey)] - grey[np.isfinite(grey)][:, None]).max() <= 0.51
        assert (tile[np.isnan(values)] == (230, 0, 190)).all() and (tile[np.isinf(values)] == (0, 200, 220)).all()
    warns(*command[:-1], tmp_path / "few", "--force", "--channels", "2")
    few = read_png((tmp_path / "few/000-rgb.png").read_bytes())
    assert (few[8 + 3 * 14 + 14 :, :176] == sheet[8 + 3 * 14 :, :176]).all()  # a line more
    assert (few[8 + 4 * 14 :, 176:] == 255).all()


# Files


@pytest.mark.parametrize(
    ("code", "arguments", "message"),
    [
        (2, ["--dump", "rgb"], "--dump rgb: NODE=FILE.npy expected"),
        (2, ["--dump", "rgb="], "--dump rgb=: NODE=FILE.npy expected"),
        (2, ["--dump", "rgb=a.npy", "--dump", "generator/Conv=./a.npy"], "--dump rgb and --dump generator/Conv would"),
        (2, ["--dump", "rgb=a.npy", "--dump", "rgb=a.npy"], "would both be written to a.npy"),
        (2, ["--dump", "rgb=./y.npy"], "--dump rgb=./y.npy: same file as the output"),
        (2, ["--channels", "3"], "--dump-images"),
        (2, ["--dump-images", "maps", "--channels", "0"], "from 1 to 1024"),
        (2, ["--dump", "rgb=a.npy"] * 65, "--dump: given more than 64 times"),
        (5, ["--dump", "rgb=no/a.npy"], "no/a.npy: cannot be written: No such file"),
        (5, ["--dump", "rgb=stands.npy"], "stands.npy: already exists (use --force to replace it)"),
        (5, ["--dump", "rgb=a.npy", "--dump", "generator/Conv=folder"], "folder: is a folder"),
        (5, ["--dump-images", "stands.npy"], "stands.npy: cannot create folder"),
        (5, ["--dump-images", "no/maps"], "no/maps: cannot create folder: No such file"),
        (5, ["--dump-images", "folder"], "folder/004-generator_Conv_2.png: already exists (use --force to replace it)"),
    ],
)
def test_refused_before_anything_is_written(
    code: int, arguments: list[str], message: str, tensor: Path, tmp_path: Path
) -> None:
    (tmp_path / "stands.npy").write_text("precious")
    (tmp_path / "folder").mkdir()
    (tmp_path / "folder/004-generator_Conv_2.png").write_text("precious")
    before = sorted(tmp_path.rglob("*"))
    assert message in fails(code, "run", "-m", WEIGHTS, tensor, "-o", "y.npy", *arguments, cwd=tmp_path)
    assert sorted(tmp_path.rglob("*")) == before
    assert all(path.read_text() == "precious" for path in before if path.is_file() and path != tensor)


def test_force_replaces_dumps_and_sheets(tensor: Path, tmp_path: Path) -> None:
    command = ["run", "-m", WEIGHTS, tensor, "-o", tmp_path / "y.npy", "--dump", f"rgb={tmp_path / 'a.npy'}"]
    command += ["--dump-images", tmp_path / "maps"]
    succeeds(*command)
    kept = {path: path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()}
    for path in kept.keys() - {tensor}:
        path.write_text("old")
    succeeds(*command, "--force")
    assert {path: path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()} == kept


def test_a_full_disk(tensor: Path, tmp_path: Path) -> None:
    line = fails(5, "run", "-m", WEIGHTS, tensor, "-o", tmp_path / "y.npy", "--dump", "generator/Conv=/dev/full")
    assert "/dev/full: write failed: No space left" in line
    assert list(tmp_path.iterdir()) == [tensor]

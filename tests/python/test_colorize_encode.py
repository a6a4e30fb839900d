"""limn colorize --encode from outside: against a NumPy version of the colour encoder, and `limn run` for the rest."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from cli_support import fails, limn, pixels, png, ppm, read_png, read_weights, succeeds
from colorize_reference import encode, join, lab8, resize_linear
from colorize_support import assert_alike, colorized, network_ab, smooth, weights
from segment_support import write_weights


def complete(tmp_path: Path, **changes: np.ndarray | None) -> Path:
    """A vae's file with its colour encoder; `changes` replace tensors of that, whose dots are __, or leave them out."""
    tensors = read_weights(weights("vae")) | read_weights(weights("vae-encoder"))
    for name, values in changes.items():
        tensors.pop(name.replace("__", "."))
        if values is not None:
            tensors[name.replace("__", ".")] = values
    rows = {name: values.astype("<f4") for name, values in tensors.items()}
    return write_weights(tmp_path / "complete.safetensors", rows, model="vae")


def own_ab(picture: np.ndarray) -> np.ndarray:
    return 2 * np.moveaxis(lab8(resize_linear(picture, 64))[..., 1:], -1, 0) / 255 - 1


def encoded(tmp_path: Path, network: Path, data: bytes, *options: str) -> np.ndarray:
    source, output = tmp_path / "in.picture", tmp_path / "out.png"
    source.write_bytes(data)
    succeeds("colorize", "-m", network, "--encode", source, "-o", output, "--force", *options)
    return read_png(output.read_bytes())


@pytest.mark.parametrize("size", [(1, 1), (64, 64), (37, 161), (300, 201)])
def test_reconstruction(tmp_path: Path, size: tuple[int, int]) -> None:
    network, picture = complete(tmp_path), smooth(*size)
    z = encode(read_weights(network), own_ab(picture))
    got = encoded(tmp_path, network, ppm(picture))
    assert_alike(got, join(picture, network_ab(tmp_path, "vae", picture, z=z)), f"{size}")
    assert np.abs(got.astype(int) - colorized(tmp_path, "vae", ppm(picture))).max() > 8, "z changes nothing"


def test_noisy_picture_tint_and_alpha(tmp_path: Path) -> None:
    network, picture = complete(tmp_path), pixels(90, 130, 4)
    picture[..., 3] |= 1  # hidden pixels would not count
    z = encode(read_weights(network), own_ab(picture))
    want = join(picture, network_ab(tmp_path, "vae", picture, z=z), 1.5, -20)
    assert_alike(encoded(tmp_path, network, png(picture), "--saturation", "1.5", "--temperature=-20"), want)


def test_each_picture_of_a_folder_has_its_own_colours(tmp_path: Path) -> None:
    network, folder, results = complete(tmp_path), tmp_path / "in", tmp_path / "out"
    folder.mkdir()
    colours = {"a.png": (210, 60, 60), "b.png": (100, 100, 220), "c.png": (210, 60, 60)}
    pictures = {name: np.full((20, 30, 3), colour, np.uint8) for name, colour in colours.items()}
    for name, picture in pictures.items():
        (folder / name).write_bytes(png(picture))
    succeeds("colorize", "-m", network, "--encode", folder, "-o", results)
    for name, picture in pictures.items():
        z = encode(read_weights(network), own_ab(picture))
        want = join(picture, network_ab(tmp_path, "vae", picture, z=z))
        assert_alike(read_png((results / name).read_bytes()), want, name)


def test_file_without_encoder(tmp_path: Path) -> None:
    (tmp_path / "in.ppm").write_bytes(ppm(smooth(20, 30)))
    line = fails(3, "colorize", "-m", weights("vae"), "--encode", "in.ppm", "-o", "out.png", cwd=tmp_path)
    assert f"{weights('vae')}: holds no colour encoder" in line and not (tmp_path / "out.png").exists()


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"enc_bn2__bias": None}, "tensor enc_bn2.bias is missing"),
        ({"enc_fc1__weight": np.zeros((10, 500))}, "tensor enc_fc1.weight is 10x500: 500 inputs, 512 expected"),
        ({"enc_fc1__weight": np.zeros((10, 32, 4, 4))}, "2 positive dimensions"),
        ({"enc_fc1__weight": np.zeros((8, 512)), "enc_fc1__bias": np.zeros(8)}, "makes 8x1x1 values; expected 10x1x1"),
        ({"enc_conv3__weight": np.zeros((16, 8, 6, 6))}, "makes 10x2x2 values; expected 10x1x1"),
        ({"enc_fc1__bias": np.full(10, np.nan)}, "in.ppm: 5 of 5 values that the network made are NaN or infinite; "),
    ],
)
def test_encoder_that_does_not_fit(tmp_path: Path, changes: dict[str, np.ndarray | None], message: str) -> None:
    """Without --encode such a file works: the encoder is not read."""
    network = complete(tmp_path, **changes)
    (tmp_path / "in.ppm").write_bytes(ppm(smooth(20, 30)))
    line = fails(3, "colorize", "-m", network, "--encode", "in.ppm", "-o", "out.png", cwd=tmp_path)
    assert message in line and str(network) in line and not (tmp_path / "out.png").exists()
    assert limn("colorize", "-m", network, "in.ppm", "-o", "out.png", cwd=tmp_path).returncode == 0


@pytest.mark.parametrize(
    ("network", "options", "message"),
    [
        ("eccv16", (), "encode is an option of vae"),
        ("siggraph17", (), "encode is an option of vae"),
        ("vae", ("--samples", "2"), "--encode excludes --compare and --samples"),
        ("vae", ("--compare",), "--encode excludes --compare and --samples"),
        ("vae", ("--seed", "2"), "--seed needs --samples"),
    ],
)
def test_usage(tmp_path: Path, network: str, options: tuple[str, ...], message: str) -> None:
    (tmp_path / "in.ppm").write_bytes(ppm(smooth(20, 30)))
    arguments = ("-m", weights(network), "--encode", "in.ppm", "-o", "out.png", *options)
    assert message in fails(2, "colorize", *arguments, cwd=tmp_path) and not (tmp_path / "out.png").exists()

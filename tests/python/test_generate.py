"""The pictures of `limn generate`, compared with NumPy's arithmetic on the results of `limn run`."""

from __future__ import annotations

from pathlib import Path
from statistics import NormalDist

import numpy as np
import pytest
from cli_support import fails, succeeds
from generate_support import COLOUR, GREY, SIZES, changed, generated, pictures, random_latents


def network(folder: Path, weights: Path, latents: np.ndarray) -> np.ndarray:
    """N x C x S x S values that `limn run` gives for N x nz."""
    np.save(folder / "z.npy", latents[:, :, None, None])
    succeeds("run", "-m", weights, folder / "z.npy", "-o", folder / "y.npy", "--force")
    return np.load(folder / "y.npy")


def noise(seed: int, count: int) -> np.ndarray:
    """noise.h's sequence, by another implementation of the normal quantile."""
    values = []
    for index in range(1, count + 1):
        bits = (seed + index * 0x9E3779B97F4A7C15) % 2**64
        bits = (bits ^ bits >> 30) * 0xBF58476D1CE4E5B9 % 2**64
        bits = (bits ^ bits >> 27) * 0x94D049BB133111EB % 2**64
        bits ^= bits >> 31
        values.append(NormalDist().inv_cdf(((bits >> 12) + 0.5) / 2**52))
    return np.array(values, np.float32)


# torchvision, utils.py: make_grid and save_image, in float32


def scaled(values: np.ndarray, low: np.float32, high: np.float32) -> np.ndarray:
    return (values.clip(low, high) - low) / np.float32(max(float(high) - float(low), 1e-5))


def make_grid(values: np.ndarray, columns: int = 8, padding: int = 2) -> np.ndarray:
    if values.shape[1] == 1:
        values = np.concatenate((values,) * 3, 1)
    count, channels, height, width = values.shape
    if count == 1:
        return values[0]
    columns = min(columns, count)
    rows = -(-count // columns)
    height, width = height + padding, width + padding
    sheet = np.zeros((channels, height * rows + padding, width * columns + padding), np.float32)
    for index, value in enumerate(values):
        top, left = index // columns * height + padding, index % columns * width + padding
        sheet[:, top : top + height - padding, left : left + width - padding] = value
    return sheet


def as_bytes(sheet: np.ndarray) -> np.ndarray:
    assert sheet.dtype == np.float32
    return (sheet * np.float32(255) + np.float32(0.5)).clip(0, 255).astype(np.uint8).transpose(1, 2, 0)


# Sheets


@pytest.mark.parametrize("weights", [COLOUR, GREY], ids=["colour", "grey"])
@pytest.mark.parametrize("count", [1, 2, 7, 8, 9, 17, 33])
def test_a_sheet_is_torchvisions(count: int, weights: Path, tmp_path: Path) -> None:
    latents = random_latents(count, weights)
    values = network(tmp_path, weights, latents)
    np.save(tmp_path / "latents.npy", latents)
    got = generated(tmp_path, weights, "--latent", tmp_path / "latents.npy")
    np.testing.assert_array_equal(got, as_bytes(make_grid(scaled(values, values.min(), values.max()))))
    got = generated(tmp_path, weights, "--latent", tmp_path / "latents.npy", "--fixed-range")
    np.testing.assert_array_equal(got, as_bytes(make_grid(scaled(values, np.float32(-1), np.float32(1)))))


def test_sixteen_of_seed_0_unless_said(tmp_path: Path) -> None:
    sheet = generated(tmp_path, GREY)
    assert sheet.shape == (2 * 18 + 2, 8 * 18 + 2, 3)
    np.testing.assert_array_equal(sheet, generated(tmp_path, GREY, "-n", "16", "--seed", "0"))


def test_a_constant_output_is_black(tmp_path: Path) -> None:
    weights = changed(tmp_path, 3, 0)
    assert not generated(tmp_path, weights, "-n", "9").any()
    assert all((picture == 128).all() for picture in pictures(tmp_path, weights, "-n", "2"))


def test_a_network_that_makes_no_numbers(tmp_path: Path) -> None:
    weights = changed(tmp_path, 3, np.nan)
    for options in ((), ("--fixed-range",)):
        line = fails(3, "generate", "-m", weights, "-o", "out.png", *options, cwd=tmp_path)
        assert "picture 0: 768 of 768 values that the network made are NaN or infinite; " in line
    assert [path.name for path in tmp_path.iterdir()] == ["changed.safetensors"]


def test_a_memory_limit_changes_no_picture(tmp_path: Path) -> None:
    """300 pictures are 14 MB of values; with less, the network runs twice."""
    options = ("-n", "300", "--seed", "3")
    np.testing.assert_array_equal(
        generated(tmp_path, COLOUR, *options, "--memory-limit", "12M"), generated(tmp_path, COLOUR, *options)
    )
    assert "out of memory" in fails(6, "generate", "-m", COLOUR, "-o", tmp_path / "x.png", "--memory-limit", "100K")


# Seeds and walks


@pytest.mark.parametrize("seed", [0, 5, 2**63 - 1])
def test_seeds_are_the_documented_noise(seed: int, tmp_path: Path) -> None:
    values = network(tmp_path, COLOUR, noise(seed, 3 * SIZES[COLOUR]).reshape(3, -1))
    got = pictures(tmp_path, COLOUR, "-n", "3", "--seed", str(seed))
    for picture, value in zip(got, scaled(values, np.float32(-1), np.float32(1)), strict=True):
        # A mathematical library may round the last bit of a value otherwise, and so turn a byte.
        assert np.abs(picture.astype(int) - as_bytes(value)).max() <= 1


def test_a_seed_repeats_and_another_differs(tmp_path: Path) -> None:
    first, again = (pictures(tmp_path, GREY, "-n", "4", "--seed", "9") for _ in range(2))
    np.testing.assert_array_equal(first, again)
    assert (np.array(first) != pictures(tmp_path, GREY, "-n", "4", "--seed", "10")).any()


@pytest.mark.parametrize("weights", [COLOUR, GREY], ids=["colour", "grey"])
def test_pictures_do_not_depend_on_how_many_there_are(weights: Path, tmp_path: Path) -> None:
    many = pictures(tmp_path, weights, "-n", "64")
    for count in (1, 7, 16, 17):
        np.testing.assert_array_equal(pictures(tmp_path, weights, "-n", str(count)), many[:count])


@pytest.mark.parametrize("count", [2, 3, 11, 18])
def test_a_walk(count: int, tmp_path: Path) -> None:
    frames = pictures(tmp_path, COLOUR, "--walk", f"3,8,{count}")
    assert len(frames) == count
    for seed, end in ((3, frames[0]), (8, frames[-1])):
        np.testing.assert_array_equal(end, pictures(tmp_path, COLOUR, "-n", "1", "--seed", str(seed))[0])
    a, b = (noise(seed, SIZES[COLOUR]).astype(np.float64) for seed in (3, 8))
    angle = np.arccos(a @ b / np.linalg.norm(a) / np.linalg.norm(b))
    t = np.linspace(0, 1, count)[:, None]
    between = (np.sin((1 - t) * angle) * a + np.sin(t * angle) * b) / np.sin(angle)
    values = network(tmp_path, COLOUR, between.astype(np.float32))
    for frame, value in zip(frames, scaled(values, np.float32(-1), np.float32(1)), strict=True):
        assert np.abs(frame.astype(int) - as_bytes(value)).max() <= 1


def test_a_walk_to_the_same_seed_stands_still(tmp_path: Path) -> None:
    frames = pictures(tmp_path, GREY, "--walk", "4,4,3")
    np.testing.assert_array_equal(frames, pictures(tmp_path, GREY, "-n", "1", "--seed", "4") * 3)


# Latent files


@pytest.mark.parametrize("shape", [(3, 7), (3, 7, 1, 1), (1, 1, 3, 7)])
def test_shapes_of_latent_files(shape: tuple[int, ...], tmp_path: Path) -> None:
    latents = random_latents(3, GREY)
    np.save(tmp_path / "latents.npy", latents.reshape(shape))
    values = scaled(network(tmp_path, GREY, latents), np.float32(-1), np.float32(1))
    got = pictures(tmp_path, GREY, "--latent", tmp_path / "latents.npy")
    np.testing.assert_array_equal(got, [as_bytes(np.repeat(value, 3, 0)) for value in values])


@pytest.mark.parametrize("shape", [(3, 6), (7, 3), (3, 1, 7), (2, 7, 1, 2), (3, 2, 1, 7), (14,)])
def test_wrong_shapes_of_latent_files(shape: tuple[int, ...], tmp_path: Path) -> None:
    np.save(tmp_path / "latents.npy", np.zeros(shape, np.float32))
    line = fails(4, "generate", "-m", GREY, "--latent", "latents.npy", "-o", "out.png", cwd=tmp_path)
    found = " x ".join(str(side) for side in (1, 1, 1, *shape)[-4:])
    assert f"latents.npy: expected N x 7 or N x 7 x 1 x 1 values; found {found}" in line
    assert not (tmp_path / "out.png").exists()


@pytest.mark.parametrize("value", [np.nan, np.inf])
def test_latents_must_be_finite(value: float, tmp_path: Path) -> None:
    latents = random_latents(3, GREY)
    latents[2, 4] = value
    np.save(tmp_path / "latents.npy", latents)
    line = fails(4, "generate", "-m", GREY, "--latent", "latents.npy", "-o", "out.png", cwd=tmp_path)
    assert "latents.npy: value 4 of vector 2 is not finite" in line

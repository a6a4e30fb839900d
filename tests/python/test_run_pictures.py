"""`limn run` on pictures: what the network makes of a tensor that NumPy prepares as upstream's programs do."""

from __future__ import annotations

import io
from pathlib import Path

import colorize_support
import numpy as np
import pytest
import segment_support
from cli_support import ROOT, fails, pixels, png, png_chunk, ppm, succeeds
from colorize_reference import bicubic, hint_planes, lab8, resize_linear, rgb2lab
from segment_support import smooth

GOLDENS = ROOT / "tests/goldens"


def lightness(picture: np.ndarray) -> np.ndarray:
    return rgb2lab(bicubic(picture[..., :3], 256, 256))[None, ..., 0]


def prepared(network: str, picture: np.ndarray) -> np.ndarray:
    """C x H x W."""
    height, width = picture.shape[:2]
    if network == "deeplabv3":
        return segment_support.normalised(picture, (height, width))
    if network == "unet":
        return segment_support.scaled(picture, (height // 2, width // 2))
    if network == "enhancenet":
        return picture.transpose(2, 0, 1) / np.float32(255)
    if network == "vae":
        return 2 * lab8(resize_linear(picture, 64))[None, ..., 0] / 255 - 1
    hints = [hint_planes([], height, width)] if network == "siggraph17" else []
    return np.concatenate([lightness(picture), *hints])


def run(folder: Path, model: Path, data: bytes, *options: str | Path, name: str = "picture") -> np.ndarray:
    (folder / name).write_bytes(data)
    succeeds("run", "-m", model, folder / name, "-o", folder / "made.npy", "--force", *options)
    return np.load(folder / "made.npy")


@pytest.mark.parametrize(
    "network", ["deeplabv3", "unet", "eccv16", "siggraph17", "vae", "enhancenet"]
)
def test_a_picture_is_prepared_for_the_network(network: str, tmp_path: Path) -> None:
    model = segment_support.weights("unet") if network == "unet" else GOLDENS / f"{network}.safetensors"
    picture = smooth(48, 40)
    np.save(tmp_path / "x.npy", np.ascontiguousarray(prepared(network, picture)[None], "<f4"))
    succeeds("run", "-m", model, tmp_path / "x.npy", "-o", tmp_path / "want.npy")
    want = np.load(tmp_path / "want.npy")
    for data in (png(picture), ppm(picture)):
        got = run(tmp_path, model, data)
        assert got.shape == want.shape and got.dtype == np.float32
        assert np.abs(got - want).max() <= 2e-4 * max(1, np.abs(want).max())
    assert (run(tmp_path, model, png(np.dstack([picture, np.full((48, 40), 255, np.uint8)]))) == got).all()


@pytest.mark.parametrize(("name", "channels"), [("grey", 1), ("rgba", 4)])
def test_networks_of_other_channels(name: str, channels: int, tmp_path: Path) -> None:
    picture = smooth(48, 40, 4) if channels == 4 else smooth(48, 40).mean(2, keepdims=True).astype(np.uint8)
    if channels == 4:
        picture[..., 3] = 255
    x = segment_support.scaled(picture, (24, 20))
    want = segment_support.run(segment_support.weights(name), x, tmp_path)
    data = png(picture) if channels == 4 else png(picture.repeat(3, 2))
    assert np.abs(run(tmp_path, segment_support.weights(name), data)[0] - want).max() <= 2e-4 * np.abs(want).max()


def test_the_size_is_that_of_the_command(tmp_path: Path) -> None:
    """21 classes without a recorded size: 520 pixels, as limn segment."""
    made = run(tmp_path, segment_support.weights("voc"), png(smooth(26, 52)))
    assert made.shape == (1, 21, 520, 1040)


def test_every_format_and_standard_input(tmp_path: Path) -> None:
    Image = pytest.importorskip("PIL.Image")
    model, picture = GOLDENS / "enhancenet.safetensors", pixels(9, 7)
    want = run(tmp_path, model, png(picture))
    for form in ("BMP", "PPM", "PNG"):
        file = io.BytesIO()
        Image.fromarray(picture).save(file, form)
        assert (run(tmp_path, model, file.getvalue()) == want).all()
    jpeg = io.BytesIO()
    Image.fromarray(smooth(9, 7)).save(jpeg, "JPEG", quality=100, subsampling=0)
    decoded = np.asarray(Image.open(jpeg))
    assert np.abs(run(tmp_path, model, jpeg.getvalue()) - run(tmp_path, model, png(decoded))).max() < 0.05
    printed = succeeds("run", "-m", model, "-", "-o", "-", input=png(picture))
    assert (np.load(io.BytesIO(printed)) == want).all()


def test_orientation_dumps_and_feature_maps(tmp_path: Path) -> None:
    model, picture = GOLDENS / "enhancenet.safetensors", pixels(9, 7)
    turned = b"MM\0*\0\0\0\x08\0\x01\x01\x12\0\x03\0\0\0\x01\0\x03\0\0\0\0\0\0"  # upside down
    data = png(np.ascontiguousarray(picture[::-1, ::-1]), png_chunk(b"eXIf", turned))
    want = run(tmp_path, model, png(picture))
    dumps = ["--dump", f"generator/Conv={tmp_path / 'maps.npy'}", "--dump-images", tmp_path / "sheets"]
    assert (run(tmp_path, model, data, *dumps) == want).all()
    assert np.load(tmp_path / "maps.npy").shape[2:] == (9, 7) and len(list((tmp_path / "sheets").iterdir())) > 3
    assert (run(tmp_path, model, data, "--no-orient") != want).any()


def test_what_is_refused(tmp_path: Path) -> None:
    picture, tiny = tmp_path / "p.png", tmp_path / "tiny.png"
    picture.write_bytes(png(pixels(32, 32)))
    tiny.write_bytes(png(pixels(8, 8)))
    output = ["-o", tmp_path / "y.npy"]
    line = fails(2, "run", "-m", GOLDENS / "dcgan-3-stages.safetensors", picture, *output)
    assert "the input of dcgan is a latent vector (.npy), not a picture" in line
    assert "at least 16 x 16" in fails(4, "run", "-m", GOLDENS / "unet-bilinear.safetensors", tiny, *output)
    (tmp_path / "text").write_bytes(b"no picture and no tensor")
    line = fails(4, "run", "-m", GOLDENS / "enhancenet.safetensors", tmp_path / "text", *output)
    assert "not a picture" in line
    assert not (tmp_path / "y.npy").exists()


def test_colours_are_those_of_colorize(tmp_path: Path) -> None:
    picture = colorize_support.smooth(40, 56)
    made = run(tmp_path, GOLDENS / "siggraph17.safetensors", png(picture))[0]
    want = colorize_support.network_ab(tmp_path, "siggraph17", picture)
    assert np.abs(made - want).max() <= 1e-3 * max(1, np.abs(want).max())

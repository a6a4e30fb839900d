"""`limn segment` from outside: the classes it finds, and what it refuses."""

from __future__ import annotations

import json
import re
import struct
from pathlib import Path

import model_tables
import numpy as np
import pytest
from cli_support import ROOT, fails, pixels, png, png_chunk, ppm, read_png, read_weights, succeeds
from segment_support import (
    bilinear,
    close_to,
    mask_of,
    normalised,
    resample,
    run,
    scaled,
    segment,
    smooth,
    unet,
    weights,
    write_weights,
)

# Classes


@pytest.mark.parametrize("size", [(1, 1), (1, 9), (33, 47), (64, 64), (61, 30)])
@pytest.mark.parametrize("model", ["deeplabv3", "voc"])
def test_deeplabv3_at_its_own_size_is_upstreams_argmax(model: str, size: tuple[int, int], tmp_path: Path) -> None:
    picture = smooth(*size)
    logits = run(weights(model), normalised(picture, size), tmp_path)
    got = mask_of(tmp_path, weights(model), picture, "--resize", 0)
    assert (got == logits.argmax(axis=0)).all()
    assert size < (30, 30) or len(np.unique(got)) > 1


@pytest.mark.parametrize("to", [20, 33, 57])
@pytest.mark.parametrize(("height", "width"), [(33, 47), (52, 40)])
def test_resize(height: int, width: int, to: int, tmp_path: Path) -> None:
    picture, shorter = smooth(height, width), min(height, width)
    size = (to * height // shorter, to * width // shorter)
    logits = run(weights("voc"), normalised(picture, size), tmp_path)
    got = mask_of(tmp_path, weights("voc"), picture, "--resize", to)
    close_to(bilinear(logits, height, width), got)


def with_metadata(path: Path, model: str, **metadata: str) -> Path:
    tensors = {name: values.astype(np.float32) for name, values in read_weights(weights(model)).items()}
    return write_weights(path, tensors, **metadata)


@pytest.mark.parametrize(
    ("model", "resize", "size"),
    [
        ("voc", None, (520, 650)),  # torchvision's preset, which enlarges too
        ("deeplabv3", None, (40, 50)),  # 5 classes: the picture's own size
        ("deeplabv3", "64", (64, 80)),
        ("deeplabv3", "0", (40, 50)),
        ("voc", "0", (40, 50)),
        ("voc", "31", (31, 38)),
    ],
)
def test_the_size_that_weights_were_made_for(
    model: str, resize: str | None, size: tuple[int, int], tmp_path: Path
) -> None:
    picture = smooth(40, 50)
    path = weights(model) if resize is None else with_metadata(tmp_path / "made.safetensors", model, resize=resize)
    logits = run(path, normalised(picture, size), tmp_path)
    close_to(bilinear(logits, 40, 50), mask_of(tmp_path, path, picture))
    own = run(path, normalised(picture, (40, 50)), tmp_path)
    assert (mask_of(tmp_path, path, picture, "--resize", 0) == own.argmax(axis=0)).all()
    close_to(
        bilinear(run(path, normalised(picture, (20, 25)), tmp_path), 40, 50),
        mask_of(tmp_path, path, picture, "--resize", 20),
    )


def test_a_usual_size_beyond_the_limits_is_the_pictures_own(tmp_path: Path) -> None:
    picture = smooth(10, 700)  # 520 x 36400
    logits = run(weights("voc"), normalised(picture, (10, 700)), tmp_path)
    assert (mask_of(tmp_path, weights("voc"), picture) == logits.argmax(axis=0)).all()


@pytest.mark.parametrize("text", ["", "-1", "520 ", "x", "1e3", "16385", "9" * 20, "5\n20", "\u00e9" * 99])
def test_a_usual_size_that_is_none(text: str, tmp_path: Path) -> None:
    (tmp_path / "in.ppm").write_bytes(ppm(smooth(20, 20)))
    model = with_metadata(tmp_path / "made.safetensors", "deeplabv3", resize=text)
    line = fails(3, "segment", "-m", model, "in.ppm", "-o", "out.png", cwd=tmp_path)
    assert "made.safetensors: metadata limn.resize" in line and "a number of pixels from 0 to 16384" in line


def test_unet_computes_at_the_scale_that_its_weights_were_made_for(tmp_path: Path) -> None:
    picture = smooth(45, 59)
    made = with_metadata(tmp_path / "made.safetensors", "unet", scale="0.77")
    for options, same in (((), ("--scale", 0.77)), (("--scale", 0.5), ())):
        assert (mask_of(tmp_path, made, picture, *options) == mask_of(tmp_path, weights("unet"), picture, *same)).all()


@pytest.mark.parametrize("text", ["", "0", "-1", "nan", "inf", "101", "1x", "half"])
def test_a_scale_that_is_none(text: str, tmp_path: Path) -> None:
    (tmp_path / "in.ppm").write_bytes(ppm(smooth(20, 20)))
    model = with_metadata(tmp_path / "made.safetensors", "unet", scale=text)
    line = fails(3, "segment", "-m", model, "in.ppm", "-o", "out.png", cwd=tmp_path)
    assert f'made.safetensors: metadata limn.scale is "{text}"; expected a number above 0, at most 100' in line


@pytest.mark.parametrize("scale", [0.5, 0.77, 1, 1.5])
@pytest.mark.parametrize(("model", "channels"), [("unet", 3), ("grey", 1), ("two", 3)])
def test_unet(model: str, channels: int, scale: float, tmp_path: Path) -> None:
    picture = smooth(45, 59)
    r, g, b = np.moveaxis(picture.astype(int), 2, 0)
    grey = ((19595 * r + 38470 * g + 7471 * b + 32768) >> 16).astype(np.uint8)
    x = scaled(picture if channels == 3 else grey[..., None], (int(scale * 45), int(scale * 59)))
    logits = bilinear(run(weights(model), x, tmp_path), 45, 59)
    got = mask_of(tmp_path, weights(model), picture, *(["--scale", scale] if scale != 0.5 else []))
    close_to(logits, got // 255 if model == "two" else got)
    assert len(np.unique(got)) > 1


def test_a_network_of_four_channels_sees_alpha(tmp_path: Path) -> None:
    picture = smooth(40, 50, 4)
    logits = run(weights("rgba"), scaled(picture, (40, 50)), tmp_path)
    close_to(logits, mask_of(tmp_path, weights("rgba"), picture, "--scale", 1))

    alpha = picture[..., 3:].astype(int)  # resized as Pillow does: multiplied by alpha
    small = resample(np.dstack([(picture[..., :3] * alpha + 127) // 255, alpha]).astype(np.uint8), 20, 25, cubic=True)
    part = np.maximum(small[..., 3:].astype(int), 1)
    free = np.where(small[..., 3:] == 0, small[..., :3], np.minimum(small[..., :3].astype(int) * 255 // part, 255))
    x = np.dstack([free, small[..., 3]]).astype(np.float32).transpose(2, 0, 1) / np.float32(255)
    close_to(bilinear(run(weights("rgba"), x, tmp_path), 40, 50), mask_of(tmp_path, weights("rgba"), picture))

    opaque = np.dstack([picture[..., :3], np.full((40, 50), 255, np.uint8)])
    without = np.ascontiguousarray(picture[..., :3])
    assert (mask_of(tmp_path, weights("rgba"), opaque) == mask_of(tmp_path, weights("rgba"), without)).all()


def test_alpha_and_threads_change_no_class(tmp_path: Path) -> None:
    picture = smooth(50, 70, 4)
    for model, options in (("voc", ["--resize", "40"]), ("unet", [])):
        want = mask_of(tmp_path, weights(model), np.ascontiguousarray(picture[..., :3]), *options, "-t", "1")
        assert (mask_of(tmp_path, weights(model), picture, *options, "-t", "2") == want).all()


def test_orientation(tmp_path: Path) -> None:
    picture = smooth(40, 56)
    upright = mask_of(tmp_path, weights("unet"), picture)
    (tmp_path / "truth.png").write_bytes(png(upright[..., None]))
    exif = b"MM\0*\0\0\0\x08\0\x01" + struct.pack(">HHIHHI", 0x112, 3, 1, 3, 0, 0)  # upside down
    turned = png(np.ascontiguousarray(picture[::-1, ::-1]), png_chunk(b"eXIf", exif))
    command = ["segment", "-m", weights("unet"), "-", "-o", "out.png", "--view", "mask", "-f"]
    report = succeeds(*command, "--truth", "truth.png", "--json", input=turned, cwd=tmp_path)
    assert json.loads(report)["pictures"][0]["accuracy"] == 1
    assert (read_png((tmp_path / "out.png").read_bytes())[..., 0] == upright).all()
    succeeds(*command, "--no-orient", input=turned, cwd=tmp_path)
    as_stored = read_png((tmp_path / "out.png").read_bytes())[..., 0]
    assert (as_stored == mask_of(tmp_path, weights("unet"), np.ascontiguousarray(picture[::-1, ::-1]))).all()


def test_a_truth_of_instances(tmp_path: Path) -> None:
    """Numbers of instances in 16 bits are one class with --binary, which needs a network of two classes."""
    picture = smooth(48, 40)
    found = mask_of(tmp_path, weights("one"), picture, "--threshold", "0.45")
    instances = found.astype(np.uint16) * (1 + np.arange(found.size, dtype=np.uint16).reshape(found.shape))
    (tmp_path / "p.png").write_bytes(png(picture))
    (tmp_path / "truth.png").write_bytes(png(instances[..., None]))
    command = ["segment", "p.png", "-o", "made.png", "--force", "--json", "--truth", "truth.png"]
    report = succeeds(*command, "-m", weights("one"), "--binary", "--threshold", "0.45", cwd=tmp_path)
    assert json.loads(report)["pictures"][0]["accuracy"] == 1 and found.any() and not found.all()
    assert "(use --binary" in fails(4, *command, "-m", weights("one"), cwd=tmp_path)
    assert "a network of two expected" in fails(2, *command, "-m", weights("unet"), "--binary", cwd=tmp_path)
    assert "--binary requires --truth" in fails(2, *command[:-2], "-m", weights("one"), "--binary", cwd=tmp_path)


@pytest.mark.parametrize("threshold", [None, 0.2, 0.45, 0.9, 1])
def test_one_class_and_a_threshold(threshold: float | None, tmp_path: Path) -> None:
    picture = smooth(48, 40)
    logits = bilinear(run(weights("one"), scaled(picture, (24, 20)), tmp_path), 48, 40)[0].astype(float)
    options = [] if threshold is None else ["--threshold", threshold]
    mask = mask_of(tmp_path, weights("one"), picture, *options)
    certainty = 1 / (1 + np.exp(-logits)) - (0.5 if threshold is None else threshold)
    assert ((mask == 255) == (certainty > 0))[np.abs(certainty) > 1e-5].all()
    assert set(np.unique(mask)) <= {0, 255}


def test_probabilities(tmp_path: Path) -> None:
    picture = smooth(38, 44)
    for model, x in (("voc", normalised(picture, (38, 44))), ("unet", scaled(picture, (19, 22)))):
        logits = run(weights(model), x, tmp_path).astype(float)
        own_size = ["--resize", 0] if model == "voc" else []
        segment(tmp_path, weights(model), picture, "--probabilities", "p.npy", *own_size)
        got = np.load(tmp_path / "p.npy")
        want = np.exp(logits - logits.max(axis=0))
        assert got.dtype == np.float32 and got.shape == (1, *logits.shape)
        assert np.abs(got[0] - want / want.sum(axis=0)).max() < 1e-6
    segment(tmp_path, weights("one"), picture, "--probabilities", "p.npy", "--scale", 1)
    logits = run(weights("one"), scaled(picture, (38, 44)), tmp_path).astype(float)
    assert np.abs(np.load(tmp_path / "p.npy")[0] - 1 / (1 + np.exp(-logits))).max() < 1e-6
    (tmp_path / "out.png").unlink()
    message = fails(
        5, "segment", "-m", weights("one"), "in.png", "-o", "out.png", "--probabilities", "p.npy", cwd=tmp_path
    )
    assert "p.npy: already exists" in message and not (tmp_path / "out.png").exists()


# What does not work


def test_pictures_too_small_or_large(tmp_path: Path) -> None:
    for height, width, scale in ((1, 1, []), (40, 20, []), (10, 200, ["--scale", "1.5"])):
        (tmp_path / "in.ppm").write_bytes(ppm(pixels(height, width)))
        line = fails(4, "segment", "-m", weights("unet"), "in.ppm", "-o", "out.png", *scale, cwd=tmp_path)
        assert "at least 16 x 16" in line and "a larger scale" in line
    line = fails(4, "segment", "-m", weights("unet"), "in.ppm", "-o", "out.png", "--scale", "99", cwd=tmp_path)
    assert "too many; use a smaller scale" in line
    line = fails(4, "segment", "-m", weights("voc"), "in.ppm", "-o", "out.png", "--resize", "10000", cwd=tmp_path)
    assert "200000 x 10000" in line and "use a smaller resize" in line
    assert [file.name for file in tmp_path.iterdir()] == ["in.ppm"]


def test_no_numbers_are_no_classes(tmp_path: Path) -> None:
    shapes = model_tables.unet(3, 4, "transposed", False)
    for poison in (np.nan, np.inf):
        tensors = model_tables.weights(shapes)
        tensors["outc.conv.bias"][2] = poison
        for name in tensors:
            tensors[name] = np.abs(tensors[name]) if name.endswith("running_var") else tensors[name]
        model = write_weights(tmp_path / "bad.safetensors", tensors)
        (tmp_path / "in.ppm").write_bytes(ppm(smooth(40, 40)))
        line = fails(3, "segment", "-m", model, "in.ppm", "-o", "out.png", cwd=tmp_path)
        assert "in.ppm: 400 of 1600 values that the network made are NaN or infinite; " in line
        assert re.search(r"bad.safetensors: tensor outc.conv.bias holds 1 value that is NaN or infinite, at \[2\]$", line)
        assert not (tmp_path / "out.png").exists()


def test_no_numbers_before_the_enlargement(tmp_path: Path) -> None:
    """deeplabv3's are counted where they are made: 5 x 6 of them."""
    tensors = model_tables.weights(model_tables.deeplabv3((1, 1, 1, 1), 4))
    for name, values in tensors.items():
        values[...] = np.abs(values) if name.endswith("running_var") else values
    tensors["classifier.4.bias"][3] = np.nan
    model = write_weights(tmp_path / "bad.safetensors", tensors)
    (tmp_path / "in.ppm").write_bytes(ppm(smooth(40, 48)))
    for options in ([], ["--resize", "40"], ["--probabilities", "p.npy"]):
        line = fails(3, "segment", "-m", model, "in.ppm", "-o", "out.png", *options, cwd=tmp_path)
        assert "in.ppm: 30 of 120 values that the network made are NaN or infinite; " in line
        assert not (tmp_path / "out.png").exists() and not (tmp_path / "p.npy").exists()


def test_usage(tmp_path: Path) -> None:
    (tmp_path / "in.ppm").write_bytes(ppm(smooth(40, 40)))
    (tmp_path / "b.ppm").write_bytes(ppm(smooth(40, 40)))
    unet_model, voc, one = (weights(name) for name in ("unet", "voc", "one"))
    enhancenet = ROOT / "tests/goldens/enhancenet.safetensors"
    for model, arguments, message in (
        (enhancenet, ["-o", "o.png"], "expected a segmentation network (deeplabv3, unet), found enhancenet"),
        (unet_model, ["-o", "o.png", "--resize", "20"], "resize is an option of deeplabv3; unet has scale"),
        (voc, ["-o", "o.png", "--scale", "0.5"], "scale is an option of unet; deeplabv3 has resize"),
        (voc, ["-o", "o.png", "--threshold", "0.5"], "21"),
        (one, ["-o", "o.png", "--threshold", "1.5"], "--threshold 1.5: expected a number above 0, at most 1"),
        (one, ["-o", "o.png", "--threshold", "0"], "--threshold 0"),
        (one, ["-o", "o.png", "--scale", "-1"], "--scale -1"),
        (one, ["-o", "o.png", "--view", "picture"], "side or cutout"),
        (one, ["-o", "o.jpg", "--view", "cutout"], "needs PNG"),
        (one, ["-o", "o.JPG", "--view", "mask"], "JPEG would change the values"),
        (one, ["-o", "-", "--json"], "only one output can be standard output"),
        (one, ["-o", "-", "--truth", "b.ppm"], "only one output can be standard output"),
        (one, ["b.ppm", "-o", ".", "--probabilities", "p.npy"], "--probabilities"),
        (one, ["b.ppm", "-o", ".", "--truth", "b.ppm"], "a folder of masks"),
        (one, ["b.ppm", "-o", "o.png"], "o.png: several pictures need a folder"),
    ):
        assert message in fails(2, "segment", "-m", model, "in.ppm", *arguments, cwd=tmp_path)
    assert "missing INPUT" in fails(2, "segment", "-m", one, "-o", "o.png", cwd=tmp_path)
    assert sorted(file.name for file in tmp_path.iterdir()) == ["b.ppm", "in.ppm"]


def test_networks_that_pictures_do_not_fit(tmp_path: Path) -> None:
    (tmp_path / "in.ppm").write_bytes(ppm(smooth(40, 40)))
    for channels, classes, message in ((2, 3, "2 input channels"), (3, 257, "257 classes; expected at most 256")):
        model = unet(tmp_path / "m.safetensors", channels, classes)
        assert message in fails(3, "segment", "-m", model, "in.ppm", "-o", "out.png", cwd=tmp_path)


def test_pipes_and_what_stands(tmp_path: Path) -> None:
    picture = smooth(40, 50)
    want = segment(tmp_path, weights("unet"), picture, view="color")
    piped = succeeds("segment", "-m", weights("unet"), "-", "-o", "-", input=png(picture), cwd=tmp_path)
    assert (read_png(piped) == want).all()
    before = (tmp_path / "out.png").read_bytes()
    assert "already exists" in fails(5, "segment", "-m", weights("two"), "in.png", "-o", "out.png", cwd=tmp_path)
    assert (tmp_path / "out.png").read_bytes() == before

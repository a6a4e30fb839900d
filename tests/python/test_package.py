"""The Python package: images in and out, the same bytes as the program, errors, progress and Ctrl-C."""

from __future__ import annotations

import doctest
import importlib
import io
import pickle
from pathlib import Path

import numpy as np
import pytest
from cli_support import limn, succeeds
from package_support import ROOT, SAMPLES, python, random_pixels

import limnet

pil = pytest.importorskip("PIL.Image")


def of_program(*arguments: object, output: Path) -> np.ndarray:
    done = limn(*map(str, arguments), "-o", str(output), "--force", env={"LIMN_WEIGHTS": str(ROOT / "weights")})
    assert done.returncode == 0, done.stderr  # it may note what a file loses
    return np.asarray(pil.open(output))


@pytest.fixture
def photo(tmp_path: Path) -> Path:
    """A part of a photograph, 96 x 80."""
    path = tmp_path / "photo.png"
    pil.open(SAMPLES / "chelsea.png").convert("RGB").crop((100, 60, 196, 140)).save(path)
    return path


# ---- the program's bytes -------------------------------------------------------------------


@pytest.mark.parametrize("scale", [2, 3, 4])
def test_upscale_is_the_program_s(photo: Path, tmp_path: Path, scale: int) -> None:
    want = of_program("upscale", photo, "--scale", scale, output=tmp_path / "want.png")
    assert np.array_equal(np.asarray(limnet.upscale(photo, scale)), want)


@pytest.mark.parametrize("model", ["siggraph17-photos", "eccv16-scenes", "vae-scenes"])
def test_colorize_is_the_program_s(photo: Path, tmp_path: Path, model: str) -> None:
    tint = ("--saturation", 1.5, "--temperature", 10)
    want = of_program("colorize", photo, "-m", model, *tint, output=tmp_path / "want.png")
    got = limnet.colorize(photo, model, saturation=1.5, temperature=10)
    assert np.array_equal(np.asarray(got), want)


@pytest.mark.parametrize("spread", ["on", "off", None])
def test_hints_are_the_program_s(photo: Path, tmp_path: Path, spread: str | None) -> None:
    (tmp_path / "hints.txt").write_text("20 30 #c83232\n60 40 #3232c8 5\n")
    hinted = ["--hints", tmp_path / "hints.txt"] + (["--spread", spread] if spread else [])
    want = of_program("colorize", photo, *hinted, "--network-size", 128, output=tmp_path / "want.png")
    hints = [limnet.Hint(20, 30, (0xC8, 0x32, 0x32)), (60, 40, (0x32, 0x32, 0xC8), 5)]
    got = limnet.colorize(photo, hints=hints, network_size=128, spread=spread and spread == "on")
    assert np.array_equal(np.asarray(got), want)


def test_segment_is_the_program_s(photo: Path, tmp_path: Path) -> None:
    result = limnet.segment(photo, "deeplabv3-scenes")
    for view, got in (("overlay", result.overlay()), ("mask", result.mask)):
        want = of_program("segment", photo, "-m", "deeplabv3-scenes", "--view", view, output=tmp_path / f"{view}.png")
        assert np.array_equal(np.asarray(got), want if want.ndim == np.asarray(got).ndim else want[..., 0])


def test_generate_is_the_program_s(tmp_path: Path) -> None:
    succeeds("generate", "-m", "dcgan-digits", "-n", "3", "--seed", "5", "-o", f"{tmp_path}/",
             env={"LIMN_WEIGHTS": str(ROOT / "weights")})  # fmt: skip
    got = limnet.generate(3, seed=5, model="dcgan-digits")
    for index, picture in enumerate(got):
        assert np.array_equal(picture, np.asarray(pil.open(tmp_path / f"{index:04}.png")))


# ---- images in and out ---------------------------------------------------------------------


@pytest.mark.parametrize(
    ("shape", "colourful", "large"),
    [
        ((9, 12), (9, 12, 3), (36, 48)),
        ((9, 12, 3), (9, 12, 3), (36, 48, 3)),
        ((9, 12, 4), (9, 12, 4), (36, 48, 4)),
    ],
)
def test_arrays_give_arrays(shape: tuple[int, ...], colourful: tuple[int, ...], large: tuple[int, ...]) -> None:
    x = random_pixels(*shape)
    assert limnet.colorize(x).shape == colourful
    assert limnet.upscale(x).shape == large


@pytest.mark.parametrize(("mode", "want"), [("L", "L"), ("RGB", "RGB"), ("RGBA", "RGBA"), ("1", "L"), ("LA", "RGBA")])
def test_pil_pictures_give_pil_pictures(mode: str, want: str) -> None:
    x = pil.fromarray(random_pixels(9, 12, 3)).convert(mode)
    made = limnet.upscale(x)
    assert (made.mode, made.size) == (want, (48, 36))


def test_rows_need_not_be_dense() -> None:
    x = random_pixels(20, 30, 3)
    for view in (x[2:12, 5:20], x[::2], x[:, ::3], x[:, :, ::-1], x[::-1], np.asfortranarray(x)):
        assert np.array_equal(limnet.upscale(view), limnet.upscale(view.copy()))


@pytest.mark.parametrize("mode", ["RGB", "RGBA", "L", "LA", "P", "1", "I;16"])
def test_files_are_read_as_the_program_reads_them(tmp_path: Path, mode: str) -> None:
    if mode == "I;16":
        x = pil.fromarray(np.random.default_rng(2).integers(0, 65536, (12, 16), np.uint16))
    else:
        x = pil.fromarray(random_pixels(12, 16, 4)).convert("RGB" if mode in ("P", "1") else mode).convert(mode)
    x.save(tmp_path / "x.png")
    want = of_program("colorize", tmp_path / "x.png", output=tmp_path / "want.png")
    assert np.array_equal(np.asarray(limnet.colorize(tmp_path / "x.png")), want)


@pytest.mark.parametrize("quality", [30, 80, 95])
def test_photographs_are_read_as_the_program_reads_them(tmp_path: Path, quality: int) -> None:
    with pil.open(SAMPLES / "coffee.png") as opened:
        opened.convert("RGB").crop((30, 40, 133, 141)).save(tmp_path / "x.jpg", quality=quality)
    want = of_program("upscale", tmp_path / "x.jpg", output=tmp_path / "want.png")
    assert np.array_equal(np.asarray(limnet.upscale(tmp_path / "x.jpg")), want)


def test_files_are_turned_upright(tmp_path: Path) -> None:
    x = pil.fromarray(random_pixels(12, 20, 3))
    exif = pil.Exif()
    exif[0x0112] = 6
    x.save(tmp_path / "x.png", exif=exif)
    want = of_program("upscale", tmp_path / "x.png", output=tmp_path / "want.png")
    assert np.array_equal(np.asarray(limnet.upscale(tmp_path / "x.png")), want)


def test_the_png_of_a_result_holds_its_pixels() -> None:
    x = random_pixels(40, 50, 3)
    result = limnet.segment(x)
    assert np.array_equal(np.asarray(pil.open(io.BytesIO(result._repr_png_()))), result.overlay())


def test_a_sheet_and_hints_for_a_look() -> None:
    images = random_pixels(5, 8, 10, 3)
    sheet = np.asarray(pil.open(io.BytesIO(limnet.show(images)._repr_png_())))
    assert sheet.shape == (16, 30, 3)
    assert np.array_equal(sheet[8:, 10:20], images[4]) and not sheet[8:, 20:].any()
    drawn = limnet.draw_hints(random_pixels(20, 20), [limnet.Hint(0, 10, (1, 2, 3), 0)])
    assert drawn[10, 0].tolist() == [1, 2, 3] and drawn[10, 1].tolist() == [255] * 3 and drawn[10, 2].tolist() == [0] * 3


# ---- errors --------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("call", "kind", "text"),
    [
        (lambda: limnet.upscale(np.zeros((4, 4, 2), np.uint8)), limnet.InputError, "expected uint8 of H x W"),
        (lambda: limnet.upscale(np.zeros((4, 4, 3))), limnet.InputError, "float64"),
        (lambda: limnet.upscale(5), limnet.InputError, "image: int, expected a path"),
        (lambda: limnet.upscale(np.zeros((4, 4, 3), np.uint8), scale=5), limnet.UsageError, "scale 5: expected 2 to 4"),
        (lambda: limnet.upscale(np.zeros((4, 4, 3), np.uint8), model="dcgan-digits"), limnet.UsageError, "dcgan"),
        (lambda: limnet.Model("no-such"), limnet.WeightsError, "no-such"),
        (lambda: limnet.Model(b"no weights"), limnet.WeightsError, "the state dict"),
        (lambda: limnet.colorize(np.zeros((9, 9), np.uint8), hints=[(99, 0, (0, 0, 0))]), limnet.LimnError, "hint"),
        (lambda: limnet.colorize(np.zeros((9, 9), np.uint8), saturation=99), limnet.UsageError, "saturation"),
        (lambda: limnet.generate(0), limnet.UsageError, "count 0"),
        (lambda: limnet.generate(1, seed=-1), limnet.UsageError, "seed -1"),
        (lambda: limnet.segment(np.zeros((9, 9, 3), np.uint8), threshold=2), limnet.UsageError, "threshold"),
    ],
)  # fmt: skip
def test_failures_are_exceptions_by_kind(call, kind: type[Exception], text: str) -> None:
    with pytest.raises(kind, match=text):
        call()


def test_a_file_that_is_no_picture(tmp_path: Path) -> None:
    (tmp_path / "x.png").write_text("no picture")
    with pytest.raises(limnet.InputError, match=r"x\.png"):
        limnet.upscale(tmp_path / "x.png")
    with pytest.raises(FileNotFoundError):
        limnet.upscale(tmp_path / "missing.png")


# ---- progress and Ctrl-C -------------------------------------------------------------------


def test_progress_grows_from_0_to_1() -> None:
    seen: list[float] = []
    limnet.upscale(random_pixels(20, 20, 3), progress=seen.append)
    assert seen[0] == 0 and seen[-1] == 1 and seen == sorted(seen) and len(seen) > 5


def test_progress_cancels() -> None:
    seen: list[float] = []
    with pytest.raises(limnet.Cancelled):
        limnet.upscale(random_pixels(20, 20, 3), progress=lambda done: seen.append(done) or len(seen) < 3)
    assert len(seen) == 3


def test_an_exception_in_progress_is_raised() -> None:
    def fail(done: float) -> None:
        raise KeyError("mine")

    with pytest.raises(KeyError, match="mine"):
        limnet.upscale(random_pixels(20, 20, 3), progress=fail)


INTERRUPTED = """
import os, signal, sys, threading, time
import numpy as np, limnet
model, x = limnet.Model("enhancenet"), np.zeros((1200, 1200, 3), np.uint8)
limnet.upscale(x[:64, :64], model=model)
threading.Timer(0.3, os.kill, (os.getpid(), signal.SIGINT)).start()
try:
    limnet.upscale(x, model=model)
    print("finished")
except KeyboardInterrupt:
    print("interrupted")
print(limnet.upscale(x[:64, :64], model=model).shape)
"""


def test_ctrl_c_ends_a_call_and_the_model_remains_usable() -> None:
    done = python(INTERRUPTED)
    assert (done.stdout, done.stderr) == ("interrupted\n(256, 256, 3)\n", "")


# ---- models --------------------------------------------------------------------------------


def run_by_program(weights: str, inputs: np.ndarray, tmp_path: Path, *more: str) -> np.ndarray:
    np.save(tmp_path / "x.npy", inputs)
    output = tmp_path / "y.npy"
    limn("run", "-m", str(ROOT / "weights" / f"{weights}.safetensors"), str(tmp_path / "x.npy"), "-o", str(output), *more)
    return np.load(output)


SIZES = {
    "enhancenet": (2, 3, 24, 40),
    "unet-cells": (1, 3, 32, 48),
    "eccv16-scenes": (1, 1, 64, 64),
    "siggraph17-scenes": (1, 4, 64, 64),
    "dcgan-digits": (3, 64, 1, 1),
    "deeplabv3-scenes": (1, 3, 64, 48),
}


@pytest.mark.parametrize("weights", SIZES)
def test_tensors_are_the_program_s(tmp_path: Path, weights: str) -> None:
    x = np.random.default_rng(3).random(SIZES[weights], np.float32)
    model = limnet.Model(weights)
    assert np.array_equal(model.run(x), run_by_program(weights, x, tmp_path))


def test_values_of_nodes_are_the_program_s(tmp_path: Path) -> None:
    x = np.random.default_rng(3).random((1, 3, 24, 40), np.float32)
    model = limnet.Model("enhancenet")
    node = model.nodes[len(model.nodes) // 2]
    run_by_program("enhancenet", x, tmp_path, "--dump", f"{node}={tmp_path / 'node.npy'}")
    values = model.values(x)
    assert list(values) == model.nodes
    assert np.array_equal(values[node], np.load(tmp_path / "node.npy"))
    assert np.array_equal(model.values(x, nodes=[node])[node], values[node])
    with pytest.raises(limnet.UsageError, match="no such node"):
        model.values(x, nodes=["none"])


def test_explanations_and_times_are_tables() -> None:
    model = limnet.Model("enhancenet")
    steps = model.explain(24, 40)["steps"]
    rows = model.times(np.zeros((1, 3, 24, 40), np.float32), repeats=2)
    assert len(rows) == len(steps) and all(row["seconds"] > 0 for row in rows)
    assert model.times(repeats=1)[-1]["output"][1] == 3


@pytest.mark.parametrize(
    ("inputs", "text"),
    [
        ([], "expected N x C x H x W"),
        ([np.zeros((3, 8, 8), np.float32)], "expected N x C x H x W"),
        ([np.zeros((1, 4, 8, 8), np.float32)], r"shape \(1, 4, 8, 8\), expected \(1, 3, 8, 8\)"),
        ([np.zeros((1, 3, 8, 8), np.float32)] * 2, "2 inputs, expected 1"),
    ],
)
def test_inputs_of_a_wrong_shape(inputs: list[np.ndarray], text: str) -> None:
    with pytest.raises(limnet.InputError, match=text):
        limnet.Model("enhancenet").run(*inputs)


def test_a_run_reports_progress_and_can_be_cancelled() -> None:
    model, x, seen = limnet.Model("enhancenet"), np.zeros((1, 3, 24, 40), np.float32), []
    model.run(x, progress=seen.append)
    assert seen[0] == 0 and seen[-1] == 1 and seen == sorted(seen)
    with pytest.raises(limnet.Cancelled):
        model.run(x, progress=lambda done: done < 0.5)


def test_a_model_of_bytes_is_the_model_of_the_file() -> None:
    x = np.random.default_rng(3).random((1, 3, 24, 40), np.float32)
    model = limnet.Model((ROOT / "weights/enhancenet.safetensors").read_bytes())
    assert np.array_equal(model.run(x), limnet.Model("enhancenet").run(x))
    again = pickle.loads(pickle.dumps(model))
    assert np.array_equal(again.run(x), model.run(x))


# ---- documentation -------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["limnet", "limnet._pipelines", "limnet._model", "limnet._convert", "limnet._show"])
def test_the_examples_run(name: str) -> None:
    assert doctest.testmod(importlib.import_module(name)).failed == 0


def test_all_that_is_public_is_documented() -> None:
    for name in limnet.__all__:
        assert getattr(limnet, name).__doc__, name

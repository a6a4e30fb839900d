"""limn for WebAssembly (`make wasm`) under node: the bytes of the native program without OpenBLAS at --isa baseline."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
from pathlib import Path

import numpy as np
import pytest
from cli_support import LIMN, ROOT, copied_build, limn, make, pixels, png, ppm, succeeds
from metadata_support import exif_tags, photo_jpeg, xmp_of
from PIL import Image, ImageOps

BUILD = Path(LIMN).resolve().parent
HERE = Path(__file__).parent
ZIG = Path(os.environ.get("ZIG", BUILD / "zig-venv/bin/python-zig"))

pytestmark = [
    pytest.mark.skipif(not (BUILD / "liblimn.a").exists(), reason="LIMN is in no build folder"),
    pytest.mark.skipif(not ZIG.exists(), reason="needs zig, which make wasm installs"),
    pytest.mark.skipif(not shutil.which("node"), reason="needs node"),
]

RUNS = {
    "enhancenet": (["upscale"], "upscale", [4]),
    "eccv16-scenes": (["colorize"], "colorize", [-1, 0, 0, 0]),
    "siggraph17-scenes": (["colorize", "--hints", "hints.txt", "--saturation", "1.5"], "colorize", [-1, 0.5, 0, 0]),
    "vae-scenes": (["colorize"], "colorize", [-1, 0, 0, 0]),
    "deeplabv3-scenes": (["segment"], "segment", [0, 0, 0]),
    "unet-cells": (["segment"], "segment", [0, 0, 0]),
    "dcgan-digits": (["generate", "--count", "1", "--seed", "3"], "generate", [1, 3, 0]),
}
HINTS = [[20, 10, 2, 200, 50, 50], [40, 30, 5, 30, 60, 220]]


@pytest.fixture(scope="module")
def wasm() -> Path:
    """The folder of both modules. The objects stay in the build folder, for the next run."""
    make("-j2", "wasm", f"BUILD={os.path.relpath(BUILD, ROOT)}")
    return BUILD / "wasm"


@pytest.fixture(scope="module")
def native(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("build")
    make(copied_build(BUILD, folder), "BLAS=none")
    return folder / "limn"


@pytest.fixture
def files(tmp_path: Path) -> Path:
    (tmp_path / "a.ppm").write_bytes(ppm(pixels(45, 61)))
    (tmp_path / "b.ppm").write_bytes(ppm(pixels(45, 61, seed=2)))
    lines = [f"{x} {y} #{r:02x}{g:02x}{b:02x} {radius}" for x, y, radius, r, g, b in HINTS]
    (tmp_path / "hints.txt").write_text("\n".join(lines), encoding="ascii")
    return tmp_path


def program(wasm: Path, cwd: Path, *words: str | Path, **options) -> subprocess.CompletedProcess[bytes]:
    # Node 18 needs the first; the fast calls of node 20 crash after a large read of WASI.
    flags = ["--experimental-wasi-unstable-preview1", "--no-warnings", "--no-turbo-fast-api-calls"]
    command = ["node", *flags, HERE / "wasm_program.mjs", wasm / "limn-cli.wasm", ROOT, *words]
    return subprocess.run(command, cwd=cwd, capture_output=True, check=False, timeout=300, **options)


def module(wasm: Path, cwd: Path, **job) -> dict:
    """What the module reports of a job, which wasm_module.mjs describes."""
    job = {"call": "upscale", "options": [4], "picture": "a.ppm", "output": "made.png"} | job
    job["weights"] = str(job.get("weights", ROOT / "weights/enhancenet.safetensors"))
    command = ["node", HERE / "wasm_module.mjs", wasm / "limn.wasm", json.dumps(job)]
    done = subprocess.run(command, cwd=cwd, capture_output=True, text=True, check=False, timeout=300)
    assert (done.returncode, done.stderr) == (0, "")
    return json.loads(done.stdout)


def calls(wasm: Path, cwd: Path, *words: list) -> list[dict]:
    """The reports of calls, which wasm_calls.mjs describes."""
    command = ["node", HERE / "wasm_calls.mjs", wasm / "limn.wasm"]
    done = subprocess.run(
        command, cwd=cwd, input=json.dumps(words), capture_output=True, text=True, check=False, timeout=300
    )
    assert (done.returncode, done.stderr) == (0, "")
    return json.loads(done.stdout)


# What it computes


@pytest.mark.parametrize("network", RUNS)
def test_the_program_gives_the_bytes_of_the_native_one(network: str, wasm: Path, native: Path, files: Path) -> None:
    words, call, _ = RUNS[network]
    words = [*words, "-m", ROOT / f"weights/{network}.safetensors", *["a.ppm"] * (call != "generate"), "-o"]
    succeeds(*words, "native.png", "--isa", "baseline", executable=native, cwd=files)
    done = program(wasm, files, *words, "wasm.png")
    assert (done.returncode, done.stderr) == (0, b"")
    assert (files / "wasm.png").read_bytes() == (files / "native.png").read_bytes()


@pytest.mark.parametrize("network", RUNS)
def test_the_module_gives_the_bytes_of_the_native_program(network: str, wasm: Path, native: Path, files: Path) -> None:
    words, call, options = RUNS[network]
    weights = ROOT / f"weights/{network}.safetensors"
    name, more = {"segment": ("pgm", ["--view", "mask"]), "generate": ("png", [])}.get(call, ("png", ["--strip"]))
    words = [*words, *more, "-m", weights, *["a.ppm"] * (call != "generate"), "-o", f"native.{name}"]
    succeeds(*words, "--isa", "baseline", executable=native, cwd=files)
    hints = HINTS if network == "siggraph17-scenes" else []
    job = {"call": call, "options": options, "hints": hints, "picture": "a.ppm" if call != "generate" else None}
    report = module(wasm, files, weights=weights, output="wasm.png" if name == "png" else "wasm.raw", **job)
    assert "failure" not in report and report["network"] == network.partition("-")[0], report
    want = (files / f"native.{name}").read_bytes()
    if name == "png":
        assert (files / "wasm.png").read_bytes() == want
    else:
        mask = np.frombuffer(want[-45 * 61 :], np.uint8)  # of two classes: black and white
        classes = np.frombuffer((files / "wasm.raw").read_bytes(), np.uint8)
        assert len(np.unique(classes)) > 1 and (classes == (mask // 255 if network == "unet-cells" else mask)).all()


@pytest.mark.parametrize("words", [
    "pixels to-text a.ppm", "pixels dataset a.ppm b.ppm", "pixels mean a.ppm b.ppm -o -", "compare a.ppm b.ppm",
    "compare a.ppm b.ppm --json", "--help", "inspect --help",
])  # fmt: skip
def test_pixel_tools(words: str, wasm: Path, native: Path, files: Path) -> None:
    want = succeeds(*words.split(), executable=native, cwd=files)
    done = program(wasm, files, *words.split())
    assert (done.returncode, done.stderr) == (0, b"")
    assert want and done.stdout == want


@pytest.mark.parametrize("name", ["made.png", "made.jpg", "made.bmp", "made.ppm"])
def test_formats(name: str, wasm: Path, native: Path, files: Path) -> None:
    (files / "a.png").write_bytes(png(pixels(20, 30, channels=4)))
    words = ["upscale", "-m", ROOT / "weights/enhancenet.safetensors", "a.png", "-o", name, "--strip"]
    succeeds(*words, "--isa", "baseline", executable=native, cwd=files)
    want = (files / name).read_bytes()
    assert "failure" not in module(wasm, files, picture="a.png", output=name)
    assert (files / name).read_bytes() == want


def test_classes(wasm: Path, files: Path) -> None:
    weights = ROOT / "weights/deeplabv3-scenes.safetensors"
    report = module(wasm, files, weights=weights, call="segment", options=[0, 0, 0], output="made.raw")
    names = [name for name, _ in report["classes"]]
    assert len(names) > 1 and all(names) and len(set(names)) == len(names)
    assert [colour for _, colour in report["classes"][:4]] == [0, 0x800000, 0x008000, 0x808000]  # of PASCAL VOC


# Images from images


@pytest.mark.parametrize("turns", [1, 2, 3, 4, -1, -(2**31)])
def test_rotate(turns: int, wasm: Path, files: Path) -> None:
    for channels in (3, 4):
        picture = pixels(7, 12, channels)
        (files / "x.png").write_bytes(png(picture))
        calls(wasm, files, *decoded("x.png"), ["y", "limn_image_rotate", "x", turns], ["", "write", "y", "y.raw"])
        assert (files / "y.raw").read_bytes() == np.rot90(picture, -turns).tobytes()


@pytest.mark.parametrize("part", [(0, 0, 12, 7), (11, 6, 1, 1), (3, 2, 5, 4)])
def test_crop(part: tuple[int, int, int, int], wasm: Path, files: Path) -> None:
    x, y, width, height = part
    picture = pixels(7, 12, 4)
    (files / "x.png").write_bytes(png(picture))
    calls(wasm, files, *decoded("x.png"), ["y", "limn_image_crop", "x", *part], ["", "write", "y", "y.raw"])
    assert (files / "y.raw").read_bytes() == picture[y : y + height, x : x + width].tobytes()


@pytest.mark.parametrize("orientation", [1, 6])
def test_metadata_of_a_part_that_is_turned(orientation: int, wasm: Path, files: Path) -> None:
    (files / "x.jpg").write_bytes(photo_jpeg(orientation))
    calls(
        wasm, files, *decoded("x.jpg"), ["y", "limn_image_rotate", "x", 1],
        ["z", "limn_image_crop", "y", 2, 3, 20, 10], ["", "write", "z", "z.png"],
        ["", "limn_image_free", "x"], ["", "limn_image_free", "y"], ["", "write", "z", "again.png"],
    )  # fmt: skip
    image, tags = Image.open(files / "z.png"), exif_tags(Image.open(files / "z.png"))
    upright = ImageOps.exif_transpose(Image.open(files / "x.jpg")).transpose(Image.Transpose.ROTATE_270)
    want = np.asarray(upright.crop((2, 3, 22, 13)), int)
    assert abs(np.asarray(image, int) - want).max() <= 3  # another decoder than Pillow's
    assert (tags["picture"][0x112], tags["picture"][0x100], tags["picture"][0x101]) == (1, 20, 10)
    assert [round(dots) for dots in image.info["dpi"]] == ([200, 300] if orientation == 1 else [300, 200])
    assert tags["picture"][0x10E] == "The pier" and image.info["icc_profile"] and xmp_of(image)
    assert (files / "z.png").read_bytes() == (files / "again.png").read_bytes()


@pytest.mark.parametrize("longest", [1, 10, 30, 61, 10000])
def test_reduce(longest: int, wasm: Path, files: Path) -> None:
    """To the bytes of Pillow's bicubic."""
    share = min(1, longest / 61)
    for channels in (3, 4):
        picture = pixels(45, 61, channels)
        (files / "x.png").write_bytes(png(picture))
        calls(wasm, files, *decoded("x.png"), ["y", "limn_image_reduce", "x", longest], ["", "write", "y", "y.raw"])
        size = round(61 * share), max(round(45 * share), 1)
        want = Image.fromarray(picture).resize(size, Image.Resampling.BICUBIC)
        assert (files / "y.raw").read_bytes() == want.tobytes()


# The colorizer


def decoded(*names: str) -> list[list]:
    """Calls that decode files; the images are called as the files are before the dot."""
    return [
        call
        for name in names
        for call in (
            [f"{name} bytes", "read", name],
            [name.partition(".")[0], "limn_image_decode", f"{name} bytes", f"{name} bytes.size", name],
        )
    ]


def opened(network: str, size: int = 0) -> list[list]:
    """Calls that make "model" and "colorizer"."""
    return [
        ["weights", "read", str(ROOT / f"weights/{network}.safetensors")],
        ["model", "limn_model_open", "weights", "weights.size", network],
        ["colorizer", "limn_colorizer_create", "model", size],
    ]


FLAT_HINTS = [number for hint in HINTS for number in hint]
COLORIZERS = {
    "siggraph17-scenes": (64, FLAT_HINTS, 2, -1),
    "eccv16-scenes": (72, [], 0, -1),
    "vae-scenes": (0, [], 0, 3),
}


@pytest.mark.parametrize("channels", [3, 4])
@pytest.mark.parametrize("network", COLORIZERS)
def test_painting_gives_the_pixels_of_colorize(network: str, channels: int, wasm: Path, files: Path) -> None:
    size, *inputs = COLORIZERS[network]
    (files / "x.png").write_bytes(png(pixels(45, 61, channels)))
    (files / "other.png").write_bytes(png(pixels(30, 80, channels, seed=2)))
    parts = {"whole": (0, 0, 61, 45), "corner": (60, 44, 1, 1), "row": (0, 44, 61, 1), "middle": (7, 9, 31, 20)}
    run, tint = ["", "limn_colorizer_run", "colorizer", "x", *inputs], (0.5, -7)
    reports = calls(
        wasm, files, *decoded("x.png", "other.png"), *opened(network, size),
        ["want", "limn_image_colorize", "model", "x", *inputs, *tint, size], ["", "write", "want", "want.raw"],
        run, ["", "limn_colorizer_run", "colorizer", "other", [], 0, inputs[-1]], run, run,
        *([name, "limn_colorizer_paint", "colorizer", "x", *part, *tint] for name, part in parts.items()),
        *(["", "write", name, f"{name}.raw"] for name in parts),
        ["takes hints", "limn_colorizer_takes_hints", "colorizer"],
    )  # fmt: skip
    want = np.frombuffer((files / "want.raw").read_bytes(), np.uint8).reshape(45, 61, channels)
    for name, (x, y, width, height) in parts.items():
        assert (files / f"{name}.raw").read_bytes() == want[y : y + height, x : x + width].tobytes(), name
    assert reports[-1]["value"] == (network == "siggraph17-scenes")


def test_an_image_in_the_memory_of_a_freed_one(wasm: Path, files: Path) -> None:
    """The colorizer keeps what it made of an image: it must not take the next one for it."""
    steps = [["", "limn_colorizer_run", "colorizer", "a", [], 0, -1], ["", "limn_image_free", "a"]]
    reports = calls(
        wasm, files, *opened("siggraph17-scenes", 64), *decoded("a.ppm"), *steps, *decoded("b.ppm"),
        ["", "limn_colorizer_run", "colorizer", "b", [], 0, -1],
        ["c", "limn_colorizer_paint", "colorizer", "b", 0, 0, 61, 45, 0, 0], ["", "write", "c", "c.raw"],
        ["d", "limn_image_colorize", "model", "b", [], 0, -1, 0, 0, 64], ["", "write", "d", "d.raw"],
    )  # fmt: skip
    assert reports[4]["value"] == reports[8]["value"], "the memory is not used again: this tests nothing"
    assert (files / "c.raw").read_bytes() == (files / "d.raw").read_bytes()


def test_painting_the_picture_at_another_size(wasm: Path, files: Path) -> None:
    y, x = np.mgrid[0:96, 0:128]
    (files / "x.png").write_bytes(png(np.stack([x, 2 * y, x + y], -1).astype(np.uint8)))
    calls(
        wasm, files, *decoded("x.png"), *opened("siggraph17-scenes", 64), ["half", "limn_image_reduce", "x", 64],
        ["", "limn_colorizer_run", "colorizer", "x", FLAT_HINTS, 2, -1],
        ["large", "limn_colorizer_paint", "colorizer", "x", 0, 0, 128, 96, 0, 0], ["", "write", "large", "large.raw"],
        ["small", "limn_colorizer_paint", "colorizer", "half", 0, 0, 64, 48, 0, 0], ["", "write", "small", "small.raw"],
    )  # fmt: skip
    large = np.frombuffer((files / "large.raw").read_bytes(), np.uint8).reshape(48, 2, 64, 2, 3).mean((1, 3))
    small = np.frombuffer((files / "small.raw").read_bytes(), np.uint8).reshape(48, 64, 3)
    assert abs(large - small).mean() < 1.5  # levels


def test_no_growth_over_hints(wasm: Path, files: Path) -> None:
    steps = []
    for i in range(200):
        hints = [number for k in range(i % 10) for number in (k + i % 50, 3 * k, k, i, 50, 200)]
        steps += [
            ["", "limn_colorizer_run", "colorizer", "x", hints, i % 10, -1],
            ["y", "limn_colorizer_paint", "colorizer", "x", 0, 0, 61, 45, i % 3, i % 5],
            ["", "limn_image_free", "y"],
        ]
    (files / "x.png").write_bytes(png(pixels(45, 61, 4)))
    reports = calls(wasm, files, *decoded("x.png"), *opened("siggraph17-scenes", 64), *steps)
    assert all(report["value"] for report in reports[5::3] + reports[6::3])
    assert reports[-1]["memory"] == reports[30]["memory"]


def test_a_cancelled_run_keeps_the_colours(wasm: Path, files: Path) -> None:
    paint = ["y", "limn_colorizer_paint", "colorizer", "a", 0, 0, 61, 45, 0, 0]
    reports = calls(
        wasm, files, *decoded("a.ppm"), *opened("siggraph17-scenes", 64),
        ["", "limn_colorizer_run", "colorizer", "a", FLAT_HINTS, 2, -1], paint, ["", "write", "y", "y.raw"],
        ["", "cancel", 5], ["", "limn_colorizer_run", "colorizer", "a", [], 0, -1],
        ["", "cancel", 2], paint, paint, ["", "write", "y", "z.raw"],
    )  # fmt: skip
    run, painted = reports[5]["progress"], reports[6]["progress"]
    assert run == sorted(run) and painted == sorted(painted)
    assert run[0] == painted[0] == 0 and run[-1] == painted[-1] == 1 and len(run) > 20
    assert reports[9]["failure"][0] == 7 and len(reports[9]["progress"]) == 5
    assert reports[11]["failure"][0] == 7 and len(reports[11]["progress"]) == 2
    assert (files / "y.raw").read_bytes() == (files / "z.raw").read_bytes()


USAGE, INPUT = 2, 4
RUN, PAINT = ["limn_colorizer_run", "colorizer"], ["limn_colorizer_paint", "colorizer"]
WRONG = [
    (USAGE, "there is no image", ["limn_image_rotate", 0, 1]),
    (USAGE, "there is no image", ["limn_image_reduce", 0, 10]),
    (USAGE, "longest 0: expected 1 to", ["limn_image_reduce", "a", 0]),
    *((USAGE, "is not inside the picture of 61 x 45 pixels", ["limn_image_crop", "a", *part]) for part in [
        (0, 0, 0, 5), (0, 0, 5, -1), (-1, 0, 5, 5), (0, 41, 5, 5), (57, 0, 5, 5), (2**31 - 1, 0, 2**31 - 1, 5),
    ]),
    (USAGE, "count 0: expected 1 to", ["limn_image_generate", "generator", 0, 1, 0]),
    (USAGE, "no model", ["limn_colorizer_create", 0, 0]),
    (USAGE, "network size 100: expected a multiple of 8", ["limn_colorizer_create", "model", 100]),
    (USAGE, "network size -64: expected", ["limn_colorizer_create", "model", -64]),
    (USAGE, "expected a colorization network", ["limn_colorizer_create", "enlarger", 0]),
    (USAGE, "network size is an option of", ["limn_colorizer_create", "enlarger", 64]),
    (USAGE, "no colorizer", ["limn_colorizer_run", 0, "a", [], 0, -1]),
    (USAGE, "there is no image", [*RUN, 0, [], 0, -1]),
    (USAGE, "the image has 1 channels, 3 (RGB) or 4 (RGBA) expected", [*RUN, "grey", [], 0, -1]),
    (USAGE, "hint_count -1: expected 0", [*RUN, "a", [], -1, -1]),
    (USAGE, "hints: NULL", [*RUN, "a", 0, 1, -1]),
    (USAGE, "hint 1: the colour 0, 256, 0: expected 0 to 255", [*RUN, "a", [0] * 10 + [256, 0], 2, -1]),
    (USAGE, "hint 0: the colour -1, 0, 0: expected 0 to 255", [*RUN, "a", [0, 0, 0, -1, 0, 0], 1, -1]),
    (INPUT, "hint 0: 61, 0 is outside the picture", [*RUN, "a", [61, 0, 0, 0, 0, 0], 1, -1]),
    (INPUT, "hint 0: radius -1: expected 0", [*RUN, "a", [0, 0, -1, 0, 0, 0], 1, -1]),
    (USAGE, "seed 1e+300: expected -1 to", [*RUN, "a", [], 0, 1e300]),
    (USAGE, "samples and seeds are options of vae", [*RUN, "a", [], 0, 3]),
    (USAGE, "the colorizer has no colours yet", [*PAINT, "a", 0, 0, 61, 45, 0, 0]),
    (USAGE, "no colorizer", ["limn_colorizer_paint", 0, "a", 0, 0, 61, 45, 0, 0]),
    (USAGE, "there is no image", [*PAINT, 0, 0, 0, 61, 45, 0, 0]),
    (USAGE, "the image has 1 channels", [*PAINT, "grey", 0, 0, 61, 45, 0, 0]),
    (USAGE, "saturation 10: expected -1 to 9", [*PAINT, "a", 0, 0, 61, 45, 10, 0]),
    (USAGE, "temperature -101: expected -100 to 100", [*PAINT, "a", 0, 0, 61, 45, 0, -101]),
]  # fmt: skip


def test_wrong_arguments(wasm: Path, files: Path) -> None:
    setup = [
        *decoded("a.ppm"), *opened("siggraph17-scenes", 64),
        ["cells", "read", str(ROOT / "weights/unet-cells.safetensors")],
        ["segmenter", "limn_model_open", "cells", "cells.size", "cells"],
        ["grey", "limn_image_segment", "segmenter", "a", 0, 0, 0],
        ["other", "read", str(ROOT / "weights/enhancenet.safetensors")],
        ["enlarger", "limn_model_open", "other", "other.size", "enhancenet"],
        ["digits", "read", str(ROOT / "weights/dcgan-digits.safetensors")],
        ["generator", "limn_model_open", "digits", "digits.size", "digits"],
    ]  # fmt: skip
    after = [[*RUN, "a", [], 0, -1], [*PAINT, "a", 57, 41, 5, 4, 0, 0], [*PAINT, "a", 57, 41, 4, 4, 0, 0]]
    reports = calls(wasm, files, *setup, *(["", *call] for _, _, call in WRONG), *(["", *call] for call in after))
    assert all(report["value"] for report in reports[: len(setup)])
    for (status, message, call), report in zip(WRONG, reports[len(setup) :], strict=False):
        assert report["value"] == 0 and report["failure"][0] == status, (call, report)
        assert message in report["failure"][1], (call, report)
    ran, outside, inside = reports[-len(after) :]
    assert ran["value"] == 1 and outside["value"] == 0 and inside["value"] != 0
    assert "is not inside the picture" in outside["failure"][1]


def test_hints_for_a_network_that_takes_none(wasm: Path, files: Path) -> None:
    run = ["", "limn_colorizer_run", "colorizer", "a", FLAT_HINTS, 2, -1]
    report = calls(wasm, files, *decoded("a.ppm"), *opened("eccv16-scenes", 64), run)[-1]
    assert report["failure"] == [USAGE, "hints are an option of siggraph17; eccv16 takes none"]


# Progress, failures, memory


def test_progress(wasm: Path, files: Path) -> None:
    seen = module(wasm, files)["progress"]
    assert seen[0] == 0 and seen[-1] == 1 and seen == sorted(seen) and len(seen) > 20


@pytest.mark.parametrize("call", [1, 5])
def test_cancel(call: int, wasm: Path, files: Path) -> None:
    report = module(wasm, files, cancel=call)
    assert report["failure"][0] == 7 and len(report["progress"]) == call
    assert not (files / "made.png").exists()


@pytest.mark.parametrize("damage", ["empty", "cut", "noise"])
def test_a_damaged_model(damage: str, wasm: Path, files: Path) -> None:
    good = (ROOT / "weights/enhancenet.safetensors").read_bytes()
    noise = np.random.default_rng(1).bytes(5000)
    bad = files / "bad.safetensors"
    bad.write_bytes({"empty": b"", "cut": good[: len(good) // 2], "noise": noise}[damage])
    status, message = module(wasm, files, weights=bad)["failure"]
    said = limn("upscale", "-m", bad, files / "a.ppm", "-o", "-").stderr.decode()
    assert status == 3 and said.startswith(f"limn: {message}"), (message, said)


HOSTILE = {
    "wide": b"P6 16385 1 255\n" + bytes(16385 * 3),
    "many pixels": b"P6 16384 16384 255\n",
    "cut": ppm(pixels(20, 30))[:-1],
    "overflow": b"P6 4294967297 4294967297 255\n" + bytes(12),
    "not a picture": b"hello",
    "empty": b"",
}


@pytest.mark.parametrize("kind", HOSTILE)
def test_a_hostile_picture(kind: str, wasm: Path, files: Path) -> None:
    (files / "x").write_bytes(HOSTILE[kind])
    status, message = module(wasm, files, picture="x")["failure"]
    assert status == 4 and message and "\n" not in message, message


def test_more_than_the_memory(wasm: Path, files: Path) -> None:
    """The results have 3.9 and 4.2 GB, of which 32 bits can count the first."""
    for side in (9000, 9400):
        (files / "x.ppm").write_bytes(b"P6 %d %d 255\n" % (side, side) + bytes(3 * side * side))
        status, message = module(wasm, files, picture="x.ppm")["failure"]
        assert status == 6 and "memory" in message, message


def test_no_growth(wasm: Path, files: Path) -> None:
    memory = module(wasm, files, times=50)["memory"]
    assert memory[-1] == memory[2], memory


@pytest.mark.parametrize("network", ["enhancenet", "siggraph17-scenes", "deeplabv3-scenes"])
def test_stack(network: str, wasm: Path, files: Path) -> None:
    """100 KB are enough, a tenth of the stack. If it overflows, the module traps."""
    _, call, options = RUNS[network]
    job = {"call": call, "options": options, "weights": ROOT / f"weights/{network}.safetensors"}
    full = module(wasm, files, stack=100 << 10, **job)
    assert "failure" not in full and "trap" not in full
    assert "memory access out of bounds" in module(wasm, files, stack=1 << 10, **job)["trap"]


def test_imports_and_exports(wasm: Path) -> None:
    script = """const m = new WebAssembly.Module(require("fs").readFileSync(process.argv[1]));
        console.log(JSON.stringify([WebAssembly.Module.imports(m), WebAssembly.Module.exports(m)].map((list) =>
            list.map(({ module, name }) => (module ? module + "." : "") + name))))"""
    done = subprocess.run(["node", "-e", script, wasm / "limn.wasm"], capture_output=True, text=True, check=True)
    imports, exports = json.loads(done.stdout)
    header = (ROOT / "apps/wasm/module.h").read_text(encoding="utf-8")
    declared = set(re.findall(r"(?m)^[a-z].*?\b(limn_\w+)\(", header))
    assert imports == ["limn.progress"]
    assert declared < set(exports) and set(exports) - declared == {
        *["memory", "_initialize", "__stack_pointer"],
        *["limn_model_free", "limn_model_name", "limn_model_metadata", "limn_model_warning"],
    }


# The documentation


def test_the_program_in_the_readme(wasm: Path, native: Path, files: Path) -> None:
    text = (ROOT / "apps/wasm/README.md").read_text(encoding="utf-8")
    (example,) = re.findall(r"```js\n(.*?)```", text, re.DOTALL)
    (files / "enlarge.mjs").write_text(example, encoding="utf-8")
    (files / "photo.png").write_bytes(png(pixels(20, 30)))
    for path in (wasm / "limn.wasm", ROOT / "weights/enhancenet.safetensors"):
        shutil.copy(path, files)
    subprocess.run(["node", "enlarge.mjs"], cwd=files, check=True, timeout=300)
    words = ["upscale", "-m", "enhancenet.safetensors", "photo.png", "-o", "native.png", "--strip"]
    succeeds(*words, "--isa", "baseline", executable=native, cwd=files)
    assert (files / "enlarged.png").read_bytes() == (files / "native.png").read_bytes()

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

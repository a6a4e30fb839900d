"""The archive of `make static`: one program that runs without any other file, with the same results."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import tarfile
from pathlib import Path

import pytest
from cli_support import LIMN, ROOT, limn, make, pixels, ppm, read_png, succeeds

BUILD = Path(LIMN).resolve().parent
GOLDENS = ROOT / "tests/goldens"

pytestmark = [
    pytest.mark.skipif(os.uname().machine != "x86_64" or not shutil.which("musl-gcc"), reason="needs musl-tools, x86-64"),
    pytest.mark.skipif(not (BUILD / "liblimn.a").exists(), reason="LIMN is in no build folder"),
]
needs_root = pytest.mark.skipif(os.geteuid() != 0, reason="chroot needs root")
needs_strace = pytest.mark.skipif(not shutil.which("strace"), reason="needs strace")


@pytest.fixture(scope="module")
def unpacked(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder in the archive. The objects stay in the build folder, for the next run."""
    make("-j2", "static", "ARCH=x86_64", "PAGE=", f"BUILD={os.path.relpath(BUILD, ROOT)}")
    (path,) = BUILD.glob("limn-*-linux-x86_64.tar.gz")
    folder = tmp_path_factory.mktemp("unpacked")
    with tarfile.open(path) as archive:
        archive.extractall(folder)
    (unpacked,) = folder.iterdir()
    assert unpacked.name == path.name.removesuffix(".tar.gz")
    return unpacked


@pytest.fixture(scope="module")
def program(unpacked: Path) -> Path:
    return unpacked / "limn"


def chroot(root: Path, *words: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(["chroot", root, *words], capture_output=True, text=True, check=False, timeout=300)


# The file


def test_archive(unpacked: Path) -> None:
    weights = {f"weights/{path.name.removesuffix('-loss.png')}.safetensors" for path in ROOT.glob("weights/*-loss.png")}
    files = {str(path.relative_to(unpacked)) for path in unpacked.rglob("*") if path.is_file()}
    assert files == {"limn", "README", "LICENSE"} | weights
    assert (unpacked / "LICENSE").read_bytes() == (ROOT / "LICENSE").read_bytes()
    for path in weights:
        assert (unpacked / path).read_bytes() == (ROOT / path).read_bytes(), path


def test_nothing_is_linked_at_run_time(program: Path) -> None:
    for read in (["readelf", "-ld"], ["ldd"]):
        text = subprocess.run([*read, program], capture_output=True, text=True, check=False)
        assert not re.search(r"INTERP|NEEDED|=>", text.stdout), text.stdout
    assert "not a dynamic executable" in text.stdout + text.stderr
    assert b" no OpenBLAS," in succeeds("--version", executable=program)


@needs_strace
def test_stack_of_threads(program: Path, tmp_path: Path) -> None:
    """Threads are started with at least 1 MB; the default of musl is 128 KB."""
    (tmp_path / "x.ppm").write_bytes(ppm(pixels(20, 30)))
    words = [program, "upscale", "-m", GOLDENS / "enhancenet.safetensors", "x.ppm", "-o", "x.png", "-t", "2"]
    trace = ["strace", "-f", "-e", "trace=mmap", *words]
    said = subprocess.run(trace, cwd=tmp_path, capture_output=True, text=True, check=True, timeout=300).stderr
    stacks = [int(bytes_) for bytes_ in re.findall(r"mmap\(NULL, (\d+), PROT_NONE, MAP_PRIVATE\|MAP_ANONYMOUS", said)]
    assert stacks and min(stacks) >= 1 << 20, said


# Where it runs


@needs_root
def test_in_an_empty_chroot(unpacked: Path, tmp_path: Path) -> None:
    root = tmp_path / "root"
    shutil.copytree(unpacked, root)
    (root / "photo.ppm").write_bytes(ppm(pixels(30, 40)))
    assert chroot(root, "/limn", "--help").stdout.startswith("limn ")
    for words in (["upscale", "photo.ppm"], ["colorize", "photo.ppm"]):
        done = chroot(root, "/limn", *words)
        assert (done.returncode, done.stderr) == (0, ""), words
    assert read_png((root / "photo-upscaled.png").read_bytes()).shape == (120, 160, 3)
    assert read_png((root / "photo-colorized.png").read_bytes()).shape == (30, 40, 3)
    assert not list(root.rglob("*.part*"))


# Linux has renameat2 since 3.15, and the madvise that limn uses since 5.14.
@needs_strace
@pytest.mark.parametrize("error", ["ENOSYS", "EPERM"])  # an old kernel; a seccomp filter that does not know the call
@pytest.mark.parametrize("call", ["renameat2", "madvise", "sched_getaffinity"])
@pytest.mark.parametrize("command", ["upscale -m enhancenet", "colorize -m siggraph17"])
def test_without_calls_that_old_kernels_lack(command: str, call: str, error: str, program: Path, tmp_path: Path) -> None:
    (tmp_path / "photo.ppm").write_bytes(ppm(pixels(90, 100)))
    words = [*command.split(), "photo.ppm", "-o"]
    env = {"LIMN_WEIGHTS": str(GOLDENS)}
    succeeds(*words, "want.png", cwd=tmp_path, env=env, executable=program)
    trace = ["strace", "-f", "-qq", "-o", tmp_path / "trace", "-e", f"inject={call}:error={error}", program]
    for options, code in (([], 0), ([], 5), (["--force"], 0)):
        done = subprocess.run([*trace, *words, "got.png", *options], cwd=tmp_path, env=env, capture_output=True, check=False)
        assert done.returncode == code, (options, done.stderr)
        assert (tmp_path / "got.png").read_bytes() == (tmp_path / "want.png").read_bytes(), options
        assert options or code or "INJECTED" in (tmp_path / "trace").read_text()
    assert {path.name for path in tmp_path.iterdir()} == {"photo.ppm", "want.png", "got.png", "trace"}


@pytest.mark.parametrize("start", ["absolute", "relative", "PATH", "link"])
def test_weights_are_found_from_any_folder(start: str, unpacked: Path, tmp_path: Path) -> None:
    (tmp_path / "photo.ppm").write_bytes(ppm(pixels(8, 9)))
    (tmp_path / "link").symlink_to(unpacked / "limn")
    names = {"absolute": unpacked / "limn", "relative": os.path.relpath(unpacked / "limn", tmp_path), "PATH": "limn"}
    words = [names.get(start, "./link"), "upscale", "photo.ppm"]
    env = {"PATH": f"{unpacked}:{os.environ['PATH']}"}
    done = subprocess.run(["env", *words], cwd=tmp_path, env=env, capture_output=True, check=False, timeout=300)
    assert (done.returncode, done.stderr) == (0, b"")
    assert read_png((tmp_path / "photo-upscaled.png").read_bytes()).shape == (32, 36, 3)


def test_a_locale_changes_nothing(program: Path, tmp_path: Path) -> None:
    (tmp_path / "Grüße 猫.ppm").write_bytes(ppm(pixels(8, 9)))
    for locale in ("C", "de_DE.UTF-8", "tr_TR.UTF-8"):
        words = ["pixels", "dataset", "Grüße 猫.ppm"]
        same = [succeeds(*words, cwd=tmp_path, env={"LC_ALL": locale}, executable=path) for path in (program, LIMN)]
        assert same[0] == same[1]


# What it computes


RUNS = {
    "enhancenet": ["upscale"],
    "eccv16-scenes": ["colorize"],
    "siggraph17-scenes": ["colorize"],
    "vae-scenes": ["colorize", "--samples", "2"],
    "deeplabv3-scenes": ["segment", "--view", "side"],
    "unet-cells": ["segment", "--view", "overlay"],
    "dcgan-digits": ["generate", "--count", "3"],
}


@pytest.fixture(scope="module")
def instruction_sets() -> list[str]:
    """Those that this CPU has."""
    words = ["explain", GOLDENS / "enhancenet.safetensors", "--isa"]
    return [isa for isa in ("baseline", "avx2", "avx512") if limn(*words, isa).returncode == 0]


def needs_gcc() -> None:
    text = subprocess.run(["readelf", "-p", ".comment", LIMN], capture_output=True, text=True, check=True).stdout
    if "GCC" not in text or "clang" in text:
        pytest.skip("kernels of another compiler may round differently")


@pytest.mark.parametrize("network", RUNS)
def test_networks_give_the_bytes_of_the_normal_build(network: str, program: Path, instruction_sets: list[str]) -> None:
    needs_gcc()
    command, *options = RUNS[network]
    weights = ROOT / f"weights/{network}.safetensors"
    words = [command, *options, "-m", weights, "-o", "-", *["-"] * (command != "generate"), "--kernels", "native"]
    for isa in instruction_sets:
        same = {"input": ppm(pixels(45, 61))}
        want = succeeds(*words, "--isa", isa, **same)
        assert succeeds(*words, "--isa", isa, executable=program, **same) == want, isa


@pytest.mark.parametrize("words", ["to-text a.ppm", "dataset a.ppm b.ppm", "mean a.ppm b.ppm -o -"])
def test_pixels_give_the_bytes_of_the_normal_build(words: str, program: Path, tmp_path: Path) -> None:
    for seed, name in enumerate(("a.ppm", "b.ppm")):
        (tmp_path / name).write_bytes(ppm(pixels(20, 30, seed=seed)))
    want = succeeds("pixels", *words.split(), cwd=tmp_path)
    assert want and succeeds("pixels", *words.split(), cwd=tmp_path, executable=program) == want


@pytest.mark.parametrize("options", ["", "--json"])
def test_compare_gives_the_text_of_the_normal_build(options: str, program: Path, tmp_path: Path) -> None:
    for seed, name in enumerate(("a.ppm", "b.ppm")):
        (tmp_path / name).write_bytes(ppm(pixels(20, 30, seed=seed)))
    words = ["compare", "a.ppm", "b.ppm", *options.split()]
    assert succeeds(*words, cwd=tmp_path, executable=program) == succeeds(*words, cwd=tmp_path)

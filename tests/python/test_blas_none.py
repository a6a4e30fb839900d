"""A limn built without OpenBLAS (`make BLAS=none`) beside the one that the other tests run."""

from __future__ import annotations

import functools
import json
import os
import re
import shutil
import subprocess
from pathlib import Path

import pytest
from cli_support import LIMN, ROOT, copied_build, fails, limn, make, need_openblas, pixels, ppm, succeeds

BUILD = Path(LIMN).resolve().parent
GOLDENS = ROOT / "tests/goldens"
REFUSED = "limn: OpenBLAS kernels: this limn was built without OpenBLAS\n"

pytestmark = pytest.mark.skipif(not (BUILD / "liblimn.a").exists(), reason="LIMN is in no build folder")


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy of the objects; a different BLAS= compiles one of them and links."""
    copy = tmp_path_factory.mktemp("build")
    copied_build(BUILD, copy)
    return copy


def make_in(folder: Path, *arguments: str) -> None:
    make(f"BUILD={os.path.relpath(folder, ROOT)}", *arguments)


@pytest.fixture(scope="module")
def none(folder: Path) -> Path:
    make_in(folder, "BLAS=none")
    shutil.copy(folder / "limn", folder / "limn-none")
    return folder / "limn-none"


def bench(program: Path, what: str, *options: str) -> dict:
    return json.loads(succeeds("bench", what, *options, "--json", executable=program))


# What it says


def test_version(none: Path) -> None:
    text = succeeds("--version", executable=none).decode()
    assert re.fullmatch(r"limn \d+\.\d+\.\d+, [\w+]+ kernels, no OpenBLAS, \d+ threads?\n", text), text


@pytest.mark.parametrize("command", ["run", "upscale", "segment", "colorize", "explain", "bench layers"])
def test_openblas_kernels_are_refused(command: str, none: Path) -> None:
    network = {"segment": "unet-bilinear", "colorize": "eccv16"}.get(command, "enhancenet")
    words = [*command.split(), "-m", GOLDENS / f"{network}.safetensors", "--kernels", "openblas"]
    words += ["-", "-o", "-"] * (command not in ("explain", "bench layers"))
    assert fails(2, *words, executable=none, input=b"") == REFUSED


def test_bench_machine(none: Path) -> None:
    report = bench(none, "machine", "-t", "1")
    assert report["gemm_gflops"] is None and report["core_peak_gflops"] > 0 and report["copy_gb_per_s"] > 0
    assert ", no OpenBLAS, " in report["engine"]
    text = succeeds("bench", "machine", "-t", "1", executable=none).decode()
    assert ", no OpenBLAS, " in text.splitlines()[0] and text.count("OpenBLAS") == 1


@pytest.mark.parametrize("operator", ["conv2d", "conv2d_transpose"])
def test_bench_kernels_lists_no_variant_of_openblas(operator: str, none: Path) -> None:
    shape = "1x8x8x4,k=4,s=2,p=1" if operator == "conv2d_transpose" else "1x8x8x4,k=3,p=1"
    rows = bench(none, "kernels", "--op", operator, "--shape", shape, "--reps", "1")["kernels"]
    variants = [row["variant"] for row in rows]
    assert f"{operator}_gemm" not in variants and f"{operator}_native" in variants
    assert [row["planned"] for row in rows].count("planned") == 1


def test_nothing_of_openblas_is_in_the_program(none: Path) -> None:
    names = subprocess.run(["nm", none], capture_output=True, text=True, check=True).stdout
    assert not re.search("dlopen|dlsym|cblas|openblas", names)
    linked = subprocess.run(["readelf", "-d", none], capture_output=True, text=True, check=True).stdout
    assert "NEEDED" in linked and "blas" not in linked


def test_little_address_space(none: Path, tmp_path: Path) -> None:
    """Of the 128 MB that OpenBLAS would need, none."""
    (tmp_path / "x.ppm").write_bytes(ppm(pixels(20, 30)))
    words = ["upscale", "-m", GOLDENS / "enhancenet.safetensors", "x.ppm", "-o", "-", "-t", "1"]
    script = 'ulimit -v 102400; exec "$0" "$@"'
    limited = subprocess.run(["sh", "-c", script, none, *words], cwd=tmp_path, capture_output=True, check=False)
    assert (limited.returncode, limited.stderr) == (0, b"")
    assert limited.stdout == succeeds(*words, cwd=tmp_path, executable=none)


# What it computes


@functools.cache
def instruction_sets() -> list[str]:
    """Those that this CPU has."""
    words = ["explain", GOLDENS / "enhancenet.safetensors", "--isa"]
    return [isa for isa in ("baseline", "avx2", "avx512", "neon") if limn(*words, isa).returncode == 0]


RUNS = {
    "enhancenet": ["upscale"],
    "eccv16": ["colorize"],
    "siggraph17": ["colorize"],
    "vae": ["colorize"],
    "deeplabv3": ["segment"],
    "unet-transposed": ["segment"],
    "unet-bilinear": ["segment"],
    "dcgan-5-stages": ["generate", "--count", "3"],
}


@pytest.mark.parametrize("network", RUNS)
def test_the_bytes_are_those_of_a_limn_with_openblas(network: str, none: Path) -> None:
    need_openblas()
    command, *options = RUNS[network]
    words = [command, *options, "-m", GOLDENS / f"{network}.safetensors", "-o", "-", *["-"] * (command != "generate")]
    for isa in instruction_sets():
        same = {"input": ppm(pixels(45, 61))}
        want = succeeds(*words, "--isa", isa, "--kernels", "native", **same)
        for kernels in ("native", "auto"):
            assert succeeds(*words, "--isa", isa, "--kernels", kernels, executable=none, **same) == want, (isa, kernels)


# One build folder


def test_the_folder_follows_a_different_blas(folder: Path, none: Path) -> None:
    need_openblas()
    version = succeeds("--version")
    for arguments, says in (([], version), (["BLAS=none"], succeeds("--version", executable=none)), ([], version)):
        make_in(folder, *arguments)
        assert succeeds("--version", executable=folder / "limn") == says

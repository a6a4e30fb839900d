"""Where the system starts no threads: the program computes on one, and says so."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest
from cli_support import LIMN, WEIGHTS, limn, need_openblas, one_process, pixels, ppm, succeeds

UPSCALE = ["upscale", "-m", "enhancenet.safetensors", "-", "-o", "-"]


@pytest.fixture
def confined(public_folder: Path) -> dict:
    """How to run a copy of the program that can start no thread."""
    shutil.copy(LIMN, public_folder / "limn")
    shutil.copy(WEIGHTS, public_folder / "enhancenet.safetensors")
    return {"executable": public_folder / "limn", "cwd": public_folder, "preexec_fn": one_process()}


@pytest.mark.parametrize("options", ["--help", "upscale --help", "--weights", f"inspect {WEIGHTS.name}"])
def test_commands_without_threads_work(options: str, confined: dict) -> None:
    assert succeeds(*options.split(), **confined)


def test_version_tells_the_threads(confined: dict) -> None:
    assert succeeds("--version", **confined).endswith(b", 1 thread\n")


@pytest.mark.parametrize("kernels", ["auto", "openblas", "native"])
def test_one_note_and_the_same_picture(kernels: str, confined: dict) -> None:
    if kernels == "openblas":
        need_openblas()
    picture, options = ppm(pixels(20, 30)), ["--kernels", kernels]
    want = succeeds(*UPSCALE, *options, "-t", "4", input=picture, cwd=confined["cwd"])
    assert succeeds(*UPSCALE, *options, "-t", "1", input=picture, **confined) == want
    done = limn(*UPSCALE, *options, "-t", "4", input=picture, **confined)
    assert (done.returncode, done.stdout) == (0, want)
    assert done.stderr == b"limn: started only 1 of 4 threads: the system allows no more (ulimit -u, pids.max)\n"

"""--memory-limit: just enough works; less is refused before work starts, with the number, and leaves no file."""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np
import pytest
from cli_support import ROOT, fails, limn, pixels, ppm

GOLDENS = ROOT / "tests/goldens"
UNITS = {"bytes": 1, "kB": 1e3, "MB": 1e6}


def arguments(tmp_path: Path) -> dict[str, list]:
    """Commands on an input that takes more memory than the weights; the output is to be added."""
    for name in ("a", "b"):
        (tmp_path / f"{name}.ppm").write_bytes(ppm(pixels(700, 900)))
    (tmp_path / "small.ppm").write_bytes(ppm(pixels(280, 360)))
    np.save(tmp_path / "x.npy", np.random.default_rng(3).random((1, 3, 200, 220)).astype("<f4"))
    picture, small = tmp_path / "a.ppm", tmp_path / "small.ppm"  # which makes 1120 x 1440 pixels
    return {
        "segment": ["segment", "-m", GOLDENS / "deeplabv3.safetensors", picture, "--resize", 300],
        "segment side": ["segment", "-m", GOLDENS / "deeplabv3.safetensors", picture, "--resize", 40, "--view", "side"],
        "segment unet": ["segment", "-m", GOLDENS / "unet-bilinear.safetensors", picture, "--scale", 0.3],
        "colorize": ["colorize", "-m", GOLDENS / "eccv16.safetensors", picture],
        "colorize samples": ["colorize", "-m", GOLDENS / "vae.safetensors", picture, "--samples", 9],
        "upscale": ["upscale", "-m", GOLDENS / "enhancenet.safetensors", small],
        "upscale tile": ["upscale", "-m", GOLDENS / "enhancenet.safetensors", small, "--tile", 96],
        "upscale scale": ["upscale", "-m", GOLDENS / "enhancenet.safetensors", small, "--scale", 2],
        "upscale whole": ["upscale", "-m", GOLDENS / "enhancenet.safetensors", small, "--tile", 0],
        "generate": ["generate", "-m", GOLDENS / "dcgan-5-stages.safetensors", "-n", 64],
        "run": ["run", "-m", GOLDENS / "enhancenet.safetensors", tmp_path / "x.npy"],
        "mean": ["pixels", "mean", picture, tmp_path / "b.ppm"],
        "dataset": ["pixels", "dataset", picture, tmp_path / "b.ppm"],
        "compare": ["compare", picture, tmp_path / "b.ppm"],
    }


NAMES = ["segment", "segment side", "segment unet", "colorize", "colorize samples", "upscale", "upscale tile"]
NAMES += ["upscale scale", "upscale whole", "generate", "run", "mean", "dataset", "compare"]


@pytest.mark.parametrize("name", NAMES)
def test_just_enough_and_less(name: str, tmp_path: Path) -> None:
    """Each refusal says how much would do for what was refused: followed, the numbers lead to a limit that is enough."""
    command = [str(word) for word in arguments(tmp_path)[name]]
    output = tmp_path / ("out." + {"run": "npy", "dataset": "csv"}.get(name, "png"))
    command += [] if name == "compare" else ["-o", str(output)]
    command += [] if name in ("mean", "dataset", "compare") else ["-t", "2"]
    before = sorted(tmp_path.iterdir())
    limit, announced = 300_000, False
    for _ in range(40):
        done = limn(*command, "--memory-limit", str(limit))
        if done.returncode == 0:
            break
        line = done.stderr.decode()
        assert done.returncode == 6 and "out of memory" in line and line.count("\n") == 1, line
        assert sorted(tmp_path.iterdir()) == before
        numbers = re.findall(r"([0-9.]+) (bytes|kB|MB)", line)[:2]
        needed, left = (float(number) * UNITS[unit] for number, unit in numbers)
        announced = "in all, the limit is" in line
        limit = max(limit + 10_000, int((needed if announced else limit + needed - left) + 60_000))
    assert done.returncode == 0 and announced, line
    assert name == "compare" or output.exists()


def test_the_picture_and_what_needs_less_are_named(tmp_path: Path) -> None:
    (tmp_path / "large.ppm").write_bytes(ppm(pixels(700, 900)))
    command = ["segment", "-m", GOLDENS / "deeplabv3.safetensors", tmp_path / "large.ppm", "-o", tmp_path / "y.png"]
    line = fails(6, *command, "--memory-limit", "8M")
    assert "large.ppm: out of memory" in line and "less is needed with a smaller resize (use --resize N" in line
    command[2] = GOLDENS / "unet-bilinear.safetensors"
    line = fails(6, *command, "--scale", "1", "--memory-limit", "8M")
    assert "less is needed with a smaller scale (use a smaller --scale)" in line
    command[2] = GOLDENS / "deeplabv3.safetensors"
    line = fails(6, *command, "--memory-limit", "3M")
    assert re.search(r"large.ppm, 900 x 700 pixels, takes [0-9.]+ MB in all, the limit is 3.1 MB", line), line

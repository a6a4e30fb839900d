"""The Windows program writes the bytes of Linux without OpenBLAS: commands and networks not in test_windows.py."""

from __future__ import annotations

import subprocess
from pathlib import Path

import numpy as np
import pytest
from cli_support import ROOT, pixels, png
from windows_support import Run, environment, installed, linux, needs_wine, windows  # noqa: F401 (fixtures)

pytestmark = needs_wine
GOLDENS = ROOT / "tests/goldens"
CHANNELS = {"unet-bilinear": 4, "unet-transposed": 1, "deeplabv3": 3, "eccv16": 1, "siggraph17": 4, "enhancenet": 3}
PICTURES = [
    "pixels to-text in/a.png -o OUT/a.txt",
    "pixels from-text in/grey.txt -o OUT/a.png",
    "pixels dataset in -o OUT/a.csv",
    "pixels mean in -o OUT/a.png",
    "pixels split in/a.png --grid 2x2 -o OUT/",
    "generate -m dcgan-digits -n 6 --seed 3 -o OUT/a.png",
]
RUNS = [f"run -m {GOLDENS}/vae.safetensors in/a.png -o OUT/y.npy"]
RUNS += [f"run -m {GOLDENS}/{name}.safetensors {name}.npy -o OUT/y.npy" for name in CHANNELS]


def written(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in folder.iterdir()}


@pytest.mark.parametrize("command", [*PICTURES, *RUNS])
def test_bytes_equal_those_of_linux(command: str, linux: Path, windows: Run, tmp_path: Path) -> None:
    (tmp_path / "in").mkdir()
    for name in ("a", "b"):
        (tmp_path / f"in/{name}.png").write_bytes(png(pixels(12, 16)))
    (tmp_path / "in/grey.txt").write_text("1 2 3\n4 5 255\n")
    for name, channels in CHANNELS.items():
        np.save(tmp_path / f"{name}.npy", np.random.default_rng(7).random((1, channels, 64, 64), np.float32))
    for folder in ("here", "there"):
        (tmp_path / folder).mkdir()
    env = {"LIMN_WEIGHTS": str(ROOT / "weights")}
    here = [linux, *command.replace("OUT", "here").split()]
    done = subprocess.run(here, cwd=tmp_path, env=env, capture_output=True, text=True, check=False, timeout=120)
    assert done.returncode == 0, done.stderr
    done = windows(*command.replace("OUT", "there").split(), cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    assert written(tmp_path / "there") == written(tmp_path / "here")

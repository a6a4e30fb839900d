"""What the tests of `limn generate` share: two small generators, running them, and latent vectors."""

from __future__ import annotations

from pathlib import Path

import model_tables
import numpy as np
from checkpoint_files import safetensors
from cli_support import ROOT, Arguments, read_png, succeeds

COLOUR = ROOT / "tests/goldens/dcgan-5-stages.safetensors"  # 64 x 64 RGB from 6 values
GREY = ROOT / "tests/goldens/dcgan-3-stages.safetensors"  # 16 x 16 grey from 7 values
SIZES = {COLOUR: 6, GREY: 7}


def generated(folder: Path, weights: Path, *options: Arguments) -> np.ndarray:
    """The pixels of the sheet."""
    succeeds("generate", "-m", weights, "-o", folder / "sheet.png", "--force", *options)
    return read_png((folder / "sheet.png").read_bytes())


def pictures(folder: Path, weights: Path, *options: Arguments) -> list[np.ndarray]:
    """The pixels of each picture, scaled from -1..1, so that they can be compared from run to run."""
    parts = folder / "parts"
    for old in parts.glob("*"):
        old.unlink()
    succeeds("generate", "-m", weights, "-o", f"{parts}/", "--fixed-range", *options)
    return [read_png(path.read_bytes()) for path in sorted(parts.iterdir())]


def random_latents(count: int, weights: Path) -> np.ndarray:
    return np.random.default_rng(count).standard_normal((count, SIZES[weights])).astype(np.float32)


def changed(tmp_path: Path, channels: int, last: float, kernel: tuple[int, int] = (4, 4)) -> Path:
    """Weights of a small generator whose last layer's are all `last`."""
    weights = model_tables.weights(model_tables.dcgan(5, (4, 3), channels))
    for name, array in weights.items():
        weights[name] = np.abs(array) if name.endswith("var") else array
    weights["main.6.weight"] = np.full((3, channels, *kernel), last, np.float32)
    path = tmp_path / "changed.safetensors"
    path.write_bytes(safetensors(weights))
    return path

"""What the tests of the Python package share: the package over the library of the build folder."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from cli_support import LIMN, ROOT

LIBRARY = next(iter(sorted(Path(LIMN).resolve().parent.glob("liblimn.so.*"))), None)
if LIBRARY is None:
    pytest.skip("there is no shared library beside the program", allow_module_level=True)

os.environ["LIMNET_LIBRARY"] = str(LIBRARY)
os.environ["LIMN_WEIGHTS"] = str(ROOT / "weights")
sys.path.insert(0, str(ROOT / "apps/python"))

SAMPLES = ROOT / "weights/samples"


def run(arguments: list[str], **options) -> subprocess.CompletedProcess[str]:
    """Runs a Python of its own, which finds the package, with these arguments."""
    env = {**os.environ, "PYTHONPATH": str(ROOT / "apps/python")}
    options = {"capture_output": True, "text": True, "timeout": 300, "env": env} | options
    return subprocess.run([sys.executable, *arguments], check=False, **options)


def python(code: str, *arguments: object) -> subprocess.CompletedProcess[str]:
    return run(["-c", code, *map(str, arguments)])


def random_pixels(*shape: int) -> np.ndarray:
    return np.random.default_rng(1).integers(0, 256, shape, np.uint8)

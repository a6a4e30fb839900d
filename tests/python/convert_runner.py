"""Runs tools/convert.py in this process, and checks after every run what must hold after each."""

from __future__ import annotations

import contextlib
import io
import sys
from pathlib import Path
from typing import NamedTuple

import numpy as np
from checkpoint_files import read_safetensors

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "tools"))

import convert  # noqa: E402  (found only through the line above)


class Converted(NamedTuple):
    tensors: dict[str, np.ndarray]
    metadata: dict[str, str]


def run(folder: Path, data: bytes, *options: str, name: str = "weights.pth") -> tuple[int, str]:
    """The exit code and stderr of converting a file of these bytes to folder/out.safetensors.

    Exit code 0 comes with an output and nothing on stderr but, in one line, a warning; 1 with one line that names the
    file, and no output; neither leaves any other file.
    """
    source, output = folder / name, folder / "out.safetensors"
    source.write_bytes(data)
    output.unlink(missing_ok=True)
    stderr = io.StringIO()
    with contextlib.redirect_stderr(stderr), contextlib.redirect_stdout(io.StringIO()):
        code = convert.main([str(source), "-o", str(output), *options])
    error = stderr.getvalue()
    assert code in (0, 1), error
    assert output.exists() == (code == 0)
    assert sorted(file.name for file in folder.iterdir()) == sorted([name] + ["out.safetensors"] * (code == 0))
    assert error.count("\n") == len(error.splitlines()) <= 1, error
    assert error.startswith(f"limn-convert: {source}: " + "warning: " * (code == 0)) or (code == 0 and error == ""), error
    return code, error


def converted(folder: Path, data: bytes, *options: str, name: str = "weights.pth", warning: str = "") -> Converted:
    """What is in the output of a conversion that succeeds, with this warning; its data begins at a multiple of 64."""
    code, error = run(folder, data, *options, name=name)
    assert code == 0, error
    assert error == (f"limn-convert: {folder / name}: warning: {warning}\n" if warning else ""), error
    tensors, metadata, begin = read_safetensors((folder / "out.safetensors").read_bytes())
    assert begin % 64 == 0
    return Converted(tensors, metadata)


def refused(folder: Path, data: bytes, *options: str, name: str = "weights.pth") -> str:
    """The one line of a conversion that fails."""
    code, error = run(folder, data, *options, name=name)
    assert code == 1, "converted, but should have been refused"
    return error


def assert_same(got: dict[str, np.ndarray], want: dict[str, np.ndarray]) -> None:
    """Same names, dtypes, shapes and bits."""
    assert sorted(got) == sorted(want)
    for name, array in want.items():
        assert (got[name].dtype, got[name].shape) == (array.dtype, array.shape), name
        assert got[name].tobytes() == array.tobytes(), name

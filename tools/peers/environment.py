"""The virtual environment of the peers and of matplotlib: created once; missing packages are installed."""

from __future__ import annotations

import importlib.util
import json
import os
import pathlib
import subprocess
import sys
import venv as standard_venv
from collections.abc import Sequence

NEEDED = ("numpy", "torch", "onnx", "matplotlib")  # required
PEERS = ("onnxruntime", "openvino", "ncnn", "pnnx")  # optional; pnnx converts for ncnn
ABSENT = "absent-packages.json"  # in the environment's folder: why a peer could not be installed


class Unusable(Exception):
    """The environment lacks a required package."""


def python_of(folder: pathlib.Path) -> pathlib.Path:
    return folder / "bin" / "python"


def is_current(folder: pathlib.Path) -> bool:
    """Whether this process runs in the environment."""
    return pathlib.Path(sys.prefix).resolve() == folder.resolve()


def missing(folder: pathlib.Path, packages: Sequence[str] = (*NEEDED, *PEERS)) -> list[str]:
    """The packages that the environment lacks."""
    script = "import importlib.util as u, sys; print(*(n for n in sys.argv[1:] if not u.find_spec(n)))"
    command = [python_of(folder), "-c", script, *packages]
    return subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True).stdout.split()


def install(folder: pathlib.Path, package: str) -> str | None:
    """Installs one package with pip, under pip's own settings. Returns the reason of a failure, or None."""
    print(f"{pathlib.Path(sys.argv[0]).stem}: installing {package} in {folder}", file=sys.stderr, flush=True)
    command = [python_of(folder), "-m", "pip", "install", "--quiet", "--disable-pip-version-check", package]
    done = subprocess.run(command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True, check=False)
    if done.returncode == 0:
        return None
    errors = [line for line in done.stderr.splitlines() if line.startswith("ERROR")]
    return (errors or [f"pip failed with exit code {done.returncode}"])[-1].removeprefix("ERROR: ")


def ensure(
    folder: pathlib.Path, may_install: bool, needed: Sequence[str] = NEEDED, wanted: Sequence[str] = PEERS
) -> None:
    """Creates and completes the environment, and records which wanted packages are absent, with the reason.

    Raises Unusable if a needed package is missing.
    """
    if not python_of(folder).exists():
        if not may_install:
            raise Unusable(f"{folder}: not a virtual environment, and --no-install was given")
        if not importlib.util.find_spec("ensurepip"):
            raise Unusable("this Python cannot create virtual environments; on Debian, install python3-venv")
        standard_venv.create(folder, with_pip=True)
    reasons: dict[str, str] = {}
    for package in missing(folder, (*needed, *wanted)):
        reason = install(folder, package) if may_install else "not installed, and --no-install was given"
        if reason and package in needed:
            raise Unusable(f"{package} is needed in {folder}: {reason}")
        if reason:
            reasons[package] = reason
    if wanted:
        (folder / ABSENT).write_text(json.dumps(reasons))


def absent(folder: pathlib.Path) -> dict[str, str]:
    """The absent packages, with the reason for each."""
    path = folder / ABSENT
    return json.loads(path.read_text()) if path.exists() else {}


def enter(folder: pathlib.Path) -> None:
    """Restarts the program under the environment's Python; does not return."""
    python = str(python_of(folder).absolute())
    os.execv(python, [python, *sys.argv])

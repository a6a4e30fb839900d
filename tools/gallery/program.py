"""Runs the limn program; names the machine's processor."""

from __future__ import annotations

import os
import platform
import signal
import subprocess
import time
from pathlib import Path


class ProgramError(Exception):
    """limn could not be started or failed; the message has the command and limn's error."""


class Program:
    """The limn program, run in `folder` with weights from the folder `weights`."""

    def __init__(self, file: Path, weights: Path, folder: Path) -> None:
        self.file, self.weights, self.folder = file.absolute(), weights.absolute(), folder.absolute()

    def run(self, arguments: list[str]) -> tuple[str, float]:
        """Runs limn; returns its output and the time in seconds."""
        command = [str(self.file), *arguments]
        start = time.perf_counter()
        try:
            done = subprocess.run(
                command, cwd=self.folder, env=os.environ | {"LIMN_WEIGHTS": str(self.weights)},
                capture_output=True, text=True, errors="replace", check=False,
            )  # fmt: skip
        except OSError as error:
            raise ProgramError(f"{self.file}: {error.strerror}") from None
        seconds = time.perf_counter() - start
        if done.returncode != 0:
            raise ProgramError(f"limn {' '.join(arguments)}: {_reason(done)}")
        return done.stdout, seconds


def _reason(done: subprocess.CompletedProcess[str]) -> str:
    if done.returncode < 0:
        return f"ended by {signal.Signals(-done.returncode).name} {done.stderr.strip()}".strip()
    return done.stderr.strip().removeprefix("limn: ") or f"exit code {done.returncode}"


def processor() -> str:
    """The name of the processor."""
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8", errors="replace").splitlines()
    except OSError:
        lines = []
    names = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return names[0] if names else platform.machine()

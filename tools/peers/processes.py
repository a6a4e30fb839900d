"""Starts, pins and stops the measured processes."""

from __future__ import annotations

import contextlib
import json
import os
import pathlib
import shutil
import signal
import subprocess
import sys
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from types import TracebackType

HERE = pathlib.Path(__file__).resolve().parent


class EngineFailed(Exception):
    """An engine could not be started or failed; the message is the reason."""


def first_of_each_core(cpus: list[int], siblings: Mapping[int, str]) -> list[int]:
    """One logical processor of each physical core; `siblings` states which share a core."""
    seen: dict[str, int] = {}
    for cpu in sorted(cpus):
        seen.setdefault(siblings.get(cpu, str(cpu)), cpu)
    return list(seen.values())


def physical_cores() -> list[int]:
    """One logical processor of each core that this process may use."""
    cpus = sorted(os.sched_getaffinity(0))
    siblings = {}
    for cpu in cpus:
        path = pathlib.Path(f"/sys/devices/system/cpu/cpu{cpu}/topology/thread_siblings_list")
        if path.exists():
            siblings[cpu] = path.read_text().strip()
    return first_of_each_core(cpus, siblings)


def last_line(text: str, otherwise: str) -> str:
    """The last line of an error output, which states the error."""
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    return lines[-1] if lines else otherwise


@dataclass
class Finished:
    """The figures of a process that succeeded."""

    seconds: float
    peak_mb: float
    stdout: str


def launch(command: list[str], cpus: list[int]) -> Finished:
    """Runs a program on these cores. Raises EngineFailed if it fails."""
    with tempfile.TemporaryDirectory() as folder:
        result = pathlib.Path(folder, "result.json")
        path = shutil.which(command[0]) or command[0]
        launcher = [
            sys.executable,
            "-I",
            "-S",
            str(HERE / "launch.py"),
            str(result),
            ",".join(map(str, cpus)),
        ]
        done = subprocess.run([*launcher, path, *command[1:]], capture_output=True, text=True, check=False)
        if not result.exists():
            raise EngineFailed(last_line(done.stderr, "could not be started"))
        figures = json.loads(result.read_text())
    if figures["code"]:
        raise EngineFailed(last_line(done.stderr, f"exit code {figures['code']}"))
    return Finished(figures["seconds"], figures["peak_bytes"] / 1e6, done.stdout)


def worker_command(
    engine: str,
    case: str,
    folder: pathlib.Path,
    threads: int,
    inputs: pathlib.Path,
    environment: Mapping[str, str],
) -> list[str]:
    """The command of worker.py with additional environment variables, without `once` or `serve`.

    -s: no user packages; -B: no byte code in the sources.
    """
    variables = ["env", *(f"{name}={value}" for name, value in environment.items())] if environment else []
    script = str(HERE / "worker.py")
    python = [*variables, sys.executable, "-s", "-B", script]
    return [*python, engine, case, str(folder), str(threads), str(inputs)]


class Worker:
    """A process with a loaded peer. It is stopped between its turns, so that no idle thread uses a core."""

    def __init__(self, command: list[str], cpus: list[int]) -> None:
        self.errors = tempfile.TemporaryFile(mode="w+", errors="replace")
        self.process = subprocess.Popen(
            [*command, "serve"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=self.errors,
            text=True,
            bufsize=1,
            preexec_fn=lambda: os.sched_setaffinity(0, cpus),
        )

    def __enter__(self) -> Worker:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.process.kill()
        self.process.communicate()
        self.errors.close()

    def answer(self) -> object:
        line = self.process.stdout.readline()
        if not line:
            code = self.process.wait()
            self.errors.seek(0)
            raise EngineFailed(last_line(self.errors.read(), f"exit code {code}"))
        return json.loads(line)

    def load(self) -> None:
        """Waits until the engine is loaded."""
        self.answer()
        self.process.send_signal(signal.SIGSTOP)

    def ask(self, order: str) -> object:
        """Resumes the engine, waits for its answer and stops it again."""
        self.process.send_signal(signal.SIGCONT)
        with contextlib.suppress(BrokenPipeError):  # the process has ended; answer() raises the reason
            self.process.stdin.write(f"{order}\n")
        answer = self.answer()
        self.process.send_signal(signal.SIGSTOP)
        return answer

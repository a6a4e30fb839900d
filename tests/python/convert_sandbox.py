"""Runs the converter in a process that may only convert, with little memory and time.

Python announces what a process does besides computing as an audit event (the documentation's "Audit events table"):
opening files, importing modules, running programs, compiling. The process ends at the first that no conversion needs.
"""

from __future__ import annotations

import io
import os
import resource
import signal
import sys
import tempfile
from pathlib import Path
from typing import Any, NamedTuple

from convert_runner import convert

SECONDS = 4  # of processor time, more on a busy machine; a file that could be a network of this size takes a hundredth
MEMORY = 200_000_000  # bytes besides what Python and NumPy take
HANGS = 30  # seconds

HARMLESS = ("builtins.id", "object.__getattr__", "sys._getframe")  # events
FORBIDDEN, CRASHED = 98, 99  # exit codes of this file


class Outcome(NamedTuple):
    """`code` is the exit code, or minus the signal that ended the process."""

    code: int
    stdout: str
    stderr: str


def convert_in_sandbox(source: Path, output: Path, *options: str, memory: int = MEMORY) -> Outcome:
    """Runs `convert.py SOURCE -o OUTPUT OPTIONS`.

    The process is ended after SECONDS of processor time. In more than `memory` it fails, which convert.py says; after
    anything it may not do it says what and ends with FORBIDDEN, and with CRASHED after an exception.
    """
    with tempfile.TemporaryFile("w+") as stdout, tempfile.TemporaryFile("w+") as stderr:
        process = os.fork()
        if process == 0:
            _child(stdout, stderr, [str(source), "-o", str(output), *options], memory)
        code = os.waitstatus_to_exitcode(os.waitpid(process, 0)[1])
        texts = []
        for file in (stdout, stderr):
            file.seek(0)
            texts.append(file.read())
    return Outcome(code, *texts)


def _child(stdout: Any, stderr: Any, arguments: list[str], memory: int) -> None:
    """Converts and ends the process, whatever happens."""
    code = CRASHED
    try:
        os.dup2(stdout.fileno(), 1)
        os.dup2(stderr.fileno(), 2)
        sys.stdout, sys.stderr = (io.TextIOWrapper(io.FileIO(number, "w"), write_through=True) for number in (1, 2))
        signal.alarm(HANGS)
        _limit(resource.RLIMIT_AS, _memory() + memory)
        _limit(resource.RLIMIT_CPU, SECONDS)
        _limit(resource.RLIMIT_CORE, 0)
        _forbid(Path(arguments[0]), Path(arguments[2]))
        code = convert.main(arguments)
    except BaseException as error:
        print(f"{type(error).__name__}: {error}", file=sys.stderr)
    finally:
        os._exit(code)


def _limit(kind: int, value: int) -> None:
    resource.setrlimit(kind, (value, value))


def _memory() -> int:
    """The address space of this process in bytes."""
    return int(Path("/proc/self/statm").read_text().split()[0]) * resource.getpagesize()


def _forbid(source: Path, output: Path) -> None:
    """Ends the process at any event but reading the source and changing files in the folder of the output."""
    folder = os.path.realpath(output.parent)

    def is_part(path: Any) -> bool:
        name = os.path.basename(path)
        return os.path.dirname(path) == folder and name.startswith(f".{output.name[:200]}.") and name.endswith(".part")

    def allowed(event: str, arguments: tuple[Any, ...]) -> bool:
        if event == "open":
            path, _, flags = arguments
            reading = flags & (os.O_WRONLY | os.O_RDWR | os.O_CREAT | os.O_TRUNC | os.O_APPEND) == 0
            return isinstance(path, int) or (reading and path == str(source)) or (not reading and is_part(path))
        if event == "os.rename":
            return is_part(arguments[0]) and arguments[1] == os.path.join(folder, output.name)
        if event == "os.remove":
            return is_part(arguments[0])
        return event in HARMLESS

    def audit(event: str, arguments: tuple[Any, ...]) -> None:
        if not allowed(event, arguments):
            os.write(2, f"forbidden: {event} {arguments!r}\n".encode())
            os._exit(FORBIDDEN)

    sys.addaudithook(audit)

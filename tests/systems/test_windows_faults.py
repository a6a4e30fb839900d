"""Commands of the Windows program, with each of its allocations and calls of Windows failing in turn, under wine.

A run must end by itself. It either fails with the exit code and the message of the failure and leaves its outputs as
they were, or it writes the same bytes as an undisturbed run. If there are several outputs, those finished before the
failure may stay. `windows_faults.c` makes the calls fail. `tests/test_faults.c` does the same on Linux, for
all commands."""

from __future__ import annotations

import re
import shutil
import subprocess
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

import pytest
from cli_support import ROOT, pixels, png, ppm
from windows_support import BUILD, COMPILER, environment, installed, needs_wine  # noqa: F401 (fixtures)

pytestmark = needs_wine
SOURCE = Path(__file__).with_name("windows_faults.c")
NAMES = re.findall(r"^WRAP\([^,]*, (\w+)", SOURCE.read_text(), re.MULTILINE)
LIBRARIES = ["-static", "-fstack-protector-strong", "-lm", "-lshell32", "-ladvapi32", "-lpsapi"]

# What the message must say. limn can do without the other functions: then the bytes must be the same.
CAUSES = {
    "_aligned_malloc": "out of memory",
    "CreateFileW": "Too many open files",
    "_open_osfhandle": "Too many open files",
    "ReadFile": "Input/output error",
    "WriteFile": "No space left on device",
    "_close": "Input/output error",
    "MoveFileExW": "Permission denied",
    "CreateDirectoryW": "Read-only file system",
    "FindFirstFileW": "Input/output error",
    "FindNextFileW": "Input/output error",
    "GetFileInformationByHandle": "Input/output error",
}
# A folder of which these calls tell nothing is taken for a file, and the message says what is wrong with that.
STATUS = ("CreateFileW", "GetFileInformationByHandle")
FOLDER_MISSED = "limn: in: Is a directory"

CODES = {"_aligned_malloc": 6, "WriteFile": 5}
BEFORE = b"existed before"


@dataclass(frozen=True)
class Trial:
    """`existing`: an output that exists before the run. `read_only`: it is marked so. `several`: there are several
    inputs and outputs."""

    line: str
    existing: str = ""
    read_only: bool = False
    several: bool = False


TRIALS = [
    Trial("upscale -t 2 -m GOLDENS/enhancenet.safetensors in/a.png -o out/a.png --force", existing="a.png"),
    Trial("upscale -t 1 -m GOLDENS/enhancenet.safetensors in/a.png -o -"),
    Trial("upscale -t 1 -m GOLDENS/enhancenet.safetensors in -o out/made", several=True),
    Trial("pixels dataset in -o out/data.csv"),
]


@dataclass
class Result:
    """What a run has left behind. `calls`: of each function."""

    code: int
    stdout: bytes
    messages: list[str]
    files: dict[str, bytes]
    calls: dict[str, int]


Run = Callable[[str], Result]


@pytest.fixture(scope="module")
def program(installed: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """limn.exe with windows_faults.c."""
    made = tmp_path_factory.mktemp("faults") / "limn.exe"
    objects = [*(BUILD / "windows/apps/cli").glob("*.o"), BUILD / "windows/liblimn.a"]
    wrapped = ["-Wl,--wrap=main", *[f"-Wl,--wrap=__imp_{name}" for name in NAMES]]
    subprocess.run([COMPILER, "-O1", "-s", "-o", made, SOURCE, *objects, *wrapped, *LIBRARIES], check=True)
    return made


@contextmanager
def started(trial: Trial, program: Path, environment: dict[str, str], folder: Path) -> Iterator[Run]:
    """Starts the program in this folder. Yields a function that lets it run the trial once, with a call failing."""
    (folder / "in").mkdir()
    (folder / "in/a.png").write_bytes(png(pixels(5, 7)))
    (folder / "in/b.ppm").write_bytes(ppm(pixels(5, 7)))
    command = ["wine", program, *trial.line.replace("GOLDENS", str(ROOT / "tests/goldens")).split()]
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "stderr": subprocess.DEVNULL, "text": True}
    with subprocess.Popen(command, env=environment, cwd=folder, **pipes) as process:
        yield lambda fault: run(trial, fault, process, folder)
        process.stdin.close()


def run(trial: Trial, fault: str, process: subprocess.Popen[str], folder: Path) -> Result:
    """Lets the process in this folder run the trial once."""
    made = folder / "out"
    shutil.rmtree(made, ignore_errors=True)
    made.mkdir()
    if trial.existing:
        (made / trial.existing).write_bytes(BEFORE)
        (made / trial.existing).chmod(0o444 if trial.read_only else 0o644)
    process.stdin.write(f"{fault}\n")
    process.stdin.flush()
    answer = process.stdout.readline().split()
    assert answer, f"{fault}: the program ended"
    files = {str(path.relative_to(made)): path.read_bytes() for path in made.rglob("*") if path.is_file()}
    messages = (folder / "stderr").read_text().splitlines()
    calls = dict(zip(answer[1::2], map(int, answer[2::2]), strict=True))
    return Result(int(answer[0]), (folder / "stdout").read_bytes(), messages, files, calls)


def wrong(trial: Trial, fault: str, got: Result, want: Result) -> str:
    """What is wrong with a run in which a call has failed; "" if nothing is."""
    name = fault.split()[0]
    if got.code == 0:
        same = (got.stdout, got.files) == (want.stdout, want.files)
        return "" if same else "succeeds, but the outputs differ"
    if name not in CAUSES:
        return "fails, but limn can do without that call"
    codes = [CODES[name]] if name in CODES else [3, 4, 5]
    if got.code not in codes + [1] * trial.several:
        return f"exit code {got.code}, not one of {codes}"
    causes = [CAUSES[name]] + [FOLDER_MISSED] * (name in STATUS)
    if not any(cause in message for message in got.messages for cause in causes):
        return "the message does not give the cause"
    for path, data in got.files.items():
        unchanged = path == trial.existing and data == BEFORE
        if not unchanged and not (trial.several and data == want.files.get(path)):
            return f"left {path} with {len(data)} bytes"
    return ""


def faults(calls: dict[str, int]) -> list[str]:
    """Each call fails once, and with all that follow."""
    once = [f"{name} {nth}" for name, count in calls.items() for nth in range(1, count + 1)]
    return once + [f"{fault} on" for fault in once]


@pytest.mark.parametrize("trial", TRIALS, ids=lambda trial: trial.line.split()[0])
def test_each_call_fails(trial: Trial, program: Path, environment: dict[str, str], tmp_path: Path) -> None:
    complaints = []
    with started(trial, program, environment, tmp_path) as disturbed:
        want = disturbed("none 0")
        assert want.code == 0, want.messages
        for fault in faults(want.calls):
            got = disturbed(fault)
            if said := wrong(trial, fault, got, want):
                complaints.append(f"{fault}: {said}; exit code {got.code}, {got.messages}")
    assert not complaints, "\n".join(complaints)


def test_read_only_file(program: Path, environment: dict[str, str], tmp_path: Path) -> None:
    """Windows refuses to replace it, even with --force. wine does replace it: here the call is made to fail."""
    trial = replace(TRIALS[0], read_only=True)
    with started(trial, program, environment, tmp_path) as disturbed:
        got = disturbed("MoveFileExW 1")
    assert (got.code, got.files) == (5, {trial.existing: BEFORE})
    assert got.messages == ["limn: out/a.png: rename failed: it is marked read-only"]

"""Signals at any moment: no partial file is left, existing files are kept, and the exit status names the signal."""

from __future__ import annotations

import os
import random
import signal
import subprocess
import time
from pathlib import Path

import numpy as np
import pytest
from cli_support import LIMN, ROOT, WEIGHTS, limn, pixels, ppm

DCGAN = ROOT / "tests/goldens/dcgan-3-stages.safetensors"
NUMBERS = [signal.SIGINT, signal.SIGTERM, signal.SIGHUP]
COMMANDS = {
    "a picture in bands": ["upscale", "-m", WEIGHTS, "in/a.ppm", "-o", "out/a.ppm", "--tile", "8", "--force"],
    "a folder": ["upscale", "-m", WEIGHTS, "in", "-o", "out", "--force"],
    "many pictures": ["generate", "-m", DCGAN, "-n", "150", "-o", "out/", "--force"],
    "a sheet": ["generate", "-m", DCGAN, "-n", "600", "-o", "out/sheet.png", "--force"],
    "values of a run": ["run", "-m", WEIGHTS, "in/x.npy", "-o", "out/y.npy", "--dump-images", "out/maps", "--force"],
    "a table": ["pixels", "dataset", "in", "-o", "out/t.csv", "--force"],
}


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "in").mkdir()
    for i, name in enumerate("abcd"):
        (tmp_path / f"in/{name}.ppm").write_bytes(ppm(pixels(90, 80, seed=i)))
    np.save(tmp_path / "in/x.npy", np.random.default_rng(1).random((1, 3, 60, 60), np.float32))
    return tmp_path


def contents(folder: Path) -> dict[str, bytes]:
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def fresh_output(folder: Path, finished: dict[str, bytes]) -> None:
    """Half of the files exist already, with other content."""
    for path in sorted(folder.glob("out/**/*"), reverse=True):
        path.rmdir() if path.is_dir() else path.unlink()
    (folder / "out").mkdir(exist_ok=True)
    for name in sorted(finished)[::2]:
        (folder / "out" / name).parent.mkdir(exist_ok=True)
        (folder / "out" / name).write_bytes(b"precious")


@pytest.mark.parametrize("name", COMMANDS)
def test_at_any_moment(name: str, folder: Path) -> None:
    """Each file is the old one, or none, or the finished one."""
    rounds, command = 9, COMMANDS[name]
    (folder / "out").mkdir()
    start = time.monotonic()
    assert limn(*command, cwd=folder).returncode == 0
    usual, finished = time.monotonic() - start, contents(folder / "out")
    moments = random.Random(name)
    interrupted = 0
    for turn in range(rounds):
        fresh_output(folder, finished)
        before, number = contents(folder / "out"), NUMBERS[turn % len(NUMBERS)]
        with subprocess.Popen([LIMN, *command], cwd=folder, stderr=subprocess.PIPE) as process:
            time.sleep(usual * moments.random())
            process.send_signal(number)
            code = process.wait(60)
            said = process.stderr.read() if process.stderr else b""
        assert code in (0, -number) and said == b"", (turn, number, code, said)
        interrupted += code != 0
        after = contents(folder / "out")
        assert before.keys() <= after.keys() <= finished.keys(), (turn, after.keys() - finished.keys())
        wrong = [file for file, data in after.items() if data not in (before.get(file), finished[file])]
        assert not wrong, (turn, wrong)
        assert code or after == finished
    assert interrupted, "the signals all came too late"


def begun(folder: Path, *options: str, **popen) -> subprocess.Popen[bytes]:
    """A long run that has begun to write."""
    (folder / "out").mkdir()
    (folder / "long.ppm").write_bytes(ppm(pixels(240, 200, seed=9)))
    long = ["upscale", "-m", WEIGHTS, "long.ppm", "-o", "out/a.ppm", "--kernels", "reference", "-t", "2", "--tile", "8"]
    process = subprocess.Popen([LIMN, *long, *options], cwd=folder, stderr=subprocess.PIPE, **popen)
    until = time.monotonic() + 60
    while not list(folder.glob("out/.limn-*")):
        assert process.poll() is None and time.monotonic() < until, "no temporary file was seen"
        time.sleep(0.005)
    return process


@pytest.mark.parametrize("second", [*NUMBERS, signal.SIGQUIT])
def test_two_signals_at_once(second: signal.Signals, folder: Path) -> None:
    with begun(folder) as process:
        process.send_signal(signal.SIGINT)
        process.send_signal(second)
        assert process.wait(10) in (-signal.SIGINT, -second)
    assert not list((folder / "out").iterdir())


def test_a_thread_may_be_the_one(folder: Path) -> None:
    """A signal sent to each thread in turn, as the kernel may choose."""
    with begun(folder) as process:
        for thread in sorted(map(int, os.listdir(f"/proc/{process.pid}/task")), reverse=True):
            try:
                os.kill(thread, signal.SIGTERM)
            except ProcessLookupError:
                break
        assert process.wait(10) == -signal.SIGTERM
    assert not list((folder / "out").iterdir())


def test_what_the_parent_ignores_stays_ignored(folder: Path) -> None:
    def ignore() -> None:  # as nohup and a shell's background jobs do
        for number in NUMBERS:
            signal.signal(number, signal.SIG_IGN)

    with begun(folder, preexec_fn=ignore) as process:
        for number in NUMBERS:
            process.send_signal(number)
        assert process.wait(60) == 0
    assert [path.name for path in (folder / "out").iterdir()] == ["a.ppm"]


@pytest.mark.parametrize(
    "command",
    [
        ["inspect", WEIGHTS],
        ["explain", WEIGHTS],
        ["pixels", "to-text", "in/a.ppm"],
        ["upscale", "-m", WEIGHTS, "in/a.ppm", "-o", "-"],
        ["run", "-m", WEIGHTS, "in/x.npy", "-o", "-", "--dump-images", "out"],
    ],
    ids=lambda command: command[0],
)
@pytest.mark.parametrize("taken", [0, 10])
def test_a_reader_that_has_enough(command: list[str], taken: int, folder: Path) -> None:
    """As in `limn inspect FILE | head -1`: no message, and no temporary file is left."""
    with subprocess.Popen([LIMN, *command], cwd=folder, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as process:
        assert process.stdout is not None and process.stderr is not None
        assert len(process.stdout.read(taken)) == taken
        process.stdout.close()
        assert process.wait(60) in (0, -signal.SIGPIPE)  # 0: all of it was in the pipe already
        assert process.stderr.read() == b""
    assert not list(folder.rglob(".limn-*"))

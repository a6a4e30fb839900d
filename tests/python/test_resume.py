"""--skip-existing: a folder that was interrupted by signals and a full disk is finished by the same command."""

from __future__ import annotations

import errno
import os
import signal
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import pytest
from cli_support import LIMN, WEIGHTS, fails, pixels, png, ppm, read_png, succeeds, warns

UPSCALE = ("upscale", "-m", WEIGHTS)
GOOD = png(pixels(6, 6))
BAD = {  # ten pictures, and what is said about each
    "empty": (b"", "the file is empty"),
    "text": (b"no picture at all", "is text, not a picture"),
    "cut": (GOOD[: len(GOOD) // 2], "PNG data ends early"),
    "changed": (GOOD[:60] + bytes([GOOD[60] ^ 1]) + GOOD[61:], "damaged"),
    "gif": (b"GIF89a" + bytes(40), "GIF"),
    "webp": (b"RIFF\x24\0\0\0WEBPVP8 " + bytes(40), "WebP"),
    "huge": (b"P6 100000 1 255\n", "100000"),
    "no_size": (b"P6 0 1 255\n", "0 x 1"),
    "pnm_cut": (ppm(pixels(6, 6))[:-1], "PNM data ends early"),
    "two": (ppm(pixels(6, 6)) * 2, "holds more than one picture"),
}


class Disk(NamedTuple):
    """A small file system in a mount namespace of its own, which a waiting process keeps."""

    keeper: int
    inside: Path  # its folder as the programs in the namespace name it
    outside: Path  # and as this one does

    def run(self, *arguments: str | Path, **options) -> subprocess.Popen[bytes]:
        enter = ["nsenter", "-t", str(self.keeper), "-U", "-m", "--preserve-credentials", LIMN]
        return subprocess.Popen([*enter, *arguments], stderr=subprocess.PIPE, **options)

    def free(self) -> int:
        status = os.statvfs(self.outside)
        return status.f_bavail * status.f_frsize


@pytest.fixture
def disk(tmp_path: Path) -> Iterator[Disk]:
    folder = tmp_path / "disk"
    folder.mkdir()
    mount = f"mount -t tmpfs -o size=8M none '{folder}' && echo mounted && exec cat"
    try:
        keeper = subprocess.Popen(["unshare", "-Urm", "sh", "-c", mount], stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    except FileNotFoundError:
        pytest.skip("needs unshare")
    with keeper:
        assert keeper.stdin is not None and keeper.stdout is not None
        if keeper.stdout.readline() != b"mounted\n":
            pytest.skip("no file system can be mounted here")
        made = Disk(keeper.pid, folder, Path(f"/proc/{keeper.pid}/root{folder}"))
        probe = made.run("--version", stdout=subprocess.DEVNULL)
        if probe.communicate() and probe.returncode:
            pytest.skip("the namespace cannot be entered")
        yield made
        keeper.stdin.close()


def finished(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in folder.glob("[!.]*")}


def interrupt(disk: Disk, command: list[str | Path], number: signal.Signals, outputs: int) -> None:
    """Signals the run once there are so many outputs."""
    with disk.run(*command) as process:
        until = time.monotonic() + 120
        while len(list(disk.outside.glob("out/[!.]*"))) < outputs:
            assert process.poll() is None and time.monotonic() < until, "the run ended before the signal"
        process.send_signal(number)
        assert process.wait(60) == -number


def fill(disk: Disk, left: int) -> Path:
    """Fills the disk but for about `left` bytes."""
    ballast = disk.outside / "ballast"
    with open(ballast, "wb", buffering=0) as file:
        while disk.free() > left:
            file.write(bytes(4096))
    return ballast


def test_a_folder_is_finished_by_the_same_command(disk: Disk, tmp_path: Path) -> None:
    source, goods = tmp_path / "in", {f"good{i:03}.png" for i in range(190)}
    source.mkdir()
    for i, name in enumerate(sorted(goods)):
        (source / name).write_bytes(png(pixels(12, 12, seed=i)))
    slow = ["--kernels", "reference", "-t", "1"]
    succeeds(*UPSCALE, source, "-o", tmp_path / "want", *slow)
    want = finished(tmp_path / "want")
    assert want.keys() == goods
    for i, (name, (data, _)) in enumerate(BAD.items()):
        (source / f"good{19 * i:03}-{name}.png").write_bytes(data)  # among the others

    command = [*UPSCALE, source, "-o", disk.inside / "out", "--skip-existing", *slow]

    def check() -> int:
        """Whatever has an output's name is complete. Returns how many there are."""
        made = finished(disk.outside / "out")
        assert made.items() <= want.items(), made.keys() - want.keys()
        return len(made)

    interrupt(disk, command, signal.SIGINT, 30)
    assert 30 <= check() < 190 and not list(disk.outside.glob("out/.*"))
    interrupt(disk, command, signal.SIGKILL, 80)
    assert 80 <= check() < 190
    done = check()
    ballast = fill(disk, left=100_000)
    with disk.run(*command) as process:
        said = process.communicate()[1].decode()
    assert process.returncode == 1 and said.count(os.strerror(errno.ENOSPC)) > 20, said
    assert done < check() < 190 and not list(disk.outside.glob("out/.*"))
    done = check()
    ballast.unlink()

    with disk.run(*command) as process:
        lines = process.communicate()[1].decode().splitlines()
    assert process.returncode == 1 and check() == 190 and not list(disk.outside.glob("out/.*"))
    assert lines[-2:] == [
        f"limn: skipped {done} of 200 pictures: their output files already exist", "limn: 10 of 200 pictures failed"
    ]  # fmt: skip
    named = {Path(line.removeprefix("limn: ").split(": ")[0]).stem.split("-")[1]: line for line in lines[:-2]}
    assert len(lines) == 12 and named.keys() == BAD.keys()
    assert not [line for name, line in named.items() if BAD[name][1] not in line]
    with disk.run(*command) as process:
        lines = process.communicate()[1].decode().splitlines()
    assert process.returncode == 1 and lines[-2].startswith("limn: skipped 190 of 200 pictures")


# What counts as done


def test_a_folder_that_is_done(tmp_path: Path) -> None:
    source, output = tmp_path / "in", tmp_path / "out"
    (source / "x").mkdir(parents=True)
    for name in ("a.png", "b.png", "x/a.png"):
        (source / name).write_bytes(GOOD)
    command = [*UPSCALE, "-r", source, "-o", output, "--skip-existing"]
    succeeds(*command)
    before = {path: path.stat() for path in output.rglob("*.png")}
    assert len(before) == 3
    assert warns(*command) == "limn: skipped 3 of 3 pictures: their output files already exist\n"
    succeeds(*command, "--quiet")
    assert {path: path.stat() for path in output.rglob("*.png")} == before
    (output / "x/a.png").unlink()
    assert "skipped 2 of 3" in warns(*command)
    assert read_png((output / "x/a.png").read_bytes()).shape == (24, 24, 3)


def test_a_single_output(tmp_path: Path) -> None:
    (tmp_path / "a.png").write_bytes(GOOD)
    (tmp_path / "b.png").write_text("precious")
    line = warns(*UPSCALE, "a.png", "-o", "b.png", "--skip-existing", cwd=tmp_path)
    assert line == "limn: skipped 1 of 1 pictures: their output files already exist\n"
    assert (tmp_path / "b.png").read_text() == "precious"
    (tmp_path / "c.png").symlink_to("b.png")
    assert "skipped" in warns(*UPSCALE, "a.png", "-o", "c.png", "--skip-existing", cwd=tmp_path)


def test_what_is_no_output_is_not_skipped(tmp_path: Path) -> None:
    (tmp_path / "a.png").write_bytes(GOOD)
    (tmp_path / "out/a.png").mkdir(parents=True)
    assert "a.png: is a folder" in fails(5, *UPSCALE, "a.png", "-o", "out", "--skip-existing", cwd=tmp_path)
    line = fails(2, *UPSCALE, "a.png", "-o", "./", "--skip-existing", cwd=tmp_path)
    assert "a.png: input and output are the same file" in line


# Temporary files


def test_what_a_killed_run_has_left_is_removed(tmp_path: Path) -> None:
    source, output = tmp_path / "in", tmp_path / "out"
    source.mkdir()
    (source / "long.ppm").write_bytes(ppm(pixels(300, 300)))
    command = [*UPSCALE, source, "-o", output, "--skip-existing"]
    slow = [LIMN, *command, "--kernels", "reference", "--tile", "8", "-t", "1"]

    def begun() -> subprocess.Popen[bytes]:
        before, process = set(output.glob(".*")), subprocess.Popen(slow)
        until = time.monotonic() + 60
        while not set(output.glob(".*")) - before:
            assert process.poll() is None and time.monotonic() < until, "no temporary file was seen"
        return process

    with begun() as first:
        first.kill()
    (abandoned,) = output.iterdir()
    with begun() as running:  # which removes what the first has left
        (used,) = output.iterdir()
        assert used != abandoned
        (output / ".limn-1-2.part.txt").write_text("another's")
        (output / ".limn-7-8.part").write_text("left by a process of another machine or container")
        running.send_signal(signal.SIGSTOP)
        succeeds(*command)
        running.send_signal(signal.SIGCONT)
        assert "already exists" in fails(5, *UPSCALE, source / "long.ppm", "-o", output)
        running.wait(120)
    assert sorted(path.name for path in output.iterdir()) == [".limn-1-2.part.txt", "long.ppm"]

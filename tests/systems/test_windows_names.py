"""Hostile names and files for the Windows program, under wine: refused clearly, nothing lost, no unfinished file left."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from cli_support import pixels, png, read_png
from windows_support import COMPILER, Run, drive, environment, installed, needs_wine, windows  # noqa: F401 (fixtures)

pytestmark = needs_wine
LONG = "x" * 240
NO_NAME = "Windows allows no such name"


@pytest.fixture(scope="module")
def helper(tmp_path_factory: pytest.TempPathFactory) -> Path:
    program = tmp_path_factory.mktemp("helper") / "windows_helper.exe"
    source = Path(__file__).with_name("windows_helper.c")
    subprocess.run([COMPILER, "-municode", "-O1", "-o", program, source], check=True)
    return program


@pytest.fixture
def folder(tmp_path: Path) -> Iterator[Path]:
    """A folder with a picture in.png. No unfinished file may be left in it."""
    (tmp_path / "in.png").write_bytes(png(pixels(5, 7)))
    yield tmp_path
    assert not list(tmp_path.rglob("*.part"))


# Names of outputs


@pytest.mark.parametrize(
    "code, name, message",
    [
        (5, "con.png", NO_NAME),
        (5, "nul.png", NO_NAME),
        (5, "aux.jpg", NO_NAME),
        (5, "COM1.png", NO_NAME),
        (5, "in.png:stream.png", NO_NAME),
        (5, "a?b.png", NO_NAME),
        (5, "a*b.png", NO_NAME),
        (5, 'a"b.png', NO_NAME),
        (5, "a<b>|.png", NO_NAME),
        (2, "NUL", "unknown extension"),
        (2, "trailing.png.", "unknown extension"),
        (2, "trailing.png ", "unknown extension"),
        (5, r"\\localhost\c$\missing\out.png", "cannot be written: No such file or directory"),
        (5, "Q:out.png", "No such file or directory"),
        (5, "IN.PNG", "already exists"),
        (5, "Z:" + f"\\{LONG}" * 15 + "\\out.png", "No such file or directory"),
    (5, "Z:" + f"\\{LONG}" * 20 + "\\out.png", "File name too long"),
    (5, "Z:" + f"\\{LONG}" * 120 + "\\out.png", LONG),  # the longest command line has 32767 characters
    ],
)
def test_output_name_refused(code: int, name: str, message: str, windows: Run, folder: Path) -> None:
    done = windows("upscale", "in.png", "-o", name, cwd=folder)
    assert (done.returncode, done.stderr.count(b"\n")) == (code, 1), done.stderr
    assert message in done.stderr.decode()
    assert [path.name for path in folder.iterdir()] == ["in.png"]


@pytest.mark.parametrize("prefix", ["\\\\?\\", "\\\\.\\", ""])
def test_output_name_accepted(prefix: str, windows: Run, folder: Path) -> None:
    assert windows("upscale", "in.png", "-o", prefix + drive(folder / "out.png"), cwd=folder).returncode == 0
    assert read_png((folder / "out.png").read_bytes()).shape[:2] == (20, 28)


def test_paths_relative_to_drive_and_root(windows: Run, folder: Path, environment: dict[str, str]) -> None:
    disk = Path(environment["WINEPREFIX"]) / "drive_c"
    assert windows("upscale", "in.png", "-o", "c:relative.png", cwd=folder).returncode == 0
    assert (disk / "relative.png").exists()
    shutil.copy(folder / "in.png", disk / "root.png")
    assert windows("upscale", "\\root.png", "-o", "\\rooted.png", cwd=disk / "windows").returncode == 0
    assert (disk / "rooted.png").exists()


def test_outputs_that_differ_in_case_only(windows: Run, folder: Path) -> None:
    for name in ("a/Photo.png", "b/photo.png"):
        (folder / name).parent.mkdir()
        shutil.copy(folder / "in.png", folder / name)
    done = windows("upscale", "a\\Photo.png", "b\\photo.png", "-o", "made\\", "--force", cwd=folder)
    assert done.returncode == 2
    assert b"would both be written to" in done.stderr
    assert not (folder / "made").exists()


# Names of inputs


@pytest.mark.parametrize("name", ["con.png", "nul.png", "lpt1.png", "in.png:Zone.Identifier", "*.gif", "a|b.png"])
def test_input_name_refused(name: str, windows: Run, folder: Path) -> None:
    done = windows("upscale", name, "-o", "out.png", cwd=folder)
    assert done.returncode == 4, done.stderr
    assert f"limn: {name}: {NO_NAME}" in done.stderr.decode()
    assert not (folder / "out.png").exists()


def test_half_a_surrogate_pair(windows: Run, helper: Path, installed: Path, folder: Path) -> None:
    line = f'"{drive(installed / "limn.exe")}" upscale lone\1.png -o out.png'
    done = windows("start", program=helper, stdin=line.encode(), cwd=folder)
    assert done.returncode == 4
    assert "limn: lone\ufffd.png: No such file or directory" in done.stderr.decode()


# Files


@pytest.mark.parametrize("share", [0, 1, 7])
def test_file_open_elsewhere(share: int, windows: Run, helper: Path, environment: dict[str, str], folder: Path) -> None:
    """Share modes: none, reading, everything. Since Windows 10, replacing works with the last; not under wine."""
    held = folder / "held.png"
    shutil.copy(folder / "in.png", held)
    command = ["wine", str(helper), "hold", drive(held), str(share)]
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "stderr": subprocess.DEVNULL}
    with subprocess.Popen(command, env=environment, **pipes) as holder:
        assert holder.stdout.readline().strip() == b"open"
        replaced = windows("upscale", "in.png", "-o", "held.png", "--force", cwd=folder)
        read = windows("upscale", "held.png", "-o", "out.png", cwd=folder)
        holder.stdin.close()
    assert replaced.returncode == 5
    assert b"limn: held.png: rename failed: it is open in another program" in replaced.stderr
    assert held.read_bytes() == (folder / "in.png").read_bytes()
    assert read.returncode == (0 if share else 4)
    assert share or b"limn: held.png: it is open in another program" in read.stderr


def test_links(windows: Run, folder: Path) -> None:
    (folder / "to-file.png").symlink_to("target.png")
    (folder / "place").mkdir()
    (folder / "to-folder").symlink_to("place")
    shutil.copy(folder / "in.png", folder / "target.png")
    assert windows("upscale", "in.png", "-o", "to-file.png", "--force", cwd=folder).returncode == 0
    assert (folder / "to-file.png").is_symlink()
    assert read_png((folder / "target.png").read_bytes()).shape[:2] == (20, 28)
    assert windows("upscale", "to-file.png", "-o", "to-folder\\out.png", cwd=folder).returncode == 0
    assert (folder / "place/out.png").exists()


def test_folder_as_output_takes_the_name(windows: Run, folder: Path) -> None:
    (folder / "place").mkdir()
    assert windows("upscale", "in.png", "-o", "place", cwd=folder).returncode == 0
    assert [path.name for path in (folder / "place").iterdir()] == ["in.png"]


@contextmanager
def mounted(disk: Path, options: str) -> Iterator[Path]:
    """An empty disk in memory, in the new folder `disk`."""
    disk.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", options, "tmpfs", disk]
    if subprocess.run(mount, capture_output=True, check=False).returncode:
        pytest.skip("may not mount")
    try:
        yield disk
    finally:
        subprocess.run(["umount", disk], check=True)


def test_full_disk(windows: Run, folder: Path) -> None:
    (folder / "large.png").write_bytes(png(pixels(120, 120)))
    with mounted(folder / "disk", "size=64k") as disk:
        done = windows("upscale", "large.png", "-o", "disk\\out.png", cwd=folder)
        assert done.returncode == 5
        assert b"write failed: No space left on device" in done.stderr
        assert not list(disk.iterdir())


@pytest.mark.parametrize("output", ["disk\\out.png", "disk\\made\\"])
def test_read_only_folder(output: str, windows: Run, folder: Path) -> None:
    """wine ignores the permissions of root's folders, but not those of a disk."""
    with mounted(folder / "disk", "ro") as disk:
        done = windows("upscale", "in.png", "-o", output, cwd=folder)
        assert done.returncode == 5
        assert done.stderr.decode().startswith("limn: " + output.rstrip("\\") + ": ")
        assert b"Permission denied" in done.stderr
        assert done.stderr.count(b"\n") == 1
        assert not list(disk.iterdir())


def test_pipes_of_cmd_are_binary(windows: Run, helper: Path, installed: Path, folder: Path) -> None:
    program = f'"{drive(installed / "limn.exe")}" upscale - -o -'
    line = f'cmd /s /c "{program} < in.png | {program} > out.png"'
    assert windows("start", program=helper, stdin=line.encode(), cwd=folder).returncode == 0
    assert read_png((folder / "out.png").read_bytes()).shape[:2] == (80, 112)

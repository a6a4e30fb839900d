"""The Windows program (`make windows`) under wine: the same bytes as Linux without OpenBLAS, names, streams, messages."""

from __future__ import annotations

import json
import os
import pty
import re
import shutil
import subprocess
import time
from pathlib import Path

import pytest
from cli_support import ROOT, pixels, png, read_png
from windows_support import (  # noqa: F401  (fixtures)
    BUILD,
    OBJDUMP,
    Run,
    drive,
    environment,
    installed,
    linux,
    needs_wine,
    picture,
    windows,
)

SYSTEM_LIBRARIES = {"ADVAPI32.dll", "KERNEL32.dll", "msvcrt.dll", "SHELL32.dll"}

pytestmark = needs_wine


# What it is made of


def test_only_system_libraries_are_imported(installed: Path) -> None:
    listed = subprocess.run([OBJDUMP, "-p", installed / "limn.exe"], capture_output=True, text=True, check=True).stdout
    assert set(re.findall(r"DLL Name: (\S+)", listed)) <= SYSTEM_LIBRARIES


def test_no_avx_move_needs_an_aligned_stack(installed: Path) -> None:
    """GCC spills vectors of 32 and 64 bytes to a stack that is aligned to 16 (GCC bug 54412)."""
    code = subprocess.run([OBJDUMP, "-d", installed / "limn.exe"], capture_output=True, text=True, check=True).stdout
    assert not re.search(r"\tv(movap[sd]|movdqa\d*|movntdqa|movntdq|movntp[sd])\s.*[yz]mm", code)
    assert re.search(r"\tvmovup[sd]\s.*zmm", code)


def test_hardening(installed: Path) -> None:
    """Random addresses, no execution of data, and a check of the stack."""
    header = subprocess.run([OBJDUMP, "-p", installed / "limn.exe"], capture_output=True, text=True, check=True).stdout
    assert {"HIGH_ENTROPY_VA", "DYNAMIC_BASE", "NX_COMPAT"} <= set(header.split())
    assert b"*** stack smashing detected ***" in (installed / "limn.exe").read_bytes()


# The same bytes


@pytest.mark.parametrize("isa", ["baseline", "avx2", "avx512"])
@pytest.mark.parametrize(
    "command",
    [
        "upscale",
        *[f"colorize -m {name}-scenes" for name in ("eccv16", "siggraph17", "vae")],
        *[f"segment -m {name}" for name in ("unet-cells", "deeplabv3-scenes")],
        "generate -m dcgan-landscapes --seed 3",
    ],
)
def test_bytes_equal_those_of_linux(command: str, isa: str, linux: Path, windows: Run, picture: Path) -> None:
    inputs = [] if command.startswith("generate") else [str(picture)]
    here, there = picture.with_name("here.png"), picture.with_name("there.png")
    words = [*command.split(), *inputs, "--isa", isa, "-o"]
    env = os.environ | {"LIMN_WEIGHTS": str(ROOT / "weights")}
    done = subprocess.run([linux, *words, here], env=env, capture_output=True, text=True, check=False, timeout=120)
    if "this CPU" in done.stderr:
        pytest.skip(done.stderr)
    assert done.returncode == 0, done.stderr
    assert windows(*words, there).returncode == 0
    assert there.read_bytes() == here.read_bytes()


# Names and streams


@pytest.mark.parametrize("target, suffix", [("upscale", "upscaled"), ("colorize", "colorized")])
def test_drop_target(target: str, suffix: str, windows: Run, picture: Path) -> None:
    assert windows(drive(picture), program=f"{target}.cmd").returncode == 0
    assert read_png(picture.with_name(f"日本-{suffix}.png").read_bytes()).ndim == 3
    again = windows(drive(picture), program=f"{target}.cmd", stdin=b"\n")  # a key for `pause`
    assert again.returncode == 1
    assert b"Press any key" in again.stdout
    assert f"日本-{suffix}.png: already exists (use --force to replace it)".encode() in again.stderr


def test_drop_target_takes_any_names(windows: Run, picture: Path) -> None:
    """Several at once, and a folder. wine quotes names with spaces, as Explorer does; its cmd expands % in them."""
    folder = picture.parent / "a & b"
    folder.mkdir()
    names = ["x & y.png", "(1)^!ü 日本.png", "a =;,.png"]
    for name in names:
        shutil.copy(picture, folder / name)
    dropped = [drive(folder / name) for name in names]
    assert windows(*dropped, program="upscale.cmd").returncode == 0
    made = {name.replace(".png", "-upscaled.png") for name in names}
    assert made == {path.name for path in folder.iterdir()} - set(names)
    refused = windows(drive(folder), program="upscale.cmd", stdin=b"\n")
    assert refused.returncode == 1
    assert b"Press any key" in refused.stdout


def test_wildcards(windows: Run, picture: Path) -> None:
    """cmd leaves them to the program. Quotes keep them; wine quotes arguments with spaces."""
    for name in ("b.PNG", "a.png", ".hidden.png", "c.png_original", "a b.png"):
        shutil.copy(picture, picture.with_name(name))
    listed = windows("upscale", "*.png", "-o", "made\\", "--json", cwd=picture.parent)
    inputs = [entry["input"] for entry in json.loads(listed.stdout)["pictures"]]
    assert inputs == ["a b.png", "a.png", "b.PNG", "日本.png"]
    assert windows("upscale", drive(picture.parent) + "\\?.png", "-o", "one\\", cwd=picture.parent).returncode == 0
    assert sorted(path.name for path in (picture.parent / "one").iterdir()) == ["a.png", "b.PNG"]
    quoted = windows("upscale", "a *b.png", "-o", "out.png", cwd=picture.parent)
    assert b"limn: a *b.png: Windows allows no such name" in quoted.stderr


def test_backslashes_separate_names(windows: Run, picture: Path) -> None:
    assert windows("upscale", drive(picture), "-o", drive(picture.parent) + "\\made\\").returncode == 0
    assert [path.name for path in (picture.parent / "made").iterdir()] == ["日本.png"]


def test_paths_beyond_260_characters(windows: Run, picture: Path) -> None:
    folder = picture.parent / ("x" * 200) / ("y" * 200)
    folder.mkdir(parents=True)
    assert windows("upscale", picture, "-o", folder / "ü.png").returncode == 0
    assert windows("upscale", folder, "-o", folder / "all").returncode == 0
    assert [path.name for path in (folder / "all").iterdir()] == ["ü.png"]


def test_streams_are_binary(windows: Run, picture: Path) -> None:
    to_file = picture.with_name("file.png")
    assert windows("upscale", picture, "-o", to_file).returncode == 0
    assert windows("upscale", "-", "-o", "-", stdin=picture.read_bytes()).stdout == to_file.read_bytes()


def test_force_replaces(windows: Run, picture: Path) -> None:
    made = picture.with_name("made.png")
    made.write_bytes(b"before")
    assert windows("upscale", picture, "-o", made).returncode == 5
    assert made.read_bytes() == b"before"
    assert windows("upscale", picture, "-o", made, "--force").returncode == 0
    assert read_png(made.read_bytes()).ndim == 3


@pytest.mark.parametrize(
    "code, words, message",
    [
        (4, ["upscale", "missing.png"], "missing.png: No such file or directory"),
        (2, ["upscale", "IN", "-o", "made.xyz"], "made.xyz: "),
        (5, ["upscale", "IN", "-o", "a?b.png"], "a?b.png: Windows allows no such name"),
        (5, ["upscale", "IN", "-o", "missing\\b.png"], "cannot be written: No such file or directory"),
        (4, ["upscale", "NUL"], "NUL: the file is empty"),
        (3, ["colorize", "IN", "-m", "nothing"], "no weights called nothing"),
        (3, ["colorize", "IN", "-m", "nothing"], "-windows-x86_64); "),
    ],
)
def test_refused(code: int, words: list[str], message: str, windows: Run, picture: Path) -> None:
    done = windows(*(picture if word == "IN" else word for word in words))
    assert done.returncode == code, done.stderr
    assert message in done.stderr.decode()


def test_ctrl_c_leaves_no_file(installed: Path, environment: dict[str, str], tmp_path: Path) -> None:
    """Types Ctrl-C into a terminal, from which wine makes a console."""
    large, made = tmp_path / "large.png", tmp_path / "made"
    large.write_bytes(png(pixels(900, 900)))
    made.mkdir()
    command = ["wine", str(installed / "limn.exe"), *f"upscale {large} -o {made}/l.png --threads 1".split()]
    process, terminal = pty.fork()
    if process == 0:
        os.execvpe(command[0], command, environment)
    begun = time.monotonic()
    while not list(made.iterdir()) and time.monotonic() < begun + 60:
        time.sleep(0.02)
    before = [path.suffix for path in made.iterdir()]
    os.write(terminal, b"\x03")
    printed = b"".join(iter(lambda: read_terminal(terminal), b""))
    _, status = os.waitpid(process, 0)
    os.close(terminal)
    assert os.waitstatus_to_exitcode(status) == 0x3A  # the last byte of STATUS_CONTROL_C_EXIT
    assert before == [".part"]
    assert not list(made.iterdir()), printed


def read_terminal(terminal: int) -> bytes:
    """The next bytes; none at the end, which Linux reports as an error."""
    try:
        return os.read(terminal, 4096)
    except OSError:
        return b""

"""The Windows program (`make windows`) under wine: the same bytes as Linux without OpenBLAS, names, streams, messages."""

from __future__ import annotations

import os
import pty
import re
import shutil
import subprocess
import time
import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest
from cli_support import LIMN, ROOT, copied_build, make, pixels, png, read_png

BUILD = Path(LIMN).resolve().parent
COMPILER = "x86_64-w64-mingw32-gcc"
OBJDUMP = "x86_64-w64-mingw32-objdump"
NEEDED = [COMPILER, OBJDUMP, "wine", "wineserver"]
SYSTEM_LIBRARIES = {"ADVAPI32.dll", "KERNEL32.dll", "msvcrt.dll", "SHELL32.dll"}
Run = Callable[..., subprocess.CompletedProcess[bytes]]

pytestmark = [
    pytest.mark.skipif(not (BUILD / "liblimn.a").exists(), reason="LIMN is in no build folder"),
    pytest.mark.skipif(not all(map(shutil.which, NEEDED)), reason="needs mingw-w64 and wine"),
]


@pytest.fixture(scope="module")
def linux(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The same sources for Linux without OpenBLAS."""
    copy = tmp_path_factory.mktemp("build")
    make(copied_build(BUILD, copy), "BLAS=none")
    return copy / "limn"


@pytest.fixture(scope="module")
def installed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The unpacked archive, in a folder with a space and an umlaut in its name."""
    make(f"BUILD={os.path.relpath(BUILD, ROOT)}", "windows")
    (archive,) = BUILD.glob("limn-*-windows-x86_64.zip")
    folder = tmp_path_factory.mktemp("windows") / "ein Ordner für"
    with zipfile.ZipFile(archive) as packed:
        packed.extractall(folder)
    return folder / archive.stem


@pytest.fixture(scope="module")
def environment(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """wine with a home of its own. The language gives the arguments their encoding."""
    prefix = tmp_path_factory.mktemp("wine") / "prefix"
    env = {name: text for name, text in os.environ.items() if name not in ("LIMN_WEIGHTS", "DISPLAY")}
    env |= {"WINEPREFIX": str(prefix), "WINEDEBUG": "-all", "LC_ALL": "C.UTF-8"}
    subprocess.run(["wine", "wineboot", "-i"], env=env, capture_output=True, check=False, timeout=180)
    yield env
    subprocess.run(["wineserver", "-k"], env=env, capture_output=True, check=False, timeout=60)


@pytest.fixture(scope="module")
def windows(installed: Path, environment: dict[str, str]) -> Run:
    def run(*arguments: str | Path, program: str = "limn.exe", stdin: bytes = b"") -> subprocess.CompletedProcess[bytes]:
        command = ["wine", str(installed / program), *map(str, arguments)]
        done = subprocess.run(command, env=environment, input=stdin, capture_output=True, check=False, timeout=120)
        done.stderr = b"".join(re.findall(rb"(?m)^limn:.*\n", done.stderr))  # without the lines of Debian's wine
        return done

    return run


@pytest.fixture
def picture(tmp_path: Path) -> Path:
    path = tmp_path / "日本.png"
    path.write_bytes(png(pixels(37, 53)))
    return path


def drive(path: Path) -> str:
    """The path as Windows' programs write it."""
    return "Z:" + str(path).replace("/", "\\")


# What it is made of


def test_only_system_libraries_are_imported(installed: Path) -> None:
    listed = subprocess.run([OBJDUMP, "-p", installed / "limn.exe"], capture_output=True, text=True, check=True).stdout
    assert set(re.findall(r"DLL Name: (\S+)", listed)) <= SYSTEM_LIBRARIES


def test_no_avx_move_needs_an_aligned_stack(installed: Path) -> None:
    """GCC spills vectors of 32 and 64 bytes to a stack that is aligned to 16 (GCC bug 54412)."""
    code = subprocess.run([OBJDUMP, "-d", installed / "limn.exe"], capture_output=True, text=True, check=True).stdout
    assert not re.search(r"\tv(movap[sd]|movdqa\d*|movntdqa|movntdq|movntp[sd])\s.*[yz]mm", code)
    assert re.search(r"\tvmovup[sd]\s.*zmm", code)


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
        (5, ["upscale", "IN", "-o", "a?b.png"], "a?b.png: Invalid argument"),
        (5, ["upscale", "IN", "-o", "missing\\b.png"], "cannot be written: No such file or directory"),
        (4, ["upscale", "NUL"], "NUL: the file is empty"),
        (3, ["colorize", "IN", "-m", "nothing"], "no weights called nothing"),
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
    os.waitpid(process, 0)
    os.close(terminal)
    assert before == [".part"]
    assert not list(made.iterdir()), printed


def read_terminal(terminal: int) -> bytes:
    """The next bytes; none at the end, which Linux reports as an error."""
    try:
        return os.read(terminal, 4096)
    except OSError:
        return b""

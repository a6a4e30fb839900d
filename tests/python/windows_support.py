"""What the tests of the Windows program share: limn.exe out of its archive, under wine."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest
from cli_support import LIMN, ROOT, copied_build, make, pixels, png

BUILD = Path(LIMN).resolve().parent
COMPILER = "x86_64-w64-mingw32-gcc"
OBJDUMP = "x86_64-w64-mingw32-objdump"
NEEDED = [COMPILER, OBJDUMP, "wine", "wineserver"]
Run = Callable[..., subprocess.CompletedProcess[bytes]]

needs_wine = [
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
    make(f"BUILD={os.path.relpath(BUILD, ROOT)}", "windows", "PAGE=")
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
    # Windows' services end with the last program, and starting them takes seconds: one program waits for its input.
    silent = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
    with subprocess.Popen(["wine", "cmd"], env=env, stdin=subprocess.PIPE, **silent):
        yield env
        subprocess.run(["wineserver", "-k"], env=env, capture_output=True, check=False, timeout=60)


@pytest.fixture(scope="module")
def windows(installed: Path, environment: dict[str, str]) -> Run:
    def run(
        *arguments: str | Path, program: str | Path = "limn.exe", stdin: bytes = b"", cwd: Path | None = None
    ) -> subprocess.CompletedProcess[bytes]:
        command = ["wine", str(installed / program), *map(str, arguments)]
        options = {"env": environment, "cwd": cwd, "capture_output": True, "check": False, "timeout": 120}
        done = subprocess.run(command, input=stdin, **options)
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

"""The systems for which limn is built here, how each program is made, and how it runs on this machine."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "tests/python"))


@dataclass(frozen=True)
class System:
    """`target`: words for make. `product`: what make leaves in the build folder, an archive or the program alone; "" if
    it cannot run here. `command`, `environment`: what runs the program, given the folder that holds it. `isas`: what
    --isa may name, if this CPU has it. `tolerance`: by how much a sample of a picture may differ from the normal
    build's; 0: not a byte. `tests`: the test files about this system."""

    name: str
    target: tuple[str, ...]
    product: str = ""
    command: Callable[[Path], list[str]] = lambda folder: []
    environment: Callable[[Path], dict[str, str]] = lambda folder: {}
    isas: tuple[str, ...] = ("baseline", "avx2", "avx512")
    tolerance: int = 0
    tests: tuple[str, ...] = ()


@dataclass
class Program:
    """A program that runs here, and the folder in which it works."""

    command: list[str]
    folder: Path
    environment: dict[str, str] = field(default_factory=dict)

    def run(self, *words: str) -> subprocess.CompletedProcess[bytes]:
        environment = {name: text for name, text in os.environ.items() if name != "LIMN_WEIGHTS"} | self.environment
        command = [*self.command, *words]
        return subprocess.run(command, cwd=self.folder, env=environment, capture_output=True, check=False, timeout=600)


def alone(folder: Path) -> list[str]:
    """The program in a root folder with nothing else, where this user may do that."""
    return ["chroot", str(folder), "/limn"] if os.geteuid() == 0 else [str(folder / "limn")]


# Node 20's fast calls of WASI crash after a large read.
NODE = (  # see program() in test_wasm.py
    *("node", "--experimental-wasi-unstable-preview1", "--no-warnings", "--no-turbo-fast-api-calls"),
    str(ROOT / "tests/python/wasm_program.mjs"),
)

SYSTEMS = (
    System("static", ("static", "ARCH=x86_64", "PAGE="), "limn-*-linux-x86_64.tar.gz", alone, tests=("python/test_static.py",)),
    System(
        "windows",
        ("windows", "PAGE="),
        "limn-*-windows-x86_64.zip",
        lambda folder: ["wine", str(folder / "limn.exe")],
        lambda folder: {"WINEPREFIX": str(folder.parents[1] / "wine"), "WINEDEBUG": "-all", "LC_ALL": "C.UTF-8"},
        tests=("python/test_windows.py", "systems/test_windows*.py"),
    ),
    System(
        "aarch64",
        ("static", "ARCH=aarch64", "PAGE="),
        "limn-*-linux-aarch64.tar.gz",
        lambda folder: ["qemu-aarch64", str(folder / "limn")],
        isas=("baseline", "neon"),
        tolerance=1,  # clang's and GCC's sums of one kernel differ in order
    ),
    System(
        "wasm",
        ("wasm",),
        "wasm/limn-cli.wasm",
        lambda folder: [*NODE, str(folder / "limn-cli.wasm"), "weights"],
        lambda folder: {"LIMN_WEIGHTS": "weights"},  # a program of WASI does not know its own path
        isas=("baseline",),
        tests=("python/test_wasm.py",),
    ),
    System("macos", ("macos-check",)),
)


def made(target: tuple[str, ...], build: Path) -> subprocess.CompletedProcess[str]:
    """`make` with these words: settings of a make that runs this script play no part, but its number of jobs does."""
    environment = {name: text for name, text in os.environ.items() if not name.startswith(("MAKE", "MFLAGS"))}
    command = ["make", f"-j{os.cpu_count()}", *target, f"BUILD={os.path.relpath(build, ROOT)}"]
    return subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, check=False)


def unpacked(system: System, build: Path) -> Program:
    """The program that make has left, in a folder of its own."""
    folder = build / "systems" / system.name
    shutil.rmtree(folder, ignore_errors=True)
    product = max(build.glob(system.product), key=lambda path: path.stat().st_mtime)
    if product.suffix in (".gz", ".zip"):
        shutil.unpack_archive(product, folder)
        (folder,) = folder.iterdir()
    else:
        folder.mkdir()
        shutil.copy(product, folder)
        shutil.copytree(ROOT / "weights", folder / "weights")
    return Program(system.command(folder), folder, system.environment(folder))

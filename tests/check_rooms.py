#!/usr/bin/env python3
"""Draws the structure of the C sources, and fails where it breaks the rules of engine/README.md.

    python3 tests/check_rooms.py build

A room is a folder of C files. Room A uses room B when a file of A includes a file of B, or when the linker resolves a
name in an object of A to an object of B (BUILD holds the objects). Prints the rooms by floor, with the rooms that each
uses: a room stands one floor above the highest that it uses. Exit code 1 for

  - a use that MAY_USE does not allow, and for a room that it does not list;
  - a circle of files. A file is what has one name: plan.c and plan.h are one. Includes and names count together;
  - what not every operating system has, outside the files of SYSTEM: a header that is not in PORTABLE, a macro that
    names a system, a call or a path of MARKS. EXCUSED lists the exceptions;
  - a call of the C library's exp, sin and the like, whose last bits differ between systems. engine/base/maths.h has
    them.
"""

from __future__ import annotations

import argparse
import re
import subprocess
import sys
from collections import defaultdict
from collections.abc import Iterable
from pathlib import Path
from typing import NamedTuple

# What each room may use, along with all that those may use.
MAY_USE = {
    "layers": [],
    "weights": [],
    "engine/limn.h": [],
    "engine/base": ["engine/limn.h", "layers", "weights"],
    "engine/graph": ["engine/base"],
    "engine/run": ["engine/graph"],
    "engine/pictures": ["engine/base"],
    "engine/pixels": ["engine/pictures"],
    "engine/pipelines": ["engine/run", "engine/pictures"],
    "engine/inspect": ["engine/run", "engine/pictures"],
    "apps/cli": ["engine/pipelines", "engine/inspect", "engine/pixels"],
    "apps/wasm": ["engine/pipelines"],
}
# Files of which a build compiles one.
EITHER = [{"layers/gemm", "layers/gemm_none"}]
# The files that implement engine/base/system.h, and a room that is compiled for one system only.
SYSTEM = re.compile(r"engine/base/system_\w+\.[ch]")
ELSEWHERE = re.compile(r"apps/wasm/.*")
# C11's headers but signal.h, threads.h and locale.h, which systems lack or fill differently.
PORTABLE = [
    *["assert.h", "ctype.h", "errno.h", "float.h", "inttypes.h", "limits.h", "math.h", "stdarg.h", "stdatomic.h"],
    *["stdbool.h", "stddef.h", "stdint.h", "stdio.h", "stdlib.h", "string.h", "time.h"],
    *["stb/stb_image.h", "stb/stb_image_write.h"],
    *["getopt.h", "strings.h"],  # of POSIX, but in every C library for which limn is built
]
MARKS = re.compile(
    r"\b(?:_WIN32|_WIN64|__MINGW\w+|__CYGWIN__|__APPLE__|__linux\w*|__unix\w*|__wasi__|__GLIBC__|__ANDROID__)\b"
    r"|\b(?:aligned_alloc|clock_gettime|fileno|memmem|nanosleep|realpath|setenv|stpcpy|strsep|unsetenv)(?=\()"
    r'|"/(?:dev|etc|proc|sys|tmp)\b'
)
EXCUSED = {
    "layers/gemm.c": {"cblas.h", "dlfcn.h", "setenv", "unsetenv"},  # loads OpenBLAS
    "layers/cpu.c": {"cpuid.h", "immintrin.h"},  # these three: of an architecture, not of a system
    "layers/bf16_avx512.c": {"immintrin.h"},
    "layers/matrix_tile.h": {"immintrin.h"},
}
COMMENT = re.compile(r"/\*.*?\*/", re.DOTALL)
INEXACT = re.compile(
    r"\b(?:a?(?:cos|sin|tan)h?|atan2|cbrt|erfc?|exp[2m]?1?|hypot|log(?:10|1p|2|b)?|pow|[lt]gamma)[fl]?(?=\()"
)
INCLUDE = re.compile(r'^\s*#\s*include\s+"([^"]+)"', re.MULTILINE)
SYSTEM_INCLUDE = re.compile(r"^\s*#\s*include\s+<([^>]+)>", re.MULTILINE)


class Use(NamedTuple):
    """One file that uses another, and how: both are paths without their endings."""

    user: str
    used: str
    how: str


def room_of(file: str) -> str:
    """The room that a path without its ending lies in."""
    parts = file.split("/")
    if file == "engine/limn":
        return "engine/limn.h"
    return "/".join(parts[:2]) if parts[0] in ("engine", "apps") else parts[0]


def sources(root: Path) -> list[Path]:
    """The C files of the program and the library."""
    found = [path for room in ("apps", "engine", "layers", "weights") for path in (root / room).rglob("*.[ch]")]
    return sorted(found)


def includes(root: Path) -> list[Use]:
    """Every include of one file by another; ValueError where it names no file of the tree."""
    uses = []
    for path in sources(root):
        user = path.relative_to(root)
        for name in INCLUDE.findall(path.read_text(encoding="utf-8")):
            if not (root / name).is_file():
                raise ValueError(f'{user}: #include "{name}": not found from the top of the tree')
            uses.append(Use(str(user.with_suffix("")), str(Path(name).with_suffix("")), f"includes {name}"))
    return uses


def objects_of(file: str, build: Path) -> list[Path]:
    """The object of a file, or its objects if it is compiled for several instruction sets."""
    return [build / f"{file}.o"] if (build / f"{file}.o").is_file() else list(build.glob(f"{file}.*.o"))


def symbols(root: Path, build: Path, nm: str) -> list[Use]:
    """Every external name that one file uses and another defines, as the objects in `build` have it."""
    defined: dict[str, str] = {}
    wanted: list[tuple[str, str]] = []
    for path in sources(root):
        if path.suffix != ".c":
            continue
        source, file = str(path.relative_to(root)), str(path.relative_to(root).with_suffix(""))
        objects = objects_of(file, build)
        if not objects and (SYSTEM.fullmatch(source) or ELSEWHERE.fullmatch(source)):  # of another system
            continue
        if not objects and not any(objects_of(other, build) for files in EITHER if file in files for other in files):
            raise ValueError(f"{build / file}.o: not found; run make first")
        for item in objects:
            listing = subprocess.run([nm, "-gP", item], capture_output=True, text=True, check=True).stdout
            for line in listing.splitlines():
                name, kind = line.split()[:2]
                if kind == "U":
                    wanted.append((file, name))
                else:
                    defined[name] = file
    return [Use(user, defined[name], f"uses {name}") for user, name in wanted if name in defined]


def allowed(room: str) -> set[str]:
    """Every room that a room may use."""
    rooms = set(MAY_USE[room])
    return rooms.union(*(allowed(below) for below in rooms))


def against(uses: Iterable[Use]) -> list[str]:
    """A line for each use that MAY_USE does not allow."""
    lines = []
    for use in uses:
        user, used = room_of(use.user), room_of(use.used)
        if user not in MAY_USE:
            lines.append(f"{use.user}: {user} is not in MAY_USE of tests/check_rooms.py")
        elif used != user and used not in allowed(user):
            lines.append(f"{use.user} {use.how}: {user} must not use {used}")
    return sorted(set(lines))


def of_one_system(root: Path) -> list[str]:
    """A line for each use, outside the files of SYSTEM, of what not every operating system has."""
    lines = []
    for path in sources(root):
        file, text = str(path.relative_to(root)), path.read_text(encoding="utf-8")
        if SYSTEM.fullmatch(file):
            continue
        headers = {name for name in SYSTEM_INCLUDE.findall(text) if name not in PORTABLE}
        marks = headers.union(MARKS.findall(text)) - EXCUSED.get(file, set())
        lines += [f"{file}: {mark}: only engine/base/system_*.c may use it" for mark in sorted(marks)]
    return lines


def of_one_library(root: Path) -> list[str]:
    """A line for each call of a function of INEXACT."""
    lines = []
    for path in sources(root):
        file, called = path.relative_to(root), set(INEXACT.findall(COMMENT.sub("", path.read_text(encoding="utf-8"))))
        lines += [f"{file}: {name}: its last bits differ; see engine/base/maths.h" for name in sorted(called)]
    return lines


def circles(edges: dict[str, set[str]]) -> list[list[str]]:
    """The sets of more than one node that all reach one another (Tarjan 1972)."""
    index: dict[str, int] = {}
    low: dict[str, int] = {}
    stack: list[str] = []
    found: list[list[str]] = []

    def visit(node: str) -> None:
        index[node] = low[node] = len(index)
        stack.append(node)
        for below in sorted(edges.get(node, ())):
            if below not in index:
                visit(below)
            if below in stack:
                low[node] = min(low[node], low[below])
        if low[node] == index[node]:
            start = stack.index(node)
            if len(stack) - start > 1:
                found.append(sorted(stack[start:]))
            del stack[start:]

    for node in sorted(edges):
        if node not in index:
            visit(node)
    return found


def floors(edges: dict[str, set[str]], nodes: Iterable[str]) -> dict[str, int]:
    """Of each node the longest way down. The edges must have no circle."""
    floor: dict[str, int] = {}

    def of(node: str) -> int:
        if node not in floor:
            floor[node] = 1 + max((of(below) for below in edges.get(node, ())), default=-1)
        return floor[node]

    for node in nodes:
        of(node)
    return floor


def edges_of(uses: Iterable[Use], by_room: bool) -> dict[str, set[str]]:
    """Who uses whom, without those that use themselves."""
    edges: dict[str, set[str]] = defaultdict(set)
    for use in uses:
        user, used = (room_of(use.user), room_of(use.used)) if by_room else (use.user, use.used)
        if user != used:
            edges[user].add(used)
    return edges


def show(root: Path, uses: list[Use]) -> None:
    """Prints the rooms, the highest first, with their files and the rooms that they use."""
    files: dict[str, set[str]] = defaultdict(set)
    for path in sources(root):
        files[room_of(str(path.relative_to(root).with_suffix("")))].add(path.name)
    edges = edges_of(uses, by_room=True)
    floor = floors(edges, files)
    for room in sorted(files, key=lambda name: (-floor[name], name)):
        below = ", ".join(sorted(edges.get(room, ()))) or "nothing"
        print(f"  floor {floor[room]}  {room:17} {len(files[room]):3} files, uses {below}")
    arrows = sum(len(used) for used in edges.values())
    between = sum(len(used) for used in edges_of(uses, by_room=False).values())
    print(f"  {len(files)} rooms on {max(floor.values()) + 1} floors, {arrows} arrows; {between} between files")


def describe(circle: list[str], uses: list[Use]) -> str:
    """A circle with what ties it together."""
    ties = sorted({f"    {use.user} {use.how}" for use in uses
                   if use.user in circle and use.used in circle and use.user != use.used})  # fmt: skip
    return "\n".join([f"circle of {len(circle)} files: {', '.join(circle)}", *ties])


def main() -> int:
    """The command line."""
    parser = argparse.ArgumentParser(description="Prints the rooms of the C sources; fails on arrows back and circles.")
    parser.add_argument("build", type=Path, help="the folder of the objects")
    parser.add_argument("--root", type=Path, default=Path(__file__).resolve().parents[1], help="the tree to check")
    parser.add_argument("--nm", default="nm", help="the program that lists an object's names (default %(default)s)")
    options = parser.parse_args()
    try:
        uses = includes(options.root) + symbols(options.root, options.build, options.nm)
    except ValueError as error:
        sys.exit(f"check_rooms: {error}")
    faults = against(uses) + of_one_system(options.root) + of_one_library(options.root)
    if not circles(edges_of(uses, by_room=True)):
        show(options.root, uses)
    faults += [describe(circle, uses) for circle in circles(edges_of(uses, by_room=False))]
    for fault in faults:
        print(fault, file=sys.stderr)
    return 1 if faults else 0


if __name__ == "__main__":
    sys.exit(main())

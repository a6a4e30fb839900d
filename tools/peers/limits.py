"""How the peers are kept from AVX-512 and AMX, to be compared with `limn --isa avx2`.

ONNX Runtime and ncnn have no option for it. OpenVINO reads ONEDNN_MAX_CPU_ISA, but then still uses AVX-512, and fails at
its default precision. So hide_avx512.c answers the CPUID instruction for all peers. Where the processor cannot fault on
CPUID, the instruction is replaced in copies of their libraries; PyTorch, whose libraries are large, is then limited by
its environment variables. worker.py checks the effect.
"""

from __future__ import annotations

import importlib.metadata
import importlib.util
import os
import pathlib
import shutil
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass, field

HERE = pathlib.Path(__file__).resolve().parent
CPUID, TRAP = b"\x0f\xa2", b"\xcd\xa2"  # CPUID and INT 0xa2, which hide_avx512.c answers
C_LIBRARY = {"GLIBC_TUNABLES": "glibc.cpu.hwcaps=-AVX512F,-AVX512VL,-AVX512BW"}  # its string functions
TORCH = {"ATEN_CPU_CAPABILITY": "avx2", "ONEDNN_MAX_CPU_ISA": "AVX2", "MKL_ENABLE_INSTRUCTIONS": "AVX2"}


class Unlimited(Exception):
    """An engine cannot be kept from AVX-512; the message is the reason."""


@dataclass(frozen=True)
class Limit:
    """The environment variables of an engine's process, and in words what they do."""

    how: str = ""
    environment: dict[str, str] = field(default_factory=dict)


def processor_flags() -> set[str]:
    """The processor's features as Linux names them."""
    path = pathlib.Path("/proc/cpuinfo")
    lines = path.read_text().splitlines() if path.exists() else []
    return next((set(line.split()) for line in lines if line.startswith("flags")), set())


def compile_preload(folder: pathlib.Path) -> pathlib.Path:
    """Compiles hide_avx512.c into the folder."""
    library = folder / "hide_avx512.so"
    source = str(HERE / "hide_avx512.c")
    compiler = os.environ.get("CC", "cc").split()
    try:
        subprocess.run([*compiler, "-O2", "-shared", "-fPIC", source, "-o", str(library)], check=True)
    except (OSError, subprocess.CalledProcessError) as error:
        raise Unlimited(f"hide_avx512.c cannot be compiled: {error}") from error
    return library


def limit(engine: str, folder: pathlib.Path) -> Limit:
    """Limits `engine`, as bench_peers.py names it, to AVX2. Files are made in the folder. Raises Unlimited."""
    flags = processor_flags()
    if "avx512f" not in flags:
        return Limit("no AVX-512 here")
    if engine == "torch" and "cpuid_fault" not in flags:
        return Limit("its environment variables", {**C_LIBRARY, **TORCH})
    preload = {**C_LIBRARY, "LD_PRELOAD": str(compile_preload(folder))}
    if "cpuid_fault" in flags:
        return Limit("CPUID faults and is answered for it", preload)
    copies = copied_without_cpuid(engine, folder)
    return Limit("CPUID replaced in its libraries", {**preload, "PYTHONPATH": str(copies)})


# Libraries without CPUID


def copied_without_cpuid(package: str, folder: pathlib.Path) -> pathlib.Path:
    """A folder for PYTHONPATH with a copy of the installed package, in which CPUID is replaced. Made once."""
    copies = folder / f"{package}-{importlib.metadata.version(package)}-without-cpuid"
    if copies.exists():
        return copies
    unfinished = copies.with_suffix(".part")
    shutil.rmtree(unfinished, ignore_errors=True)
    installed = pathlib.Path(importlib.util.find_spec(package).submodule_search_locations[0])
    for source in (
        installed,
        installed.with_name(f"{package}.libs"),
    ):  # the latter: libraries that a wheel adds
        if source.exists():
            shutil.copytree(source, unfinished / source.name)
    for library in unfinished.rglob("*.so*"):
        replace_cpuid(library)
    return unfinished.rename(copies)


def replace_cpuid(library: pathlib.Path) -> int:
    """Replaces every CPUID instruction in place. Returns their number.

    A file written as a whole would have larger pages in the cache, which raise the peak memory by megabytes.
    """
    places = list(cpuid_places(library)) if CPUID in library.read_bytes() else []
    with library.open("r+b") as file:
        for place in places:
            file.seek(place)
            if file.read(2) != CPUID:
                raise Unlimited(f"{library.name}: no CPUID instruction at byte {place}")
            file.seek(place)
            file.write(TRAP)
    return len(places)


def cpuid_places(library: pathlib.Path) -> Iterator[int]:
    """The CPUID instructions as offsets in the file. Its bytes also occur inside other instructions."""
    sections = list(code_sections(library))
    listing = subprocess.Popen(objdump("-d", "--no-show-raw-insn", library), stdout=subprocess.PIPE)
    found = subprocess.run(
        ["grep", "-w", "cpuid"], stdin=listing.stdout, stdout=subprocess.PIPE, text=True, check=False
    )
    if listing.wait():
        raise Unlimited(f"{library.name}: objdump failed")
    for line in found.stdout.splitlines():
        place, _, instruction = line.partition(":\t")
        if instruction.strip() == "cpuid":  # and no name that contains the word
            yield next(
                int(place, 16) - address + offset
                for address, size, offset in sections
                if 0 <= int(place, 16) - address < size
            )


def code_sections(library: pathlib.Path) -> Iterator[tuple[int, int, int]]:
    """Address, size and offset in the file of each section with code."""
    table = subprocess.run(objdump("-h", "-w", library), stdout=subprocess.PIPE, text=True, check=True).stdout
    for line in table.splitlines():
        columns = line.split()  # number, name, size, address, load address, offset, alignment, flags
        if "CODE" in line:
            yield int(columns[3], 16), int(columns[2], 16), int(columns[5], 16)


def objdump(*arguments: str | pathlib.Path) -> list[str]:
    program = shutil.which("objdump")
    if not program:
        raise Unlimited("objdump, which finds its CPUID instructions, is not installed (Debian: binutils)")
    return [program, *map(str, arguments)]

#!/usr/bin/env python3
"""Disassembles the kernels of a build folder and checks what the compiler made of their inner loops.

    python3 tests/check_kernels.py build

A kernel runs at the processor's peak only while its sums stay in registers, a multiply-add is one
instruction, and registers are used at their full width. A flag, a pragma or another compiler can take away
each of these; no other test would notice. Prints a line for every kernel; exit code 1 when one is not as
KERNELS says.
"""

from __future__ import annotations

import argparse
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple


class Kernel(NamedTuple):
    """A function whose inner loops are checked."""

    source: str  # layers/SOURCE.c, compiled to layers/SOURCE.ISA.o, or if not for several sets to layers/SOURCE.o
    function: str  # its name, without the instruction set that SIMD(name) appends
    isas: tuple[str, ...]
    step: int  # multiply-adds in one step, of which a compiler may put several into the loop; or STREAM
    spills: int = 0  # how often vectors may pass through the stack: where they are more than the registers
    loads: int = 0  # of vectors or tiles, in one step; 0: any number


# A kernel that reads, computes and writes as it goes: it may add and multiply apart, and only its best loop
# is checked, for another may be for the channels left over.
STREAM = 0

KERNELS = (
    Kernel("simd_gemm", "tile_6x4", ("avx512", "neon"), 6 * 4),
    Kernel("simd_gemm", "tile_4x4", ("avx512", "neon"), 4 * 4),
    Kernel("simd_gemm", "tile_1x4", ("avx512", "neon"), 4),
    Kernel("simd_gemm", "tile_12x2", ("avx512", "neon"), 12 * 2),
    Kernel("simd_gemm", "tile_6x2", ("avx2",), 6 * 2),
    Kernel("simd_gemm", "tile_12x1", ("avx2", "avx512", "neon"), 12 * 1),
    Kernel("simd_peak", "peak", ("avx2", "avx512", "neon"), 12),
    Kernel("simd_pixel", "accumulate", ("avx2", "avx512", "neon"), STREAM),
    Kernel("simd_winograd", "input_8", ("avx512", "neon"), STREAM, 264),
    Kernel("simd_winograd", "input_8", ("avx2",), STREAM, 404),
    Kernel("simd_winograd", "input_6", ("avx512", "neon"), STREAM, 28),
    Kernel("simd_winograd", "input_6", ("avx2",), STREAM, 80),
    Kernel("simd_winograd", "input_5", ("avx512", "neon"), STREAM, 6),
    Kernel("simd_winograd", "input_5", ("avx2",), STREAM, 64),
    Kernel("simd_winograd", "weights_4_3", ("avx512", "neon"), STREAM, 12),
    Kernel("simd_winograd", "weights_4_3", ("avx2",), STREAM, 48),
    Kernel("simd_winograd", "weights_row_4_3", ("avx512",), STREAM),
    Kernel("bf16_avx512", "multiply_1", ("avx512",), 16, loads=10),
    Kernel("bf16_avx512", "multiply_2", ("avx512",), 16, loads=10),
    Kernel("bf16_avx512", "multiply_3", ("avx512",), 16, loads=10),
    Kernel("simd_tiles", "multiply_1", ("amx",), 4, loads=4),
    Kernel("simd_tiles", "multiply_2", ("amx",), 12, loads=10),
    Kernel("simd_tiles", "multiply_3", ("amx",), 24, loads=18),
)

# Files that prefetch. GCC takes a function that only prefetches for one without effects, and removes the calls of it.
PREFETCHES = ("indirect", "winograd")


class Machine(NamedTuple):
    """How objdump writes a family of processors. Expressions match an instruction with its operands."""

    comment: str
    jump: str  # group 1: the address jumped to
    fused: str
    multiply: str
    add: str
    vector: str  # touches a vector register
    load: str  # of those, reads memory
    store: str  # of those, writes memory
    stack: str  # refers to memory through the stack pointer, or {frame}
    frame: str  # group 1: the register that this instruction makes a second pointer to the stack


X86 = Machine(
    comment=r"\s+#.*",
    jump=r"j\w+\s+([0-9a-f]+)",
    fused=r"(?:vfn?m(?:add|sub)\d*ps|[vt]dpbf16ps) ",
    multiply=r"v?mulps ",
    add=r"v?(?:add|sub)ps ",
    vector=r".*%[txyz]mm",
    load=r".*\(.*\).*,",
    store=r".*,[^,]*\([^()]*\)(?:\{%k\d\})?$",
    stack=r".*\((?:%rsp{frame})[,)]",
    frame=r"mov\s+%rsp,(%\w+)",
)
AARCH64 = Machine(
    comment=r"\s*//.*",
    jump=r"(?:b|b\.\w+|cbn?z .*|tbn?z .*)\s+([0-9a-f]+) <",
    fused=r"fml[as] v",
    multiply=r"fmul v",
    add=r"f(?:add|sub) v",
    vector=r"\w+ (?:.*[ {])?[bhsdqv]\d",
    load=r"ld",
    store=r"st",
    stack=r".*\[(?:sp{frame})[,\]]",
    frame=r"mov (x\d+), sp",
)


class Isa(NamedTuple):
    machine: Machine
    wide: str  # in the text of every instruction that works on whole registers


ISAS = {
    "avx2": Isa(X86, "%ymm"),
    "avx512": Isa(X86, "%zmm"),
    "amx": Isa(X86, "%tmm"),
    "neon": Isa(AARCH64, ".4s"),
}


class Instruction(NamedTuple):
    address: int
    text: str  # mnemonic, a space, operands


def functions(listing: str, comment: str) -> dict[str, list[Instruction]]:
    """The functions of what `objdump -d --no-show-raw-insn` wrote."""
    found: dict[str, list[Instruction]] = {}
    body: list[Instruction] = []
    for line in listing.splitlines():
        if label := re.fullmatch(r"[0-9a-f]+ <(.+)>:", line):
            body = found.setdefault(label[1], [])
        elif code := re.fullmatch(r"\s*([0-9a-f]+):\s+(.+?)\s*", line):
            body.append(Instruction(int(code[1], 16), " ".join(re.sub(comment, "", code[2]).split())))
    return found


def inner_loops(body: list[Instruction], machine: Machine) -> Iterator[list[Instruction]]:
    """The instructions from a backward jump's target to the jump, where no other such range lies within."""
    ranges = set()
    for instruction in body:
        jump = re.match(machine.jump, instruction.text)
        if jump and body[0].address <= int(jump[1], 16) <= instruction.address:
            ranges.add((int(jump[1], 16), instruction.address))
    for first, last in sorted(ranges):
        if not any(first <= f and t <= last and (f, t) != (first, last) for f, t in ranges):
            yield [instruction for instruction in body if first <= instruction.address <= last]


class Loop:
    """An inner loop, its instructions by what they do."""

    def __init__(self, body: list[Instruction], isa: Isa, frames: set[str]) -> None:
        machine = isa.machine
        self.texts = [instruction.text for instruction in body]
        self.fused = self.matching(machine.fused)
        self.products = self.matching(machine.multiply)
        self.sums = self.matching(machine.add)
        self.narrow = [text for text in self.fused + self.products + self.sums if isa.wide not in text]
        vectors = self.matching(machine.vector)
        self.stores = [text for text in vectors if re.match(machine.store, text)]
        self.loads = [text for text in vectors if re.match(machine.load, text) and text not in self.stores]
        stack = machine.stack.format(frame="".join(f"|{frame}" for frame in sorted(frames)))
        self.spills = [text for text in self.loads + self.stores if re.match(stack, text)]

    def matching(self, expression: str) -> list[str]:
        return [text for text in self.texts if re.match(expression, text)]

    def counts_for(self, kernel: Kernel) -> bool:
        """Whether the kernel does its work here."""
        if kernel.step == STREAM:
            return len(self.narrow) < len(self.fused + self.products + self.sums)
        return bool(self.fused or self.products)

    def faults(self, kernel: Kernel) -> Iterator[str]:
        if len(self.spills) > kernel.spills:
            yield f"vectors pass through the stack, {len(self.spills)} times: {self.spills[0]}"
        if kernel.step == STREAM:
            return
        if self.narrow:
            yield f"registers narrower than the instruction set's: {self.narrow[0]}"
        if written := [text for text in self.stores if text not in self.spills]:
            yield f"sums are written to memory: {written[0]}"
        if self.products or self.sums:
            yield f"multiplies and adds apart: {(self.products + self.sums)[0]}"
        elif len(self.fused) % kernel.step:
            yield f"{len(self.fused)} multiply-adds, a multiple of {kernel.step} expected"
        elif kernel.loads and len(self.loads) != kernel.loads * len(self.fused) // kernel.step:
            yield f"{len(self.loads)} loads for {len(self.fused)} multiply-adds, {kernel.loads} a step expected"


def loops_of(kernel: Kernel, listing: str, isa: str) -> list[Loop]:
    """The loops that count, also in parts that a compiler split off. LookupError: no such function."""
    machine = ISAS[isa].machine
    names = (kernel.function, f"{kernel.function}_{isa}")
    listed = functions(listing, machine.comment)
    parts = [body for name, body in listed.items() if name.split(".")[0] in names]
    if not parts:
        raise LookupError(f"no function {kernel.function}: renamed, or inlined into another?")
    found = []
    for body in parts:
        frames = {match[1] for each in body if (match := re.match(machine.frame, each.text))}
        found += [Loop(loop, ISAS[isa], frames) for loop in inner_loops(body, machine)]
    return [loop for loop in found if loop.counts_for(kernel)]


def check(kernel: Kernel, listing: str, isa: str) -> tuple[str, list[str]]:
    """A line about the kernel's longest loop, and what is wrong with those that are checked."""
    try:
        loops = loops_of(kernel, listing, isa)
    except LookupError as missing:
        return "", [str(missing)]
    if not loops:
        work = "arithmetic on whole registers" if kernel.step == STREAM else "multiply-adds of vectors"
        return "", [f"no inner loop with {work}"]
    if kernel.step == STREAM:
        loops = [min(loops, key=lambda loop: len(loop.spills))]
    longest = max(loops, key=lambda loop: len(loop.texts))
    counts = len(longest.texts), len(longest.fused), len(longest.loads)
    line = "{} instructions, {} multiply-adds, {} loads".format(*counts)
    return line, [fault for loop in loops for fault in loop.faults(kernel)]


def prefetches(listing: str) -> bool:
    return re.search(r"\s(?:prefetch\w+|prfm)\s", listing) is not None


def disassemble(objdump: str, path: Path) -> str:
    command = [objdump, "-d", "--no-show-raw-insn", str(path)]
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout


def object_of(folder: Path, source: str, isa: str) -> Path:
    return folder / "layers" / (f"{source}.{isa}.o" if source.startswith("simd_") else f"{source}.o")


def isas_of(folder: Path) -> list[str]:
    """The instruction sets that the build folder holds kernels for."""
    sources = {kernel.source for kernel in KERNELS if kernel.source.startswith("simd_")}
    return [isa for isa in ISAS if any(object_of(folder, source, isa).exists() for source in sources)]


def check_folder(folder: Path, objdump: str) -> int:
    """Checks every kernel for every instruction set; returns how many faults were printed."""
    faults = 0
    for isa in isas_of(folder):
        for kernel in (kernel for kernel in KERNELS if isa in kernel.isas):
            path = object_of(folder, kernel.source, isa)
            line, wrong = check(kernel, disassemble(objdump, path), isa)
            print(f"{kernel.function:<12} {isa:<7} {line}", flush=True)
            for fault in wrong:
                print(f"check_kernels: {path}: {kernel.function}: {fault}", file=sys.stderr)
            faults += len(wrong)
    for path in (folder / "layers" / f"{source}.o" for source in PREFETCHES):
        if not prefetches(disassemble(objdump, path)):
            print(f"check_kernels: {path}: does not prefetch", file=sys.stderr)
            faults += 1
    return faults


def main(arguments: list[str]) -> int:
    parser = argparse.ArgumentParser(description="Checks the inner loops of the compiled kernels.")
    parser.add_argument("folder", type=Path, help="of the build, such as build")
    parser.add_argument("--objdump", default="objdump", help="one for the processor built for")
    options = parser.parse_args(arguments)
    if not isas_of(options.folder):
        parser.error(f"{options.folder}: no compiled kernels in {options.folder / 'layers'}")
    try:
        return 1 if check_folder(options.folder, options.objdump) else 0
    except (OSError, subprocess.CalledProcessError) as error:
        print(f"check_kernels: {getattr(error, 'stderr', None) or error}".rstrip(), file=sys.stderr)
        return 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))

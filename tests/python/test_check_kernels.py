"""tests/check_kernels.py on listings as objdump writes them: inner loops that are right, and others."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

import check_kernels as tool  # noqa: E402  (found only through the line above)

KERNEL = tool.Kernel("simd_gemm", "tile_2x2", ("avx2", "avx512", "neon"), 2 * 2)
STREAM = tool.Kernel("simd_add", "add", ("avx2",), tool.STREAM)

# Two rows of A times two registers of B; after the inner loop the one over taps, and C written.
AVX512 = """vmovups (%rcx),%zmm4
vmovups 0x40(%rcx),%zmm5
vfmadd231ps (%rax,%rdx,4){1to16},%zmm4,%zmm0
vfmadd231ps (%rax,%rdx,4){1to16},%zmm5,%zmm1
vbroadcastss (%rbx,%rdx,4),%zmm6
vfmadd231ps %zmm6,%zmm4,%zmm2
vfmadd231ps %zmm6,%zmm5,%zmm3
add    $0x1,%rdx
sub    $0xffffffffffffff80,%rcx
cmp    %rdx,-0x8(%rsp)"""
AVX2 = AVX512.replace("zmm", "ymm").replace("(%rax,%rdx,4){1to16}", "%ymm7")
NEON = """ldp q4, q5, [x1]
ldr s6, [x2, x4]
ldr s7, [x3, x4]
fmla v0.4s, v4.4s, v6.s[0]
fmla v1.4s, v5.4s, v6.s[0]
fmla v2.4s, v4.4s, v7.s[0]
fmla v3.4s, v5.4s, v7.s[0]
ldr x6, [sp, #80]
add x4, x4, #0x4 // #4
cmp x4, x6"""


def function(name: str, *parts: tuple[str, str]) -> str:
    """A listing of parts: instructions a line each, and a jump from the last to the first: "" for none."""
    lines, address = [f"0000000000000000 <{name}>:"], 0
    for body, jump in parts:
        start = address
        back = [f"{jump} {start:x} <{name}+{start:#x}>"] if jump else []
        for instruction in body.splitlines() + back:
            lines.append(f" {address:3x}:\t{instruction.replace(' ', chr(9), 1)}")
            address += 4
    return "\nDisassembly of section .text:\n\n" + "\n".join(lines) + "\n"


def product(loop: str, isa: str = "avx512", name: str = "tile_2x2", before: str = "") -> str:
    """A kernel around an inner loop."""
    if isa == "neon":
        start, jump, end = "stp d8, d9, [sp, #-96]!", "b.ne", "str q0, [x5]\nret"
    else:
        start, jump, end = "push %rbp", "jne", "vmovups %zmm0,(%rdi)\nret"
    return function(name, (start + before, ""), (loop, jump), (end, ""))


def faults(listing: str, isa: str = "avx512", kernel: tool.Kernel = KERNEL) -> str:
    return "; ".join(tool.check(kernel, listing, isa)[1])


# Good loops


@pytest.mark.parametrize(
    ("isa", "loop", "line"),
    [
        ("avx512", AVX512, "11 instructions, 4 multiply-adds, 5 loads"),
        ("avx2", AVX2, "11 instructions, 4 multiply-adds, 3 loads"),
        ("neon", NEON, "11 instructions, 4 multiply-adds, 3 loads"),
    ],
)
def test_a_good_loop(isa: str, loop: str, line: str) -> None:
    assert tool.check(KERNEL, product(loop, isa), isa) == (line, [])


def test_a_step_may_be_there_more_than_once() -> None:
    assert tool.check(KERNEL, product(AVX512 + "\n" + AVX512), "avx512")[1] == []


def test_the_loop_around_it_may_use_the_stack() -> None:
    inner = function("tile_2x2", (AVX512, "jne")).splitlines()[4:]
    spill, back = " ff8:\tvmovaps\t%zmm0,0x40(%rsp)", " ffc:\tjmp\t0 <tile_2x2>"
    assert faults("0000000000000000 <tile_2x2>:\n" + "\n".join([*inner, spill, back])) == ""


@pytest.mark.parametrize("name", ["tile_2x2_avx512", "tile_2x2.constprop.0", "tile_2x2_avx512.isra.0"])
def test_names_that_a_function_may_go_by(name: str) -> None:
    assert faults(product(AVX512, name=name)) == ""


def test_a_general_register_called_rbp() -> None:
    assert faults(product(AVX512.replace("%rbx", "%rbp"))) == ""


# Bad loops

FUSED = "vfmadd231ps %zmm6,%zmm4,%zmm2"
APART = "vmulps %zmm6,%zmm4,%zmm7\nvaddps %zmm7,%zmm2,%zmm2"
NEON_FUSED = "fmla v0.4s, v4.4s, v6.s[0]"
NEON_APART = "fmul v8.4s, v4.4s, v6.s[0]\nfadd v0.4s, v0.4s, v8.4s"

BAD = {
    "spilled, read": ("avx512", AVX512 + "\nvmovaps 0x40(%rsp),%zmm7", "stack, 1 times: vmovaps 0x40(%rsp)"),
    "spilled, written": ("avx512", AVX512 + "\nvmovaps %zmm7,(%rsp)", "stack, 1 times: vmovaps %zmm7"),
    "spilled, operand": (
        "avx512",
        AVX512.replace("(%rax,%rdx,4){1to16}", "0x80(%rsp)"),
        "vectors pass through the stack, 2 times: vfmadd231ps 0x80(%rsp),%zmm4",
    ),
    "spilled, neon": (
        "neon",
        NEON + "\nldr q3, [sp, #80]\nstp q2, q3, [sp, #64]",
        "vectors pass through the stack, 2 times: ldr q3, [sp, #80]",
    ),
    "stored": (
        "avx512",
        AVX512 + "\nvmovaps %zmm0,-0x40(%r9)",
        "written to memory: vmovaps %zmm0,-0x40(%r9)",
    ),
    "stored, neon": ("neon", NEON + "\nstr q0, [x9], #16", "sums are written to memory: str q0, [x9], #16"),
    "apart": ("avx512", AVX512.replace(FUSED, APART), "multiplies and adds apart: vmulps %zmm6"),
    "apart, neon": ("neon", NEON.replace(NEON_FUSED, NEON_APART), "multiplies and adds apart: fmul v8.4s"),
    "one too few": ("avx512", AVX512.replace(FUSED + "\n", ""), "3 multiply-adds, a multiple of 4 expected"),
    "narrow": ("avx512", AVX2, "registers narrower than the instruction set's: vfmadd231ps %ymm7"),
    "narrow, neon": ("neon", NEON.replace("4s", "2s"), "narrower than the instruction set's: fmla v0.2s"),
    "scalar": ("avx2", "vfmadd231ss (%rax),%xmm0,%xmm2", "no inner loop with multiply-adds of vectors"),
}


@pytest.mark.parametrize(("isa", "loop", "message"), BAD.values(), ids=BAD)
def test_a_bad_loop(isa: str, loop: str, message: str) -> None:
    wrong = tool.check(KERNEL, product(loop, isa), isa)[1]
    assert len(wrong) == 1 and message in wrong[0], wrong


def test_a_frame_pointer_points_to_the_stack() -> None:
    loop = AVX512 + "\nvmovaps -0x40(%rbp),%zmm7"
    assert faults(product(loop)) == ""
    assert "through the stack" in faults(product(loop, before="\nmov %rsp,%rbp"))
    loop = NEON + "\nldr q9, [x29, #80]"
    assert faults(product(loop, "neon"), "neon") == ""
    assert "through the stack" in faults(product(loop, "neon", before="\nmov x29, sp"), "neon")


def test_every_inner_loop_counts() -> None:
    listing = function("tile_2x2", (AVX512, "jne"), (AVX512 + "\nvmovaps 0x40(%rsp),%zmm7", "jne"))
    assert "through the stack" in faults(listing)


def test_straight_code_is_no_loop() -> None:
    assert "no inner loop" in faults(function("tile_2x2", (AVX512, ""), ("ret", "")))


def test_a_missing_function() -> None:
    assert "no function tile_2x2: renamed" in faults(product(AVX512, name="tile_2x24"))


# Products of tiles

TILES = """tileloadd (%rax,%rdi,1),%tmm4
tileloadd (%rdx,%rsi,1),%tmm6
tdpbf16ps %tmm6,%tmm4,%tmm0
tileloadd (%r8,%rsi,1),%tmm7
tdpbf16ps %tmm7,%tmm4,%tmm1"""


def test_products_of_tiles() -> None:
    kernel = tool.Kernel("simd_tiles", "tile_2x2", ("amx",), 2, loads=3)
    line = "6 instructions, 2 multiply-adds, 3 loads"
    assert tool.check(kernel, product(TILES, "amx"), "amx") == (line, [])
    assert "4 loads for 2 multiply-adds, 3 a step" in faults(
        product(TILES + "\ntileloadd (%rax,%rdi,1),%tmm4", "amx"), "amx", kernel
    )
    assert "narrower than the instruction set's" in faults(product(AVX512, "amx"), "amx", kernel)


# Streams

ADD = """vmovups (%rsi,%rax,4),%ymm0
vaddps (%rdi,%rax,4),%ymm0,%ymm0
vmovups %ymm0,(%rdi,%rax,4)
add $0x8,%rax"""


def test_a_stream_adds_apart_and_writes() -> None:
    line = "5 instructions, 0 multiply-adds, 2 loads"
    assert tool.check(STREAM, function("add_avx2", (ADD, "jl"), ("ret", "")), "avx2") == (line, [])


def test_a_stream_must_not_spill() -> None:
    listing = function("add", (ADD + "\nvmovaps %ymm0,0x20(%rsp)", "jl"))
    assert "through the stack" in faults(listing, "avx2", STREAM)


def test_a_stream_may_spill_when_it_is_said_so() -> None:
    listing = function("add", (ADD + "\nvmovaps %ymm0,0x20(%rsp)\nvmovaps 0x20(%rsp),%ymm0", "jl"))
    assert faults(listing, "avx2", STREAM._replace(spills=2)) == ""
    assert "the stack, 2 times: " in faults(listing, "avx2", STREAM._replace(spills=1))


def test_a_second_loop_may_be_for_what_a_stream_leaves_over() -> None:
    listing = function("add", (ADD, "jl"), (ADD + "\nvmovaps %ymm0,0x20(%rsp)", "jl"))
    assert faults(listing, "avx2", STREAM) == ""


def test_a_narrow_stream() -> None:
    listing = function("add", (ADD.replace("ymm", "xmm"), "jl"))
    assert faults(listing, "avx2", STREAM) == "no inner loop with arithmetic on whole registers"


# The program


@pytest.fixture
def build(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A build folder whose only kernel is KERNEL; its objects hold what its `objdump` writes."""
    monkeypatch.setattr(tool, "KERNELS", (KERNEL,))
    objdump = tmp_path / "objdump"
    objdump.write_text('#!/bin/sh\nfor object; do :; done\nexec cat "$object"\n')
    objdump.chmod(0o755)
    (tmp_path / "layers").mkdir()
    return tmp_path


def run(build: Path) -> int:
    return tool.main([str(build), "--objdump", str(build / "objdump")])


def test_a_line_for_every_kernel(build: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (build / "layers" / "simd_gemm.avx2.o").write_text(product(AVX2))
    (build / "layers" / "simd_gemm.avx512.o").write_text(product(AVX512))
    assert run(build) == 0
    lines = capsys.readouterr().out.splitlines()
    assert [line.split()[:4] for line in lines] == [
        ["tile_2x2", "avx2", "11", "instructions,"],
        ["tile_2x2", "avx512", "11", "instructions,"],
    ]


def test_a_fault_names_object_and_function(build: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (build / "layers" / "simd_gemm.avx512.o").write_text(product(AVX2))
    assert run(build) == 1
    assert "layers/simd_gemm.avx512.o: tile_2x2: registers narrower" in capsys.readouterr().err


def test_an_object_that_cannot_be_read(build: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (build / "layers" / "simd_gemm.avx2.o").mkdir()
    assert run(build) == 1
    assert "Is a directory" in capsys.readouterr().err


def test_a_folder_without_kernels(build: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as stopped:
        run(build)
    assert stopped.value.code == 2 and "no compiled kernels" in capsys.readouterr().err

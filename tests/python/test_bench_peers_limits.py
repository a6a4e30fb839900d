"""How tools/bench_peers.py keeps peers from AVX-512: a library of ours stands for a peer's."""

from __future__ import annotations

import os
import platform
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "tools"))

import bench_peers  # noqa: E402  (found only through the line above)
from peers import limits  # noqa: E402

pytestmark = pytest.mark.skipif(
    platform.machine() != "x86_64" or sys.platform != "linux" or not shutil.which("objdump"),
    reason="needs Linux on x86-64, and objdump",
)

# leaf7() asks CPUID. word() has its bytes inside an instruction. spin() uses a 512-bit register for a while.
LIBRARY = r"""
#include <cpuid.h>
unsigned leaf7(void) {
    unsigned a, b, c, d;
    __cpuid_count(7, 0, a, b, c, d);
    return b;
}
unsigned word(void) { return 0x11a20f22; }
__attribute__((target("avx512f"))) void spin(unsigned long count) {
    while (count--)
        __asm__ volatile("vpternlogd $255, %%zmm16, %%zmm16, %%zmm16" ::: "xmm16");
    __asm__ volatile("vpxord %%zmm16, %%zmm16, %%zmm16" ::: "xmm16");
}
"""
LEAF7_AVX512 = sum(1 << bit for bit in (16, 17, 21, 26, 27, 28, 30, 31))  # of EBX
ASK = "import ctypes, sys; asked = ctypes.CDLL(sys.argv[1]); print(asked.leaf7() & 0xffffffff, hex(asked.word()))"
NEEDS_AVX512 = pytest.mark.skipif(
    not Path("/proc/self/arch_status").exists() or "avx512f" not in limits.processor_flags(),
    reason="needs a processor with AVX-512",
)


@pytest.fixture(scope="module")
def library(tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp("library")
    source, made = folder / "engine.c", folder / "engine.so"
    source.write_text(LIBRARY)
    subprocess.run(["cc", "-O1", "-shared", "-fPIC", str(source), "-o", str(made)], check=True)
    return made


def python(*arguments: object, **variables: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, *map(str, arguments)]
    return subprocess.run(
        command, env={**os.environ, **variables}, capture_output=True, text=True, check=False
    )


def preload(folder: Path) -> dict[str, str]:
    return {"LD_PRELOAD": str(limits.compile_preload(folder))}


def test_a_library_without_cpuid_sees_no_avx512(library, tmp_path):
    copy = tmp_path / "engine.so"
    shutil.copy(library, copy)
    assert limits.replace_cpuid(copy) == 1
    there = int(python("-c", ASK, library).stdout.split()[0])
    done = python("-c", ASK, copy, **preload(tmp_path))
    assert done.stdout.split() == [str(there & ~LEAF7_AVX512), "0x11a20f22"]


@pytest.mark.skipif("cpuid_fault" not in limits.processor_flags(), reason="CPUID cannot fault here")
def test_where_cpuid_faults_every_library_sees_no_avx512(library, tmp_path):
    there = int(python("-c", ASK, library).stdout.split()[0])
    done = python("-c", ASK, library, **preload(tmp_path))
    assert int(done.stdout.split()[0]) == there & ~LEAF7_AVX512


def test_other_faults_still_end_the_process(tmp_path):
    assert python("-c", "import ctypes; ctypes.string_at(0)", **preload(tmp_path)).returncode == -11


def test_a_package_is_copied_once(library, tmp_path, monkeypatch):
    site = tmp_path / "site"
    for name in ("peer", "peer.libs", "peer-1.5.dist-info"):
        (site / name).mkdir(parents=True)
    (site / "peer/__init__.py").touch()
    (site / "peer-1.5.dist-info/METADATA").write_text("Metadata-Version: 2.1\nName: peer\nVersion: 1.5\n")
    for name in ("peer/engine.so", "peer.libs/libengine.so.1"):
        shutil.copy(library, site / name)
    monkeypatch.syspath_prepend(site)
    copies = limits.copied_without_cpuid("peer", tmp_path)
    made = copies / "peer.libs/libengine.so.1"
    assert made.read_bytes() == (copies / "peer/engine.so").read_bytes() != library.read_bytes()
    made.unlink()
    assert limits.copied_without_cpuid("peer", tmp_path) == copies and not made.exists()


CHECK = """
import ctypes, sys, time
sys.path.insert(0, sys.argv[2])
from peers import worker
spin = ctypes.CDLL(sys.argv[1]).spin
class Engine:
    run = staticmethod(lambda: spin(ctypes.c_ulong(10**7)) if sys.argv[3] == "zmm" else sum(range(10**5)))
print(worker.uses_avx512(Engine))
"""


@NEEDS_AVX512
@pytest.mark.parametrize(("work", "answer"), [("zmm", "True"), ("integers", "False")])
def test_the_worker_sees_who_uses_avx512(work, answer, library):
    done = python("-c", CHECK, library, ROOT / "tools", work, **limits.C_LIBRARY)
    assert done.stdout.strip() == answer, done.stderr


@pytest.mark.parametrize(
    ("flags", "engine", "how", "variables"),
    [
        ({"avx2"}, "ncnn", "no AVX-512 here", set()),
        ({"avx512f"}, "torch", "its environment variables", {*limits.C_LIBRARY, *limits.TORCH}),
        (
            {"avx512f", "cpuid_fault"},
            "torch",
            "CPUID faults and is answered for it",
            {*limits.C_LIBRARY, "LD_PRELOAD"},
        ),
    ],
)
def test_the_way_follows_from_the_processor(flags, engine, how, variables, tmp_path, monkeypatch):
    monkeypatch.setattr(limits, "processor_flags", lambda: flags)
    found = limits.limit(engine, tmp_path)
    assert (found.how, set(found.environment)) == (how, variables)


def test_who_cannot_be_limited_is_absent(tmp_path, monkeypatch):
    monkeypatch.setattr(limits, "processor_flags", lambda: {"avx512f", "cpuid_fault"})
    monkeypatch.setenv("CC", "/nowhere/cc")
    found, reasons = bench_peers.limits_of(["ncnn"], tmp_path)
    assert not found
    assert reasons["ncnn"].startswith("cannot be limited to AVX2: hide_avx512.c cannot be compiled: ")


def test_without_objdump_there_is_a_reason(library, monkeypatch):
    monkeypatch.setattr(limits.shutil, "which", lambda _: None)
    with pytest.raises(limits.Unlimited, match="objdump, .* is not installed"):
        limits.replace_cpuid(library)

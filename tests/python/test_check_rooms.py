"""tests/check_rooms.py on small trees: what it accepts and what it reports."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
from cli_support import ROOT

TREE = {
    "engine/limn.h": "int limn_one(void);\n",
    "layers/kernel.h": "int kernel(void);\n",
    "layers/kernel.c": '#include "layers/kernel.h"\nint kernel(void) { return 1; }\n',
    "weights/number.c": "int number(void);\nint number(void) { return 2; }\n",
    "engine/base/status.h": '#include "engine/limn.h"\nint status(void);\n',
    "engine/base/status.c": '#include "engine/base/status.h"\n#include "layers/kernel.h"\n'
    "int number(void);\nint status(void) { return kernel() + number(); }\n",
    "engine/graph/models/one.c": '#include "engine/base/status.h"\nint one(void);\nint one(void) { return status(); }\n',
    "apps/cli/main.c": "int one(void);\nint main(void) { return one(); }\n",
}


def check(root: Path, changes: dict[str, str]) -> subprocess.CompletedProcess[str]:
    """The check's run over TREE with changes, compiled."""
    for name, text in (TREE | changes).items():
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_text(text)
    for name in (name for name in TREE | changes if name.endswith(".c")):
        target = root / "build" / Path(name).with_suffix(".o")
        target.parent.mkdir(parents=True, exist_ok=True)
        subprocess.run(["cc", "-I.", "-c", "-o", target, name], cwd=root, check=True)
    command = [sys.executable, ROOT / "tests/check_rooms.py", root / "build", "--root", root]
    return subprocess.run(command, capture_output=True, text=True, check=False, timeout=60)


def test_a_tree_in_order(tmp_path: Path) -> None:
    done = check(tmp_path, {})
    assert (done.returncode, done.stderr) == (0, "")
    assert "floor 3  apps/cli            1 files, uses engine/graph\n" in done.stdout
    assert "6 rooms on 4 floors, 5 arrows" in done.stdout


@pytest.mark.parametrize(
    ("name", "text", "fault"),
    [
        (
            "layers/kernel.h",
            '#include "engine/base/status.h"\n',
            "layers/kernel includes engine/base/status.h: layers must not use engine/base\n",
        ),
        (
            "engine/base/status.c",
            "int one(void);\nint status(void);\nint status(void) { return one(); }\n",
            "engine/base/status uses one: engine/base must not use engine/graph\n",
        ),
        (
            "engine/new/new.c",
            '#include "engine/limn.h"\n',
            "engine/new/new: engine/new is not in MAY_USE of tests/check_rooms.py\n",
        ),
        (
            "engine/base/other.c",
            '#include "engine/base/status.h"\n#include "apps/cli/main.c"\n',
            "engine/base/other includes apps/cli/main.c: engine/base must not use apps/cli\n",
        ),
    ],
)
def test_an_arrow_back(name: str, text: str, fault: str, tmp_path: Path) -> None:
    done = check(tmp_path, {name: text})
    assert done.returncode == 1
    assert fault in done.stderr


@pytest.mark.parametrize(
    ("name", "text", "mark"),
    [
        ("engine/base/one.c", "#include <sys/stat.h>\n", "sys/stat.h"),
        ("engine/base/system.h", "#include <pthread.h>\n", "pthread.h"),
        ("apps/cli/one.c", "#  include <unistd.h> /* isatty */\n", "unistd.h"),
        ("weights/one.c", "#include <signal.h>\n", "signal.h"),
        ("layers/one.h", "#ifdef __APPLE__\n#endif\n", "__APPLE__"),
        ("layers/one.c", "#if defined(_WIN32) || 0\n#endif\n", "_WIN32"),
        ("engine/run/one.c", "#define SLEEP(time) nanosleep(time, 0)\n", "nanosleep"),
        ("apps/cli/one.c", 'extern const char *path;\nconst char *path = "/proc/cpuinfo";\n', '"/proc'),
    ],
)
def test_what_one_system_has(name: str, text: str, mark: str, tmp_path: Path) -> None:
    done = check(tmp_path, {"engine/run/room.h": "\n"} | {name: text})
    assert done.returncode == 1
    assert f"{name}: {mark}: only engine/base/system_*.c may use it\n" in done.stderr


@pytest.mark.parametrize("name", ["expf", "pow", "log10", "atan2", "sinl"])
def test_a_function_whose_last_bits_differ(name: str, tmp_path: Path) -> None:
    text = f"/* {name}(x) in a comment */\n"
    assert check(tmp_path, {"layers/one.c": text}).returncode == 0
    done = check(tmp_path, {"layers/one.c": text + f"#define ONE(x) {name}(x)\n"})
    assert done.returncode == 1
    assert f"layers/one.c: {name}: its last bits differ; see engine/base/maths.h\n" in done.stderr


def test_what_a_system_file_may_use(tmp_path: Path) -> None:
    text = "#include <sys/stat.h>\n#include <unistd.h>\n#ifdef __APPLE__\n#endif\n"
    done = check(tmp_path, {"engine/base/system_posix.c": text, "engine/base/system_other_files.c": text})
    assert (done.returncode, done.stderr) == (0, "")


def test_an_exception_by_name(tmp_path: Path) -> None:
    used = "#include <dlfcn.h>\n#if 0\n#include <cblas.h>\nsetenv(); unsetenv();\n#endif\n"
    done = check(tmp_path, {"layers/gemm.c": used})
    assert (done.returncode, done.stderr) == (0, "")
    done = check(tmp_path, {"layers/gemm.c": used.replace("#include <dlfcn.h>\n", "#include <pthread.h>\n")})
    assert done.returncode == 1
    assert "layers/gemm.c: pthread.h: only engine/base/system_*.c may use it\n" in done.stderr


def test_a_circle_of_files_by_include(tmp_path: Path) -> None:
    done = check(tmp_path, {
        "layers/a.h": '#pragma once\n#include "layers/b.h"\n',
        "layers/b.h": '#pragma once\n#include "layers/a.h"\n',
    })  # fmt: skip
    assert done.returncode == 1
    assert "circle of 2 files: layers/a, layers/b\n    layers/a includes layers/b.h\n" in done.stderr


def test_a_circle_of_files_by_name(tmp_path: Path) -> None:
    done = check(tmp_path, {
        "layers/a.c": "int b(void);\nint a(void);\nint a(void) { return b(); }\n",
        "layers/b.c": "int a(void);\nint b(void);\nint b(void) { return a(); }\n",
    })  # fmt: skip
    assert done.returncode == 1
    assert "    layers/a uses b\n    layers/b uses a\n" in done.stderr


def test_one_of_two_files_is_compiled(tmp_path: Path) -> None:
    one = "int gemm(void);\nint gemm(void) { return 1; }\n"
    assert check(tmp_path, {"layers/gemm.c": one}).returncode == 0
    (tmp_path / "layers/gemm_none.c").write_text(one)
    command = [sys.executable, ROOT / "tests/check_rooms.py", tmp_path / "build", "--root", tmp_path]
    assert subprocess.run(command, capture_output=True, check=False, timeout=60).returncode == 0
    (tmp_path / "build/layers/gemm.o").unlink()
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=60)
    assert done.returncode == 1 and "layers/gemm.o: not found; run make first" in done.stderr


def test_an_include_that_names_no_room(tmp_path: Path) -> None:
    (tmp_path / "layers").mkdir()
    (tmp_path / "layers/x.h").write_text('#include "kernel.h"\n')
    command = [sys.executable, ROOT / "tests/check_rooms.py", tmp_path, "--root", tmp_path]
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=60)
    assert done.returncode == 1
    assert 'layers/x.h: #include "kernel.h": not found from the top of the tree' in done.stderr

"""The Makefile finds C files at every depth: format-check and tidy read them all."""

from __future__ import annotations

import re
import shutil
from pathlib import Path

import pytest
from cli_support import ROOT, made

FILES = [
    "engine/planted.c",
    "engine/base/planted.c",
    "engine/base/planted.h",
    "engine/graph/models/planted.c",
    "apps/cli/planted.c",
    "layers/planted.c",
    "weights/planted.c",
    "tests/planted.c",
    "tests/fuzz/planted.c",
]
BADLY_FORMATTED = "int  planted ;\n"


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    """The Makefile and its settings above folders that hold nothing but badly formatted files."""
    for name in ("Makefile", ".clang-format", ".clang-tidy", "tests/.clang-tidy", "engine/limn.h"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        shutil.copy(ROOT / name, tmp_path / name)
    for name in FILES:
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(BADLY_FORMATTED)
    return tmp_path


def test_format_check_lists_files_at_every_depth(tree: Path) -> None:
    (command,) = (line for line in made("-n", "format-check", cwd=tree).stdout.splitlines() if "clang-format" in line)
    assert set(command.split()) >= set(FILES)


def test_tidy_lists_files_at_every_depth(tree: Path) -> None:
    listed = made("-n", "tidy", cwd=tree).stdout
    sources = {name for name in FILES if name.endswith(".c")}
    assert set(re.findall(r"clang-tidy --quiet (\S+) --", listed)) == sources
    (folders,) = re.findall(r"cppcheck -q.*?-DISA=\w+ (.+)", listed.replace("\\\n", ""))
    assert set(folders.split()) == {name.split("/")[0] for name in sources}


@pytest.mark.skipif(not shutil.which("clang-format"), reason="needs clang-format")
def test_format_check_fails_for_each_file(tree: Path) -> None:
    done = made("format-check", cwd=tree)
    assert done.returncode != 0
    assert {name for name in FILES if f"{name}:1:" in done.stderr} == set(FILES)
    assert made("format", cwd=tree).returncode == 0
    assert made("format-check", cwd=tree).returncode == 0
    for name in FILES:
        (tree / name).write_text(BADLY_FORMATTED)
        assert made("format-check", cwd=tree).returncode != 0, name
        assert made("format", cwd=tree).returncode == 0

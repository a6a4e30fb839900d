"""tools/convert.py on hostile files, in a process that may only convert: its message and its time."""

from __future__ import annotations

import importlib
import os
import signal
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from checkpoint_files import safetensors, torch_legacy, torch_zip
from convert_runner import converted
from convert_sandbox import CRASHED, FORBIDDEN, MEMORY, Outcome, convert_in_sandbox
from hostile import CANARY, FILES, GENERATOR, Hostile

EVERY = {f"{kind}, {name}": (kind, file) for kind, files in FILES.items() for name, file in files.items()}


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty folder, made the current one, so that a canary would appear there."""
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.fixture(scope="module", autouse=True)
def warm(tmp_path_factory: pytest.TempPathFactory) -> None:
    """Converts once outside the sandbox, so that what Python imports only when it is needed is there."""
    folder = tmp_path_factory.mktemp("warm")
    for write in (torch_zip, torch_legacy, safetensors):
        converted(folder, write(GENERATOR))


def assert_said(folder: Path, outcome: Outcome, file: Hostile) -> None:
    """The documented exit code, one line with the file's name and the message, and an output only with code 0."""
    assert outcome.code == file.code, outcome
    message = outcome.stderr.removeprefix(f"limn-convert: {folder / 'weights.pth'}: ")
    if file.message.endswith(".."):
        assert message.startswith(file.message[:-2]) and message.endswith("\n") and message.count("\n") == 1
    else:
        assert message == (file.message + "\n" if file.message else "")
    assert sorted(os.listdir(folder)) == ["out.safetensors"] * (file.code == 0) + ["weights.pth"]
    assert (outcome.stdout == "") == (file.code != 0)


@pytest.mark.parametrize("name", EVERY)
def test_a_hostile_file_is_told_what_is_wrong_with_it(name: str, folder: Path) -> None:
    kind, file = EVERY[name]
    data = file.make()
    if kind == "pickle":
        data = torch_zip({}, {"archive/data.pkl": data})
    (folder / "weights.pth").write_bytes(data)
    outcome = convert_in_sandbox(folder / "weights.pth", folder / "out.safetensors")
    assert_said(folder, outcome, file)


def test_ordinary_files_pass_the_sandbox(folder: Path) -> None:
    for write in (torch_zip, torch_legacy, safetensors):
        (folder / "weights.pth").write_bytes(write(GENERATOR))
        outcome = convert_in_sandbox(folder / "weights.pth", folder / "out.safetensors", "--force", "--half")
        assert_said(folder, outcome, Hostile(bytes, "", 0))


@pytest.mark.parametrize(
    "act",
    [
        lambda _: os.system("true"),
        lambda _: eval("1"),  # noqa: S307  (this is what is tested)
        lambda _: importlib.import_module("wave"),
        lambda _: open("limn-canary", "w"),
        lambda _: open("/etc/passwd"),
        lambda _: os.listdir("."),
        lambda _: os.rename("weights.pth", "elsewhere"),
    ],
)
def test_the_sandbox_sees_what_is_forbidden(act: Callable[[object], Any], folder: Path, monkeypatch) -> None:
    monkeypatch.setattr("convert_sandbox.convert.main", act)
    outcome = convert_in_sandbox(folder / "weights.pth", folder / "out.safetensors")
    assert outcome.code == FORBIDDEN and outcome.stderr.startswith("forbidden: ")


def test_the_sandbox_ends_what_takes_too_much(folder: Path, monkeypatch) -> None:
    monkeypatch.setattr("convert_sandbox.convert.main", lambda _: len(bytes(2 * MEMORY)))
    outcome = convert_in_sandbox(folder / "weights.pth", folder / "out.safetensors")
    assert outcome.code == CRASHED and outcome.stderr == "MemoryError: \n"
    monkeypatch.setattr("convert_sandbox.convert.main", lambda _: sum(range(10**12)))
    assert convert_in_sandbox(folder / "weights.pth", folder / "out.safetensors").code == -signal.SIGKILL


def test_the_canary_would_sing(folder: Path) -> None:
    assert os.system(CANARY) == 0 and os.listdir(folder) == ["limn-canary"]

"""tools/convert.py and the file system: inputs that are no plain files or change, outputs that cannot be written."""

from __future__ import annotations

import os
import resource
import shutil
import socket
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from checkpoint import conversion
from checkpoint_files import read_safetensors, safetensors, torch_zip
from convert_runner import ROOT, assert_same, convert
from model_tables import dcgan, weights

GENERATOR = weights(dcgan())
DATA = torch_zip(GENERATOR)
CONVERT = ROOT / "tools" / "convert.py"


def command(*arguments: str | Path, **options) -> subprocess.CompletedProcess[str]:
    line = [sys.executable, CONVERT, *arguments]
    return subprocess.run(line, check=False, stderr=subprocess.PIPE, text=True, timeout=60, **options)


def fails(folder: Path, capsys, source: str | Path, output: str | Path = "out.safetensors", *options: str) -> str:
    """What converting says behind its name; nothing is left behind."""
    before = sorted(os.listdir(folder))
    assert convert.main([str(folder / source), "-o", str(folder / output), *options]) == 1
    assert sorted(os.listdir(folder)) == before
    said = capsys.readouterr()
    assert said.out == "" and said.err.startswith("limn-convert: ") and said.err.count("\n") == 1
    return said.err.removeprefix("limn-convert: ").removesuffix("\n").removeprefix(f"{folder}/")


# What is read


def test_inputs_that_are_no_regular_files(tmp_path: Path, capsys) -> None:
    listening = socket.socket(socket.AF_UNIX)
    listening.bind(str(tmp_path / "socket"))
    (tmp_path / "loop").symlink_to("loop")
    (tmp_path / "dangling").symlink_to("nowhere")
    (tmp_path / "file").write_bytes(b"")
    for source, said in (
        ("socket", "socket: No such device or address"),
        (".", f"{tmp_path}: Is a directory"),
        ("loop", "loop: Too many levels of symbolic links"),
        ("dangling", "dangling: No such file or directory"),
        ("file/weights", "file/weights: Not a directory"),
        ("n" * 300, "n" * 300 + ": File name too long"),
        ("file", "file: is an empty file, not a checkpoint; download the file itself"),
    ):
        assert fails(tmp_path, capsys, source) == said
    listening.close()


@pytest.mark.parametrize("endless", ["pipe", "/dev/zero"])
def test_an_input_without_end_is_not_waited_for(endless: str, tmp_path: Path) -> None:
    """A pipe that nobody writes to would never begin."""
    os.mkfifo(tmp_path / "pipe")
    done = command(tmp_path / endless, "-o", tmp_path / "o")
    assert (done.returncode, done.stderr) == (1, f"limn-convert: {tmp_path / endless}: is not a regular file\n")


def test_a_link_to_a_checkpoint_is_read(tmp_path: Path, capsys) -> None:
    (tmp_path / "weights.pth").write_bytes(DATA)
    (tmp_path / "link").symlink_to("weights.pth")
    assert convert.main([str(tmp_path / "link"), "-o", str(tmp_path / "o")]) == 0
    assert read_safetensors((tmp_path / "o").read_bytes())[1]["limn.source"] == "link"


def test_an_input_that_may_not_be_read(tmp_path: Path, capsys) -> None:
    (tmp_path / "weights.pth").write_bytes(DATA)
    (tmp_path / "weights.pth").chmod(0)
    user = os.geteuid()
    if user == 0:  # root may read everything
        os.seteuid(65534)
    try:
        code = convert.main([str(tmp_path / "weights.pth"), "-o", "o"])
    finally:
        os.seteuid(user)
    assert (code, capsys.readouterr().err) == (1, f"limn-convert: {tmp_path}/weights.pth: Permission denied\n")


def test_an_input_that_is_too_large_is_not_begun(tmp_path: Path, capsys) -> None:
    with open(tmp_path / "weights.pth", "wb") as file:
        file.truncate(conversion.MAX_FILE + 1)  # a hole: it takes no room
    assert fails(tmp_path, capsys, "weights.pth") == "weights.pth: 4294967297 bytes, expected at most 4294967296"


@pytest.mark.parametrize(
    "change",
    [
        lambda path: os.truncate(path, 100),
        lambda path: os.truncate(path, len(DATA) + 100),
        lambda path: path.write_bytes(bytes(len(DATA))),
    ],
    ids=["cut", "grown", "rewritten"],
)
def test_an_input_that_changes_while_it_is_read(change: Callable[[Path], None], tmp_path: Path, capsys, monkeypatch):
    source, status = tmp_path / "weights.pth", os.fstat
    source.write_bytes(DATA)
    os.utime(source, (0, 0))

    def changed_behind(file: int) -> os.stat_result:
        found = status(file)
        change(source)
        return found

    monkeypatch.setattr(convert.os, "fstat", changed_behind)
    assert fails(tmp_path, capsys, "weights.pth") == "weights.pth: changed while it was being read"


def test_an_input_that_is_replaced_is_read_as_it_was(tmp_path: Path, capsys, monkeypatch) -> None:
    source, status = tmp_path / "weights.pth", os.fstat
    source.write_bytes(DATA)
    (tmp_path / "other").write_bytes(b"something else")

    def replaced_behind(file: int) -> os.stat_result:
        if (tmp_path / "other").exists():
            os.replace(tmp_path / "other", source)
        return status(file)

    monkeypatch.setattr(convert.os, "fstat", replaced_behind)
    assert convert.main([str(source), "-o", str(tmp_path / "o")]) == 0
    assert_same(read_safetensors((tmp_path / "o").read_bytes())[0], GENERATOR)


# What is written


def test_outputs_that_cannot_be(tmp_path: Path, capsys) -> None:
    (tmp_path / "weights.pth").write_bytes(DATA)
    (tmp_path / "folder").mkdir()
    (tmp_path / "loop").symlink_to("loop")
    os.mkfifo(tmp_path / "pipe")
    for output, said in (
        ("folder", "folder: is not a regular file"),
        ("pipe", "pipe: is not a regular file"),
        ("loop", "loop: Too many levels of symbolic links"),
        ("absent/o", "absent/o: No such file or directory"),
        ("weights.pth/o", "weights.pth/o: Not a directory"),
        ("n" * 256, "n" * 256 + ": File name too long"),
        ("/proc/limn", "/proc/limn: No such file or directory"),
        ("/dev/full", "/dev/full: is not a regular file"),
    ):
        assert fails(tmp_path, capsys, "weights.pth", output, "--force").removeprefix(f"{tmp_path}/") == said


def test_names_of_255_bytes(tmp_path: Path) -> None:
    for name in ("n" * 255, "é" * 127 + "n"):
        (tmp_path / name).write_bytes(DATA)
        for output in ("o" * 255, "ö" * 127):
            assert convert.main([str(tmp_path / name), "-o", str(tmp_path / output), "--force"]) == 0
            assert read_safetensors((tmp_path / output).read_bytes())[1]["limn.source"] == name


def test_an_output_through_links(tmp_path: Path) -> None:
    """The link's target is written, be it there or not."""
    (tmp_path / "weights.pth").write_bytes(DATA)
    (tmp_path / "folder").mkdir()
    (tmp_path / "way").symlink_to("folder")
    (tmp_path / "link").symlink_to("way/o")
    assert convert.main([str(tmp_path / "weights.pth"), "-o", str(tmp_path / "link")]) == 0
    assert (tmp_path / "link").is_symlink() and os.listdir(tmp_path / "folder") == ["o"]


def test_a_file_may_be_converted_onto_itself(tmp_path: Path, capsys) -> None:
    source = tmp_path / "weights.safetensors"
    source.write_bytes(safetensors(GENERATOR))
    assert fails(tmp_path, capsys, source, source).endswith("already exists (use --force to replace it)")
    assert source.read_bytes() == safetensors(GENERATOR)
    assert convert.main([str(source), "-o", str(source), "--force"]) == 0
    assert_same(read_safetensors(source.read_bytes())[0], GENERATOR)


@pytest.mark.parametrize("most", [0, 1, 8, 1000, 4096, 15_000])
def test_a_disk_that_fills_up_anywhere_leaves_nothing(most: int, tmp_path: Path) -> None:
    (tmp_path / "weights.pth").write_bytes(DATA)
    limit = lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (most, most))  # noqa: E731
    done = command(tmp_path / "weights.pth", "-o", tmp_path / "o", preexec_fn=limit, stdout=subprocess.DEVNULL)
    assert done.returncode == 1 and done.stderr == f"limn-convert: {tmp_path}/o: File too large\n"
    assert os.listdir(tmp_path) == ["weights.pth"]


def test_a_full_disk(tmp_path: Path) -> None:
    """A file system of 8 KB, in a namespace of its own."""
    (tmp_path / "weights.pth").write_bytes(DATA)
    (tmp_path / "disk").mkdir()
    namespace = ["unshare", "--map-root-user", "--mount", "sh", "-c"]
    mount = f"mount -t tmpfs -o size=8k none '{tmp_path}/disk'"
    if (
        shutil.which("unshare") is None
        or subprocess.run([*namespace, mount], check=False, capture_output=True).returncode
    ):
        pytest.skip("this machine lets nobody mount a file system of their own")
    line = f"{mount} && {{ '{sys.executable}' '{CONVERT}' '{tmp_path}/weights.pth' -o '{tmp_path}/disk/o'; echo $?; "
    line += f"ls -A '{tmp_path}/disk'; }}"
    done = subprocess.run([*namespace, line], check=True, capture_output=True, text=True)
    assert done.stdout == "1\n" and done.stderr == f"limn-convert: {tmp_path}/disk/o: No space left on device\n"


def test_an_old_unfinished_file_is_in_nobodys_way(tmp_path: Path, monkeypatch) -> None:
    """A process of the same number was killed here once."""
    (tmp_path / "weights.pth").write_bytes(DATA)
    (tmp_path / f".o.{os.getpid()}.part").write_bytes(b"")
    assert convert.main([str(tmp_path / "weights.pth"), "-o", str(tmp_path / "o")]) == 0


# What is said


def test_a_report_that_cannot_be_printed(tmp_path: Path) -> None:
    (tmp_path / "weights.pth").write_bytes(DATA)
    with open("/dev/full", "w") as full:
        done = command(tmp_path / "weights.pth", "-o", tmp_path / "o", stdout=full)
    assert done.returncode == 1
    assert done.stderr == "limn-convert: standard output: No space left on device; the conversion is complete\n"
    assert_same(read_safetensors((tmp_path / "o").read_bytes())[0], GENERATOR)


def test_a_report_that_the_terminal_cannot_spell(tmp_path: Path) -> None:
    (tmp_path / "weights.pth").write_bytes(DATA)
    environment = os.environ | {"PYTHONIOENCODING": "ascii"}
    arguments = [tmp_path / "weights.pth", "-o", tmp_path / "o", "--licence", "Schöpfer"]
    done = command(*arguments, stdout=subprocess.PIPE, env=environment)
    assert (done.returncode, done.stderr) == (0, "") and "licence Sch\\xf6pfer" in done.stdout


@pytest.mark.parametrize("ending", ["SIGTERM", "SIGHUP", "SIGINT"])
def test_a_signal_leaves_nothing_behind(ending: str, tmp_path: Path) -> None:
    """It comes when all is written but nothing in its place."""
    (tmp_path / "weights.pth").write_bytes(DATA)
    program = (
        "import os, runpy, signal, sys\n"
        f"os.replace = lambda *_: os.kill(os.getpid(), signal.{ending})\n"
        "sys.argv.pop(0)\n"
        "runpy.run_path(sys.argv[0], run_name='__main__')"
    )
    line = [sys.executable, "-c", program, CONVERT, tmp_path / "weights.pth", "-o", tmp_path / "o"]
    environment = os.environ | {"PYTHONPATH": str(ROOT / "tools")}
    done = subprocess.run(line, check=False, capture_output=True, timeout=60, env=environment)
    number = {"SIGTERM": 15, "SIGHUP": 1, "SIGINT": 2}[ending]
    assert done.returncode == 128 + number
    assert os.listdir(tmp_path) == ["weights.pth"]

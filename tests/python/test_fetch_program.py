"""tools/fetch.py as a program, and its catalogue."""

from __future__ import annotations

import hashlib
import io
import json
import resource
import signal
import subprocess
import sys
import time
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import fetch
import pytest
from checkpoint import download
from checkpoint_files import read_safetensors, torch_zip
from convert_runner import ROOT
from fetch_support import BODY, GENERATOR, HALF, Workplace, no_proxy, place, publisher  # noqa: F401 (fixtures)
from model_tables import unet, weights
from publisher import Publisher

# The program


def command(*arguments: str, **options: Any) -> subprocess.CompletedProcess[str]:
    line = [sys.executable, str(ROOT / "tools" / "fetch.py"), *arguments]
    return subprocess.run(line, check=False, capture_output=True, text=True, timeout=60, **options)


def limited(size: int) -> Callable[[], None]:
    """No file may grow beyond `size`: what a full disk looks like to whoever writes."""
    return lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (size, size))


def test_a_full_disk_while_downloading(place: Workplace, publisher: Publisher) -> None:
    done = command(*place.arguments(), preexec_fn=limited(HALF))
    assert done.returncode == 1 and done.stderr.count("\n") == 1
    assert "published.pth.part: File too large; the incomplete download is kept in" in done.stderr
    assert place.part() == BODY[:HALF]
    place.fetched()
    assert publisher.requests[1]["Range"] == f"bytes={HALF}-"


def test_a_disk_without_room_for_a_byte(place: Workplace, monkeypatch) -> None:
    def full(partial: Any, _: bytes) -> None:
        raise download.DownloadError(f"{partial.path}: No space left on device")

    monkeypatch.setattr(download._Partial, "write", full)
    assert place.failed().endswith("published.pth.part: No space left on device\n")
    assert not place.weights.exists()


def test_a_full_disk_while_converting(place: Workplace, publisher: Publisher) -> None:
    tensors = {name: tensor.round() for name, tensor in GENERATOR.items()}
    publisher.body = torch_zip(tensors, compression=zipfile.ZIP_DEFLATED)
    assert len(publisher.body) < HALF
    place.entry |= {"size": None, "sha256": hashlib.sha256(publisher.body).hexdigest()}
    done = command(*place.arguments(), preexec_fn=limited(HALF))
    assert done.returncode == 1 and done.stderr.count("\n") == 1
    assert "small.safetensors: File too large; the incomplete download is kept in" in done.stderr
    assert place.left() == ["published.pth.part", "published.pth.part.json"] and place.part() == publisher.body
    assert place.run()[0] == 0 and place.left() == ["small.safetensors"]
    assert len(publisher.requests) == 1


@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_an_interrupted_download_goes_on(
    number: signal.Signals, code: int, place: Workplace, publisher: Publisher
) -> None:
    publisher.stall = HALF
    line = [sys.executable, str(ROOT / "tools" / "fetch.py"), *place.arguments()]
    process = subprocess.Popen(line, stderr=subprocess.PIPE, text=True)
    wait_for(lambda: "published.pth.part" in place.left() and len(place.part()) == HALF)
    process.send_signal(number)
    _, error = process.communicate(timeout=60)
    assert process.returncode == code and "Traceback" not in error
    assert place.part() == BODY[:HALF]
    publisher.stall = None
    place.fetched()
    assert publisher.requests[1]["Range"] == f"bytes={HALF}-"


def wait_for(happened: Callable[[], bool]) -> None:
    end = time.monotonic() + 30
    while not happened():
        assert time.monotonic() < end
        time.sleep(0.01)


def test_the_bar_is_for_terminals(place: Workplace, monkeypatch) -> None:
    class Terminal(io.StringIO):
        def isatty(self) -> bool:
            return True

    terminal = Terminal()
    monkeypatch.setattr(sys, "stderr", terminal)
    assert fetch.main(place.arguments()) == 0
    text = terminal.getvalue()
    assert text.startswith("\rsmall  0.") and text.endswith("\r") and "\n" not in text and "%" in text


def test_list_shows_the_published_checkpoints() -> None:
    done = command("--list")
    assert (done.returncode, done.stderr) == (0, "")
    lines = done.stdout.splitlines()
    assert lines[0].split() == ["NAME", "MB", "LICENCE", "WHAT"]
    listed = {line.split()[0] for line in lines[1:]}
    assert listed >= {"deeplabv3", "deeplabv3-resnet50", "eccv16", "siggraph17", "unet", "enhancenet-pat"}


def test_help_begins_with_an_example() -> None:
    done = command("--help")
    assert done.returncode == 0 and done.stdout.startswith("example: limn-fetch ")


@pytest.mark.parametrize(
    ("arguments", "reason"),
    [
        ([], "missing NAME; --list shows the checkpoints"),
        (["siggraf17"], "unknown checkpoint siggraf17; did you mean siggraph17?"),
        (["unet-scale1.0"], "did you mean unet-scale1?"),
        (["lenet5000"], "--list shows the checkpoints"),
        (["unet", "--timeout", "0"], "invalid number of seconds"),
        (["unet", "eccv16"], "unrecognized arguments"),
    ],
)
def test_wrong_usage_is_one_line_and_2(arguments: list[str], reason: str) -> None:
    done = command(*arguments)
    assert done.returncode == 2 and done.stderr.count("\n") == 1
    assert done.stderr.startswith("limn-fetch: ") and reason in done.stderr


# The catalogue


def test_the_published_catalogue_keeps_its_own_rules() -> None:
    catalog = json.loads(fetch.CATALOG.read_text())
    for name, entry in fetch.read_catalog(fetch.CATALOG).items():
        members = catalog["checkpoints"][name]
        assert set(members) == {"model", "title", "url", "file", "size", "sha256", "licence", "sources"}
        assert members["sources"] and entry.wanted.url.startswith("https://")
        stem, _, digits = Path(entry.file).stem.rpartition("-")
        if "pytorch.org" in entry.wanted.url or "colorizers" in entry.wanted.url:
            assert stem and entry.wanted.sha256 and entry.wanted.sha256.startswith(digits) and len(digits) == 8


@pytest.mark.parametrize(
    ("member", "value", "reason"),
    [
        ("model", "lenet", "model is lenet, expected one of deeplabv3, "),
        ("model", None, "model is not a string"),
        ("title", 3, "title is not a string"),
        ("url", "http://example.invalid/x", "expected an https address"),
        ("url", "file:///etc/passwd", "expected an https address"),
        ("url", "https://[", "expected an https address"),
        ("file", "../x.pth", "expected a plain file name"),
        ("file", ".hidden", "expected a plain file name"),
        ("size", -1, "size is neither"),
        ("size", True, "size is neither"),
        ("size", 1.5, "size is neither"),
        ("sha256", "123", "sha256 is neither"),
        ("sha256", "xyz" * 8, "sha256 is neither"),
        ("licence", [], "licence is not a string"),
    ],
)
def test_malformed_entries(member: str, value: Any, reason: str, place: Workplace) -> None:
    place.entry[member] = value
    error = place.failed()
    assert f"{place.catalog}: small: " in error and reason in error


@pytest.mark.parametrize("member", ["model", "title", "url", "file", "size", "sha256", "licence"])
def test_missing_members(member: str, place: Workplace) -> None:
    """Nothing stated is written as null, not left out."""
    del place.entry[member]
    assert f"small: {member} is " in place.failed()


@pytest.mark.parametrize(
    "text", ["", "{", "[]", "{}", '{"checkpoints": []}', '{"checkpoints": {}}', '{"checkpoints": {"a": 1}}',
             '{"checkpoints": {"A/b": {}}}', "[" * 100000, "\x00"]
)  # fmt: skip
def test_malformed_catalogues(text: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    catalog = tmp_path / "catalog.json"
    catalog.write_text(text)
    for arguments in (["--list"], ["small"]):
        assert fetch.main([*arguments, "--catalog", str(catalog)]) == 1
        error = capsys.readouterr().err
        assert error.startswith(f"limn-fetch: {catalog}: ") and error.count("\n") == 1


def test_an_absent_catalogue(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert fetch.main(["--list", "--catalog", str(tmp_path / "absent")]) == 1
    assert capsys.readouterr().err == f"limn-fetch: {tmp_path / 'absent'}: No such file or directory\n"


def test_the_published_unet_is_checked_by_structure(place: Workplace, publisher: Publisher) -> None:
    """As the catalogue's entry is: mask values inside, neither size nor hash stated."""
    publisher.body = torch_zip(weights(unet(3, 2, "transposed", False)) | {"mask_values": [0, 1]})
    place.entry |= {"size": None, "sha256": None, "model": "unet", "licence": "GPL-3.0"}
    code, out, _ = place.run()
    assert code == 0 and hashlib.sha256(publisher.body).hexdigest() in out
    _, metadata, _ = read_safetensors((place.weights / "small.safetensors").read_bytes())
    assert metadata["limn.mask_values"] == "[0, 1]" and metadata["limn.licence"] == "GPL-3.0"

"""tools/fetch.py against a server on this machine: what arrives, what is refused, and what is left behind."""

from __future__ import annotations

import fcntl
import hashlib
import io
import json
import os
import resource
import signal
import socket
import subprocess
import sys
import threading
import time
import zipfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from checkpoint_files import read_safetensors, torch_zip
from convert_runner import ROOT, assert_same
from model_tables import dcgan, unet, weights
from publisher import Publisher, serving

import download  # found through convert_runner
import fetch

GENERATOR = weights(dcgan(8, (32, 16, 8, 4)))
BODY = torch_zip(GENERATOR)
SHA256 = hashlib.sha256(BODY).hexdigest()
HALF = len(BODY) // 2
PAGE = b"\n<!DOCTYPE html><title>Sign in</title>" + b" " * len(BODY)


@pytest.fixture(autouse=True)
def no_proxy(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("no_proxy", "*")


@pytest.fixture
def publisher() -> Iterator[Publisher]:
    with serving(BODY) as publisher:
        yield publisher


class Workplace:
    """A catalogue of one checkpoint, `small`, and the weights folder to fetch it to."""

    def __init__(self, folder: Path, publisher: Publisher, capsys: pytest.CaptureFixture[str]) -> None:
        self.catalog = folder / "catalog.json"
        self.weights = folder / "weights"
        self._capsys = capsys
        self.entry: dict[str, Any] = {
            "model": "dcgan",
            "title": "a small generator",
            "url": publisher.url,
            "file": "published.pth",
            "size": len(BODY),
            "sha256": SHA256[:8],
            "licence": "MIT",
        }

    def arguments(self, *options: str) -> list[str]:
        self.catalog.write_text(json.dumps({"checkpoints": {"small": self.entry}}))
        return ["small", "--catalog", str(self.catalog), "--output", str(self.weights), *options]

    def run(self, *options: str) -> tuple[int, str, str]:
        """The exit code, stdout and stderr."""
        code = fetch.main(self.arguments(*options))
        return code, *self._capsys.readouterr()

    def fetched(self, *options: str) -> str:
        """stdout of a call that succeeds: the whole file is there, and nothing that was under way."""
        code, out, err = self.run(*options)
        assert (code, err) == (0, "")
        tensors, metadata, _ = read_safetensors((self.weights / "small.safetensors").read_bytes())
        assert_same(tensors, GENERATOR)
        assert metadata["limn.licence"] == "MIT" and metadata["limn.source_sha256"] == SHA256
        assert not [name for name in self.left() if ".part" in name]
        return out

    def failed(self, *options: str) -> str:
        """The one line on stderr of a call that fails: there is no new file but, where the line says so, the part."""
        before = self.left()
        code, out, err = self.run(*options)
        assert (code, out) == (1, "")
        assert err.startswith("fetch: ") and err.endswith("\n") and err.count("\n") == 1, err
        kept = "published.pth.part, the same command goes on from there" in err
        assert kept == ("published.pth.part" in self.left()) == ("published.pth.part.json" in self.left())
        assert [name for name in self.left() if ".part" not in name] == [name for name in before if ".part" not in name]
        return err

    def left(self) -> list[str]:
        return sorted(os.listdir(self.weights)) if self.weights.exists() else []

    def part(self) -> bytes:
        return (self.weights / "published.pth.part").read_bytes()


@pytest.fixture
def place(tmp_path: Path, publisher: Publisher, capsys: pytest.CaptureFixture[str]) -> Workplace:
    return Workplace(tmp_path, publisher, capsys)


# What arrives


def test_a_checkpoint_is_fetched_checked_and_converted(place: Workplace, publisher: Publisher) -> None:
    assert place.fetched().startswith(f"{place.weights / 'small.safetensors'}: dcgan, 21 tensors, ")
    assert place.left() == ["small.safetensors"]
    assert len(publisher.requests) == 1 and "Range" not in publisher.requests[0]


def test_keep_keeps_the_checkpoint_and_it_serves_again(place: Workplace, publisher: Publisher) -> None:
    place.fetched("--keep")
    assert place.left() == ["published.pth", "small.safetensors"]
    assert (place.weights / "published.pth").read_bytes() == BODY
    place.fetched("--force")
    assert place.left() == ["published.pth", "small.safetensors"]
    assert len(publisher.requests) == 1


def test_a_wrong_checkpoint_that_is_there_already_is_neither_used_nor_removed(place: Workplace) -> None:
    place.weights.mkdir()
    (place.weights / "published.pth").write_bytes(BODY[:-1])
    assert f"is there already, but {len(BODY) - 1} bytes, expected {len(BODY)}" in place.failed()
    assert place.left() == ["published.pth"]


def test_a_hash_that_nobody_publishes_is_printed(place: Workplace) -> None:
    place.entry |= {"size": None, "sha256": None}
    assert f"published.pth: {len(BODY)} bytes, sha256 {SHA256}; its publisher states no hash" in place.fetched()


@pytest.mark.parametrize("change", [{"length": False}, {"chunked": True}, {"etag": None}, {"ranges": False}])
def test_servers_that_say_less(change: dict[str, Any], place: Workplace, publisher: Publisher) -> None:
    vars(publisher).update(change)
    place.fetched()


def test_a_connection_that_stays_open_is_not_waited_for(place: Workplace, publisher: Publisher) -> None:
    publisher.stall = len(BODY)
    place.fetched("--timeout", "5")


def test_redirects_are_followed(place: Workplace, publisher: Publisher) -> None:
    publisher.redirects = {"/models/published.pth": "/elsewhere?signature=1"}
    place.fetched()
    assert [request["path"] for request in publisher.requests] == ["/models/published.pth", "/elsewhere?signature=1"]


def test_the_weights_folder_is_that_of_limn(place: Workplace, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    arguments = place.arguments()[:3]
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("LIMN_WEIGHTS", raising=False)
    assert fetch.main(arguments) == 0 and (tmp_path / "weights" / "small.safetensors").exists()
    monkeypatch.setenv("LIMN_WEIGHTS", str(tmp_path / "mine"))
    assert fetch.main(arguments) == 0 and (tmp_path / "mine" / "small.safetensors").exists()


def test_an_existing_output_is_kept_without_force(place: Workplace, publisher: Publisher) -> None:
    place.weights.mkdir()
    output = place.weights / "small.safetensors"
    output.write_text("precious")
    assert "small.safetensors: exists already; --force replaces it" in place.failed()
    assert output.read_text() == "precious" and publisher.requests == []
    publisher.body = BODY[:-1] + b"?"
    place.failed("--force")
    assert output.read_text() == "precious"
    publisher.body = BODY
    place.fetched("--force")


# Going on


def cut(place: Workplace, publisher: Publisher) -> None:
    """The connection ends half way."""
    publisher.cut = HALF
    assert f"the connection ended after {HALF} of {len(BODY)} bytes; what came is kept in" in place.failed()
    assert place.part() == BODY[:HALF]
    publisher.cut = None


def test_a_cut_download_goes_on_where_it_ended(place: Workplace, publisher: Publisher) -> None:
    cut(place, publisher)
    place.fetched()
    assert publisher.requests[1]["Range"] == f"bytes={HALF}-"
    assert publisher.requests[1]["If-Range"] == publisher.tag


def test_and_again_and_again(place: Workplace, publisher: Publisher) -> None:
    publisher.cut = len(BODY) // 4 + 1
    for times in (1, 2, 3):
        place.failed()
        assert place.part() == BODY[: times * publisher.cut]
    place.fetched()
    assert len(publisher.requests) == 4


def test_a_date_or_no_strong_tag(place: Workplace, publisher: Publisher) -> None:
    publisher.etag, publisher.date = 'W/"weak"', "Tue, 17 Nov 2026 10:00:00 GMT"
    cut(place, publisher)
    place.fetched()
    assert publisher.requests[1]["If-Range"] == publisher.date


def test_what_no_server_could_continue_is_removed(place: Workplace, publisher: Publisher) -> None:
    publisher.cut, publisher.etag = HALF, None
    assert "the connection ended" in place.failed()
    assert place.left() == []


def test_a_server_that_ignores_ranges_starts_over(place: Workplace, publisher: Publisher) -> None:
    publisher.ranges = False
    cut(place, publisher)
    place.fetched()
    assert "Range" in publisher.requests[1]


@pytest.mark.parametrize("if_range", [True, False])
def test_a_changed_file_starts_over(if_range: bool, place: Workplace, publisher: Publisher) -> None:
    """Whether the server compares the tag, or sends the range of another file with another tag."""
    publisher.body = bytes(len(BODY))
    publisher.cut = HALF
    place.failed()
    publisher.body, publisher.cut, publisher.if_range = BODY, None, if_range
    place.fetched()
    assert len(publisher.requests) == (2 if if_range else 3)


@pytest.mark.parametrize("span", ["1-2/{size}", "{begin}-{end}/99999999", "{begin}-{end}", "x"])
def test_a_range_that_does_not_fit_starts_over(span: str, place: Workplace, publisher: Publisher) -> None:
    cut(place, publisher)
    publisher.span = span.format(size=len(BODY), begin=HALF, end=len(BODY) - 1)
    place.fetched()
    assert ["Range" in request for request in publisher.requests] == [False, True, False]


def test_a_range_of_an_unknown_total(place: Workplace, publisher: Publisher) -> None:
    cut(place, publisher)
    publisher.span = f"{HALF}-{len(BODY) - 1}/*"
    place.fetched()
    assert len(publisher.requests) == 2


def test_a_shorter_file_starts_over(place: Workplace, publisher: Publisher) -> None:
    place.entry |= {"size": None}
    publisher.body = bytes(3 * len(BODY))
    publisher.cut = 2 * len(BODY)
    place.failed()
    publisher.body, publisher.cut, publisher.if_range = BODY, None, False
    place.fetched()


def test_another_address_starts_over(place: Workplace, publisher: Publisher) -> None:
    cut(place, publisher)
    place.entry["url"] = publisher.url + "?2"
    place.fetched()
    assert "Range" not in publisher.requests[1]


@pytest.mark.parametrize(
    "about",
    [
        "", "{}", "[]", "nonsense", '{"url": "HERE", "version": 2, "total": null}',
        '{"url": "HERE", "version": "x", "total": "9999999"}', '{"url": "HERE", "version": "x", "total": 3}',
        '{"url": "HERE", "version": "x\\r\\nCookie: y", "total": null}',
    ],
)  # fmt: skip
def test_a_part_of_unknown_origin_starts_over(about: str, place: Workplace, publisher: Publisher) -> None:
    cut(place, publisher)
    (place.weights / "published.pth.part.json").write_text(about.replace("HERE", publisher.url))
    place.fetched()
    assert "Range" not in publisher.requests[1]


def test_a_complete_part_needs_no_server(place: Workplace, publisher: Publisher, monkeypatch) -> None:
    """The run was interrupted while it converted."""

    def interrupted(*_: object, **__: object) -> str:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(fetch.convert, "convert", interrupted)
        code, _, err = place.run()
    assert code == 130 and "interrupted; what came is kept in" in err
    assert place.left() == ["published.pth.part", "published.pth.part.json"]
    place.fetched()
    assert place.left() == ["small.safetensors"] and len(publisher.requests) == 1


def test_two_runs_at_once(place: Workplace, publisher: Publisher) -> None:
    cut(place, publisher)
    with open(place.weights / "published.pth.part", "rb") as other:
        fcntl.flock(other, fcntl.LOCK_EX)
        code, _, err = place.run()
    assert code == 1 and err.endswith("published.pth.part: another run is downloading it\n")
    assert place.part() == BODY[:HALF]


# What is refused


@pytest.mark.parametrize("resumed", [False, True])
def test_a_wrong_hash_is_removed(resumed: bool, place: Workplace, publisher: Publisher) -> None:
    place.entry["sha256"] = "0123abcd"
    if resumed:
        cut(place, publisher)
    assert f"its sha256 is {SHA256}, expected 0123abcd; what was downloaded is removed" in place.failed()
    assert place.left() == []


def test_every_stated_digit_of_a_hash_counts(place: Workplace) -> None:
    place.entry["sha256"] = SHA256[:-1] + ("0" if SHA256[-1] != "0" else "1")
    assert f"its sha256 is {SHA256}" in place.failed()


@pytest.mark.parametrize("length", [True, False])
@pytest.mark.parametrize("difference", [1, -1])
def test_a_wrong_size(length: bool, difference: int, place: Workplace, publisher: Publisher) -> None:
    publisher.length = length
    place.entry["size"] = len(BODY) + difference
    error = place.failed()
    if length:
        assert f"the server's file has {len(BODY)} bytes, expected {len(BODY) + difference}" in error
    else:
        assert ("the connection ended after" if difference > 0 else "more than") in error
    if length or difference < 0:
        assert place.left() == []


def test_an_endless_file(place: Workplace, publisher: Publisher, monkeypatch) -> None:
    place.entry["size"] = None
    monkeypatch.setattr(download, "MAX_SIZE", 1000)
    for publisher.length, fault in ((True, f"the server's file has {len(BODY)}"), (False, "more than 1000")):
        assert f"{fault} bytes, expected at most 1000" in place.failed()
        assert place.left() == []


def test_another_model_is_refused_and_removed(place: Workplace, publisher: Publisher) -> None:
    place.entry |= {"size": None, "sha256": None, "model": "unet"}
    assert f"sha256 {SHA256}: the tensors are those of dcgan, expected unet" in place.failed()
    assert place.left() == []


def test_half_a_file_of_an_unknown_size_and_hash(place: Workplace, publisher: Publisher) -> None:
    place.entry |= {"size": None, "sha256": None}
    publisher.length, publisher.body = False, BODY[:HALF]
    assert "damaged zip archive" in place.failed()
    assert place.left() == []


@pytest.mark.parametrize("status", [404, 403, 410, 500, 503])
def test_http_errors(status: int, place: Workplace, publisher: Publisher) -> None:
    publisher.status = status
    assert f"published.pth: HTTP {status} " in place.failed()
    assert not place.weights.exists()


@pytest.mark.parametrize("status", [203, 204, 206])
def test_unexpected_success(status: int, place: Workplace, publisher: Publisher) -> None:
    publisher.status = status
    assert f"HTTP {status} " in place.failed()


@pytest.mark.parametrize(
    ("kind", "body"), [("text/html; charset=utf-8", b"Please sign in"), ("application/octet-stream", PAGE)]
)
def test_a_web_page_is_told_from_a_checkpoint(kind: str, body: bytes, place: Workplace, publisher: Publisher) -> None:
    publisher.kind, publisher.body = kind, body
    publisher.redirects = {"/models/published.pth": "/login"}
    place.entry |= {"size": None, "sha256": None}
    assert f"published.pth: a web page at {publisher.url.replace('models/published.pth', 'login')}" in place.failed()
    assert not place.weights.exists()


def test_a_web_page_does_not_cost_what_came_before(place: Workplace, publisher: Publisher) -> None:
    cut(place, publisher)
    publisher.body, publisher.kind = PAGE, "text/html"
    assert "a web page" in place.failed()
    publisher.body, publisher.kind = BODY, "application/octet-stream"
    place.fetched()
    assert publisher.requests[2]["Range"] == f"bytes={HALF}-"


@pytest.mark.parametrize(
    ("target", "reason"),
    [
        ("http://example.invalid/x.pth", "redirects to http://example.invalid/x.pth, which is not https"),
        ("ftp://127.0.0.1/x.pth", "redirects to ftp://127.0.0.1/x.pth, which is not https"),
        ("file:///etc/passwd", "HTTP 302 "),
        ("http://[", "Invalid IPv6 URL"),
    ],
)
def test_redirects_that_are_not_followed(target: str, reason: str, place: Workplace, publisher: Publisher) -> None:
    publisher.redirects = {"/models/published.pth": target}
    assert reason in place.failed()
    assert len(publisher.requests) == 1


def test_a_circle_of_redirects(place: Workplace, publisher: Publisher) -> None:
    publisher.redirects = {"/models/published.pth": "/models/published.pth"}
    assert "HTTP 302" in place.failed()


def test_offline(place: Workplace) -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        place.entry["url"] = f"http://127.0.0.1:{free.getsockname()[1]}/x.pth"
        assert "x.pth: the connection failed: Connection refused" in place.failed()


@pytest.mark.parametrize("stall", [0, HALF])
def test_a_server_that_falls_silent(stall: int, place: Workplace, publisher: Publisher) -> None:
    publisher.stall = stall
    assert "the server sent nothing for 0.3 seconds" in place.failed("--timeout", "0.3")
    assert (len(place.part()) if stall else 0) == stall


def test_no_answer_at_all(place: Workplace) -> None:
    with socket.socket() as mute:
        mute.bind(("127.0.0.1", 0))
        mute.listen()
        place.entry["url"] = f"http://127.0.0.1:{mute.getsockname()[1]}/x.pth"
        assert "the server sent nothing for 0.3 seconds" in place.failed("--timeout", "0.3")


@pytest.mark.parametrize("answer", [b"", b"SSH-2.0-OpenSSH\r\n", b"HTTP/1.1 200 OK\r\nContent-Length: -5\r\n\r\n"])
def test_a_server_that_speaks_otherwise(answer: bytes, place: Workplace) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        place.entry["url"] = f"http://127.0.0.1:{server.getsockname()[1]}/x.pth"

        def once() -> None:
            connection, _ = server.accept()
            with connection:
                connection.recv(4096)
                connection.sendall(answer)

        thread = threading.Thread(target=once)
        thread.start()
        place.failed()
        thread.join()


def test_folders_that_cannot_be_written(place: Workplace, tmp_path: Path) -> None:
    for folder, reason in ((tmp_path / "absent" / "deep", "No such file"), (place.catalog, "File exists")):
        place.weights = folder
        code, _, err = place.run()
        assert code == 1 and f"{folder}: {reason}" in err


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
    assert "published.pth.part: File too large; what came is kept in" in done.stderr
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
    assert "small.safetensors: File too large; what came is kept in" in done.stderr
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
    assert done.returncode == 0 and done.stdout.startswith("example: python3 tools/fetch.py ")


@pytest.mark.parametrize(
    ("arguments", "reason"),
    [
        ([], "which checkpoint?"),
        (["siggraf17"], "no checkpoint siggraf17, did you mean siggraph17?"),
        (["unet-scale1.0"], "did you mean unet-scale1?"),
        (["lenet5000"], "--list shows them"),
        (["unet", "--timeout", "0"], "invalid number of seconds"),
        (["unet", "eccv16"], "unrecognized arguments"),
    ],
)
def test_wrong_usage_is_one_line_and_2(arguments: list[str], reason: str) -> None:
    done = command(*arguments)
    assert done.returncode == 2 and done.stderr.count("\n") == 1
    assert done.stderr.startswith("fetch: ") and reason in done.stderr


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
        ("model", None, "model is not a text"),
        ("title", 3, "title is not a text"),
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
        ("licence", [], "licence is not a text"),
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
        assert error.startswith(f"fetch: {catalog}: ") and error.count("\n") == 1


def test_an_absent_catalogue(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert fetch.main(["--list", "--catalog", str(tmp_path / "absent")]) == 1
    assert capsys.readouterr().err == f"fetch: {tmp_path / 'absent'}: No such file or directory\n"


def test_the_published_unet_is_checked_by_structure(place: Workplace, publisher: Publisher) -> None:
    """As the catalogue's entry is: mask values inside, neither size nor hash stated."""
    publisher.body = torch_zip(weights(unet(3, 2, "transposed", False)) | {"mask_values": [0, 1]})
    place.entry |= {"size": None, "sha256": None, "model": "unet", "licence": "GPL-3.0"}
    code, out, _ = place.run()
    assert code == 0 and hashlib.sha256(publisher.body).hexdigest() in out
    _, metadata, _ = read_safetensors((place.weights / "small.safetensors").read_bytes())
    assert metadata["limn.mask_values"] == "[0, 1]" and metadata["limn.licence"] == "GPL-3.0"

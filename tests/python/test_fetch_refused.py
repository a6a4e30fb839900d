"""tools/fetch.py: what is refused, and what is left behind."""

from __future__ import annotations

import socket
import threading
from pathlib import Path

import pytest
from checkpoint import download
from fetch_support import BODY, HALF, PAGE, SHA256, Workplace, cut, no_proxy, place, publisher  # noqa: F401 (fixtures)
from publisher import Publisher


@pytest.mark.parametrize("resumed", [False, True])
def test_a_wrong_hash_is_removed(resumed: bool, place: Workplace, publisher: Publisher) -> None:
    place.entry["sha256"] = "0123abcd"
    if resumed:
        cut(place, publisher)
    assert f"sha256 {SHA256}, expected 0123abcd; the downloaded file was removed" in place.failed()
    assert place.left() == []


def test_every_stated_digit_of_a_hash_counts(place: Workplace) -> None:
    place.entry["sha256"] = SHA256[:-1] + ("0" if SHA256[-1] != "0" else "1")
    assert f"sha256 {SHA256}" in place.failed()


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

"""tools/fetch.py against a server on this machine: what arrives, and what goes on after a cut."""

from __future__ import annotations

import fcntl
import os
import shutil
from pathlib import Path
from typing import Any

import fetch
import numpy as np
import pytest
from checkpoint import conversion
from checkpoint_files import torch_zip
from cli_support import LIMN, limn
from fetch_support import BODY, GENERATOR, HALF, SHA256, Workplace, cut, no_proxy, place, publisher  # noqa: F401 (fixtures)
from publisher import Publisher

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
    assert f"already exists, but {len(BODY) - 1} bytes, expected {len(BODY)}" in place.failed()
    assert place.left() == ["published.pth"]


def test_a_hash_that_nobody_publishes_is_printed(place: Workplace) -> None:
    place.entry |= {"size": None, "sha256": None}
    assert f"published.pth: {len(BODY)} bytes, sha256 {SHA256}; the publisher states no hash" in place.fetched()


def test_values_that_are_not_finite_are_told(place: Workplace, publisher: Publisher) -> None:
    publisher.body = torch_zip(GENERATOR | {"main.1.bias": np.full(32, np.nan, "<f4")})
    place.entry |= {"size": None, "sha256": None}
    code, out, err = place.run()
    assert (code, err) == (0, "")
    assert out.endswith("\nwarning: dcgan tensors: 1 with NaN or infinite values: main.1.bias (32 of 32)\n")


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


def test_limn_finds_what_was_fetched(place: Workplace, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for variable in ("LIMN_WEIGHTS", "XDG_DATA_HOME"):
        monkeypatch.delenv(variable, raising=False)
    for variable, folder in (("HOME", "home/.local/share/limn/weights"), ("XDG_DATA_HOME", "data/limn/weights"),
                             ("LIMN_WEIGHTS", "mine")):  # fmt: skip
        monkeypatch.setenv(variable, str(tmp_path / folder.split("/")[0]))
        assert fetch.main(place.arguments()[:3]) == 0 and (tmp_path / folder / "small.safetensors").exists()
        if shutil.which(LIMN):
            said = limn("verify", "small", env=dict(os.environ)).stderr.decode()  # a variance is negative
            assert f"{folder}/small.safetensors: tensor main.1.running_var" in said


def test_an_existing_output_is_kept_without_force(place: Workplace, publisher: Publisher) -> None:
    place.weights.mkdir()
    output = place.weights / "small.safetensors"
    output.write_text("precious")
    assert "small.safetensors: already exists (use --force to replace it)" in place.failed()
    assert output.read_text() == "precious" and publisher.requests == []
    publisher.body = BODY[:-1] + b"?"
    place.failed("--force")
    assert output.read_text() == "precious"
    publisher.body = BODY
    place.fetched("--force")


# Going on


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
        patch.setattr(conversion, "convert", interrupted)
        code, _, err = place.run()
    assert code == 130 and "interrupted; the incomplete download is kept in" in err
    assert place.left() == ["published.pth.part", "published.pth.part.json"]
    place.fetched()
    assert place.left() == ["small.safetensors"] and len(publisher.requests) == 1


def test_two_runs_at_once(place: Workplace, publisher: Publisher) -> None:
    cut(place, publisher)
    with open(place.weights / "published.pth.part", "rb") as other:
        fcntl.flock(other, fcntl.LOCK_EX)
        code, _, err = place.run()
    assert code == 1 and err.endswith("published.pth.part: another process is downloading it\n")
    assert place.part() == BODY[:HALF]

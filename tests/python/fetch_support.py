"""What the tests of tools/fetch.py share: a catalogue of one checkpoint, and a server on this machine."""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import fetch
import pytest
from checkpoint_files import read_safetensors, torch_zip
from convert_runner import assert_same
from model_tables import dcgan, weights
from publisher import Publisher, serving

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
        assert err.startswith("limn-fetch: ") and err.endswith("\n") and err.count("\n") == 1, err
        kept = "published.pth.part: run the same command to resume it" in err
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




def cut(place: Workplace, publisher: Publisher) -> None:
    """The connection ends half way."""
    publisher.cut = HALF
    said = f"the connection ended after {HALF} of {len(BODY)} bytes; the incomplete download is kept in"
    assert said in place.failed()
    assert place.part() == BODY[:HALF]
    publisher.cut = None

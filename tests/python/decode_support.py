"""Many picture files decoded by limn in one process, for comparison with Pillow: see tests/decode_pictures.c."""

from __future__ import annotations

import os
import subprocess
import tempfile
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import IO, NamedTuple

import numpy as np
from cli_support import LIMN

DECODER = Path(os.environ.get("LIMN_DECODER", Path(LIMN).parent / "decode_pictures"))


class Decoded(NamedTuple):
    """What limn makes of a file: pixels (H x W x 3 or 4, uint8), or the message with which it refuses it."""

    path: Path
    pixels: np.ndarray | None
    message: str
    seconds: float  # of CPU time


def decode(paths: Iterable[Path], stored: bool = False) -> Iterator[Decoded]:
    """Decodes the files in this order, upright or `stored` as they are. Needs `make build/decode_pictures`."""
    assert DECODER.is_file(), f"{DECODER}: no such program; make {DECODER} builds it"
    paths = list(paths)
    with tempfile.NamedTemporaryFile("w", suffix=".txt") as names:
        names.writelines(f"{path}\n" for path in paths)
        names.flush()
        command = [DECODER, *(["--stored"] if stored else []), names.name]
        with subprocess.Popen(command, stdout=subprocess.PIPE) as run:
            assert run.stdout
            for path in paths:
                yield read_one(path, run.stdout)
    assert run.returncode == 0, f"{DECODER}: exit code {run.returncode}"


def read_one(path: Path, stream: IO[bytes]) -> Decoded:
    line = stream.readline().decode(errors="replace").rstrip("\n")
    outcome, _, rest = line.partition(" ")
    assert outcome in ("ok", "refused"), f"{path}: the decoder ended after '{line}'"
    if outcome == "refused":
        return Decoded(path, None, rest.partition(" ")[2], 0)
    width, height, channels, microseconds = map(int, rest.split())
    pixels = np.frombuffer(stream.read(width * height * channels), np.uint8).reshape(height, width, channels)
    return Decoded(path, pixels, "", microseconds / 1e6)

"""What a hostile file is, and pieces of them."""

from __future__ import annotations

import struct
from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np
from checkpoint_files import TorchPickle
from model_tables import dcgan, weights

GENERATOR = weights(dcgan(1, (2,), 1))
CANARY = "touch limn-canary"  # what the hostile pickles would run


class Hostile(NamedTuple):
    make: Callable[[], bytes]
    message: str  # all of it behind the file's name; where it ends in "..", its beginning
    code: int = 1
    large: bool = False  # takes long to make


def constant(data: bytes) -> Callable[[], bytes]:
    return lambda: data


def text(value: str) -> bytes:
    """The instruction that pushes it."""
    return b"X" + struct.pack("<I", len(value)) + value.encode()


def dumped(root: Any) -> bytes:
    return TorchPickle().dumps(root)


def named(name: str) -> str:
    """What is said of a global that no checkpoint needs."""
    return f"possibly hostile pickle: names {name}, which no checkpoint needs; nothing was executed"


def strides(shape: tuple[int, ...]) -> tuple[int, ...]:
    """Those of a C-ordered tensor of floats."""
    return tuple(step // 4 for step in np.empty(shape, "<f4").strides)

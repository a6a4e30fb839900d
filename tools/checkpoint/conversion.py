"""Converts a checkpoint into what limn runs: a file into a file, or tensors in memory into the bytes of one."""

from __future__ import annotations

import errno
import hashlib
import math
import os
import stat
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any, NamedTuple

from numpy.typing import NDArray

from . import metadata, models, read, safetensors
from .metadata import Choices
from .tensor import BITS, Checkpoint, CheckpointError, Tensor, most_values, narrowed, not_finite

MAX_FILE = 1 << 32  # bytes; three times the largest network in float64 with its optimiser state


class Done(NamedTuple):
    """The result of a conversion: a line about the file written, and a warning, which is empty if there is none."""

    line: str
    warning: str


def convert(
    source: str,
    output: str,
    model: str | None = None,
    choices: Choices = Choices(),
    half: bool = False,
    force: bool = False,
    key: str | None = None,
) -> Done:
    """Converts the file `source` into `output` and returns the messages to print.

    `model` is a name of models.MODELS, or None to detect it. `key` is where the network is in the file, or None to
    search for it. Tensors keep their upstream names (without prefixes, and today's if there are older ones), shapes and
    layout; F64 becomes F32, and with `half` tensors of 2 or more axes become F16. NaN and infinite values are kept,
    with a warning. An existing output file is an error unless `force` is set.
    Raises CheckpointError if the checkpoint cannot be converted and OSError if a file cannot be read or written.
    """
    safetensors.check_output(output, force)
    data = _read(source)
    content = read(data)
    found = models.find(content, model, key)
    sha256 = hashlib.sha256(data).hexdigest()
    about, warning = metadata.describe(found, Path(source).name, sha256, choices)
    _check_sharing(found.tensors, len(data))
    spoilt: dict[str, str] = {}
    written = {name: _watched(name, narrowed(tensor, half), spoilt) for name, tensor in found.tensors.items()}
    size = safetensors.write(output, written, about, force)
    line = f"{output}: {found.model}, {len(written)} tensors, {size / 1e6:.1f} MB, licence {about['limn.licence']}"
    if found.key:
        line += f"; from {found.key}"
    unused = len(content.tensors) - len(written)
    if unused:
        line += f"; {unused} unused tensors left out"
    named = [spoilt[name] for name in sorted(spoilt)]
    damaged = f"{found.model} tensors: {models.counted(named, 'with NaN or infinite values')}" if named else ""
    return Done(line, "; ".join(filter(None, (warning, damaged))))


def converted(content: Checkpoint, name: str, model: str | None = None) -> bytes:
    """The bytes of the safetensors file of the network in `content`, whose source is called `name`.

    Raises CheckpointError.
    """
    found = models.find(content, model)
    about, _ = metadata.describe(found, name, "", Choices())
    return b"".join(safetensors.parts({key: narrowed(tensor, False) for key, tensor in found.tensors.items()}, about))


def _read(path: str) -> bytes:
    """Reads a whole regular file. Raises OSError if it is not regular, is too large, or changes during the read."""
    # O_NONBLOCK: opening a pipe without a writer would block forever.
    with open(path, "rb", opener=lambda name, flags: os.open(name, flags | os.O_NONBLOCK)) as file:
        before = os.fstat(file.fileno())
        if not stat.S_ISREG(before.st_mode):
            raise OSError(errno.EINVAL, "is not a regular file", path)
        if before.st_size > MAX_FILE:
            raise OSError(errno.EFBIG, f"{before.st_size} bytes, expected at most {MAX_FILE}", path)
        data = file.read(before.st_size + 1)
        after = os.fstat(file.fileno())
    if (len(data), after.st_size, after.st_mtime_ns) != (before.st_size, before.st_size, before.st_mtime_ns):
        raise OSError(errno.EIO, "changed while it was being read", path)
    return data


def _check_sharing(tensors: Mapping[str, Tensor], file_size: int) -> None:
    """Raises CheckpointError if tensors that share storage expand to far more bytes than the file has."""
    total = sum(math.prod(tensor.shape) * BITS[tensor.dtype] // 8 for tensor in tensors.values())
    most = most_values(file_size)
    if total > most:
        raise CheckpointError(f"tensors that share values expand to {total} bytes, expected at most {most}")


def _watched(name: str, tensor: Tensor, spoilt: dict[str, str]) -> Tensor:
    """A tensor whose `read` also records the number of NaN and infinite values in `spoilt`."""

    def read() -> NDArray[Any]:
        values = tensor.read()
        count = not_finite(tensor.dtype, values)
        if count > 0:
            spoilt[name] = f"{name} ({count} of {values.size})"
        return values

    return replace(tensor, read=read)

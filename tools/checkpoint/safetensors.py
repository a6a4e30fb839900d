"""Reads safetensors files, enforcing every rule of the documentation, and writes them atomically.

The format (safetensors README, "Format"): 8 bytes, the header's length N, unsigned little-endian; N bytes of JSON,
`{"NAME": {"dtype": "F32", "shape": [..], "data_offsets": [BEGIN, END]}, .., "__metadata__": {"KEY": "TEXT"}}`, which
may be padded with spaces; then the values, C-ordered and little-endian. Offsets count from the end of the header.
"""

from __future__ import annotations

import contextlib
import errno
import json
import math
import os
import re
import stat
import struct
from collections.abc import Iterator, Mapping
from typing import Any

from .tensor import BITS, Checkpoint, CheckpointError, Tensor, is_shape, is_size, tensor_of_bytes

MAX_HEADER = 100_000_000  # bytes, the limit of the reference implementation
MAX_VALUES = 1_000_000  # JSON values in the header, 150 MB as Python objects; ten thousand tensors need a seventh
_TEXT = re.compile(rb"[\t-~]{8}|\xff\xfe.\0.\0.\0", re.DOTALL)  # in ASCII or UTF-16, as in a JSON file
ALIGNMENT = 64  # of the data in the files written here, so that a reader can use aligned loads


def looks_like(data: bytes) -> bool:
    """Whether `data` begins like a safetensors file: a length, which is no text, then an opening brace."""
    return data[8:9] == b"{" and _TEXT.match(data) is None


def read(data: bytes) -> Checkpoint:
    """The tensors and metadata of a whole safetensors file. Raises CheckpointError if a rule is broken."""
    header, body = _split(data)
    _check_repeated(header, "tensor ")
    metadata = header.pop("__metadata__", {})
    if not isinstance(metadata, dict):
        raise CheckpointError(f"__metadata__ is {_json_kind(metadata)}, expected an object of strings")
    _check_repeated(metadata, "metadata key ")
    for key, value in metadata.items():
        if not isinstance(value, str):
            raise CheckpointError(f"metadata key {key}: {_json_kind(value)}, expected a string")
    if not all(_is_unicode(key) and _is_unicode(text) for key, text in metadata.items()):
        raise CheckpointError("__metadata__ holds text that is not valid Unicode")
    spans = sorted((_span(name, entry), name) for name, entry in header.items())
    end = 0
    for (begin, stop), name in spans:
        if begin != end:
            raise CheckpointError(f"tensor {name}: data begins at {begin}, expected {end}: no gaps or overlaps allowed")
        end = stop
    if end != len(body):
        raise CheckpointError(f"the tensors end at byte {end} of the data, expected {len(body)}, the end of the file")
    return Checkpoint({name: _tensor(entry, body) for name, entry in header.items()}, metadata=metadata)


def _split(data: bytes) -> tuple[dict[str, Any], memoryview]:
    """The header as parsed JSON, and the bytes after it."""
    if len(data) < 8:
        raise CheckpointError(f"{len(data)} bytes, expected at least the 8 of a safetensors length")
    (length,) = struct.unpack_from("<Q", data)
    if length > min(len(data) - 8, MAX_HEADER):
        raise CheckpointError(
            f"header length {length} bytes, expected at most {MAX_HEADER} and at most the {len(data) - 8} that follow"
        )
    text = data[8 : 8 + length]
    if not text.startswith(b"{"):
        raise CheckpointError("the header does not begin with '{'")
    values = sum(map(text.count, (b"[", b"{", b",", b":")))
    if values > MAX_VALUES:
        raise CheckpointError(f"the header holds {values} values, expected at most {MAX_VALUES}")
    try:
        header = json.loads(text.decode("utf-8"), object_pairs_hook=_Members, parse_constant=_refuse_constant)
    except RecursionError:
        raise CheckpointError("the header is nested too deeply") from None
    except ValueError as error:  # also covers UTF-8 and numbers that are too long
        raise CheckpointError(f"the header is not valid JSON: {error}") from None
    return header, memoryview(data)[8 + length :]


class _Members(dict[str, Any]):
    """A JSON object. `repeated` is a name that occurs twice in it, or None."""

    def __init__(self, pairs: list[tuple[str, Any]]) -> None:
        super().__init__(pairs)
        self.repeated: str | None = None
        if len(self) < len(pairs):
            seen: set[str] = set()
            self.repeated = next(name for name, _ in pairs if name in seen or seen.add(name))


def _check_repeated(members: Any, what: str) -> None:
    if isinstance(members, _Members) and members.repeated is not None:
        raise CheckpointError(f"{what}{members.repeated} occurs twice")


def _refuse_constant(name: str) -> None:
    raise ValueError(f"{name} is not a JSON number")


def _json_kind(value: Any) -> str:
    if value is None or isinstance(value, bool):
        return json.dumps(value)
    kinds = ((dict, "an object"), (list, "an array"), (str, "a string"))
    return next((name for kind, name in kinds if isinstance(value, kind)), "a number")


def _is_unicode(text: str) -> bool:
    """Whether the text can be written as UTF-8. JSON can hold half a surrogate pair, which cannot."""
    try:
        text.encode("utf-8")
    except UnicodeEncodeError:
        return False
    return True


def _span(name: str, entry: Any) -> tuple[int, int]:
    """The checked data offsets of one header entry."""
    if not _is_unicode(name):
        raise CheckpointError(f"tensor {name}: the name is not valid Unicode")
    _check_repeated(entry, f"tensor {name}: ")
    if not isinstance(entry, dict) or entry.keys() != {"dtype", "shape", "data_offsets"}:
        raise CheckpointError(f"tensor {name}: expected an object with dtype, shape and data_offsets")
    dtype, shape, offsets = entry["dtype"], entry["shape"], entry["data_offsets"]
    if not isinstance(dtype, str) or dtype not in BITS:
        raise CheckpointError(f"tensor {name}: unknown dtype, expected one of {' '.join(BITS)}")
    if not is_shape(shape):
        raise CheckpointError(f"tensor {name}: the shape is not a list of sizes")
    if not isinstance(offsets, list) or len(offsets) != 2 or not all(map(is_size, offsets)) or offsets[0] > offsets[1]:
        raise CheckpointError(f"tensor {name}: data_offsets is not a pair of ascending offsets")
    begin, end = offsets
    if (end - begin) * 8 != math.prod(shape) * BITS[dtype]:
        raise CheckpointError(f"tensor {name}: {end - begin} bytes of data do not match {dtype} {shape}")
    return begin, end


def _tensor(entry: dict[str, Any], body: memoryview) -> Tensor:
    begin, end = entry["data_offsets"]
    return tensor_of_bytes(body[begin:end], entry["dtype"], tuple(entry["shape"]))


def check_output(path: str, force: bool) -> None:
    """Raises OSError if `path` must not be written: it exists and `force` is not set, or it is not a regular file."""
    try:
        mode = os.stat(path).st_mode
    except FileNotFoundError:
        return
    if not stat.S_ISREG(mode):
        raise OSError(errno.EINVAL, "is not a regular file", path)
    if not force:
        raise FileExistsError(errno.EEXIST, "already exists (use --force to replace it)", path)


def write(path: str, tensors: Mapping[str, Tensor], metadata: Mapping[str, str], force: bool) -> int:
    """Writes a safetensors file and returns its size in bytes. After an error no file is left.

    The file is written under a temporary name in the same folder and renamed when it is complete. Raises OSError with
    `path`, and CheckpointError with the tensor's name if its `read` fails.
    """
    final = os.path.realpath(path)  # replace a link's target, not the link
    unique = f"{os.getpid()}-{os.urandom(4).hex()}"  # a process that was killed may have left a file
    beginning = os.fsdecode(os.fsencode(os.path.basename(final))[:200])  # a name has at most 255 bytes
    partial = os.path.join(os.path.dirname(final), f".{beginning}.{unique}.part")
    try:
        file = open(partial, "xb")
        try:
            with file:
                size = sum(file.write(part) for part in parts(tensors, metadata))
            check_output(final, force)  # another process may have created it since
            os.replace(partial, final)
        except BaseException:  # an interrupt leaves no file either
            with contextlib.suppress(FileNotFoundError):
                os.unlink(partial)
            raise
    except OSError as error:
        raise OSError(error.errno, error.strerror, path) from None
    return size


def parts(tensors: Mapping[str, Tensor], metadata: Mapping[str, str]) -> Iterator[bytes]:
    """The bytes of a safetensors file: its header, then the values of each tensor.

    The header is padded so that the data starts at a multiple of 64. Tensors are sorted by descending element size,
    then by name, so that each is aligned to its elements. Raises CheckpointError with the tensor's name if its `read`
    fails.
    """
    names = sorted(tensors, key=lambda name: (-BITS[tensors[name].dtype], name))
    header: dict[str, Any] = {"__metadata__": dict(metadata)}
    end = 0
    for name in names:
        dtype, shape = tensors[name].dtype, tensors[name].shape
        begin, end = end, end + math.prod(shape) * BITS[dtype] // 8
        header[name] = {"dtype": dtype, "shape": list(shape), "data_offsets": [begin, end]}
    text = json.dumps(header, separators=(",", ":")).encode()
    text += b" " * (-(8 + len(text)) % ALIGNMENT)
    yield struct.pack("<Q", len(text)) + text
    for name in names:
        yield _bytes(name, tensors[name])


def _bytes(name: str, tensor: Tensor) -> bytes:
    try:
        return tensor.read().tobytes()
    except CheckpointError as error:
        raise CheckpointError(f"tensor {name}: {error}") from None

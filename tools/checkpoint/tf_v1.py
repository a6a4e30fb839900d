"""TensorFlow's V1 checkpoints: a LevelDB table of protocol buffers in a single file.

From TensorFlow's `saved_tensor_slice.proto`, `tensor.proto`, `tensor_shape.proto` and `tensor_slice.proto`: the
value at the empty key is a SavedTensorSlices whose `meta` lists every variable with its shape and dtype. Every other
value is a SavedTensorSlices whose `data` is a slice of one variable. The field numbers below are from these files.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterator
from typing import NamedTuple

from .leveldb_table import entries, varint
from .tensor import MAX_RANK, MAX_SIZE, Checkpoint, CheckpointError, Tensor, tensor_of_bytes

# DataType -> (safetensors dtype, the field of TensorProto with the values, bytes per value)
_FLOATS = {1: ("F32", 5, 4), 2: ("F64", 6, 8)}
_TENSOR_CONTENT = 4

_VARINT, _FIXED64, _BYTES, _FIXED32 = 0, 1, 2, 5  # wire types (Protocol Buffers, "Encoding")


class _Variable(NamedTuple):
    shape: tuple[int, ...]
    dtype: int


def read(data: bytes) -> Checkpoint:
    """The variables of a whole V1 checkpoint. Raises CheckpointError.

    Only float and double variables can be read. Others, such as a step counter, have only a name and a shape.
    """
    variables: dict[str, _Variable] = {}
    tensors: dict[str, Tensor] = {}
    for number, (key, value) in enumerate(entries(data)):
        if (number == 0) != (key == b""):
            raise CheckpointError("the table does not begin with a TensorFlow checkpoint's list of variables")
        if number == 0:
            variables = _variables(value)
            continue
        name, tensor = _slice(value, variables)
        if name in tensors:
            raise CheckpointError(f"tensor {name}: saved twice or in parts, expected one whole tensor")
        tensors[name] = tensor
    for name in variables:
        if name not in tensors:
            raise CheckpointError(f"tensor {name}: listed, but it has no values")
    return Checkpoint(tensors)


def _variables(message: memoryview) -> dict[str, _Variable]:
    """SavedTensorSlices.meta.tensor, by name."""
    meta = _only(message, 1)
    if meta is None:
        raise CheckpointError("no list of variables: this may be the .index of a V2 checkpoint, expected a V1 file")
    variables: dict[str, _Variable] = {}
    for field, value in _fields(meta):
        if field == 1 and isinstance(value, memoryview):
            name = _text(_only(value, 1))
            if name in variables:
                raise CheckpointError(f"tensor {name}: listed twice")
            variables[name] = _Variable(_shape(name, _only(value, 2)), _number(value, 3))
    return variables


def _slice(message: memoryview, variables: dict[str, _Variable]) -> tuple[str, Tensor]:
    """SavedTensorSlices.data as a named tensor."""
    data = _only(message, 2)
    if data is None:
        raise CheckpointError("a table entry holds no tensor data")
    name = _text(_only(data, 1))
    if name not in variables:
        raise CheckpointError(f"tensor {name}: not in the checkpoint's list of variables")
    shape, dtype = variables[name]
    _check_whole(name, _only(data, 2), shape)
    if dtype not in _FLOATS:
        return name, tensor_of_bytes(memoryview(b""), f"TensorFlow DataType {dtype}", shape)
    kind, values_field, size = _FLOATS[dtype]
    values = _joined(_only(data, 3) or memoryview(b""), (values_field, _TENSOR_CONTENT))
    if len(values) != math.prod(shape) * size:
        raise CheckpointError(f"tensor {name}: {len(values)} bytes of values do not match {kind} {list(shape)}")
    return name, tensor_of_bytes(values, kind, shape)


def _joined(message: memoryview, numbers: tuple[int, ...]) -> memoryview:
    """The bytes of all fields with these numbers; copied only if there are several."""
    joined: memoryview | bytearray = memoryview(b"")
    for field, value in _fields(message):
        if field not in numbers or not isinstance(value, memoryview):
            continue
        if not joined:
            joined = value
        else:
            joined = joined if isinstance(joined, bytearray) else bytearray(joined)
            joined += value
    return memoryview(joined)


def _check_whole(name: str, message: memoryview | None, shape: tuple[int, ...]) -> None:
    """Raises CheckpointError unless a slice covers its whole variable: each extent empty, or 0 to the axis's size."""
    found = (value for field, value in _fields(message or memoryview(b"")) if field == 1)
    extents = list(itertools.islice(found, len(shape) + 1))
    whole = len(extents) == len(shape) and all(
        isinstance(extent, memoryview) and (not extent or (_number(extent, 1) == 0 and _number(extent, 2) == size))
        for extent, size in zip(extents, shape, strict=True)
    )
    if not whole:
        raise CheckpointError(f"tensor {name}: saved in parts (a partitioned variable), expected a whole tensor")


def _shape(name: str, message: memoryview | None) -> tuple[int, ...]:
    """TensorShapeProto: the sizes of its dims."""
    sizes: list[int] = []
    for field, value in _fields(message or memoryview(b"")):
        if field == 2 and isinstance(value, memoryview):
            sizes.append(_number(value, 1))
        if len(sizes) > MAX_RANK or (sizes and sizes[-1] > MAX_SIZE) or (field, value) == (3, 1):
            raise CheckpointError(f"tensor {name}: its shape is unknown or impossible")
    return tuple(sizes)


def _fields(message: memoryview) -> Iterator[tuple[int, int | memoryview]]:
    """The (number, value) pairs of a message, in the wire format of Protocol Buffers' "Encoding" page.

    A varint is yielded as an int, everything else as its bytes. A packed list of floats and a single float then have
    the same form; a reader must accept a list in either.
    """
    at = 0
    while at < len(message):
        tag, at = varint(message, at)
        number, wire_type = tag >> 3, tag & 7
        if wire_type == _VARINT:
            value, at = varint(message, at)
            yield number, value
            continue
        if wire_type == _BYTES:
            size, at = varint(message, at)
        elif wire_type in (_FIXED32, _FIXED64):
            size = 4 if wire_type == _FIXED32 else 8
        else:
            raise CheckpointError(f"protocol buffer field {number}: wire type {wire_type}, expected 0, 1, 2 or 5")
        if at + size > len(message):
            raise CheckpointError(f"protocol buffer field {number} runs past the end of its message")
        yield number, message[at : at + size]
        at += size


def _only(message: memoryview, number: int) -> memoryview | None:
    """The embedded message or text in field `number`; if it is repeated, the last one counts."""
    found = None
    for field, value in _fields(message):
        if field == number and isinstance(value, memoryview):
            found = value
    return found


def _number(message: memoryview, number: int) -> int:
    """The integer in field `number`; 0, the default of protocol buffers, if it is absent."""
    found = 0
    for field, value in _fields(message):
        if field == number and isinstance(value, int):
            found = value
    return found


def _text(value: memoryview | None) -> str:
    try:
        return bytes(value or b"").decode("utf-8")
    except UnicodeDecodeError:
        raise CheckpointError("a variable's name is not valid UTF-8") from None

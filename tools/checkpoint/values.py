"""Plain numbers from the values that training scripts store along with the weights: lists, tensors, NumPy's objects.

A pickled NumPy array is a call of `numpy.core.multiarray._reconstruct` whose state is (version, shape, dtype, whether
it is in Fortran order, bytes), or at protocol 5 a call of `_frombuffer(bytes, dtype, shape, order)`; a scalar is a
call of `scalar(dtype, bytes)`; a dtype is `numpy.dtype("i8", ..)` whose state is (version, byte order, ..).
"""

from __future__ import annotations

import math
import re
from typing import Any

import numpy as np
from numpy.typing import NDArray

from .pickle_reader import Placeholder
from .tensor import NUMPY, Tensor, is_shape

MOST = 65536  # numbers

_NUMPY_MODULES = ("numpy.core", "numpy._core")  # the second since NumPy 2
_ARRAY, _SCALAR, _BUFFER = (
    tuple(f"{module}.{name}" for module in _NUMPY_MODULES)
    for name in ("multiarray._reconstruct", "multiarray.scalar", "numeric._frombuffer")
)
_DTYPE, _BYTES = "numpy.dtype", "_codecs.encode"  # protocol 2 writes bytes as encoded text


def numbers(value: Any) -> Any:
    """`value` as a number or as nested lists of numbers, at most MOST of them; None if it is something else.

    Raises CheckpointError if the values of a tensor are damaged.
    """
    return _numbers(value, [MOST])


def _numbers(value: Any, left: list[int], depth: int = 0) -> Any:
    if isinstance(value, (Tensor, Placeholder)):
        array = _of_tensor(value) if isinstance(value, Tensor) else _of_object(value)
        value = None if array is None else array.tolist()
    left[0] -= 1
    if isinstance(value, (bool, int, float)) and left[0] >= 0:
        return int(value) if isinstance(value, bool) else value
    if not isinstance(value, (list, tuple)) or len(value) > left[0] or depth == 2:
        return None
    items = []
    for item in value:
        items.append(_numbers(item, left, depth + 1))
        if items[-1] is None:  # stop, because a hostile list may name one large array many times
            return None
    return items


def _of_tensor(tensor: Tensor) -> NDArray[Any] | None:
    if tensor.dtype not in NUMPY or tensor.dtype == "BF16" or math.prod(tensor.shape) > MOST:
        return None
    return tensor.read()


def _of_object(made: Placeholder) -> NDArray[Any] | None:
    """The array or scalar that an object of NumPy describes; None if it is damaged, large or not of numbers."""
    match made.name, made.arguments, made.state:
        case name, _, (_, shape, dtype, fortran, data) if name in _ARRAY:
            order = "F" if fortran is True else "C"
        case name, (data, dtype, shape, order), _ if name in _BUFFER:
            order = "F" if order == "F" else "C"
        case name, (dtype, data), _ if name in _SCALAR:
            shape, order = (), "C"
        case _:
            return None
    kind, content = _dtype(dtype), _content(data)
    if kind is None or content is None or not is_shape(shape) or not 0 < math.prod(shape) <= MOST:
        return None
    if len(content) != math.prod(shape) * kind.itemsize:
        return None
    return np.frombuffer(content, kind).reshape(shape, order=order)


def _dtype(value: Any) -> np.dtype[Any] | None:
    if not isinstance(value, Placeholder) or value.name != _DTYPE or not isinstance(value.arguments, tuple):
        return None
    text = value.arguments[0] if value.arguments else None
    if not isinstance(text, str) or not re.fullmatch(r"b1|[iu][1248]|f[248]", text):
        return None
    big = isinstance(value.state, tuple) and value.state[1:2] == (">",)
    return np.dtype(text).newbyteorder(">" if big else "<")


def _content(value: Any) -> bytes | None:
    """Bytes, or text that stands for them: in Python 2, and as (text, "latin1") in protocol 2."""
    if isinstance(value, Placeholder) and value.name == _BYTES:
        value = value.arguments[0] if value.arguments else None
    if isinstance(value, str):
        try:
            return value.encode("latin1") if len(value) <= 8 * MOST else None
        except UnicodeEncodeError:
            return None
    return bytes(value) if isinstance(value, (bytes, bytearray)) and len(value) <= 8 * MOST else None

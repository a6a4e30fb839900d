"""What every checkpoint reader returns: named tensors; and the error it raises.

A `Tensor` has its dtype and shape, and reads its values on demand. Tensors that a graph does not use (optimiser
state, auxiliary heads) are therefore checked against the file but never copied.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from functools import partial
from typing import Any

import numpy as np
from numpy.typing import NDArray

# Bits per element of every dtype that the safetensors documentation names ("Format" and the `Dtype` enumeration).
BITS = {
    "BOOL": 8, "U8": 8, "I8": 8, "U16": 16, "I16": 16, "U32": 32, "I32": 32, "U64": 64, "I64": 64,
    "F16": 16, "BF16": 16, "F32": 32, "F64": 64, "C64": 64,
    "F8_E4M3": 8, "F8_E5M2": 8, "F8_E8M0": 8, "F8_E4M3FNUZ": 8, "F8_E5M2FNUZ": 8,
    "F4": 4, "F6_E2M3": 6, "F6_E3M2": 6,
}  # fmt: skip

# The dtypes that weights may have, and the NumPy types of all that can be read. NumPy has no bfloat16, so those values
# stay raw 16-bit words.
WEIGHTS = ("F32", "F16", "BF16", "F64")
NUMPY: dict[str, np.dtype[Any]] = {
    "F64": np.dtype("<f8"), "F32": np.dtype("<f4"), "F16": np.dtype("<f2"), "BF16": np.dtype("<u2"),
    "I64": np.dtype("<i8"), "I32": np.dtype("<i4"), "I16": np.dtype("<i2"), "I8": np.dtype("i1"),
    "U8": np.dtype("u1"), "BOOL": np.dtype("?"),
}  # fmt: skip

# NumPy's limit; it bounds the work on hostile shapes. A tensor that is used has at most 4 axes.
MAX_RANK = 32
MAX_SIZE = 2**63 - 1


class CheckpointError(Exception):
    """The file cannot be converted; the message says in one line what was found and what was expected."""


@dataclass(frozen=True)
class Tensor:
    """A tensor in a file: its safetensors dtype name, its shape, and `read()` for its values.

    `read` returns a C-ordered array of `NUMPY[dtype]` and of `shape`. It may be called only if `NUMPY` has the dtype.
    It raises CheckpointError if the values are damaged.
    """

    dtype: str
    shape: tuple[int, ...]
    read: Callable[[], NDArray[Any]]


@dataclass
class Checkpoint:
    """Everything in a file that a conversion may need.

    `foreign` maps the names of entries that are pickled objects of other libraries to their classes. `homes` has the
    path of the dict or pickled module that holds a tensor, such as `netG.`, if it is not the outermost. `modules` maps
    the paths of pickled modules to their classes. `metadata` comes from a safetensors file. `mask_values` has the
    values of that name, which U-Net checkpoints store along with the weights.
    """

    tensors: dict[str, Tensor]
    foreign: dict[str, str] = field(default_factory=dict)
    homes: dict[str, str] = field(default_factory=dict)
    modules: dict[str, str] = field(default_factory=dict)
    metadata: dict[str, str] = field(default_factory=dict)
    mask_values: dict[str, Any] = field(default_factory=dict)


def is_size(value: object) -> bool:
    """Whether `value` is an int that can be a size, a stride or an offset; a bool is not."""
    return type(value) is int and 0 <= value <= MAX_SIZE


def is_shape(value: object) -> bool:
    """Whether `value` is a list or tuple of at most MAX_RANK sizes."""
    return isinstance(value, (list, tuple)) and len(value) <= MAX_RANK and all(map(is_size, value))


def most_values(file_size: int) -> int:
    """The most bytes of values that a file of `file_size` may expand to, with shared tensors copied.

    Zeros and pickles compress well, weights do not; a file that expands to more is a decompression bomb.
    """
    return min(64 * file_size, 4 * file_size + 64_000_000)


def tensor_of_bytes(data: memoryview, dtype: str, shape: tuple[int, ...]) -> Tensor:
    """A tensor whose values are `data`, little-endian and C-ordered; `data` has exactly the size of `shape`."""
    return Tensor(dtype, shape, lambda: np.frombuffer(data, NUMPY[dtype]).reshape(shape))


def not_finite(dtype: str, values: NDArray[Any]) -> int:
    """The number of NaN and infinite values among those read from a tensor of `dtype`."""
    if dtype == "BF16":
        return int(np.count_nonzero(values & 0x7F80 == 0x7F80))  # all bits of the exponent
    return values.size - int(np.count_nonzero(np.isfinite(values)))


def narrowed(tensor: Tensor, half: bool) -> Tensor:
    """The tensor as it is written: F64 becomes F32, and with `half` every tensor of 2 or more axes becomes F16.

    Biases and normalisation statistics are small and a graph is sensitive to them, so 1-D tensors never become F16.
    `read` raises CheckpointError if a finite value does not fit the narrower dtype.
    """
    if half and len(tensor.shape) >= 2:
        target = "F16"
    elif tensor.dtype == "F64":
        target = "F32"
    else:
        target = tensor.dtype
    return tensor if target == tensor.dtype else replace(tensor, dtype=target, read=partial(_narrow, tensor, target))


def _narrow(tensor: Tensor, target: str) -> NDArray[Any]:
    values = tensor.read()
    if tensor.dtype == "BF16":  # a bfloat16 is the upper half of a float32
        values = (values.astype("<u4") << 16).view("<f4")
    with np.errstate(over="ignore", invalid="ignore"):  # "invalid": some CPUs report it for NaNs
        narrow = values.astype(NUMPY[target])
    overflowed = np.isinf(narrow) & np.isfinite(values)
    if overflowed.any():
        raise CheckpointError(f"holds {values[overflowed].flat[0]:.6g}, which does not fit {target}")
    return narrow

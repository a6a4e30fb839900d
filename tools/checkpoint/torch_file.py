"""Reads PyTorch's `torch.save` files, in the zip format and the legacy format (before 1.6), without PyTorch.

Both hold a pickle in which a tensor is a call of `torch._utils._rebuild_tensor_v2(storage, offset, size, stride, ..)`
and a storage is a persistent id, `("storage", torch.FloatStorage, KEY, LOCATION, COUNT)`, of raw values
outside the pickle (PyTorch, "Serialization semantics" and `torch/serialization.py`):

- zip: the pickle is PREFIX/data.pkl, the values of a storage are PREFIX/data/KEY, PREFIX/byteorder names their order;
- legacy: five pickles in a row (a magic number, 1001, the machine, the object, the list of keys), then for each key
  its count as 8 bytes and its values.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable
from functools import cached_property, partial
from typing import Any

import numpy as np
from numpy.typing import NDArray

from . import containers, file_kinds, pickle_reader
from .pickle_reader import Limits, Placeholder
from .tensor import BITS, NUMPY, Checkpoint, CheckpointError, Tensor, is_shape, is_size
from .zip_archive import ZipArchive

_STORAGES = {
    "DoubleStorage": "F64", "FloatStorage": "F32", "HalfStorage": "F16", "BFloat16Storage": "BF16",
    "LongStorage": "I64", "IntStorage": "I32", "ShortStorage": "I16", "CharStorage": "I8", "ByteStorage": "U8",
    "BoolStorage": "BOOL", "ComplexFloatStorage": "C64", "ComplexDoubleStorage": "C128",
    # Raw and quantised values: only their size matters, because no graph uses such tensors.
    "UntypedStorage": "U8", "QInt32Storage": "I32", "QInt8Storage": "I8", "QUInt8Storage": "U8",
    "QUInt4x2Storage": "U8", "QUInt2x4Storage": "U8",
}  # fmt: skip
_BITS = BITS | {"C128": 128}
_MODULES = ("torch", "torch.cuda", "torch.storage")
_DTYPES = {f"{module}.{name}": dtype for module in _MODULES for name, dtype in _STORAGES.items()}

_LEGACY_MAGIC = 0x1950A86A20F9469CFC6C
_LEGACY_PROTOCOL = 1001
_LEGACY_COUNT = 8  # bytes of the number of values before a storage's
_LEGACY_HEAD = 1000  # bytes, far more than each pickle before the object needs
# The magic number as Python's pickler writes it: in decimal (protocol 1), after the protocol's number, after a frame.
_LEGACY_STARTS = re.compile(
    rb"L%dL\n\.|\x80[\x02-\x05](\x95.{8})?\x8a\n%s\."
    % (_LEGACY_MAGIC, re.escape(_LEGACY_MAGIC.to_bytes(10, "little"))),
    re.DOTALL,
)

_BYTE_ORDERS = {b"little": "<", b"big": ">"}


def is_zip(data: bytes) -> bool:
    """Whether `data` begins like a zip archive."""
    return data.startswith(b"PK\x03\x04")


def is_legacy(data: bytes) -> bool:
    """Whether `data` begins with the pickled magic number of the legacy format."""
    return _LEGACY_STARTS.match(data) is not None


def read_zip(data: bytes) -> Checkpoint:
    """The tensors in a zip-format file. Raises CheckpointError."""
    archive = ZipArchive(data)
    prefixes = [name.removesuffix("/data.pkl") for name in archive.names() if name.endswith("/data.pkl")]
    if not prefixes:
        raise file_kinds.zip_refusal(archive.names())
    if len(prefixes) != 1:
        raise CheckpointError(f"a zip archive with {len(prefixes)} entries named */data.pkl, expected one")
    (prefix,) = prefixes
    if archive.size(f"{prefix}/constants.pkl") is not None:
        raise CheckpointError("a TorchScript archive, expected torch.save(model.state_dict())")
    order = _byte_order(archive, f"{prefix}/byteorder")

    def find(key: str, size: int) -> Callable[[], memoryview]:
        name = f"{prefix}/data/{key}"
        found = archive.size(name)
        if found is None:
            raise CheckpointError(f"the zip archive has no entry {name}")
        if found != size:
            raise CheckpointError(f"entry {name}: {found} bytes, expected {size}")
        return partial(archive.read, name)

    root, _ = _Pickle(find, order).load(bytes(archive.read(f"{prefix}/data.pkl")), 0)
    return containers.flattened(root)


def _byte_order(archive: ZipArchive, name: str) -> str:
    """NumPy's sign for the byte order in the entry `name`, "<" or ">"; little-endian without the entry."""
    if archive.size(name) is None:
        return "<"
    order = _BYTE_ORDERS.get(bytes(archive.read(name)))
    if order is None:
        raise CheckpointError(f"entry {name}: an unknown byte order, expected little or big")
    return order


def read_legacy(data: bytes) -> Checkpoint:
    """The tensors in a legacy-format file. Raises CheckpointError."""
    places: dict[str, memoryview] = {}

    def find(key: str, size: int) -> Callable[[], memoryview]:
        return lambda: places[key]  # looked up on reading: the values come after the pickle that names them

    pickles = _Pickle(find)
    head, at = [], 0
    for _ in range(3):
        value, at = pickles.load(data, at, Limits(size=_LEGACY_HEAD))
        head.append(value)
    magic, protocol, machine = head
    if magic != _LEGACY_MAGIC or protocol != _LEGACY_PROTOCOL:
        raise CheckpointError(f"not a legacy PyTorch file of protocol {_LEGACY_PROTOCOL}")
    if not isinstance(machine, dict) or machine.get("little_endian") is not True:
        raise CheckpointError("the byte order is not little-endian; save the weights on a little-endian machine")
    root, at = pickles.load(data, at)
    keys, at = pickles.load(data, at, Limits(plain=len(pickles.storages) + 1))
    if not isinstance(keys, list):
        raise CheckpointError("damaged legacy file: the storage keys are not a list")
    for key in keys:
        storage = pickles.storages.get(key) if isinstance(key, str) else None
        if storage is None or key in places:
            raise CheckpointError("damaged legacy file: a storage of an unknown class, or one stored twice")
        places[key] = _legacy_values(data, at, storage)
        at += _LEGACY_COUNT + storage.size
    if len(places) != len(pickles.storages):
        raise CheckpointError("damaged legacy file: a storage has no values")
    if at != len(data):
        raise CheckpointError(f"damaged legacy file: the data ends at byte {at} of {len(data)}")
    return containers.flattened(root)


def _legacy_values(data: bytes, at: int, storage: _Storage) -> memoryview:
    """The values of the storage at byte `at`, where the number of them is."""
    begin = at + _LEGACY_COUNT
    count = int.from_bytes(data[at:begin], "little")
    if count != storage.count:
        raise CheckpointError(f"storage {storage.key}: holds {count} values, expected {storage.count}")
    values = memoryview(data)[begin : begin + storage.size]
    if len(values) != storage.size:
        raise CheckpointError(f"storage {storage.key}: truncated at {len(values)} of {storage.size} bytes")
    return values


# Given a storage's key and its size in bytes, checks that the file has it, and returns a function that reads it.
_Find = Callable[[str, int], Callable[[], memoryview]]


class _Storage:
    """A sequence of `count` values of one dtype; `values` is read from the file on first use."""

    def __init__(self, key: str, dtype: str, count: int, find: _Find, order: str) -> None:
        self.key, self.dtype, self.count, self._order = key, dtype, count, order
        self.size = count * _BITS[dtype] // 8
        self._read = find(key, self.size)

    @cached_property
    def values(self) -> NDArray[Any]:
        dtype = NUMPY[self.dtype]
        return np.frombuffer(self._read(), dtype.newbyteorder(self._order)).astype(dtype, copy=False)

    def part(self, view: Any) -> _Storage:
        """The storage of the values in a view, (its key, its first value, their number), as PyTorch before 0.4 has."""
        match view:
            case (str(), begin, count) if is_size(begin) and is_size(count) and begin + count <= self.count:
                one = _BITS[self.dtype] // 8
                values = slice(begin * one, (begin + count) * one)
                return _Storage(self.key, self.dtype, count, lambda *_: lambda: self._read()[values], self._order)
        raise CheckpointError(f"storage {self.key}: an invalid view of its {self.count} values")


class _Pickle:
    """Resolves the globals and persistent ids in PyTorch's pickles, and collects the storages."""

    def __init__(self, find: _Find, order: str = "<") -> None:
        self._find, self._order = find, order
        self.storages: dict[str, _Storage] = {}
        self._functions = {
            "collections.OrderedDict": _ordered_dict,
            "collections.defaultdict": lambda _: {},
            "copy_reg.__newobj__": _new_object,
            "copy_reg._reconstructor": _reconstructed,
            "copyreg.__newobj__": _new_object,
            "copyreg._reconstructor": _reconstructed,
            "torch.Size": _size,
            "torch._tensor._rebuild_from_type": _from_type,
            "torch._tensor._rebuild_from_type_v2": _from_type,
            "torch._utils._rebuild_parameter": _parameter,
            "torch._utils._rebuild_parameter_with_state": _parameter,
            "torch._utils._rebuild_tensor": _tensor,
            "torch._utils._rebuild_tensor_v2": _tensor,
            "torch.autograd.variable.Variable": _parameter,
            "torch.nn.parameter.Parameter": _parameter,
            "torch.tensor._rebuild_from_type": _from_type,
        }

    def load(self, data: bytes, begin: int, limits: Limits = Limits()) -> tuple[Any, int]:
        return pickle_reader.load(data, begin, self._functions, self._persistent, limits)

    def _persistent(self, identity: Any) -> Any:
        """Resolves ("storage", class, key, location, count), to which the legacy format adds None or the view of
        another storage; or ("module", class, file, source), a whole pickled model."""
        if not isinstance(identity, tuple) or not identity:
            raise CheckpointError("damaged pickle: a persistent id that is not a tuple")
        if identity[0] == "module" and len(identity) > 1:
            return identity[1]
        if identity[0] != "storage" or len(identity) not in (5, 6):
            raise CheckpointError("damaged pickle: a persistent id that is not a storage")
        storage_class, key, _, count, *view = identity[1:]
        if not isinstance(storage_class, Placeholder) or not isinstance(key, str):
            raise CheckpointError("damaged pickle: a storage without a class or a key")
        if not is_size(count):
            raise CheckpointError(f"storage {key}: invalid number of values")
        dtype = _DTYPES.get(storage_class.name)
        if dtype is None:
            return storage_class  # everything made from it stays a placeholder
        storage = self.storages.setdefault(key, _Storage(key, dtype, count, self._find, self._order))
        if (storage.dtype, storage.count) != (dtype, count):
            raise CheckpointError(f"storage {key}: used with different dtypes or sizes")
        return storage if view in ([], [None]) else storage.part(view[0])


def _ordered_dict(arguments: tuple[Any, ...]) -> dict[Any, Any]:
    """OrderedDict(), or Python 2's OrderedDict([[key, value], ..])."""
    built: dict[Any, Any] = {}
    if arguments:
        pairs = arguments[0]
        if len(arguments) > 1 or not isinstance(pairs, list):
            raise CheckpointError("damaged pickle: an OrderedDict that is not made from a list")
        for pair in pairs:
            if not isinstance(pair, (list, tuple)) or len(pair) != 2:
                raise CheckpointError("damaged pickle: an OrderedDict that is not made from pairs")
            if isinstance(pair[0], str):
                built[pair[0]] = pair[1]
        pairs.clear()  # so that a hostile program cannot expand one list many times
    return built


def _size(arguments: tuple[Any, ...]) -> Any:
    return arguments[0] if arguments else ()


def _new_object(arguments: tuple[Any, ...]) -> Any:
    """copyreg.__newobj__(class, ..)."""
    if not arguments:
        raise CheckpointError("damaged pickle: an object without a class")
    return pickle_reader.call(arguments[0], arguments[1:])


def _reconstructed(arguments: tuple[Any, ...]) -> Any:
    """copyreg._reconstructor(class, base, value), in protocols 0 and 1; the value is the items of a dict's subclass."""
    built = _new_object(arguments)
    if isinstance(built, Placeholder) and len(arguments) > 2 and isinstance(arguments[2], dict):
        built.items = arguments[2]
    return built


def _parameter(arguments: tuple[Any, ...]) -> Any:
    """_rebuild_parameter(tensor, requires_grad, backward_hooks, ..), Parameter(tensor, ..): the tensor."""
    if not arguments:
        raise CheckpointError("damaged pickle: a parameter without a tensor")
    return arguments[0]


def _from_type(arguments: tuple[Any, ...]) -> Any:
    """_rebuild_from_type_v2(function, class, arguments, state), a tensor with attributes: what the function returns."""
    if len(arguments) < 3:
        raise CheckpointError("damaged pickle: a tensor with attributes but without values")
    return pickle_reader.call(arguments[0], arguments[2])


def _tensor(arguments: tuple[Any, ...]) -> Tensor | Placeholder:
    """_rebuild_tensor(storage, offset, size, stride); _v2 adds requires_grad, backward_hooks and metadata."""
    if len(arguments) < 4:
        raise CheckpointError(f"damaged pickle: a tensor with {len(arguments)} arguments, expected at least 4")
    storage, offset, shape, strides = arguments[:4]
    if isinstance(storage, Placeholder):
        return storage
    if len(arguments) > 6 and arguments[6]:
        return Placeholder("torch._utils._rebuild_tensor_v2 with a conjugate or negative bit")
    if not isinstance(storage, _Storage):
        raise CheckpointError("damaged pickle: a tensor without a storage")
    if not is_size(offset) or not is_shape(shape) or not is_shape(strides) or len(shape) != len(strides):
        raise CheckpointError(f"storage {storage.key}: a tensor with an invalid size, stride or offset")
    last = offset + sum((size - 1) * stride for size, stride in zip(shape, strides, strict=True))
    if 0 not in shape and last >= storage.count:
        raise CheckpointError(f"storage {storage.key}: a tensor ends at value {last}, past its {storage.count} values")
    return Tensor(storage.dtype, tuple(shape), partial(_gather, storage, offset, tuple(shape), tuple(strides)))


def _gather(storage: _Storage, offset: int, shape: tuple[int, ...], strides: tuple[int, ...]) -> NDArray[Any]:
    """The strided values as a C-ordered array. `_tensor` has checked that they lie inside the storage."""
    if math.prod(shape) > storage.count:
        raise CheckpointError("an expanded tensor (stride 0) is larger than its storage; save a contiguous one")
    # The stride of an axis of size 1 has no effect, and may be too large for NumPy.
    step = NUMPY[storage.dtype].itemsize
    steps = [stride * step if size > 1 else 0 for size, stride in zip(shape, strides, strict=True)]
    view = np.lib.stride_tricks.as_strided(storage.values[offset:], shape, steps)
    return np.array(view, order="C")

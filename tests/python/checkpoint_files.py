"""Writes small checkpoints of every format byte by byte, so that the tests need no library that a user would not have.

Arrays represent tensors; NumPy has no bfloat16, so a uint16 array is one. What is wrong about a wrong file is an
argument here, or a Raw piece of pickle.
"""

from __future__ import annotations

import io
import json
import struct
import zipfile
from typing import Any, NamedTuple

import numpy as np

SAFETENSORS_DTYPES = {"<f8": "F64", "<f4": "F32", "<f2": "F16", "<u2": "BF16", "<i8": "I64", "|u1": "U8", "|b1": "BOOL"}
TORCH_STORAGES = {
    "<f8": "DoubleStorage",
    "<f4": "FloatStorage",
    "<f2": "HalfStorage",
    "<u2": "BFloat16Storage",
    "<i8": "LongStorage",
    "|u1": "ByteStorage",
    "|b1": "BoolStorage",
}

# Pickle (protocol 2 opcodes, Python's "pickletools")


class Global(NamedTuple):
    module: str
    name: str


class Call(NamedTuple):
    function: Global
    arguments: tuple[Any, ...] = ()
    state: Any = None  # set with BUILD where given


class ItemsOf(NamedTuple):
    """An object of a subclass of dict, with these items."""

    name: Global
    items: dict[str, Any]


class Persistent(NamedTuple):
    identity: Any


class Raw(NamedTuple):
    opcodes: bytes


class View(NamedTuple):
    """A tensor that sees part of the 1-D array `storage`, or of these values of it (first, count) as a storage of
    its own: PyTorch before 0.4 wrote the storages of slices so."""

    storage: np.ndarray
    offset: int
    shape: tuple[int, ...]
    strides: tuple[int, ...]
    part: tuple[int, int] | None = None


class TorchPickle:
    """Encodes values as torch.save does and collects the storages of the arrays in them."""

    def __init__(self, legacy: bool = False) -> None:
        self.legacy = legacy
        self.storages: dict[str, np.ndarray] = {}

    def dumps(self, value: Any) -> bytes:
        return b"\x80\x02" + self.encode(value) + b"."

    def encode(self, value: Any) -> bytes:
        if isinstance(value, Raw):
            return value.opcodes
        if isinstance(value, Global):
            return f"c{value.module}\n{value.name}\n".encode()
        if isinstance(value, Persistent):
            return self.encode(value.identity) + b"Q"
        if isinstance(value, Call):
            built = self.encode(value.function) + self.encode(value.arguments) + b"R"
            return built if value.state is None else built + self.encode(value.state) + b"b"
        if isinstance(value, ItemsOf):
            return self.encode(value.name) + b")\x81(" + self.pairs(value.items) + b"u"
        if isinstance(value, View):
            return self.tensor(value)
        if isinstance(value, np.ndarray):
            strides = tuple(step // value.itemsize for step in np.empty(value.shape, value.dtype).strides)
            return self.tensor(View(value.reshape(-1), 0, value.shape, strides))
        return self.plain(value)

    def plain(self, value: Any) -> bytes:
        if value is None:
            return b"N"
        if isinstance(value, bool):
            return b"\x88" if value else b"\x89"
        if isinstance(value, int):
            data = value.to_bytes(value.bit_length() // 8 + 1, "little", signed=True)
            return b"\x8a" + bytes([len(data)]) + data
        if isinstance(value, float):
            return b"G" + struct.pack(">d", value)
        if isinstance(value, str):
            data = value.encode()
            return b"X" + struct.pack("<I", len(data)) + data
        if isinstance(value, dict):
            return b"}(" + self.pairs(value) + b"u"
        if isinstance(value, list):
            return b"](" + b"".join(map(self.encode, value)) + b"e"
        assert isinstance(value, tuple), value
        return b"(" + b"".join(map(self.encode, value)) + b"t"

    def pairs(self, value: dict[Any, Any]) -> bytes:
        return b"".join(self.encode(item) for pair in value.items() for item in pair)

    def tensor(self, view: View) -> bytes:
        key = next((key for key, storage in self.storages.items() if storage is view.storage), str(len(self.storages)))
        self.storages[key] = view.storage
        kind = Global("torch", TORCH_STORAGES[view.storage.dtype.str])
        part = (f"{key}+{view.part[0]}", *view.part) if view.part else None
        identity = ("storage", kind, key, "cpu", len(view.storage)) + ((part,) if self.legacy else ())
        return self.encode(rebuilt(Persistent(identity), view.offset, view.shape, view.strides))


def rebuilt(storage: Any, offset: Any, shape: Any, strides: Any) -> Call:
    hooks = Call(Global("collections", "OrderedDict"))
    return Call(Global("torch._utils", "_rebuild_tensor_v2"), (storage, offset, shape, strides, False, hooks))


def torch_zip(root: Any, extra: dict[str, bytes] | None = None, compression: int = zipfile.ZIP_STORED) -> bytes:
    """torch.save(root): entries of `extra` are added, or replace the usual ones."""
    pickle = TorchPickle()
    entries = {"archive/data.pkl": pickle.dumps(root), "archive/byteorder": b"little", "archive/version": b"3\n"}
    entries |= {f"archive/data/{key}": storage.tobytes() for key, storage in pickle.storages.items()}
    return zipped(list((entries | (extra or {})).items()), compression)


def zipped(entries: list[tuple[str, bytes]], compression: int = zipfile.ZIP_STORED) -> bytes:
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", compression) as archive:
        for name, data in entries:
            archive.writestr(name, data)
    return file.getvalue()


def torch_legacy(root: Any, little_endian: bool = True) -> bytes:
    """torch.save(root, _use_new_zipfile_serialization=False)."""
    pickle = TorchPickle(legacy=True)
    machine = {
        "protocol_version": 1001,
        "little_endian": little_endian,
        "type_sizes": {"short": 2, "int": 4, "long": 4},
    }
    parts = [pickle.dumps(value) for value in (0x1950A86A20F9469CFC6C, 1001, machine, root)]
    parts.append(pickle.dumps(sorted(pickle.storages)))
    for _, storage in sorted(pickle.storages.items()):
        parts += [struct.pack("<q", len(storage)), storage.tobytes()]
    return b"".join(parts)


# safetensors


def safetensors(tensors: dict[str, np.ndarray], metadata: dict[str, str] | None = None) -> bytes:
    header: dict[str, Any] = {} if metadata is None else {"__metadata__": metadata}
    data = b""
    for name, array in tensors.items():
        dtype = SAFETENSORS_DTYPES[array.dtype.str]
        offsets = [len(data), len(data) + array.nbytes]
        header[name] = {"dtype": dtype, "shape": list(array.shape), "data_offsets": offsets}
        data += array.tobytes()
    return safetensors_of(header, data)


def safetensors_of(header: Any, data: bytes) -> bytes:
    text = header if isinstance(header, bytes) else json.dumps(header).encode()
    return struct.pack("<Q", len(text)) + text + data


def read_safetensors(data: bytes) -> tuple[dict[str, np.ndarray], dict[str, str], int]:
    """Tensors, metadata and where the data begins, of a file that the converter wrote."""
    (length,) = struct.unpack_from("<Q", data)
    header = json.loads(data[8 : 8 + length])
    metadata = header.pop("__metadata__")
    dtypes = {name: np.dtype(text) for text, name in SAFETENSORS_DTYPES.items()}
    tensors = {}
    for name, entry in header.items():
        begin, end = (8 + length + offset for offset in entry["data_offsets"])
        tensors[name] = np.frombuffer(data[begin:end], dtypes[entry["dtype"]]).reshape(entry["shape"])
    return tensors, metadata, 8 + length


# TensorFlow V1: protocol buffers in a LevelDB table


def varint(value: int) -> bytes:
    data = b""
    while value >= 0x80:
        data += bytes([value & 0x7F | 0x80])
        value >>= 7
    return data + bytes([value])


def field(number: int, value: int | bytes) -> bytes:
    if isinstance(value, int):
        return varint(number << 3) + varint(value)
    return varint(number << 3 | 2) + varint(len(value)) + value


def crc32c(data: bytes) -> int:
    """Bit by bit from the polynomial: the converter's table is not its own witness."""
    crc = 0xFFFFFFFF
    for byte in data:
        crc ^= byte
        for _ in range(8):
            crc = crc >> 1 ^ (0x82F63B78 if crc & 1 else 0)
    return crc ^ 0xFFFFFFFF


def table(blocks: list[list[tuple[bytes, bytes]]], compression: int = 0) -> bytes:
    """A LevelDB table of these data blocks, keys compressed by their common beginning."""
    file = b""
    index = []
    for entries in blocks:
        index.append((entries[-1][0] + b"\xff", _place(file, entries)))
        file += _sealed(_table_block(entries), compression)
    handles = b""
    for entries in ([], index):  # the metaindex, then the index
        handles += _place(file, entries)
        file += _sealed(_table_block(entries), 0)
    return file + handles.ljust(40, b"\0") + struct.pack("<Q", 0xDB4775248B80FB57)


def _place(file: bytes, entries: list[tuple[bytes, bytes]]) -> bytes:
    return varint(len(file)) + varint(len(_table_block(entries)))


def _sealed(block: bytes, compression: int) -> bytes:
    crc = crc32c(block + bytes([compression]))
    return block + struct.pack("<BI", compression, ((crc >> 15 | crc << 17) + 0xA282EAD8) & 0xFFFFFFFF)


def _table_block(entries: list[tuple[bytes, bytes]]) -> bytes:
    block, before, restarts = b"", b"", []
    for number, (key, value) in enumerate(entries):
        shared = 0
        if number % 2 == 0:
            restarts.append(len(block))
        else:
            while shared < min(len(key), len(before)) and key[shared] == before[shared]:
                shared += 1
        block += varint(shared) + varint(len(key) - shared) + varint(len(value)) + key[shared:] + value
        before = key
    restarts = restarts or [0]
    return block + struct.pack(f"<{len(restarts) + 1}I", *restarts, len(restarts))


def tf_entries(tensors: dict[str, np.ndarray], packed: bool = True, extent: bytes = b"") -> list[tuple[bytes, bytes]]:
    """The table entries of a V1 checkpoint: the list of variables at the empty key, then one slice a variable."""
    kinds = {"<f4": (1, 5), "<f8": (2, 6), "<i8": (9, 10)}  # DataType and TensorProto's field
    listed, slices = b"", []
    for name, array in sorted(tensors.items()):
        kind, values_field = kinds[array.dtype.str]
        shape = b"".join(field(2, field(1, size)) for size in array.shape)
        extents = b"".join(field(1, extent) for _ in array.shape)
        listed += field(1, field(1, name.encode()) + field(2, shape) + field(3, kind) + field(4, extents))
        if packed:
            values = field(values_field, array.tobytes())
        else:
            wire_type = {4: 5, 8: 1}[array.itemsize]
            tag = varint(values_field << 3 | wire_type)
            values = b"".join(tag + value.tobytes() for value in array.reshape(-1))
        part = field(1, name.encode()) + field(2, extents) + field(3, values)
        slices.append((b"\0" + name.encode(), field(2, part)))
    return [(b"", field(1, listed)), *slices]


def tf_v1(tensors: dict[str, np.ndarray], packed: bool = True) -> bytes:
    entries = tf_entries(tensors, packed)
    return table([entries[at : at + 3] for at in range(0, len(entries), 3)])

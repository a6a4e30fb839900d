"""Zip archives that lie about their entries, or unpack to far more than they are."""

from __future__ import annotations

import io
import struct
import zipfile
from collections.abc import Callable

import numpy as np
from checkpoint_files import torch_zip, zipped

from .made import GENERATOR, Hostile, dumped


def _ordinary() -> bytes:
    return torch_zip(GENERATOR)


def _with_directory(data: bytes, change: Callable[[bytearray], bytearray | None]) -> bytes:
    """The archive with its directory changed, and the record at its end so that it fits."""
    at, end = data.index(b"PK\x01\x02"), data.rindex(b"PK\x05\x06")
    directory = bytearray(data[at:end])
    directory = change(directory) or directory
    record = bytearray(data[end:])
    struct.pack_into("<I", record, 12, len(directory))
    return data[:at] + bytes(directory) + bytes(record)


def _in_directory(offset: int, form: str, value: int) -> Callable[[], bytes]:
    """Writes into the first record of the directory, that of data.pkl."""
    return lambda: _with_directory(_ordinary(), lambda directory: struct.pack_into(form, directory, offset, value))


def _in_the_end(offset: int, form: str, value: int) -> Callable[[], bytes]:
    def make() -> bytes:
        data = bytearray(_ordinary())
        struct.pack_into(form, data, data.rindex(b"PK\x05\x06") + offset, value)
        return bytes(data)

    return make


def _promising_little() -> bytes:
    """A stream of half a gigabyte where the directory promises the 100 bytes of a pickle."""
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED, compresslevel=1) as archive:
        with archive.open("archive/data.pkl", "w") as entry:
            for _ in range(512):
                entry.write(bytes(1 << 20))
    return _with_directory(file.getvalue(), lambda directory: struct.pack_into("<I", directory, 24, 100))


def _overlapping() -> bytes:
    data = zipped([("archive/data.pkl", b"N."), ("archive/data/0", bytes(1000)), ("archive/data/1", bytes(1000))])

    def change(directory: bytearray) -> None:
        second = directory.index(b"PK\x01\x02", 4)
        third = directory.index(b"PK\x01\x02", second + 4)
        directory[third + 42 : third + 46] = directory[second + 42 : second + 46]

    return _with_directory(data, change)


def _record(directory: bytes, name: bytes, extra: bytes) -> bytes:
    record = bytearray(directory[:46])
    struct.pack_into("<HHH", record, 28, len(name), len(extra), 0)
    return bytes(record) + name + extra


def _large_directory(entries: int) -> bytes:
    """Extra fields without contents, 16 thousand an entry: zipfile takes the square of their number to read them."""
    extra = b"\x05\x00\x00\x00" * 16_000

    def change(directory: bytearray) -> bytearray:
        struct.pack_into("<I", directory, 24, 0xFFFFFFFF)  # a size in 64 bits, in the extra data
        return directory + b"".join(_record(directory, b"%d" % number, extra) for number in range(entries))

    return _with_directory(_ordinary(), change)


def _zip64(size: int) -> bytes:
    """The sizes of data.pkl in 64 bits."""

    def change(directory: bytearray) -> bytearray:
        extra = struct.pack("<HHQQ", 1, 16, size, size)
        struct.pack_into("<II", directory, 20, 0xFFFFFFFF, 0xFFFFFFFF)
        struct.pack_into("<H", directory, 30, len(extra))
        end = 46 + len("archive/data.pkl")
        return directory[:end] + extra + directory[end:]

    return _with_directory(_ordinary(), change)


def _linked() -> bytes:
    """An entry that Unix tools would unpack to a symbolic link."""
    link = zipfile.ZipInfo("archive/data/0")
    link.external_attr = 0o120777 << 16
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as archive:
        archive.writestr("archive/data.pkl", dumped({"w": np.zeros(4, "<f4")}))
        archive.writestr(link, "/etc/passwd")
    return file.getvalue()


ARCHIVES = {
    "promises_little": Hostile(
        _promising_little, "entry archive/data.pkl: the unpacked size is not the 100 bytes in the directory", large=True
    ),
    "zeros": Hostile(
        lambda: torch_zip(GENERATOR, {"archive/data/0": bytes(100_000_000)}, zipfile.ZIP_DEFLATED),
        "the zip archive unpacks to ..",
        large=True,
    ),
    "nested": Hostile(
        lambda: torch_zip(GENERATOR, {"archive/data/0": _ordinary()}), "entry archive/data/0: .."
    ),
    "overlapping": Hostile(_overlapping, "entry archive/data/1: begins inside entry archive/data/0"),
    "same_name": Hostile(
        lambda: _ordinary().replace(b"archive/data/1", b"archive/data/0"),
        "two entries of the zip archive have the same name",
    ),
    "names_that_climb": Hostile(lambda: _ordinary().replace(b"archive", b"/../../"), "", 0),
    "symbolic_link": Hostile(_linked, "entry archive/data/0: 11 bytes, expected 16"),
    "offset_far_away": Hostile(_in_directory(42, "<I", 0xFFFFFFF0), "entry archive/data.pkl: ends at byte .."),
    "size_far_too_large": Hostile(_in_directory(24, "<I", 0xFFFFFFF0), "the zip archive unpacks to .."),
    "packed_size_far_too_large": Hostile(
        _in_directory(20, "<I", 0x7FFFFFFF), "entry archive/data.pkl: ends at byte .."
    ),
    "packed_size_too_large": Hostile(_in_directory(20, "<I", 3000), "entry archive/data.pkl: ends at byte 3030 of .."),
    "zip64_size": Hostile(lambda: _zip64(2**63), "the zip archive unpacks to .."),
    "zip64_size_16_eb": Hostile(lambda: _zip64(2**64 - 1), "the zip archive unpacks to .."),
    "zip64_missing": Hostile(_in_directory(42, "<I", 0xFFFFFFFF), "entry archive/data.pkl: ends at byte .."),
    "directory_far_away": Hostile(_in_the_end(16, "<I", 0xFFFFFFF0), ".."),  # newer zipfiles notice it themselves
    "directory_too_large": Hostile(_in_the_end(12, "<I", 0x7FFFFFFF), "damaged zip archive: .."),
    "directory_of_6_mb": Hostile(lambda: _large_directory(100), "the zip archive unpacks to .."),
    "directory_of_38_mb": Hostile(
        lambda: _large_directory(600),
        "the zip archive's directory has 38429836 bytes, expected at most 33554432",
        large=True,
    ),
    "wrong_checksum": Hostile(_in_directory(16, "<I", 0), "entry archive/data.pkl: CRC-32 .."),
    "encrypted": Hostile(_in_directory(8, "<H", 1), "entry archive/data.pkl: is encrypted"),
    "method_lzma": Hostile(
        _in_directory(10, "<H", 14), "entry archive/data.pkl: compression method 14, expected 0 or 8"
    ),
    "method_deflated_but_stored": Hostile(_in_directory(10, "<H", 8), "entry archive/data.pkl: damaged"),
    "version_25": Hostile(
        _in_directory(6, "<H", 255), "entry archive/data.pkl: zip version 25.5, expected at most 6.3"
    ),
    "no_local_header": Hostile(
        lambda: _ordinary()[:4] + _ordinary()[4:].replace(b"PK\x03\x04", b"PK\x03\x05"),
        "entry archive/byteorder: no entry begins at byte ..",
    ),
    "local_header_too_long": Hostile(
        lambda: _ordinary()[:28] + b"\xff\xff" + _ordinary()[30:],
        "entry archive/data.pkl: runs past the end of the file",
    ),
    "garbage_behind": Hostile(lambda: _ordinary() + bytes(100), "", 0),
    "byte_order_of_1_mb": Hostile(
        lambda: torch_zip(GENERATOR, {"archive/byteorder": b"little" * 170_000}),
        "entry archive/byteorder: an unknown byte order, expected little or big",
    ),
}  # fmt: skip

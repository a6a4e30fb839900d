"""Reads a zip archive from an untrusted source, in time and memory bounded by its size.

The standard library's `zipfile` would not do: it unpacks a whole stream before it cuts it to the size in the directory,
it allows dictionaries of gigabytes and entries that overlap, and it takes quadratic time for an entry's extra data.
(For the layout see PKWARE's APPNOTE, "Overall .ZIP file format". A size or place that does not fit in 32 bits is
0xFFFFFFFF there, and the entry's extra data or a record before the end has it in 64 bits.)
"""

from __future__ import annotations

import struct
import zlib
from collections.abc import Iterator
from typing import NamedTuple

from .tensor import CheckpointError, most_values

MAX_DIRECTORY = 1 << 25  # bytes, enough for 300 thousand entries

_STORED, _DEFLATED = 0, 8
_NEWEST_VERSION = 63  # of the format that an entry needs
_ENCRYPTED = 0x0001 | 0x0040 | 0x2000  # flags: encrypted, strongly so, a hidden directory
_UTF_8 = 0x0800  # flag: the name's encoding
_LARGE = 0xFFFFFFFF
_ZIP64 = 1  # the kind of extra data with 64-bit values

_LOCAL = struct.Struct("<4s10xL8xHH")  # an entry's header: signature, CRC-32, sizes of the name and of the extra data
# A record of the directory: signature, version that it needs, flags, method, CRC-32, packed and unpacked size, sizes of
# the name, the extra data and the comment, place of the entry.
_RECORD = struct.Struct("<4s2xB1xHH4xLLLHHH8xL")
_END = struct.Struct("<4s8xLL2x")  # the record at the end: signature, size and place of the directory
_LOCATOR = struct.Struct("<4s4xQ4x")  # before the record at the end: signature, place of its 64-bit variant
_END64 = struct.Struct("<4s36xQQ")
_MAX_COMMENT = 65535  # bytes after the record at the end


class _Member(NamedTuple):
    """An entry, as the directory describes it; `method` is that of its compression, `begin` the place of its header."""

    name: str
    version: int
    flags: int
    method: int
    crc: int
    packed: int
    size: int
    begin: int


class ZipArchive:
    """The entries of a whole archive by name. An entry is unpacked when it is read."""

    def __init__(self, data: bytes) -> None:
        """Raises CheckpointError if names repeat, entries overlap, or the unpacked size is too large."""
        members = list(_members(data))
        self._data = memoryview(data)
        self._members = {member.name: member for member in members}
        if len(self._members) != len(members):
            raise CheckpointError("two entries of the zip archive have the same name")
        total, most = sum(member.size for member in members), most_values(len(data))
        if total > most:
            raise CheckpointError(
                f"the zip archive unpacks to {total} bytes, expected at most {most} for a file of {len(data)}"
            )
        _check_places(members, len(data))

    def names(self) -> list[str]:
        return list(self._members)

    def size(self, name: str) -> int | None:
        """The unpacked size of an entry, or None if there is no such entry."""
        member = self._members.get(name)
        return None if member is None else member.size

    def read(self, name: str) -> memoryview:
        """The contents of an existing entry. Raises CheckpointError if its size or CRC-32 is wrong."""
        member = self._members[name]
        local_crc, packed = self._packed(member)
        values = _unpacked(member, packed)
        if len(values) != member.size:
            raise CheckpointError(f"entry {name}: the unpacked size is not the {member.size} bytes in the directory")
        without_checksum = member.crc == local_crc == 0  # torch.serialization.set_crc32_options(False)
        crc = 0 if without_checksum else zlib.crc32(values)
        if crc != member.crc:
            raise CheckpointError(f"entry {name}: CRC-32 {crc:08x}, expected {member.crc:08x}")
        return values

    def _packed(self, member: _Member) -> tuple[int, memoryview]:
        """The CRC-32 in the entry's own header, and the packed values."""
        signature, crc, name_size, extra_size = _LOCAL.unpack_from(self._data, member.begin)
        if signature != b"PK\x03\x04":
            raise CheckpointError(f"entry {member.name}: no entry begins at byte {member.begin}")
        begin = member.begin + _LOCAL.size + name_size + extra_size
        packed = self._data[begin : begin + member.packed]
        if len(packed) != member.packed:
            raise CheckpointError(f"entry {member.name}: runs past the end of the file")
        return crc, packed


def _members(data: bytes) -> Iterator[_Member]:
    """The entries in the archive's directory. Raises CheckpointError."""
    begin, size = _directory(data)
    at, end = begin, begin + size
    while at < end:
        if end - at < _RECORD.size:
            raise CheckpointError(f"damaged zip archive: {end - at} bytes after the last entry of its directory")
        signature, version, flags, method, crc, packed, unpacked, *sizes, place = _RECORD.unpack_from(data, at)
        if signature != b"PK\x01\x02":
            raise CheckpointError(f"damaged zip archive: no entry of its directory at byte {at}")
        name_end = at + _RECORD.size + sizes[0]
        name, extra = data[at + _RECORD.size : name_end], data[name_end : name_end + sizes[1]]
        at += _RECORD.size + sum(sizes)
        # In CP437, the other encoding, letters without accents are the same.
        text = name.decode("utf-8" if flags & _UTF_8 else "cp437", "replace")
        if _LARGE in (packed, unpacked, place):
            unpacked, packed, place = _in_64_bits(text, extra, (unpacked, packed, place))
        yield _Member(text, version, flags, method, crc, packed, unpacked, place)


def _directory(data: bytes) -> tuple[int, int]:
    """The place and the size of the archive's directory. Raises CheckpointError."""
    at = data.rfind(b"PK\x05\x06", max(0, len(data) - _MAX_COMMENT - _END.size))
    if at < 0 or len(data) - at < _END.size:
        raise CheckpointError(
            "damaged zip archive: it has no directory, perhaps because the end of the file is missing"
        )
    _, size, begin = _END.unpack_from(data, at)
    if at >= _LOCATOR.size:
        signature, place = _LOCATOR.unpack_from(data, at - _LOCATOR.size)
        if signature == b"PK\x06\x07" and data.startswith(b"PK\x06\x06", place) and len(data) - place >= _END64.size:
            _, size, begin = _END64.unpack_from(data, place)
    if begin + size > at:
        raise CheckpointError(f"damaged zip archive: the directory ends at byte {begin + size}, expected at most {at}")
    if size > MAX_DIRECTORY:
        raise CheckpointError(f"the zip archive's directory has {size} bytes, expected at most {MAX_DIRECTORY}")
    return begin, size


def _in_64_bits(name: str, extra: bytes, values: tuple[int, ...]) -> list[int]:
    """The values of an entry, with those that are _LARGE replaced by the ones in its extra data."""
    at = 0
    while at + 4 <= len(extra):
        kind, size = struct.unpack_from("<HH", extra, at)
        at += 4
        if kind == _ZIP64 and at + size <= len(extra):
            wide = iter(struct.unpack_from(f"<{size // 8}Q", extra, at))
            return [next(wide, value) if value == _LARGE else value for value in values]
        at += size
    return list(values)


def _check_places(members: list[_Member], file_size: int) -> None:
    """Raises CheckpointError unless all entries are inside the file and none overlap: no byte is unpacked twice."""
    end, before = 0, ""
    for member in sorted(members, key=lambda member: member.begin):
        if member.begin < end:
            raise CheckpointError(f"entry {member.name}: begins inside entry {before}")
        end, before = member.begin + _LOCAL.size + member.packed, member.name
        if end > file_size:
            raise CheckpointError(f"entry {member.name}: ends at byte {end} of a file of {file_size}")


def _unpacked(member: _Member, packed: memoryview) -> memoryview:
    """The unpacked entry; if it is too large, only one byte more than the size in the directory."""
    if member.flags & _ENCRYPTED:
        raise CheckpointError(f"entry {member.name}: is encrypted")
    if member.version > _NEWEST_VERSION:
        raise CheckpointError(f"entry {member.name}: zip version {member.version / 10}, expected at most 6.3")
    if member.method == _STORED:
        return packed
    if member.method != _DEFLATED:
        raise CheckpointError(f"entry {member.name}: compression method {member.method}, expected 0 or 8")
    stream = zlib.decompressobj(-zlib.MAX_WBITS)
    try:
        return memoryview(stream.decompress(packed, member.size + 1))
    except (zlib.error, OverflowError):
        raise CheckpointError(f"entry {member.name}: damaged") from None

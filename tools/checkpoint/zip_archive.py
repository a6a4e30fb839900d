"""Reads a zip archive from an untrusted source, in time and memory bounded by its size.

The standard library's `zipfile` reads the directory, including zip64, but not the entries: it unpacks a whole stream
before it cuts it to the size in the directory, it allows dictionaries of gigabytes, and it allows entries to overlap.
(For the layout of an entry see PKWARE's APPNOTE, "Local file header".)
"""

from __future__ import annotations

import io
import struct
import zipfile
import zlib

from .tensor import CheckpointError, most_values

# Bytes, enough for twenty thousand entries. zipfile's work grows with the square of an entry's extra data, so a few
# megabytes of it would take many seconds.
MAX_DIRECTORY = 2_000_000

_HEADER = 30  # bytes of a local header, before the name and the extra field
_ENCRYPTED = 0x0001 | 0x0040 | 0x2000  # flags: encrypted, strongly so, a hidden directory


class ZipArchive:
    """The entries of a whole archive by name. An entry is unpacked when it is read."""

    def __init__(self, data: bytes) -> None:
        """Raises CheckpointError if names repeat, entries overlap, or the unpacked size is too large."""
        try:
            members = zipfile.ZipFile(_Directory(data)).infolist()
        except (zipfile.BadZipFile, NotImplementedError, ValueError, OverflowError, struct.error) as error:
            raise CheckpointError(f"damaged zip archive: {error}") from None
        self._data = memoryview(data)
        self._members = {member.filename: member for member in members}
        if len(self._members) != len(members):
            raise CheckpointError("two entries of the zip archive have the same name")
        total, most = sum(member.file_size for member in members), most_values(len(data))
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
        return None if member is None else member.file_size

    def read(self, name: str) -> memoryview:
        """The contents of an existing entry. Raises CheckpointError if its size or CRC-32 is wrong."""
        member = self._members[name]
        values = _unpacked(member, self._packed(member))
        if len(values) != member.file_size:
            raise CheckpointError(
                f"entry {name}: the unpacked size is not the {member.file_size} bytes in the directory"
            )
        crc = zlib.crc32(values)
        if crc != member.CRC:
            raise CheckpointError(f"entry {name}: CRC-32 {crc:08x}, expected {member.CRC:08x}")
        return values

    def _packed(self, member: zipfile.ZipInfo) -> memoryview:
        at = member.header_offset
        signature, name_size, extra_size = struct.unpack_from("<4s22xHH", self._data, at)
        if signature != b"PK\x03\x04":
            raise CheckpointError(f"entry {member.filename}: no entry begins at byte {at}")
        begin = at + _HEADER + name_size + extra_size
        packed = self._data[begin : begin + member.compress_size]
        if len(packed) != member.compress_size:
            raise CheckpointError(f"entry {member.filename}: runs past the end of the file")
        return packed


class _Directory(io.BytesIO):
    """A view of the file for zipfile that limits the size of the directory, which zipfile reads in one call."""

    def read(self, size: int | None = -1) -> bytes:
        if size is not None and size > MAX_DIRECTORY:
            raise CheckpointError(f"the zip archive's directory has {size} bytes, expected at most {MAX_DIRECTORY}")
        return super().read(size)


def _check_places(members: list[zipfile.ZipInfo], file_size: int) -> None:
    """Raises CheckpointError unless all entries are inside the file and none overlap: no byte is unpacked twice."""
    end, before = 0, ""
    for member in sorted(members, key=lambda member: member.header_offset):
        if member.header_offset < 0:
            raise CheckpointError(f"entry {member.filename}: begins at byte {member.header_offset}")
        if member.header_offset < end:
            raise CheckpointError(f"entry {member.filename}: begins inside entry {before}")
        end, before = member.header_offset + _HEADER + member.compress_size, member.filename
        if end > file_size:
            raise CheckpointError(f"entry {member.filename}: ends at byte {end} of a file of {file_size}")


def _unpacked(member: zipfile.ZipInfo, packed: memoryview) -> memoryview:
    """The unpacked entry; if it is too large, only one byte more than the size in the directory."""
    if member.flag_bits & _ENCRYPTED:
        raise CheckpointError(f"entry {member.filename}: is encrypted")
    if member.compress_type == zipfile.ZIP_STORED:
        return packed
    if member.compress_type != zipfile.ZIP_DEFLATED:
        raise CheckpointError(f"entry {member.filename}: compression method {member.compress_type}, expected 0 or 8")
    stream = zlib.decompressobj(-zlib.MAX_WBITS)
    try:
        return memoryview(stream.decompress(packed, member.file_size + 1))
    except zlib.error:
        raise CheckpointError(f"entry {member.filename}: damaged") from None

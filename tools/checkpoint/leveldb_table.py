"""LevelDB's table format: a file of sorted keys and values in checksummed blocks.

From LevelDB's documentation, "table_format" and "log_format" (the checksum): a file is data blocks, an index block
and a 48-byte footer; a block handle is two varints, offset and size. Each block is followed by one byte, 0 for
uncompressed or 1 for Snappy, and the masked CRC-32C of the block and that byte.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator

from .tensor import CheckpointError

FOOTER = 48
MAGIC = struct.pack("<Q", 0xDB4775248B80FB57)
TRAILER = 5  # the compression byte and the checksum
MAX_KEY = 4096  # far longer than any variable's name; bounds the work on keys with long shared prefixes


def looks_like(data: bytes) -> bool:
    """Whether `data` ends with a LevelDB table's magic number."""
    return len(data) >= FOOTER and data.endswith(MAGIC)


def entries(data: bytes) -> Iterator[tuple[bytes, memoryview]]:
    """Every (key, value) of a whole table file, in the file's order.

    Raises CheckpointError at the first damaged block. Blocks must not overlap, so that the work stays proportional to
    the file's size even if the index is forged.
    """
    footer = memoryview(data)[-FOOTER:]
    _, _, at = _handle(footer, 0)  # the metaindex: filters, not needed to read everything in order
    index_offset, index_size, _ = _handle(footer, at)
    end = 0
    for _, handle in _block_entries(_block(data, index_offset, index_size)):
        offset, size, _ = _handle(handle, 0)
        if offset < end:
            raise CheckpointError(f"table block at byte {offset}: expected at byte {end} or later")
        end = offset + size + TRAILER
        yield from _block_entries(_block(data, offset, size))


def varint(data: memoryview, at: int) -> tuple[int, int]:
    """The base-128 number at `at` (7 bits a byte, lowest first, the top bit on all but the last) and its end."""
    value = 0
    for shift in range(0, 64, 7):
        if at >= len(data):
            raise CheckpointError("a number runs past the end of its block")
        byte = data[at]
        at += 1
        value |= (byte & 0x7F) << shift
        if byte < 0x80:
            if value >= 1 << 64:
                break
            return value, at
    raise CheckpointError("a number takes more than 64 bits")


def crc32c(data: bytes | memoryview) -> int:
    """The CRC-32C (Castagnoli) of `data`: RFC 3720, appendix B.4."""
    crc = 0xFFFFFFFF
    for byte in bytes(data):
        crc = _CRC_TABLE[(crc ^ byte) & 0xFF] ^ (crc >> 8)
    return crc ^ 0xFFFFFFFF


def masked(crc: int) -> int:
    """The checksum as the file holds it, rotated and offset (LevelDB, "log_format": CRCs of data with CRCs in it)."""
    return ((crc >> 15 | crc << 17) + 0xA282EAD8) & 0xFFFFFFFF


def _crc_table() -> list[int]:
    table = []
    for byte in range(256):
        crc = byte
        for _ in range(8):
            crc = crc >> 1 ^ (0x82F63B78 if crc & 1 else 0)
        table.append(crc)
    return table


_CRC_TABLE = _crc_table()


def _handle(data: memoryview, at: int) -> tuple[int, int, int]:
    offset, at = varint(data, at)
    size, at = varint(data, at)
    return offset, size, at


def _block(data: bytes, offset: int, size: int) -> memoryview:
    """The checked contents of the block at `offset`."""
    end = offset + size
    if end + TRAILER > len(data) - FOOTER:
        raise CheckpointError(f"table block at byte {offset}: ends at {end}, past the file's {len(data)} bytes")
    compression, stored = struct.unpack_from("<BI", data, end)
    if compression != 0:
        kind = "Snappy" if compression == 1 else f"type {compression}"
        raise CheckpointError(f"table block at byte {offset}: {kind} compression, expected none")
    actual = masked(crc32c(memoryview(data)[offset : end + 1]))
    if stored != actual:
        raise CheckpointError(f"table block at byte {offset}: checksum {stored:08x}, expected {actual:08x}")
    return memoryview(data)[offset:end]


def _block_entries(block: memoryview) -> Iterator[tuple[bytes, memoryview]]:
    """The entries of a block. They are followed by the offsets of entries with a full key ("restarts") and their count.

    An entry is three varints (shared size, unshared size, value size), the unshared end of the key, and the value. The
    key begins with the first `shared` bytes of the previous key.
    """
    if len(block) < 4:
        raise CheckpointError("a table block is too short for its restart count")
    (restarts,) = struct.unpack_from("<I", block, len(block) - 4)
    end = len(block) - 4 * (restarts + 1)
    if end < 0:
        raise CheckpointError(f"a table block of {len(block)} bytes cannot have {restarts} restarts")
    block = block[:end]
    key, at = b"", 0
    while at < len(block):
        shared, at = varint(block, at)
        unshared, at = varint(block, at)
        size, at = varint(block, at)
        if shared > len(key) or at + unshared + size > len(block):
            raise CheckpointError("a table entry runs past the end of its block")
        if shared + unshared > MAX_KEY:
            raise CheckpointError(f"a table key is longer than {MAX_KEY} bytes")
        key = key[:shared] + bytes(block[at : at + unshared])
        at += unshared
        yield key, block[at : at + size]
        at += size

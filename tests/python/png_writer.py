"""PNG files with everything that the format allows, and much that it does not: Pillow writes few of its kinds."""

from __future__ import annotations

import struct
import zlib
from collections.abc import Sequence
from itertools import pairwise

import numpy as np
from cli_support import png_chunk

SIGNATURE = b"\x89PNG\r\n\x1a\n"
CHANNELS = {0: 1, 2: 3, 3: 1, 4: 2, 6: 4}  # by colour type
DEPTHS = {0: (1, 2, 4, 8, 16), 2: (8, 16), 3: (1, 2, 4, 8), 4: (8, 16), 6: (8, 16)}
ADAM7 = ((0, 0, 8, 8), (4, 0, 8, 8), (0, 4, 4, 8), (2, 0, 4, 4), (0, 2, 2, 4), (1, 0, 2, 2), (0, 1, 1, 2))
END = png_chunk(b"IEND", b"")


def header(width: int, height: int, depth: int, colour: int, interlaced: bool = False) -> bytes:
    return png_chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, depth, colour, 0, 0, interlaced))


def packed(samples: np.ndarray, depth: int) -> np.ndarray:
    """Rows of samples (H x W x channels) as rows of bytes."""
    rows = samples.reshape(len(samples), -1)
    if depth == 16:
        return rows.astype(">u2").view(np.uint8)
    bits = rows[:, :, None] >> np.arange(depth - 1, -1, -1) & 1
    return np.packbits(bits.reshape(len(rows), -1).astype(np.uint8), axis=1)


def filtered(rows: np.ndarray, step: int, filters: Sequence[int]) -> bytes:
    """The rows after the filters in turn (W3C PNG, chapter 9); `step` is the bytes of a pixel."""
    above, out = np.zeros(rows.shape[1], int), b""
    for y, row in enumerate(rows.astype(int)):
        left, corner = (np.concatenate((np.zeros(step, int), line))[: len(line)] for line in (row, above))
        guess = left + above - corner
        far = np.abs(np.stack((guess - left, guess - above, guess - corner)))
        paeth = np.where((far[0] <= far[1]) & (far[0] <= far[2]), left, np.where(far[1] <= far[2], above, corner))
        kind = filters[y % len(filters)]
        predicted = (np.zeros_like(row), left, above, (left + above) // 2, paeth)[kind]
        out += bytes([kind]) + (row - predicted).astype(np.uint8).tobytes()
        above = row
    return out


def stream(samples: np.ndarray, depth: int, interlaced: bool = False, filters: Sequence[int] = (0,)) -> bytes:
    """The bytes that zlib packs, of H x W x channels samples."""
    step = max(1, samples.shape[2] * depth // 8)
    passes = ADAM7 if interlaced else ((0, 0, 1, 1),)
    parts = [samples[top::down, left::across] for left, top, across, down in passes]
    return b"".join(filtered(packed(part, depth), step, filters) for part in parts if part.size)


def png_file(
    samples: np.ndarray,
    depth: int,
    colour: int,
    *,
    interlaced: bool = False,
    filters: Sequence[int] = (0,),
    level: int = 6,
    pieces: int = 1,
    before: bytes = b"",
    after: bytes = b"",
    end: bytes = END,
) -> bytes:
    """A PNG of H x W x channels samples; its data in some `pieces`, other chunks before and after them."""
    data = zlib.compress(stream(samples, depth, interlaced, filters), level)
    cuts = [len(data) * i // pieces for i in range(pieces + 1)]
    chunks = b"".join(png_chunk(b"IDAT", data[a:b]) for a, b in pairwise(cuts))
    height, width, _ = samples.shape
    return SIGNATURE + header(width, height, depth, colour, interlaced) + before + chunks + after + end


def random_samples(random: np.random.Generator, width: int, height: int, depth: int, colour: int) -> np.ndarray:
    """Noise, or smooth, so that every filter and Huffman code occurs."""
    shape = (height, width, CHANNELS[colour])
    if random.random() < 0.5:
        return random.integers(0, 1 << depth, shape)
    slopes = random.integers(1, 5, (2, CHANNELS[colour]))
    return (np.arange(height)[:, None, None] * slopes[0] + np.arange(width)[:, None] * slopes[1]) % (1 << depth)

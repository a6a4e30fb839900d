"""Writes JPEG files that Pillow cannot write: any sampling factors, scans, names of components, tables.

The pictures are random coefficients, so that neighbouring samples differ much. ITU-T T.81 defines the format.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

Unit = list[tuple[int, list[int]]]  # its blocks, each with the number of its component
Factors = tuple[int, int]  # relative samples across and down
# One code of 8 bits for every symbol of AC coefficients, and of 4 bits for every size of a DC difference.
AC_SYMBOLS = [0x00, 0xF0] + [run << 4 | size for run in range(16) for size in range(1, 11)]
DC_SYMBOLS = list(range(12))
JFIF = b"JFIF\0\1\1\0\0\1\0\1\0\0"


def divide_up(number: int, by: int) -> int:
    return -(-number // by)


def segment(marker: int, data: bytes) -> bytes:
    return bytes([0xFF, marker]) + (len(data) + 2).to_bytes(2, "big") + data


def huffman_table(identity: int, length: int, symbols: list[int]) -> bytes:
    counts = [len(symbols) if bits == length else 0 for bits in range(1, 17)]
    return bytes([identity, *counts, *symbols])


class Bits:
    """Entropy-coded data."""

    def __init__(self) -> None:
        self.text: list[str] = []

    def add(self, value: int, length: int) -> None:
        if length:
            self.text.append(format(value, f"0{length}b"))

    def add_value(self, value: int) -> None:
        """The bits that follow a symbol of this size (F.1.2.1)."""
        size = abs(value).bit_length()
        self.add(value if value > 0 else value + (1 << size) - 1, size)

    def take(self) -> bytes:
        """The bytes so far, filled with ones; FF is followed by 00."""
        text = "".join(self.text)
        text += "1" * (-len(text) % 8)
        self.text = []
        return (int(text, 2).to_bytes(len(text) // 8, "big") if text else b"").replace(b"\xff", b"\xff\0")


@dataclass
class Jpeg:
    """A JPEG of random content. `factors` has an entry a component. `interleaved`: one scan (or one for the DC
    coefficients) has all of them. `restart`: minimum coded units between restart markers."""

    width: int
    height: int
    factors: tuple[Factors, ...]
    seed: int = 0
    progressive: bool = False
    interleaved: bool = True
    restart: int = 0
    names: tuple[int, ...] = (1, 2, 3)
    wide_tables: bool = False
    metadata: bytes = segment(0xE0, JFIF)

    def __post_init__(self) -> None:
        random = np.random.default_rng(self.seed)
        self.most = (max(h for h, _ in self.factors), max(v for _, v in self.factors))
        self.units = tuple(divide_up(side, 8 * most) for side, most in zip((self.width, self.height), self.most))
        self.blocks = []
        for across, down in self.factors:
            blocks = np.zeros((self.units[1] * down, self.units[0] * across, 64), int)
            blocks[:, :, 0] = random.integers(-60, 61, blocks.shape[:2])
            blocks[:, :, 1:10] = random.integers(-4, 5, (*blocks.shape[:2], 9)) * (random.random(9) < 0.5)
            blocks[:, :, 63] = random.integers(-1, 2, blocks.shape[:2])
            self.blocks.append(blocks)

    def bytes(self) -> bytes:
        count = len(self.factors)
        frame = bytes([8]) + self.height.to_bytes(2, "big") + self.width.to_bytes(2, "big") + bytes([count])
        for name, (across, down) in zip(self.names, self.factors):
            frame += bytes([name, across << 4 | down, 0])
        quantisers = [13, *[17] * 62, 30]
        table = b"".join(value.to_bytes(2, "big") for value in quantisers) if self.wide_tables else bytes(quantisers)
        out = b"\xff\xd8" + self.metadata
        out += segment(0xDB, bytes([0x10 if self.wide_tables else 0]) + table)
        out += segment(0xC2 if self.progressive else 0xC0, frame)
        out += segment(0xC4, huffman_table(0, 4, DC_SYMBOLS)) + segment(0xC4, huffman_table(0x10, 8, AC_SYMBOLS))
        out += segment(0xDD, self.restart.to_bytes(2, "big")) if self.restart else b""
        groups = [list(range(count))] if self.interleaved else [[i] for i in range(count)]
        if not self.progressive:
            return out + b"".join(self.scan(group, 0, 63) for group in groups) + b"\xff\xd9"
        out += b"".join(self.scan(group, 0, 0) for group in groups)
        return out + b"".join(self.scan([i], 1, 63) for i in range(count)) + b"\xff\xd9"

    def scan(self, group: list[int], first: int, last: int) -> bytes:
        head = bytes([len(group)]) + b"".join(bytes([self.names[i], 0]) for i in group)
        out = segment(0xDA, head + bytes([first, last, 0]))
        bits, before = Bits(), dict.fromkeys(group, 0)
        units = list(self.alone(group[0]) if len(group) == 1 else self.together(group))
        for n, unit in enumerate(units):
            if self.restart and n and n % self.restart == 0:
                out += bits.take() + bytes([0xFF, 0xD0 + (n // self.restart - 1) % 8])
                before = dict.fromkeys(group, 0)
            for i, block in unit:
                if first == 0:
                    difference = block[0] - before[i]
                    before[i] = block[0]
                    bits.add(abs(difference).bit_length(), 4)
                    bits.add_value(difference)
                if last > 0:
                    self.add_ac(bits, block)
        return out + bits.take()

    def alone(self, i: int) -> Iterator[Unit]:
        """The blocks of a scan of one component, which leaves out those outside the picture (A.2.2)."""
        across, down = (
            divide_up(divide_up(side * factor, most), 8)
            for side, factor, most in zip((self.width, self.height), self.factors[i], self.most)
        )
        for row in self.blocks[i][:down, :across].tolist():
            for block in row:
                yield [(i, block)]

    def together(self, group: list[int]) -> Iterator[Unit]:
        """Minimum coded units (A.2.3)."""
        blocks = {i: self.blocks[i].tolist() for i in group}
        for y in range(self.units[1]):
            for x in range(self.units[0]):
                yield [
                    (i, blocks[i][y * self.factors[i][1] + v][x * self.factors[i][0] + h])
                    for i in group
                    for v in range(self.factors[i][1])
                    for h in range(self.factors[i][0])
                ]

    @staticmethod
    def add_ac(bits: Bits, block: list[int]) -> None:
        run = 0
        for value in block[1:]:
            if value == 0:
                run += 1
                continue
            for _ in range(run // 16):
                bits.add(AC_SYMBOLS.index(0xF0), 8)
            bits.add(AC_SYMBOLS.index((run % 16) << 4 | abs(value).bit_length()), 8)
            bits.add_value(value)
            run = 0
        if run:
            bits.add(AC_SYMBOLS.index(0x00), 8)

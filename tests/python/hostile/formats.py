"""Legacy PyTorch files, TensorFlow's tables and safetensors files that lie about sizes, or repeat without end."""

from __future__ import annotations

import struct
from collections.abc import Callable

import numpy as np
from checkpoint_files import (
    Call,
    Global,
    Raw,
    TorchPickle,
    field,
    safetensors,
    safetensors_of,
    table,
    torch_legacy,
    varint,
)

from .made import CANARY, GENERATOR, Hostile, constant, named

# PyTorch's legacy format


def _legacy_program(opcodes: bytes) -> bytes:
    return torch_legacy(Raw(opcodes))


def _legacy_count(count: int) -> bytes:
    data = torch_legacy({"w": np.zeros(4, "<f4")})
    program = TorchPickle().encode(4) + b"N"  # the count, and the view behind it, in the persistent id
    assert data.count(program) == 1 and data.endswith(struct.pack("<q", 4) + bytes(16))
    lying = data.replace(program, TorchPickle().encode(count) + b"N").removesuffix(struct.pack("<q", 4) + bytes(16))
    return lying + struct.pack("<q", count) + bytes(16)


LEGACY = {
    "reduce_os_system": Hostile(
        lambda: torch_legacy(Call(Global("os", "system"), (CANARY,))), named("os.system")
    ),
    "count_of_16_eb": Hostile(lambda: _legacy_count(2**62), f"storage 0: truncated at 16 of {2**64} bytes"),
    "count_of_a_tb": Hostile(lambda: _legacy_count(2**38), f"storage 0: truncated at 16 of {2**40} bytes"),
    "garbage_behind": Hostile(
        lambda: torch_legacy(GENERATOR) + bytes(8), "damaged legacy file: the data ends at byte .."
    ),
    "twice": Hostile(lambda: torch_legacy(GENERATOR) * 2, "damaged legacy file: the data ends at byte .."),
    "big_endian": Hostile(
        lambda: torch_legacy(GENERATOR, little_endian=False),
        "the byte order is not little-endian; save the weights on a little-endian machine",
    ),
    "protocol_bomb": Hostile(
        lambda: torch_legacy({}).replace(b"\x8a\x02\xe9\x03.", b"N" * 500_000 + b"\x8a\x02\xe9\x03."),
        "a pickle of 500007 bytes, expected at most 1000",
    ),
    "two_programs": Hostile(lambda: _legacy_program(b"N.N"), "damaged legacy file: the storage keys are not a list"),
    "no_end": Hostile(lambda: torch_legacy({})[:-1], "damaged pickle: pickle exhausted before seeing STOP"),
}  # fmt: skip


# TensorFlow


def _listed(variable: bytes) -> bytes:
    """A table of one variable, as the list of variables describes it."""
    return table([[(b"", field(1, field(1, variable)))]])


def _sliced(part: bytes, sizes: tuple[int, ...] = (4,)) -> bytes:
    """A table of the variable w, of these sizes, and this slice of it."""
    shape = b"".join(field(2, field(1, size)) for size in sizes)
    listed = field(1, field(1, field(1, b"w") + field(2, shape) + field(3, 1) + field(4, field(1, b""))))
    return table([[(b"", listed), (b"\0w", field(2, field(1, b"w") + part))]])


TABLES = {
    "shape_of_many_axes": Hostile(
        lambda: _listed(field(1, b"w") + field(2, field(2, b"") * 100_000)),
        "tensor w: its shape is unknown or impossible",
    ),
    "shape_of_16_eb": Hostile(
        lambda: _listed(field(1, b"w") + field(2, field(2, field(1, 2**64 - 1)))),
        "tensor w: its shape is unknown or impossible",
    ),
    "shape_unknown": Hostile(
        lambda: _listed(field(1, b"w") + field(2, field(3, 1))), "tensor w: its shape is unknown or impossible"
    ),
    "shape_far_too_large": Hostile(
        lambda: _sliced(field(2, field(1, b"") * 3), (2**62,) * 3),
        f"tensor w: 0 bytes of values do not match F32 [{2**62}, {2**62}, {2**62}]",
    ),
    "many_extents": Hostile(
        lambda: _sliced(field(2, field(1, b"") * 100_000)),
        "tensor w: saved in parts (a partitioned variable), expected a whole tensor",
    ),
    "values_in_many_pieces": Hostile(
        lambda: _sliced(field(2, field(1, b"")) + field(3, field(5, b"") * 100_000)),
        "tensor w: 0 bytes of values do not match F32 [4]",
    ),
    "listed_twice": Hostile(
        lambda: table([[(b"", field(1, field(1, field(1, b"w")) * 2))]]), "tensor w: listed twice"
    ),
    "no_values": Hostile(lambda: _listed(field(1, b"w")), "tensor w: listed, but it has no values"),
    "name_not_text": Hostile(lambda: _listed(field(1, b"\xff")), "a variable's name is not valid UTF-8"),
    "number_without_end": Hostile(lambda: _listed(b"\x08" + b"\xff" * 40), "a number takes more than 64 bits"),
    "wire_type_3": Hostile(lambda: _listed(b"\x0b"), "protocol buffer field 1: wire type 3, expected 0, 1, 2 or 5"),
    "field_past_the_end": Hostile(
        lambda: _listed(b"\x0a" + varint(2**40)), "protocol buffer field 1 runs past the end of its message"
    ),
    "nothing_but_a_footer": Hostile(
        lambda: table([[(b"", b"")]])[-48:], "table block at byte .."
    ),
    "index_far_away": Hostile(
        lambda: bytes(100) + (varint(0) * 2 + varint(2**63) * 2).ljust(40, b"\0") + table([[(b"", b"")]])[-8:],
        f"table block at byte {2**63}: ends at {2**64}, past the file's 148 bytes",
    ),
}  # fmt: skip


# safetensors


def _header(text: bytes) -> Callable[[], bytes]:
    return lambda: safetensors_of(text, b"")


SAFETENSORS = {
    "header_of_16_eb": Hostile(
        constant(b"\xff" * 8 + b"{}"),
        f"header length {2**64 - 1} bytes, expected at most 100000000 and at most the 2 that follow",
    ),
    "header_of_nothing": Hostile(constant(bytes(8) + b"{}"), "the header does not begin with '{'"),
    "lists_in_lists": Hostile(
        _header(b'{"a":' + b"[" * 400_000 + b"]" * 400_000 + b"}"), "the header is nested too deeply"
    ),
    "lists_by_the_million": Hostile(
        _header(b'{"a":[' + b"[]," * 600_000 + b"0]}"), "the header holds 1200003 values, expected at most 1000000"
    ),
    "number_of_a_megabyte": Hostile(_header(b'{"a":' + b"1" * 1_000_000 + b"}"), "the header is not valid JSON: .."),
    "same_name": Hostile(_header(b'{"a":1,"a":2}'), "tensor a occurs twice"),
    "half_a_surrogate": Hostile(
        _header(b'{"__metadata__":{"a":"\\ud800"}}'), "__metadata__ holds text that is not valid Unicode"
    ),
    "utf_16": Hostile(lambda: safetensors_of('{"a":1}'.encode("utf-16-le"), b""), "the header is not valid JSON: .."),
    "shape_of_16_eb": Hostile(
        lambda: safetensors_of({"a": {"dtype": "U8", "shape": [2**63 - 1, 2**63 - 1], "data_offsets": [0, 0]}}, b""),
        f"tensor a: 0 bytes of data do not match U8 [{2**63 - 1}, {2**63 - 1}]",
    ),
    "overlapping": Hostile(
        lambda: safetensors_of(
            {n: {"dtype": "U8", "shape": [4], "data_offsets": [0, 4]} for n in "ab"}, bytes(4)
        ),
        "tensor b: data begins at 0, expected 4: no gaps or overlaps allowed",
    ),
    "garbage_behind": Hostile(
        lambda: safetensors(GENERATOR) + b"x", "the tensors end at byte .."
    ),
}  # fmt: skip

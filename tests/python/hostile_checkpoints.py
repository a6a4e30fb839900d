"""Files that strangers could make to run something, to fill the memory, to take for ever, or to lie about their weights.

By format, then by name: how each is made, and what the converter says of it. Those of "pickle" are programs alone.
"""

from __future__ import annotations

import io
import struct
import zipfile
from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np
from checkpoint_files import (
    Call,
    Global,
    Persistent,
    Raw,
    TorchPickle,
    View,
    field,
    rebuilt,
    safetensors,
    safetensors_of,
    table,
    tf_entries,
    torch_legacy,
    torch_zip,
    varint,
    zipped,
)
from model_tables import dcgan, enhancenet, vae, weights

GENERATOR = weights(dcgan(1, (2,), 1))
NETWORK = weights(enhancenet(0))
CANARY = "touch limn-canary"  # what the hostile pickles would run
FLOATS = Global("torch", "FloatStorage")


class Hostile(NamedTuple):
    make: Callable[[], bytes]
    message: str  # all of it behind the file's name; where it ends in "..", its beginning
    code: int = 1
    large: bool = False  # takes long to make


def _text(value: str) -> bytes:
    return b"X" + struct.pack("<I", len(value)) + value.encode()


def _dumped(root: Any) -> bytes:
    return TorchPickle().dumps(root)


def _named(name: str) -> str:
    return f"hostile pickle? it names {name}, which no checkpoint needs; nothing was run"


def _stored(*identity: Any) -> Callable[[], bytes]:
    return lambda: _dumped({"w": rebuilt(Persistent(identity), 0, (1,), (1,))})


def _constant(data: bytes) -> Callable[[], bytes]:
    return lambda: data


_ARGUMENT = _text(CANARY)
_GETATTR = (
    b"cbuiltins\ngetattr\n(cbuiltins\n__import__\n"
    + _text("os")
    + b"\x85R"
    + _text("system")
    + b"tR"
    + _ARGUMENT
    + b"\x85R."
)
# Numbers whose hashes are all alike, 0: in a dict each is held against every one before it.
_COLLIDING = b"N" + b"".join(b"p%d\n" % (number * (2**61 - 1)) for number in range(20_000)) + b"."
_HALVES = b"".join(b"(h%ch%ctq%c" % (i - 1, i - 1, i) if i else b")q\x00" for i in range(200)) + b"."
_PAIRS = b"ccollections\nOrderedDict\nq\x00](](NNeeq\x01" + b"h\x00h\x01\x85R" * 10_000 + b"."

_VECTOR = {"main.3.weight": Call(Global("torch._utils", "_rebuild_qtensor"))}

PICKLES = {
    "reduce_os_system": Hostile(_constant(b"cos\nsystem\n" + _ARGUMENT + b"\x85R."), _named("os.system")),
    "reduce_posix_system": Hostile(_constant(b"cposix\nsystem\n" + _ARGUMENT + b"\x85R."), _named("posix.system")),
    "stack_global_popen": Hostile(
        _constant(b"\x80\x04\x8c\x0asubprocess\x8c\x05Popen\x93" + _ARGUMENT + b"\x85R."), _named("subprocess.Popen")
    ),
    "stack_global_dotted": Hostile(
        _constant(b"\x80\x04\x8c\x13torch.serialization\x8c\x09os.system\x93" + _ARGUMENT + b"\x85R."),
        _named("torch.serialization.os.system"),
    ),
    "inst_eval": Hostile(_constant(b"(" + _ARGUMENT + b"ibuiltins\neval\n."), _named("builtins.eval")),
    "obj_exec": Hostile(_constant(b"(cbuiltins\nexec\n" + _ARGUMENT + b"o."), _named("builtins.exec")),
    "newobj_python2_eval": Hostile(
        _constant(b"c__builtin__\neval\n" + _ARGUMENT + b"\x85\x81."), _named("__builtin__.eval")
    ),
    "newobj_ex_run_path": Hostile(
        _constant(b"\x80\x04crunpy\nrun_path\n" + _ARGUMENT + b"\x85}\x92."), _named("runpy.run_path")
    ),
    "getattr_of_import": Hostile(_constant(_GETATTR), _named("builtins.getattr")),
    "attrgetter": Hostile(_constant(b"coperator\nattrgetter\n" + _text("system") + b"\x85R."), _named("operator.attrgetter")),
    "pickle_in_pickle": Hostile(
        _constant(b"c_pickle\nloads\nC\x10cos\nsystem\n)R....\x85R."), _named("_pickle.loads")
    ),
    "build_setstate": Hostile(
        _constant(b"cmy.module\nThing\n)\x81}" + _text("__setstate__") + b"cos\nsystem\nsb."), _named("os.system")
    ),
    "build_on_a_function": Hostile(
        _constant(b"ctorch._utils\n_rebuild_tensor_v2\n}" + _text("__code__") + b"Nsb."),
        "a pickled Function, expected a state dict of named tensors",
    ),
    "inert_numpy_load": Hostile(
        _constant(b"cnumpy\nload\n" + _ARGUMENT + b"\x85R."),
        "a pickled numpy.load object, expected a state dict: save model.state_dict()",
    ),
    "inert_torch_hub": Hostile(
        lambda: _dumped({"state_dict": Call(Global("torch.hub", "load"), (CANARY,))}),
        "a pickled torch.hub.load object, expected a state dict: save model.state_dict()",
    ),
    "inert_partial": Hostile(
        _constant(b"cfunctools\npartial\ncsite_packages\nrun\n" + _ARGUMENT + b"\x86R" + _ARGUMENT + b"\x85R."),
        "a pickled functools.partial object, expected a state dict: save model.state_dict()",
    ),
    "extension_1": Hostile(_constant(b"\x82\x01."), "pickle opcode EXT1, which no checkpoint needs"),
    "extension_2": Hostile(_constant(b"\x83\x01\x00."), "pickle opcode EXT2, which no checkpoint needs"),
    "extension_4": Hostile(_constant(b"\x84\x01\x00\x00\x00."), "pickle opcode EXT4, which no checkpoint needs"),
    "next_buffer": Hostile(_constant(b"\x97."), "pickle opcode NEXT_BUFFER, which no checkpoint needs"),
    "call_of_text": Hostile(_constant(_ARGUMENT + b")R."), "damaged pickle: calls a str"),
    # Persistent ids
    "persistent_text": Hostile(_constant(b"Pabc\n."), "damaged pickle: a persistent id that is no tuple"),
    "persistent_list": Hostile(_constant(b"]Q."), "damaged pickle: a persistent id that is no tuple"),
    "persistent_empty": Hostile(_constant(b")Q."), "damaged pickle: a persistent id that is no tuple"),
    "persistent_itself": Hostile(
        _constant(b"]q\x00h\x00ah\x00\x85Q."), "damaged pickle: a persistent id that names no storage"
    ),
    "persistent_function": Hostile(
        _stored("storage", Global("os", "system"), CANARY, "cpu", 1), _named("os.system")
    ),
    "persistent_class_of_text": Hostile(
        _stored("storage", "FloatStorage", "0", "cpu", 1), "damaged pickle: a storage without a class or a key"
    ),
    "persistent_key_of_bytes": Hostile(
        _stored("storage", FLOATS, Raw(b"C\x010"), "cpu", 1), "damaged pickle: a storage without a class or a key"
    ),
    "persistent_count_true": Hostile(
        _stored("storage", FLOATS, "0", "cpu", True), "storage 0: its count of values is impossible"
    ),
    "persistent_count_negative": Hostile(
        _stored("storage", FLOATS, "0", "cpu", -1), "storage 0: its count of values is impossible"
    ),
    "persistent_count_of_a_megabit": Hostile(
        _stored("storage", FLOATS, "0", "cpu", Raw(b"\x8b" + struct.pack("<I", 1 << 17) + b"\x7f" * (1 << 17))),
        "storage 0: its count of values is impossible",
    ),
    "persistent_count_of_no_file": Hostile(
        _stored("storage", FLOATS, "0", "cpu", 2**62), "the zip archive has no entry archive/data/0"
    ),
    "persistent_key_that_climbs": Hostile(
        _stored("storage", FLOATS, "../../etc/passwd", "cpu", 1),
        "the zip archive has no entry archive/data/../../etc/passwd",
    ),
    # Depth, and values that hold themselves
    "lists_in_lists": Hostile(
        lambda: b"]" * 200_000 + b"a" * 199_999 + b".", "a pickled list, expected a state dict of named tensors"
    ),
    "tuples_in_tuples": Hostile(
        lambda: b")" + b"\x85" * 200_000 + b".", "a pickled tuple, expected a state dict of named tensors"
    ),
    "dicts_in_dicts": Hostile(
        lambda: (b"}" + _text("model")) * 100_000 + b"}" + b"s" * 100_000 + b".", "holds no tensors"
    ),
    "a_deep_key": Hostile(lambda: b"})" + b"\x85" * 200_000 + b"Ns.", "holds no tensors"),
    "marks": Hostile(lambda: b"(" * 200_000 + b".", "damaged pickle: an instruction finds no operand"),
    "a_dict_in_itself": Hostile(_constant(b"}q\x00" + _text("model") + b"h\x00s."), "holds no tensors"),
    "a_list_in_itself": Hostile(
        _constant(b"]q\x00" + b"h\x00a" * 1000 + b"."), "a pickled list, expected a state dict of named tensors"
    ),
    "mask_values_in_themselves": Hostile(
        _constant(b"}" + _text("mask_values") + b"]q\x00h\x00as."), "holds no tensors"
    ),
    # Memory and time
    "doubling_tuples": Hostile(lambda: _HALVES, "a pickled tuple, expected a state dict of named tensors"),
    "doubling_dicts": Hostile(lambda: _PAIRS, "holds no tensors"),
    "memo_far_up": Hostile(
        _constant(b"Nr\xff\xff\xff\xff."), "damaged pickle: a memo of more than 500000 values"
    ),
    "memo_below": Hostile(_constant(b"Np-1\n."), "damaged pickle: a memo of more than 500000 values"),
    "memo_that_collides": Hostile(lambda: _COLLIDING, "damaged pickle: a memo of more than 500000 values"),
    "memo_empty": Hostile(_constant(b"h\x00."), "damaged pickle: refers to a value it has not made"),
    "too_long": Hostile(lambda: b"N" * 500_000 + b".", "a pickle of more than 500000 instructions"),
    "long4_of_2_gb": Hostile(_constant(b"\x8b\xff\xff\xff\x7f\x01."), "damaged pickle: .."),
    "long4_negative": Hostile(_constant(b"\x8b\xff\xff\xff\xff\x01."), "damaged pickle: .."),
    "long_of_5000_digits": Hostile(_constant(b"L" + b"9" * 5000 + b"L\n."), "damaged pickle: .."),
    "bytes8_of_8_eb": Hostile(_constant(b"\x8e" + b"\xff" * 7 + b"\x7f."), "damaged pickle: .."),
    "text8_of_16_eb": Hostile(_constant(b"\x8d" + b"\xff" * 8 + b"."), "damaged pickle: .."),
    "bytearray8_of_8_eb": Hostile(_constant(b"\x96" + b"\xff" * 7 + b"\x7f."), "damaged pickle: .."),
    "frame_of_16_eb": Hostile(_constant(b"\x95" + b"\xff" * 8 + b"N."), "a pickled NoneType, expected .."),
    "no_end": Hostile(_constant(b"N"), "damaged pickle: pickle exhausted before seeing STOP"),
    # Tensors of kinds that no graph here has
    "quantised": Hostile(
        lambda: _dumped({"main.0.weight": Call(Global("torch._utils", "_rebuild_qtensor"), (1, 2)),} | _VECTOR),
        "tensor main.0.weight: made by torch._utils._rebuild_qtensor, which is not run",
    ),
    "sparse": Hostile(
        lambda: _dumped({"main.0.weight": Call(Global("torch._utils", "_rebuild_sparse_tensor"), (1, 2))} | _VECTOR),
        "tensor main.0.weight: made by torch._utils._rebuild_sparse_tensor, which is not run",
    ),
}  # fmt: skip


# Zip archives


def _replaced(name: str, view: View | np.ndarray) -> bytes:
    return torch_zip(GENERATOR | {name: view})


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


def _large_directory() -> bytes:
    """Extra fields without contents, 16 thousand an entry: reading them takes the square of their number."""
    extra = b"\x05\x00\x00\x00" * 16_000
    more = lambda directory: directory + b"".join(_record(directory, b"%d" % n, extra) for n in range(100))  # noqa: E731
    return _with_directory(_ordinary(), more)


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
        archive.writestr("archive/data.pkl", _dumped({"w": np.zeros(4, "<f4")}))
        archive.writestr(link, "/etc/passwd")
    return file.getvalue()


def _shared() -> bytes:
    """A network whose tensors all see the same values: 145 MB of weights in 600 KB."""
    values = np.zeros(9 * 64 * 64, "<f4")
    return torch_zip({name: View(values, 0, shape, _strides(shape)) for name, shape in enhancenet(490, 64).items()})


def _strides(shape: tuple[int, ...]) -> tuple[int, ...]:
    return tuple(step // 4 for step in np.empty(shape, "<f4").strides)


ZIPS = {
    "promises_little": Hostile(
        _promising_little, "entry archive/data.pkl: unpacks to another size than the 100 bytes it promises", large=True
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
    "packed_size_far_too_large": Hostile(_in_directory(20, "<I", 0x7FFFFFFF), "entry archive/data.pkl: ends at byte .."),
    "packed_size_too_large": Hostile(_in_directory(20, "<I", 3000), "entry archive/data.pkl: ends at byte 3030 of .."),
    "zip64_size": Hostile(lambda: _zip64(2**63), "the zip archive unpacks to .."),
    "zip64_size_16_eb": Hostile(lambda: _zip64(2**64 - 1), "the zip archive unpacks to .."),
    "zip64_missing": Hostile(_in_directory(42, "<I", 0xFFFFFFFF), "entry archive/data.pkl: ends at byte .."),
    "directory_far_away": Hostile(_in_the_end(16, "<I", 0xFFFFFFF0), ".."),  # newer zipfiles notice it themselves
    "directory_too_large": Hostile(_in_the_end(12, "<I", 0x7FFFFFFF), "damaged zip archive: .."),
    "directory_of_6_mb": Hostile(
        _large_directory, "the zip archive's directory takes 6405336 bytes, expected at most 2000000"
    ),
    "wrong_checksum": Hostile(_in_directory(16, "<I", 0), "entry archive/data.pkl: Bad CRC-32 .."),
    "encrypted": Hostile(_in_directory(8, "<H", 1), "entry archive/data.pkl: is encrypted"),
    "method_lzma": Hostile(
        _in_directory(10, "<H", 14), "entry archive/data.pkl: compression method 14, expected 0 or 8"
    ),
    "method_deflated_but_stored": Hostile(_in_directory(10, "<H", 8), "entry archive/data.pkl: damaged"),
    "version_25": Hostile(_in_directory(6, "<H", 255), "damaged zip archive: zip file version 25.5"),
    "no_local_header": Hostile(
        lambda: _ordinary().replace(b"PK\x03\x04", b"PK\x03\x05").replace(b"PK\x03\x05", b"PK\x03\x04", 1).replace(
            b"PK\x03\x04", b"PK\x03\x04", 1),
        "entry archive/byteorder: no entry begins at byte ..",
    ),
    "garbage_behind": Hostile(lambda: _ordinary() + bytes(100), "", 0),
    "big_endian": Hostile(
        lambda: torch_zip(GENERATOR, {"archive/byteorder": b"big"}),
        "the byte order is not little-endian; save the weights on a little-endian machine",
    ),
    "byte_order_of_1_mb": Hostile(
        lambda: torch_zip(GENERATOR, {"archive/byteorder": b"little" * 170_000}),
        "the byte order is not little-endian; save the weights on a little-endian machine",
    ),
    # Tensors that lie
    "tensor_past_its_storage": Hostile(
        lambda: _replaced("main.1.bias", View(np.zeros(2, "<f4"), 1, (2,), (1,))),
        "storage 2: a tensor ends at value 2, past its 2 values",
    ),
    "stride_negative": Hostile(
        lambda: _replaced("main.1.bias", View(np.zeros(2, "<f4"), 1, (2,), (-1,))),
        "storage 2: a tensor with an impossible size, stride or offset",
    ),
    "stride_overflowing": Hostile(
        lambda: _replaced("main.1.bias", View(np.zeros(2, "<f4"), 0, (2,), (2**64,))),
        "storage 2: a tensor with an impossible size, stride or offset",
    ),
    "stride_that_wraps": Hostile(
        lambda: _replaced("main.3.weight", View(np.zeros(32, "<f4"), 0, (2, 1, 4, 4), (2**62, 16, 4, 1))),
        f"storage 5: a tensor ends at value {2**62 + 15}, past its 32 values",
    ),
    "stride_of_no_axis": Hostile(
        lambda: _replaced("main.3.weight", View(np.zeros(32, "<f4"), 0, (2, 1, 4, 4), (16, 2**63 - 1, 4, 1))), "", 0
    ),
    "offset_negative": Hostile(
        lambda: _replaced("main.1.bias", View(np.zeros(2, "<f4"), -1, (2,), (1,))),
        "storage 2: a tensor with an impossible size, stride or offset",
    ),
    "shape_negative": Hostile(
        lambda: _replaced("main.1.bias", View(np.zeros(2, "<f4"), 0, (-2,), (1,))),
        "storage 2: a tensor with an impossible size, stride or offset",
    ),
    "shape_that_wraps": Hostile(
        lambda: _replaced("main.1.bias", View(np.zeros(2, "<f4"), 0, (2**62, 2**62), (0, 0))),
        f"dcgan tensors: 1 of a wrong shape: main.1.bias is [{2**62}, {2**62}], expected [2]",
    ),
    "rank_33": Hostile(
        lambda: _replaced("main.1.bias", View(np.zeros(2, "<f4"), 0, (1,) * 33, (1,) * 33)),
        "storage 2: a tensor with an impossible size, stride or offset",
    ),
    "expanded": Hostile(
        lambda: _replaced("main.1.bias", View(np.zeros(1, "<f4"), 0, (2,), (0,))),
        "tensor main.1.bias: an expanded tensor (stride 0) is larger than its storage; save a contiguous one",
    ),
    "sizes_of_0": Hostile(
        lambda: torch_zip(_vae_of_width_1()),
        "vae tensors: 7 without values: ..",
    ),
    "shared": Hostile(_shared, "its tensors share values and come to .."),
    "not_a_number": Hostile(
        lambda: _replaced("main.1.bias", np.array([np.nan, np.inf], "<f4")),
        "warning: 1 tensors with NaN or infinite values: main.1.bias (2 of 2)",
        0,
    ),
}  # fmt: skip


def _vae_of_width_1() -> dict[str, np.ndarray]:
    """The smallest width of the VAE would give its fourth decoder no channels."""
    return weights({name: _halved(name, shape) for name, shape in vae(False).items()})


def _halved(name: str, shape: tuple[int, ...]) -> tuple[int, ...]:
    if name == "dec_conv1.weight":
        return (shape[0] // 2, 8 + 3, *shape[2:])
    keep = {"cond_enc_conv1.weight": 1, "dec_conv5.weight": 0}.get(name)
    return tuple(
        size if axis > 1 or axis == keep or name == "dec_conv5.bias" else size // 2 for axis, size in enumerate(shape)
    )


# The legacy format


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
        lambda: torch_legacy(Call(Global("os", "system"), (CANARY,))), _named("os.system")
    ),
    "count_of_16_eb": Hostile(lambda: _legacy_count(2**62), f"storage 0: truncated at 16 of {2**64} bytes"),
    "count_of_a_tb": Hostile(lambda: _legacy_count(2**38), f"storage 0: truncated at 16 of {2**40} bytes"),
    "garbage_behind": Hostile(lambda: torch_legacy(GENERATOR) + bytes(8), "damaged legacy file: ends at byte .."),
    "twice": Hostile(lambda: torch_legacy(GENERATOR) * 2, "damaged legacy file: ends at byte .."),
    "big_endian": Hostile(
        lambda: torch_legacy(GENERATOR, little_endian=False),
        "the byte order is not little-endian; save the weights on a little-endian machine",
    ),
    "protocol_bomb": Hostile(
        lambda: torch_legacy({}).replace(b"\x8a\x02\xe9\x03.", b"N" * 500_000 + b"\x8a\x02\xe9\x03."),
        "a pickle of more than 1000 instructions",
    ),
    "two_programs": Hostile(lambda: _legacy_program(b"N.N"), "damaged legacy file: the storage keys are not a list"),
    "no_end": Hostile(lambda: torch_legacy({})[:-1], "damaged pickle: pickle exhausted before seeing STOP"),
}  # fmt: skip


# TensorFlow


def _listed(variable: bytes) -> bytes:
    """A table of one variable, as the list of variables describes it."""
    return table([[(b"", field(1, field(1, variable)))]])


def _sliced(part: bytes) -> bytes:
    """A table of the variable w, of 4 values, and this slice of it."""
    shape = field(2, field(1, 4))
    listed = field(1, field(1, field(1, b"w") + field(2, shape) + field(3, 1) + field(4, field(1, b""))))
    return table([[(b"", listed), (b"\0w", field(2, field(1, b"w") + part))]])


def _blocks_that_overlap() -> bytes:
    """Two handles in the index, of the same block."""
    data = table([tf_entries(NETWORK)[:1], tf_entries(NETWORK)[1:]])
    return data


TABLES = {
    "shape_of_a_million_axes": Hostile(
        lambda: _listed(field(1, b"w") + field(2, field(2, b"") * 300_000)), "tensor w: its shape is unknown or impossible"
    ),
    "shape_of_16_eb": Hostile(
        lambda: _listed(field(1, b"w") + field(2, field(2, field(1, 2**64 - 1)))),
        "tensor w: its shape is unknown or impossible",
    ),
    "shape_unknown": Hostile(
        lambda: _listed(field(1, b"w") + field(2, field(3, 1))), "tensor w: its shape is unknown or impossible"
    ),
    "shape_far_too_large": Hostile(
        lambda: table([[(b"", field(1, field(1, field(1, b"w") + field(2, field(2, field(1, 2**62)) * 3) + field(3, 1)))),
                        (b"\0w", field(2, field(1, b"w") + field(2, field(1, b"") * 3)))]]),
        f"tensor w: 0 bytes of values do not match F32 [{2**62}, {2**62}, {2**62}]",
    ),
    "extents_by_the_million": Hostile(
        lambda: _sliced(field(2, field(1, b"") * 300_000)),
        "tensor w: saved in parts (a partitioned variable), expected a whole tensor",
    ),
    "values_in_pieces": Hostile(
        lambda: _sliced(field(2, field(1, b"")) + field(3, field(5, b"") * 300_000)),
        "tensor w: 0 bytes of values do not match F32 [4]",
    ),
    "listed_twice": Hostile(
        lambda: table([[(b"", field(1, field(1, field(1, b"w")) * 2))]]), "tensor w: listed twice"
    ),
    "no_values": Hostile(lambda: _listed(field(1, b"w")), "tensor w: listed, but its values are missing"),
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
        _constant(b"\xff" * 8 + b"{}"),
        f"the header claims {2**64 - 1} bytes, expected at most 100000000 and the 2 that follow",
    ),
    "lists_in_lists": Hostile(
        _header(b'{"a":' + b"[" * 400_000 + b"]" * 400_000 + b"}"), "the header is nested too deeply"
    ),
    "lists_by_the_million": Hostile(
        _header(b'{"a":[' + b"[]," * 600_000 + b"0]}"), "the header holds 1200003 values, expected at most 1000000"
    ),
    "number_of_a_megabyte": Hostile(_header(b'{"a":' + b"1" * 1_000_000 + b"}"), "the header is not valid JSON: .."),
    "same_name": Hostile(_header(b'{"a":1,"a":2}'), "the header names a twice"),
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
        "tensor b: its data begins at 0, expected 4: no holes, no overlaps",
    ),
    "garbage_behind": Hostile(
        lambda: safetensors(GENERATOR) + b"x", "the tensors end at byte .."
    ),
}  # fmt: skip

FILES = {"pickle": PICKLES, "zip": ZIPS, "legacy": LEGACY, "table": TABLES, "safetensors": SAFETENSORS}

"""tools/convert.py on files that are hostile, damaged or cut off: one line, no output, and nothing in them is run."""

from __future__ import annotations

import io
import json
import re
import struct
import zipfile
from pathlib import Path

import numpy as np
import pytest
from checkpoint_files import (
    Call,
    Global,
    Persistent,
    Raw,
    View,
    field,
    rebuilt,
    safetensors,
    safetensors_of,
    table,
    tf_entries,
    tf_v1,
    torch_legacy,
    torch_zip,
    zipped,
)
from convert_runner import ROOT, assert_same, converted, refused, run
from model_tables import dcgan, enhancenet, weights

GENERATOR = weights(dcgan())
NETWORK = weights(enhancenet(0))
FILES = {
    "zip": torch_zip(GENERATOR),
    "legacy": torch_legacy(GENERATOR),
    "safetensors": safetensors(GENERATOR, {"format": "pt"}),
    "TensorFlow V1": tf_v1(NETWORK),
}
FLOATS = Global("torch", "FloatStorage")


def program(opcodes: bytes) -> bytes:
    """A zip-format file whose whole pickle is these opcodes."""
    return torch_zip({}, {"archive/data.pkl": opcodes})


# Hostile pickles

HOSTILE = [
    ("os", "system"), ("posix", "system"), ("nt", "system"), ("subprocess", "Popen"), ("subprocess", "check_output"),
    ("builtins", "eval"), ("builtins", "exec"), ("builtins", "getattr"), ("builtins", "__import__"),
    ("__builtin__", "eval"), ("commands", "getoutput"), ("importlib", "import_module"), ("runpy", "run_path"),
    ("shutil", "rmtree"), ("socket", "create_connection"), ("ctypes", "CDLL"), ("pty", "spawn"), ("sys", "exit"),
    ("code", "interact"), ("operator", "attrgetter"), ("functools", "reduce"), ("pickle", "loads"), ("io", "open"),
    ("webbrowser", "open"), ("asyncio.subprocess", "create_subprocess_shell"), ("types", "FunctionType"),
    ("torch.serialization", "os.system"), ("collections", "namedtuple"), ("pathlib", "os.system"),
]  # fmt: skip


@pytest.mark.parametrize(("module", "name"), HOSTILE)
def test_a_hostile_pickle_is_named_and_not_run(module: str, name: str, tmp_path: Path) -> None:
    canary = tmp_path.parent / f"{tmp_path.name}-canary"
    call = Call(Global(module, name), (f"touch {canary}",))
    for write in (torch_zip, torch_legacy):
        for root in (call, GENERATOR | {"main.4.bias": call}, {"state_dict": GENERATOR, "callbacks": [call]}):
            assert f"names {module}.{name}" in refused(tmp_path, write(root))
    assert not canary.exists()


def test_every_way_to_spell_a_call_is_refused(tmp_path: Path) -> None:
    canary = tmp_path.parent / f"{tmp_path.name}-canary"
    argument = b"X" + struct.pack("<I", len(f"touch {canary}")) + f"touch {canary}".encode()
    for opcodes in (
        b"cos\nsystem\n" + argument + b"\x85R.",  # GLOBAL, REDUCE
        b"\x80\x04\x8c\x02os\x8c\x06system\x93" + argument + b"\x85R.",  # STACK_GLOBAL
        b"cos\nsystem\n" + argument + b"\x85\x81.",  # NEWOBJ
        b"cos\nsystem\n" + argument + b"\x85}\x92.",  # NEWOBJ_EX
        b"(" + argument + b"ios\nsystem\n.",  # INST
        b"(cos\nsystem\n" + argument + b"o.",  # OBJ
        b"cmy.module\nThing\n)\x81}X\x0c\x00\x00\x00__setstate__cos\nsystem\nsb.",  # BUILD
        b"\x82\x01.",  # EXT1: the extension registry
        b"\x97.",  # NEXT_BUFFER
    ):
        refused(tmp_path, program(opcodes))
    assert not canary.exists()


def test_foreign_objects_swallow_whatever_they_are_given(tmp_path: Path) -> None:
    """Every opcode that could reach an object, on one of a class that does not even exist here."""
    thing = b"cmy_project.models\nThing\n"
    for opcodes in (thing + b")R", thing + b")\x81", thing + b")}\x92", b"(" + thing + b"o", b"(imy_project\nThing\n"):
        filled = opcodes + b"K\x01a(K\x01K\x02eK\x01K\x02s(K\x01K\x02u(K\x01\x90}b"
        assert_same(converted(tmp_path, torch_zip({"state_dict": GENERATOR, "thing": Raw(filled)})).tensors, GENERATOR)


def test_weights_that_need_a_foreign_object_are_refused(tmp_path: Path) -> None:
    foreign = Call(Global("my_project.quantize", "Packed"), (GENERATOR["main.0.weight"],))
    for name in ("main.0.weight", "main.4.bias"):
        error = refused(tmp_path, torch_zip(GENERATOR | {name: foreign}))
        assert f"tensor {name}: made by my_project.quantize.Packed" in error
    packed = {name: Call(Global("torch._utils", "_rebuild_tensor_v3"), (tensor,)) for name, tensor in GENERATOR.items()}
    assert "tensor main.0.weight: made by torch._utils._rebuild_tensor_v3" in refused(tmp_path, torch_zip(packed))
    model = Call(Global("my_project.models", "Generator"), (GENERATOR,), {"layers": 3})
    for root in (model, {"model": model}):
        for write in (torch_zip, torch_legacy):
            assert "a pickled my_project.models.Generator object" in refused(tmp_path, write(root))
    module = Persistent(("module", Global("my_project.models", "Generator"), "models.py", "import os"))
    assert "a pickled my_project.models.Generator object" in refused(tmp_path, torch_legacy(Call(module)))


@pytest.mark.parametrize(
    "opcodes",
    [
        b".", b"N", b"0.", b"1.", b"R.", b"NR.", b"NNR.", b"N)R.", b"t.", b"e.", b"u.", b"(u.", b"}(Nu.", b"N(NNu.",
        b"}NNs", b"Na.", b"NNa.", b"b.", b"Nb.", b"Q.", b"NQ.", b")Q.", b"Pabc\n.", b"q\x00.", b"h\x07.", b"g12\n.",
        b"j\xff\xff\xff\xff.", b"\x94.", b"\x93.", b"NN\x93.", b"2.", b"s.", b"o.", b"(o.", b"\x81.", b"\x92.", b"d.",
        b"(Nd.", b"\xff.", b"\x80", b"I99999999999x\n.", b"Fnan?\n.", b"S'\n.", b"V\\ud800\\udc\n.", b"c\n", b"c\n\n.",
        b"\x8b\xff\xff\xff\xff.", b"\x8d" + b"\xff" * 8 + b".", b"\x96" + b"\xff" * 7 + b"\x7f.", b"T\xff\xff\xff\xff.",
        b"\x8b\xff\xff\xff\x7f.", b"I" + b"9" * 5000 + b"\n.", b"\x95" + b"\xff" * 8 + b"N.",
    ],
)  # fmt: skip
def test_programs_that_make_no_sense(opcodes: bytes, tmp_path: Path) -> None:
    refused(tmp_path, program(opcodes))


def test_recursion_and_memo_bombs(tmp_path: Path) -> None:
    deep = 200_000
    for opcodes in (
        b"]" * deep + b"a" * (deep - 1) + b".",  # lists in lists
        b")" + b"\x85" * deep + b".",  # tuples in tuples
        b"}" + b")" + b"\x85" * deep + b"Ns.",  # as a key: hashing it would recurse
        b"(" * deep + b".",
        b"}q\x00X\x05\x00\x00\x00modelh\x00s.",  # a dict that holds itself
        b"]q\x00(" + b"h\x00" * 1000 + b"e.",
        # A billion laughs: each list holds the one before twice.
        b"".join(b"](h%ch%ceq%c" % (i - 1, i - 1, i) if i else b"]q\x00" for i in range(100)) + b".",
        b"Nr\xff\xff\xff\xff.",  # LONG_BINPUT far up: a memo that is an array would fill the memory
        b"Np999999999999999999\n.",
    ):
        refused(tmp_path, program(opcodes))


def test_a_program_is_bounded(tmp_path: Path, monkeypatch) -> None:
    monkeypatch.setattr("checkpoint.pickle_reader.MAX_OBJECTS", 1000)
    assert "more than 1500 objects" in refused(tmp_path, program(b"]" * 2000 + b"."))


# Tensors that lie


def test_tensors_outside_their_storage(tmp_path: Path) -> None:
    storage = Persistent(("storage", FLOATS, "x", "cpu", 8))
    for offset, shape, strides in (
        (1, (8,), (1,)), (8, (1,), (1,)), (0, (2, 4), (5, 1)), (0, (8,), (2,)), (-1, (8,), (1,)), (0, (-8,), (1,)),
        (0, (8,), (-1,)), (0, (8,), ()), (0, (2**62, 2**62), (2**62, 1)), (2**70, (8,), (1,)), (0, (2**200,), (1,)),
        (0, (1,) * 40, (1,) * 40), (0, 8, 1), (None, (8,), (1,)), (0, ("8",), (1,)), (0, (True,), (1,)),
        (0.0, (8,), (1,)),
    ):  # fmt: skip
        root = GENERATOR | {"main.4.bias": rebuilt(storage, offset, shape, strides)}
        assert "storage x:" in refused(tmp_path, torch_zip(root, {"archive/data/x": bytes(32)}))


def test_an_expanded_tensor_is_no_memory_bomb(tmp_path: Path) -> None:
    huge = View(np.zeros(1, "<f4"), 0, (2**40, 2**20), (0, 0))
    unused = GENERATOR | {"x.num_batches_tracked": huge}
    assert_same(converted(tmp_path, torch_zip(unused)).tensors, GENERATOR)
    used = GENERATOR | {"main.4.bias": View(np.zeros(1, "<f4"), 0, (8,), (0,))}
    assert "tensor main.4.bias: an expanded tensor" in refused(tmp_path, torch_zip(used))


def test_storages_that_lie(tmp_path: Path) -> None:
    for identity, reason in (
        (("storage", FLOATS, "y", "cpu", 8), "no entry archive/data/y"),
        (("storage", FLOATS, "x", "cpu", 9), "32 bytes, expected 36"),
        (("storage", FLOATS, "x", "cpu", -8), "invalid number of values"),
        (("storage", FLOATS, "x", "cpu", 2**80), "invalid number of values"),
        (("storage", "FloatStorage", "x", "cpu", 8), "without a class or a key"),
        (("storage", FLOATS, 0, "cpu", 8), "without a class or a key"),
        (("storage", FLOATS, "x"), "is not a storage"),
        (("storage", FLOATS, "x", "cpu", 8, ("1", 0, 4)), "ends at value 7, past its 4 values"),
        (("storage", FLOATS, "x", "cpu", 8, ("1", 4, 5)), "storage x: an invalid view of its 8 values"),
        (("storage", FLOATS, "x", "cpu", 8, ("1", -1, 5)), "storage x: an invalid view of its 8 values"),
        (("storage", FLOATS, "x", "cpu", 8, ("1", 0)), "storage x: an invalid view of its 8 values"),
        (("storage", FLOATS, "x", "cpu", 8, 5), "storage x: an invalid view of its 8 values"),
        (("storage", Global("torch", "FutureStorage"), "x", "cpu", 2), "made by torch.FutureStorage"),
    ):
        root = {"main.4.bias": rebuilt(Persistent(identity), 0, (8,), (1,))}
        root |= {name: tensor for name, tensor in GENERATOR.items() if name != "main.4.bias"}
        assert reason in refused(tmp_path, torch_zip(root, {"archive/data/x": bytes(32)}))


def test_storages_that_no_used_tensor_has_are_passed_over(tmp_path: Path) -> None:
    """Raw and quantised values, of an optimiser say, stand between the weights."""
    for module, name in (
        ("torch.storage", "UntypedStorage"),
        ("torch", "QUInt8Storage"),
        ("torch.cuda", "CharStorage"),
    ):
        stored = Global(module, name)
        raw = rebuilt(Persistent(("storage", stored, "x", "cuda:0", 20)), 0, (20,), (1,))
        data = torch_zip({"raw": raw, "model": GENERATOR}, {"archive/data/x": bytes(20)})
        assert_same(converted(tmp_path, data).tensors, GENERATOR)
        data = torch_legacy({"raw": np.zeros(20, "u1"), "model": GENERATOR})
        data = data.replace(b"ctorch\nByteStorage\n", f"c{module}\n{name}\n".encode())
        assert_same(converted(tmp_path, data).tensors, GENERATOR)


def test_legacy_storages_that_lie(tmp_path: Path) -> None:
    data = torch_legacy({"main.4.bias": GENERATOR["main.4.bias"]})
    values = struct.pack("<q", 8) + GENERATOR["main.4.bias"].tobytes()
    assert data.endswith(values)
    keys = b"\x80\x02](X\x01\x00\x00\x000e."
    head = data.removesuffix(keys + values)
    assert len(head) < len(data)
    for tail, reason in (
        (keys + struct.pack("<q", 9) + values[8:], "holds 9 values, expected 8"),
        (keys + struct.pack("<q", -1), "expected 8"),
        (keys + values[:-1], "truncated at 31 of 32 bytes"),
        (keys.replace(b"0e", b"1e") + values, "unknown class, or one stored twice"),
        (b"\x80\x02](X\x01\x00\x00\x000X\x01\x00\x00\x000e." + values + values, "unknown class, or one stored twice"),
        (b"\x80\x02].", "has no values"),
        (b"\x80\x02N.", "not a list"),
        (b"\x80\x02]K\x00a.", "unknown class, or one stored twice"),
    ):
        assert reason in refused(tmp_path, head + tail)


def test_byte_order_must_be_known(tmp_path: Path) -> None:
    error = refused(tmp_path, torch_zip(GENERATOR, {"archive/byteorder": b"middle"}))
    assert "entry archive/byteorder: an unknown byte order, expected little or big" in error
    assert "little-endian" in refused(tmp_path, torch_legacy(GENERATOR, little_endian=False))


# Zip archives


def test_duplicate_entries_are_refused(tmp_path: Path) -> None:
    with pytest.warns(UserWarning, match="Duplicate name"):
        data = zipped([("a/data.pkl", b"N."), ("a/data/0", b"x"), ("a/data/0", b"y")])
    assert "the same name" in refused(tmp_path, data)


def test_zip_bombs_are_refused(tmp_path: Path) -> None:
    data = torch_zip(GENERATOR, {"archive/data/0": bytes(20_000_000)}, zipfile.ZIP_DEFLATED)
    assert f"expected at most {64 * len(data)} for a file of {len(data)}" in refused(tmp_path, data)
    small = torch_zip(GENERATOR)
    at = small.rindex(b"PK\x01\x02")
    lying = small[: at + 24] + struct.pack("<I", 0xFFFFFFF0) + small[at + 28 :]
    assert f"expected at most {64 * len(lying)} for a file of {len(lying)}" in refused(tmp_path, lying)


def test_deflated_archives_load(tmp_path: Path) -> None:
    assert_same(converted(tmp_path, torch_zip(GENERATOR, compression=zipfile.ZIP_DEFLATED)).tensors, GENERATOR)


def test_archives_of_every_writer_load(tmp_path: Path) -> None:
    """With sizes in 64 bits; written to a stream, so that the sizes stand behind the values; with extra fields."""

    class Stream(io.BytesIO):
        def seekable(self) -> bool:
            return False

        def tell(self) -> int:
            raise io.UnsupportedOperation

    entries = zipfile.ZipFile(io.BytesIO(FILES["zip"]))
    for file, wide, method in (
        (io.BytesIO(), True, zipfile.ZIP_STORED),
        (Stream(), False, zipfile.ZIP_STORED),
        (Stream(), True, zipfile.ZIP_DEFLATED),
    ):
        with zipfile.ZipFile(file, "w") as archive:
            archive.comment = b"saved by hand"
            for name in entries.namelist():
                info = zipfile.ZipInfo(name)
                info.compress_type, info.extra = method, b"FB\x04\x00ZZZZ"  # as PyTorch pads its entries
                with archive.open(info, "w", force_zip64=wide) as entry:
                    entry.write(entries.read(name))
        assert_same(converted(tmp_path, file.getvalue()).tensors, GENERATOR)


def test_other_zip_archives_are_refused(tmp_path: Path) -> None:
    assert "is a zip archive without an entry */data.pkl, not a checkpoint; unpack it first" in refused(
        tmp_path, zipped([("word/document.xml", b"<w/>")])
    )
    assert "2 entries named */data.pkl" in refused(tmp_path, zipped([("a/data.pkl", b"N."), ("b/data.pkl", b"N.")]))
    assert "TorchScript" in refused(tmp_path, torch_zip(GENERATOR, {"archive/constants.pkl": b"N."}))


def test_damaged_entries_are_named(tmp_path: Path) -> None:
    tensor = GENERATOR["main.3.weight"].tobytes()
    data = FILES["zip"].replace(tensor, tensor[:-1] + bytes([tensor[-1] ^ 1]))
    assert "tensor main.3.weight: entry archive/data/5: CRC-32" in refused(tmp_path, data)


# TensorFlow tables


def test_damaged_tables(tmp_path: Path) -> None:
    entries = tf_entries(NETWORK)
    value = NETWORK["generator/Conv_2/weights"].tobytes()
    flipped = FILES["TensorFlow V1"].replace(value, value[:-1] + bytes([value[-1] ^ 1]))
    listed, slices = entries[0], entries[1:]
    key, last = slices[-1]
    for data, reason in (
        (flipped, "checksum"),
        (table([entries], compression=1), "Snappy compression, expected none"),
        (table([entries], compression=4), "type 4 compression"),
        (table([[listed, *slices, slices[-1]]]), "saved twice"),
        (table([[listed, *slices[:-1]]]), "it has no values"),
        (table([slices]), "list of variables"),
        (table([[(b"", field(1, 1) + field(2, b""))]]), ".index of a V2 checkpoint"),
        (table([[listed, *slices[:-1], (key, last[:-1])]]), "runs past the end"),
        (table([[listed, *slices[:-1], (key, field(2, b""))]]), "not in the checkpoint's list"),
        (table([[listed, *slices[:-1], (key, field(2, field(1, b"\xff")))]]), "not valid UTF-8"),
        (table([[listed, *slices[:-1], (key, b"\x0b")]]), "wire type 3"),
        (table([[listed, *slices[:-1], (key, b"\xff" * 11)]]), "more than 64 bits"),
        (table([[listed, *slices[:-1], (key * 300, last)]]), "longer than 4096 bytes"),
        (table([tf_entries(NETWORK, extent=field(2, 1))]), "saved in parts"),
    ):
        assert reason in refused(tmp_path, data, name="weights")


def test_values_that_do_not_match_their_shape(tmp_path: Path) -> None:
    short = {name: tensor[..., :-1] if name.endswith("Conv_1/biases") else tensor for name, tensor in NETWORK.items()}
    listed, slices = tf_entries(NETWORK)[0], tf_entries(short)[1:]
    error = refused(tmp_path, table([[listed, *slices]]))
    assert "tensor generator/Conv_1/biases: 4 bytes of values do not match F32 [2]" in error


# safetensors


def entry(dtype: object = "F32", shape: object = (2,), offsets: object = (0, 8), **more: object) -> dict[str, object]:
    return {"dtype": dtype, "shape": shape, "data_offsets": offsets, **more}


@pytest.mark.parametrize(
    ("header", "data", "reason"),
    [
        (b'{"a": 1, "a": 2}', b"", "tensor a occurs twice"),
        (b'{"__metadata__": {"k": "1", "k": "2"}}', b"", "metadata key k occurs twice"),
        (b'{"a": {"dtype": "F32", "dtype": "F32"}}', b"", "tensor a: dtype occurs twice"),
        (b'{"a": {"dtype": "F32", "shape": [1], "data_offsets": [0, 4]}, "a": '
         b'{"dtype": "F32", "shape": [1], "data_offsets": [8, 12]}}', bytes(12), "tensor a occurs twice"),
        ({"__metadata__": {"j": "1", "k": None}}, b"", "metadata key k: null, expected a string"),
        ({"__metadata__": {"k": {}}}, b"", "metadata key k: an object, expected a string"),
        ({"__metadata__": {"k": True}}, b"", "metadata key k: true, expected a string"),
        ({"__metadata__": None}, b"", "__metadata__ is null, expected an object of strings"),
        (b'{"a": ', b"", "not valid JSON"),
        (b'{"\xff": 1}', b"", "not valid JSON"),
        (b'{"a": NaN}', b"", "NaN is not a JSON number"),
        (b'{"a": ' + b"[" * 100_000 + b"]" * 100_000 + b"}", b"", "nested too deeply"),
        (b'{"a": ' + b"1" * 5000 + b"}", b"", "not valid JSON"),
        (b'{"\\ud800": {"dtype": "F32", "shape": [], "data_offsets": [0, 4]}}', bytes(4), "not valid Unicode"),
        ({"__metadata__": {"k": 1}}, b"", "metadata key k: a number, expected a string"),
        ({"__metadata__": ["k"]}, b"", "__metadata__ is an array, expected an object of strings"),
        ({"a": [1]}, b"", "expected an object"),
        ({"a": {"dtype": "F32"}}, b"", "expected an object"),
        ({"a": entry(more=1)}, bytes(8), "expected an object"),
        ({"a": entry("F31")}, bytes(8), "unknown dtype"),
        ({"a": entry(32)}, bytes(8), "unknown dtype"),
        ({"a": entry(["F32"])}, bytes(8), "unknown dtype"),
        ({"a": entry(shape=[-2])}, bytes(8), "not a list of sizes"),
        ({"a": entry(shape=[True, 2])}, bytes(8), "not a list of sizes"),
        ({"a": entry(shape=[2.0])}, bytes(8), "not a list of sizes"),
        ({"a": entry(shape=2)}, bytes(8), "not a list of sizes"),
        ({"a": entry(shape=[2**64])}, bytes(8), "not a list of sizes"),
        ({"a": entry(shape=[2**62, 2**62])}, bytes(8), "do not match"),
        ({"a": entry(offsets=[0])}, bytes(8), "data_offsets"),
        ({"a": entry(offsets=[8, 0])}, bytes(8), "data_offsets"),
        ({"a": entry(offsets=[-8, 0])}, bytes(8), "data_offsets"),
        ({"a": entry(offsets="08")}, bytes(8), "data_offsets"),
        ({"a": entry(shape=[3])}, bytes(8), "do not match"),
        ({"a": entry("F4", [3], [0, 2])}, bytes(2), "do not match"),
        ({"a": entry(offsets=[4, 12])}, bytes(12), "begins at 4, expected 0"),
        ({"a": entry(), "b": entry(offsets=[4, 12])}, bytes(12), "begins at 4, expected 8"),
        ({"a": entry(), "b": entry(offsets=[12, 20])}, bytes(20), "begins at 12, expected 8"),
        ({"a": entry()}, bytes(7), "end at byte 8 of the data, expected 7"),
        ({"a": entry()}, bytes(9), "end at byte 8 of the data, expected 9"),
    ],
)  # fmt: skip
def test_every_rule_of_safetensors(header: object, data: bytes, reason: str, tmp_path: Path) -> None:
    assert reason in refused(tmp_path, safetensors_of(header, data), name="a.safetensors")


def test_safetensors_lengths(tmp_path: Path) -> None:
    good = FILES["safetensors"]
    for length in (len(good), 2**40, 2**64 - 1):
        assert "header length " in refused(tmp_path, struct.pack("<Q", length) + good[8:], name="a.safetensors")


def test_safetensors_of_every_dtype_are_read(tmp_path: Path) -> None:
    """Any dtype of the format may stand in a file, if only at tensors that are not used."""
    header = json.loads(FILES["safetensors"][8:].split(b"}}")[0] + b"}}")
    end = max(item["data_offsets"][1] for name, item in header.items() if name != "__metadata__")
    data = FILES["safetensors"][-end:]
    for dtype, size in (("F64", 8), ("C64", 8), ("F8_E4M3", 1), ("F8_E5M2", 1), ("F4", 0.5), ("U16", 2), ("I8", 1)):
        count = int(4 / size) or 1
        size_in_bytes = int(count * size)
        more = {f"{dtype}.num_batches_tracked": entry(dtype, [count], [end, end + size_in_bytes])}
        file = safetensors_of(header | more, data + bytes(size_in_bytes))
        assert_same(converted(tmp_path, file, name="a.safetensors").tensors, GENERATOR)


# Files that are cut off, changed at random, or something else


@pytest.mark.parametrize("file", FILES.values(), ids=FILES)
def test_truncated_files(file: bytes, tmp_path: Path) -> None:
    lengths = {*range(0, 200, 7), *np.linspace(0, len(file) - 1, 60).astype(int), *range(len(file) - 60, len(file), 3)}
    for length in sorted(lengths):
        refused(tmp_path, file[:length])


@pytest.mark.parametrize("file", FILES.values(), ids=FILES)
def test_files_with_changed_bytes(file: bytes, tmp_path: Path) -> None:
    """Where the format has no checksum a change may go unnoticed; it must never end in anything but 0 or one line."""
    generator = np.random.default_rng(7)
    where = np.concatenate([np.arange(min(400, len(file))), generator.integers(0, len(file), 200)])
    for at in generator.choice(where, 150):
        changed = bytearray(file)
        changed[at] = generator.integers(256)
        run(tmp_path, bytes(changed))


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (b"", "is an empty file, not a checkpoint; download the file itself"),
        (bytes(99), "99 bytes of an unknown format, or truncated; expected safetensors, a PyTorch file or a"),
        (b"\x89PNG\r\n\x1a\n" + bytes(99), "is a picture (PNG), not a checkpoint"),
        (b"\xff\xd8\xff\xe0", "is a picture (JPEG), not"),
        (b"GIF89a" + bytes(9), "is a picture (GIF), not"),
        (b"RIFF\x00\x00\x00\x00WEBPVP8 ", "is a picture (WebP), not"),
        (b"\0\0\0\x20ftypavif", "is a picture (AVIF), not"),
        (b"\0\0\0\x20ftypheic", "is a picture (HEIC), not"),
        (b"II*\0", "is a picture (TIFF (or a camera's raw format)), not"),
        (b"P6 2 2 255\n" + bytes(12), "is a picture (PNM), not"),
        (b"%PDF-1.7\n", "is a PDF document, not"),
        (b"\0\0\0\x20ftypisom", "is a video (MP4 or similar), not"),
        (b"\x89HDF\r\n\x1a\n", "is an HDF5 file, perhaps a Keras model, not a checkpoint; use the PyTorch or"),
        (b"GGUF\3\0\0\0", "is a GGUF file, not a checkpoint; use the PyTorch or TensorFlow checkpoint that it was"),
        (b"\x93NUMPY\1\0", "is a NumPy array (npy), not"),
        (b"\x08\x07\x12\x07pytorch\x1a", "is an ONNX model, not"),
        (b"\x1f\x8b\x08\0", "is compressed (gzip), not a checkpoint; unpack it first"),
        (b"\xfd7zXZ\0", "is compressed (xz), not"),
        (b"PK\5\6" + bytes(18), "is an empty zip archive, not"),
        (zipped([("arr_0.npy", b"")]), "is a NumPy archive (npz), not"),
        (zipped([("model.weights.h5", b"")]), "is a Keras model, not"),
        (b"version https://git-lfs.github.com/spec/v1\noid sha256:00\n", "is a Git LFS pointer, not a checkpoint; git"),
        (b"storages".ljust(257, b"\0") + b"ustar\x0000" + bytes(300), "is PyTorch's original tar format, not"),
        (b"a.pth".ljust(257, b"\0") + b"ustar\x0000" + bytes(300), "is a tar archive, not a checkpoint; unpack it"),
        (b"\x80\x02}.", "is a Python pickle that torch.save did not write, not a checkpoint; save the state dict with"),
        (b"<!DOCTYPE html><html><title>Not found", "is a web page (HTML), not a checkpoint; download the file itself"),
        (b"\xef\xbb\xbf\n  <HTML>\n<head>", "is a web page (HTML), not"),
        (b'{"metadata": {"total_size": 9}, "weight_map": {"a": "b"}}', "is the JSON index of sharded weights, not a"),
        (b'{"error":{"code": 404}}', "is JSON text, not"),
        (b"\xff\xfew\0e\0{\0{\0", "is UTF-16 text, not a checkpoint; PowerShell's > writes text like this"),
        (b"Access denied\n", "is text, not"),
        (b'model_checkpoint_path: "model.ckpt-9"\n', "is TensorFlow's list of checkpoints, not a checkpoint; convert"),
    ],
    ids=range(32),
)  # fmt: skip
def test_other_files_are_refused(data: bytes, reason: str, tmp_path: Path) -> None:
    assert reason in refused(tmp_path, data)


def test_other_files_have_the_names_that_the_program_uses(tmp_path: Path) -> None:
    """Every signature in the program's table, except of checkpoints."""
    source = ROOT / "engine/base/file_kinds.c"
    row = r'{\s*(\d+),\s*\d+,\s*((?:"(?:[^"\\]|\\.)*"\s*)+),\s*(?:OTHER_PICTURE\("([^"]+)"\)|{"([^"]+)",\s*(\w+))'
    if not source.exists():
        pytest.skip("the program has no such table")
    rows = re.findall(row, source.read_text())
    assert len(rows) > 60
    for at, pattern, picture, name, group in rows:
        beginning = "".join(re.findall(r'"((?:[^"\\]|\\.)*)"', pattern))  # ? matches itself
        data = bytes(int(at)) + beginning.encode("latin1").decode("unicode_escape").encode("latin1")
        expected = f"a picture ({picture or name})" if picture or group == "FILE_PICTURE" else name
        if group != "FILE_CHECKPOINT":
            assert f"is {expected}, not a checkpoint" in refused(tmp_path, data)


@pytest.mark.parametrize(
    ("root", "kind"),
    [(None, "NoneType"), (5, "int"), ([], "list"), ("weights", "str"), ([[], [3]], "list"), ((), "tuple")],
)
def test_pickles_without_weights_are_refused(root, kind: str, tmp_path: Path) -> None:
    for write in (torch_zip, torch_legacy):
        assert f": a pickled {kind}, expected a state dict of named tensors" in refused(tmp_path, write(root))


@pytest.mark.parametrize(
    ("root", "only"),
    [({}, ""), ({"epoch": 3}, ", only epoch (int)"), ({"state_dict": None}, ", only state_dict (NoneType)"),
     ({"model": [], 3: {}}, ", only model (list), [1] (dict)"),
     ({f"k{i}": i for i in range(12)}, ", only " + ", ".join(f"k{i} (int)" for i in range(10)) + " and 2 more")],
)  # fmt: skip
def test_dicts_without_weights_are_refused_with_their_keys(root, only: str, tmp_path: Path) -> None:
    for write in (torch_zip, torch_legacy):
        message = f": holds no tensors{only}; expected a state dict of named tensors\n"
        assert refused(tmp_path, write(root)).endswith(message)

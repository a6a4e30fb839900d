"""tools/convert.py and what training scripts store with the weights: it becomes inert, and any amount of it is read.

Here it is written byte by byte, or by Python's own pickler; test_convert_torch.py has PyTorch's.
"""

from __future__ import annotations

import ast
import collections
import contextlib
import copy
import datetime
import decimal
import enum
import fractions
import inspect
import io
import ipaddress
import itertools
import json
import logging
import math
import operator
import pathlib
import pickle
import random
import re
import struct
import time
import types
import typing
import uuid
import zipfile
from argparse import Namespace
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from checkpoint_files import Call, Global, ItemsOf, Raw, torch_legacy, torch_zip, zipped
from convert_runner import assert_same, converted, refused
from convert_sandbox import convert_in_sandbox
from model_tables import dcgan, deeplabv3, unet, vae, weights

GENERATOR = weights(dcgan())
EMPTY = Call(Global("collections", "OrderedDict"))


class Colour(enum.Enum):
    RED = "red"


class Mode(enum.Flag):
    FAST = 1
    SMALL = 2


Pair = collections.namedtuple("Pair", "first second")


def called(value: float) -> float:
    return value


COMPANY: dict[str, Any] = {
    "enum": Colour.RED,
    "flags": Mode.FAST | Mode.SMALL,
    "pattern": re.compile("layer[0-9]+", re.IGNORECASE),
    "regex flags": re.IGNORECASE | re.MULTILINE,
    "function": called,
    "functions": [len, print, math.cos, operator.itemgetter(1), partial(called, 1), pathlib.posixpath.join],
    "methods": [Pair(1, 2)._asdict, [1].append, {}.get, dict.fromkeys, collections.OrderedDict.fromkeys],
    "classes": [int, dict, Pair, Colour, type(None), ValueError, collections.abc.Mapping],
    "namedtuple": Pair(1, [2]),
    "namespaces": [Namespace(lr=0.1), types.SimpleNamespace(lr=0.1)],
    "singletons": [Ellipsis, NotImplemented, None, True],
    "collections": [
        collections.OrderedDict(a=1), collections.defaultdict(list, a=[1]), collections.Counter("aab"),
        collections.deque([1, 2], 3), collections.ChainMap({"a": 1}), collections.UserDict(a=1),
    ],
    "times": [datetime.datetime.now(datetime.UTC), datetime.date(2020, 1, 1), datetime.timedelta(1), time.localtime()],
    "numbers": [1j, decimal.Decimal("1.5"), fractions.Fraction(1, 2), 10**100, -(10**50), math.inf],
    "bytes": [b"abc", bytearray(b"abc"), {1, 2}, frozenset([1]), slice(1, 2), range(3)],
    "paths": [pathlib.Path("a/b"), pathlib.PureWindowsPath("c:/a")],
    "ids": [uuid.UUID(int=5), ipaddress.ip_address("1.2.3.4")],
    "errors": [ValueError("x"), KeyError("a"), UserWarning("b")],
    "random": [random.Random(1), random.getstate(), np.random.RandomState(1), np.random.default_rng(1)],
    "NumPy": [
        np.float64(1), np.arange(3), np.dtype("f4"), np.array(["a"]), np.array([None, 1]), np.zeros(2, [("a", "i4")]),
    ],
    "iterators": [iter([1, 2]), itertools.count(3)],
    "types": [typing.Optional[int], typing.Any, dict[str, int], int | None],  # noqa: UP045  (pickled by other names)
    "loggers": [logging.getLogger("a")],
    "signature": inspect.signature(called),
    "odd functions": [json.loads, copy.deepcopy, ast.literal_eval, contextlib.nullcontext(), inspect.Parameter.empty],
}  # fmt: skip


@pytest.mark.parametrize("protocol", range(2, 6))
@pytest.mark.parametrize("name", COMPANY)
def test_company_is_inert(name: str, protocol: int, tmp_path: Path) -> None:
    written = pickle.dumps(COMPANY[name], protocol)
    value = Raw(written[2 if protocol < 4 else 11 : -1])  # without the protocol and the first frame, without the end
    for root in ({"state_dict": GENERATOR, "company": value}, [value, GENERATOR]):
        assert_same(converted(tmp_path, torch_zip(root)).tensors, GENERATOR)
    assert_same(converted(tmp_path, torch_legacy({"company": value, "net": GENERATOR})).tensors, GENERATOR)


@pytest.mark.parametrize("name", ["getattr", "eval", "exec", "__import__", "open", "compile", "setattr", "globals"])
def test_builtins_that_act_are_refused(name: str, tmp_path: Path) -> None:
    for call in (Call(Global("builtins", name), ("a",)), Call(Global("__builtin__", name), ("a", "b"))):
        assert "possibly hostile pickle: names " in refused(tmp_path, torch_zip({"a": call, "net": GENERATOR}))


def test_a_users_own_modules_may_have_a_name_of_pythons_library(tmp_path: Path) -> None:
    for module in ("code.models", "test", "test.nets", "profile.run", "token.bert.model"):
        call = Call(Global(module, "Config"), (1,), {"depth": 3})
        assert_same(converted(tmp_path, torch_zip({"config": call, "net": GENERATOR})).tensors, GENERATOR)
    for module in ("code", "profile", "os.path", "importlib.util", "xml.dom", "urllib.request", "asyncio.subprocess"):
        call = Call(Global(module, "Config"), (1,), {"depth": 3})
        assert f"names {module}.Config" in refused(tmp_path, torch_zip({"config": call, "net": GENERATOR}))


# Objects that hold the network


def module(**members: Any) -> Call:
    """A pickled torch.nn.Module."""
    parts = {"_parameters": {}, "_buffers": {}, "_modules": {}} | members
    return Call(Global("my.models", "Net"), (), {"training": True, "_hooks": EMPTY, **parts})


def modules(tensors: dict[str, Any]) -> Call:
    """Modules in modules, by the names' parts; statistics are buffers."""
    inner: dict[str, dict[str, Any]] = {}
    parts: dict[str, dict[str, Any]] = {"_parameters": {}, "_buffers": {}}
    for name, tensor in tensors.items():
        first, _, rest = name.partition(".")
        if rest:
            inner.setdefault(first, {})[rest] = tensor
        else:
            parts["_buffers" if "running" in first else "_parameters"][first] = tensor
    return module(**parts, _modules={name: modules(members) for name, members in inner.items()})


@pytest.mark.parametrize("write", [torch_zip, torch_legacy])
def test_pickled_modules_are_read_as_their_state_dicts(write, tmp_path: Path) -> None:
    for tensors in (GENERATOR, weights(unet(3, 2, "bilinear", True)), weights(deeplabv3((1, 1, 1, 1), 3))):
        whole = modules(tensors)
        parallel = Call(Global("torch.nn.parallel", "DataParallel"), (), {"_modules": {"module": whole}})
        for root in (
            whole,
            {"model": whole, "epoch": 3},
            [parallel],
            {"a": {"model": module(_modules={"net": whole})}},
        ):
            assert_same(converted(tmp_path, write(root)).tensors, tensors)


def test_a_module_has_the_tensors_of_its_state_dict_only(tmp_path: Path) -> None:
    names = Call(Global("builtins", "set"), (["grid"],))
    whole = modules(GENERATOR)
    whole.state.update(_buffers={"grid": np.ones(2, "<f4")}, mean=np.ones(3, "<f4"), _non_persistent_buffers_set=names)
    assert_same(converted(tmp_path, torch_zip(whole)).tensors, GENERATOR)
    whole.state["_non_persistent_buffers_set"] = Call(Global("builtins", "set"), ([],))
    assert "dcgan tensors: 1 unexpected: grid" in refused(tmp_path, torch_zip(whole))
    assert "dcgan tensors in net: 1 unexpected: grid" in refused(tmp_path, torch_zip({"net": whole}))


def test_modules_that_hold_themselves(tmp_path: Path) -> None:
    itself = b"cmy\nNet\n)\x81q\x00}X\x08\x00\x00\x00_modules}X\x01\x00\x00\x00ah\x00ssb"
    assert "a pickled my.Net object, expected a state dict" in refused(tmp_path, torch_zip(Raw(itself)))
    assert_same(converted(tmp_path, torch_zip({"net": GENERATOR, "loop": Raw(itself)})).tensors, GENERATOR)


def test_a_parameter_that_cannot_be_read_is_named(tmp_path: Path) -> None:
    packed = Call(Global("torch._utils", "_rebuild_qtensor"), (1, 2))
    whole = modules(GENERATOR | {"main.4.bias": packed})
    error = refused(tmp_path, torch_zip({"net": whole}))
    assert "tensor net.main.4.bias: made by torch._utils._rebuild_qtensor, which is not executed" in error


def test_attributes_and_items_of_objects_are_searched(tmp_path: Path) -> None:
    for root in (
        Call(Global("argparse", "Namespace"), (), {"lr": 0.1, "net": GENERATOR}),
        Call(Global("my", "Trainer"), (), {"model": modules(GENERATOR), "log": Call(Global("my", "Log"))}),
        Call(Global("my", "Slots"), (), (None, {"net": GENERATOR})),
        {"run": Call(Global("my", "Trainer"), (), {"ema": GENERATOR, "raw": weights(dcgan(), 2)})},
        ItemsOf(Global("easydict", "EasyDict"), {"net": GENERATOR, "lr": 0.1}),
        {
            "config": ItemsOf(Global("omegaconf", "DictConfig"), {"a": 1}),
            "nets": ItemsOf(Global("my", "Dict"), GENERATOR),
        },
        Call(
            Global("copyreg", "_reconstructor"), (Global("my", "Dict"), Global("builtins", "dict"), {"net": GENERATOR})
        ),
        Call(Global("copyreg", "__newobj__"), (Global("my", "Trainer"),), {"net": GENERATOR}),
    ):
        assert_same(converted(tmp_path, torch_zip(root)).tensors, GENERATOR)


def test_tensors_with_attributes(tmp_path: Path) -> None:
    """As torch.nn.Parameter or a subclass of torch.Tensor, with a state, or of old releases."""
    names = list(GENERATOR)
    wraps: list[Callable[[Any], Any]] = [
        lambda tensor: Call(Global("torch._utils", "_rebuild_parameter"), (tensor, True, EMPTY)),
        lambda tensor: Call(Global("torch._utils", "_rebuild_parameter_with_state"), (tensor, True, EMPTY, {"a": 1})),
        lambda tensor: Call(Global("torch.nn.parameter", "Parameter"), (tensor,), (True, False, EMPTY)),
        lambda tensor: Call(Global("torch.autograd.variable", "Variable"), (tensor,), (True, False, EMPTY)),
    ]
    root = {name: wraps[at % len(wraps)](GENERATOR[name]) for at, name in enumerate(names)}
    assert_same(converted(tmp_path, torch_zip(root)).tensors, GENERATOR)
    from_type = Global("torch._tensor", "_rebuild_from_type_v2")
    for function in (Global("torch._utils", "_rebuild_parameter"), Global("my", "rebuild")):
        attributed = Call(from_type, (function, Global("my", "Tensor"), (GENERATOR["main.4.bias"],), {"tag": 1}))
        data = torch_zip(GENERATOR | {"main.4.bias": attributed})
        if function.module == "my":
            assert "tensor main.4.bias: made by my.rebuild, which is not executed" in refused(tmp_path, data)
        else:
            assert_same(converted(tmp_path, data).tensors, GENERATOR)
    short = {"main.4.bias": Call(from_type, (1, 2))}
    assert "damaged pickle: a tensor with attributes but without values" in refused(tmp_path, torch_zip(short))


# Formats


def test_big_endian_archives(tmp_path: Path) -> None:
    for dtype in ("<f4", "<f2", "<f8", "<u2"):
        half = {name: tensor.astype("<f2").view("<u2") for name, tensor in GENERATOR.items()}
        tensors = half if dtype == "<u2" else {name: tensor.astype(dtype) for name, tensor in GENERATOR.items()}
        swapped = torch_zip(
            {name: tensor.byteswap() for name, tensor in tensors.items()}, {"archive/byteorder": b"big"}
        )
        want = {name: tensor.astype("<f4") if dtype == "<f8" else tensor for name, tensor in tensors.items()}
        assert_same(converted(tmp_path, swapped).tensors, want)


def test_archives_without_checksums(tmp_path: Path) -> None:
    """As after torch.serialization.set_crc32_options(False): 0 in both places. In one place, it is damage."""
    data = bytearray(torch_zip(GENERATOR))
    at = -1
    while (at := data.find(b"PK\x01\x02", at + 1)) >= 0:
        struct.pack_into("<I", data, at + 16, 0)
    assert "CRC-32" in refused(tmp_path, bytes(data))
    while (at := data.find(b"PK\x03\x04", at + 1)) >= 0:
        struct.pack_into("<I", data, at + 14, 0)
    assert_same(converted(tmp_path, bytes(data)).tensors, GENERATOR)


@pytest.mark.parametrize("name", ["n" * 255, "a b", "näme", "a.b", "data", "x/y", "."])
def test_the_folder_in_an_archive_may_have_any_name(name: str, tmp_path: Path) -> None:
    data = torch_zip(GENERATOR)
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        entries = [(entry.replace("archive", name), archive.read(entry)) for entry in archive.namelist()]
    assert_same(converted(tmp_path, zipped(entries)).tensors, GENERATOR)
    entries.insert(0, (f"{name}/", b""))  # by hand: zip -r
    assert_same(converted(tmp_path, zipped(entries)).tensors, GENERATOR)


@pytest.mark.parametrize("start", [b"L%dL\n.", b"\x80\x03%s", b"\x80\x04\x95\x0d\0\0\0\0\0\0\0%s", b"\x80\x05%s"])
def test_legacy_files_of_every_protocol(start: bytes, tmp_path: Path) -> None:
    magic = 0x1950A86A20F9469CFC6C
    written = b"\x8a\n" + magic.to_bytes(10, "little") + b"."
    data = torch_legacy(GENERATOR)
    assert data.startswith(b"\x80\x02" + written)
    begin = start % (magic if b"%d" in start else written)
    assert_same(converted(tmp_path, begin + data.removeprefix(b"\x80\x02" + written)).tensors, GENERATOR)


def test_mobilenet_is_named(tmp_path: Path) -> None:
    head = {name: tensor for name, tensor in weights(deeplabv3((1, 1, 1, 1), 3)).items() if "classifier" in name}
    body = {"backbone.0.0.weight": np.ones((4, 3, 3, 3), "<f4"), "backbone.1.block.0.0.weight": np.ones(4, "<f4")}
    said = "a DeepLabV3 or LR-ASPP on MobileNet, expected a DeepLabV3 on ResNet-50 or ResNet-101"
    assert said in refused(tmp_path, torch_zip(body | head))
    assert said in refused(tmp_path, torch_zip(body | {"classifier.low_classifier.weight": np.ones(3, "<f4")}))
    nested = {"model": {f"module.{name}": tensor for name, tensor in (body | head).items()}}
    assert f"deeplabv3 in model.module: {said}" in refused(tmp_path, torch_zip(nested))


# Any amount


def floats(count: int) -> bytes:
    return b"".join(b"G" + struct.pack(">d", value / 7) for value in range(count))


SCALAR = b"cnumpy.core.multiarray\nscalar\ncnumpy\ndtype\nX\x02\x00\x00\x00f8\x89\x88\x87RC\x08--------\x86R"


@pytest.mark.parametrize(
    "history",
    [
        lambda: b"](" + floats(600_000) + b"e",
        lambda: b"](" + b"e(".join(floats(1000) for _ in range(600)) + b"e",
        lambda: b"(" + floats(600_000) + b"t",
        lambda: b"}(" + b"".join(b"J" + struct.pack("<I", i) + b"K\x01" for i in range(300_000)) + b"u",
        lambda: b"}(" + b"".join(b"X\x06\x00\x00\x00%06dK\x01" % i for i in range(260_000)) + b"u",
        lambda: b"](" + b"".join(b"K\x01G" + struct.pack(">d", i) + b"\x86" for i in range(140_000)) + b"e",
        lambda: b"](" + b"".join(b"](K\x01G" + struct.pack(">d", i) + b"e" for i in range(110_000)) + b"e",
        lambda: b"](" + b"e(".join(SCALAR * 100 for _ in range(500)) + b"e",
        lambda: b"](" + b"e(".join(b"X\x09\x00\x00\x00%09d" % i for i in range(150_000)) + b"e",
    ],
    ids=["a list", "batches", "a tuple", "by step", "by name", "tuples", "lists", "NumPy's", "names"],
)
def test_a_long_history_is_read_past(history: Callable[[], bytes], tmp_path: Path) -> None:
    """More than a pickle may have of objects, in little memory."""
    (tmp_path / "weights.pth").write_bytes(torch_zip({"history": Raw(history()), "net": GENERATOR}))
    outcome = convert_in_sandbox(tmp_path / "weights.pth", tmp_path / "o.safetensors", memory=150_000_000)
    assert (outcome.code, outcome.stderr) == (0, ""), outcome


def test_values_among_a_long_history_are_kept(tmp_path: Path) -> None:
    """Plain values are dropped from a long list, the network after them is not."""
    log = [0.5] * 70_000 + [{"loss": 0.5}, [0.5], {"net": GENERATOR}, {"loss": 0.5}]
    assert_same(converted(tmp_path, torch_zip(log)).tensors, GENERATOR)
    tensors = weights(vae(False))
    history: dict[str, Any] = {f"loss{at}": 0.5 for at in range(70_000)}
    history |= {f"step{at}": {"loss": 0.5} for at in range(1000)}
    assert_same(converted(tmp_path, torch_zip(history | {"net": tensors})).tensors, tensors)

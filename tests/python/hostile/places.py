"""Checkpoints in which searching for the network could take for ever: names, keys and networks by the thousand."""

from __future__ import annotations

from collections.abc import Iterable

from checkpoint_files import Call, Global, Persistent, Raw, rebuilt, torch_zip
from model_tables import unet, weights

from .made import Hostile, dumped, text

_TENSOR = dumped(
    rebuilt(Persistent(("storage", Global("torch", "FloatStorage"), "0", "cpu", 1)), 0, (1,) * 4, (1,) * 4)
)


def _file(opcodes: bytes) -> bytes:
    """A file of this pickle, in which the memo has a small tensor at 0."""
    program = _TENSOR[:-1] + b"q\x000" + opcodes + b"."
    return torch_zip({}, {"archive/data.pkl": program, "archive/data/0": bytes(4)})


def _named(names: Iterable[str]) -> bytes:
    """A dict in which every name is the tensor."""
    return b"}(" + b"".join(text(name) + b"h\x00" for name in names) + b"u"


def _nested(count: int, key: str) -> bytes:
    """Dicts in dicts, `count` deep, each under the same key and beside the tensor."""
    wrap = b"}(h\x02h\x01h\x03h\x00uq\x010"
    strings = text(key) + b"q\x020" + text("main.0.weight") + b"q\x030"
    return strings + _named(["main.0.weight"]) + b"q\x010" + wrap * count + b"h\x01"


def _arrays() -> bytes:
    """A U-Net whose mask_values are a list of one array of 60,000 values, 60,000 times."""
    dtype = Call(Global("numpy", "dtype"), ("f8", False, True))
    data = Call(Global("_codecs", "encode"), ("0" * 480_000, "latin1"))
    array = Call(Global("numpy.core.multiarray", "_reconstruct"), (), (1, (60_000,), dtype, False, data))
    values = Raw(b"](" + dumped(array)[2:-1] + b"q\x01" + b"h\x01" * 60_000 + b"e")
    return torch_zip(weights(unet(1, 1, "bilinear", False)) | {"mask_values": values})


def _too_many(count: int) -> str:
    return f"{count} possible networks, too many to compare; choose one with --key"


PLACES = {
    "names_that_all_begin_a_network": Hostile(
        lambda: _file(_named(f"{number}.main.0.weight" for number in range(100_000))), _too_many(100_000), large=True
    ),
    "networks_in_networks": Hostile(
        lambda: _file(_named("a." * at + f"main.{last}.weight" for at in range(100) for last in range(0, 3000, 3))),
        _too_many(100),
        large=True,
    ),
    "as_many_networks_as_are_compared": Hostile(
        lambda: _file(_named(f"{key}.main.{last}.weight" for key in range(200) for last in range(0, 1200, 3))),
        "dcgan tensors in 0: 1332 missing: ..",
        large=True,
    ),
    "one_network_of_many_names": Hostile(
        lambda: _file(_named(f"main.{number}.weight" for number in range(200_000))),
        "the names are those of a DCGAN discriminator, expected the generator",
        large=True,
    ),
    "unexpected_by_the_hundred_thousand": Hostile(
        lambda: _file(_named(f"{name}.weight" for name in ("main.0", "main.3", *range(150_000)))),
        "dcgan tensors: 4 missing: ..",
        large=True,
    ),
    "dicts_in_dicts_with_networks": Hostile(
        lambda: _file(_nested(40_000, "a")), f"dcgan in {'.'.join('a' * 16)}: a single convolution, ..", large=True
    ),
    "long_keys_in_long_keys": Hostile(
        lambda: _file(_nested(40_000, "k" * 10_000_000)), "a single convolution, main.0, expected ..", large=True
    ),
    "a_dict_under_many_keys": Hostile(
        lambda: _file(b"}(" + text("x" * 200) + _named(f"{i:040}" for i in range(1000)) + b"q\x01"
                      + b"".join(text(str(i)) + b"h\x01" for i in range(100_000)) + b"u"),
        "unknown model: it holds 1000 tensors in ..",
        large=True,
    ),
    "objects_that_share_their_state": Hostile(
        lambda: _file(_named(f"{i:040}" for i in range(2000)) + b"q\x010cmy\nObject\nq\x020}("
                      + b"".join(text(str(i)) + b"h\x02)\x81h\x01b" for i in range(50_000)) + b"u"),
        "unknown model: it holds ..",
        large=True,
    ),
    "modules_that_share_their_buffers": Hostile(
        lambda: _file(b"}(" + text("_modules") + b"}" + text("_buffers") + _named(f"{i:040}" for i in range(2000)) + text(
                          "_non_persistent_buffers_set") + b"](" + b"".join(text(str(i)) for i in range(2000))
                      + b"euq\x010cmy\nObject\nq\x020}("
                      + b"".join(text(str(i)) + b"h\x02)\x81h\x01b" for i in range(50_000)) + b"u"),
        "unknown model: it holds ..",
        large=True,
    ),
    "names_that_are_alike": Hostile(
        lambda: _file(b"}(" + text("a.b") + _named(["c"]) + text("a") + _named(["b.c"]) + b"u"),
        "tensor a.b.c: two entries of the file have this name",
    ),
    "arrays_by_the_thousand": Hostile(
        _arrays,
        "warning: mask_values left out: of type list, expected a grey level or colour for each of 2 classes",
        0,
        large=True,
    ),
}  # fmt: skip

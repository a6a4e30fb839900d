"""The converter's rows of the table of kinds: checkpoints as people have them."""

from __future__ import annotations

import gzip
import io
import json
import pickle
import re
import struct
import tarfile
import zipfile
from argparse import Namespace
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from checkpoint_files import (
    Call,
    Global,
    ItemsOf,
    Raw,
    read_safetensors,
    safetensors,
    safetensors_of,
    torch_legacy,
    torch_zip,
    zipped,
)
from convert_runner import assert_same, convert, converted, refused
from kinds import kind
from model_tables import dcgan, dcgan_discriminator, deeplabv3, siggraph17, unet, unet_2019, weights

GENERATOR = weights(dcgan())
SEGMENTER = weights(unet(3, 2, "bilinear", False))
OTHER = weights(dcgan_discriminator())

HIDDEN = "checkpoint: the network is somewhere inside"
COMPANY = "checkpoint: harmless company"
AMOUNT = "checkpoint: much company"
MODULE = "checkpoint: a pickled module"
FORMAT = "checkpoint: rare forms of torch.save"
NAMED = "checkpoint: another file"
FAULTY = "safetensors: faults by name"
NETWORK = "checkpoint: another network"


def row(group: str, what: str, before: str, data: Callable[[], bytes], want: dict[str, np.ndarray]) -> None:
    """A row: this file becomes these tensors."""

    def run(folder: Path) -> str:
        assert_same(converted(folder, data()).tensors, want)
        return "converted, tensors equal"

    kind(group, what, before=before)(run)


def refusal(group: str, what: str, before: str, data: Callable[[], bytes], said: str) -> None:
    """A row: this file is refused with these words."""

    def run(folder: Path) -> str:
        error = refused(folder, data())
        assert f"weights.pth: {said}" in error, error
        return f"refused: {said}"

    kind(group, what, before=before)(run)


def pickled(value: Any) -> Raw:
    """A value as Python's own pickler writes it, to put into a file."""
    return Raw(pickle.dumps(value, 2)[2:-1])


def along_with(value: Any) -> Callable[[], bytes]:
    return lambda: torch_zip({"net": GENERATOR, "company": value() if callable(value) else value})


def prefixed(prefix: str, tensors: dict[str, Any]) -> dict[str, Any]:
    return {prefix + name: tensor for name, tensor in tensors.items()}


def module(tensors: dict[str, Any]) -> Call:
    """A pickled torch.nn.Module."""
    inner: dict[str, dict[str, Any]] = {}
    own = {name: tensor for name, tensor in tensors.items() if "." not in name}
    for name in tensors.keys() - own.keys():
        first, rest = name.split(".", 1)
        inner.setdefault(first, {})[rest] = tensors[name]
    modules = {name: module(members) for name, members in inner.items()}
    return Call(Global("my.models", "Net"), (), {"_parameters": own, "_buffers": {}, "_modules": modules})


def today(name: str) -> str:
    """The present name of a tensor of U-Net."""
    for old, new in (("inc.conv", "inc"), ("mpconv.1", "maxpool_conv.1"), (r"(up\d\.conv)", r"\1")):
        name = re.sub(rf"{old}\.conv\.", rf"{new}.double_conv.", name)
    return name


OLD_SEGMENTER = weights(unet_2019(3, 2, "bilinear"))

# Where the network lies

row(
    HIDDEN,
    "the generator under netG_state_dict, along with its discriminator",
    "refused: holds no tensors (before containers were searched)",
    lambda: torch_zip({"netG_state_dict": GENERATOR, "netD_state_dict": OTHER}),
    GENERATOR,
)
row(
    HIDDEN,
    "params_ema along with params",
    "the weights of params (before containers were searched)",
    lambda: torch_zip({"params": weights(dcgan(), 2), "params_ema": GENERATOR}),
    GENERATOR,
)
row(
    HIDDEN,
    "after the prefix student.module., with losses among the tensors",
    "refused: unknown model (before containers were searched)",
    lambda: torch_zip(prefixed("student.module.", SEGMENTER) | {"loss.weight": np.ones(2, "<f4")}),
    SEGMENTER,
)
row(
    HIDDEN,
    "a bare Sequential (0.weight, 1.weight, ..)",
    "refused: unknown model (before containers were searched)",
    lambda: torch_zip({name.removeprefix("main."): tensor for name, tensor in GENERATOR.items()}),
    GENERATOR,
)
row(
    HIDDEN,
    "U-Net with the names from before 2020",
    "refused: unknown model (before containers were searched)",
    lambda: torch_zip(OLD_SEGMENTER),
    {today(name): tensor for name, tensor in OLD_SEGMENTER.items()},
)
row(
    HIDDEN,
    "U-Net with mask_values of a NumPy array",
    "refused: mask_values is not a list (before containers were searched)",
    lambda: torch_zip(SEGMENTER | {"mask_values": pickled(np.array([0, 255, 9]))}),
    SEGMENTER,
)

# Pickles

row(
    COMPANY,
    "a pattern of re.compile",
    "refused: possibly hostile pickle: names re._compile",
    along_with(pickled(re.compile("bias$", re.IGNORECASE))),
    GENERATOR,
)
row(
    COMPANY,
    "the flags re.I and re.M",
    "refused: possibly hostile pickle: names _operator.or_",
    along_with(pickled(re.IGNORECASE | re.MULTILINE)),
    GENERATOR,
)
row(
    COMPANY,
    "functions by name",
    "refused: possibly hostile pickle: names __builtin__.len",
    along_with(pickled([len, max, str.join])),
    GENERATOR,
)
row(
    COMPANY,
    "a bound method, an enum (getattr)",
    "refused: possibly hostile pickle: names builtins.getattr",
    along_with(Call(Global("builtins", "getattr"), (Global("my", "Colour"), "RED"))),
    GENERATOR,
)
row(
    COMPANY,
    "an exception, a type, Ellipsis",
    "refused: possibly hostile pickle: names exceptions.ValueError",
    along_with(pickled([ValueError("x"), type(None), ...])),
    GENERATOR,
)
row(COMPANY, "hyper-parameters in a Namespace", "converted", along_with(pickled(Namespace(lr=0.1))), GENERATOR)
row(
    COMPANY,
    "the network in a Namespace",
    "refused: a pickled argparse.Namespace object",
    lambda: torch_zip(Call(Global("argparse", "Namespace"), (), {"net": GENERATOR})),
    GENERATOR,
)
row(
    COMPANY,
    "the network in an EasyDict",
    "refused: a pickled easydict.EasyDict object",
    lambda: torch_zip(ItemsOf(Global("easydict", "EasyDict"), {"net": GENERATOR})),
    GENERATOR,
)
row(
    COMPANY,
    "tensors with attributes (_rebuild_from_type_v2)",
    "refused: tensor main.0.weight: made by torch._tensor._rebuild_from_type_v2",
    lambda: torch_zip(
        {
            name: Call(
                Global("torch._tensor", "_rebuild_from_type_v2"),
                (Global("torch._utils", "_rebuild_parameter"), Global("my", "Tensor"), (tensor,), {"tag": 1}),
            )
            for name, tensor in GENERATOR.items()
        }
    ),
    GENERATOR,
)
row(
    COMPANY,
    "parameters with a state",
    "refused: tensor main.0.weight: made by torch._utils._rebuild_parameter_with_state",
    lambda: torch_zip(
        {
            name: Call(Global("torch._utils", "_rebuild_parameter_with_state"), (tensor, True, {}, {"tag": 1}))
            for name, tensor in GENERATOR.items()
        }
    ),
    GENERATOR,
)

row(
    AMOUNT,
    "a list of 600,000 floats",
    "refused: a pickle of more than 500000 instructions",
    along_with(lambda: Raw(b"](" + (b"G" + bytes(8)) * 600_000 + b"e")),
    GENERATOR,
)
row(
    AMOUNT,
    "180,000 pairs of step and loss",
    "refused: a pickle of more than 500000 instructions",
    along_with(lambda: Raw(b"](" + (b"K\1G" + bytes(8) + b"\x86") * 180_000 + b"e")),
    GENERATOR,
)
row(
    AMOUNT,
    "a dict of 300,000 steps",
    "refused: a pickle of more than 500000 instructions",
    along_with(lambda: Raw(b"}(" + b"".join(b"J" + struct.pack("<I", i) + b"K\1" for i in range(300_000)) + b"u")),
    GENERATOR,
)
row(
    AMOUNT,
    "40,000 entries in the archive",
    "refused: the zip archive's directory has 3201457 bytes",
    lambda: torch_zip({"net": GENERATOR}, {f"archive/data/x{number:020}": b"" for number in range(40_000)}),
    GENERATOR,
)

row(
    MODULE,
    "torch.save(model)",
    "refused: a pickled my.models.Net object",
    lambda: torch_zip(module(GENERATOR)),
    GENERATOR,
)
row(
    MODULE,
    "a DataParallel of it under model",
    "refused: a pickled my.models.Net object at model",
    lambda: torch_zip({"epoch": 3, "model": module(prefixed("module.", SEGMENTER))}),
    SEGMENTER,
)
row(
    MODULE,
    "in the legacy format",
    "refused: a pickled my.models.Net object",
    lambda: torch_legacy(module(GENERATOR)),
    GENERATOR,
)


def legacy_at(protocol: int) -> bytes:
    magic = 0x1950A86A20F9469CFC6C
    return pickle.dumps(magic, protocol) + torch_legacy(GENERATOR).removeprefix(pickle.dumps(magic, 2))


def without_checksums() -> bytes:
    data = bytearray(torch_zip(GENERATOR))
    for signature, offset in ((b"PK\1\2", 16), (b"PK\3\4", 14)):
        at = -1
        while (at := data.find(signature, at + 1)) >= 0:
            struct.pack_into("<I", data, at + offset, 0)
    return bytes(data)


def big_endian() -> bytes:
    swapped = {name: tensor.byteswap() for name, tensor in GENERATOR.items()}
    return torch_zip(swapped, {"archive/byteorder": b"big"})


def renamed(name: str) -> bytes:
    with zipfile.ZipFile(io.BytesIO(torch_zip(GENERATOR))) as archive:
        return zipped([(entry.replace("archive", name), archive.read(entry)) for entry in archive.namelist()])


for protocol in (3, 4, 5):
    row(
        FORMAT,
        f"legacy, pickle protocol {protocol}",
        "refused: an unknown format",
        lambda at=protocol: legacy_at(at),
        GENERATOR,
    )
row(
    FORMAT,
    "an archive without checksums",
    "refused: entry archive/byteorder: CRC-32 19e33d85",
    without_checksums,
    GENERATOR,
)
row(
    FORMAT,
    "an archive of a big-endian machine",
    "refused: the byte order is not little-endian; save the weights on a little-endian machine",
    big_endian,
    GENERATOR,
)
row(FORMAT, "an archive whose folder has a name of 255 bytes", "converted", lambda: renamed("n" * 255), GENERATOR)


@kind(FORMAT, "an output name of 255 bytes", before="failed: File name too long")
def output_of_255_bytes(folder: Path) -> str:
    (folder / "w.pth").write_bytes(torch_zip(GENERATOR))
    convert.convert(str(folder / "w.pth"), str(folder / ("o" * 255)))
    assert_same(read_safetensors((folder / ("o" * 255)).read_bytes())[0], GENERATOR)
    return "converted, tensors equal"


# Other files


def tarred() -> bytes:
    file = io.BytesIO()
    with tarfile.open(fileobj=file, mode="w") as archive:
        info = tarfile.TarInfo("model.pth")
        info.size = 3
        archive.addfile(info, io.BytesIO(b"abc"))
    return file.getvalue()


UNKNOWN = "refused: an unknown format"
ZIP = "refused: a zip archive with 0 entries named */data.pkl"
BEFORE = {
    "a Git LFS pointer": "refused: a Git LFS pointer",
    "a tar archive": "refused: PyTorch's original tar format",
    "a zip archive with the checkpoint in it": ZIP,
    "npz": ZIP,
}
OTHERS: dict[str, tuple[bytes, str]] = {
    "a login page": (
        b"<!DOCTYPE html>\n<title>Sign in",
        "is a web page (HTML), not a checkpoint; download the file itself",
    ),
    "a page that begins with white space": (b"\n\n <html lang=en>", "is a web page (HTML), not a checkpoint; download"),
    "an error as JSON": (b'{"message":"Not Found","status":"404"}', "is JSON text, not a checkpoint; download"),
    "the index of sharded weights": (
        json.dumps({"metadata": {"total_size": 9}, "weight_map": {"a": "model-1-of-2.safetensors"}}).encode(),
        "is the JSON index of sharded weights, not a checkpoint; the tensors are in the files that it lists",
    ),
    "a Git LFS pointer": (
        b"version https://git-lfs.github.com/spec/v1\noid sha256:0\nsize 9\n",
        "is a Git LFS pointer, not a checkpoint; git lfs pull fetches the file",
    ),
    "gzip": (gzip.compress(b"weights"), "is compressed (gzip), not a checkpoint; unpack it first"),
    "a tar archive": (tarred(), "is a tar archive, not a checkpoint; unpack it first"),
    "a zip archive with the checkpoint in it": (
        zipped([("model.pth", b"abc")]),
        "is a zip archive without an entry */data.pkl, not a checkpoint; unpack",
    ),
    "npz": (zipped([("a.npy", b"")]), "is a NumPy archive (npz), not a checkpoint; use the PyTorch or TensorFlow"),
    "HDF5": (b"\x89HDF\r\n\x1a\n" + bytes(8), "is an HDF5 file, perhaps a Keras model, not a checkpoint; use the"),
    "ONNX": (
        b"\x08\x07\x12\x07pytorch\x1a\x032.0",
        "is an ONNX model, not a checkpoint; use the PyTorch or TensorFlow",
    ),
    "GGUF": (b"GGUF\3\0\0\0" + bytes(8), "is a GGUF file, not a checkpoint; use the PyTorch or TensorFlow checkpoint"),
    "GIF": (b"GIF89a\1\0\1\0", "is a picture (GIF), not a checkpoint"),
    "WebP": (b"RIFF\x24\0\0\0WEBPVP8 ", "is a picture (WebP), not a checkpoint"),
    "AVIF": (b"\0\0\0\x20ftypavif", "is a picture (AVIF), not a checkpoint"),
    "HEIC": (b"\0\0\0\x20ftypheic", "is a picture (HEIC), not a checkpoint"),
    "TIFF": (b"II*\0\x08\0\0\0", "is a picture (TIFF (or a camera's raw format)), not a checkpoint"),
    "PNG": (b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR", "is a picture (PNG), not a checkpoint"),
    "JPEG": (b"\xff\xd8\xff\xe0\0\x10JFIF\0", "is a picture (JPEG), not a checkpoint"),
    "PDF": (b"%PDF-1.7\n", "is a PDF document, not a checkpoint"),
    "UTF-16 text": ("weights".encode("utf-16"), "is UTF-16 text, not a checkpoint; PowerShell's > writes text like"),
    "a pickle without torch.save": (
        pickle.dumps({"a": 1}),
        "is a Python pickle that torch.save did not write, not a checkpoint; save",
    ),
    "an empty file": (b"", "is an empty file, not a checkpoint; download the file itself"),
}
for what, (content, said) in OTHERS.items():
    refusal(NAMED, what, BEFORE.get(what, UNKNOWN), lambda data=content: data, said)


def header(**entries: Any) -> bytes:
    return safetensors_of(entries, bytes(8))


ENTRY = b'{"dtype": "F32", "shape": [1], "data_offsets": [0, 4]}'

refusal(
    FAULTY,
    "a name twice, with a gap after it",
    "refused: the header names a twice",
    lambda: safetensors_of(b'{"a": %s, "a": %s}' % (ENTRY, ENTRY.replace(b"0, 4", b"8, 12")), bytes(12)),
    "tensor a occurs twice",
)
refusal(
    FAULTY,
    "a key of the metadata twice",
    "refused: the header names k twice",
    lambda: safetensors_of(b'{"__metadata__": {"k": "1", "k": "2"}}', b""),
    "metadata key k occurs twice",
)
refusal(
    FAULTY,
    "null in the metadata",
    "refused: __metadata__ is not an object of strings",
    lambda: header(__metadata__={"epoch": None, "format": "pt"}),
    "metadata key epoch: null, expected a string",
)
refusal(
    FAULTY,
    "a number in the metadata",
    "refused: __metadata__ is not an object of strings",
    lambda: header(__metadata__={"epoch": 3}),
    "metadata key epoch: a number, expected a string",
)
row(
    FAULTY,
    "F64",
    "converted",
    lambda: safetensors({name: tensor.astype("<f8") for name, tensor in GENERATOR.items()}),
    GENERATOR,
)
row(
    FAULTY,
    "prefixed tensors",
    "converted",
    lambda: safetensors(prefixed("model.module.", weights(siggraph17()))),
    weights(siggraph17()),
)

# A MobileNet

HEAD = {name: tensor for name, tensor in weights(deeplabv3((1, 1, 1, 1), 21)).items() if "classifier" in name}
BODY = {
    "backbone.0.0.weight": np.ones((4, 3, 3, 3), "<f4"),
    "backbone.1.block.0.0.weight": np.ones((4, 1, 3, 3), "<f4"),
}
LRASPP = {"classifier.low_classifier.weight": np.ones((21, 40, 1, 1), "<f4")}
MOBILENET = "a DeepLabV3 or LR-ASPP on MobileNet, expected a DeepLabV3 on ResNet-50 or ResNet-101"
refusal(
    NETWORK,
    "deeplabv3_mobilenet_v3_large",
    "refused: tensor backbone.conv1.weight: missing",
    lambda: torch_zip(BODY | HEAD),
    MOBILENET,
)
refusal(
    NETWORK,
    "the same under model, prefixed",
    "refused: deeplabv3 in model.module: tensor backbone.conv1.weight: missing",
    lambda: torch_zip({"model": prefixed("module.", BODY | HEAD)}),
    f"deeplabv3 in model.module: {MOBILENET}",
)
refusal(
    NETWORK,
    "lraspp_mobilenet_v3_large",
    "refused: unknown model",
    lambda: torch_zip(BODY | LRASPP),
    MOBILENET,
)

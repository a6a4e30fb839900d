"""What the fuzzer of tools/convert.py tries, and the files it begins with; needs no fuzzer itself.

Each target takes arbitrary bytes through everything the converter does with a file but writing it. A checkpoint may
turn out to be damaged, which is a CheckpointError; anything else that is raised is a bug, and so is opening a file or
running anything. Checksums are switched off on both sides: a fuzzer does not find values that match one.
"""

from __future__ import annotations

import codecs
import contextlib
import sys
import types
import zipfile
import zlib
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from unittest import mock

ROOT = Path(__file__).resolve().parents[2]
sys.path += [str(ROOT / "tools"), str(ROOT / "tests" / "python")]

import checkpoint  # noqa: E402  (found only through the line above)
import checkpoint_files as files  # noqa: E402
import hostile  # noqa: E402
from checkpoint import leveldb_table, metadata, models, zip_archive  # noqa: E402
from checkpoint.tensor import NUMPY, CheckpointError, narrowed  # noqa: E402
from convert_sandbox import HARMLESS  # noqa: E402
from model_tables import dcgan, enhancenet, weights  # noqa: E402

CORPUS = Path(__file__).parent / "corpus"
SEED_MOST = 8192  # bytes; what larger files do differently, take longer, the tests look at

_ZLIB = types.SimpleNamespace(
    crc32=lambda _: 0, decompressobj=zlib.decompressobj, error=zlib.error, MAX_WBITS=zlib.MAX_WBITS
)


def whole_file(data: bytes) -> None:
    """A file of any format."""
    with contextlib.suppress(CheckpointError):
        _convert(data)


def pickle_program(data: bytes) -> None:
    """The pickle in a zip file, with the storages that the pickles of `networks` name: of 1 and of 16 values."""
    storages = [(f"a/data/{number}", bytes(64 if number in (0, 5) else 4)) for number in range(6)]
    whole_file(files.zipped([("a/data.pkl", data), *storages]))


def _convert(data: bytes) -> None:
    """convert.convert without the output file; reads every tensor that would be written."""
    content = checkpoint.read(data)
    for tensor in content.tensors.values():
        assert all(type(size) is int and size >= 0 for size in tensor.shape)
    found = models.find(content)
    about, _ = metadata.describe(found, "weights", "0" * 64, metadata.Choices())
    assert all(isinstance(text, str) and text.encode() is not None for text in about.values())
    for tensor in found.tensors.values():
        for half in (False, True):
            written = narrowed(tensor, half)
            values = written.read()
            assert (values.shape, values.dtype) == (written.shape, NUMPY[written.dtype])


TARGETS: dict[str, Callable[[bytes], None]] = {
    "convert_pickle": pickle_program,
    "convert_zip": whole_file,
    "convert_legacy": whole_file,
    "convert_table": whole_file,
    "convert_safetensors": whole_file,
}


def watched(target: Callable[[bytes], None]) -> Callable[[bytes], None]:
    """The target, which fails where it does what Python announces as an audit event: importing, opening, running."""
    running = False

    def audit(event: str, arguments: tuple[Any, ...]) -> None:
        if running and event not in HARMLESS:
            raise AssertionError(f"{event} {arguments!r}")

    def run(data: bytes) -> None:
        nonlocal running
        running = True
        try:
            target(data)
        finally:
            running = False

    for encoding in ("cp437", "raw_unicode_escape", "utf-8"):  # Python imports them when they are first needed
        codecs.lookup(encoding)
    sys.addaudithook(audit)
    return run


@contextlib.contextmanager
def no_checksums() -> Iterator[None]:
    """CRC-32 and CRC-32C are 0, in the converter as in what writes the seeds."""
    with (
        mock.patch.object(zip_archive, "zlib", _ZLIB),
        mock.patch.object(zipfile, "crc32", lambda *_: 0),
        mock.patch.object(leveldb_table, "crc32c", lambda _: 0),
        mock.patch.object(files, "crc32c", lambda _: 0),
    ):
        yield


def seeds(target: str) -> dict[str, bytes]:
    """The inputs that a target begins with: the networks in its format, the hostile files of the tests, the corpus."""
    corpus = sorted((CORPUS / target).glob("*")) if (CORPUS / target).exists() else []
    files_of = hostile.FILES.get(target.removeprefix("convert_"), {})
    return {
        **networks(target),
        **{name: data for name, file in files_of.items() if not file.large and len(data := file.make()) <= SEED_MOST},
        **{path.name: path.read_bytes() for path in corpus},
    }


def networks(target: str) -> dict[str, bytes]:
    """Small networks in the target's format, each with something of its own."""
    generator = weights(dcgan(1, (1,), 1))
    doubles = {name: tensor.astype("<f8") for name, tensor in generator.items()}
    if target == "convert_table":
        network = weights(enhancenet(0))
        return {"floats": files.tf_v1(network), "unpacked": files.tf_v1(network, packed=False)}
    if target == "convert_safetensors":
        bfloats = {name: tensor.astype("<f2").view("<u2") for name, tensor in generator.items()}
        return {
            "floats": files.safetensors(generator, {"format": "pt", "limn.licence": "MIT"}),
            "doubles": files.safetensors(doubles),
            "bfloats": files.safetensors(bfloats),
        }
    write = {
        "convert_pickle": lambda root: files.TorchPickle().dumps(root),
        "convert_zip": files.torch_zip,
        "convert_legacy": files.torch_legacy,
    }[target]
    ordered = files.Global("collections", "OrderedDict")
    parameter = files.Global("torch._utils", "_rebuild_parameter")
    parameters = {
        name: files.Call(parameter, (tensor, True, files.Call(ordered))) for name, tensor in generator.items()
    }
    attributed = {
        name: files.Call(files.Global("torch._tensor", "_rebuild_from_type_v2"), (parameter, ordered, (tensor,), {}))
        for name, tensor in generator.items()
    }
    whole = {"_parameters": {}, "_buffers": {}, "_modules": {"main": modules(generator)}}
    nested = {"state_dict": {f"module.{name}": tensor for name, tensor in generator.items()}}
    return {
        "floats": write(generator),
        "nested": write(nested | {"size": files.Call(files.Global("torch", "Size"), ((1, 2),))}),
        "parameters": write(parameters),
        "attributed": write(attributed),
        "module": write(files.Call(files.Global("my", "Net"), (), whole)),
        "items": write([files.ItemsOf(files.Global("my", "Dict"), {"net": generator})]),
        "member": write({"a": files.Call(files.Global("builtins", "getattr"), (ordered, "RED")), "net": generator}),
        "company": write({"epochs": [3, {}], "netG": [{"module": generator}], "mask_values": (0, 1)}),
        "python_2": write(files.Call(ordered, ([[name, tensor] for name, tensor in generator.items()],))),
    }


def modules(tensors: dict[str, Any]) -> files.Call:
    """A pickled module with those of the names' second parts in it."""
    inner: dict[str, dict[str, Any]] = {}
    for name, tensor in tensors.items():
        _, number, last = name.split(".")
        inner.setdefault(number, {})[last] = tensor
    made = {
        number: files.Call(files.Global("my", "Layer"), (), {"_parameters": members, "_modules": {}})
        for number, members in inner.items()
    }
    return files.Call(files.Global("my", "Net"), (), {"_non_persistent_buffers_set": [], "_modules": made})

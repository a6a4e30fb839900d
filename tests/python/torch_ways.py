"""Ways to save a model with PyTorch, and what tools/convert.py makes of each: equal tensors, or a refusal by name.

test_convert_torch.py tries each for all seven graphs, tests/full/torch_saves.py also in every format and protocol.
"""

from __future__ import annotations

import argparse
import collections
import datetime
import enum
import gzip
import io
import pickle
import random
import re
import struct
import tarfile
import types
import zipfile
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from unittest import mock

import checkpoint_files
import numpy as np
import torch
from model_tables import (
    Shapes,
    dcgan,
    dcgan_discriminator,
    deeplabv3,
    eccv16,
    enhancenet,
    siggraph17,
    unet,
    vae,
    weights,
)

Root = Callable[[Any, Any], Any]  # what is saved, of a module and of another with the same names and other values

GRAPHS = {
    "deeplabv3": deeplabv3((1, 2, 1, 1), 3),
    "eccv16": eccv16(),
    "siggraph17": siggraph17(),
    "vae": vae(True),
    "unet": unet(3, 2, "transposed", True),
    "dcgan": dcgan(),
    "enhancenet": enhancenet(1),
}


@dataclass(frozen=True)
class Way:
    """What is saved, how, and what happens to the file then. `refusal` has the words of the message, if it is refused.

    `dtype` is that of the tensors in the converted file.
    """

    root: Root
    options: Mapping[str, Any] = field(default_factory=dict)  # of torch.save
    change: Callable[[bytes], bytes] = bytes
    refusal: str = ""
    dtype: str = "float32"

    def saved(self, graph: str) -> bytes:
        root = self.root(made(GRAPHS[graph]), made(GRAPHS[graph], seed=2))
        return self.change(root if isinstance(root, bytes) else saved(root, **self.options))


def made(shapes: Shapes, seed: int = 1) -> Any:
    """A module with these tensors: parameters, or buffers where they are a norm's statistics, and its counters."""
    top = torch.nn.Module()
    for name, values in weights(shapes, seed).items():
        *path, last = name.split(".")
        module = top
        for part in path:
            if part not in dict(module.named_children()):
                module.add_module(part, torch.nn.Module())
            module = module.get_submodule(part)
        tensor = torch.from_numpy(values.copy())
        if last.startswith("running_"):
            module.register_buffer(last, tensor)
            module.register_buffer("num_batches_tracked", torch.tensor(5))
        else:
            module.register_parameter(last, torch.nn.Parameter(tensor))
    return top


def wanted(graph: str, dtype: str = "float32") -> dict[str, np.ndarray]:
    """The tensors of the converted file: those of the module that `made` makes."""
    tensors = weights(GRAPHS[graph])
    if dtype == "float16":
        return {name: tensor.astype("<f2") for name, tensor in tensors.items()}
    if dtype == "bfloat16":
        return {name: torch.from_numpy(tensor).bfloat16().view(torch.int16).numpy().view("<u2")
                for name, tensor in tensors.items()}  # fmt: skip
    return tensors


def saved(root: Any, **options: Any) -> bytes:
    file = io.BytesIO()
    torch.save(root, file, **options)
    return file.getvalue()


# Classes of a training script


class Stage(enum.Enum):
    WARM_UP = 1


class Parts(enum.Flag):
    ENCODER = 1
    DECODER = 2


class Config(dict):
    """As of easydict: its items are attributes as well."""

    def __init__(self, **items: Any) -> None:
        super().__init__(items)
        self.__dict__ = self


class Tracked(torch.Tensor):
    """A subclass of a tensor."""


@dataclass
class TrainState:
    step: int
    network: Any


class Trainer:
    def __init__(self, network: Any) -> None:
        self.network = network
        self.optimizer = torch.optim.Adam(network.parameters())
        self.schedule = torch.optim.lr_scheduler.StepLR(self.optimizer, 1)


Losses = collections.namedtuple("Losses", "train test")


def decay(step: int) -> float:
    return 0.9**step


def mean(averaged: Any, model: Any, count: Any) -> Any:
    return averaged + (model - averaged) / (count + 1)


# What is saved


def trained(module: Any) -> Any:
    """Adam after a step."""
    optimizer = torch.optim.Adam(module.parameters())
    sum(parameter.sum() for parameter in module.parameters()).backward()
    optimizer.step()
    optimizer.zero_grad()
    return optimizer


def lightning(module: Any, other: Any) -> Any:
    scheduler = torch.optim.lr_scheduler.StepLR(torch.optim.SGD(module.parameters(), 0.1), 1)
    system = torch.nn.Module()
    system.generator, system.discriminator = module, made(dcgan_discriminator())
    system.criterion = torch.nn.CrossEntropyLoss(weight=torch.ones(4))
    return {
        "epoch": 3,
        "pytorch-lightning_version": "2.0.0",
        "state_dict": system.state_dict(),
        "callbacks": {"ModelCheckpoint{'monitor': None}": {"best_model_score": torch.tensor(0.5), "monitor": None}},
        "lr_schedulers": [scheduler.state_dict()],
        "hparams_name": "args",
        "hyper_parameters": argparse.Namespace(lr=0.1, path=Path("data")),
    }


def with_random_states(module: Any, other: Any) -> Any:
    return {
        "net": module.state_dict(),
        "rng": torch.get_rng_state(),
        "numpy": np.random.get_state(),
        "generator_of_numpy": np.random.default_rng(1),
        "python": random.getstate(),
        "best": np.float64(0.5),
    }


def with_objects(module: Any, other: Any) -> Any:
    return {
        "stage": [Stage.WARM_UP, Parts.ENCODER | Parts.DECODER],
        "filter": [re.compile("bias$", re.IGNORECASE), re.MULTILINE | re.DOTALL],
        "functions": [decay, len, torch.nn.functional.relu, module.state_dict.__name__],
        "classes": [torch.optim.Adam, Losses, dict, type(None)],
        "losses": Losses(0.1, [0.2]),
        "args": argparse.Namespace(lr=0.1, out=Path("runs/1")),
        "config": Config(depth=3, more=Config(width=2)),
        "notes": types.SimpleNamespace(when=datetime.datetime.now(datetime.UTC), took=datetime.timedelta(1)),
        "kinds": [torch.float32, torch.device("cuda", 0), torch.Size([1, 2]), slice(1, 2), range(3), 1j, b"a", {1}],
        "counts": [collections.Counter("aab"), collections.deque([1], 3), collections.OrderedDict(a=1)],
        "model": module.state_dict(),
        "criterion": torch.nn.CrossEntropyLoss(),
    }


def with_arrays(module: Any, other: Any) -> Any:
    return {
        "palette": np.zeros((3, 3), "u1"),
        "names": np.array(["sky", "sea"]),
        "scalars": [np.float64(0.5), np.int64(3), np.bool_(True), np.dtype("f4")],
        "params": module.state_dict(),
    }


def with_other_tensors(module: Any, other: Any) -> Any:
    return {
        "sparse": torch.eye(3).to_sparse(),
        "quantised": torch.quantize_per_tensor(torch.ones(3), 0.1, 0, torch.quint8),
        "complex": [torch.ones(2, dtype=torch.complex64), torch.ones(2, dtype=torch.complex128)],
        "meta": torch.ones(3, device="meta"),
        "small": [torch.ones(2, dtype=kind) for kind in (torch.int8, torch.uint8, torch.bool, torch.int16)],
        "buffer": torch.ones(3).storage(),
        "net": module.state_dict(),
    }


def with_attributes(module: Any, other: Any) -> Any:
    """Parameters, tensors of a subclass, and tensors with attributes of their own."""
    state = dict(module.named_parameters()) | dict(module.named_buffers())
    for at, (name, tensor) in enumerate(state.items()):
        if at % 3 == 0:
            tensor.tag = "decayed"
        elif at % 3 == 1:
            state[name] = tensor.detach().as_subclass(Tracked)
    return state


def with_long_history(module: Any, other: Any) -> Any:
    steps = range(3000)
    return {
        "losses": [0.1 * step for step in steps],
        "pairs": [(step, 0.5) for step in steps],
        "by_step": {step: 0.5 for step in steps},
        "log": [{"step": step, "loss": 0.5} for step in steps],
        "of_numpy": [np.float64(step) for step in steps],
        "as_tensors": [torch.tensor(0.5) for _ in steps[:200]],
        "netG": module.state_dict(),
    }


def in_one_storage(module: Any, other: Any) -> Any:
    """Every tensor is a view of the same storage, as after flattening the parameters."""
    state = module.state_dict()
    floats = {name: tensor for name, tensor in state.items() if tensor.is_floating_point()}
    flat = torch.cat([tensor.reshape(-1) for tensor in floats.values()])
    parts = flat.split([tensor.numel() for tensor in floats.values()])
    return {name: part.view(floats[name].shape) for name, part in zip(floats, parts, strict=True)}


def as_parameters(module: Any, other: Any) -> Any:
    return dict(module.named_parameters()) | dict(module.named_buffers())


def gan(module: Any, other: Any) -> Any:
    critic = made(dcgan_discriminator())
    return {
        "netG_state_dict": module.state_dict(),
        "netD_state_dict": critic.state_dict(),
        "optimizerD": trained(critic).state_dict(),
        "G_losses": [torch.tensor(0.5)] * 50,
    }


def averaged(module: Any, other: Any) -> Any:
    return torch.optim.swa_utils.AveragedModel(module).state_dict()


def with_temporary_buffer(module: Any, other: Any) -> Any:
    module.register_buffer("grid", torch.ones(3), persistent=False)
    module.mean = torch.ones(3)  # an attribute
    return module


def prefixed(prefix: str) -> Root:
    return lambda module, other: {prefix + name: tensor for name, tensor in module.state_dict().items()}


def each(change: Callable[[Any], Any]) -> Root:
    """The state dict, with every tensor of floats changed."""
    return lambda module, other: {
        name: change(tensor) if tensor.is_floating_point() else tensor for name, tensor in module.state_dict().items()
    }


def in_dtype(dtype: Any, root: Root) -> Root:
    return lambda module, other: root(module.to(dtype), other)


def on_cuda(module: Any, other: Any) -> bytes:
    """The file of a network on a GPU."""
    with mock.patch("torch.serialization.location_tag", lambda _: "cuda:0"):
        data = saved(module.state_dict())
    assert b"cuda:0" in data
    return data


def safetensors(prefix: str = "", dtype: str = "float32") -> Root:
    def root(module: Any, other: Any) -> bytes:
        state = {prefix + name: tensor.numpy() for name, tensor in module.state_dict().items()}
        floats = {name: array.astype(dtype) if array.dtype == "<f4" else array for name, array in state.items()}
        return checkpoint_files.safetensors(floats, {"format": "pt"})

    return root


def state_dict(module: Any, other: Any) -> Any:
    return module.state_dict()


# What happens to a file afterwards


def entries(data: bytes) -> Iterator[tuple[str, bytes]]:
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        for name in archive.namelist():
            yield name, archive.read(name)


def zipped_again(data: bytes) -> bytes:
    """Unpacked, and packed with zip -r: other order, compressed, with the folder."""
    return checkpoint_files.zipped([("archive/", b""), *sorted(entries(data))], zipfile.ZIP_DEFLATED)


def renamed(data: bytes) -> bytes:
    return checkpoint_files.zipped([(name.replace("archive", "n" * 255), entry) for name, entry in entries(data)])


def without_checksums(data: bytes) -> bytes:
    changed = bytearray(data)
    for signature, offset in ((b"PK\x01\x02", 16), (b"PK\x03\x04", 14)):
        at = -1
        while (at := changed.find(signature, at + 1)) >= 0:
            struct.pack_into("<I", changed, at + offset, 0)
    return bytes(changed)


def streamed(data: bytes) -> bytes:
    """Written to a pipe: sizes and checksums follow the values, in 64 bits."""

    class Pipe(io.BytesIO):
        def seekable(self) -> bool:
            return False

        def tell(self) -> int:
            raise io.UnsupportedOperation

    pipe = Pipe()
    with zipfile.ZipFile(pipe, "w") as archive:
        for name, entry in entries(data):
            with archive.open(name, "w", force_zip64=True) as file:
                file.write(entry)
    return pipe.getvalue()


def tarred(data: bytes) -> bytes:
    file = io.BytesIO()
    with tarfile.open(fileobj=file, mode="w") as archive:
        info = tarfile.TarInfo("weights.pth")
        info.size = len(data)
        archive.addfile(info, io.BytesIO(data))
    return file.getvalue()


def npz(module: Any, other: Any) -> bytes:
    file = io.BytesIO()
    np.savez(file, **{name.replace("/", "_"): tensor.numpy() for name, tensor in module.state_dict().items()})
    return file.getvalue()


def scripted(module: Any, other: Any) -> bytes:
    file = io.BytesIO()
    torch.jit.save(torch.jit.script(torch.nn.Sequential(torch.nn.Conv2d(3, 3, 1))), file)
    return file.getvalue()


def bare_pickle(module: Any, other: Any) -> bytes:
    return pickle.dumps({name: tensor.numpy() for name, tensor in module.state_dict().items()})


LEGACY = {"_use_new_zipfile_serialization": False}

WAYS: dict[str, Way] = {
    # Where the network lies
    "state_dict": Way(state_dict),
    "plain dict": Way(lambda module, other: dict(module.state_dict())),
    "parameters": Way(as_parameters),
    "model_state_dict": Way(lambda module, other: {"epoch": 3, "model_state_dict": module.state_dict(), "loss": 0.5}),
    "with Adam": Way(lambda module, other: {"optimizer": trained(other).state_dict(), "m": module.state_dict()}),
    "three deep": Way(
        lambda module, other: {"run": {"best": {"weights": module.state_dict()}}, "step": torch.tensor(3)}
    ),
    "list": Way(lambda module, other: [3, module.state_dict(), trained(other).state_dict()]),
    "tuple": Way(lambda module, other: (module.state_dict(), {"lr": 0.1})),
    "defaultdict": Way(lambda module, other: collections.defaultdict(dict, nets={"a": module.state_dict()})),
    "Config, as of easydict": Way(lambda module, other: Config(net=module.state_dict(), lr=0.1)),
    "Namespace": Way(lambda module, other: argparse.Namespace(state=module.state_dict(), lr=0.1)),
    "dataclass": Way(lambda module, other: TrainState(3, module.state_dict())),
    "ema and model": Way(lambda module, other: {"model": other.state_dict(), "ema": module.state_dict()}),
    "params_ema": Way(lambda module, other: {"params_ema": module.state_dict(), "params": other.state_dict()}),
    "averaged, with the raw one": Way(
        lambda module, other: {"model": other.state_dict(), "swa_state": averaged(module, other)}
    ),
    "student and teacher": Way(
        lambda module, other: {"teacher": other.state_dict(), "student": module.state_dict()}
    ),
    "generator": Way(lambda module, other: {"generator": module.state_dict(), "encoder": other.state_dict()}),
    "GAN": Way(gan),
    "two networks": Way(
        lambda module, other: {"a": module.state_dict(), "b": other.state_dict()},
        refusal=r"2 networks fit: a \(\w+\), b \(\w+\); choose one with --key",
    ),
    "Adam alone": Way(
        lambda module, other: trained(module).state_dict(), refusal="unknown model: it holds .* tensors in state"
    ),
    # Prefixes
    "DataParallel": Way(lambda module, other: torch.nn.DataParallel(module).state_dict()),
    "DataParallel, nested": Way(
        lambda module, other: {"model": torch.nn.DataParallel(module).state_dict(), "epoch": 1}
    ),
    "Sequential around it": Way(lambda module, other: torch.nn.Sequential(module, torch.nn.Sigmoid()).state_dict()),
    "AveragedModel": Way(averaged),
    "torch.compile": Way(prefixed("_orig_mod.")),
    "long prefix": Way(prefixed("trainer.model.module._orig_mod.net.")),
    "Lightning": Way(lightning),
    # Company
    "with objects": Way(with_objects),
    "random states": Way(with_random_states),
    "with arrays of NumPy": Way(with_arrays),
    "with other tensors": Way(with_other_tensors),
    "tensors with attributes": Way(with_attributes),
    "long history": Way(with_long_history),
    # Whole modules
    "module": Way(lambda module, other: module),
    "module in a dict": Way(lambda module, other: {"epoch": 3, "model": module, "optimizer": trained(other)}),
    "module in DataParallel": Way(lambda module, other: torch.nn.DataParallel(module)),
    "module in a list": Way(lambda module, other: [module]),
    "AveragedModel itself": Way(lambda module, other: torch.optim.swa_utils.AveragedModel(module, avg_fn=mean)),
    "ModuleDict": Way(lambda module, other: torch.nn.ModuleDict({"student": module, "teacher": other})),
    "module with a temporary buffer": Way(with_temporary_buffer),
    "Trainer": Way(lambda module, other: Trainer(module)),
    "module, legacy": Way(lambda module, other: module, LEGACY),
    "module, legacy, protocol 4": Way(lambda module, other: module, LEGACY | {"pickle_protocol": 4}),
    # Formats
    **{f"zip, protocol {number}": Way(gan, {"pickle_protocol": number}) for number in (3, 4, 5)},
    **{f"legacy, protocol {number}": Way(gan, LEGACY | {"pickle_protocol": number}) for number in (2, 3, 4, 5)},
    "zipped again": Way(state_dict, change=zipped_again),
    "a folder of 255 bytes": Way(state_dict, change=renamed),
    "without checksums": Way(state_dict, change=without_checksums),
    "streamed, zip64": Way(state_dict, change=streamed),
    "on cuda:0": Way(on_cuda),
    "safetensors": Way(safetensors()),
    "safetensors with a prefix": Way(safetensors("model.module.")),
    # Dtypes and storage
    "float16": Way(in_dtype(torch.float16, state_dict), dtype="float16"),
    "float16, module": Way(in_dtype(torch.float16, lambda module, other: module), dtype="float16"),
    "float16, safetensors": Way(safetensors(dtype="float16"), dtype="float16"),
    "bfloat16": Way(in_dtype(torch.bfloat16, gan), dtype="bfloat16"),
    "bfloat16, legacy": Way(in_dtype(torch.bfloat16, gan), LEGACY, dtype="bfloat16"),
    "float64": Way(in_dtype(torch.float64, state_dict)),
    "float64, legacy": Way(in_dtype(torch.float64, gan), LEGACY),
    "float64, safetensors": Way(safetensors(dtype="float64")),
    "one storage": Way(in_one_storage),
    "one storage, legacy": Way(in_one_storage, LEGACY),
    "channels last": Way(
        each(lambda tensor: tensor.contiguous(memory_format=torch.channels_last) if tensor.ndim == 4 else tensor)
    ),
    "reversed in memory": Way(
        each(lambda tensor: tensor.permute(*range(tensor.ndim)[::-1]).contiguous().permute(*range(tensor.ndim)[::-1]))
    ),
    "slices of larger tensors": Way(each(lambda tensor: torch.stack([tensor + 1, tensor, tensor - 1])[1])),
    "every second value": Way(each(lambda tensor: torch.stack([tensor, tensor + 1], dim=-1)[..., 0])),
    "with gradients": Way(each(lambda tensor: tensor.clone().requires_grad_())),
    # What has no weights that a graph could use
    "int64": Way(each(lambda tensor: tensor.long()), refusal=r"of a wrong dtype: \S+ is I64, expected F32"),
    "meta": Way(
        each(lambda tensor: tensor.to("meta")),
        refusal=r"tensor \S+: made by torch\._utils\._rebuild_meta_tensor_no_storage, which is not executed",
    ),
    "quantised": Way(
        each(lambda tensor: torch.quantize_per_tensor(tensor, 0.1, 0, torch.qint8)),
        refusal=r"tensor \S+: made by torch\._utils\._rebuild_qtensor, which is not executed",
    ),
    "sparse": Way(
        each(lambda tensor: tensor.to_sparse()),
        refusal=r"tensor \S+: made by torch\._utils\._rebuild_sparse_tensor, which is not executed",
    ),
    "expanded": Way(
        each(lambda tensor: tensor.reshape(-1)[:1].clone().expand(tensor.shape) if tensor.ndim > 1 else tensor),
        refusal=r"tensor \S+: an expanded tensor \(stride 0\) is larger than its storage; save a contiguous one",
    ),
    # Other files
    "TorchScript": Way(scripted, refusal=r"a TorchScript archive, expected torch\.save\(model\.state_dict\(\)\)"),
    "gzip": Way(state_dict, change=gzip.compress, refusal=r"is compressed \(gzip\), not a checkpoint; unpack it first"),
    "tar": Way(state_dict, change=tarred, refusal="is a tar archive, not a checkpoint; unpack it first"),
    "zip in zip": Way(
        state_dict,
        change=lambda data: checkpoint_files.zipped([("weights.pth", data)]),
        refusal=r"is a zip archive without an entry \*/data\.pkl, not a checkpoint; unpack it first",
    ),
    "npz": Way(npz, refusal=r"is a NumPy archive \(npz\), not a checkpoint; use the PyTorch or TensorFlow checkpoint"),
    "pickle.dump": Way(bare_pickle, refusal="is a Python pickle that torch.save did not write, not a checkpoint"),
    "half of a file": Way(
        state_dict,
        change=lambda data: data[: len(data) // 2],
        refusal="damaged zip archive: it has no directory, perhaps because the end of the file is missing",
    ),
    "a web page": Way(
        lambda module, other: b"<!DOCTYPE html>\n<html><head><title>Sign in</title></head></html>",
        refusal=r"is a web page \(HTML\), not a checkpoint; download the file itself",
    ),
}  # fmt: skip

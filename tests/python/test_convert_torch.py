"""tools/convert.py on files that PyTorch itself has written: ways to save a model, each for all seven graphs.

Without PyTorch there is nothing to do here: test_convert*.py have the same kinds of files, written byte by byte.
"""

from __future__ import annotations

import argparse
import collections
import io
import random
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from convert_runner import assert_same, converted, refused
from model_tables import (
    Shapes,
    dcgan,
    dcgan_discriminator,
    deeplabv3,
    eccv16,
    enhancenet,
    siggraph17,
    unet,
    unet_2019,
    vae,
    weights,
)

torch = pytest.importorskip("torch")

Tensors = dict[str, Any]  # of torch

GRAPHS = {
    "deeplabv3": deeplabv3((1, 2, 1, 1), 3),
    "eccv16": eccv16(),
    "siggraph17": siggraph17(),
    "vae": vae(True),
    "unet": unet(3, 2, "transposed", True),
    "dcgan": dcgan(),
    "enhancenet": enhancenet(1),
}


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


def trained(module: Any) -> Any:
    """Adam's state after a step."""
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
        "lr_schedulers": [scheduler.state_dict()],
        "hyper_parameters": argparse.Namespace(lr=0.1, path=Path("data")),
    }


def with_random_states(module: Any, other: Any) -> Any:
    return {
        "net": module.state_dict(),
        "rng": torch.get_rng_state(),
        "numpy": np.random.get_state(),
        "python": random.getstate(),
        "best": np.float64(0.5),
        "losses": torch.zeros(1000),
        "history": {"loss": [0.1] * 1000},
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


def prefixed(prefix: str) -> Callable[[Any, Any], Any]:
    return lambda module, other: {prefix + name: tensor for name, tensor in module.state_dict().items()}


# What is saved, of a module and of another with the same names and other values.
WAYS: dict[str, Callable[[Any, Any], Any]] = {
    "state_dict": lambda module, other: module.state_dict(),
    "plain dict": lambda module, other: dict(module.state_dict()),
    "parameters": as_parameters,
    "model_state_dict": lambda module, other: {"epoch": 3, "model_state_dict": module.state_dict(), "loss": 0.5},
    "with Adam": lambda module, other: {"optimizer": trained(other).state_dict(), "m": module.state_dict()},
    "three deep": lambda module, other: {"run": {"best": {"weights": module.state_dict()}}, "step": torch.tensor(3)},
    "list": lambda module, other: [3, module.state_dict(), trained(other).state_dict()],
    "tuple": lambda module, other: (module.state_dict(), {"lr": 0.1}),
    "DataParallel": lambda module, other: torch.nn.DataParallel(module).state_dict(),
    "DataParallel, nested": lambda module, other: {"model": torch.nn.DataParallel(module).state_dict(), "epoch": 1},
    "Sequential around it": lambda module, other: torch.nn.Sequential(module, torch.nn.Sigmoid()).state_dict(),
    "AveragedModel": averaged,
    "torch.compile": prefixed("_orig_mod."),
    "long prefix": prefixed("trainer.model.module._orig_mod.net."),
    "ema and model": lambda module, other: {"model": other.state_dict(), "ema": module.state_dict()},
    "params_ema": lambda module, other: {"params_ema": module.state_dict(), "params": other.state_dict()},
    "averaged beside": lambda module, other: {"model": other.state_dict(), "swa_state": averaged(module, other)},
    "student and teacher": lambda module, other: {"teacher": other.state_dict(), "student": module.state_dict()},
    "generator": lambda module, other: {"generator": module.state_dict(), "encoder": other.state_dict()},
    "GAN": gan,
    "Lightning": lightning,
    "random states": with_random_states,
    "one storage": in_one_storage,
    "defaultdict": lambda module, other: collections.defaultdict(dict, nets={"a": module.state_dict()}),
    "channels last": lambda module, other: {
        name: tensor.contiguous(memory_format=torch.channels_last) if tensor.ndim == 4 else tensor
        for name, tensor in module.state_dict().items()
    },
    "transposed in memory": lambda module, other: {
        name: tensor.t().contiguous().t() if tensor.ndim == 2 else tensor
        for name, tensor in module.state_dict().items()
    },
}


def saved(root: Any, **options: Any) -> bytes:
    file = io.BytesIO()
    torch.save(root, file, **options)
    return file.getvalue()


@pytest.mark.parametrize("graph", GRAPHS)
@pytest.mark.parametrize("way", WAYS)
def test_every_way_of_saving_gives_equal_tensors(way: str, graph: str, tmp_path: Path) -> None:
    module, other = made(GRAPHS[graph]), made(GRAPHS[graph], seed=2)
    done = converted(tmp_path, saved(WAYS[way](module, other)))
    assert_same(done.tensors, weights(GRAPHS[graph]))
    assert done.metadata["limn.model"] == graph


@pytest.mark.parametrize("graph", GRAPHS)
@pytest.mark.parametrize(
    "options",
    [{"_use_new_zipfile_serialization": False}, *({"pickle_protocol": number} for number in (3, 4, 5))],
    ids=str,
)
def test_every_format_and_protocol(options: dict[str, Any], graph: str, tmp_path: Path) -> None:
    root = gan(made(GRAPHS[graph]), None)
    assert_same(converted(tmp_path, saved(root, **options)).tensors, weights(GRAPHS[graph]))


@pytest.mark.parametrize("graph", GRAPHS)
@pytest.mark.parametrize("dtype", ["float16", "float64", "bfloat16"])
def test_every_dtype(dtype: str, graph: str, tmp_path: Path) -> None:
    module = made(GRAPHS[graph]).to(getattr(torch, dtype))
    done = converted(tmp_path, saved({"ema": torch.nn.DataParallel(module).state_dict()}))
    want = {
        name: tensor.astype("<f2") if dtype == "float16" else tensor for name, tensor in weights(GRAPHS[graph]).items()
    }
    if dtype == "bfloat16":
        want = {name: torch.from_numpy(tensor).bfloat16().view(torch.int16).numpy().view("<u2")
                for name, tensor in want.items()}  # fmt: skip
    assert_same(done.tensors, want)


def test_a_bare_sequential(tmp_path: Path) -> None:
    layers: list[Any] = []
    for ic, oc in ((7, 8), (8, 4)):
        layers += [torch.nn.ConvTranspose2d(ic, oc, 4, bias=False), torch.nn.BatchNorm2d(oc), torch.nn.ReLU()]
    generator = torch.nn.Sequential(*layers, torch.nn.ConvTranspose2d(4, 3, 4, bias=False), torch.nn.Tanh())
    want = {f"main.{name}": tensor.numpy() for name, tensor in generator.state_dict().items() if tensor.ndim}
    for root in (generator.state_dict(), {"netG": torch.nn.DataParallel(generator).state_dict(), "epoch": 3}):
        assert_same(converted(tmp_path, saved(root)).tensors, want)


@pytest.mark.parametrize("up", ["bilinear", "transposed"])
def test_unet_before_2020(up: str, tmp_path: Path) -> None:
    old = unet_2019(3, 1, up)
    tensors = converted(tmp_path, saved(torch.nn.DataParallel(made(old)).state_dict())).tensors
    # The renamed tensors come in the same order, so that their values tell which is which.
    by_value = {tensor.tobytes(): tensor.shape for tensor in weights(old).values()}
    assert {tensor.tobytes(): tensor.shape for tensor in tensors.values()} == by_value
    assert "inc.double_conv.0.weight" in tensors and "down4.maxpool_conv.1.double_conv.4.bias" in tensors


@pytest.mark.parametrize(
    "values",
    [np.array([0, 255]), torch.tensor([0, 255]), [np.int64(0), np.uint8(255)], (0, 255), np.unique([255, 0, 255])],
    ids=repr,
)
def test_mask_values(values: Any, tmp_path: Path) -> None:
    state = made(GRAPHS["unet"]).state_dict()
    state["mask_values"] = values
    done = converted(tmp_path, saved(state))
    assert_same(done.tensors, weights(GRAPHS["unet"]))
    assert done.metadata["limn.mask_values"] == "[0, 255]"


def test_a_pickled_model_that_is_unknown_is_refused_by_name(tmp_path: Path) -> None:
    network = torch.nn.Sequential(torch.nn.Linear(2, 2))
    name = "torch.nn.modules.container.Sequential"
    for root, inside in (
        (network, "0.bias, 0.weight"),
        ({"epoch": 3, "model": network}, "2 tensors in model (model.0.bias, model.0.weight)"),
        ([network], "2 tensors in [0] ([0].0.bias, [0].0.weight)"),
    ):
        said = f"unknown model: it holds {inside} in a pickled {name} object; expected one of deeplabv3, "
        assert said in refused(tmp_path, saved(root))
    empty = torch.nn.Sequential(torch.nn.ReLU())
    assert f"a pickled {name} object, expected a state dict: save model.state_dict()" in refused(tmp_path, saved(empty))

"""tools/convert.py on files that PyTorch itself has written: ways to save a model, each for all seven graphs.

Without PyTorch there is nothing to do here: test_convert*.py have the same kinds of files, written byte by byte.
"""

from __future__ import annotations

import io
import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from checkpoint_files import View, torch_legacy
from convert_runner import assert_same, converted, refused
from model_tables import dcgan, unet_2019, weights

torch = pytest.importorskip("torch")

from torch_ways import GRAPHS, WAYS, made, saved, wanted  # noqa: E402  (needs PyTorch)


@pytest.mark.parametrize("graph", GRAPHS)
@pytest.mark.parametrize("way", WAYS)
def test_every_way_of_saving_gives_equal_tensors_or_a_named_refusal(way: str, graph: str, tmp_path: Path) -> None:
    data = WAYS[way].saved(graph)
    if WAYS[way].refusal:
        error = refused(tmp_path, data)
        assert re.search(WAYS[way].refusal, error), error
    else:
        done = converted(tmp_path, data)
        assert_same(done.tensors, wanted(graph, WAYS[way].dtype))
        assert done.metadata["limn.model"] == graph


def test_storages_that_are_views_of_others(tmp_path: Path) -> None:
    """As PyTorch before 0.4 wrote them, and as it reads them today."""
    generator = weights(dcgan())
    values = np.concatenate([tensor.ravel() for tensor in generator.values()])
    root, begin = {}, 0
    for name, tensor in generator.items():
        strides = tuple(step // 4 for step in tensor.strides)
        root[name] = View(values, 0, tensor.shape, strides, (begin, tensor.size))
        begin += tensor.size
    data = torch_legacy(root)
    assert_same({name: tensor.numpy() for name, tensor in torch.load(io.BytesIO(data)).items()}, generator)
    assert_same(converted(tmp_path, data).tensors, generator)


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

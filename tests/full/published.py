"""Checkpoint files as the publishers wrote them, of random weights: what tools/convert.py must read."""

from __future__ import annotations

import pathlib
from typing import Any

import checkpoint_files
import torch
from reference.parameters import Weights


def state_dict(weights: Weights, prefix: str = "") -> dict[str, torch.Tensor]:
    """What a module's state_dict() holds: the tensors, and in each batch norm the count of its training steps."""
    tensors = {}
    for name, array in weights.items():
        tensors[prefix + name] = torch.from_numpy(array)
        if name.endswith(".running_var"):
            tensors[prefix + name.replace("running_var", "num_batches_tracked")] = torch.tensor(1000)
    return tensors


def torch_zip(weights: Weights, path: pathlib.Path, **more: Any) -> None:
    """torch.save as it is since PyTorch 1.6; `more` is added to the tensors, as Pytorch-UNet's mask_values do."""
    torch.save({**state_dict(weights), **more}, path)


def torch_legacy(weights: Weights, path: pathlib.Path) -> None:
    """torch.save as it was before PyTorch 1.6."""
    torch.save(state_dict(weights), path, _use_new_zipfile_serialization=False)


def torch_nested(weights: Weights, path: pathlib.Path) -> None:
    """A training script's checkpoint of a DataParallel module: the state inside, every name prefixed."""
    torch.save({"epoch": 7, "state_dict": state_dict(weights, "module."), "optimizer": {"lr": 0.1}}, path)


def torchvision(weights: Weights, path: pathlib.Path) -> None:
    """torchvision's DeepLabV3 comes with the auxiliary head that it was trained with."""
    torch_zip(weights, path, **{"aux_classifier.0.weight": torch.zeros(256, 1024, 3, 3)})


def siggraph17(weights: Weights, path: pathlib.Path) -> None:
    """The published file has the classification head that its forward pass leaves out."""
    head = {"model_class.0.weight": torch.zeros(529, 256, 1, 1), "model_class.0.bias": torch.zeros(529)}
    torch_zip(weights, path, **head)


def tensorflow_v1(weights: Weights, path: pathlib.Path) -> None:
    path.write_bytes(checkpoint_files.tf_v1(weights))

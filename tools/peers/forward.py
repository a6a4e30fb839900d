"""The reference forward passes of tools/reference, prepared for timing and tracing.

They are written for reading and for comparison of every value. Two expressions would slow a peer down, and are
replaced by equivalent ones:

- EnhanceNet computes its matrices of bicubic weights in every run; here they are computed once per size. In traced
  graphs the product of three tensors becomes two matrix products.
- SIGGRAPH17 takes every other pixel by slicing, which not every converter supports; in traced graphs this is a pooling
  of 1 pixel with stride 2.
"""

from __future__ import annotations

import contextlib
import functools
import importlib
from collections.abc import Callable, Iterator
from unittest import mock

import torch
import torch.nn.functional as F
from reference import enhancenet
from reference.parameters import Parameters, Record, ignore

from . import layers, operators

Weights = dict[str, torch.Tensor]
Forward = Callable[..., torch.Tensor]


class Tensors(Parameters):
    """Parameters whose weights are float32 tensors."""

    def get(self, name: str, like: torch.Tensor) -> torch.Tensor:
        return self.weights[name]


@functools.cache
def function_of(graph: str) -> Forward:
    """forward(parameters, inputs.., record) of a network or of a layer."""
    layer = layers.parse(graph)
    if layer:
        return operators.forward_of(layer)
    return importlib.import_module(f"reference.{graph}").forward


def remember_bicubic() -> None:
    """Makes EnhanceNet compute its matrices once per size. Call it before tracing, so that they become constants."""
    make, made = enhancenet.bicubic_matrix, {}

    def matrix(size: int, factor: int) -> torch.Tensor:
        key = int(size), factor  # while tracing, a size is a tensor
        if key not in made:
            made[key] = make(*key).to(torch.float32)
        return made[key]

    enhancenet.bicubic_matrix = matrix


def dense(weights: Weights, channels_last: bool = False) -> Weights:
    """The weights in the memory layout of the convolutions: NCHW or channels last.

    EnhanceNet's weights are height x width x in x out in the file and are permuted in every run; here they are stored
    so that the permuted tensor is contiguous.
    """
    layout = torch.channels_last if channels_last else torch.contiguous_format

    def lay_out(name: str, tensor: torch.Tensor) -> torch.Tensor:
        if tensor.dim() != 4:
            return tensor
        if name.endswith("/weights"):
            return tensor.permute(3, 2, 0, 1).contiguous(memory_format=layout).permute(2, 3, 1, 0)
        return tensor.contiguous(memory_format=layout)

    return {name: lay_out(name, tensor) for name, tensor in weights.items()}


def subsampling_by_pooling() -> Record:
    """A `record` that replaces each slice NAME/subsample of a recorded value NAME by a pooling."""
    recorded: dict[str, torch.Tensor] = {}

    def record(name: str, value: torch.Tensor) -> torch.Tensor:
        if name.endswith("/subsample"):
            return F.max_pool2d(recorded[name.removesuffix("/subsample")], 1, 2)
        recorded[name] = value
        return value

    return record


@contextlib.contextmanager
def products_of_matrices() -> Iterator[None]:
    """Computes the only einsum of the references as two matrix products."""

    def einsum(equation: str, rows: torch.Tensor, x: torch.Tensor, columns: torch.Tensor) -> torch.Tensor:
        assert equation == "oh,nchw,pw->ncop", equation
        return rows @ x @ columns.T

    with mock.patch.object(torch, "einsum", einsum):
        yield


class Network(torch.nn.Module):
    """A network as a module with its weights, for exporters. Parameter names have no dots."""

    def __init__(self, graph: str, weights: Weights) -> None:
        super().__init__()
        self.compute = function_of(graph)
        self.places = {name: name.replace(".", "__").replace("/", "__") for name in weights}
        for name, tensor in weights.items():
            self.register_parameter(self.places[name], torch.nn.Parameter(tensor, requires_grad=False))

    def forward(self, *inputs: torch.Tensor) -> torch.Tensor:
        weights = {name: getattr(self, place) for name, place in self.places.items()}
        return self.compute(Tensors(weights), *inputs, subsampling_by_pooling())


def run(graph: str, weights: Weights, inputs: list[torch.Tensor]) -> torch.Tensor:
    """One forward pass, operator by operator."""
    return function_of(graph)(Tensors(weights), *inputs, ignore)

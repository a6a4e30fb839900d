"""Trainable networks: the forward passes and fill() functions of tools/reference, with trainable weights."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from pathlib import Path

import checkpoint
import numpy as np
import torch
import torch.nn.functional as F
from checkpoint import models
from checkpoint.tensor import CheckpointError
from reference.parameters import Maker, Parameters, Weights

State = dict[str, torch.Tensor]

MOMENTUM = 0.1  # weight of a batch in the running mean and variance, PyTorch's default
_STATISTICS = ("running_mean", "running_var")


class Network(Parameters):
    """The layers of a network by published name, for a forward pass of tools/reference.

    With `training`, batch norms use the mean and variance of the batch and update the running ones; otherwise they
    compute as at inference. Weights are float32; those of convolutions are channels last, which is faster.
    """

    def __init__(self, weights: Weights) -> None:
        self.weights = {}
        for name, values in weights.items():
            tensor = torch.from_numpy(np.array(values, np.float32))
            if tensor.dim() == 4:
                tensor = tensor.contiguous(memory_format=torch.channels_last)
            self.weights[name] = tensor.requires_grad_(not name.endswith(_STATISTICS))
        self.training = False
        self.momentum = MOMENTUM

    @classmethod
    def made(cls, seed: int, fill: Callable[[Maker], None]) -> Network:
        """A network with random weights, whose shapes `fill` defines."""
        make = Maker(seed)
        fill(make)
        return cls(make.weights)

    def get(self, name: str, like: torch.Tensor) -> torch.Tensor:
        return self.weights[name]

    def norm(self, x: torch.Tensor, name: str) -> torch.Tensor:
        mean, variance, weight, bias = (self.weights[f"{name}.{part}"] for part in (*_STATISTICS, "weight", "bias"))
        return F.batch_norm(x, mean, variance, weight, bias, self.training, self.momentum, eps=1e-5)

    def parameters(self) -> list[torch.Tensor]:
        """The trainable tensors: all but the running statistics and the frozen ones."""
        return [tensor for tensor in self.weights.values() if tensor.requires_grad]

    def freeze(self, *names: str) -> None:
        """Stops the training of the named weights, or of all if none is named."""
        for name in names or self.weights:
            self.weights[name].requires_grad_(False)

    def state(self) -> State:
        """A copy of the tensors under their published names, for a checkpoint."""
        return {name: tensor.detach().clone(memory_format=torch.contiguous_format)
                for name, tensor in self.weights.items()}  # fmt: skip

    def load(self, state: State) -> None:
        with torch.no_grad():
            for name, tensor in self.weights.items():
                tensor.copy_(state[name])

    def to(self, device: str) -> None:
        """Moves all tensors to a device of PyTorch's."""
        for name, tensor in self.weights.items():
            self.weights[name] = tensor.detach().to(device).requires_grad_(tensor.requires_grad)

    def measure_norms(self, passes: Iterable[Callable[[], object]]) -> None:
        """Sets the running statistics to the mean over these passes, since averaged weights need new statistics."""
        self.training = True
        with torch.no_grad():
            for count, forward in enumerate(passes):
                self.momentum = 1 / (count + 1)
                forward()
        self.training, self.momentum = False, MOMENTUM


def read_weights(path: str | Path, model: str) -> Weights:
    """The weights of `model` in a checkpoint, or in a safetensors file such as the demo weights."""
    try:
        tensors = models.find(checkpoint.read(Path(path).read_bytes()), model).tensors
        return {name: np.array(tensor.read(), np.float32) for name, tensor in tensors.items()}
    except CheckpointError as error:
        raise SystemExit(f"error: {path}: {error}") from None


def set_up(options, model: str, fill: Callable[[Maker], None], last: tuple[str, ...] = ()) -> Network:
    """The network of --init, or a new one.

    last: weights that are initialised again if those of --init have another number of classes. `fill` must then give
    all other weights the shapes in the file.
    """
    network = Network.made(options.seed, fill)
    if options.init:
        weights = read_weights(options.init, model)
        afresh = [name for name in last if network.weights[name].shape[0] != weights[name].shape[0]]
        new = {name: network.weights[name].detach().numpy() for name in afresh}
        for name in afresh:
            if new[name].shape[1:] != weights[name].shape[1:]:
                raise SystemExit(f"error: {options.init}: {name} is {list(weights[name].shape)}, "
                                 f"expected {list(new[name].shape)}")  # fmt: skip
        network = Network(weights | new)
    print(f"{model}: {sum(tensor.numel() for tensor in network.weights.values())} values", flush=True)
    return network


class _Reached(Exception):
    """All wanted values have been recorded."""


def features(
    forward: Callable[..., torch.Tensor], p: Parameters, inputs: torch.Tensor, names: tuple[str, ...]
) -> list[torch.Tensor]:
    """The named intermediate values of a forward pass, which stops after the last of them."""
    found: dict[str, torch.Tensor] = {}

    def record(name: str, value: torch.Tensor) -> torch.Tensor:
        if name in names:
            found[name] = value
            if len(found) == len(names):
                raise _Reached
        return value

    try:
        forward(p, inputs, record)
    except _Reached:
        pass
    return [found[name] for name in names]

"""Layers of PyTorch with the tensors of a checkpoint, or with random tensors."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import torch
import torch.nn.functional as F

Weights = dict[str, np.ndarray]
Record = Callable[[str, torch.Tensor], torch.Tensor]


def ignore(name: str, value: torch.Tensor) -> torch.Tensor:
    """A `record` that records nothing."""
    return value


class Parameters:
    """The layers of a checkpoint by name, computed in the input's dtype.

    With `calibrate`, each batch norm first takes the mean and variance of its input as its own. The activations of a
    network with random weights then stay at about size 1, as in a trained network.
    """

    def __init__(self, weights: Weights, calibrate: bool = False) -> None:
        self.weights = weights
        self.calibrate = calibrate

    def __contains__(self, name: str) -> bool:
        return name in self.weights

    def get(self, name: str, like: torch.Tensor) -> torch.Tensor:
        return torch.from_numpy(self.weights[name]).to(like.dtype)

    def bias(self, name: str, like: torch.Tensor) -> torch.Tensor | None:
        return self.get(f"{name}.bias", like) if f"{name}.bias" in self.weights else None

    def conv(
        self, x: torch.Tensor, name: str, stride: int = 1, padding: int | None = None, dilation: int = 1
    ) -> torch.Tensor:
        """NAME.weight is OC x IC x K x K. The default padding keeps the size at stride 1."""
        weight = self.get(f"{name}.weight", x)
        if padding is None:
            padding = weight.shape[2] // 2 * dilation
        return F.conv2d(x, weight, self.bias(name, x), stride, padding, dilation)

    def conv_transposed(self, x: torch.Tensor, name: str, stride: int = 1, padding: int = 0) -> torch.Tensor:
        """NAME.weight is IC x OC x K x K."""
        return F.conv_transpose2d(x, self.get(f"{name}.weight", x), self.bias(name, x), stride, padding)

    def norm(self, x: torch.Tensor, name: str) -> torch.Tensor:
        """Batch norm at inference, eps 1e-5."""
        if self.calibrate:
            # 0.01 is added because a channel that is all zeros here after its ReLU would become huge elsewhere.
            self.weights[f"{name}.running_mean"] = x.mean((0, 2, 3)).numpy().astype(np.float32)
            self.weights[f"{name}.running_var"] = (x.var((0, 2, 3), unbiased=False) + 0.01).numpy().astype(np.float32)
        mean, variance, weight, bias = (
            self.get(f"{name}.{part}", x) for part in ("running_mean", "running_var", "weight", "bias")
        )
        return F.batch_norm(x, mean, variance, weight, bias, eps=1e-5)


class Maker:
    """Makes random tensors with published names and shapes.

    Convolutions follow He et al. 2015: the standard deviation is `gain` * sqrt(2 / products per sum), so that values
    keep their size after a ReLU.
    """

    def __init__(self, seed: int) -> None:
        self.random = np.random.default_rng(seed)
        self.weights: Weights = {}

    def normal(self, shape: tuple[int, ...], deviation: float, mean: float = 0) -> np.ndarray:
        return (mean + deviation * self.random.standard_normal(shape, np.float32)).astype(np.float32)

    def conv(self, name: str, ic: int, oc: int, kernel: int, bias: bool = True, gain: float = 1) -> None:
        self.weights[f"{name}.weight"] = self.normal((oc, ic, kernel, kernel), gain * (2 / (ic * kernel**2)) ** 0.5)
        if bias:
            self.weights[f"{name}.bias"] = self.normal((oc,), 0.1)

    def conv_transposed(
        self, name: str, ic: int, oc: int, kernel: int, bias: bool = True, gain: float = 1, stride: int = 1
    ) -> None:
        products = ic * max(kernel // stride, 1) ** 2
        self.weights[f"{name}.weight"] = self.normal((ic, oc, kernel, kernel), gain * (2 / products) ** 0.5)
        if bias:
            self.weights[f"{name}.bias"] = self.normal((oc,), 0.1)

    def norm(self, name: str, channels: int, gain: float = 1) -> None:
        """Makes a batch norm; `calibrated` sets its running mean and variance."""
        self.weights[f"{name}.weight"] = np.abs(self.normal((channels,), 0.2 * gain, gain))
        self.weights[f"{name}.bias"] = self.normal((channels,), 0.2)
        self.weights[f"{name}.running_mean"] = np.zeros(channels, np.float32)
        self.weights[f"{name}.running_var"] = np.ones(channels, np.float32)

    def uniform(self, *shape: int, low: float = 0, high: float = 1) -> torch.Tensor:
        """A random input, uniform in low..high."""
        return torch.from_numpy((low + (high - low) * self.random.random(shape, np.float32)).astype(np.float32))

    def noise(self, *shape: int) -> torch.Tensor:
        """A random input, standard normal."""
        return torch.from_numpy(self.normal(shape, 1))

    def calibrated(self, forward: Callable[..., torch.Tensor], *inputs: torch.Tensor) -> Weights:
        """The weights, with batch norms fitted to a forward pass over `inputs`.

        Computed in float64, whose rounding does not show in the weights, so that every machine and version of PyTorch
        makes the same weights.
        """
        with torch.no_grad():
            forward(Parameters(self.weights, calibrate=True), *(x.to(torch.float64) for x in inputs), ignore)
        return self.weights

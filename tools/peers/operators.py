"""The operators of single layers in PyTorch, for timing, tracing and float64 results. layers/README.md defines them."""

from __future__ import annotations

from collections.abc import Callable

import torch
import torch.nn.functional as F
from reference.parameters import Parameters, Record

from .layers import Layer

Operator = Callable[[Layer, Parameters, torch.Tensor], torch.Tensor]


def conv2d(layer: Layer, parameters: Parameters, x: torch.Tensor) -> torch.Tensor:
    stride, padding, dilation = layer.pair("s", 1), layer.pair("p", 0), layer.pair("d", 1)
    return F.conv2d(x, parameters.get("weight", x), None, stride, padding, dilation)


def conv2d_transpose(layer: Layer, parameters: Parameters, x: torch.Tensor) -> torch.Tensor:
    return F.conv_transpose2d(x, parameters.get("weight", x), None, layer.pair("s", 1), layer.pair("p", 0))


def max_pool(layer: Layer, parameters: Parameters, x: torch.Tensor) -> torch.Tensor:
    return F.max_pool2d(x, layer.pair("k", 1), layer.pair("s", 1), layer.pair("p", 0))


def pad(layer: Layer, parameters: Parameters, x: torch.Tensor) -> torch.Tensor:
    """Pads H and W to the output's size, at the start by half of the difference, rounded towards 0."""
    differences = [out - side for out, side in zip(layer.pair("out", 0), layer.sides[1:3], strict=True)]
    top, left = (int(difference / 2) for difference in differences)
    return F.pad(x, (left, differences[1] - left, top, differences[0] - top))


def bilinear(layer: Layer, parameters: Parameters, x: torch.Tensor) -> torch.Tensor:
    factor = layer.number("f", 1)
    size = layer.pair("out", 0) if "out" in layer.settings else tuple(factor * side for side in layer.sides[1:3])
    return F.interpolate(x, size=size, mode="bilinear", align_corners=bool(layer.number("align", 0)))


OPERATORS: dict[str, Operator] = {
    "conv2d": conv2d,
    "conv2d_transpose": conv2d_transpose,
    "pointwise": lambda layer, parameters, x: x,
    "max_pool": max_pool,
    "average_pool": lambda layer, parameters, x: F.adaptive_avg_pool2d(x, 1),
    "softmax": lambda layer, parameters, x: F.softmax(x, 1),
    "pad": pad,
    "upsample": lambda layer, parameters, x: F.interpolate(x, scale_factor=float(layer.number("f", 1))),
    "bilinear": bilinear,
}
ACTIVATIONS: dict[str, Callable[[torch.Tensor], torch.Tensor]] = {
    "none": lambda y: y,
    "relu": torch.relu,
    "leaky_relu": lambda y: F.leaky_relu(y, 0.2),
    "tanh": torch.tanh,
    "sigmoid": torch.sigmoid,
}


def forward_of(layer: Layer) -> Callable[..., torch.Tensor]:
    """forward(parameters, x, record), or with a residual forward(parameters, x, residual, record)."""
    compute, activate = OPERATORS[layer.op], ACTIVATIONS[layer.settings.get("act", "none")]

    def forward(parameters: Parameters, x: torch.Tensor, *others: torch.Tensor | Record) -> torch.Tensor:
        y = compute(layer, parameters, x)
        for residual in others[:-1]:
            y = y + residual
        return activate(y)

    return forward

"""EnhanceNet: 4x super-resolution.

Source: msmsajjadi/EnhanceNet-Code `enhancenet.py` (Sajjadi, Schoelkopf, Hirsch 2017) and TensorFlow 1's
tensorflow/core/kernels/image/resize_bicubic_op.cc.
"""

from __future__ import annotations

import itertools

import torch
import torch.nn.functional as F

from .parameters import Maker, Parameters, Record, Weights

MEAN = (0.47614917, 0.45001204, 0.40904046)


def bicubic_matrix(size: int, factor: int) -> torch.Tensor:
    """TensorFlow 1's bicubic enlargement of one axis as a matrix, (factor * size) x size.

    Keys' kernel with A = -0.75, legacy coordinates (source = destination / factor), edges clamped.
    """

    def kernel(t: float, a: float = -0.75) -> float:
        return ((a + 2) * t - (a + 3)) * t * t + 1 if t <= 1 else ((a * t - 5 * a) * t + 8 * a) * t - 4 * a

    matrix = torch.zeros(factor * size, size, dtype=torch.float64)
    for out in range(factor * size):
        whole, fraction = out // factor, out % factor / factor
        for tap in range(-1, 3):
            matrix[out, min(max(whole + tap, 0), size - 1)] += kernel(abs(tap - fraction))
    return matrix


def layer_name(number: int) -> str:
    return f"generator/Conv_{number}" if number else "generator/Conv"


def forward(p: Parameters, rgb: torch.Tensor, record: Record) -> torch.Tensor:
    """N x 3 x H x W in 0..1 to N x 3 x 4H x 4W, from `generator/Conv*` tensors (HWIO)."""
    convolutions = len(p.weights) // 2
    names = map(layer_name, range(convolutions))

    def conv(x: torch.Tensor) -> tuple[str, torch.Tensor]:
        name = next(names)
        kernel = p.get(f"{name}/weights", x).permute(3, 2, 0, 1)
        return name, F.conv2d(x, kernel, p.get(f"{name}/biases", x), padding=1)

    def conv_relu(x: torch.Tensor) -> torch.Tensor:
        name, y = conv(x)
        return record(f"{name}/relu", F.relu(y))

    mean = torch.tensor(MEAN, dtype=rgb.dtype).view(1, 3, 1, 1)
    centred = record("rgb/shift", rgb - mean)
    x = conv_relu(centred)
    for _ in range((convolutions - 5) // 2):
        name, y = conv(conv_relu(x))
        x = record(f"{name}/add", y + x)
    for _ in range(2):
        x = conv_relu(F.interpolate(x, scale_factor=2, mode="nearest"))
    x = conv_relu(x)
    rows, columns = (bicubic_matrix(side, 4).to(rgb.dtype) for side in rgb.shape[2:])
    enlarged = record("rgb/shift/bicubic", torch.einsum("oh,nchw,pw->ncop", rows, centred, columns))
    name, y = conv(x)
    return record(f"{name}/add/shift", y + enlarged + mean)


def random_weights(seed: int, width: int = 64, blocks: int = 10) -> Weights:
    make = Maker(seed)
    channels = [3] + [width] * (2 * blocks + 4) + [3]
    for number, (ic, oc) in enumerate(itertools.pairwise(channels)):
        # A block's second convolution is scaled down: otherwise its sum with the input grows from block to block.
        gain = 0.3 if 0 < number <= 2 * blocks and number % 2 == 0 else 1
        name = layer_name(number)
        make.weights[f"{name}/weights"] = make.normal((3, 3, ic, oc), gain * (2 / (9 * ic)) ** 0.5)
        make.weights[f"{name}/biases"] = make.normal((oc,), 0.1)
    return make.weights

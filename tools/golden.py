#!/usr/bin/env python3
"""Writes the small references that the C tests hold each graph against, node by node.

    python3 tools/golden.py enhancenet -o tests/goldens

Needs PyTorch and NumPy (an environment of their own; `make test` needs neither). For every graph a weights file of
small width, random with a fixed seed, and beside it a file of inputs, named intermediates and outputs, computed in
float64 and stored as float32. Both are safetensors; the reference tensors are NCHW and named CASE/NODE after the
engine's nodes, in the order of execution (limn inspect lists them).
"""

from __future__ import annotations

import argparse
import pathlib
from collections.abc import Callable

import numpy as np
import torch
import torch.nn.functional as F

from checkpoint import safetensors
from checkpoint.tensor import Tensor

Weights = dict[str, np.ndarray]
Record = Callable[[str, torch.Tensor], torch.Tensor]

MEAN = (0.47614917, 0.45001204, 0.40904046)


def bicubic_matrix(size: int, factor: int) -> torch.Tensor:
    """TensorFlow 1's bicubic enlargement of one axis as a matrix, (factor * size) x size.

    Keys' kernel with A = -0.75, legacy coordinates (source = destination / factor), edges clamped; see
    tensorflow/core/kernels/image/resize_bicubic_op.cc.
    """

    def kernel(t: float, a: float = -0.75) -> float:
        return ((a + 2) * t - (a + 3)) * t * t + 1 if t <= 1 else ((a * t - 5 * a) * t + 8 * a) * t - 4 * a

    matrix = torch.zeros(factor * size, size, dtype=torch.float64)
    for out in range(factor * size):
        whole, fraction = out // factor, out % factor / factor
        for tap in range(-1, 3):
            matrix[out, min(max(whole + tap, 0), size - 1)] += kernel(abs(tap - fraction))
    return matrix


def enhancenet(weights: Weights, rgb: torch.Tensor, record: Record) -> torch.Tensor:
    """EnhanceNet's forward pass, N x 3 x H x W in 0..1 to N x 3 x 4H x 4W, from `generator/Conv*` tensors (HWIO)."""
    convolutions = len(weights) // 2
    numbers = iter(range(convolutions))

    def conv(x: torch.Tensor) -> tuple[str, torch.Tensor]:
        number = next(numbers)
        name = f"generator/Conv_{number}" if number else "generator/Conv"
        kernel = torch.from_numpy(weights[name + "/weights"]).to(x.dtype).permute(3, 2, 0, 1)
        bias = torch.from_numpy(weights[name + "/biases"]).to(x.dtype)
        return name, F.conv2d(x, kernel, bias, padding=1)

    def conv_relu(x: torch.Tensor) -> torch.Tensor:
        name, y = conv(x)
        return record(name + "/relu", F.relu(y))

    mean = torch.tensor(MEAN, dtype=rgb.dtype).view(1, 3, 1, 1)
    centred = record("rgb/shift", rgb - mean)
    x = conv_relu(centred)
    for _ in range((convolutions - 5) // 2):
        name, y = conv(conv_relu(x))
        x = record(name + "/add", y + x)
    for _ in range(2):
        x = conv_relu(F.interpolate(x, scale_factor=2, mode="nearest"))
    x = conv_relu(x)
    rows, columns = (bicubic_matrix(side, 4).to(rgb.dtype) for side in rgb.shape[2:])
    enlarged = record("rgb/shift/bicubic", torch.einsum("oh,nchw,pw->ncop", rows, centred, columns))
    name, y = conv(x)
    return record(name + "/add/shift", y + enlarged + mean)


def enhancenet_weights(random: np.random.Generator, width: int, blocks: int) -> Weights:
    """Random weights of EnhanceNet's form, scaled so that activations keep their size from layer to layer."""
    channels = [3] + [width] * (2 * blocks + 4) + [3]
    weights = {}
    for number, (inputs, outputs) in enumerate(zip(channels, channels[1:])):
        name = f"generator/Conv_{number}" if number else "generator/Conv"
        kernel = random.standard_normal((3, 3, inputs, outputs)) * (2 / (9 * inputs)) ** 0.5
        weights[name + "/weights"] = kernel.astype(np.float32)
        weights[name + "/biases"] = (0.1 * random.standard_normal(outputs)).astype(np.float32)
    return weights


def write_enhancenet(folder: pathlib.Path) -> None:
    random = np.random.default_rng(7)
    weights = enhancenet_weights(random, width=5, blocks=1)
    references: dict[str, np.ndarray] = {}
    for case, shape in enumerate([(1, 3, 7, 5), (2, 3, 4, 6), (1, 3, 1, 1)]):
        rgb = random.random(shape, dtype=np.float32)
        references[f"{case}/rgb"] = rgb

        def record(name: str, value: torch.Tensor, case: int = case) -> torch.Tensor:
            references[f"{case}/{name}"] = value.numpy().astype(np.float32)
            return value

        enhancenet(weights, torch.from_numpy(rgb.astype(np.float64)), record)
    write(folder / "enhancenet.safetensors", weights, {"limn.model": "enhancenet", "limn.format": "1"})
    write(folder / "enhancenet.golden.safetensors", references, {})


def write(path: pathlib.Path, arrays: dict[str, np.ndarray], metadata: dict[str, str]) -> None:
    tensors = {name: Tensor("F32", array.shape, lambda a=array: a.astype("<f4")) for name, array in arrays.items()}
    safetensors.write(path, tensors, metadata, force=True)


GRAPHS = {"enhancenet": write_enhancenet}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("graph", choices=GRAPHS, nargs="+")
    parser.add_argument("-o", "--output", type=pathlib.Path, required=True, help="folder to write to")
    arguments = parser.parse_args()
    arguments.output.mkdir(parents=True, exist_ok=True)
    for graph in arguments.graph:
        GRAPHS[graph](arguments.output)


if __name__ == "__main__":
    main()

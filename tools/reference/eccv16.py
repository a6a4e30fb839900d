"""ECCV16: automatic colorization.

Source: richzhang/colorization `colorizers/eccv16.py` (Zhang, Isola, Efros 2016).
"""

from __future__ import annotations

import torch
import torch.nn.functional as F

from .colorizers import block, fill_trunk
from .parameters import Maker, Parameters, Record, Weights


def forward(p: Parameters, lightness: torch.Tensor, record: Record) -> torch.Tensor:
    """L in 0..100, N x 1 x H x W, to ab, N x 2 x 8 ceil(H/8) x 8 ceil(W/8)."""
    x = record("L/scale", (lightness - 50) / 100)
    for number, stride in enumerate((2, 2, 2, 1, 1, 1, 1), start=1):
        x = block(p, x, number, record, stride=stride)
    x = record("model8.0/relu", F.relu(p.conv_transposed(x, "model8.0", stride=2, padding=1)))
    x = record("model8.2/relu", F.relu(p.conv(x, "model8.2")))
    x = record("model8.4/relu", F.relu(p.conv(x, "model8.4")))
    x = record("model8.6", p.conv(x, "model8.6"))
    x = record("model8.6/softmax", F.softmax(x, 1))
    x = p.conv(x, "model_out")
    record("model_out/scale", 110 * x)
    x = F.interpolate(x, scale_factor=4, mode="bilinear", align_corners=False)
    return record("model_out/scale/bilinear", 110 * x)


def fill(make: Maker, base: int, bins: int) -> None:
    fill_trunk(make, 1, base)
    make.conv_transposed("model8.0", 8 * base, 4 * base, 4, stride=2)
    make.conv("model8.2", 4 * base, 4 * base, 3)
    make.conv("model8.4", 4 * base, 4 * base, 3)
    make.conv("model8.6", 4 * base, bins, 1, gain=2)  # so that some of the bins stand out
    make.weights["model_out.weight"] = make.normal((2, bins, 1, 1), 0.5)


def random_weights(seed: int, base: int = 64, bins: int = 313) -> Weights:
    make = Maker(seed)
    fill(make, base, bins)
    return make.calibrated(forward, make.uniform(2, 1, 64, 72, high=100))

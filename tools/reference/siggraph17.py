"""SIGGRAPH17: colorization, automatic or with user hints.

Source: richzhang/colorization `colorizers/siggraph17.py` (Zhang et al. 2017); the mask's centre from
junyanz/interactive-deep-colorization `models/pytorch/model.py`.
"""

from __future__ import annotations

import torch
import torch.nn.functional as F

from .colorizers import block, fill_trunk
from .parameters import Maker, Parameters, Record, Weights


def forward(p: Parameters, lab: torch.Tensor, record: Record, mask_center: float = 0) -> torch.Tensor:
    """L in 0..100, hints a and b, mask 0 or 1 as N x 4 x H x W, H and W multiples of 8, to ab, N x 2 x H x W."""

    def up(x: torch.Tensor, name: str, shortcut: torch.Tensor, across: str) -> torch.Tensor:
        beside = record(across, p.conv(shortcut, across))
        x = p.conv_transposed(x, name, stride=2, padding=1) + beside
        return record(f"{name}/add/relu", F.relu(x))

    lightness, a, b, mask = lab.split(1, 1)
    x = torch.cat([(lightness - 50) / 100, a / 110, b / 110, mask - mask_center], 1)
    x = record("Lab/scale", x)
    one = block(p, x, 1, record)
    two = block(p, record("model1.4/subsample", one[:, :, ::2, ::2]), 2, record)
    three = block(p, record("model2.4/subsample", two[:, :, ::2, ::2]), 3, record)
    x = record("model3.6/subsample", three[:, :, ::2, ::2])
    for number in (4, 5, 6, 7):
        x = block(p, x, number, record)
    x = block(p, up(x, "model8up.0", three, "model3short8.0"), 8, record, first=1)
    x = block(p, up(x, "model9up.0", two, "model2short9.0"), 9, record, first=1)
    x = up(x, "model10up.0", one, "model1short10.0")
    x = record("model10.1/leaky_relu", F.leaky_relu(p.conv(x, "model10.1"), 0.2))
    x = torch.tanh(p.conv(x, "model_out.0"))
    return record("model_out.0/tanh/scale", 110 * x)


def fill(make: Maker, base: int) -> None:
    def up(name: str, ic: int, oc: int, across: str, beside: int) -> None:
        make.conv_transposed(name, ic, oc, 4, stride=2, gain=0.7)
        make.conv(across, beside, oc, 3, gain=0.7)

    fill_trunk(make, 4, base)
    up("model8up.0", 8 * base, 4 * base, "model3short8.0", 4 * base)
    make.conv("model8.1", 4 * base, 4 * base, 3)
    make.conv("model8.3", 4 * base, 4 * base, 3)
    make.norm("model8.5", 4 * base)
    up("model9up.0", 4 * base, 2 * base, "model2short9.0", 2 * base)
    make.conv("model9.1", 2 * base, 2 * base, 3)
    make.norm("model9.3", 2 * base)
    up("model10up.0", 2 * base, 2 * base, "model1short10.0", base)
    make.conv("model10.1", 2 * base, 2 * base, 3)
    make.conv("model_out.0", 2 * base, 2, 1, gain=0.5)


def hinted(make: Maker, batch: int, height: int, width: int) -> torch.Tensor:
    """A random input with hints on about a tenth of the pixels; a and b are 0 elsewhere."""
    lightness = make.uniform(batch, 1, height, width, high=100)
    mask = (make.uniform(batch, 1, height, width) < 0.1).to(torch.float32)
    colours = make.uniform(batch, 2, height, width, low=-100, high=100)
    return torch.cat([lightness, colours * mask, mask], 1)


def random_weights(seed: int, base: int = 64, mask_center: float = 0) -> Weights:
    make = Maker(seed)
    fill(make, base)
    inputs = hinted(make, 2, 48, 56)
    return make.calibrated(lambda p, x, record: forward(p, x, record, mask_center), inputs)

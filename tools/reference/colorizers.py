"""model1 to model7, which both colorizers share.

Source: richzhang/colorization `colorizers/eccv16.py`, `colorizers/siggraph17.py`.
"""

from __future__ import annotations

import torch
import torch.nn.functional as F

from .parameters import Maker, Parameters, Record

# Width as a multiple of the base (64 in the published files), convolutions, dilation; of model1, model2, ...
TRUNK = ((1, 2, 1), (2, 2, 1), (4, 3, 1), (8, 3, 1), (8, 3, 2), (8, 3, 2), (8, 3, 1))


def block(p: Parameters, x: torch.Tensor, number: int, record: Record, first: int = 0, stride: int = 1) -> torch.Tensor:
    """Convolutions model{number}.{first}, {first + 2}, .. with ReLU, then batch norm. The last one has the stride."""
    dilation = TRUNK[number - 1][2] if number <= len(TRUNK) else 1
    index = first
    while f"model{number}.{index + 2}.running_mean" not in p:
        x = record(f"model{number}.{index}/relu", F.relu(p.conv(x, f"model{number}.{index}", dilation=dilation)))
        index += 2
    x = F.relu(p.conv(x, f"model{number}.{index}", stride, dilation=dilation))
    return record(f"model{number}.{index + 2}", p.norm(x, f"model{number}.{index + 2}"))


def fill_trunk(make: Maker, inputs: int, base: int) -> None:
    ic = inputs
    for number, (widths, convolutions, _) in enumerate(TRUNK, start=1):
        for i in range(convolutions):
            make.conv(f"model{number}.{2 * i}", ic, widths * base, 3)
            ic = widths * base
        make.norm(f"model{number}.{2 * convolutions}", ic)

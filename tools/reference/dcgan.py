"""The generator of DCGAN: pictures from noise.

Source: pytorch/examples `dcgan/main.py` (Radford, Metz, Chintala 2016).
"""

from __future__ import annotations

import itertools

import torch
import torch.nn.functional as F

from .parameters import Maker, Parameters, Record, Weights


def forward(p: Parameters, z: torch.Tensor, record: Record) -> torch.Tensor:
    """N x nz x 1 x 1 to N x C x S x S in -1..1, S = 2^(stages + 1)."""
    x = p.conv_transposed(z, "main.0")
    place = 1
    while f"main.{place}.weight" in p:
        x = record(f"main.{place}/relu", F.relu(p.norm(x, f"main.{place}")))
        x = p.conv_transposed(x, f"main.{place + 2}", stride=2, padding=1)
        place += 3
    return record(f"main.{place - 1}/tanh", torch.tanh(x))


def random_weights(seed: int, nz: int = 100, base: int = 64, channels: int = 3, stages: int = 5) -> Weights:
    make = Maker(seed)
    widths = [nz] + [base << stages - 2 - stage for stage in range(stages - 1)] + [channels]
    for stage, (ic, oc) in enumerate(itertools.pairwise(widths)):
        last = stage == stages - 1
        make.conv_transposed(
            f"main.{3 * stage}", ic, oc, 4, bias=False, stride=2 if stage else 4, gain=0.5 if last else 1
        )
        if not last:
            make.norm(f"main.{3 * stage + 1}", oc)
    return make.calibrated(forward, make.noise(16, nz, 1, 1))

"""Plots the time of each layer of DCGAN's generator in limn and in PyTorch: python layer_times.py OUT.png"""

import sys
import time

import matplotlib.pyplot as plt
import numpy as np
import torch
from torch import nn

import limnet

WIDTHS = [100, 512, 256, 128, 64, 3]


def block(index: int) -> list[nn.Module]:
    """The layers that limn computes in one step."""
    stride, padding = (1, 0) if index == 0 else (2, 1)
    layers: list[nn.Module] = [nn.ConvTranspose2d(WIDTHS[index], WIDTHS[index + 1], 4, stride, padding, bias=False)]
    if index < len(WIDTHS) - 2:
        return [*layers, nn.BatchNorm2d(WIDTHS[index + 1]), nn.ReLU()]
    return [*layers, nn.Tanh()]


blocks = [block(index) for index in range(len(WIDTHS) - 1)]
generator = nn.Sequential(*(layer for layers in blocks for layer in layers)).eval()
z = np.random.default_rng(0).standard_normal((16, WIDTHS[0], 1, 1)).astype(np.float32)

rows = [row for row in limnet.Model.from_torch(generator).times(z) if row["op"].startswith("conv")]

torch_ms = np.full(len(blocks), np.inf)
with torch.no_grad():
    for _ in range(6):
        x = torch.from_numpy(z)
        for index, layers in enumerate(blocks):
            start = time.perf_counter()
            x = nn.Sequential(*layers)(x)
            torch_ms[index] = min(torch_ms[index], 1e3 * (time.perf_counter() - start))

figure, axis = plt.subplots(figsize=(8, 4), layout="tight")
places = np.arange(len(blocks))
axis.barh(places - 0.2, [1e3 * row["seconds"] for row in rows], 0.4, label="limn")
axis.barh(places + 0.2, torch_ms, 0.4, label="PyTorch")
axis.set_yticks(places, [f"{row['node']} {row['output']}" for row in rows])
axis.invert_yaxis()
axis.set_xlabel("ms")
axis.legend()
figure.savefig(sys.argv[1])

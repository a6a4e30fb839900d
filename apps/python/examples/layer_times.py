"""Plots the time of each layer of a DCGAN's generator in limn and in PyTorch.

    python layer_times.py OUT.png
"""

import sys
import time
from itertools import pairwise

import matplotlib.pyplot as plt
import numpy as np
import torch
from torch import nn

import limnet

REPEATS = 5


def generator(width: int = 64) -> nn.Module:
    """As in PyTorch's tutorial, for 64 x 64 pixels. A checkpoint goes in by load_state_dict()."""
    layers: list[nn.Module] = []
    channels = [100, 8 * width, 4 * width, 2 * width, width]
    for index, (before, after) in enumerate(pairwise(channels)):
        stride, padding = (2, 1) if index else (1, 0)
        layers += [nn.ConvTranspose2d(before, after, 4, stride, padding, bias=False), nn.BatchNorm2d(after), nn.ReLU()]
    module = nn.Module()
    module.main = nn.Sequential(*layers, nn.ConvTranspose2d(width, 3, 4, 2, 1, bias=False), nn.Tanh())
    return module.eval()


@torch.inference_mode()
def torch_times(layers: nn.Sequential, x: torch.Tensor) -> list[float]:
    """Seconds of each convolution with what follows it, as limn runs them."""
    times: list[float] = []
    for layer in layers:
        if isinstance(layer, nn.ConvTranspose2d):
            times.append(0)
        start = time.perf_counter()
        x = layer(x)
        times[-1] += time.perf_counter() - start
    return times


module = generator()
x = np.random.default_rng(0).standard_normal((16, 100, 1, 1), np.float32)
rows = limnet.Model.from_torch(module).times(x, repeats=REPEATS)
limn = [row["seconds"] for row in rows]
torch_times(module.main, torch.from_numpy(x))  # the first run is slower
pytorch = np.min([torch_times(module.main, torch.from_numpy(x)) for _ in range(REPEATS)], axis=0)

figure, axis = plt.subplots(figsize=(8, 4), layout="tight")
places = np.arange(len(limn))
axis.barh(places - 0.2, 1e3 * np.array(limn), 0.4, label=f"limn, {1e3 * sum(limn):.1f} ms")
axis.barh(places + 0.2, 1e3 * pytorch, 0.4, label=f"PyTorch, {1e3 * sum(pytorch):.1f} ms")
axis.set_yticks(places, [row["node"] for row in rows])
axis.invert_yaxis()
axis.set_xlabel("ms for 16 pictures")
axis.legend()
figure.savefig(sys.argv[1])

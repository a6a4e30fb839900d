"""Plots the time of each layer of a U-Net in limn, and of the whole run in limn and PyTorch.

    python layer_times.py unet.pth OUT.png      # a state dict of milesial/Pytorch-UNet, whose folder is on PYTHONPATH
"""

import sys
import time

import matplotlib.pyplot as plt
import numpy as np
import torch
from unet import UNet

import limnet

state = torch.load(sys.argv[1], map_location="cpu", weights_only=True)
module = UNet(3, state["outc.conv.weight"].shape[0]).eval()
module.load_state_dict({name: value for name, value in state.items() if name != "mask_values"})
x = np.random.default_rng(0).random((1, 3, 256, 256), np.float32)
rows = limnet.Model.from_torch(module).times(x)

with torch.no_grad():
    module(torch.from_numpy(x))
    start = time.perf_counter()
    module(torch.from_numpy(x))
    torch_ms = 1e3 * (time.perf_counter() - start)

times = [1e3 * row["seconds"] for row in rows]
figure, axis = plt.subplots(figsize=(8, 0.25 * len(rows) + 1), layout="tight")
axis.barh([row["node"] for row in rows], times)
axis.invert_yaxis()
axis.set_xlabel("ms")
axis.set_title(f"limn {sum(times):.0f} ms, PyTorch {torch_ms:.0f} ms")
figure.savefig(sys.argv[2])

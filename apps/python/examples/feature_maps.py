"""Draws the first feature maps of a layer with matplotlib: python feature_maps.py PHOTO NODE OUT.png"""

import sys

import matplotlib.pyplot as plt
import numpy as np
from PIL import Image

import limnet

photo, node, output = sys.argv[1:]
model = limnet.Model("enhancenet")
pixels = np.asarray(Image.open(photo).convert("RGB"), np.float32) / 255
maps = model.values(pixels.transpose(2, 0, 1)[np.newaxis], nodes=[node])[node][0]

figure, axes = plt.subplots(4, 4, figsize=(10, 10), layout="tight")
for axis, values in zip(axes.flat, maps, strict=False):
    axis.imshow(values, cmap="gray")
for axis in axes.flat:
    axis.axis("off")
figure.suptitle(f"{node}: {len(maps)} maps of {maps.shape[1]} x {maps.shape[2]}")
figure.savefig(output)

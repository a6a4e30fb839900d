"""U-Net: segmentation.

Source: milesial/Pytorch-UNet `unet/unet_parts.py`, `unet/unet_model.py` (Ronneberger, Fischer, Brox 2015).
"""

from __future__ import annotations

import torch
import torch.nn.functional as F

from .parameters import Maker, Parameters, Record, Weights


def forward(p: Parameters, x: torch.Tensor, record: Record) -> torch.Tensor:
    """N x C x H x W in 0..1, H and W at least 16, to N x classes x H x W logits."""

    def double_conv(x: torch.Tensor, name: str) -> torch.Tensor:
        for index in (0, 3):
            conv, norm = f"{name}.double_conv.{index}", f"{name}.double_conv.{index + 1}"
            x = record(f"{norm}/relu", F.relu(p.norm(p.conv(x, conv), norm)))
        return x

    def down(x: torch.Tensor, number: int, name: str) -> torch.Tensor:
        x = record(f"{name}.double_conv.4/relu/max_pool", F.max_pool2d(x, 2))
        return double_conv(x, f"down{number}.maxpool_conv.1")

    def up(x: torch.Tensor, skip: torch.Tensor, number: int, name: str) -> torch.Tensor:
        if "up1.up.weight" in p:
            name = f"up{number}.up"
            x = p.conv_transposed(x, name, stride=2)
        else:
            name = f"{name}.double_conv.4/relu/bilinear"
            x = F.interpolate(x, scale_factor=2, mode="bilinear", align_corners=True)
        record(name, x)
        high, wide = skip.shape[2] - x.shape[2], skip.shape[3] - x.shape[3]
        x = F.pad(x, [wide // 2, wide - wide // 2, high // 2, high - high // 2])
        if high or wide:
            record(f"{name}/pad", x)
        return double_conv(torch.cat([skip, x], 1), f"up{number}.conv")

    one = double_conv(x, "inc")
    two = down(one, 1, "inc")
    three = down(two, 2, "down1.maxpool_conv.1")
    four = down(three, 3, "down2.maxpool_conv.1")
    x = down(four, 4, "down3.maxpool_conv.1")
    x = up(x, four, 1, "down4.maxpool_conv.1")
    x = up(x, three, 2, "up1.conv")
    x = up(x, two, 3, "up2.conv")
    x = up(x, one, 4, "up3.conv")
    return record("outc.conv", p.conv(x, "outc.conv"))


def fill(make: Maker, base: int, channels: int, classes: int, bilinear: bool, bias: bool) -> None:
    def double_conv(name: str, ic: int, middle: int, oc: int) -> None:
        make.conv(f"{name}.double_conv.0", ic, middle, 3, bias)
        make.norm(f"{name}.double_conv.1", middle)
        make.conv(f"{name}.double_conv.3", middle, oc, 3, bias)
        make.norm(f"{name}.double_conv.4", oc)

    half = 2 if bilinear else 1
    double_conv("inc", channels, base, base)
    widths = [base << number for number in range(4)] + [16 * base // half]
    for number in (1, 2, 3, 4):
        double_conv(f"down{number}.maxpool_conv.1", widths[number - 1], widths[number], widths[number])
    for number in (1, 2, 3, 4):
        skip = 8 * base >> number - 1
        if bilinear:
            double_conv(f"up{number}.conv", 2 * skip, skip, skip // 2 if number < 4 else skip)
        else:
            make.conv_transposed(f"up{number}.up", 2 * skip, skip, 2, stride=2)
            double_conv(f"up{number}.conv", 2 * skip, skip, skip)
    make.conv("outc.conv", base, classes, 1)


def random_weights(
    seed: int, base: int = 64, channels: int = 3, classes: int = 2, bilinear: bool = False, bias: bool = False
) -> Weights:
    make = Maker(seed)
    fill(make, base, channels, classes, bilinear, bias)
    return make.calibrated(forward, make.uniform(2, channels, 48, 64))

"""DeepLabV3 on a ResNet with bottleneck blocks: semantic segmentation.

Source: torchvision `models/segmentation/deeplabv3.py`, `models/segmentation/_utils.py`, `models/resnet.py`.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
import torch.nn.functional as F

from .parameters import Maker, Parameters, Record, Weights

RESNET50, RESNET101 = (3, 4, 6, 3), (3, 4, 23, 3)
STRIDES, DILATIONS = (1, 2, 1, 1), (1, 1, 2, 4)  # of the four stages: replace_stride_with_dilation = (F, T, T)
ASPP_DILATIONS = (12, 24, 36)


def forward(p: Parameters, rgb: torch.Tensor, record: Record) -> torch.Tensor:
    """N x 3 x H x W, normalised RGB, to N x classes x H x W logits."""

    def conv_norm_relu(x: torch.Tensor, conv: str, norm: str, **how: int) -> torch.Tensor:
        return record(f"{norm}/relu", F.relu(p.norm(p.conv(x, conv, **how), norm)))

    def bottleneck(x: torch.Tensor, block: str, stride: int, dilation: int) -> torch.Tensor:
        shortcut = x
        if f"{block}.downsample.0.weight" in p:
            shortcut = p.norm(p.conv(x, f"{block}.downsample.0", stride), f"{block}.downsample.1")
            record(f"{block}.downsample.1", shortcut)
        y = conv_norm_relu(x, f"{block}.conv1", f"{block}.bn1")
        y = conv_norm_relu(y, f"{block}.conv2", f"{block}.bn2", stride=stride, dilation=dilation)
        y = p.norm(p.conv(y, f"{block}.conv3"), f"{block}.bn3")
        return record(f"{block}.bn3/add/relu", F.relu(y + shortcut))

    def aspp(x: torch.Tensor) -> torch.Tensor:
        views = [conv_norm_relu(x, "classifier.0.convs.0.0", "classifier.0.convs.0.1")]
        for i, dilation in enumerate(ASPP_DILATIONS, start=1):
            views.append(conv_norm_relu(x, f"classifier.0.convs.{i}.0", f"classifier.0.convs.{i}.1", dilation=dilation))
        mean = F.adaptive_avg_pool2d(x, 1)
        mean = conv_norm_relu(mean, "classifier.0.convs.4.1", "classifier.0.convs.4.2")
        views.append(F.interpolate(mean, x.shape[2:], mode="bilinear", align_corners=False))
        return conv_norm_relu(torch.cat(views, 1), "classifier.0.project.0", "classifier.0.project.1")

    x = conv_norm_relu(rgb, "backbone.conv1", "backbone.bn1", stride=2)
    x = record("backbone.bn1/relu/max_pool", F.max_pool2d(x, 3, 2, 1))
    before = 1
    for stage, (stride, dilation) in enumerate(zip(STRIDES, DILATIONS, strict=True), start=1):
        block = 0
        while f"backbone.layer{stage}.{block}.conv1.weight" in p:
            name = f"backbone.layer{stage}.{block}"
            x = bottleneck(x, name, 1 if block else stride, dilation if block else before)
            block += 1
        before = dilation
    x = aspp(x)
    x = conv_norm_relu(x, "classifier.1", "classifier.2")
    x = record("classifier.4", p.conv(x, "classifier.4"))
    return record("classifier.4/bilinear", F.interpolate(x, rgb.shape[2:], mode="bilinear", align_corners=False))


def fill(make: Maker, blocks: Sequence[int], base: int, head: int, classes: int) -> None:
    def conv_norm(conv: str, norm: str, ic: int, oc: int, kernel: int, gain: float = 1) -> None:
        make.conv(conv, ic, oc, kernel, bias=False)
        make.norm(norm, oc, gain)

    conv_norm("backbone.conv1", "backbone.bn1", 3, base, 7)
    ic = base
    for stage, count in enumerate(blocks):
        middle, oc = base << stage, base << stage + 2
        for number in range(count):
            block = f"backbone.layer{stage + 1}.{number}"
            conv_norm(f"{block}.conv1", f"{block}.bn1", ic, middle, 1)
            conv_norm(f"{block}.conv2", f"{block}.bn2", middle, middle, 3)
            conv_norm(f"{block}.conv3", f"{block}.bn3", middle, oc, 1, gain=0.5)  # keeps the sums of many blocks small
            if number == 0:
                conv_norm(f"{block}.downsample.0", f"{block}.downsample.1", ic, oc, 1)
            ic = oc
    for branch, kernel in enumerate((1, 3, 3, 3)):
        conv_norm(f"classifier.0.convs.{branch}.0", f"classifier.0.convs.{branch}.1", ic, head, kernel)
    conv_norm("classifier.0.convs.4.1", "classifier.0.convs.4.2", ic, head, 1)
    conv_norm("classifier.0.project.0", "classifier.0.project.1", 5 * head, head, 1)
    conv_norm("classifier.1", "classifier.2", head, head, 3)
    make.conv("classifier.4", head, classes, 1)


def random_weights(
    seed: int,
    blocks: Sequence[int] = RESNET101,
    base: int = 64,
    head: int = 256,
    classes: int = 21,
    size: tuple[int, int, int] = (2, 65, 81),
) -> Weights:
    make = Maker(seed)
    fill(make, blocks, base, head, classes)
    batch, height, width = size
    return make.calibrated(forward, make.noise(batch, 3, height, width))

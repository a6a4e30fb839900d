"""The tensors of the seven graphs in their checkpoints: names and shapes.

Each function is the architecture table of its network. Widths, depths and class counts are read from the tensors;
what follows from the architecture (a batch norm is as wide as the convolution before it) is stated here.
"""

from __future__ import annotations

import re
from collections.abc import Mapping

from .tensor import CheckpointError


class Layout:
    """Collects the names and shapes that a graph expects, with widths read from `shapes`, the tensors in the file.

    `foreign` maps the names of objects that cannot be read to the classes that made them. `ic` and `oc` are input and
    output channels. A PyTorch convolution stores OC x IC x KH x KW, a transposed one IC x OC x KH x KW.
    """

    def __init__(self, shapes: Mapping[str, tuple[int, ...]], foreign: Mapping[str, str]) -> None:
        self.shapes = shapes
        self.foreign = foreign
        self.names = {*shapes, *foreign}
        self.expected: dict[str, tuple[int, ...]] = {}

    def width(self, name: str, axis: int) -> int:
        """The size of one axis of a 4-D weight. Raises CheckpointError if the file does not have it."""
        if name in self.foreign:
            raise CheckpointError(f"tensor {name}: made by {self.foreign[name]}, which is not executed")
        shape = self.shapes.get(name)
        if shape is None:
            raise CheckpointError(f"tensor {name}: missing; the graph's widths are read from it")
        if len(shape) != 4 or 0 in shape:
            raise CheckpointError(f"tensor {name}: shape {list(shape)}, expected 4 sizes above 0")
        return shape[axis]

    def last(self, stem: str) -> int:
        """The highest N below 1000 for which the file has a tensor within `stem`N; 0 if there is none."""
        pattern = re.compile(re.escape(stem) + r"(0|[1-9]\d{0,2})[./]")
        return max((int(match[1]) for match in map(pattern.match, self.names) if match), default=0)

    def conv(self, name: str, ic: int, oc: int, kernel: int, bias: bool = True) -> None:
        self.expected[f"{name}.weight"] = (oc, ic, kernel, kernel)
        if bias:
            self.expected[f"{name}.bias"] = (oc,)

    def conv_transposed(self, name: str, ic: int, oc: int, kernel: int, bias: bool = True) -> None:
        self.expected[f"{name}.weight"] = (ic, oc, kernel, kernel)
        if bias:
            self.expected[f"{name}.bias"] = (oc,)

    def norm(self, name: str, channels: int) -> None:
        for part in ("weight", "bias", "running_mean", "running_var"):
            self.expected[f"{name}.{part}"] = (channels,)


def deeplabv3(t: Layout) -> None:
    """torchvision's `deeplabv3_resnet50` and `_resnet101`: any depth of its four stages, any number of classes."""

    def conv_norm(conv: str, norm: str, ic: int, oc: int, kernel: int) -> None:
        t.conv(conv, ic, oc, kernel, bias=False)
        t.norm(norm, oc)

    if "backbone.0.0.weight" in t.names:  # the first layer of torchvision's MobileNetV3
        raise CheckpointError("a DeepLabV3 or LR-ASPP on MobileNet, expected a DeepLabV3 on ResNet-50 or ResNet-101")
    base = t.width("backbone.conv1.weight", 0)
    conv_norm("backbone.conv1", "backbone.bn1", 3, base, 7)
    ic = base
    for stage in range(4):
        middle, oc = base << stage, base << stage + 2
        layer = f"backbone.layer{stage + 1}"
        for number in range(t.last(f"{layer}.") + 1):
            block = f"{layer}.{number}"
            conv_norm(f"{block}.conv1", f"{block}.bn1", ic, middle, 1)
            conv_norm(f"{block}.conv2", f"{block}.bn2", middle, middle, 3)
            conv_norm(f"{block}.conv3", f"{block}.bn3", middle, oc, 1)
            if number == 0:
                conv_norm(f"{block}.downsample.0", f"{block}.downsample.1", ic, oc, 1)
            ic = oc

    head = t.width("classifier.0.convs.0.0.weight", 0)
    for branch, kernel in enumerate((1, 3, 3, 3)):
        conv_norm(f"classifier.0.convs.{branch}.0", f"classifier.0.convs.{branch}.1", ic, head, kernel)
    conv_norm("classifier.0.convs.4.1", "classifier.0.convs.4.2", ic, head, 1)  # index 0 is the pooling
    conv_norm("classifier.0.project.0", "classifier.0.project.1", 5 * head, head, 1)
    conv_norm("classifier.1", "classifier.2", head, head, 3)
    t.conv("classifier.4", head, t.width("classifier.4.weight", 0), 1)


def _colorizer_trunk(t: Layout, inputs: int) -> int:
    """model1 to model7, which both colorizers share. Returns the base width."""
    base = t.width("model1.0.weight", 0)
    ic = inputs
    for stage, (widths, convs) in enumerate(((1, 2), (2, 2), (4, 3), (8, 3), (8, 3), (8, 3), (8, 3)), start=1):
        oc = base * widths
        for number in range(convs):
            t.conv(f"model{stage}.{2 * number}", ic, oc, 3)
            ic = oc
        t.norm(f"model{stage}.{2 * convs}", oc)
    return base


def eccv16(t: Layout) -> None:
    """richzhang/colorization `eccv16.py`."""
    base = _colorizer_trunk(t, 1)
    bins = t.width("model8.6.weight", 0)
    t.conv_transposed("model8.0", 8 * base, 4 * base, 4)
    t.conv("model8.2", 4 * base, 4 * base, 3)
    t.conv("model8.4", 4 * base, 4 * base, 3)
    t.conv("model8.6", 4 * base, bins, 1)
    t.conv("model_out", bins, 2, 1, bias=False)


def siggraph17(t: Layout) -> None:
    """richzhang/colorization `siggraph17.py`."""
    base = _colorizer_trunk(t, 4)
    t.conv_transposed("model8up.0", 8 * base, 4 * base, 4)
    t.conv("model3short8.0", 4 * base, 4 * base, 3)
    t.conv("model8.1", 4 * base, 4 * base, 3)
    t.conv("model8.3", 4 * base, 4 * base, 3)
    t.norm("model8.5", 4 * base)
    t.conv_transposed("model9up.0", 4 * base, 2 * base, 4)
    t.conv("model2short9.0", 2 * base, 2 * base, 3)
    t.conv("model9.1", 2 * base, 2 * base, 3)
    t.norm("model9.3", 2 * base)
    t.conv_transposed("model10up.0", 2 * base, 2 * base, 4)
    t.conv("model1short10.0", base, 2 * base, 3)
    t.conv("model10.1", 2 * base, 2 * base, 3)
    t.conv("model_out.0", 2 * base, 2, 1)


def vae(t: Layout) -> None:
    """aditya12agd5/pytorch_divcolor `vae.py`. The colour encoder is optional; only --encode runs it."""
    base = t.width("cond_enc_conv1.weight", 0)
    latent = t.width("dec_conv1.weight", 1) - 8 * base
    if latent <= 0:
        raise CheckpointError(f"tensor dec_conv1.weight: no inputs left for a latent after {8 * base} grey features")

    def encoder(prefix: str, inputs: int) -> None:
        widths = (inputs, base, 2 * base, 4 * base, 8 * base)
        for number, kernel in enumerate((5, 5, 5, 3), start=1):
            t.conv(f"{prefix}enc_conv{number}", widths[number - 1], widths[number], kernel)
            t.norm(f"{prefix}enc_bn{number}", widths[number])

    encoder("cond_", 1)
    t.conv("dec_conv1", 8 * base + latent, 4 * base, 3)
    t.conv("dec_conv2", 8 * base, 2 * base, 5)
    t.conv("dec_conv3", 4 * base, base, 5)
    t.conv("dec_conv4", 2 * base, base // 2, 5)
    t.conv("dec_conv5", base // 2, 2, 5)
    for number, channels in enumerate((4 * base, 2 * base, base, base // 2), start=1):
        t.norm(f"dec_bn{number}", channels)
    if any(name.startswith("enc_") for name in t.names):
        encoder("", 2)
        t.expected["enc_fc1.weight"] = (2 * latent, 16 * 8 * base)  # mu and log-variance of a 4 x 4 picture
        t.expected["enc_fc1.bias"] = (2 * latent,)


def unet(t: Layout) -> None:
    """milesial/Pytorch-UNet `unet_parts.py`, transposed or bilinear, with or without biases before the norms.

    The bilinear graph has half as many channels at the bottom, and before 2020 the transposed one had, too.
    """
    base = t.width("inc.double_conv.0.weight", 0)
    bias = "inc.double_conv.0.bias" in t.names
    bilinear = "up1.up.weight" not in t.names
    narrow = bilinear or t.width("up1.up.weight", 0) == 8 * base

    def double_conv(name: str, ic: int, middle: int, oc: int) -> None:
        t.conv(f"{name}.double_conv.0", ic, middle, 3, bias)
        t.norm(f"{name}.double_conv.1", middle)
        t.conv(f"{name}.double_conv.3", middle, oc, 3, bias)
        t.norm(f"{name}.double_conv.4", oc)

    double_conv("inc", t.width("inc.double_conv.0.weight", 1), base, base)
    ic = base
    for number in (1, 2, 3, 4):
        oc = 8 * base if narrow and number == 4 else 2 * ic
        double_conv(f"down{number}.maxpool_conv.1", ic, oc, oc)
        ic = oc
    for number, skip in enumerate((8 * base, 4 * base, 2 * base, base), start=1):
        if not bilinear:
            t.conv_transposed(f"up{number}.up", skip if narrow else 2 * skip, skip, 2)
        if narrow:
            oc = max(skip // 2, base)
            middle = t.width(f"up{number}.conv.double_conv.0.weight", 0)  # it differs between releases
        else:
            oc = middle = skip
        double_conv(f"up{number}.conv", 2 * skip, middle, oc)
    t.conv("outc.conv", base, t.width("outc.conv.weight", 0), 1)


def dcgan(t: Layout) -> None:
    """pytorch/examples `dcgan/main.py`, the generator: any latent size, width, channels and number of stages."""
    if "main.2.weight" in t.names:  # a ReLU in the generator, a convolution in the discriminator
        raise CheckpointError("the names are those of a DCGAN discriminator, expected the generator")
    stages = (t.last("main.") + 2) // 3  # convolutions have every third index, norms the next: the last index is 3n
    if stages == 0:
        raise CheckpointError("a single convolution, main.0, expected a DCGAN generator with 2 or more")
    ic = t.width("main.0.weight", 0)
    oc = t.width("main.0.weight", 1)
    for stage in range(stages):
        t.conv_transposed(f"main.{3 * stage}", ic, oc, 4, bias=False)
        t.norm(f"main.{3 * stage + 1}", oc)
        ic, oc = oc, oc // 2
    t.conv_transposed(f"main.{3 * stages}", ic, t.width(f"main.{3 * stages}.weight", 1), 4, bias=False)


def enhancenet(t: Layout) -> None:
    """msmsajjadi/EnhanceNet-Code `enhancenet.py`: TensorFlow's names, HWIO weights, any width, any number of blocks."""
    width = t.width("generator/Conv/weights", 3)
    last = t.last("generator/Conv_")
    # One convolution, two per residual block, one after each of the two upsamplings, two more at the end.
    if last < 4 or last % 2 != 0:
        raise CheckpointError(f"{last + 1} convolutions, expected 5 and 2 per residual block")
    for number in range(last + 1):
        name = f"generator/Conv_{number}" if number > 0 else "generator/Conv"
        ic = 3 if number == 0 else width
        oc = 3 if number == last else width
        t.expected[f"{name}/weights"] = (3, 3, ic, oc)
        t.expected[f"{name}/biases"] = (oc,)

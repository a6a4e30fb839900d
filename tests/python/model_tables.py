"""The tensors of each model, small, written down from the papers' tables independently of the converter's layouts."""

from __future__ import annotations

import itertools

import numpy as np

Shapes = dict[str, tuple[int, ...]]


def weights(shapes: Shapes, seed: int = 1) -> dict[str, np.ndarray]:
    """Random float32 values of these shapes."""
    generator = np.random.default_rng(seed)
    return {name: generator.standard_normal(shape).astype("<f4") for name, shape in shapes.items()}


def norm(name: str, channels: int) -> Shapes:
    return {f"{name}.{part}": (channels,) for part in ("weight", "bias", "running_mean", "running_var")}


def convs(rows: str) -> Shapes:
    """One convolution a line, `NAME OC IC KH KW`, and its bias."""
    shapes: Shapes = {}
    for row in rows.split("\n"):
        if row.strip():
            name, *sizes = row.split()
            shapes[f"{name}.weight"] = tuple(map(int, sizes))
            shapes[f"{name}.bias"] = (int(sizes[0]),)
    return shapes


def deeplabv3(blocks: tuple[int, ...], classes: int) -> Shapes:
    """Base width 2, head width 3."""
    shapes: Shapes = {"backbone.conv1.weight": (2, 3, 7, 7), **norm("backbone.bn1", 2)}
    ic = 2
    for stage, (count, middle) in enumerate(zip(blocks, (2, 4, 8, 16), strict=True), start=1):
        for number in range(count):
            block = f"backbone.layer{stage}.{number}"
            for conv, oc, inputs, size in ((1, middle, ic, 1), (2, middle, middle, 3), (3, 4 * middle, middle, 1)):
                shapes[f"{block}.conv{conv}.weight"] = (oc, inputs, size, size)
                shapes |= norm(f"{block}.bn{conv}", oc)
            if number == 0:
                shapes[f"{block}.downsample.0.weight"] = (4 * middle, ic, 1, 1)
                shapes |= norm(f"{block}.downsample.1", 4 * middle)
            ic = 4 * middle
    for conv, bn, inputs, size in (
        ("0.convs.0.0", "0.convs.0.1", 64, 1),
        ("0.convs.1.0", "0.convs.1.1", 64, 3),
        ("0.convs.2.0", "0.convs.2.1", 64, 3),
        ("0.convs.3.0", "0.convs.3.1", 64, 3),
        ("0.convs.4.1", "0.convs.4.2", 64, 1),
        ("0.project.0", "0.project.1", 15, 1),
        ("1", "2", 3, 3),
    ):
        shapes[f"classifier.{conv}.weight"] = (3, inputs, size, size)
        shapes |= norm(f"classifier.{bn}", 3)
    return shapes | convs(f"classifier.4 {classes} 3 1 1")


def _trunk(inputs: int) -> Shapes:
    """The colorizers' model1 to model7 at base width 2 instead of 64."""
    shapes: Shapes = {}
    rows = [(1, [inputs, 2, 2]), (2, [2, 4, 4]), (3, [4, 8, 8, 8]), (4, [8, 16, 16, 16])]
    rows += [(stage, [16, 16, 16, 16]) for stage in (5, 6, 7)]
    for stage, widths in rows:
        for number, (ic, oc) in enumerate(itertools.pairwise(widths)):
            shapes |= convs(f"model{stage}.{2 * number} {oc} {ic} 3 3")
        shapes |= norm(f"model{stage}.{2 * len(widths) - 2}", widths[-1])
    return shapes


def eccv16() -> Shapes:
    shapes = _trunk(1)
    shapes |= {"model8.0.weight": (16, 8, 4, 4), "model8.0.bias": (8,), "model_out.weight": (2, 7, 1, 1)}
    return shapes | convs(
        """model8.2 8 8 3 3
        model8.4 8 8 3 3
        model8.6 7 8 1 1"""
    )


def siggraph17() -> Shapes:
    shapes = _trunk(4)
    for name, ic, oc in (("model8up.0", 16, 8), ("model9up.0", 8, 4), ("model10up.0", 4, 4)):
        shapes |= {f"{name}.weight": (ic, oc, 4, 4), f"{name}.bias": (oc,)}
    shapes |= norm("model8.5", 8) | norm("model9.3", 4)
    return shapes | convs(
        """model3short8.0 8 8 3 3
        model8.1 8 8 3 3
        model8.3 8 8 3 3
        model2short9.0 4 4 3 3
        model9.1 4 4 3 3
        model1short10.0 4 2 3 3
        model10.1 4 4 3 3
        model_out.0 2 4 1 1"""
    )


def vae(color_encoder: bool) -> Shapes:
    """Base width 2 instead of 128, a latent of 3 instead of 64."""
    shapes = convs(
        """cond_enc_conv1 2 1 5 5
        cond_enc_conv2 4 2 5 5
        cond_enc_conv3 8 4 5 5
        cond_enc_conv4 16 8 3 3
        dec_conv1 8 19 3 3
        dec_conv2 4 16 5 5
        dec_conv3 2 8 5 5
        dec_conv4 1 4 5 5
        dec_conv5 2 1 5 5"""
    )
    for number, (encoded, decoded) in enumerate(((2, 8), (4, 4), (8, 2), (16, 1)), start=1):
        shapes |= norm(f"cond_enc_bn{number}", encoded) | norm(f"dec_bn{number}", decoded)
    if color_encoder:
        shapes |= {f"enc_bn{i}.{part}": (2**i,) for i in (1, 2, 3, 4) for part in ("weight", "bias")}
        shapes |= {f"enc_bn{i}.running_{part}": (2**i,) for i in (1, 2, 3, 4) for part in ("mean", "var")}
        shapes |= convs(
            """enc_conv1 2 2 5 5
            enc_conv2 4 2 5 5
            enc_conv3 8 4 5 5
            enc_conv4 16 8 3 3
            enc_fc1 6 256"""
        )
    return shapes


def unet(channels: int, classes: int, up: str, bias: bool) -> Shapes:
    """Base width 2 instead of 64; `up` is transposed, bilinear, or bilinear-plain (the middle as wide as the end)."""
    if up == "transposed":
        rows = [("down4.maxpool_conv.1", 16, 32, 32)]
        rows += [("up1.conv", 32, 16, 16), ("up2.conv", 16, 8, 8), ("up3.conv", 8, 4, 4), ("up4.conv", 4, 2, 2)]
    else:
        rows = [("down4.maxpool_conv.1", 16, 16, 16)]
        rows += [("up1.conv", 32, 16, 8), ("up2.conv", 16, 8, 4), ("up3.conv", 8, 4, 2), ("up4.conv", 4, 2, 2)]
    if up == "bilinear-plain":
        rows[1:] = [(name, ic, oc, oc) for name, ic, _, oc in rows[1:]]
    rows += [("inc", channels, 2, 2), ("down1.maxpool_conv.1", 2, 4, 4), ("down2.maxpool_conv.1", 4, 8, 8)]
    rows += [("down3.maxpool_conv.1", 8, 16, 16)]
    shapes: Shapes = {}
    for name, ic, middle, oc in rows:
        for index, inputs, outputs in ((0, ic, middle), (3, middle, oc)):
            conv = convs(f"{name}.double_conv.{index} {outputs} {inputs} 3 3")
            shapes |= conv if bias else {key: shape for key, shape in conv.items() if key.endswith("weight")}
            shapes |= norm(f"{name}.double_conv.{index + 1}", outputs)
    if up == "transposed":
        for number, ic in enumerate((32, 16, 8, 4), start=1):
            shapes |= {f"up{number}.up.weight": (ic, ic // 2, 2, 2), f"up{number}.up.bias": (ic // 2,)}
    return shapes | convs(f"outc.conv {classes} 2 1 1")


def unet_2019(channels: int, classes: int, up: str) -> Shapes:
    """The names and widths of Pytorch-UNet before 2020: base width 2, biases everywhere, always a narrow bottom."""
    rows = [("inc.conv", channels, 2), ("down1.mpconv.1", 2, 4), ("down2.mpconv.1", 4, 8), ("down3.mpconv.1", 8, 16)]
    rows += [("down4.mpconv.1", 16, 16), ("up1.conv", 32, 8), ("up2.conv", 16, 4), ("up3.conv", 8, 2)]
    rows += [("up4.conv", 4, 2)]
    shapes: Shapes = {}
    for name, ic, oc in rows:
        shapes |= convs(f"{name}.conv.0 {oc} {ic} 3 3\n{name}.conv.3 {oc} {oc} 3 3")
        shapes |= norm(f"{name}.conv.1", oc) | norm(f"{name}.conv.4", oc)
    if up == "transposed":
        for number, width in enumerate((16, 8, 4, 2), start=1):
            shapes |= {f"up{number}.up.weight": (width, width, 2, 2), f"up{number}.up.bias": (width,)}
    return shapes | convs(f"outc.conv {classes} 2 1 1")


def dcgan(nz: int = 5, widths: tuple[int, ...] = (16, 8, 4, 2), channels: int = 3) -> Shapes:
    shapes: Shapes = {}
    for stage, (ic, oc) in enumerate(itertools.pairwise((nz, *widths, channels))):
        shapes[f"main.{3 * stage}.weight"] = (ic, oc, 4, 4)
        if stage < len(widths):
            shapes |= norm(f"main.{3 * stage + 1}", oc)
    return shapes


def dcgan_discriminator() -> Shapes:
    shapes: Shapes = {"main.0.weight": (2, 3, 4, 4), "main.11.weight": (1, 16, 4, 4)}
    for index, oc in ((2, 4), (5, 8), (8, 16)):
        shapes[f"main.{index}.weight"] = (oc, oc // 2, 4, 4)
        shapes |= norm(f"main.{index + 1}", oc)
    return shapes


def enhancenet(blocks: int, width: int = 2) -> Shapes:
    count = 5 + 2 * blocks
    shapes: Shapes = {}
    for number in range(count):
        name = "generator/Conv" + (f"_{number}" if number else "")
        oc = 3 if number == count - 1 else width
        shapes[f"{name}/weights"] = (3, 3, 3 if number == 0 else width, oc)
        shapes[f"{name}/biases"] = (oc,)
    return shapes


# Every variant that a published file, or one trained with the published code, may be.
VARIANTS: dict[str, tuple[str, Shapes]] = {
    "deeplabv3 r50, 21 classes": ("deeplabv3", deeplabv3((3, 4, 6, 3), 21)),
    "deeplabv3 r101, 5 classes": ("deeplabv3", deeplabv3((3, 4, 23, 3), 5)),
    "eccv16": ("eccv16", eccv16()),
    "siggraph17": ("siggraph17", siggraph17()),
    "vae": ("vae", vae(True)),
    "vae without colour encoder": ("vae", vae(False)),
    "unet transposed": ("unet", unet(3, 2, "transposed", False)),
    "unet bilinear": ("unet", unet(1, 5, "bilinear", False)),
    "unet bilinear, no middle width": ("unet", unet(4, 1, "bilinear-plain", True)),
    "unet with biases": ("unet", unet(3, 1, "transposed", True)),
    "dcgan": ("dcgan", dcgan()),
    "dcgan, 3 stages, grey": ("dcgan", dcgan(7, (12, 6), 1)),
    "enhancenet": ("enhancenet", enhancenet(10)),
    "enhancenet, 2 blocks": ("enhancenet", enhancenet(2, 5)),
}

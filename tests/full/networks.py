"""The networks in front of the pipelines: random weights, and less than the published width, which parity.py is for.

Those of colorization and segmentation are fitted to a photograph or noise, and the last layer's answers made as large
as training would have them, so that colours are colours and classes vary.
"""

from __future__ import annotations

import functools
import pathlib
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

import numpy as np
import published
import recipes
import torch
from checks import Publish, convert
from pictures import photograph
from reference import dcgan, deeplabv3, eccv16, enhancenet, siggraph17, unet, vae
from reference.parameters import Maker, Parameters, Weights, ignore


@dataclass(frozen=True)
class Kind:
    """A network with random weights."""

    weights: Callable[[], Weights]
    forward: Callable[..., torch.Tensor]
    publish: Publish
    last: str = ""  # the layer whose answers are scaled
    inputs: Callable[[], tuple[torch.Tensor, ...]] = tuple  # what it is fitted to; nothing: it stays as it is
    deviation: float = 1  # of the last layer's answers
    before: Callable[[torch.Tensor], torch.Tensor] = torch.Tensor.clone  # from the output to the last layer's answer


def sample_inputs(*more: torch.Tensor, grey: Callable[[np.ndarray], torch.Tensor]) -> tuple[torch.Tensor, ...]:
    return grey(photograph("chelsea")), *more


def unhinted(picture: np.ndarray) -> torch.Tensor:
    return torch.cat([recipes.preprocess(picture), recipes.put_points([])], 1)


def unet_kind(classes: int, values: list[int] | list[list[int]], **more: bool) -> Kind:
    return Kind(
        partial(unet.random_weights, 5, base=16, classes=classes, **more),
        unet.forward,
        partial(published.torch_zip, mask_values=values),
        "outc.conv",
        lambda: (recipes.unet_input(photograph("chelsea"), 0.5),),
    )


LEVELS, COLOURS = [0, 40, 80, 120, 255], [[0, 0, 0], [128, 0, 0], [0, 128, 0], [250, 250, 7]]
KINDS = {
    "eccv16": Kind(
        partial(eccv16.random_weights, 1, base=16),
        eccv16.forward,
        published.torch_legacy,
        "model_out",
        partial(sample_inputs, grey=recipes.preprocess),
        25 / 110,  # the forward pass multiplies by 110
        lambda ab: ab / 110,
    ),
    "siggraph17": Kind(
        partial(siggraph17.random_weights, 2, base=16),
        siggraph17.forward,
        published.siggraph17,
        "model_out.0",
        partial(sample_inputs, grey=unhinted),
        0.2,
        lambda ab: torch.atanh(ab / 110),
    ),
    "vae": Kind(
        partial(vae.random_weights, 3, base=32),
        vae.forward,
        published.torch_nested,
        "dec_conv5",
        partial(sample_inputs, torch.zeros(1, 64, 1, 1), grey=recipes.vae_grey),
        0.2,
        torch.atanh,
    ),
    "deeplabv3": Kind(
        partial(deeplabv3.random_weights, 4, blocks=(2, 2, 2, 2), base=16, head=64),
        deeplabv3.forward,
        published.torchvision,
        "classifier.4",
        lambda: (Maker(4).noise(2, 3, 97, 129),),  # two pictures: ASPP's mean is one value of each
    ),
    "unet, 2 classes": unet_kind(2, [0, 1]),
    "unet, 4 classes": unet_kind(4, COLOURS, bilinear=True),
    "unet, 5 classes": unet_kind(5, LEVELS),
    "unet, 1 class": unet_kind(1, [0, 1]),
    "enhancenet": Kind(
        partial(enhancenet.random_weights, 6, blocks=3),
        enhancenet.forward,
        published.tensorflow_v1,
    ),
    "dcgan": Kind(partial(dcgan.random_weights, 7, base=16), dcgan.forward, published.torch_zip),
    "dcgan, grey": Kind(
        partial(dcgan.random_weights, 8, nz=20, base=16, channels=1, stages=4), dcgan.forward, published.torch_zip
    ),
}


def fit(kind: Kind, weights: Weights) -> None:
    """Batch norms take the statistics of `inputs` for their own, and each channel of the last layer's answer gets the
    mean 0 and the deviation wanted; without a bias, that for its root mean square."""
    inputs = [x.to(torch.float64) for x in kind.inputs()]
    if not inputs:
        return
    with torch.no_grad():
        y = kind.before(kind.forward(Parameters(weights, calibrate=True), *inputs, ignore)).numpy()
    weight, bias = weights[f"{kind.last}.weight"], weights.get(f"{kind.last}.bias")
    mean = 0 if bias is None else y.mean((0, 2, 3))
    scale = kind.deviation / np.sqrt(((y - np.reshape(mean, (1, -1, 1, 1))) ** 2).mean((0, 2, 3)))
    weight *= scale[:, None, None, None].astype(np.float32)
    if bias is not None:
        bias[...] = (bias - mean) * scale


@functools.cache
def network(name: str, folder: pathlib.Path) -> tuple[recipes.Network, pathlib.Path]:
    """The forward pass, and the weights for limn: made once."""
    kind = KINDS[name]
    weights = kind.weights()
    fit(kind, weights)
    place = folder / name.replace(", ", "-").replace(" ", "-")
    place.mkdir()
    return forward_of(kind, weights), convert(weights, kind.publish, place)


def forward_of(kind: Kind, weights: Weights) -> recipes.Network:
    def forward(*inputs: torch.Tensor) -> torch.Tensor:
        with torch.no_grad():
            return kind.forward(Parameters(weights), *inputs, ignore)

    return forward

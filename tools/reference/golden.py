#!/usr/bin/env python3
"""Writes the references with which the C tests compare each graph, node by node.

    python3 tools/reference/golden.py -o tests/goldens              all of them, or the named ones

Needs PyTorch and NumPy; `make test` does not. For each variant of a graph it writes two safetensors files: random
weights of small width with a fixed seed; and inputs, named intermediate values and outputs, computed in float64 and
stored as float32. The reference tensors are NCHW and named CASE/NODE after the engine's nodes, in the order of
execution (`limn inspect` lists them). The forward passes are in the other modules of this folder.
"""

from __future__ import annotations

import argparse
import pathlib
import sys
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial

import numpy as np
import torch

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1]))

from checkpoint import safetensors
from checkpoint.tensor import Tensor

from reference import dcgan, deeplabv3, eccv16, enhancenet, siggraph17, unet, vae
from reference.parameters import Maker, Parameters, Weights

Inputs = dict[str, torch.Tensor]  # by name of the input node


@dataclass
class Golden:
    """A variant of a graph: its weights, its forward pass and its inputs."""

    graph: str
    weights: Weights
    forward: Callable[..., torch.Tensor]
    cases: list[Inputs]
    metadata: dict[str, str] = field(default_factory=dict)


def make_enhancenet() -> Golden:
    make = Maker(7)
    sizes = [(1, 3, 7, 5), (2, 3, 4, 6), (1, 3, 1, 1)]
    weights = enhancenet.random_weights(7, width=5, blocks=1)
    return Golden("enhancenet", weights, enhancenet.forward, [{"rgb": make.uniform(*size)} for size in sizes])


def make_deeplabv3() -> Golden:
    """The third size is high enough that every dilation of ASPP reaches another pixel: 312 / 8 = 39 > 36."""
    make = Maker(11)
    sizes = [(1, 3, 33, 41), (2, 3, 40, 24), (1, 3, 312, 9)]
    weights = deeplabv3.random_weights(11, blocks=(2, 1, 2, 1), base=2, head=5, classes=5)
    return Golden("deeplabv3", weights, deeplabv3.forward, [{"rgb": make.noise(*size)} for size in sizes])


def make_eccv16() -> Golden:
    make = Maker(13)
    sizes = [(1, 1, 16, 24), (2, 1, 19, 13)]
    weights = eccv16.random_weights(13, base=3, bins=19)
    return Golden("eccv16", weights, eccv16.forward, [{"L": make.uniform(*size, high=100)} for size in sizes])


def make_siggraph17(mask_center: float) -> Golden:
    make = Maker(17)
    hinted = siggraph17.hinted(make, 1, 16, 24)
    automatic = siggraph17.hinted(make, 2, 8, 16) * torch.tensor([1.0, 0, 0, 0]).view(1, 4, 1, 1)
    weights = siggraph17.random_weights(17, base=2, mask_center=mask_center)
    metadata = {"limn.mask_center": repr(mask_center)} if mask_center else {}
    forward = partial(siggraph17.forward, mask_center=mask_center)
    return Golden("siggraph17", weights, forward, [{"Lab": hinted}, {"Lab": automatic}], metadata)


def make_vae(align_corners: bool) -> Golden:
    """True, the default and upstream's value, is not written to the file; it has a second case with z = 0."""
    make = Maker(19)
    weights = vae.random_weights(19, base=4, latent=5, align_corners=align_corners)
    batch = 2 if align_corners else 1
    cases = [{"grey": make.uniform(batch, 1, 64, 64, low=-1), "z": make.noise(batch, 5, 1, 1)}]
    if align_corners:
        cases.append({"grey": make.uniform(1, 1, 64, 64, low=-1), "z": torch.zeros(1, 5, 1, 1)})
    metadata = {} if align_corners else {"limn.align_corners": "false"}
    return Golden("vae", weights, partial(vae.forward, align_corners=align_corners), cases, metadata)


def make_vae_encoder() -> Golden:
    """The colour encoder's tensors alone; together with those of "vae" they form a complete file."""
    weights = vae.random_colour_encoder(31, base=4, latent=5)
    return Golden("vae", weights, vae.encode, [{"ab": Maker(31).uniform(2, 2, 64, 64, low=-1)}])


def make_unet(base: int, channels: int, classes: int, bilinear: bool, bias: bool) -> Golden:
    """37 halves to 18, 9, 4 and 2, and 29 to 14, 7, 3 and 1, so every step up has to pad a row or a column."""
    make = Maker(23)
    weights = unet.random_weights(23, base, channels, classes, bilinear, bias)
    sizes = [(2, 16, 16), (1, 37, 29), (1, 32, 48)]
    cases = [{"x": make.uniform(batch, channels, height, width)} for batch, height, width in sizes]
    return Golden("unet", weights, unet.forward, cases)


def make_dcgan(stages: int, nz: int, channels: int) -> Golden:
    weights = dcgan.random_weights(29, nz, base=3, channels=channels, stages=stages)
    return Golden("dcgan", weights, dcgan.forward, [{"z": Maker(29).noise(3, nz, 1, 1)}])


GOLDENS: dict[str, Callable[[], Golden]] = {
    "enhancenet": make_enhancenet,
    "deeplabv3": make_deeplabv3,
    "eccv16": make_eccv16,
    "siggraph17": partial(make_siggraph17, 0),
    "siggraph17-centred-mask": partial(make_siggraph17, 0.5),
    "vae": partial(make_vae, True),
    "vae-half-pixel": partial(make_vae, False),
    "vae-encoder": make_vae_encoder,
    "unet-transposed": partial(make_unet, 2, 1, 3, False, False),
    "unet-bilinear": partial(make_unet, 3, 4, 1, True, True),
    "dcgan-3-stages": partial(make_dcgan, 3, 7, 1),
    "dcgan-5-stages": partial(make_dcgan, 5, 6, 3),
}


def references(golden: Golden) -> dict[str, np.ndarray]:
    """Inputs and recorded values of all cases, by CASE/NODE."""
    values: dict[str, np.ndarray] = {}
    for case, inputs in enumerate(golden.cases):

        def record(name: str, value: torch.Tensor, case: int = case) -> torch.Tensor:
            values[f"{case}/{name}"] = value.numpy().astype(np.float32)
            return value

        for name, value in inputs.items():
            record(name, value)
        golden.forward(Parameters(golden.weights), *(value.to(torch.float64) for value in inputs.values()), record)
    return values


def write(path: pathlib.Path, arrays: dict[str, np.ndarray], metadata: dict[str, str]) -> None:
    tensors = {name: Tensor("F32", array.shape, lambda a=array: a.astype("<f4")) for name, array in arrays.items()}
    safetensors.write(path, tensors, metadata, force=True)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("names", nargs="*", metavar="NAME", help=", ".join(GOLDENS))
    parser.add_argument("-o", "--output", type=pathlib.Path, required=True, help="folder to write to")
    arguments = parser.parse_args()
    unknown = [name for name in arguments.names if name not in GOLDENS]
    if unknown:
        parser.error(f"{unknown[0]}: expected one of {', '.join(GOLDENS)}")
    arguments.output.mkdir(parents=True, exist_ok=True)
    for name in arguments.names or GOLDENS:
        golden = GOLDENS[name]()
        metadata = {"limn.model": golden.graph, "limn.format": "1", **golden.metadata}
        write(arguments.output / f"{name}.safetensors", golden.weights, metadata)
        write(arguments.output / f"{name}.golden.safetensors", references(golden), {})


if __name__ == "__main__":
    main()

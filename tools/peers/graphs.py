"""The measured networks, their sizes and their inputs."""

from __future__ import annotations

import importlib
import re
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from . import layers
from .layers import Layer

if TYPE_CHECKING:
    import numpy as np

TITLES = {
    "deeplabv3": "DeepLabV3 ResNet-101",
    "eccv16": "ECCV16",
    "siggraph17": "SIGGRAPH17",
    "vae": "VAE (decode)",
    "unet": "U-Net",
    "dcgan": "DCGAN",
    "enhancenet": "EnhanceNet",
}
GROWTH = (0.25, 0.5, 1, 2, 4)  # pixels, as multiples of the case's own
SIDE_STEP = 8  # every network with variable sizes accepts multiples of this
DCGAN_SIDE = 64  # of the pictures that the full-width generator makes
NAMED = re.compile(r"(?P<graph>[a-z0-9]+)@(?P<batch>\d+)x(?P<height>\d+)x(?P<width>\d+)")


class UnknownCase(ValueError):
    """A name on the command line that is not a case."""


@dataclass(frozen=True)
class Case:
    """A network at one size: `name` on the command line, batch x height x width of its first input."""

    name: str
    graph: str
    batch: int
    height: int
    width: int

    @property
    def title(self) -> str:
        """For tables: the network and the size of its input."""
        if self.graph == "dcgan":
            return f"{TITLES[self.graph]}, batch {self.batch}"
        batch = f", batch {self.batch}" if self.batch > 1 else ""
        return f"{TITLES[self.graph]} {self.height}x{self.width}{batch}"

    @property
    def spec(self) -> str:
        """GRAPH@BATCHxHEIGHTxWIDTH, the name of the case for other processes and in file names."""
        return f"{self.graph}@{self.batch}x{self.height}x{self.width}"

    @property
    def megapixels(self) -> float:
        """Megapixels of the input, or of the output if the input is noise."""
        side = DCGAN_SIDE if self.graph == "dcgan" else 1
        return self.batch * self.height * self.width * side * side / 1e6

    @property
    def grows(self) -> bool:
        """Whether the network accepts other sizes or, for the generator, other batches."""
        return self.graph != "vae"

    def grown(self, factor: float) -> Case:
        """The case with about `factor` times the pixels."""
        if self.graph == "dcgan":
            return parse(replace(self, batch=max(1, round(self.batch * factor))).spec)
        sides = (
            SIDE_STEP * max(1, round(side * factor**0.5 / SIDE_STEP)) for side in (self.height, self.width)
        )
        height, width = sides
        return parse(replace(self, height=height, width=width).spec)

    def random_weights(self, seed: int) -> dict[str, np.ndarray]:
        """Random weights at full width, with batch norms fitted to their inputs."""
        return importlib.import_module(f"reference.{self.graph}").random_weights(seed)

    def inputs(self, seed: int) -> list[np.ndarray]:
        """Random inputs in the network's own range, N x C x H x W float32."""
        import numpy as np  # local: the program that creates the environment may lack NumPy

        random = np.random.default_rng(seed)

        def uniform(channels: int, low: float, high: float) -> np.ndarray:
            shape = (self.batch, channels, self.height, self.width)
            return (low + (high - low) * random.random(shape, np.float32)).astype(np.float32)

        def noise(channels: int, height: int = 1, width: int = 1) -> np.ndarray:
            return random.standard_normal((self.batch, channels, height, width), np.float32)

        if self.graph == "deeplabv3":
            return [noise(3, self.height, self.width)]  # colours of mean 0 and deviation 1
        if self.graph == "eccv16":
            return [uniform(1, 0, 100)]  # L
        if self.graph == "siggraph17":
            mask = (uniform(1, 0, 1) < 0.1).astype(np.float32)  # a tenth of the pixels carries a hint
            return [np.concatenate([uniform(1, 0, 100), uniform(2, -100, 100) * mask, mask], 1)]
        if self.graph == "vae":
            return [uniform(1, -1, 1), noise(64)]
        if self.graph == "dcgan":
            return [noise(100)]
        return [uniform(3, 0, 1)]  # unet, enhancenet


CASES = (
    Case("deeplabv3", "deeplabv3", 1, 520, 520),
    Case("eccv16", "eccv16", 1, 256, 256),
    Case("siggraph17", "siggraph17", 1, 256, 256),
    Case("vae", "vae", 1, 64, 64),
    Case("unet", "unet", 1, 512, 512),
    Case("dcgan", "dcgan", 1, 1, 1),
    Case("dcgan64", "dcgan", 64, 1, 1),
    Case("enhancenet", "enhancenet", 1, 128, 128),
)


def parse(name: str) -> Case | Layer:
    """The case of a name: one of CASES, GRAPH@BATCHxHEIGHTxWIDTH, or a layer."""
    layer = layers.parse(name)
    if layer:
        return layer
    for case in CASES:
        if name in (case.name, case.spec):
            return case
    match = NAMED.fullmatch(name)
    if not match or match["graph"] not in TITLES:
        known = ", ".join(case.name for case in CASES)
        raise UnknownCase(f"{name}: expected one of {known}, GRAPH@BATCHxHEIGHTxWIDTH, or a layer")
    batch, height, width = (int(match[part]) for part in ("batch", "height", "width"))
    if not batch * height * width:
        raise UnknownCase(f"{name}: a size is 0")
    return Case(name, match["graph"], batch, height, width)

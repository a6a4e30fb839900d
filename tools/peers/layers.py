"""Single layers as cases: those of `limn bench kernels`, or OPERATOR@SHAPE, with SHAPE as its --shape takes it.

Inputs and weights are uniform in -1..1, as in limn's own measurement; there is no bias.
"""

from __future__ import annotations

import functools
import pathlib
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import numpy as np

LISTED_IN = pathlib.Path(__file__).resolve().parents[2] / "apps" / "cli" / "bench_shapes.c"
LISTED = re.compile(r'\{"(?P<where>.+)", LAYER_(?P<op>\w+), "(?P<shape>.+)"\},')
NAMED = re.compile(r"(?P<op>\w+)@(?P<shape>\d+x\d+x\d+x\d+([,+]\w+=\w+)*)")
CONVOLUTIONS = ("conv2d", "conv2d_transpose")


@dataclass(frozen=True)
class Layer:
    """A layer: its operator, its shape, and the layer of a network that has this shape, or ""."""

    op: str
    shape: str
    where: str = ""

    @property
    def spec(self) -> str:
        """OPERATOR@SHAPE for other processes and in file names; + for commas, at which OpenVINO splits a path."""
        return f"{self.op}@{self.shape.replace(',', '+')}"

    @property
    def graph(self) -> str:
        return self.spec

    @property
    def name(self) -> str:
        return self.where or f"{self.op}@{self.shape}"

    @property
    def title(self) -> str:
        return f"{self.where}: {self.op} {self.shape}" if self.where else f"{self.op} {self.shape}"

    @functools.cached_property
    def sides(self) -> tuple[int, ...]:
        """N, H, W, C of the input."""
        return tuple(int(side) for side in self.shape.split(",")[0].split("x"))

    @property
    def batch(self) -> int:
        return self.sides[0]

    @property
    def megapixels(self) -> float:
        return self.sides[0] * self.sides[1] * self.sides[2] / 1e6

    @functools.cached_property
    def settings(self) -> dict[str, str]:
        return dict(part.split("=") for part in self.shape.split(",")[1:])

    def number(self, key: str, default: int) -> int:
        return int(self.settings.get(key, default))

    def pair(self, key: str, default: int) -> tuple[int, int]:
        """A setting for H and W; N stands for NxN."""
        numbers = [int(number) for number in self.settings.get(key, str(default)).split("x")]
        return numbers[0], numbers[-1]

    @property
    def is_computed_by_peers(self) -> bool:
        """Whether peers have the operator. The bicubic is TensorFlow 1's; a pointwise layer may be a mere copy."""
        return self.op != "bicubic" and (self.op != "pointwise" or bool(self.settings))

    @property
    def output(self) -> tuple[int, ...]:
        """N, C, H, W of the output, for operators that take a residual."""
        batch, *sides, channels = self.sides
        if self.op == "pointwise":
            return batch, channels, *sides
        kernel, stride, padding, dilation = (self.pair(key, 0 if key == "p" else 1) for key in "kspd")
        if self.op == "conv2d":
            sides = [
                (side + 2 * p - d * (k - 1) - 1) // s + 1
                for side, k, s, p, d in zip(sides, kernel, stride, padding, dilation, strict=True)
            ]
        else:
            sides = [(side - 1) * s - 2 * p + k for side, k, s, p in zip(sides, kernel, stride, padding, strict=True)]
        return batch, self.number("oc", channels), *sides

    def inputs(self, seed: int) -> list[np.ndarray]:
        """The input, and the residual if there is one; N x C x H x W."""
        batch, height, width, channels = self.sides
        residual = [self.output] if self.number("add", 0) else []
        return uniform(seed, (batch, channels, height, width), *residual)

    def random_weights(self, seed: int) -> dict[str, np.ndarray]:
        """OC x IC x KH x KW, for a transposed convolution IC x OC x KH x KW; none for other operators."""
        if self.op not in CONVOLUTIONS:
            return {}
        channels = self.number("oc", self.sides[3]), self.sides[3]
        order = channels if self.op == "conv2d" else channels[::-1]
        return {"weight": uniform(seed + 1, (*order, *self.pair("k", 1)))[0]}


def uniform(seed: int, *shapes: tuple[int, ...]) -> list[np.ndarray]:
    import numpy as np  # local: the program that creates the environment may lack NumPy

    random = np.random.default_rng(seed)
    return [2 * random.random(shape, np.float32) - 1 for shape in shapes]


@functools.cache
def known() -> tuple[Layer, ...]:
    """The layers that `limn bench kernels` measures, from its source."""
    found = LISTED.finditer(LISTED_IN.read_text())
    return tuple(Layer(match["op"].lower(), match["shape"], match["where"]) for match in found)


def parse(name: str) -> Layer | None:
    """The layer of a name, its place in a network or OPERATOR@SHAPE; None for another name."""
    for layer in known():
        if name == layer.where or name.replace(",", "+") == layer.spec:
            return layer
    match = NAMED.fullmatch(name)
    if match and match["op"] in {layer.op for layer in known()}:
        return Layer(match["op"], match["shape"].replace("+", ","))
    return None

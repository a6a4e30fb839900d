"""Every network at its published width, all the way: checkpoint file, tools/convert.py, `limn run`; against PyTorch.

For each network and seed: random weights whose batch norms fit (tools/reference), written as the publisher would
(published.py), converted, and run by limn with one thread and with two, which must give the same bytes. The result is
held against PyTorch's in float64. Its error, relative to the largest output, may be max(1e-4, 8 x that of PyTorch in
float32). The products of bf16 parts, as AMX computes them, run in plain C: three parts under the same bound, and the
lower precisions under bounds of their own. The operations that `limn bench layers` counts must be those that PyTorch counts.
"""

from __future__ import annotations

import json
import pathlib
import sys
import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

import numpy as np
import published
import torch
import torch.nn.functional as F
from checks import ROOT, Failure, Publish, called, convert
from reference import dcgan, deeplabv3, eccv16, enhancenet, siggraph17, unet, vae
from reference.parameters import Maker, Parameters, Weights, ignore
from torch.overrides import TorchFunctionMode

# The least bound and the multiple of PyTorch's own error. A rounding to bf16 is 65,536 times one to float32, and that of
# two parts 256 times; random weights carry both alike from layer to layer.
BOUNDS = {"fp32": (1e-4, 8), "bf16x2": (1e-3, 128), "bf16": (0.1, 32768)}
HEAD = (
    f"{'network':<25} seed {'limn':>9} {'float32':>9} {'bound':>9} {'bf16x3':>9} {'bf16x2':>9} {'bf16':>9} "
    f"{'s, -t 1':>8} {'s, -t 2':>8} {'peak MB':>8}"
)


@dataclass(frozen=True)
class Network:
    """A published network, or a variant of it."""

    name: str
    weights: Callable[[int], Weights]  # of a seed
    forward: Callable[..., torch.Tensor]
    inputs: Callable[[Maker], tuple[torch.Tensor, ...]]  # the second one is a latent vector
    publish: Publish
    options: tuple[str, ...] = ()  # of convert.py


NETWORKS = [
    Network(
        "deeplabv3 ResNet-50",
        partial(deeplabv3.random_weights, blocks=deeplabv3.RESNET50),
        deeplabv3.forward,
        lambda make: (make.noise(1, 3, 97, 129),),
        published.torchvision,
    ),
    Network(
        "deeplabv3 ResNet-101",
        deeplabv3.random_weights,
        deeplabv3.forward,
        lambda make: (make.noise(1, 3, 97, 129),),
        published.torchvision,
    ),
    Network(
        "eccv16",
        eccv16.random_weights,
        eccv16.forward,
        lambda make: (make.uniform(1, 1, 64, 96, high=100),),
        published.torch_legacy,
    ),
    Network(
        "siggraph17",
        siggraph17.random_weights,
        siggraph17.forward,
        lambda make: (siggraph17.hinted(make, 1, 64, 88),),
        published.siggraph17,
    ),
    Network(
        "siggraph17, mask - 0.5",
        partial(siggraph17.random_weights, mask_center=0.5),
        partial(siggraph17.forward, mask_center=0.5),
        lambda make: (siggraph17.hinted(make, 1, 64, 88),),
        published.siggraph17,
        ("--mask-center", "0.5"),
    ),
    Network(
        "vae",
        partial(vae.random_weights, colour_encoder=True),
        vae.forward,
        lambda make: (make.uniform(2, 1, 64, 64, low=-1), make.noise(2, 64, 1, 1)),
        published.torch_nested,
    ),
    Network(
        "vae, half-pixel bilinear",
        partial(vae.random_weights, align_corners=False),
        partial(vae.forward, align_corners=False),
        lambda make: (make.uniform(1, 1, 64, 64, low=-1), make.noise(1, 64, 1, 1)),
        published.torch_zip,
        ("--align-corners", "false"),
    ),
    Network(
        "unet, transposed",
        unet.random_weights,
        unet.forward,
        lambda make: (make.uniform(1, 3, 61, 83),),
        partial(published.torch_zip, mask_values=[0, 1]),
    ),
    Network(
        "unet, bilinear, biases",
        partial(unet.random_weights, bilinear=True, bias=True),
        unet.forward,
        lambda make: (make.uniform(1, 3, 61, 83),),
        partial(published.torch_zip, mask_values=[0, 1]),
    ),
    Network(
        "dcgan",
        dcgan.random_weights,
        dcgan.forward,
        lambda make: (make.noise(3, 100, 1, 1),),
        published.torch_zip,
    ),
    Network(
        "enhancenet",
        enhancenet.random_weights,
        enhancenet.forward,
        lambda make: (make.uniform(1, 3, 31, 47),),
        published.tensorflow_v1,
    ),
]


@dataclass(frozen=True)
class Measured:
    """What limn made and what it took; errors are relative to the largest output."""

    error: float
    float32_error: float
    rungs: dict[str, float]  # by precision, on tiles
    seconds: tuple[float, ...]  # with 1 thread, with 2
    peak: float  # MB, the larger

    def bound(self, precision: str = "fp32") -> float:
        least, times = BOUNDS[precision]
        return max(least, times * self.float32_error)

    @property
    def passed(self) -> bool:
        return self.error <= self.bound() and all(e <= self.bound(precision) for precision, e in self.rungs.items())


def run_limn(
    limn: str, weights: pathlib.Path, inputs: list[pathlib.Path], output: pathlib.Path, threads: int, *options: str
) -> tuple[float, float]:
    """Seconds and peak MB of `limn run`."""
    command = [limn, "run", "-m", str(weights), "-i", str(inputs[0]), "-o", str(output), "-t", str(threads)]
    command += options
    if len(inputs) > 1:
        command += ["--latent", str(inputs[1])]
    text = called([sys.executable, "-I", "-S", str(ROOT / "tests/full/measure.py"), *command])
    report = json.loads(text)
    if report["code"] != 0:
        raise Failure(f"{' '.join(command)}: exit code {report['code']}")
    return report["seconds"], report["peak"]


class Operations(TorchFunctionMode):
    """Counts the multiplications and additions of the convolutions and linear layers that run inside it."""

    def __init__(self) -> None:
        super().__init__()
        self.count = 0

    def __torch_function__(self, function, types, arguments=(), options=None):  # noqa: ANN001, ANN204
        result = function(*arguments, **(options or {}))
        if function in (F.conv2d, F.linear):  # each output: a product for all weights of its channel
            self.count += 2 * result.numel() * arguments[1][0].numel()
        elif function is F.conv_transpose2d:  # each input likewise
            self.count += 2 * arguments[0].numel() * arguments[1][0].numel()
        return result


def count_operations(limn: str, weights: pathlib.Path, shape: tuple[int, ...]) -> int:
    """Multiplications and additions of the convolutions, linear layers among them, by `limn bench layers`."""
    batch, _, height, width = shape
    size = ["--size", f"{height}x{width}", "--batch", str(batch)]
    report = json.loads(called([limn, "bench", "layers", "-m", weights, *size, "--reps", "1", "--json"]))
    return sum(layer["flop"] for layer in report["layers"] if layer["op"] in ("conv2d", "conv2d_transpose"))


def relative_error(got: np.ndarray, want: np.ndarray) -> float:
    if got.shape != want.shape:
        raise Failure(f"the output is {got.shape}, {want.shape} expected")
    error = np.abs(got - want).max() / np.abs(want).max()
    if not np.isfinite(error):
        raise Failure("the output is not finite")
    return float(error)


def measure(network: Network, seed: int, limn: str, folder: pathlib.Path) -> Measured:
    weights = network.weights(seed)
    inputs = network.inputs(Maker(1000 + seed))
    with torch.no_grad():
        exact = network.forward(Parameters(weights), *(x.to(torch.float64) for x in inputs), ignore).numpy()
        with Operations() as by_torch:
            float32 = network.forward(Parameters(weights), *inputs, ignore).numpy()

    paths = [folder / f"input{number}.npy" for number in range(len(inputs))]
    for path, x in zip(paths, inputs, strict=True):
        np.save(path, x.numpy())
    converted = convert(weights, network.publish, folder, network.options)
    outputs = [folder / "y1.npy", folder / "y2.npy"]
    costs = [run_limn(limn, converted, paths, output, threads) for threads, output in enumerate(outputs, start=1)]
    if outputs[0].read_bytes() != outputs[1].read_bytes():
        raise Failure("one thread and two give different bytes")
    if seed == 1:  # other weights take the same operations
        by_limn = count_operations(limn, converted, tuple(inputs[0].shape))
        if by_limn != by_torch.count:
            raise Failure(f"bench counts {by_limn:.0f} operations of convolutions, PyTorch {by_torch.count}")
    rungs = {}
    for precision in BOUNDS:
        output = folder / f"{precision}.npy"
        run_limn(limn, converted, paths, output, 2, "--isa", "amx-emulated", "--precision", precision)
        rungs[precision] = relative_error(np.load(output).astype(np.float64), exact)
    error = relative_error(np.load(outputs[0]).astype(np.float64), exact)
    return Measured(
        error, relative_error(float32, exact), rungs, tuple(cost[0] for cost in costs), max(cost[1] for cost in costs)
    )


def attempt(network: Network, seed: int, limn: str, work: pathlib.Path) -> bool:
    """Measures, prints the line of the table, and says whether the network passed."""
    label = f"{network.name:<25} {seed:>4}"
    try:
        with tempfile.TemporaryDirectory(dir=work) as folder:
            got = measure(network, seed, limn, pathlib.Path(folder))
    except Failure as failure:
        print(f"{label}  FAILED: {failure}", flush=True)
        return False
    errors = f"{got.error:9.1e} {got.float32_error:9.1e} {got.bound():9.1e}"
    errors += "".join(f" {error:9.1e}" for error in got.rungs.values())
    costs = f"{got.seconds[0]:8.2f} {got.seconds[1]:8.2f} {got.peak:8.0f}"
    print(f"{label} {errors} {costs}  {'ok' if got.passed else 'FAILED: beyond the bound'}", flush=True)
    return got.passed


def run(limn: str, work: pathlib.Path, only: str, seeds: int) -> list[bool]:
    """The table of the networks whose name begins with `only`; whether each passed."""
    networks = [network for network in NETWORKS if network.name.startswith(only)]
    if networks:
        print(HEAD)
    return [attempt(network, seed, limn, work) for network in networks for seed in range(1, seeds + 1)]

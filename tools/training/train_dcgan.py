#!/usr/bin/env python3
"""Train weights for limn's dcgan graph: small pictures from noise.

Needs torch, numpy and pillow; digits also need matplotlib for its fonts. The generator is a narrower one of
reference/dcgan.py (Radford, Metz, Chintala 2016). The discriminator, which is not kept, learns with a penalty on its
gradient at drawn pictures (Mescheder, Geiger, Nowozin 2018), and noise is added to its inputs; both keep it from
winning too early in a short training. Before that, the generator is trained as the decoder of an autoencoder, so that
it starts with all kinds of pictures.

Digits are scored by a classifier, which is trained here on drawn digits and on drawings that are not digits: letters,
halves of two digits, blots. It is not used to train the generator.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from PIL import Image
from torch import nn

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from checkpoint.metadata import Choices
from reference import dcgan
from reference.parameters import ignore

from training import digits, folders, loop, record, scenes
from training.network import Network, set_up
from training.options import parsed, parser, run
from training.seeds import HELD_OUT

EPILOG = """\
examples:
  python3 tools/training/train_dcgan.py --of digits -o dcgan-digits.pth
  python3 tools/training/train_dcgan.py --of landscapes --steps 4000 --pool 8000 --memory 3 -o dcgan-landscapes.pth

example (your own pictures):
  python3 tools/training/train_dcgan.py --data ~/faces --steps 20000 -o mine.pth
  limn generate -m mine.safetensors -n 64 -o sheet.png
"""

SIDE, STAGES = 64, 5
GENERATED = 400
CONFIDENT = 0.9
BLUR = 0.5  # deviation of the noise added to the encoder's values, which have deviation 1
PACKED = 2  # pictures per input of the discriminator
NOISE = 0.1  # deviation of the noise added to pictures in -1..1

Draw = Callable[[int], np.ndarray]  # picture by number, float32 channels x SIDE x SIDE in -1..1


# ---- Pictures ----------------------------------------------------------------------------------


def as_planes(rgb: np.ndarray) -> np.ndarray:
    return rgb.transpose(2, 0, 1).astype(np.float32) / 127.5 - 1


def source(options) -> Draw:
    if options.data:
        own = list(folders.pictures(options.data, "RGB" if options.channels == 3 else "L").values())
        rng = np.random.default_rng([options.seed, 4])

        def cut(number: int) -> np.ndarray:
            image = own[rng.integers(len(own))]
            piece = np.asarray(folders.window(rng, image, SIDE, least=SIDE / min(image.size)))
            return as_planes(piece.reshape(SIDE, SIDE, options.channels))

        return cut
    if options.of == "digits":
        return lambda number: digits.digit(options.seed, number)[0][None]
    return lambda number: as_planes(landscape(options.seed, number))


def landscape(seed: int, number: int) -> np.ndarray:
    """Land, sky, water, roads, mountains and trees, uint8 SIDE x SIDE x 3."""
    small = (scenes.CAR, scenes.PERSON, scenes.HOUSE, scenes.BOAT, scenes.FLOWER, scenes.BALLOON)
    scene = scenes.scene(seed, number, 2 * SIDE, 2 * SIDE, without=small)
    return np.asarray(Image.fromarray(scene.rgb).reduce(2))


class Pool:
    """The training pictures, drawn in advance and stored in 8 bits."""

    def __init__(self, options) -> None:
        draw = source(options)
        drawn = (((draw(number) + 1) * 127.5).round().astype(np.uint8) for number in range(options.pool))
        self.pictures = torch.from_numpy(np.stack(list(drawn)))
        self.rng = np.random.default_rng([options.seed, 5])
        self.mirrored = options.of != "digits"

    def batch(self, count: int) -> torch.Tensor:
        x = self.pictures[self.rng.integers(len(self.pictures), size=count)] / 127.5 - 1
        return x.flip(3) if self.mirrored and self.rng.random() < 0.5 else x


# ---- Training ----------------------------------------------------------------------------------


def halvings(channels: int, base: int) -> nn.Sequential:
    """Layers from a picture of SIDE x SIDE to 8 * base channels of 4 x 4."""
    layers: list[nn.Module] = []
    for ic, oc in ((channels, base), (base, 2 * base), (2 * base, 4 * base), (4 * base, 8 * base)):
        layers += [nn.Conv2d(ic, oc, 4, 2, 1), nn.LeakyReLU(0.2)]
    return nn.Sequential(*layers)


class Discriminator(nn.Module):
    """Classifies pairs of pictures as drawn (above 0) or generated (below 0).

    A pair shows when the generator always makes the same picture (Lin et al. 2018, PacGAN).
    """

    def __init__(self, channels: int, base: int) -> None:
        super().__init__()
        self.body = halvings(PACKED * channels, base)
        self.head = nn.Conv2d(8 * base, 1, 4)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        x = (x + NOISE * torch.randn_like(x)).unflatten(0, (-1, PACKED)).flatten(1, 2)
        return self.head(self.body(x.contiguous(memory_format=torch.channels_last))).flatten()


def discriminator_loss(
    discriminator: Discriminator, drawn: torch.Tensor, made: torch.Tensor, penalty: float
) -> torch.Tensor:
    """Logistic loss, plus the squared gradient at drawn pictures times penalty / 2."""
    if penalty == 0:
        return F.softplus(-discriminator(drawn)).mean() + F.softplus(discriminator(made)).mean()
    drawn = drawn.clone().requires_grad_(True)
    score = discriminator(drawn)
    (slope,) = torch.autograd.grad(score.sum(), drawn, create_graph=True)
    loss = F.softplus(-score).mean() + F.softplus(discriminator(made)).mean()
    return loss + penalty / 2 * (slope**2).sum((1, 2, 3)).mean()


class Memory:
    """An encoder of drawn pictures, which is not kept; the generator learns to decode its values.

    A generator that starts with a discriminator alone never learns some kinds of pictures.
    """

    def __init__(self, options, nz: int) -> None:
        self.encoder = nn.Sequential(
            halvings(options.channels, options.base),
            nn.Conv2d(8 * options.base, nz, 4),
            nn.BatchNorm2d(nz, affine=False),
        )

    def error(self, network: Network, drawn: torch.Tensor) -> torch.Tensor:
        """Mean squared error of decoded pictures; noise is added to the values, to distribute them like noise."""
        z = self.encoder(drawn)
        z = (z + BLUR * torch.randn_like(z)) / (1 + BLUR**2) ** 0.5
        return F.mse_loss(dcgan.forward(network, z, ignore), drawn)


def train(options, network: Network) -> loop.History:
    began = time.process_time()
    pool = Pool(options)
    nz = network.weights["main.0.weight"].shape[0]
    discriminator = Discriminator(options.channels, options.base).to(memory_format=torch.channels_last)
    network.training = True
    memory = Memory(options, nz)
    learning = [*network.parameters(), *memory.encoder.parameters()]
    opening = loop.Optimiser(learning, options, decay=0)
    for number in range(0 if options.init else options.opening):
        opening.update(memory.error(network, pool.batch(options.batch)), number)
    betas = (0.0, 0.99)
    ours = loop.Optimiser(learning, options, betas=betas, decay=0, clip=100)
    theirs = loop.Optimiser(list(discriminator.parameters()), options, betas=betas, decay=0, clip=100)
    average = loop.Average(network)

    def noise() -> torch.Tensor:
        return torch.randn(options.batch, nz, 1, 1)

    def step(number: int) -> float:
        with torch.no_grad():
            made = dcgan.forward(network, noise(), ignore)
        # The penalty doubles the cost of a step, so it is applied every fourth step, four times as strong.
        penalty = 0 if number % 4 else 4 * options.penalty
        against = theirs.update(discriminator_loss(discriminator, pool.batch(options.batch), made, penalty), number)
        loss = F.softplus(-discriminator(dcgan.forward(network, noise(), ignore))).mean()
        if options.memory > 0 and number % 2 == 0:  # every second step, twice as strong
            loss = loss + 2 * options.memory * memory.error(network, pool.batch(options.batch))
        ours.update(loss, number)
        average.follow()
        return against

    history = loop.run(options, step, dict, average.network.state)
    history.seconds = time.process_time() - began
    average.network.measure_norms(partial(dcgan.forward, average.network, noise(), ignore) for _ in range(32))
    loop.save(average.network.state(), options.output)
    return history


# ---- Measuring ---------------------------------------------------------------------------------


def classifier() -> nn.Module:
    """A network that classifies pictures: classes 0 to 9 are digits, 10 is none."""
    layers: list[nn.Module] = []
    for ic, oc in ((1, 16), (16, 32), (32, 64)):
        layers += [nn.Conv2d(ic, oc, 5, 2, 2), nn.ReLU(), nn.BatchNorm2d(oc)]
    return nn.Sequential(*layers, nn.Flatten(), nn.Dropout(0.3), nn.Linear(64 * 64, 11))


def questions(seed: int, first: int, count: int) -> tuple[torch.Tensor, torch.Tensor]:
    """Drawings with their classes: two thirds digits, one third none."""
    pictures, answers = [], []
    for number in range(first, first + count):
        x, which = digits.digit(seed, number) if number % 3 else (digits.no_digit(seed, number), 10)
        pictures.append(x[None])
        answers.append(which)
    return torch.from_numpy(np.stack(pictures)), torch.tensor(answers)


def trained_classifier(seed: int, steps: int = 600) -> tuple[nn.Module, float]:
    """The trained classifier, and its accuracy on held-out drawings."""
    torch.manual_seed(seed)
    judge = classifier()
    adam = torch.optim.Adam(judge.parameters(), 1e-3)
    for step in range(steps):
        x, answers = questions(seed + 100, 48 * step, 48)
        loss = F.cross_entropy(judge(x + 0.1 * torch.randn_like(x)), answers)
        adam.zero_grad()
        loss.backward()
        adam.step()
    judge.eval()
    with torch.no_grad():
        x, answers = questions(HELD_OUT, 0, 900)
        return judge, (judge(x).argmax(1) == answers).float().mean().item()


def measure(limn: record.Limn, folder: Path, options) -> dict[str, Any]:
    made = folder / "made"
    limn.run("generate", "-n", GENERATED, "--seed", 7, "--fixed-range", "-o", f"{made}/", "--force")
    limn.run("generate", "-n", 64, "--seed", 7, "-o", folder / "sheet.png", "--force")
    if options.data or options.of != "digits":
        return {}
    judge, accuracy = trained_classifier(options.seed)
    pictures = np.stack([np.asarray(Image.open(path).convert("L")) for path in sorted(made.glob("*.png"))])
    with torch.no_grad():
        scores = judge(torch.from_numpy(pictures[:, None]).float() / 127.5 - 1).softmax(1)
    sure, which = scores.max(1)
    digit = (which < 10) & (sure >= CONFIDENT)
    return {
        "pictures": len(pictures),
        "confidently_a_digit": digit.float().mean().item(),
        "each_digit": torch.bincount(which[digit], minlength=10).tolist(),
        "classifier_accuracy": accuracy,
    }


def main(arguments: list[str] | None = None) -> int:
    p = parser("Train weights for limn's dcgan graph.", EPILOG, steps=6000, batch=64, rate=1e-3)
    p.add_argument("--of", choices=("digits", "landscapes"), help="pictures to draw (default: digits)")
    p.add_argument(
        "--base", type=int, default=24, help="channels before the last layer (default %(default)s; published: 64)"
    )
    p.add_argument("--nz", type=int, default=64, help="number of noise values (default %(default)s; published: 100)")
    p.add_argument("--channels", type=int, choices=(1, 3), help="grey or RGB (default: 1 for digits, else 3)")
    p.add_argument("--penalty", type=float, default=0.1, help="weight of the penalty on the discriminator's gradient "
                   "(default %(default)s)")  # fmt: skip
    p.add_argument("--opening", type=int, default=500, metavar="STEPS", help="first steps as an autoencoder; none with "
                   "--init (default %(default)s)")  # fmt: skip
    p.add_argument("--memory", type=float, default=0.0, help="weight of the autoencoder's error after the opening "
                   "(default %(default)s); a higher one gives more kinds of pictures, less sharp")  # fmt: skip
    p.add_argument("--pool", type=int, default=20000, help="number of training pictures (default %(default)s)")
    options = parsed(p, arguments)
    if options.data and options.of:
        p.error("--of cannot be used with --data")
    if not options.data and not options.of:
        options.of = "digits"
    if options.channels is None:
        options.channels = 1 if options.of == "digits" else 3
    if options.of and options.channels != (1 if options.of == "digits" else 3):
        p.error(f"--channels {options.channels}: digits have 1 channel and landscapes 3")
    network = set_up(
        options,
        "dcgan",
        lambda make: make.weights.update(
            dcgan.random_weights(options.seed, options.nz, options.base, options.channels, STAGES)
        ),
    )
    history = train(options, network) if options.steps else None
    record.finish(options, history, partial(measure, options=options), Choices())
    return 0


if __name__ == "__main__":
    run(main)

#!/usr/bin/env python3
"""Train weights for limn's vae graph: several colorizations of a grey picture.

Needs torch, numpy and pillow. The graph is a narrower one of reference/vae.py (Deshpande et al. 2017, "Learning Diverse
Image Colorization"), with its colour encoder. The pictures are drawn by training/scenes.py or are your own.

The loss has three parts: the squared error of ab, in which rare colours have a higher weight; the divergence of the
latent's distribution from a normal one; and the distance between features of the colorized and the true picture in
limn's deeplabv3 demo network (--features). The last part is not from the paper.
"""

from __future__ import annotations

import sys
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from PIL import Image

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from checkpoint.metadata import Choices
from reference import deeplabv3, vae
from reference.parameters import ignore

from training import folders, loop, record, scenes
from training.colour import grey_of, lab_from_rgb, normalised, rgb_from_lab, tensor_from_pictures
from training.network import Network, features, read_weights, set_up
from training.options import parsed, parser, run
from training.seeds import HELD_OUT, VALIDATION

EPILOG = """\
example:
  python3 tools/training/train_vae.py -o vae-scenes.pth

example (your own pictures, starting from existing weights):
  python3 tools/training/train_vae.py --data ~/photos --init vae-scenes.safetensors --rate 3e-4 --steps 1000 -o mine.pth
  limn colorize -m mine.safetensors old.jpg --samples 6 -o variants.png
"""

SIDE = 64
FEATURES = Path(__file__).resolve().parents[2] / "weights" / "deeplabv3-scenes.safetensors"
FEATURE_NODES = ("backbone.bn1/relu", "backbone.layer1.0.bn3/add/relu")
DEVIATION = 0.12  # of ab around the decoder's result; sets the weight of the squared error against the divergence
VALIDATED, MEASURED = 32, 40  # number of scenes for the curve and for the record
SAMPLED = 12  # of the measured scenes, number with variants
VARIANTS = 4


def small(rgb: np.ndarray) -> np.ndarray:
    """The picture at the network's size, as in limn: bilinear without antialiasing."""
    x = F.interpolate(tensor_from_pictures([rgb]), (SIDE, SIDE), mode="bilinear", align_corners=False)
    return (x[0].permute(1, 2, 0) * 255).round().byte().numpy()


def pool(options) -> list[np.ndarray]:
    """The training pictures at the network's size: windows of scenes or of the pictures of --data."""
    rng = np.random.default_rng([options.seed, 4])
    if options.data:
        own = list(folders.pictures(options.data).values())
        images = [own[number % len(own)] for number in range(options.pool)]
    else:
        images = (Image.fromarray(scenes.scene(options.seed, number).rgb) for number in range(options.pool))
    found = []
    for image in images:
        for _ in range(2):
            side = int(min(image.size) * rng.uniform(0.75, 1))
            found.append(small(np.asarray(folders.window(rng, image, side))))
    return found


def fields(pictures: list[np.ndarray]) -> tuple[torch.Tensor, torch.Tensor]:
    """Grey and ab for the network, both in -1..1."""
    lab = lab_from_rgb(tensor_from_pictures(pictures))
    return lab[:, :1] / 50 - 1, (lab[:, 1:] + 0.5) / 127.5


def rgb_of(grey: torch.Tensor, ab: torch.Tensor) -> torch.Tensor:
    return rgb_from_lab(torch.cat([50 * grey + 50, 127.5 * ab - 0.5], 1))


class Rarity:
    """The weight of a colour in the loss: about 1 if it is frequent, 3 if it is rare."""

    def __init__(self, pictures: list[np.ndarray]) -> None:
        _, ab = fields(pictures)
        found = torch.bincount(self._cells(ab).flatten(), minlength=400).float()
        smooth = F.avg_pool2d(F.pad(found.view(1, 1, 20, 20), (1, 1, 1, 1)), 3, 1).flatten()
        share = smooth / smooth.sum()
        self.weights = (share.max() / share.clamp(min=1e-9)).pow(0.25).clamp(max=3)
        self.weights = self.weights / (self.weights * found).sum() * found.sum()

    @staticmethod
    def _cells(ab: torch.Tensor) -> torch.Tensor:
        a, b = ((ab + 1) * 10).long().clamp(0, 19).unbind(1)
        return a * 20 + b

    def of(self, ab: torch.Tensor) -> torch.Tensor:
        return self.weights[self._cells(ab)][:, None]


def perceived(seer: Network, grey: torch.Tensor, found: torch.Tensor, truth: torch.Tensor) -> torch.Tensor:
    """The squared distance of features, relative to their variance."""
    views = [features(deeplabv3.forward, seer, normalised(rgb_of(grey, ab)), FEATURE_NODES) for ab in (found, truth)]
    return sum(((a - b.detach()) ** 2).mean() / b.detach().var() for a, b in zip(*views, strict=True))


def losses(
    network: Network, rarity: Rarity, seer: Network | None, options, pictures: list[np.ndarray]
) -> tuple[torch.Tensor, torch.Tensor]:
    """The whole loss, and its squared error alone."""
    grey, ab = fields(pictures)
    mean, spread = vae.encode(network, ab, ignore).chunk(2, 1)
    spread = spread.clamp(-8, 4)
    z = mean + (0.5 * spread).exp() * torch.randn_like(mean)
    found = vae.forward(network, grey, z, ignore)
    error = (rarity.of(ab) * (found - ab) ** 2).sum((1, 2, 3)).mean() / (2 * DEVIATION**2)
    divergence = 0.5 * (mean**2 + spread.exp() - 1 - spread).sum((1, 2, 3)).mean()
    loss = (error + options.beta * divergence) / 1000
    if seer is not None:
        loss = loss + options.perceptual * perceived(seer, grey, found, ab)
    return loss, error


def train(options, network: Network) -> loop.History:
    seer = None
    if options.perceptual > 0:
        seer = Network(read_weights(options.features, "deeplabv3"))
        seer.freeze()
    pictures = pool(options)
    rarity = Rarity(pictures[:400])
    rng = np.random.default_rng([options.seed, 5])
    network.training = True
    optimiser, average = loop.Optimiser(network.parameters(), options), loop.Average(network)
    grey, ab = fields([small(scenes.scene(VALIDATION, number).rgb) for number in range(VALIDATED)])

    def batch() -> list[np.ndarray]:
        return [pictures[number] for number in rng.integers(len(pictures), size=options.batch)]

    def step(number: int) -> float:
        loss = optimiser.update(losses(network, rarity, seer, options, batch())[0], number)
        average.follow()
        return loss

    def figures() -> dict[str, float]:
        if options.data:
            return {}
        with torch.no_grad():
            mean = vae.encode(average.network, ab, ignore)[:, : options.latent]
            views = {"z = 0": torch.zeros_like(mean), "z from the colours": mean}
            return {
                f"ab error, {name}": 127.5
                * (vae.forward(average.network, grey, z, ignore) - ab).norm(dim=1).mean().item()
                for name, z in views.items()
            }

    history = loop.run(options, step, figures, average.network.state)
    average.network.measure_norms(partial(losses, average.network, rarity, None, options, batch()) for _ in range(24))
    loop.save(average.network.state(), options.output)
    return history


# ---- Measuring ---------------------------------------------------------------------------------


def measure(limn: record.Limn, folder: Path) -> dict[str, Any]:
    """Delta-E and PSNR of held-out scenes: grey, z = 0, z of the true colours; and of samples, also between them."""
    truth, grey, mean, own = (folder / name for name in ("truth", "grey", "mean", "own"))
    for place in (truth, grey):
        place.mkdir(exist_ok=True)
    for number in range(MEASURED):
        rgb = scenes.scene(HELD_OUT, number, 256, 320).rgb
        record.write_png(truth / f"{number:02}.png", rgb)
        record.write_png(grey / f"{number:02}.png", grey_of(rgb))
    limn.run("colorize", grey, "-o", mean, "--force")
    limn.run("colorize", "--encode", truth, "-o", own, "--force")
    figures: dict[str, Any] = {
        "pictures": MEASURED,
        "grey": record.compared_pictures(limn, grey, truth),
        "z_zero": record.compared_pictures(limn, mean, truth),
        "z_of_the_colours": record.compared_pictures(limn, own, truth),
    }
    apart, off = [], []
    for number in range(SAMPLED):
        name = f"{number:02}.png"
        variants = [folder / f"{number:02}-seed{seed}.png" for seed in range(1, VARIANTS + 1)]
        for seed, variant in enumerate(variants, start=1):
            limn.run("colorize", grey / name, "-o", variant, "--samples", 1, "--seed", seed, "--force")
            off.append(limn.compare(variant, truth / name)["mean"]["delta_e_2000"])
        for one, other in zip(variants, variants[1:], strict=False):
            apart.append(limn.compare(one, other)["mean"]["delta_e_2000"])
    figures["samples"] = {
        "pictures": SAMPLED,
        "delta_e": float(np.mean(off)),
        "delta_e_between_seeds": float(np.mean(apart)),
        "least_delta_e_between_seeds": float(np.min(apart)),
    }
    return figures


def main(arguments: list[str] | None = None) -> int:
    p = parser("Train weights for limn's vae graph.", EPILOG, steps=4000, batch=16, rate=1.5e-3)
    p.add_argument(
        "--base", type=int, default=32, help="channels of the first level (default %(default)s; published: 128)"
    )
    p.add_argument("--latent", type=int, default=64, help="values of z (default and published: 64)")
    p.add_argument("--beta", type=float, default=2.0, help="weight of the divergence (default %(default)s)")
    p.add_argument("--perceptual", type=float, default=0.3, help="weight of the features (default %(default)s)")
    p.add_argument("--features", metavar="FILE", default=str(FEATURES), help="deeplabv3 weights that compute them "
                   "(default: the demo weights)")  # fmt: skip
    p.add_argument(
        "--pool", type=int, default=1200, help="pictures drawn, each used in two windows (default %(default)s)"
    )
    options = parsed(p, arguments)
    network = set_up(options, "vae", lambda make: vae.fill(make, options.base, options.latent, True))
    if "enc_fc1.weight" not in network:
        raise SystemExit(f"error: {options.init}: no colour encoder, which is needed for training")
    options.latent = network.weights["enc_fc1.weight"].shape[0] // 2
    history = train(options, network) if options.steps else None
    record.finish(options, history, measure, Choices(align_corners=True))
    return 0


if __name__ == "__main__":
    run(main)

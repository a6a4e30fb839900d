#!/usr/bin/env python3
"""Train weights for limn's eccv16 or siggraph17 graph: colorization.

Needs torch, numpy and pillow, and scikit-image and scikit-learn for their photographs. The graphs are narrower ones of
reference/eccv16.py and reference/siggraph17.py. The pictures are drawn by training/scenes.py, mixed with a few of those
photographs, or are your own.

eccv16 learns, as in Zhang, Isola, Efros 2016, a distribution over colour bins for every pixel, in which rare colours
have a higher weight; its result is the annealed mean (temperature 0.38). siggraph17 learns, as in Zhang et al. 2017,
colours with a smooth absolute error and random hints of the true colours; here some hints change the colour of a part.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from PIL import Image

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from checkpoint.metadata import Choices
from reference import eccv16, siggraph17
from reference.parameters import Maker, ignore

from training import folders, hints, loop, photographs, record, scenes
from training.colour import grey_of, lab_from_rgb, tensor_from_pictures
from training.network import Network, features, set_up
from training.options import parsed, parser, run
from training.seeds import HELD_OUT, VALIDATION

EPILOG = """\
examples (the demo weights, each about twenty minutes on one core):
  python3 tools/training/train_colorizers.py --model siggraph17 -o siggraph17-scenes.pth
  python3 tools/training/train_colorizers.py --model eccv16 -o eccv16-scenes.pth

example (your own pictures, starting from existing weights):
  python3 tools/training/train_colorizers.py --model siggraph17 --data ~/photos \\
      --init siggraph17-scenes.safetensors --rate 5e-4 --steps 1000 -o mine.pth
  limn colorize -m mine.safetensors old.jpg -o new.png
"""

NETWORK_SIDE = 256  # what limn resizes every picture to
TEMPERATURE = 0.38  # of the annealed mean
SPREAD = 5.0  # ab units: deviation with which a pixel's colour is distributed over the nearest bins
VALIDATED, MEASURED = 8, 40  # number of scenes for the curve and for the record
SAMPLES = Path(__file__).resolve().parents[2] / "weights" / "samples"
HINT_RADIUS = 4

Picture = tuple[np.ndarray, np.ndarray]  # uint8 RGB H x W x 3, objects H x W


# ---- Pictures ----------------------------------------------------------------------------------


def squeezed(image: Image.Image) -> np.ndarray:
    """The picture resized to the network's size, as in limn."""
    return np.asarray(image.resize((NETWORK_SIDE, NETWORK_SIDE), Image.BICUBIC))


def drawn(seed: int, number: int) -> Picture:
    """A scene of random width, resized to the network's size."""
    width = int(np.random.default_rng([seed, number, 1]).integers(224, 352))
    scene = scenes.scene(seed, number, NETWORK_SIDE, width)
    objects = Image.fromarray(scene.objects).resize((NETWORK_SIDE, NETWORK_SIDE), Image.NEAREST)
    return squeezed(Image.fromarray(scene.rgb)), np.asarray(objects)


def source(options) -> Callable[[int], Picture]:
    """A function that returns pictures by number: drawings and a share of photographs, or those of --data."""
    nothing = np.zeros((NETWORK_SIDE, NETWORK_SIDE), np.uint8)
    if options.data:
        own = [squeezed(image) for image in folders.pictures(options.data).values()]
        order = np.random.default_rng(options.seed)
        return lambda number: (own[order.integers(len(own))], nothing)
    if not options.photographs:
        return partial(drawn, options.seed)
    packaged = [photograph.image for photograph in photographs.packaged() if not photograph.grey]

    def mixed(number: int) -> Picture:
        rng = np.random.default_rng([options.seed, number, 4])
        if rng.random() >= options.photographs:
            return drawn(options.seed, number)
        image = packaged[rng.integers(len(packaged))]
        piece = folders.window(rng, image, NETWORK_SIDE, least=NETWORK_SIDE / min(image.size))
        return np.asarray(piece), nothing

    return mixed


def windows(options, pictures: Callable[[int], Picture], step: int) -> list[Picture]:
    """A batch of square pieces, mirrored at random."""
    rng, side = np.random.default_rng([options.seed, step, 2]), options.side
    batch = []
    for number in range(step * options.batch, (step + 1) * options.batch):
        rgb, objects = pictures(number)
        y, x = rng.integers(NETWORK_SIDE - side + 1, size=2)
        part = np.s_[y : y + side, x : x + side]
        flip = np.s_[:, ::-1] if rng.random() < 0.5 else np.s_[:, :]
        batch.append((rgb[part][flip], objects[part][flip]))
    return batch


def lab_of(batch: list[Picture]) -> tuple[torch.Tensor, torch.Tensor]:
    """L and ab, N x 1 and N x 2 x H x W."""
    lab = lab_from_rgb(tensor_from_pictures([rgb for rgb, _ in batch]))
    return lab[:, :1], lab[:, 1:]


# ---- eccv16 ------------------------------------------------------------------------------------


def gamut() -> torch.Tensor:
    """The bins: centres, Q x 2, of the 10 x 10 squares in ab that contain sRGB colours."""
    steps = torch.linspace(0, 1, 52)
    rgb = torch.cartesian_prod(steps, steps, steps).T.reshape(1, 3, -1, 1)
    cells = (lab_from_rgb(rgb)[0, 1:, :, 0] / 10).round()
    return 10 * torch.unique(cells, dim=1).T.contiguous()


class Bins:
    """The colour bins, with the weight of each in the loss."""

    def __init__(self, centres: torch.Tensor, pictures: list[Picture]) -> None:
        self.centres = centres
        _, ab = lab_of(pictures)
        found = torch.bincount(self.nearest(F.avg_pool2d(ab, 4))[1][:, 0], minlength=len(centres)).float()
        share = found / found.sum()
        # The paper's weights with a root, because milder weights are better in a short training.
        weights = (0.5 * share + 0.5 / len(centres)) ** -0.5
        self.weights = weights / (share * weights).sum()  # mean 1 over the pixels

    def nearest(self, ab: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """Distances to the five nearest bins and their numbers, both pixels x 5."""
        pixels = ab.permute(0, 2, 3, 1).reshape(-1, 2)
        return torch.cdist(pixels, self.centres).topk(5, largest=False)

    def loss(self, logits: torch.Tensor, ab: torch.Tensor) -> torch.Tensor:
        """Cross-entropy with the true ab, which has the size of the logits."""
        distance, number = self.nearest(ab)
        near = torch.softmax(-(distance**2) / (2 * SPREAD**2), 1)
        found = F.log_softmax(logits.permute(0, 2, 3, 1).reshape(-1, len(self.centres)), 1)
        return -((near * found.gather(1, number)).sum(1) * self.weights[number[:, 0]]).mean()


def eccv16_network(options) -> tuple[Network, torch.Tensor]:
    """The network and its bins, which are the weights of its last convolution and are not trained."""

    def fill(make: Maker) -> None:
        centres = gamut()
        eccv16.fill(make, options.base, len(centres))
        make.weights["model_out.weight"] = (centres.T[:, :, None, None] / 110).contiguous().numpy()

    network = set_up(options, "eccv16", fill)
    network.freeze("model_out.weight")
    return network, 110 * network.weights["model_out.weight"][:, :, 0, 0].T.contiguous()


def eccv16_loss(network: Network, bins: Bins, batch: list[Picture]) -> torch.Tensor:
    lightness, ab = lab_of(batch)
    (logits,) = features(eccv16.forward, network, lightness, ("model8.6",))
    # The graph applies a plain softmax. Training with scaled logits gives the annealed mean.
    return bins.loss(TEMPERATURE * logits, F.avg_pool2d(ab, 4))


# ---- siggraph17 --------------------------------------------------------------------------------


def siggraph17_loss(network: Network, rng: np.random.Generator, batch: list[Picture]) -> torch.Tensor:
    lightness, ab = lab_of(batch)
    drawings = [
        hints.drawn(rng, colours, objects)
        for colours, (_, objects) in zip(ab.permute(0, 2, 3, 1).numpy(), batch, strict=True)
    ]
    truth, given, weights = [
        torch.from_numpy(np.stack(column)).permute(0, 3, 1, 2) for column in zip(*drawings, strict=True)
    ]
    found = siggraph17.forward(network, torch.cat([lightness, given], 1), ignore)
    error = F.smooth_l1_loss(found / 110, truth / 110, beta=0.05, reduction="none")
    return 10 * (error * weights).mean()


# ---- Training ----------------------------------------------------------------------------------


def colours(options, network: Network, lightness: torch.Tensor) -> torch.Tensor:
    if options.model == "eccv16":
        return eccv16.forward(network, lightness, ignore)
    nothing = lightness.new_zeros(lightness.shape[0], 3, *lightness.shape[2:])
    return siggraph17.forward(network, torch.cat([lightness, nothing], 1), ignore)


def train(options) -> loop.History:
    pictures = source(options)
    if options.model == "eccv16":
        network, centres = eccv16_network(options)
        bins = Bins(centres, [pictures(number) for number in range(64)])
        loss = partial(eccv16_loss, bins=bins)
    else:
        network = siggraph17_network(options)
        loss = partial(siggraph17_loss, rng=np.random.default_rng([options.seed, 3]))
    network.training = True
    optimiser, average = loop.Optimiser(network.parameters(), options), loop.Average(network)
    validation = lab_of([drawn(VALIDATION, number) for number in range(VALIDATED)])

    def step(number: int) -> float:
        value = optimiser.update(loss(network, batch=windows(options, pictures, number)), number)
        average.follow()
        return value

    def figures() -> dict[str, float]:
        if options.data:
            return {}
        with torch.no_grad():
            found = colours(options, average.network, validation[0])
        return {"ab error, drawn scenes": (found - validation[1]).norm(dim=1).mean().item()}

    history = loop.run(options, step, figures, average.network.state)
    batches = (windows(options, pictures, options.steps + extra) for extra in range(24))
    average.network.measure_norms(partial(loss, average.network, batch=batch) for batch in batches)
    loop.save(average.network.state(), options.output)
    return history


def siggraph17_network(options) -> Network:
    return set_up(options, "siggraph17", lambda make: siggraph17.fill(make, options.base))


# ---- Measuring ---------------------------------------------------------------------------------


def measure(limn: record.Limn, folder: Path, model: str) -> dict[str, Any]:
    """PSNR and Delta-E of held-out scenes and photographs, grey and colorized, and the effect of a hint."""
    figures: dict[str, Any] = {}
    photographs = {path.stem: np.asarray(Image.open(path).convert("RGB")) for path in sorted(SAMPLES.glob("*.png"))}
    drawings = {f"{number:02}": scenes.scene(HELD_OUT, number, 256, 320).rgb for number in range(MEASURED)}
    for kind, pictures in (("scenes", drawings), ("photographs", photographs)):
        truth, grey, found = (folder / f"{kind}-{name}" for name in ("truth", "grey", "found"))
        for place in (truth, grey):
            place.mkdir(exist_ok=True)
        for name, rgb in pictures.items():
            record.write_png(truth / f"{name}.png", rgb)
            record.write_png(grey / f"{name}.png", grey_of(rgb))
        limn.run("colorize", grey, "-o", found, "--force")
        figures[kind] = {
            "pictures": len(pictures),
            "grey": record.compared_pictures(limn, grey, truth),
            "found": record.compared_pictures(limn, found, truth),
        }
    if model == "siggraph17":
        figures["hints"] = hinted(limn, folder)
    return figures


def hinted(limn: record.Limn, folder: Path) -> dict[str, Any]:
    """Delta-E over a part whose colour cannot be known: automatic, and with one hint in its middle."""
    place = folder / "hints"
    place.mkdir(exist_ok=True)
    rows = []
    for number in range(MEASURED):
        scene = scenes.scene(HELD_OUT, number, 256, 320)
        found = largest_part(scene)
        if found is None:
            continue
        (y, x), where = found
        hint = place / f"{number:02}.txt"
        hint.write_text("{} {} #{:02x}{:02x}{:02x} {}\n".format(x, y, *scene.rgb[y, x], HINT_RADIUS))
        truth = record.write_png(place / f"{number:02}-truth.png", scene.rgb)
        grey = record.write_png(place / f"{number:02}-grey.png", grey_of(scene.rgb))
        row = {}
        for name, extra in (("automatic", ()), ("hinted", ("--hints", hint))):
            output = place / f"{number:02}-{name}.png"
            limn.run("colorize", grey, "-o", output, "--force", *extra)
            # Outside the part, take the truth, so that only the part is compared.
            inside = np.where(where[:, :, None], record.read_rgb(output), scene.rgb)
            only = record.write_png(place / f"{number:02}-{name}-inside.png", inside)
            row[name] = limn.compare(only, truth)["mean"]["delta_e_2000"] * where.size / int(where.sum())
        rows.append(row)
    mean = {name: float(np.mean([row[name] for row in rows])) for name in rows[0]}
    halved = sum(row["hinted"] <= row["automatic"] / 2 for row in rows)
    return {"regions": len(rows), "delta_e_automatic": mean["automatic"], "delta_e_hinted": mean["hinted"],
            "halved": halved}  # fmt: skip


def largest_part(scene: scenes.Scene) -> tuple[tuple[int, int], np.ndarray] | None:
    """The largest part of one colour of a car, balloon or person: a pixel well inside it, and its mask."""
    ab = lab_from_rgb(tensor_from_pictures([scene.rgb]))[0, 1:].permute(1, 2, 0).numpy()
    guesses = np.isin(scene.classes, (scenes.CAR, scenes.BALLOON, scenes.PERSON)) & (
        np.hypot(*np.moveaxis(ab, 2, 0)) > 20
    )
    best = None
    for number in np.unique(scene.objects[guesses]):
        middle = ab[guesses & (scene.objects == number)]
        for centre in np.unique((middle / 20).round(), axis=0) * 20:
            where = guesses & (scene.objects == number) & (np.hypot(*np.moveaxis(ab - centre, 2, 0)) < hints.ALIKE)
            if where.sum() >= 200 and (best is None or where.sum() > best[1].sum()):
                best = (hints.inner_pixel(where), where)
    return best


def main(arguments: list[str] | None = None) -> int:
    p = parser("Train weights for limn's colorizers.", EPILOG, steps=3000, batch=4, rate=2e-3)
    p.add_argument("--model", choices=("eccv16", "siggraph17"), required=True, help="graph to train")
    p.add_argument(
        "--base", type=int, default=16, help="channels of the first block (default %(default)s; published: 64)"
    )
    p.add_argument("--photographs", type=float, default=0.15, metavar="SHARE", help="share of photographs from "
        "scikit-image and scikit-learn among the drawings (default %(default)s)")  # fmt: skip
    p.add_argument("--side", type=int, default=160, help="side of a training window in pixels (default %(default)s)")
    options = parsed(p, arguments)
    if options.side % 8 or not 32 <= options.side <= NETWORK_SIDE:
        p.error(f"--side must be a multiple of 8 from 32 to {NETWORK_SIDE}")
    if not 0 <= options.photographs <= 1:
        p.error("--photographs must be from 0 to 1")
    if options.photographs and not options.data:
        options.source += ", and photographs of scikit-image and scikit-learn"
    history = train(options) if options.steps else None
    record.finish(options, history, partial(measure, model=options.model), Choices())
    return 0


if __name__ == "__main__":
    run(main)

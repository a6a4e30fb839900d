#!/usr/bin/env python3
"""Train weights for limn's siggraph17 graph on photographs: colours from hints that have been spread, or from none.

Needs torch, numpy, pillow and scikit-image; measuring also needs scipy. limn spreads the hints over the picture before
the network sees them (training/spread.py). Half of the pictures are recoloured, as a whole or by segments, so that the
network follows the hints and not its memory; hinted pixels count little in the loss, so that it does not copy them.
"""

from __future__ import annotations

import math
import os
import sys
from pathlib import Path
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from PIL import Image

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from checkpoint.metadata import Choices
from evaluation import colour as evaluation
from reference import siggraph17
from reference.parameters import ignore

from training import loop, photo_parts, point_hints, record
from training.colour import lab_from_rgb, tensor_from_pictures
from training.network import Network, set_up
from training.options import parsed, parser, run
from training.spread import spread

EPILOG = """\
example (siggraph17-photos):
  python3 tools/training/train_siggraph17.py --data photos/open --small photos/flowers --vivid --steps 4000 -o vivid.pth
  python3 tools/training/train_siggraph17.py --data photos/open --small photos/flowers --init vivid.pth --steps 1400 \\
      --rate 6e-4 --automatic 0.4 --seed 2 -o siggraph17-photos.pth

A training that was stopped goes on from OUT.pth.state, which is written at every checkpoint, with the same command.
"""

COUNTS = (0, 10, 30, 100)  # hints of the validation pictures
SMALL_EVERY = 40  # validate with each 40th small picture

Rows = list[tuple[torch.Tensor, list[torch.Tensor]]]  # pictures in Lab, with hints that have spread, by COUNTS


# ---- Pictures ----------------------------------------------------------------------------------


def batch_of(options, source: photo_parts.Source, step: int) -> tuple[torch.Tensor, ...]:
    """Pictures in Lab, N x 3, their hints after spreading, N x 3, and the mask of the hints, N x 1 x H x W."""
    rng = np.random.default_rng([options.seed, step])
    rows = []
    for _ in range(options.batch):
        rgb = source.picture(rng)
        lab = lab_from_rgb(tensor_from_pictures([rgb]))
        automatic = rng.random() < options.automatic
        if not automatic:
            lab = point_hints.recoloured(rng, rgb, lab)
        rows.append((lab, *point_hints.drawn(rng, lab, none=float(automatic))))
    lab, ab, mask = (torch.cat(column).to(options.device) for column in zip(*rows, strict=True))
    return lab, spread(lab[:, :1], ab, mask), mask


def validation_of(options) -> Rows:
    files = photo_parts.paths(options.data, "validation")
    if options.small:
        files += photo_parts.paths(options.small, "validation")[::SMALL_EVERY]
    rows = []
    for number, path in enumerate(files):
        with Image.open(path) as image:
            rgb = np.asarray(image.convert("RGB").resize((photo_parts.SIDE, photo_parts.SIDE), Image.BICUBIC))
        lab = lab_from_rgb(tensor_from_pictures([rgb]))
        spread_hints = []
        for count in COUNTS:
            rng = np.random.default_rng([number, count])
            places = [rng.integers(3, photo_parts.SIDE - 3, 2) for _ in range(count)]
            ab, mask = point_hints.squares(lab, [(int(y), int(x), 2) for y, x in places])
            spread_hints.append(spread(lab[:, :1], ab, mask).to(options.device))
        rows.append((lab.to(options.device), spread_hints))
    return rows


# ---- Training ----------------------------------------------------------------------------------


def colours(network: Network, lab: torch.Tensor, hints: torch.Tensor) -> torch.Tensor:
    return siggraph17.forward(network, torch.cat([lab[:, :1], hints], 1), ignore)


def loss_of(options, network: Network, lab: torch.Tensor, hints: torch.Tensor, mask: torch.Tensor) -> torch.Tensor:
    """A smooth absolute error of ab, in which hinted pixels count little."""
    with torch.autocast(lab.device.type, torch.bfloat16):
        found = colours(network, lab, hints).float()
    error = F.smooth_l1_loss(found / 110, lab[:, 1:] / 110, beta=0.02, reduction="none")
    weight = torch.where(mask > 0, 0.1, 1.0)
    if options.vivid:
        chroma = lab[:, 1:].norm(dim=1, keepdim=True)
        automatic = (mask.amax((1, 2, 3), keepdim=True) == 0).float()
        weight = weight * (1 + automatic * chroma / 15) / (1 + automatic)
    return 10 * (error * weight).mean()


def mixed(ab: torch.Tensor, hints: torch.Tensor) -> torch.Tensor:
    """limn's result for a picture: the network's and the spread colours, mixed as engine/pipelines/colorizer.h says."""
    confidence = hints[:, 2:]
    share = (1 - confidence) * (1 - confidence.mean())
    return share * ab + (1 - share) * hints[:, :2]


def psnr(ab: torch.Tensor, lab: torch.Tensor) -> float:
    return 10 * math.log10(220**2 / (ab - lab[:, 1:]).square().mean().item())


def validated(network: Network, rows: Rows) -> loop.Figures:
    """PSNR of ab, mean over the pictures, by number of hints: limn's and that of the spread hints alone."""
    figures = {}
    with torch.no_grad():
        for i, count in enumerate(COUNTS):
            found = [psnr(mixed(colours(network, lab, hints[i]), hints[i]), lab) for lab, hints in rows]
            figures[f"{count} hints"] = sum(found) / len(found)
            if count:
                figures[f"{count} spread"] = sum(psnr(hints[i][:, :2], lab) for lab, hints in rows) / len(rows)
    return figures


class Training:
    """The network under training, its running average and its optimiser."""

    def __init__(self, options) -> None:
        self.options, self.file = options, f"{options.output}.state"
        self.network = set_up(options, "siggraph17", lambda make: siggraph17.fill(make, options.base))
        self.average = loop.Average(self.network)
        for network in (self.network, self.average.network):
            network.to(options.device)
        self.network.training = True
        self.optimiser = loop.Optimiser(self.network.parameters(), options)
        self.source = photo_parts.Source(options.data, options.small, options.share, options.side)

    def step(self, number: int) -> float:
        batch = batch_of(self.options, self.source, number)
        value = self.optimiser.update(loss_of(self.options, self.network, *batch), number)
        self.average.follow()
        return value

    def keep(self, history: loop.History) -> None:
        state: dict[str, Any] = {
            "step": history.step,
            "network": self.network.state(),
            "average": self.average.network.state(),
            "adam": self.optimiser.adam.state_dict(),
            "points": history.points,
            "seconds": history.seconds,
        }
        loop.save(state, self.file)

    def resumed(self) -> loop.History:
        """Loads the state of a training that was stopped, if there is one."""
        if not os.path.exists(self.file):
            return loop.History()
        state = torch.load(self.file, map_location=self.options.device)
        self.network.load(state["network"])
        self.average.network.load(state["average"])
        self.average.count = state["step"]
        self.optimiser.adam.load_state_dict(state["adam"])
        print(f"goes on after step {state['step']}", flush=True)
        return loop.History(state["points"], state["seconds"])


def train(options) -> loop.History:
    training, rows = Training(options), validation_of(options)
    history = loop.run(
        options,
        training.step,
        lambda: validated(training.average.network, rows),
        training.average.network.state,
        history=training.resumed(),
        keep=training.keep,
    )
    os.remove(training.file)
    return history


def main(arguments: list[str] | None = None) -> int:
    p = parser("Train weights for limn's siggraph17 on photographs.", EPILOG, steps=6500, batch=4, rate=2e-3)
    add = p.add_argument
    add("--small", metavar="FOLDER", help="also train on small photographs, of about 256 pixels")
    add("--share", type=float, default=0.45, help="share of --data if there is --small (default %(default)s)")
    add("--automatic", type=float, default=0.2, metavar="SHARE", help="share without hints (default %(default)s)")
    add("--vivid", action="store_true", help="without hints, colourful pixels count more: the mean of colours is grey")
    add("--base", type=int, default=20, help="channels of the first block (default %(default)s; published: 64)")
    add("--side", type=int, default=160, help="side of a training window in pixels (default %(default)s)")
    add("--device", default="cpu", help="PyTorch's device, such as cuda (default %(default)s)")
    add("--licence", metavar="TEXT", help="licence of the weights, for their metadata")
    options = parsed(p, arguments)
    if not options.data:
        p.error("missing --data FOLDER")
    if options.side % 8 or not 32 <= options.side <= photo_parts.SIDE:
        p.error(f"--side must be a multiple of 8 from 32 to {photo_parts.SIDE}")
    if not (0 <= options.share <= 1 and 0 <= options.automatic <= 1):
        p.error("--share and --automatic must be from 0 to 1")
    places = [place for place in (options.data, options.small) if place]
    options.source = "photographs: " + "; ".join(map(photo_parts.described, places))
    history = train(options) if options.steps else None

    def measure(limn: record.Limn, folder: Path) -> dict[str, Any]:
        """The figures of tools/evaluation/colour.py on the test parts."""
        return {Path(place).name: evaluation.measure(limn.program, str(limn.weights), photo_parts.paths(place, "test"))
                for place in places}  # fmt: skip

    record.finish(options, history, measure, Choices(licence=options.licence, spread_hints=True))
    return 0


if __name__ == "__main__":
    run(main)

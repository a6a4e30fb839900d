"""The training loop: steps, learning rate, running average, checkpoints and the loss curve."""

from __future__ import annotations

import argparse
import math
import os
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import torch

from .network import Network, State

Figures = dict[str, float]


def learning_rate(step: int, steps: int, peak: float) -> float:
    """Linear warm-up over a twentieth of the steps, at most 200, then cosine decay to a thousandth of the peak."""
    warm = min(1.0, (step + 1) / max(1, min(200, steps // 20)))
    return peak * warm * (0.5 + 0.5 * math.cos(math.pi * step / steps)) + 1e-3 * peak


class Optimiser:
    """AdamW for a list of tensors, with the learning rate above; gradients are clipped to a norm of `clip`."""

    def __init__(
        self,
        tensors: list[torch.Tensor],
        options: argparse.Namespace,
        *,
        betas: tuple[float, float] = (0.9, 0.99),
        decay: float = 1e-3,
        clip: float = 5.0,
    ) -> None:
        self.tensors, self.options, self.clip = tensors, options, clip
        self.adam = torch.optim.AdamW(tensors, lr=options.rate, betas=betas, weight_decay=decay)

    def update(self, loss: torch.Tensor, step: int) -> float:
        """Takes one step down the gradient of `loss` and returns its value."""
        for group in self.adam.param_groups:
            group["lr"] = learning_rate(step, self.options.steps, self.options.rate)
        self.adam.zero_grad()
        loss.backward()
        torch.nn.utils.clip_grad_norm_(self.tensors, self.clip)
        self.adam.step()
        return loss.item()


class Average:
    """A network whose weights are the running average of another's, over about the last few hundred steps."""

    def __init__(self, network: Network, keep: float = 0.995) -> None:
        self.source, self.keep, self.count = network, keep, 0
        self.network = Network({name: tensor.numpy() for name, tensor in network.state().items()})

    def follow(self) -> None:
        self.count += 1
        keep = min(self.keep, self.count / (self.count + 10))  # follow closely at first
        with torch.no_grad():
            for name, tensor in self.network.weights.items():
                tensor.lerp_(self.source.weights[name], 1 - keep)


@dataclass
class History:
    """The course of a training: (step, mean loss since the last checkpoint, figures) at each checkpoint."""

    points: list[tuple[int, float, Figures]] = field(default_factory=list)
    seconds: float = 0  # of processor time

    @property
    def step(self) -> int:
        """Steps taken up to the last checkpoint."""
        return self.points[-1][0] if self.points else 0

    @property
    def loss(self) -> float:
        """Mean over the last tenth of the checkpoints."""
        last = [loss for _, loss, _ in self.points][-max(1, len(self.points) // 10) :]
        return sum(last) / len(last)


def run(
    options: argparse.Namespace,
    step: Callable[[int], float],
    figures: Callable[[], Figures],
    state: Callable[[], dict[str, Any]],
    history: History | None = None,
    keep: Callable[[History], None] | None = None,
) -> History:
    """Takes options.steps steps. Every options.every steps it prints figures, saves `state` to options.output and
    draws the curve.

    step: takes one step and returns its loss.
    history: of a training that goes on.
    keep: also called at every checkpoint, to save what going on needs.
    """
    history = history or History()
    losses, began = [], time.process_time() - history.seconds
    for number in range(history.step, options.steps):
        losses.append(step(number))
        if not math.isfinite(losses[-1]):
            raise SystemExit(f"error: the loss is no longer finite at step {number + 1}; try a lower --rate")
        if (number + 1) % options.every == 0 or number + 1 == options.steps:
            mean, losses = sum(losses) / len(losses), []
            found = figures()
            history.points.append((number + 1, mean, found))
            history.seconds = time.process_time() - began
            listed = "  ".join(f"{name} {value:.4g}" for name, value in found.items())
            print(f"step {number + 1:6}  loss {mean:.5f}  {history.seconds:6.0f} s of processor  {listed}", flush=True)
            save(state(), options.output)
            if keep:
                keep(history)
            if options.curve:
                draw_curve(options.curve, history)
    return history


def save(state: State | dict[str, Any], path: str | Path) -> None:
    """Writes a checkpoint under a temporary name and renames it, so that it is complete or absent."""
    part = f"{path}.part"
    torch.save(state, part)
    os.replace(part, path)


def draw_curve(path: str, history: History) -> None:
    """Writes a small PNG of the training loss over the steps, with the figures, if any, below it."""
    import matplotlib

    matplotlib.use("Agg")
    from matplotlib import pyplot

    steps = [step for step, _, _ in history.points]
    names = list(history.points[0][2])
    plots, axes = pyplot.subplots(1 + bool(names), 1, sharex=True, figsize=(6, 4.4 if names else 2.6), dpi=80,
                                  squeeze=False)  # fmt: skip
    axes = axes[:, 0]
    axes[0].plot(steps, [loss for _, loss, _ in history.points], color="black")
    axes[0].set_ylabel("training loss")
    for name in names:
        axes[1].plot(steps, [figures[name] for _, _, figures in history.points], label=name)
    if names:
        axes[1].legend(fontsize="small")
        axes[1].set_ylabel("validation")
    axes[-1].set_xlabel("step")
    plots.tight_layout()
    plots.savefig(f"{path}.part", format="png", pil_kwargs={"optimize": True})
    os.replace(f"{path}.part", path)
    pyplot.close(plots)

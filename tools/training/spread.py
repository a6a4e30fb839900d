"""Spreads colour hints over pictures, as engine/pipelines/spread.h describes: in PyTorch, for whole batches.

The engine computes the same for a picture of 256 x 256 pixels. Here a step of the random walk has the same length in
pixels for every size, since a training window is a part of such a picture.
"""

from __future__ import annotations

import torch
import torch.nn.functional as F

SWEEPS = (40, 20, 15, 10, 8)  # per grid, the coarsest first; each grid has half the side of the next
LOST = 1e-4  # probability that a step on the finest grid ends the walk; 4 times as much on each coarser one
_VARIANCE, _LEAST_VARIANCE, _LEAST_WEIGHT = 0.6, 2e-6, 1e-6
_NEIGHBOURS = [(dy, dx) for dy in (-1, 0, 1) for dx in (-1, 0, 1) if dy or dx]


def _around(x: torch.Tensor, mode: str = "replicate") -> list[torch.Tensor]:
    """The eight neighbours of every pixel, each N x C x H x W."""
    height, width = x.shape[2:]
    padded = F.pad(x, (1, 1, 1, 1), mode=mode)
    return [padded[..., 1 + dy : height + 1 + dy, 1 + dx : width + 1 + dx] for dy, dx in _NEIGHBOURS]


def _weights(lightness: torch.Tensor) -> torch.Tensor:
    """The probability of a step to each neighbour, 8 x N x 1 x H x W; lightness in 0..1."""
    near = torch.stack(_around(lightness))
    variance = torch.cat([lightness[None], near]).var(0, unbiased=False)
    weight = torch.exp(-((near - lightness) ** 2) / (_VARIANCE * variance).clamp(min=_LEAST_VARIANCE))
    inside = torch.stack(_around(torch.ones_like(lightness), "constant"))
    weight = weight.clamp(min=_LEAST_WEIGHT) * inside
    return weight / weight.sum(0)


def _sweep(weights: torch.Tensor, free: list[torch.Tensor], x: torch.Tensor) -> torch.Tensor:
    """One Gauss-Seidel sweep: the pixels of a set are computed together, since none is a neighbour of another."""
    for pixels in free:
        found = sum(weight * near for weight, near in zip(weights, _around(x), strict=True))
        x = torch.where(pixels, found, x)
    return x


def _free(mask: torch.Tensor) -> list[torch.Tensor]:
    """The pixels without a hint, in four sets of equal y % 2 and x % 2."""
    y, x = (torch.arange(size, device=mask.device) % 2 for size in mask.shape[2:])
    return [(y[:, None] == a) & (x == b) & (mask == 0) for a in (0, 1) for b in (0, 1)]


def _halved(x: torch.Tensor) -> torch.Tensor:
    return F.avg_pool2d(x, 2, ceil_mode=True, count_include_pad=False)


def spread(lightness: torch.Tensor, ab: torch.Tensor, mask: torch.Tensor) -> torch.Tensor:
    """Spreads hints over pictures of 16 or more pixels a side.

    lightness: L in 0..100, N x 1 x H x W; ab: colours of the hints, N x 2 x H x W; mask: 1 on hints, else 0.
    Returns a, b and the confidence in them, 0..1, N x 3 x H x W; all 0 without hints.
    """
    lightnesses, hints = [lightness / 100], [torch.cat([ab * mask, mask], 1)]
    for _ in SWEEPS[1:]:
        lightnesses.append(_halved(lightnesses[-1]))
        mean = _halved(hints[-1])
        hints.append(torch.where(mean[:, 2:] > 0, mean / mean[:, 2:].clamp(min=1e-9), mean))
    x = torch.zeros_like(hints[-1])
    for level in reversed(range(len(SWEEPS))):
        hint = hints[level]
        if level < len(SWEEPS) - 1:
            x = F.interpolate(x, scale_factor=2, mode="bilinear")[..., : hint.shape[2], : hint.shape[3]]
        x = torch.where(hint[:, 2:] > 0, hint, x)
        weights, free = _weights(lightnesses[level]) * (1 - LOST * 4**level), _free(hint[:, 2:])
        for _ in range(SWEEPS[len(SWEEPS) - 1 - level]):
            x = _sweep(weights, free, x)
    return torch.cat([x[:, :2] / x[:, 2:].clamp(min=1e-9), x[:, 2:]], 1)

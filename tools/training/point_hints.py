"""Pictures with colour hints at random points, for training: some recoloured, so that a network must follow the hints."""

from __future__ import annotations

import numpy as np
import torch
from skimage.segmentation import felzenszwalb

from .colour import lab_from_rgb, rgb_from_lab

MOST = 120  # hints


def in_gamut(lab: torch.Tensor) -> torch.Tensor:
    """The nearest sRGB colours of about the same lightness; L stays."""
    return torch.cat([lab[:, :1], lab_from_rgb(rgb_from_lab(lab))[:, 1:]], 1)


def turned(rng: np.random.Generator, ab: torch.Tensor) -> torch.Tensor:
    """All colours turned by one angle and scaled."""
    angle, scale = rng.uniform(0, 2 * np.pi), rng.uniform(0.6, 1.4)
    turn = torch.tensor([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]], dtype=torch.float32)
    return scale * torch.einsum("ij,njhw->nihw", turn, ab)


def repainted(rng: np.random.Generator, rgb: np.ndarray, ab: torch.Tensor) -> torch.Tensor:
    """Four of five segments in a random colour each, with half of the deviations from their mean colour."""
    size = int(np.exp(rng.uniform(np.log(60), np.log(1500))))
    segments = torch.from_numpy(felzenszwalb(rgb, scale=rng.uniform(60, 400), sigma=0.8, min_size=size))
    count = int(segments.max()) + 1
    change = torch.from_numpy(rng.random(count) < 0.8)[segments]
    angle = torch.from_numpy(rng.uniform(0, 2 * np.pi, count).astype(np.float32))
    chroma = torch.from_numpy(rng.uniform(0, 60, count).astype(np.float32))
    flat = segments.flatten()
    total = torch.zeros(2, count).index_add_(1, flat, ab[0].flatten(1))
    mean = total / torch.bincount(flat, minlength=count).clamp(min=1)
    new = torch.stack([chroma * angle.cos(), chroma * angle.sin()])[:, segments]
    return torch.where(change, new + 0.5 * (ab[0] - mean[:, segments]), ab[0])[None]


def recoloured(rng: np.random.Generator, rgb: np.ndarray, lab: torch.Tensor) -> torch.Tensor:
    """A picture, 1 x 3 x H x W, as it is (half of the time), turned, or repainted by segments."""
    kind = rng.random()
    if kind < 0.5:
        return lab
    ab = turned(rng, lab[:, 1:]) if kind < 0.65 else repainted(rng, rgb, lab[:, 1:])
    return in_gamut(torch.cat([lab[:, :1], ab], 1))


def squares(lab: torch.Tensor, points: list[tuple[int, int, int]]) -> tuple[torch.Tensor, torch.Tensor]:
    """The hints at points (y, x, radius), squares of mean colour: ab, 1 x 2 x H x W, and their mask."""
    ab, mask = torch.zeros_like(lab[:, 1:]), torch.zeros_like(lab[:, :1])
    for y, x, radius in points:
        square = np.s_[:, :, max(y - radius, 0) : y + radius + 1, max(x - radius, 0) : x + radius + 1]
        ab[square] = lab[:, 1:][square].mean((2, 3), keepdim=True)
        mask[square] = 1
    return ab, mask


def drawn(rng: np.random.Generator, lab: torch.Tensor, none: float) -> tuple[torch.Tensor, torch.Tensor]:
    """Hints at uniform places; their number is log-uniform from 1 to MOST, their sides are 1 to 9 pixels.

    none: probability of no hints.
    """
    height, width = lab.shape[2:]
    points: list[tuple[int, int, int]] = []
    if rng.random() < none:
        return squares(lab, points)
    for _ in range(int(np.exp(rng.uniform(0, np.log(MOST + 1))))):
        radius = int(rng.choice([0, 1, 2, 2, 2, 3, 4]))
        y, x = (int(v) for v in rng.integers((height, width)))
        points.append((y, x, radius))
    return squares(lab, points)

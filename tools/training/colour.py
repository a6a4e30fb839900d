"""Differentiable conversion of sRGB and CIE Lab (D65, 2 degrees): N x 3 x H x W float32, RGB in 0..1, L in 0..100."""

from __future__ import annotations

import numpy as np
import torch

# The matrix and white of scikit-image, which limn also uses.
XYZ_FROM_RGB = torch.tensor(
    [[0.412453, 0.357580, 0.180423], [0.212671, 0.715160, 0.072169], [0.019334, 0.119193, 0.950227]]
)
RGB_FROM_XYZ = torch.linalg.inv(XYZ_FROM_RGB.double()).float()
WHITE = torch.tensor([0.95047, 1.0, 1.08883]).view(1, 3, 1, 1)


def _mixed(matrix: torch.Tensor, x: torch.Tensor) -> torch.Tensor:
    return torch.einsum("ij,njhw->nihw", matrix, x)


def lab_from_rgb(rgb: torch.Tensor) -> torch.Tensor:
    linear = torch.where(rgb > 0.04045, ((rgb + 0.055) / 1.055) ** 2.4, rgb / 12.92)
    xyz = _mixed(XYZ_FROM_RGB, linear) / WHITE
    f = torch.where(xyz > 0.008856, xyz.clamp(min=1e-6) ** (1 / 3), 7.787 * xyz + 16 / 116)
    x, y, z = f.split(1, 1)
    return torch.cat([116 * y - 16, 500 * (x - y), 200 * (y - z)], 1)


def rgb_from_lab(lab: torch.Tensor) -> torch.Tensor:
    """Clipped to 0..1."""
    lightness, a, b = lab.split(1, 1)
    y = (lightness + 16) / 116
    f = torch.cat([y + a / 500, y, (y - b / 200).clamp(min=0)], 1)
    xyz = torch.where(f > 0.2068966, f**3, (f - 16 / 116) / 7.787) * WHITE
    linear = _mixed(RGB_FROM_XYZ, xyz).clamp(0, 1)
    return torch.where(linear > 0.0031308, 1.055 * linear.clamp(min=1e-4) ** (1 / 2.4) - 0.055, 12.92 * linear)


def tensor_from_pictures(pictures: list[np.ndarray]) -> torch.Tensor:
    """Converts uint8 pictures of equal size, H x W x 3, to N x 3 x H x W in 0..1."""
    stack = torch.from_numpy(np.stack(pictures))
    return stack.permute(0, 3, 1, 2).float().div(255)


def normalised(rgb: torch.Tensor) -> torch.Tensor:
    """Normalised for a ResNet with ImageNet's mean and deviation, as torchvision's networks were trained."""
    mean, deviation = (torch.tensor(v).view(1, 3, 1, 1) for v in ((0.485, 0.456, 0.406), (0.229, 0.224, 0.225)))
    return (rgb - mean) / deviation


def grey_of(rgb: np.ndarray) -> np.ndarray:
    """A picture in grey, uint8 H x W x 3, with the lightness L alone."""
    lab = lab_from_rgb(tensor_from_pictures([rgb]))
    lab[:, 1:] = 0
    grey = rgb_from_lab(lab)[0].permute(1, 2, 0) * 255
    return grey.round().byte().numpy()

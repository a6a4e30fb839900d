"""The steps around the colorizers' networks, in float64 and written from the sources: Pillow's resampling, Lab as
scikit-image computes it, OpenCV's 8-bit resizing and Lab, the vae's colour encoder, hints, and PyTorch's
interpolation."""

from __future__ import annotations

from statistics import NormalDist

import numpy as np

# Lab: skimage/color/colorconv.py

XYZ = np.array([[0.412453, 0.357580, 0.180423], [0.212671, 0.715160, 0.072169], [0.019334, 0.119193, 0.950227]])
WHITE = np.array([0.95047, 1, 1.08883])


def rgb2lab(rgb: np.ndarray) -> np.ndarray:
    v = rgb[..., :3] / 255.0
    linear = np.where(v > 0.04045, ((v + 0.055) / 1.055) ** 2.4, v / 12.92)
    t = linear @ XYZ.T / WHITE
    x, y, z = np.moveaxis(np.where(t > 0.008856, np.cbrt(t), 7.787 * t + 16 / 116), -1, 0)
    return np.stack([116 * y - 16, 500 * (x - y), 200 * (y - z)], -1)


def lab2rgb(lab: np.ndarray) -> np.ndarray:
    lightness, a, b = np.moveaxis(lab, -1, 0)
    y = (lightness + 16) / 116
    t = np.stack([y + a / 500, y, np.maximum(y - b / 200, 0)], -1)
    linear = np.where(t > 0.2068966, t**3, (t - 16 / 116) / 7.787) * WHITE @ np.linalg.inv(XYZ).T
    v = np.where(linear > 0.0031308, 1.055 * np.maximum(linear, 0) ** (1 / 2.4) - 0.055, 12.92 * linear)
    return np.floor(np.clip(v, 0, 1) * 255 + 0.5).astype(np.uint8)


# Pillow: src/libImaging/Resample.c


def _cubic(x: np.ndarray, a: float = -0.5) -> np.ndarray:
    x = np.abs(x)
    far = (((x - 5) * x + 8) * x - 4) * a
    return np.where(x < 1, ((a + 2) * x - (a + 3)) * x * x + 1, np.where(x < 2, far, 0))


def _bicubic(picture: np.ndarray, to: int, axis: int) -> np.ndarray:
    size = picture.shape[axis]
    if size == to:
        return picture
    scale = size / to
    stretch = max(scale, 1)
    matrix = np.zeros((to, size), np.int64)
    for i in range(to):
        centre = (i + 0.5) * scale
        first, end = max(int(centre - 2 * stretch + 0.5), 0), min(int(centre + 2 * stretch + 0.5), size)
        weights = _cubic((np.arange(first, end) - centre + 0.5) / stretch)
        weights = weights / weights.sum() * (1 << 22)
        matrix[i, first:end] = np.trunc(weights + np.copysign(0.5, weights))
    sums = np.moveaxis(np.tensordot(matrix, picture.astype(np.int64), (1, axis)), 0, axis)
    return np.clip((sums + (1 << 21)) >> 22, 0, 255).astype(np.uint8)


def bicubic(picture: np.ndarray, height: int, width: int) -> np.ndarray:
    rows_less, columns_less = picture.shape[0] - height, picture.shape[1] - width
    if rows_less > 0 and rows_less > 2 * columns_less:
        return _bicubic(_bicubic(picture, height, 0), width, 1)
    return _bicubic(_bicubic(picture, width, 1), height, 0)


# OpenCV: modules/imgproc/src/resize.cpp, color_lab.cpp


def _linear_taps(size: int, to: int) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    place = ((np.arange(to) + 0.5) * (size / to) - 0.5).astype(np.float32)
    low = np.floor(place)
    weights = np.rint((place - low) * 2048).astype(np.int64), np.rint((1 - (place - low)) * 2048).astype(np.int64)
    return *(np.clip(low.astype(np.int64) + step, 0, size - 1) for step in (0, 1)), weights[1], weights[0]


def resize_linear(picture: np.ndarray, side: int) -> np.ndarray:
    rgb = picture[..., :3].astype(np.int64)
    left, right, left_weight, right_weight = _linear_taps(rgb.shape[1], side)
    upper, lower, upper_weight, lower_weight = _linear_taps(rgb.shape[0], side)
    across = (rgb[:, left] * left_weight[:, None] + rgb[:, right] * right_weight[:, None]) >> 4
    parts = across[upper] * upper_weight[:, None, None] >> 16, across[lower] * lower_weight[:, None, None] >> 16
    return ((parts[0] + parts[1] + 2) >> 2).astype(np.uint8)


def lab8(rgb: np.ndarray) -> np.ndarray:
    v = np.arange(256) / 255
    linear = np.rint(2040 * np.where(v <= 0.04045, v / 12.92, ((v + 0.055) / 1.055) ** 2.4)).astype(np.int64)
    weights = np.rint(4096 * XYZ / np.array([[0.950456], [1], [1.088754]])).astype(np.int64)
    t = ((linear[rgb] @ weights.T + 2048) >> 12) / 2040
    root = np.rint(np.float32(32768) * np.where(t < 0.008856, t * 7.787 + 16 / 116, np.cbrt(t)).astype(np.float32))
    x, y, z = np.moveaxis(root.astype(np.int64), -1, 0)
    half = 128 << 15
    lab = np.stack([296 * y - 1336934, 500 * (x - y) + half, 200 * (y - z) + half], -1)
    return (lab + 16384) >> 15


# The vae's colour encoder: aditya12agd5/pytorch_divcolor vae.py


def _conv(x: np.ndarray, weight: np.ndarray, bias: np.ndarray, stride: int) -> np.ndarray:
    """C x H x W, zeros around for half the kernel."""
    pad = weight.shape[2] // 2
    windows = np.lib.stride_tricks.sliding_window_view(
        np.pad(x, ((0, 0), (pad, pad), (pad, pad))), weight.shape[2:], (1, 2)
    )
    return np.einsum("ihwkl,oikl->ohw", windows[:, ::stride, ::stride], weight) + bias[:, None, None]


def encode(weights: dict[str, np.ndarray], ab: np.ndarray) -> np.ndarray:
    """2 x 64 x 64 in -1..1 to the mean of the latent."""
    x = ab
    for number in (1, 2, 3, 4):
        conv, norm = (f"enc_{kind}{number}." for kind in ("conv", "bn"))
        x = np.maximum(_conv(x, weights[conv + "weight"], weights[conv + "bias"], 2), 0)
        mean, variance, scale, shift = (
            weights[norm + part][:, None, None] for part in ("running_mean", "running_var", "weight", "bias")
        )
        x = (x - mean) / np.sqrt(variance + 1e-5) * scale + shift
    both = weights["enc_fc1.weight"] @ x.ravel() + weights["enc_fc1.bias"]
    return both[: len(both) // 2]


# PyTorch: interpolate(mode="bilinear", align_corners=False)


def _interpolation(size: int, to: int) -> np.ndarray:
    place = np.maximum((np.arange(to) + 0.5) * size / to - 0.5, 0)
    low = np.minimum(place.astype(np.int64), size - 1)
    matrix = np.zeros((to, size))
    np.add.at(matrix, (np.arange(to), low), 1 - (place - low))
    np.add.at(matrix, (np.arange(to), np.minimum(low + 1, size - 1)), place - low)
    return matrix


def interpolate(plane: np.ndarray, height: int, width: int) -> np.ndarray:
    return _interpolation(plane.shape[0], height) @ plane @ _interpolation(plane.shape[1], width).T


# limn's own


def hint_planes(
    hints: list[tuple[int, int, float, float, int]], height: int, width: int, side: int = 256
) -> np.ndarray:
    """3 x side x side: a, b, mask of hints (x, y, a, b, radius)."""
    planes = np.zeros((3, side, side))
    centres = np.arange(side) + 0.5
    for x, y, a, b, radius in hints:
        covered = []
        for at, size in ((y, height), (x, width)):
            place = centres * size / side
            inside = (place >= at - radius) & (place < at + radius + 1)
            inside[int((at + 0.5) * side / size)] = True
            covered.append(inside)
        planes[:, covered[0][:, None] & covered[1]] = np.array([[a], [b], [1]])
    return planes


def noise(seed: int, count: int) -> np.ndarray:
    """engine/pipelines/noise.h, by Python's own normal quantile."""
    values = []
    for i in range(1, count + 1):
        z = (seed + i * 0x9E3779B97F4A7C15) % 2**64
        z = (z ^ z >> 30) * 0xBF58476D1CE4E5B9 % 2**64
        z = (z ^ z >> 27) * 0x94D049BB133111EB % 2**64
        values.append(NormalDist().inv_cdf((((z ^ z >> 31) >> 12) + 0.5) / 2**52))
    return np.array(values, np.float32)


def join(picture: np.ndarray, ab: np.ndarray, saturation: float = 1, temperature: float = 0) -> np.ndarray:
    """The picture with the colours of ab, 2 x H x W; alpha as it is."""
    lab = rgb2lab(picture)
    for channel, shift in ((0, temperature / 3), (1, temperature)):
        lab[..., 1 + channel] = saturation * interpolate(ab[channel], *picture.shape[:2]) + shift
    return np.concatenate([lab2rgb(lab), picture[..., 3:]], -1)

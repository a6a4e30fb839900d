"""The upstream programs around the networks, step by step with the libraries that they call.

Pillow's resize() goes across a picture first and rounds in between; since version 13 it goes down first where that
takes away more than twice as many rows as columns. limn does as version 13 does. The pictures in pipelines.py have
sizes for which all versions go across first.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable, Sequence

import colorize_reference
import cv2
import numpy as np
import torch
import torch.nn.functional as F
from PIL import Image
from skimage.color import lab2rgb, rgb2lab

Network = Callable[..., torch.Tensor]
Hint = tuple[int, int, str, int]  # x, y, colour as #rrggbb, radius


def resized(picture: np.ndarray, width: int, height: int, filter: Image.Resampling) -> np.ndarray:
    return np.asarray(Image.fromarray(picture).resize((width, height), resample=filter))


def planes(picture: np.ndarray) -> torch.Tensor:
    """H x W x C to 1 x C x H x W."""
    return torch.from_numpy(np.ascontiguousarray(picture.transpose(2, 0, 1)))[None]


def as_rgb(picture: np.ndarray) -> np.ndarray:
    return picture if picture.ndim == 3 else np.tile(picture[..., None], 3)


# Colorization: richzhang/colorization `colorizers/util.py`


def preprocess(picture: np.ndarray) -> torch.Tensor:
    """preprocess_img: the network's L, 1 x 1 x 256 x 256."""
    small = resized(picture, 256, 256, Image.Resampling.BICUBIC)
    return torch.Tensor(rgb2lab(small)[:, :, 0])[None, None]


def postprocess(picture: np.ndarray, ab: torch.Tensor) -> np.ndarray:
    """postprocess_tens. Its caller saves with matplotlib, which cuts fractions of levels off; limn rounds."""
    lightness = torch.Tensor(rgb2lab(picture)[:, :, 0])[None, None]
    ab = F.interpolate(ab, size=picture.shape[:2], mode="bilinear", align_corners=False)
    lab = torch.cat((lightness, ab), dim=1)
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", message=".*(Z < 0|negative Z)")  # which become 0, as they do in limn
        rgb = lab2rgb(lab[0].numpy().transpose(1, 2, 0))
    return np.rint(255 * np.clip(rgb, 0, 1)).astype(np.uint8)


def colour(hint: Hint) -> tuple[float, float]:
    """a and b of a hint."""
    rgb = np.array([[list(bytes.fromhex(hint[2][1:]))]], np.uint8)
    _, a, b = rgb2lab(rgb)[0, 0]
    return float(a), float(b)


def put_points(hints: Sequence[Hint]) -> torch.Tensor:
    """1 x 3 x 256 x 256, hint a, hint b and mask, for hints in a picture of 256 x 256.

    Source: put_point of junyanz/interactive-deep-colorization `DemoInteractiveColorization.ipynb`.
    """
    given = torch.zeros(1, 3, 256, 256)
    for hint in hints:
        x, y, _, p = hint
        given[0, :, y - p : y + p + 1, x - p : x + p + 1] = torch.tensor([*colour(hint), 1])[:, None, None]
    return given


def scale_points(hints: Sequence[Hint], height: int, width: int) -> torch.Tensor:
    """The same for hints in a picture of another size, which upstream does not take: by engine/pipelines/hints.h."""
    places = [(x, y, *colour((x, y, text, radius)), radius) for x, y, text, radius in hints]
    return torch.Tensor(colorize_reference.hint_planes(places, height, width))[None]


def vae_grey(picture: np.ndarray) -> torch.Tensor:
    """aditya12agd5/pytorch_divcolor `colordata.py`: 64 x 64, OpenCV's 8-bit Lab, L as -1..1."""
    small = cv2.resize(picture, (64, 64), interpolation=cv2.INTER_LINEAR)
    lightness = cv2.cvtColor(small, cv2.COLOR_RGB2LAB)[:, :, 0]
    return torch.Tensor(2 * lightness.astype(np.float64) / 255 - 1)[None, None]


def vae_ab(y: torch.Tensor) -> torch.Tensor:
    """The network's -1..1 as a and b: OpenCV stores a + 128, which `colordata.py` takes to 2 (a + 128) / 255 - 1."""
    return 127.5 * y - 0.5


# Segmentation


def deeplabv3(picture: np.ndarray, network: Network, shorter: int = 0) -> np.ndarray:
    """The classes by torchvision's documented example: ToTensor, Normalize, argmax over the network's output.

    With `shorter`, torchvision's Resize before, and the logits brought to the picture's size after.
    """
    height, width = picture.shape[:2]
    image = picture
    if shorter:
        side = min(height, width)
        image = resized(picture, shorter * width // side, shorter * height // side, Image.Resampling.BILINEAR)
    mean, deviation = (
        torch.tensor(values).view(1, 3, 1, 1) for values in ((0.485, 0.456, 0.406), (0.229, 0.224, 0.225))
    )
    logits = network((planes(image).to(torch.float32) / 255 - mean) / deviation)
    if shorter:
        logits = F.interpolate(logits, size=(height, width), mode="bilinear", align_corners=False)
    return logits.argmax(1)[0].numpy()


def unet_input(picture: np.ndarray, scale: float) -> torch.Tensor:
    """milesial/Pytorch-UNet `utils/data_loading.py`, BasicDataset.preprocess."""
    height, width = picture.shape[:2]
    image = resized(picture, int(scale * width), int(scale * height), Image.Resampling.BICUBIC)
    if (image > 1).any():
        image = image / 255.0
    return planes(image).to(torch.float32)


def unet(picture: np.ndarray, network: Network, scale: float, threshold: float) -> np.ndarray:
    """milesial/Pytorch-UNet `predict.py`, predict_img."""
    logits = network(unet_input(picture, scale))
    logits = F.interpolate(logits, size=picture.shape[:2], mode="bilinear", align_corners=False)
    if logits.shape[1] > 1:
        return logits.argmax(1)[0].numpy()
    return (torch.sigmoid(logits) > threshold)[0, 0].to(torch.int64).numpy()


def mask_to_image(classes: np.ndarray, values: list[int] | list[list[int]]) -> np.ndarray:
    """milesial/Pytorch-UNet `predict.py`, mask_to_image; [0, 1] are black and white. As RGB."""
    if values == [0, 1]:
        return as_rgb(np.asarray(Image.fromarray(classes == 1).convert("L")))
    mask = np.zeros((*classes.shape, *np.shape(values[0])), np.uint8)
    for number, value in enumerate(values):
        mask[classes == number] = value
    return as_rgb(mask)


# Generation and super-resolution


def save_image(batch: torch.Tensor, value_range: tuple[float, float] | None = None) -> np.ndarray:
    """torchvision `utils.py`, save_image(normalize=True): norm_range, make_grid, bytes."""
    if batch.shape[1] == 1:
        batch = batch.expand(-1, 3, -1, -1)
    low, high = value_range or (float(batch.min()), float(batch.max()))
    batch = batch.clamp(low, high).sub(low).div(max(high - low, 1e-5))
    count, _, height, width = batch.shape
    columns, padding = min(8, count), 2
    grid = batch[0]
    if count > 1:
        rows = -(-count // columns)
        grid = torch.zeros(3, rows * (height + padding) + padding, columns * (width + padding) + padding)
        for number, picture in enumerate(batch):
            top = number // columns * (height + padding) + padding
            left = number % columns * (width + padding) + padding
            grid[:, top : top + height, left : left + width] = picture
    return grid.mul(255).add(0.5).clamp(0, 255).permute(1, 2, 0).to(torch.uint8).numpy()


def enhancenet(picture: np.ndarray, network: Network) -> np.ndarray:
    """msmsajjadi/EnhanceNet-Code `enhancenet.py`: 0..1 in, clipped, rounded."""
    y = network(planes(picture).to(torch.float32) / 255)
    return np.rint(255 * np.clip(y[0].numpy().transpose(1, 2, 0), 0, 1)).astype(np.uint8)

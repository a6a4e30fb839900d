"""What the tests of `limn segment` share: small networks, and the pipeline in NumPy around the bare network."""

from __future__ import annotations

import functools
import json
import tempfile
from pathlib import Path

import model_tables
import numpy as np
from cli_support import ROOT, pixels, png, read_png, safetensors, succeeds

MEAN, DEVIATION = np.float32([0.485, 0.456, 0.406]), np.float32([0.229, 0.224, 0.225])
_folder = tempfile.TemporaryDirectory()  # removed when the tests end


# Networks


def write_weights(path: Path, tensors: dict[str, np.ndarray], **metadata: object) -> Path:
    """A file with limn.NAME metadata; what is no text goes in as JSON."""
    entries = {
        name: safetensors.tensor_of_bytes(memoryview(values.tobytes()), "F32", values.shape)
        for name, values in tensors.items()
    }
    texts = {f"limn.{key}": item if isinstance(item, str) else json.dumps(item) for key, item in metadata.items()}
    safetensors.write(str(path), entries, texts, True)
    return path


def network(path: Path, shapes: model_tables.Shapes, seed: int = 3, **metadata: object) -> Path:
    """Random weights of these shapes, whose logits are about equally large for a picture, so that classes vary."""
    tensors = model_tables.weights(shapes, seed)
    for name, values in tensors.items():
        if values.ndim == 4:
            values /= np.sqrt(values[0].size)
        else:  # norms that leave most of the few channels on the positive side of ReLU
            values[...] = np.abs(values) / (4 if name.endswith("running_mean") else 1)
    channels = next(shapes[name][1] for name in ("inc.double_conv.0.weight", "backbone.conv1.weight") if name in shapes)
    last = "outc.conv" if "outc.conv.bias" in shapes else "classifier.4"
    picture = smooth(48, 48, channels).transpose(2, 0, 1) / np.float32(255)
    logits = run(write_weights(path, tensors), picture, path.parent)
    mean, spread = logits.mean(axis=(1, 2)), logits.std(axis=(1, 2)) + 1e-6
    tensors[f"{last}.weight"] /= spread[:, None, None, None]
    tensors[f"{last}.bias"][...] = (tensors[f"{last}.bias"] - mean) / spread
    return write_weights(path, tensors, **metadata)


def unet(path: Path, channels: int = 3, classes: int = 4, seed: int = 3, **metadata: object) -> Path:
    return network(path, model_tables.unet(channels, classes, "transposed", False), seed, **metadata)


@functools.cache
def weights(name: str) -> Path:
    """A file of one of the networks that the tests share."""
    if name == "deeplabv3":
        return ROOT / "tests/goldens/deeplabv3.safetensors"  # 5 classes
    path = Path(_folder.name) / f"{name}.safetensors"
    if name == "voc":
        return network(path, model_tables.deeplabv3((1, 1, 1, 1), 21))
    channels, classes, seed = {
        "unet": (3, 4, 3), "grey": (1, 3, 5), "rgba": (4, 3, 3), "two": (3, 2, 3), "one": (3, 1, 3)
    }[name]  # fmt: skip
    return unet(path, channels, classes, seed)


# The reference


def resample(picture: np.ndarray, height: int, width: int, cubic: bool) -> np.ndarray:
    """Pillow's Image.resize (libImaging/Resample.c): across, then down, 22-bit weights, rounded after each."""
    for axis, size in ((1, width), (0, height)):
        if picture.shape[axis] == size:
            continue
        picture = np.moveaxis(picture, axis, 0)
        scale = picture.shape[0] / size
        stretch, reach = max(scale, 1.0), (2 if cubic else 1) * max(scale, 1.0)
        result = np.zeros((size, *picture.shape[1:]), np.uint8)
        for row in range(size):
            centre = (row + 0.5) * scale
            first, last = max(int(centre - reach + 0.5), 0), min(int(centre + reach + 0.5), picture.shape[0])
            t = np.abs((np.arange(first, last) - centre + 0.5) / stretch)
            if cubic:
                near, far = ((1.5 * t) - 2.5) * t * t + 1, (((t - 5) * t + 8) * t - 4) * -0.5
                taps = np.where(t < 1, near, np.where(t < 2, far, 0))
            else:
                taps = np.maximum(1 - t, 0)
            taps = taps / taps.sum() * (1 << 22)
            fixed = np.trunc(taps + np.where(taps < 0, -0.5, 0.5)).astype(np.int64)
            total = np.tensordot(fixed, picture[first:last].astype(np.int64), (0, 0)) + (1 << 21)
            result[row] = np.clip(total >> 22, 0, 255)
        picture = np.moveaxis(result, 0, axis)
    return picture


def bilinear(x: np.ndarray, height: int, width: int) -> np.ndarray:
    """torch.nn.functional.interpolate(mode="bilinear", align_corners=False) of the last two axes."""
    for axis, size in ((-2, height), (-1, width)):
        count = x.shape[axis]
        source = np.maximum((np.arange(size) + 0.5) * count / size - 0.5, 0)
        low = np.minimum(source.astype(int), count - 1)
        high = np.minimum(low + 1, count - 1)
        shape = [1] * x.ndim
        shape[axis] = size
        share = (source - low).reshape(shape)
        x = x.take(low, axis) * (1 - share) + x.take(high, axis) * share
    return x


def run(model: Path, x: np.ndarray, folder: Path) -> np.ndarray:
    """C x H x W => the network's output."""
    np.save(folder / "x.npy", np.ascontiguousarray(x[None], np.float32))
    succeeds("run", "-m", model, folder / "x.npy", "-o", folder / "y.npy", "--force")
    return np.load(folder / "y.npy")[0]


def normalised(picture: np.ndarray, size: tuple[int, int]) -> np.ndarray:
    rgb = resample(picture[..., :3], *size, cubic=False)
    return ((rgb.astype(np.float32) / np.float32(255) - MEAN) / DEVIATION).transpose(2, 0, 1)


def scaled(picture: np.ndarray, size: tuple[int, int]) -> np.ndarray:
    return (resample(picture, *size, cubic=True).astype(np.float32) / np.float32(255)).transpose(2, 0, 1)


def close_to(logits: np.ndarray, classes: np.ndarray) -> None:
    """Each class has the largest logit, but for float32 where two nearly tie."""
    chosen = np.take_along_axis(logits, classes[None].astype(int), 0)[0]
    assert (chosen >= logits.max(axis=0) - 1e-4 * np.abs(logits).max()).all()


# Running


def segment(folder: Path, model: Path, picture: np.ndarray, *options: object, view: str = "mask") -> np.ndarray:
    (folder / "in.png").write_bytes(png(picture))
    arguments = ["segment", "-m", model, "in.png", "-o", "out.png", "--force", "--view", view, *map(str, options)]
    assert succeeds(*arguments, cwd=folder) == b""
    return read_png((folder / "out.png").read_bytes())


def mask_of(folder: Path, model: Path, picture: np.ndarray, *options: object) -> np.ndarray:
    mask = segment(folder, model, picture, *options)
    assert mask.shape == (*picture.shape[:2], 3) and (mask == mask[..., :1]).all()
    return mask[..., 0]


def smooth(height: int, width: int, channels: int = 3) -> np.ndarray:
    """Blobs rather than noise, so that classes form regions."""
    return resample(pixels(height // 6 + 2, width // 6 + 2, channels, seed=8), height, width, cubic=True)

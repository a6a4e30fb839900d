"""Images in and out: files, PIL pictures and arrays, and what a result looks like for each."""

from __future__ import annotations

import os
import struct
import zlib
from typing import IO, TYPE_CHECKING, Any, Literal, TypeAlias

import numpy as np

from ._errors import InputError
from ._library import Picture

if TYPE_CHECKING:
    from numpy.typing import NDArray
    from PIL.Image import Image as PILImage

Pixels: TypeAlias = "NDArray[np.uint8]"
Image: TypeAlias = "str | os.PathLike[str] | Pixels | PILImage"
Kind = Literal["array", "pil"]


class Source:
    """An image as limn reads it: `pixels`, H x W x 3 or H x W x 4; whether it is `grey`; and its `kind`.

    A result is of the same kind. A path counts as a PIL picture.
    """

    def __init__(self, image: Image) -> None:
        self.kind: Kind = "array"
        if isinstance(image, np.ndarray):
            pixels = _checked(image)
        else:
            pixels = _of_pil(image)
            self.kind = "pil"
        self.grey = pixels.ndim == 2
        self.pixels: Pixels = np.repeat(pixels[:, :, np.newaxis], 3, axis=2) if self.grey else pixels

    def give(self, pixels: Pixels) -> Any:
        """A result for the caller, in the kind of the source."""
        return to_pil(pixels) if self.kind == "pil" else pixels


def _checked(image: NDArray[Any]) -> Pixels:
    if image.dtype != np.uint8 or image.ndim not in (2, 3) or (image.ndim == 3 and image.shape[2] not in (3, 4)):
        raise InputError(
            f"image: {image.dtype} of shape {image.shape}, expected uint8 of H x W, H x W x 3 or H x W x 4"
        )
    return image


def _of_pil(image: str | os.PathLike[str] | PILImage) -> Pixels:
    """Reads a file, or takes a PIL picture as it is."""
    if isinstance(image, (str, os.PathLike)):
        return pixels_of_file(image, os.fspath(image))
    if not hasattr(image, "convert"):
        raise InputError(f"image: {type(image).__name__}, expected a path, a PIL picture or a uint8 array")
    return _pixels_of_pil(image)


def pixels_of_file(file: str | os.PathLike[str] | IO[bytes], name: str) -> Pixels:
    """Reads a picture file upright, as limn does. `name` is its name in messages."""
    try:
        from PIL import Image as pil
        from PIL import ImageOps, UnidentifiedImageError
    except ImportError:
        raise ImportError(f"{name}: reading a file needs Pillow: pip install pillow") from None
    try:
        with pil.open(file) as opened:
            return _pixels_of_pil(ImageOps.exif_transpose(opened))
    except FileNotFoundError:
        raise
    except UnidentifiedImageError:
        raise InputError(f"{name}: not a picture that Pillow reads") from None
    except (OSError, SyntaxError, ValueError, pil.DecompressionBombError) as error:
        raise InputError(f"{name}: {error}") from None


def _pixels_of_pil(image: PILImage) -> Pixels:
    """16 bits are rounded to 8, palettes become colours, transparency becomes alpha."""
    if image.mode.startswith("I"):
        return ((np.asarray(image).astype(np.int64) * 255 + 32767) // 65535).clip(0, 255).astype(np.uint8)
    if "A" in image.mode or "a" in image.mode or "transparency" in image.info:
        return np.asarray(image.convert("RGBA"))
    return np.asarray(image.convert("L" if image.mode in ("1", "L") else "RGB"))


def to_pil(pixels: Pixels) -> PILImage:
    from PIL import Image as pil

    return pil.fromarray(pixels)


def rows_dense(pixels: Pixels) -> Pixels:
    """The same array if the pixels of each row are dense, else a copy: rows may be any distance apart."""
    channels = pixels.shape[2] if pixels.ndim == 3 else 1
    dense = pixels.strides[1:] == ((channels, 1) if pixels.ndim == 3 else (1,))
    return pixels if dense and pixels.strides[0] >= pixels.shape[1] * channels else np.ascontiguousarray(pixels)


def picture_of(pixels: Pixels) -> Picture:
    """A limn_picture of an array whose rows are dense. The array must outlive it."""
    channels = pixels.shape[2] if pixels.ndim == 3 else 1
    address = pixels.__array_interface__["data"][0]
    return Picture(address, pixels.shape[1], pixels.shape[0], channels, pixels.strides[0])


def luma(pixels: Pixels) -> Pixels:
    """Grey levels of R G B by the weights of ITU-R BT.601, as Pillow's convert("L")."""
    weighted = pixels.astype(np.uint32) @ np.array([19595, 38470, 7471], np.uint32)
    return ((weighted + 0x8000) >> 16).astype(np.uint8)


def png(pixels: Pixels) -> bytes:
    """A PNG file of H x W, H x W x 3 or H x W x 4 pixels, without the help of Pillow."""
    height, width = pixels.shape[:2]
    kind = {1: 0, 3: 2, 4: 6}[pixels.shape[2] if pixels.ndim == 3 else 1]
    rows = pixels.reshape(height, -1)
    raw = np.hstack([np.zeros((height, 1), np.uint8), rows]).tobytes()  # filter 0 before each row

    def chunk(name: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data))

    header = struct.pack(">IIBBBBB", width, height, 8, kind, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(raw, 6)) + chunk(b"IEND", b"")

"""Pictures into pictures: the pipelines of the limn program. They return the same bytes."""

from __future__ import annotations

import ctypes
import os
from collections.abc import Iterable
from typing import Any, Literal, NamedTuple, TypeAlias

import numpy as np

from . import _engine
from ._errors import UsageError
from ._images import Image, Pixels, Source, luma, picture_of, png, rows_dense
from ._library import (
    LIBRARY,
    Class,
    ColorizeOptions,
    GenerateOptions,
    HintC,
    SegmentOptions,
    call,
)
from ._model import Model
from ._watch import Progress, call_watched

Weights: TypeAlias = "Model | str | os.PathLike[str] | None"

_TASKS = {"segment": 0, "colorize": 1, "upscale": 2, "generate": 3}
_models: dict[str, Model] = {}


class Hint(NamedTuple):
    """A colour for a square of an image. Only its hue and saturation count: lightness is the image's.

    `x` and `y` are the column and row of the centre, from 0; the side is 2 * radius + 1 pixels; `color` is
    R G B, 0 to 255 each.
    """

    x: int
    y: int
    color: tuple[int, int, int]
    radius: int = 2


class ClassOf(NamedTuple):
    """A class of a segmentation: its name, and its colour, the one that the limn program uses."""

    name: str
    color: tuple[int, int, int]


def model_for(task: str, model: Weights) -> Model:
    """The model itself, or the one of these weights, which stays loaded. None: the default weights of the task."""
    if isinstance(model, Model):
        return model
    name = LIBRARY.limn_default_weights(_TASKS[task]).decode() if model is None else os.fspath(model)
    with _engine.models_lock():
        if name not in _models:
            _models[name] = Model(name)
        return _models[name]


def colorize(
    image: Image,
    model: Weights = None,
    *,
    hints: Iterable[Hint | tuple[Any, ...]] = (),
    seed: int | None = None,
    saturation: float = 1,
    temperature: float = 0,
    network_size: int = 0,
    spread: bool | None = None,
    progress: Progress | None = None,
) -> Any:
    """Colorizes an image. Colours that it has are ignored; its lightness and alpha are kept.

    Parameters
    ----------
    image
        A path, a PIL picture, or a uint8 array of H x W, H x W x 3 or H x W x 4.
    model
        A `Model`, or what it is loaded from. Default: siggraph17 if it was fetched, else siggraph17-photos.
    hints
        siggraph17: `Hint`s, or tuples (x, y, (r, g, b)) or (x, y, (r, g, b), radius). The last one applies
        where they overlap.
    seed
        vae: the random variant with this seed. Default: the mean colours.
    saturation
        Multiplies the colours: 0 is grey, at most 10.
    temperature
        -100 (cooler) to 100 (warmer).
    network_size
        eccv16, siggraph17: the network sees the image at this width and height, a multiple of 8 from 64 to
        1024. Default: 256.
    spread
        siggraph17: whether hints spread up to the edges of the things they lie on. Default: as the weights
        say.
    progress
        Called with the part that is done, 0 to 1, before each layer. If it returns False, the work ends with
        `Cancelled`.

    Returns
    -------
    A PIL picture for a path or a PIL picture; for an array an array of its size, H x W x 3 for H x W.

    Raises
    ------
    InputError, WeightsError, UsageError, MemoryLimitError, Cancelled

    Examples
    --------
    >>> import limnet, numpy as np
    >>> grey = np.linspace(0, 255, 64 * 64).astype(np.uint8).reshape(64, 64)
    >>> limnet.colorize(grey, hints=[(10, 20, (200, 50, 50))]).shape
    (64, 64, 3)
    """
    source = Source(image)
    listed = [Hint(*hint) for hint in hints]
    structs = (HintC * len(listed))(*(_hint(hint) for hint in listed))
    options = ColorizeOptions(hint_count=len(listed), saturation=saturation - 1, temperature=temperature)
    options.hints = ctypes.cast(structs, ctypes.POINTER(HintC)) if listed else None
    options.network_size = network_size
    options.spread = {None: 0, True: 1, False: 2}[spread]
    if seed is not None:
        options.seed = ctypes.pointer(ctypes.c_uint64(_seed(seed)))
    result = np.empty(source.pixels.shape, np.uint8)
    _run(LIBRARY.limn_colorize, model_for("colorize", model), source.pixels, result, options, progress=progress)
    return source.give(result)


def upscale(image: Image, scale: int | None = None, model: Weights = None, *, progress: Progress | None = None) -> Any:
    """Enlarges an image.

    Parameters
    ----------
    image
        A path, a PIL picture, or a uint8 array of H x W, H x W x 3 or H x W x 4.
    scale
        2, 3 or 4 for enhancenet. Default: the most that the network gives.
    model
        A `Model`, or what it is loaded from. Default: enhancenet.
    progress
        See `colorize`.

    Returns
    -------
    An image of the same kind, `scale` times as wide and high, with the channels of `image`.

    Raises
    ------
    InputError, WeightsError, UsageError, MemoryLimitError, Cancelled

    Examples
    --------
    >>> import limnet, numpy as np
    >>> limnet.upscale(np.zeros((20, 30, 3), np.uint8)).shape
    (80, 120, 3)
    >>> limnet.upscale(np.zeros((20, 30), np.uint8), scale=2).shape
    (40, 60)
    """
    source = Source(image)
    network = model_for("upscale", model)
    factor = ctypes.c_int()
    call(LIBRARY.limn_upscale_factor, network.handle, ctypes.byref(factor))
    scale = factor.value if scale is None else scale
    if not 2 <= scale <= factor.value:
        raise UsageError(f"scale {scale}: expected 2 to {factor.value}")
    height, width, channels = source.pixels.shape
    result = np.empty((height * scale, width * scale, channels), np.uint8)
    _run(LIBRARY.limn_upscale, network, source.pixels, result, progress=progress)
    return source.give(luma(result) if source.grey else result)


class Segmentation:
    """The class of each pixel of an image.

    Attributes
    ----------
    mask
        H x W, uint8: the number of the class of each pixel; 0 is the background.
    classes
        The name and the colour of each class, in the order of the numbers.
    """

    def __init__(self, source: Source, mask: Pixels, classes: list[ClassOf]) -> None:
        self._source = source
        self.mask = mask
        self.classes = classes

    def __repr__(self) -> str:
        counts = np.bincount(self.mask.ravel(), minlength=len(self.classes))
        found = {one.name: int(count) for one, count in zip(self.classes, counts, strict=True) if count}
        return f"<limnet.Segmentation {self.mask.shape[1]} x {self.mask.shape[0]}, pixels {found}>"

    def overlay(self) -> Any:
        """The image, half covered by the colour of each class but the background, as the same kind of image."""
        return self._source.give(self._overlay())

    def _overlay(self) -> Pixels:
        colours = np.array([one.color for one in self.classes], np.uint16)
        pixels: Pixels = self._source.pixels.copy()
        covered = self.mask > 0
        pixels[covered, :3] = (pixels[covered, :3].astype(np.uint16) + colours[self.mask[covered]] + 1) // 2
        return pixels

    def _repr_png_(self) -> bytes:
        return png(self._overlay())


def segment(
    image: Image,
    model: Weights = None,
    *,
    resize: int | Literal["full"] | None = None,
    scale: float | None = None,
    threshold: float | None = None,
    progress: Progress | None = None,
) -> Segmentation:
    """Segments an image into classes.

    Parameters
    ----------
    image
        A path, a PIL picture, or a uint8 array of H x W, H x W x 3 or H x W x 4.
    model
        A `Model`, or what it is loaded from. Default: deeplabv3 if it was fetched, else unet-nuclei.
    resize
        deeplabv3: pixels of the shorter side at which the network sees the image; "full" is the image's own
        size. Default: what the weights were made for.
    scale
        unet: size at which the network sees the image, relative to it, up to 100. Default: by the weights.
    threshold
        Networks of one class: a pixel is of the class above this probability. Default: 0.5.
    progress
        See `colorize`.

    Raises
    ------
    InputError, WeightsError, UsageError, MemoryLimitError, Cancelled

    Examples
    --------
    >>> import limnet, numpy as np
    >>> result = limnet.segment(np.zeros((64, 96, 3), np.uint8))
    >>> result.mask.shape
    (64, 96)
    >>> [one.name for one in result.classes]
    ['background', 'nucleus']
    """
    source = Source(image)
    network = model_for("segment", model)
    options = SegmentOptions(-1 if resize == "full" else resize or 0, scale or 0, threshold or 0)
    mask = np.empty(source.pixels.shape[:2], np.uint8)
    _run(LIBRARY.limn_segment, network, source.pixels, mask, options, progress=progress)
    return Segmentation(source, mask, _classes(network))


def generate(
    count: int = 16,
    seed: int = 0,
    model: Weights = None,
    *,
    fixed_range: bool = False,
    progress: Progress | None = None,
) -> Pixels:
    """Generates images from noise.

    Parameters
    ----------
    count
        How many, 1 to 2**20.
    seed
        0 to 2**64 - 1. The first images of a seed are the same for every `count` if `fixed_range` is set.
    model
        A `Model`, or what it is loaded from. Default: dcgan-landscapes.
    fixed_range
        True: black is -1 and white is 1. False: they are the least and the largest value of all images of the
        call.
    progress
        See `colorize`.

    Returns
    -------
    uint8 array of count x H x W x 3.

    Raises
    ------
    WeightsError, UsageError, MemoryLimitError, Cancelled

    Examples
    --------
    >>> import limnet
    >>> limnet.generate(2, seed=7).shape
    (2, 64, 64, 3)
    """
    network = model_for("generate", model)
    side = ctypes.c_int()
    call(LIBRARY.limn_generate_side, network.handle, ctypes.byref(side))
    if not 1 <= count <= 1 << 20:
        raise UsageError(f"count {count}: expected 1 to {1 << 20}")
    result = np.empty((count, side.value, side.value, 3), np.uint8)
    pictures = (type(picture_of(result[0])) * count)(*map(picture_of, result))
    options = GenerateOptions(_seed(seed), fixed_range)
    call_watched(LIBRARY.limn_generate, network.handle, pictures, count, ctypes.byref(options), progress=progress)
    return result


def _run(function: Any, model: Model, pixels: Pixels, result: Pixels, *options: Any, progress: Progress | None) -> None:
    """Calls a pipeline of limn.h: model, source, result, options of some, watch, error."""
    dense = rows_dense(pixels)
    source, made = picture_of(dense), picture_of(result)
    pointers = [ctypes.byref(one) for one in (source, made, *options)]
    call_watched(function, model.handle, *pointers, progress=progress)


def _hint(hint: Hint) -> HintC:
    if not all(0 <= level <= 255 for level in hint.color):
        raise UsageError(f"{hint}: expected levels of 0 to 255")
    return HintC(hint.x, hint.y, hint.radius, *hint.color)


def _seed(seed: int) -> int:
    if not 0 <= seed < 1 << 64:
        raise UsageError(f"seed {seed}: expected 0 to 2**64 - 1")
    return seed


def _classes(model: Model) -> list[ClassOf]:
    found, count = (Class * 256)(), ctypes.c_int()
    call(LIBRARY.limn_segment_classes, model.handle, found, ctypes.byref(count))
    return [ClassOf(one.name.decode(errors="replace"), (one.red, one.green, one.blue)) for one in found[: count.value]]

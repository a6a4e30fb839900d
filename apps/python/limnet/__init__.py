"""limn in Python: published image networks on a CPU, offline, without a framework.

>>> import limnet, numpy as np
>>> limnet.upscale(np.zeros((16, 16, 3), np.uint8)).shape
(64, 64, 3)

`colorize`, `upscale`, `segment` and `generate` do what the commands of the limn program do, and return the same
bytes. An image is a path, a PIL picture or a uint8 array; the result is of the same kind. `Model` runs a network on
tensors, and explains and measures it. Every failure is a `LimnError`.

Any number of threads may call any of this at the same time; the interpreter's lock is released meanwhile. Ctrl-C takes
effect before the next layer.
"""

from __future__ import annotations

from ._convert import fetch, published
from ._engine import configure, describe
from ._errors import Cancelled, InputError, LimnError, MemoryLimitError, UsageError, WeightsError
from ._model import Model
from ._pipelines import ClassOf, Hint, Segmentation, colorize, generate, segment, upscale
from ._show import draw_hints, show

__version__ = "0.1.0"

__all__ = [
    "Cancelled",
    "ClassOf",
    "Hint",
    "InputError",
    "LimnError",
    "MemoryLimitError",
    "Model",
    "Segmentation",
    "UsageError",
    "WeightsError",
    "colorize",
    "configure",
    "describe",
    "draw_hints",
    "fetch",
    "generate",
    "published",
    "segment",
    "show",
    "upscale",
]

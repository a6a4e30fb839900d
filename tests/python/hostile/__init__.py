"""Files that strangers could make to run something, to fill the memory, to take for ever, or to lie about weights.

`FILES` has them by format, then by name: how each is made, and what the converter says of it.
"""

from __future__ import annotations

from .archives import ARCHIVES
from .formats import LEGACY, SAFETENSORS, TABLES
from .made import CANARY, GENERATOR, Hostile
from .pickles import PICKLES
from .places import PLACES
from .tensors import TENSORS

__all__ = ["CANARY", "FILES", "GENERATOR", "Hostile"]

FILES = {
    "pickle": PICKLES,
    "zip": ARCHIVES | TENSORS | PLACES,
    "legacy": LEGACY,
    "table": TABLES,
    "safetensors": SAFETENSORS,
}

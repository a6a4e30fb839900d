"""The exceptions, one for each kind of failure (limn_status in limn.h)."""

from __future__ import annotations


class LimnError(Exception):
    """A call of limn failed. The text names the file, tensor or node, what was found and what was expected."""


class UsageError(LimnError, ValueError):
    """An argument is out of range, or does not apply to the model."""


class WeightsError(LimnError):
    """Weights were not found, are damaged, or belong to another network."""


class InputError(LimnError, ValueError):
    """An image or a tensor is damaged, too large, too small, or of the wrong shape."""


class MemoryLimitError(LimnError, MemoryError):
    """The work would exceed the memory or its limit. It is refused before it starts."""


class Cancelled(LimnError):
    """The progress function returned False."""


BY_STATUS: dict[int, type[LimnError]] = {
    2: UsageError,
    3: WeightsError,
    4: InputError,
    6: MemoryLimitError,
    7: Cancelled,
}

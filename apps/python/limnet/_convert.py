"""Weights from PyTorch and from the index of published checkpoints, by the converter of limn (limnet.checkpoint)."""

from __future__ import annotations

import os
from collections.abc import Mapping
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from ._errors import WeightsError

if TYPE_CHECKING:
    from numpy.typing import NDArray


def safetensors_of(state_dict: Mapping[str, Any], model: str | None) -> bytes:
    """The safetensors file of a state dict of NumPy arrays or PyTorch tensors. Raises WeightsError."""
    from .checkpoint import conversion
    from .checkpoint.tensor import NUMPY, Checkpoint, CheckpointError, Tensor

    dtypes = {dtype: name for name, dtype in NUMPY.items() if name != "BF16"}
    tensors: dict[str, Tensor] = {}
    for name, value in state_dict.items():
        array = _array(value)
        if array is not None and array.dtype in dtypes:
            tensors[name] = Tensor(dtypes[array.dtype], array.shape, partial(np.ascontiguousarray, array))
    try:
        return conversion.converted(Checkpoint(tensors), "a state dict", model)
    except CheckpointError as error:
        raise WeightsError(f"the state dict: {error}") from None


def _array(value: Any) -> NDArray[Any] | None:
    """The values of an array or a PyTorch tensor, on any device; None for anything else that a state dict may hold."""
    if isinstance(value, np.ndarray):
        return value
    if not hasattr(value, "detach"):
        return None
    value = value.detach().cpu()
    array: NDArray[Any] = (value.float() if "bfloat16" in str(value.dtype) else value).numpy()
    return array


def fetch(name: str, *, folder: str | os.PathLike[str] | None = None, force: bool = False) -> str:
    """Downloads a published checkpoint, checks it and converts it. `Model(name)` then finds it.

    Parameters
    ----------
    name
        "deeplabv3", "siggraph17", "eccv16", "unet" and others: `published()` lists them.
    folder
        Default: $LIMN_WEIGHTS or ~/.local/share/limn/weights, in which limn looks for weights.
    force
        Downloads again what exists already.

    Returns
    -------
    The path of the safetensors file.

    Raises
    ------
    WeightsError
        The name is unknown, the download failed or is not the published file. An incomplete download is kept
        and continued by the next call.
    OSError
        A file cannot be written.
    """
    from .checkpoint import catalog
    from .checkpoint.download import AnotherRunError, DownloadError
    from .checkpoint.tensor import CheckpointError

    entries = catalog.read_catalog(catalog.CATALOG)
    if name not in entries:
        raise WeightsError(f"{name}: no such published weights; expected one of {', '.join(entries)}")
    target = Path(folder) if folder is not None else catalog.usual_folder()
    path = target / f"{name}.safetensors"
    if path.exists() and not force:
        return str(path)
    target.mkdir(parents=True, exist_ok=True)
    try:
        catalog.fetch(entries[name], target, keep=False, force=force, timeout=30)
    except (AnotherRunError, DownloadError, CheckpointError) as error:
        raise WeightsError(str(error)) from None
    return str(path)


def published() -> dict[str, str]:
    """The names that `fetch` knows, each with a line about what it is.

    Examples
    --------
    >>> import limnet
    >>> limnet.published()["siggraph17"]
    'colorization, Zhang et al. 2017: with hints, or automatic'
    """
    from .checkpoint import catalog

    return {name: entry.title for name, entry in catalog.read_catalog(catalog.CATALOG).items()}

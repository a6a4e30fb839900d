"""Gives every tensor in an unpickled object a name: the way to it through dicts, lists and tuples.

A training checkpoint holds its state dict under a key of its author's choice, beside other values. The tensor `w` of
the state dict under "netG" is named `netG.w`, so that keys and the prefixes that wrappers add (`module.`) look alike;
models.py then searches one flat list of names.
"""

from __future__ import annotations

from collections import deque
from typing import Any

from . import pickle_reader
from .pickle_reader import Placeholder
from .tensor import Checkpoint, CheckpointError, Tensor

# Bounds for hostile files. Every container is visited once, so that the work is at most that of reading the pickle;
# without a limit the names could be far larger than the file. Checkpoints need 4 levels and names of 100 characters.
MAX_DEPTH = 8
MAX_NAME = 250
MAX_LISTED = 10  # keys in a message


def flattened(root: Any) -> Checkpoint:
    """All tensors and foreign objects inside `root`. Raises CheckpointError if there are none.

    Items of lists and items whose key is not text are named by their position, `[0]`. Tensors that are deeper than
    MAX_DEPTH or whose name is longer than MAX_NAME are left out.
    """
    if isinstance(root, Placeholder):
        raise CheckpointError(f"a pickled {root.name} object, expected a state dict: save model.state_dict()")
    if not isinstance(root, (dict, list, tuple)):
        raise _no_tensors(root)
    found = Checkpoint({})
    waiting: deque[tuple[str, int, Any]] = deque([("", 0, root)])  # breadth first: a shared dict has its shortest name
    seen = {id(root)}
    while waiting:
        path, depth, container = waiting.popleft()
        for key, value in _items(container):
            if len(path) + len(key) > MAX_NAME:
                continue
            name = path + key
            if key == "mask_values":  # Pytorch-UNet puts it among the weights
                found.mask_values.setdefault(name, value)
            elif isinstance(value, (Tensor, Placeholder)):
                _add(found, name, path, value)
            elif isinstance(value, (dict, list, tuple)) and depth < MAX_DEPTH and id(value) not in seen:
                seen.add(id(value))
                waiting.append((name + ".", depth + 1, value))
    if not found.tensors and not found.foreign:
        raise _no_tensors(root)
    return found


def _items(container: Any) -> Any:
    pairs = container.items() if isinstance(container, dict) else enumerate(container)
    return ((key if isinstance(key, str) else f"[{at}]", value) for at, (key, value) in enumerate(pairs))


def _add(found: Checkpoint, name: str, path: str, value: Tensor | Placeholder) -> None:
    if name in found.tensors or name in found.foreign:
        raise CheckpointError(f"tensor {name}: two entries of the file have this name")
    if isinstance(value, Tensor):
        found.tensors[name] = value
        found.homes[name] = path
    else:
        found.foreign[name] = value.name


def _no_tensors(root: Any) -> CheckpointError:
    if not isinstance(root, dict):
        return CheckpointError(f"a pickled {pickle_reader.kind(root)}, expected a state dict of named tensors")
    kinds = [f"{key[:MAX_NAME]} ({pickle_reader.kind(value)})" for key, value in _items(root)]
    only = f", only {', '.join(kinds[:MAX_LISTED])}" if kinds else ""
    more = f" and {len(kinds) - MAX_LISTED} more" if len(kinds) > MAX_LISTED else ""
    return CheckpointError(f"holds no tensors{only}{more}; expected a state dict of named tensors")

"""Gives every tensor in an unpickled object a name: the way to it through dicts, lists and tuples.

A training checkpoint holds its state dict under a key of its author's choice, beside other values. The tensor `w` of
the state dict under "netG" is named `netG.w`, so that keys and the prefixes that wrappers add (`module.`) look alike;
models.py then searches one flat list of names.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator
from typing import Any, NamedTuple

from . import pickle_reader
from .pickle_reader import Placeholder
from .tensor import Checkpoint, CheckpointError, Tensor

# Bounds for hostile files. Every container is visited once, so that the work is at most that of reading the pickle;
# without a limit the names could be far larger than the file. Pickled modules need 10 levels, and names of 100
# characters.
MAX_DEPTH = 16
MAX_NAME = 250
MAX_LISTED = 10  # keys in a message


class _Step(NamedTuple):
    """A container on the way to the tensors: the path of what is in it, and of the state dict that it belongs to."""

    path: str
    home: str
    depth: int
    container: Any


def flattened(root: Any) -> Checkpoint:
    """All tensors and foreign objects inside `root`. Raises CheckpointError if there are none.

    Items of lists and items whose key is not text are named by their position, `[0]`. A pickled module has the names
    of its state dict; of another object, the attributes and items are searched. Tensors that are deeper than MAX_DEPTH
    or whose name is longer than MAX_NAME are left out.
    """
    found = Checkpoint({})
    # Breadth first: a shared dict has its shortest name.
    waiting = deque([_Step("", "", 0, root)] if _is_container(root) else [])
    if _is_module(root):
        found.modules[""] = root.name
    seen = {id(root)}
    while waiting:
        step = waiting.popleft()
        in_module = _is_module(step.container)
        for key, value in _items(step.container, seen):
            if len(step.path) + len(key) > MAX_NAME:
                continue
            name = step.path + key
            if key == "mask_values":  # Pytorch-UNet puts it among the weights
                found.mask_values.setdefault(name, value)
                continue
            if isinstance(value, Tensor) or (_is_foreign(value) and not _is_foreign(step.container)):
                _add(found, name, step.home, value)
            if _is_container(value) and step.depth < MAX_DEPTH and id(value) not in seen:
                seen.add(id(value))
                path = home = name + "."
                if _is_module(value) and in_module:
                    home = step.home
                elif _is_module(value):
                    found.modules[path] = value.name
                waiting.append(_Step(path, home, step.depth + 1, value))
    if not found.tensors and not (found.foreign and isinstance(root, (dict, list, tuple))):
        raise _no_tensors(root)
    return found


def _is_container(value: Any) -> bool:
    if isinstance(value, Placeholder):
        return value.state is not None or value.items is not None
    return isinstance(value, (dict, list, tuple)) and len(value) > 0


def _is_module(value: Any) -> bool:
    """Whether it is a pickled torch.nn.Module."""
    return isinstance(value, Placeholder) and isinstance(value.state, dict) and "_modules" in value.state


def _is_foreign(value: Any) -> bool:
    return isinstance(value, Placeholder) and not _is_module(value)


def _items(container: Any, seen: set[int]) -> Iterator[tuple[str, Any]]:
    """The keys and values in a container."""
    pairs = _pairs(container, seen)
    return ((key if isinstance(key, str) else f"[{at}]", value) for at, (key, value) in enumerate(pairs))


def _pairs(container: Any, seen: set[int]) -> Iterator[tuple[Any, Any]]:
    """The same with keys of any type. Dicts of objects that are in `seen` are left out; the others are added to it."""
    if not isinstance(container, Placeholder):
        yield from container.items() if isinstance(container, dict) else enumerate(container)
        return
    for members in _members(container):
        if isinstance(members, dict) and id(members) not in seen:
            seen.add(id(members))
            is_buffers = _is_module(container) and members is container.state.get("_buffers")
            left_out = _temporary_buffers(container) if is_buffers else ()
            yield from (pair for pair in members.items() if pair[0] not in left_out)


def _members(made: Placeholder) -> tuple[Any, ...]:
    """Where an object has its members: a module what its state dict has; another its attributes, in one dict or in two,
    and its items, if its class is a subclass of dict."""
    if _is_module(made):
        return tuple(made.state.get(part) for part in ("_parameters", "_buffers", "_modules"))
    return (*(made.state if isinstance(made.state, tuple) else (made.state,)), made.items)


def _temporary_buffers(module: Placeholder) -> frozenset[str]:
    """The names of the buffers that are not in the module's state dict."""
    names = module.state.get("_non_persistent_buffers_set")
    if isinstance(names, Placeholder):  # a set, which protocol 2 writes as a call
        names = names.arguments[0] if names.arguments else None
    if not isinstance(names, (list, tuple)) or len(names) > len(module.state["_buffers"]):
        return frozenset()
    return frozenset(name for name in names if isinstance(name, str))


def _add(found: Checkpoint, name: str, home: str, value: Tensor | Placeholder) -> None:
    if name in found.tensors or name in found.foreign:
        raise CheckpointError(f"tensor {name}: two entries of the file have this name")
    if isinstance(value, Tensor):
        found.tensors[name] = value
        found.homes[name] = home
    else:
        found.foreign[name] = value.name


def _no_tensors(root: Any) -> CheckpointError:
    if isinstance(root, Placeholder):
        return CheckpointError(f"a pickled {root.name} object, expected a state dict: save model.state_dict()")
    if not isinstance(root, dict):
        return CheckpointError(f"a pickled {pickle_reader.kind(root)}, expected a state dict of named tensors")
    kinds = [f"{key[:MAX_NAME]} ({pickle_reader.kind(value)})" for key, value in _items(root, set())]
    only = f", only {', '.join(kinds[:MAX_LISTED])}" if kinds else ""
    more = f" and {len(kinds) - MAX_LISTED} more" if len(kinds) > MAX_LISTED else ""
    return CheckpointError(f"holds no tensors{only}{more}; expected a state dict of named tensors")

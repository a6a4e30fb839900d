"""Detects which of the seven models a checkpoint holds, and selects the tensors that the model uses."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass, replace

from . import layouts
from .layouts import Layout
from .tensor import NUMPY, Checkpoint, CheckpointError, Tensor

MAX_NAMES = 10  # how many names a message lists

# Prefixes that wrappers add to every name: DataParallel, Lightning modules, torch.compile.
_WRAPPERS = ("module.", "model.", "net.", "_orig_mod.")

_COUNTERS = r"(.*\.)?num_batches_tracked"
_TF_TRAINING = r"global_step|beta[12]_power|.*/(Adam|Adam_1|Momentum|RMSProp|RMSProp_1|ExponentialMovingAverage)"


@dataclass(frozen=True)
class Model:
    """A graph: names of which any one identifies it, its layout, and a pattern of names that it may leave unused."""

    signature: tuple[str, ...]
    layout: Callable[[Layout], None]
    unused: str = _COUNTERS


MODELS = {
    "deeplabv3": Model(
        ("classifier.0.convs.0.0.weight", "classifier.0.project.0.weight"),
        layouts.deeplabv3,
        rf"{_COUNTERS}|aux_classifier\..*",
    ),
    "eccv16": Model(("model8.6.weight", "model_out.weight"), layouts.eccv16),
    "siggraph17": Model(
        ("model8up.0.weight", "model10up.0.weight", "model3short8.0.weight"),
        layouts.siggraph17,
        rf"{_COUNTERS}|model_class\..*",
    ),
    "vae": Model(("cond_enc_conv1.weight", "dec_conv1.weight"), layouts.vae),
    "unet": Model(("inc.double_conv.0.weight", "down1.maxpool_conv.1.double_conv.0.weight"), layouts.unet),
    "dcgan": Model(("main.0.weight", "main.3.weight"), layouts.dcgan),
    "enhancenet": Model(("generator/Conv/weights", "generator/Conv_1/weights"), layouts.enhancenet, _TF_TRAINING),
}


def unwrapped(checkpoint: Checkpoint) -> Checkpoint:
    """The checkpoint without the prefixes that all its names share, such as `module.`."""
    tensors, foreign = checkpoint.tensors, checkpoint.foreign
    for _ in range(len(_WRAPPERS)):
        for prefix in _WRAPPERS:
            if tensors and all(name.startswith(prefix) for name in tensors):
                tensors = {name.removeprefix(prefix): tensor for name, tensor in tensors.items()}
                foreign = {name.removeprefix(prefix): value for name, value in foreign.items()}
    return replace(checkpoint, tensors=tensors, foreign=foreign)


def recognised(checkpoint: Checkpoint, stated: str | None) -> str:
    """The model whose tensor names the checkpoint has.

    Raises CheckpointError if it is another model than `stated`. If no known model matches, returns `stated`, so that
    the missing tensors can be listed; without it, raises CheckpointError.
    """
    names = sorted({*checkpoint.tensors, *checkpoint.foreign})
    if not names:
        raise CheckpointError("holds no tensors")
    for model, description in MODELS.items():
        if any(name in names for name in description.signature):
            if stated not in (None, model):
                raise CheckpointError(f"the tensors are those of {model}, expected {stated}")
            return model
    if stated is None:
        raise CheckpointError(f"unknown model: it holds {_listed(names)}; expected one of {', '.join(MODELS)}")
    return stated


def used_tensors(model: str, checkpoint: Checkpoint) -> dict[str, Tensor]:
    """The tensors that `model` uses. Raises CheckpointError, listing the names, if a name, shape or dtype is wrong."""
    tensors, unused = checkpoint.tensors, MODELS[model].unused
    layout = Layout({name: tensor.shape for name, tensor in tensors.items()}, checkpoint.foreign)
    MODELS[model].layout(layout)
    expected = layout.expected
    for name in expected:
        if name in checkpoint.foreign:
            raise CheckpointError(f"tensor {name}: made by {checkpoint.foreign[name]}, which is not executed")
    missing = [name for name in expected if name not in tensors]
    present = {name: tensors[name] for name in expected if name in tensors}
    misshapen = [
        f"{name} is {list(tensor.shape)}, expected {list(expected[name])}"
        for name, tensor in present.items()
        if tensor.shape != expected[name]
    ]
    other = [
        f"{name} is {tensor.dtype}, expected F32, F16, BF16 or F64"
        for name, tensor in present.items()
        if tensor.dtype not in NUMPY
    ]
    unexpected = [name for name in tensors if name not in expected and not re.fullmatch(unused, name)]
    empty = [f"{name} {list(tensor.shape)}" for name, tensor in present.items() if 0 in tensor.shape]
    problems = [
        counted(names, what)
        for what, names in (
            ("missing", missing),
            ("of a wrong shape", misshapen),
            ("of a wrong dtype", other),
            ("without values", empty),
            ("unexpected", unexpected),
        )
        if names
    ]
    if problems:
        raise CheckpointError(f"{model} tensors: {'; '.join(problems)}")
    return present


def counted(names: list[str], what: str) -> str:
    """The number of names, `what` they are, and the first few."""
    return f"{len(names)} {what}: {_listed(names)}"


def _listed(names: list[str]) -> str:
    more = f" and {len(names) - MAX_NAMES} more" if len(names) > MAX_NAMES else ""
    return ", ".join(names[:MAX_NAMES]) + more

"""The metadata of a converted file: its source, and settings that cannot be read from the tensors.

Every value is text, as the safetensors format requires; lists are stored as JSON text.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any

from . import pickle_reader, values
from .models import Network
from .tensor import MAX_SIZE, CheckpointError

# The background, then the 20 classes of PASCAL VOC in the challenge's order.
VOC_CLASSES = (
    "background", "aeroplane", "bicycle", "bird", "boat", "bottle", "bus", "car", "cat", "chair", "cow", "diningtable",
    "dog", "horse", "motorbike", "person", "pottedplant", "sheep", "sofa", "train", "tvmonitor",
)  # fmt: skip

# The licences of the published checkpoints, by the first digits of their SHA-256. PyTorch's hub puts the first eight
# digits into the file's name; of most checkpoints no more is published.
_LICENCES = {
    "586e9e4e": "BSD-3-Clause",  # torchvision, deeplabv3_resnet101_coco
    "cd0a2569": "BSD-3-Clause",  # torchvision, deeplabv3_resnet50_coco
    "9b330a0b": "BSD-2-Clause",  # richzhang/colorization, colorization_release_v2
    "df00044c": "BSD-2-Clause",  # richzhang/colorization, siggraph17
    "4250b3dc5e69c5bd625e90543fd588ce2fff88510f874f9e9394c48c44b96434": "CC BY-NC-ND 4.0",  # EnhanceNet-Code
}
# The U-Net release publishes no hash, so its files are known by name.
_LICENCES_BY_NAME = {
    "unet_carvana_scale0.5_epoch2.pth": "GPL-3.0",
    "unet_carvana_scale1.0_epoch2.pth": "GPL-3.0",
}

# The scale that a U-Net of the release was trained at. limn's default, as that of predict.py, is 0.5.
_SCALES = {"unet_carvana_scale1.0_epoch2.pth": 1.0}

# Kept when a converted file is converted again, unless an option replaces it.
_CARRIED = (
    "limn.licence", "limn.classes", "limn.mask_values", "limn.mask_center", "limn.align_corners", "limn.resize",
    "limn.scale", "limn.spread_hints",
)  # fmt: skip


@dataclass(frozen=True)
class Choices:
    """What the user states about a checkpoint; None takes the checkpoint's value or the default."""

    licence: str | None = None
    classes: tuple[str, ...] | None = None
    scale: float | None = None
    mask_center: float | None = None
    align_corners: bool | None = None
    spread_hints: bool | None = None


def describe(network: Network, name: str, sha256: str, choices: Choices) -> tuple[dict[str, str], str]:
    """The metadata of a network from the file `name` with that hash, and a warning, which is empty if there is none.

    Values in the checkpoint that cannot be used are left out with a warning. Raises CheckpointError if a choice does
    not apply to the model.
    """
    model, tensors = network.model, network.tensors
    _check_choices(model, choices)
    found = {key: network.metadata[key] for key in _CARRIED if key in network.metadata}
    warning = ""
    found["limn.model"] = model
    found["limn.format"] = "1"
    found["limn.source"] = name.encode("utf-8", "replace").decode("utf-8")
    found["limn.source_sha256"] = sha256
    found["limn.licence"] = choices.licence or _licence(name, sha256) or found.get("limn.licence", "unknown")
    if model == "deeplabv3":
        classes = tensors["classifier.4.weight"].shape[0]
        _add_classes(found, classes, choices.classes, VOC_CLASSES)
        if classes == len(VOC_CLASSES):  # the shorter side of torchvision's preset for its checkpoints
            found.setdefault("limn.resize", "520")
    elif model == "unet":
        classes = tensors["outc.conv.weight"].shape[0]
        labels = max(classes, 2)  # with one output channel, a threshold separates the class from the background
        _add_classes(found, labels, choices.classes, ())
        scale = choices.scale or _SCALES.get(name)
        if scale is not None:
            found["limn.scale"] = f"{scale:g}"
        if network.mask_values is not None:
            stored = _mask_values(network.mask_values, labels)
            if stored is not None:
                found["limn.mask_values"] = stored
            else:
                kind = pickle_reader.kind(network.mask_values)
                expected = f"a grey level or colour for each of {labels} classes"
                warning = f"mask_values left out: of type {kind}, expected {expected}"
    elif model == "siggraph17":
        if choices.mask_center is not None:
            found["limn.mask_center"] = repr(choices.mask_center)
        if choices.spread_hints is not None:
            found["limn.spread_hints"] = _truth(choices.spread_hints)
    elif model == "vae":
        if choices.align_corners is not None:
            found["limn.align_corners"] = _truth(choices.align_corners)
        found.setdefault("limn.align_corners", "true")
    return found, warning


def _check_choices(model: str, choices: Choices) -> None:
    for option, value, models in (
        ("--classes", choices.classes, ("deeplabv3", "unet")),
        ("--scale", choices.scale, ("unet",)),
        ("--mask-center", choices.mask_center, ("siggraph17",)),
        ("--spread-hints", choices.spread_hints, ("siggraph17",)),
        ("--align-corners", choices.align_corners, ("vae",)),
    ):
        if value is not None and model not in models:
            raise CheckpointError(f"{option} applies to {' and '.join(models)}, but the checkpoint is {model}")


def _truth(value: bool) -> str:
    return "true" if value else "false"


def _licence(name: str, sha256: str) -> str | None:
    for beginning, licence in _LICENCES.items():
        if sha256.startswith(beginning):
            return licence
    return _LICENCES_BY_NAME.get(name)


def _add_classes(found: dict[str, str], count: int, stated: tuple[str, ...] | None, known: tuple[str, ...]) -> None:
    if stated is not None and len(stated) != count:
        raise CheckpointError(f"--classes names {len(stated)} classes, expected {count}")
    if stated is not None:
        found["limn.classes"] = json.dumps(stated)
    elif len(known) == count:
        found.setdefault("limn.classes", json.dumps(known))


def _mask_values(stored: Any, labels: int) -> str | None:
    """Pytorch-UNet's list of grey levels or colours, one for each class in order, as JSON; None if it is not one."""
    try:
        listed = values.numbers(stored)
    except CheckpointError:  # a tensor whose values are damaged
        return None
    if not isinstance(listed, list) or len(listed) < labels:
        return None
    for value in listed:
        levels = value if isinstance(value, list) else [value]
        if len(levels) not in (1, 3, 4) or not all(map(_is_level, levels)):
            return None
    return json.dumps(listed)


def _is_level(value: object) -> bool:
    return isinstance(value, (int, float)) and abs(value) <= MAX_SIZE

"""Finds the network in a checkpoint: which of the seven models it is, under which key, and the tensors that it uses.

Every name of a model's signature that ends a tensor's name marks a candidate: what comes before it, `netG.module.`
say, is the prefix of the network's names. A candidate fits if its tensors have exactly the names and shapes of the
model's layout. Of several that fit, the averaged one (ema) or the generator is taken.
"""

from __future__ import annotations

import re
from bisect import bisect_left
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, NamedTuple

from . import layouts
from .layouts import Layout
from .tensor import WEIGHTS, Checkpoint, CheckpointError, Tensor

MAX_NAMES = 10  # how many names a message lists
# Bounds for hostile files, in which every name could begin a network.
MAX_CANDIDATES = 200
MAX_COMPARED = 200_000  # names that are compared with layouts, in all candidates but the first
MAX_OTHERS = 20

_COUNTERS = r"(.*\.)?num_batches_tracked"
_TF_TRAINING = r"global_step|beta[12]_power|.*/(Adam|Adam_1|Momentum|RMSProp|RMSProp_1|ExponentialMovingAverage)"

# First parts of names that training scripts put among those of a network: losses, optimizers, discriminators.
_COMPANY = re.compile(r"(?i)loss|criterion|optim|discriminator|critic|scheduler|metric|history|^(net_?)?d$")

# Words in a key that tell which network to take: (words, what one of them adds to the candidate's rank).
_RANKS = (
    ({"ema", "swa", "avg", "averaged", "average", "shadow"}, 4),
    ({"g", "gen", "generator"}, 2),
    ({"teacher", "d", "discriminator", "critic"}, -8),
)


class Spelling(NamedTuple):
    """A way to name a model's tensors: names of which any one identifies it, and how to get today's names."""

    signature: tuple[str, ...]
    renames: tuple[tuple[str, str], ...] = ()  # regular expressions at the beginning of a name, and what replaces them

    def today(self, name: str) -> str:
        for old, new in self.renames:
            name = re.sub(rf"^(?:{old})", new, name)
        return name


@dataclass(frozen=True)
class Model:
    """A graph: the spellings of its names, its layout, and a pattern of names that it may leave unused."""

    spellings: tuple[Spelling, ...]
    layout: Callable[[Layout], None]
    unused: str = _COUNTERS


# A DCGAN's generator as a bare nn.Sequential: 0.weight, 1.weight, ..
_SEQUENTIAL = Spelling(("0.weight",), ((r"(?=\d)", "main."),))
# Pytorch-UNet before 2020.
_UNET_2019 = Spelling(
    ("inc.conv.conv.0.weight", "down1.mpconv.1.conv.0.weight"),
    (
        (r"inc\.conv\.conv\.", "inc.double_conv."),
        (r"(down\d)\.mpconv\.1\.conv\.", r"\1.maxpool_conv.1.double_conv."),
        (r"(up\d)\.conv\.conv\.", r"\1.conv.double_conv."),
    ),
)

MODELS = {
    "deeplabv3": Model(
        # The last is LR-ASPP's, which the layout refuses by name.
        (
            Spelling(
                ("classifier.0.convs.0.0.weight", "classifier.0.project.0.weight", "classifier.low_classifier.weight")
            ),
        ),
        layouts.deeplabv3,
        rf"{_COUNTERS}|aux_classifier\..*",
    ),
    "eccv16": Model((Spelling(("model8.6.weight", "model_out.weight")),), layouts.eccv16),
    "siggraph17": Model(
        (Spelling(("model8up.0.weight", "model10up.0.weight", "model3short8.0.weight")),),
        layouts.siggraph17,
        rf"{_COUNTERS}|model_class\..*",
    ),
    "vae": Model((Spelling(("cond_enc_conv1.weight", "dec_conv1.weight")),), layouts.vae),
    "unet": Model(
        (Spelling(("inc.double_conv.0.weight", "down1.maxpool_conv.1.double_conv.0.weight")), _UNET_2019), layouts.unet
    ),
    "dcgan": Model((Spelling(("main.0.weight", "main.3.weight")), _SEQUENTIAL), layouts.dcgan),
    "enhancenet": Model(
        (Spelling(("generator/Conv/weights", "generator/Conv_1/weights")),), layouts.enhancenet, _TF_TRAINING
    ),
}


class Network(NamedTuple):
    """A network found in a checkpoint: its model, its key there (empty for the whole file), the tensors that it uses
    under today's names, and the values that a conversion may keep."""

    model: str
    key: str
    tensors: Mapping[str, Tensor]
    metadata: Mapping[str, str]
    mask_values: Any


class _Candidate(NamedTuple):
    model: str
    spelling: Spelling
    prefix: str

    def __str__(self) -> str:
        return f"{self.key or 'the outermost dict'} ({self.model})"

    @property
    def key(self) -> str:
        return self.prefix.rstrip("./")

    @property
    def rank(self) -> int:
        words = {word.lower() for word in re.findall(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+", self.prefix)}
        return sum(value for some, value in _RANKS if words & some)


def find(checkpoint: Checkpoint, stated: str | None = None, key: str | None = None) -> Network:
    """The network in a checkpoint; it must be the model `stated`, and at `key`, if these are given.

    `key` is a key of a dict, or a prefix of names, anywhere on the way to the network. Raises CheckpointError, with
    what was found, if no candidate fits, or if several do and none is preferred.
    """
    names = sorted({*checkpoint.tensors, *checkpoint.foreign})
    if not names:
        raise CheckpointError("holds no tensors")
    found = _candidates(checkpoint, names)
    if key is not None:
        found = [one for one in found if f".{key}." in f".{one.prefix}"]
        if not found:
            raise CheckpointError(_nothing_at(key, checkpoint, names))
    candidates = [one for one in found if stated in (None, one.model)]
    if not candidates and found:
        raise CheckpointError(f"the tensors are those of {found[0].model}, expected {stated}")
    if not candidates and not checkpoint.tensors:
        objects = [f"a pickled {name} object at {key}" for key, name in checkpoint.foreign.items()]
        raise CheckpointError(f"{_listed(objects)}, expected a state dict: save model.state_dict()")
    if not candidates and stated is None:
        classes = [f"a pickled {name} object" for name in checkpoint.modules.values()]
        where = f" in {_listed(classes)}" if classes else ""
        raise CheckpointError(
            f"unknown model: it holds {_contents(checkpoint, names)}{where}; expected one of {_known()}"
        )
    if not candidates:
        candidates = [_Candidate(stated, MODELS[stated].spellings[0], "")]  # so that what is missing is listed
    if len(candidates) > MAX_CANDIDATES:
        raise CheckpointError(_too_many(candidates))
    candidates.sort(key=lambda one: -one.rank)
    return _best(checkpoint, names, candidates)


def _candidates(checkpoint: Checkpoint, names: list[str]) -> list[_Candidate]:
    """Every prefix before a name of a signature, once, in the order of MODELS."""
    ends = {end: (model, spelling) for model, description in MODELS.items()
            for spelling in description.spellings for end in spelling.signature}  # fmt: skip
    found: dict[_Candidate, None] = {}
    for name in names:
        if not name.endswith(tuple(ends)):
            continue
        for end, (model, spelling) in ends.items():
            prefix = name.removesuffix(end)
            if name.endswith(end) and prefix[-1:] in ("", ".", "/"):
                if spelling is not _SEQUENTIAL or _is_sequential(checkpoint, prefix):
                    found[_Candidate(model, spelling, prefix)] = None
    order = list(MODELS)
    return sorted(found, key=lambda one: order.index(one.model))


def _is_sequential(checkpoint: Checkpoint, prefix: str) -> bool:
    """Whether the first and fourth modules below the prefix are 4 x 4 convolutions, as in a DCGAN's generator."""
    tensors = [checkpoint.tensors.get(f"{prefix}{number}.weight") for number in (0, 3)]
    kernels = [tensor.shape[2:] for tensor in tensors if tensor is not None]
    return kernels == [(4, 4), (4, 4)] and not prefix.endswith("main.")


def _best(checkpoint: Checkpoint, names: list[str], candidates: list[_Candidate]) -> Network:
    """The first of the candidates, which are in order of rank, that fits."""
    fitting: list[tuple[_Candidate, dict[str, Tensor]]] = []
    problems: list[str] = []
    prefixes = sorted({one.prefix for one in candidates if one.spelling is not _SEQUENTIAL}, key=len)
    compared = 0
    for candidate in candidates:
        if fitting and candidate.rank < fitting[0][0].rank:
            break
        inside = _beginning_with(candidate.prefix, names)
        if compared and compared + len(inside) > MAX_COMPARED:
            raise CheckpointError(_too_many(candidates))
        compared += len(inside)
        others = tuple(prefix for prefix in prefixes if len(prefix) > len(candidate.prefix))[:MAX_OTHERS]
        try:
            fitting.append((candidate, _used(checkpoint, candidate, inside, others)))
        except CheckpointError as error:
            problems.append(str(error))
    if not fitting:
        rest = [str(one) for one in candidates[1:]]
        raise CheckpointError(problems[0] + (f"; {counted(rest, 'more that fit no layout')}" if rest else ""))
    if len(fitting) > 1:
        listed = _listed([str(one) for one, _ in fitting])
        raise CheckpointError(f"{len(fitting)} networks fit: {listed}; choose one with --key")
    one, tensors = fitting[0]
    return Network(one.model, one.key, tensors, checkpoint.metadata, _mask_values(checkpoint, one.prefix))


def _beginning_with(prefix: str, names: list[str]) -> list[str]:
    """Those of the sorted names that begin with the prefix."""
    return names[bisect_left(names, prefix) : bisect_left(names, prefix + "\U0010ffff")] if prefix else names


def _mask_values(checkpoint: Checkpoint, prefix: str) -> Any:
    """The values nearest to the network: in its own dict, or in one around it."""
    while f"{prefix}mask_values" not in checkpoint.mask_values and prefix:
        prefix = prefix[: prefix.rfind(".", 0, -1) + 1]
    return checkpoint.mask_values.get(f"{prefix}mask_values")


def _used(
    checkpoint: Checkpoint, candidate: _Candidate, names: list[str], others: tuple[str, ...]
) -> dict[str, Tensor]:
    """The tensors that a candidate uses, under today's names. `names` are all names with its prefix, `others` the
    longer prefixes of others. Raises CheckpointError, listing the names, if a name, shape or dtype is wrong."""
    model, prefix = candidate.model, candidate.prefix
    tensors: dict[str, Tensor] = {}
    foreign: dict[str, str] = {}
    homes: dict[str, str] = {}
    for full in names:
        name = candidate.spelling.today(full[len(prefix) :])
        if name in tensors or name in foreign:
            raise CheckpointError(f"tensor {name}: under its old and its present name")
        if full in checkpoint.foreign:
            foreign[name] = checkpoint.foreign[full]
        else:
            tensors[name] = checkpoint.tensors[full]
            homes[name] = full

    def is_company(name: str) -> bool:
        full = homes[name]
        return (
            not prefix.startswith(checkpoint.homes.get(full, ""))  # in another dict
            or re.fullmatch(MODELS[model].unused, name) is not None
            or _COMPANY.search(re.match(r"[^./]*", name)[0]) is not None
            or (tensors[name].shape == () and "." not in name)  # a counter, a loss
            or full.startswith(others)
        )

    layout = Layout({name: tensor.shape for name, tensor in tensors.items()}, foreign)
    at = f" in {candidate.key}" if prefix else ""
    try:
        MODELS[model].layout(layout)
    except CheckpointError as error:
        raise CheckpointError(f"{model}{at}: {error}" if at else str(error)) from None
    expected = layout.expected
    for name in expected:
        if name in foreign:
            raise CheckpointError(f"tensor {prefix}{name}: made by {foreign[name]}, which is not executed")
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
        if tensor.dtype not in WEIGHTS
    ]
    unexpected = [name for name in tensors if name not in expected and not is_company(name)]
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
        raise CheckpointError(f"{model} tensors{at}: {'; '.join(problems)}")
    return present


def _too_many(candidates: list[_Candidate]) -> str:
    return f"{len(candidates)} possible networks, too many to compare; choose one with --key"


def _known() -> str:
    return ", ".join(MODELS)


def _nothing_at(key: str, checkpoint: Checkpoint, names: list[str]) -> str:
    inside = [name for name in names if f".{key}." in f".{name}"]
    if inside:
        return f"no known network at {key}: it holds {_contents(checkpoint, inside)}; expected one of {_known()}"
    return f"no key {key}: the file holds {_contents(checkpoint, names)}"


def _contents(checkpoint: Checkpoint, names: list[str]) -> str:
    """What the file holds: the outermost names, and for each key with a dict the number of tensors in it."""
    outermost: list[str] = []
    inner: dict[str, list[str]] = {}
    for name in names:
        home = checkpoint.homes.get(name, "")
        if name in checkpoint.foreign:
            outermost.append(f"{name} ({checkpoint.foreign[name]})")
        elif home:
            inner.setdefault(home.partition(".")[0], []).append(name)
        else:
            outermost.append(name)
    groups = [
        f"{len(group)} {'tensor' if len(group) == 1 else 'tensors'} in {key} ({_listed(group, 3)})"
        for key, group in inner.items()
    ]
    return "; ".join(([_listed(outermost)] if outermost else []) + groups[:MAX_NAMES])


def counted(names: list[str], what: str) -> str:
    """The number of names, `what` they are, and the first few."""
    return f"{len(names)} {what}: {_listed(names)}"


def _listed(names: list[str], most: int = MAX_NAMES) -> str:
    more = f" and {len(names) - most} more" if len(names) > most else ""
    return ", ".join(names[:most]) + more

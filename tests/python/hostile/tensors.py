"""Tensors that lie about where their values are, in PyTorch's zip files."""

from __future__ import annotations

import numpy as np
from checkpoint_files import View, torch_zip
from model_tables import enhancenet, vae, weights

from .made import GENERATOR, Hostile, strides


def _replaced(name: str, view: View | np.ndarray) -> bytes:
    return torch_zip(GENERATOR | {name: view})


def _shared() -> bytes:
    """A network whose tensors all see the same values: 145 MB of weights in 600 KB."""
    values = np.zeros(9 * 64 * 64, "<f4")
    return torch_zip({name: View(values, 0, shape, strides(shape)) for name, shape in enhancenet(490, 64).items()})


def _vae_of_width_1() -> dict[str, np.ndarray]:
    """The smallest width of the VAE would give its fourth decoder no channels."""
    return weights({name: _halved(name, shape) for name, shape in vae(False).items()})


def _halved(name: str, shape: tuple[int, ...]) -> tuple[int, ...]:
    if name == "dec_conv1.weight":
        return (shape[0] // 2, 8 + 3, *shape[2:])
    keep = {"cond_enc_conv1.weight": 1, "dec_conv5.weight": 0}.get(name)
    return tuple(
        size if axis > 1 or axis == keep or name == "dec_conv5.bias" else size // 2 for axis, size in enumerate(shape)
    )


TENSORS = {
    "tensor_past_its_storage": Hostile(
        lambda: _replaced("main.1.bias", View(np.zeros(2, "<f4"), 1, (2,), (1,))),
        "storage 2: a tensor ends at value 2, past its 2 values",
    ),
    "stride_negative": Hostile(
        lambda: _replaced("main.1.bias", View(np.zeros(2, "<f4"), 1, (2,), (-1,))),
        "storage 2: a tensor with an invalid size, stride or offset",
    ),
    "stride_overflowing": Hostile(
        lambda: _replaced("main.1.bias", View(np.zeros(2, "<f4"), 0, (2,), (2**64,))),
        "storage 2: a tensor with an invalid size, stride or offset",
    ),
    "stride_that_wraps": Hostile(
        lambda: _replaced("main.3.weight", View(np.zeros(32, "<f4"), 0, (2, 1, 4, 4), (2**62, 16, 4, 1))),
        f"storage 5: a tensor ends at value {2**62 + 15}, past its 32 values",
    ),
    "stride_of_no_axis": Hostile(
        lambda: _replaced("main.3.weight", View(np.zeros(32, "<f4"), 0, (2, 1, 4, 4), (16, 2**63 - 1, 4, 1))), "", 0
    ),
    "offset_negative": Hostile(
        lambda: _replaced("main.1.bias", View(np.zeros(2, "<f4"), -1, (2,), (1,))),
        "storage 2: a tensor with an invalid size, stride or offset",
    ),
    "shape_negative": Hostile(
        lambda: _replaced("main.1.bias", View(np.zeros(2, "<f4"), 0, (-2,), (1,))),
        "storage 2: a tensor with an invalid size, stride or offset",
    ),
    "shape_that_wraps": Hostile(
        lambda: _replaced("main.1.bias", View(np.zeros(2, "<f4"), 0, (2**62, 2**62), (0, 0))),
        f"dcgan tensors: 1 of a wrong shape: main.1.bias is [{2**62}, {2**62}], expected [2]",
    ),
    "rank_33": Hostile(
        lambda: _replaced("main.1.bias", View(np.zeros(2, "<f4"), 0, (1,) * 33, (1,) * 33)),
        "storage 2: a tensor with an invalid size, stride or offset",
    ),
    "expanded": Hostile(
        lambda: _replaced("main.1.bias", View(np.zeros(1, "<f4"), 0, (2,), (0,))),
        "tensor main.1.bias: an expanded tensor (stride 0) is larger than its storage; save a contiguous one",
    ),
    "sizes_of_0": Hostile(
        lambda: torch_zip(_vae_of_width_1()),
        "vae tensors: 7 without values: ..",
    ),
    "shared": Hostile(_shared, "tensors that share values expand to .."),
    "not_a_number": Hostile(
        lambda: _replaced("main.1.bias", np.array([np.nan, np.inf], "<f4")),
        "warning: dcgan tensors: 1 with NaN or infinite values: main.1.bias (2 of 2)",
        0,
    ),
}  # fmt: skip

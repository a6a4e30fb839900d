"""tools/convert.py and the `mask_values` of U-Net checkpoints, in every type that training scripts store them in."""

from __future__ import annotations

import json
import pickle
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from checkpoint_files import Call, Global, Raw, torch_legacy, torch_zip
from convert_runner import assert_same, converted
from model_tables import unet, weights

NETWORK = weights(unet(3, 2, "bilinear", False))


def array(values: Any, protocol: int = 2) -> Raw:
    """A NumPy array or scalar as pickle writes it, without its first opcode and its last."""
    data = pickle.dumps(values, protocol)
    if protocol == 2:  # the same text under every NumPy; in later protocols a length comes before the name
        data = data.replace(b"cnumpy._core", b"cnumpy.core")
    return Raw(data[2:-1])


def stored(values: Any, path: Path, write=torch_zip) -> str | None:
    done = converted(path, write(NETWORK | {"mask_values": values}))
    assert_same(done.tensors, NETWORK)
    return done.metadata.get("limn.mask_values")


@pytest.mark.parametrize("values", [[0, 1], [0, 255], [[0, 0, 0], [255, 0, 7]], [0, 1, 2], [0.0, 255.0]])
@pytest.mark.parametrize("write", [torch_zip, torch_legacy])
def test_lists_are_kept(values: list, write, tmp_path: Path) -> None:
    assert json.loads(stored(values, tmp_path, write)) == values
    nested = converted(tmp_path, write({"state_dict": NETWORK, "mask_values": values}))
    assert json.loads(nested.metadata["limn.mask_values"]) == values


@pytest.mark.parametrize(
    ("values", "want"),
    [
        ((0, 255), [0, 255]),
        ([(0, 0, 0), (1, 2, 3)], [[0, 0, 0], [1, 2, 3]]),
        ([False, True], [0, 1]),
        (np.array([0, 255], "<i8"), [0, 255]),  # an array of the test's writer is a tensor
        (np.array([[0, 0, 0], [9, 8, 7]], "u1"), [[0, 0, 0], [9, 8, 7]]),
        (np.array([0, 1], "?"), [0, 1]),
        (np.array([0, 0.5], "<f4"), [0, 0.5]),
        ([np.array(0, "<i8"), np.array(7, "<i8")], [0, 7]),
    ],
)
def test_tuples_bools_and_tensors_are_used(values: Any, want: list, tmp_path: Path) -> None:
    assert json.loads(stored(values, tmp_path)) == want


@pytest.mark.parametrize("protocol", [2, 3, 4, 5])
@pytest.mark.parametrize(
    "values",
    [
        np.array([0, 255], "<i8"),
        np.array([0, 255], "u1"),
        np.array([0, 255], ">i4"),
        np.array([0.0, 0.5]),
        np.array([[0, 0, 0], [255, 128, 7]], "<u2"),
        np.asfortranarray([[0, 1, 2], [3, 4, 5]]),
        np.array([False, True]),
    ],
    ids=str,
)
def test_numpy_arrays_are_used(protocol: int, values: np.ndarray, tmp_path: Path) -> None:
    assert json.loads(stored(array(values, protocol), tmp_path)) == values.astype(float).tolist()


def test_the_names_of_numpy_2_are_known(tmp_path: Path) -> None:
    for values in (np.array([0, 3]), [np.int64(0), np.uint8(3)]):
        written = array(values).opcodes.replace(b"cnumpy.core", b"cnumpy._core")
        assert b"cnumpy._core" in written
        assert json.loads(stored(Raw(written), tmp_path)) == [0, 3]


@pytest.mark.parametrize("scalar", [np.int64, np.uint8, np.float32, np.float16, np.bool_])
def test_lists_of_numpy_scalars_are_used(scalar: type, tmp_path: Path) -> None:
    assert json.loads(stored(array([scalar(0), scalar(1)]), tmp_path)) == [0, 1]


@pytest.mark.parametrize(
    ("values", "kind"),
    [
        ("01", "str"), (b"", None), ([0], "list"), ([0, "1"], "list"), ([[0, 0], [1, 1]], "list"), ([0, [[1]]], "list"),
        ([0, float("nan")], "list"), ({"a": 0, "b": 1}, "dict"), (7, "int"), ([0, None], "list"),
        (np.zeros((2, 2, 2), "<f4"), "Tensor"), (np.zeros(70_000, "u1"), "Tensor"), ([0] * 70_000, "list"),
        (Call(Global("my_project", "Values"), (0, 1)), "my_project.Values"),
        (array(np.int64(7)), "numpy.core.multiarray.scalar"),
        (array(np.array(["a", "b"])), "numpy.core.multiarray._reconstruct"),
        (array(np.array([0 + 1j, 2])), "numpy.core.multiarray._reconstruct"),
        (array(np.zeros(0)), "numpy.core.multiarray._reconstruct"),
        (Call(Global("numpy.core.multiarray", "scalar"), (5,)), "numpy.core.multiarray.scalar"),
        (Call(Global("numpy.core.multiarray", "_reconstruct"), (), (1, (2**40,), 3, False, "x")),
         "numpy.core.multiarray._reconstruct"),
    ],
    ids=str,
)  # fmt: skip
def test_what_is_unusable_is_left_out_with_a_warning(values: Any, kind: str | None, tmp_path: Path) -> None:
    if kind is None:
        values, kind = Raw(b"C\x0201"), "bytes"
    warning = f"mask_values left out: of type {kind}, expected a grey level or colour for each of 2 classes"
    done = converted(tmp_path, torch_zip(NETWORK | {"mask_values": values}), warning=warning)
    assert_same(done.tensors, NETWORK)
    assert "limn.mask_values" not in done.metadata


def test_both_warnings_are_given_in_one_line(tmp_path: Path) -> None:
    spoilt = NETWORK | {"outc.conv.bias": np.array([np.nan, 1], "<f4")}
    warning = (
        "mask_values left out: of type int, expected a grey level or colour for each of 2 classes;"
        " unet tensors: 1 with NaN or infinite values: outc.conv.bias (1 of 2)"
    )
    assert_same(converted(tmp_path, torch_zip(spoilt | {"mask_values": 3}), warning=warning).tensors, spoilt)


def test_the_values_nearest_to_the_network_are_used(tmp_path: Path) -> None:
    root = {"mask_values": [0, 1], "a": {"mask_values": [0, 2], "b": {f"module.{n}": t for n, t in NETWORK.items()}}}
    assert converted(tmp_path, torch_zip(root)).metadata["limn.mask_values"] == "[0, 2]"
    root["c"] = {"mask_values": [0, 3]}
    del root["a"]["mask_values"]
    assert converted(tmp_path, torch_zip(root)).metadata["limn.mask_values"] == "[0, 1]"

"""tools/convert.py on whole checkpoints: every model, format, spelling and dtype, the metadata, the command line."""

from __future__ import annotations

import collections
import hashlib
import io
import json
import os
import pickle
import resource
import subprocess
import sys
import types
import warnings
from pathlib import Path

import numpy as np
import pytest
from checkpoint import conversion
from checkpoint_files import Call, Global, View, safetensors, tf_v1, torch_legacy, torch_zip, zipped
from convert_runner import ROOT, assert_same, convert, converted, refused, run
from model_tables import VARIANTS, dcgan, dcgan_discriminator, enhancenet, siggraph17, unet, weights
from model_tables import deeplabv3 as deeplabv3_shapes
from model_tables import vae as vae_shapes

GENERATOR = weights(dcgan())
FORMATS = {"zip": torch_zip, "legacy": torch_legacy, "safetensors": safetensors}


@pytest.mark.parametrize("variant", VARIANTS)
def test_every_model_keeps_its_names_shapes_and_values(variant: str, tmp_path: Path) -> None:
    model, shapes = VARIANTS[variant]
    tensors = weights(shapes)
    done = converted(tmp_path, torch_zip(tensors))
    assert_same(done.tensors, tensors)
    assert done.metadata["limn.model"] == model


@pytest.mark.parametrize("write", FORMATS.values(), ids=FORMATS)
def test_every_format_gives_the_same_tensors(write, tmp_path: Path) -> None:
    assert_same(converted(tmp_path, write(GENERATOR)).tensors, GENERATOR)


@pytest.mark.parametrize("write", [*FORMATS.values(), tf_v1], ids=[*FORMATS, "TensorFlow V1"])
def test_enhancenet_is_known_by_tensorflows_names_in_any_format(write, tmp_path: Path) -> None:
    tensors = weights(enhancenet(3))
    done = converted(tmp_path, write(tensors))
    assert_same(done.tensors, tensors)
    assert done.metadata["limn.model"] == "enhancenet"


def test_tensorflow_numbers_may_stand_unpacked(tmp_path: Path) -> None:
    tensors = weights(enhancenet(0))
    assert_same(converted(tmp_path, tf_v1(tensors, packed=False)).tensors, tensors)


@pytest.mark.parametrize(
    "extra",
    [
        {"global_step": np.array(7, "<i8"), "beta1_power": np.array(0.9, "<f4")},
        {"generator/Conv/weights/Adam": np.zeros((3, 3, 3, 2), "<f4")},
        {"generator/Conv_4/biases/Momentum": np.zeros(3, "<f4")},
    ],
)
def test_optimiser_slots_are_dropped(extra: dict[str, np.ndarray], tmp_path: Path) -> None:
    tensors = weights(enhancenet(0))
    assert_same(converted(tmp_path, tf_v1(tensors | extra)).tensors, tensors)


# Spellings


@pytest.mark.parametrize("prefix", ["module.", "model.", "net.", "_orig_mod.", "model._orig_mod.", "module.model."])
@pytest.mark.parametrize("write", FORMATS.values(), ids=FORMATS)
def test_a_common_prefix_is_stripped(prefix: str, write, tmp_path: Path) -> None:
    assert_same(converted(tmp_path, write({prefix + name: t for name, t in GENERATOR.items()})).tensors, GENERATOR)


@pytest.mark.parametrize("nest", ["state_dict", "model", "params"])
@pytest.mark.parametrize("write", [torch_zip, torch_legacy])
def test_the_state_dict_may_be_nested(nest: str, write, tmp_path: Path) -> None:
    root = {"epoch": 3, nest: GENERATOR, "optimizer": {"state": [{"step": 5, "moment": np.zeros(4, "<f4")}]}}
    assert_same(converted(tmp_path, write(root)).tensors, GENERATOR)


def test_two_levels_of_nesting(tmp_path: Path) -> None:
    assert_same(converted(tmp_path, torch_zip({"model": {"state_dict": GENERATOR}})).tensors, GENERATOR)


def test_a_lightning_checkpoint_loads_and_its_foreign_objects_stay_inert(tmp_path: Path) -> None:
    root = {
        "epoch": 9,
        "pytorch-lightning_version": "2.0.0",
        "state_dict": {f"net.{name}": tensor for name, tensor in GENERATOR.items()},
        "callbacks": {"ModelCheckpoint": {"best": Call(Global("numpy.core.multiarray", "scalar"), (1, "x"))}},
        "hyper_parameters": Call(Global("argparse", "Namespace"), state={"lr": 0.1}),
        "optimizer": Call(Global("functools", "partial"), (Global("torch.optim.adam", "Adam"),), {"lr": 0.1}),
        "datamodule": Call(Global("my_project.data", "Folder"), ("a", [1, 2]), {"root": "/data"}),
        "where": Call(Global("pathlib", "PosixPath"), ("/", "data")),
    }
    assert_same(converted(tmp_path, torch_zip(root), name="last.ckpt").tensors, GENERATOR)


def test_python_2_state_dicts_load(tmp_path: Path) -> None:
    ordered = Call(Global("collections", "OrderedDict"), ([[name, tensor] for name, tensor in GENERATOR.items()],))
    assert_same(converted(tmp_path, torch_legacy(ordered)).tensors, GENERATOR)


def test_parameters_and_attributes_on_the_state_dict_load(tmp_path: Path) -> None:
    parameter = Global("torch._utils", "_rebuild_parameter")
    root = Call(Global("collections", "OrderedDict"), ([],), {"_metadata": {"": {"version": 1}}})
    assert "holds no tensors" in refused(tmp_path, torch_zip(root))
    tensors = {name: Call(parameter, (tensor, True, {})) for name, tensor in GENERATOR.items()}
    assert_same(converted(tmp_path, torch_zip(tensors)).tensors, GENERATOR)


@pytest.mark.parametrize("protocol", range(2, 6))
def test_pickles_of_every_binary_protocol_load(protocol: int, tmp_path: Path, monkeypatch) -> None:
    """Written by Python's own pickler: memo, frames, STACK_GLOBAL and all."""

    class FloatStorage:
        pass

    class Storage:
        def __init__(self, key: str, values: np.ndarray) -> None:
            self.key, self.values = key, values

    def _rebuild_tensor_v2(*_):
        raise AssertionError("only its name is pickled")

    torch, utils = types.ModuleType("torch"), types.ModuleType("torch._utils")
    torch.FloatStorage, torch._utils, utils._rebuild_tensor_v2 = FloatStorage, utils, _rebuild_tensor_v2
    for member, module in ((FloatStorage, "torch"), (_rebuild_tensor_v2, "torch._utils")):
        member.__module__, member.__qualname__ = module, member.__name__
    monkeypatch.setitem(sys.modules, "torch", torch)
    monkeypatch.setitem(sys.modules, "torch._utils", utils)

    class Tensor:
        def __init__(self, key: str, array: np.ndarray) -> None:
            self.arguments = (Storage(key, array), 0, array.shape, tuple(s // 4 for s in array.strides), False, {})

        def __reduce__(self):
            return _rebuild_tensor_v2, self.arguments

    class Pickler(pickle.Pickler):
        def persistent_id(self, value):
            if isinstance(value, Storage):
                return ("storage", FloatStorage, value.key, "cpu", value.values.size)
            return None

    program = io.BytesIO()
    Pickler(program, protocol).dump(
        collections.OrderedDict((name, Tensor(name, array)) for name, array in GENERATOR.items())
    )
    entries = [(f"archive/data/{name}", array.tobytes()) for name, array in GENERATOR.items()]
    data = zipped([("archive/data.pkl", program.getvalue()), *entries])
    assert_same(converted(tmp_path, data).tensors, GENERATOR)


def test_unused_tensors_are_dropped(tmp_path: Path) -> None:
    for model, extra in (
        ("deeplabv3 r50, 21 classes", "aux_classifier.0.weight"),
        ("siggraph17", "model_class.0.weight"),
        ("unet transposed", "inc.double_conv.1.num_batches_tracked"),
    ):
        tensors = weights(VARIANTS[model][1])
        counter = np.array(5, "<i8")  # a dtype that no used tensor may have
        assert_same(converted(tmp_path, torch_zip(tensors | {extra: counter})).tensors, tensors)


# Storage, strides and dtypes


def test_strided_shared_and_offset_tensors_are_gathered(tmp_path: Path) -> None:
    name, shape = "main.3.weight", GENERATOR["main.3.weight"].shape
    storage = np.arange(GENERATOR[name].size + 9, dtype="<f4")
    channels_last = (shape[1] * 16, 1, shape[1] * 4, shape[1])
    strided = np.lib.stride_tricks.as_strided(storage[5:], shape, [4 * stride for stride in channels_last])
    shared = View(storage, 3, (8,), (2,))
    for write in (torch_zip, torch_legacy):
        root = GENERATOR | {name: View(storage, 5, shape, channels_last), "main.4.bias": shared}
        want = GENERATOR | {name: np.ascontiguousarray(strided), "main.4.bias": storage[3:19:2].copy()}
        assert_same(converted(tmp_path, write(root)).tensors, want)


@pytest.mark.parametrize("write", FORMATS.values(), ids=FORMATS)
@pytest.mark.parametrize("dtype", ["<f4", "<f2", "<u2"])
def test_float_dtypes_are_kept(write, dtype: str, tmp_path: Path) -> None:
    tensors = {name: tensor.astype("<f2").view("<u2") if dtype == "<u2" else tensor.astype(dtype)
               for name, tensor in GENERATOR.items()}  # fmt: skip
    assert_same(converted(tmp_path, write(tensors)).tensors, tensors)


@pytest.mark.parametrize("write", FORMATS.values(), ids=FORMATS)
def test_f64_becomes_f32(write, tmp_path: Path) -> None:
    tensors = {name: tensor.astype("<f8") / 3 for name, tensor in GENERATOR.items()}
    want = {name: tensor.astype("<f4") for name, tensor in tensors.items()}
    assert_same(converted(tmp_path, write(tensors)).tensors, want)


def test_half_leaves_vectors_alone(tmp_path: Path) -> None:
    bfloat16 = (GENERATOR["main.0.weight"].view("<u4") >> 16).astype("<u2")
    want = {name: tensor.astype("<f2") if tensor.ndim > 1 else tensor for name, tensor in GENERATOR.items()}
    want["main.0.weight"] = (bfloat16.astype("<u4") << 16).view("<f4").astype("<f2")
    root = GENERATOR | {"main.0.weight": bfloat16}
    assert_same(converted(tmp_path, torch_zip(root), "--half").tensors, want)


@pytest.mark.parametrize(("dtype", "value", "options"), [("<f4", 7e4, ["--half"]), ("<f8", 1e39, [])])
def test_values_that_overflow_are_refused(dtype: str, value: float, options: list[str], tmp_path: Path) -> None:
    tensor = GENERATOR["main.3.weight"].astype(dtype)
    tensor[1, 2, 3, 1] = value
    error = refused(tmp_path, torch_zip(GENERATOR | {"main.3.weight": tensor}), *options)
    assert "tensor main.3.weight: holds" in error and "does not fit" in error


@pytest.mark.parametrize("dtype", ["<f4", "<f8", "<f2", "<u2"])
def test_values_that_are_not_finite_pass_through_with_a_warning(dtype: str, tmp_path: Path) -> None:
    """Judging values is `limn verify`'s work."""
    tensors = dict(GENERATOR)
    for name, value in (("main.3.weight", np.nan), ("main.4.bias", -np.inf)):
        spoilt = tensors[name].copy()
        spoilt.flat[1:3] = value
        tensors[name] = (spoilt.view("<u4") >> 16).astype("<u2") if dtype == "<u2" else spoilt.astype(dtype)
    warning = "dcgan tensors: 2 with NaN or infinite values: main.3.weight (2 of 2048), main.4.bias (2 of 8)"
    want = {name: tensor.astype("<f4") if dtype == "<f8" else tensor for name, tensor in tensors.items()}
    assert_same(converted(tmp_path, torch_zip(tensors), warning=warning).tensors, want)
    halved = converted(tmp_path, torch_zip(tensors), "--half", warning=warning).tensors["main.3.weight"]
    assert np.isnan(halved.flat[1:3]).all() and np.isfinite(halved).sum() == halved.size - 2


def test_tensors_stand_by_descending_alignment(tmp_path: Path) -> None:
    converted(tmp_path, torch_zip(GENERATOR), "--half")
    data = (tmp_path / "out.safetensors").read_bytes()
    header = json.loads(data[8 : 8 + int.from_bytes(data[:8], "little")])
    del header["__metadata__"]
    order = [(entry["dtype"], name) for name, entry in header.items()]
    assert order == sorted(order, key=lambda pair: (["F32", "F16"].index(pair[0]), pair[1]))


# Metadata


def test_metadata_names_the_source(tmp_path: Path) -> None:
    data = torch_zip(GENERATOR)
    metadata = converted(tmp_path, data, name="netG_epoch_24.pth").metadata
    assert metadata == {
        "limn.model": "dcgan",
        "limn.format": "1",
        "limn.source": "netG_epoch_24.pth",
        "limn.source_sha256": hashlib.sha256(data).hexdigest(),
        "limn.licence": "unknown",
    }
    assert converted(tmp_path, data, "--licence", "MIT", name="netG_epoch_24.pth").metadata["limn.licence"] == "MIT"


def test_licence_of_a_release_that_publishes_no_hash(tmp_path: Path) -> None:
    data = torch_zip(weights(unet(3, 2, "transposed", False)))
    assert converted(tmp_path, data, name="unet_carvana_scale0.5_epoch2.pth").metadata["limn.licence"] == "GPL-3.0"


def test_class_names(tmp_path: Path) -> None:
    voc = torch_zip(weights(deeplabv3_shapes((1, 1, 1, 1), 21)))
    names = json.loads(converted(tmp_path, voc).metadata["limn.classes"])
    assert len(names) == 21 and names[0] == "background" and names[15] == "person"
    own = torch_zip(weights(deeplabv3_shapes((1, 1, 1, 1), 3)))
    assert "limn.classes" not in converted(tmp_path, own).metadata
    assert converted(tmp_path, own, "--classes", "sky, sea,land").metadata["limn.classes"] == '["sky", "sea", "land"]'
    assert "2 classes, expected 3" in refused(tmp_path, own, "--classes", "sky,sea")


def test_the_size_that_weights_were_made_for(tmp_path: Path) -> None:
    voc = converted(tmp_path, torch_zip(weights(deeplabv3_shapes((1, 1, 1, 1), 21))))
    assert voc.metadata["limn.resize"] == "520"
    own = torch_zip(weights(deeplabv3_shapes((1, 1, 1, 1), 3)))
    assert "limn.resize" not in converted(tmp_path, own).metadata
    cars = torch_zip(weights(unet(3, 2, "transposed", False)))
    assert "limn.scale" not in converted(tmp_path, cars).metadata
    assert converted(tmp_path, cars, "--scale", "0.8").metadata["limn.scale"] == "0.8"
    assert "--scale applies to unet, but the checkpoint is deeplabv3" in refused(tmp_path, own, "--scale", "1")


def test_the_scale_of_the_published_unet(tmp_path: Path) -> None:
    data = torch_zip(weights(unet(3, 2, "transposed", False)))
    assert converted(tmp_path, data, name="unet_carvana_scale1.0_epoch2.pth").metadata["limn.scale"] == "1"


def test_conventions_that_no_tensor_tells(tmp_path: Path) -> None:
    hints = torch_zip(weights(siggraph17()))
    assert "limn.mask_center" not in converted(tmp_path, hints).metadata
    assert converted(tmp_path, hints, "--mask-center", "0.5").metadata["limn.mask_center"] == "0.5"
    assert "limn.spread_hints" not in converted(tmp_path, hints).metadata
    assert converted(tmp_path, hints, "--spread-hints", "true").metadata["limn.spread_hints"] == "true"
    diverse = torch_zip(weights(vae_shapes(False)))
    assert converted(tmp_path, diverse).metadata["limn.align_corners"] == "true"
    assert converted(tmp_path, diverse, "--align-corners", "false").metadata["limn.align_corners"] == "false"


@pytest.mark.parametrize("option", [["--mask-center", "0.5"], ["--align-corners", "true"], ["--classes", "a,b"], ["--spread-hints", "true"]])
def test_options_of_another_model_are_refused(option: list[str], tmp_path: Path) -> None:
    assert f"{option[0]} applies to" in refused(tmp_path, torch_zip(GENERATOR), *option)


def test_converting_again_keeps_what_was_stated(tmp_path: Path) -> None:
    stated = ["--mask-center", "0.5", "--licence", "MIT", "--spread-hints", "true"]
    converted(tmp_path, torch_zip(weights(siggraph17())), *stated)
    again = converted(tmp_path, (tmp_path / "out.safetensors").read_bytes(), "--half").metadata
    assert again["limn.mask_center"] == "0.5" and again["limn.licence"] == "MIT"
    assert again["limn.spread_hints"] == "true"


# What a checkpoint may lack or have too much of


@pytest.mark.parametrize("variant", VARIANTS)
def test_every_missing_or_misshapen_tensor_is_named(variant: str, tmp_path: Path) -> None:
    model, shapes = VARIANTS[variant]
    tensors = weights(shapes)
    for name in list(shapes)[:: max(1, len(shapes) // 12)]:
        without = {other: tensor for other, tensor in tensors.items() if other != name}
        if not (model == "unet" and name in ("inc.double_conv.0.bias", "up1.up.weight")):  # these tell variants apart
            assert name in refused(tmp_path, torch_zip(without))
        assert name in refused(tmp_path, torch_zip(tensors | {name: tensors[name][None]}))


def test_the_message_gives_both_shapes(tmp_path: Path) -> None:
    error = refused(tmp_path, torch_zip(GENERATOR | {"main.4.bias": np.zeros(9, "<f4")}))
    assert "main.4.bias is [9], expected [8]" in error


def test_at_most_ten_names_are_listed(tmp_path: Path) -> None:
    extra = {f"stray.{number:02}.weight": np.zeros(1, "<f4") for number in range(14)}
    error = refused(tmp_path, torch_zip(GENERATOR | extra))
    assert "14 unexpected: stray.00.weight" in error and "stray.09.weight and 4 more" in error
    assert "stray.10" not in error


def test_a_used_tensor_must_be_of_floats(tmp_path: Path) -> None:
    error = refused(tmp_path, torch_zip(GENERATOR | {"main.4.bias": np.zeros(8, "<i8")}))
    assert "main.4.bias is I64, expected F32, F16, BF16 or F64" in error


def test_unknown_models_are_refused(tmp_path: Path) -> None:
    error = refused(tmp_path, torch_zip({"conv1.weight": np.zeros((8, 3, 7, 7), "<f4")}))
    assert "unknown model" in error and "conv1.weight" in error and "siggraph17" in error


def test_the_discriminator_is_refused_by_name(tmp_path: Path) -> None:
    for options in ([], ["--model", "dcgan"]):
        error = refused(tmp_path, torch_zip(weights(dcgan_discriminator())), *options)
        assert "discriminator" in error


def test_networks_that_do_not_add_up(tmp_path: Path) -> None:
    tensors = weights(enhancenet(0))
    del tensors["generator/Conv_4/weights"], tensors["generator/Conv_4/biases"]
    assert "4 convolutions, expected 5 and 2 per residual block" in refused(tmp_path, torch_zip(tensors))
    tensors = weights(vae_shapes(False) | {"dec_conv1.weight": (8, 16, 3, 3)})
    assert "no inputs left for a latent after 16 grey features" in refused(tmp_path, torch_zip(tensors))


def test_a_stated_model_is_held_against_the_tensors(tmp_path: Path) -> None:
    assert converted(tmp_path, torch_zip(GENERATOR), "--model", "dcgan").metadata["limn.model"] == "dcgan"
    assert "those of dcgan, expected vae" in refused(tmp_path, torch_zip(GENERATOR), "--model", "vae")
    stem = {"conv1.weight": np.zeros((8, 3, 7, 7), "<f4")}
    assert "backbone.conv1.weight: missing" in refused(tmp_path, torch_zip(stem), "--model", "deeplabv3")


# The command line


def command(*arguments: str | Path, **options) -> subprocess.CompletedProcess[str]:
    line = [sys.executable, ROOT / "tools" / "convert.py", *arguments]
    return subprocess.run(line, check=False, capture_output=True, text=True, timeout=60, **options)


def test_the_program_converts_and_says_what_it_wrote(tmp_path: Path) -> None:
    (tmp_path / "g.pth").write_bytes(torch_zip(GENERATOR))
    done = command("g.pth", "-o", "g.safetensors", cwd=tmp_path)
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.startswith("g.safetensors: dcgan, 21 tensors, ")


def test_help_begins_with_an_example() -> None:
    done = command("--help")
    assert done.returncode == 0 and done.stdout.startswith("example: limn-convert ")


@pytest.mark.parametrize(
    "arguments",
    [[], ["a.pth"], ["a.pth", "-o", "b", "--model", "lenet"], ["a.pth", "-o", "b", "--mask-center", "2"]],
)
def test_wrong_usage_is_one_line_and_2(arguments: list[str]) -> None:
    done = command(*arguments)
    assert done.returncode == 2 and done.stderr.startswith("limn-convert: ") and done.stderr.count("\n") == 1


def test_files_that_cannot_be_read_or_written(tmp_path: Path) -> None:
    source = tmp_path / "g.pth"
    source.write_bytes(torch_zip(GENERATOR))
    for arguments, reason in (
        ([tmp_path / "absent.pth", "-o", tmp_path / "o"], "absent.pth: No such file"),
        ([tmp_path, "-o", tmp_path / "o"], "Is a directory"),
        ([source, "-o", tmp_path / "absent" / "o"], f"{tmp_path}/absent/o: No such file"),
        ([source, "-o", tmp_path, "--force"], "is not a regular file"),
        ([source, "-o", "/dev/null", "--force"], "/dev/null: is not a regular file"),
    ):
        done = command(*arguments)
        assert done.returncode == 1 and done.stderr.count("\n") == 1 and reason in done.stderr
    assert os.listdir(tmp_path) == ["g.pth"]


def test_an_existing_output_is_kept_without_force(tmp_path: Path) -> None:
    source, output = tmp_path / "g.pth", tmp_path / "o.safetensors"
    source.write_bytes(torch_zip(GENERATOR))
    output.write_text("precious")
    assert "--force" in command(source, "-o", output).stderr
    assert output.read_text() == "precious"
    source.write_bytes(b"damaged")
    assert command(source, "-o", output, "--force").returncode == 1
    assert output.read_text() == "precious"
    source.write_bytes(torch_zip(GENERATOR))
    assert command(source, "-o", output, "--force").returncode == 0
    assert output.read_bytes() != b"precious"


def test_a_full_disk_leaves_nothing_behind(tmp_path: Path) -> None:
    source = tmp_path / "g.pth"
    source.write_bytes(torch_zip(GENERATOR))
    limit = lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (4096, 4096))  # noqa: E731
    done = command(source, "-o", tmp_path / "o.safetensors", preexec_fn=limit)
    assert done.returncode == 1 and "o.safetensors: File too large" in done.stderr and done.stderr.count("\n") == 1
    assert os.listdir(tmp_path) == ["g.pth"]


def test_an_interrupt_leaves_nothing_behind(tmp_path: Path, monkeypatch) -> None:
    source = tmp_path / "g.pth"
    source.write_bytes(torch_zip(GENERATOR))

    def interrupted(*_):
        raise KeyboardInterrupt

    monkeypatch.setattr(conversion.safetensors.os, "replace", interrupted)
    assert convert.main([str(source), "-o", str(tmp_path / "o.safetensors")]) == 130
    assert os.listdir(tmp_path) == ["g.pth"]


def test_a_message_is_one_line_whatever_a_name_holds(tmp_path: Path) -> None:
    _, error = run(tmp_path, torch_zip(GENERATOR | {"a\nb\x1b[31m\u2028": np.zeros(1, "<f4")}))
    assert r"a\nb\x1b[31m\u2028" in error


# The released weights: CC BY-NC-ND 4.0, so they are no part of this repository

RELEASE = Path(os.environ.get("LIMN_ENHANCENET_RELEASE", ROOT / "../shared/data/enhancenet-release/weights"))


def test_the_released_enhancenet_weights(tmp_path: Path) -> None:
    if not RELEASE.exists():
        absent = f"no released EnhanceNet weights at {RELEASE}; LIMN_ENHANCENET_RELEASE names their file"
        warnings.warn(absent, stacklevel=1)  # pytest shows warnings unasked, the reasons of skips only with -rs
        pytest.skip(absent)
    data = RELEASE.read_bytes()
    assert hashlib.sha256(data).hexdigest().startswith("4250b3dc5e69c5bd")
    done = converted(tmp_path, data, name="weights")
    assert done.metadata["limn.licence"] == "CC BY-NC-ND 4.0"
    shapes = {name: tensor.shape for name, tensor in done.tensors.items()}
    assert shapes == enhancenet(10, 64)
    for name, tensor in done.tensors.items():
        # An entry is the variable's name, a few bytes of lengths, and its values verbatim.
        at = data.index(tensor.tobytes())
        assert data.rindex(b"\n" + bytes([len(name)]) + name.encode(), 0, at) > at - 128
        assert 0 < np.abs(tensor).max() < 5

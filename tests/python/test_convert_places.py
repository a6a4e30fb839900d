"""tools/convert.py finds the network wherever it lies in a checkpoint: keys, prefixes, company, old names, --key."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from checkpoint_files import Call, Global, safetensors, torch_legacy, torch_zip
from convert_runner import assert_same, convert, converted, refused
from model_tables import VARIANTS, dcgan, dcgan_discriminator, eccv16, siggraph17, unet, unet_2019, vae, weights

GENERATOR = weights(dcgan())
OTHER = weights(dcgan(), seed=2)
DISCRIMINATOR = weights(dcgan_discriminator())
TOO_FEW = {name: tensor for name, tensor in GENERATOR.items() if name != "main.4.bias"}
KEYS = (
    "model_state_dict", "state_dict", "model", "params", "params_ema", "netG", "netG_state_dict", "generator", "G",
    "G_ema", "ema", "net", "network", "student", "teacher", "weights", "best_model", "a key with spaces", "0",
)  # fmt: skip
OPTIMIZER = {
    "state": {0: {"step": np.array(5, "<i8"), "exp_avg": np.zeros((5, 16, 4, 4), "<f4")}, 1: {"step": 7}},
    "param_groups": [{"lr": 0.1, "betas": (0.9, 0.999), "params": [0, 1]}],
}


def prefixed(prefix: str, tensors: dict[str, Any]) -> dict[str, Any]:
    return {prefix + name: tensor for name, tensor in tensors.items()}


# Keys


@pytest.mark.parametrize("key", KEYS)
@pytest.mark.parametrize("write", [torch_zip, torch_legacy])
def test_the_network_may_lie_under_any_key(key: str, write, tmp_path: Path) -> None:
    for root in (
        {key: GENERATOR},
        {"epoch": 3, "loss": np.array(0.5, "<f4"), "optimizer": OPTIMIZER, key: GENERATOR},
        {"run": [1, ({"epoch": 2}, {key: {"inner": prefixed("module.", GENERATOR)}})]},
    ):
        assert_same(converted(tmp_path, write(root)).tensors, GENERATOR)


@pytest.mark.parametrize("variant", VARIANTS)
def test_every_model_is_found(variant: str, tmp_path: Path) -> None:
    model, shapes = VARIANTS[variant]
    tensors = weights(shapes)
    for root in (
        {"net_state_dict": tensors, "optimizer": OPTIMIZER, "netD": DISCRIMINATOR},
        {"state_dict": prefixed("student.backbone_.", tensors) | prefixed("loss_fn.vgg.", weights({"0.weight": (2,)}))},
        [3, tensors],
    ):
        done = converted(tmp_path, torch_zip(root))
        assert_same(done.tensors, tensors)
        assert done.metadata["limn.model"] == model


def test_the_published_dcgan_of_gan_face_generate(tmp_path: Path, capsys) -> None:
    """weights.tar in gan-face-generate 1.1.1 on PyPI: in spite of its name a zip file of this structure."""
    counters = {name.replace("weight", "num_batches_tracked"): np.array(9, "<i8")
                for name, tensor in GENERATOR.items() if name.endswith("weight") and tensor.ndim == 1}  # fmt: skip
    ordered = Call(
        Global("collections", "OrderedDict"),
        ([[name, tensor] for name, tensor in (GENERATOR | counters).items()],),
        {"_metadata": {"": {"version": 1}}},
    )
    data = torch_zip({"netG_state_dict": ordered}, {"archive/.data/serialization_id": b"0" * 40})
    assert_same(converted(tmp_path, data, name="weights.tar").tensors, GENERATOR)
    assert convert.main([str(tmp_path / "weights.tar"), "-o", str(tmp_path / "o")]) == 0
    said = capsys.readouterr().out
    assert said.endswith(", licence unknown; from netG_state_dict; 4 unused tensors left out\n")


def test_parts_of_a_network_may_lie_under_keys_of_their_own(tmp_path: Path) -> None:
    for variant in ("deeplabv3 r50, 21 classes", "siggraph17", "unet transposed"):
        tensors = weights(VARIANTS[variant][1])
        parts: dict[str, Any] = {"epoch": 5, "optimizer": OPTIMIZER}
        for name, tensor in tensors.items():
            part, _, rest = name.partition(".")
            parts.setdefault(part, {})[rest] = tensor
        assert_same(converted(tmp_path, torch_zip(parts)).tensors, tensors)


def test_dicts_and_lists_among_the_tensors_are_left_out(tmp_path: Path) -> None:
    company = {"info": {"sizes": np.ones(3, "<f4")}, "samples": [np.zeros((1, 3, 8, 8), "<f4")], "other": DISCRIMINATOR}
    for tensors in (GENERATOR, weights(vae(True)), weights(unet(3, 2, "bilinear", False))):
        assert_same(converted(tmp_path, torch_zip(tensors | company)).tensors, tensors)


def test_a_dict_of_another_class_is_a_dict(tmp_path: Path) -> None:
    inner = Call(Global("collections", "OrderedDict"), ([["netG", GENERATOR]],))
    assert_same(converted(tmp_path, torch_zip({"models": inner})).tensors, GENERATOR)


# Prefixes


@pytest.mark.parametrize(
    "prefix", ["module.", "model.", "netG.", "generator.", "_orig_mod.module.", "0.", "a.b.c.d.", "ema_model.module."]
)
@pytest.mark.parametrize("write", [torch_zip, safetensors])
def test_any_prefix_is_stripped_and_other_networks_are_left_out(prefix: str, write, tmp_path: Path) -> None:
    company = prefixed("netD.", DISCRIMINATOR) | {"n_averaged": np.array(3, "<i8"), "vgg.0.weight": np.ones(3, "<f4")}
    for tensors in (GENERATOR, weights(unet(3, 2, "bilinear", True)), weights(siggraph17())):
        assert_same(converted(tmp_path, write(prefixed(prefix, tensors) | company)).tensors, tensors)


@pytest.mark.parametrize(
    "company",
    [
        {"step": np.array(3, "<i8"), "epoch": np.array(1.5, "<f4"), "best": np.array(True)},
        {"loss": np.zeros(100, "<f4"), "loss_history.train": np.zeros((2, 50), "<f4")},
        {"criterion.weight": np.ones(2, "<f4"), "perceptual_loss.vgg.0.weight": np.ones((2, 3, 3, 3), "<f4")},
        {"optimizer.state.0.exp_avg": np.zeros(4, "<f4"), "lr_scheduler.base": np.zeros(1, "<f4")},
        prefixed("discriminator.", DISCRIMINATOR),
        prefixed("D.", DISCRIMINATOR),
    ],
)
def test_company_among_the_names_is_left_out(company: dict[str, np.ndarray], tmp_path: Path) -> None:
    for tensors in (GENERATOR, weights(eccv16())):
        assert_same(converted(tmp_path, torch_zip(tensors | company)).tensors, tensors)


@pytest.mark.parametrize("more", ["attention.weight", "main.5.weight", "down5.conv.weight", "gamma.0"])
def test_layers_that_the_graph_lacks_are_refused_at_any_place(more: str, tmp_path: Path) -> None:
    extended = GENERATOR | {more: np.zeros(3, "<f4")}
    for root, at in ((extended, ""), ({"netG": extended}, " in netG"), (prefixed("module.", extended), " in module")):
        assert f"dcgan tensors{at}: 1 unexpected: {more}\n" in refused(tmp_path, torch_zip(root))


# Several networks


@pytest.mark.parametrize(
    ("better", "worse"),
    [
        ("params_ema", "params"), ("state_dict_ema", "state_dict"), ("ema", "model"), ("ema_model", "model"),
        ("model_ema", "generator"), ("swa", "G"), ("shadow", "net"), ("averaged_model", "best_model"),
        ("netG", "net"), ("generator", "model"), ("G_ema", "G"), ("netG_ema", "netG_state_dict"), ("gen", "encoder"),
        ("student", "teacher"), ("modelEMA", "model"), ("optimal.generator", "discriminator"),
    ],
)  # fmt: skip
def test_the_averaged_network_or_the_generator_is_preferred(better: str, worse: str, tmp_path: Path) -> None:
    for root in ({better: GENERATOR, worse: OTHER}, {worse: OTHER, better: GENERATOR}):
        assert_same(converted(tmp_path, torch_zip(root)).tensors, GENERATOR)
        flat = {f"{key}.{name}": tensor for key, tensors in root.items() for name, tensor in tensors.items()}
        assert_same(converted(tmp_path, safetensors(flat)).tensors, GENERATOR)


def test_an_average_that_lacks_tensors_is_not_taken(tmp_path: Path) -> None:
    """As of parameters only, without the statistics of the norms."""
    for root in ({"ema": TOO_FEW, "model": GENERATOR}, {"a": {"b": GENERATOR}, "shadow": TOO_FEW}):
        assert_same(converted(tmp_path, torch_zip(root)).tensors, GENERATOR)


def test_an_average_among_the_names_of_the_network(tmp_path: Path) -> None:
    assert_same(converted(tmp_path, torch_zip(OTHER | prefixed("ema.", GENERATOR))).tensors, GENERATOR)
    assert_same(converted(tmp_path, torch_zip(OTHER | prefixed("ema.", TOO_FEW))).tensors, OTHER)


def test_networks_that_nothing_tells_apart_need_a_key(tmp_path: Path) -> None:
    data = torch_zip({"netG_A": GENERATOR, "netG_B": prefixed("module.", OTHER), "netD": DISCRIMINATOR})
    error = refused(tmp_path, data)
    assert ": 2 networks fit: netG_A (dcgan), netG_B.module (dcgan); choose one with --key\n" in error
    assert_same(converted(tmp_path, data, "--key", "netG_A").tensors, GENERATOR)
    for key in ("model", "best_loss_model", "last"):
        error = refused(tmp_path, torch_zip({"state_dict": GENERATOR, key: OTHER}))
        assert f"{key} (dcgan)" in error and "state_dict (dcgan)" in error and "choose one with --key" in error
    for key in ("netG_B", "netG_B.module", "module"):
        assert_same(converted(tmp_path, data, "--key", key).tensors, OTHER)


def test_a_key_is_stronger_than_the_preference(tmp_path: Path) -> None:
    for root in (
        {"params": GENERATOR, "params_ema": OTHER},
        {"run": {"params": GENERATOR, "params_ema": OTHER}},
        prefixed("params.", GENERATOR) | prefixed("params_ema.", OTHER),
        {"params": {"generator": GENERATOR, "generator_ema": TOO_FEW}, "ema": OTHER},
    ):
        assert_same(converted(tmp_path, torch_zip(root), "--key", "params").tensors, GENERATOR)
    assert "dcgan tensors in ema: 1 missing: main.4.bias" in refused(
        tmp_path, torch_zip({"params": GENERATOR, "ema": TOO_FEW}), "--key", "ema"
    )


def test_a_stated_model_chooses_among_models(tmp_path: Path) -> None:
    colors = weights(vae(False))
    data = torch_zip({"a": GENERATOR, "b": colors})
    assert ": 2 networks fit: b (vae), a (dcgan); choose one with --key" in refused(tmp_path, data)
    assert_same(converted(tmp_path, data, "--model", "dcgan").tensors, GENERATOR)
    assert_same(converted(tmp_path, data, "--model", "vae").tensors, colors)
    assert "the tensors are those of vae, expected unet" in refused(tmp_path, data, "--model", "unet")


def test_a_key_without_a_network(tmp_path: Path) -> None:
    data = torch_zip({"netG": GENERATOR, "optimizer": OPTIMIZER, "epoch": np.array(3, "<i8")})
    error = refused(tmp_path, data, "--key", "optimizer")
    assert ": no known network at optimizer: it holds 2 tensors in optimizer (" in error
    error = refused(tmp_path, data, "--key", "netH")
    assert ": no key netH: the file holds epoch; 21 tensors in netG (main.0.weight" not in error
    assert ": no key netH: the file holds epoch; 21 tensors in netG (netG.main.0.weight, " in error
    assert "2 tensors in optimizer (" in error
    assert "no key main.0" in refused(tmp_path, torch_zip(GENERATOR), "--key", "main.0.w")


# None


def test_what_was_found_is_listed(tmp_path: Path) -> None:
    for root, listed in (
        ({"enc": {"conv.weight": np.ones(2, "<f4")}}, "1 tensor in enc (enc.conv.weight)"),
        ([{"conv.weight": np.ones(2, "<f4")}], "1 tensor in [0] ([0].conv.weight)"),
        (
            {"conv.weight": np.ones(2, "<f4"), "b": {"c": {"d": np.ones(1, "<f4")}}},
            "conv.weight; 1 tensor in b (b.c.d)",
        ),
        (
            {"model": Call(Global("my.models", "Net")), "opt": [np.ones(1, "<f4")] * 3},
            "model (my.models.Net); 3 tensors in opt (opt.[0], opt.[1], opt.[2])",
        ),
    ):
        for write in (torch_zip, torch_legacy):
            error = refused(tmp_path, write(root))
            assert f": unknown model: it holds {listed}; expected one of deeplabv3, eccv16," in error


def test_a_problem_is_told_with_its_place(tmp_path: Path) -> None:
    for root, said in (
        (
            {"netG": TOO_FEW, "netD": DISCRIMINATOR},
            "dcgan tensors in netG: 1 missing: main.4.bias; 1 more that fit no layout: netD (dcgan)\n",
        ),
        (
            {"netD": DISCRIMINATOR},
            "dcgan in netD: the names are those of a DCGAN discriminator, expected the generator",
        ),
        (prefixed("module.", TOO_FEW), "dcgan tensors in module: 1 missing: main.4.bias"),
        ({"a": GENERATOR | {"main.4.bias": Call(Global("my", "Packed"))}}, "tensor a.main.4.bias: made by my.Packed"),
    ):
        assert f": {said}" in refused(tmp_path, torch_zip(root))


# Names


@pytest.mark.parametrize("stages", [(16, 8, 4, 2), (12, 6), (8, 4, 2)])
@pytest.mark.parametrize("prefix", ["", "module.", "netG.", "layers.", "gen.model."])
def test_a_generator_may_be_a_bare_sequential(stages: tuple[int, ...], prefix: str, tmp_path: Path) -> None:
    tensors = weights(dcgan(7, stages))
    bare = {prefix + name.removeprefix("main."): tensor for name, tensor in tensors.items()}
    assert prefix + "0.weight" in bare and prefix + "1.running_var" in bare
    for root in (bare, {"netG": bare, "netD": {n.removeprefix("main."): t for n, t in DISCRIMINATOR.items()}}):
        assert_same(converted(tmp_path, torch_zip(root)).tensors, tensors)
    assert_same(converted(tmp_path, safetensors(bare)).tensors, tensors)


def test_a_bare_sequential_of_another_kind_is_refused(tmp_path: Path) -> None:
    for shapes in ({"0.weight": (4, 3, 3, 3), "3.weight": (4, 4, 3, 3)}, {"0.weight": (4, 3), "3.weight": (2, 4)}):
        assert "unknown model: it holds 0.weight, 3.weight;" in refused(tmp_path, torch_zip(weights(shapes)))
    short = {name.removeprefix("main."): tensor for name, tensor in TOO_FEW.items()}
    assert "dcgan tensors: 1 missing: main.4.bias" in refused(tmp_path, torch_zip(short))


@pytest.mark.parametrize("up", ["bilinear", "transposed"])
@pytest.mark.parametrize(("channels", "classes"), [(3, 1), (1, 2), (4, 7)])
@pytest.mark.parametrize("prefix", ["", "module."])
def test_unet_names_before_2020_become_todays(up: str, channels: int, classes: int, prefix: str, tmp_path: Path):
    old = weights(unet_2019(channels, classes, up))
    new = {today: old[name] for name, today in unet_2019_names(old).items()}
    with_values = prefixed(prefix, old) | {"mask_values": list(range(7))}
    for root in (prefixed(prefix, old), {"net": with_values, "optimizer": OPTIMIZER}):
        done = converted(tmp_path, torch_zip(root))
        assert_same(done.tensors, new)
        assert done.metadata["limn.model"] == "unet"


def unet_2019_names(old: dict[str, np.ndarray]) -> dict[str, str]:
    """Today's name of each tensor, part by part."""
    today = {}
    for name in old:
        parts = name.split(".")
        if parts[0] == "inc":  # inc.conv.conv.0.weight
            today[name] = ".".join(["inc", "double_conv", *parts[3:]])
        elif parts[0].startswith("down"):  # down1.mpconv.1.conv.0.weight
            today[name] = ".".join([parts[0], "maxpool_conv", "1", "double_conv", *parts[4:]])
        elif parts[1] == "conv" and parts[0] != "outc":  # up1.conv.conv.0.weight
            today[name] = ".".join([parts[0], "conv", "double_conv", *parts[3:]])
        else:  # up1.up.weight, outc.conv.weight
            today[name] = name
    return today


def test_old_and_present_names_together_are_refused(tmp_path: Path) -> None:
    old = weights(unet_2019(3, 2, "bilinear"))
    error = refused(tmp_path, torch_zip(old | {"inc.double_conv.0.weight": old["inc.conv.conv.0.weight"]}))
    assert "tensor inc.double_conv.0.weight: under its old and its present name" in error

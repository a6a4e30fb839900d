"""The training programs: what they draw, and that what a few steps make converts and runs."""

from __future__ import annotations

import itertools
import json
from pathlib import Path

import numpy as np
import pytest
from cli_support import LIMN, png, read_png, succeeds  # which makes tools/ known, too

torch = pytest.importorskip("torch")
Image = pytest.importorskip("PIL.Image")

from checkpoint import safetensors  # noqa: E402
from reference import siggraph17, unet  # noqa: E402
from reference.parameters import Maker, Parameters, ignore  # noqa: E402
from training import (  # noqa: E402
    cells,
    colour,
    hints,
    loop,
    nuclei,
    photo_parts,
    point_hints,
    scenes,
    spread,
    text,
    train_colorizers,  # noqa: E402  (tools/ is known through cli_support, and all of it needs torch)
    train_dcgan,  # noqa: E402
    train_deeplabv3,  # noqa: E402
    train_enhancenet,  # noqa: E402
    train_siggraph17,  # noqa: E402
    train_unet,  # noqa: E402
    train_vae,  # noqa: E402
)
from training.network import Network, features, read_weights  # noqa: E402

QUICK = ("--steps", "2", "--every", "1", "--batch", "2", "--base", "4", "--limn", "/none")

PROGRAMS = {
    "unet": (train_unet, ()),
    "deeplabv3": (train_deeplabv3, ("--head", "8", "--blocks", "1,1,1,1", "--side", "64")),
    "eccv16": (train_colorizers, ("--model", "eccv16", "--side", "32", "--photographs", "0")),
    "siggraph17": (train_colorizers, ("--model", "siggraph17", "--side", "32", "--photographs", "0")),
    "vae": (train_vae, ("--latent", "4", "--pool", "2", "--perceptual", "0")),
    "dcgan": (train_dcgan, ("--of", "landscapes", "--nz", "8", "--pool", "4", "--opening", "1")),
}


@pytest.fixture(autouse=True)
def few_pictures(monkeypatch: pytest.MonkeyPatch) -> None:
    """Fewer held-out pictures, and fewer passes to measure batch norms with."""
    for program in {program for program, _ in PROGRAMS.values()} - {train_dcgan}:
        monkeypatch.setattr(program, "VALIDATED", 2)
    whole = Network.measure_norms
    monkeypatch.setattr(Network, "measure_norms", lambda self, passes: whole(self, itertools.islice(passes, 2)))


def trained(tmp_path: Path, name: str, *options: str) -> Path:
    """The safetensors file of a training of two steps."""
    program, own = PROGRAMS[name]
    output = tmp_path / f"{name}.pth"
    assert program.main(["-o", str(output), *QUICK, *own, *options]) == 0
    return output.with_suffix(".safetensors")


# ---- Drawings ----------------------------------------------------------------------------------


def test_scenes_are_known_by_their_number() -> None:
    one, again, other = scenes.scene(3, 5, 64, 96), scenes.scene(3, 5, 64, 96), scenes.scene(3, 6, 64, 96)
    for a, b in zip(one, again, strict=True):
        np.testing.assert_array_equal(a, b)
    assert not np.array_equal(one.rgb, other.rgb)
    assert (one.rgb.shape, one.rgb.dtype) == ((64, 96, 3), np.uint8)
    assert one.classes.shape == one.objects.shape == (64, 96)


def test_an_object_of_a_scene_has_one_class() -> None:
    seen = set()
    for number in range(12):
        scene = scenes.scene(1, number, 128, 128)
        assert scene.classes.max() < len(scenes.CLASSES)
        seen |= set(np.unique(scene.classes))
        for which in np.unique(scene.objects[scene.objects > 0]):
            assert len(np.unique(scene.classes[scene.objects == which])) == 1
        assert not set(np.unique(scene.classes[scene.objects == 0])) & {scenes.TREE, scenes.HOUSE, scenes.CAR}
    assert len(seen) >= 8


def test_masks_lie_where_the_drawing_is() -> None:
    """Grass is greener than the sky, and the sky bluer than the grass."""
    for number in range(6):
        scene = scenes.scene(2, number, 96, 96)
        rgb = scene.rgb.astype(float)
        grass, sky = rgb[scene.classes == scenes.GRASS].mean(0), rgb[scene.classes == scenes.SKY].mean(0)
        assert grass[1] > grass[0] and grass[1] > grass[2]
        assert sky[2] / sky.sum() > grass[2] / grass.sum()


def test_cells_are_known_by_their_number() -> None:
    (rgb, mask), (again, same) = cells.picture(3, 5, 96), cells.picture(3, 5, 96)
    np.testing.assert_array_equal(rgb, again)
    np.testing.assert_array_equal(mask, same)
    assert set(np.unique(mask)) == {0, 1} and rgb.shape == (96, 96, 3)


def test_nuclei_are_parts_of_cells() -> None:
    for number in range(6):
        (rgb, cell), (again, nucleus) = cells.picture(3, number, 96), cells.picture(3, number, 96, nuclei=True)
        np.testing.assert_array_equal(rgb, again)
        assert 0 < nucleus.sum() < cell.sum() and not (nucleus & ~cell).any()


def test_pages_are_known_by_their_number() -> None:
    if not has_matplotlib():
        pytest.skip("no matplotlib, whose fonts are drawn")
    one, again, other = (text.page(*key, side=128) for key in ((3, 5), (3, 5), (3, 6)))
    assert one.tobytes() == again.tobytes() != other.tobytes()


# ---- Parts -------------------------------------------------------------------------------------


def test_lab_there_and_back() -> None:
    rgb = torch.rand(1, 3, 8, 8, generator=torch.Generator().manual_seed(1))
    torch.testing.assert_close(colour.rgb_from_lab(colour.lab_from_rgb(rgb)), rgb, atol=1e-3, rtol=0)
    red = colour.lab_from_rgb(torch.tensor([1.0, 0, 0]).view(1, 3, 1, 1)).flatten()
    torch.testing.assert_close(red, torch.tensor([53.24, 80.09, 67.20]), atol=0.02, rtol=0)


def test_a_network_computes_as_the_reference_does() -> None:
    """But for the rounding of sums: a network's weights lie otherwise in memory."""
    weights = unet.random_weights(1, base=2, classes=3)
    x = Maker(1).uniform(1, 3, 32, 32)
    found, wanted = (unet.forward(kind(weights), x, ignore) for kind in (Network, Parameters))
    torch.testing.assert_close(found, wanted, atol=1e-4, rtol=1e-4)


def test_batch_norms_follow_what_reaches_them() -> None:
    make = Maker(1)
    make.norm("norm", 2)
    network, norm, x = Network(make.weights), torch.nn.BatchNorm2d(2), torch.randn(4, 2, 3, 3)
    network.training = True
    network.norm(x, "norm")
    norm(x)
    torch.testing.assert_close(network.weights["norm.running_mean"], norm.running_mean)
    torch.testing.assert_close(network.weights["norm.running_var"], norm.running_var)
    network.measure_norms(lambda y=y: network.norm(y, "norm") for y in (x, x + 2))
    torch.testing.assert_close(network.weights["norm.running_mean"], x.mean((0, 2, 3)) + 1)
    assert not network.training


def test_features_go_no_further_than_they_must() -> None:
    weights = siggraph17.random_weights(1, base=2)
    last = [name for name in weights if name.startswith(("model4", "model5"))]
    network = Network({name: value for name, value in weights.items() if name not in last})
    (found,) = features(siggraph17.forward, network, torch.rand(1, 4, 16, 16), ("model2.4",))
    assert found.shape == (1, 4, 8, 8)


def test_hints_are_the_colours_of_the_picture() -> None:
    """What is hinted is what is to be found there, also where the hint gave it another colour."""
    rng = np.random.default_rng(1)
    scene = scenes.scene(1, 0, 64, 64)
    ab = colour.lab_from_rgb(colour.tensor_from_pictures([scene.rgb]))[0, 1:].permute(1, 2, 0).numpy()
    recoloured, apart = 0, []
    for _ in range(20):
        truth, given, weights = hints.drawn(rng, ab, scene.objects)
        hinted = given[:, :, 2] > 0
        assert not given[~hinted].any() and set(np.unique(weights)) <= {1, 6}
        recoloured += not np.array_equal(truth, ab)
        apart.extend(np.abs(given[:, :, :2] - truth)[hinted])
    assert recoloured and np.median(apart) < hints.ALIKE / 2  # single squares lie on other things too


def test_the_learning_rate_rises_and_falls() -> None:
    rates = [loop.learning_rate(step, 1000, 1) for step in range(1000)]
    assert rates[0] < 0.05 and max(rates) > 0.95 and rates[-1] < 0.01


# ---- Photographs with hints --------------------------------------------------------------------


def photographs_in(folder: Path) -> Path:
    """Two photographs of each part."""
    folder.mkdir()
    names = (f"place{i}_1.png" for i in itertools.count())
    for part in ("train", "validation", "test"):
        for name in itertools.islice((name for name in names if photo_parts.part(Path(name)) == part), 2):
            (folder / name).write_bytes(png(scenes.scene(9, 1, 48, 64).rgb))
    return folder


def test_a_place_lies_in_one_part(tmp_path: Path) -> None:
    for names in (("lomiri_Bridge_by_A.jpg", "lomiri_Bridge_2_by_B.jpg"), ("scratch_beach-a.jpg", "scratch_beach-b.jpg"),
                  ("rose_123_abc.jpg", "rose_123_def.jpg"), ("cc0_town1.jpg", "cc0_town22.jpg")):  # fmt: skip
        assert len({photo_parts.group(Path(name)) for name in names}) == 1, names
    parts = [photo_parts.part(Path(f"rose_{i}_x.jpg")) for i in range(2000)]
    for part, share in (("train", 0.8), ("validation", 0.08), ("test", 0.12)):
        assert abs(parts.count(part) / len(parts) - share) < 0.03
    folder = photographs_in(tmp_path / "photos")
    assert len(photo_parts.paths(folder, "test")) == 2
    with pytest.raises(SystemExit, match="no pictures in the test part"):
        photo_parts.paths(tmp_path, "test")


def test_point_hints() -> None:
    """They have the mean colours of their squares; recolouring keeps L."""
    rgb = scenes.scene(9, 1, 64, 64).rgb
    lab = colour.lab_from_rgb(colour.tensor_from_pictures([rgb]))
    ab, mask = point_hints.squares(lab, [(0, 5, 2), (40, 30, 0)])
    assert mask.sum() == 3 * 5 + 1 and torch.allclose(ab[0, :, 40, 30], lab[0, 1:, 40, 30])
    torch.testing.assert_close(ab[0, :, 1, 4], lab[0, 1:, 0:3, 3:8].mean((1, 2)))
    assert not point_hints.drawn(np.random.default_rng(1), lab, none=1)[1].any()
    changed = 0
    for seed in range(12):
        made = point_hints.recoloured(np.random.default_rng(seed), rgb, lab)
        torch.testing.assert_close(made[:, 0], lab[:, 0])
        changed += (made - lab).abs().max().item() > 5
    assert 3 <= changed <= 9


def test_hints_spread_up_to_edges() -> None:
    lightness, ab, mask = torch.full((1, 1, 40, 64), 30.0), torch.zeros(1, 2, 40, 64), torch.zeros(1, 1, 40, 64)
    assert not spread.spread(lightness, ab, mask).any()
    lightness[..., 32:] = 60
    for x, a in ((5, 50.0), (60, -20.0)):
        ab[0, 0, 20, x], mask[0, 0, 20, x] = a, 1
    found = spread.spread(lightness, ab, mask)[0]
    assert (found[0, :, :28] > 40).all() and (found[0, :, 36:] < -10).all()
    assert (found[2] > 0.3).all() and (found[2] <= 1 + 1e-5).all()


def test_a_stopped_training_goes_on(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    data, step = photographs_in(tmp_path / "photos"), train_siggraph17.Training.step

    def trained_in(place: str, stop: int) -> bytes:
        def stopping(self: train_siggraph17.Training, number: int) -> float:
            if number == stop:
                raise KeyboardInterrupt
            return step(self, number)

        monkeypatch.setattr(train_siggraph17.Training, "step", stopping)
        (tmp_path / place).mkdir(exist_ok=True)
        output = tmp_path / place / "hints.pth"
        own = ("--data", str(data), "--small", str(data), "--side", "32", "--steps", "4", "--licence", "CC0-1.0")
        train_siggraph17.main(["-o", str(output), *QUICK, *own])
        assert not output.with_name("hints.pth.state").exists()
        return output.with_suffix(".safetensors").read_bytes()

    whole = safetensors.read(trained_in("whole", 99))
    with pytest.raises(KeyboardInterrupt):
        trained_in("part", 2)
    again = safetensors.read(trained_in("part", 99))
    for name, tensor in whole.tensors.items():
        np.testing.assert_array_equal(tensor.read(), again.tensors[name].read())
    assert whole.metadata["limn.spread_hints"] == "true" and whole.metadata["limn.licence"] == "CC0-1.0"
    about = json.loads((tmp_path / "part/hints.json").read_text())
    assert about["steps"] == 4 and "photos (2 train, 2 validation, 2 test)" in about["data"]


# ---- Whole programs ----------------------------------------------------------------------------


@pytest.mark.parametrize("name", PROGRAMS)
def test_what_is_trained_converts_and_runs(tmp_path: Path, name: str) -> None:
    weights = (
        trained(tmp_path, name, "--curve", str(tmp_path / "curve.png")) if has_matplotlib() else trained(tmp_path, name)
    )
    metadata = safetensors.read(weights.read_bytes()).metadata
    assert (metadata["limn.model"], metadata["limn.licence"]) == (name, "MIT")
    succeeds("verify", weights)
    picture, output = tmp_path / "in.png", tmp_path / "out.png"
    picture.write_bytes(png(scenes.scene(9, 1, 48, 64).rgb))
    if name == "dcgan":
        succeeds("generate", "-m", weights, "-n", "1", "-o", output)
        assert read_png(output.read_bytes()).shape == (64, 64, 3)
    else:
        command = "segment" if name in ("unet", "deeplabv3") else "colorize"
        succeeds(command, "-m", weights, picture, "-o", output)
        assert read_png(output.read_bytes()).shape == (48, 64, 3)
    record = json.loads(weights.with_suffix(".json").read_text())
    assert (record["steps"], record["seed"], record["bytes"]) == (2, 1, weights.stat().st_size)
    leftovers = {path.suffix for path in tmp_path.iterdir()} - {".pth", ".safetensors", ".json", ".png"}
    assert not leftovers


def has_matplotlib() -> bool:
    try:
        import matplotlib  # noqa: F401
    except ImportError:
        return False
    return True


@pytest.mark.parametrize("name", ["unet", "siggraph17", "dcgan"])
def test_a_seed_says_everything(tmp_path: Path, name: str) -> None:
    files = []
    for place, options in (("one", ()), ("same", ()), ("other", ("--seed", "2"))):
        (tmp_path / place).mkdir()
        files.append(trained(tmp_path / place, name, *options).read_bytes())
    one, same, other = (safetensors.read(data).tensors for data in files)
    for tensor in one:
        np.testing.assert_array_equal(one[tensor].read(), same[tensor].read())
    assert any(not np.array_equal(one[tensor].read(), other[tensor].read()) for tensor in one)


def test_metadata(tmp_path: Path) -> None:
    deeplabv3 = safetensors.read(trained(tmp_path, "deeplabv3").read_bytes()).metadata
    assert json.loads(deeplabv3["limn.classes"]) == list(scenes.CLASSES)
    cells_of = safetensors.read(trained(tmp_path, "unet").read_bytes()).metadata
    assert json.loads(cells_of["limn.classes"]) == ["background", "cell"]
    assert json.loads(cells_of["limn.mask_values"]) == [0, 255]


def test_a_training_goes_on_from_a_converted_file(tmp_path: Path) -> None:
    first = trained(tmp_path, "unet")
    before = read_weights(first, "unet")
    (tmp_path / "on").mkdir()
    on = trained(tmp_path / "on", "unet", "--init", str(first), "--base", "8", "--rate", "1e-9")
    after = read_weights(on, "unet")
    assert {name: value.shape for name, value in after.items()} == {name: value.shape for name, value in before.items()}
    np.testing.assert_allclose(after["inc.double_conv.0.weight"], before["inc.double_conv.0.weight"], atol=1e-3)


def own_pictures(folder: Path, classes: int) -> Path:
    """Three pictures and their masks, one smaller than a training window."""
    for place in ("images", "masks"):
        (folder / place).mkdir(parents=True)
    for number, side in enumerate((48, 300, 300)):
        scene = scenes.scene(8, number, side, side)
        Image.fromarray(scene.rgb).save(folder / "images" / f"{number}.png")
        Image.fromarray(scene.classes % classes).save(folder / "masks" / f"{number}.png")
    (folder / "images" / "notes.txt").write_text("no picture")
    return folder


def test_own_pictures_with_masks(tmp_path: Path) -> None:
    """Other classes than those of --init: the last layer starts afresh, the others go on."""
    folder, names = own_pictures(tmp_path / "own", 3), ("--classes", "a,b,c")
    for name in ("unet", "deeplabv3"):
        first = trained(tmp_path, name)
        (tmp_path / name).mkdir()
        found = trained(tmp_path / name, name, "--data", str(folder), "--init", str(first), *names)
        metadata = safetensors.read(found.read_bytes()).metadata
        assert json.loads(metadata["limn.classes"]) == ["a", "b", "c"]
        assert metadata["limn.licence"] == "unknown"  # the pictures' owner knows
        succeeds("verify", found)


def slides(folder: Path) -> Path:
    """Pictures of nuclei in the layout of --nuclei: eight slides of each of two kinds, of four crops each."""
    for place in ("images", "masks"):
        (folder / place).mkdir(parents=True)
    rows, rng = ["name,width,height,nuclei,kind"], np.random.default_rng(1)
    for kind, ground in (("dark-field", 10), ("stained", 60)):
        for slide, crop in itertools.product(range(8), range(4)):
            mask = np.zeros((40, 48), np.uint16)
            mask[8:20, 8:20] = 1 + crop
            rgb = ground * (1 + 0.3 * slide) + 60 * (mask[:, :, None] > 0) + rng.uniform(0, 0.5, (40, 48, 3))
            name = f"{kind}-{slide}-{crop}"
            Image.fromarray(rgb.astype(np.uint8)).save(folder / "images" / f"{name}.png")
            Image.fromarray(mask).save(folder / "masks" / f"{name}.png")
            rows.append(f"{name},48,40,1,{kind}")
    (folder / "index.csv").write_text("\n".join(rows) + "\n")
    return folder


def test_crops_of_a_slide_stay_together(tmp_path: Path) -> None:
    parts = nuclei.split(nuclei.read(str(slides(tmp_path / "slides"))))
    assert {part: len(pictures) for part, pictures in parts.items()} == {"train": 48, "validation": 8, "test": 8}
    places = [{picture.name[:-2] for picture in pictures} for pictures in parts.values()]
    assert not set.intersection(*places) and len(set.union(*places)) == 16
    assert all(picture.mask.sum() == 144 and picture.mask.max() == 1 for picture in parts["test"])


def test_training_on_nuclei(tmp_path: Path) -> None:
    folder = slides(tmp_path / "slides")
    found = trained(tmp_path, "unet", "--nuclei", str(folder), "--side", "32", "--scale", "1", "--limn", str(LIMN))
    metadata = safetensors.read(found.read_bytes()).metadata
    assert (json.loads(metadata["limn.classes"]), metadata["limn.licence"]) == (["background", "nucleus"], "MIT")
    held_out = json.loads(found.with_suffix(".json").read_text())["held_out"]
    assert {kind: figures["pictures"] for kind, figures in held_out.items()} == {"dark-field": 4, "stained": 4}


def test_training_to_enlarge(tmp_path: Path) -> None:
    """Also compressed pictures, and starting from a converted file."""
    folder, output = own_pictures(tmp_path / "own", 3) / "images", tmp_path / "enhancenet.pth"
    quick = ["-o", str(output), "--data", str(folder), "--test", str(folder / "0.png"), *QUICK[:6]]
    assert train_enhancenet.main([*quick, "--width", "4", "--blocks", "1"]) == 0
    weights = output.with_suffix(".safetensors")
    succeeds("verify", weights)
    before = read_weights(weights, "enhancenet")
    assert train_enhancenet.main([*quick, "--jpeg", "--init", str(weights), "--rate", "1e-9"]) == 0
    after = read_weights(weights, "enhancenet")
    for name, value in before.items():
        np.testing.assert_allclose(after[name], value, atol=1e-3)


@pytest.mark.parametrize("name", ["eccv16", "siggraph17", "vae"])
def test_own_pictures(tmp_path: Path, name: str) -> None:
    folder = own_pictures(tmp_path / "own", 3) / "images"
    succeeds("verify", trained(tmp_path, name, "--data", str(folder)))


def test_own_pictures_for_dcgan(tmp_path: Path) -> None:
    folder = own_pictures(tmp_path / "own", 3) / "images"
    output = tmp_path / "mine.pth"
    assert train_dcgan.main(["-o", str(output), *QUICK, "--data", str(folder), "--pool", "4", "--channels", "1"]) == 0
    succeeds("generate", "-m", output.with_suffix(".safetensors"), "-n", "1", "-o", tmp_path / "out.png")


@pytest.mark.parametrize(
    "arguments, said",
    [
        (["--steps", "1"], "missing -o OUT.pth"),
        (["--steps", "0"], "--steps 0 needs --init"),
        (["-o", "mine.safetensors"], "must end with .pth"),
        (["-o", "none/mine.pth"], "does not exist"),
        (["-o", "mine.pth", "--data", "none"], "not a folder"),
        (["-o", "mine.pth", "--nuclei", "none"], "no index.csv"),
        (["-o", "mine.pth", "--data", ".", "--nuclei", "."], "cannot be used with --data"),
        (["-o", "mine.pth", "--side", "8"], "at least 16"),
        (["-o", "mine.pth", "--batch", "0"], "at least 1"),
        (["-o", "mine.pth", "--rate", "0"], "must be positive"),
        (["-o", "mine.pth", "--seed", "2000"], "held-out pictures"),
    ],
)
def test_wrong_command_lines(capsys: pytest.CaptureFixture[str], arguments: list[str], said: str) -> None:
    with pytest.raises(SystemExit) as stopped:
        train_unet.main(arguments)
    assert stopped.value.code == 2 and said in capsys.readouterr().err


def test_weights_of_another_network(tmp_path: Path) -> None:
    weights = trained(tmp_path, "dcgan")
    with pytest.raises(SystemExit, match="expected unet"):
        train_unet.main(["-o", str(tmp_path / "x.pth"), *QUICK, "--init", str(weights)])


def test_masks_must_fit(tmp_path: Path) -> None:
    folder = own_pictures(tmp_path / "own", 13)
    with pytest.raises(SystemExit, match="a mask has class"):
        trained(tmp_path, "deeplabv3", "--data", str(folder), "--classes", "a,b")
    (folder / "masks" / "1.png").unlink()
    with pytest.raises(SystemExit, match="no mask for 1"):
        trained(tmp_path, "deeplabv3", "--data", str(folder), "--classes", "a,b")

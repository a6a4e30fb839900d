"""The demo weights: their records are theirs, and on the first held-out drawings they do about what those say."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path

import numpy as np
import pytest
from cli_support import ROOT, png, read_png, succeeds  # which makes tools/ known, too

pytest.importorskip("PIL.Image")

from gallery import inputs  # noqa: E402  (tools/ is known through cli_support, and needs Pillow)

WEIGHTS = ROOT / "weights"
FILES = sorted(WEIGHTS.glob("*.safetensors"))
RECORDS = sorted(WEIGHTS.glob("*.json"))
MOST_BYTES = 45_000_000
PICTURES = 5
HINT_RADIUS = 4


def held_out(name: str) -> dict:
    return json.loads((WEIGHTS / f"{name}.json").read_text())["held_out"]


def weights(name: str) -> Path:
    return WEIGHTS / f"{name}.safetensors"


def compared(found: Path, truth: Path, *options: str) -> dict:
    return json.loads(succeeds("compare", "--json", *options, found, truth))


def written(path: Path, rgb: np.ndarray) -> Path:
    path.parent.mkdir(exist_ok=True)
    path.write_bytes(png(rgb if rgb.ndim == 3 else rgb[:, :, None]))
    return path


@pytest.fixture(scope="module")
def scenes(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The first held-out scenes: folders truth, masks and grey."""
    folder = tmp_path_factory.mktemp("scenes")
    for number in range(PICTURES):
        scene = inputs.scene(number)
        written(folder / f"truth/{number}.png", scene.rgb)
        inputs.mask(scene.classes).save(written(folder / f"masks/{number}.png", scene.rgb))
    grey = ("--saturation", "0", "-o", folder / "grey")
    succeeds("colorize", "-m", weights("eccv16-scenes"), folder / "truth", *grey)
    return folder


# ---- Records -----------------------------------------------------------------------------------


def test_every_network_has_weights_and_all_are_small() -> None:
    known = {json.loads(succeeds("inspect", path, "--json"))["model"] for path in FILES}
    assert known == {"deeplabv3", "unet", "eccv16", "siggraph17", "vae", "dcgan", "enhancenet"}
    assert sum(path.stat().st_size for path in FILES) <= MOST_BYTES


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_weights_are_recorded(path: Path) -> None:
    told = json.loads(succeeds("inspect", path, "--json"))
    assert told["metadata"]["limn.licence"] == "MIT"
    assert path.with_name(f"{path.stem}-loss.png").read_bytes().startswith(b"\x89PNG")
    about = (WEIGHTS / "README.md").read_text()
    assert f"### {path.stem}\n" in about and f"]({path.stem}-loss.png)" in about
    assert f"{path.stat().st_size:,}" in about


@pytest.mark.parametrize("path", RECORDS, ids=lambda path: path.stem)
def test_a_record_is_of_its_weights(path: Path) -> None:
    record, data = json.loads(path.read_text()), path.with_suffix(".safetensors").read_bytes()
    assert (record["bytes"], record["sha256"]) == (len(data), hashlib.sha256(data).hexdigest())
    assert (ROOT / "tools/training" / record["program"]).is_file()
    assert not record["init"] or (WEIGHTS / record["init"]).is_file()
    assert record["held_out"] or path.stem == "dcgan-landscapes"


# ---- What they do ------------------------------------------------------------------------------


def test_cells_are_found(tmp_path: Path) -> None:
    for number in range(PICTURES):
        rgb, mask = inputs.microscopy(number)
        written(tmp_path / f"cells/{number}.png", rgb)
        written(tmp_path / f"truth/{number}.png", mask * np.uint8(255))
    succeeds("segment", "-m", weights("unet-cells"), tmp_path / "cells", "-o", tmp_path / "found", "--view", "mask")
    found = compared(tmp_path / "found", tmp_path / "truth", "--masks")["mean"]["dice"]
    assert found == pytest.approx(held_out("unet-cells")["mean_dice"], abs=0.03)


@pytest.mark.parametrize("number, kind, name", [
    (1, "dark-field", "3a3fee427e6e"), (2, "dark-field", "2869fad54664"), (3, "dark-field", "2dec81a678dd"),
    (4, "stained", "2dd3356f2dcf"),
])  # fmt: skip
def test_nuclei_are_found(tmp_path: Path, number: int, kind: str, name: str) -> None:
    """As in the record, which names the pictures as their collection does."""
    sample = WEIGHTS / f"samples/nuclei-{number}"
    printed = succeeds(
        "segment", "-m", weights("unet-nuclei"), "--scale", "1", f"{sample}.png", "--truth", f"{sample}-mask.png",
        "-o", tmp_path / "found.png", "--json",
    )  # fmt: skip
    found = json.loads(printed)["pictures"][0]["classes"][1]["dice"]
    assert found == pytest.approx(held_out("unet-nuclei")[kind]["dice"][name], abs=0.005)


def test_scenes_are_understood(scenes: Path, tmp_path: Path) -> None:
    succeeds("segment", "-m", weights("deeplabv3-scenes"), scenes / "truth", "-o", tmp_path / "found")
    found = compared(tmp_path / "found", scenes / "masks", "--masks")["mean"]["pixel_accuracy"]
    assert found == pytest.approx(held_out("deeplabv3-scenes")["pixel_accuracy"], abs=0.04)


@pytest.mark.parametrize("name", ["eccv16-scenes", "siggraph17-scenes", "vae-scenes"])
def test_colours_are_better_than_none(scenes: Path, tmp_path: Path, name: str) -> None:
    """By most of what the record says for all held-out scenes."""
    succeeds("colorize", "-m", weights(name), scenes / "grey", "-o", tmp_path / "found")
    before, after = (compared(folder, scenes / "truth")["mean"] for folder in (scenes / "grey", tmp_path / "found"))
    record = held_out(name)
    record = record.get("scenes", record)
    found = record.get("found", record.get("z_zero"))
    for figure, key in (("delta_e", "delta_e_2000"), ("psnr", "psnr")):
        assert (before[key] - after[key]) / (record["grey"][figure] - found[figure]) > 0.6


def test_a_hint_is_followed(tmp_path: Path) -> None:
    """On the part that `make demo` hints at; the mean over all held-out parts is the record's."""
    number, (y, x), where = inputs.guessed_part()
    rgb = inputs.scene(number).rgb
    truth, hint = written(tmp_path / "truth.png", rgb), tmp_path / "hint.txt"
    hint.write_text("{} {} #{:02x}{:02x}{:02x} {}\n".format(x, y, *rgb[y, x], HINT_RADIUS))
    errors = []
    for name, options in (("automatic", ()), ("hinted", ("--hints", hint))):
        output = tmp_path / f"{name}.png"
        succeeds("colorize", "-m", weights("siggraph17-scenes"), truth, "-o", output, *options)
        inside = np.where(where[:, :, None], read_png(output.read_bytes()), rgb)
        errors.append(compared(written(tmp_path / f"{name}-inside.png", inside), truth)["mean"]["delta_e_2000"])
    assert errors[1] < 0.5 * errors[0]


def test_variants_differ(scenes: Path, tmp_path: Path) -> None:
    made = [tmp_path / f"{seed}.png" for seed in "12"]
    for path in made:
        succeeds("colorize", "-m", weights("vae-scenes"), scenes / "grey/0.png", "-o", path, "--samples", "1", "--seed",
                 path.stem)  # fmt: skip
    assert compared(*made)["mean"]["delta_e_2000"] > 0.5 * held_out("vae-scenes")["samples"]["delta_e_between_seeds"]


@pytest.mark.parametrize("name", ["dcgan-digits", "dcgan-landscapes"])
def test_no_two_generated_pictures_are_alike(tmp_path: Path, name: str) -> None:
    succeeds("generate", "-m", weights(name), "-n", "16", "--seed", "3", "-o", f"{tmp_path}/", "--fixed-range")
    made = np.stack([read_png(path.read_bytes()) for path in sorted(tmp_path.glob("*.png"))]).astype(float)
    apart = np.sqrt(((made[:, None] - made[None]) ** 2).mean((2, 3, 4)))
    assert made.shape == (16, 64, 64, 3) and apart[~np.eye(16, dtype=bool)].min() > 10

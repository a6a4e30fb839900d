"""`limn segment` from outside: its views, shares and figures."""

from __future__ import annotations

import json
from pathlib import Path

import model_tables
import numpy as np
import pytest
from cli_support import fails, limn, pixels, png, ppm, read_png, succeeds
from segment_support import mask_of, network, segment, smooth, unet, weights

VOC = (
    "background aeroplane bicycle bird boat bottle bus car cat chair cow diningtable dog horse motorbike person "
    "pottedplant sheep sofa train tvmonitor"
).split()


# Views


def palette(index: int) -> list[int]:
    """VOClabelcolormap of the PASCAL VOC development kit."""
    bits = [index >> bit & 1 for bit in range(9)]
    return [sum(bits[3 * step + channel] << (7 - step) for step in range(3)) for channel in range(3)]


def test_color_overlay_and_cutout(tmp_path: Path) -> None:
    for channels in (3, 4):
        picture = smooth(48, 60, channels)
        classes = mask_of(tmp_path, weights("unet"), picture)
        colours = np.array([palette(i) for i in range(256)])[classes]
        assert (segment(tmp_path, weights("unet"), picture, view="color") == colours).all()
        (tmp_path / "out.png").unlink()
        succeeds("segment", "-m", weights("unet"), "in.png", "-o", "out.png", cwd=tmp_path)  # the default
        assert (read_png((tmp_path / "out.png").read_bytes()) == colours).all()

        overlay = picture.astype(int)
        overlay[..., :3] = np.where(classes[..., None] == 0, picture[..., :3], (overlay[..., :3] + colours + 1) // 2)
        assert (segment(tmp_path, weights("unet"), picture, view="overlay") == overlay).all()

        cutout = segment(tmp_path, weights("unet"), picture, view="cutout")
        alpha = picture[..., 3] if channels == 4 else 255
        assert (cutout[..., :3] == picture[..., :3]).all()
        assert (cutout[..., 3] == np.where(classes == 0, 0, alpha)).all()


@pytest.mark.parametrize("size", [(2, 3), (35, 90), (200, 140)])
def test_side_by_side(size: tuple[int, int], tmp_path: Path) -> None:
    (height, width), picture = size, smooth(*size)
    colours = segment(tmp_path, weights("voc"), picture, view="color")
    side = segment(tmp_path, weights("voc"), picture, view="side")
    assert side.shape[0] >= height and side.shape[1] > 2 * width
    assert (side[:height, :width] == picture).all() and (side[:height, width : 2 * width] == colours).all()
    assert (side[height:, : 2 * width] == 255).all()
    legend = side[:, 2 * width :].reshape(-1, 3)
    shown = {tuple(colour) for colour in legend.tolist()}
    assert {tuple(colour) for colour in colours.reshape(-1, 3).tolist()} <= shown


def test_mask_values(tmp_path: Path) -> None:
    picture = smooth(48, 60)
    classes = mask_of(tmp_path, weights("unet"), picture)
    for values in ([7, 0, 255, 30], [[9, 8, 7], [0, 0, 0], [1, 2, 3], [255, 0, 9]], [0, 1, 2, 3, 99], [0.0, 1.0, 2, 3],
                   [[1, 2, 3, 4], [5, 6, 7, 0], [9, 9, 9, 255], [0, 0, 0, 0]]):  # fmt: skip
        model = unet(tmp_path / "values.safetensors", mask_values=values)
        triples = np.array([value if isinstance(value, list) else 3 * [value] for value in values])
        assert (segment(tmp_path, model, picture) == triples[classes]).all()
    two = unet(tmp_path / "two.safetensors", classes=2, mask_values=[0, 1])
    assert set(np.unique(mask_of(tmp_path, two, picture))) == {0, 255}
    two = unet(tmp_path / "two.safetensors", classes=2, mask_values=[1, 0])  # only [0, 1] is black and white
    assert set(np.unique(mask_of(tmp_path, two, picture))) == {0, 1}


@pytest.mark.parametrize(
    ("text", "message"),
    [("[0, 1, 2]", "has 3 values, the network has 4 classes"), ("[0, 1, 2, 256]", "from 0 to 255"),
     ("[0, 1, 2, -1]", "from 0 to 255"), ("[0, 1, 2, 0.5]", "from 0 to 255"), ("{}", "array"),
     ("[0, 1, 2, 3", "byte 11"), ("[[0, 1], [1, 1], [2, 2], [3, 3]]", "three or four"),
     ("[0, 1, [2, 2, 2], 3]", "first value"),
     ("[[1, 2, 3, 4, 5]]", "four levels"), ('["0", 1, 2, 3]', "number")],
)  # fmt: skip
def test_mask_values_that_make_no_sense(text: str, message: str, tmp_path: Path) -> None:
    model = unet(tmp_path / "values.safetensors", mask_values=text)
    (tmp_path / "in.ppm").write_bytes(ppm(smooth(40, 40)))
    line = fails(3, "segment", "-m", model, "in.ppm", "-o", "out.png", "--view", "mask", cwd=tmp_path)
    assert message in line and "limn.mask_values" in line
    succeeds("segment", "-m", model, "in.ppm", "-o", "out.png", cwd=tmp_path)  # other views do not need them


# Reports


def found(folder: Path, model: Path, *options: object) -> dict:
    text = succeeds("segment", "-m", model, "in.png", "-o", "out.png", "--force", "--json", *options, cwd=folder)
    return json.loads(text)


def test_shares_and_names(tmp_path: Path) -> None:
    picture = smooth(60, 80)
    names = ["sky & sea", 'a "quoted" one', "日本", "tab\t"]
    named = network(tmp_path / "named.safetensors", model_tables.unet(3, 4, "transposed", False), classes=names)
    for model, expected in (
        (weights("voc"), VOC), (weights("deeplabv3"), [f"class {i}" for i in range(5)]), (named, names),
        (weights("one"), ["background", "foreground"]), (weights("two"), ["class 0", "class 1"]),
    ):  # fmt: skip
        classes = mask_of(tmp_path, model, picture).ravel()
        classes = classes // 255 if len(expected) == 2 else classes
        (entry,) = found(tmp_path, model)["pictures"]
        assert (entry["input"], entry["output"], entry["width"], entry["height"]) == ("in.png", "out.png", 80, 60)
        counts = {c["class"]: c["pixels"] for c in entry["classes"]}
        assert counts == {i: n for i, n in enumerate(np.bincount(classes)) if n}
        assert sum(c["share"] for c in entry["classes"]) == pytest.approx(1, abs=1e-8)
        for c in entry["classes"]:
            assert c["name"] == expected[c["class"]] and c["share"] == pytest.approx(c["pixels"] / 4800)


def test_names_that_do_not_fit(tmp_path: Path) -> None:
    (tmp_path / "in.ppm").write_bytes(ppm(smooth(40, 40)))
    for text, message in (
        ('["a"]', "names 1 classes, the network has 4"),
        ("[1, 2, 3, 4]", "a string"),
        ("x", "array"),
    ):
        model = network(tmp_path / "m.safetensors", model_tables.unet(3, 4, "transposed", False), classes=text)
        line = fails(3, "segment", "-m", model, "in.ppm", "-o", "out.png", cwd=tmp_path)
        assert message in line and "limn.classes" in line


def figures(got: np.ndarray, truth: np.ndarray) -> dict[int, tuple[float, float]]:
    got, truth = got[truth != 255], truth[truth != 255]
    result = {}
    for label in np.union1d(got, truth):
        both = ((got == label) & (truth == label)).sum()
        sizes = (got == label).sum() + (truth == label).sum()
        result[int(label)] = (both / (sizes - both), 2 * both / sizes)
    return result


def test_truth(tmp_path: Path) -> None:
    picture = smooth(48, 60)
    classes = mask_of(tmp_path, weights("unet"), picture)
    truth = np.roll(classes, 5, axis=1)
    truth[:3] = 255  # not counted
    truth[3, :7] = 9  # a class that the network does not know
    (tmp_path / "truth.png").write_bytes(png(truth[..., None]))
    report = found(tmp_path, weights("unet"), "--truth", "truth.png")
    (entry,) = report["pictures"]
    want = figures(classes, truth)
    assert {c["class"] for c in entry["classes"]} == set(want)
    for c in entry["classes"]:
        assert (c["iou"], c["dice"]) == pytest.approx(want[c["class"]], abs=1e-9)
        assert c["name"] == (None if c["class"] == 9 else f"class {c['class']}")
    accuracy = (classes == truth)[truth != 255].mean()
    means = (*np.mean(list(want.values()), axis=0), accuracy)
    assert (entry["iou"], entry["dice"], entry["accuracy"]) == pytest.approx(means, abs=1e-9)
    assert report["pooled"]["iou"] == entry["iou"] and entry["truth"] == "truth.png"

    text = succeeds(
        "segment", "-m", weights("unet"), "in.png", "-o", "out.png", "-f", "--truth", "truth.png", cwd=tmp_path
    ).decode()
    for number in (*means, *want[min(want)]):
        assert f"{number:10.4f}" in text
    message = fails(4, "segment", "-m", weights("unet"), "in.png", "-o", "new.png", "--truth", "in.png", cwd=tmp_path)
    assert "in.png" in message
    (tmp_path / "small.png").write_bytes(png(truth[:9, :, None]))
    message = fails(
        4, "segment", "-m", weights("unet"), "in.png", "-o", "new.png", "--truth", "small.png", cwd=tmp_path
    )
    assert "60 x 48" in message and "60 x 9" in message and not (tmp_path / "new.png").exists()


def test_folders(tmp_path: Path) -> None:
    for folder in ("in", "truth"):
        (tmp_path / folder).mkdir()
    pictures = {"a_2.ppm": smooth(40, 50), "a_10.ppm": smooth(50, 40)[::-1].copy()}
    masks = {}
    for name, picture in pictures.items():
        masks[name] = mask_of(tmp_path, weights("unet"), picture)
        (tmp_path / "in" / name).write_bytes(ppm(picture))
        (tmp_path / "truth" / name).with_suffix(".png").write_bytes(png(np.roll(masks[name], 3)[..., None]))
    command = ["segment", "-m", weights("unet"), "in", "-o", "out", "--view", "mask", "--force"]
    report = json.loads(succeeds(*command, "--truth", "truth", "--json", cwd=tmp_path))
    assert [entry["output"] for entry in report["pictures"]] == ["out/a_2.png", "out/a_10.png"]
    together = [np.concatenate([np.roll(mask, shift).ravel() for mask in masks.values()]) for shift in (0, 3)]
    for c in report["pooled"]["classes"]:
        assert (c["iou"], c["dice"]) == pytest.approx(figures(*together)[c["class"]], abs=1e-9)
    for name, mask in masks.items():
        assert (read_png((tmp_path / "out" / name).with_suffix(".png").read_bytes())[..., 0] == mask).all()
    text = succeeds(*command, "--truth", "truth", cwd=tmp_path).decode()
    assert "in/a_2.ppm" in text and "all pixels together" in text

    (tmp_path / "truth/a_2.png").unlink()
    (tmp_path / "in/tiny.ppm").write_bytes(ppm(pixels(5, 5)))
    done = limn(*command, "--truth", "truth", "--json", cwd=tmp_path)
    assert done.returncode == 1 and b"truth/a_2.png" in done.stderr and b"2 of 3 pictures failed" in done.stderr
    report = json.loads(done.stdout)
    assert [(entry["input"], "classes" in entry, "error" in entry) for entry in report["pictures"]] == [
        ("in/a_2.ppm", False, True), ("in/a_10.ppm", True, False), ("in/tiny.ppm", False, True),
    ]  # fmt: skip
    assert report["failed"] == 2 and report["pooled"]["accuracy"] == report["pictures"][1]["accuracy"]

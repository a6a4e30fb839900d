"""The seven networks: each function runs one of them on its inputs and fills in the exhibit."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from PIL import Image
from training import cells, nuclei, scenes

from . import inputs
from .exhibit import Group, Stage, Table

SUBJECTS = 2  # drawings per exhibit
VARIANTS = 4
HINT_RADIUS = 4  # of the square that a hint fills, in pixels
HINT_ROWS, HINT_COLUMNS = 5, 6  # of a grid of hints
HINTS = HINT_ROWS * HINT_COLUMNS


# ---- Segmentation ------------------------------------------------------------------------------


def _segment(
    stage: Stage, kind: str, drawn: list[tuple[np.ndarray, np.ndarray]], classes: tuple[str, ...], *options: object
) -> list[dict[str, Any]]:
    """Segments pictures, and compares the result with the truth if the network has the same classes.

    Returns what `limn segment --json` says of each.
    """
    model = stage.exhibit.weights[0]
    known = json.loads(model["metadata"].get("classes", "[]")) == list(classes)
    rows, reports = [], []
    for number, (rgb, labels) in enumerate(drawn):
        name = f"{kind}-{number}"
        picture = stage.save(Image.fromarray(rgb), f"inputs/{name}.png")
        truth = stage.save(inputs.mask(labels), f"inputs/{name}-truth.png")
        output = f"made/{name}-{stage.exhibit.name}.png"
        extra = (*options, "--truth", truth) if known else options
        printed = stage.make(output, "segment", "-m", stage.exhibit.model, picture, "--view", "side", "--json", *extra)
        found = json.loads(printed)["pictures"][0]
        reports.append(found)
        shares = sorted(((row["share"], row["name"]) for row in found["classes"] if row["share"] > 0), reverse=True)
        caption = "found: " + ", ".join(f"{label} {share:.1%}" for share, label in shares)
        pictures = [stage.shown(output, caption, f"{name}: the picture, its classes as colours, and a legend")]
        if known:
            rows.append([f"{kind} {number}", *(f"{found[figure]:.3f}" for figure in ("iou", "dice", "accuracy"))])
            pictures.append(stage.shown(truth, "the truth", f"{name}: the true classes as colours", True))
        stage.exhibit.groups.append(Group(f"{kind} {number}", pictures, layout="beside"))
        height, width = labels.shape
        stage.exhibit.panels += [Image.fromarray(rgb), stage.open(output).crop((width, 0, 2 * width, height))]
    if rows:
        stage.exhibit.tables.append(Table("Compared with the truth: means over the classes that occur",
                                          ["picture", "IoU", "Dice", "accuracy"], rows))  # fmt: skip
        iou, dice = (np.mean([float(row[column]) for row in rows]) for column in (1, 2))
        stage.exhibit.headline = f"mean IoU {iou:.2f}, Dice {dice:.2f}"
    else:
        stage.exhibit.headline = "not measured: the network has other classes than the pictures"
    return reports


def fluorescence(stage: Stage) -> None:
    reports = _segment(stage, "nuclei", [inputs.nuclei(number) for number in inputs.NUCLEI], nuclei.CLASSES,
                       "--scale", 1)  # fmt: skip
    if all("truth" in report for report in reports):
        stage.exhibit.headline = "Dice of nuclei " + ", ".join(f"{r['classes'][1]['dice']:.2f}" for r in reports)
    stage.exhibit.panels = stage.exhibit.panels[2:4] + stage.exhibit.panels[6:8]  # in fluorescence, and stained


def microscopy(stage: Stage) -> None:
    _segment(stage, "cells", [inputs.microscopy(number) for number in range(SUBJECTS)], cells.CLASSES)


def landscape(stage: Stage) -> None:
    drawn = [inputs.scene(number) for number in range(SUBJECTS)]
    _segment(stage, "scene", [(drawing.rgb, drawing.classes) for drawing in drawn], scenes.CLASSES)


# ---- Colour ------------------------------------------------------------------------------------


def _figures(found: dict[str, float]) -> str:
    return f"Delta-E {found['delta_e_2000']:.1f}, PSNR {found['psnr']:.1f} dB"


def _greyed(stage: Stage, picture: Image.Image, name: str) -> tuple[str, str]:
    """Writes a picture and its grey version, which has the lightness alone."""
    truth, grey = f"inputs/{name}.png", f"inputs/{name}-grey.png"
    stage.save(picture, truth)
    stage.make(grey, "colorize", "-m", stage.exhibit.model, truth, "--saturation", 0)
    return truth, grey


def _coloured(stage: Stage, truth: str, grey: str, output: str, *options: object) -> dict[str, float]:
    stage.make(output, "colorize", "-m", stage.exhibit.model, grey, *options)
    return stage.compare(output, truth)


def _subjects() -> dict[str, Image.Image]:
    drawn = {f"scene-{number}": Image.fromarray(inputs.scene(number).rgb) for number in range(SUBJECTS)}
    return drawn | {"coffee": inputs.photograph("coffee").reduce(2)}


def colour(stage: Stage) -> None:
    model, rows = stage.exhibit.name, []
    for name, picture in _subjects().items():
        truth, grey = _greyed(stage, picture, name)
        output = f"made/{name}-{model}.png"
        before, after = stage.compare(grey, truth), _coloured(stage, truth, grey, output)
        stage.exhibit.groups.append(Group(name.replace("-", " "), [
            stage.shown(grey, f"grey, the input: {_figures(before)}", f"{name} in grey"),
            stage.shown(output, f"{model}: {_figures(after)}", f"{name} colorized by {model}"),
            stage.shown(truth, "original", f"{name} in its own colours"),
        ]))  # fmt: skip
        rows.append((name.replace("-", " "), before, after))
        if len(stage.exhibit.panels) < 4:
            stage.exhibit.panels += [stage.open(grey), stage.open(output)]
    _tabled(stage, rows)


def photographs(stage: Stage) -> None:
    """Photographs colorized without hints, and with hints at the points of a grid in their true colours."""
    errors = []
    for name in ("coffee", "chelsea"):
        picture = inputs.photograph(name).reduce(2)
        truth, grey = _greyed(stage, picture, f"photograph-{name}")
        hints = f"inputs/photograph-{name}.txt"
        stage.path(hints).write_text("\n".join(_grid_of_hints(picture)) + "\n", encoding="utf-8")
        automatic, hinted = (f"made/photograph-{name}-{how}.png" for how in ("automatic", "hinted"))
        found = [stage.compare(grey, truth), _coloured(stage, truth, grey, automatic),
                 _coloured(stage, truth, grey, hinted, "--hints", hints)]  # fmt: skip
        errors.append([figures["delta_e_2000"] for figures in found])
        stage.exhibit.groups.append(Group(name, [
            stage.shown(grey, f"grey, the input: {_figures(found[0])}", f"{name} in grey"),
            stage.shown(automatic, f"automatic: {_figures(found[1])}", f"{name} colorized without hints"),
            stage.shown(hinted, f"with {HINTS} hints: {_figures(found[2])}", f"{name} colorized with hints"),
            stage.shown(truth, "original", f"{name} in its own colours"),
        ]))  # fmt: skip
        stage.exhibit.panels += [stage.open(automatic), stage.open(hinted)]
    grey, automatic, hinted = np.mean(errors, axis=0)
    stage.exhibit.headline = f"Delta-E {grey:.1f} grey, {automatic:.1f} automatic, {hinted:.1f} with {HINTS} hints"


def _grid_of_hints(picture: Image.Image) -> list[str]:
    """Lines of a file of hints: the middles of the cells of a grid, with the mean colour of 5 x 5 pixels."""
    lines = []
    for row, column in np.ndindex(HINT_ROWS, HINT_COLUMNS):
        x, y = picture.width * (2 * column + 1) // (2 * HINT_COLUMNS), picture.height * (2 * row + 1) // (2 * HINT_ROWS)
        colour = np.asarray(picture.crop((x - 2, y - 2, x + 3, y + 3))).mean((0, 1)).round().astype(int)
        lines.append("{} {} #{:02x}{:02x}{:02x} 2".format(x, y, *colour))
    return lines


def _tabled(stage: Stage, rows: list[tuple[str, dict[str, float], dict[str, float]]]) -> None:
    stage.exhibit.tables.append(Table(
        "Grey and colorized pictures compared with the original: Delta-E (CIEDE2000, lower is better), PSNR in dB",
        ["picture", "Delta-E", "PSNR"],
        [[name, *(" \u2192 ".join(f"{side[figure]:.2f}" for side in (before, after))
                  for figure in ("delta_e_2000", "psnr"))] for name, before, after in rows],
    ))  # fmt: skip
    grey, found = np.mean(
        [[side["delta_e_2000"] for side in (before, after)] for _, before, after in rows[:SUBJECTS]], axis=0
    )
    stage.exhibit.headline = f"Delta-E {grey:.1f} grey, {found:.1f} colorized"


def hinted_colour(stage: Stage) -> None:
    """`colour`, and the effect of one hint on an object whose colour cannot be known."""
    colour(stage)
    number, (y, x), where = inputs.guessed_part()
    rgb = inputs.scene(number).rgb
    name = f"hint-{number}"
    truth, grey = _greyed(stage, Image.fromarray(rgb), name)
    line = "{} {} #{:02x}{:02x}{:02x} {}".format(x, y, *rgb[y, x], HINT_RADIUS)
    stage.path(f"inputs/{name}.txt").write_text(line + "\n", encoding="utf-8")
    marked = stage.open(grey)
    side = HINT_RADIUS + 1
    marked.paste((255, 255, 255), (x - side, y - side, x + side + 1, y + side + 1))
    marked.paste(tuple(rgb[y, x].tolist()), (x - side + 1, y - side + 1, x + side, y + side))
    stage.save(marked, f"made/{name}-where.png")
    pictures = [stage.shown(f"made/{name}-where.png", f"the hint: {line}", "the grey scene with the hint's position")]
    errors = []
    for how, options in (("automatic", ()), ("hinted", ("--hints", f"inputs/{name}.txt"))):
        output = f"made/{name}-{how}.png"
        stage.make(output, "colorize", "-m", stage.exhibit.model, grey, *options)
        # Outside the part, take the truth, so that only the part is compared.
        inside = np.where(where[:, :, None], np.asarray(stage.open(output)), rgb)
        stage.save(Image.fromarray(inside), f"made/{name}-{how}-inside.png")
        errors.append(stage.compare(f"made/{name}-{how}-inside.png", truth)["delta_e_2000"] * where.size / where.sum())
        caption = f"{how}: Delta-E {errors[-1]:.1f} in that part"
        pictures.append(stage.shown(output, caption, f"the scene, colorized, {how}"))
    pictures.append(stage.shown(truth, "original", "the scene in its own colours"))
    stage.exhibit.groups.append(Group("one hint", pictures))
    stage.exhibit.headline += f"; a hint: {errors[0]:.1f} to {errors[1]:.1f}"
    high, wide = where.shape
    left = min(max(x - high // 2, 0), wide - high)
    around = (left, 0, left + high, high)
    stage.exhibit.panels[2:] = [marked.crop(around), stage.open(f"made/{name}-hinted.png").crop(around)]


def variants(stage: Stage) -> None:
    """The mean colorization and random variants, with their distances from the truth and from each other."""
    model, rows, apart = stage.exhibit.name, [], []
    for number in range(SUBJECTS):
        name = f"scene-{number}"
        truth, grey = _greyed(stage, Image.fromarray(inputs.scene(number).rgb), name)
        before, mean = stage.compare(grey, truth), f"made/{name}-{model}.png"
        after = _coloured(stage, truth, grey, mean)
        pictures = [
            stage.shown(grey, f"grey, the input: {_figures(before)}", f"{name} in grey"),
            stage.shown(mean, f"z = 0: {_figures(after)}", f"{name} colorized with z = 0"),
        ]
        made = [f"made/{name}-{model}-seed{seed}.png" for seed in range(1, VARIANTS + 1)]
        for seed, output in enumerate(made, start=1):
            figures = _coloured(stage, truth, grey, output, "--samples", 1, "--seed", seed)
            pictures.append(stage.shown(output, f"seed {seed}: {_figures(figures)}", f"{name}, variant {seed}"))
        apart += [stage.compare(one, other)["delta_e_2000"] for one, other in zip(made, made[1:], strict=False)]
        pictures.append(stage.shown(truth, "original", f"{name} in its own colours"))
        stage.exhibit.groups.append(Group(f"scene {number}", pictures))
        rows.append((f"scene {number}, z = 0", before, after))
        if number == 0:
            stage.exhibit.panels = [stage.open(output) for output in (grey, mean, *made[:2])]
    _tabled(stage, rows)
    stage.exhibit.headline += f"; {np.mean(apart):.1f} between variants"


# ---- Noise, enlargement ------------------------------------------------------------------------


def noise(stage: Stage) -> None:
    """A sheet and a walk between two seeds, of each generator."""
    panels = []
    for model in stage.exhibit.weights:
        name = model["name"]
        sheet, walk = f"made/{name}.png", f"made/{name}-walk.png"
        stage.make(sheet, "generate", "-m", name, "-n", 32, "--seed", 7)
        stage.make(walk, "generate", "-m", name, "--walk", "1,2,8")
        stage.exhibit.groups.append(Group(name, [
            stage.shown(sheet, "32 pictures of seed 7", f"a sheet of 32 pictures generated by {name}"),
            stage.shown(walk, "from seed 1 to seed 2", f"8 pictures by {name} that change from one into another"),
        ], layout="wide"))  # fmt: skip
        picture = stage.open(sheet)
        half = picture.width // 2
        panels += [picture.crop((left, 0, left + half, picture.height)) for left in (0, half)]
    stage.exhibit.panels = panels[:4]
    stage.exhibit.headline = f"{32 * len(stage.exhibit.weights)} pictures from noise"


FACTOR = 4
CROP = 180  # side of the part of a photograph that is shown


def _middle(picture: Image.Image) -> Image.Image:
    left, top = (picture.width - CROP) // 2, (picture.height - CROP) // 2
    return picture.crop((left, top, left + CROP, top + CROP))


def enlargement(stage: Stage) -> None:
    """Photographs reduced four times, and enlarged again by Pillow and by limn."""
    rows = []
    for name in ("chelsea", "coffee"):
        original = inputs.photograph(name)
        original = original.crop((0, 0, original.width // FACTOR * FACTOR, original.height // FACTOR * FACTOR))
        small = original.resize((original.width // FACTOR, original.height // FACTOR), Image.BICUBIC)
        truth, source = f"inputs/{name}.png", f"inputs/{name}-small.png"
        bicubic, output = f"made/{name}-bicubic.png", f"made/{name}-{stage.exhibit.name}.png"
        stage.save(original, truth)
        stage.save(small, source)
        stage.save(small.resize(original.size, Image.BICUBIC), bicubic)
        stage.make(output, "upscale", "-m", stage.exhibit.model, source)
        theirs, ours = (stage.compare(enlarged, truth)["psnr"] for enlarged in (bicubic, output))
        parts = {
            "nearest": (small.resize(original.size, Image.NEAREST), "the input, a quarter of the size"),
            "bicubic": (stage.open(bicubic), f"Pillow's bicubic: {theirs:.2f} dB"),
            stage.exhibit.name: (stage.open(output), f"limn: {ours:.2f} dB"),
            "original": (original, "original"),
        }
        pictures = []
        for how, (whole, caption) in parts.items():
            part = stage.save(_middle(whole), f"made/{name}-middle-{how}.png")
            pictures.append(stage.shown(part, caption, f"the middle of {name}: {caption.partition(':')[0]}", True))
        stage.exhibit.groups.append(Group(f"{name}, its middle", pictures))
        rows.append([f"{name}, to {original.width}x{original.height}", f"{theirs:.2f}", f"{ours:.2f}"])
        stage.exhibit.panels += [_middle(parts[how][0]) for how in ("nearest", stage.exhibit.name)]
    stage.exhibit.tables.append(Table("PSNR in dB of the whole photograph", ["picture", "bicubic", "limn"], rows))
    stage.exhibit.headline = "PSNR " + ", ".join(f"{ours} dB (bicubic {theirs})" for _, theirs, ours in rows)


# ---- All of them -------------------------------------------------------------------------------


@dataclass(frozen=True)
class Network:
    name: str
    title: str
    about: str
    files: tuple[str, ...]  # names of weights to show; one is enough
    training: str  # the program that makes them
    show: Callable[[Stage], None]


NETWORKS = (  # photographs first
    Network("enhancenet", "Enlarge pictures four times",
            "Photographs are reduced four times and enlarged again, by Pillow and by limn.",
            ("enhancenet",), "tools/training/train_enhancenet.py", enlargement),
    Network("photographs", "Colorize photographs",
            "A network trained on photographs estimates colours from lightness alone; hints, points of the true "
            "colours, state them.",
            ("siggraph17-photos",), "tools/training/train_siggraph17.py", photographs),
    Network("nuclei", "Segment nuclei under a microscope",
            "Microscope pictures of the 2018 Data Science Bowl that the network was not trained on: three in "
            "fluorescence, and one of a stained tissue.",
            ("unet-nuclei",), "tools/training/train_unet.py --nuclei FOLDER", fluorescence),
    Network("deeplabv3", "Segment a scene",
            "Drawn landscapes with thirteen classes. The network assigns a class to every pixel.",
            ("deeplabv3-scenes",), "tools/training/train_deeplabv3.py", landscape),
    Network("unet", "Segment cells under a microscope",
            "Drawn cells with noise, blur, dirt and uneven light. The network finds the pixels of cells.",
            ("unet-cells",), "tools/training/train_unet.py", microscopy),
    Network("eccv16", "Colorize grey pictures",
            "A network trained on drawn landscapes estimates colours from lightness alone. The photograph shows what "
            "it does with a kind of picture that it was not trained on.",
            ("eccv16-scenes",), "tools/training/train_colorizers.py --model eccv16", colour),
    Network("siggraph17", "Colorize with hints",
            "The same with hints. Where the colour cannot be known (a car, a balloon, clothes), one hint states it.",
            ("siggraph17-scenes",), "tools/training/train_colorizers.py --model siggraph17", hinted_colour),
    Network("vae", "Several colorizations of one picture",
            "The most likely colorization (z = 0), and random variants.",
            ("vae-scenes",), "tools/training/train_vae.py", variants),
    Network("dcgan", "Generate pictures from noise",
            "Random numbers become pictures. A walk changes one picture into another.",
            ("dcgan-digits", "dcgan-landscapes"), "tools/training/train_dcgan.py --of digits (or landscapes)", noise),
)  # fmt: skip

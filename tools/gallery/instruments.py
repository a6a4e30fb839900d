"""The pixel tools and `limn explain`, which need no demo weights but EnhanceNet's."""

from __future__ import annotations

import re

from . import inputs
from .exhibit import Exhibit, Group, Stage, Text

ROWS, COLUMNS, SIDE = 2, 6, 16
EXCERPT = 8  # lines


def pixels() -> Exhibit:
    return Exhibit("pixels", "Pictures as numbers",
                   "A sheet of drawn eights is cut apart; one becomes text, all a table and a mean.")  # fmt: skip


def show_pixels(stage: Stage) -> None:
    sheet = stage.save(inputs.eights(ROWS, COLUMNS, SIDE), "inputs/eights.png")
    stage.make("made/eights", "pixels", "split", sheet, "--grid", f"{ROWS}x{COLUMNS}")
    one = "made/eights/eights_1.png"
    text = stage.run("pixels", "to-text", one)
    stage.path("made/eight.txt").write_text(text, encoding="utf-8")
    stage.make("made/eight.png", "pixels", "from-text", "made/eight.txt")
    error = stage.compare("made/eight.png", one)["mse"]
    stage.make("made/eights.csv", "pixels", "dataset", "made/eights")
    stage.make("made/eights-mean.png", "pixels", "mean", "made/eights")
    stage.exhibit.groups.append(Group("eights", [
        stage.shown(sheet, "the sheet", f"{ROWS * COLUMNS} drawn eights", True),
        stage.shown(one, "its first piece", "one eight", True),
        stage.shown("made/eights-mean.png", "the mean of all", "the mean of all eights, a little blurred", True),
    ]))  # fmt: skip
    table = stage.path("made/eights.csv").read_text(encoding="utf-8").splitlines()
    middle = 1 + SIDE * (SIDE // 2) + SIDE // 2 - EXCERPT // 2
    stage.exhibit.texts += [
        Text("to-text: the grey levels of the first piece", text.rstrip()),
        Text(f"dataset: the head and {EXCERPT} of {len(table) - 1} lines of the table",
             "\n".join([table[0], *table[middle : middle + EXCERPT]])),
    ]  # fmt: skip
    stage.exhibit.headline = f"to text and back: mean squared error {error:g}"
    stage.exhibit.panels = [stage.open(name) for name in (sheet, one, "made/eights-mean.png")]


def explain() -> Exhibit:
    return Exhibit("explain", "What memory a run takes, step by step",
                   "The arena of a network: what lives in it at which step, and where.")  # fmt: skip


def show_explain(stage: Stage) -> None:
    """The arena of unet, or of EnhanceNet while unet's weights are missing."""
    there = (stage.program.weights / "unet-cells.safetensors").is_file()
    name, model = ("unet", "unet-cells") if there else ("enhancenet", "enhancenet")
    drawing = f"made/arena-{name}.svg"
    told = stage.run("explain", model, "--svg", stage.path(drawing).relative_to(stage.program.folder), "--force")
    totals = told.strip().splitlines()[-2:]
    picture = stage.shown(
        drawing, f"the arena of {name} over the steps of a run", f"what of {name} lies where in memory"
    )
    stage.exhibit.groups.append(Group(name, [picture], layout="wide"))
    stage.exhibit.texts.append(Text("its last two lines", "\n".join(totals)))
    size = re.search(r"arena ([^;]*);", totals[-1])
    stage.exhibit.headline = f"{name}: an arena of {size[1]}" if size else name

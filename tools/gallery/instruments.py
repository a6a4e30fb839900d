"""The exhibits of the pixel tools and of `limn explain`."""

from __future__ import annotations

import re

from . import inputs
from .exhibit import Exhibit, Group, Stage, Text

ROWS, COLUMNS, SIDE = 2, 6, 16
EXCERPT = 8  # lines


def pixels() -> Exhibit:
    return Exhibit("pixels", "Pictures as numbers",
                   "A sheet of drawn eights is split. One piece is written as text; all pieces give a table and a mean "
                   "picture.")  # fmt: skip


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
        stage.shown("made/eights-mean.png", "the mean of all pieces", "the mean of all eights, slightly blurred", True),
    ]))  # fmt: skip
    table = stage.path("made/eights.csv").read_text(encoding="utf-8").splitlines()
    middle = 1 + SIDE * (SIDE // 2) + SIDE // 2 - EXCERPT // 2
    stage.exhibit.texts += [
        Text("to-text: the grey levels of the first piece", text.rstrip()),
        Text(f"dataset: the header and {EXCERPT} of {len(table) - 1} lines of the table",
             "\n".join([table[0], *table[middle : middle + EXCERPT]])),
    ]  # fmt: skip
    stage.exhibit.headline = f"to text and back: mean squared error {error:g}"
    stage.exhibit.panels = [stage.open(name) for name in (sheet, one, "made/eights-mean.png")]


def explain() -> Exhibit:
    return Exhibit("explain", "The memory of a run, step by step",
                   "The arena is the memory for a network's intermediate values. The drawing shows which values it "
                   "holds at each step, and where.")  # fmt: skip


def show_explain(stage: Stage) -> None:
    """The arena of unet, or of enhancenet if unet's weights are missing."""
    there = (stage.program.weights / "unet-cells.safetensors").is_file()
    name, model = ("unet", "unet-cells") if there else ("enhancenet", "enhancenet")
    drawing = f"made/arena-{name}.svg"
    printed = stage.run("explain", model, "--svg", stage.path(drawing).relative_to(stage.program.folder), "--force")
    totals = printed.strip().splitlines()[-2:]
    picture = stage.shown(
        drawing, f"the arena of {name} over the steps of a run", f"the values of {name} in memory at each step"
    )
    stage.exhibit.groups.append(Group(name, [picture], layout="wide"))
    stage.exhibit.texts.append(Text("explain: its last two lines", "\n".join(totals)))
    size = re.search(r"arena ([^;]*);", totals[-1])
    stage.exhibit.headline = f"{name}: an arena of {size[1]}" if size else name

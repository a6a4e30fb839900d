"""The contact sheet: one picture with up to four pictures of each exhibit."""

from __future__ import annotations

from pathlib import Path

from PIL import Image, ImageDraw, ImageOps

from .exhibit import Exhibit

PANEL, GAP, CAPTION = 150, 6, 26
PANELS, COLUMNS = 4, 2
CELL = (PANELS * (PANEL + GAP) + GAP, CAPTION + PANEL + GAP)
INK, SOFT, GROUND, EMPTY = "#1d1f21", "#585c60", "#ffffff", "#e9eae6"


def _written(text: str, colour: str) -> Image.Image:
    """A line of text in Pillow's built-in font, enlarged."""
    line = Image.new("RGB", (CELL[0], CAPTION), GROUND)
    ImageDraw.Draw(line).text((0, 0), text, fill=colour)
    width, height = (int(size / 1.5) for size in line.size)
    return line.crop((0, 0, width, height)).resize(line.size, Image.BICUBIC)


def _panel(picture: Image.Image) -> Image.Image:
    """The middle of a picture, as a square; small pictures are enlarged without smoothing."""
    smooth = min(picture.size) >= PANEL
    return ImageOps.fit(picture.convert("RGB"), (PANEL, PANEL), Image.BICUBIC if smooth else Image.NEAREST)


def _cell(exhibit: Exhibit) -> Image.Image:
    cell = Image.new("RGB", CELL, GROUND)
    state = exhibit.headline
    if not exhibit.panels:
        state = "failed" if exhibit.failure else "missing weights"
    cell.paste(_written(f"{exhibit.name}: {state}", INK if exhibit.panels else SOFT), (GAP, 4))
    for place in range(PANELS):
        left = GAP + place * (PANEL + GAP)
        if place < len(exhibit.panels):
            cell.paste(_panel(exhibit.panels[place]), (left, CAPTION))
        elif not exhibit.panels:
            cell.paste(EMPTY, (left, CAPTION, left + PANEL, CAPTION + PANEL))
    return cell


def write(path: Path, exhibits: list[Exhibit]) -> None:
    """Writes the sheet of these exhibits."""
    rows = -(-len(exhibits) // COLUMNS)
    sheet = Image.new("RGB", (COLUMNS * CELL[0], rows * CELL[1] + GAP), GROUND)
    for number, exhibit in enumerate(exhibits):
        sheet.paste(_cell(exhibit), (number % COLUMNS * CELL[0], number // COLUMNS * CELL[1]))
    sheet.save(path)

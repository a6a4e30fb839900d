"""An exhibit: what limn made of some inputs, with figures and times; and the stage on which it comes about."""

from __future__ import annotations

import json
import shlex
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from PIL import Image

from .program import Program


@dataclass
class Run:
    command: str  # as one would type it in the demo's folder
    seconds: float  # of the whole process


@dataclass
class Picture:
    path: Path
    caption: str
    alt: str
    pixels: bool = False  # what matters are its pixels: shown as they are, enlarged without smoothing


@dataclass
class Group:
    """Pictures that belong together, in columns as wide as one another; or a layout of its own.

    beside: a view of two pictures and a legend, and a third picture beside it where there is room; wide: one below the
    other, as large as they are.
    """

    heading: str
    pictures: list[Picture]
    layout: str = "even"


@dataclass
class Table:
    caption: str
    head: list[str]
    rows: list[list[str]]


@dataclass
class Text:
    caption: str
    body: str


@dataclass
class Exhibit:
    name: str  # of the network or the command
    title: str
    about: str
    headline: str = ""  # its figures, in one line
    weights: list[dict[str, Any]] = field(default_factory=list)  # as `inputs.weights_of` finds them
    runs: list[Run] = field(default_factory=list)
    groups: list[Group] = field(default_factory=list)
    tables: list[Table] = field(default_factory=list)
    texts: list[Text] = field(default_factory=list)
    panels: list[Image.Image] = field(default_factory=list)  # for the contact sheet, four at most
    missing: str = ""  # what is not there yet
    failure: str = ""  # what limn said when it failed

    @property
    def model(self) -> str:
        """The name by which limn finds the first of its weights."""
        return self.weights[0]["name"]

    @property
    def seconds(self) -> float:
        return sum(run.seconds for run in self.runs)


class Stage:
    """Runs limn for one exhibit. Paths are relative to the demo's folder, in which limn runs."""

    def __init__(self, program: Program, exhibit: Exhibit) -> None:
        self.program, self.exhibit = program, exhibit

    def path(self, name: str) -> Path:
        """The file of that name, in a folder that is there."""
        path = self.program.folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        return path

    def run(self, *arguments: object) -> str:
        """limn with these arguments: what it prints. Raises ProgramError where it fails."""
        words = [str(argument) for argument in arguments]
        printed, seconds = self.program.run(words)
        self.exhibit.runs.append(Run(shlex.join(["limn", *words]), seconds))
        return printed

    def make(self, output: str, *arguments: object) -> str:
        """limn with these arguments, which writes `output`: what it prints."""
        self.path(output)
        return self.run(*arguments, "-o", output, "--force")

    def compare(self, found: str, truth: str) -> dict[str, float]:
        """The figures of `limn compare --json`."""
        return json.loads(self.run("compare", found, truth, "--json"))["mean"]

    def save(self, picture: Image.Image, name: str) -> str:
        """Writes an input of limn's; its name."""
        picture.save(self.path(name))
        return name

    def open(self, name: str) -> Image.Image:
        with Image.open(self.path(name)) as picture:
            return picture.convert("RGB")

    def shown(self, name: str, caption: str, alt: str, pixels: bool = False) -> Picture:
        return Picture(self.path(name), caption, alt, pixels)

"""An exhibit: the results of limn on some inputs, with figures and times; and the stage, which runs limn for it."""

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
    command: str  # as typed in the demo's folder
    seconds: float  # of the whole process


@dataclass
class Picture:
    path: Path
    caption: str
    alt: str
    pixels: bool = False  # show single pixels: lossless, enlarged without smoothing


@dataclass
class Group:
    """Pictures that belong together.

    Layouts: even, columns of equal width; beside, a view of two pictures and a legend, with a third picture next to it
    if there is room; wide, one below the other at full width.
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
    headline: str = ""  # the figures, in one line
    weights: list[dict[str, Any]] = field(default_factory=list)  # from `inputs.weights_of`
    runs: list[Run] = field(default_factory=list)
    groups: list[Group] = field(default_factory=list)
    tables: list[Table] = field(default_factory=list)
    texts: list[Text] = field(default_factory=list)
    panels: list[Image.Image] = field(default_factory=list)  # for the contact sheet, at most four
    missing: str = ""  # missing weights and how to make them
    failure: str = ""  # limn's error message, if it failed

    @property
    def model(self) -> str:
        """The name of the exhibit's first weights."""
        return self.weights[0]["name"]

    @property
    def seconds(self) -> float:
        return sum(run.seconds for run in self.runs)


class Stage:
    """Runs limn for one exhibit. Paths are relative to the demo's folder, which is limn's working folder."""

    def __init__(self, program: Program, exhibit: Exhibit) -> None:
        self.program, self.exhibit = program, exhibit

    def path(self, name: str) -> Path:
        """The path of a file, whose folder is created if needed."""
        path = self.program.folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        return path

    def run(self, *arguments: object) -> str:
        """Runs limn with these arguments and returns its output. Raises ProgramError if it fails."""
        words = [str(argument) for argument in arguments]
        printed, seconds = self.program.run(words)
        self.exhibit.runs.append(Run(shlex.join(["limn", *words]), seconds))
        return printed

    def make(self, output: str, *arguments: object) -> str:
        """Runs limn with these arguments to write the file `output`, and returns what it prints."""
        self.path(output)
        return self.run(*arguments, "-o", output, "--force")

    def compare(self, found: str, truth: str) -> dict[str, float]:
        """The mean figures of `limn compare --json`."""
        return json.loads(self.run("compare", found, truth, "--json"))["mean"]

    def save(self, picture: Image.Image, name: str) -> str:
        """Writes an input picture and returns its name."""
        picture.save(self.path(name))
        return name

    def open(self, name: str) -> Image.Image:
        with Image.open(self.path(name)) as picture:
            return picture.convert("RGB")

    def shown(self, name: str, caption: str, alt: str, pixels: bool = False) -> Picture:
        return Picture(self.path(name), caption, alt, pixels)

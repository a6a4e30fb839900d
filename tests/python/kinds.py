"""The table of test_kinds.py: inputs as people have them, by kind of fault.

A kinds_NAME.py file holds rows: a function each that makes an input in a folder, runs the program or the converter,
asserts the right result, and returns in a few words what happened.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

Try = Callable[[Path], str]


class Row(NamedTuple):
    kind: str
    what: str  # the input
    before: str  # what happened before it was mended
    run: Try


ROWS: list[Row] = []


def kind(name: str, what: str, *, before: str) -> Callable[[Try], Try]:
    """Adds the function to the table."""

    def add(run: Try) -> Try:
        ROWS.append(Row(name, what, before, run))
        return run

    return add

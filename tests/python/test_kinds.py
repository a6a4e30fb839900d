"""Files, folders and streams as people have them, in one table.

    python3 tests/python/test_kinds.py        prints it as Markdown
"""

from __future__ import annotations

import importlib
import tempfile
from pathlib import Path

import pytest
from kinds import ROWS, Row

for file in sorted(Path(__file__).parent.glob("kinds_*.py")):
    importlib.import_module(file.stem)


@pytest.mark.parametrize("row", ROWS, ids=[f"{row.kind}: {row.what}" for row in ROWS])
def test_kind(row: Row, tmp_path: Path) -> None:
    assert row.run(tmp_path)


def print_table() -> None:
    print("| kind | input | before | now |\n|---|---|---|---|")
    for row in sorted(ROWS, key=lambda row: row.kind):
        with tempfile.TemporaryDirectory() as folder:
            try:
                now = row.run(Path(folder))
            except pytest.skip.Exception as skipped:
                now = f"({skipped})"
        print(f"| {row.kind} | {row.what} | {row.before} | {now} |", flush=True)


if __name__ == "__main__":
    print_table()

#!/usr/bin/env python3
"""Packs limn.exe with weights, licence, a short README and the drop targets for Windows.

    python3 tools/packaging/windows_zip.py build/windows/limn.exe build/limn-0.1.0-windows-x86_64.zip PAGE WEIGHTS...

PAGE is the colour page, or "" for none. The archive holds one folder, of the archive's name. The same files give the same archive. Texts have Windows' line ends.
"""

from __future__ import annotations

import os
import sys
import zipfile
from pathlib import Path

TEXTS = Path(__file__).parent / "windows"
DROP_TARGET = Path(__file__).parent / "drop_target.cmd"
DROP_TARGETS = [
    {"NAME": "upscale.cmd", "COMMAND": "upscale", "SUFFIX": "upscaled", "RESULT": "four times as large"},
    {"NAME": "colorize.cmd", "COMMAND": "colorize", "SUFFIX": "colorized", "RESULT": "in colour"},
]


def drop_target(words: dict[str, str]) -> bytes:
    text = DROP_TARGET.read_text()
    for key, word in words.items():
        text = text.replace(f"@{key}@", word)
    return text.encode()


def contents(program: Path, page: str, weights: list[Path]) -> dict[str, bytes]:
    """The bytes of every file of the archive by its name in the folder."""
    texts = {"LICENSE.txt": Path("LICENSE")} | {path.name: path for path in sorted(TEXTS.iterdir())}
    files = {name: path.read_bytes() for name, path in texts.items()}
    files |= {words["NAME"]: drop_target(words) for words in DROP_TARGETS}
    files = {name: data.replace(b"\n", b"\r\n") for name, data in files.items()}
    files["limn.exe"] = program.read_bytes()
    if page:
        files["limn.html"] = Path(page).read_bytes()
    return files | {f"weights/{path.name}": path.read_bytes() for path in weights}


def main() -> int:
    program, archive, page = Path(sys.argv[1]), Path(sys.argv[2]), sys.argv[3]
    weights = [Path(name) for name in sys.argv[4:]]
    part = archive.with_name(archive.name + ".part")
    with zipfile.ZipFile(part, "w", zipfile.ZIP_DEFLATED, compresslevel=9) as packed:
        for name, data in sorted(contents(program, page, weights).items()):
            entry = zipfile.ZipInfo(f"{archive.stem}/{name}", date_time=(1980, 1, 1, 0, 0, 0))
            entry.compress_type = zipfile.ZIP_DEFLATED
            packed.writestr(entry, data)
    os.replace(part, archive)
    return 0


if __name__ == "__main__":
    sys.exit(main())

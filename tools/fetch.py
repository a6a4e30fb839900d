#!/usr/bin/env python3
"""Fetches a published checkpoint, checks it, and converts it into the safetensors file that `limn -m NAME` finds.

Needs Python 3.11 and NumPy. Where from and what to expect stands in catalog.json; download.py fetches, convert.py
converts. An interrupted download goes on where it stopped when the same command is given again.
"""

from __future__ import annotations

import argparse
import difflib
import json
import os
import re
import signal
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NoReturn

import convert
from checkpoint import safetensors
from checkpoint.download import (
    AnotherRunError,
    DownloadError,
    Progress,
    Wanted,
    downloaded,
    is_allowed,
    mismatch,
    part_of,
    sha256_of,
)
from checkpoint.metadata import Choices
from checkpoint.models import MODELS
from checkpoint.tensor import CheckpointError

CATALOG = Path(__file__).parent / "checkpoint" / "catalog.json"
EXAMPLE = """\
example: python3 tools/fetch.py eccv16, then: limn colorize -m eccv16 photo.jpg -o colour.png

"""
MAX_MESSAGE = 2000

# limn takes a name with a dot or a slash for a path; the others go into file names.
_NAME = r"[a-z0-9][a-z0-9-]*"
_FILE = r"[A-Za-z0-9][A-Za-z0-9._-]*"
_SHA256 = r"[0-9a-f]{8,64}"


class CatalogError(Exception):
    """What is wrong about the catalogue, in one line that names the file and the entry."""


@dataclass(frozen=True)
class Entry:
    """A published checkpoint, as the catalogue's own first lines describe it."""

    name: str
    model: str
    title: str
    file: str
    licence: str
    wanted: Wanted


def read_catalog(path: Path) -> dict[str, Entry]:
    """The entries of a catalogue by name; CatalogError, or OSError where it cannot be read."""
    try:
        catalog: Any = json.loads(path.read_text(encoding="utf-8"))
    except (ValueError, RecursionError) as error:
        raise CatalogError(f"{path}: not valid JSON: {error}") from None
    entries = catalog.get("checkpoints") if isinstance(catalog, dict) else None
    if not isinstance(entries, dict) or not entries:
        raise CatalogError(f"{path}: expected an object with the member checkpoints")
    return {name: _entry(f"{path}: {name}", name, members) for name, members in entries.items()}


def _entry(where: str, name: str, members: Any) -> Entry:
    """One entry, every member checked."""
    if not re.fullmatch(_NAME, name):
        raise CatalogError(f"{where}: a name is made of a-z, 0-9 and -")
    if not isinstance(members, dict):
        raise CatalogError(f"{where}: expected an object")
    for key in ("model", "title", "url", "file", "licence"):
        if not isinstance(members.get(key), str):
            raise CatalogError(f"{where}: {key} is not a text")
    if members["model"] not in MODELS:
        raise CatalogError(f"{where}: model is {members['model']}, expected one of {', '.join(MODELS)}")
    if not is_allowed(members["url"]):
        raise CatalogError(f"{where}: url is {members['url']}, expected an https address")
    if not re.fullmatch(_FILE, members["file"]):
        raise CatalogError(f"{where}: file is {members['file']}, expected a plain file name")
    size = members.get("size", "")
    if size is not None and (type(size) is not int or size <= 0):
        raise CatalogError(f"{where}: size is neither a number of bytes nor null")
    sha256 = members.get("sha256", "")
    if sha256 is not None and not (isinstance(sha256, str) and re.fullmatch(_SHA256, sha256)):
        raise CatalogError(f"{where}: sha256 is neither 8 to 64 small hexadecimal digits nor null")
    wanted = Wanted(members["url"], size, sha256)
    return Entry(name, members["model"], members["title"], members["file"], members["licence"], wanted)


def fetch(entry: Entry, folder: Path, keep: bool, force: bool, timeout: float) -> str:
    """Makes folder/NAME.safetensors and returns the lines that say so.

    A checkpoint that lies in `folder` already is checked and used, and stays; one that is downloaded is removed when it
    is converted, unless `keep`. Raises DownloadError, CheckpointError, and OSError about a file.
    """
    output = folder / f"{entry.name}.safetensors"
    safetensors.check_output(str(output), force)
    path = folder / entry.file
    if path.exists():
        return _converted(entry, path, _checked(path, entry.wanted), output, force)
    with downloaded(entry.wanted, path, Progress(entry.name), timeout) as sha256:
        try:
            done = _converted(entry, path, sha256, output, force)
        except CheckpointError:
            path.unlink()  # not what it should be, so nothing to go on from
            raise
    if not keep:
        path.unlink()
    return done


def _converted(entry: Entry, path: Path, sha256: str, output: Path, force: bool) -> str:
    """Converts the checkpoint at `path` and returns the lines that say what it was and became."""
    found = f"{path}: {path.stat().st_size} bytes, sha256 {sha256}"
    try:
        done = convert.convert(str(path), str(output), entry.model, Choices(licence=entry.licence), force=force)
    except CheckpointError as error:
        raise CheckpointError(f"{found}: {error}") from None
    said = f"{done.line}\nwarning: {done.warning}" if done.warning else done.line
    if entry.wanted.sha256 is not None:
        return said
    return f"{found}; its publisher states no hash: every tensor's name and shape was checked\n{said}"


def _checked(path: Path, wanted: Wanted) -> str:
    """The SHA-256 of a checkpoint that is there already; it is the user's, so a wrong one is not removed."""
    with open(path, "rb") as file:
        sha256 = sha256_of(file)
    fault = mismatch(wanted, path.stat().st_size, sha256)
    if fault:
        raise DownloadError(f"{path}: is there already, but {fault}; move it away to download it")
    return sha256


def listed(entries: dict[str, Entry]) -> str:
    """The catalogue as a table, one checkpoint a line."""
    rows = [("NAME", "MB", "LICENCE", "WHAT")]
    for entry in entries.values():
        size = entry.wanted.size
        rows.append((entry.name, f"{size / 1e6:.1f}" if size else "?", entry.licence, entry.title))
    names, sizes, licences, _ = (max(map(len, column)) for column in zip(*rows, strict=True))
    return "\n".join(
        f"{name:{names}}  {size:>{sizes}}  {licence:{licences}}  {title}" for name, size, licence, title in rows
    )


class _Parser(argparse.ArgumentParser):
    def format_help(self) -> str:
        return EXAMPLE + super().format_help()

    def error(self, message: str) -> NoReturn:
        self.exit(2, _one_line(f"fetch: {message}; --help shows an example") + "\n")


def _parser() -> _Parser:
    parser = _Parser(
        prog="fetch",
        description="Fetches a published checkpoint, checks it, and converts it into NAME.safetensors.",
        epilog="Exit code: 0 done, 1 not (the reason is on stderr), 2 wrong usage.",
        allow_abbrev=False,
    )
    parser.add_argument("name", nargs="?", metavar="NAME", help="the checkpoint, as --list names it")
    parser.add_argument("--list", action="store_true", help="show the checkpoints that can be fetched")
    parser.add_argument("--output", type=Path, metavar="FOLDER", help="where to (default: $LIMN_WEIGHTS, or weights)")
    parser.add_argument("--keep", action="store_true", help="keep the original checkpoint beside the converted file")
    parser.add_argument("--force", action="store_true", help="replace an existing NAME.safetensors")
    parser.add_argument("--timeout", type=_seconds, default=30, metavar="S", help="longest silence of a server (30)")
    parser.add_argument("--catalog", type=Path, default=CATALOG, metavar="FILE", help="another catalogue")
    return parser


def _seconds(text: str) -> float:
    value = float(text)
    if not 0 < value <= 86400:
        raise ValueError
    return value


_seconds.__name__ = "number of seconds"  # argparse puts it into its message


def _one_line(text: str) -> str:
    """`text` as one printable line of a bounded length, whatever a server or a checkpoint brought along."""
    line = "".join(c if c.isprintable() else " " for c in text[:MAX_MESSAGE])
    return line + " .." if len(text) > MAX_MESSAGE else line


def _fail(message: str, checkpoint: Path | None = None) -> int:
    """Says what went wrong, and what is left of the download of `checkpoint`."""
    if checkpoint is not None and part_of(checkpoint).exists():
        message += f"; what came is kept in {part_of(checkpoint)}, the same command goes on from there"
    print(_one_line(f"fetch: {message}"), file=sys.stderr)
    return 1


def main(arguments: list[str] | None = None) -> int:
    """The command line; returns the exit code."""
    parser = _parser()
    options = parser.parse_args(arguments)
    try:
        entries = read_catalog(options.catalog)
    except (CatalogError, OSError) as error:
        return _fail(str(error) if isinstance(error, CatalogError) else f"{options.catalog}: {error.strerror}")
    if options.list:
        print(listed(entries))
        return 0
    if options.name is None:
        parser.error("which checkpoint? --list shows them")
    if options.name not in entries:
        near = difflib.get_close_matches(options.name, entries, 1)
        parser.error(f"no checkpoint {options.name}, {f'did you mean {near[0]}?' if near else '--list shows them'}")
    return _run(entries[options.name], options)


def _run(entry: Entry, options: argparse.Namespace) -> int:
    """Fetches into the folder that is chosen, which is made if need be, and reports; returns the exit code."""
    folder = options.output or Path(os.environ.get("LIMN_WEIGHTS") or "weights")
    checkpoint = folder / entry.file
    made = not folder.exists()
    try:
        folder.mkdir(exist_ok=True)
        for line in fetch(entry, folder, options.keep, options.force, options.timeout).split("\n"):
            print(_one_line(line))
    except AnotherRunError as error:
        return _fail(str(error))
    except (DownloadError, CheckpointError) as error:
        return _fail(str(error), checkpoint)
    except OSError as error:
        return _fail(f"{error.filename or folder}: {error.strerror or error}", checkpoint)
    except MemoryError:
        return _fail(f"{checkpoint}: not enough memory to convert it", checkpoint)
    except KeyboardInterrupt:
        _fail("interrupted", checkpoint)
        return 130
    finally:
        if made and folder.is_dir() and not os.listdir(folder):
            folder.rmdir()
    return 0


if __name__ == "__main__":
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))  # so that an unfinished file is removed or resumable
    sys.exit(main())

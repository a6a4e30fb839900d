#!/usr/bin/env python3
"""Downloads a published checkpoint, checks it, and converts it into the safetensors file that `limn -m NAME` finds.

Needs Python 3.11 and NumPy. checkpoint/catalog.json lists addresses, sizes and hashes; checkpoint/download.py
downloads; convert.py converts. To resume an interrupted download, run the same command again.
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
example: limn-fetch siggraph17, then: limn colorize old.jpg -o colour.png

"""
MAX_MESSAGE = 2000

# No dots or slashes in a name: limn would take it for a path. The others are used as file names.
_NAME = r"[a-z0-9][a-z0-9-]*"
_FILE = r"[A-Za-z0-9][A-Za-z0-9._-]*"
_SHA256 = r"[0-9a-f]{8,64}"


class CatalogError(Exception):
    """An error in the catalogue; the message names the file and the entry."""


@dataclass(frozen=True)
class Entry:
    """A published checkpoint; the first lines of the catalogue describe the fields."""

    name: str
    model: str
    title: str
    file: str
    licence: str
    wanted: Wanted


def read_catalog(path: Path) -> dict[str, Entry]:
    """Reads a catalogue and returns its entries by name. Raises CatalogError, or OSError if it cannot be read."""
    try:
        catalog: Any = json.loads(path.read_text(encoding="utf-8"))
    except (ValueError, RecursionError) as error:
        raise CatalogError(f"{path}: not valid JSON: {error}") from None
    entries = catalog.get("checkpoints") if isinstance(catalog, dict) else None
    if not isinstance(entries, dict) or not entries:
        raise CatalogError(f"{path}: expected an object with the member checkpoints")
    return {name: _entry(f"{path}: {name}", name, members) for name, members in entries.items()}


def _entry(where: str, name: str, members: Any) -> Entry:
    """Checks every member of an entry."""
    if not re.fullmatch(_NAME, name):
        raise CatalogError(f"{where}: a name may hold only a-z, 0-9 and -")
    if not isinstance(members, dict):
        raise CatalogError(f"{where}: expected an object")
    for key in ("model", "title", "url", "file", "licence"):
        if not isinstance(members.get(key), str):
            raise CatalogError(f"{where}: {key} is not a string")
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
        raise CatalogError(f"{where}: sha256 is neither 8 to 64 lower-case hexadecimal digits nor null")
    wanted = Wanted(members["url"], size, sha256)
    return Entry(name, members["model"], members["title"], members["file"], members["licence"], wanted)


def fetch(entry: Entry, folder: Path, keep: bool, force: bool, timeout: float) -> str:
    """Makes folder/NAME.safetensors and returns the lines to print.

    If the checkpoint already exists in `folder`, it is checked, used and kept. Otherwise it is downloaded, and removed
    after the conversion unless `keep` is set. Raises DownloadError, CheckpointError, and OSError for a file.
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
            path.unlink()  # the wrong file, so there is nothing to resume
            raise
    if not keep:
        path.unlink()
    return done


def _converted(entry: Entry, path: Path, sha256: str, output: Path, force: bool) -> str:
    """Converts the checkpoint at `path` and returns the lines to print."""
    found = f"{path}: {path.stat().st_size} bytes, sha256 {sha256}"
    try:
        done = convert.convert(str(path), str(output), entry.model, Choices(licence=entry.licence), force=force)
    except CheckpointError as error:
        raise CheckpointError(f"{found}: {error}") from None
    said = f"{done.line}\nwarning: {done.warning}" if done.warning else done.line
    if entry.wanted.sha256 is not None:
        return said
    return f"{found}; the publisher states no hash: every tensor's name and shape was checked\n{said}"


def _checked(path: Path, wanted: Wanted) -> str:
    """The SHA-256 of an existing checkpoint. It belongs to the user, so a wrong one is not removed."""
    with open(path, "rb") as file:
        sha256 = sha256_of(file)
    fault = mismatch(wanted, path.stat().st_size, sha256)
    if fault:
        raise DownloadError(f"{path}: already exists, but {fault}; move it away to download it")
    return sha256


def listed(entries: dict[str, Entry]) -> str:
    """The catalogue as a table, one line per checkpoint."""
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
        self.exit(2, _one_line(f"limn-fetch: {message}; --help shows an example") + "\n")


def _parser() -> _Parser:
    parser = _Parser(
        prog="limn-fetch",
        description="Downloads a published checkpoint, checks it, and converts it into NAME.safetensors.",
        epilog="Exit codes: 0 done, 1 failed (the reason is on stderr), 2 usage error.",
        allow_abbrev=False,
    )
    parser.add_argument("name", nargs="?", metavar="NAME", help="name of a checkpoint; see --list")
    parser.add_argument("--list", action="store_true", help="list the checkpoints that can be fetched")
    parser.add_argument(
        "--output",
        type=Path,
        metavar="FOLDER",
        help="folder (default: $LIMN_WEIGHTS or ~/.local/share/limn/weights, in which limn looks for weights)",
    )
    parser.add_argument("--keep", action="store_true", help="also keep the original checkpoint")
    parser.add_argument("--force", action="store_true", help="replace an existing NAME.safetensors")
    parser.add_argument("--timeout", type=_seconds, default=30, metavar="S", help="longest wait for the server (30)")
    parser.add_argument("--catalog", type=Path, default=CATALOG, metavar="FILE", help="use another catalogue")
    return parser


def _seconds(text: str) -> float:
    value = float(text)
    if not 0 < value <= 86400:
        raise ValueError
    return value


_seconds.__name__ = "number of seconds"  # argparse prints it in its error message


def _one_line(text: str) -> str:
    """`text` as one printable line of bounded length, even if it comes from a server or a checkpoint."""
    line = "".join(c if c.isprintable() else " " for c in text[:MAX_MESSAGE])
    return line + " .." if len(text) > MAX_MESSAGE else line


def _fail(message: str, checkpoint: Path | None = None) -> int:
    """Prints the error, and where the incomplete download of `checkpoint` is, if any."""
    if checkpoint is not None and part_of(checkpoint).exists():
        message += f"; the incomplete download is kept in {part_of(checkpoint)}: run the same command to resume it"
    print(_one_line(f"limn-fetch: {message}"), file=sys.stderr)
    return 1


def main(arguments: list[str] | None = None) -> int:
    """Runs the command line; returns the exit code."""
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
        parser.error("missing NAME; --list shows the checkpoints")
    if options.name not in entries:
        near = difflib.get_close_matches(options.name, entries, 1)
        hint = f"did you mean {near[0]}?" if near else "--list shows the checkpoints"
        parser.error(f"unknown checkpoint {options.name}; {hint}")
    return _run(entries[options.name], options)


def _usual_folder() -> Path:
    """The first folder in which limn looks for weights; see engine/run/weights_path.h."""
    chosen, data = os.environ.get("LIMN_WEIGHTS"), os.environ.get("XDG_DATA_HOME")
    return Path(chosen) if chosen else Path(data or Path.home() / ".local/share", "limn/weights")


def _run(entry: Entry, options: argparse.Namespace) -> int:
    """Fetches into the chosen folder, creating it if needed, and prints the result; returns the exit code."""
    folder = options.output or _usual_folder()
    checkpoint = folder / entry.file
    made = not folder.exists()
    try:
        folder.mkdir(exist_ok=True, parents=options.output is None)
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
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))  # exit normally: unfinished files are removed or resumable
    sys.exit(main())

#!/usr/bin/env python3
"""Downloads a published checkpoint, checks it, and converts it into the safetensors file that `limn -m NAME` finds.

Needs Python 3.11 and NumPy. checkpoint/catalog.py reads the catalogue and fetches. To resume an interrupted download,
run the same command again.
"""

from __future__ import annotations

import argparse
import difflib
import os
import signal
import sys
from pathlib import Path
from typing import NoReturn

from checkpoint.catalog import CATALOG, CatalogError, Entry, fetch, read_catalog, usual_folder
from checkpoint.download import AnotherRunError, DownloadError, part_of
from checkpoint.tensor import CheckpointError

EXAMPLE = """\
example: limn-fetch siggraph17, then: limn colorize old.jpg -o colour.png

"""
MAX_MESSAGE = 2000


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


def _run(entry: Entry, options: argparse.Namespace) -> int:
    """Fetches into the chosen folder, creating it if needed, and prints the result; returns the exit code."""
    folder = options.output or usual_folder()
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

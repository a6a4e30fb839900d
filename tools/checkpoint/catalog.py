"""The catalogue of published checkpoints, and fetching one: download, check, convert."""

from __future__ import annotations

import json
import os
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from . import conversion, safetensors
from .download import DownloadError, Progress, Wanted, downloaded, is_allowed, mismatch, sha256_of
from .metadata import Choices
from .models import MODELS
from .tensor import CheckpointError

CATALOG = Path(__file__).parent / "catalog.json"

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
        done = conversion.convert(str(path), str(output), entry.model, Choices(licence=entry.licence), force=force)
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


def usual_folder() -> Path:
    """The first folder in which limn looks for weights; see engine/run/weights_path.h."""
    chosen, data = os.environ.get("LIMN_WEIGHTS"), os.environ.get("XDG_DATA_HOME")
    return Path(chosen) if chosen else Path(data or Path.home() / ".local/share", "limn/weights")

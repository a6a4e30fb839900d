"""Folders of pictures for limnet.batch: of this machine, or of any file system that pyarrow reads (s3://, gs://).

A file is written to ".limnet-HOST-PROCESS.part" in the folder where it belongs, and renamed when it is complete.
"""

from __future__ import annotations

import os
import platform
import re
import time
from collections.abc import Iterator
from contextlib import suppress
from importlib import import_module
from typing import NamedTuple, Protocol

_PART = re.compile(r"\.limnet-(.*)-(\d+)\.part")
_LONGEST_WRITE = 600  # seconds, after which the temporary file of another machine counts as abandoned


class File(NamedTuple):
    name: str  # relative to the folder, with "/" between the parts
    size: int  # bytes
    changed: float  # seconds since 1970


class Folder(Protocol):
    """What limnet.batch does with a folder. Failures are OSErrors."""

    path: str

    def exists(self) -> bool: ...

    def create(self) -> None: ...

    def files(self, deep: bool) -> Iterator[File]:
        """The files in it, with `deep` those in its subfolders too, but not in hidden ones, nor behind links."""

    def holds(self, name: str) -> bool: ...

    def read(self, name: str) -> bytes: ...

    def write(self, name: str, data: bytes) -> None:
        """Creates or replaces a file, and its folder. It appears under its name only when it is complete."""

    def remove(self, name: str) -> None:
        """Does nothing if there is no such file."""


def folder_of(path: str) -> Folder:
    return ArrowFolder(path) if "://" in path else LocalFolder(path)


def is_hidden(name: str) -> bool:
    return any(part.startswith(".") for part in name.split("/"))


def part_of(name: str, process: int | None = None) -> str:
    """The temporary file of a file that this or another process of this machine writes."""
    parent = name[: name.rfind("/") + 1]
    return f"{parent}.limnet-{platform.node()}-{process or os.getpid()}.part"


def finished(folder: Folder, deep: bool) -> set[str]:
    """The names of the files that are complete. Removes temporary files that processes have left."""
    names = set()
    for file in folder.files(deep):
        if is_abandoned(file):
            folder.remove(file.name)
        elif file.size and not is_hidden(file.name):
            names.add(file.name)
    return names


def is_abandoned(file: File) -> bool:
    """Whether it is a temporary file whose process has ended, or, on another machine, must have."""
    match = _PART.fullmatch(file.name.rpartition("/")[2])
    if not match:
        return False
    if match[1] == platform.node() and os.name == "posix":
        return not _is_running(int(match[2]))
    return time.time() - file.changed > _LONGEST_WRITE


def _is_running(process: int) -> bool:
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        pass
    return True


def _status(entry: os.DirEntry[str]) -> os.stat_result:
    """Of a link that leads nowhere, the link's own: reading it fails, and is reported."""
    try:
        return entry.stat()
    except OSError:
        return entry.stat(follow_symlinks=False)


class LocalFolder:
    def __init__(self, path: str) -> None:
        self.path = os.path.abspath(path)

    def _at(self, name: str) -> str:
        return os.path.join(self.path, *name.split("/"))

    def exists(self) -> bool:
        return os.path.isdir(self.path)

    def create(self) -> None:
        os.makedirs(self.path, exist_ok=True)

    def files(self, deep: bool) -> Iterator[File]:
        return self._walk(self.path, "", deep)

    def _walk(self, path: str, prefix: str, deep: bool) -> Iterator[File]:
        folders = []
        with os.scandir(path) as entries:
            for entry in entries:
                if entry.is_dir(follow_symlinks=False):
                    folders.append(entry.name)
                elif not entry.is_dir():
                    status = _status(entry)
                    yield File(prefix + entry.name, status.st_size, status.st_mtime)
        for name in folders:
            if deep and not name.startswith("."):
                yield from self._walk(os.path.join(path, name), f"{prefix}{name}/", deep)

    def holds(self, name: str) -> bool:
        return os.path.isfile(self._at(name)) and os.path.getsize(self._at(name)) > 0

    def read(self, name: str) -> bytes:
        with open(self._at(name), "rb") as file:
            return file.read()

    def write(self, name: str, data: bytes) -> None:
        part = self._at(part_of(name))
        os.makedirs(os.path.dirname(part), exist_ok=True)
        try:
            with open(part, "wb") as file:
                file.write(data)
            os.replace(part, self._at(name))
        except BaseException:
            self.remove(part_of(name))
            raise

    def remove(self, name: str) -> None:
        with suppress(FileNotFoundError):
            os.remove(self._at(name))


class ArrowFolder:
    """A folder by its URL, such as s3://bucket/folder."""

    def __init__(self, url: str) -> None:
        self.path = url.rstrip("/")
        self._fs = import_module("pyarrow.fs")
        self._system, root = self._fs.FileSystem.from_uri(self.path)
        self._root = root.rstrip("/")
        self._made: set[str] = set()  # folders that exist

    def _at(self, name: str) -> str:
        return f"{self._root}/{name}"

    def exists(self) -> bool:
        return bool(self._system.get_file_info(self._root).type == self._fs.FileType.Directory)

    def create(self) -> None:
        self._system.create_dir(self._root, recursive=True)

    def files(self, deep: bool) -> Iterator[File]:
        for info in self._system.get_file_info(self._fs.FileSelector(self._root, recursive=deep)):
            name = info.path[len(self._root) :].lstrip("/")
            if info.type == self._fs.FileType.File and not is_hidden(name.rpartition("/")[0]):
                yield File(name, info.size or 0, (info.mtime_ns or 0) / 1e9)

    def holds(self, name: str) -> bool:
        return bool(self._system.get_file_info(self._at(name)).size)

    def read(self, name: str) -> bytes:
        with self._system.open_input_stream(self._at(name)) as stream:
            data: bytes = stream.read()
            return data

    def write(self, name: str, data: bytes) -> None:
        part = self._at(part_of(name))
        parent = part.rpartition("/")[0]
        if parent not in self._made:
            self._system.create_dir(parent, recursive=True)
            self._made.add(parent)
        try:
            with self._system.open_output_stream(part) as stream:
                stream.write(data)
            self._system.move(part, self._at(name))
        except BaseException:
            self.remove(part_of(name))
            raise

    def remove(self, name: str) -> None:
        if self._system.get_file_info(self._at(name)).type == self._fs.FileType.File:
            self._system.delete_file(self._at(name))

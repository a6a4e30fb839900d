"""Folders of pictures for limnet.batch: of this machine, or of any file system that Ray reads (pyarrow)."""

from __future__ import annotations

import os
import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Protocol


class Folder(Protocol):
    """Files by their names relative to the folder, with '/' between the parts."""

    def exists(self) -> bool: ...

    def names(self) -> Iterator[str]:
        """Of all files in it and its subfolders; hidden ones are left out."""

    def read(self, name: str) -> bytes: ...

    def write(self, name: str, data: bytes) -> None:
        """Replaces a file. It appears under its name only when it is complete."""


def folder_of(path: str) -> Folder:
    return _ArrowFolder(path) if "://" in path else _LocalFolder(Path(path))


def _hidden(name: str) -> bool:
    return any(part.startswith(".") for part in name.split("/"))


class _LocalFolder:
    def __init__(self, path: Path) -> None:
        self.path = path

    def exists(self) -> bool:
        return self.path.is_dir()

    def names(self) -> Iterator[str]:
        for parent, _, files in os.walk(self.path):
            found = (Path(parent, file).relative_to(self.path).as_posix() for file in files)
            yield from (name for name in found if not _hidden(name))

    def read(self, name: str) -> bytes:
        return (self.path / name).read_bytes()

    def write(self, name: str, data: bytes) -> None:
        final = self.path / name
        final.parent.mkdir(parents=True, exist_ok=True)
        part = final.with_name(f".{uuid.uuid4().hex}.part")
        try:
            part.write_bytes(data)
            part.replace(final)
        finally:
            part.unlink(missing_ok=True)


class _ArrowFolder:
    """A folder by its URL, such as s3://bucket/folder. Object stores show a file only when it is complete."""

    def __init__(self, url: str) -> None:
        from pyarrow import fs

        self.fs: Any = fs
        self.system, self.path = fs.FileSystem.from_uri(url)

    def exists(self) -> bool:
        found: bool = self.system.get_file_info(self.path).type == self.fs.FileType.Directory
        return found

    def names(self) -> Iterator[str]:
        for info in self.system.get_file_info(self.fs.FileSelector(self.path, recursive=True)):
            name = info.path[len(self.path) :].lstrip("/")
            if info.type == self.fs.FileType.File and not _hidden(name):
                yield name

    def read(self, name: str) -> bytes:
        with self.system.open_input_stream(f"{self.path}/{name}") as stream:
            data: bytes = stream.read()
            return data

    def write(self, name: str, data: bytes) -> None:
        final = f"{self.path}/{name}"
        parent = final.rpartition("/")[0]
        self.system.create_dir(parent, recursive=True)
        if self.system.type_name != "local":
            with self.system.open_output_stream(final) as stream:
                stream.write(data)
            return
        part = f"{parent}/.{uuid.uuid4().hex}.part"
        with self.system.open_output_stream(part) as stream:
            stream.write(data)
        self.system.move(part, final)

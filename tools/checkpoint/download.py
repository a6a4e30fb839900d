"""Downloads one file over HTTP. Downloads can be resumed, and the file is checked before it gets its name.

During a download the file is named PATH.part. PATH.part.json records its address and its version there (the entity
tag or date). A later call requests only the rest, and only of the same version (RFC 9110: Range, If-Range). If the
server answers with 200, or with a 206 that does not match, the download starts again. A file that cannot be resumed
is removed.
"""

from __future__ import annotations

import contextlib
import fcntl
import hashlib
import http.client
import json
import os
import re
import shutil
import sys
import time
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import IO, Any, TextIO

BLOCK = 1 << 18
MAX_SIZE = 1 << 30  # bytes, if no size is stated; far larger than any checkpoint of these networks
PROGRESS_INTERVAL = 0.1  # seconds
HERE = ("127.0.0.1", "::1", "localhost")


class DownloadError(Exception):
    """The download failed; the message is one line that names the address or the file."""


class AnotherRunError(DownloadError):
    """Another process is downloading the same file to the same place."""


@dataclass(frozen=True)
class Wanted:
    """A file to fetch: its address, and if known its size and the first digits of its SHA-256."""

    url: str
    size: int | None = None
    sha256: str | None = None


class Progress:
    """A progress bar. Nothing is printed unless the stream is a terminal."""

    def __init__(self, label: str, stream: TextIO | None = None) -> None:
        self._label = label
        self._stream = sys.stderr if stream is None else stream
        self._on = self._stream.isatty()
        self._next = 0.0
        self._begun: tuple[float, int] | None = None

    def show(self, done: int, total: int | None) -> None:
        """Draws the bar, at most ten times a second."""
        now = time.monotonic()
        if not self._on or now < self._next:
            return
        self._next = now + PROGRESS_INTERVAL
        since, before = self._begun = self._begun or (now, done)  # excludes what an earlier run fetched
        line = f"{self._label}  {done / 1e6:.1f}"
        if total:
            filled = 24 * done // total
            line += f" of {total / 1e6:.1f} MB  [{'#' * filled}{'.' * (24 - filled)}] {100 * done // total:3}%"
        else:
            line += " MB"
        if now > since:
            line += f"  {(done - before) / 1e6 / (now - since):.1f} MB/s"
        width = shutil.get_terminal_size().columns - 1
        self._stream.write(f"\r{line[:width]:{width}}")
        self._stream.flush()

    def close(self) -> None:
        """Erases the bar."""
        if self._begun:
            self._stream.write("\r" + " " * (shutil.get_terminal_size().columns - 1) + "\r")
            self._stream.flush()


@contextlib.contextmanager
def downloaded(wanted: Wanted, path: Path, progress: Progress, timeout: float) -> Iterator[str]:
    """A context manager that downloads the file to `path` and yields its SHA-256.

    `timeout` is the longest wait for data in seconds. Raises DownloadError. After an error, also inside the context,
    `path` does not exist, and PATH.part exists only if a later call can resume it.
    """
    with _Partial(path, wanted.url) as partial:
        if partial.size != partial.total:
            try:
                _receive(wanted, partial, progress, timeout)
            finally:
                progress.close()
        sha256 = partial.sha256()
        fault = mismatch(wanted, partial.size, sha256)
        if fault:
            partial.discard()
            raise DownloadError(f"{wanted.url}: {fault}; the downloaded file was removed")
        with partial.named(path):
            yield sha256


def part_of(path: Path) -> Path:
    """The name of `path` while it is downloaded."""
    return path.with_name(path.name + ".part")


def mismatch(wanted: Wanted, size: int, sha256: str) -> str | None:
    """Why a file of this size and hash is not the wanted one, or None."""
    if wanted.size not in (None, size):
        return f"{size} bytes, expected {wanted.size}"
    if wanted.sha256 is not None and not sha256.startswith(wanted.sha256):
        return f"sha256 {sha256}, expected {wanted.sha256}"
    return None


def sha256_of(file: IO[bytes]) -> str:
    """The SHA-256 of a whole file."""
    file.seek(0)
    digest = hashlib.sha256()
    for block in iter(lambda: file.read(BLOCK), b""):
        digest.update(block)
    return digest.hexdigest()


def is_allowed(url: str) -> bool:
    """Whether an address may be used: https, or http on this machine."""
    try:
        parts = urllib.parse.urlsplit(url)
        return bool(parts.hostname) and (parts.scheme == "https" or (parts.scheme == "http" and parts.hostname in HERE))
    except ValueError:
        return False


class _Partial:
    """PATH.part, locked against a second run, with its size and version. After an error it is kept if resumable."""

    def __init__(self, path: Path, url: str) -> None:
        self.path = part_of(path)
        self._about = path.with_name(path.name + ".part.json")
        self._url = url
        self.size = 0
        self.total: int | None = None  # size of the whole file, if the server states it
        self.version: str | None = None  # the server's entity tag or date; needed to resume

    def __enter__(self) -> _Partial:
        with self._errors():
            self._file = open(self.path, "a+b", buffering=0)
            try:
                fcntl.flock(self._file, fcntl.LOCK_EX | fcntl.LOCK_NB)
                # Another run may have finished and renamed this file before the lock was free.
                if not os.path.samestat(os.fstat(self._file.fileno()), os.stat(self.path)):
                    raise BlockingIOError
            except (BlockingIOError, FileNotFoundError):
                self._file.close()
                raise AnotherRunError(f"{self.path}: another process is downloading it") from None
            self._recall()
        return self

    def __exit__(self, kind: type[BaseException] | None, _: BaseException | None, __: TracebackType | None) -> None:
        if kind is not None and (self.size == 0 or self.version is None):
            self.discard()
        self._file.close()

    def _recall(self) -> None:
        """Continues the file of an earlier run if it has the same address; otherwise starts again."""
        try:
            about: Any = json.loads(self._about.read_text())
            url, version, total = about["url"], about["version"], about["total"]
        except (FileNotFoundError, ValueError, TypeError, KeyError, RecursionError):
            url, version, total = None, None, None
        self.size = os.fstat(self._file.fileno()).st_size
        fits = total is None or (isinstance(total, int) and total >= self.size)
        if url == self._url and _is_header(version) and fits:
            self.version, self.total = version, total
        else:
            self.restart(None, None)

    def restart(self, version: str | None, total: int | None) -> None:
        """Empties the file and records the version and size of what will be written."""
        with self._errors():
            self._about.unlink(missing_ok=True)
            self._file.truncate(0)
            self.size, self.version, self.total = 0, version, total
            if version is not None:
                self._about.write_text(json.dumps({"url": self._url, "version": version, "total": total}))

    def write(self, data: bytes) -> None:
        """Appends `data`, all of it."""
        rest = memoryview(data)
        with self._errors():
            while rest:
                written = self._file.write(rest)
                self.size += written
                rest = rest[written:]

    def sha256(self) -> str:
        with self._errors():
            return sha256_of(self._file)

    @contextlib.contextmanager
    def named(self, path: Path) -> Iterator[None]:
        """Renames the file to `path`. If the context fails, renames it back."""
        with self._errors():
            os.replace(self.path, path)
        try:
            yield
        except BaseException:
            try:
                os.replace(path, self.path)
            except FileNotFoundError:  # the context removed it
                self.discard()
            raise
        self._about.unlink(missing_ok=True)

    def discard(self) -> None:
        self.path.unlink(missing_ok=True)
        self._about.unlink(missing_ok=True)

    @contextlib.contextmanager
    def _errors(self) -> Iterator[None]:
        """Turns an OSError into a DownloadError about this file, to tell it from an error of the network."""
        try:
            yield
        except OSError as error:
            raise DownloadError(f"{error.filename or self.path}: {error.strerror}") from None


class _Redirects(urllib.request.HTTPRedirectHandler):
    """Follows redirects as urllib does, but only to allowed addresses."""

    def redirect_request(
        self, req: urllib.request.Request, fp: Any, code: int, msg: str, headers: Any, newurl: str
    ) -> urllib.request.Request | None:
        if not is_allowed(newurl):
            raise DownloadError(f"{req.full_url}: redirects to {newurl}, which is not https")
        return super().redirect_request(req, fp, code, msg, headers, newurl)


def _receive(wanted: Wanted, partial: _Partial, progress: Progress, timeout: float) -> None:
    """Downloads the rest of `partial`, or all of it again. Raises DownloadError if the server does not deliver it."""
    url = wanted.url
    try:
        with contextlib.closing(_answer(url, partial, timeout)) as answer:
            length = answer.length  # None if the server does not state it; decreases with every read
            block = answer.read1(BLOCK)
            if _is_page(answer, block):
                where = "" if answer.url == url else f" at {answer.url}"
                raise DownloadError(f"{url}: a web page{where}, expected a checkpoint")
            if answer.status == 200:
                partial.restart(_version(answer), length)
            limit = wanted.size or MAX_SIZE
            expected = f"{limit}" if wanted.size else f"at most {limit}"
            if partial.total is not None and (partial.total > limit or wanted.size not in (None, partial.total)):
                partial.discard()
                raise DownloadError(f"{url}: the server's file has {partial.total} bytes, expected {expected}")
            while block:
                partial.write(block)
                if partial.size > limit:
                    partial.discard()
                    raise DownloadError(f"{url}: more than {limit} bytes, expected {expected}")
                progress.show(partial.size, partial.total or wanted.size)
                block = answer.read1(BLOCK)
    except urllib.error.HTTPError as error:
        error.close()
        raise DownloadError(f"{url}: HTTP {error.code} {error.reason}") from None
    except (OSError, ValueError, http.client.HTTPException) as error:  # ValueError: a redirect to an invalid address
        raise DownloadError(f"{url}: {_reason(error, timeout)}") from None
    total = partial.total or wanted.size
    if total is not None and partial.size < total:
        raise DownloadError(f"{url}: the connection ended after {partial.size} of {total} bytes")


def _answer(url: str, partial: _Partial, timeout: float) -> Any:
    """The server's response: 206 with exactly the rest of `partial`, else 200 with the whole file."""
    if partial.size and partial.version is not None:
        headers = {"Range": f"bytes={partial.size}-", "If-Range": partial.version}
        try:
            answer = _opened(url, headers, timeout)
            if answer.status == 200 or _continues(answer, partial):
                return answer
            answer.close()
        except urllib.error.HTTPError as error:
            if error.code != 416:  # range not satisfiable: the server's file is shorter, so it has changed
                raise
            error.close()
    answer = _opened(url, {}, timeout)
    if answer.status != 200:
        answer.close()
        raise DownloadError(f"{url}: HTTP {answer.status} {answer.reason}, expected 200")
    return answer


def _opened(url: str, headers: dict[str, str], timeout: float) -> Any:
    if not is_allowed(url):
        raise DownloadError(f"{url}: expected an https address")
    headers = {"User-Agent": "limn-fetch", "Accept-Encoding": "identity", **headers}
    opener = urllib.request.build_opener(_Redirects)
    return opener.open(urllib.request.Request(url, headers=headers), timeout=timeout)


def _continues(answer: Any, partial: _Partial) -> bool:
    """Whether a 206 response continues `partial` with the same version."""
    span = re.fullmatch(r"bytes (\d{1,18})-(\d{1,18})/(\d{1,18}|\*)", answer.headers.get("Content-Range", ""))
    if answer.status != 206 or span is None or int(span[1]) != partial.size:
        return False
    if _version(answer) not in (None, partial.version):
        return False
    return partial.total is None or span[3] == "*" or int(span[3]) == partial.total


def _version(answer: Any) -> str | None:
    """A value for If-Range: a strong entity tag, or the date."""
    tag, date = answer.headers.get("ETag"), answer.headers.get("Last-Modified")
    version = tag if tag and not tag.startswith("W/") else date
    return version if _is_header(version) else None


def _is_header(value: Any) -> bool:
    """Whether this value can be sent in a header."""
    return isinstance(value, str) and value.isascii() and value.isprintable()


def _is_page(answer: Any, beginning: bytes) -> bool:
    """Whether the response is a web page, such as a login or error page. It may have status 200 and any type."""
    kind = answer.headers.get_content_type()
    text = beginning[:64].lstrip(b"\xef\xbb\xbf \t\r\n").lower()
    return kind in ("text/html", "application/xhtml+xml") or text.startswith((b"<!doctype html", b"<html"))


def _reason(error: Exception, timeout: float) -> str:
    """The reason for a network error."""
    cause = error.reason if isinstance(error, urllib.error.URLError) else error
    if isinstance(cause, TimeoutError):
        return f"the server sent nothing for {timeout:g} seconds"
    if isinstance(cause, http.client.IncompleteRead):
        return "the connection ended too early"
    return f"the connection failed: {getattr(cause, 'strerror', None) or cause or type(cause).__name__}"

"""A small web server on this machine in place of a publisher's, with every fault one can have."""

from __future__ import annotations

import hashlib
import http.server
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field


@dataclass
class Publisher:
    """What is served at any path but those of `redirects`, how, and the requests so far."""

    body: bytes
    url: str = ""
    kind: str = "application/octet-stream"
    status: int = 200
    etag: str | None = "from the body"  # None: not sent
    date: str | None = None
    length: bool = True  # whether Content-Length is sent
    chunked: bool = False
    ranges: bool = True  # whether Range is understood
    if_range: bool = True  # whether If-Range is
    span: str | None = None  # what Content-Range says, where it is not what is sent
    cut: int | None = None  # close the connection after so many bytes of a body
    stall: int | None = None  # send no more after so many
    redirects: dict[str, str] = field(default_factory=dict)
    requests: list[dict[str, str]] = field(default_factory=list)
    released: threading.Event = field(default_factory=threading.Event)

    @property
    def tag(self) -> str | None:
        return f'"{hashlib.sha256(self.body).hexdigest()[:8]}"' if self.etag == "from the body" else self.etag


class _Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    publisher: Publisher

    def do_GET(self) -> None:
        publisher = self.publisher
        publisher.requests.append({"path": self.path, **self.headers})
        self.close_connection = True
        if self.path in publisher.redirects:
            self.send_response(302)
            self.send_header("Location", publisher.redirects[self.path])
            self.send_header("Content-Length", "0")
            self.end_headers()
            return
        begin = self._begin()
        if begin is not None and begin >= len(publisher.body):
            self.send_error(416)
            return
        body = publisher.body[begin or 0 :]
        self.send_response(publisher.status if begin is None else 206)
        self.send_header("Content-Type", publisher.kind)
        if begin is not None:
            span = f"{begin}-{len(publisher.body) - 1}/{len(publisher.body)}"
            self.send_header("Content-Range", f"bytes {publisher.span or span}")
        if publisher.tag:
            self.send_header("ETag", publisher.tag)
        if publisher.date:
            self.send_header("Last-Modified", publisher.date)
        if publisher.chunked:
            self.send_header("Transfer-Encoding", "chunked")
            body = b"%x\r\n%s\r\n0\r\n\r\n" % (len(body), body)
        elif publisher.length:
            self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        sent = min(len(body) if limit is None else limit for limit in (publisher.cut, publisher.stall))
        self.wfile.write(body[:sent])
        if publisher.stall is not None:
            self.wfile.flush()
            publisher.released.wait(30)

    def _begin(self) -> int | None:
        """The start of the requested range if it is granted."""
        wanted = self.headers.get("Range")
        if wanted is None or not self.publisher.ranges:
            return None
        validator = self.headers.get("If-Range")
        if self.publisher.if_range and validator not in (None, self.publisher.tag, self.publisher.date):
            return None
        return int(wanted.removeprefix("bytes=").removesuffix("-"))

    def log_message(self, *_: object) -> None:
        pass


@contextmanager
def serving(body: bytes) -> Iterator[Publisher]:
    """A publisher at 127.0.0.1; its `url` ends with the name of a checkpoint."""
    publisher = Publisher(body)
    handler = type("Handler", (_Handler,), {"publisher": publisher})
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler)
    publisher.url = f"http://127.0.0.1:{server.server_port}/models/published.pth"
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    try:
        yield publisher
    finally:
        publisher.released.set()
        server.shutdown()
        server.server_close()
        thread.join()

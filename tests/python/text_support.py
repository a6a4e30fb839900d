"""Text from outside as files have it, and what a document that holds it must say."""

from __future__ import annotations

import json
import random
import re
from pathlib import Path
from typing import Any

# What is not shown as itself: control characters, separators, marks that turn the direction, noncharacters.
HIDDEN = re.compile(
    "[\x00-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069\ufdd0-\ufdef"
    + "".join(chr(0x10000 * plane + 0xFFFE) + chr(0x10000 * plane + 0xFFFF) for plane in range(17))
    + "]"
)
PIECES = [
    "café".encode("latin-1"), "テスト".encode("shift-jis"), "фото".encode("koi8-r"),  # other encodings
    b"\xff\xfe", b"\x80", b"\xbf\xbf", b"\xc0\xaf", b"\xe0\x80\xaf", b"\xf0\x80\x80\xaf",  # stray bytes, overlong forms
    b"\xed\xa0\xbd\xed\xb8\x80", b"\xed\xbf\xbf", b"\xf4\x90\x80\x80", b"\xf8\x88\x80\x80\x80",  # surrogates, too large
    b"\xe2\x82", b"\xf0\x9f\x98", b"\xc2",  # cut
    b"\x01", b"\t", b"\n", b"\r", b"\r\n", b"\x0b", b"\x1b[31m", b"\x1f", b"\x7f", b"\xc2\x80", b"\xc2\x9b",  # controls
    "\u2028".encode(), "\u2029".encode(), "\u202e".encode(), "\u2066".encode(), "\u200f".encode(),
    "\ufffe".encode(), "\uffff".encode(), "\ufdd0".encode(), "\U0001fffe".encode(), "\ufffd".encode(),
    b'"', b"\\", b"'", b"<b>", b"&amp;", b"]]>", b"<!--", b",", b";", b"|", b"`", b"*", b"[x](y)", b"=1+1", b" ",
    "é".encode(), "日本".encode(), "😀".encode(), b"plain", b"-", b"%s%n",
]  # fmt: skip


def names(count: int, seed: int = 1) -> list[bytes]:
    """Different names of files: each piece alone, then random rows of pieces and of bytes."""
    rng = random.Random(seed)
    found = dict.fromkeys(b"a" + piece for piece in PIECES)
    while len(found) < count:
        row = b"".join(rng.choices(PIECES, k=rng.randint(2, 6)))
        bytes_ = bytes(rng.choices([byte for byte in range(1, 256) if byte != 0x2F], k=rng.randint(1, 12)))
        found[b"a" + rng.choice([row, bytes_])] = None
    return list(found)[:count]


def decoded(text: bytes) -> str:
    """What JSON must hold."""
    return text.decode("utf-8", "replace")


def shown(text: bytes, kept: str = "") -> str:
    """What people must see; `kept` are hidden characters that stay."""
    return HIDDEN.sub(lambda match: match[0] if match[0] in kept else "\ufffd", decoded(text))


def strict_json(document: bytes) -> Any:
    """Valid UTF-8 without raw control characters, one value, no NaN, no key twice, no lone surrogate."""

    def pairs(items: list[tuple[str, Any]]) -> dict[str, Any]:
        assert len(dict(items)) == len(items), items
        return dict(items)

    def constant(name: str) -> None:
        raise AssertionError(name)

    text = document.decode("utf-8")
    assert not HIDDEN.search(text.replace("\n", "")), document
    value = json.loads(text, object_pairs_hook=pairs, parse_constant=constant)
    json.dumps(value, ensure_ascii=False).encode("utf-8")  # fails for a lone surrogate
    return value


def file(folder: Path, name: bytes, content: bytes) -> bytes:
    """Writes a file; its path as bytes."""
    path = bytes(folder) + b"/" + name
    with open(path, "wb") as target:
        target.write(content)
    return path

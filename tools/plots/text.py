"""Text from outside, such as names and metadata, made safe to show: in SVG (XML 1.0), HTML and figures."""

from __future__ import annotations

import re
from typing import Any

# Characters that are not shown as themselves, as in apps/cli/quote.h, and surrogates, which UTF-8 cannot hold. Blanks,
# tabs and line feeds stay.
HIDDEN = re.compile(
    "[\x00-\x08\x0b-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069\ud800-\udfff\ufdd0-\ufdef"
    + "".join(chr(plane + 0xFFFE) + chr(plane + 0xFFFF) for plane in range(0, 0x110000, 0x10000))
    + "]"
)


def shown(text: str) -> str:
    """The text with a replacement character for each character that is not shown as itself."""
    return HIDDEN.sub("\ufffd", text)


def all_shown(value: Any) -> Any:
    """A value read from JSON, with all its texts `shown`."""
    if isinstance(value, str):
        return shown(value)
    if isinstance(value, list):
        return [all_shown(item) for item in value]
    if isinstance(value, dict):
        return {key: all_shown(item) for key, item in value.items()}
    return value

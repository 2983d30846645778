"""Pages of a list: an opaque token that is the offset of the next item."""

from __future__ import annotations

import base64
from collections.abc import Iterable
from itertools import islice
from typing import TypeVar

from brickyard.workspace.kernel.errors import invalid

T = TypeVar("T")


def take_page(items: Iterable[T], token: str, size: int) -> tuple[list[T], str]:
    """At most `size` items from where `token` points, and the token of the next page or ''."""
    start = _offset(token)
    chunk = list(islice(items, start, start + size + 1))
    more = len(chunk) > size
    return chunk[:size], _token(start + size) if more else ""


def _token(offset: int) -> str:
    return base64.urlsafe_b64encode(f"o:{offset}".encode()).decode()


def _offset(token: str) -> int:
    if not token:
        return 0
    try:
        kind, _, number = base64.urlsafe_b64decode(token.encode()).decode().partition(":")
        if kind == "o" and int(number) >= 0:
            return int(number)
    except ValueError:
        pass
    raise invalid(f"Invalid page token: {token!r}")

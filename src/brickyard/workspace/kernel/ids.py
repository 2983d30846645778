"""Random ids (UUIDs of version 4), made of random bytes that are fetched many at a time.

Each fetch is a system call, which costs a request more than all else about its id.
"""

from __future__ import annotations

import os
from typing import Final

SIZE: Final = 16
AT_ONCE: Final = 256
_READY: Final[list[bytes]] = []  # taken and filled by operations that no thread can cut in two


def new_id() -> str:
    try:
        raw = _READY.pop()
    except IndexError:
        fetched = os.urandom(SIZE * AT_ONCE)
        _READY.extend(fetched[at : at + SIZE] for at in range(SIZE, len(fetched), SIZE))
        raw = fetched[:SIZE]
    text = raw.hex()
    variant = "89ab"[raw[8] & 3]
    return f"{text[:8]}-{text[8:12]}-4{text[13:16]}-{variant}{text[17:20]}-{text[20:]}"


def _after_fork() -> None:
    _READY.clear()  # parent and child must not give the same ids


os.register_at_fork(after_in_child=_after_fork)

"""LanceDB's tables as they are kept open: for threads, and for the event loop.

What searches waits on the event loop, as each hop between threads costs it part of a millisecond;
what writes has a thread to block. Both read what was last committed, and share LanceDB's caches,
which are bounded. LanceDB is imported with the first index that is used: that takes seconds.
"""

from __future__ import annotations

import asyncio
import functools
import threading
from collections import OrderedDict
from datetime import timedelta
from pathlib import Path
from typing import Any, Final

TABLE: Final = "rows"
MOST_OPENED: Final = 64
INDEX_BYTES: Final = 1024 * 1024 * 1024
METADATA_BYTES: Final = 256 * 1024 * 1024
AT_ONCE: Final = timedelta(0)  # how old what is read may be
OPENING: Final = threading.Lock()
OPENED: Final[OrderedDict[tuple[str, bool], Any]] = OrderedDict()  # lately, by folder and kind


def database(folder: Path) -> Any:
    import lancedb

    return lancedb.connect(str(folder), read_consistency_interval=AT_ONCE, session=_session())


def blocking(folder: Path) -> Any:
    """The table of an index, for a thread; None before there is one."""
    key = (str(folder), False)
    if (known := _known(key)) is not None:
        return known
    try:
        opened = database(folder).open_table(TABLE)
    except (ValueError, FileNotFoundError):
        return None
    return _keep(key, opened)


async def waiting(folder: Path) -> Any:
    """The same table for a coroutine; None before there is one."""
    key = (str(folder), True)
    if (known := _known(key)) is not None:
        return known
    session = await asyncio.to_thread(_session)  # imports LanceDB
    import lancedb

    connected = await lancedb.connect_async(
        str(folder), read_consistency_interval=AT_ONCE, session=session
    )
    try:
        opened = await connected.open_table(TABLE)
    except (ValueError, FileNotFoundError):
        return None
    return _keep(key, opened)


def _known(key: tuple[str, bool]) -> Any:
    with OPENING:
        if key in OPENED:
            OPENED.move_to_end(key)
            return OPENED[key]
    return None


def _keep(key: tuple[str, bool], opened: Any) -> Any:
    with OPENING:
        OPENED[key] = opened
        while len(OPENED) > MOST_OPENED:
            OPENED.popitem(last=False)
    return opened


@functools.cache
def _session() -> Any:
    from lancedb import Session

    return Session(index_cache_size_bytes=INDEX_BYTES, metadata_cache_size_bytes=METADATA_BYTES)

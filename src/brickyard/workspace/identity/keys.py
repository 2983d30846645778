"""Keys of the data directory: random bytes in a file that only this user can read."""

from __future__ import annotations

import os
import secrets
from functools import cache
from pathlib import Path

KEY_BYTES = 32


@cache
def key_of(path: Path) -> bytes:
    """The key in `path`, made on first use. Two processes that race get the same one."""
    try:
        return path.read_bytes()
    except FileNotFoundError:
        pass
    draft = path.with_name(f".{path.name}.{secrets.token_hex(8)}")
    with os.fdopen(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
        file.write(secrets.token_bytes(KEY_BYTES))
        file.flush()
        os.fsync(file.fileno())
    try:
        os.link(draft, path)
    except FileExistsError:
        pass
    finally:
        draft.unlink()
    return path.read_bytes()

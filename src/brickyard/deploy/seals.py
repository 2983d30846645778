"""Secrets written in plain text in a configuration (`…_plaintext`): used, never kept.

The state holds a seal in their place, a salted and stretched hash: enough to notice that a secret
has changed, useless to whoever reads the file. Plans show `[redacted]`.
"""

from __future__ import annotations

import hashlib
import hmac
import os
from collections.abc import Callable, Collection, Mapping
from typing import Any, Final

from brickyard.resources import PLAINTEXT

REDACTED: Final = "[redacted]"
MARK: Final = "sealed:"
ROUNDS: Final = 100_000


def for_the_record(data: Mapping[str, Any], recorded: Any, fields: Collection[str]) -> Any:
    """A configuration as the state may hold it: secrets sealed, and these `fields` of it blank."""
    sealed = seal(data, recorded)
    return {key: "" if key in fields else value for key, value in sealed.items()}


def seal(data: Any, recorded: Any = None) -> Any:
    """`data` with its secrets sealed; a secret that fits its recorded seal keeps that seal."""
    if isinstance(data, Mapping):
        old = recorded if isinstance(recorded, Mapping) else {}
        return {
            key: _sealed(value, old.get(key))
            if _is_secret(key, value)
            else seal(value, old.get(key))
            for key, value in data.items()
        }
    if isinstance(data, list | tuple):
        olds = recorded if isinstance(recorded, list | tuple) else ()
        padded = [*olds, *[None] * len(data)]
        return [seal(value, old) for value, old in zip(data, padded, strict=False)]
    return data


def redact(data: Any, fields: Collection[str] = ()) -> Any:
    """`data` with `[redacted]` for every secret, sealed or not; `fields` of it are secret too."""
    shown = _map_secrets(data, lambda _: REDACTED)
    if not fields or not isinstance(shown, Mapping):
        return shown
    return {
        key: REDACTED if key in fields and value is not None else value
        for key, value in shown.items()
    }


def has_redactions(data: Any) -> bool:
    """Whether something in `data` was redacted, so that it cannot be sent."""
    if isinstance(data, Mapping):
        return any(has_redactions(value) for value in data.values())
    if isinstance(data, list | tuple):
        return any(has_redactions(value) for value in data)
    return isinstance(data, str) and data == REDACTED


def _map_secrets(data: Any, change: Callable[[str], str]) -> Any:
    if isinstance(data, Mapping):
        return {
            key: change(value) if _is_secret(key, value) else _map_secrets(value, change)
            for key, value in data.items()
        }
    if isinstance(data, list | tuple):
        return [_map_secrets(value, change) for value in data]
    return data


def _is_secret(key: str, value: Any) -> bool:
    return key.endswith(PLAINTEXT) and isinstance(value, str) and bool(value)


def _sealed(secret: str, recorded: Any) -> str:
    if isinstance(recorded, str) and recorded.startswith(MARK):
        _, salt, _ = recorded.split(":")
        if hmac.compare_digest(_seal(secret, salt), recorded):
            return recorded
    return _seal(secret, os.urandom(16).hex())


def _seal(secret: str, salt: str) -> str:
    digest = hashlib.pbkdf2_hmac("sha256", secret.encode(), bytes.fromhex(salt), ROUNDS)
    return f"{MARK}{salt}:{digest.hex()}"

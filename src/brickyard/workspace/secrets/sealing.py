"""Values encrypted at rest: AES-GCM under a key file of the data directory.

What a value is bound to (a workspace, a scope and a key; a secret's id) is sealed with it: copied
to another row, it does not open.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import Final

from brickyard.workspace.identity.keys import key_of
from brickyard.workspace.kernel import Home

NONCE_BYTES: Final = 12


class Seal:
    def __init__(self, home: Home) -> None:
        self._key_file: Path = home.keys / "secrets.key"

    def close(self, value: bytes, *bound: str) -> bytes:
        """The value, encrypted and bound."""
        from cryptography.hazmat.primitives.ciphers.aead import AESGCM

        nonce = os.urandom(NONCE_BYTES)
        return nonce + AESGCM(key_of(self._key_file)).encrypt(nonce, value, _bound(bound))

    def open(self, sealed: bytes, *bound: str) -> bytes:
        """What `close` was given. Raises when it was bound to something else."""
        from cryptography.hazmat.primitives.ciphers.aead import AESGCM

        nonce, rest = sealed[:NONCE_BYTES], sealed[NONCE_BYTES:]
        return AESGCM(key_of(self._key_file)).decrypt(nonce, rest, _bound(bound))


def _bound(parts: tuple[str, ...]) -> bytes:
    return "\0".join(parts).encode()

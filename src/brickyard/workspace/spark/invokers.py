"""Who really asked, where a statement runs with the rights of somebody else.

A view or function that is read with its owner's rights is run by a statement of the owner's. What
`current_user()` means there, and whose reading it is, is whoever asked first. Only the workspace
itself says so: by a token that it made for that, or by a seal on what it wrote into a statement.
"""

from __future__ import annotations

import hashlib
import hmac
import json
import os

from brickyard.workspace.kernel import Principal


class Invokers:
    """Thread-safe."""

    def __init__(self) -> None:
        self._key = os.urandom(32)
        self._by_token: dict[str, Principal] = {}

    def begin(self, token: str, invoker: Principal) -> None:
        """What comes with this token is asked by the invoker."""
        self._by_token[token] = invoker

    def end(self, token: str) -> None:
        self._by_token.pop(token, None)

    def of(self, token: str) -> Principal | None:
        return self._by_token.get(token)

    def seal(self, invoker: str, holder: str, what: str) -> str:
        """Proves that the workspace named the invoker to the holder, for one object."""
        told = json.dumps([invoker, holder, what]).encode()
        return hmac.new(self._key, told, hashlib.sha256).hexdigest()

    def is_sealed(self, seal: str, invoker: str, holder: str, what: str) -> bool:
        return hmac.compare_digest(seal.encode(), self.seal(invoker, holder, what).encode())

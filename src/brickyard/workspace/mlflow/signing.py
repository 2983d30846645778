"""Addresses that carry their own permission for one artifact, for a short time.

Clients that are told to keep data "in the cloud" (traces, and artifacts when they don't use the
Files API) ask for a signed URL and then PUT or GET it without a token.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import secrets
import time
from dataclasses import dataclass
from pathlib import Path

from brickyard.workspace.kernel import ApiError

LIFETIME_S = 900


@dataclass(frozen=True, slots=True, kw_only=True)
class Signed:
    """What the bearer may do: one method on one file below the workspace's artifact folder."""

    method: str
    workspace: str
    path: str


class Signer:
    def __init__(self, key_file: Path) -> None:
        self._file = key_file

    def sign(self, allowed: Signed) -> str:
        expires = int(time.time()) + LIFETIME_S
        content = [allowed.method, allowed.workspace, allowed.path, expires]
        payload = base64.urlsafe_b64encode(json.dumps(content).encode()).rstrip(b"=")
        return f"{payload.decode()}.{self._mac(payload)}"

    def read(self, token: str) -> Signed:
        """Raises PERMISSION_DENIED for a forged or expired one."""
        payload, _, mac = token.partition(".")
        if not hmac.compare_digest(mac.encode(), self._mac(payload.encode()).encode()):
            raise ApiError("PERMISSION_DENIED", "The signature of this address is not valid")
        padded = payload + "=" * (-len(payload) % 4)
        method, workspace, path, expires = json.loads(base64.urlsafe_b64decode(padded))
        if time.time() > expires:
            raise ApiError("PERMISSION_DENIED", "This address has expired; ask for a new one")
        return Signed(method=method, workspace=workspace, path=path)

    def _mac(self, payload: bytes) -> str:
        return hmac.new(self._key(), payload, hashlib.sha256).hexdigest()

    def _key(self) -> bytes:
        if not self._file.exists():
            draft = self._file.with_suffix(f".{secrets.token_hex(4)}")
            draft.touch(mode=0o600)
            draft.write_bytes(secrets.token_bytes(32))
            draft.replace(self._file)
        return self._file.read_bytes()

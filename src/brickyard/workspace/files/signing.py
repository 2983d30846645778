"""Addresses that carry their own permission: one method on one file, for a short time.

Large uploads and downloads of official clients ask for such an address and use it without a token.
Who asked is part of it, and may still do what it says when it is used: a grant that was taken back
counts. The signature is in the query, which no log keeps.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
import json
import time
from dataclasses import asdict, dataclass
from pathlib import Path

from brickyard.workspace.identity.keys import key_of
from brickyard.workspace.kernel import denied

LIFETIME_S = 3600


class Expired(Exception):
    """The address was good once."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Signed:
    """What the bearer may do. `session` and `part` are those of an upload in parts."""

    method: str
    workspace: str
    user: str
    path: str
    session: str = ""
    part: int = 0
    overwrite: bool = False


class Signer:
    def __init__(self, key_file: Path) -> None:
        self._file = key_file

    def sign(self, allowed: Signed, *, lifetime_s: int = LIFETIME_S) -> str:
        content = asdict(allowed) | {"expires": int(time.time()) + lifetime_s}
        payload = base64.urlsafe_b64encode(json.dumps(content).encode()).rstrip(b"=")
        return f"{payload.decode()}.{self._mac(payload)}"

    def read(self, token: str) -> Signed:
        """Raises PERMISSION_DENIED for a forged one, `Expired` for an old one."""
        payload, _, mac = token.partition(".")
        if not hmac.compare_digest(mac.encode(), self._mac(payload.encode()).encode()):
            raise denied("The signature of this address is not valid")
        try:
            content = json.loads(base64.urlsafe_b64decode(payload + "=" * (-len(payload) % 4)))
        except (binascii.Error, ValueError):
            raise denied("This address cannot be read") from None
        if time.time() > content.pop("expires"):
            raise Expired
        return Signed(**content)

    def _mac(self, payload: bytes) -> str:
        return hmac.new(key_of(self._file), payload, hashlib.sha256).hexdigest()

"""What tells a file that we wrote from one that a person changed: a digest in its second line.

# Written by `brickyard ci init --provider github`, Brickyard 0.1.0.
# sha256:<digest of everything below this line>
"""

from __future__ import annotations

import hashlib
import re
from enum import StrEnum
from typing import Final

from brickyard.cicd.model import Provider

DIGEST: Final = re.compile(r"^# sha256:([0-9a-f]{64})\n", re.MULTILINE)
VERSION: Final = re.compile(
    r"^# Written by `brickyard ci init.*`, Brickyard (\S+)\.$", re.MULTILINE
)


class State(StrEnum):
    ABSENT = "absent"
    OURS = "as it was written"
    CHANGED = "changed by hand"
    FOREIGN = "not written by Brickyard"


def with_header(provider: Provider, body: str, version: str) -> str:
    """The file: who wrote it, the digest of the body, the body."""
    return (
        f"# Written by `brickyard ci init --provider {provider}`, Brickyard {version}.\n"
        f"# sha256:{_digest(body)}\n"
        "# You may change what is below; `ci init` then asks before it writes this file again.\n"
        f"{body}"
    )


def state_of(text: str | None) -> State:
    """Whose file this is."""
    if text is None:
        return State.ABSENT
    found = DIGEST.search(text.replace("\r\n", "\n"))
    if found is None:
        return State.FOREIGN
    below = text.replace("\r\n", "\n")[found.end() :].partition("\n")[2]
    return State.OURS if found[1] == _digest(below) else State.CHANGED


def version_of(text: str) -> str:
    """The version of Brickyard that wrote the file; empty where it doesn't say."""
    found = VERSION.search(text)
    return found[1] if found else ""


def _digest(body: str) -> str:
    return hashlib.sha256(body.encode()).hexdigest()

"""Tags fit for the cloud's own: letters that a cloud does not take become `_`.

AWS keeps letters, digits, spaces and `+ - = . _ : / @`; Azure replaces what its portal refuses in
keys; Google keeps letters, digits, `_ . -`, with a letter or digit at both ends.
"""

from __future__ import annotations

import re
import unicodedata
from typing import Final

AWS: Final = re.compile(r"[^\w \-+=.:/@]")
AZURE: Final = re.compile(r"[<>*&%;\\/+?]")
GCP: Final = re.compile(r"[^A-Za-z0-9_.\-]")
EDGES: Final = re.compile(r"^[^A-Za-z0-9]+|[^A-Za-z0-9]+$")


def tag_key(text: str, cloud: str) -> str:
    """The key of a tag of clusters, pools and warehouses."""
    match cloud.lower():
        case "azure":
            return AZURE.sub("_", _latin(text))
        case "gcp":
            return EDGES.sub("", GCP.sub("_", _flat(text)))
        case _:
            return AWS.sub("_", _latin(_flat(text)))


def tag_value(text: str, cloud: str) -> str:
    """The value of such a tag; Azure takes any."""
    if cloud.lower() == "azure":
        return _latin(text)
    return tag_key(text, cloud)


def _latin(text: str) -> str:
    return "".join(letter if ord(letter) < 256 else "_" for letter in text)


def _flat(text: str) -> str:
    """Accents taken off."""
    parts = unicodedata.normalize("NFD", text)
    return "".join(letter for letter in parts if not unicodedata.combining(letter))

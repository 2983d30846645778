"""What Go's `net/url` makes of a text: its scheme, or why it is no URL.

The official CLI takes every path for a URL first, so a text that is none is refused with these
words. Follows `url.Parse` for what paths can be; hosts are not looked at.
"""

from __future__ import annotations

import re
from typing import Final

from brickyard.bundle.go_text import go_quoted

SCHEME: Final = re.compile(r"([A-Za-z][A-Za-z0-9+.-]*):")
CONTROL: Final = re.compile(r"[\x00-\x1f\x7f]")
BAD_ESCAPE: Final = re.compile(r"%(?![0-9A-Fa-f]{2}).{0,2}", re.DOTALL)


def scheme_of(text: str) -> str:
    """`dbfs` of `dbfs:/x`; empty when there is none."""
    found = SCHEME.match(text)
    return found[1] if found is not None else ""


def url_fault(text: str) -> str:
    """Why the text is no URL, in Go's words; empty when it is one."""
    path, _, fragment = text.partition("#")
    if CONTROL.search(path):
        return _fault(path, "net/url: invalid control character in URL")
    if path.startswith(":"):
        return _fault(path, "missing protocol scheme")
    scheme = scheme_of(path)
    rest = path[len(scheme) + 1 :] if scheme else path
    rest = rest.partition("?")[0]
    if not rest.startswith("/"):
        if scheme:
            return ""
        if ":" in rest.split("/", 1)[0]:
            return _fault(path, "first path segment in URL cannot contain colon")
    for part, whole in ((rest, path), (fragment, text)):
        bad = BAD_ESCAPE.search(part)
        if bad is not None:
            return _fault(whole, f"invalid URL escape {go_quoted(bad[0])}")
    return ""


def _fault(text: str, words: str) -> str:
    return f"parse {go_quoted(text)}: {words}"

"""Which texts name files of the bundle: paths, libraries, and what environments depend on."""

from __future__ import annotations

import re
from typing import Final

from brickyard.bundle.go_urls import scheme_of

SCHEME: Final = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*:/")
REQUIREMENT: Final = re.compile(
    r"[A-Za-z0-9][A-Za-z0-9._-]*\s*(\[[^\]]*\])?\s*((===?|~=|!=|<=?|>=?)[^;]*)?\s*(;.*)?"
)
FLAG: Final = re.compile(r"(?P<flag>-r|-e) +(?P<path>\S.*)")
FILE_NAME: Final = re.compile(r".*\.(whl|jar)(\[[^\]]*\])?")
EXTRAS: Final = re.compile(r"(?P<wheel>.*\.whl)(?P<extras>\[[^\]]*\])")


def is_path_here(text: str) -> bool:
    """True for a path on this machine, relative to something."""
    return not text.startswith("/") and not scheme_of(text)


def is_local(text: str) -> bool:
    """True for a relative path: no scheme, not absolute, no reference in front."""
    return bool(text) and not text.startswith(("/", "${", "file://")) and not SCHEME.match(text)


def is_local_dependency(text: str) -> bool:
    """True when a dependency is a file of the bundle rather than a package's name."""
    if text.startswith("."):
        return True
    if not is_local(text) or " @ " in text or re.search(r"(^|\s)--?[A-Za-z]", text):
        return False
    return REQUIREMENT.fullmatch(text) is None or FILE_NAME.fullmatch(text) is not None

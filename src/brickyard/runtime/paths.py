"""File access of user code: refused writes get a clear error; unmounted paths are mapped.

Where the platform mounts `/Workspace` and `/Volumes`, only the errors are improved. Where it
cannot (macOS), these functions also turn such paths into the folders behind them and refuse writes
to read-only catalogs. That keeps honest code working; it does not stop arbitrary code, and
`brickyard status` says so.
"""

# Paths are plain text here: pathlib costs start-up time and adds nothing.
# ruff: noqa: PTH110

from __future__ import annotations

import builtins
import errno
import functools
import io
import os
import time
from collections.abc import Callable, Mapping
from typing import Any

from brickyard.runtime.refusals import Refusals

NEW_VOLUME_TRIES, NEW_VOLUME_WAIT_S = 10, 0.1

# os function -> how many of its first arguments are paths
PATH_FUNCTIONS: Mapping[str, int] = {
    "open": 1,
    "mkdir": 1,
    "remove": 1,
    "unlink": 1,
    "rmdir": 1,
    "rename": 2,
    "replace": 2,
    "truncate": 1,
    "symlink": 2,
    "link": 2,
}
# Reading ones need the mapping only.
MAPPED_FUNCTIONS: Mapping[str, int] = {
    "stat": 1,
    "lstat": 1,
    "listdir": 1,
    "scandir": 1,
    "access": 1,
    "chdir": 1,
    "readlink": 1,
    "utime": 1,
    "chmod": 1,
}


class WriteRefused(PermissionError):
    """A write to a catalog that this task may only read. The kernel's error is its cause."""


def install(refusals: Refusals, mapped: Mapping[str, str]) -> None:
    """Wrap `open` and the path functions of `os`."""
    find = functools.partial(real, mapped) if mapped else _as_it_is
    opener = _wrapped(builtins.open, 1, refusals, find)
    builtins.open = opener
    io.open = opener
    functions = {**PATH_FUNCTIONS, **(MAPPED_FUNCTIONS if mapped else {})}
    for name, count in functions.items():
        setattr(os, name, _wrapped(getattr(os, name), count, refusals, find))


def _wrapped(
    function: Callable[..., Any], paths: int, refusals: Refusals, find: Callable[[Any], Any]
) -> Callable[..., Any]:
    @functools.wraps(function)
    def call(*args: Any, **kwargs: Any) -> Any:
        found = (*(find(arg) for arg in args[:paths]), *args[paths:])
        try:
            return function(*found, **kwargs)
        except FileNotFoundError:
            if not any(_is_new_volume(path) for path in found[:paths]):
                raise
            return function(*found, **kwargs)
        except OSError as fault:
            if fault.errno != errno.EROFS:
                raise
            where = " ".join(str(arg) for arg in args[:paths])
            text = refusals.for_path(where)
            if text is None:
                raise
            raise WriteRefused(errno.EACCES, text, str(args[0])) from fault

    return call


def _is_new_volume(path: Any) -> bool:
    """Wait for a volume to appear that this task has just created; whether it did."""
    text = os.fspath(path) if isinstance(path, str | os.PathLike) else ""
    if not isinstance(text, str) or not text.startswith("/Volumes/"):
        return False
    volume = "/".join(text.split("/")[:5])
    if text.count("/") < 4 or os.path.exists(volume):
        return False
    for _ in range(NEW_VOLUME_TRIES):
        time.sleep(NEW_VOLUME_WAIT_S)
        if os.path.exists(volume):
            return True
    return False


def _as_it_is(path: Any) -> Any:
    return path


def real(table: Mapping[str, str], path: Any) -> Any:
    """Where a `/Workspace` or `/Volumes` path is when the platform cannot mount it."""
    if not isinstance(path, str | os.PathLike):
        return path
    text = os.fspath(path)
    if not isinstance(text, str) or not text.startswith(("/Workspace", "/Volumes", "/dbfs")):
        return path
    for mount, folder in table.items():
        if text == mount or text.startswith(mount + "/"):
            return folder + text[len(mount) :]
    return path

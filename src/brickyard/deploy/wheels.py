"""Wheels as files: their names, which of several is the newest, and a copy with another version.

A wheel with `dynamic_version` is deployed as `1.2.3+<time it was built>`, so that a cluster that
has version 1.2.3 already installs the new one. Follows `libs/patchwheel` of the official CLI:
METADATA, RECORD and the name of the dist-info folder say the new version, nothing else changes.
"""

from __future__ import annotations

import base64
import hashlib
import os
import re
import zipfile
from collections.abc import Iterable
from pathlib import Path

from brickyard.bundle import WheelName, newest_wheel_names, wheel_name


class BadWheel(Exception):
    """A wheel that cannot be read as one."""


def newest_wheels(files: Iterable[Path]) -> tuple[Path, ...]:
    """Of several wheels of one distribution only the highest version stays; others all do."""
    return tuple(Path(name) for name in newest_wheel_names(str(file) for file in files))


def patch_wheel(wheel: Path, folder: Path) -> Path:
    """A copy in `folder` whose version ends with the time of the file; made once.

    Copies of earlier builds are removed. Raises `BadWheel` when it is no wheel.
    """
    name = wheel_name(wheel.name)
    if name is None:
        raise BadWheel(f"{wheel.name} is not the name of a wheel")
    version = f"{name.version.partition('+')[0]}+{wheel.stat().st_mtime_ns}"
    made = folder / f"{name.distribution}-{version}-{'-'.join(name.tags)}.whl"
    folder.mkdir(parents=True, exist_ok=True)
    for old in folder.iterdir():
        if old != made:
            old.unlink()
    if not made.exists():
        unfinished = made.with_name(f"{made.name}.{os.getpid()}")
        try:
            _rewrite(wheel, unfinished, name, version)
            unfinished.replace(made)
        except (KeyError, zipfile.BadZipFile) as reason:
            raise BadWheel(f"{wheel.name}: {reason}") from reason
        finally:
            unfinished.unlink(missing_ok=True)
    return made


def _rewrite(wheel: Path, made: Path, name: WheelName, version: str) -> None:
    old = f"{name.distribution}-{name.version}.dist-info/"
    new = f"{name.distribution}-{version}.dist-info/"
    with zipfile.ZipFile(wheel) as source, zipfile.ZipFile(made, "w") as target:
        metadata = _with_version(source.read(f"{old}METADATA").decode(), name.version, version)
        record = _record(source.read(f"{old}RECORD").decode(), old, new, metadata)
        for entry in source.infolist():
            content = {f"{old}METADATA": metadata, f"{old}RECORD": record}.get(entry.filename)
            written = zipfile.ZipInfo(
                new + entry.filename.removeprefix(old)
                if entry.filename.startswith(old)
                else entry.filename,
                entry.date_time,
            )
            written.compress_type = entry.compress_type
            written.external_attr = entry.external_attr
            target.writestr(written, source.read(entry) if content is None else content)


def _with_version(metadata: str, old: str, new: str) -> bytes:
    line = re.search(r"(?m)^Version:[ \t]*(\S+)[ \t]*\r?$", metadata)
    if line is None or line[1] != old:
        said = line[1] if line is not None else "none"
        raise BadWheel(f"METADATA has version {said} and the file's name {old}")
    return (metadata[: line.start()] + f"Version: {new}" + metadata[line.end() :]).encode()


def _record(record: str, old: str, new: str, metadata: bytes) -> bytes:
    digest = base64.urlsafe_b64encode(hashlib.sha256(metadata).digest()).rstrip(b"=").decode()
    lines = []
    for line in record.splitlines():
        path, comma, rest = line.partition(",")
        if path == f"{old}METADATA":
            rest = f"sha256={digest},{len(metadata)}"
        lines.append(
            (new + path.removeprefix(old) if path.startswith(old) else path) + comma + rest
        )
    return ("\n".join(line for line in lines if line.strip()) + "\n").encode()

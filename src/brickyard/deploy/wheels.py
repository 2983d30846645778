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
from dataclasses import dataclass
from itertools import zip_longest
from pathlib import Path
from typing import Final

TOKEN: Final = re.compile(r"\d+|\D+")


class BadWheel(Exception):
    """A wheel that cannot be read as one."""


@dataclass(frozen=True, slots=True, kw_only=True)
class WheelName:
    """`distribution-version(-build)-python-abi-platform.whl`."""

    distribution: str
    version: str
    tags: tuple[str, ...]


def wheel_name(file: Path) -> WheelName | None:
    """The parts of a wheel's name; None for anything else."""
    parts = file.name.removesuffix(".whl").split("-")
    if not file.name.endswith(".whl") or len(parts) not in {5, 6}:
        return None
    return WheelName(distribution=parts[0], version=parts[1], tags=tuple(parts[2:]))


def newest_wheels(files: Iterable[Path]) -> tuple[Path, ...]:
    """Of several wheels of one distribution only the highest version stays; others all do."""
    best: dict[str, tuple[Path, str]] = {}
    for file in files:
        name = wheel_name(file)
        key, version = (name.distribution, name.version) if name else (f"/{file}", "")
        if key not in best or compare_versions(version, best[key][1]) > 0:
            best[key] = (file, version)
    return tuple(file for file, _ in best.values())


def compare_versions(left: str, right: str) -> int:
    """Below, at or above zero. Runs of digits count as numbers; not what PEP 440 says of `rc`."""
    for one, other in zip_longest(TOKEN.findall(left), TOKEN.findall(right)):
        if one is None or other is None:
            return -1 if one is None else 1
        if one.isdigit() and other.isdigit():
            if int(one) != int(other):
                return 1 if int(one) > int(other) else -1
        elif one != other:
            return 1 if one > other else -1
    return 0


def patch_wheel(wheel: Path, folder: Path) -> Path:
    """A copy in `folder` whose version ends with the time of the file; made once.

    Copies of earlier builds are removed. Raises `BadWheel` when it is no wheel.
    """
    name = wheel_name(wheel)
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

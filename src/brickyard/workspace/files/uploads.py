"""Uploads in parts: each part is a file until the upload is completed and put in place as one.

An upload that nobody finishes is removed a day later, by the next that begins or by a start.
"""

from __future__ import annotations

import hashlib
import secrets
import shutil
import time
from collections.abc import Mapping
from pathlib import Path

from brickyard.workspace.kernel import invalid, not_found

KEPT_S = 24 * 3600
MOST_PARTS = 10_000
CHUNK_BYTES = 1024 * 1024


class Uploads:
    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def begin(self) -> str:
        """The id of a new upload."""
        self.sweep()
        session = secrets.token_hex(16)
        (self._folder / session).mkdir(parents=True)
        return session

    def add(self, session: str, part: int, content: Path | bytes) -> str:
        """Keep a part, in place of an earlier one of this number; its entity tag."""
        if not 1 <= part <= MOST_PARTS:
            raise invalid(f"part_number must be between 1 and {MOST_PARTS}, not {part}")
        folder = self._need(session)
        draft = folder / f"{secrets.token_hex(8)}.draft"
        if isinstance(content, Path):
            shutil.move(content, draft)
        else:
            draft.write_bytes(content)
        tag = _digest(draft)
        draft.replace(folder / f"{part:05d}")
        return tag

    def join(self, session: str, parts: Mapping[int, str]) -> Path:
        """One file of all parts, in order; `parts` maps number to entity tag.

        The parts stay until `end`. Raises INVALID_PARAMETER_VALUE for missing or changed ones.
        """
        folder = self._need(session)
        if not parts:
            raise invalid("An upload is completed with at least one part")
        whole = folder / "whole"
        with whole.open("wb") as target:
            for number in sorted(parts):
                part = folder / f"{number:05d}"
                if not part.is_file():
                    raise invalid(f"Part {number} was not uploaded")
                if parts[number].strip('"') != _digest(part):
                    raise invalid(f"Part {number} has another tag than the one uploaded")
                with part.open("rb") as source:
                    shutil.copyfileobj(source, target, CHUNK_BYTES)
        return whole

    def end(self, session: str) -> None:
        """Remove what there is of an upload. Quiet when it is gone."""
        shutil.rmtree(self._folder / session, ignore_errors=True)

    def sweep(self) -> None:
        if not self._folder.is_dir():
            return
        for one in self._folder.iterdir():
            if time.time() - one.stat().st_mtime > KEPT_S:
                shutil.rmtree(one, ignore_errors=True)

    def place(self, session: str) -> Path:
        """Where what arrived of an upload is. Raises NOT_FOUND."""
        return self._need(session)

    def _need(self, session: str) -> Path:
        folder = self._folder / session
        if not session.isalnum() or not folder.is_dir():
            raise not_found("This upload does not exist, was completed or was aborted", "NOT_FOUND")
        return folder


def _digest(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()

"""A write that the read-only mount stopped, told as what it is: a missing right on a catalog.

The kernel only says "read-only file system". From the path (of the exception or in its text:
delta-rs and Spark's engine give text alone) this names the catalog, who asked and what to do.
"""

from __future__ import annotations

import errno
import re

from brickyard.runtime.spec import Spec

READ_ONLY = re.compile(r"read-only file ?system|os error 30|\[Errno 30\]|EROFS", re.I)
CODE = "PERMISSION_DENIED"


class Refusals:
    """Explains refused writes of one task."""

    def __init__(self, spec: Spec) -> None:
        self._spec = spec

    def explain(self, fault: BaseException) -> str | None:
        """`PERMISSION_DENIED: ...` when this exception, or one behind it, is a refused write."""
        seen: set[int] = set()
        current: BaseException | None = fault
        while current is not None and id(current) not in seen:
            seen.add(id(current))
            text = self._explain_one(current)
            if text is not None:
                return text
            current = current.__cause__ or current.__context__
        return None

    def for_path(self, path: str) -> str | None:
        """The refusal for a path, or None when no catalog is involved."""
        name = self.catalog_of(path)
        return self._text(name, path) if name else None

    def catalog_of(self, text: str) -> str | None:
        """The catalog that a path, or a text with a path in it, belongs to."""
        found = re.search(r"/Volumes/([^/\s'\"]+)", text)
        if found:
            return found[1]
        folder = self._spec.catalogs_folder
        at = text.find(folder + "/") if folder else -1
        if at < 0:
            return None
        return re.split(r"[/\s'\"]", text[at + len(folder) + 1 :], maxsplit=1)[0] or None

    def _explain_one(self, fault: BaseException) -> str | None:
        if str(fault).startswith(CODE):
            return str(fault)
        if isinstance(fault, OSError) and fault.errno != errno.EROFS:
            return None
        text = str(fault)
        if not isinstance(fault, OSError) and not READ_ONLY.search(text):
            return None
        name = self.catalog_of(text)
        if name is None and not isinstance(fault, OSError):
            name = self._only_read_only()
        return self._text(name, text) if name else None

    def _only_read_only(self) -> str | None:
        """When the text names no path, but only one catalog can be meant."""
        names = [one.name for one in self._spec.catalogs if one.mode == "ro"]
        return names[0] if len(names) == 1 else None

    def _text(self, name: str, _where: str) -> str:
        spec = self._spec
        modes = {one.name: one.mode for one in spec.catalogs}
        if name not in modes:
            return (
                f"{CODE}: {spec.principal} cannot use catalog '{name}' in workspace "
                f"'{spec.workspace}': no grant or binding gives access to it. Ask its owner for "
                f"USE CATALOG and SELECT, or use a catalog of this environment."
            )
        return (
            f"{CODE}: {spec.principal} may read catalog '{name}' in workspace '{spec.workspace}' "
            f"but not write to it: it is bound read-only here, or MODIFY is not granted. Write to "
            f"a catalog of this environment, or promote the code that does."
        )

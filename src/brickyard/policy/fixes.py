"""The change that mends breaches of the data policy: a catalog per target as a bundle variable,
reads from production, writes to one's own catalog.

Pure: files in, changed files out. What is changed by hand only is said so. Four ways:

- a forbidden read of a name that is written out: the same name in production's catalog;
- a forbidden write in configuration: `${var.catalog}` instead of the name;
- a forbidden write in a notebook or SQL of a job: the job gets a parameter `catalog`, and the code
  takes its name from there;
- a forbidden write in a plain Python file: the tasks that start it hand it `--catalog`.

Variable, values per target and job parameters stand in a file of their own, which `include` names.
"""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Final

from brickyard.policy.accesses import Access, Mode, Verdict
from brickyard.policy.fixing.code import WIDGET, python, sql, with_widget
from brickyard.policy.fixing.configuration import INCLUDED, configuration, included, including
from brickyard.policy.fixing.draft import Draft, Starts, place_of, replaced
from brickyard.policy.fixing.jupyter import in_notebook, with_widgets
from brickyard.policy.fixing.task_files import finished, in_task_file
from brickyard.policy.notebooks import MARKER

__all__ = ["INCLUDED", "Fix", "propose"]

NO_NEWLINE: Final = "\n\\ No newline at end of file\n"
YAML: Final = (".yml", ".yaml")
SQL: Final = ".sql"


@dataclass(frozen=True, slots=True, kw_only=True)
class Fix:
    """New texts by file, how many breaches they mend, and what is left, with the reason."""

    texts: Mapping[str, str]
    before: Mapping[str, str]
    mended: tuple[Access, ...] = ()
    by_hand: tuple[tuple[Access, str], ...] = ()

    def patch(self) -> str:
        """The change as a unified diff, as `git apply` and `patch -p1` take it."""
        parts: list[str] = []
        for path, text in sorted(self.texts.items()):
            old = self.before.get(path, "")
            lines = difflib.unified_diff(
                old.splitlines(keepends=True),
                text.splitlines(keepends=True),
                f"a/{path}" if path in self.before else "/dev/null",
                f"b/{path}",
            )
            parts += [line if line.endswith("\n") else line + NO_NEWLINE for line in lines]
        return "".join(parts)


def propose(
    accesses: Iterable[Access],
    files: Mapping[str, bytes],
    *,
    root_file: str,
    production: str,
    catalogs: Mapping[str, str],
    starts: Starts = MappingProxyType({}),
) -> Fix:
    """What mends these accesses' violations. `catalogs` is the own catalog of each target,
    `starts` the tasks that start plain Python files."""
    draft = Draft(files, starts)
    mended, by_hand = [], []
    broken = [one for one in accesses if one.verdict is Verdict.VIOLATION]
    # From the end of each file to its start: places before a change stay what they are.
    for access in sorted(broken, key=lambda one: (one.file, -one.line, -one.column)):
        why = _mend(draft, access, production)
        if why:
            by_hand.append((access, why))
        else:
            mended.append(access)
    for path, text in list(draft.texts.items()):
        draft.texts[path] = _finished(draft, path, text)
    if draft.needs_variable or draft.variables:
        draft.texts[INCLUDED] = included(draft, catalogs)
        root = draft.text(root_file)
        if root is not None:
            draft.texts[root_file] = including(root)
    before = {path: draft.files[path].decode("utf-8", "replace") for path in draft.texts
              if path in draft.files}  # fmt: skip
    return Fix(texts=draft.texts, before=before, mended=tuple(mended), by_hand=tuple(by_hand))


def _mend(draft: Draft, access: Access, production: str) -> str:
    """Change the draft; why not, where that can't be done."""
    text = draft.text(access.file)
    if text is None or access.evidence != "static":
        return "it is not written in a file of the bundle"
    lines = text.splitlines(keepends=True)
    if not 0 < access.line <= len(lines):
        return "its place is not known"
    catalog = access.full_name.split(".")[0]
    at = place_of(lines[access.line - 1], access.column - 1, catalog)
    if access.mode is Mode.READ:
        if at is None:
            return "the catalog's name is put together elsewhere"
        draft.texts[access.file] = replaced(lines, access.line, at, len(catalog), production)
        return ""
    if access.file.endswith(YAML):
        return configuration(draft, access, lines, at, catalog)
    if not access.resource.startswith("resources.jobs."):
        return "no job hands a catalog to this code"
    return _code(draft, access, lines, at, catalog)


def _code(draft: Draft, access: Access, lines: list[str], at: int | None, catalog: str) -> str:
    text, path = "".join(lines), access.file
    is_sql_cell = lines[access.line - 1].startswith(("# MAGIC", "-- MAGIC"))
    changed: str | None = None
    why = "the catalog's name is put together elsewhere"
    if path.endswith(SQL) or is_sql_cell:
        changed = sql(lines, access.line, at)
    elif path.endswith(".ipynb"):
        changed, why = in_notebook(text, access.line, catalog)
    elif path.endswith(".py") and text.startswith(MARKER):
        changed = python(text, access.line, catalog, WIDGET)
    elif path.endswith(".py"):
        return in_task_file(draft, path, text, access.line, catalog)
    else:
        return "only notebooks, SQL and Python files take a catalog from their job"
    if changed is None:
        return why
    draft.texts[path] = changed
    draft.jobs.add(access.resource.removeprefix("resources.jobs."))
    draft.needs_variable = True
    return ""


def _finished(draft: Draft, path: str, text: str) -> str:
    """A changed file with what its new names need."""
    if path.endswith(".ipynb"):
        return with_widgets(text)
    if path in draft.given:
        return finished(text)
    return with_widget(path, text)

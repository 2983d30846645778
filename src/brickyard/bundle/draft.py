"""A bundle on its way to being resolved: what every step reads and hands on, never changed."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Final, TypeAlias

from brickyard.bundle.facts import Facts
from brickyard.bundle.files import BundleFiles
from brickyard.bundle.resolved import Library, Question, RunPython, SyncPlan
from brickyard.values import Diagnostic, Path, Value

EMPTY: Final = Value({})
WHOLE: Final = SyncPlan()


@dataclass(frozen=True, slots=True, kw_only=True)
class Draft:
    """The tree so far and everything found on the way."""

    files: BundleFiles
    facts: Facts
    wanted_target: str | None
    given: Mapping[str, str]  # --var
    tree: Value = EMPTY
    failed: Value | None = None  # the tree of a step that could not do its work, before it
    root_file: str = "databricks.yml"
    target: str = ""
    target_sets_root: bool = False
    diagnostics: tuple[Diagnostic, ...] = ()
    questions: tuple[Question, ...] = ()
    sync: SyncPlan = WHOLE
    libraries: tuple[Library, ...] = ()
    has_own_paths: bool = False  # checked, and not yet those of the workspace
    run_python: RunPython | None = None

    def having(self, tree: Value, found: Iterable[Diagnostic] = ()) -> Draft:
        """The draft after a step that made `tree` and found things."""
        return replace(self, tree=tree, diagnostics=(*self.diagnostics, *found))

    def putting(self, changes: Mapping[Path, Value], found: Iterable[Diagnostic] = ()) -> Draft:
        """The draft with these parts of the tree replaced."""
        return self.having(self.tree.put_all(changes) if changes else self.tree, found)

    def noting(self, *found: Diagnostic) -> Draft:
        """The draft with more findings."""
        return replace(self, diagnostics=(*self.diagnostics, *found)) if found else self

    def text(self, path: str) -> str:
        """The string at `path`, or an empty one."""
        found = self.tree.get(path)
        return found.text if found is not None else ""

    @property
    def mode(self) -> str:
        """`development`, `production` or nothing."""
        return self.text("bundle.mode")

    @property
    def host(self) -> str:
        """The workspace's host; nothing means the embedded workspace."""
        return self.text("workspace.host")

    def each(self, kind: str) -> Iterable[tuple[str, Value]]:
        """The resources of one type, by key."""
        found = self.tree.get(("resources", kind))
        return () if found is None else tuple(found.items.items())


Step: TypeAlias = Callable[[Draft], Draft]

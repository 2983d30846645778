"""The targets a bundle declares, none of them chosen: for editors that offer the choice."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from brickyard.bundle.draft import Draft
from brickyard.bundle.facts import Facts
from brickyard.bundle.files import BundleFiles
from brickyard.bundle.load import check_loaded, read_includes, read_root
from brickyard.values import Diagnostic, Value, has_errors

TRUE = (True, "true", "yes", "on", "y")


@dataclass(frozen=True, slots=True, kw_only=True)
class Target:
    """One target as it is written; texts are empty where it says nothing."""

    name: str
    is_default: bool = False
    mode: str = ""
    host: str = ""

    @property
    def line(self) -> str:
        marks = ("(default)" if self.is_default else "", self.mode, self.host)
        return " ".join((self.name, *filter(None, marks)))

    @property
    def json(self) -> Mapping[str, object]:
        """The official CLI's form: what is not given is left out."""
        given = {"default": self.is_default, "mode": self.mode, "host": self.host}
        return {"name": self.name, **{key: value for key, value in given.items() if value}}


def declared_targets(files: BundleFiles, facts: Facts) -> tuple[list[Target], list[Diagnostic]]:
    """Every target by name, with what was found wrong; a bundle without any has `default`."""
    draft = Draft(files=files, facts=facts, wanted_target=None, given={}, run_python=None)
    for step in (read_root, read_includes, check_loaded):
        draft = step(draft)
        if has_errors(draft.diagnostics):
            break
    targets = draft.tree.get("targets") or Value({})
    named = sorted(targets.items.items())
    return [_target(name, value) for name, value in named], list(draft.diagnostics)


def _target(name: str, value: Value) -> Target:
    default = value.child("default")
    mode, host = value.child("mode"), value.get("workspace.host")
    return Target(
        name=name,
        is_default=default is not None and default.data in TRUE,
        mode=mode.text if mode is not None else "",
        host=host.text if host is not None else "",
    )

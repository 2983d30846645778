"""From a plan to changes of fields: what the workspace has and the configuration has not."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, TypeAlias

from brickyard.deploy.config_sync.service_defaults import (
    is_left_out,
    reset_value,
    without_defaults,
    without_prefix,
)
from brickyard.deploy.plan import Action, Plan
from brickyard.deploy.plan import Change as Planned


class Operation(StrEnum):
    """What is done to a field; `SKIP` is told and not done."""

    ADD = "add"
    REMOVE = "remove"
    REPLACE = "replace"
    SKIP = "skip"


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """One field: what shall be done, and the value in the workspace."""

    operation: Operation
    value: Any = None

    @property
    def json(self) -> dict[str, Any]:
        told = {} if self.value is None else {"value": self.value}
        return {"operation": str(self.operation), **told}


# By address of the resource, then by path in it, as plans write it.
Changes: TypeAlias = Mapping[str, Mapping[str, Change]]


def changes_of(plan: Plan, *, name_prefix: str = "") -> Changes:
    """The changes of every resource. Permissions and grants have no place in files of their own."""
    found: dict[str, dict[str, Change]] = {}
    for address, node in sorted(plan.nodes.items()):
        if address != node.parent or node.remote is None:  # what is gone has no fields
            continue
        for path, planned in node.changes.items():
            change = _change(f"{address}.{path}", planned, name_prefix)
            if change is not None:
                found.setdefault(address, {})[path] = change
    return found


def _change(path: str, planned: Planned, name_prefix: str) -> Change | None:
    if planned.action is Action.SKIP:
        return None
    is_given = planned.new is not None
    value = _plain(planned.remote)
    if is_left_out(path, value, is_given=is_given):
        return None
    value = reset_value(path, without_defaults(path, value))
    if value is None and not is_given:
        return None
    if value is None:
        return Change(operation=Operation.REMOVE)
    operation = Operation.REPLACE if is_given else Operation.ADD
    return Change(operation=operation, value=without_prefix(path, value, name_prefix))


def _plain(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {key: _plain(value[key]) for key in sorted(value)}
    return [_plain(item) for item in value] if isinstance(value, list | tuple) else value


def shown(changes: Changes) -> str:
    """The changes as a text, by address and path."""
    if not changes:
        return "No changes detected.\n"
    lines = [f"Detected changes in {len(changes)} resource(s):", ""]
    for address, fields in sorted(changes.items()):
        lines.append(f"Resource: {address}")
        lines += [f"  {path}: {change.operation}" for path, change in sorted(fields.items())]
        lines.append("")
    return "\n".join(lines) + "\n"

"""A plan and its losses, as text."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from typing import Any

from brickyard.deploy import Action, Plan
from brickyard.deploy.plan import Change, Node
from brickyard.deploy.plan_file import secret_fields
from brickyard.deploy.planning import losses
from brickyard.resources import PLAINTEXT

COLOURS = {
    Action.CREATE: "green",
    Action.UPDATE: "yellow",
    Action.UPDATE_ID: "yellow",
    Action.RESIZE: "yellow",
    Action.RECREATE: "red",
    Action.DELETE: "red",
}
WIDEST = 60
SECRET_MARKS = (PLAINTEXT, "password", "token", "secret")

Paint = Callable[[str, str], str]


def action_lines(plan: Plan, paint: Paint, *, with_fields: bool = True) -> Iterator[str]:
    """One line per pending node, its changed fields below, and an empty one after them all."""
    for node in plan.pending:
        yield from node_lines(node, paint, with_fields=with_fields)
    if not plan.is_empty:
        yield ""


def node_lines(node: Node, paint: Paint, *, with_fields: bool = True) -> Iterator[str]:
    """What happens to one node; why, and its changed fields below."""
    word = "update" if node.action is Action.UPDATE_ID else node.action.word
    said = f"{paint(word, COLOURS[node.action])} {node.label}"
    if not with_fields:
        yield said
        return
    yield f"{said}{_remark(node)}"
    for path, change in sorted(node.changes.items()):
        if change.action > Action.SKIP:
            yield f"    {path}: {_values(path, change, secret_fields(node))}"


def count_line(plan: Plan) -> str:
    """`Plan: A to add, B to change, C to delete, D unchanged`; a recreate adds and deletes."""
    added = plan.count(Action.CREATE, Action.RECREATE)
    changed = plan.count(Action.UPDATE, Action.UPDATE_ID, Action.RESIZE)
    deleted = plan.count(Action.DELETE, Action.RECREATE)
    same = plan.count(Action.SKIP)
    return f"Plan: {added} to add, {changed} to change, {deleted} to delete, {same} unchanged"


def loss_lines(plan: Plan, paint: Paint, *, of_data: bool = False) -> tuple[str, ...]:
    """Everything that would be deleted or recreated, with the data lost; nothing when none is.

    With `of_data`, only that of which data is lost.
    """
    found = (loss for loss in losses(plan) if loss.data or not of_data)
    return tuple(f"  {paint(loss.line, 'red')}" for loss in found)


def bare_loss_lines(plan: Plan, paint: Paint) -> tuple[str, ...]:
    """The same without a word about data."""
    return tuple(f"  {paint(loss.deed, 'red')}" for loss in losses(plan))


def _remark(node: Node) -> str:
    if node.is_gone:
        return " (gone already)"
    if node.action is Action.DELETE and node.address.count(".") > 2:
        return " (left as they are in the workspace unless their resource goes)"
    reasons = {c.reason for c in node.changes.values() if c.action is Action.RECREATE}
    return f" ({', '.join(sorted(reasons))})" if reasons - {""} else ""


def _values(path: str, change: Change, secrets: tuple[str, ...]) -> str:
    if path in secrets or any(mark in path.lower() for mark in SECRET_MARKS):
        return "[redacted]"
    if path == "etag":
        return "edited in the workspace since the last deploy"
    before = change.remote if change.old == change.new else change.old
    drift = " (changed outside the bundle)" if change.old == change.new else ""
    return f"{_short(before)} -> {_short(change.new)}{drift}"


def _short(value: Any) -> str:
    if value is None:
        return "(none)"
    text = json.dumps(value, ensure_ascii=False)
    return text if len(text) <= WIDEST else text[: WIDEST - 1] + "…"

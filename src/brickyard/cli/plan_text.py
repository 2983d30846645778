"""A plan and its losses, as text."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Sequence
from typing import Any

from brickyard.deploy import Action, Plan
from brickyard.deploy.plan import Change, Node
from brickyard.deploy.plan_file import secret_fields
from brickyard.deploy.planning import losses
from brickyard.deploy.state import go_json, in_order
from brickyard.resources import PLAINTEXT, TYPES, plural_title

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


def bind_lines(node: Node) -> Iterator[str]:
    """What a bind would change, in the official form."""
    yield f"Plan: {node.action.word} {node.address}"
    yield ""
    yield "Changes detected:"
    secrets = secret_fields(node)
    for path, change in sorted(node.changes.items()):
        if change.action > Action.SKIP:
            is_hidden = path in secrets or any(mark in path.lower() for mark in SECRET_MARKS)
            before, after = (
                '"[redacted]"' if is_hidden else go_json(in_order(value))
                for value in (change.remote, change.new)
            )
            yield f"  ~ {path}: {before} -> {after}"
    yield ""


def count_line(plan: Plan) -> str:
    """`Plan: A to add, B to change, C to delete, D unchanged`; a recreate adds and deletes."""
    added = plan.count(Action.CREATE, Action.RECREATE)
    changed = plan.count(Action.UPDATE, Action.UPDATE_ID, Action.RESIZE)
    deleted = plan.count(Action.DELETE, Action.RECREATE)
    same = plan.count(Action.SKIP)
    return f"Plan: {added} to add, {changed} to change, {deleted} to delete, {same} unchanged"


def loss_lines(plan: Plan, paint: Paint) -> tuple[str, ...]:
    """Everything that would be deleted or recreated, with the data lost."""
    return tuple(f"  {paint(loss.line, 'red')}" for loss in losses(plan))


def bare_loss_lines(plan: Plan, paint: Paint) -> tuple[str, ...]:
    """The same without a word about data."""
    return tuple(f"  {paint(loss.deed, 'red')}" for loss in losses(plan))


def grouped_loss_lines(plan: Plan, types: Sequence[str], paint: Paint) -> Iterator[tuple[str, ...]]:
    """For each of these types that loses something, a heading and its deletes and recreates.

    Data that stays although its resource goes is a group of its own.
    """
    found = losses(plan)
    for kind in types:
        for is_kept in (False, True):
            group = [one for one in found if one.type == kind and one.node.keeps_data is is_kept]
            if not group:
                continue
            lost = "the data stays" if is_kept else f"lost with each: {TYPES[kind].loses_data}"
            heading = f"{plural_title(kind)} to be deleted or recreated; {lost}"
            yield (heading, *(f"  {paint(one.deed, 'red')}" for one in group))


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

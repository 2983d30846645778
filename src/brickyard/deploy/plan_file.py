"""Plans as JSON, in the official CLI's shape (version 2), written and read back.

A saved plan is applied as it was saved; what it was worked out from (lineage and serial) is in it,
so that a plan overtaken by another deploy is refused rather than applied.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import replace
from typing import Any, Final

from brickyard.deploy.plan import Action, Change, Node, Plan, declaration
from brickyard.deploy.references import NUMBER_FIELDS, REFERENCE, places
from brickyard.deploy.seals import REDACTED, has_redactions, redact
from brickyard.deploy.state import CLI_VERSION, Dependency, State, go_json, in_order
from brickyard.resources import PLAINTEXT

PLAN_VERSION: Final = 2
KEYS: Final = frozenset(
    {"plan_version", "cli_version", "lineage", "serial", "plan", "not_selected"}
)
NODE_KEYS: Final = frozenset(
    {
        "id",
        "depends_on",
        "action",
        "gone",
        "new_state",
        "remote_state",
        "changes",
    }
)


class BadPlan(Exception):
    """A plan file that cannot be applied."""


def show_plan(plan: Plan) -> dict[str, Any]:
    """The plan as JSON data; empty members are left out."""
    shown: dict[str, Any] = {"plan_version": PLAN_VERSION, "cli_version": CLI_VERSION}
    if plan.serial:  # before the first record only an interrupted deploy tells of a lineage
        shown |= {"lineage": plan.lineage, "serial": plan.serial}
    shown["plan"] = {address: _show_node(node) for address, node in sorted(plan.nodes.items())}
    if plan.not_selected:
        shown["not_selected"] = plan.not_selected
    return shown


def write_plan(plan: Plan) -> str:
    return go_json(show_plan(plan), indent=2)


def read_plan(text: str, name: str) -> Plan:
    """Raises `BadPlan`."""
    try:
        data = json.loads(text)
    except ValueError as error:
        raise BadPlan(f"parsing plan JSON: {name} is none: {error}") from error
    data = data if isinstance(data, Mapping) else {}
    if data.get("plan_version") != PLAN_VERSION:
        raise BadPlan(
            f"plan version mismatch: plan has version {data.get('plan_version', 0)} (generated with"
            f' CLI "{data.get("cli_version", "")}"), but current version is {PLAN_VERSION}'
        )
    if has_redactions([node.get("new_state") for node in _nodes(data)]):
        raise BadPlan(
            f"{name} would set secrets, which plans do not keep: deploy without --plan,"
            " or refer to a secret scope with {{secrets/scope/key}}"
        )
    unknown = sorted(data.keys() - KEYS)
    nodes = data.get("plan") or {}
    for address, node in nodes.items():
        unknown += [f"{address}.{key}" for key in sorted(node.keys() - NODE_KEYS)]
    if unknown:
        raise BadPlan(f"{name} has members this Brickyard does not know: {', '.join(unknown)}")
    try:
        return Plan(
            nodes={address: _read_node(address, node) for address, node in nodes.items()},
            lineage=str(data.get("lineage", "")),
            serial=int(data.get("serial", 0)),
            not_selected=int(data.get("not_selected", 0)),
        )
    except (KeyError, TypeError, ValueError) as error:
        raise BadPlan(f"{name} is damaged: {error}") from error


def _nodes(data: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    nodes = data.get("plan")
    found = nodes.values() if isinstance(nodes, Mapping) else ()
    return [node for node in found if isinstance(node, Mapping)]


def current(plan: Plan, state: State) -> Plan:
    """The plan with the ids of the state it was made from, which plan files leave out.

    Raises `BadPlan` when the deployment has moved on since the plan was made.
    """
    if plan.serial != state.serial or (plan.serial and plan.lineage != state.lineage):
        raise BadPlan(
            f"the plan was made for serial {plan.serial} of deployment {plan.lineage or '(none)'};"
            f" the workspace now has serial {state.serial} of {state.lineage or '(none)'}:"
            " make a new plan"
        )
    ids = {address: entry.id for address, entry in state.entries.items()}
    nodes = {a: replace(n, id=n.id or ids.get(a, "")) for a, n in plan.nodes.items()}
    return replace(plan, nodes=nodes)


def _show_node(node: Node) -> dict[str, Any]:
    shown: dict[str, Any] = {}
    secrets = secret_fields(node)
    if node.depends_on:
        shown["depends_on"] = [{"node": d.node, "label": d.label} for d in node.depends_on]
    shown["action"] = node.action.word
    if node.is_gone:
        shown["gone"] = True
    if node.action not in (Action.SKIP, Action.DELETE):
        value, late = _new_state(node)
        late = dict(sorted(late.items()))
        shown["new_state"] = {"value": in_order(value)} | ({"vars": late} if late else {})
    if node.remote is not None:
        shown["remote_state"] = in_order(redact(node.remote, secrets))
    if node.changes:
        shown["changes"] = {
            path: _show_change(change, is_secret=path in secrets or path.endswith(PLAINTEXT))
            for path, change in sorted(node.changes.items())
        }
    return shown


def _new_state(node: Node) -> tuple[Any, dict[str, str]]:
    """What will be recorded, and the references in it that are known only while applying.

    A reference in a number's place stands as 0, so that the value fits its type; access nodes are
    shown in the form in which they are recorded.
    """
    kind, access = declaration(node.address)
    value = redact(node.value, secret_fields(node))
    if access is not None:
        value = access.state(node.id or access.unknown_id(kind), value)
    late = dict(places(value))
    if access is not None and not node.id:
        late |= {access.object_field: access.object_reference(kind, node.parent)}
    return _with_zeros(value), late


def _with_zeros(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {
            key: 0 if key in NUMBER_FIELDS and _is_reference(item) else _with_zeros(item)
            for key, item in value.items()
        }
    return [_with_zeros(item) for item in value] if isinstance(value, list | tuple) else value


def _is_reference(value: Any) -> bool:
    return isinstance(value, str) and REFERENCE.fullmatch(value) is not None


def secret_fields(node: Node) -> tuple[str, ...]:
    """Fields of the node whose values are not shown."""
    kind, access = declaration(node.address)
    return kind.secrets if access is None else ()


def _show_change(change: Change, *, is_secret: bool) -> dict[str, Any]:
    shown: dict[str, Any] = {"action": change.action.word}
    if change.reason:
        shown["reason"] = change.reason
    for name in ("old", "new", "remote"):
        value = getattr(change, name)
        if value is not None:
            shown[name] = REDACTED if is_secret and value else in_order(redact(value))
    return shown


def _read_node(address: str, data: Mapping[str, Any]) -> Node:
    planned = data.get("new_state") or {}
    value = planned.get("value")
    for path, text in (planned.get("vars") or {}).items():
        value = _put(value, re.findall(r"[^.\[\]]+", path), text)
    kind, access = declaration(address)
    id = str(data.get("id", ""))
    if access is not None and isinstance(value, Mapping):
        named = str(value.get(access.object_field) or "")
        id = id or (access.unknown_id(kind) + named if named and "${" not in named else "")
        value = access.entries_of_state(dict(value))
    return Node(
        address=address,
        action=Action[str(data["action"]).upper()],
        id=id,
        value=value,
        depends_on=tuple(Dependency(d["node"], d["label"]) for d in data.get("depends_on") or ()),
        changes={
            path: Change(
                action=Action[str(change["action"]).upper()],
                reason=str(change.get("reason", "")),
                old=change.get("old"),
                new=change.get("new"),
                remote=change.get("remote"),
            )
            for path, change in (data.get("changes") or {}).items()
        },
        remote=data.get("remote_state"),
        is_gone=bool(data.get("gone")),
    )


def _put(value: Any, steps: list[str], text: str) -> Any:
    """`value` with `text` at a path."""
    if not steps:
        return text
    step, rest = steps[0], steps[1:]
    if isinstance(value, list | tuple):
        return [_put(v, rest, text) if at == int(step) else v for at, v in enumerate(value)]
    return {**(value or {}), step: _put((value or {}).get(step), rest, text)}

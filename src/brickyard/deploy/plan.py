"""What a deploy will do, decided before anything is done: a pure function and a frozen value.

Inputs are the recorded state, the desired configuration (references still in it), and the actual
resources as just read. The rules are those of the official direct engine, first match wins per
field; what differs between types comes from the `resources` declarations.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, replace
from enum import IntEnum
from functools import cache, partial
from typing import Any, Final

from brickyard.deploy.difference import (
    Difference,
    differences,
    is_empty,
    pattern_of,
    same,
)
from brickyard.deploy.graph import check_acyclic
from brickyard.deploy.reference_fields import NoField, check_field
from brickyard.deploy.references import (
    Reference,
    Unresolved,
    field_of,
    places,
    references,
    substitute,
    without_unset,
)
from brickyard.deploy.seals import seal
from brickyard.deploy.state import Dependency, Entry, State
from brickyard.resources import ACCESS, TYPES, AccessType, Field, Json, On, ResourceType, catalogue


class Action(IntEnum):
    """From nothing to worst; a node's action is the highest of its fields'."""

    SKIP = 0
    RESIZE = 1
    UPDATE = 2
    UPDATE_ID = 3
    CREATE = 4
    RECREATE = 5
    DELETE = 6

    @property
    def word(self) -> str:
        return self.name.lower()


CHANGES_ID: Final = frozenset({Action.CREATE, Action.UPDATE_ID, Action.RECREATE, Action.DELETE})
# Reasons in the official plan format, where the row itself has no other word for it.
REASONS: Final = {
    On.OUTPUT_ONLY: "spec:output_only",
    On.INPUT_ONLY: "spec:input_only",
    On.SERVER_DEFAULT: "backend_default",
    On.ID: "id_field",
    On.RENAME: "id_changes",
    On.NOT_READ: "missing_in_remote",
    On.RECREATE: "immutable",
    On.SLASH: "uc_strips_trailing_slash",
    On.IGNORE_LOCAL: "managed",
    On.IGNORE_REMOTE: "managed",
}
CUSTOM: Final = "custom"  # of what a type's own function decides against the rules
NO_REASON: Final = "-"  # of a row for which the official plan has no word
ORDER: Final = {on: place for place, on in enumerate(On)}
# What is read back for such a field is no proof that it is as wanted.
UNREADABLE: Final = frozenset({On.INPUT_ONLY, On.OUTPUT_ONLY, On.IGNORE_REMOTE, On.NOT_READ})


class PlanFault(Exception):
    """The configuration cannot be planned: a reference to nothing, a ring, an impossible update."""


class BadReferences(PlanFault):
    """References to fields that there are not; `parts` are an error each."""

    def __init__(self, faults: Mapping[str, str]) -> None:
        told = [f"cannot plan {address}: {fault}" for address, fault in faults.items()]
        self.parts = [PlanFault(one) for one in (*told, "planning failed")]
        super().__init__("; ".join(told))


@dataclass(frozen=True, slots=True, kw_only=True)
class Desired:
    """One node of the bundle. `part` is "permissions" or "grants" for those of a resource."""

    address: str
    type: str
    key: str
    value: Any
    part: str = ""
    prevents_destroy: bool = False

    @property
    def parent(self) -> str:
        return f"resources.{self.type}.{self.key}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Actual:
    """A resource as just read: the part that is configuration, and the whole answer."""

    configuration: Any
    whole: Json


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """One field: what happens about it, why, and its three values."""

    action: Action
    reason: str = ""
    old: Any = None
    new: Any = None
    remote: Any = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Node:
    """One step of the plan. `value` may hold references that are known only while applying."""

    address: str
    action: Action
    id: str = ""
    value: Any = None
    depends_on: tuple[Dependency, ...] = ()
    changes: Mapping[str, Change] = field(default_factory=dict)
    remote: Json | None = None
    is_gone: bool = False
    prevents_destroy: bool = False
    keeps_data: bool = False  # what the resource holds stays when it is deleted

    @property
    def late(self) -> Mapping[str, str]:
        """Paths in `value` that still wait for a reference."""
        return dict(places(self.value))

    @property
    def parent(self) -> str:
        """The address of the resource, for its permissions and grants too."""
        return ".".join(self.address.split(".")[:3])

    @property
    def label(self) -> str:
        return self.address.removeprefix("resources.")


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """The steps of one deploy, and the state they were worked out from."""

    nodes: Mapping[str, Node]
    lineage: str = ""
    serial: int = 0
    not_selected: int = 0  # nodes that a selection left out

    @property
    def pending(self) -> tuple[Node, ...]:
        """The nodes with something to do, by address."""
        return tuple(n for _, n in sorted(self.nodes.items()) if n.action is not Action.SKIP)

    @property
    def is_empty(self) -> bool:
        return not self.pending

    def count(self, *actions: Action) -> int:
        return sum(1 for node in self.nodes.values() if node.action in actions)


def plan(recorded: State, desired: Iterable[Desired], actual: Mapping[str, Actual | None]) -> Plan:
    """Compare the three. `actual` has an item for every recorded address; None means gone.

    Raises `PlanFault`.
    """
    wanted = {item.address: item for item in desired}
    order = _order(wanted)
    _check_references([wanted[address] for address in order])
    nodes: dict[str, Node] = {}
    for address in order:
        node = _plan_one(wanted[address], recorded, actual, nodes)
        if node is not None:
            nodes[address] = node
    for address, entry in recorded.entries.items():
        if address not in wanted:
            found = actual.get(address)
            nodes[address] = Node(
                address=address,
                action=Action.DELETE,
                id=entry.id,
                depends_on=entry.depends_on,
                remote=found.whole if found is not None else None,
                is_gone=found is None,
                keeps_data=declaration(address)[0].keeps_data(dict(entry.state)),
            )
    return Plan(
        nodes={key: nodes[key] for key in sorted(nodes)},
        lineage=recorded.lineage,
        serial=recorded.serial,
    )


def declaration(address: str) -> tuple[ResourceType, AccessType | None]:
    """The type of an address, and the access type when it is a permissions or grants node."""
    parts = address.split(".")
    if len(parts) < 3 or parts[1] not in TYPES:
        raise PlanFault(f"{address} is of a type this Brickyard cannot deploy")
    kind = TYPES[parts[1]]
    if len(parts) < 4:
        return kind, None
    return kind, ACCESS.get(kind.permission_list if parts[3] == "permissions" else parts[3])


def needs(item: Desired) -> tuple[Dependency, ...]:
    """What a node must wait for, by its references and its parent."""
    found = [Dependency(ref.address, ref.text) for ref in references(item.value)]
    kind, access = declaration(item.address)
    if access is not None:
        reference = access.object_reference(kind, item.parent)
        found.insert(0, Dependency(item.parent, reference[reference.index("${") :]))
    return tuple(sorted(set(found), key=lambda edge: (edge.node, edge.label)))


def _check_references(ordered: Iterable[Desired]) -> None:
    """Raise `BadReferences` when one names a field that its type does not have.

    What depends on that node is named as well; `ordered` has it after the node.
    """
    faults: dict[str, str] = {}
    for item in ordered:
        failed = next((edge.node for edge in needs(item) if edge.node in faults), None)
        if failed is not None:
            faults[item.address] = f"dependency failed: {failed}"
            continue
        for reference in references(item.value):
            parts = reference.address.split(".")
            try:
                if len(parts) == 3 and reference.field:
                    check_field(parts[1], reference.field)
            except NoField as none:
                faults.setdefault(item.address, f'cannot resolve "{reference.text}": {none}')
    if faults:
        raise BadReferences(faults)


def _order(wanted: Mapping[str, Desired]) -> list[str]:
    """Dependencies first; by address among equals."""
    waits = {address: [d.node for d in needs(item)] for address, item in wanted.items()}
    for address, names in waits.items():
        for name in names:
            if name not in wanted:
                edge = next(d for d in needs(wanted[address]) if d.node == name)
                raise PlanFault(f'invalid dependency "{edge.label}", no such node "{name}"')
    labels = {(a, d.node): d.label for a, item in wanted.items() for d in needs(item)}
    check_acyclic(waits, labels)
    order: dict[str, None] = {}

    def visit(address: str) -> None:
        if address not in order:
            for name in waits[address]:
                visit(name)
            order[address] = None

    for address in sorted(wanted):
        visit(address)
    return list(order)


def _plan_one(
    item: Desired,
    recorded: State,
    actual: Mapping[str, Actual | None],
    nodes: Mapping[str, Node],
) -> Node | None:
    kind, access = declaration(item.address)
    asked = sent(item.value, kind, access)
    value = without_unset(asked, substitute(asked, lambda ref: _known(ref, nodes, actual)))
    entry = recorded.entries.get(item.address)
    depends_on = needs(item)
    if entry is None or not entry.id:
        if access is not None and is_empty(value):
            return None
        id = _early_id(item, kind, access, nodes, actual) if access is not None else ""
        return _creation(item, value, depends_on, id=id)
    found = actual.get(item.address)
    if found is not None and access is not None:
        moved = _moved(item, access, entry, value, depends_on, found, nodes[item.parent])
        if moved is not None:
            return moved
    if found is None and access is None:
        lost = _changes_of_lost(kind, entry, value)
        return _creation(item, value, depends_on, id=entry.id, changes=lost)
    if found is None or (item.part and nodes[item.parent].action in CHANGES_ID):
        return _creation(item, value, depends_on, id=entry.id)
    if access is not None:
        changes = access_changes(access, entry, value, found)
    else:
        changes = changes_of(kind, entry, value, found)
    action = worst(changes)
    if action is Action.UPDATE and access is None and not kind.update:
        fields = ", ".join(path for path, c in changes.items() if c.action is Action.UPDATE)
        raise PlanFault(
            f"{item.address} differs in {fields}, and a {kind.title} cannot be changed in place:"
            " give it another key, or delete it first"
        )
    return Node(
        address=item.address,
        action=action,
        id=entry.id,
        value=value,
        depends_on=depends_on,
        changes=changes,
        remote=found.whole,
        prevents_destroy=item.prevents_destroy,
        keeps_data=kind.keeps_data(dict(entry.state)),
    )


def _early_id(
    item: Desired,
    kind: ResourceType,
    access: AccessType,
    nodes: Mapping[str, Node],
    actual: Mapping[str, Actual | None],
) -> str:
    """The id of permissions or grants that are new, where planning tells their object already."""
    text = access.object_reference(kind, item.parent)
    found = substitute(text, lambda ref: _known(ref, nodes, actual))
    return access.unknown_id(kind) + found if next(places(found), None) is None else ""


def _moved(
    item: Desired,
    access: AccessType,
    entry: Entry,
    value: Any,
    depends_on: tuple[Dependency, ...],
    found: Actual,
    parent: Node,
) -> Node | None:
    """Entries that go with an object which is made anew: an update, or a rename, of their object.

    Which object that is, is known when it is there; where a field of its answer tells, after any
    change of it.
    """
    told_by = declaration(item.address)[0].permissions_id if access.key == "permissions" else ""
    is_told = bool(told_by) and told_by not in (parent.value or {})
    is_changed = parent.action is Action.UPDATE and is_told
    if parent.action not in (Action.RECREATE, Action.UPDATE_ID) and not is_changed:
        return None
    action = Action.UPDATE_ID if access.is_renamed else Action.UPDATE
    old = entry.state.get(access.object_field, entry.id)
    reason = REASONS[On.RENAME] if access.is_renamed else ""
    renamed = Change(action=action, reason=reason, old=old, new="", remote=old)
    changes = access_changes(access, entry, value, found)
    return Node(
        address=item.address,
        action=action,
        value=value,
        depends_on=depends_on,
        changes={**changes, access.object_field: renamed},
        remote=found.whole,
    )


def reason_of(row: Field) -> str:
    """The official plan's word for what a row decides; '' where it has none."""
    return "" if row.reason == NO_REASON else row.reason or REASONS[row.on]


def _creation(
    item: Desired,
    value: Any,
    depends_on: tuple[Dependency, ...],
    *,
    id: str = "",
    changes: Mapping[str, Change] = {},
) -> Node:
    return Node(
        address=item.address,
        action=Action.CREATE,
        id=id,
        value=value,
        depends_on=depends_on,
        changes=changes,
        prevents_destroy=item.prevents_destroy,
    )


def sent(value: Any, kind: ResourceType, access: AccessType | None) -> Any:
    """A node's configuration in the form in which it is sent and recorded."""
    if access is not None or not isinstance(value, Mapping):
        return value
    known = catalogue()
    fields = known.resources[kind.key]
    full = {name: known.complete(fields.get(name, "any"), item) for name, item in value.items()}
    if kind.recorded is not None:
        return kind.recorded(full)
    kept = {name: item for name, item in full.items() if name not in kind.local}
    started = (value.get("lifecycle") or {}).get("started")
    if kind.power is None or started is None:
        return kept
    return kept | {"lifecycle": {"started": started}}


def _known(ref: Reference, nodes: Mapping[str, Node], actual: Mapping[str, Actual | None]) -> Any:
    """A reference's value if it is certain while planning."""
    node = nodes.get(ref.address)
    if node is None:
        raise Unresolved(ref.text)
    if ref.field == "id":
        if node.action in CHANGES_ID:
            raise Unresolved(ref.text)
        return node.id
    try:
        value = field_of(node.value, ref.field)
    except KeyError:
        found = actual.get(ref.address)
        if found is None or not _stays(node, ref.field):
            raise Unresolved(ref.text) from None
        try:
            return field_of(found.whole, ref.field)
        except KeyError:
            if ref.field.isidentifier():
                return None  # there is such a field, and it is not set
            raise Unresolved(ref.text) from None
    if next(places(value), None) is not None:
        raise Unresolved(ref.text)
    return value


def _stays(node: Node, field: str) -> bool:
    """Whether what the service says of the field now holds after the deploy, too.

    Of what is changed in place, that of the fields with which it would be made anew.
    """
    if node.action is Action.SKIP:
        return True
    kind, access = declaration(node.address)
    if node.action in CHANGES_ID or access is not None:
        return False
    top = re.split(r"[.\[]", field, maxsplit=1)[0]
    return any(
        row.on in (On.RECREATE, On.ID) and row.path in ("*", top, re.sub(r"\d+", "*", field))
        for row in kind.fields
    )


def worst(changes: Mapping[str, Change]) -> Action:
    """The action that all these changes together need."""
    return max((change.action for change in changes.values()), default=Action.SKIP)


def access_changes(
    access: AccessType, entry: Entry, value: Any, found: Actual
) -> Mapping[str, Change]:
    """Differences between two lists of permissions or grants, by principal."""
    old, new, remote = (
        access.normal(entries) if isinstance(entries, list) else entries
        for entries in (access.entries_of_state(dict(entry.state)), value, found.configuration)
    )
    keys = {"": access.keyed_by}
    above = "acls" if access.key == "acls" else ""  # the field of the state that holds the list
    return {above + d.text: judge(d, ()) for d in differences(old, new, remote, keys)}


def changes_of(kind: ResourceType, entry: Entry, value: Any, found: Actual) -> Mapping[str, Change]:
    """Every field in which recorded, desired and actual are not all alike, with its verdict."""
    remote = _comparable(kind, found.configuration, value, entry.state)
    sealed, is_map = seal(value, entry.state), partial(catalogue().is_map, kind.key)
    changes = {
        d.text: judge(d, _rows_for(d, kind.fields), kind.same.get(d.text, same))
        for d in differences(entry.state, sealed, remote, dict(kind.keyed_lists), is_map)
    }
    if kind.decides is None:
        return changes
    return {path: _decided(kind, path, change, found.whole) for path, change in changes.items()}


def _changes_of_lost(kind: ResourceType, entry: Entry, value: Any) -> Mapping[str, Change]:
    """The fields in which recorded and desired differ, of a resource that is gone."""
    sealed, is_map = seal(value, entry.state), partial(catalogue().is_map, kind.key)
    found = differences(entry.state, sealed, sealed, dict(kind.keyed_lists), is_map)
    return {
        d.text: judge(
            replace(d, remote=None), _rows_for(d, kind.fields), kind.same.get(d.text, same)
        )
        for d in found
    }


def _all_default(difference: Difference, rows: Iterable[Field]) -> bool:
    """A map that only the service has, every entry of which is a default of the service's."""
    if not isinstance(difference.remote, Mapping) or difference.old or difference.new:
        return False
    defaults = [_matcher(row.path) for row in rows if row.on is On.SERVER_DEFAULT]
    prefix = pattern_of(difference.path)
    return bool(difference.remote) and all(
        any(one.match(f"{prefix}.{name}") or one.match(f"{prefix}['{name}']") for one in defaults)
        for name in difference.remote
    )


def _decided(kind: ResourceType, path: str, change: Change, record: Json) -> Change:
    """The change as the type's own function sees it."""
    assert kind.decides is not None
    verdict = kind.decides(path, change.old, change.new, change.remote, record)
    if verdict is None or (verdict[0] == "resize" and change.action is not Action.UPDATE):
        return change
    action, reason = Action[verdict[0].upper()], verdict[1]
    if action is change.action and reason == CUSTOM:  # decided so already
        return change
    return replace(change, action=action, reason=reason)


def _comparable(
    kind: ResourceType, remote: Mapping[str, Any], value: Mapping[str, Any], old: Mapping[str, Any]
) -> Mapping[str, Any]:
    """The actual resource without what a bundle can't say of one (times, ids, owners)."""
    known = catalogue()
    fields = known.resources[kind.key]
    ruled = {row.path for row in kind.fields}
    beside = {*kind.unsent, *ruled, *value, *old} - fields.keys()
    kept = {
        name: (fields.get(name, "any"), item)
        for name, item in remote.items()
        if (name in fields and (name not in kind.local or name in ruled)) or name in beside
    }
    return {
        name: known.complete(type, known.prune(type, item)) for name, (type, item) in kept.items()
    }


def _rows_for(difference: Difference, rows: tuple[Field, ...]) -> tuple[Field, ...]:
    """The rules whose path is this one or above it; or one for a map of nothing but defaults."""
    pattern = pattern_of(difference.path)
    found = tuple(row for row in rows if _matcher(row.path).match(pattern))
    if _all_default(difference, rows):
        found += (Field(difference.text, On.SERVER_DEFAULT, "every entry is a default"),)
    return found


@cache
def _matcher(rule: str) -> re.Pattern[str]:
    """`tasks[*].source` is that field of every task; any other `*` stands for some text."""
    if rule == "*":
        return re.compile("")
    parts = [re.escape(part).replace(r"\*", ".*") for part in rule.split("[*]")]
    return re.compile(r"\[\*\]".join(parts) + r"(\Z|\.|\[)")


def judge(
    difference: Difference,
    rows: Iterable[Field],
    same: Callable[[object, object], bool] = same,
) -> Change:
    """The first rule with an opinion decides; rules are asked in the order of `On`."""
    old, new, remote = difference.old, difference.new, difference.remote
    local_change = not same(old, new)
    rows = sorted(rows, key=lambda row: ORDER[row.on])

    def decided(action: Action, reason: str) -> Change:
        return Change(action=action, reason=reason, old=old, new=new, remote=remote)

    is_given = (remote is None) is (new is None)
    if same(remote, new) and is_given and not any(row.on in UNREADABLE for row in rows):
        return decided(Action.SKIP, "remote_already_set")
    if _is_zero(old) and _is_zero(new) and _is_zero(remote):
        return decided(Action.SKIP, "empty")
    for row in rows:
        verdict = _by_rule(row, difference, local_change)
        if verdict is not None:
            return decided(verdict, reason_of(row))
    return decided(Action.UPDATE, "")


def _by_rule(row: Field, difference: Difference, local_change: bool) -> Action | None:
    """What this rule says of the difference; None when it has no opinion."""
    match row.on:
        case On.IGNORE_LOCAL:
            return Action.SKIP if local_change else None
        case On.IGNORE_REMOTE | On.INPUT_ONLY | On.OUTPUT_ONLY | On.NOT_READ:
            return None if local_change else Action.SKIP
        case On.ID:
            return Action.RECREATE if local_change else Action.SKIP
        case On.RENAME:
            return Action.UPDATE_ID if local_change else Action.SKIP
        case On.SERVER_DEFAULT:
            return Action.SKIP if _is_server_default(row, difference) else None
        case On.SLASH:
            return Action.SKIP if _equal_but_slash(difference) else None
        case On.RECREATE:
            return Action.RECREATE
        case On.UPDATE:
            return Action.UPDATE


def _is_server_default(row: Field, difference: Difference) -> bool:
    if not (is_empty(difference.old) and is_empty(difference.new)):
        return False
    return not row.values or difference.remote in row.values


def _equal_but_slash(difference: Difference) -> bool:
    new, remote = difference.new, difference.remote
    if not isinstance(new, str) or not isinstance(remote, str):
        return False
    return new.rstrip("/") == remote.rstrip("/")


def _is_zero(value: Any) -> bool:
    """Nothing, or the value a service reports for nothing."""
    return is_empty(value) or value is False or (value == 0 and not isinstance(value, bool))

"""Objects that a deploy may have made without a record: what is noted before, what is found after.

Before its first create a deploy notes in the workspace what it is about to make, and for whom. Only
names that are free then are noted, and what carries the mark of its deployment anyway (jobs,
pipelines): what is found so later was made since. An object is taken over if its address was noted
and nothing speaks against it, such as another creator; else it is somebody else's, and its create
is refused like any other whose name is taken.
"""

from __future__ import annotations

import re
import threading
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import Any, Final

from brickyard.deploy.calls import Caller
from brickyard.deploy.graph import WORKERS
from brickyard.deploy.http import ApiFailure, Json, Unreachable
from brickyard.deploy.plan import Action, Actual, Node, Plan, declaration
from brickyard.deploy.references import (
    Reference,
    Unresolved,
    field_of,
    places,
    substitute,
)
from brickyard.deploy.remote_files import RemoteFiles
from brickyard.deploy.state import State
from brickyard.resources import Lookup, ResourceType

CREATORS: Final = (
    "created_by",
    "creator",
    "creator_name",
    "creator_user_name",
    "owner_user_name",
)
REFERENCES_DEEP: Final = 8  # names made of names made of …
PART: Final = re.compile(r"\{(\w+)\}")
WORKSPACE: Final = re.compile(r"\A/Workspace(?=/)")


class Ambiguous(Exception):
    """Several objects may be the one that an interrupted deploy has made."""


@dataclass(frozen=True, slots=True)
class Finder:
    """Looks for objects by name. Lists are asked for once."""

    caller: Caller
    _lists: dict[tuple[str, str], tuple[Json, ...]] = field(default_factory=dict)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def named(self, kind: ResourceType, desired: Json) -> tuple[str, ...]:
        """The ids of what has that name now; nothing for what has none.

        Raises `Unresolved` when the name is not known yet.
        """
        if kind.key == "experiments":
            return self._experiment(desired)
        if kind.lookup is not None:
            return self._listed(kind, kind.lookup, desired)
        id = _filled(kind.chosen_id, desired)
        if not id:
            return ()
        _known(id)
        return (id,) if self.caller.read(kind, id) is not None else ()

    def holders(self, kind: ResourceType, desired: Json) -> tuple[str, ...]:
        """The ids of what keeps that name from being free; '' for one without an id."""
        if kind.lookup is None or not kind.lookup.file:
            return self.named(kind, desired)
        path = _filled(kind.lookup.file, desired)
        _known(path)
        found = RemoteFiles(self.caller.workspace).status(path)
        return () if found is None else (str(found.get("resource_id", "")),)

    def _listed(self, kind: ResourceType, lookup: Lookup, desired: Json) -> tuple[str, ...]:
        name = str(desired.get(kind.name_field) or "")
        _known(name)
        if not name:
            return ()
        # In a pattern `_` stands for any character, so also for one that would end the text.
        parts = {"name": name, "pattern": name.replace("'", "_")}
        query = {
            key: PART.sub(lambda match: parts[match[1]], text) for key, text in lookup.query.items()
        }
        items = self._items(lookup, query)
        found = [str(_at(item, lookup.id)) for item in items if _at(item, lookup.name) == name]
        return tuple(id for id in found if self._is_alike(kind, lookup, id, desired))

    def _items(self, lookup: Lookup, query: Mapping[str, str]) -> tuple[Json, ...]:
        key = (lookup.path, str(sorted(query.items())))
        with self._lock:
            if key not in self._lists:
                pages = self.caller.workspace.pages(lookup.path, lookup.items, query)
                self._lists[key] = tuple(pages)
            return self._lists[key]

    def _is_alike(self, kind: ResourceType, lookup: Lookup, id: str, desired: Json) -> bool:
        """What must be equal besides the name is so; what the service does not say counts as so."""
        if not lookup.also:
            return True
        actual = self.caller.read(kind, id)
        if actual is None:
            return False
        for path in lookup.also:
            is_, wanted = _at(actual.configuration, path), _at(desired, path)
            if is_ is not None and wanted is not None and _place(is_) != _place(wanted):
                return False
            if lookup.is_marked and is_ is None:
                return False
        return True

    def _experiment(self, desired: Json) -> tuple[str, ...]:
        name = str(desired.get("name"))
        _known(name)
        path = "/api/2.0/mlflow/experiments/get-by-name"
        try:
            found = self.caller.workspace.get(path, {"experiment_name": name})["experiment"]
        except ApiFailure as failure:
            if failure.is_missing:
                return ()
            raise
        return () if found.get("lifecycle_stage") == "deleted" else (str(found["experiment_id"]),)


def find_made(
    caller: Caller, kind: ResourceType, desired: Json, user: str, state: State
) -> str | None:
    """The id of what an interrupted deploy by `user` made from `desired`, if it did.

    Told by the mark of the deployment, or by name and creator, and by not being in `state`
    already, whose ids are unique within their type only. Raises `Ambiguous` when there are several.
    """
    mine = f"resources.{kind.key}."
    recorded = {entry.id for address, entry in state.entries.items() if address.startswith(mine)}
    found = []
    for id in Finder(caller).named(kind, desired):
        actual = None if id in recorded else caller.read(kind, id)
        if actual is not None and (not user or _creator(actual) in ("", user)):
            found.append(id)
    if len(found) > 1:
        raise Ambiguous(
            f"an interrupted deploy may have made one of the {kind.title}s {', '.join(found)}:"
            " bind the right one (`brickyard bundle deployment bind`), or delete them"
        )
    return found[0] if found else None


def can_be_found(kind: ResourceType) -> bool:
    """Whether a lost object of that type can be looked for."""
    return kind.key == "experiments" or kind.lookup is not None or bool(kind.chosen_id)


def creates_to_note(plan: Plan, state: State, caller: Caller) -> tuple[str, ...]:
    """The addresses of the planned creates whose names are free now, or held by what they replace.

    One read for each type whose name can be taken, several at a time; one list for the others.
    """
    finder = Finder(caller)
    values = {address: node.value for address, node in plan.nodes.items()}
    nodes = [
        node
        for node in plan.pending
        if node.action in (Action.CREATE, Action.RECREATE) and node.address == node.parent
    ]

    def is_free(node: Node) -> bool:
        kind, _ = declaration(node.address)
        if kind.lookup is not None and kind.lookup.is_marked:
            return True
        desired = expected(node.value, values, state)
        try:
            holders = finder.holders(kind, desired)
        except (ApiFailure, Unreachable, Unresolved):
            return False  # nothing is known of the name: it may be somebody else's
        return not holders or (node.action is Action.RECREATE and holders == (node.id,))

    with ThreadPoolExecutor(max_workers=WORKERS, thread_name_prefix="names") as pool:
        free = list(pool.map(is_free, nodes))
    return tuple(node.address for node, yes in zip(nodes, free, strict=True) if yes)


def expected(value: Any, values: Mapping[str, Any], state: State) -> Any:
    """`value` with those references replaced that `values` of other nodes and the state tell."""
    return substitute(value, lambda reference: _expected(reference, values, state))


def _expected(
    reference: Reference, values: Mapping[str, Any], state: State, depth: int = 0
) -> object:
    entry = state.entries.get(reference.address)
    if depth > REFERENCES_DEEP:
        raise Unresolved(reference.text)
    if reference.field == "id" and entry is not None:
        return entry.id
    for source in (values.get(reference.address), entry.state if entry else None):
        try:
            found = field_of(source, reference.field)
        except KeyError:
            continue
        return substitute(found, lambda inner: _expected(inner, values, state, depth + 1))
    raise Unresolved(reference.text)


def _filled(template: str, desired: Json) -> str:
    """A name made of the configuration's fields."""
    return PART.sub(lambda match: str(desired.get(match[1], "")), template)


def _known(name: str) -> None:
    if unknown := next(places(name), None):
        raise Unresolved(unknown[1])


def _at(data: Any, path: str) -> Any:
    try:
        return field_of(data, path)
    except KeyError:
        return None


def _place(value: object) -> str:
    """A folder is the same with and without /Workspace in front."""
    return WORKSPACE.sub("", str(value)).rstrip("/")


def _creator(found: Actual) -> str:
    """Who made it, or nothing where the service does not say."""
    return next((str(found.whole[name]) for name in CREATORS if found.whole.get(name)), "")

"""Changing what is recorded without changing the workspace: bind, unbind, and renames of keys.

Each takes the deploy lock, writes the state through its log and pushes it, as a deploy does; a kill
leaves the old state or the new one.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Final

from brickyard.deploy.calls import Caller
from brickyard.deploy.deployment import locked
from brickyard.deploy.plan import Node, PlanFault, declaration, plan
from brickyard.deploy.planning import desired_of, prepare_resources, read_actual
from brickyard.deploy.project import Project
from brickyard.deploy.seals import for_the_record
from brickyard.deploy.state import Dependency, Entry, State
from brickyard.deploy.state_store import Pulled
from brickyard.resources import TITLES, ResourceType

Say = Callable[[str], None]
# Of these the official CLI says that one is not found; of the others, what the service said.
NOT_FOUND: Final = frozenset(
    {
        *("external_locations", "genie_spaces", "job_runs", "postgres_databases"),
        *("postgres_roles", "schemas", "secret_scopes", "secrets", "vector_search_endpoints"),
        *("vector_search_indexes", "volumes"),
    }
)


def bind(
    project: Project,
    address: str,
    id: str,
    *,
    agrees: Callable[[Node], bool],
    say: Say,
    force_lock: bool = False,
) -> bool:
    """Take over an object that exists: from now on the bundle manages it under `address`.

    `agrees` is shown what the next deploy will change; when it says no, nothing is recorded and
    False comes back. Raises `PlanFault` when there is no such object, or it is bound already.
    """
    kind, _ = declaration(address)
    prepared = prepare_resources(project, say=say)
    _check_there(project, kind, id)
    with locked(project, force=force_lock, say=say):
        pulled = project.store.pull()
        held = pulled.state.entries.get(address)
        if held is not None and held.id:
            raise PlanFault(_taken(address, held.id, id))
        trial = pulled.state.put(address, Entry(id=id, state={}))
        desired = desired_of(project, prepared.resources)
        actual = read_actual(trial, Caller(workspace=project.workspace))
        node = plan(trial, desired, actual).nodes[address]
        value = node.value if isinstance(node.value, dict) else {}
        if kind.learned is not None:
            value = value | kind.learned(dict(node.remote or {}))
        state = for_the_record(value, None, kind.secrets)
        entry = Entry(id=id, state=state, depends_on=node.depends_on)
        if not agrees(plan(trial.put(address, entry), desired, actual).nodes[address]):
            return False
        # The official CLI writes the id and then the configuration: its serial rises twice.
        _write(project, replace(pulled, state=pulled.state.following()), {address: entry})
    return True


def _taken(address: str, held: str, id: str) -> str:
    """Why an address that is bound cannot be bound, as the official CLI has it, and what to do."""
    way_out = f"`brickyard bundle deployment unbind {address.rsplit('.', 1)[-1]}`"
    if held == id:
        return (
            f"Resource already managed\n\nThe bundle is already managing resource for {address}"
            f" and it is bound to the requested ID {held}."
        )
    return (
        f"Resource already managed\n\nThe bundle is already managing a resource for {address}"
        f" with ID '{held}'.\nTo bind another object, let this one go first: {way_out}"
    )


def _check_there(project: Project, kind: ResourceType, id: str) -> None:
    """Raise `PlanFault` when there is no such object, with the service's own word for it."""
    said: list[str] = []
    if Caller(workspace=project.workspace).read(kind, id, missing=said.append) is not None:
        return
    if said and kind.key not in NOT_FOUND:
        raise PlanFault(f"failed to fetch the resource, err: {said[0]}")
    title = TITLES[kind.key].lower()
    raise PlanFault(f"{title} with an id '{id}' is not found")


def unbind(project: Project, address: str, *, say: Say, force_lock: bool = False) -> bool:
    """Forget an object; it stays in the workspace. False when nothing was bound."""
    with locked(project, force=force_lock, say=say):
        pulled = project.store.pull()
        gone = [
            name
            for name in pulled.state.entries
            if name == address or name.startswith(f"{address}.")
        ]
        _write(project, pulled, dict.fromkeys(gone or [address]))
    return bool(gone)


def move(project: Project, old: str, new: str, *, say: Say, force_lock: bool = False) -> int:
    """Record `old`'s object under the key of `new`; how many entries moved. Raises `PlanFault`.

    For a resource whose key was changed in the bundle: without this, a deploy deletes the object
    and makes another.
    """
    if old.split(".")[1] != new.split(".")[1]:
        raise PlanFault(f"{old} and {new} are of different types: an object can't change its type")
    with locked(project, force=force_lock, say=say):
        pulled = project.store.pull()
        moved = {
            name: new + name.removeprefix(old)
            for name in pulled.state.entries
            if name == old or name.startswith(f"{old}.")
        }
        if not moved:
            raise PlanFault(f"nothing is recorded under {old}")
        taken = [name for name in moved.values() if name in pulled.state.entries]
        if taken:
            raise PlanFault(f"{taken[0]} is recorded already: `deployment unbind` it first")
        changes: dict[str, Entry | None] = dict.fromkeys(moved)
        for name, entry in pulled.state.entries.items():
            edges = tuple(_renamed(edge, old, new) for edge in entry.depends_on)
            if name in moved or edges != entry.depends_on:
                changes[moved.get(name, name)] = replace(entry, depends_on=edges)
        _write(project, pulled, changes)
    return len(moved)


def _renamed(edge: Dependency, old: str, new: str) -> Dependency:
    if edge.node != old and not edge.node.startswith(f"{old}."):
        return edge
    return Dependency(
        new + edge.node.removeprefix(old), edge.label.replace(f"{{{old}.", f"{{{new}.")
    )


def _write(project: Project, pulled: Pulled, changes: Mapping[str, Entry | None]) -> State:
    store = project.store
    store.adopt(pulled.state)
    journal = store.begin(pulled, {})
    for address, entry in changes.items():
        journal.record(address, entry)
    return store.finish(journal, pulled)

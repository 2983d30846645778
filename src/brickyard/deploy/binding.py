"""Changing what is recorded without changing the workspace: bind, unbind, and renames of keys.

Each takes the deploy lock, writes the state through its log and pushes it, as a deploy does; a kill
leaves the old state or the new one.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace

from brickyard.deploy.calls import Caller
from brickyard.deploy.deployment import locked
from brickyard.deploy.plan import Node, PlanFault, declaration
from brickyard.deploy.planning import plan_against, prepare_resources
from brickyard.deploy.project import Project
from brickyard.deploy.seals import for_the_record
from brickyard.deploy.state import Dependency, Entry, State
from brickyard.deploy.state_store import Pulled

Say = Callable[[str], None]


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
    with locked(project, force=force_lock, say=say):
        pulled = project.store.pull()
        held = pulled.state.entries.get(address)
        if held is not None and held.id:
            same = "this object" if held.id == id else f"the object with id {held.id}"
            raise PlanFault(
                f"{address} is bound to {same} already: `brickyard bundle deployment unbind"
                f" {address.rsplit('.', 1)[-1]}` first"
            )
        if Caller(workspace=project.workspace).read(kind, id) is None:
            raise PlanFault(f"there is no {kind.title} with id {id} in {project.workspace.host}")
        trial = pulled.state.put(address, Entry(id=id, state={}))
        node = plan_against(project, replace(pulled, state=trial), prepared).nodes[address]
        if not agrees(node):
            return False
        value = node.value if isinstance(node.value, dict) else {}
        if kind.learned is not None:
            value = value | kind.learned(dict(node.remote or {}))
        state = for_the_record(value, None, kind.secrets)
        entry = Entry(id=id, state=state, depends_on=node.depends_on)
        _write(project, pulled, {address: entry})
    return True


def unbind(project: Project, address: str, *, say: Say, force_lock: bool = False) -> None:
    """Forget an object; it stays in the workspace. Raises `PlanFault` when it is not bound."""
    with locked(project, force=force_lock, say=say):
        pulled = project.store.pull()
        gone = [
            name
            for name in pulled.state.entries
            if name == address or name.startswith(f"{address}.")
        ]
        if not gone:
            raise PlanFault(f"{address} is not bound to anything")
        _write(project, pulled, dict.fromkeys(gone))


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

"""Objects that a deploy may have made without a record: what is noted before, what is found after.

Before its first create a deploy notes in the workspace what it is about to make, and for whom. Only
names that are free then are noted: what is found under such a name later was made since. An object
is taken over if its address was noted and nothing speaks against it, such as another creator; else
it is somebody else's, and its create is refused like any other whose name is taken.
"""

from __future__ import annotations

from collections.abc import Collection
from concurrent.futures import ThreadPoolExecutor
from typing import Final

from brickyard.deploy.calls import Caller
from brickyard.deploy.graph import WORKERS
from brickyard.deploy.http import ApiFailure, Json, Workspace
from brickyard.deploy.plan import Action, Actual, Node, Plan, declaration
from brickyard.deploy.references import (
    Reference,
    Unresolved,
    field_of,
    places,
    substitute,
)
from brickyard.deploy.state import State
from brickyard.resources import ResourceType

CREATORS: Final = ("created_by", "creator", "creator_name", "creator_user_name")
REFERENCES_DEEP: Final = 8  # names made of names made of …


def find_made(
    caller: Caller, kind: ResourceType, desired: Json, user: str, recorded: Collection[str]
) -> str | None:
    """The id of what an interrupted deploy by `user` made from `desired`, if it did.

    Jobs are told by the metadata path of this deployment and by not being among the `recorded` ids,
    others by name and creator. Types whose ids the service makes up, other than jobs and
    experiments, cannot be looked up: None.
    """
    if kind.key == "jobs":
        return _find_job(caller.workspace, desired, recorded)
    id = _find_named(caller, kind, desired)
    if id is None:
        return None
    found = caller.read(kind, id)
    maker = "" if found is None else _creator(found)
    return id if not user or maker in ("", user) else None


def creates_to_note(plan: Plan, state: State, caller: Caller) -> tuple[str, ...]:
    """The addresses of the planned creates whose names are free now, or held by what they replace.

    One read for each type whose name can be taken, several at a time.
    """
    nodes = [
        node
        for node in plan.pending
        if node.action in (Action.CREATE, Action.RECREATE) and node.address == node.parent
    ]

    def is_free(node: Node) -> bool:
        kind, _ = declaration(node.address)
        if kind.key == "jobs":
            return True
        desired = substitute(node.value, lambda reference: _expected(reference, plan, state))
        try:
            holder = _find_named(caller, kind, desired)
        except (ApiFailure, Unresolved):
            return False  # nothing is known of the name: it may be somebody else's
        return holder is None or (node.action is Action.RECREATE and holder == node.id)

    with ThreadPoolExecutor(max_workers=WORKERS, thread_name_prefix="names") as pool:
        free = list(pool.map(is_free, nodes))
    return tuple(node.address for node, yes in zip(nodes, free, strict=True) if yes)


def _expected(reference: Reference, plan: Plan, state: State, depth: int = 0) -> object:
    """What a reference will stand for, as far as plan and state tell. Raises `Unresolved`."""
    entry, node = state.entries.get(reference.address), plan.nodes.get(reference.address)
    if depth > REFERENCES_DEEP:
        raise Unresolved(reference.text)
    if reference.field == "id" and entry is not None:
        return entry.id
    for source in (node.value if node is not None else None, entry.state if entry else None):
        try:
            found = field_of(source, reference.field)
        except KeyError:
            continue
        return substitute(found, lambda inner: _expected(inner, plan, state, depth + 1))
    raise Unresolved(reference.text)


def _find_named(caller: Caller, kind: ResourceType, desired: Json) -> str | None:
    """The id under which an object of that name exists; None where names are not ids.

    Raises `Unresolved` when the name is not known yet.
    """
    if kind.key == "experiments":
        return _find_experiment(caller.workspace, desired)
    names = [desired.get(part) for part in ("catalog_name", "schema_name", "name")]
    try:
        id = kind.id(desired, {**desired, "full_name": ".".join(str(n) for n in names if n)})
    except (KeyError, TypeError):
        return None
    if unknown := next(places(id), None):
        raise Unresolved(unknown[1])
    return id if id and caller.read(kind, id) is not None else None


def _find_job(workspace: Workspace, desired: Json, recorded: Collection[str]) -> str | None:
    mine = (desired.get("deployment") or {}).get("metadata_file_path")
    for job in workspace.pages("/api/2.2/jobs/list", "jobs", {"name": desired.get("name")}):
        deployment = (job.get("settings") or {}).get("deployment") or {}
        is_mine = mine and deployment.get("metadata_file_path") == mine
        if is_mine and str(job["job_id"]) not in recorded:
            return str(job["job_id"])
    return None


def _find_experiment(workspace: Workspace, desired: Json) -> str | None:
    name = str(desired.get("name"))
    if unknown := next(places(name), None):
        raise Unresolved(unknown[1])
    path = "/api/2.0/mlflow/experiments/get-by-name"
    try:
        found = workspace.get(path, {"experiment_name": name})["experiment"]
    except ApiFailure as failure:
        if failure.is_missing:
            return None
        raise
    return None if found.get("lifecycle_stage") == "deleted" else str(found["experiment_id"])


def _creator(found: Actual) -> str:
    """Who made it, or nothing where the service does not say."""
    return next((str(found.whole[name]) for name in CREATORS if found.whole.get(name)), "")

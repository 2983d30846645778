"""What a project's document holds: what is found in it, and what comes with a project or branch.

Objects are kept by their path below the project, as `branches/main/roles/app`.
"""

from __future__ import annotations

import re
import uuid
from collections.abc import Callable, Mapping
from typing import Any, Final

from brickyard.workspace.kernel import ApiError, Document, Principal, now_ms
from brickyard.workspace.kernel.clock import instant
from brickyard.workspace.lakebase.names import Name, missing, read_name
from brickyard.workspace.lakebase.specs import KINDS, PROJECT, READ_WRITE

PRODUCTION, PRIMARY = "production", "primary"
DATABASE: Final = "databricks_postgres"  # the one that comes with a project
SYSTEM_DATABASES: Final = ("postgres",)  # there in every branch, and no object
Objects = dict[str, dict[str, Any]]


def default_branch(project: Document) -> str:
    """As `branches/production`."""
    named = project.body["root"]["spec"].get("default_branch", "")
    return named.removeprefix(f"projects/{project.id}/") or f"branches/{PRODUCTION}"


def object_of(project: Document, name: Name) -> dict[str, Any]:
    """Something in a project. Raises when it, or what it is in, is not there."""
    root = project.body["root"]
    if root.get("deleted_ms"):
        raise missing(PROJECT)
    if not name.below:
        return dict(root)
    for path in (name.branch, name.below):
        found = project.body["objects"].get(path)
        if found is None or found.get("deleted_ms"):
            raise missing(Name(project=name.project, below=path).kind)
    return dict(found)


def is_deleted(project: Document, name: Name) -> bool:
    """Whether it is what can come back: in a project that is there."""
    held = project.body["objects"].get(name.below) or {}
    return bool(held.get("deleted_ms")) and not project.body["root"].get("deleted_ms")


def postgres_name(name: Name, spec: Mapping[str, Any]) -> str:
    """What a database or role is called in Postgres: its id, unless it is said."""
    word = "postgres_database" if name.kind.word == "database" else "postgres_role"
    return str(spec.get(word) or name.id)


def endpoint_host(uid: str) -> str:
    """Where its PostgreSQL would be."""
    return f"{uid}.database.brickyard.invalid"


def named(name: Name, below: str) -> Name:
    return Name(project=name.project, below=below)


def has_database(objects: Mapping[str, Any], name: Name, database: str) -> bool:
    start = f"{name.branch}/databases/"
    return database in SYSTEM_DATABASES or any(
        path.startswith(start) and postgres_name(named(name, path), one["spec"]) == database
        for path, one in objects.items()
    )


def owner_of(objects: Mapping[str, Any], name: Name) -> str:
    """The role that gets a database nobody named one for: the oldest of the branch."""
    start = f"{name.branch}/roles/"
    roles = [path for path in objects if path.startswith(start)]
    if not roles:
        raise ApiError("BAD_REQUEST", f"{name.parent} has no role that could own a database")
    return str(named(name, roles[0]))


# -- what is made ---------------------------------------------------------------------------------


def made_object(spec: Mapping[str, Any], uid: str, **more: Any) -> dict[str, Any]:
    at = now_ms()
    return {"uid": uid, "spec": dict(spec), "created_ms": at, "updated_ms": at, **more}


def _uid(prefix: str) -> str:
    return f"{prefix}-{uuid.uuid4().hex[:20]}"


def first_objects(name: Name, principal: Principal, given: Mapping[str, Any]) -> Objects:
    branch = name.child("branches", PRODUCTION)
    owner = branch.child("roles", _role_id(principal.user_name))
    settings = KINDS["branches"].read(given.get("initial_branch_spec"))
    compute = KINDS["endpoints"].read(given.get("initial_endpoint_spec"))
    role = {
        "postgres_role": principal.user_name,
        "identity_type": "SERVICE_PRINCIPAL" if principal.is_service_principal else "USER",
        "membership_roles": ["DATABRICKS_SUPERUSER"],
        "attributes": {"createdb": True, "createrole": True, "bypassrls": True},
    }
    database = {"postgres_database": DATABASE, "role": str(owner)}
    return {
        branch.below: made_object(settings, _uid("br"), is_implicit=True),
        **_endpoint(branch, compute),
        owner.below: made_object(role, str(uuid.uuid4())),
        branch.child("databases", DATABASE.replace("_", "-")).below: made_object(
            database, str(uuid.uuid4())
        ),
    }


def _endpoint(branch: Name, compute: Mapping[str, Any]) -> Objects:
    """The read-write endpoint that every branch has."""
    spec = {**compute, "endpoint_type": READ_WRITE}
    path = branch.child("endpoints", PRIMARY).below
    return {path: made_object(spec, _uid("ep"), is_implicit=True)}


def _role_id(user_name: str) -> str:
    """The id of somebody's role: what an id may have of the name."""
    plain = re.sub(r"[^a-z0-9]+", "-", user_name.lower()).strip("-")
    lettered = plain if plain[:1].isalpha() else f"role-{plain}".rstrip("-")
    return lettered[:60].rstrip("-").ljust(4, "0")


def _add_branch(now: Document, objects: Objects, name: Name, spec: dict[str, Any]) -> None:
    """A branch has the databases and roles of its source."""
    named = spec.get("source_branch") or f"projects/{now.id}/{default_branch(now)}"
    source = read_name(named)
    if source.project != now.id:
        raise ApiError("BAD_REQUEST", f"source_branch {named} is in another project")
    object_of(now, source)
    origin = {
        "source_branch": str(source),
        "source_branch_lsn": spec.get("source_branch_lsn", "0/0"),
        "source_branch_time": spec.get("source_branch_time", instant(now_ms())),
    }
    for path, one in tuple(objects.items()):
        below = path.removeprefix(f"{source.below}/")
        if below != path and below.startswith(("databases/", "roles/")):
            copied = dict(one["spec"])
            if "role" in copied:
                copied["role"] = copied["role"].replace(f"{source}/", f"{name}/", 1)
            objects[f"{name.below}/{below}"] = made_object(copied, str(uuid.uuid4()))
    objects[name.below] = made_object(spec, _uid("br"), **origin)
    objects.update(_endpoint(name, {}))


def _add_endpoint(now: Document, objects: Objects, name: Name, spec: dict[str, Any]) -> None:
    objects[name.below] = made_object(spec, _uid("ep"))


def _add_plain(now: Document, objects: Objects, name: Name, spec: dict[str, Any]) -> None:
    objects[name.below] = made_object(spec, str(uuid.uuid4()))


ADD: Final[Mapping[str, Callable[[Document, Objects, Name, dict[str, Any]], None]]] = {
    "branches": _add_branch,
    "endpoints": _add_endpoint,
    "databases": _add_plain,
    "roles": _add_plain,
}


def drop_object(objects: Objects, below: str) -> None:
    """Take something away with all that is in it."""
    for path in [one for one in objects if one == below or one.startswith(f"{below}/")]:
        del objects[path]

"""What the rest of a project says against a change in it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from brickyard.workspace.kernel import ApiError, Document, exists
from brickyard.workspace.lakebase.contents import (
    Objects,
    default_branch,
    named,
    object_of,
    postgres_name,
)
from brickyard.workspace.lakebase.names import Name, missing, read_name
from brickyard.workspace.lakebase.specs import BRANCH, KINDS, READ_WRITE


def taken(collection: str) -> ApiError:
    word = KINDS[collection].word
    if collection in ("databases", "roles"):
        return ApiError("BAD_REQUEST", f"{word} with that name already exists")
    return exists(f"{word} with such id already exists", "ALREADY_EXISTS")


def _siblings(objects: Mapping[str, Any], name: Name) -> dict[str, Mapping[str, Any]]:
    """The others in the same collection."""
    start = name.below.rsplit("/", 1)[0] + "/"
    return {
        path: one for path, one in objects.items() if path.startswith(start) and path != name.below
    }


def check_object(objects: Mapping[str, Any], project: Document, name: Name) -> None:
    """What the others in the branch say against it."""
    spec = objects[name.below]["spec"]
    others = _siblings(objects, name) if name.below.count("/") > 1 else {}
    if name.kind.word == "endpoint":
        kind = spec.get("endpoint_type")
        if kind is None:
            raise _required("endpoint.spec.endpoint_type")
        if kind == READ_WRITE and any(
            one["spec"].get("endpoint_type") == READ_WRITE for one in others.values()
        ):
            raise ApiError("BAD_REQUEST", f"{name.parent} has a read-write endpoint already")
    if name.kind.word == "database":
        role = spec.get("role")
        if not role:
            raise _required("database.spec.role")
        owner = read_name(role)
        if owner.project != name.project or owner.branch != name.branch:
            raise ApiError(
                "BAD_REQUEST", f"The role of a database is one of its branch, not {role}"
            )
        if owner.below not in objects:
            raise missing(KINDS["roles"])
        mine = postgres_name(name, spec)
        if any(
            postgres_name(named(name, path), one["spec"]) == mine for path, one in others.items()
        ):
            raise taken("databases")


def check_default_branch(project: Document, spec: Mapping[str, Any]) -> None:
    named = spec.get("default_branch")
    if named:
        branch = read_name(named)
        if branch.project != project.id or branch.kind is not BRANCH:
            raise ApiError("BAD_REQUEST", f"{named} is not a branch of this project")
        object_of(project, branch)


def check_unprotected(objects: Mapping[str, Any], below: str) -> None:
    """Nothing under a path may be a protected branch."""
    for path, one in objects.items():
        is_branch = path.count("/") == 1 and (not below or path == below)
        if is_branch and one["spec"].get("is_protected") and not one.get("deleted_ms"):
            what = "protected branch" if below else f"a project with the protected branch {path}"
            raise ApiError("BAD_REQUEST", f"cannot delete {what}")


def check_deletable(project: Document, name: Name, found: Mapping[str, Any]) -> None:
    if name.kind is BRANCH:
        if found.get("is_implicit"):
            raise _managed(f"Cannot delete root branch '{name}'. It goes with its project only.")
        if name.below == default_branch(project):
            raise ApiError("BAD_REQUEST", f"cannot delete the default branch {name}")
        for path, one in project.body["objects"].items():
            if one.get("source_branch") == str(name) and not one.get("deleted_ms"):
                raise ApiError("BAD_REQUEST", f"cannot delete branch {name}: {path} is made of it")
    if name.kind.word == "endpoint" and found["spec"].get("endpoint_type") == READ_WRITE:
        raise _managed(f"Cannot delete read-write endpoint '{name}'. It goes with its branch only.")


def pass_on(objects: Objects, name: Name, heir: str) -> None:
    """Give the databases of a role that goes to another; raise without one."""
    owned = [
        path
        for path, one in objects.items()
        if path.startswith(f"{name.branch}/databases/") and one["spec"].get("role") == str(name)
    ]
    if owned and not heir:
        raise ApiError(
            "BAD_REQUEST",
            f"Role {name.id} owns databases ({', '.join(owned)}): delete these first, or name who"
            " gets them with reassign_owned_to",
        )
    for path in owned:
        one = objects[path]
        objects[path] = {**one, "spec": {**one["spec"], "role": heir}}
        _check_object_role(objects, heir)


def _check_object_role(objects: Mapping[str, Any], role: str) -> None:
    if read_name(role).below not in objects:
        raise missing(KINDS["roles"])


def _required(field: str) -> ApiError:
    return ApiError(
        "INVALID_PARAMETER_VALUE",
        f"Field '{field}' is required, expected non-default value (not \"\")!",
    )


def _managed(message: str) -> ApiError:
    """The refusal that declarative clients take as: it goes when its parent goes."""
    info = {
        "@type": "type.googleapis.com/google.rpc.ErrorInfo",
        "domain": "databricks.com",
        "reason": "RESOURCE_CONFLICT",
        "metadata": {"declarative_context": "MANAGED_BY_PARENT"},
    }
    return ApiError("BAD_REQUEST", message, details=(info,))

"""Projects and everything in them. A project is one document, so each change is one transaction.

Its id at rest is the project's. body: `root`, the project itself, and `objects`, what is in it by
its path below the project. Each has `uid`, `spec` (as it was said), `created_ms`, `updated_ms`; a
`deleted_ms` when it may still come back; `is_implicit` when the service made it with its parent,
and with that it goes. A branch also has its `source_branch` and what comes with that.
"""

from __future__ import annotations

import secrets
import threading
import uuid
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from brickyard.workspace.kernel import (
    ApiError,
    Document,
    Documents,
    Principal,
    Store,
    WorkspaceInfo,
    document_table,
    exists,
    not_found,
    now_ms,
)
from brickyard.workspace.lakebase.access import ANY, MANAGE, PROJECTS, USE, Access
from brickyard.workspace.lakebase.contents import (
    ADD,
    Objects,
    drop_object,
    endpoint_host,
    first_objects,
    has_database,
    is_deleted,
    made_object,
    object_of,
    owner_of,
    postgres_name,
)
from brickyard.workspace.lakebase.names import Name, check_id, missing, read_name, read_parent
from brickyard.workspace.lakebase.refusals import (
    check_default_branch,
    check_deletable,
    check_object,
    check_unprotected,
    pass_on,
    taken,
)
from brickyard.workspace.lakebase.specs import BRANCH, KINDS, PROJECT, READ_WRITE

if TYPE_CHECKING:
    from brickyard.workspace.permissions.engine import PermissionsEngine

TABLE: Final = document_table("lakebase_projects")
DAY_MS: Final = 24 * 60 * 60 * 1000
RETENTION_MS: Final = 7 * DAY_MS  # how long what was deleted can come back


@dataclass(frozen=True, slots=True, kw_only=True)
class Found:
    """Something in a project, with the project."""

    name: Name
    object: Mapping[str, Any]
    project: Document


@dataclass(frozen=True, slots=True, kw_only=True)
class Reached:
    """How programs reach a database."""

    endpoint: str  # its name
    host: str
    database: str  # as PostgreSQL calls it


class Projects:
    def __init__(self, store: Store, permissions: PermissionsEngine) -> None:
        self._kept = Documents(store, TABLE, "Project", missing=lambda _: missing(PROJECT))
        self._access = Access(permissions, PROJECTS)
        self._creating = threading.Lock()

    def create(
        self,
        principal: Principal,
        workspace: WorkspaceInfo,
        id: str,
        given: Mapping[str, Any],
    ) -> Found:
        """A project with its default branch, and in that an endpoint, a role and a database."""
        check_id("projects", id)
        name = Name(project=id)
        root = made_object(PROJECT.read(given.get("spec")), str(uuid.uuid4()))
        body = {"root": root, "objects": first_objects(name, principal, given)}
        with self._creating:
            before = self._kept.find(workspace.name, id)
            if before is not None:
                if not before.body["root"].get("deleted_ms"):
                    raise exists(
                        "project with such id already exists in the workspace", "ALREADY_EXISTS"
                    )
                self._kept.remove(workspace.name, id)
            # The owner first: what a kill leaves is an entry of nothing.
            self._access.own(principal, workspace, id)
            made = self._kept.add(workspace.name, id, body, creator=principal.user_name, id=id)
        return Found(name=name, object=root, project=made)

    def add(
        self,
        principal: Principal,
        workspace: WorkspaceInfo,
        parent: str,
        collection: str,
        id: str,
        spec: object,
        *,
        replace_existing: bool,
    ) -> Found:
        """Make something in a project or branch; an existing one of that id takes the spec if
        told to."""
        above = read_parent(parent, collection)
        self.get(principal, workspace, parent, MANAGE)
        if not id and collection in ("databases", "roles"):
            id = f"{collection[:-1]}-{secrets.token_hex(4)}"
        check_id(collection, id)
        name = above.child(collection, id)
        said = KINDS[collection].read(spec)

        def edit(now: Document) -> Mapping[str, Any]:
            object_of(now, above)
            objects: Objects = dict(now.body["objects"])
            before = objects.get(name.below)
            if before is not None and not before.get("deleted_ms"):
                if not replace_existing:
                    raise taken(collection)
                after = {**before, "spec": said, "updated_ms": now_ms()}
                objects[name.below] = after
            else:
                drop_object(objects, name.below)
                ADD[collection](now, objects, name, said)
            check_object(objects, now, name)
            return {**now.body, "objects": objects}

        changed = self._kept.change(workspace.name, name.project, edit)
        return Found(name=name, object=changed.body["objects"][name.below], project=changed)

    def get(
        self, principal: Principal, workspace: WorkspaceInfo, text: str, level: str = ANY
    ) -> Found:
        """What has this name, for somebody who has this level on its project."""
        name = read_name(text)
        project = self._kept.get(workspace.name, name.project)
        self._access.require(principal, workspace, name.project, level)
        return Found(name=name, object=object_of(project, name), project=project)

    def place(self, workspace: WorkspaceInfo, branch: str, database: str) -> Reached | None:
        """How a database of a branch is reached; None where one of them is not. Asks nobody."""
        try:
            above, wanted = read_name(branch), read_name(database)
        except ApiError:
            return None
        project = self._kept.find(workspace.name, above.project)
        objects = project.body["objects"] if project is not None else {}
        base = objects.get(wanted.below)
        ways = [
            (path, one)
            for path, one in objects.items()
            if path.startswith(f"{above.below}/endpoints/") and not one.get("deleted_ms")
        ]
        if base is None or base.get("deleted_ms") or wanted.project != above.project or not ways:
            return None
        path, way = next(
            (each for each in ways if each[1]["spec"]["endpoint_type"] == READ_WRITE), ways[0]
        )
        return Reached(
            endpoint=str(Name(project=above.project, below=path)),
            host=endpoint_host(way["uid"]),
            database=postgres_name(wanted, base["spec"]),
        )

    def visible(
        self, principal: Principal, workspace: WorkspaceInfo, *, deleted: bool = False
    ) -> list[Found]:
        """The projects that somebody may see; `deleted` adds those that can come back."""
        return [
            Found(name=Name(project=one.id), object=one.body["root"], project=one)
            for one in self._kept.all(workspace.name)
            if (deleted or not one.body["root"].get("deleted_ms"))
            and self._access.sees(principal, workspace, one.id)
        ]

    def children(
        self,
        principal: Principal,
        workspace: WorkspaceInfo,
        parent: str,
        collection: str,
        *,
        deleted: bool = False,
    ) -> list[Found]:
        above = read_parent(parent, collection)
        project = self.get(principal, workspace, parent).project
        start = f"{above.below}/{collection}/".lstrip("/")
        return [
            Found(name=Name(project=project.id, below=path), object=one, project=project)
            for path, one in project.body["objects"].items()
            if path.startswith(start)
            and "/" not in path[len(start) :]
            and (deleted or not one.get("deleted_ms"))
        ]

    def change(
        self,
        principal: Principal,
        workspace: WorkspaceInfo,
        text: str,
        spec: object,
        mask: str,
    ) -> Found:
        """Set what `mask` names of the spec."""
        name = self.get(principal, workspace, text, MANAGE).name

        def edit(now: Document) -> Mapping[str, Any]:
            before = object_of(now, name)
            said = name.kind.changed(before["spec"], spec, mask)
            after = {**before, "spec": said, "updated_ms": now_ms()}
            if not name.below:
                check_default_branch(now, said)
                return {**now.body, "root": after}
            objects = {**now.body["objects"], name.below: after}
            check_object(objects, now, name)
            return {**now.body, "objects": objects}

        changed = self._kept.change(workspace.name, name.project, edit)
        return Found(name=name, object=object_of(changed, name), project=changed)

    def delete(
        self,
        principal: Principal,
        workspace: WorkspaceInfo,
        text: str,
        *,
        purge: bool,
        heir: str = "",
    ) -> Name:
        """Remove something with all that is in it. Projects and branches can come back for a week
        unless `purge` is true. `heir` is the role that gets a role's databases."""
        name, project = self._manageable(principal, workspace, text)
        if not name.below and purge:
            check_unprotected(project.body["objects"], "")
            self._kept.remove(workspace.name, name.project)
            self._access.forget(workspace, name.project)
            return name

        def edit(now: Document) -> Mapping[str, Any]:
            if purge and is_deleted(now, name):
                before = now.body["objects"][name.below]
            else:
                before = object_of(now, name)
            objects = dict(now.body["objects"])
            gone = {**before, "deleted_ms": now_ms()}
            check_unprotected(objects, name.below)
            if not name.below:
                return {**now.body, "root": gone}
            check_deletable(now, name, before)
            if name.kind.word == "role":
                pass_on(objects, name, heir)
            if name.kind is BRANCH and not purge:
                objects[name.below] = gone
            else:
                drop_object(objects, name.below)
            return {**now.body, "objects": objects}

        self._kept.change(workspace.name, name.project, edit)
        return name

    def undelete(self, principal: Principal, workspace: WorkspaceInfo, text: str) -> Found:
        """Bring a deleted project or branch back."""
        name, _ = self._manageable(principal, workspace, text)

        def edit(now: Document) -> Mapping[str, Any]:
            held = now.body["objects"].get(name.below) if name.below else now.body["root"]
            if held is None or (name.below and now.body["root"].get("deleted_ms")):
                raise missing(name.kind)
            if not held.get("deleted_ms"):
                raise ApiError("BAD_REQUEST", f"{name} is not deleted")
            back = {key: value for key, value in held.items() if key != "deleted_ms"}
            if not name.below:
                return {**now.body, "root": back}
            return {**now.body, "objects": {**now.body["objects"], name.below: back}}

        changed = self._kept.change(workspace.name, name.project, edit)
        return Found(name=name, object=object_of(changed, name), project=changed)

    def _manageable(
        self, principal: Principal, workspace: WorkspaceInfo, text: str
    ) -> tuple[Name, Document]:
        """A name, and its project also when that is deleted, for somebody who manages it."""
        name = read_name(text)
        project = self._kept.get(workspace.name, name.project)
        self._access.require(principal, workspace, name.project, MANAGE)
        return name, project

    def use_database(
        self,
        principal: Principal,
        workspace: WorkspaceInfo,
        branch: str,
        database: str,
        *,
        makes_missing: bool,
    ) -> None:
        """Raise unless there is such a database in a branch and somebody may use it; make it if
        told to."""
        found = self.get(principal, workspace, branch, USE)
        if found.name.kind is not BRANCH:
            raise missing(BRANCH)
        if has_database(found.project.body["objects"], found.name, database):
            return
        if not makes_missing:
            raise not_found(
                f"Database {database} does not exist in {branch}: create it, or have it made with"
                " the option for what is missing",
                "NOT_FOUND",
            )
        made = found.name.child("databases", f"database-{secrets.token_hex(4)}")

        def edit(now: Document) -> Mapping[str, Any]:
            objects = dict(now.body["objects"])
            if not has_database(objects, made, database):
                spec = {"postgres_database": database, "role": owner_of(objects, made)}
                objects[made.below] = made_object(spec, str(uuid.uuid4()))
            return {**now.body, "objects": objects}

        self._kept.change(workspace.name, made.project, edit)

    def purge_old(self, workspaces: Mapping[str, WorkspaceInfo]) -> None:
        """Remove the projects whose time to come back is over."""
        for workspace in workspaces.values():
            for one in self._kept.all(workspace.name):
                gone = one.body["root"].get("deleted_ms")
                if gone and gone + RETENTION_MS < now_ms():
                    self._kept.remove(workspace.name, one.id)
                    self._access.forget(workspace, one.id)

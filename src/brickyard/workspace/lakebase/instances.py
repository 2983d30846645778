"""Database instances, the Postgres roles and the names of the databases in them.

Their id at rest is the name. body: `uid`, the settings as they apply, `parent` (name and uid of
the instance it was made from), `roles` by name, `databases`.
"""

from __future__ import annotations

import re
import threading
import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields
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
    invalid,
    not_found,
)
from brickyard.workspace.lakebase.access import ANY, INSTANCES, MANAGE, USE, Access

if TYPE_CHECKING:
    from brickyard.workspace.permissions.engine import PermissionsEngine

TABLE: Final = document_table("lakebase_instances")
NAME: Final = re.compile(r"[A-Za-z](?:-?[A-Za-z0-9])*")
LONGEST_NAME: Final = 63
CAPACITIES: Final = ("CU_1", "CU_2", "CU_4", "CU_8")
USUAL_CAPACITY: Final = "CU_1"
RETENTION_DAYS: Final = range(2, 36)
NODES: Final = range(1, 4)
DATABASES: Final = ("databricks_postgres", "postgres")  # every new instance has these
DEFAULTS: Final[Mapping[str, Any]] = {
    "custom_tags": [],
    "enable_pg_native_login": False,
    "enable_readable_secondaries": False,
    "node_count": 1,
    "retention_window_in_days": 7,
    "stopped": False,
    "usage_policy_id": "",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Tag:
    key: str
    value: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """What can be set of an instance; None is what was not said."""

    capacity: str | None = None
    custom_tags: Sequence[Tag] | None = None
    enable_pg_native_login: bool | None = None
    enable_readable_secondaries: bool | None = None
    node_count: int | None = None
    retention_window_in_days: int | None = None
    stopped: bool | None = None
    usage_policy_id: str | None = None

    def said(self, mask: str = "*") -> dict[str, Any]:
        """What was said of the fields in `mask` (comma-separated; `*` for all)."""
        wanted = {one.strip() for one in mask.split(",")}
        known = {one.name for one in fields(self)}
        if unknown := wanted - known - {"*"}:
            raise invalid(f"update_mask has unknown fields: {', '.join(sorted(unknown))}")
        named = known if "*" in wanted else wanted
        found = {
            name: value for name in sorted(named) if (value := getattr(self, name)) is not None
        }
        if self.custom_tags is not None and "custom_tags" in found:
            found["custom_tags"] = [
                {"key": one.key, "value": one.value} for one in self.custom_tags
            ]
        return found


@dataclass(frozen=True, slots=True, kw_only=True)
class Parent:
    """From which instance a new one is made, and its state when."""

    name: str
    lsn: str | None = None
    branch_time: str | None = None


class Instances:
    def __init__(self, store: Store, permissions: PermissionsEngine) -> None:
        self._kept = Documents(store, TABLE, "Database instance", missing=_missing, taken=_taken)
        self._access = Access(permissions, INSTANCES)
        self._creating = threading.Lock()

    def create(
        self,
        principal: Principal,
        workspace: WorkspaceInfo,
        name: str,
        settings: Settings,
        parent: Parent | None,
    ) -> Document:
        if len(name) > LONGEST_NAME or not NAME.fullmatch(name):
            raise invalid(
                f"Database instance name {name!r} is not valid: {LONGEST_NAME} letters, digits"
                " and single hyphens at most, with a letter first and no hyphen last"
            )
        body = {**DEFAULTS, **settings.said(), "uid": str(uuid.uuid4())}
        body |= {"roles": {}, "databases": list(DATABASES)}
        _check(body)
        if parent is not None:
            made_from = self.get(principal, workspace, parent.name, MANAGE).body
            said = {"lsn": parent.lsn, "branch_time": parent.branch_time}
            body["parent"] = {"name": parent.name, "uid": made_from["uid"], **_present(said)}
            body |= {"roles": made_from["roles"], "databases": made_from["databases"]}
        with self._creating:
            if self.named(workspace, name) is not None:
                raise _taken(f"Database instance {name} already exists")
            # The owner first: what a kill leaves is an entry of nothing.
            self._access.own(principal, workspace, name)
            return self._kept.add(workspace.name, name, body, creator=principal.user_name, id=name)

    def get(
        self, principal: Principal, workspace: WorkspaceInfo, name: str, level: str = ANY
    ) -> Document:
        """An instance, for somebody who has this level on it."""
        found = self._kept.get(workspace.name, name)
        self._access.require(principal, workspace, name, level)
        return found

    def named(self, workspace: WorkspaceInfo, name: str) -> Document | None:
        """An instance by name. Asks nobody."""
        return self._kept.find(workspace.name, name)

    def by_uid(self, principal: Principal, workspace: WorkspaceInfo, uid: str) -> Document:
        for one in self._kept.all(workspace.name):
            if one.body["uid"] == uid:
                return self.get(principal, workspace, one.id)
        raise _missing(f"Database instance with uid {uid} does not exist")

    def visible(self, principal: Principal, workspace: WorkspaceInfo) -> list[Document]:
        found = self._kept.all(workspace.name)
        return [one for one in found if self._access.sees(principal, workspace, one.id)]

    def children(self, workspace: WorkspaceInfo, instance: Document) -> list[Document]:
        """The instances that were made from one. Asks nobody."""
        uid = instance.body["uid"]
        found = self._kept.all(workspace.name)
        return [one for one in found if one.body.get("parent", {}).get("uid") == uid]

    def change(
        self,
        principal: Principal,
        workspace: WorkspaceInfo,
        name: str,
        said: Mapping[str, Any],
    ) -> Document:
        """Set what was said; the rest stays."""
        self.get(principal, workspace, name, MANAGE)

        def edit(now: Document) -> Mapping[str, Any]:
            changed = {**now.body, **said}
            _check(changed)
            return changed

        return self._kept.change(workspace.name, name, edit)

    def delete(
        self, principal: Principal, workspace: WorkspaceInfo, name: str, *, force: bool
    ) -> None:
        """Remove an instance; with `force` also those that were made from it."""
        found = self.get(principal, workspace, name, MANAGE)
        children = self.children(workspace, found)
        if children and not force:
            names = ", ".join(one.id for one in children)
            raise ApiError(
                "BAD_REQUEST",
                f"Database instance {name} has descendants: {names}. Delete these first, or use"
                " force=true to delete them with it.",
            )
        for one in children:
            self.delete(principal, workspace, one.id, force=True)
        self._kept.remove(workspace.name, name)
        self._access.forget(workspace, name)

    def use_database(
        self,
        principal: Principal,
        workspace: WorkspaceInfo,
        name: str,
        database: str,
        *,
        makes_missing: bool,
    ) -> None:
        """Raise unless there is such a database and somebody may use it; note it if told to."""
        found = self.get(principal, workspace, name, USE)
        if database in found.body["databases"]:
            return
        if not makes_missing:
            raise _missing(
                f"Database {database} does not exist in database instance {name}: have it made"
                " with the option for what is missing"
            )

        def edit(now: Document) -> Mapping[str, Any]:
            return {**now.body, "databases": sorted({*now.body["databases"], database})}

        self._kept.change(workspace.name, name, edit)

    def add_role(
        self,
        principal: Principal,
        workspace: WorkspaceInfo,
        name: str,
        role: str,
        settings: Mapping[str, Any],
    ) -> Mapping[str, Any]:
        self.get(principal, workspace, name, MANAGE)

        def edit(now: Document) -> Mapping[str, Any]:
            if role in now.body["roles"]:
                raise _taken(f"Role {role} already exists in database instance {name}")
            return {**now.body, "roles": {**now.body["roles"], role: dict(settings)}}

        self._kept.change(workspace.name, name, edit)
        return settings

    def role(
        self, principal: Principal, workspace: WorkspaceInfo, name: str, role: str
    ) -> Mapping[str, Any]:
        found = self.get(principal, workspace, name).body["roles"].get(role)
        if found is None:
            raise _missing(f"Role {role} does not exist in database instance {name}")
        return dict(found)

    def drop_role(
        self, principal: Principal, workspace: WorkspaceInfo, name: str, role: str
    ) -> None:
        self.get(principal, workspace, name, MANAGE)

        def edit(now: Document) -> Mapping[str, Any]:
            if role not in now.body["roles"]:
                raise _missing(f"Role {role} does not exist in database instance {name}")
            kept = {key: one for key, one in now.body["roles"].items() if key != role}
            return {**now.body, "roles": kept}

        self._kept.change(workspace.name, name, edit)


def instance_host(uid: str) -> str:
    """Where its PostgreSQL would be."""
    return f"instance-{uid}.database.brickyard.invalid"


def _check(body: Mapping[str, Any]) -> None:
    capacity = body.get("capacity", USUAL_CAPACITY)
    if capacity not in CAPACITIES:
        raise invalid(f"capacity must be one of {', '.join(CAPACITIES)}, not {capacity!r}")
    if body["retention_window_in_days"] not in RETENTION_DAYS:
        raise invalid("retention_window_in_days must be between 2 and 35")
    if body["node_count"] not in NODES:
        raise invalid("node_count must be between 1 and 3")


def _missing(message: str) -> ApiError:
    return not_found(message, "NOT_FOUND")


def _taken(message: str) -> ApiError:
    return exists(message, "ALREADY_EXISTS")


def _present(shown: Mapping[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in shown.items() if value is not None}

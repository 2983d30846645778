"""What an app uses: the resources that are declared with it, each with a permission.

One row per kind: the fields it must have, its permissions, and what `valueFrom` gives for it, as
the documentation of Databricks Apps has it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Final

from brickyard.workspace.kernel import invalid

Json = Mapping[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class UseKind:
    fields: tuple[str, ...]
    permissions: tuple[str, ...]
    value: Callable[[Json], str]  # of `valueFrom`; of secrets and databases it is read elsewhere
    object_type: str = ""  # of the permissions API, where it decides who may
    object_field: str = ""  # holds the id there
    level: str = ""  # of that API, where it has another word than the permission


@dataclass(frozen=True, slots=True, kw_only=True)
class Use:
    """One declared resource."""

    name: str  # as `valueFrom` calls it
    kind: str
    body: Json

    @property
    def permission(self) -> str:
        return str(self.body.get("permission", ""))

    @property
    def level(self) -> str:
        """What it comes to in the permissions API."""
        return KINDS[self.kind].level or self.permission


def _of(field: str) -> Callable[[Json], str]:
    return lambda body: str(body[field])


def _securable(body: Json) -> str:
    name = str(body["securable_full_name"])
    is_volume = str(body["securable_type"]).upper() == "VOLUME"
    return f"/Volumes/{name.replace('.', '/')}" if is_volume else name


KINDS: Final[Mapping[str, UseKind]] = {
    "secret": UseKind(
        fields=("scope", "key"), permissions=("READ", "WRITE", "MANAGE"), value=_of("key")
    ),
    "sql_warehouse": UseKind(
        fields=("id",),
        permissions=("CAN_USE", "CAN_MANAGE", "IS_OWNER"),
        value=_of("id"),
        object_type="warehouses",
        object_field="id",
    ),
    "serving_endpoint": UseKind(
        fields=("name",),
        permissions=("CAN_VIEW", "CAN_QUERY", "CAN_MANAGE"),
        value=_of("name"),
        object_type="serving-endpoints",
        object_field="name",
    ),
    "job": UseKind(
        fields=("id",),
        permissions=("CAN_VIEW", "CAN_MANAGE_RUN", "CAN_MANAGE", "IS_OWNER"),
        value=_of("id"),
        object_type="jobs",
        object_field="id",
    ),
    "experiment": UseKind(
        fields=("experiment_id",),
        permissions=("CAN_READ", "CAN_EDIT", "CAN_MANAGE"),
        value=_of("experiment_id"),
        object_type="experiments",
        object_field="experiment_id",
    ),
    "genie_space": UseKind(
        fields=("name", "space_id"),
        permissions=("CAN_VIEW", "CAN_RUN", "CAN_EDIT", "CAN_MANAGE"),
        value=_of("space_id"),
        object_type="genie",
        object_field="space_id",
    ),
    "uc_securable": UseKind(
        fields=("securable_full_name", "securable_type"),
        permissions=(
            "EXECUTE",
            "MODIFY",
            "READ_VOLUME",
            "SELECT",
            "USE_CONNECTION",
            "WRITE_VOLUME",
        ),
        value=_securable,
    ),
    "database": UseKind(
        fields=("instance_name", "database_name"),
        permissions=("CAN_CONNECT_AND_CREATE",),
        value=_of("instance_name"),
        object_type="database-instances",
        object_field="instance_name",
        level="CAN_USE",
    ),
    "postgres": UseKind(
        fields=("branch", "database"),
        permissions=("CAN_CONNECT_AND_CREATE",),
        value=_of("database"),
        object_type="database-projects",
        object_field="branch",
        level="CAN_USE",
    ),
    "app": UseKind(
        fields=("name",),
        permissions=("CAN_USE",),
        value=_of("name"),
        object_type="apps",
        object_field="name",
    ),
}


def uses_of(resources: Iterable[Json]) -> tuple[Use, ...]:
    """The declared resources of a checked list."""
    return tuple(
        Use(name=str(one["name"]), kind=kind, body=one[kind])
        for one in resources
        for kind in KINDS
        if one.get(kind)
    )


def check_uses(resources: Iterable[Json]) -> None:
    """Raise INVALID_PARAMETER_VALUE for the first resource that cannot be declared like that."""
    taken: set[str] = set()
    for index, one in enumerate(resources):
        where = f"resources[{index}]"
        name = one.get("name")
        if not isinstance(name, str) or not name:
            raise invalid(f"{where}: a resource needs a name")
        if name in taken:
            raise invalid(f"{where}: there is another resource with the name {name}")
        taken.add(name)
        kinds = [kind for kind in KINDS if one.get(kind)]
        if len(kinds) != 1:
            raise invalid(f"{where} ({name}) must be exactly one of {', '.join(KINDS)}")
        _check(f"{where}.{kinds[0]}", KINDS[kinds[0]], one[kinds[0]])


def _check(where: str, kind: UseKind, body: object) -> None:
    if not isinstance(body, Mapping):
        raise invalid(f"{where} must be an object")
    for field in kind.fields:
        if not isinstance(body.get(field), str) or not body[field]:
            raise invalid(f"{where}.{field} must be given, as text")
    if body.get("permission") not in kind.permissions:
        raise invalid(f"{where}.permission must be one of {', '.join(kind.permissions)}")

"""Permissions and grants: nodes of their own below a resource, made and compared as whole lists.

Permissions replace everything that is set directly on the object (inherited entries stay). Grants
are sent as changes against what is there. Neither is taken away when its list leaves the bundle:
deleting the object does that.
"""

from __future__ import annotations

from typing import Final
from urllib.parse import quote

from brickyard.resources.declaration import AccessType, Json, ResourceType

ALL: Final = "ALL_PRIVILEGES"
PRINCIPALS: Final = ("user_name", "group_name", "service_principal_name")
# Of every kind of object, lowest first.
LEVELS: Final = (
    "CAN_VIEW",
    "CAN_READ",
    "CAN_VIEW_METADATA",
    "CAN_RUN",
    "CAN_QUERY",
    "CAN_USE",
    "CAN_EDIT",
    "CAN_EDIT_METADATA",
    "CAN_CREATE",
    "CAN_ATTACH_TO",
    "CAN_RESTART",
    "CAN_MONITOR",
    "CAN_MANAGE_RUN",
    "CAN_MANAGE_STAGING_VERSIONS",
    "CAN_MANAGE_PRODUCTION_VERSIONS",
    "CAN_MANAGE",
    "IS_OWNER",
)


def rank_of(level: str) -> int:
    """How much a permission level allows, to compare with others; -1 for one that is unknown."""
    return LEVELS.index(level) if level in LEVELS else -1


def principal_of(entry: Json) -> str:
    """`user_name:jane@x.com`: whom a permission is for."""
    return next((f"{name}:{entry[name]}" for name in PRINCIPALS if entry.get(name)), "")


def permission_key(entry: Json) -> str:
    """`group_name='users'`: how paths of a plan name an entry."""
    field, _, name = principal_of(entry).partition(":")
    return f"{field}='{name}'" if name else ""


def object_of(kind: ResourceType, parent_id: str, parent: Json) -> str:
    """`/jobs/123`: the object of the permissions API."""
    own = parent.get(kind.permissions_id) if kind.permissions_id else parent_id
    return f"{kind.permissions}{own}"


def permission_entries(got: Json) -> list[Json]:
    """The entries set directly on the object, as a bundle writes them."""
    entries = []
    for row in got.get("access_control_list") or []:
        who = {name: row[name] for name in PRINCIPALS if row.get(name)}
        for held in row.get("all_permissions") or []:
            if not held.get("inherited"):
                entries.append({"level": held["permission_level"], **who})
    return entries


def permission_body(desired: list[Json], actual: list[Json]) -> Json:
    """The request that replaces the object's list."""
    return {
        "access_control_list": [
            {"permission_level": entry["level"]}
            | {name: entry[name] for name in PRINCIPALS if entry.get(name)}
            for entry in desired
        ]
    }


def securable_of(kind: ResourceType, parent_id: str, parent: Json) -> str:
    """`schema/main.sales`: the securable of the grants API."""
    return f"{kind.securable}/{parent_id}"


def grant_state(node_id: str, entries: list[Json]) -> Json:
    """What is recorded for a list of grants: each one's privileges in order."""
    securable, _, full_name = node_id.partition("/")
    recorded = {"securable_type": securable, "full_name": full_name}
    return recorded | ({"__embed__": grants_in_order(entries)} if entries else {})


def grant_body(desired: list[Json], actual: list[Json]) -> Json:
    """The changes that turn the actual grants into the desired ones.

    As the official CLI sends them: to take ALL_PRIVILEGES away takes every privilege away.
    """
    changes: list[Json] = []
    for entry in grants_in_order(desired):
        change: Json = {"add": entry["privileges"], "principal": entry["principal"]}
        if ALL not in entry["privileges"]:
            change["remove"] = [ALL]
        changes.append(change)
    wanted = {entry["principal"] for entry in desired}
    strangers = sorted({entry["principal"] for entry in actual} - wanted)
    return {"changes": [*changes, *({"principal": one, "remove": [ALL]} for one in strangers)]}


def grants_in_order(entries: list[Json]) -> list[Json]:
    """The entries with their privileges sorted, each once; ALL_PRIVILEGES swallows the others."""
    found = []
    for entry in entries:
        privileges = sorted(set(entry.get("privileges") or ()))
        if ALL in privileges:
            privileges = [ALL]
        found.append({**entry, "privileges": privileges})
    return found


def grants_path(node_id: str) -> str:
    """The path of the grants API for a node's id."""
    securable, _, full_name = node_id.partition("/")
    return f"/api/2.1/unity-catalog/permissions/{quote(securable)}/{quote(full_name, safe='')}"


def permissions_path(node_id: str) -> str:
    """The path of the permissions API for a node's id."""
    return f"/api/2.0/permissions{quote(node_id)}"


PERMISSIONS: Final = AccessType(
    key="permissions",
    title="Permissions",
    keyed_by=permission_key,
    id=object_of,
    state=lambda node_id, entries: {"object_id": node_id, "__embed__": entries},
    entries_of_state=lambda state: list(state.get("__embed__") or []),
    unknown_id=lambda kind: "",
    object_field="object_id",
    object_reference=lambda kind, parent: (
        f"{kind.permissions}${{{parent}.{kind.permissions_id or 'id'}}}"
    ),
    read=permissions_path,
    calls=lambda node_id, want, have: [
        ("PUT", permissions_path(node_id), permission_body(want, have))
    ],
    entries=permission_entries,
)

GRANTS: Final = AccessType(
    key="grants",
    title="Grants",
    keyed_by="principal",
    id=securable_of,
    state=grant_state,
    entries_of_state=lambda state: list(state.get("__embed__") or []),
    unknown_id=lambda kind: f"{kind.securable}/",
    object_field="full_name",
    object_reference=lambda kind, parent: f"${{{parent}.id}}",
    read=grants_path,
    calls=lambda node_id, want, have: [("PATCH", grants_path(node_id), grant_body(want, have))],
    entries=lambda got: [
        {"principal": row["principal"], "privileges": sorted(row.get("privileges") or ())}
        for row in got.get("privilege_assignments") or []
    ],
    normal=grants_in_order,
    page_token="next_page_token",
)


def acls_of(entries: list[Json]) -> list[Json]:
    """A scope's permissions as the secrets API writes them: by principal, whatever its kind."""
    return [
        {"permission": entry["level"], "principal": principal_of(entry).partition(":")[2]}
        for entry in entries
    ]


def acl_calls(node_id: str, want: list[Json], have: list[Json]) -> list[tuple[str, str, Json]]:
    """One request per changed principal: the secrets API has none for the whole list."""
    base = "/api/2.0/secrets/acls"
    wanted = {acl["principal"]: acl["permission"] for acl in acls_of(want)}
    held = {acl["principal"]: acl["permission"] for acl in acls_of(have)}
    return [
        *(
            ("POST", f"{base}/put", {"scope": node_id, "principal": who, "permission": level})
            for who, level in sorted(wanted.items())
            if held.get(who) != level
        ),
        *(
            ("POST", f"{base}/delete", {"scope": node_id, "principal": who})
            for who in sorted(held.keys() - wanted.keys())
        ),
    ]


ACLS: Final = AccessType(
    key="acls",
    title="Permissions",
    keyed_by="principal",
    id=lambda kind, parent_id, parent: parent_id,
    state=lambda node_id, entries: {"scope_name": node_id, "acls": acls_of(entries)},
    entries_of_state=lambda state: [
        {"level": acl["permission"], "user_name": acl["principal"]} for acl in state["acls"]
    ],
    read=lambda node_id: f"/api/2.0/secrets/acls/list?scope={quote(node_id, safe='')}",
    calls=acl_calls,
    entries=lambda got: [
        {"level": acl["permission"], "user_name": acl["principal"]}
        for acl in got.get("items") or []
    ],
    unknown_id=lambda kind: "",
    object_field="scope_name",
    is_renamed=True,
    object_reference=lambda kind, parent: f"${{{parent}.name}}",
    normal=acls_of,
)

ACCESS: Final = {"permissions": PERMISSIONS, "grants": GRANTS, "acls": ACLS}

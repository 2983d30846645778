"""Identities in the JSON form of SCIM, and SCIM's form of errors."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from brickyard.workspace.identity.records import Group, Kind, Person
from brickyard.workspace.kernel import ApiError

CORE = "urn:ietf:params:scim:schemas:core:2.0"
MESSAGES = "urn:ietf:params:scim:api:messages:2.0"
SERVICE_PRINCIPAL = f"{CORE}:ServicePrincipal"
KEPT = ("name", "emails", "entitlements", "roles", "externalId")


def person_document(person: Person, groups: list[Group]) -> dict[str, Any]:
    """A user or service principal, with the groups it is directly in."""
    is_user = person.kind is Kind.USER
    document: dict[str, Any] = {
        "schemas": [f"{CORE}:User" if is_user else SERVICE_PRINCIPAL],
        "id": str(person.id),
        "displayName": person.display_name,
        "active": person.active,
        "groups": [
            {
                "display": group.display_name,
                "value": str(group.id),
                "type": "direct",
                "$ref": f"Groups/{group.id}",
            }
            for group in groups
        ],
        **{name: person.details[name] for name in KEPT if name in person.details},
    }
    if not is_user:
        return document | {"applicationId": person.user_name}
    mail = {"type": "work", "value": person.user_name, "primary": True}
    document.setdefault("emails", [mail])
    return document | {"userName": person.user_name}


def group_document(group: Group, members: list[Person | Group]) -> dict[str, Any]:
    kind = "WorkspaceGroup" if group.is_local else "Group"
    return {
        "schemas": [f"{CORE}:Group"],
        "id": str(group.id),
        "displayName": group.display_name,
        "meta": {"resourceType": kind},
        "members": [
            {
                "display": member.display_name,
                "value": str(member.id),
                "$ref": f"{_collection(member)}/{member.id}",
            }
            for member in members
        ],
        **{name: group.details[name] for name in KEPT if name in group.details},
    }


def kept(document: Mapping[str, Any]) -> dict[str, Any]:
    """The attributes that are stored as they came."""
    return {name: document[name] for name in KEPT if document.get(name)}


def page(
    resources: list[dict[str, Any]], start: int, count: int | None, only: frozenset[str]
) -> dict[str, Any]:
    """A SCIM list; `start` counts from 1. Empty `only` means every attribute."""
    first = max(start, 1) - 1
    shown = resources[first:] if count is None else resources[first : first + max(count, 0)]
    return {
        "schemas": [f"{MESSAGES}:ListResponse"],
        "totalResults": len(resources),
        "startIndex": first + 1,
        "itemsPerPage": len(shown),
        "Resources": [trimmed(one, only) for one in shown],
    }


def trimmed(document: dict[str, Any], only: frozenset[str]) -> dict[str, Any]:
    if not only:
        return document
    wanted = {name.split(".")[0].lower() for name in only} | {"id", "schemas"}
    return {name: value for name, value in document.items() if name.lower() in wanted}


def fault(status: int, detail: str, kind: str = "") -> ApiError:
    """An error in SCIM's form; `kind` is its `scimType`."""
    body: dict[str, object] = {
        "schemas": [f"{MESSAGES}:Error"],
        "detail": detail,
        "status": str(status),
    }
    if kind:
        body["scimType"] = kind
    return ApiError(f"SCIM_{status}", detail, status=status, body=body)


def _collection(member: Person | Group) -> str:
    if isinstance(member, Group):
        return "Groups"
    return "Users" if member.kind is Kind.USER else "ServicePrincipals"

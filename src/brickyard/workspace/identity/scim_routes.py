"""Users, service principals and groups, as the SDK's `users`, `groups`, ... call them (SCIM 2.0).

Everybody may look; changes are for administrators of the workspace. Left out: sorting, ETags,
password policies.
"""

from __future__ import annotations

from typing import Any

from brickyard.workspace.identity import scim
from brickyard.workspace.identity.membership import Membership
from brickyard.workspace.identity.records import Kind
from brickyard.workspace.identity.scim_filter import BadFilter, parse
from brickyard.workspace.kernel import Call, Json, Reply, Route

BASE = "/api/2.0/preview/scim/v2"


def me(call: Call) -> Json:
    kind = Kind.SERVICE_PRINCIPAL if call.principal.is_service_principal else Kind.USER
    document = dict(_seen(call).person(str(call.principal.id), kind))
    document["userName"] = call.principal.user_name
    if kind is Kind.SERVICE_PRINCIPAL:
        document["emails"] = [{"type": "work", "value": call.principal.user_name, "primary": True}]
    return document


def browse_users(call: Call) -> Json:
    return _browse(call, _seen(call).people(Kind.USER))


def fetch_user(call: Call) -> Json:
    return _fetch(call, _seen(call).person(call.path["id"], Kind.USER))


def create_user(call: Call) -> Reply:
    return Reply(status=201, json=_managed(call).add_person(_document(call), Kind.USER))


def replace_user(call: Call) -> Json:
    return _managed(call).save_person(call.path["id"], Kind.USER, _document(call))


def patch_user(call: Call) -> Json:
    return _managed(call).patch_person(call.path["id"], Kind.USER, _operations(call))


def drop_user(call: Call) -> Reply:
    _managed(call).drop_person(call.path["id"], Kind.USER)
    return Reply(status=204)


def browse_principals(call: Call) -> Json:
    return _browse(call, _seen(call).people(Kind.SERVICE_PRINCIPAL))


def fetch_principal(call: Call) -> Json:
    return _fetch(call, _seen(call).person(call.path["id"], Kind.SERVICE_PRINCIPAL))


def create_principal(call: Call) -> Reply:
    made = _managed(call).add_person(_document(call), Kind.SERVICE_PRINCIPAL)
    return Reply(status=201, json=made)


def replace_principal(call: Call) -> Json:
    return _managed(call).save_person(call.path["id"], Kind.SERVICE_PRINCIPAL, _document(call))


def patch_principal(call: Call) -> Json:
    return _managed(call).patch_person(call.path["id"], Kind.SERVICE_PRINCIPAL, _operations(call))


def drop_principal(call: Call) -> Reply:
    _managed(call).drop_person(call.path["id"], Kind.SERVICE_PRINCIPAL)
    return Reply(status=204)


def browse_groups(call: Call) -> Json:
    return _browse(call, _seen(call).groups())


def fetch_group(call: Call) -> Json:
    return _fetch(call, _seen(call).group(call.path["id"]))


def create_group(call: Call) -> Reply:
    return Reply(status=201, json=_managed(call).add_group(_document(call)))


def replace_group(call: Call) -> Json:
    return _managed(call).save_group(call.path["id"], _document(call))


def patch_group(call: Call) -> Json:
    return _managed(call).patch_group(call.path["id"], _operations(call))


def drop_group(call: Call) -> Reply:
    _managed(call).drop_group(call.path["id"])
    return Reply(status=204)


def _seen(call: Call) -> Membership:
    return Membership(call.engines.identity, call.workspace.name, call.principal)


def _managed(call: Call) -> Membership:
    if not call.principal.is_admin:
        raise scim.fault(403, "Only administrators of the workspace may change identities")
    return _seen(call)


def _browse(call: Call, documents: list[dict[str, Any]]) -> Json:
    text = call.query("filter")
    if text:
        try:
            match = parse(text)
        except BadFilter as fault:
            raise scim.fault(400, f"Invalid filter {text!r}: {fault}", "invalidFilter") from None
        documents = [one for one in documents if match(one)]
    count = call.integer("count") if call.query("count") else None
    return scim.page(documents, call.integer("startIndex", 1), count, _only(call))


def _fetch(call: Call, document: dict[str, Any]) -> Json:
    return scim.trimmed(document, _only(call))


def _only(call: Call) -> frozenset[str]:
    return frozenset(name.strip() for name in call.query("attributes").split(",") if name.strip())


def _document(call: Call) -> dict[str, Any]:
    document = call.json()
    if not isinstance(document, dict):
        raise scim.fault(400, "The request body must be an object", "invalidSyntax")
    return document


def _operations(call: Call) -> Any:
    document = _document(call)
    return document.get("Operations") or document.get("operations")


ROUTES = (
    Route("GET", f"{BASE}/Me", me),
    Route("GET", f"{BASE}/Users", browse_users),
    Route("POST", f"{BASE}/Users", create_user),
    Route("GET", f"{BASE}/Users/{{id}}", fetch_user),
    Route("PUT", f"{BASE}/Users/{{id}}", replace_user),
    Route("PATCH", f"{BASE}/Users/{{id}}", patch_user),
    Route("DELETE", f"{BASE}/Users/{{id}}", drop_user),
    Route("GET", f"{BASE}/ServicePrincipals", browse_principals),
    Route("POST", f"{BASE}/ServicePrincipals", create_principal),
    Route("GET", f"{BASE}/ServicePrincipals/{{id}}", fetch_principal),
    Route("PUT", f"{BASE}/ServicePrincipals/{{id}}", replace_principal),
    Route("PATCH", f"{BASE}/ServicePrincipals/{{id}}", patch_principal),
    Route("DELETE", f"{BASE}/ServicePrincipals/{{id}}", drop_principal),
    Route("GET", f"{BASE}/Groups", browse_groups),
    Route("POST", f"{BASE}/Groups", create_group),
    Route("GET", f"{BASE}/Groups/{{id}}", fetch_group),
    Route("PUT", f"{BASE}/Groups/{{id}}", replace_group),
    Route("PATCH", f"{BASE}/Groups/{{id}}", patch_group),
    Route("DELETE", f"{BASE}/Groups/{{id}}", drop_group),
)

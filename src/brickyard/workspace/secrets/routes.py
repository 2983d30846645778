"""Secrets, as workspace.SecretsAPI of the SDK calls them: `/api/2.0/secrets/…`.

Only Databricks-backed scopes; Key Vault scopes are refused.
"""

from __future__ import annotations

import base64
import binascii
from dataclasses import dataclass

from brickyard.workspace.kernel import Call, Json, Route, invalid, not_found

BASE = "/api/2.0/secrets"


@dataclass(frozen=True, slots=True, kw_only=True)
class CreateScope:
    scope: str
    initial_manage_principal: str = ""
    scope_backend_type: str = "DATABRICKS"


@dataclass(frozen=True, slots=True, kw_only=True)
class ScopeName:
    scope: str


@dataclass(frozen=True, slots=True, kw_only=True)
class PutSecret:
    scope: str
    key: str
    string_value: str | None = None
    bytes_value: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class SecretName:
    scope: str
    key: str


@dataclass(frozen=True, slots=True, kw_only=True)
class PutAcl:
    scope: str
    principal: str
    permission: str


@dataclass(frozen=True, slots=True, kw_only=True)
class AclName:
    scope: str
    principal: str


def create_scope(call: Call) -> Json:
    want = call.read(CreateScope)
    if want.scope_backend_type != "DATABRICKS":
        raise invalid("Only scopes backed by DATABRICKS are kept here")
    call.engines.secrets.create_scope(
        call.principal, call.workspace, want.scope, want.initial_manage_principal
    )
    return {}


def delete_scope(call: Call) -> Json:
    scope = call.read(ScopeName).scope
    call.engines.secrets.delete_scope(call.principal, call.workspace, scope)
    return {}


def list_scopes(call: Call) -> Json:
    names = call.engines.secrets.scopes(call.principal, call.workspace)
    return {"scopes": [{"name": name, "backend_type": "DATABRICKS"} for name in names]}


def put(call: Call) -> Json:
    want = call.read(PutSecret)
    if (want.string_value is None) == (want.bytes_value is None):
        raise invalid("Give exactly one of string_value and bytes_value")
    value = want.string_value.encode() if want.string_value is not None else _bytes(want)
    call.engines.secrets.put(call.principal, call.workspace, want.scope, want.key, value)
    return {}


def _bytes(want: PutSecret) -> bytes:
    try:
        return base64.b64decode(want.bytes_value or "", validate=True)
    except binascii.Error:
        raise invalid("bytes_value is not base64") from None


def delete(call: Call) -> Json:
    want = call.read(SecretName)
    call.engines.secrets.delete(call.principal, call.workspace, want.scope, want.key)
    return {}


def get(call: Call) -> Json:
    scope, key = _given(call, "scope"), _given(call, "key")
    value = call.engines.secrets.get_as(call.principal, call.workspace, scope, key)
    return {"key": key, "value": base64.b64encode(value).decode()}


def list_secrets(call: Call) -> Json:
    found = call.engines.secrets.keys(call.principal, call.workspace, _given(call, "scope"))
    return {
        "secrets": [{"key": one.key, "last_updated_timestamp": one.updated_ms} for one in found]
    }


def put_acl(call: Call) -> Json:
    want = call.read(PutAcl)
    call.engines.secrets.put_acl(
        call.principal, call.workspace, want.scope, want.principal, want.permission
    )
    return {}


def delete_acl(call: Call) -> Json:
    want = call.read(AclName)
    call.engines.secrets.delete_acl(call.principal, call.workspace, want.scope, want.principal)
    return {}


def get_acl(call: Call) -> Json:
    scope, who = _given(call, "scope"), _given(call, "principal")
    for one in call.engines.secrets.acls(call.principal, call.workspace, scope):
        if one.principal == who:
            return {"principal": one.principal, "permission": one.permission}
    raise not_found(f"No access list entry of scope {scope} for principal {who}")


def list_acls(call: Call) -> Json:
    found = call.engines.secrets.acls(call.principal, call.workspace, _given(call, "scope"))
    return {"items": [{"principal": a.principal, "permission": a.permission} for a in found]}


def _given(call: Call, name: str) -> str:
    value = call.query(name)
    if not value:
        raise invalid(f"{name} is required")
    return value


ROUTES = (
    Route("POST", f"{BASE}/scopes/create", create_scope),
    Route("POST", f"{BASE}/scopes/delete", delete_scope),
    Route("GET", f"{BASE}/scopes/list", list_scopes),
    Route("POST", f"{BASE}/put", put),
    Route("POST", f"{BASE}/delete", delete),
    Route("GET", f"{BASE}/get", get),
    Route("GET", f"{BASE}/list", list_secrets),
    Route("POST", f"{BASE}/acls/put", put_acl),
    Route("POST", f"{BASE}/acls/delete", delete_acl),
    Route("GET", f"{BASE}/acls/get", get_acl),
    Route("GET", f"{BASE}/acls/list", list_acls),
)

"""Personal access tokens and OAuth secrets, as `tokens`, `token_management` and
`service_principal_secrets_proxy` of the SDK call them.

The text of a token or secret is in the answer to its creation and nowhere else.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from brickyard.workspace.identity.records import OauthSecret, Token
from brickyard.workspace.kernel import Call, Json, Route, denied, invalid
from brickyard.workspace.kernel.decode import decode

SECRETS = "/api/2.0/accounts/servicePrincipals/{id}/credentials/secrets"
MANAGED = "/api/2.0/token-management/tokens"
SECRET_LIFETIME_S = 730 * 24 * 3600


@dataclass(frozen=True, slots=True, kw_only=True)
class CreateToken:
    comment: str = ""
    lifetime_seconds: int | None = None
    scopes: Sequence[str] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class EditToken:
    comment: str | None = None
    scopes: Sequence[str] | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class DeleteToken:
    token_id: str


@dataclass(frozen=True, slots=True, kw_only=True)
class CreateSecret:
    lifetime: str = f"{SECRET_LIFETIME_S}s"


def create(call: Call) -> Json:
    want = call.read(CreateToken)
    lifetime_s = want.lifetime_seconds
    if lifetime_s is not None and lifetime_s != -1 and lifetime_s <= 0:
        raise invalid("lifetime_seconds must be positive; leave it out for a token without end")
    made, text = call.engines.identity.create_pat(
        call.principal,
        call.workspace.name,
        comment=want.comment,
        lifetime_s=None if lifetime_s == -1 else lifetime_s,
        limits=frozenset(want.scopes),
    )
    return {"token_value": text, "token_info": _show(made)}


def browse(call: Call) -> Json:
    mine = call.engines.identity.pats(call.workspace.name, call.principal)
    return {"token_infos": [_show(token) for token in mine]} if mine else {}


def drop(call: Call) -> Json:
    want = call.read(DeleteToken)
    identity = call.engines.identity
    identity.drop_pat(identity.pat(call.workspace.name, want.token_id, call.principal))
    return {}


def edit(call: Call) -> Json:
    identity = call.engines.identity
    token = identity.pat(call.workspace.name, call.path["token_id"], call.principal)
    given = call.fields()
    want = decode(given.get("token", given), EditToken)
    if want.comment is None and want.scopes is None:
        raise invalid("Only the comment and the scopes of a token can be changed")
    limits = None if want.scopes is None else frozenset(want.scopes)
    identity.edit_pat(token, call.principal, want.comment, limits)
    return {}


def browse_all(call: Call) -> Json:
    _require_admin(call)
    tokens = call.engines.identity.pats(call.workspace.name)
    return {"token_infos": [_show_managed(token) for token in tokens]} if tokens else {}


def fetch_any(call: Call) -> Json:
    _require_admin(call)
    return {"token_info": _show_managed(_managed(call))}


def drop_any(call: Call) -> Json:
    _require_admin(call)
    call.engines.identity.drop_pat(_managed(call))
    return {}


def create_secret(call: Call) -> Json:
    want = call.read(CreateSecret)
    seconds = want.lifetime.removesuffix("s")
    if not seconds.isdecimal() or not 0 < int(seconds) <= SECRET_LIFETIME_S:
        raise invalid(f"lifetime must be between 1s and {SECRET_LIFETIME_S}s, not {want.lifetime}")
    made, text = call.engines.identity.create_oauth_secret(
        call.principal, call.workspace.name, call.path["id"], lifetime_s=int(seconds)
    )
    return _show_secret(made) | {"secret": text}


def browse_secrets(call: Call) -> Json:
    secrets = call.engines.identity.oauth_secrets(
        call.principal, call.workspace.name, call.path["id"]
    )
    return {"secrets": [_show_secret(one) for one in secrets]} if secrets else {}


def drop_secret(call: Call) -> Json:
    call.engines.identity.drop_oauth_secret(
        call.principal, call.workspace.name, call.path["id"], call.path["secret_id"]
    )
    return {}


def _managed(call: Call) -> Token:
    return call.engines.identity.pat(call.workspace.name, call.path["token_id"], call.principal)


def _require_admin(call: Call) -> None:
    if not call.principal.is_admin:
        raise denied("Only administrators of the workspace may manage tokens of others")


def _show(token: Token) -> dict[str, Any]:
    shown = {"scopes": sorted(token.scopes)} if token.scopes else {}
    return shown | {
        "token_id": token.id,
        "creation_time": token.created_ms,
        "expiry_time": -1 if token.expires_ms is None else token.expires_ms,
        "comment": token.comment,
    }


def _show_managed(token: Token) -> dict[str, Any]:
    return _show(token) | {"owner_id": token.principal_id, "created_by_id": token.principal_id}


def _show_secret(secret: OauthSecret) -> dict[str, Any]:
    return {
        "id": secret.id,
        "secret_hash": secret.hash,
        "status": "ACTIVE" if secret.expires_ms > time.time() * 1000 else "EXPIRED",
        "create_time": _rfc3339(secret.created_ms),
        "update_time": _rfc3339(secret.created_ms),
        "expire_time": _rfc3339(secret.expires_ms),
    }


def _rfc3339(moment_ms: int) -> str:
    return time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(moment_ms / 1000))


ROUTES = (
    Route("POST", "/api/2.0/token/create", create),
    Route("GET", "/api/2.0/token/list", browse),
    Route("POST", "/api/2.0/token/delete", drop),
    Route("PATCH", "/api/2.0/token/{token_id}", edit),
    Route("GET", MANAGED, browse_all),
    Route("GET", MANAGED + "/{token_id}", fetch_any),
    Route("DELETE", MANAGED + "/{token_id}", drop_any),
    Route("GET", SECRETS, browse_secrets),
    Route("POST", SECRETS, create_secret),
    Route("DELETE", SECRETS + "/{secret_id}", drop_secret),
)

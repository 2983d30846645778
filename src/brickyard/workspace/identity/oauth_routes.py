"""How clients find out about the workspace, and OAuth for machines.

Follows the host metadata and discovery documents that the SDK reads, and RFC 6749 for the token
endpoint. Only `client_credentials` is offered: the other grants need a browser or another issuer,
and are refused by OAuth's own error.
"""

from __future__ import annotations

import base64
import binascii
from urllib.parse import parse_qsl, unquote_plus

from brickyard.workspace.identity.engine import ACCESS_TOKEN_S
from brickyard.workspace.identity.scopes import ALL_APIS, REACH
from brickyard.workspace.kernel import ApiError, Call, Json, Reply, Route

ACCOUNT_ID = "00000000-0000-4000-8000-627269636b79"
GRANT = "client_credentials"


def metadata(call: Call) -> Json:
    return {
        "oidc_endpoint": f"{call.workspace.url}/oidc",
        "workspace_id": str(call.workspace.id),
        "account_id": ACCOUNT_ID,
        "cloud": "AWS",
        "token_federation_default_oidc_audiences": [call.workspace.url],
    }


def discovery(call: Call) -> Json:
    base = f"{call.workspace.url}/oidc"
    return {
        "issuer": base,
        "authorization_endpoint": f"{base}/v1/authorize",
        "token_endpoint": f"{base}/v1/token",
        "grant_types_supported": [GRANT],
        "response_types_supported": [],
        "scopes_supported": [ALL_APIS, *REACH],
        "token_endpoint_auth_methods_supported": ["client_secret_basic", "client_secret_post"],
    }


def authorize(call: Call) -> Json:
    """Where a browser would sign in: there is no page for it."""
    raise _refused(
        "unsupported_response_type",
        "This workspace has no sign-in page: use a personal access token, or the OAuth secret of a"
        " service principal",
    )


def token(call: Call) -> Reply:
    form = dict(parse_qsl(call.body().decode("utf-8", "replace"), keep_blank_values=True))
    grant = form.get("grant_type", "")
    if grant != GRANT:
        raise _refused(
            "unsupported_grant_type" if grant else "invalid_request",
            f"grant_type must be {GRANT}, not {grant!r}: this workspace issues tokens to service"
            " principals with an OAuth secret; people use a personal access token",
        )
    client_id, client_secret = _client(call, form)
    scopes = frozenset(form.get("scope", ALL_APIS).split()) or frozenset({ALL_APIS})
    identity = call.engines.identity
    text = identity.grant_access(client_id, client_secret, call.workspace.name, scopes)
    if text is None:
        raise _refused("invalid_client", "Client authentication failed", status=401)
    answer = {
        "access_token": text,
        "token_type": "Bearer",
        "expires_in": ACCESS_TOKEN_S,
        "scope": " ".join(sorted(scopes)),
    }
    return Reply(json=answer, headers={"Cache-Control": "no-store"})


def _client(call: Call, form: dict[str, str]) -> tuple[str, str]:
    """Client id and secret, from HTTP Basic or from the form."""
    scheme, _, given = call.header("authorization").partition(" ")
    if scheme.lower() != "basic":
        return form.get("client_id", ""), form.get("client_secret", "")
    try:
        name, _, secret = base64.b64decode(given.strip(), validate=True).decode().partition(":")
    except (binascii.Error, UnicodeDecodeError):
        raise _refused("invalid_client", "Unreadable Basic credentials", status=401) from None
    return unquote_plus(name), unquote_plus(secret)


def _refused(error: str, description: str, status: int = 400) -> ApiError:
    body = {"error": error, "error_description": description}
    return ApiError(error, description, status=status, body=body)


ROUTES = (
    Route("GET", "/.well-known/databricks-config", metadata, auth=False),
    Route("GET", "/oidc/.well-known/oauth-authorization-server", discovery, auth=False),
    Route("GET", "/oidc/v1/authorize", authorize, auth=False),
    Route("POST", "/oidc/v1/token", token, auth=False),
)

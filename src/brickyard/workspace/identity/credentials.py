"""Tokens and OAuth secrets in the database: made, found by their text, ended.

Every function takes the open transaction.
"""

from __future__ import annotations

import secrets
from typing import Any

from sqlalchemy import Connection, Row, and_, delete, insert, select, update

from brickyard.workspace.identity.records import OauthSecret, Token, hashed
from brickyard.workspace.identity.tables import OAUTH_SECRETS, TOKENS
from brickyard.workspace.kernel import now_ms

PREFIX = {"pat": "dapi", "task": "dapi", "oauth": "boat"}
SECRET_PREFIX = "dose"


def new_text(kind: str) -> str:
    return PREFIX[kind] + secrets.token_hex(20)


def add_token(
    tx: Connection,
    text: str,
    *,
    kind: str,
    workspace: str,
    principal_id: int,
    comment: str = "",
    lifetime_s: int | None = None,
    scopes: frozenset[str] = frozenset(),
) -> Token:
    """Keep a token's hash. Expired short-lived ones go away on the way."""
    now = now_ms()
    stale = and_(TOKENS.c.kind != "pat", TOKENS.c.expires_ms < now)
    tx.execute(delete(TOKENS).where(stale))
    token = Token(
        id=secrets.token_hex(32),
        kind=kind,
        workspace=workspace,
        principal_id=principal_id,
        comment=comment,
        scopes=scopes,
        created_ms=now,
        expires_ms=None if lifetime_s is None else now + lifetime_s * 1000,
    )
    row = {
        "id": token.id,
        "hash": hashed(text),
        "kind": kind,
        "workspace": workspace,
        "principal_id": principal_id,
        "comment": comment,
        "scopes": " ".join(sorted(scopes)),
        "created_ms": now,
        "expires_ms": token.expires_ms,
    }
    tx.execute(insert(TOKENS).values(row))
    return token


def token_hashed(tx: Connection, digest: str) -> Token | None:
    row = tx.execute(select(TOKENS).where(TOKENS.c.hash == digest)).first()
    return _token(row) if row else None


def token_by_id(tx: Connection, token_id: str) -> Token | None:
    row = tx.execute(select(TOKENS).where(TOKENS.c.id == token_id)).first()
    return _token(row) if row else None


def pats(tx: Connection, workspace: str, principal_id: int | None = None) -> list[Token]:
    """Personal access tokens of the workspace, of one principal or of all; oldest first."""
    chosen = select(TOKENS).where(TOKENS.c.workspace == workspace, TOKENS.c.kind == "pat")
    if principal_id is not None:
        chosen = chosen.where(TOKENS.c.principal_id == principal_id)
    return [_token(row) for row in tx.execute(chosen.order_by(TOKENS.c.created_ms))]


def edit_token(
    tx: Connection, token_id: str, comment: str | None, scopes: frozenset[str] | None
) -> None:
    """Change what is given."""
    given = {} if comment is None else {"comment": comment}
    if scopes is not None:
        given["scopes"] = " ".join(sorted(scopes))
    tx.execute(update(TOKENS).where(TOKENS.c.id == token_id).values(**given))


def prolong(tx: Connection, text: str, lifetime_s: int) -> None:
    """A token that is good now is so for `lifetime_s`."""
    now = now_ms()
    good = and_(TOKENS.c.hash == hashed(text), TOKENS.c.expires_ms > now)
    tx.execute(update(TOKENS).where(good).values(expires_ms=now + lifetime_s * 1000))


def drop_token(tx: Connection, token_id: str) -> None:
    tx.execute(delete(TOKENS).where(TOKENS.c.id == token_id))


def drop_text(tx: Connection, text: str) -> None:
    tx.execute(delete(TOKENS).where(TOKENS.c.hash == hashed(text)))


def add_secret(tx: Connection, principal_id: int, lifetime_s: int) -> tuple[OauthSecret, str]:
    text = SECRET_PREFIX + secrets.token_hex(20)
    now = now_ms()
    secret = OauthSecret(
        id=secrets.token_hex(16),
        principal_id=principal_id,
        hash=hashed(text),
        created_ms=now,
        expires_ms=now + lifetime_s * 1000,
    )
    row = {
        "id": secret.id,
        "principal_id": principal_id,
        "hash": secret.hash,
        "created_ms": now,
        "expires_ms": secret.expires_ms,
    }
    tx.execute(insert(OAUTH_SECRETS).values(row))
    return secret, text


def secrets_of(tx: Connection, principal_id: int) -> list[OauthSecret]:
    mine = OAUTH_SECRETS.c.principal_id == principal_id
    rows = tx.execute(select(OAUTH_SECRETS).where(mine).order_by(OAUTH_SECRETS.c.created_ms))
    return [_secret(row) for row in rows]


def drop_secret(tx: Connection, secret_id: str) -> None:
    tx.execute(delete(OAUTH_SECRETS).where(OAUTH_SECRETS.c.id == secret_id))


def _token(row: Row[Any]) -> Token:
    return Token(
        id=row.id,
        kind=row.kind,
        workspace=row.workspace,
        principal_id=row.principal_id,
        comment=row.comment,
        scopes=frozenset(row.scopes.split()),
        created_ms=row.created_ms,
        expires_ms=row.expires_ms,
    )


def _secret(row: Row[Any]) -> OauthSecret:
    return OauthSecret(
        id=row.id,
        principal_id=row.principal_id,
        hash=row.hash,
        created_ms=row.created_ms,
        expires_ms=row.expires_ms,
    )

"""What the identity engine hands out: principals, groups and tokens as records."""

from __future__ import annotations

import hashlib
import secrets
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import Enum
from typing import Any

ADMINS = "admins"
USERS = "users"
ACCOUNT_USERS = "account users"
BUILT_IN = frozenset({ADMINS, USERS, ACCOUNT_USERS})


class Kind(Enum):
    USER = "user"
    SERVICE_PRINCIPAL = "service_principal"


@dataclass(frozen=True, slots=True, kw_only=True)
class Person:
    """A user or a service principal of the account."""

    id: int
    kind: Kind
    user_name: str
    display_name: str
    active: bool = True
    details: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Group:
    id: int
    display_name: str
    workspace: str
    is_local: bool = False
    details: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Token:
    id: str
    kind: str
    workspace: str
    principal_id: int
    comment: str
    scopes: frozenset[str]
    created_ms: int
    expires_ms: int | None


@dataclass(frozen=True, slots=True, kw_only=True)
class OauthSecret:
    id: str
    principal_id: int
    hash: str
    created_ms: int
    expires_ms: int


def new_id() -> int:
    """A sixteen-digit id, as the account hands out."""
    return 10**15 + secrets.randbelow(9 * 10**15)


def fixed_id(name: str) -> int:
    """The id of a default identity: the same in every installation."""
    digest = hashlib.sha256(name.encode()).digest()
    return 10**15 + int.from_bytes(digest[:8], "big") % (9 * 10**15)


def hashed(text: str) -> str:
    """How a token is stored; random texts of 128 bits and more need no salt."""
    return hashlib.sha256(text.encode()).hexdigest()

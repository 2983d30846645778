"""Secret scopes: values encrypted at rest, access lists per scope.

Values are sealed, bound to workspace, scope and key. They leave only through `get` and `resolve`,
never in logs, lists or errors.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from sqlalchemy import (
    BigInteger,
    Column,
    ColumnElement,
    LargeBinary,
    String,
    Table,
    delete,
    insert,
    select,
)

from brickyard.workspace.identity.engine import IdentityEngine
from brickyard.workspace.kernel import (
    METADATA,
    ApiError,
    Home,
    Principal,
    Store,
    WorkspaceInfo,
    denied,
    invalid,
    not_found,
    now_ms,
)
from brickyard.workspace.secrets.sealing import Seal

SCOPES = Table(
    "secrets_scopes",
    METADATA,
    Column("workspace", String, primary_key=True),
    Column("name", String, primary_key=True),
)
VALUES = Table(
    "secrets_values",
    METADATA,
    Column("workspace", String, primary_key=True),
    Column("scope", String, primary_key=True),
    Column("key", String, primary_key=True),
    Column("sealed", LargeBinary, nullable=False),
    Column("updated_ms", BigInteger, nullable=False),
)
ACLS = Table(
    "secrets_acls",
    METADATA,
    Column("workspace", String, primary_key=True),
    Column("scope", String, primary_key=True),
    Column("principal", String, primary_key=True),  # user name, application id or group name
    Column("permission", String, nullable=False),
)
PERMISSIONS: Final = ("READ", "WRITE", "MANAGE")
NAME: Final = re.compile(r"[\w.@\- ]{1,128}")
REFERENCE: Final = re.compile(r"\{\{secrets/([^/}]+)/([^}]+)\}\}")
LARGEST_VALUE: Final = 128 * 1024
EVERYBODY: Final = "users"


@dataclass(frozen=True, slots=True, kw_only=True)
class SecretInfo:
    key: str
    updated_ms: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Acl:
    principal: str
    permission: str


class SecretsEngine:
    """Scopes and secrets of each workspace. Callers of `…_as` methods are checked."""

    def __init__(
        self,
        store: Store,
        home: Home,
        workspaces: Mapping[str, WorkspaceInfo],
        *,
        identity: IdentityEngine,
    ) -> None:
        self._store = store
        self._seal = Seal(home)
        self._identity = identity

    def start(self) -> None:
        """Nothing to start."""

    def stop(self) -> None:
        """Nothing to stop."""

    def create_scope(
        self, principal: Principal, workspace: WorkspaceInfo, name: str, manager: str = ""
    ) -> None:
        """The creator, or everybody when `manager` is `users`, gets MANAGE."""
        if not NAME.fullmatch(name):
            raise invalid(
                "A scope's name has letters, digits, dashes, underscores, @ and dots only"
            )
        if manager not in {"", EVERYBODY}:
            raise invalid("initial_manage_principal can only be 'users'")
        with self._store.begin() as tx:
            known = tx.execute(select(SCOPES).where(*_scope(workspace, name))).first()
            if known is not None:
                raise ApiError("RESOURCE_ALREADY_EXISTS", f"Scope {name} already exists!")
            tx.execute(insert(SCOPES).values(workspace=workspace.name, name=name))
            tx.execute(
                insert(ACLS).values(
                    workspace=workspace.name,
                    scope=name,
                    principal=manager or principal.user_name,
                    permission="MANAGE",
                )
            )

    def delete_scope(self, principal: Principal, workspace: WorkspaceInfo, name: str) -> None:
        self.require(principal, workspace, name, "MANAGE")
        with self._store.begin() as tx:
            for table in (VALUES, ACLS):
                where = (table.c.workspace == workspace.name, table.c.scope == name)
                tx.execute(delete(table).where(*where))
            tx.execute(delete(SCOPES).where(*_scope(workspace, name)))

    def scopes(self, principal: Principal, workspace: WorkspaceInfo) -> tuple[str, ...]:
        """Names of the scopes that somebody may read."""
        with self._store.read() as tx:
            query = select(SCOPES.c.name).where(SCOPES.c.workspace == workspace.name)
            names = list(tx.execute(query.order_by(SCOPES.c.name)).scalars())
        return tuple(name for name in names if self.can(principal, workspace, name, "READ"))

    def put(
        self, principal: Principal, workspace: WorkspaceInfo, scope: str, key: str, value: bytes
    ) -> None:
        self.require(principal, workspace, scope, "WRITE")
        if not NAME.fullmatch(key):
            raise invalid("A key has letters, digits, dashes, underscores, @ and dots only")
        if len(value) > LARGEST_VALUE:
            raise ApiError("MAX_SECRET_SIZE_EXCEEDED", "A secret's value may have up to 128 KB")
        row = {
            "workspace": workspace.name,
            "scope": scope,
            "key": key,
            "sealed": self._seal.close(value, workspace.name, scope, key),
            "updated_ms": now_ms(),
        }
        with self._store.begin() as tx:
            tx.execute(delete(VALUES).where(*_value(workspace, scope, key)))
            tx.execute(insert(VALUES).values(row))

    def delete(self, principal: Principal, workspace: WorkspaceInfo, scope: str, key: str) -> None:
        self.require(principal, workspace, scope, "WRITE")
        with self._store.begin() as tx:
            gone = tx.execute(delete(VALUES).where(*_value(workspace, scope, key)))
            if not gone.rowcount:
                raise _no_secret(scope, key)

    def keys(
        self, principal: Principal, workspace: WorkspaceInfo, scope: str
    ) -> tuple[SecretInfo, ...]:
        self.require(principal, workspace, scope, "READ")
        with self._store.read() as tx:
            where = (VALUES.c.workspace == workspace.name, VALUES.c.scope == scope)
            rows = tx.execute(select(VALUES).where(*where).order_by(VALUES.c.key)).all()
        return tuple(SecretInfo(key=row.key, updated_ms=row.updated_ms) for row in rows)

    def get(self, scope: str, key: str, workspace: WorkspaceInfo) -> bytes:
        """The value, for the workspace's own use: nobody's rights are checked."""
        with self._store.read() as tx:
            row = tx.execute(select(VALUES).where(*_value(workspace, scope, key))).first()
        if row is None:
            raise _no_secret(scope, key)
        return self._seal.open(row.sealed, workspace.name, scope, key)

    def get_as(self, principal: Principal, workspace: WorkspaceInfo, scope: str, key: str) -> bytes:
        self.require(principal, workspace, scope, "READ")
        return self.get(scope, key, workspace)

    def resolve(self, text: str, principal: Principal, workspace: WorkspaceInfo) -> str:
        """`text` with every `{{secrets/scope/key}}` replaced by what `principal` may read."""

        def value(found: re.Match[str]) -> str:
            secret = self.get_as(principal, workspace, found[1], found[2])
            return secret.decode("utf-8", errors="replace")

        return REFERENCE.sub(value, text)

    def put_acl(
        self,
        principal: Principal,
        workspace: WorkspaceInfo,
        scope: str,
        who: str,
        permission: str,
    ) -> None:
        self.require(principal, workspace, scope, "MANAGE")
        if permission not in PERMISSIONS:
            raise invalid(f"permission must be one of {', '.join(PERMISSIONS)}")
        if not self._identity.exists(who):
            raise not_found(f"Principal {who} does not exist")
        with self._store.begin() as tx:
            tx.execute(delete(ACLS).where(*_acl(workspace, scope, who)))
            tx.execute(
                insert(ACLS).values(
                    workspace=workspace.name, scope=scope, principal=who, permission=permission
                )
            )

    def delete_acl(
        self, principal: Principal, workspace: WorkspaceInfo, scope: str, who: str
    ) -> None:
        self.require(principal, workspace, scope, "MANAGE")
        with self._store.begin() as tx:
            gone = tx.execute(delete(ACLS).where(*_acl(workspace, scope, who)))
            if not gone.rowcount:
                raise not_found(f"No access list entry of scope {scope} for principal {who}")

    def acls(self, principal: Principal, workspace: WorkspaceInfo, scope: str) -> tuple[Acl, ...]:
        self.require(principal, workspace, scope, "MANAGE")
        return self._acls(workspace, scope)

    def can(
        self, principal: Principal, workspace: WorkspaceInfo, scope: str, permission: str
    ) -> bool:
        """Whether somebody has at least `permission`; admins have all."""
        if principal.is_admin:
            return True
        names = {principal.user_name, *principal.groups}
        held = [one.permission for one in self._acls(workspace, scope) if one.principal in names]
        best = max((PERMISSIONS.index(one) for one in held), default=-1)
        return best >= PERMISSIONS.index(permission)

    def require(
        self, principal: Principal, workspace: WorkspaceInfo, scope: str, permission: str
    ) -> None:
        """Raises RESOURCE_DOES_NOT_EXIST for an unknown scope, PERMISSION_DENIED for too little."""
        with self._store.read() as tx:
            known = tx.execute(select(SCOPES).where(*_scope(workspace, scope))).first()
        if known is None:
            raise not_found(f"Scope {scope} does not exist!")
        if not self.can(principal, workspace, scope, permission):
            raise denied(
                f"User {principal.user_name} does not have {permission} permission on scope {scope}"
            )

    def _acls(self, workspace: WorkspaceInfo, scope: str) -> tuple[Acl, ...]:
        with self._store.read() as tx:
            where = (ACLS.c.workspace == workspace.name, ACLS.c.scope == scope)
            rows = tx.execute(select(ACLS).where(*where).order_by(ACLS.c.principal)).all()
        return tuple(Acl(principal=row.principal, permission=row.permission) for row in rows)


def _scope(workspace: WorkspaceInfo, name: str) -> tuple[ColumnElement[bool], ...]:
    return (SCOPES.c.workspace == workspace.name, SCOPES.c.name == name)


def _value(workspace: WorkspaceInfo, scope: str, key: str) -> tuple[ColumnElement[bool], ...]:
    return (VALUES.c.workspace == workspace.name, VALUES.c.scope == scope, VALUES.c.key == key)


def _acl(workspace: WorkspaceInfo, scope: str, who: str) -> tuple[ColumnElement[bool], ...]:
    return (ACLS.c.workspace == workspace.name, ACLS.c.scope == scope, ACLS.c.principal == who)


def _no_secret(scope: str, key: str) -> ApiError:
    return not_found(f"Secret does not exist with scope: {scope} and key: {key}")

"""Who calls: identities of the account, their tokens, and what they belong to.

A token is good in one workspace. What is looked up per request is kept in memory and forgotten by
every write, so that a revocation counts from its answer on. Left out: federation, IP lists.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
import secrets
import threading
from collections.abc import Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager
from dataclasses import replace
from typing import TypeVar

from sqlalchemy import Connection, delete, insert, select

from brickyard.workspace.identity import credentials, defaults, directory, scopes
from brickyard.workspace.identity.keys import key_of
from brickyard.workspace.identity.records import (
    ADMINS,
    BUILT_IN,
    Kind,
    OauthSecret,
    Person,
    Token,
    hashed,
)
from brickyard.workspace.identity.sessions import Sessions
from brickyard.workspace.identity.tables import DEFAULT_TOKENS
from brickyard.workspace.kernel import (
    ApiError,
    Home,
    Principal,
    Store,
    WorkspaceInfo,
    denied,
    not_found,
    now_ms,
)

K = TypeVar("K")
V = TypeVar("V")
ACCESS_TOKEN_S = 3600
CACHED = 4096


class IdentityEngine:
    def __init__(self, store: Store, home: Home, workspaces: Mapping[str, WorkspaceInfo]) -> None:
        self._store = store
        self._key_file = home.keys / "identity"
        self._names = tuple(workspaces)
        self.sessions = Sessions(home.keys, self)
        self._lock = threading.Lock()
        self._age = 0  # number of writes seen; a look-up that began before one is not kept
        self._tokens: dict[str, Token] = {}
        self._principals: dict[tuple[int, str], Principal] = {}

    def start(self) -> None:
        self.ensure_defaults()

    def stop(self) -> None:
        """Nothing runs."""

    def ensure_defaults(self) -> None:
        """The default identities and their tokens, where missing."""
        with self.write() as tx:
            defaults.put_in_place(tx, self._names)
            for workspace in self._names:
                self._ensure_default_token(tx, workspace)

    @contextmanager
    def write(self) -> Iterator[Connection]:
        """A write transaction; what is cached is forgotten once it is committed."""
        try:
            with self._store.begin() as tx:
                yield tx
        finally:
            with self._lock:
                self._age += 1
                self._tokens.clear()
                self._principals.clear()

    def look(self) -> AbstractContextManager[Connection]:
        """A read transaction."""
        return self._store.read()

    # -- who calls ---------------------------------------------------------------------------

    def authenticate(self, headers: Mapping[str, str], workspace: WorkspaceInfo) -> Principal:
        """The caller. Raises 401 without a credential, 403 for one that is not good here."""
        return self.bearer(hashed(_credential(headers)), workspace)

    def bearer(self, digest: str, workspace: WorkspaceInfo) -> Principal:
        """Whose token has this digest. Raises PERMISSION_DENIED for one that is not good here."""
        token = self._token(digest)
        if token is None:
            raise ApiError("PERMISSION_DENIED", "Invalid access token.", status=403)
        if token.expires_ms is not None and token.expires_ms <= now_ms():
            raise ApiError("PERMISSION_DENIED", "Access token is expired.", status=403)
        if token.workspace != workspace.name:
            raise denied(
                f"This access token belongs to another workspace than {workspace.name!r};"
                f" use a token of {workspace.name!r}."
            )
        return _narrowed(self._principal(token.principal_id, workspace.name), token)

    def remembered(self, headers: Mapping[str, str], workspace: WorkspaceInfo) -> Principal | None:
        """The caller when memory knows all of it; `authenticate` decides everything else.

        Raises 401 without a credential.
        """
        token = self._tokens.get(hashed(_credential(headers)))
        if token is None or token.workspace != workspace.name:
            return None
        if token.expires_ms is not None and token.expires_ms <= now_ms():
            return None
        found = self._principals.get((token.principal_id, workspace.name))
        return _narrowed(found, token) if found is not None else None

    require_reach = staticmethod(scopes.require_reach)

    def _token(self, digest: str) -> Token | None:
        found = self._tokens.get(digest)
        if found is not None:
            return found
        age = self._age
        with self._store.read() as tx:
            found = credentials.token_hashed(tx, digest)
        if found is not None:
            self._keep(age, self._tokens, digest, found)
        return found

    def _principal(self, person_id: int, workspace: str) -> Principal:
        found = self._principals.get((person_id, workspace))
        if found is not None:
            return found
        age = self._age
        with self._store.read() as tx:
            person = directory.person_by_id(tx, person_id)
            if person is None or workspace not in directory.workspaces_of(tx, person_id):
                raise denied(f"This identity does not belong to the workspace {workspace!r}.")
            groups = directory.group_names(tx, person_id, workspace)
        if not person.active:
            raise denied(f"{person.display_name} is deactivated.")
        found = _shown(person, groups, is_admin=ADMINS in groups)
        self._keep(age, self._principals, (person_id, workspace), found)
        return found

    def _keep(self, age: int, cache: dict[K, V], key: K, value: V) -> None:
        with self._lock:
            if age == self._age:
                if len(cache) >= CACHED:
                    cache.clear()
                cache[key] = value

    # -- principals for other engines --------------------------------------------------------

    def principal(self, user_name: str, workspace: str | None = None) -> Principal:
        """The identity with this user name (a service principal's is its application id).

        As it is in one workspace; without one, with the groups of all its workspaces, and as an
        administrator only if it is one in each of them. Raises RESOURCE_DOES_NOT_EXIST.
        """
        with self._store.read() as tx:
            person = directory.person_named(tx, user_name)
            homes = directory.workspaces_of(tx, person.id) if person else frozenset()
            if person is None or (workspace is not None and workspace not in homes):
                where = f" in workspace {workspace!r}" if workspace else ""
                raise not_found(f"There is no user or service principal {user_name!r}{where}")
            asked = (workspace,) if workspace is not None else tuple(sorted(homes))
            each = [directory.group_names(tx, person.id, one) for one in asked]
        groups = frozenset[str]().union(*each)
        is_admin = bool(each) and all(ADMINS in names for names in each)
        return _shown(person, groups, is_admin=is_admin)

    def member(self, person_id: int, workspace: str) -> Principal:
        """An active member of the workspace, by id. Raises PERMISSION_DENIED. Quick."""
        return self._principal(person_id, workspace)

    def deployer(self, workspace: str) -> Principal:
        """Who deploys to the workspace and owns its default token."""
        return self.principal(defaults.deployer_name(workspace), workspace)

    def owner(self) -> Principal:
        """The person this data directory belongs to: administrator of the metastore."""
        return self.principal(defaults.person_name())

    def require_entitlement(
        self, principal: Principal, workspace: WorkspaceInfo, name: str
    ) -> None:
        """Raises PERMISSION_DENIED unless somebody or a group of theirs has an entitlement, such
        as `allow-cluster-create`; administrators have all."""
        if principal.is_admin:
            return
        with self.look() as tx:
            person = directory.person_named(tx, principal.user_name)
            groups = [directory.group_named(tx, one, workspace.name) for one in principal.groups]
        for holder in (person, *groups):
            items = holder.details.get("entitlements") if holder is not None else None
            if any(isinstance(one, dict) and one.get("value") == name for one in items or ()):
                return
        raise denied(f"{principal.user_name} is not entitled to this: it takes {name}")

    def is_user(self, user_name: str) -> bool:
        return self._is(user_name, Kind.USER)

    def is_service_principal(self, application_id: str) -> bool:
        return self._is(application_id, Kind.SERVICE_PRINCIPAL)

    def is_group(self, name: str, workspace: str | None = None) -> bool:
        """Whether a group of this name exists in the account or in the workspace."""
        if name in BUILT_IN:
            return True
        asked = (workspace,) if workspace is not None else self._names
        with self._store.read() as tx:
            return any(directory.group_named(tx, name, one) is not None for one in asked)

    def exists(self, name: str) -> bool:
        """Whether anybody (user, service principal or group) has this name, as grants need it."""
        with self._store.read() as tx:
            if directory.person_named(tx, name) is not None:
                return True
        return self.is_group(name)

    def _is(self, user_name: str, kind: Kind) -> bool:
        with self._store.read() as tx:
            person = directory.person_named(tx, user_name)
        return person is not None and person.kind is kind

    # -- tokens ------------------------------------------------------------------------------

    def issue_token(
        self,
        principal: Principal,
        workspace: str,
        *,
        lifetime_s: int,
        comment: str,
        limits: frozenset[str] | None = None,
    ) -> str:
        """A short-lived token for a process that acts for the principal in one workspace.

        `limits` are the scopes it is for; without them it reaches what the principal's own token
        reaches.
        """
        self._principal(principal.id, workspace)
        kept = principal.scopes if limits is None else limits
        text = credentials.new_text("task")
        with self._store.begin() as tx:
            credentials.add_token(
                tx,
                text,
                kind="task",
                workspace=workspace,
                principal_id=principal.id,
                comment=comment,
                lifetime_s=lifetime_s,
                scopes=kept or frozenset(),
            )
        return text

    def prolong(self, token: str, lifetime_s: int) -> None:
        """Let a token live for so long from now, for a process that still runs.

        One that has ended stays ended.
        """
        with self.write() as tx:
            credentials.prolong(tx, token, lifetime_s)

    def revoke(self, token: str) -> None:
        """End a token at once. Quiet when it has ended already."""
        with self.write() as tx:
            credentials.drop_text(tx, token)

    def create_pat(
        self,
        principal: Principal,
        workspace: str,
        *,
        comment: str,
        lifetime_s: int | None,
        limits: frozenset[str] = frozenset(),
    ) -> tuple[Token, str]:
        """A personal access token and its text, which is shown only now.

        `limits` are the scopes it is for; none: those of the token that asks for it. Raises
        PERMISSION_DENIED for more than that one has.
        """
        limits = scopes.within(principal, limits)
        text = credentials.new_text("pat")
        with self._store.begin() as tx:
            token = credentials.add_token(
                tx,
                text,
                kind="pat",
                workspace=workspace,
                principal_id=principal.id,
                comment=comment,
                lifetime_s=lifetime_s,
                scopes=limits,
            )
        return token, text

    def pats(self, workspace: str, principal: Principal | None = None) -> list[Token]:
        with self._store.read() as tx:
            return credentials.pats(tx, workspace, principal.id if principal else None)

    def pat(self, workspace: str, token_id: str, caller: Principal) -> Token:
        """A token of the caller's, or anybody's for an administrator; else it does not exist."""
        with self._store.read() as tx:
            token = credentials.token_by_id(tx, token_id)
        mine = token is not None and (token.principal_id == caller.id or caller.is_admin)
        if token is None or not mine or token.workspace != workspace or token.kind != "pat":
            raise not_found(f"Token with id {token_id} does not exist")
        return token

    def drop_pat(self, token: Token) -> None:
        with self.write() as tx:
            credentials.drop_token(tx, token.id)

    def edit_pat(
        self, token: Token, caller: Principal, comment: str | None, limits: frozenset[str] | None
    ) -> None:
        """Change what is given. Raises PERMISSION_DENIED as `create_pat` does."""
        if limits is not None:
            limits = scopes.within(caller, limits)
        with self.write() as tx:
            credentials.edit_token(tx, token.id, comment, limits)

    def default_token(self, workspace: str) -> str:
        """The token of the workspace's deployer: the same after a restart."""
        with self._store.read() as tx:
            chosen = DEFAULT_TOKENS.c.workspace == workspace
            nonce = tx.execute(select(DEFAULT_TOKENS.c.nonce).where(chosen)).scalar_one()
        return self._derived(nonce)

    def _ensure_default_token(self, tx: Connection, workspace: str) -> None:
        """Make the token where there is none, where it was revoked or its key file is gone."""
        chosen = DEFAULT_TOKENS.c.workspace == workspace
        row = tx.execute(select(DEFAULT_TOKENS).where(chosen)).first()
        person = directory.person_named(tx, defaults.deployer_name(workspace))
        assert person is not None
        if row is not None:
            token = credentials.token_hashed(tx, hashed(self._derived(row.nonce)))
            if token is not None and token.principal_id == person.id:
                return
            credentials.drop_token(tx, row.token_id)
            tx.execute(delete(DEFAULT_TOKENS).where(chosen))
        nonce = secrets.token_hex(16)
        token = credentials.add_token(
            tx,
            self._derived(nonce),
            kind="pat",
            workspace=workspace,
            principal_id=person.id,
            comment="default token of this workspace",
        )
        added = {"workspace": workspace, "token_id": token.id, "nonce": nonce}
        tx.execute(insert(DEFAULT_TOKENS).values(added))

    def _derived(self, nonce: str) -> str:
        digest = hmac.new(key_of(self._key_file), nonce.encode(), hashlib.sha256).hexdigest()
        return credentials.PREFIX["pat"] + digest[:40]

    # -- OAuth -------------------------------------------------------------------------------

    def grant_access(
        self, client_id: str, client_secret: str, workspace: str, limits: frozenset[str]
    ) -> str | None:
        """An access token for good client credentials of a member of the workspace, or None."""
        with self._store.read() as tx:
            person = directory.person_named(tx, client_id)
            known = credentials.secrets_of(tx, person.id) if person else []
        digest, now = hashed(client_secret), now_ms()
        good = [one for one in known if hmac.compare_digest(one.hash, digest)]
        if person is None or not any(one.expires_ms > now for one in good):
            return None
        try:
            self._principal(person.id, workspace)
        except ApiError:
            return None
        text = credentials.new_text("oauth")
        with self._store.begin() as tx:
            credentials.add_token(
                tx,
                text,
                kind="oauth",
                workspace=workspace,
                principal_id=person.id,
                comment="OAuth client credentials",
                lifetime_s=ACCESS_TOKEN_S,
                scopes=limits,
            )
        return text

    def create_oauth_secret(
        self, caller: Principal, workspace: str, person_id: str, *, lifetime_s: int
    ) -> tuple[OauthSecret, str]:
        """A secret of a service principal and its text, which is shown only now."""
        robot = self._robot(caller, workspace, person_id)
        with self.write() as tx:
            return credentials.add_secret(tx, robot.id, lifetime_s)

    def oauth_secrets(self, caller: Principal, workspace: str, person_id: str) -> list[OauthSecret]:
        robot = self._robot(caller, workspace, person_id)
        with self._store.read() as tx:
            return credentials.secrets_of(tx, robot.id)

    def drop_oauth_secret(
        self, caller: Principal, workspace: str, person_id: str, secret_id: str
    ) -> None:
        """End a secret. Access tokens that were issued for it live until they expire."""
        robot = self._robot(caller, workspace, person_id)
        with self.write() as tx:
            if secret_id not in {one.id for one in credentials.secrets_of(tx, robot.id)}:
                raise not_found(f"There is no OAuth secret {secret_id}")
            credentials.drop_secret(tx, secret_id)

    def _robot(self, caller: Principal, workspace: str, person_id: str) -> Person:
        """A service principal of the workspace whose secrets the caller may manage."""
        with self._store.read() as tx:
            person = directory.person_by_id(tx, number_of(person_id))
            here = person is not None and workspace in directory.workspaces_of(tx, person.id)
            may = person is not None and (
                caller.id == person.id or directory.administers(tx, caller.id, person.id)
            )
        if person is None or not here or person.kind is not Kind.SERVICE_PRINCIPAL:
            raise not_found(f"There is no service principal with id {person_id}")
        if not may:
            raise denied(
                f"You may not manage the secrets of {person.display_name}: that takes an"
                " administrator of every workspace it belongs to"
            )
        return person


def number_of(text: str) -> int:
    """An id as the database has it; -1, which nobody has, for anything else."""
    return int(text) if text.isascii() and text.isdecimal() and len(text) < 19 else -1


def _credential(headers: Mapping[str, str]) -> str:
    """The token of an Authorization header: `Bearer <token>`, or `Basic` with it as password."""
    scheme, _, given = headers.get("authorization", "").strip().partition(" ")
    given = given.strip()
    if scheme.lower() == "bearer" and given:
        return given
    if scheme.lower() == "basic" and given:
        try:
            user, _, password = base64.b64decode(given, validate=True).decode().partition(":")
        except (binascii.Error, UnicodeDecodeError):
            user, password = "", ""
        if user == "token" and password:
            return password
    raise ApiError(
        "UNAUTHENTICATED",
        "Credential was not sent or was of an unsupported type for this API."
        " Send 'Authorization: Bearer <token>'.",
        headers={"WWW-Authenticate": 'Bearer realm="brickyard"'},
    )


def _narrowed(found: Principal, token: Token) -> Principal:
    limits = scopes.narrowing(token.scopes)
    return found if limits is None else replace(found, scopes=limits)


def _shown(person: Person, groups: frozenset[str], *, is_admin: bool) -> Principal:
    return Principal(
        id=person.id,
        user_name=person.user_name,
        display_name=person.display_name,
        is_service_principal=person.kind is Kind.SERVICE_PRINCIPAL,
        groups=groups,
        is_admin=is_admin,
    )

"""Git credentials: each belongs to one principal; the token is encrypted and never given back."""

from __future__ import annotations

import base64
import secrets
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from brickyard.workspace.git.addresses import provider_of
from brickyard.workspace.git.client import Login
from brickyard.workspace.identity.engine import IdentityEngine
from brickyard.workspace.kernel import (
    Documents,
    Home,
    Principal,
    Store,
    WorkspaceInfo,
    denied,
    document_table,
    invalid,
    not_found,
)
from brickyard.workspace.kernel.documents import Document
from brickyard.workspace.secrets.sealing import Seal

CREDENTIALS = document_table("git_credentials")
SEALED: Final = "git-credentials"
# What providers take as user name beside a token, where the user gave none.
TOKEN_USERS: Final = {"gitLab": "oauth2", "bitbucketCloud": "x-token-auth"}


@dataclass(frozen=True, slots=True, kw_only=True)
class GivenCredential:
    """What a caller says; what is None was left out."""

    git_provider: str
    git_username: str | None = None
    git_email: str | None = None
    personal_access_token: str | None = None
    name: str | None = None
    is_default_for_provider: bool | None = None
    principal_id: int | None = None


class GitCredentials:
    def __init__(self, store: Store, home: Home, identity: IdentityEngine) -> None:
        self._documents = Documents(store, CREDENTIALS, "Git credential", missing=not_found)
        self._seal = Seal(home)
        self._identity = identity

    def create(
        self, caller: Principal, workspace: WorkspaceInfo, given: GivenCredential
    ) -> Document:
        owner = self._owner(caller, workspace, given.principal_id)
        provider = provider_of("", given.git_provider) if given.git_provider else ""
        if not provider:
            raise invalid("git_provider is required")
        id = str(10**14 + secrets.randbelow(9 * 10**14))
        mine = [one for one in self._of(workspace, owner) if one.body["provider"] == provider]
        is_default = given.is_default_for_provider
        body = {
            "provider": provider,
            "username": given.git_username or "",
            "email": given.git_email or "",
            "is_default": not mine if is_default is None else is_default,
            "sealed": self._sealed(id, given.personal_access_token or ""),
        }
        if body["is_default"]:
            self._no_other_default(workspace, mine)
        return self._documents.add(
            workspace.name, given.name or "", body, creator=owner.user_name, id=id
        )

    def all(
        self, caller: Principal, workspace: WorkspaceInfo, principal_id: int | None = None
    ) -> tuple[Document, ...]:
        return self._of(workspace, self._owner(caller, workspace, principal_id))

    def get(
        self, caller: Principal, workspace: WorkspaceInfo, id: str, principal_id: int | None = None
    ) -> Document:
        """One's own; somebody else's does not exist."""
        owner = self._owner(caller, workspace, principal_id)
        found = self._documents.get(workspace.name, id)
        if found.creator != owner.user_name:
            raise not_found(f"Git credential {id} does not exist")
        return found

    def update(
        self, caller: Principal, workspace: WorkspaceInfo, id: str, given: GivenCredential
    ) -> None:
        found = self.get(caller, workspace, id, given.principal_id)
        changed: dict[str, Any] = {}
        if given.git_provider:
            changed["provider"] = provider_of("", given.git_provider)
        if given.git_username is not None:
            changed["username"] = given.git_username
        if given.git_email is not None:
            changed["email"] = given.git_email
        if given.personal_access_token is not None:
            changed["sealed"] = self._sealed(id, given.personal_access_token)
        if given.is_default_for_provider is not None:
            changed["is_default"] = given.is_default_for_provider
        provider = changed.get("provider", found.body["provider"])
        if changed.get("is_default"):
            owner = self._owner(caller, workspace, given.principal_id)
            same = [one for one in self._of(workspace, owner) if one.body["provider"] == provider]
            self._no_other_default(workspace, [one for one in same if one.id != id])
        self._documents.change(
            workspace.name, id, lambda before: {**before.body, **changed}, name=given.name or ""
        )

    def delete(
        self, caller: Principal, workspace: WorkspaceInfo, id: str, principal_id: int | None = None
    ) -> None:
        self.get(caller, workspace, id, principal_id)
        self._documents.remove(workspace.name, id)

    def login(
        self, caller: Principal, workspace: WorkspaceInfo, provider: str, id: str = ""
    ) -> Login | None:
        """Who the caller is at a provider: a named credential, or their default one, or nobody."""
        if id:
            found = self.get(caller, workspace, id)
        else:
            mine = [o for o in self._of(workspace, caller) if o.body["provider"] == provider]
            mine.sort(key=lambda one: not one.body["is_default"])
            if not mine:
                return None
            found = mine[0]
        password = self._opened(found)
        user = str(found.body["username"]) or TOKEN_USERS.get(provider, "git")
        return Login(user=user, password=password) if password else None

    def _owner(
        self, caller: Principal, workspace: WorkspaceInfo, principal_id: int | None
    ) -> Principal:
        """Whose credentials: one's own, or those of a service principal, for an administrator."""
        if principal_id is None or principal_id == caller.id:
            return caller
        if not caller.is_admin:
            raise denied("Only workspace admins manage the Git credentials of service principals")
        return self._identity.member(principal_id, workspace.name)

    def _of(self, workspace: WorkspaceInfo, owner: Principal) -> tuple[Document, ...]:
        every = self._documents.all(workspace.name)
        return tuple(one for one in every if one.creator == owner.user_name)

    def _no_other_default(self, workspace: WorkspaceInfo, others: list[Document]) -> None:
        for one in others:
            if one.body["is_default"]:
                self._documents.change(
                    workspace.name, one.id, lambda before: {**before.body, "is_default": False}
                )

    def _sealed(self, id: str, token: str) -> str:
        return base64.b64encode(self._seal.close(token.encode(), SEALED, id)).decode()

    def _opened(self, found: Document) -> str:
        sealed = base64.b64decode(str(found.body["sealed"]))
        return self._seal.open(sealed, SEALED, found.id).decode()


def shown(found: Document) -> Mapping[str, Any]:
    """As the API answers it: everything but the token."""
    body = found.body
    fields = {
        "credential_id": int(found.id),
        "git_provider": body["provider"],
        "git_username": body["username"],
        "git_email": body["email"],
        "name": found.name,
        "is_default_for_provider": body["is_default"],
    }
    return {key: value for key, value in fields.items() if value not in ("", None)}

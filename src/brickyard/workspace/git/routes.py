"""Git folders and Git credentials, as workspace.ReposAPI and GitCredentialsAPI call them.

Permissions are those of the folder (`/api/2.0/permissions/repos/{id}`). Left out: the snapshots of
folders that the web page makes, and linking an account by a provider's own app.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

from brickyard.workspace.git.credentials import GivenCredential
from brickyard.workspace.git.credentials import shown as credential
from brickyard.workspace.git.engine import Move, Wanted, shown
from brickyard.workspace.kernel import Call, Json, Route, invalid
from brickyard.workspace.kernel.paging import take_page

REPOS = "/api/2.0/repos"
CREDENTIALS = "/api/2.0/git-credentials"
PAGE: Final = 20  # as the service does


@dataclass(frozen=True, slots=True, kw_only=True)
class Sparse:
    patterns: Sequence[str] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class CreateRepo:
    url: str
    provider: str = ""
    path: str = ""
    branch: str = ""
    tag: str = ""
    sparse_checkout: Sparse | None = None
    git_credential_id: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class UpdateRepo:
    branch: str = ""
    tag: str = ""
    sparse_checkout: Sparse | None = None
    git_credential_id: int | None = None
    dangerously_force_discard_all: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Credential:
    git_provider: str = ""
    git_username: str | None = None
    git_email: str | None = None
    personal_access_token: str | None = None
    name: str | None = None
    is_default_for_provider: bool | None = None
    principal_id: int | None = None

    def given(self) -> GivenCredential:
        return GivenCredential(
            git_provider=self.git_provider,
            git_username=self.git_username,
            git_email=self.git_email,
            personal_access_token=self.personal_access_token,
            name=self.name,
            is_default_for_provider=self.is_default_for_provider,
            principal_id=self.principal_id,
        )


def create(call: Call) -> Json:
    want = call.read(CreateRepo)
    made = call.engines.git.create(
        call.principal,
        call.workspace,
        Wanted(
            url=want.url,
            provider=want.provider,
            path=want.path,
            branch=want.branch,
            tag=want.tag,
            patterns=_patterns(want.sparse_checkout),
            credential_id=str(want.git_credential_id or ""),
        ),
    )
    return shown(made)


def fetch(call: Call) -> Json:
    return shown(call.engines.git.folder(call.principal, call.workspace, call.path["id"]))


def browse(call: Call) -> Json:
    found = call.engines.git.all(call.principal, call.workspace, call.query("path_prefix") or "")
    page, token = take_page(found, call.query("next_page_token"), PAGE)
    answer: dict[str, Any] = {"repos": [shown(one) for one in page]} if page else {}
    return answer | ({"next_page_token": token} if token else {})


def update(call: Call) -> Json:
    want = call.read(UpdateRepo)
    id = want.git_credential_id
    move = Move(
        branch=want.branch,
        tag=want.tag,
        patterns=_patterns(want.sparse_checkout),
        credential_id=None if id is None else str(id or ""),
        discard=want.dangerously_force_discard_all,
    )
    call.engines.git.update(call.principal, call.workspace, call.path["id"], move)
    return {}


def drop(call: Call) -> Json:
    call.engines.git.delete(call.principal, call.workspace, call.path["id"])
    return {}


def create_credential(call: Call) -> Json:
    want = call.read(Credential).given()
    return credential(call.engines.git.credentials.create(call.principal, call.workspace, want))


def fetch_credential(call: Call) -> Json:
    credentials, id = call.engines.git.credentials, call.path["id"]
    return credential(credentials.get(call.principal, call.workspace, id, _principal(call)))


def browse_credentials(call: Call) -> Json:
    found = call.engines.git.credentials.all(call.principal, call.workspace, _principal(call))
    return {"credentials": [credential(one) for one in found]} if found else {}


def update_credential(call: Call) -> Json:
    want, id = call.read(Credential).given(), call.path["id"]
    call.engines.git.credentials.update(call.principal, call.workspace, id, want)
    return {}


def drop_credential(call: Call) -> Json:
    credentials, id = call.engines.git.credentials, call.path["id"]
    credentials.delete(call.principal, call.workspace, id, _principal(call))
    return {}


def _patterns(sparse: Sparse | None) -> tuple[str, ...] | None:
    if sparse is None:
        return None
    for one in sparse.patterns:
        parts = one.strip("/").split("/")
        if not one.strip("/") or ".." in parts or one.startswith("-") or "\n" in one:
            raise invalid(f"sparse_checkout: {one[:60]!r} is not a folder of the repository")
    return tuple(one.strip("/") for one in sparse.patterns)


def _principal(call: Call) -> int | None:
    return call.integer("principal_id") or None


ROUTES = (
    Route("POST", REPOS, create),
    Route("GET", REPOS, browse),
    Route("GET", f"{REPOS}/{{id}}", fetch),
    Route("PATCH", f"{REPOS}/{{id}}", update),
    Route("DELETE", f"{REPOS}/{{id}}", drop),
    Route("POST", CREDENTIALS, create_credential),
    Route("GET", CREDENTIALS, browse_credentials),
    Route("GET", f"{CREDENTIALS}/{{id}}", fetch_credential),
    Route("PATCH", f"{CREDENTIALS}/{{id}}", update_credential),
    Route("DELETE", f"{CREDENTIALS}/{{id}}", drop_credential),
)

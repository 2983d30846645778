"""Git folders: repositories checked out in the workspace tree, and commits that jobs run from.

A Git folder is a folder of the tree like any other, so its notebooks run, its files are edited in
place, and its permissions are those of the folder; its id is the folder's. The repository's data is
in `git/<workspace>/<name>` of the data directory, outside of what tasks see. A change is written
down before the working tree is touched, and done again at the next start if a kill came between.
"""

from __future__ import annotations

import shutil
import threading
import uuid
from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from brickyard.workspace.files.engine import FilesEngine
from brickyard.workspace.git.addresses import checked_url, name_of, provider_of
from brickyard.workspace.git.client import GitFailed, Repository, as_api_error, tools_in
from brickyard.workspace.git.credentials import GitCredentials
from brickyard.workspace.git.snapshots import JOBS_ROOT, Snapshots, commit_of
from brickyard.workspace.identity.engine import IdentityEngine
from brickyard.workspace.kernel import (
    ApiError,
    Documents,
    Home,
    Principal,
    Store,
    WorkspaceInfo,
    document_table,
    exists,
    invalid,
    not_found,
)
from brickyard.workspace.kernel.documents import Document
from brickyard.workspace.permissions.engine import PermissionsEngine

FOLDERS = document_table("git_folders")
IN_THE_WAY: Final = (
    "Files were changed in the workspace that the update would write over: put them aside, or pass"
    " dangerously_force_discard_all to lose every change"
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """A Git folder to make."""

    url: str
    provider: str = ""
    path: str = ""
    branch: str = ""
    tag: str = ""
    patterns: tuple[str, ...] | None = None  # of a sparse checkout; None: all of it
    credential_id: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Move:
    """What an update asks for; empty is left as it is."""

    branch: str = ""
    tag: str = ""
    patterns: tuple[str, ...] | None = None
    credential_id: str | None = None
    discard: bool = False


class GitEngine:
    def __init__(
        self,
        store: Store,
        home: Home,
        workspaces: Mapping[str, WorkspaceInfo],
        *,
        identity: IdentityEngine,
        files: FilesEngine,
        permissions: PermissionsEngine,
    ) -> None:
        self._home = home
        self._workspaces = workspaces
        self._files = files
        self._folders = Documents(store, FOLDERS, "Repo", missing=_no_folder)
        self.credentials = GitCredentials(store, home, identity)
        self.snapshots = Snapshots(store, home, files, permissions, self.credentials)
        self._locks: defaultdict[str, threading.Lock] = defaultdict(threading.Lock)

    def start(self) -> None:
        """Finish what a kill interrupted; remove repositories that nobody knows."""
        for workspace in self._workspaces.values():
            known = set[str]()
            for one in self._folders.all(workspace.name):
                known.add(str(one.body["data"]))
                if not one.body["settled"] and self._path(workspace, one) is not None:
                    self._resume(workspace, one)
            place = self._home.git / workspace.name
            for path in place.iterdir() if place.is_dir() else ():
                if path.name not in known:
                    shutil.rmtree(path, ignore_errors=True)

    def stop(self) -> None:
        """Nothing runs."""

    # -- Git folders -------------------------------------------------------------------------

    def create(self, caller: Principal, workspace: WorkspaceInfo, wanted: Wanted) -> Document:
        url = checked_url(wanted.url, self._home.root, caller)
        provider = provider_of(url, wanted.provider)
        path = wanted.path or f"/Repos/{caller.user_name}/{name_of(url)}"
        path = _checked_path(path)
        self._require_free(caller, workspace, path)
        login = self.credentials.login(caller, workspace, provider, wanted.credential_id)
        data = uuid.uuid4().hex
        repository = self._repository(workspace, data, Path())
        try:
            repository.make(url)
            repository.fetch(login)
            named = bool(wanted.branch or wanted.tag)
            branch = wanted.branch or ("" if named else repository.default_branch(login))
            commit = commit_of(repository, branch=branch, tag=wanted.tag)
        except GitFailed as fault:
            shutil.rmtree(repository.data, ignore_errors=True)
            raise as_api_error(fault, f"{url} cannot be cloned") from None
        except ApiError:
            shutil.rmtree(repository.data, ignore_errors=True)
            raise
        self._files.make_folder(caller, workspace, path)
        body = {
            "url": url,
            "provider": provider,
            "branch": branch,
            "tag": wanted.tag,
            "commit": commit,
            "patterns": list(wanted.patterns) if wanted.patterns is not None else None,
            "credential_id": wanted.credential_id,
            "data": data,
            "settled": False,
        }
        id = str(self._files.object(workspace, path).id)
        made = self._folders.add(workspace.name, path, body, creator=caller.user_name, id=id)
        return self._settle(workspace, made, discard=True)

    def folder(
        self, caller: Principal, workspace: WorkspaceInfo, id: str, level: str = "CAN_READ"
    ) -> Document:
        """The Git folder, for somebody who has the level on it."""
        found = self.known(workspace, id)
        self._require(caller, workspace, found, level)
        return found

    def known(self, workspace: WorkspaceInfo, id: str) -> Document:
        """The same, whoever asks. One whose folder was deleted is gone."""
        found = self._folders.get(workspace.name, id)
        if self._path(workspace, found) is None:
            self._forget(workspace, found)
            raise _no_folder(id)
        return found

    def all(
        self, caller: Principal, workspace: WorkspaceInfo, prefix: str = ""
    ) -> tuple[Document, ...]:
        """What the caller may see, by path."""
        start = prefix.removeprefix("/Workspace")
        every = sorted(self._folders.all(workspace.name), key=lambda one: one.name)
        return tuple(
            one
            for one in every
            if one.name.startswith(start)
            and self._path(workspace, one) is not None
            and self._sees(caller, workspace, one)
        )

    def around(self, workspace: WorkspaceInfo, path: str) -> Document | None:
        """The Git folder that a path of the tree is, or lies in."""
        bare = path.removeprefix("/Workspace")
        for one in self._folders.all(workspace.name):
            if bare == one.name or bare.startswith(f"{one.name}/"):
                return one
        return None

    def info(self, one: Document) -> dict[str, Any]:
        """What a bundle that is deployed from within the folder asks for."""
        kept = ("id", "path", "url", "branch", "head_commit_id")
        return {key: value for key, value in shown(one).items() if key in kept}

    def ids(self, workspace: WorkspaceInfo) -> frozenset[str]:
        """Ids of every Git folder, which are those of the folders."""
        return frozenset(one.id for one in self._folders.all(workspace.name))

    def update(self, caller: Principal, workspace: WorkspaceInfo, id: str, move: Move) -> None:
        """To the newest commit of a branch, or to a tag. Local changes in the way are refused."""
        found = self.folder(caller, workspace, id, "CAN_MANAGE")
        if move.branch and move.tag:
            raise invalid("Only one of branch and tag can be given")
        if move.patterns is not None and found.body["patterns"] is None:
            raise invalid("Sparse checkout can't be turned on after a Git folder was made")
        credential = found.body["credential_id"]
        if move.credential_id is not None:
            credential = move.credential_id
        login = self.credentials.login(caller, workspace, str(found.body["provider"]), credential)
        with self._locks[id]:
            tree = self._files.resolve(workspace, found.name)
            repository = self._repository(workspace, str(found.body["data"]), tree)
            try:
                repository.fetch(login)
                branch = "" if move.tag else move.branch or str(found.body["branch"])
                tag = "" if branch else move.tag or str(found.body["tag"])
                commit = commit_of(repository, branch=branch, tag=tag)
                if not move.discard and not repository.keeps_changes(commit):
                    raise ApiError("INVALID_STATE", IN_THE_WAY)
            except GitFailed as fault:
                raise as_api_error(fault, f"{found.name} cannot be updated") from None
            changed = {"branch": branch, "tag": tag, "commit": commit, "credential_id": credential}
            if move.patterns is not None:
                changed["patterns"] = list(move.patterns)
            wanted = self._folders.change(
                workspace.name, id, lambda before: {**before.body, **changed, "settled": False}
            )
        self._settle(workspace, wanted, discard=move.discard)

    def delete(self, caller: Principal, workspace: WorkspaceInfo, id: str) -> None:
        """The folder, with whatever is in it, and its repository."""
        found = self.folder(caller, workspace, id, "CAN_MANAGE")
        self._files.drop(caller, workspace, found.name, recursive=True)
        self._forget(workspace, found)

    # -- within ------------------------------------------------------------------------------

    def _resume(self, workspace: WorkspaceInfo, one: Document) -> None:
        """What a kill interrupted; where half of it is in its own way, the commit wins."""
        for discard in (False, True):
            try:
                self._settle(workspace, one, discard=discard)
            except ApiError:
                continue
            return

    def _settle(self, workspace: WorkspaceInfo, one: Document, *, discard: bool) -> Document:
        """Make the working tree what was written down."""
        body = one.body
        tree = self._files.resolve(workspace, one.name)
        repository = self._repository(workspace, str(body["data"]), tree)
        with self._locks[one.id]:
            try:
                if body["patterns"] is not None:
                    repository.sparse([str(pattern) for pattern in body["patterns"]])
                repository.check_out(
                    str(body["commit"]), branch=str(body["branch"]), discard=discard
                )
            except GitFailed as fault:
                raise as_api_error(fault, f"{one.name} cannot be checked out") from None
            return self._folders.change(
                workspace.name, one.id, lambda before: {**before.body, "settled": True}
            )

    def _repository(self, workspace: WorkspaceInfo, data: str, tree: Path) -> Repository:
        return Repository(self._home.git / workspace.name / data, tree, tools_in(self._home))

    def _require_free(self, caller: Principal, workspace: WorkspaceInfo, path: str) -> None:
        """Raise when something is at the path; an empty folder that a kill left is nothing."""
        try:
            disk = self._files.status(caller, workspace, path).disk
        except ApiError as fault:
            if fault.status != 404:
                raise
            return
        if not disk.is_dir() or any(disk.iterdir()):
            raise exists(f"{path} already exists: choose another path", status=400)

    def _require(
        self, caller: Principal, workspace: WorkspaceInfo, one: Document, level: str
    ) -> None:
        found = self._files.readable(caller, workspace, one.name)
        self._files.require(caller, workspace, found, level)

    def _sees(self, caller: Principal, workspace: WorkspaceInfo, one: Document) -> bool:
        try:
            self._files.readable(caller, workspace, one.name)
        except ApiError:
            return False
        return True

    def _path(self, workspace: WorkspaceInfo, one: Document) -> Path | None:
        """Where the folder is on disk; None if it was deleted."""
        try:
            found = self._files.object(workspace, one.name)
        except ApiError:
            return None
        return found.disk if str(found.id) == one.id else None

    def _forget(self, workspace: WorkspaceInfo, one: Document) -> None:
        try:
            self._folders.remove(workspace.name, one.id)
        except ApiError:
            return
        shutil.rmtree(self._home.git / workspace.name / str(one.body["data"]), ignore_errors=True)


def shown(one: Document) -> dict[str, Any]:
    """As the API answers it."""
    body = one.body
    fields: dict[str, Any] = {
        "id": int(one.id),
        "path": one.name,
        "url": body["url"],
        "provider": body["provider"],
        "branch": body["branch"],
        "head_commit_id": body["commit"],
    }
    if body["patterns"] is not None:
        fields["sparse_checkout"] = {"patterns": list(body["patterns"])}
    return {key: value for key, value in fields.items() if value != ""}


def _checked_path(path: str) -> str:
    bare = path.removeprefix("/Workspace").rstrip("/")
    parts = bare.strip("/").split("/")
    if not bare.startswith("/") or (parts[0] == "Repos" and len(parts) != 3):
        raise invalid(f"path ({path}) must be absolute; below /Repos it is /Repos/<folder>/<name>")
    if bare.startswith(JOBS_ROOT):
        raise invalid(f"{JOBS_ROOT} is the workspace's own")
    return "/" + "/".join(parts)


def _no_folder(_: str) -> ApiError:
    return not_found("Repo could not be found")

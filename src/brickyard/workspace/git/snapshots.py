"""Commits that jobs run from: `git_source`, checked out once for all the tasks of a run.

The files are laid out below `/Repos/.internal`, as the service does it, one folder for each commit;
which commit a run uses is written down with its first task, so that a branch that moves on
meanwhile, or a server that starts again, changes nothing. Whoever a run runs as fetches with their
own Git credential, and only they may read what was fetched.
"""

from __future__ import annotations

import hashlib
import shutil
import threading
import uuid
from collections import defaultdict
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

from brickyard.workspace.files.engine import FilesEngine
from brickyard.workspace.git.addresses import checked_reference, checked_url, provider_of
from brickyard.workspace.git.client import GitFailed, Repository, as_api_error, tools_in
from brickyard.workspace.git.credentials import GitCredentials
from brickyard.workspace.kernel import (
    Documents,
    Home,
    Principal,
    Store,
    WorkspaceInfo,
    document_table,
    invalid,
    not_found,
)
from brickyard.workspace.permissions.engine import Entry, PermissionsEngine, Subject

SNAPSHOTS = document_table("git_snapshots")
JOBS_ROOT: Final = "/Repos/.internal"
REFERENCES: Final = {"branch": "refs/remotes/origin/", "tag": "refs/tags/", "commit": ""}


class Snapshots:
    def __init__(
        self,
        store: Store,
        home: Home,
        files: FilesEngine,
        permissions: PermissionsEngine,
        credentials: GitCredentials,
    ) -> None:
        self._home, self._files = home, files
        self._permissions, self._credentials = permissions, credentials
        self._runs = Documents(store, SNAPSHOTS, "Git snapshot")
        self._locks: defaultdict[str, threading.Lock] = defaultdict(threading.Lock)

    def folder(
        self, run_as: Principal, workspace: WorkspaceInfo, run_id: int, source: Mapping[str, Any]
    ) -> str:
        """The path of the tree with the commit that a run uses. Raises what `git` says."""
        url = checked_url(str(source.get("git_url", "")), self._home.root, run_as)
        provider = provider_of(url, str(source.get("git_provider", "")))
        with self._locks[f"{workspace.name} {url}"]:
            seen = self._runs.find(workspace.name, str(run_id))
            try:
                repository = self._fetched(run_as, workspace, url, provider)
                commit = str(seen.body["commit"]) if seen else _named(repository, source)
                path = f"{JOBS_ROOT}/{_key(url)}/{commit}"
                self._lay_out(workspace, repository, path, commit)
            except GitFailed as fault:
                raise as_api_error(fault, f"{url} cannot be checked out") from None
            if seen is None:
                body = {"commit": commit, "url": url}
                creator, id = run_as.user_name, str(run_id)
                self._runs.add(workspace.name, path, body, creator=creator, id=id)
        self._let_read(run_as, workspace, path)
        return path

    def commit(self, workspace: WorkspaceInfo, run_id: int) -> str:
        """The commit that a run's tasks use; empty before the first of them started."""
        found = self._runs.find(workspace.name, str(run_id))
        return str(found.body["commit"]) if found else ""

    def _fetched(
        self, run_as: Principal, workspace: WorkspaceInfo, url: str, provider: str
    ) -> Repository:
        data = self._home.git / "jobs" / workspace.name / _key(url)
        repository = Repository(data, Path(), tools_in(self._home))
        if not (data / "made").exists():
            shutil.rmtree(data, ignore_errors=True)
            repository.make(url)
            (data / "made").touch()
        repository.fetch(self._credentials.login(run_as, workspace, provider))
        return repository

    def _lay_out(
        self, workspace: WorkspaceInfo, repository: Repository, path: str, commit: str
    ) -> None:
        """The commit's files at a path of the tree, all or nothing."""
        target = self._home.files_of(workspace.name) / path.lstrip("/")
        if target.is_dir():
            return
        draft = self._home.git / "drafts" / uuid.uuid4().hex
        draft.mkdir(parents=True)
        repository.tree = draft
        try:
            repository.check_out(commit, branch="", discard=True)
            target.parent.mkdir(parents=True, exist_ok=True)
            draft.rename(target)
        finally:
            shutil.rmtree(draft, ignore_errors=True)

    def _let_read(self, run_as: Principal, workspace: WorkspaceInfo, path: str) -> None:
        subject = Subject("directories", str(self._files.object(workspace, path).id))
        kind = "service_principal_name" if run_as.is_service_principal else "user_name"
        reads = Entry(kind=kind, name=run_as.user_name, level="CAN_RUN")
        self._permissions.merge(workspace, subject, [reads])


def commit_of(repository: Repository, *, branch: str = "", tag: str = "", commit: str = "") -> str:
    """The commit that a branch, a tag or a name means. Raises RESOURCE_DOES_NOT_EXIST."""
    for kind, name in (("branch", branch), ("tag", tag), ("commit", commit)):
        if name:
            found = repository.commit_of(REFERENCES[kind] + checked_reference(name, kind))
            if not found:
                raise not_found(f"The remote repository has no {kind} {name}")
            return found
    raise invalid("The repository has no commit yet")


def _named(repository: Repository, source: Mapping[str, Any]) -> str:
    named = {kind: str(source[f"git_{kind}"]) for kind in REFERENCES if source.get(f"git_{kind}")}
    if len(named) != 1:
        raise invalid("git_source names exactly one of git_branch, git_tag and git_commit")
    return commit_of(repository, **named)


def _key(url: str) -> str:
    return hashlib.sha256(url.encode()).hexdigest()[:16]

"""What a workspace knows of the Git folder around a path of its own."""

from __future__ import annotations

from pathlib import Path

from brickyard.deploy.git import Repository
from brickyard.deploy.http import ApiFailure, Workspace


def repository_at(workspace: Workspace, path: str) -> Repository | None:
    """The Git folder that `path` is in, or None. Raises `FileNotFoundError`, `ApiFailure`.

    Of a folder that Git's own command line manages the path tells its number alone.
    """
    asked = {"path": path, "return_git_info": True}
    try:
        known = workspace.get("/api/2.0/workspace/get-status", asked).get("git_info")
    except ApiFailure as failure:
        if failure.is_missing:
            raise FileNotFoundError("file does not exist") from failure
        raise
    if not known:
        return None
    folder = str(known.get("path") or "")
    folder = folder if folder.startswith("/Workspace/") else f"/Workspace{folder}"
    told = [str(known.get(name) or "") for name in ("branch", "head_commit_id", "url")]
    if known.get("id") and not any(told):
        repository = workspace.get(f"/api/2.0/repos/{known['id']}")
        told = [str(repository.get(name) or "") for name in ("branch", "head_commit_id", "url")]
    branch, commit, url = told
    return Repository(
        worktree=Path(folder), branch=branch, commit=commit, origin_url=url, global_excludes=None
    )

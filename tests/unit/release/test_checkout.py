"""Commits on disk: what is released is what Git has."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from brickyard.release.checkout import (
    GitFault,
    checked_out,
    find_commit,
    is_on_branch,
    uncommitted,
)


@pytest.fixture
def repository(tmp_path: Path) -> Path:
    bundle = tmp_path / "solutions" / "agent"
    bundle.mkdir(parents=True)
    (bundle / "databricks.yml").write_text("bundle: {name: one}\n")
    git(tmp_path, "init", "-q", "-b", "main")
    git(tmp_path, "config", "user.email", "t@example.com")
    git(tmp_path, "config", "user.name", "t")
    git(tmp_path, "add", "-A")
    git(tmp_path, "commit", "-q", "-m", "one")
    return bundle


def git(folder: Path, *arguments: str) -> str:
    ended = subprocess.run(
        ["git", "-C", str(folder), *arguments], check=True, capture_output=True, text=True
    )
    return ended.stdout.strip()


def test_a_commit_is_checked_out_as_it_is_in_git_whatever_the_folder_says(repository: Path) -> None:
    commit = find_commit(repository)
    (repository / "databricks.yml").write_text("bundle: {name: changed}\n")
    with checked_out(commit) as folder:
        assert (folder / "databricks.yml").read_text() == "bundle: {name: one}\n"
        assert git(folder, "rev-parse", "HEAD") == commit.sha
    assert not folder.exists()
    assert uncommitted(repository) == ("solutions/agent/databricks.yml",)


def test_a_checkout_left_by_a_killed_release_is_taken_up(repository: Path) -> None:
    commit = find_commit(repository)
    manager = checked_out(commit)
    folder = manager.__enter__()
    (folder / "databricks.yml").write_text("half written")
    with checked_out(commit) as again:
        assert again == folder
        assert (again / "databricks.yml").read_text() == "bundle: {name: one}\n"


def test_a_checkout_whose_folder_was_deleted_is_made_again(repository: Path) -> None:
    commit = find_commit(repository)
    folder = checked_out(commit).__enter__()
    subprocess.run(["rm", "-rf", str(folder.parent.parent)], check=True)
    with checked_out(commit) as again:
        assert (again / "databricks.yml").exists()


def test_what_is_not_committed_is_refused_with_the_way_out(repository: Path) -> None:
    other = repository.parent / "new"
    other.mkdir()
    (other / "databricks.yml").write_text("bundle: {name: new}\n")
    with pytest.raises(GitFault, match="commit the bundle first"):
        find_commit(other)
    with pytest.raises(GitFault, match="no commit `nope`"):
        find_commit(repository, "nope")


def test_a_folder_outside_of_git_is_refused(tmp_path: Path) -> None:
    with pytest.raises(GitFault, match="git init"):
        find_commit(tmp_path)


def test_branches_are_those_that_contain_the_commit(repository: Path) -> None:
    top = repository.parent.parent
    git(top, "checkout", "-q", "-b", "feature")
    (repository / "x").write_text("x")
    git(top, "add", "-A")
    git(top, "commit", "-q", "-m", "two")
    assert is_on_branch(find_commit(repository), ("feature",))
    assert not is_on_branch(find_commit(repository), ("main",))
    assert is_on_branch(find_commit(repository, "main"), ("main",))

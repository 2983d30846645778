"""Git folders and Git credentials, as the SDK's `repos` and `git_credentials` call them."""

from __future__ import annotations

import subprocess
import uuid
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from databricks.sdk import errors
from databricks.sdk.service import jobs, workspace

if TYPE_CHECKING:
    from databricks.sdk import WorkspaceClient

NOTEBOOK = "# Databricks notebook source\nimport helper\ndbutils.notebook.exit(helper.SAYS)\n"


class Origin:
    """A repository on this machine: two branches, a tag, folders, a hook and a link as traps."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        folder.mkdir(parents=True)
        self.git("init", "-q", "-b", "main")
        self.write("src/look.py", NOTEBOOK)
        self.write("src/helper.py", "SAYS = 'one'\n")
        self.write("docs/page.md", "# Page\n")
        (folder / "secret").symlink_to("/etc/passwd")
        self.first = self.commit("One")
        self.git("tag", "v1")
        self.write("src/helper.py", "SAYS = 'two'\n")
        self.second = self.commit("Two")
        self.git("branch", "feature", "v1")

    def git(self, *words: str) -> str:
        who = ("-c", "user.name=t", "-c", "user.email=t@localhost")
        ended = subprocess.run(
            ["git", *who, *words], cwd=self.folder, check=True, capture_output=True, text=True
        )
        return ended.stdout.strip()

    def write(self, name: str, text: str) -> None:
        path = self.folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)

    def commit(self, message: str) -> str:
        self.git("add", "-A")
        self.git("commit", "-q", "-m", message)
        return self.git("rev-parse", "HEAD")


@pytest.fixture(scope="module")
def origin(tmp_path_factory: pytest.TempPathFactory) -> Origin:
    return Origin(tmp_path_factory.mktemp("origin") / "shop")


@pytest.fixture
def client(workspace: Any) -> WorkspaceClient:
    found: WorkspaceClient = workspace.client("dev")
    return found


@pytest.fixture
def place(client: WorkspaceClient) -> str:
    return f"/Users/{client.current_user.me().user_name}/git_{uuid.uuid4().hex[:8]}"


def text_of(client: WorkspaceClient, path: str) -> str:
    return client.workspace.download(path).read().decode()


@pytest.mark.documented
def test_a_folder_follows_branches_and_tags(
    client: WorkspaceClient, origin: Origin, place: str
) -> None:
    made = client.repos.create(url=str(origin.folder), provider="gitHub", path=place)
    assert made.id is not None
    assert (made.branch, made.head_commit_id) == ("main", origin.second)
    assert made.path == place
    assert text_of(client, f"{place}/src/helper.py") == "SAYS = 'two'\n"
    names = {one.path for one in client.workspace.list(place)}
    assert f"{place}/.git" not in names
    assert text_of(client, f"{place}/secret") == "/etc/passwd", "a link is a plain file"

    client.repos.update(made.id, tag="v1")
    assert client.repos.get(made.id).head_commit_id == origin.first
    assert text_of(client, f"{place}/src/helper.py") == "SAYS = 'one'\n"
    client.repos.update(made.id, branch="feature")
    assert client.repos.get(made.id).branch == "feature"
    with pytest.raises(errors.NotFound, match="no branch nowhere"):
        client.repos.update(made.id, branch="nowhere")

    found = client.workspace.get_status(place)
    assert found.object_type == workspace.ObjectType.REPO
    assert found.object_id == made.id
    told = client.api_client.do(
        "GET",
        "/api/2.0/workspace/get-status",
        query={"path": f"{place}/src", "return_git_info": "true"},
    )
    assert told["git_info"]["head_commit_id"] == origin.first  # type: ignore[call-overload,index]
    assert made.id in [one.id for one in client.repos.list(path_prefix=place)]

    client.repos.delete(made.id)
    with pytest.raises(errors.NotFound):
        client.repos.get(made.id)
    with pytest.raises(errors.NotFound):
        client.workspace.get_status(place)


@pytest.mark.belief
def test_changes_made_in_the_workspace_are_not_lost_unasked(
    client: WorkspaceClient, origin: Origin, place: str
) -> None:
    made = client.repos.create(url=str(origin.folder), provider="gitHub", path=place)
    assert made.id is not None
    edited = f"{place}/src/helper.py"
    client.workspace.upload(
        edited, b"SAYS = 'mine'\n", overwrite=True, format=workspace.ImportFormat.AUTO
    )
    with pytest.raises(errors.BadRequest, match="changed in the workspace"):
        client.repos.update(made.id, tag="v1")
    assert client.repos.get(made.id).head_commit_id == origin.second
    assert text_of(client, edited) == "SAYS = 'mine'\n"
    client.repos.update(made.id, tag="v1", dangerously_force_discard_all=True)
    assert text_of(client, edited) == "SAYS = 'one'\n"
    client.repos.delete(made.id)


@pytest.mark.documented
def test_a_sparse_checkout_has_only_its_folders(
    client: WorkspaceClient, origin: Origin, place: str
) -> None:
    sparse = workspace.SparseCheckout(patterns=["docs"])
    made = client.repos.create(
        url=f"file://{origin.folder}", provider="gitHub", path=place, sparse_checkout=sparse
    )
    assert made.id is not None
    names = {str(one.path).removeprefix(place) for one in client.workspace.list(place)}
    assert "/docs" in names
    assert "/src" not in names
    client.repos.update(
        made.id, branch="main", sparse_checkout=workspace.SparseCheckoutUpdate(patterns=["src"])
    )
    names = {str(one.path).removeprefix(place) for one in client.workspace.list(place)}
    assert "/docs" not in names
    assert "/src" in names
    client.repos.delete(made.id)


@pytest.mark.belief
def test_addresses_that_would_run_something_are_refused(
    client: WorkspaceClient, origin: Origin, place: str, tmp_path: Path, workspace: Any
) -> None:
    ran = tmp_path / "ran"
    bad = [
        f"ext::sh -c touch% {ran}",
        f"ext::touch%20{ran}",
        f"--upload-pack=touch {ran}",
        "https://user:password@example.com/a/b",
        "relative/path",
        str(workspace.home),
        f"file://{workspace.home}/git",
        "ssh://-oProxyCommand=touch/x",
        "",
    ]
    for url in bad:
        with pytest.raises(errors.BadRequest):
            client.repos.create(url=url, provider="gitHub", path=place)
    for name in ("--orphan", "a..b", "x^{/y}", "-b"):
        with pytest.raises((errors.BadRequest, errors.NotFound)):
            client.api_client.do(
                "POST",
                "/api/2.0/repos",
                body={
                    "url": str(origin.folder),
                    "provider": "gitHub",
                    "path": place,
                    "branch": name,
                },
            )
    assert not ran.exists()
    with pytest.raises(errors.NotFound):
        client.workspace.get_status(place)


@pytest.mark.documented
def test_a_credential_is_used_and_never_given_back(client: WorkspaceClient, workspace: Any) -> None:
    token = f"secret-{uuid.uuid4().hex}"
    made = client.git_credentials.create(
        git_provider="gitLab", git_username="ann", personal_access_token=token, name="mine"
    )
    assert token not in str(made.as_dict())
    found = client.git_credentials.get(made.credential_id)
    assert (found.git_provider, found.git_username, found.name) == ("gitLab", "ann", "mine")
    assert found.is_default_for_provider
    client.git_credentials.update(made.credential_id, git_provider="gitLab", git_username="eve")
    listed = {one.credential_id: one for one in client.git_credentials.list()}
    assert listed[made.credential_id].git_username == "eve"
    assert token not in str([one.as_dict() for one in listed.values()])
    logs = (path for path in (workspace.home / "logs").rglob("*") if path.is_file())
    for path in (workspace.home / "brickyard.db", *logs):
        assert token.encode() not in path.read_bytes(), path
    client.git_credentials.delete(made.credential_id)
    with pytest.raises(errors.NotFound):
        client.git_credentials.get(made.credential_id)


@pytest.mark.documented
def test_permissions_are_those_of_the_folder(
    client: WorkspaceClient, origin: Origin, place: str
) -> None:
    made = client.repos.create(url=str(origin.folder), provider="gitHub", path=place)
    assert made.id is not None
    id = str(made.id)
    levels = client.repos.get_permission_levels(id).permission_levels or []
    assert [str(one.permission_level.value) for one in levels if one.permission_level] == [
        "CAN_READ", "CAN_RUN", "CAN_EDIT", "CAN_MANAGE"
    ]  # fmt: skip
    access = workspace.RepoAccessControlRequest(
        group_name="users", permission_level=workspace.RepoPermissionLevel.CAN_READ
    )
    answer = client.repos.update_permissions(id, access_control_list=[access])
    assert answer.object_id == f"/repos/{id}"
    assert answer.object_type == "repo"
    groups = [one.group_name for one in answer.access_control_list or []]
    assert "users" in groups
    client.repos.delete(made.id)


@pytest.mark.documented
@pytest.mark.slow
def test_a_job_runs_from_a_branch_and_from_a_tag(client: WorkspaceClient, origin: Origin) -> None:
    def says(**reference: str) -> str:
        source = jobs.GitSource(
            git_url=str(origin.folder), git_provider=jobs.GitProvider.GIT_HUB, **reference
        )
        task = jobs.SubmitTask(
            task_key="look", notebook_task=jobs.NotebookTask(notebook_path="src/look")
        )
        run = client.jobs.submit(run_name="from git", git_source=source, tasks=[task]).result()
        assert run.tasks
        assert run.git_source is not None
        assert run.git_source.git_snapshot is not None
        used.append(run.git_source.git_snapshot.used_commit)
        output = client.jobs.get_run_output(run.tasks[0].run_id)
        assert output.notebook_output is not None
        return str(output.notebook_output.result)

    used: list[str | None] = []
    assert says(git_branch="main") == "two"
    assert says(git_tag="v1") == "one"
    assert used == [origin.second, origin.first]
    with pytest.raises(Exception, match="no branch nowhere"):
        says(git_branch="nowhere")

"""`git-folders`: repositories checked out in a workspace, of Databricks or the embedded one."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Callable
from functools import wraps
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from brickyard.cli.failures import Refused
from brickyard.cli.project_options import OUTPUT, PROFILE

if TYPE_CHECKING:
    from brickyard.deploy import Workspace

REPOS = "/api/2.0/repos"
CREDENTIALS = "/api/2.0/git-credentials"
FOLDER = click.argument("folder", metavar="FOLDER")
WORKSPACE = click.option(
    "--workspace",
    type=click.Choice(["dev", "staging", "prod"]),
    help="Embedded workspace; default: the one you are logged in to, otherwise the embedded dev.",
)
SPARSE = click.option(
    "--sparse", multiple=True, metavar="PATH", help="Check out only this folder of it; repeatable."
)


@click.group("git-folders")
def git_folders() -> None:
    """Git folders: repositories checked out in a workspace.

    FOLDER is a Git folder's path in the workspace, or its number.
    """


def _common(command: Callable[..., Any]) -> Callable[..., Any]:
    """Options that lead to a workspace; the command gets a client."""

    @WORKSPACE
    @PROFILE
    @OUTPUT
    @wraps(command)
    def run(*, workspace: str | None, profile: str | None, **rest: Any) -> None:
        command(_client(workspace, profile), **rest)

    return run


def _client(workspace: str | None, profile: str | None) -> Workspace:
    from brickyard.cli.project_options import start_embedded
    from brickyard.deploy.connect import address, connect
    from brickyard.deploy.embedded import Embedded, home_folder

    where = address(
        environment_name=workspace or "dev",
        settings={},
        environment=os.environ,
        profile=profile,
        local=workspace is not None or bool(os.environ.get("BRICKYARD_LOCAL")),
    )
    embedded = Embedded(home=home_folder(os.environ), start=start_embedded)
    return connect(where, os.environ, embedded)


@git_folders.command("create")
@click.argument("url")
@click.option("--path", metavar="PATH", help="Where in the workspace; default: /Repos/YOU/NAME.")
@click.option("--branch", metavar="BRANCH", help="Branch to check out; default: the repository's.")
@click.option("--tag", metavar="TAG", help="Tag to check out instead.")
@click.option("--provider", metavar="NAME", help="Git provider, where the address doesn't tell.")
@click.option("--credential-id", type=int, metavar="ID", help="Git credential; default: yours.")
@SPARSE
@_common
def create_command(client: Workspace, url: str, output: str, **given: Any) -> None:
    """Check out the repository at URL, or at a path of this machine, in the workspace."""
    place = Path(url).expanduser()
    if "://" not in url and "@" not in url and place.exists():
        url = str(place.resolve())
    if given["branch"] and given["tag"]:
        raise click.UsageError("one of --branch and --tag, not both")
    body: dict[str, Any] = {"url": url, "provider": given["provider"] or _provider(url)}
    for name in ("path", "branch"):
        if given[name]:
            body[name] = given[name]
    if given["credential_id"]:
        body["git_credential_id"] = given["credential_id"]
    if given["sparse"]:
        body["sparse_checkout"] = {"patterns": list(given["sparse"])}
    made = client.post(REPOS, body)
    if given["tag"]:  # the API checks out tags of what is there
        client.call("PATCH", f"{REPOS}/{made['id']}", body={"tag": given["tag"]})
        made = client.get(f"{REPOS}/{made['id']}")
    _say(made, output)


@git_folders.command("list")
@click.option("--prefix", metavar="PATH", help="Only below this path.")
@_common
def list_command(client: Workspace, prefix: str | None, output: str) -> None:
    """List the Git folders that you may see."""
    found = _all(client, prefix)
    if output == "json":
        click.echo(json.dumps(found, indent=2))
        return
    for one in found:
        click.echo(_line(one))
    if not found:
        click.echo("There are no Git folders yet.", err=True)


@git_folders.command("get")
@FOLDER
@_common
def get_command(client: Workspace, folder: str, output: str) -> None:
    """Show one Git folder."""
    _say(_find(client, folder), output)


@git_folders.command("update")
@FOLDER
@click.option("--branch", metavar="BRANCH", help="To the newest commit of this branch.")
@click.option("--tag", metavar="TAG", help="To this tag.")
@click.option("--discard", is_flag=True, help="Give up what was changed in the workspace.")
@SPARSE
@_common
def update_command(
    client: Workspace,
    folder: str,
    branch: str | None,
    tag: str | None,
    discard: bool,
    sparse: tuple[str, ...],
    output: str,
) -> None:
    """Move a Git folder to a branch or tag; without either, to the newest commit of its branch."""
    if branch and tag:
        raise click.UsageError("one of --branch and --tag, not both")
    found = _find(client, folder)
    body: dict[str, Any] = {"tag": tag} if tag else {"branch": branch or found.get("branch")}
    if discard:
        body["dangerously_force_discard_all"] = True
    if sparse:
        body["sparse_checkout"] = {"patterns": list(sparse)}
    client.call("PATCH", f"{REPOS}/{found['id']}", body=body)
    _say(client.get(f"{REPOS}/{found['id']}"), output)


@git_folders.command("delete")
@FOLDER
@click.option("--auto-approve", is_flag=True, help="Do not ask.")
@_common
def delete_command(client: Workspace, folder: str, auto_approve: bool, output: str) -> None:
    """Delete a Git folder from the workspace, with what was changed there."""
    found = _find(client, folder)
    if not auto_approve:
        if not sys.stdin.isatty():
            raise Refused("this deletes files; pass --auto-approve to confirm")
        click.confirm(f"Delete {found['path']} from the workspace?", abort=True)
    client.call("DELETE", f"{REPOS}/{found['id']}")
    click.echo(json.dumps({}) if output == "json" else f"Deleted {found['path']}.")


@git_folders.command("deploy")
@FOLDER
@click.option("-t", "--target", metavar="TARGET", help="Target of the bundle.")
@click.option("--bundle", default=".", metavar="PATH", help="Folder of the bundle within it.")
@click.option("--auto-approve", is_flag=True, help="Do not ask before deleting.")
@_common
def deploy_command(
    client: Workspace, folder: str, target: str | None, bundle: str, auto_approve: bool, output: str
) -> None:
    """Deploy the bundle that lies in a Git folder, as it is checked out there."""
    from brickyard.deploy.generate.downloads import Downloads

    found = _find(client, folder)
    path = "/" + "/".join((str(found["path"]).strip("/"), *_within(bundle)))
    with tempfile.TemporaryDirectory(prefix="brickyard-git-folder-") as place:
        here = Path(place).resolve()
        files = Downloads(workspace=client, source_dir=here, config_dir=here, base=path)
        files.folder(path)
        files.fetch(force=True, say=lambda _: None)
        words = [
            *(("-t", target) if target else ()),
            *(("--auto-approve",) if auto_approve else ()),
        ]
        if client.environment is not None:
            words.append("--local")
        ran = subprocess.run(
            [sys.executable, "-m", "brickyard", "deploy", *words], cwd=here, check=False
        )
    if ran.returncode:
        raise Refused(exit_code=ran.returncode)
    if output == "json":
        click.echo(json.dumps({"deployed_from": found}, indent=2))
    else:
        click.echo(f"Deployed {path} at {str(found.get('head_commit_id', ''))[:10]}.")


@git_folders.command("permissions")
@FOLDER
@click.option("--give", multiple=True, metavar="WHO=LEVEL", help="Give a level; repeatable.")
@_common
def permissions_command(client: Workspace, folder: str, give: tuple[str, ...], output: str) -> None:
    """Show who may use a Git folder, or give somebody a level: ann@example.com=CAN_READ."""
    found = _find(client, folder)
    place = f"/api/2.0/permissions/repos/{found['id']}"
    if give:
        entries = [_entry(one) for one in give]
        client.call("PATCH", place, body={"access_control_list": entries})
    answer = client.get(place)
    if output == "json":
        click.echo(json.dumps(answer, indent=2))
        return
    for one in answer.get("access_control_list") or ():
        levels = ", ".join(str(each["permission_level"]) for each in one["all_permissions"])
        who = next(str(value) for key, value in one.items() if key.endswith("_name"))
        click.echo(f"{who:<40} {levels}")


@git_folders.command("login")
@click.option("--provider", required=True, metavar="NAME", help="gitHub, gitLab, …")
@click.option("--username", metavar="NAME", help="User name at the provider.")
@click.option("--name", metavar="NAME", help="What to call the credential.")
@_common
def login_command(
    client: Workspace, provider: str, username: str | None, name: str | None, output: str
) -> None:
    """Keep a token for a provider in the workspace. It is read from stdin, or asked for."""
    if sys.stdin.isatty():
        token = click.prompt("Token", hide_input=True, err=True)
    else:
        token = sys.stdin.readline().strip()
    if not token:
        raise Refused("there is no token on stdin")
    body = {"git_provider": provider, "personal_access_token": token}
    body |= {"git_username": username} if username else {}
    body |= {"name": name} if name else {}
    made = client.post(CREDENTIALS, body)
    if output == "json":
        click.echo(json.dumps(made, indent=2))
    else:
        click.echo(f"Credential {made['credential_id']} for {provider} is kept.")


def _all(client: Workspace, prefix: str | None = None) -> list[dict[str, Any]]:
    """Every page of them."""
    found: list[dict[str, Any]] = []
    query: dict[str, object] = {"path_prefix": prefix} if prefix else {}
    while True:
        page = client.get(REPOS, query)
        found += page.get("repos") or []
        token = page.get("next_page_token")
        if not token:
            return found
        query = {**query, "next_page_token": token}


def _find(client: Workspace, folder: str) -> dict[str, Any]:
    """By number, or by path. Raises `Refused`."""
    if folder.isdecimal():
        return dict(client.get(f"{REPOS}/{folder}"))
    path = "/" + folder.removeprefix("/Workspace").strip("/")
    for one in _all(client, path):
        if str(one.get("path", "")).removeprefix("/Workspace") == path:
            return one
    raise Refused(f"there is no Git folder at {path}; `brickyard git-folders list` has them all")


def _provider(url: str) -> str:
    """By the address; the service refuses what it can't tell."""
    hosts = {
        "github.com": "gitHub",
        "gitlab.com": "gitLab",
        "bitbucket.org": "bitbucketCloud",
        "dev.azure.com": "azureDevOpsServices",
    }
    return next((name for host, name in hosts.items() if host in url), "gitHub")


def _within(path: str) -> list[str]:
    parts = [part for part in path.split("/") if part not in ("", ".")]
    if ".." in parts:
        raise click.BadParameter("a folder within the Git folder", param_hint="--bundle")
    return parts


def _entry(given: str) -> dict[str, str]:
    who, equals, level = given.rpartition("=")
    if not equals or not who:
        raise click.BadParameter("expected WHO=LEVEL", param_hint="--give")
    kind = "user_name" if "@" in who else "group_name"
    if who.count("-") == 4 and len(who) == 36:  # an application's id
        kind = "service_principal_name"
    return {kind: who, "permission_level": level}


def _line(one: dict[str, Any]) -> str:
    where = one.get("branch") or "detached"
    commit = str(one.get("head_commit_id", ""))[:10]
    return f"{one['id']}  {one['path']}  {where} {commit}  {one.get('url', '')}"


def _say(one: dict[str, Any], output: str) -> None:
    click.echo(json.dumps(one, indent=2) if output == "json" else _line(one))

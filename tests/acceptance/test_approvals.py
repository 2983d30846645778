"""Approvals: a release waits for them, they bind to what was seen, persons and not words count."""

from __future__ import annotations

import io
import json
import uuid
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from databricks.sdk import WorkspaceClient
from databricks.sdk.errors import DatabricksError
from databricks.sdk.service.iam import ComplexValue, Patch, PatchOp
from databricks.sdk.service.workspace import ImportFormat
from tiny_solution import Tiny, make_versions, settings

if TYPE_CHECKING:
    from conftest import EmbeddedServer

pytestmark = [pytest.mark.belief, pytest.mark.slow]

STAGING = ("-t", "staging")
PROMOTE = ("release", "promote", "--to", "staging")


@dataclass(frozen=True, slots=True, kw_only=True)
class Person:
    """Somebody of the staging workspace, on a machine of their own."""

    name: str
    variables: dict[str, str]


@dataclass(frozen=True, slots=True, kw_only=True)
class Team:
    tiny: Tiny
    admin: WorkspaceClient
    group: str
    people: list[Person]

    def say(self, person: Person, *arguments: str, code: int = 0) -> Any:
        """A command of somebody else."""
        solution = self.tiny.solution
        theirs = type(solution)(
            folder=solution.folder,
            name=solution.name,
            environment={**solution.environment, **person.variables},
        )
        return theirs(*arguments, code=code)

    def rule(self, count: int, *others: str, access: str = "manage") -> dict[str, Any]:
        members = {"access": access, "members": [self.group, *others]}
        return {
            "approvals": {"count": count, "by": ["devops"]},
            "personas": {"devops": members},
        }

    def client(self, person: Person) -> WorkspaceClient:
        return WorkspaceClient(
            host=person.variables["DATABRICKS_HOST"], token=person.variables["DATABRICKS_TOKEN"]
        )


def person(admin: WorkspaceClient, host: str, group: str | None) -> Person:
    made = admin.service_principals.create(display_name=f"approver-{uuid.uuid4().hex[:8]}")
    assert made.id is not None
    if group is not None:
        member = {"members": [ComplexValue(value=made.id).as_dict()]}
        admin.groups.patch(group, operations=[Patch(op=PatchOp.ADD, value=member)])
    secret = admin.service_principal_secrets_proxy.create(made.id)
    client = WorkspaceClient(host=host, client_id=made.application_id, client_secret=secret.secret)
    token = client.config.authenticate()["Authorization"].removeprefix("Bearer ")
    variables = {"DATABRICKS_HOST": host, "DATABRICKS_TOKEN": token}
    return Person(name=str(made.application_id), variables=variables)


@pytest.fixture
def team(tmp_path: Path, workspace: EmbeddedServer) -> Iterator[Team]:
    admin, host = workspace.client("staging"), workspace.host("staging")
    group = admin.groups.create(display_name=f"ops_{uuid.uuid4().hex[:8]}")
    assert group.id is not None
    people = [person(admin, host, group.id) for _ in range(2)] + [person(admin, host, None)]
    tiny = Tiny(tmp_path / "solution", f"appr_{uuid.uuid4().hex[:8]}", workspace.environment())
    made = Team(tiny=tiny, admin=admin, group=str(group.display_name), people=people)
    tiny.commit(settings(1, **made.rule(2)))
    tiny.solution("deploy", "-t", "dev")
    make_versions(workspace.client("dev"), tiny.model, 1)
    tiny.solution("release", "promote", "--to", "dev")
    return made


def test_a_release_waits_for_two_of_those_who_may(team: Team) -> None:
    solution, (ann, bob, eve) = team.tiny.solution, team.people
    waiting = solution.data(*PROMOTE, code=3)
    assert (waiting["result"], waiting["counted"], waiting["needed"]) == ("waiting", 0, 2)
    assert "create resources.jobs.check" in waiting["request"]["plan"]
    names = [one.name for one in team.admin.schemas.list("staging")]
    assert team.tiny.name not in names  # nothing was deployed

    # Who may not is told so; once is not twice; the status tells.
    refused = team.say(eve, "release", "approve", *STAGING, code=1)
    assert "devops" in refused.stderr
    team.say(ann, "release", "approve", *STAGING, "--comment", "looks good")
    team.say(ann, "release", "approve", *STAGING)
    status = solution.data("release", "status", *STAGING)
    assert (status["waiting"][0]["counted"], status["live"]) == (1, None)
    solution(*PROMOTE, code=3)

    # An approval in another's name is seen for what it is.
    folder = f"/Shared/{team.tiny.name}/staging.releases/approvals/{waiting['request']['id'][:16]}"
    forged = {
        "who": bob.name,
        "decision": "approve",
        "when": "now",
        "request": waiting["request"]["id"],
        "run_id": solution.data("release", "status", *STAGING)["waiting"][0]["decisions"][0][
            "run_id"
        ],
    }
    path = f"{folder}/{bob.name}.json".lstrip("/").replace("/", "%2F")
    team.client(ann).api_client.do(
        "POST",
        f"/api/2.0/workspace-files/import-file/{path}",
        query={"overwrite": "true"},
        headers={"Content-Type": "application/octet-stream"},
        data=json.dumps(forged).encode(),
    )
    void = solution.data(*PROMOTE, code=3)["decisions"]
    assert [one["why_void"].partition(",")[0] for one in void if one["why_void"]] == [
        f"signed as {bob.name}"
    ]
    team.admin.workspace.delete(f"{folder}/{bob.name}.json")

    second = team.say(bob, "release", "approve", *STAGING, "-o", "json")
    assert json.loads(second.stdout)["is_approved"]
    record = solution.data(*PROMOTE)
    assert record["result"] == "succeeded"
    assert {one["who"] for one in record["approvals"]} == {ann.name, bob.name}
    assert {one["request"] for one in record["approvals"]} == {waiting["request"]["id"]}
    assert solution.data("release", "status", *STAGING)["waiting"] == []


def test_an_approver_needs_no_right_to_deploy_and_an_author_is_not_two(
    team: Team, workspace: EmbeddedServer
) -> None:
    """The environment lies in its deployer's own folder; whoever approves may only look at it."""
    (ann, bob, eve), tiny = team.people, team.tiny
    solution, deployer = tiny.solution, workspace.user("staging")
    root = f"/Workspace/Users/{deployer}/{tiny.name}"
    targets = tiny.targets | {
        "staging": {"variables": {"catalog": "staging"}, "workspace": {"root_path": root}}
    }
    solution.git("config", "user.email", ann.name)  # Ann writes it
    rule = team.rule(2, deployer, access="read")
    tiny.commit(settings(1, after="", **rule), targets=targets)
    request = solution.data(*PROMOTE, code=3)["request"]["id"]

    # The author, again and again, and the identity that she releases with: one yes of two.
    for _ in range(2):
        team.say(ann, "release", "approve", *STAGING)
    alone = json.loads(solution("release", "approve", *STAGING, "-o", "json").stdout)
    assert (alone["counted"], alone["is_approved"]) == (1, False)
    waiting = solution.data(*PROMOTE, code=3)
    assert {one["who"] for one in waiting["decisions"]} == {ann.name, deployer}

    # A stranger is refused, by the command as by the workspace; the folder is not even seen.
    refused = team.say(eve, "release", "approve", *STAGING, code=1)
    assert "Traceback" not in refused.stderr
    with pytest.raises(DatabricksError):
        team.client(eve).workspace.upload(
            f"{root}.releases/approvals/{request[:16]}/{eve.name}.json",
            io.BytesIO(b"{}"),
            format=ImportFormat.RAW,
            overwrite=True,
        )
    assert solution.data(*PROMOTE, code=3)["counted"] == 1

    # Bob may not deploy, nor make the release himself; he may say yes, and that is what lacked.
    for arguments in (("deploy", *STAGING), PROMOTE):
        stopped = team.say(bob, *arguments, code=1)
        assert "Traceback" not in stopped.stderr
        assert tiny.name not in [one.name for one in team.admin.schemas.list("staging")]
    said = team.say(bob, "release", "approve", *STAGING, "-o", "json")
    assert json.loads(said.stdout)["is_approved"]
    record = solution.data(*PROMOTE)
    assert (record["result"], record["author"]) == ("succeeded", f"Tests <{ann.name}>")
    assert {one["who"] for one in record["approvals"]} == {ann.name, bob.name, deployer}


def test_a_change_after_the_approval_needs_a_new_one(team: Team) -> None:
    solution, (ann, bob, _) = team.tiny.solution, team.people
    first = solution.data(*PROMOTE, code=3)["request"]["id"]
    for one in (ann, bob):
        team.say(one, "release", "approve", *STAGING)

    # Another evaluation of the same commit is not what was seen.
    solution("release", "promote", "--to", "dev", "--again")
    second = solution.data(*PROMOTE, code=3)
    assert second["request"]["id"] != first
    assert second["counted"] == 0
    stale = team.say(ann, "release", "approve", *STAGING, "--request", first[:12], code=1)
    assert "does not wait any more" in stale.stderr

    # One no outweighs; what is rejected is on record once, and stays out.
    team.say(ann, "release", "approve", *STAGING)
    team.say(bob, "release", "reject", *STAGING, "--comment", "not before Monday")
    rejected = solution.data(*PROMOTE, code=1)
    assert (rejected["result"], rejected["steps"]) == ("rejected", [])
    assert "not before Monday" in rejected["reason"]
    solution(*PROMOTE, code=1)
    assert len(solution.data("release", "history", *STAGING)) == 1

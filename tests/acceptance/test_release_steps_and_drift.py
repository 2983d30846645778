"""Steps about data and prompts, what a record keeps of them, and drift from what was released."""

from __future__ import annotations

import dataclasses
import io
import json
import uuid
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from databricks.sdk.service.catalog import PermissionsChange, Privilege
from databricks.sdk.service.iam import AccessControlRequest, PermissionLevel
from databricks.sdk.service.jobs import JobSettings
from tiny_solution import Tiny, bundle

if TYPE_CHECKING:
    from conftest import EmbeddedServer

pytestmark = [pytest.mark.belief, pytest.mark.slow]

MAKE = """\
CREATE OR REPLACE TABLE ${{steps.release.environment}}.{name}.trips AS
SELECT id, CAST(id % 37 AS DOUBLE) AS fare, CASE WHEN id % 3 = 0 THEN 'a' ELSE 'b' END AS kind
FROM range(1000)
"""


def settings(name: str) -> dict[str, Any]:
    return {
        "environments": {"dev": {"catalog": "dev"}},
        "rollout": [
            {"step": "make", "sql": "src/make.sql"},
            {
                "step": "rows",
                "sql": f"SELECT count(*) AS n FROM dev.{name}.trips WHERE fare < :most",
                "parameters": {"most": 30},
                "require": {"n": ">= 100"},
            },
            {
                "step": "monitor",
                "monitor": "trips",
                "require": {"fare.percent_null": "<= 5", ":table.count": ">= 100"},
            },
            {"step": "tests", "test": ["python3", "-c", "print('2 passed')"]},
            {
                "step": "prompt",
                "register_prompt": "answer",
                "schema": "area",
                "template": "src/answer.md",
            },
            {
                "step": "alias",
                "set_alias": "production",
                "prompt": "${steps.prompt.prompt}",
                "version": "${steps.prompt.version}",
            },
        ],
        "drift": {
            "data": [
                {"monitor": "trips", "require": {"fare.percent_null": "<= 5"}},
                {
                    "table": "trips",
                    "schema": "area",
                    "columns": {
                        "fare": {"psi": "<= 0.2", "ks_pvalue": ">= 0.01"},
                        "kind": {"psi": "<= 0.2", "nulls": "<= 0"},
                    },
                },
            ],
            "evaluation": [{"metric": "n", "fall": 0}],
        },
    }


def resources(name: str) -> dict[str, Any]:
    found: dict[str, Any] = bundle(name)["resources"]
    return {
        **found,
        "sql_warehouses": {"house": {"name": name, "cluster_size": "2X-Small"}},
        "quality_monitors": {
            "trips": {
                "table_name": "dev.${resources.schemas.area.name}.trips",
                "output_schema_name": "dev.${resources.schemas.area.name}",
                "assets_dir": f"/Shared/{name}_monitor",
                "snapshot": {},
            }
        },
    }


def test_data_is_gated_and_recorded_and_its_drift_is_seen(
    tmp_path: Path, workspace: EmbeddedServer
) -> None:
    name = f"steps_{uuid.uuid4().hex[:8]}"
    tiny = Tiny(tmp_path / "solution", name, workspace.environment())
    solution, client = tiny.solution, workspace.client("dev")
    (solution.folder / "src").mkdir()
    (solution.folder / "src/make.sql").write_text(MAKE.format(name=name))
    (solution.folder / "src/answer.md").write_text("Answer {{question}} shortly.\n")
    tiny.commit(settings(name), resources=resources(name))

    # The monitor watches a table that the rollout makes: it waits until it is asked for.
    first = solution.data("release", "promote", "--to", "dev")
    assert first["evaluation"]["n"] == 811
    assert first["evaluation"][":table.count"] == 1000
    assert first["gate"][-1] == "holds: tests (exit code 0)"
    prompt = first["prompts"][f"dev.{name}.answer"]
    assert (prompt["version"], prompt["aliases"]) == ("1", {"production": "1"})
    assert first["data"][f"dev.{name}.trips"]["version"] >= 0

    # A prompt that has not changed keeps its version; one that has gets the next.
    (solution.folder / "src/answer.md").write_text("Answer {{question}} at length.\n")
    tiny.commit(settings(name), resources=resources(name))
    second = solution.data("release", "promote", "--to", "dev", "--again")
    assert second["prompts"][f"dev.{name}.answer"]["version"] == "2"
    changed = solution.data("release", "diff", "1", "2", "-t", "dev")
    assert changed["code"]["files"] == [{"status": "M", "file": "src/answer.md"}]
    path = f"dev.{name}.answer.version"
    assert changed["prompts"]["changes"][path] == {"before": "1", "after": "2"}
    assert list(changed["data"]["changes"]) != []

    clean = solution.data("drift", "-t", "dev")
    assert (clean["drift"], clean["complete"]) == (False, True)
    assert {one["kind"] for one in clean["findings"]} == {
        "configuration",
        "data",
        "evaluation",
        "code",
    }

    # Who looks at night may only read.
    job = next(one for one in client.jobs.list(name=f"{name} check"))
    watched = dataclasses.replace(solution, environment=who_may_only_read(workspace, name))
    assert watched.data("drift", "-t", "dev")["findings"] == clean["findings"]
    refused = watched("release", "promote", "--to", "dev", "--again", code=1).stderr
    assert "CREATE" in refused or "permission" in refused.lower(), refused

    # Somebody changes a job, the data, and a file.
    house = next(one.id for one in client.warehouses.list() if one.name == name)
    more = f"INSERT INTO dev.{name}.trips SELECT id, 100.0, 'c' FROM range(800)"
    client.statement_execution.execute_statement(more, house, wait_timeout="50s")
    assert job.job_id is not None
    client.jobs.update(job.job_id, new_settings=JobSettings(max_concurrent_runs=7))
    client.api_client.do(
        "POST",
        f"/api/2.0/workspace-files/import-file/Shared%2F{name}%2Fdev%2Ffiles%2Fsrc%2Fanswer.md",
        query={"overwrite": "true"},
        headers={"Content-Type": "application/octet-stream"},
        data=b"Do not answer.\n",
    )
    found = solution.data("drift", "-t", "dev", code=2)
    drifted = {(one["kind"], one["field"]) for one in found["findings"] if one["state"] == "drift"}
    assert drifted == {
        ("configuration", "max_concurrent_runs"),
        ("data", "fare.psi"),
        ("data", "fare.ks_pvalue"),
        ("data", "kind.psi"),
        ("code", "content"),
    }
    told = next(one for one in found["findings"] if one["field"] == "max_concurrent_runs")
    assert (told["recorded"], told["actual"]) == (1, 7)

    # Rolling back returns the prompt, and names the data that it leaves.
    back = solution.data("release", "rollback", "-t", "dev")
    assert back["prompts"][f"dev.{name}.answer"]["aliases"] == {"production": "1"}
    assert any(f"table dev.{name}.trips went" in line for line in back["not_undone"])
    again = solution.data("release", "rollback", "-t", "dev")
    assert again["sequence"] == back["sequence"]

    # A record that is changed shows.
    listed = client.workspace.list(f"/Shared/{name}/dev.releases")
    files = sorted(one.path for one in listed if one.path and one.path.endswith(".json"))
    content = client.workspace.download(files[1]).read()
    forged = json.dumps({**json.loads(content), "who": "nobody"}).encode()
    target = files[1].lstrip("/").replace("/", "%2F")
    client.api_client.do(
        "POST",
        f"/api/2.0/workspace-files/import-file/{target}",
        query={"overwrite": "true"},
        headers={"Content-Type": "application/octet-stream"},
        data=forged,
    )
    verdict = solution.data("release", "record", "verify", "-t", "dev", code=1)
    assert verdict["faults"] == [
        "release 2 is not what its name says: it was changed",
        "release 3 does not follow the one before it",
    ]
    assert "tampered" in solution("release", "history", "-t", "dev").stderr


def who_may_only_read(workspace: EmbeddedServer, name: str) -> dict[str, str]:
    """The environment of a principal with the rights that docs/ci-cd.md names for nightly drift."""
    client = workspace.client("dev")
    robot = client.service_principals.create(display_name=f"{name}-drift")
    secret = client.service_principal_secrets_proxy.create(robot.id).secret
    me = robot.application_id
    assert me is not None
    assert secret is not None
    rights = {
        ("catalog", "dev"): ["USE_CATALOG"],
        ("schema", f"dev.{name}"): ["USE_SCHEMA", "SELECT"],
    }
    for (kind, full_name), privileges in rights.items():
        add = [Privilege(one) for one in privileges]
        client.grants.update(kind, full_name, changes=[PermissionsChange(principal=me, add=add)])
    house = next(one.id for one in client.warehouses.list() if one.name == name)
    job = next(one.job_id for one in client.jobs.list(name=f"{name} check"))
    for kind, id, level in (("warehouses", house, "CAN_USE"), ("jobs", job, "CAN_VIEW")):
        allowed = AccessControlRequest(
            service_principal_name=me, permission_level=PermissionLevel(level)
        )
        client.permissions.update(kind, str(id), access_control_list=[allowed])
    return workspace.environment(
        DATABRICKS_HOST=workspace.host("dev"),
        DATABRICKS_CLIENT_ID=me,
        DATABRICKS_CLIENT_SECRET=secret,
    )


def test_files_changed_in_the_workspace_are_seen_and_put_back_by_the_next_release(
    tmp_path: Path, workspace: EmbeddedServer
) -> None:
    name = f"files_{uuid.uuid4().hex[:8]}"
    tiny = Tiny(tmp_path / "solution", name, workspace.environment())
    solution, client = tiny.solution, workspace.client("dev")
    (solution.folder / "src").mkdir()
    (solution.folder / "src/rules.py").write_text("LIMIT = 3\n")
    tiny.commit({"environments": {"dev": {"catalog": "dev"}}}, resources={})
    first = solution.data("release", "promote", "--to", "dev")

    place = f"/Workspace/Shared/{name}/dev/files/src"
    for file, text in (("rules.py", b"LIMIT = 9\n"), ("more.py", b"print(1)\n")):
        client.workspace.upload(f"{place}/{file}", io.BytesIO(text), overwrite=True)

    def drifted() -> dict[str, str]:
        found = solution.data("drift", "-t", "dev", "--only", "code", code=2)["findings"]
        return {
            str(one["subject"]).rsplit("/", 1)[1]: one["detail"]
            for one in found
            if one["state"] == "drift"
        }

    assert drifted() == {
        "rules.py": "it was changed in the workspace since the release",
        "more.py": "it is not of the commit, and nobody deployed it",
    }
    # What is live is not what was released: the same commit is released once more.
    again = solution.data("release", "promote", "--to", "dev")
    assert (again["sequence"], again["commit"]) == (first["sequence"] + 1, first["commit"])
    assert client.workspace.download(f"{place}/rules.py").read() == b"LIMIT = 3\n"
    assert list(drifted()) == ["more.py"], "nobody knows whose it is, and it stays"
    client.workspace.delete(f"{place}/more.py")
    assert solution.data("drift", "-t", "dev", "--only", "code")["drift"] is False
    same = solution.data("release", "promote", "--to", "dev")
    assert same["sequence"] == again["sequence"], "nothing is to be done then"

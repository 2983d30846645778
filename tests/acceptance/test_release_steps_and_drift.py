"""Steps about data and prompts, what a record keeps of them, and drift from what was released."""

from __future__ import annotations

import json
import uuid
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
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

    # Somebody changes a job, the data, and a file.
    house = next(one.id for one in client.warehouses.list() if one.name == name)
    more = f"INSERT INTO dev.{name}.trips SELECT id, 100.0, 'c' FROM range(800)"
    client.statement_execution.execute_statement(more, house, wait_timeout="50s")
    job = next(one for one in client.jobs.list(name=f"{name} check"))
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

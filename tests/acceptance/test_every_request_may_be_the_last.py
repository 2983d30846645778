"""A deploy that is killed or fails at any of its requests is finished by the next one.

For every request in turn: killed before it has its effect, killed after, its answer lost, or
refused. Then a plain `deploy` converges: the plan is empty, everything is there once, and
`destroy` leaves nothing.
"""

from __future__ import annotations

import json
import uuid
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from breaking_proxy import BreakingProxy, Fault, breaking_proxy
from bundle_under_test import Ended
from command_forks import CommandForks

if TYPE_CHECKING:
    from conftest import EmbeddedServer

pytestmark = [pytest.mark.belief, pytest.mark.slow]

TASK = {"task_key": "t", "condition_task": {"op": "EQUAL_TO", "left": "a", "right": "a"}}
EVERYBODY = {"group_name": "users"}
GRANT = {"principal": "account users"}
RESOURCES: Mapping[str, Mapping[str, Any]] = {
    "catalogs": {"shop": {"name": "kill_$u"}},
    "schemas": {
        "sales": {
            "catalog_name": "${resources.catalogs.shop.name}",
            "name": "kill_$u",
            "grants": [{**GRANT, "privileges": ["USE_SCHEMA"]}],
        }
    },
    "volumes": {
        "landing": {
            "catalog_name": "${resources.catalogs.shop.name}",
            "schema_name": "${resources.schemas.sales.name}",
            "name": "kill_$u",
        }
    },
    "registered_models": {
        "agent": {
            "catalog_name": "${resources.catalogs.shop.name}",
            "schema_name": "${resources.schemas.sales.name}",
            "name": "kill_$u",
        }
    },
    "experiments": {"traces": {"name": "/Shared/kill_$u"}},
    "secret_scopes": {"keys": {"name": "kill_$u", "permissions": [{**EVERYBODY, "level": "READ"}]}},
    "sql_warehouses": {"house": {"name": "kill_$u", "cluster_size": "2X-Small"}},
    "pipelines": {
        "flow": {
            "name": "kill_$u",
            "catalog": "dev",
            "schema": "default",
            "serverless": True,
            "libraries": [{"file": {"path": "./src/tables.sql"}}],
        }
    },
    "dashboards": {
        "board": {
            "display_name": "kill_$u",
            "warehouse_id": "${resources.sql_warehouses.house.id}",
            "serialized_dashboard": '{"pages": []}',
        }
    },
    "alerts": {
        "alarm": {
            "display_name": "kill_$u",
            "warehouse_id": "${resources.sql_warehouses.house.id}",
            "query_text": "SELECT 1 AS x",
            "evaluation": {
                "comparison_operator": "GREATER_THAN",
                "source": {"name": "x"},
                "threshold": {"value": {"double_value": 5}},
            },
            "schedule": {"quartz_cron_schedule": "0 0 5 1 1 ?", "timezone_id": "UTC"},
        }
    },
    "genie_spaces": {
        "talk": {
            "title": "kill_$u",
            "warehouse_id": "${resources.sql_warehouses.house.id}",
            "serialized_space": '{"version": 1}',
        }
    },
    "instance_pools": {"pool": {"instance_pool_name": "kill_$u", "node_type_id": "i3.xlarge"}},
    "clusters": {
        "box": {
            "cluster_name": "kill_$u",
            "spark_version": "15.4.x-scala2.12",
            "instance_pool_id": "${resources.instance_pools.pool.id}",
            "num_workers": 1,
        }
    },
    "vector_search_endpoints": {"near": {"name": "kill-$u", "endpoint_type": "STANDARD"}},
    "jobs": {
        "first": {
            "name": "kill_$u",
            "tasks": [TASK],
            "permissions": [{**EVERYBODY, "level": "CAN_VIEW"}],
        },
        "second": {
            "name": "kill_$u second",
            "tasks": [
                {"task_key": "call", "run_job_task": {"job_id": "${resources.jobs.first.id}"}}
            ],
        },
    },
}
# Where everything of a type is listed: path, member of the answer, path of the name in an item.
LISTS: Mapping[str, tuple[str, str, str]] = {
    "catalogs": ("/api/2.1/unity-catalog/catalogs", "catalogs", "name"),
    "experiments": ("/api/2.0/mlflow/experiments/search?max_results=1000", "experiments", "name"),
    "secret_scopes": ("/api/2.0/secrets/scopes/list", "scopes", "name"),
    "sql_warehouses": ("/api/2.0/sql/warehouses", "warehouses", "name"),
    "pipelines": ("/api/2.0/pipelines", "statuses", "name"),
    "dashboards": ("/api/2.0/lakeview/dashboards", "dashboards", "display_name"),
    "alerts": ("/api/2.0/alerts", "alerts", "display_name"),
    "genie_spaces": ("/api/2.0/genie/spaces", "spaces", "title"),
    "instance_pools": (
        "/api/2.0/instance-pools/list",
        "instance_pools",
        "instance_pool_name",
    ),
    "clusters": ("/api/2.1/clusters/list", "clusters", "cluster_name"),
    "vector_search_endpoints": ("/api/2.0/vector-search/endpoints", "endpoints", "name"),
    "jobs": ("/api/2.2/jobs/list?limit=100", "jobs", "settings.name"),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Broken:
    """The bundle, its commands, and the proxy between them and the workspace."""

    folder: Path
    environment: Mapping[str, str]
    forks: CommandForks
    proxy: BreakingProxy
    suffix: str
    client: Any

    def __call__(self, *arguments: str, code: int | None = 0) -> Ended:
        return self.forks.run(self.folder, self.environment, *arguments, code=code)

    def found(self) -> Counter[str]:
        """How many objects of each kind and name there are."""
        there: Counter[str] = Counter()
        for kind, (path, items, name) in LISTS.items():
            for one in self.client.api_client.do("GET", path).get(items, []):
                for step in name.split("."):
                    one = one[step]
                if self.suffix in one:
                    there[f"{kind} {one}"] += 1
        return there


@pytest.fixture
def broken(tmp_path: Path, workspace: EmbeddedServer) -> Iterator[Broken]:
    suffix = uuid.uuid4().hex[:8]
    folder = tmp_path / "bundle"
    (folder / "src").mkdir(parents=True)
    (folder / "src" / "tables.sql").write_text("CREATE MATERIALIZED VIEW kill AS SELECT 1 AS x\n")
    tree = {"bundle": {"name": f"kill_{suffix}"}, "resources": RESOURCES}
    (folder / "databricks.yml").write_text(json.dumps(tree, indent=2).replace("$u", suffix))
    forks = CommandForks(scratch=tmp_path)
    forks.start()
    with breaking_proxy(workspace.host("dev"), forks.kill) as proxy:
        yield Broken(
            folder=folder,
            environment=workspace.environment("dev") | {"DATABRICKS_HOST": proxy.host},
            forks=forks,
            proxy=proxy,
            suffix=suffix,
            client=workspace.client("dev"),
        )
    forks.stop()


@pytest.mark.parametrize("fault", list(Fault), ids=lambda fault: fault.name.lower())
def test_the_next_deploy_finishes_what_was_broken_off(broken: Broken, fault: Fault) -> None:
    broken("deploy")
    requests = list(broken.proxy.seen)
    assert len(requests) > len(wanted := broken.found())
    assert set(wanted.values()) == {1}
    assert len(wanted) >= len(LISTS)
    broken("destroy", "--auto-approve")
    assert not broken.found()

    for at in range(1, len([one for one in requests if fault.meets(one)]) + 1):
        broken.proxy.arm(at, fault)
        broken("deploy", code=None)
        where = f"{fault.value}: request {at}, {broken.proxy.seen[at - 1 : at]}"
        broken.proxy.disarm()
        again = broken("deploy", code=None)
        assert again.code == 0, f"{where}\n{again.err}"
        assert broken.found() == wanted, f"{where}\n{again.err}"
        plan = broken("plan", "-o", "json").data["plan"]
        assert {node["action"] for node in plan.values()} == {"skip"}, where
        broken("destroy", "--auto-approve")
        assert not broken.found(), where

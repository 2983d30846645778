"""A user without any grant against objects of others: every route that changes something.

One object of each kind is made by the administrator; its real name or id stands in the path, body
and query of every changing route. Nothing may succeed, and nothing may be different afterwards.
"""

from __future__ import annotations

import base64
import json
import re
from collections.abc import Iterator
from typing import Any

import pytest

from brickyard.workspace.assembly import ROUTES
from brickyard.workspace.kernel import Route

UC = "/api/2.1/unity-catalog"
CATALOG = "dev"

# Changes that anybody may make: to their own things, or with no effect on another's.
OWN = re.compile(
    r"/api/2\.0/token/create"  # a token of their own
    r"|/api/2\.0/secrets/scopes/create"  # a scope of their own, as on the real service
    r"|/api/2\.[12]/jobs/(create|runs/submit)"  # a job that runs as themselves
    r"|/api/2\.0/agents/(evaluation-client|chat-assessment)-usage-events"
    r"|/api/2\.0/managed-evals/custom-judge-model/record-event"
    r"|/logout|/mlflow/ajax-api/\{version\}/mlflow/ui-telemetry"  # their own session
    r"|/api/[23]\.0/mlflow/.*search|/api/3\.0/mlflow/traces/(batchGetInfos|metrics|calculate.*)"
    r"|/oidc/v1/token"
    r"|/api/2\.0/sql/statements"  # refused statement by statement, in the answer
    r"|/api/2\.0/(serving-endpoints|sql/warehouses)"  # an endpoint, a warehouse of their own
    r"|/api/2\.0/(lakeview/dashboards|sql/queries)"  # one in their own home
    r"|/api/2\.0/dbfs/.*|/dbfs/.*"  # the DBFS root is everybody's, as on the real service
)


@pytest.fixture(scope="module")
def objects(workspace: Any) -> Iterator[dict[str, str]]:
    """What the administrator has: the value of every parameter that names one of them."""
    from tests.conformance.security.conftest import Wire

    wire = Wire(workspace)

    def make(path: str, body: Any, name: str | None = None) -> Any:
        got = wire.admin("POST", path, body)
        assert got.status in (200, 201), (path, got.body)
        return got.json()[name] if name else None

    make(f"{UC}/schemas", {"catalog_name": CATALOG, "name": "guarded"})
    inside = {"catalog_name": CATALOG, "schema_name": "guarded"}
    make(f"{UC}/volumes", {**inside, "name": "v", "volume_type": "MANAGED"})
    make(f"{UC}/models", {**inside, "name": "m"})
    make("/api/2.0/workspace/mkdirs", {"path": "/Guarded"})
    text = base64.b64encode(b"print('theirs')").decode()
    make(
        "/api/2.0/workspace/import",
        {"path": "/Guarded/file.py", "content": text, "format": "RAW", "overwrite": True},
    )
    make("/api/2.0/secrets/scopes/create", {"scope": "guarded"})
    make("/api/2.0/secrets/put", {"scope": "guarded", "key": "k", "string_value": "planted-value"})
    task = {"task_key": "t", "spark_python_task": {"python_file": "/Workspace/Guarded/file.py"}}
    job = make("/api/2.2/jobs/create", {"name": "guarded", "tasks": [task]}, "job_id")
    experiment = make(
        "/api/2.0/mlflow/experiments/create", {"name": "/Guarded/experiment"}, "experiment_id"
    )
    start = {"experiment_id": experiment, "start_time": 1}
    run = make("/api/2.0/mlflow/runs/create", start, "run")["info"]["run_id"]
    endpoint = make("/api/2.0/serving-endpoints", {"name": "guarded"}, "name")
    warehouse = make("/api/2.0/sql/warehouses", {"name": "guarded"}, "id")
    for name in ("guarded", f"{CATALOG}.guarded.m"):
        make("/api/2.0/mlflow/registered-models/create", {"name": name})
    make("/api/2.0/apps?no_compute=true", {"name": "guarded"})
    make("/api/2.0/database/instances", {"name": "guarded", "capacity": "CU_1"})
    near = {"name": "guarded", "endpoint_type": "STANDARD"}
    make("/api/2.0/vector-search/endpoints", near)
    own = {"display_name": "guarded", "warehouse_id": warehouse, "parent_path": "/Guarded"}
    board = {**own, "serialized_dashboard": "{}"}
    dashboard = make("/api/2.0/lakeview/dashboards", board, "dashboard_id")
    alert = {
        **own,
        "query_text": "SELECT 1",
        "schedule": {"quartz_cron_schedule": "0 0 5 1 1 ?", "timezone_id": "UTC"},
        "evaluation": {
            "comparison_operator": "GREATER_THAN",
            "source": {"name": "x"},
            "threshold": {"value": {"double_value": 5}},
        },
    }
    alert_id = make("/api/2.0/alerts", alert, "id")
    query = make("/api/2.0/sql/queries", {"query": {**own, "query_text": "SELECT 1"}}, "id")
    mail = {"display_name": "guarded", "config": {"email": {"addresses": ["a@b.c"]}}}
    destination = make("/api/2.0/notification-destinations", mail, "id")
    space = {**own, "title": "guarded", "serialized_space": '{"version": 1}'}
    space_id = make("/api/2.0/genie/spaces", space, "space_id")
    flow = {"name": "guarded", "catalog": CATALOG, "schema": "guarded", "serverless": True}
    pipeline = make("/api/2.0/pipelines", {**flow, "libraries": []}, "pipeline_id")
    small = {"spark_version": "15.4.x-scala2.12", "node_type_id": "i3.xlarge", "num_workers": 1}
    cluster = make("/api/2.1/clusters/create", small, "cluster_id")
    pool = {"instance_pool_name": "guarded", "node_type_id": "i3.xlarge"}
    pool_id = make("/api/2.0/instance-pools/create", pool, "instance_pool_id")
    rules = {"name": "guarded", "definition": "{}"}
    policy = make("/api/2.0/policies/clusters/create", rules, "policy_id")
    token = make("/api/2.0/token/create", {"comment": "guarded"}, "token_info")["token_id"]
    group = make("/api/2.0/preview/scim/v2/Groups", {"displayName": "guarded"}, "id")
    folder = wire.admin("GET", "/api/2.0/workspace/get-status?path=/Guarded").json()["object_id"]
    yield {
        "catalog": CATALOG, "schema": f"{CATALOG}.guarded", "volume": f"{CATALOG}.guarded.v",
        "model": f"{CATALOG}.guarded.m", "job": str(job), "experiment": experiment, "run": run,
        "endpoint": endpoint, "warehouse": warehouse, "token": token, "group": str(group),
        "folder": str(folder), "dashboard": dashboard, "alert": alert_id, "space": space_id,
        "pipeline": pipeline, "cluster": cluster, "pool": pool_id, "policy": policy,
        "query": query, "destination": destination, "guarded": "guarded",
    }  # fmt: skip
    wire.close()


def targets(route: Route, objects: dict[str, str]) -> Iterator[str]:
    """The paths of a route with the administrator's objects in it."""
    path = route.path
    if path.startswith("/api/2.0/permissions/{type}"):
        kinds = {"jobs": "job", "experiments": "experiment", "directories": "folder"}
        kinds |= {"serving-endpoints": "endpoint", "warehouses": "warehouse"}
        kinds |= {"dashboards": "dashboard", "alertsv2": "alert", "genie": "space"}
        kinds |= {"queries": "query"}
        kinds |= {"pipelines": "pipeline", "clusters": "cluster", "instance-pools": "pool"}
        kinds |= {"cluster-policies": "policy", "apps": "guarded", "database-instances": "guarded"}
        for kind, name in kinds.items():
            yield path.replace("{type}", kind).replace("{id}", objects[name])
        return
    if "{securable_type}" in path:
        for kind in ("catalog", "schema", "volume"):
            named = re.sub(r"\{(full_name|securable_name)\}", objects[kind], path)
            yield named.replace("{securable_type}", kind)
        return
    chosen = {
        "/catalogs/": "catalog", "/schemas/": "schema", "/volumes/": "volume", "/models/": "model",
        "/serving-endpoints/": "endpoint", "/warehouses/": "warehouse", "/Groups/": "group",
        "/token": "token", "/dashboards/": "dashboard", "/alerts/": "alert", "/spaces/": "space",
        "/pipelines/": "pipeline", "/apps/": "guarded", "/instances/": "guarded",
        "/vector-search/endpoints/": "guarded", "/sql/queries/": "query",
        "/notification-destinations/": "destination",
    }  # fmt: skip
    value = next((objects[name] for part, name in chosen.items() if part in path), "1")
    path = path.replace("{path...}", "Volumes/dev/guarded/v/new.txt")
    path = path.replace("{version}", "1").replace("{alias}", "champion")
    yield re.sub(r"\{[^}]+\}", value, path)


def bodies(objects: dict[str, str]) -> dict[str, Any]:
    """Every field that names or changes something, at once: each route takes those it knows."""
    mine = {
        "catalog_name": CATALOG, "schema_name": "guarded", "name": "guarded", "path": "/Guarded",
        "scope": "guarded", "key": "k", "string_value": "changed", "principal": "users",
        "permission": "MANAGE", "job_id": int(objects["job"]), "new_settings": {"name": "changed"},
        "experiment_id": objects["experiment"], "experiment_ids": [objects["experiment"]],
        "run_id": objects["run"], "token_id": objects["token"], "new_name": "/Guarded/changed",
        "comment": "changed", "owner": "users", "recursive": True, "value": "changed",
        "access_control_list": [{"group_name": "users", "permission_level": "CAN_MANAGE"}],
        "changes": [{"principal": "account users", "add": ["ALL_PRIVILEGES"]}],
        "displayName": "changed", "userName": "changed@x", "timestamp": 1, "step": 1,
        "config": {"served_entities": []}, "tags": [{"key": "a", "value": "b"}],
        "add_tags": [{"key": "a", "value": "b"}], "version": "1", "alias": "champion",
        "description": "changed", "table_type": "MANAGED", "volume_type": "MANAGED",
        "content": "", "format": "RAW", "overwrite": True, "columns": [],
        "data_source_format": "DELTA", "storage_location": "", "workspace_id": 1,
        "Operations": [{"op": "replace", "path": "displayName", "value": "changed"}],
        "cluster_id": objects["cluster"], "instance_pool_id": objects["pool"],
        "policy_id": objects["policy"], "instance_pool_name": "changed", "definition": "{}",
        "spark_version": "16.4.x", "num_workers": 2, "display_name": "changed",
        "query": {"display_name": "changed", "owner_user_name": "changed"},
        "serialized_dashboard": "{}", "update_mask": "*", "full_refresh": True,
        "assign_workspaces": [1], "add": [{"workspace_id": 1}], "status": "FINISHED",
    }  # fmt: skip
    full = {"name": objects["model"], "full_name_arg": objects["model"]}
    return {"short names": mine, "full names": {**mine, **full}}


@pytest.mark.documented
@pytest.mark.slow
def test_nothing_of_others_can_be_changed(
    workspace: Any, wire: Any, nobody: Any, objects: dict[str, str]
) -> None:
    faults = []
    for route in ROUTES:
        if route.method in ("GET", "HEAD") or not route.auth or OWN.fullmatch(route.path):
            continue
        for path in targets(route, objects):
            for kind, body in bodies(objects).items():
                query = f"?name={body['name']}&run_id={objects['run']}&version=1&alias=champion"
                got = wire.send(route.method, path + query, body, token=nobody.token)
                if got.status < 400 or (got.status >= 500 and got.status != 501):
                    said = f"{got.status} {got.body[:150]!r}"
                    faults.append(f"{route.method} {path} [{kind}]: {said}")
    assert not faults, "\n".join(faults)


@pytest.mark.documented
@pytest.mark.slow
def test_nothing_of_others_that_is_private_can_be_read(
    wire: Any, nobody: Any, objects: dict[str, str]
) -> None:
    private = (
        "/api/2.0/secrets/get?scope=guarded&key=k",
        "/api/2.0/secrets/list?scope=guarded",
        "/api/2.0/secrets/acls/list?scope=guarded",
        "/api/2.0/workspace/export?path=/Guarded/file.py",
        "/api/2.0/workspace/list?path=/Guarded",
        "/api/2.0/fs/files/Workspace/Guarded/file.py",
        f"/api/2.2/jobs/get?job_id={objects['job']}",
        f"/api/2.0/mlflow/experiments/get?experiment_id={objects['experiment']}",
        f"/api/2.0/mlflow/runs/get?run_id={objects['run']}",
        f"/api/2.0/permissions/jobs/{objects['job']}",
        f"/api/2.0/sql/queries/{objects['query']}",
        "/api/2.0/token-management/tokens",
        f"/api/2.0/serving-endpoints/{objects['endpoint']}",
    )
    faults = []
    for path in private:
        got = wire.send("GET", path, token=nobody.token)
        if got.status not in (403, 404):
            faults.append(f"{path}: {got.status} {got.body[:150]!r}")
    lists = (
        "/api/2.2/jobs/list",
        "/api/2.0/secrets/scopes/list",
        "/api/2.0/mlflow/experiments/list",
        "/api/2.0/serving-endpoints",
        "/api/2.0/workspace/list?path=/",
        "/api/2.0/token/list",
        "/api/2.0/sql/history/queries",
    )
    for path in lists:
        got = wire.send("GET", path, token=nobody.token)
        if got.status != 200 or b"uarded" in got.body:
            faults.append(f"{path}: {got.status} {got.body[:150]!r}")
    search = {"max_results": 100}
    got = wire.send("POST", "/api/2.0/mlflow/experiments/search", search, token=nobody.token)
    if b"uarded" in got.body:
        faults.append(f"search: {got.body[:150]!r}")
    assert not faults, "\n".join(faults)


@pytest.mark.documented
@pytest.mark.slow
@pytest.mark.parametrize(
    "statement",
    [
        "create schema dev.mine",
        "drop schema dev.guarded cascade",
        "create table dev.guarded.t as select 1 as a",
        "grant all privileges on catalog dev to `account users`",
        "create volume dev.guarded.w",
        "drop volume dev.guarded.v",
        "alter schema dev.guarded set owner to `account users`",
    ],
)
def test_sql_of_a_plain_user_changes_nothing(
    workspace: Any, wire: Any, nobody: Any, objects: dict[str, str], statement: str
) -> None:
    use = [{"service_principal_name": nobody.user_name, "permission_level": "CAN_USE"}]
    path = f"/api/2.0/permissions/warehouses/{objects['warehouse']}"
    assert wire.admin("PATCH", path, {"access_control_list": use}).status == 200
    body = {
        "warehouse_id": objects["warehouse"], "statement": statement, "wait_timeout": "30s"
    }  # fmt: skip
    got = wire.send("POST", "/api/2.0/sql/statements", body, token=nobody.token)
    answer = json.loads(got.body)
    assert answer.get("status", {}).get("state") == "FAILED", answer


@pytest.mark.documented
def test_only_an_administrator_can_make_somebody_else_the_owner(
    workspace: Any, wire: Any, nobody: Any
) -> None:
    """A job runs as its owner: naming another one would be acting as them."""
    admin = {"user_name": workspace.user("dev"), "permission_level": "IS_OWNER"}
    mine = {"service_principal_name": nobody.user_name, "permission_level": "CAN_MANAGE"}
    task = {"task_key": "t", "condition_task": {"op": "EQUAL_TO", "left": "1", "right": "1"}}
    job = {"name": "mine", "tasks": [task]}
    given = {**job, "access_control_list": [admin, mine]}
    refused = [wire.send("POST", "/api/2.2/jobs/create", given, token=nobody.token)]
    made = wire.send("POST", "/api/2.2/jobs/create", job, token=nobody.token).json()["job_id"]
    path, body = f"/api/2.0/permissions/jobs/{made}", {"access_control_list": [admin, mine]}
    refused += [wire.send(method, path, body, token=nobody.token) for method in ("PUT", "PATCH")]
    assert [got.status for got in refused] == [403, 403, 403]
    for run_as in ({"user_name": workspace.user("dev")}, {"service_principal_name": "x"}):
        body = {"job_id": made, "new_settings": {"run_as": run_as}}
        got = wire.send("POST", "/api/2.2/jobs/update", body, token=nobody.token)
        assert got.status == 403
    own = {**mine, "permission_level": "IS_OWNER"}
    body = {"access_control_list": [own]}
    assert wire.send("PUT", path, body, token=nobody.token).status == 200
    body = {"access_control_list": [admin]}
    assert wire.admin("PUT", path, body).status == 200

"""Every route to MLflow asks for permission on the experiment before anything is passed on."""

from __future__ import annotations

import asyncio
import json
from types import SimpleNamespace
from typing import Any

import pytest

from brickyard.workspace.kernel import ApiError, Call, Principal, Route, WorkspaceInfo, denied
from brickyard.workspace.kernel.routing import Router
from brickyard.workspace.mlflow import credentials, experiments, tracking
from brickyard.workspace.mlflow.proxy import Answer
from brickyard.workspace.mlflow.subjects import Owners

WHO = Principal(id=1, user_name="eve@example.com", display_name="Eve")
WHERE = WorkspaceInfo(name="dev", id=1, catalog="dev", url="http://127.0.0.1:1")
IDS = {
    "experiment_id": "7",
    "experiment_ids": ["7"],
    "run_id": "r",
    "run_ids": ["r"],
    "model_id": "m-1",
    "trace_id": "tr-1",
    "trace_ids": ["tr-1"],
    "request_id": "tr-1",
    "experiment_name": "/Shared/x",
    "path": ["a.txt"],
    "paths": ["a.txt"],
    "locations": [{"mlflow_experiment": {"experiment_id": "7"}}],
    "trace": {"trace_info": {"trace_location": {"mlflow_experiment": {"experiment_id": "7"}}}},
}
KNOWN = {
    "run": {"info": {"experiment_id": "7"}},
    "model": {"info": {"experiment_id": "7"}},
    "experiment": {"experiment_id": "7"},
    "trace": {"trace_info": IDS["trace"]["trace_info"]},  # type: ignore[index]
}
OPEN = {"/api/2.0/mlflow/experiments/create", "/api/2.0/mlflow/experiments/search"}
OPEN |= {"/api/2.0/mlflow/experiments/list"}  # these show or make what is the caller's own
CHECKED = [
    route
    for route in (*tracking.ROUTES, *experiments.ROUTES, *credentials.ROUTES)
    if route.path not in OPEN and route.auth
]


class Refusing:
    """The MLflow engine as far as a check needs it: it knows the owners and refuses everybody."""

    def __init__(self) -> None:
        self.asked: list[tuple[str, ...]] = []
        self.passed_on: list[str] = []
        self.owners = Owners(self._ask)
        self.proxy = SimpleNamespace(send=self._send)

    async def _ask(self, workspace: str, path: str, query: Any) -> Any:
        return KNOWN

    async def _send(self, workspace: str, method: str, path: str, **rest: Any) -> Answer:
        self.passed_on.append(f"{method} {path}")
        body = json.dumps(KNOWN).encode()
        return Answer(status=200, body=body, content_type="application/json")

    async def require(
        self, principal: Any, workspace: Any, ids: tuple[str, ...], level: str
    ) -> None:
        self.asked.append(tuple(ids))
        raise denied("no")


def call_of(route: Route, engine: Any) -> Call:
    path = tracking.PARAMETER.sub(lambda found: str(IDS.get(found[1], "x")), route.path)
    found = Router([route]).find(route.method, path)
    assert found is not None
    query = [(k, v if isinstance(v, str) else v[0]) for k, v in IDS.items() if k in QUERIED]
    return Call(
        method=route.method,
        raw_path=path,
        path=found[1],
        query_items=query if route.method == "GET" else [],
        headers={},
        body=json.dumps(IDS).encode(),
        principal=WHO,
        workspace=WHERE,
        engines=SimpleNamespace(mlflow=engine),  # type: ignore[arg-type]
    )


QUERIED = ("experiment_id", "experiment_ids", "run_id", "run_ids", "trace_id", "trace_ids")


@pytest.mark.parametrize("route", CHECKED, ids=lambda route: f"{route.method} {route.path}")
def test_a_refused_caller_changes_and_sees_nothing(route: Route) -> None:
    engine = Refusing()
    with pytest.raises(ApiError) as refused:
        asyncio.run(route.handler(call_of(route, engine)))
    assert refused.value.code == "PERMISSION_DENIED"
    assert engine.asked == [("7",)]
    lookups = {"GET /api/2.0/mlflow/experiments/get-by-name"}
    assert set(engine.passed_on) <= lookups


def test_an_id_cannot_lead_to_another_route_of_mlflow() -> None:
    route = next(one for one in tracking.ROUTES if one.path.endswith("/logged-models/{model_id}"))

    class Allowing(Refusing):
        async def require(self, *ignored: Any) -> None:
            pass

    engine = Allowing()
    call = call_of(route, engine)
    call.path = {"model_id": "../../../3.0/mlflow/workspaces/dev"}
    with pytest.raises(ApiError, match="There is no model with this id"):
        asyncio.run(route.handler(call))
    assert engine.passed_on == []

"""Deployments of agents, as the `databricks-agents` package calls them: `agents.deploy`.

Review apps are MLflow's (`mlflow/reviews.py`). Not here: monitors (`/managed-evals/monitors`),
which that package finds missing and does without.
"""

from __future__ import annotations

from typing import Any, Final

from brickyard.workspace.kernel import Call, Json, Route, invalid
from brickyard.workspace.kernel.documents import Document

DEPLOYMENTS: Final = "/api/2.0/agents/deployments"
MODEL: Final = DEPLOYMENTS + "/{model}"
VERSION: Final = MODEL + "/versions/{version}"
NEEDED: Final = ("model_name", "model_version", "endpoint_name", "served_entity_name")


def deploy(call: Call) -> Json:
    body = call.fields()
    missing = [name for name in NEEDED if not body.get(name)]
    if missing:
        raise invalid(f"{missing[0]} is required")
    given = {name: str(body[name]) for name in (*NEEDED, "query_endpoint") if body.get(name)}
    made = call.engines.agents.add(call.principal, call.workspace, given)
    return {"deployed_chain": _deployment(call, made)}


def deployments(call: Call) -> Json:
    found = call.engines.agents.visible(
        call.principal, call.workspace, call.path.get("model", ""), call.path.get("version", "")
    )
    return {"chain_deployments": [_deployment(call, one) for one in found]} if found else {}


def undeploy(call: Call) -> Json:
    call.engines.agents.remove(
        call.principal, call.workspace, call.path["model"], call.path.get("version", "")
    )
    return {}


def instructions(call: Call) -> Json:
    found = call.engines.agents.review(call.principal, call.workspace, call.path["model"])
    return {"instructions": found["instructions"]} if "instructions" in found else {}


def instruct(call: Call) -> Json:
    text = str(call.fields().get("instructions") or "")
    call.engines.agents.instruct(call.principal, call.workspace, call.path["model"], text)
    return {}


def artifacts(call: Call) -> Json:
    found = call.engines.agents.review(call.principal, call.workspace, call.path["model"])
    return {"artifacts": found["artifacts"]} if found.get("artifacts") else {}


def attach(call: Call) -> Json:
    listed = call.fields().get("artifacts")
    if not isinstance(listed, list) or not all(isinstance(one, str) for one in listed):
        raise invalid("artifacts must be a list of URIs")
    call.engines.agents.attach(call.principal, call.workspace, call.path["model"], listed)
    return {}


def _deployment(call: Call, one: Document) -> dict[str, Any]:
    return {
        **one.body,
        "create_timestamp": one.created_ms,
        "last_update_timestamp": one.updated_ms,
        "creator": one.creator,
        "workspace_url": call.workspace.url,
        "review_app_url": f"{call.workspace.url}/ml/review/{one.name}",
    }


ROUTES: Final = (
    Route("POST", DEPLOYMENTS, deploy),
    Route("GET", DEPLOYMENTS, deployments),
    Route("GET", MODEL, deployments),
    Route("DELETE", MODEL, undeploy),
    Route("GET", VERSION, deployments),
    Route("DELETE", VERSION, undeploy),
    Route("GET", MODEL + "/instructions", instructions),
    Route("POST", MODEL + "/instructions", instruct),
    Route("GET", MODEL + "/artifacts", artifacts),
    Route("POST", MODEL + "/artifacts", attach),
)

"""Cluster policies and policy families, as the SDK's ClusterPoliciesAPI and PolicyFamiliesAPI."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any, Final

from brickyard.workspace.compute.families import FAMILIES
from brickyard.workspace.compute.show import show_policy
from brickyard.workspace.kernel import Call, Fidelity, Json, Route, invalid, not_found

BASE: Final = "/api/2.0/policies/clusters"
FAMILY: Final = "/api/2.0/policy-families"
LIMITS: Final = "paths with * and virtual attributes are kept, not checked"
GIST: Final = "the gist of each family's rules"


@dataclass(frozen=True, slots=True, kw_only=True)
class One:
    policy_id: str


def create(call: Call) -> Json:
    made = call.engines.compute.policies.create(call.principal, call.workspace, call.fields())
    return {"policy_id": made.id}


def fetch(call: Call) -> Json:
    id = call.query("policy_id")
    if not id:
        raise invalid("Missing required field: policy_id")
    return show_policy(call.engines.compute.policies.get(call.principal, call.workspace, id))


def browse(call: Call) -> Json:
    """The policies that the caller may use, by creation unless by name."""
    found = call.engines.compute.policies.visible(call.principal, call.workspace)
    if call.query("sort_column") == "POLICY_NAME":
        found.sort(key=lambda one: one.name)
    if call.query("sort_order") == "DESC":
        found.reverse()
    answer: dict[str, Any] = {"total_count": len(found)}
    return {"policies": [show_policy(one) for one in found], **answer} if found else answer


def edit(call: Call) -> Json:
    id = call.read(One).policy_id
    call.engines.compute.policies.edit(call.principal, call.workspace, id, call.fields())
    return {}


def delete(call: Call) -> Json:
    id = call.read(One).policy_id
    call.engines.compute.policies.delete(call.principal, call.workspace, id)
    return {}


def families(call: Call) -> Json:
    return call.page("policy_families", FAMILIES, _show_family)


def family(call: Call) -> Json:
    id = call.path["policy_family_id"]
    if id not in FAMILIES:
        raise not_found(f"Policy family {id} does not exist")
    return _show_family(id)


def _show_family(id: str) -> dict[str, Any]:
    one = FAMILIES[id]
    return {
        "policy_family_id": id,
        "name": one.name,
        "description": one.description,
        "definition": json.dumps(one.rules),
    }


ROUTES = (
    *(
        Route(method, f"{BASE}/{verb}", handler, Fidelity.VIRTUAL, note=LIMITS)
        for method, verb, handler in (
            ("POST", "create", create),
            ("GET", "get", fetch),
            ("GET", "list", browse),
            ("POST", "edit", edit),
            ("POST", "delete", delete),
        )
    ),
    Route("GET", FAMILY, families, Fidelity.VIRTUAL, note=GIST),
    Route("GET", FAMILY + "/{policy_family_id}", family, Fidelity.VIRTUAL, note=GIST),
)

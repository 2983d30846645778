"""The Instance Pools API, as compute.InstancePoolsAPI of the SDK calls it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from brickyard.workspace.compute.show import show_pool
from brickyard.workspace.kernel import Call, Fidelity, Json, Route, invalid

BASE: Final = "/api/2.0/instance-pools"
NO_MACHINES: Final = "kept; no machine stands in a pool"


@dataclass(frozen=True, slots=True, kw_only=True)
class One:
    instance_pool_id: str


def create(call: Call) -> Json:
    made = call.engines.compute.pools.create(call.principal, call.workspace, call.fields())
    return {"instance_pool_id": made.id}


def fetch(call: Call) -> Json:
    id = call.query("instance_pool_id")
    if not id:
        raise invalid("Missing required field: instance_pool_id")
    return show_pool(call.engines.compute.pools.get(call.principal, call.workspace, id))


def browse(call: Call) -> Json:
    found = call.engines.compute.pools.visible(call.principal, call.workspace)
    return {"instance_pools": [show_pool(one) for one in found]} if found else {}


def edit(call: Call) -> Json:
    id = call.read(One).instance_pool_id
    call.engines.compute.pools.edit(call.principal, call.workspace, id, call.fields())
    return {}


def delete(call: Call) -> Json:
    id = call.read(One).instance_pool_id
    call.engines.compute.pools.delete(call.principal, call.workspace, id)
    return {}


ROUTES = tuple(
    Route(method, f"{BASE}/{verb}", handler, Fidelity.VIRTUAL, note=NO_MACHINES)
    for method, verb, handler in (
        ("POST", "create", create),
        ("GET", "get", fetch),
        ("GET", "list", browse),
        ("POST", "edit", edit),
        ("POST", "delete", delete),
    )
)

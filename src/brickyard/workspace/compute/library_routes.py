"""The Libraries API, as compute.LibrariesAPI of the SDK calls it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from brickyard.workspace.compute.libraries import show
from brickyard.workspace.kernel import Call, Document, Fidelity, Json, Route, invalid

BASE: Final = "/api/2.0/libraries"
NOT_INSTALLED: Final = "kept, never installed: shown as SKIPPED"


@dataclass(frozen=True, slots=True, kw_only=True)
class Libraries:
    cluster_id: str
    libraries: list[Mapping[str, Any]]


def install(call: Call) -> Json:
    want = call.read(Libraries)
    call.engines.compute.clusters.install(
        call.principal, call.workspace, want.cluster_id, want.libraries
    )
    return {}


def uninstall(call: Call) -> Json:
    want = call.read(Libraries)
    call.engines.compute.clusters.uninstall(
        call.principal, call.workspace, want.cluster_id, want.libraries
    )
    return {}


def status(call: Call) -> Json:
    id = call.query("cluster_id")
    if not id:
        raise invalid("Missing required field: cluster_id")
    return _show(call.engines.compute.clusters.get(call.principal, call.workspace, id))


def statuses(call: Call) -> Json:
    """Of all clusters that the caller may see and that have libraries."""
    found = call.engines.compute.clusters.visible(call.principal, call.workspace)
    return {"statuses": [_show(one) for one in found if one.body["libraries"]]}


def _show(cluster: Document) -> dict[str, Any]:
    kept = cluster.body["libraries"]
    listed = {"library_statuses": [show(one) for one in kept]} if kept else {}
    return {"cluster_id": cluster.id, **listed}


ROUTES = tuple(
    Route(method, f"{BASE}/{verb}", handler, Fidelity.VIRTUAL, note=NOT_INSTALLED)
    for method, verb, handler in (
        ("POST", "install", install),
        ("POST", "uninstall", uninstall),
        ("GET", "cluster-status", status),
        ("GET", "all-cluster-statuses", statuses),
    )
)

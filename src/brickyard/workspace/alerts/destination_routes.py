"""Notification destinations, as settings.NotificationDestinationsAPI of the SDK calls them."""

from __future__ import annotations

from typing import Any, Final

from brickyard.workspace.alerts.destinations import Destination
from brickyard.workspace.kernel import Call, Fidelity, Json, Route

BASE: Final = "/api/2.0/notification-destinations"
ONE: Final = BASE + "/{id}"
KEPT: Final = "nothing is sent; secrets are not kept"


def create(call: Call) -> Json:
    given = call.fields()
    return show(
        call.engines.alerts.destinations.create(
            call.principal, call.workspace, given.get("display_name"), given.get("config")
        )
    )


def browse(call: Call) -> Json:
    found = call.engines.alerts.destinations.all(call.workspace)
    return call.page("results", found, _listed, default_size=20)


def fetch(call: Call) -> Json:
    return show(call.engines.alerts.destinations.get(call.workspace, call.path["id"]))


def change(call: Call) -> Json:
    given, id = call.fields(), call.path["id"]
    return show(
        call.engines.alerts.destinations.update(
            call.principal, call.workspace, id, given.get("display_name"), given.get("config")
        )
    )


def drop(call: Call) -> Json:
    call.engines.alerts.destinations.drop(call.principal, call.workspace, call.path["id"])
    return {}


def show(one: Destination) -> dict[str, Any]:
    return {**_listed(one), "config": one.config}


def _listed(one: Destination) -> dict[str, Any]:
    return {"id": one.id, "display_name": one.name, "destination_type": one.type}


ROUTES = (
    Route("POST", BASE, create, Fidelity.VIRTUAL, note=KEPT),
    Route("GET", BASE, browse, Fidelity.VIRTUAL),
    Route("GET", ONE, fetch, Fidelity.VIRTUAL),
    Route("PATCH", ONE, change, Fidelity.VIRTUAL, note=KEPT),
    Route("DELETE", ONE, drop, Fidelity.VIRTUAL),
)

"""Databricks Apps as `apps.AppsAPI` of the SDK calls them.

Left out: spaces, thumbnails, templates, sources in Git. `compute_size`, instances, policies and
telemetry are kept and mean nothing on one machine.
"""

from __future__ import annotations

from brickyard.workspace.apps.gate import MANAGE
from brickyard.workspace.apps.records import App
from brickyard.workspace.apps.settings import SETTABLE
from brickyard.workspace.apps.show import show_app, show_deployment, show_update
from brickyard.workspace.kernel import Call, Json, Route, invalid

BASE = "/api/2.0/apps"
ONE = BASE + "/{name}"
USUAL_PAGE = 100


def create(call: Call) -> Json:
    engine = call.engines.apps
    no_compute = call.flag("no_compute")
    app = engine.create(call.principal, call.workspace, call.fields(), no_compute=no_compute)
    return _show(call, app)


def fetch(call: Call) -> Json:
    return _show(call, call.engines.apps.find(call.principal, call.workspace, call.path["name"]))


def browse(call: Call) -> Json:
    found = call.engines.apps.visible(call.principal, call.workspace)
    return call.page("apps", found, lambda app: _show(call, app), default_size=USUAL_PAGE)


def edit(call: Call) -> Json:
    given = call.fields()
    mask = ",".join(name for name in given if name in SETTABLE)
    name = call.path["name"]
    return _show(call, call.engines.apps.update(call.principal, call.workspace, name, given, mask))


def update(call: Call) -> Json:
    given = call.fields()
    app, mask = given.get("app") or {}, given.get("update_mask")
    if not isinstance(mask, str) or not mask:
        raise invalid("update_mask must name the fields to update")
    if not isinstance(app, dict):
        raise invalid("app must be an object")
    name = call.path["name"]
    return show_update(call.engines.apps.update(call.principal, call.workspace, name, app, mask))


def fetch_update(call: Call) -> Json:
    found = call.engines.apps.find(call.principal, call.workspace, call.path["name"], MANAGE)
    return show_update(found)


def delete(call: Call) -> Json:
    return _show(call, call.engines.apps.delete(call.principal, call.workspace, call.path["name"]))


def start(call: Call) -> Json:
    engine = call.engines.apps
    return _show(call, engine.start_app(call.principal, call.workspace, call.path["name"]))


def stop(call: Call) -> Json:
    engine = call.engines.apps
    return _show(call, engine.stop_app(call.principal, call.workspace, call.path["name"]))


def deploy(call: Call) -> Json:
    engine, name = call.engines.apps, call.path["name"]
    return show_deployment(engine.deploy(call.principal, call.workspace, name, call.fields()))


def browse_deployments(call: Call) -> Json:
    engine = call.engines.apps
    found = engine.deployments(call.principal, call.workspace, call.path["name"])
    return call.page("app_deployments", found, show_deployment, default_size=USUAL_PAGE)


def fetch_deployment(call: Call) -> Json:
    engine = call.engines.apps
    id = call.path["deployment_id"]
    return show_deployment(engine.deployment(call.principal, call.workspace, call.path["name"], id))


def _show(call: Call, app: App) -> Json:
    engine = call.engines.apps
    deployments = engine.shown_deployments(app)
    manages = engine.manages(call.principal, call.workspace, app)
    return show_app(app, engine.runs.status(app), deployments, with_values=manages)


ROUTES = (
    Route("POST", BASE, create),
    Route("GET", BASE, browse),
    Route("GET", ONE, fetch),
    Route("PATCH", ONE, edit),
    Route("DELETE", ONE, delete),
    Route("POST", ONE + "/start", start),
    Route("POST", ONE + "/stop", stop),
    Route("POST", ONE + "/update", update),
    Route("GET", ONE + "/update", fetch_update),
    Route("POST", ONE + "/deployments", deploy),
    Route("GET", ONE + "/deployments", browse_deployments),
    Route("GET", ONE + "/deployments/{deployment_id}", fetch_deployment),
)

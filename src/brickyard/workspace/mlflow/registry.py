"""The workspace registry of models, the one before Unity Catalog: ModelRegistryAPI of the SDK, and
MLflow with `registry_uri="databricks"`.

MLflow's own registry does the work, for each workspace apart; who may do what with a model is
decided here. Requests, comments and webhooks are next door (`registry_activities.py`). Left out:
aliases, which only Unity Catalog has.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Final

from brickyard.workspace.kernel import Call, Document, Json, Reply, Route, invalid
from brickyard.workspace.mlflow import subjects
from brickyard.workspace.mlflow.artifacts import inside
from brickyard.workspace.mlflow.proxy import Answer
from brickyard.workspace.mlflow.tracking import EDIT, MANAGE, READ, V2, as_reply
from brickyard.workspace.mlflow.tracking import require as require_experiments

MODELS: Final = f"{V2}/registered-models"
VERSIONS: Final = f"{V2}/model-versions"
STAGING: Final = "CAN_MANAGE_STAGING_VERSIONS"
PRODUCTION: Final = "CAN_MANAGE_PRODUCTION_VERSIONS"
TRACKED: Final = "dbfs:/databricks/mlflow-tracking/"
ELSEWHERE: Final = ("dbfs:/Volumes/", "s3://", "s3a://", "abfss://", "wasbs://", "gs://", "r2://")
PAGE: Final = 100


# -- models ---------------------------------------------------------------------------------------


async def create(call: Call) -> Reply:
    name = _text(call, "name")
    answer = await _send(call, "POST", f"{MODELS}/create", call.fields())
    if answer.status < 400:
        models = call.engines.mlflow.models
        await asyncio.to_thread(models.own, call.principal, call.workspace, name)
        await tell(call, name, ("REGISTERED_MODEL_CREATED",), {"text": "created the model"})
    return as_reply(answer)


async def fetch(call: Call) -> Json:
    """The model with its number, as Databricks shows it."""
    name = _text(call, "name")
    model = await need_model(call, name, READ)
    found = (await ask(call, f"{MODELS}/get", {"name": name}))["registered_model"]
    models = call.engines.mlflow.models
    level = await asyncio.to_thread(models.level, call.principal, call.workspace, model)
    shown = {**found, "id": model.body["id"], "permission_level": level}
    if model.creator:
        shown["user_id"] = model.creator
    return {"registered_model_databricks": shown}


async def drop(call: Call) -> Reply:
    name = _text(call, "name")
    model = await need_model(call, name, MANAGE)
    answer = await _send(call, "DELETE", f"{MODELS}/delete", {"name": name})
    if answer.status < 400:
        engine = call.engines.mlflow
        await asyncio.to_thread(engine.models.forget, call.workspace, name)
        for kept in (engine.activities, engine.webhooks):
            await asyncio.to_thread(kept.forget, call.workspace, model.body["id"])
    return as_reply(answer)


async def rename(call: Call) -> Reply:
    name, new_name = _text(call, "name"), _text(call, "new_name")
    await need_model(call, name, MANAGE)
    answer = await _send(call, "POST", f"{MODELS}/rename", call.fields())
    if answer.status < 400 and new_name != name:
        rename = call.engines.mlflow.models.rename
        await asyncio.to_thread(rename, call.workspace, name, new_name)
    return as_reply(answer)


async def search(call: Call) -> Json:
    return await _readable(call, await _page(call, f"{MODELS}/search"), "registered_models")


async def search_versions(call: Call) -> Json:
    return await _readable(call, await _page(call, f"{VERSIONS}/search"), "model_versions")


async def _page(call: Call, path: str) -> dict[str, Any]:
    query = tuple((key, value) for key, value in call.query_items if value)
    if not call.query("max_results"):
        query += (("max_results", str(PAGE)),)
    answer = await call.engines.mlflow.proxy.send(call.workspace.name, "GET", path, query=query)
    found: dict[str, Any] = answer.result()
    return found


async def _readable(call: Call, page: dict[str, Any], key: str) -> Json:
    found = page.get(key) or []
    readable = call.engines.mlflow.models.readable
    names = {one["name"] for one in found}
    seen = await asyncio.to_thread(readable, call.principal, call.workspace, names)
    return {**page, key: [one for one in found if one["name"] in seen]}


# -- versions -------------------------------------------------------------------------------------


async def create_version(call: Call) -> Reply:
    await need_model(call, _text(call, "name"), EDIT)
    body = call.fields()
    owners, where = call.engines.mlflow.owners, call.workspace.name
    source = _text(call, "source")
    experiments = []
    if run := body.get("run_id"):
        experiments.append(await owners.of_run(where, str(run)))
    if model := body.get("model_id"):
        experiments.append(await owners.of_model(where, str(model)))
    if source.startswith(TRACKED):
        experiments.append(source.removeprefix(TRACKED).split("/")[0])
    elif source.startswith("models:/"):
        parts = source.removeprefix("models:/").split("/")
        if len(parts) == 1:
            experiments.append(await owners.of_model(where, parts[0]))
        else:
            await need_model(call, parts[0], READ)
    elif source.startswith("runs:/"):
        run = source.removeprefix("runs:/").split("/")[0]
        experiments.append(await owners.of_run(where, run))
    elif not source.startswith(ELSEWHERE):
        raise invalid(
            f"source {source!r} is no place of this workspace's artifacts: log the model in a run"
            " and register that, as mlflow.register_model('runs:/<run id>/<path>', name) does"
        )
    await require_experiments(call, tuple(dict.fromkeys(experiments)), READ)
    answer = await _send(call, "POST", f"{VERSIONS}/create", body)
    if answer.status < 400:
        version = str(answer.json()["model_version"]["version"])
        told = {"version": version, "text": f"created version {version}"}
        await tell(call, _text(call, "name"), ("MODEL_VERSION_CREATED",), told)
    return as_reply(answer)


async def set_version_tag(call: Call) -> Reply:
    name, version = _text(call, "name"), _text(call, "version")
    await need_model(call, name, EDIT)
    answer = await _send(call, "POST", f"{VERSIONS}/set-tag", call.fields())
    if answer.status < 400:
        told = {"version": version, "text": f"set a tag of version {version}"}
        await tell(call, name, ("MODEL_VERSION_TAG_SET",), told)
    return as_reply(answer)


async def transition(call: Call) -> Json:
    """Move a version to another stage; Databricks' answer has a name of its own."""
    moved = await _moved(call)
    return {"model_version_databricks": moved["model_version"]}


async def transition_plainly(call: Call) -> Json:
    return await _moved(call)


async def _moved(call: Call) -> dict[str, Any]:
    fields = call.fields()
    archive = bool(fields.get("archive_existing_versions"))
    return await move(
        call, _text(call, "name"), _text(call, "version"), str(fields.get("stage", "")), archive
    )


async def move(call: Call, name: str, version: str, wanted: str, archive: bool) -> dict[str, Any]:
    """Move a version to a stage, for who may; what MLflow answers. Webhooks are told."""
    model = await need_model(call, name, STAGING)
    before = await stage_of(call, name, version)
    if "production" in (wanted.lower(), before.lower()):
        await require_level(call, model, PRODUCTION)
    kept = {"name": name, "version": version, "stage": wanted, "archive_existing_versions": archive}
    answer = await _send(call, "POST", f"{VERSIONS}/transition-stage", kept)
    found: dict[str, Any] = answer.result()
    after = str(found["model_version"]["current_stage"])
    events = ["MODEL_VERSION_TRANSITIONED_STAGE"]
    if after != "None":
        events.append(f"MODEL_VERSION_TRANSITIONED_TO_{after.upper()}")
    text = f"moved version {version} from {before} to {after}"
    told = {"version": version, "from_stage": before, "to_stage": after, "text": text}
    await tell(call, name, events, told)
    return found


async def stage_of(call: Call, name: str, version: str) -> str:
    """Where a version is now. Raises RESOURCE_DOES_NOT_EXIST."""
    found = await ask(call, f"{VERSIONS}/get", {"name": name, "version": version})
    return str(found["model_version"]["current_stage"])


async def tell(call: Call, name: str, events: Sequence[str], message: Mapping[str, str]) -> None:
    """Let the webhooks of a model know that the caller did something."""
    engine = call.engines.mlflow
    model = await asyncio.to_thread(engine.models.known, call.workspace, name)
    text = f"{call.principal.user_name} {message['text']} of model {name}"
    told = {"model_name": name, **message, "text": text}
    id = model.body["id"] if model is not None else ""
    await asyncio.to_thread(engine.webhooks.tell, call.workspace, id, events, told)


# -- artifacts of a version -----------------------------------------------------------------------


async def list_artifacts(call: Call) -> Json:
    root, path = await _artifacts(call)
    place = _inside(root, path)
    if place.is_file():
        return {"files": [_shown(root, place)]}
    found = sorted(place.iterdir()) if place.is_dir() else []
    return {"files": [_shown(root, one) for one in found]}


async def sign_artifact(call: Call) -> Json:
    engine = call.engines.mlflow
    root, path = await _artifacts(call)
    home = engine.artifacts_root / call.workspace.name
    where = _inside(root, path).relative_to(home).as_posix()
    uri = engine.signed_address(call.workspace, "GET", where)
    return {"signed_uri": uri, "headers": []}


async def _artifacts(call: Call) -> tuple[Path, str]:
    """The folder of a version's artifacts, and the path asked for in it."""
    name = _text(call, "name")
    await need_model(call, name, READ)
    asked = {"name": name, "version": _text(call, "version")}
    uri = str((await ask(call, f"{VERSIONS}/get-download-uri", asked))["artifact_uri"])
    return call.engines.mlflow.artifact_path(call.workspace, uri), call.query("path")


def _inside(root: Path, path: str) -> Path:
    return inside(root, *(part for part in path.split("/") if part))


def _shown(root: Path, place: Path) -> dict[str, Any]:
    shown = {"path": place.relative_to(root).as_posix(), "is_dir": place.is_dir()}
    return shown if place.is_dir() else {**shown, "file_size": place.stat().st_size}


# -- what all share -------------------------------------------------------------------------------


def checked(method: str, path: str, level: str) -> Route:
    """A route about the model that `name` names, passed on when the caller has the level on it."""

    async def handle(call: Call) -> Reply:
        await need_model(call, _text(call, "name"), level)
        given = dict(call.query_items) if method in ("GET", "DELETE") else {}
        fields = {} if method == "GET" else call.fields()
        return as_reply(await _send(call, method, path, {**given, **fields}))

    return Route(method, path, handle)


async def need_model(call: Call, name: str, level: str) -> Document:
    """The model. Raises RESOURCE_DOES_NOT_EXIST, or PERMISSION_DENIED."""
    models = call.engines.mlflow.models
    model = await asyncio.to_thread(models.known, call.workspace, name)
    if model is None:
        await ask(call, f"{MODELS}/get", {"name": name})
        model = await asyncio.to_thread(models.adopt, call.workspace, name)
    await require_level(call, model, level)
    return model


async def require_level(call: Call, model: Document, level: str) -> None:
    require = call.engines.mlflow.models.require
    await asyncio.to_thread(require, call.principal, call.workspace, model, level)


async def ask(call: Call, path: str, query: Mapping[str, str]) -> Any:
    return (await _send(call, "GET", path, query)).result()


async def _send(call: Call, method: str, path: str, given: Mapping[str, Any]) -> Answer:
    """To MLflow, which takes the parameters of a DELETE from its body alone."""
    if method == "GET":
        query = tuple((key, str(value)) for key, value in given.items())
        return await call.engines.mlflow.proxy.send(call.workspace.name, "GET", path, query=query)
    body = json.dumps(dict(given)).encode()
    return await call.engines.mlflow.proxy.send(call.workspace.name, method, path, body=body)


def _text(call: Call, name: str) -> str:
    return subjects.given(call, name)


ROUTES: tuple[Route, ...] = (
    Route("POST", f"{MODELS}/create", create),
    Route("GET", f"{V2}/databricks/registered-models/get", fetch),
    checked("GET", f"{MODELS}/get", READ),
    checked("PATCH", f"{MODELS}/update", EDIT),
    Route("DELETE", f"{MODELS}/delete", drop),
    Route("POST", f"{MODELS}/rename", rename),
    checked("POST", f"{MODELS}/set-tag", EDIT),
    checked("DELETE", f"{MODELS}/delete-tag", EDIT),
    checked("POST", f"{MODELS}/get-latest-versions", READ),
    Route("GET", f"{MODELS}/search", search),
    Route("GET", f"{MODELS}/list", search),
    Route("POST", f"{VERSIONS}/create", create_version),
    checked("GET", f"{VERSIONS}/get", READ),
    checked("PATCH", f"{VERSIONS}/update", EDIT),
    checked("DELETE", f"{VERSIONS}/delete", MANAGE),
    Route("POST", f"{VERSIONS}/set-tag", set_version_tag),
    checked("DELETE", f"{VERSIONS}/delete-tag", EDIT),
    checked("GET", f"{VERSIONS}/get-download-uri", READ),
    Route("GET", f"{VERSIONS}/search", search_versions),
    Route("POST", f"{VERSIONS}/transition-stage", transition_plainly),
    Route("POST", f"{V2}/databricks/model-versions/transition-stage", transition),
    Route("GET", f"{VERSIONS}/list-artifacts", list_artifacts),
    Route("GET", f"{VERSIONS}/get-signed-download-uri", sign_artifact),
)

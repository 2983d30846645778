"""Signed URLs for artifacts, as `databricks_artifacts.proto` of MLflow describes them.

Trace data always takes this way; artifacts of runs and logged models do when a client does not use
the Files API. The URL leads to a route of this server that checks the signature instead of a token;
it is in the query, which no log keeps.
Left out: multipart uploads (the credential type that is named never asks for them).
"""

from __future__ import annotations

import shutil
from pathlib import Path, PurePosixPath
from typing import Any

from brickyard.workspace.kernel import ApiError, Call, Json, Reply, Route, invalid, not_found
from brickyard.workspace.mlflow import subjects
from brickyard.workspace.mlflow.artifacts import inside
from brickyard.workspace.mlflow.engine import SIGNED
from brickyard.workspace.mlflow.subjects import Subject
from brickyard.workspace.mlflow.tracking import EDIT, READ, V2, require

MODEL = f"{V2}/logged-models/{{model_id}}/artifacts"
TYPE = "GCP_SIGNED_URL"  # the kind that clients read and write with one plain GET or PUT
TRACE_DATA = "traces.json"


async def trace_download(call: Call) -> Json:
    return {"credential_info": await _of_trace(call, "GET", READ)}


async def trace_upload(call: Call) -> Json:
    return {"credential_info": await _of_trace(call, "PUT", EDIT)}


async def run_read(call: Call) -> Json:
    return {"credential_infos": await _of_run(call, "GET", READ)}


async def run_write(call: Call) -> Json:
    return {"credential_infos": await _of_run(call, "PUT", EDIT)}


async def model_download(call: Call) -> Json:
    return {"credentials": await _of_model(call, "GET", READ)}


async def model_upload(call: Call) -> Json:
    return {"credentials": await _of_model(call, "PUT", EDIT)}


async def _of_trace(call: Call, method: str, level: str) -> Json:
    experiment = await _allowed(call, subjects.trace, level)
    path = call.query("path") or TRACE_DATA
    folder = (experiment, "Traces", call.path["request_id"], "artifacts")
    return _credential(call, method, folder, path)


async def _of_run(call: Call, method: str, level: str) -> list[Json]:
    experiment = await _allowed(call, subjects.run, level)
    folder = (experiment, "Runs", subjects.given(call, "run_id"), "artifacts")
    return [
        {**_credential(call, method, folder, path), "path": path}
        for path in subjects.listed(call, "path")
    ]


async def _of_model(call: Call, method: str, level: str) -> list[Json]:
    experiment = await _allowed(call, subjects.model, level)
    folder = (experiment, "LoggedModels", call.path["model_id"], "artifacts")
    return [
        {"credential_info": {**_credential(call, method, folder, path), "path": path}}
        for path in subjects.listed(call, "paths")
    ]


async def _allowed(call: Call, subject: Subject, level: str) -> str:
    ids = await subject(call)
    await require(call, ids, level)
    return ids[0]


def _credential(call: Call, method: str, folder: tuple[str, ...], path: str) -> dict[str, Any]:
    engine = call.engines.mlflow
    parts = PurePosixPath(path).parts
    inside(engine.artifacts_root, *folder, *parts)
    where = "/".join((*folder, *parts))
    return {"signed_uri": engine.signed_address(call.workspace, method, where), "type": TYPE}


def fetch(call: Call) -> Reply:
    path = _signed(call)
    if not path.is_file():
        raise not_found("This artifact does not exist")
    return Reply(body=path)


def store(call: Call) -> Reply:
    path = _signed(call)
    path.parent.mkdir(parents=True, exist_ok=True)
    spooled = call.body_path()
    draft = path.with_name(f".{path.name}.draft")
    if spooled is not None:
        shutil.copyfile(spooled, draft)
    else:
        draft.write_bytes(call.body())
    draft.replace(path)
    return Reply(status=200, body=b"")


def _signed(call: Call) -> Path:
    engine = call.engines.mlflow
    allowed = engine.signer.read(call.query("token"))
    if allowed.method != call.method or allowed.workspace != call.workspace.name:
        raise ApiError("PERMISSION_DENIED", "This address was signed for another use")
    if not allowed.path:
        raise invalid("No artifact is named")
    return inside(engine.artifacts_root / allowed.workspace, *allowed.path.split("/"))


ROUTES = (
    Route("GET", f"{V2}/traces/{{request_id}}/credentials-for-data-download", trace_download),
    Route("GET", f"{V2}/traces/{{request_id}}/credentials-for-data-upload", trace_upload),
    Route("POST", f"{V2}/artifacts/credentials-for-read", run_read),
    Route("POST", f"{V2}/artifacts/credentials-for-write", run_write),
    Route(
        "POST",
        f"{MODEL}/credentials-for-download",
        model_download,
    ),
    Route("POST", f"{MODEL}/credentials-for-upload", model_upload),
    Route("GET", SIGNED, fetch, auth=False),
    Route("PUT", SIGNED, store, auth=False),
)

"""Job runs: a deploy runs the job and waits for its end. Any other parameter means another run."""

from __future__ import annotations

import re
import uuid
from typing import Final

from brickyard.resources.declaration import LOCAL, Call, Field, Json, On, Read, ResourceType, Wait

BASE: Final = "/api/2.2/jobs"
PARAMETERS: Final = (
    "dbt_commands",
    "jar_params",
    "notebook_params",
    "pipeline_params",
    "python_named_params",
    "python_params",
    "spark_submit_params",
    "sql_params",
)
STATE: Final = ("life_cycle_state", "result_state", "state_message")
OLD_PAGE: Final = re.compile(r"([^#?]+?)/?(\?[^#]*)?#job/([^/]+)/run/([^/]+)")
ENDED: Final = ("TERMINATED", "SKIPPED", "INTERNAL_ERROR")
UNREAD: Final = ("idempotency_token", "only", "performance_target", "queue")


def recorded(value: Json) -> Json:
    """The request, the result that is wanted, and a new mark when every deploy shall run it."""
    kept = {name: item for name, item in value.items() if name not in LOCAL}
    triggers = (value.get("lifecycle") or {}).get("triggers") or []
    mark = {"lifecycle": {"triggers": {"on_bundle_deploy": str(uuid.uuid4())}}}
    is_each = any(one.get("on_bundle_deploy") for one in triggers)
    return {**kept, "result_state": "SUCCESS", **(mark if is_each else {})}


def request(desired: Json, recorded: Json, _id: str) -> Json:
    """run-now, in the words it knows."""
    beside = ("lifecycle", "result_state", "resolved_job_id")
    return {name: item for name, item in desired.items() if name not in beside}


def run_of(got: Json) -> Json:
    """A run in the words of the request that would start it."""
    asked = got.get("overriding_parameters") or {}
    parameters = {one["name"]: one.get("value") for one in got.get("job_parameters") or []}
    shown = {
        "job_id": got.get("job_id"),
        "job_parameters": parameters,
        "result_state": (got.get("state") or {}).get("result_state"),
        **{name: asked[name] for name in PARAMETERS if asked.get(name)},
    }
    beside = ("run_id", "run_name", "run_page_url", "run_type")
    state = {name: got["state"][name] for name in STATE if name in (got.get("state") or {})}
    found = {name: got[name] for name in beside if name in got}
    if found.get("run_page_url"):
        found["run_page_url"] = modern(found["run_page_url"])
    return {**{name: item for name, item in shown.items() if item}, **found, "state": state}


def modern(url: str) -> str:
    """A run's page as `/jobs/1/runs/2?o=3`; the form `/?o=3#job/1/run/2` works for admins only."""
    parts = OLD_PAGE.fullmatch(url)
    if parts is None:
        return url
    host, query, job, run = parts.groups()
    return f"{host}/jobs/{job}/runs/{run}{query or ''}"


def run_again(
    path: str, old: object, new: object, remote: object, record: Json
) -> tuple[str, str] | None:
    """A run that goes on is waited for; one that failed is made again."""
    if path == "result_state" and not has_ended(record):
        return "update", "run in progress"
    if path.startswith("lifecycle") and not new:
        return "update", "trigger removed"
    return None


def has_ended(run: Json) -> bool:
    """Whether a run has stopped, whatever as."""
    return (run.get("state") or {}).get("life_cycle_state") in ENDED


JOB_RUNS: Final = ResourceType(
    key="job_runs",
    title="Job run",
    service="jobs",
    create=Call(method="POST", path=BASE + "/run-now", body=request),
    token="idempotency_token",
    read=Read(
        path=BASE + "/runs/get",
        query={"run_id": "{id}"},
        configuration=run_of,
        record=run_of,
        missing=r"[Rr]un .*does not exist",
    ),
    update=(Call(method="GET", path=BASE + "/runs/get", query={"run_id": "{id}"}),),
    delete=Call(method="POST", path=BASE + "/runs/delete", id_field="run_id", id_is_number=True),
    cancel=Call(
        method="POST",
        path=BASE + "/runs/cancel",
        id_field="run_id",
        id_is_number=True,
        then=Wait(
            path=BASE + "/runs/get?run_id={id}",
            ready={"state.life_cycle_state": ENDED},
            failed={},
        ),
    ),
    has_ended=has_ended,
    id=lambda sent, got: str(got["run_id"]),
    recorded=recorded,
    unsent=("lifecycle", "result_state"),
    fields=(
        Field("job_id", On.IGNORE_REMOTE, "a run stays with its job", reason="immutable"),
        *(
            Field(
                name,
                On.IGNORE_REMOTE,
                "the run shows what was effective",
                reason="effective_vs_requested",
            )
            for name in (*PARAMETERS, "job_parameters")
        ),
        *(
            Field(name, On.IGNORE_REMOTE, "not returned", reason="not_returned_by_api")
            for name in UNREAD
        ),
        Field("*", On.RECREATE, "a run is what it was started with"),
    ),
    decides=run_again,
    required=("job_id",),
    local=tuple(name for name in LOCAL if name != "lifecycle"),
    wait=Wait(
        path=BASE + "/runs/get?run_id={id}",
        ready={"state.result_state": ("SUCCESS",)},
        failed={
            "state.result_state": (
                "FAILED",
                "TIMEDOUT",
                "CANCELED",
                "MAXIMUM_CONCURRENT_RUNS_REACHED",
                "EXCLUDED",
                "SUCCESS_WITH_FAILURES",
                "UPSTREAM_FAILED",
                "UPSTREAM_CANCELED",
            ),
            "state.life_cycle_state": ("INTERNAL_ERROR", "SKIPPED"),
        },
        message="state.state_message",
        timeout_s=24 * 60 * 60,
    ),
    wait_after_update=True,
    unrecorded=("result_state",),
    tells=lambda run, is_ready: (
        str(run.get("result_state", "")) if is_ready else f"Run URL: {run.get('run_page_url', '')}"
    ),
    url="jobs/{job_id}/runs/{id}",
    name_field="",
)

"""Evaluation datasets, as `mlflow.genai.datasets` calls them through `databricks-agents`.

The datasets say that they are native to Unity Catalog, so clients leave the table to the server.
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import partial
from typing import Any, Final

from brickyard.workspace.kernel import Call, Json, Route, invalid
from brickyard.workspace.mlflow import dataset_records as records
from brickyard.workspace.mlflow.datasets import Dataset, Row
from brickyard.workspace.mlflow.tracking import READ, require

BASE: Final = "/api/2.0/managed-evals/datasets"
ONE: Final = BASE + "/{dataset_id}"
RECORDS: Final = ONE + "/records"
MOST_AT_ONCE: Final = 2000
_FILTER: Final = re.compile(r"\s*experiment_id\s*=\s*['\"]([^'\"]+)['\"]\s*")


@dataclass(frozen=True, slots=True, kw_only=True)
class Create:
    name: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Update:
    experiment_ids: list[str] | None = None
    profile: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    dataset_record: dict[str, Any] = field(default_factory=dict)
    dataset_record_id: str = ""
    update_mask: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Batch:
    requests: list[Wanted]


@dataclass(frozen=True, slots=True, kw_only=True)
class Expectations:
    expectations: dict[str, Any]


async def create(call: Call) -> Json:
    want = call.read(Create)
    experiments = tuple(one for one in call.query("experiment_ids").split(",") if one)
    await require(call, experiments, READ)
    make = call.engines.mlflow.datasets.create
    return show(
        await asyncio.to_thread(make, call.principal, call.workspace, want.name, experiments)
    )


async def browse(call: Call) -> Json:
    experiment = ""
    if text := call.query("filter"):
        found = _FILTER.fullmatch(text)
        if found is None:
            raise invalid(f"Invalid filter {text!r}: write experiment_id='<id>'")
        experiment = found[1]
        await require(call, (experiment,), READ)
    return await asyncio.to_thread(_page, call, experiment)


def _page(call: Call, experiment: str) -> Json:
    found = call.engines.mlflow.datasets.visible(call.principal, call.workspace, experiment)
    return call.page("datasets", found, show)


def fetch(call: Call) -> Json:
    get = call.engines.mlflow.datasets.get
    return show(get(call.principal, call.workspace, _id(call), _version(call)))


async def update(call: Call) -> Json:
    want, masked = call.read(Update), call.query("update_mask").split(",")
    experiments = want.experiment_ids or [] if "experiment_ids" in masked else None
    if experiments is not None:
        await require(call, tuple(experiments), READ)
    change = partial(
        call.engines.mlflow.datasets.change,
        experiments=experiments,
        profile=want.profile or "" if "profile" in masked else None,
    )
    return show(await asyncio.to_thread(change, call.principal, call.workspace, _id(call)))


def drop(call: Call) -> Json:
    call.engines.mlflow.datasets.drop(call.principal, call.workspace, _id(call))
    return {}


def versions(call: Call) -> Json:
    found = call.engines.mlflow.datasets.history(call.principal, call.workspace, _id(call))
    return call.page("dataset_versions", found, partial(_show_version, _id(call)))


def browse_records(call: Call) -> Json:
    found = call.engines.mlflow.datasets.records(
        call.principal, call.workspace, _id(call), _version(call)
    )
    return call.page("dataset_records", found, records.show)


def add_records(call: Call) -> Json:
    given = [one.dataset_record for one in _batch(call)]
    made = call.engines.mlflow.datasets.add(call.principal, call.workspace, _id(call), given)
    return {"dataset_records": [records.show(one) for one in made]}


def update_records(call: Call) -> Json:
    edits = {
        one.dataset_record_id: _change(call, one.dataset_record, one.update_mask)
        for one in _batch(call)
    }
    return {"dataset_records": [records.show(one) for one in _edit(call, edits)]}


def remove_records(call: Call) -> Json:
    gone = [one.dataset_record_id for one in _batch(call)]
    call.engines.mlflow.datasets.remove(call.principal, call.workspace, _id(call), gone)
    return {}


def update_record(call: Call) -> Json:
    edit = _change(call, call.fields(), call.query("update_mask"))
    return records.show(_edit(call, {call.path["record_id"]: edit})[0])


def expect(call: Call) -> Json:
    more, by = call.read(Expectations).expectations, call.principal.user_name

    def edit(had: Row) -> Row:
        return records.expecting(had, more, by=by)

    return records.show(_edit(call, {call.path["record_id"]: edit})[0])


def _edit(call: Call, edits: Mapping[str, Callable[[Row], Row]]) -> Sequence[Row]:
    return call.engines.mlflow.datasets.edit(call.principal, call.workspace, _id(call), edits)


def _change(call: Call, record: Mapping[str, Any], mask: str) -> Callable[[Row], Row]:
    fields, by = tuple(one for one in mask.split(",") if one), call.principal.user_name

    def edit(had: Row) -> Row:
        return records.changed(had, record, fields, by=by)

    return edit


def _batch(call: Call) -> list[Wanted]:
    given = call.read(Batch).requests
    if len(given) > MOST_AT_ONCE:
        raise invalid(f"At most {MOST_AT_ONCE} records at once, not {len(given)}")
    return given


def _id(call: Call) -> str:
    return call.path["dataset_id"]


def _version(call: Call) -> int | None:
    return call.integer("version") if call.query("version") else None


def show(one: Dataset) -> dict[str, Any]:
    table = one.table
    shown = {
        "dataset_id": table.id,
        "name": table.full_name,
        "digest": one.digest,
        "source": f'{{"table_name": "{table.full_name}"}}',
        "source_type": "databricks-uc-table",
        "create_time": _time(one.created_ms),
        "created_by": one.created_by,
        "last_update_time": _time(one.updated_ms),
        "last_updated_by": table.updated_by,
        "experiment_ids": list(one.experiments),
        "is_uc_native": True,
    }
    more = {"profile": one.profile} if one.profile else {}
    return {**shown, **more, **({} if one.version is None else {"version": one.version})}


def _show_version(id: str, one: Mapping[str, Any]) -> dict[str, Any]:
    return {
        "dataset_id": id,
        "version": one["version"],
        "create_time": _time(int(one.get("timestamp") or 0)),
        "created_by": one.get("userName") or "",
        "operation": one.get("operation") or "",
    }


def _time(ms: int) -> str | None:
    return records.moment(datetime.fromtimestamp(ms / 1000, UTC))


ROUTES: tuple[Route, ...] = (
    Route("POST", BASE, create),
    Route("GET", BASE, browse),
    Route("GET", ONE, fetch),
    Route("PATCH", ONE, update),
    Route("DELETE", ONE, drop),
    Route("GET", ONE + "/versions", versions),
    Route("GET", RECORDS, browse_records),
    Route("POST", RECORDS + ":batchCreate", add_records),
    Route("POST", RECORDS + ":batchUpdate", update_records),
    Route("POST", RECORDS + ":batchDelete", remove_records),
    Route("PATCH", RECORDS + "/{record_id}", update_record),
    Route("POST", RECORDS + "/{record_id}/expectations", expect),
)

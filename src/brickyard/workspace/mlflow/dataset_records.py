"""A record of an evaluation dataset: as managed-evals' API has it, and as its table's row.

The columns are those that `databricks-agents` writes to a dataset's table itself
(`dataset_utils.get_dataset_schema`): `inputs` and `expectations` are JSON, the rest is plain. Pure.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any, Final

from brickyard.workspace.kernel import invalid

ID: Final = "dataset_record_id"
_TEXT: Final = {"human": ("user_name",), "document": ("doc_uri", "content"), "trace": ("trace_id",)}


def _field(name: str, kind: Any) -> dict[str, Any]:
    return {"name": name, "type": kind, "nullable": True, "metadata": {}}


def _struct(fields: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    return {"type": "struct", "fields": list(fields)}


_SOURCE: Final = _struct(
    [
        _field(kind, _struct([_field(name, "string") for name in names]))
        for kind, names in _TEXT.items()
    ]
)
_MAP: Final = {
    "type": "map",
    "keyType": "string",
    "valueType": "string",
    "valueContainsNull": True,
}
FIELDS: Final[Sequence[Mapping[str, Any]]] = (
    _field(ID, "string"),
    _field("create_time", "timestamp"),
    _field("created_by", "string"),
    _field("last_update_time", "timestamp"),
    _field("last_updated_by", "string"),
    _field("source", _SOURCE),
    _field("inputs", "string"),
    _field("expectations", "string"),
    _field("tags", _MAP),
)
COLUMNS: Final[Sequence[Mapping[str, Any]]] = tuple(
    {"name": one["name"], "type_json": json.dumps(one)} for one in FIELDS
)


def row(record: Mapping[str, Any], *, id: str, by: str, at: datetime) -> dict[str, Any]:
    """A new record as a row. Raises INVALID_PARAMETER_VALUE."""
    return {
        ID: id,
        "create_time": at,
        "created_by": by,
        "last_update_time": at,
        "last_updated_by": by,
        "source": _source(record.get("source")),
        "inputs": json.dumps(_inputs(record.get("inputs"))),
        "expectations": json.dumps(_expectations(record.get("expectations"))),
        "tags": list(_tags(record.get("tags")).items()),
    }


def changed(
    had: Mapping[str, Any], record: Mapping[str, Any], fields: Sequence[str], *, by: str
) -> dict[str, Any]:
    """A row with these fields of the record in it, as an update mask names them."""
    made = row({**record, "inputs": record.get("inputs") or []}, id="", by="", at=datetime.now(UTC))
    known = ("expectations", "tags", "source", "inputs")
    unknown = [name for name in fields if name not in known]
    if unknown or not fields:
        raise invalid(f"update_mask may name {', '.join(known)}, not {', '.join(unknown) or 'it'}")
    return {**had, **{name: made[name] for name in fields}, **stamp(by)}


def expecting(had: Mapping[str, Any], more: Mapping[str, Any], *, by: str) -> dict[str, Any]:
    """A row with more expectations, each of which replaces the one of its name."""
    rest = json.loads(had["expectations"] or "{}")
    return {**had, "expectations": json.dumps({**rest, **_expectations(more)}), **stamp(by)}


def stamp(by: str) -> dict[str, Any]:
    return {"last_update_time": datetime.now(UTC), "last_updated_by": by}


def show(one: Mapping[str, Any]) -> dict[str, Any]:
    """A row as the API has it."""
    inputs = json.loads(one["inputs"] or "{}")
    expectations = json.loads(one["expectations"] or "{}")
    source = {kind: found for kind, found in (one["source"] or {}).items() if found}
    return {
        ID: one[ID],
        "create_time": moment(one["create_time"]),
        "created_by": one["created_by"],
        "last_update_time": moment(one["last_update_time"]),
        "last_updated_by": one["last_updated_by"],
        "inputs": [{"key": key, "value": value} for key, value in inputs.items()],
        "expectations": {key: {"value": value} for key, value in expectations.items()},
        "tags": dict(one["tags"] or ()),
        **({"source": source} if source else {}),
    }


def moment(at: datetime | None) -> str | None:
    """As the client reads it: UTC with a Z."""
    if at is None:
        return None
    whole = at if at.tzinfo is not None else at.replace(tzinfo=UTC)
    return whole.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")


def _inputs(given: Any) -> dict[str, Any]:
    if not isinstance(given, list) or not all(isinstance(one, dict) for one in given):
        raise invalid("dataset_record.inputs must be a list of {key, value}")
    return {str(one["key"]): one.get("value") for one in given if "key" in one}


def _expectations(given: Any) -> dict[str, Any]:
    if given is None:
        return {}
    if not isinstance(given, dict):
        raise invalid("dataset_record.expectations must be an object of {name: {value}}")
    return {
        str(key): one.get("value") if isinstance(one, dict) else one for key, one in given.items()
    }


def _tags(given: Any) -> dict[str, str]:
    if given is not None and not isinstance(given, dict):
        raise invalid("dataset_record.tags must be an object")
    return {str(key): str(value) for key, value in (given or {}).items()}


def _source(given: Any) -> dict[str, Any] | None:
    if not isinstance(given, dict):
        return None
    found = {
        kind: {name: given[kind].get(name) for name in names}
        for kind, names in _TEXT.items()
        if isinstance(given.get(kind), dict)
    }
    return {kind: found.get(kind) for kind in _TEXT} if found else None

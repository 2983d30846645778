"""The tables that the gateway writes, with the columns that Databricks documents for them.

| table | what |
|---|---|
| `system.serving.endpoint_usage` | a row for each request to an endpoint that tracks usage |
| `system.serving.served_entities` | a row for each served entity that was asked |
| `<catalog>.<schema>.<prefix>_payload` | inference tables: requests and answers as they were |
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from datetime import UTC, date, datetime
from typing import Any, Final

Row = dict[str, Any]
USAGE: Final = "system.serving.endpoint_usage"
ENTITIES: Final = "system.serving.served_entities"
ACCOUNT: Final = "00000000-0000-0000-0000-000000000000"


def _map(of: str) -> dict[str, Any]:
    return {"type": "map", "keyType": "string", "valueType": of, "valueContainsNull": True}


def _struct(**fields: str) -> dict[str, Any]:
    listed = [
        {"name": name, "type": kind, "nullable": True, "metadata": {}}
        for name, kind in fields.items()
    ]
    return {"type": "struct", "fields": listed}


SCALED: Final = {"min_concurrency": "integer", "max_concurrency": "integer"}
COLUMNS: Final[Mapping[str, Mapping[str, Any]]] = {
    "usage": {
        "account_id": "string",
        "workspace_id": "string",
        "client_request_id": "string",
        "databricks_request_id": "string",
        "requester": "string",
        "status_code": "integer",
        "request_time": "timestamp",
        "input_token_count": "long",
        "output_token_count": "long",
        "input_character_count": "long",
        "output_character_count": "long",
        "usage_context": _map("string"),
        "request_streaming": "boolean",
        "served_entity_id": "string",
    },
    "entities": {
        "served_entity_id": "string",
        "account_id": "string",
        "workspace_id": "string",
        "created_by": "string",
        "endpoint_name": "string",
        "endpoint_id": "string",
        "served_entity_name": "string",
        "entity_type": "string",
        "entity_name": "string",
        "entity_version": "string",
        "endpoint_config_version": "integer",
        "task": "string",
        "external_model_config": _struct(provider="string"),
        "foundation_model_config": _struct(
            min_provisioned_throughput="integer", max_provisioned_throughput="integer"
        ),
        "custom_model_config": _struct(**SCALED, compute_type="string"),
        "feature_spec_config": _struct(**SCALED, compute_type="string"),
        "change_time": "timestamp",
        "endpoint_delete_time": "timestamp",
    },
    "payload": {
        "request_date": "date",
        "databricks_request_id": "string",
        "client_request_id": "string",
        "request_time": "timestamp",
        "status_code": "integer",
        "sampling_fraction": "double",
        "execution_duration_ms": "long",
        "request": "string",
        "response": "string",
        "served_entity_id": "string",
        "logging_error_codes": {"type": "array", "elementType": "string", "containsNull": True},
        "requester": "string",
    },
    "legacy": {
        "databricks_request_id": "string",
        "client_request_id": "string",
        "date": "date",
        "timestamp_ms": "long",
        "status_code": "integer",
        "sampling_fraction": "double",
        "execution_time_ms": "long",
        "request": "string",
        "response": "string",
        "request_metadata": _map("string"),
    },
}


def columns(kind: str) -> list[dict[str, Any]]:
    """As the catalog takes them."""
    return [
        {"name": name, "type_json": json.dumps(of), "nullable": True}
        for name, of in COLUMNS[kind].items()
    ]


def usage_row(record: Mapping[str, Any]) -> Row:
    return {
        "account_id": ACCOUNT,
        "workspace_id": str(record["workspace_id"]),
        "client_request_id": record["client_request_id"] or None,
        "databricks_request_id": record["id"],
        "requester": record["requester"],
        "status_code": record["status"],
        "request_time": _time(record["time_ms"]),
        "input_token_count": record["read"],
        "output_token_count": record["said"],
        "input_character_count": record["read_chars"],
        "output_character_count": record["said_chars"],
        "usage_context": _pairs(record["context"]),
        "request_streaming": record["streams"],
        "served_entity_id": record["entity_id"] or None,
    }


def entity_row(entity: Mapping[str, Any]) -> Row:
    throughput = {
        name: entity.get(name)
        for name in ("min_provisioned_throughput", "max_provisioned_throughput")
    }
    kind = entity["entity_type"]
    return {
        **{name: entity.get(name) for name in COLUMNS["entities"]},
        "account_id": ACCOUNT,
        "external_model_config": {"provider": entity.get("provider")}
        if kind == "EXTERNAL_MODEL"
        else None,
        "foundation_model_config": throughput if kind == "FOUNDATION_MODEL" else None,
        "custom_model_config": {
            "min_concurrency": None,
            "max_concurrency": None,
            "compute_type": entity.get("compute_type"),
        }
        if kind == "CUSTOM_MODEL"
        else None,
        "feature_spec_config": None,
        "change_time": _time(entity["change_ms"]),
        "endpoint_delete_time": None,
    }


def payload_row(record: Mapping[str, Any]) -> Row:
    return {
        "request_date": _date(record["time_ms"]),
        "databricks_request_id": record["id"],
        "client_request_id": record["client_request_id"] or None,
        "request_time": _time(record["time_ms"]),
        "status_code": record["status"],
        "sampling_fraction": 1.0,
        "execution_duration_ms": record["ms"],
        "request": record["request"],
        "response": record["response"],
        "served_entity_id": record["entity_id"] or None,
        "logging_error_codes": record["logging_errors"],
        "requester": record["requester"],
    }


def legacy_row(record: Mapping[str, Any]) -> Row:
    about = {
        "model_name": record["entity"],
        "endpoint_name": record["endpoint"],
        "requester": record["requester"],
    }
    return {
        "databricks_request_id": record["id"],
        "client_request_id": record["client_request_id"] or None,
        "date": _date(record["time_ms"]),
        "timestamp_ms": record["time_ms"],
        "status_code": record["status"],
        "sampling_fraction": 1.0,
        "execution_time_ms": record["ms"],
        "request": record["request"],
        "response": record["response"],
        "request_metadata": _pairs(about),
    }


def _time(ms: int) -> datetime:
    return datetime.fromtimestamp(ms / 1000, UTC)


def _date(ms: int) -> date:
    return _time(ms).date()


def _pairs(given: Mapping[str, Any] | None) -> Sequence[tuple[str, str]]:
    return [(str(key), str(value)) for key, value in (given or {}).items()]

"""What is behind an endpoint, as `ai_query` needs to know: the form of requests, and what returns.

A foundation or external model says its task. A model of Unity Catalog says in its MLmodel file what
task it has, if it is an agent, and by its signature what it gives.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from brickyard.workspace.kernel import ApiError

FORMS: Final[Mapping[str, str]] = {
    "llm/v1/chat": "chat",
    "agent/v1/chat": "chat",
    "agent/v2/chat": "chat",
    "llm/v1/completions": "completions",
    "llm/v1/embeddings": "embeddings",
    "agent/v1/responses": "responses",
}
_SQL: Final[Mapping[str, str]] = {
    "boolean": "BOOLEAN",
    "integer": "INT",
    "long": "BIGINT",
    "float": "FLOAT",
    "double": "DOUBLE",
    "string": "STRING",
    "binary": "BINARY",
    "datetime": "TIMESTAMP",
}
_TENSORS: Final[Mapping[str, str]] = {
    "int32": "INT",
    "int64": "BIGINT",
    "float32": "FLOAT",
    "float64": "DOUBLE",
    "bool": "BOOLEAN",
    "str": "STRING",
    "object": "STRING",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Model:
    """`returns` is a SQL type; '' when nothing says what the model gives."""

    form: str
    returns: str = ""

    @property
    def is_text(self) -> bool:
        return self.form in ("chat", "completions", "responses")


def model_behind(endpoint: Any, catalog: Any) -> Model:
    config = endpoint.active
    if config is None:
        raise ApiError("INVALID_STATE", f"Endpoint '{endpoint.name}' serves nothing yet")
    if not config.is_local:
        return _of_task(config.task)
    entity = config.entities[0]
    path: Path = catalog.model_version(entity.entity_name, entity.entity_version).path
    told = _told(path / "MLmodel")
    task = (told.get("metadata") or {}).get("task") or ""
    if task in FORMS:
        return _of_task(task)
    outputs = (told.get("signature") or {}).get("outputs")
    return Model(form="records", returns=_returns(json.loads(outputs)) if outputs else "")


def _of_task(task: str) -> Model:
    form = FORMS.get(task, "chat")
    return Model(form=form, returns="ARRAY<FLOAT>" if form == "embeddings" else "STRING")


def _told(path: Path) -> Mapping[str, Any]:
    import yaml

    try:
        found = yaml.safe_load(path.read_text())
    except (OSError, yaml.YAMLError):
        return {}
    return found if isinstance(found, dict) else {}


def _returns(outputs: list[Mapping[str, Any]]) -> str:
    """One value for each row: of the only output, or a struct of the named ones."""
    kinds = [_kind(one) for one in outputs]
    if not all(kinds):
        return ""
    if len(kinds) == 1:
        return kinds[0]
    inner = ", ".join(f"`{one['name']}`: {kind}" for one, kind in zip(outputs, kinds, strict=True))
    return f"STRUCT<{inner}>"


def _kind(one: Mapping[str, Any]) -> str:
    """A column of MLflow's schema, or a tensor whose first dimension is the rows."""
    if one.get("type") == "tensor":
        spec = one.get("tensor-spec") or {}
        kind = _TENSORS.get(str(spec.get("dtype")), "")
        deep = len(spec.get("shape") or (-1,)) - 1
        return "ARRAY<" * deep + kind + ">" * deep if kind else ""
    if one.get("type") == "array":
        inner = _kind(one.get("items") or {})
        return f"ARRAY<{inner}>" if inner else ""
    return _SQL.get(str(one.get("type")), "")

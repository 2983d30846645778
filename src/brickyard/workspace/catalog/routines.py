"""A function of Unity Catalog as an engine runs it, cut from what the catalog keeps of it.

Follows FunctionInfo of the functions API. `routine_body` SQL is an expression or a query;
`EXTERNAL` with `external_language` PYTHON is the body of a Python function. Types are SQL text.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final, Literal

from brickyard.workspace.catalog.securables import Securable
from brickyard.workspace.kernel import invalid

TABLE: Final = "TABLE_TYPE"
_RETURN: Final = re.compile(r"^\s*RETURN\b", re.IGNORECASE)


@dataclass(frozen=True, slots=True, kw_only=True)
class Parameter:
    """`default` is SQL text; None: an argument must be given."""

    name: str
    type_text: str
    default: str | None = None
    comment: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Routine:
    """`columns` are those of a table function; a scalar one has `returns`."""

    id: str
    full_name: str
    owner: str
    language: Literal["SQL", "PYTHON"]
    body: str
    parameters: tuple[Parameter, ...] = ()
    returns: str = ""
    columns: tuple[Parameter, ...] = ()
    handler: str = ""
    dependencies: tuple[str, ...] = ()
    is_deterministic: bool = True
    comment: str = ""

    @property
    def is_table(self) -> bool:
        return bool(self.columns)

    @property
    def name(self) -> str:
        return self.full_name.rpartition(".")[2]

    @property
    def return_type(self) -> str:
        """What one call gives: for a table function, the rows."""
        if not self.columns:
            return self.returns
        inner = ", ".join(f"`{one.name}`: {one.type_text}" for one in self.columns)
        return f"ARRAY<STRUCT<{inner}>>"

    @property
    def digest(self) -> str:
        """Another one whenever a call could mean something else."""
        parts = (
            self.id,
            self.language,
            self.body,
            self.handler,
            self.return_type,
            [(one.name, one.type_text) for one in self.parameters],
            self.dependencies,
        )
        return hashlib.sha256(json.dumps(parts).encode()).hexdigest()[:16]


def routine(found: Securable) -> Routine:
    """Raises INVALID_PARAMETER_VALUE for a function that no engine could run."""
    details = found.details
    language = str(details.get("external_language") or details.get("routine_body") or "SQL")
    if language.upper() not in ("SQL", "PYTHON"):
        raise invalid(
            f"Function '{found.full_name}' is in {language}: only SQL and PYTHON run here"
        )
    is_table = details.get("data_type") == TABLE
    body = str(details.get("routine_definition") or "")
    properties = _properties(details.get("properties"))
    return Routine(
        id=found.id,
        full_name=found.full_name,
        owner=found.owner,
        language="PYTHON" if language.upper() == "PYTHON" else "SQL",
        body=_RETURN.sub("", body).strip() if language.upper() == "SQL" else body,
        parameters=_parameters(details.get("input_params")),
        returns="" if is_table else _returns(details),
        columns=_parameters(details.get("return_params")) if is_table else (),
        handler=str(properties.get("handler", "")),
        dependencies=tuple(properties.get("dependencies", ())),
        is_deterministic=details.get("is_deterministic") is not False,
        comment=found.comment or "",
    )


def properties_of(handler: str, dependencies: Sequence[str]) -> str | None:
    """What a function is told besides, in the API's one field for it (JSON text)."""
    told = {"handler": handler, "dependencies": list(dependencies)}
    return (
        json.dumps({key: value for key, value in told.items() if value})
        if any(told.values())
        else None
    )


def _returns(details: Mapping[str, Any]) -> str:
    return str(details.get("full_data_type") or details.get("data_type") or "STRING")


def _properties(text: Any) -> Mapping[str, Any]:
    try:
        found = json.loads(text) if text else {}
    except ValueError:
        return {}
    return found if isinstance(found, dict) else {}


def _parameters(given: Any) -> tuple[Parameter, ...]:
    listed = (given or {}).get("parameters") or []
    ordered = sorted(listed, key=lambda one: int(one.get("position") or 0))
    return tuple(
        Parameter(
            name=str(one["name"]),
            type_text=str(one.get("type_text") or one.get("type_name") or "STRING"),
            default=one.get("parameter_default"),
            comment=one.get("comment"),
        )
        for one in ordered
    )

"""What an index is made of, as vectorsearch.VectorSearchIndexesAPI of the SDK describes it.

A delta-sync index follows a Delta table; a direct access index has a schema of its own and is
written through the API. Its schema is kept with Spark's names of types and sorted by column, as the
service answers it.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any, Final, Literal

from brickyard.workspace.kernel import invalid

NAME: Final = re.compile(r"[A-Za-z0-9_]+(\.[A-Za-z0-9_]+){2}")
TYPES: Final[Mapping[str, str]] = {  # what may be written -> Spark's name, as the service shows it
    "integer": "int",
    "int": "int",
    "long": "bigint",
    "bigint": "bigint",
    "short": "smallint",
    "smallint": "smallint",
    "byte": "tinyint",
    "tinyint": "tinyint",
    "float": "float",
    "double": "double",
    "boolean": "boolean",
    "string": "string",
    "date": "date",
    "timestamp": "timestamp",
}
ARRAY: Final = re.compile(r"array<\s*(\w+)\s*>")
KEYS: Final = frozenset({"int", "bigint", "smallint", "tinyint", "string"})


@dataclass(frozen=True, slots=True, kw_only=True)
class VectorColumn:
    name: str
    embedding_dimension: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class SourceColumn:
    """A text column and the serving endpoint that embeds it.

    Without a name, in a direct access index, the endpoint embeds the texts of queries alone.
    """

    name: str | None = None
    embedding_model_endpoint_name: str | None = None
    model_endpoint_name_for_query: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class DeltaSyncSpec:
    source_table: str
    pipeline_type: Literal["TRIGGERED", "CONTINUOUS"] = "TRIGGERED"
    pipeline_id: str | None = None
    embedding_source_columns: Sequence[SourceColumn] = ()
    embedding_vector_columns: Sequence[VectorColumn] = ()
    columns_to_sync: Sequence[str] = ()
    columns_to_index: Sequence[str] = ()
    embedding_writeback_table: str | None = None
    budget_policy_id: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class DirectAccessSpec:
    schema_json: str
    embedding_source_columns: Sequence[SourceColumn] = ()
    embedding_vector_columns: Sequence[VectorColumn] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Definition:
    name: str
    primary_key: str
    index_type: Literal["DELTA_SYNC", "DIRECT_ACCESS"]
    endpoint_name: str = ""
    index_subtype: Literal["HYBRID", "FULL_TEXT", "VECTOR"] = "HYBRID"
    delta_sync_index_spec: DeltaSyncSpec | None = None
    direct_access_index_spec: DirectAccessSpec | None = None
    payload_logging_enabled: bool | None = None
    usage_policy_id: str | None = None

    @property
    def spec(self) -> DeltaSyncSpec | DirectAccessSpec:
        found = self.delta_sync_index_spec or self.direct_access_index_spec
        assert found is not None  # `check_form` saw to it
        return found

    @property
    def vector_column(self) -> VectorColumn | None:
        """The column that holds vectors; None when they are computed from text."""
        return next(iter(self.spec.embedding_vector_columns), None)

    @property
    def text_column(self) -> SourceColumn | None:
        """The column that is embedded; None when the vectors are given."""
        return next((one for one in self.spec.embedding_source_columns if one.name), None)

    @property
    def model_for_queries(self) -> str:
        """The serving endpoint that embeds the texts of queries; '' for none."""
        for one in self.spec.embedding_source_columns:
            if found := one.model_endpoint_name_for_query or one.embedding_model_endpoint_name:
                return found
        return ""

    @property
    def models(self) -> tuple[str, ...]:
        """Every serving endpoint that the index needs."""
        named = [
            name
            for one in self.spec.embedding_source_columns
            for name in (one.embedding_model_endpoint_name, one.model_endpoint_name_for_query)
            if name
        ]
        return tuple(dict.fromkeys(named))

    @property
    def synced_columns(self) -> Sequence[str]:
        """The columns asked for; empty for all of the source table."""
        spec = self.delta_sync_index_spec
        return (spec.columns_to_sync or spec.columns_to_index) if spec else ()

    def stored(self) -> dict[str, Any]:
        """As JSON, without what is unset."""
        found: dict[str, Any] = _present(asdict(self))
        return found


def check_form(want: Definition, endpoint_type: str) -> None:
    """Raise for a definition that could be none of an index, whatever the tables are."""
    if not NAME.fullmatch(want.name):
        raise invalid(
            "Invalid index name. Must specify the full index name <catalog>.<schema>.<table>. Only"
            " alphanumerics and underscores are allowed."
        )
    if want.index_subtype == "VECTOR":
        raise invalid("index_subtype VECTOR is not supported. Use HYBRID instead.")
    if want.index_subtype == "FULL_TEXT" and endpoint_type != "STORAGE_OPTIMIZED":
        raise invalid("index_subtype FULL_TEXT is supported on STORAGE_OPTIMIZED endpoints only")
    wanted, other = "delta_sync_index_spec", "direct_access_index_spec"
    if want.index_type == "DIRECT_ACCESS":
        wanted, other = other, wanted
    if getattr(want, wanted) is None or getattr(want, other) is not None:
        raise invalid(f"An index of type {want.index_type} takes {wanted} and no {other}")
    spec = want.delta_sync_index_spec
    if spec is not None:
        _check_delta_sync(spec, endpoint_type)
    elif want.index_subtype != "FULL_TEXT" and not want.vector_column:
        raise invalid("An index of type DIRECT_ACCESS takes embedding_vector_columns")
    vectors, texts = want.spec.embedding_vector_columns, want.spec.embedding_source_columns
    if len(vectors) > 1 or len(texts) > 1:
        raise invalid("An index has one embedding column")
    if want.vector_column is not None and (want.vector_column.embedding_dimension or 0) <= 0:
        raise invalid(f"embedding_dimension of column {want.vector_column.name} must be given")
    if any(not one.embedding_model_endpoint_name for one in texts):
        raise invalid("embedding_source_columns need an embedding_model_endpoint_name")
    if want.index_subtype == "FULL_TEXT":
        if vectors or texts:
            raise invalid("An index of subtype FULL_TEXT takes no embedding columns")
    elif not vectors and not want.text_column:
        raise invalid("Give embedding_source_columns or embedding_vector_columns")
    elif vectors and want.text_column:
        raise invalid("Give one of embedding_source_columns and embedding_vector_columns")


def _check_delta_sync(spec: DeltaSyncSpec, endpoint_type: str) -> None:
    if spec.columns_to_sync and spec.columns_to_index:
        raise invalid("Give one of columns_to_sync and columns_to_index")
    if spec.pipeline_type == "CONTINUOUS" and endpoint_type == "STORAGE_OPTIMIZED":
        raise invalid("STORAGE_OPTIMIZED endpoints support pipeline_type TRIGGERED only")
    if spec.embedding_writeback_table:
        raise invalid("The embedded workspace writes no embedding_writeback_table: leave it out")


def check_columns(want: Definition, columns: Mapping[str, str], where: str) -> None:
    """Raise unless what the definition names is there. `columns`: name to Spark's type."""
    named = [want.primary_key, *want.synced_columns]
    if want.vector_column is not None:
        named.append(want.vector_column.name)
    if want.text_column is not None:
        named.append(str(want.text_column.name))
    if missing := [name for name in dict.fromkeys(named) if name not in columns]:
        raise invalid(f"{where} has no column {', '.join(missing)}; it has {', '.join(columns)}")
    if columns[want.primary_key] not in KEYS:
        raise invalid(
            f"The primary key {want.primary_key} must be an integer or a string, not"
            f" {columns[want.primary_key]}"
        )
    if want.vector_column is not None:
        kind = columns[want.vector_column.name]
        if kind not in ("array<float>", "array<double>"):
            raise invalid(
                f"The column {want.vector_column.name} must be array<float> or array<double>, not"
                f" {kind}"
            )
    if want.text_column is not None and columns[str(want.text_column.name)] != "string":
        raise invalid(f"The column {want.text_column.name} must be a string to be embedded")


def direct_columns(schema_json: str) -> dict[str, str]:
    """The columns of a direct access index, sorted: name to Spark's type."""
    try:
        given = json.loads(schema_json)
    except (ValueError, RecursionError):
        given = None
    if not isinstance(given, dict) or not given:
        raise invalid("schema_json must be a JSON object of column names and types")
    return {name: _spark_type(name, given[name]) for name in sorted(given)}


def normalized_schema(columns: Mapping[str, str]) -> str:
    return json.dumps(dict(columns), separators=(",", ":"), ensure_ascii=False)


def _spark_type(column: str, given: Any) -> str:
    text = given.strip().lower() if isinstance(given, str) else ""
    if found := ARRAY.fullmatch(text):
        inner = TYPES.get(found.group(1))
        kind = f"array<{inner}>" if inner else None
    else:
        kind = TYPES.get(text)
    if kind is None:
        known = ", ".join(TYPES)
        raise invalid(f"The type {given!r} of column {column} is none of {known} and array<...>")
    return kind


def _present(data: Any) -> Any:
    if isinstance(data, dict):
        kept = {key: _present(one) for key, one in data.items()}
        return {key: one for key, one in kept.items() if one is not None and one not in ("", [])}
    if isinstance(data, list | tuple):
        return [_present(one) for one in data]
    return data

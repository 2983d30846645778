"""What an index keeps of a row, as Arrow: types of a direct access index, columns of a source."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

from brickyard.workspace.kernel import ApiError
from brickyard.workspace.vector_search.definition import ARRAY, Definition


def vector_name(kept: Definition) -> str:
    """The column that is searched by vectors; '' in an index of text alone."""
    if kept.vector_column is not None:
        return kept.vector_column.name
    return f"__db_{kept.text_column.name}_vector" if kept.text_column is not None else ""


def direct_schema(kept: Definition) -> Any:
    """The schema of a direct access index."""
    import pyarrow as pa

    spec = kept.direct_access_index_spec
    assert spec is not None
    fields = []
    for name, kind in json.loads(spec.schema_json).items():
        if kept.vector_column is not None and name == kept.vector_column.name:
            fields.append(
                pa.field(name, vector_type(int(kept.vector_column.embedding_dimension or 0)))
            )
        else:
            fields.append(pa.field(name, _arrow(kind)))
    return pa.schema(fields)


def source_columns(kept: Definition, available: Sequence[str]) -> list[str]:
    """The columns of the source that an index keeps, in the source's order."""
    wanted = set(kept.synced_columns)
    if not wanted:
        return list(available)
    wanted |= {kept.primary_key}
    if kept.vector_column is not None:
        wanted.add(kept.vector_column.name)
    if kept.text_column is not None:
        wanted.add(str(kept.text_column.name))
    return [name for name in available if name in wanted]


def with_vectors(table: Any, name: str, vectors: Any, dimension: int) -> Any:
    """The table with a column of vectors, in place of one of that name. Raises for other sizes.

    `vectors` is an Arrow column of lists.
    """
    import pyarrow as pa
    import pyarrow.compute as pc

    fitting = pc.equal(pc.list_value_length(vectors), dimension)
    if wrong := pc.sum(pc.invert(fitting)).as_py():
        raise ApiError(
            "INVALID_STATE",
            f"{wrong} rows have a vector in {name} that has not {dimension} numbers",
        )
    kind = vector_type(dimension)
    column, field = vectors.cast(kind), pa.field(name, kind)
    if name in table.column_names:
        return table.set_column(table.column_names.index(name), field, column)
    return table.append_column(field, column)


def plain(table: Any) -> Any:
    """Without what Delta readers give and LanceDB does not keep: views of strings, dictionaries."""
    import pyarrow as pa

    views = {pa.string_view(): pa.string(), pa.binary_view(): pa.binary()}
    fields = [
        field.with_type(views.get(field.type, field.type)).with_metadata(None)
        for field in table.schema
    ]
    return table.cast(pa.schema(fields))


def spark_types(schema: Any) -> Mapping[str, str]:
    """Column to type as the API writes it, for what an answer tells of its columns."""
    import pyarrow as pa

    names = {
        pa.int8(): "tinyint",
        pa.int16(): "smallint",
        pa.int32(): "int",
        pa.int64(): "bigint",
        pa.float32(): "float",
        pa.float64(): "double",
        pa.bool_(): "boolean",
        pa.string(): "string",
        pa.date32(): "date",
    }

    def named(kind: Any) -> str:
        if pa.types.is_list(kind) or pa.types.is_fixed_size_list(kind):
            return f"array<{named(kind.value_type)}>"
        if pa.types.is_timestamp(kind):
            return "timestamp"
        return names.get(kind, str(kind))

    return {field.name: named(field.type) for field in schema}


def vector_type(dimension: int) -> Any:
    """What a column of vectors is to Arrow."""
    import pyarrow as pa

    return pa.list_(pa.float32(), dimension)


def _arrow(kind: str) -> Any:
    import pyarrow as pa

    if found := ARRAY.fullmatch(kind):
        return pa.list_(_arrow(found.group(1)))
    return {
        "tinyint": pa.int8(),
        "smallint": pa.int16(),
        "int": pa.int32(),
        "bigint": pa.int64(),
        "float": pa.float32(),
        "double": pa.float64(),
        "boolean": pa.bool_(),
        "string": pa.string(),
        "date": pa.date32(),
        "timestamp": pa.timestamp("us", tz="UTC"),
    }[kind]

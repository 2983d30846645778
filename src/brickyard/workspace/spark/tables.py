"""Creating, replacing and appending to tables: what the engine would get wrong, done here.

A new table is an empty Delta log at a place of the catalog's choosing (every column nullable unless
declared otherwise, as Spark does), then an append of the query, then its registration: it appears
when its data is complete. A replacement overwrites data and schema in one commit of the same
folder. What is written is shaped to the table first: the engine takes a column that cannot be null
for one that never was, which turns older rows' missing values into zeros, and knows no append
without all columns.
"""

from __future__ import annotations

import json
import shutil
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from brickyard.workspace.catalog.delta import type_text
from brickyard.workspace.kernel import exists
from brickyard.workspace.spark import datatypes
from brickyard.workspace.spark.accesses import Touched
from brickyard.workspace.spark.protocol import Plan, Relation, WriteOperation
from brickyard.workspace.spark.refusals import Refusal, unsupported
from brickyard.workspace.spark.turn import Turn

APPEND: Final = WriteOperation.SaveMode.Value("SAVE_MODE_APPEND")
OVERWRITE: Final = WriteOperation.SaveMode.Value("SAVE_MODE_OVERWRITE")
MERGE_SCHEMA: Final = "mergeschema"
OVERWRITE_SCHEMA: Final = "overwriteschema"


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """A table to be made. `columns` None: those of the query."""

    name: str
    query: Any = None  # Relation
    columns: Sequence[Mapping[str, Any]] | None = None
    partitions: Sequence[str] = ()
    comment: str | None = None
    properties: Mapping[str, str] = field(default_factory=dict)


def create(turn: Turn, wanted: Wanted) -> None:
    """A new table. Raises TABLE_ALREADY_EXISTS."""
    tables = turn.lake.catalog.tables
    folder = tables.new_location(turn.principal, turn.workspace, wanted.name)
    if turn.lake.find(wanted.name):
        raise _taken(wanted.name)
    if wanted.query is not None:
        turn.check_mounted((wanted.name,))
    try:
        columns = wanted.columns
        if columns is None:
            columns = datatypes.columns(turn.schema_of(wanted.query))
        create_log(folder, columns, wanted)
        if wanted.query is not None:
            save(turn, wanted.query, folder, mode=APPEND)
        tables.create(
            turn.principal,
            turn.workspace,
            wanted.name,
            storage_location=folder,
            comment=wanted.comment,
            properties=wanted.properties,
        )
    except BaseException:
        if not turn.lake.find(wanted.name):
            shutil.rmtree(folder, ignore_errors=True)
        raise
    turn.wrote(wanted.name)


def replace(turn: Turn, wanted: Wanted) -> None:
    """Other data and columns for an existing table; a new one if there is none."""
    folder = turn.lake.location(wanted.name)
    if folder is None:
        create(turn, wanted)
        return
    touched = Touched()
    touched.write(wanted.name)
    turn.allow(touched)
    if wanted.query is None:
        create_log(folder, wanted.columns or (), wanted, over=True)
    else:
        save(
            turn,
            wanted.query,
            folder,
            mode=OVERWRITE,
            options={OVERWRITE_SCHEMA: "true"},
            partitions=wanted.partitions,
        )
    if wanted.comment is not None or wanted.properties:
        turn.lake.catalog.tables.change(
            turn.principal,
            turn.workspace,
            wanted.name,
            comment=wanted.comment,
            properties=dict(wanted.properties) or None,
        )
    turn.record(touched)


def save(
    turn: Turn,
    query: Any,
    folder: Path,
    *,
    mode: int,
    options: Mapping[str, str] | None = None,
    partitions: Sequence[str] = (),
) -> None:
    """Write a query to the folder of a Delta table."""
    plan = Plan()
    write = plan.command.write_operation
    write.source = "delta"
    write.path = str(folder)
    write.mode = mode
    write.partitioning_columns.extend(partitions)
    for key, value in (options or {}).items():
        if key.lower() != "path":
            write.options[key] = value
    lowered = {key.lower(): value.lower() for key, value in (options or {}).items()}
    widens = lowered.get(MERGE_SCHEMA) == "true" or lowered.get(OVERWRITE_SCHEMA) == "true"
    fill = mode == APPEND or lowered.get(OVERWRITE_SCHEMA) != "true"
    write.input.CopyFrom(shaped(turn, query, folder, widens=widens, fill=fill))
    turn.run_plan(plan)


def shaped(turn: Turn, query: Any, folder: Path, *, widens: bool, fill: bool) -> Any:
    """The query with nullable columns where it widens a table, and nulls for missing ones."""
    given = turn.schema_of(query).struct.fields
    names = {one.name.lower() for one in given}
    missing = (
        [one for one in _log_columns(folder) if one["name"].lower() not in names] if fill else []
    )
    missing = [one for one in missing if one["nullable"]]
    tight = {one.name for one in given if widens and not one.nullable}
    if not missing and not tight:
        return query
    if len(names) != len(given):
        raise Refusal(
            "COLUMN_ALREADY_EXISTS", "The query has a column name twice.", sql_state="42711"
        )
    made = Relation()
    made.project.input.CopyFrom(query)
    for one in given:
        expression = made.project.expressions.add()
        if one.name in tight:
            expression.alias.name.append(one.name)
            _fill_nullable(expression.alias.expr, one.name)
        else:
            expression.unresolved_attribute.unparsed_identifier = _quoted(one.name)
    for column in missing:
        alias = made.project.expressions.add().alias
        alias.name.append(column["name"])
        alias.expr.cast.expr.literal.null.null.SetInParent()
        alias.expr.cast.type_str = type_text(column["type"])
    return made


def _fill_nullable(expression: Any, column: str) -> None:
    """The column as it is, but nullable: under a condition that no optimiser can foresee."""
    case = expression.unresolved_function
    case.function_name = "when"
    condition = case.arguments.add().unresolved_function
    condition.function_name = ">="
    random = condition.arguments.add().unresolved_function
    random.function_name = "rand"
    random.arguments.add().literal.integer = 0
    condition.arguments.add().literal.double = 0.0
    case.arguments.add().unresolved_attribute.unparsed_identifier = _quoted(column)


def create_log(
    folder: Path, columns: Sequence[Mapping[str, Any]], wanted: Wanted, *, over: bool = False
) -> None:
    """An empty Delta table in the folder; with `over` it takes the place of what is there."""
    from deltalake import DeltaTable, Schema

    if not columns:
        raise Refusal(
            "UNSUPPORTED_FEATURE", f"The table {wanted.name} has no columns.", sql_state="0A000"
        )
    known = {one["name"].lower(): one["name"] for one in columns}
    partitions = []
    for one in wanted.partitions:
        if one.lower() not in known:
            raise Refusal(
                "UNRESOLVED_COLUMN",
                f"There is no column '{one}' to partition by.",
                sql_state="42703",
            )
        partitions.append(known[one.lower()])
    delta = {k: v for k, v in wanted.properties.items() if k.startswith("delta.")}
    try:
        schema = Schema.from_json(json.dumps({"type": "struct", "fields": list(columns)}))
        DeltaTable.create(
            str(folder),
            schema=schema,
            mode="overwrite" if over else "error",
            partition_by=partitions or None,
            configuration=delta or None,
            description=wanted.comment,
        )
    except Refusal:
        raise
    except Exception as fault:
        raise Refusal(
            "DELTA_CREATE_TABLE_FAILED", f"{wanted.name}: {fault}", sql_state="42KDE"
        ) from None


def _log_columns(folder: Path) -> Sequence[Mapping[str, Any]]:
    from deltalake import DeltaTable

    if not (folder / "_delta_log").is_dir():
        return ()
    fields: Sequence[Mapping[str, Any]] = json.loads(DeltaTable(str(folder)).schema().to_json())[
        "fields"
    ]
    return fields


def _taken(name: str) -> Exception:
    return exists(
        f"Cannot create table or view '{name}' because it already exists.", "TABLE_ALREADY_EXISTS"
    )


def _quoted(name: str) -> str:
    return f"`{name.replace('`', '``')}`"


def wanted_from(turn: Turn, statement: Any) -> Wanted:
    """What a parsed CREATE TABLE asks for. Raises where it asks for what is not there."""
    from sqlglot import exp

    tree = statement.tree
    target = tree.this.this if isinstance(tree.this, exp.Schema) else tree.this
    name = turn.session.qualified(tuple(part.name for part in target.parts))
    if tree.args.get("clone"):
        raise unsupported("CREATE TABLE … CLONE", "Use CREATE TABLE … AS SELECT.")
    properties: dict[str, str] = {}
    partitions: list[str] = []
    comment = None
    for one in tree.args["properties"].expressions if tree.args.get("properties") else ():
        if isinstance(one, exp.FileFormatProperty):
            if one.name.lower() != "delta":
                raise unsupported(
                    f"A table of the format {one.name}", "Tables here are Delta tables."
                )
        elif isinstance(one, exp.PartitionedByProperty):
            partitions = [part.name for part in one.this.expressions]
        elif isinstance(one, exp.SchemaCommentProperty):
            comment = one.this.name
        elif isinstance(one, exp.LocationProperty):
            raise unsupported("LOCATION for a table", "Leave it out: the catalog places the table.")
        elif isinstance(one, exp.LikeProperty):
            return _like(turn, name, one)
        elif isinstance(one, exp.Cluster | exp.ClusteredByProperty) or type(one).__name__ in (
            "ClusterProperty",
            "ClusterByProperty",
        ):
            continue  # a layout hint; the data is the same without it
        elif type(one) is exp.Property:
            properties[one.this.name if hasattr(one.this, "name") else str(one.this)] = one.args[
                "value"
            ].name
        else:
            raise unsupported(f"{one.sql('databricks')} in CREATE TABLE")
    columns = None
    query = None
    if tree.expression is not None:
        query = Relation()
        query.sql.query = query_text(statement)
    if isinstance(tree.this, exp.Schema) and tree.this.expressions:
        columns = datatypes.columns(turn.parsed(_definitions(tree.this)), nullable=False)
        comments = _comments(tree.this)
        for column in columns:
            if comment_of := comments.get(column["name"]):
                column["metadata"] = {"comment": comment_of}
    return Wanted(
        name=name,
        query=query,
        columns=columns,
        partitions=partitions,
        comment=comment,
        properties=properties,
    )


def query_text(statement: Any) -> str:
    """The query of a CREATE … AS, as written (views spliced in)."""
    from brickyard.workspace.spark.cursor import tokens_of

    tokens = tokens_of(statement.sql)
    depth = 0
    for at, token in enumerate(tokens):
        quoted = token.token_type.name in ("STRING", "IDENTIFIER")
        word = "" if quoted else token.text.upper()
        depth += (word == "(") - (word == ")")
        after = tokens[at + 1].text.upper() if at + 1 < len(tokens) else ""
        if depth == 0 and word == "AS":
            return str(statement.sql[tokens[at + 1].start :])
        if (
            depth == 0
            and at > 0
            and word in ("SELECT", "WITH", "VALUES")
            and after != "DBPROPERTIES"
        ):
            return str(statement.sql[token.start :])
    raise unsupported("This form of CREATE … AS")


def _comments(schema: Any) -> Mapping[str, str]:
    """Column comments: the engine's own reading of definitions loses them."""
    from sqlglot import exp

    return {
        one.name: constraint.kind.this.name
        for one in schema.expressions
        if isinstance(one, exp.ColumnDef)
        for constraint in one.constraints
        if isinstance(constraint.kind, exp.CommentColumnConstraint)
    }


def _definitions(schema: Any) -> str:
    from sqlglot import exp

    parts = []
    for one in schema.expressions:
        if isinstance(one, exp.Identifier):
            raise unsupported("CREATE TABLE with column names but no types")
        if not isinstance(one, exp.ColumnDef):
            if isinstance(one, exp.PrimaryKey | exp.ForeignKey | exp.Constraint):
                continue  # informational on Databricks
            raise unsupported(f"{one.sql('databricks')} in CREATE TABLE")
        text = f"{_quoted(one.name)} {one.args['kind'].sql('databricks')}"
        for constraint in one.constraints:
            kind = constraint.kind
            if isinstance(kind, exp.NotNullColumnConstraint) and not kind.args.get("allow_null"):
                text += " NOT NULL"
            elif isinstance(kind, exp.CommentColumnConstraint):
                text += f" COMMENT {kind.this.sql('databricks')}"
            elif isinstance(kind, exp.PrimaryKeyColumnConstraint | exp.NotNullColumnConstraint):
                continue
            else:
                raise unsupported(f"The column option {constraint.sql('databricks')}")
        parts.append(text)
    return ", ".join(parts)


def _like(turn: Turn, name: str, like: Any) -> Wanted:
    source = turn.session.qualified(tuple(part.name for part in like.this.parts))
    folder = turn.lake.location(source)
    if folder is None:
        raise unsupported("CREATE TABLE LIKE a view")
    return Wanted(name=name, columns=_log_columns(folder))

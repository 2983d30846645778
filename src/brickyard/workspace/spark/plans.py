"""What a whole plan reads: a generic walk over the protobuf, and the few messages that name things.

Follows the message definitions of Spark Connect 4.2. Relations and commands are on an allow-list:
a message that the gateway has not been taught is refused, for it may name a table. SQL hides in
strings (`df.filter("id in (select …)")`): every expression that could hold a query is parsed.

The walk changes the plan in place where the text must change: views, and paths of volumes.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Any, Final

from brickyard.workspace.spark.accesses import Touched
from brickyard.workspace.spark.cursor import Cursor
from brickyard.workspace.spark.functions.expansion import remote_of, wrong_number
from brickyard.workspace.spark.paths import reading
from brickyard.workspace.spark.protocol import Expression
from brickyard.workspace.spark.refusals import not_understood, unsupported
from brickyard.workspace.spark.statements import Kind, Reader

REFUSED_RELATIONS: Final = frozenset(
    {"extension", "unknown", "ml_relation", "relation_changes", "nearest_by_join"}
)
KNOWN_RELATIONS: Final = frozenset(
    [
        "read",
        "project",
        "filter",
        "join",
        "set_op",
        "sort",
        "limit",
        "aggregate",
        "sql",
        "local_relation",
        "sample",
        "offset",
        "deduplicate",
        "range",
        "subquery_alias",
        "repartition",
        "to_df",
        "with_columns_renamed",
        "show_string",
        "drop",
        "tail",
        "with_columns",
        "hint",
        "unpivot",
        "to_schema",
        "repartition_by_expression",
        "map_partitions",
        "collect_metrics",
        "parse",
        "group_map",
        "co_group_map",
        "with_watermark",
        "apply_in_pandas_with_state",
        "html_string",
        "cached_local_relation",
        "cached_remote_relation",
        "common_inline_user_defined_table_function",
        "as_of_join",
        "common_inline_user_defined_data_source",
        "with_relations",
        "transpose",
        "unresolved_table_valued_function",
        "lateral_join",
        "chunked_cached_local_relation",
        "fill_na",
        "drop_na",
        "replace",
        "summary",
        "crosstab",
        "describe",
        "cov",
        "corr",
        "approx_quantile",
        "freq_items",
        "sample_by",
        "catalog",
    ]
)
FILE_FORMATS: Final = frozenset(
    {"", "delta", "parquet", "csv", "json", "text", "orc", "avro", "binaryfile", "arrow"}
)
MAY_HOLD_QUERY: Final = re.compile(r"select|from|table|with|identifier", re.IGNORECASE)
OPAQUE: Final[Mapping[str, str]] = {
    "spark.connect.CommonInlineUserDefinedFunction": "a Python function",
    "spark.connect.CommonInlineUserDefinedTableFunction": "a Python table function",
    "spark.connect.CommonInlineUserDefinedDataSource": "a Python data source",
}


class Walk:
    """One inspection of one plan. `touched` is what it found."""

    def __init__(self, reader: Reader) -> None:
        self.touched = Touched()
        self._reader = reader
        self._local: frozenset[str] = frozenset()
        self._handlers: Mapping[str, Callable[[Any], bool]] = {
            "google.protobuf.Any": self._any,
            "spark.connect.Plan.CompressedOperation": self._compressed,
            "spark.connect.Plan": self._plan,
            "spark.connect.Relation": self._relation,
            "spark.connect.SQL": self._sql,
            "spark.connect.WithRelations": self._with_relations,
            "spark.connect.Read.DataSource": self._data_source,
            "spark.connect.Expression.ExpressionString": self._expression_string,
            "spark.connect.UnresolvedTableValuedFunction": self._table_function,
            "spark.connect.Catalog": self._catalog,
            "spark.connect.CallFunction": self._call_function,
        }

    def visit(self, message: Any) -> None:
        """Inspect a message and everything in it."""
        name = message.DESCRIPTOR.full_name
        if what := OPAQUE.get(name):
            self.touched.opaque.add(what)
        handler = self._handlers.get(name)
        if handler is None or handler(message):
            self._inside(message)

    def _inside(self, message: Any) -> None:
        for field, value in message.ListFields():
            if field.message_type is None:
                continue
            if field.message_type.GetOptions().map_entry:
                if field.message_type.fields_by_name["value"].message_type is not None:
                    for one in value.values():
                        self.visit(one)
            elif hasattr(value, "DESCRIPTOR"):
                self.visit(value)
            else:
                for one in value:
                    self.visit(one)

    def _any(self, _message: Any) -> bool:
        raise not_understood("An extension of the Spark Connect protocol")

    def _compressed(self, _message: Any) -> bool:
        raise not_understood("A compressed plan")

    def _plan(self, message: Any) -> bool:
        if message.WhichOneof("op_type") not in ("root", "command"):
            raise not_understood("A plan of an unknown form")
        return True

    def _relation(self, message: Any) -> bool:
        """The kind of relation must be known; a view that is read is put in place of its name."""
        kind = message.WhichOneof("rel_type")
        if kind is None or kind in REFUSED_RELATIONS or kind not in KNOWN_RELATIONS:
            raise not_understood(f"The relation '{kind or 'unknown'}'")
        if kind == "read" and message.read.WhichOneof("read_type") == "named_table":
            self._named_table(message)
            return False
        return True

    def _named_table(self, relation: Any) -> None:
        table = relation.read.named_table
        found = self._reader.understand(
            f"SELECT * FROM {_quoted(table.unparsed_identifier)}", local=self._local
        )
        self.touched.add(found.touched)
        if found.changed:
            plan_id, name = relation.common.plan_id, Cursor(table.unparsed_identifier).name()[-1]
            has_id = relation.common.HasField("plan_id")
            relation.Clear()
            if has_id:
                relation.common.plan_id = plan_id
            relation.subquery_alias.alias = name
            relation.subquery_alias.input.sql.query = found.sql

    def _sql(self, message: Any) -> bool:
        found = self._reader.understand(
            message.query, literal_arguments(message), local=self._local
        )
        if found.kind is not Kind.QUERY:
            raise not_understood("A command inside a query")
        self.touched.add(found.touched)
        if found.changed:
            message.query = found.sql
        return True

    def _with_relations(self, message: Any) -> bool:
        """Names that the references bring along are local to the root."""
        before = self._local
        names = {
            one.subquery_alias.alias.lower()
            for one in message.references
            if one.WhichOneof("rel_type") == "subquery_alias"
        }
        for one in message.references:
            self.visit(one)
        self._local = before | names
        self.visit(message.root)
        self._local = before
        return False

    def _data_source(self, message: Any) -> bool:
        kind = message.format.lower()
        if kind not in FILE_FORMATS:
            raise unsupported(
                f"Reading the format '{message.format}'", "Read files, or load data in Python."
            )
        for key in [key for key in message.options if key.lower() == "path"]:
            message.options[key] = self.readable(message.options[key])
        for at, path in enumerate(message.paths):
            message.paths[at] = self.readable(path)
        return False

    def readable(self, text: str) -> str:
        """The real path behind a path that is read."""
        place = self._reader.places.find(text, self._reader.workspace)
        if access := reading(place):
            self.touched.accesses.add(access)
        trailing = "/" if text.endswith("/") else ""
        return f"{place.path}{trailing}"

    def _expression_string(self, message: Any) -> bool:
        expression = message.expression
        if MAY_HOLD_QUERY.search(expression) or self._reader.calls_functions(expression):
            found = self._reader.understand(f"SELECT {message.expression}", local=self._local)
            if found.changed:
                message.expression = found.sql.removeprefix("SELECT ")
            self.touched.add(found.touched)
        return False

    def _table_function(self, message: Any) -> bool:
        name = message.function_name.lower()
        if name not in (
            "range",
            "explode",
            "explode_outer",
            "posexplode",
            "posexplode_outer",
            "inline",
            "inline_outer",
            "json_tuple",
            "stack",
            "collations",
            "variant_explode",
            "variant_explode_outer",
            "sql_keywords",
        ):
            self.touched.opaque.add(f"the table function {name}")
        return True

    def _call_function(self, message: Any) -> bool:
        """`call_function("a.b.f", …)`: the remote function of a Python one."""
        routine = self._reader.routine_called(Cursor(message.function_name).name())
        if routine is None:
            return True
        if routine.language == "SQL" or routine.is_table:
            raise unsupported(
                f"call_function of {routine.full_name}, which is no scalar Python function,",
                'Write expr("catalog.schema.function(column)").',
            )
        given = len(message.arguments)
        if given != len(routine.parameters):
            raise wrong_number(routine, given)
        self.touched.execute(routine.full_name)
        made = remote_of(routine)
        self.touched.remotes[made.name] = made
        message.function_name = made.name
        for argument, parameter in zip(message.arguments, routine.parameters, strict=True):
            before = Expression()
            before.CopyFrom(argument)
            argument.Clear()
            argument.cast.expr.CopyFrom(before)
            argument.cast.type_str = parameter.type_text
            self.visit(argument.cast.expr)
        if not given:
            message.arguments.add().literal.boolean = True
        return False

    def _catalog(self, message: Any) -> bool:
        kind = message.WhichOneof("cat_type")
        inner: Any = getattr(message, kind or "", None)
        if kind in LOOK_UPS:
            if table := getattr(inner, "table_name", ""):
                parts = Cursor(table).name()
                if getattr(inner, "db_name", "") and len(parts) == 1:
                    parts = (*Cursor(inner.db_name).name(), *parts)
                if not (len(parts) == 1 and parts[0].lower() in self._reader.session.temp_views):
                    self._browse(parts, kind or "")
            return False
        if kind in HARMLESS:
            return False
        raise unsupported(f"spark.catalog ({kind})", "Use the SQL statement of the same meaning.")

    def _browse(self, parts: tuple[str, ...], kind: str) -> None:
        name = self._reader.session.qualified(parts)
        if kind in ("table_exists", "get_table", "function_exists", "get_function"):
            return  # the catalog itself answers the engine, by the caller's rights
        self.touched.read(name)


LOOK_UPS: Final = frozenset(
    {
        "list_columns",
        "get_table",
        "table_exists",
        "is_cached",
        "cache_table",
        "uncache_table",
        "refresh_table",
        "get_function",
        "function_exists",
    }
)
HARMLESS: Final = frozenset(
    {
        "current_database",
        "set_current_database",
        "list_databases",
        "list_tables",
        "list_functions",
        "get_database",
        "database_exists",
        "drop_temp_view",
        "drop_global_temp_view",
        "clear_cache",
        "current_catalog",
        "set_current_catalog",
        "list_catalogs",
    }
)


def literal_arguments(sql: Any) -> Mapping[str, str]:
    """The named string arguments of a SQL message, for IDENTIFIER(:name)."""
    found = {name: one.string for name, one in sql.args.items() if one.HasField("string")}
    for name, one in sql.named_arguments.items():
        if one.WhichOneof("expr_type") == "literal" and one.literal.HasField("string"):
            found[name] = one.literal.string
    return found


def _quoted(identifier: str) -> str:
    """A dotted name with every part in backticks, as a statement needs it."""
    return ".".join(f"`{part.replace('`', '``')}`" for part in Cursor(identifier).name())

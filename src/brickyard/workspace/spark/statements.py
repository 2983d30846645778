"""What one SQL statement reads and writes, and who runs it: the engine, or the gateway itself.

Parsed by sqlglot for the Databricks dialect. Only what is understood is passed on: a statement that
is neither a query nor a known kind of write is refused. Statements are forwarded as written; where
something must change (a view's text, a volume's path) only those characters are replaced.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import Enum
from typing import Any, Final

from brickyard.workspace.catalog.routines import Routine
from brickyard.workspace.kernel import WorkspaceInfo
from brickyard.workspace.spark.accesses import Touched
from brickyard.workspace.spark.cursor import Cursor, syntax_error, tokens_of
from brickyard.workspace.spark.definers import Definers
from brickyard.workspace.spark.functions.definitions import creates
from brickyard.workspace.spark.functions.expansion import Expansion, Hosted, Surroundings
from brickyard.workspace.spark.lake import Lake
from brickyard.workspace.spark.paths import FORMATS, Places, reading, writing
from brickyard.workspace.spark.refusals import not_understood, unsupported
from brickyard.workspace.spark.sessions import Caller, Session

DIALECT: Final = "databricks"
DEEPEST_VIEW: Final = 20


class Kind(Enum):
    QUERY = "query"  # forwarded; may stand inside another plan
    WRITE = "write"  # forwarded
    CREATE_TABLE = "create table"
    CREATE_VIEW = "create view"
    TEMP_VIEW = "temporary view"  # forwarded
    COMMAND = "command"  # answered by the gateway


@dataclass(slots=True, kw_only=True)
class Statement:
    kind: Kind
    sql: str  # to be forwarded: views spliced in, paths made real
    touched: Touched = field(default_factory=Touched)
    tree: Any = None  # sqlglot's, of the original text
    written: str = ""  # the table that a WRITE changes
    changed: bool = False  # `sql` differs from the original text
    calling: str = ""  # the text with its calls of functions, where `sql` has none any more


# First words of statements that the gateway answers itself (commands/).
COMMANDS: Final = frozenset(
    [
        "ALTER",
        "ANALYZE",
        "CACHE",
        "CLEAR",
        "COMMENT",
        "DESC",
        "DESCRIBE",
        "DROP",
        "GRANT",
        "LIST",
        "MSCK",
        "OPTIMIZE",
        "REFRESH",
        "RESET",
        "RESTORE",
        "REVOKE",
        "SET",
        "SHOW",
        "TRUNCATE",
        "UNCACHE",
        "USE",
        "VACUUM",
    ]
)
CREATED_HERE: Final = (
    "SCHEMA",
    "DATABASE",
    "CATALOG",
    "CONNECTION",
    "VOLUME",
    "EXTERNAL VOLUME",
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Reader:
    """Understands statements for one session of one caller."""

    session: Session
    workspace: WorkspaceInfo
    lake: Lake
    places: Places
    caller: Caller
    hosted: Hosted | None = None
    # Of views and functions, by who reads them: whether they run as their owner; None: being asked.
    definitions: dict[tuple[str, str], bool | None] = field(default_factory=dict)

    @property
    def definers(self) -> Definers:
        return Definers(self)

    def functions(self, touched: Touched) -> Expansion:
        """Replaces the calls of functions in texts of this session."""
        around = Surroundings(
            routine=self.lake.routine,
            columns=self.lake.columns,
            parse=parsed,
            own=frozenset(self.session.functions),
            hosted=self.hosted,
            caller=self.caller,
            definers=self.definers,
        )
        return Expansion(around, touched, catalog=self.session.catalog, schema=self.session.schema)

    def calls_functions(self, text: str) -> bool:
        """Whether an expression calls functions of the catalog, or of the workspace."""
        return self.functions(Touched()).is_called_in(text)

    def routine_called(self, parts: tuple[str, ...]) -> Routine | None:
        return self.functions(Touched()).routine(parts)

    def understand(
        self,
        sql: str,
        arguments: Mapping[str, str] | None = None,
        local: frozenset[str] = frozenset(),
        depth: int = 0,
    ) -> Statement:
        """Raises a Refusal or ApiError. `local` are names that the plan itself brings along."""
        if creates(sql):
            return Statement(kind=Kind.COMMAND, sql=sql)
        tokens = tokens_of(sql)
        if any(token.text == ";" and token.token_type.name != "STRING" for token in tokens):
            raise syntax_error("Syntax error at or near ';': one statement at a time.")
        cursor = Cursor(sql, tokens)
        first = cursor.peek()
        if first == "EXPLAIN":
            return self._explain(cursor, arguments, local, depth)
        if first == "TABLE":
            sql = f"SELECT * FROM {sql[cursor.tokens[1].start :]}" if len(tokens) > 1 else sql
        elif first in COMMANDS or (first == "CREATE" and _created_here(cursor)):
            return Statement(kind=Kind.COMMAND, sql=sql)
        called = Touched()
        text = self.functions(called).expand(sql, arguments)
        spliced = _Splices(self, arguments or {}, local, depth)
        spliced.touched.add(called)
        made = self._classify(text, parsed(text), spliced)
        if text != sql:
            made.changed, made.calling = True, sql
        return made

    def _classify(self, sql: str, tree: Any, spliced: _Splices) -> Statement:
        from sqlglot import exp

        if isinstance(tree, exp.Query | exp.Values):
            _no_hidden_writes(tree)
            spliced.tables(tree)
            made = _statement(Kind.QUERY, sql, tree, spliced)
            if tree.find(exp.Qualify):
                made.sql, made.changed = _without_qualify(made.sql), True
            return made
        if isinstance(tree, exp.Insert | exp.Update | exp.Delete | exp.Merge):
            target = _target(tree)
            spliced.tables(tree, besides=target)
            written = spliced.write(target)
            if not isinstance(tree, exp.Insert):
                spliced.touched.read(written) if written else None
            made = _statement(Kind.WRITE, sql, tree, spliced)
            made.written = written
            return made
        if isinstance(tree, exp.Create):
            return self._create(sql, tree, spliced)
        raise unsupported(f"The statement {_first_words(sql)}")

    def _create(self, sql: str, tree: Any, spliced: _Splices) -> Statement:
        from sqlglot import exp

        kind = str(tree.args.get("kind") or "").upper()
        properties = tree.args.get("properties")
        found = properties.expressions if properties else []
        if any(
            isinstance(one, exp.MaterializedProperty | exp.StreamingTableProperty) for one in found
        ):
            raise unsupported("A materialized view or streaming table outside a pipeline")
        target = tree.this.this if isinstance(tree.this, exp.Schema) else tree.this
        if kind == "TABLE" and isinstance(target, exp.Table):
            spliced.tables(tree, besides=target)
            return _statement(Kind.CREATE_TABLE, sql, tree, spliced)
        if kind == "VIEW" and isinstance(target, exp.Table):
            spliced.tables(tree, besides=target)
            temporary = any(isinstance(one, exp.TemporaryProperty) for one in found)
            view = Kind.TEMP_VIEW if temporary else Kind.CREATE_VIEW
            return _statement(view, sql, tree, spliced)
        raise unsupported(f"CREATE {kind or 'of this kind'}")

    def _explain(
        self,
        cursor: Cursor,
        arguments: Mapping[str, str] | None,
        local: frozenset[str],
        depth: int,
    ) -> Statement:
        whole = cursor.sql
        cursor.take("EXPLAIN")
        cursor.take_any("EXTENDED", "CODEGEN", "COST", "FORMATTED")
        start = cursor.tokens[cursor.at].start if not cursor.done else len(whole)
        inner = self.understand(cursor.rest(), arguments, local, depth)
        if inner.kind is not Kind.QUERY:
            raise unsupported("EXPLAIN of anything but a query")
        inner.sql = whole[:start] + inner.sql
        inner.tree = None
        return inner


class _Splices:
    """Collects what the tables of one statement mean, and the characters to replace."""

    def __init__(
        self, reader: Reader, arguments: Mapping[str, str], local: frozenset[str], depth: int
    ) -> None:
        self.touched = Touched()
        self.changes: list[tuple[int, int, str]] = []
        self._reader = reader
        self._arguments = arguments
        self._local = local
        self._depth = depth

    def tables(self, tree: Any, besides: Any = None) -> None:
        from sqlglot import exp

        for table in tree.find_all(exp.Table):
            if table is besides:
                continue
            if isinstance(table.this, exp.Func):
                _check_function(table.this)
                if _name_of_identifier_clause(table.this):
                    self._read(self._identifier(table.this), None)
                continue
            parts = tuple(part.name for part in table.parts)
            if len(parts) == 1 and is_cte(table):
                continue
            self._read(parts, table)

    def write(self, target: Any) -> str:
        """The table written; '' for a path."""
        from sqlglot import exp

        if isinstance(target.this, exp.Func) or target.name.lower() == "identifier":
            raise not_understood("IDENTIFIER() as the target of a write")
        parts = tuple(part.name for part in target.parts)
        if is_path(parts):
            place = self._reader.places.find(parts[1], self._reader.workspace)
            if access := writing(place):
                self.touched.accesses.add(access)
            self._replace(target.this, f"`{place.path}`")
            return ""
        written = self._reader.session.qualified(parts)
        self.touched.write(written)
        return written

    def _read(self, parts: tuple[str, ...], table: Any) -> None:
        session = self._reader.session
        if is_path(parts):
            place = self._reader.places.find(parts[1], self._reader.workspace)
            if access := reading(place):
                self.touched.accesses.add(access)
            if table is not None:
                self._replace(table.this, f"`{place.path}`")
            return
        if len(parts) == 1 and parts[0].lower() in self._local:
            return
        known = session.temp_views.get(parts[-1].lower())
        if known is not None and (len(parts) == 1 or parts[0].lower() == "global_temp"):
            self.touched.add(known)
            return
        name = session.qualified(parts)
        self.touched.read(name)
        text = self._reader.lake.view_text(name)
        if text is not None:
            self._splice_view(name, text, table)

    def _splice_view(self, name: str, text: str, table: Any) -> None:
        if self._depth >= DEEPEST_VIEW:
            raise syntax_error(f"The view {name} refers to itself.")
        if table is None:
            raise not_understood("IDENTIFIER() naming a view")
        if self._reader.definers.runs_view(name, text):
            made = self._reader.definers.view(name)
            self.touched.remotes[made.name] = made
            sql = f"SELECT inline({made.name}(true))"
        else:
            inner = self._reader.understand(text, depth=self._depth + 1)
            self.touched.add(inner.touched)
            sql = inner.sql
        first, last = table.parts[0].meta, table.parts[-1].meta
        alias = "" if table.alias else f" AS `{table.name}`"
        self.changes.append((first["start"], last["end"] + 1, f"({sql}){alias}"))

    def _replace(self, identifier: Any, text: str) -> None:
        self.changes.append((identifier.meta["start"], identifier.meta["end"] + 1, text))

    def _identifier(self, function: Any) -> tuple[str, ...]:
        """IDENTIFIER('…') or IDENTIFIER(:name): the name meant. Anything else is refused."""
        from sqlglot import exp

        argument = function.expressions[0] if function.expressions else function.this
        text = ""
        if isinstance(argument, exp.Literal) and argument.is_string:
            text = argument.name
        elif isinstance(argument, exp.Placeholder | exp.Parameter):
            text = self._arguments.get(argument.name, "")
        if not text:
            raise not_understood("IDENTIFIER() of an expression")
        return Cursor(text).name()


def _statement(kind: Kind, sql: str, tree: Any, spliced: _Splices) -> Statement:
    text = sql
    for start, end, new in sorted(spliced.changes, reverse=True):
        text = text[:start] + new + text[end:]
    return Statement(
        kind=kind,
        sql=text.rstrip().rstrip(";"),
        touched=spliced.touched,
        tree=tree,
        changed=bool(spliced.changes),
    )


def _without_qualify(sql: str) -> str:
    """The same query with a subquery and WHERE for QUALIFY, which the engine does not know."""
    from sqlglot.transforms import eliminate_qualify

    return str(parsed(sql).transform(_each_select(eliminate_qualify)).sql(DIALECT))


def _each_select(change: Any) -> Any:
    from sqlglot import exp

    return lambda node: (
        change(node) if isinstance(node, exp.Select) and node.args.get("qualify") else node
    )


def parsed(sql: str) -> Any:
    """The statement's tree. Raises a ParseException."""
    import sqlglot
    from sqlglot.errors import SqlglotError

    try:
        tree = sqlglot.parse_one(sql, read=DIALECT)
    except SqlglotError as fault:
        first = fault.errors[0] if getattr(fault, "errors", None) else {}
        at = f" at line {first['line']}, column {first['col']}" if "line" in first else ""
        near = f" near '{first['highlight']}'" if first.get("highlight") else ""
        raise syntax_error(f"{first.get('description') or fault}{near}{at}.") from None
    except RecursionError:
        raise not_understood("A statement this deep") from None
    return tree


def _target(tree: Any) -> Any:
    from sqlglot import exp

    target = tree.this.this if isinstance(tree.this, exp.Schema) else tree.this
    if not isinstance(target, exp.Table):
        raise not_understood("The target of this write")
    return target


def is_cte(table: Any) -> bool:
    """Whether an unqualified name is that of a common table expression visible there."""
    name = table.name.lower()
    node = table
    while node.parent is not None:
        parent = node.parent
        clause = parent.args.get("with_") or parent.args.get("with")
        if clause is not None:
            ctes = clause.expressions
            if node is clause:
                inside = next(
                    (at for at, one in enumerate(ctes) if one is table or _contains(one, table)),
                    len(ctes),
                )
                visible = ctes[: inside + 1] if clause.args.get("recursive") else ctes[:inside]
            else:
                visible = ctes
            if any(one.alias.lower() == name for one in visible):
                return True
        node = parent
    return False


def _contains(outer: Any, inner: Any) -> bool:
    node = inner
    while node is not None:
        if node is outer:
            return True
        node = node.parent
    return False


def is_path(parts: tuple[str, ...]) -> bool:
    return len(parts) == 2 and parts[0].lower() in FORMATS and ("/" in parts[1] or ":" in parts[1])


def _name_of_identifier_clause(function: Any) -> bool:
    from sqlglot import exp

    return isinstance(function, exp.Anonymous) and function.name.lower() == "identifier"


def _check_function(function: Any) -> None:
    """Table functions that read files are the catalog's business and not the engine's."""
    name = (function.name if hasattr(function, "name") else "") or type(function).__name__
    if function.key in ("readfiles", "readcsv", "readparquet") or name.lower() in (
        "read_files",
        "read_kafka",
        "cloud_files",
        "table_changes",
        "read_csv",
        "read_parquet",
    ):
        raise unsupported(
            f"The table function {name.lower()}",
            "Read files with spark.read, or as format.`/Volumes/…`.",
        )


def _no_hidden_writes(tree: Any) -> None:
    from sqlglot import exp

    for kind in (exp.DML, exp.Insert, exp.Update, exp.Delete, exp.Merge, exp.DDL):
        for found in tree.find_all(kind):
            if not isinstance(found, exp.Query):
                raise not_understood("A write inside a query")
    if tree.args.get("into"):
        raise not_understood("SELECT INTO")


def _created_here(cursor: Cursor) -> bool:
    ahead = 1
    if cursor.peek(1) == "OR":
        ahead = 3
    word = cursor.peek(ahead)
    return word in CREATED_HERE or (word == "EXTERNAL" and cursor.peek(ahead + 1) == "VOLUME")


def _first_words(sql: str) -> str:
    return " ".join(sql.split()[:3]).upper()

"""What following code has found: accesses, as calls into libraries make them.

Knows where the code that runs now stands (`file`) and what statements before have settled
(`session`); turns a call that is in the tables of `sinks` into accesses. A call that no row knows
and that is handed a governed path or name is listed too, in doubt about its mode.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Callable, Iterable, Iterator
from dataclasses import replace
from typing import Final

from brickyard.policy.abstract_values import External, Known, PathText, items_of, text_of, texts_of
from brickyard.policy.accesses import Access, Mode, Securable
from brickyard.policy.sinks import (
    HANDLE_WRITES,
    NAMING_KEYWORDS,
    OPTION_PATHS,
    QUIET_FIRST,
    QUIET_LAST,
    SHELLS,
    Composed,
    Sink,
    composed,
    matching,
)
from brickyard.policy.sql import HOLE, Session
from brickyard.policy.sql import accesses as sql_accesses
from brickyard.policy.sql_places import PART_UNKNOWN, path_access
from brickyard.policy.sql_session import LOCAL

READ, WRITE = Mode.READ, Mode.WRITE
At = tuple[int, int]  # line, column
GOVERNED: Final = ("/Volumes", "dbfs:/Volumes", "s3:", "s3a:", "abfss:", "gs:", "dbfs:", "wasbs:")
VOLUME_IN_TEXT: Final = re.compile(r"(?:dbfs:)?/Volumes/[^\s'\"|;&>)]+")
FILE_FORMAT: Final = re.compile(r"^\w+\.`(/[^`]*|\w+:[^`]*)`$")
LOOKS_LIKE_SQL: Final = re.compile(
    r"\s*(?:--[^\n]*\n\s*|/\*.*?\*/\s*)*(?:SELECT|WITH|INSERT|MERGE|UPDATE|DELETE|CREATE|DROP|ALTER"
    r"|TRUNCATE|COPY|OPTIMIZE|VACUUM|GRANT|REVOKE|USE|REFRESH|DESCRIBE|DESC|SHOW|ANALYZE|RESTORE"
    r"|CALL|EXECUTE|COMMENT|REPLACE|UNDROP|SET|DECLARE)\b",
    re.IGNORECASE | re.DOTALL,
)
SQL_CALLS: Final = frozenset(
    [
        "sql",
        "execute",
        "executemany",
        "execute_query",
        "exec_driver_sql",
        "run_query",
        "read_sql",
        "read_sql_query",
        "query",
        "text",
        "execute_sql",
        "run_sql",
        "fetch_all",
        "fetchall_arrow",
    ]
)
SURELY_SQL: Final = frozenset({"sql", "execute", "executemany", "read_sql", "read_sql_query"})
OTHER_DATABASES: Final = (
    "sqlite3",
    "psycopg",
    "psycopg2",
    "asyncpg",
    "pymysql",
    "duckdb",
    "bigquery",
)
FULL_NAME: Final = re.compile(r"`?[\w-]+`?\.`?[\w-]+`?\.`?[\w-]+`?")
SQL_OF_FRAMES: Final = frozenset({"to_sql", "read_sql_table"})
# A securable's address of the REST API, in whatever calls it.
REST_NAME: Final = re.compile(
    r"/api/2\.[01]/unity-catalog/(?P<kind>tables|schemas|catalogs|volumes|functions|models)"
    r"/(?P<name>[\w.`-]+)"
)
REST_KINDS: Final = {
    "tables": Securable.TABLE,
    "schemas": Securable.SCHEMA,
    "catalogs": Securable.CATALOG,
    "volumes": Securable.VOLUME,
    "functions": Securable.FUNCTION,
    "models": Securable.MODEL,
}
DOUBT: Final = "a call that is not known here: it may write what it is given"


class Effects:
    """Collects accesses over many entry points; `session` is that of the current one."""

    def __init__(self) -> None:
        self.found: list[Access] = []
        self.session = Session()
        self.file = ""
        self.model_configs: list[Known] = []  # that models are logged with, anywhere in the bundle
        self.at: At = (1, 1)  # the first argument of the call that is looked at

    def call(
        self, callee: External, arguments: list[Known], named: dict[str, Known], node: ast.Call
    ) -> str:
        """Record what a call does; what its result speaks of, if anything."""
        before = len(self.found)
        given = _Given(arguments, named, node)
        subject = callee.subject
        rows = matching(callee.chain)
        for sink in rows:
            name = self._sink(sink, given, callee)
            subject = name if sink.kind in HANDLES and sink.mode is READ and name else subject
        parts = composed(callee.chain)
        for row in parts:
            self._composed(row, given)
        self._handle(callee, given)
        self._options(callee, given)
        self._session(callee, given)
        if not rows and callee.last in SQL_CALLS:
            self._other_sql(callee, given)
        if len(self.found) == before and not parts:
            self._net(callee.chain, given)
        self.found[before:] = [replace(one, file=self.file) for one in self.found[before:]]
        return subject

    def sql(
        self, text: str, file: str, line_of: Callable[[int], int], parameters: dict[str, str]
    ) -> None:
        """SQL that stands in a cell of its own; `line_of` gives the file's lines."""
        found = sql_accesses(text, file=file, session=self.session, parameters=parameters)
        self.found.extend(replace(one, line=line_of(one.line)) for one in found)

    # -- rows of the tables ------------------------------------------------------------------------

    def _sink(self, sink: Sink, given: _Given, callee: External) -> str:
        values = given.all_from(sink.position) if sink.takes_all else []
        values = values or given.value(sink.position, sink.keyword)
        last = ""
        for value, at in values:
            for one in _flat(value):
                if sink.kind == "index" and isinstance(one, External) and one.subject:
                    continue  # the index itself, which was named where it was reached
                for text in texts_of(one):
                    last = text
                    self._touch_named(sink, text, given, at, callee)
        return last

    def _touch_named(self, sink: Sink, text: str, given: _Given, at: At, callee: External) -> None:
        match sink.kind:
            case "sql":
                session = self._statement_session(given, callee)
                self._read_sql(text, given, session)
            case "path":
                self.touch_path(text, sink.mode, at)
            case "file":
                mode = text_of(given.first(1, "mode", "r"))
                self.touch_path(text, open_mode(mode), at)
            case "table":
                self._table(text, sink.mode, at)
            case "model_uri" | "prompt_uri":
                self._uri(sink.kind.removesuffix("_uri"), text, sink.mode, at)
            case "model_copy":
                before = len(self.found)
                if text.startswith("models:/"):
                    self._uri("model", text, sink.mode, at)
                self.found[before:] = [replace(one, is_copy=True) for one in self.found[before:]]
            case "model_filter":
                for name in re.findall(r"name\s*(?:=|LIKE|ILIKE)\s*'([^']+)'", text):
                    self.touch(Securable.MODEL, name, sink.mode, at)
            case "prompt_filter":
                parts = re.findall(r"(?:catalog|schema)\w*\s*=\s*'([^']+)'", text)
                self.touch(Securable.SCHEMA, ".".join(parts) or HOLE, sink.mode, at)
            case "function" if text == "None" or "." not in text.replace(HOLE, "."):
                return
            case kind:
                if text != "None":
                    self.touch(Securable(kind), _unquoted(text), sink.mode, at)

    def _table(self, text: str, mode: Mode, at: At) -> None:
        if self.session.is_local(text) or text == "None":
            return
        found = FILE_FORMAT.match(text)
        if found or text.startswith(GOVERNED):
            self.touch_path(found[1] if found else text, mode, at)
        elif " " in text.strip():  # a file format's option or a sentence: no name
            return
        elif not text.lower().startswith("live."):
            name = self.session.full(_unquoted(text).split("."))
            self.touch(Securable.TABLE, name, mode, at)

    def _uri(self, kind: str, text: str, mode: Mode, at: At) -> None:
        scheme = f"{kind}s:/"
        if text.startswith(scheme):
            name = text.removeprefix(scheme).lstrip("/").split("@")[0].split("/")[0]
            if name.count(".") >= 2 or HOLE in name:
                self.touch(Securable(kind), name, mode, at)
        elif text.startswith(GOVERNED):
            self.touch_path(text, mode, at)
        elif kind == "prompt" and text.count(".") >= 2:
            self.touch(Securable.PROMPT, text, mode, at)
        elif text.startswith(HOLE):
            self.touch(Securable(kind), text, mode, at)

    def _composed(self, row: Composed, given: _Given) -> None:
        found = [given.value(position, keyword) for position, keyword in row.parts]
        if not any(found):
            return
        if row.where == ("grants",):
            self._grant(given)
            return
        parts = [text_of(one[0][0]) if one else HOLE for one in found]
        if row.ends in SQL_OF_FRAMES and not found[0]:
            parts = [
                *[one for one in (self.session.catalog, self.session.schema) if one],
                parts[-1],
            ]
        securable = row.securable
        while parts and parts[-1] == HOLE and not found[len(parts) - 1] and row.ends == "list":
            parts.pop()  # the whole catalog is listed
            securable = Securable.CATALOG
        at = next(one[0][1] for one in reversed(found) if one)
        self.touch(securable, ".".join(parts), row.mode, at)

    def _grant(self, given: _Given) -> None:
        kind = text_of(given.first(0, "securable_type", "TABLE")).upper()
        value = given.first(0, "securable_type", "")
        if isinstance(value, External):
            kind = value.last.upper()
        name, at = given.value(1, "full_name")[0]
        kinds = {one.name: one for one in Securable}
        self.touch(kinds.get(kind, Securable.TABLE), text_of(name), WRITE, at)

    # -- handles, options, sessions ----------------------------------------------------------------

    def _handle(self, callee: External, given: _Given) -> None:
        """A method that writes what an earlier call reached by name."""
        if not callee.subject:
            return
        for reached, methods in HANDLE_WRITES.items():
            words = callee.chain.replace("()", "").split(".")
            if reached in callee.chain and methods & set(words[-2:]):  # `t.alter.add_columns()`
                is_path = callee.subject.startswith(("/", *GOVERNED))
                if is_path:
                    self.touch_path(callee.subject, WRITE, given.called)
                elif reached == "DeltaTable":
                    self._table(callee.subject, WRITE, given.called)
                else:
                    self.touch(Securable.INDEX, callee.subject, WRITE, given.called)
                return

    def _options(self, callee: External, given: _Given) -> None:
        if callee.last == "option" and len(given.arguments) >= 2:
            pairs = [(text_of(given.arguments[0]), given.arguments[1], given.place(1))]
        elif callee.last in {"options", "load", "save", "start", "table", "toTable", "saveAsTable"}:
            pairs = [
                (key, value, given.place_of(key))
                for key, value in given.named.items()
                if key != "path" or callee.last in {"options", "saveAsTable"}
            ]
        else:
            return
        words = callee.chain.replace("()", "").split(".")
        writes = "write" in words or "writeStream" in words
        for key, value, at in pairs:
            if key.lower() in OPTION_PATHS:
                mode = OPTION_PATHS[key.lower()] or (WRITE if writes else READ)
                for text in texts_of(value):
                    self.touch_path(text, mode, at)

    def _session(self, callee: External, given: _Given) -> None:
        """What a call settles for later ones."""
        first = text_of(given.arguments[0]) if given.arguments else ""
        match callee.last:
            case "createOrReplaceTempView" | "createTempView" | "registerTempTable" if first:
                self.session.local_views.add(first.lower())
            case "temporary_view" | "view" if "name" in given.named:
                self.session.local_views.add(text_of(given.named["name"]).lower())
            case "createOrReplaceGlobalTempView" | "createGlobalTempView" if first:
                self.session.local_views.add(f"global_temp.{first.lower()}")
            case "setCurrentCatalog" if first:
                self.session.catalog, self.session.schema = first, "default"
            case "setCurrentDatabase" if first:
                parts = first.split(".")
                if len(parts) == 2:
                    self.session.catalog = parts[0]
                self.session.schema = parts[-1]
            case "create_sink" if len(given.arguments) > 2 or "options" in given.named:
                options = given.first(2, "options", None)
                if isinstance(options, dict):
                    if "tableName" in options:
                        self._table(text_of(options["tableName"]), WRITE, given.called)
                    if "path" in options:
                        self.touch_path(text_of(options["path"]), WRITE, given.called)

    def _statement_session(self, given: _Given, callee: External) -> Session:
        """The session that a statement runs in: a connection has its own names."""
        if "statement_execution" in callee.chain:
            catalog, schema = (text_of(given.named.get(k, "")) for k in ("catalog", "schema"))
            return Session(catalog=catalog, schema=schema)
        return self.session

    # -- SQL ---------------------------------------------------------------------------------------

    def _read_sql(self, text: str, given: _Given, session: Session) -> None:
        line, column, is_point = given.sql_place()
        parameters = _sql_parameters(given.arguments, given.named)
        for one in sql_accesses(
            text,
            file=self.file,
            line=line,
            column=column,
            is_point=is_point,
            session=session,
            parameters=parameters,
        ):
            if one.full_name != "None":  # an argument that some caller leaves out
                self.found.append(one)

    def _other_sql(self, callee: External, given: _Given) -> None:
        """SQL handed to a connection, or to a session of unknown origin."""
        if any(name in callee.chain for name in OTHER_DATABASES):
            return
        values = given.value(0, "statement") or given.value(0, "operation") or given.value(0, "sql")
        is_open = callee.chain.startswith("?") or "connect" in callee.chain
        for value, at in values:
            for text in texts_of(value):
                if LOOKS_LIKE_SQL.match(text):
                    session = Session()
                    if callee.subject.startswith("session:"):
                        session.catalog, _, session.schema = callee.subject[8:].partition(".")
                    elif callee.last == "sql":
                        session = self.session
                    before = len(self.found)
                    self._read_sql(text, given, session)
                    if callee.last not in SURELY_SQL:
                        # Of a call that may be something else only what is named in full counts.
                        self.found[before:] = [
                            one for one in self.found[before:] if not one.full_name.startswith("?")
                        ]
                elif text.startswith(HOLE) and is_open and callee.last in {"sql", "execute"}:
                    self._add(
                        Securable.TABLE, "?", WRITE, at, "SQL that is put together while it runs"
                    )

    # -- the net below the tables ------------------------------------------------------------------

    def _net(self, chain: str, given: _Given) -> None:
        """A call that is not known, handed something that is governed."""
        words = chain.replace("()", "").split(".")
        last = words[-1]
        if last in QUIET_LAST or words[0] in QUIET_FIRST or last.endswith(("Error", "Exception")):
            return
        in_shell = chain.startswith(tuple(SHELLS)) or any(one in chain for one in OTHER_DATABASES)
        for value, at, keyword in given.everything():
            for name, one in _leaves(value, keyword):
                for text in texts_of(one):
                    self._net_text(text, at, name, in_shell)
        keys = given.named
        if isinstance(keys.get("catalog_name"), str) and isinstance(keys.get("schema_name"), str):
            name = f"{keys['catalog_name']}.{keys['schema_name']}"
            self._doubt(Securable.SCHEMA, name, given.place_of("schema_name"))

    def _net_text(self, text: str, at: At, keyword: str, in_shell: bool) -> None:
        if found := REST_NAME.search(text):
            self._doubt(REST_KINDS[found["kind"]], found["name"], at)
        elif keyword == "statement" and LOOKS_LIKE_SQL.match(text):
            self.found += sql_accesses(
                text, file=self.file, line=at[0], column=at[1], is_point=True, session=Session()
            )
        elif in_shell:
            for found in VOLUME_IN_TEXT.finditer(text):
                self.doubt_path(found[0], at)
        elif text.startswith(GOVERNED):
            self.doubt_path(text, at)
        elif text.startswith("models:/") and text.count(".") >= 2:
            name = text.removeprefix("models:/").lstrip("/").split("@")[0].split("/")[0]
            self._doubt(Securable.MODEL, name, at)
        elif keyword in NAMING_KEYWORDS and FULL_NAME.fullmatch(text):
            self._doubt(NAMING_KEYWORDS[keyword], _unquoted(text), at)

    def doubt_path(self, path: str, at: At) -> None:
        self.found.append(replace(path_access(path, READ, self.file, *at), doubt=DOUBT))

    def _doubt(self, securable: Securable, name: str, at: At) -> None:
        self._add(securable, name, READ, at)
        self.found[-1] = replace(self.found[-1], doubt=DOUBT)

    # -- recording ---------------------------------------------------------------------------------

    def touch(self, securable: Securable, name: str, mode: Mode, at: At) -> None:
        self._add(securable, name, mode, at, PART_UNKNOWN if HOLE in name else "")

    def _add(self, securable: Securable, name: str, mode: Mode, at: At, reason: str = "") -> None:
        self.found.append(
            Access(
                securable=securable,
                full_name=name.replace(HOLE, "?"),
                mode=mode,
                file=self.file,
                line=at[0],
                column=at[1],
                reason=reason,
            )
        )

    def touch_path(self, path: str, mode: Mode, at: At) -> None:
        """Only paths that may lie in a volume or a store count; a task's own disk doesn't."""
        if path.startswith((*GOVERNED, HOLE)):
            self.found.append(path_access(path, mode, self.file, *at))

    def unknown(self, line: int, reason: str, name: str = "?", column: int = 1) -> None:
        self._add(Securable.PATH, name, WRITE, (line, column), reason)


HANDLES: Final = frozenset({"table", "path", "index"})


class _Given:
    """The arguments of one call, with the places where they are written."""

    def __init__(self, arguments: list[Known], named: dict[str, Known], node: ast.Call) -> None:
        self.arguments, self.named, self.node = arguments, named, node
        end = getattr(node.func, "end_lineno", None) or node.lineno
        column = getattr(node.func, "end_col_offset", None) or node.col_offset
        name = getattr(node.func, "attr", getattr(node.func, "id", ""))
        self.called: At = (end, max(column - len(name), 0) + 1)

    def place(self, position: int) -> At:
        if any(isinstance(one, ast.Starred) for one in self.node.args[: position + 1]):
            return self.called
        if position < len(self.node.args):
            return _place(self.node.args[position])
        return self.called

    def place_of(self, keyword: str) -> At:
        for one in self.node.keywords:
            if one.arg == keyword:
                return _place(one.value)
        return self.called

    def value(self, position: int, keyword: str) -> list[tuple[Known, At]]:
        if keyword and keyword in self.named:
            return [(self.named[keyword], self.place_of(keyword))]
        if position < len(self.arguments):
            return [(self.arguments[position], self.place(position))]
        return []

    def all_from(self, position: int) -> list[tuple[Known, At]]:
        return [(one, self.place(at)) for at, one in enumerate(self.arguments) if at >= position]

    def first(self, position: int, keyword: str, default: Known) -> Known:
        found = self.value(position, keyword)
        return found[0][0] if found else default

    def everything(self) -> Iterator[tuple[Known, At, str]]:
        for at, value in enumerate(self.arguments):
            yield value, self.place(at), ""
        for keyword, value in self.named.items():
            yield value, self.place_of(keyword), keyword

    def sql_place(self) -> tuple[int, int, bool]:
        """Where the text of a statement begins; whether it is written elsewhere."""
        nodes = [
            one.value
            for one in self.node.keywords
            if one.arg in {"sqlQuery", "statement", "sql", "operation", "sql_function_body"}
        ]
        node = (self.node.args or nodes or [self.node])[0]
        line, column = _place(node)
        literal, dropped = _literal_inside(node)
        if literal is None or _has_lines_of_its_own(literal):
            return line, column, True
        # The first line begins behind the quotes; how many there are isn't in the tree.
        return literal.lineno + dropped, literal.col_offset + 1, False


def _place(node: ast.expr) -> At:
    return node.lineno, node.col_offset + 1


def _has_lines_of_its_own(literal: ast.expr) -> bool:
    """Lines of the text that are none of the file: `"\\n"` in it."""
    parts = literal.values if isinstance(literal, ast.JoinedStr) else [literal]
    texts = [one.value for one in parts if isinstance(one, ast.Constant)]
    lines = sum(text.count("\n") for text in texts if isinstance(text, str))
    return lines > (literal.end_lineno or literal.lineno) - literal.lineno


KEEPS_LINES: Final = frozenset({"format", "format_map", "replace", "substitute", "rstrip", "lower"})
STRIPS: Final = frozenset({"strip", "lstrip"})
WRAPPERS: Final = frozenset({"dedent", "text", "Template"})


def _literal_inside(node: ast.expr) -> tuple[ast.expr | None, int]:
    """The string that an argument is, or is made of by `.format(…)`, `.strip()`, `dedent(…)`; and
    how many lines of it are dropped at its start."""
    match node:
        case ast.Constant() | ast.JoinedStr():
            return node, 0
        case ast.Call(func=ast.Attribute(value=inner, attr=name)) if name in KEEPS_LINES:
            return _literal_inside(inner)
        case ast.Call(func=ast.Attribute(value=inner, attr=name)) if name in STRIPS:
            literal, dropped = _literal_inside(inner)
            return literal, dropped + _leading_lines(literal)
        case ast.Call(args=[first, *_]):
            name = getattr(node.func, "attr", getattr(node.func, "id", ""))
            if name in WRAPPERS:
                return _literal_inside(first)
            if name == "cleandoc":
                literal, dropped = _literal_inside(first)
                return literal, dropped + _leading_lines(literal)
            return None, 0
        case ast.BinOp(left=left):
            return _literal_inside(left)
        case _:
            return None, 0


def _leading_lines(node: ast.expr | None) -> int:
    first = node.values[0] if isinstance(node, ast.JoinedStr) and node.values else node
    text = first.value if isinstance(first, ast.Constant) else ""
    if not isinstance(text, str):
        return 0
    return text[: len(text) - len(text.lstrip())].count("\n")


def _flat(value: Known) -> Iterable[Known]:
    items = items_of(value) if isinstance(value, list | tuple) else None
    if items is None:
        return [value]
    return [leaf for one in items[:50] for leaf in _flat(one)]


def _leaves(value: Known, keyword: str, depth: int = 0) -> Iterator[tuple[str, Known]]:
    """Every value within lists and mappings, with the key that it stands under."""
    if isinstance(value, dict) and depth < 5:
        for key, one in list(value.items())[:50]:
            yield from _leaves(one, str(key), depth + 1)
    elif isinstance(value, list | tuple) and depth < 5:
        for one in value[:50]:
            yield from _leaves(one, keyword, depth + 1)
    else:
        yield keyword, value


def _unquoted(name: str) -> str:
    return name.replace("`", "").strip()


def open_mode(mode: str) -> Mode:
    return WRITE if set(mode.split(":", maxsplit=1)[0]) & set("wax+") else READ


def _sql_parameters(arguments: list[Known], named: dict[str, Known]) -> dict[str, str]:
    """Parameters of `spark.sql(text, args={…})` and `sql(text, name=…)`, where they are known."""
    given = named.get("args", named.get("parameters", arguments[1] if len(arguments) > 1 else None))
    found = {str(k): v for k, v in given.items()} if isinstance(given, dict) else {}
    texts = {k: text_of(v) for k, v in {**named, **found}.items() if isinstance(v, str | PathText)}
    frames = {k: f"{LOCAL}{k}" for k, v in named.items() if isinstance(v, External)}
    return texts | frames

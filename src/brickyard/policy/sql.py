"""What SQL text reads and writes, by sqlglot's Databricks dialect.

Statement by statement: known parameters are filled in, statements that the parser keeps as text are
read by their heads (`sql_heads`), all others are parsed. Holes in the text (parts that a program
fills in with what can't be known here) are written as `HOLE`; a name with a hole comes out as an
access whose reason says so. A statement that isn't understood is an unknown access, never silence.
"""

from __future__ import annotations

import logging
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from functools import partial
from typing import Any, Final

from brickyard.policy.accesses import Access, Mode, Securable
from brickyard.policy.sql_heads import HARMLESS, HEADS, KINDS, OUTSIDE, PREFIX, SPELLINGS, Head
from brickyard.policy.sql_places import STORES, Origin, path_access
from brickyard.policy.sql_session import HOLE, Session, constant, filled, identified
from brickyard.policy.sql_text import Text, closing, statements

__all__ = ["HOLE", "Session", "accesses", "path_access"]

READ, WRITE = Mode.READ, Mode.WRITE
SET_CATALOG: Final = re.compile(r"(?:USE|SET)\s+CATALOG\s+['\"`]?([\w]+|`[^`]+`)", re.IGNORECASE)
USE: Final = re.compile(
    r"USE\s+(?:SCHEMA\s+|DATABASE\s+)?(`[^`]+`|\w+)(?:\.(`[^`]+`|\w+))?\s*$", re.IGNORECASE
)
DECLARE: Final = re.compile(
    r"DECLARE\s+(?:OR\s+REPLACE\s+)?(?:VAR(?:IABLE)?\s+)?(\w+)\b.*?(?:DEFAULT|=)\s*(.+?)\s*$",
    re.IGNORECASE | re.DOTALL,
)
SET_VARIABLE: Final = re.compile(
    r"SET\s+(?:VAR(?:IABLE)?\s+)(\w+)\s*=\s*\(?(.+?)\)?\s*$", re.IGNORECASE | re.DOTALL
)
SET_SETTING: Final = re.compile(r"SET\s+([\w.]+)\s*=\s*(\S+)\s*$", re.IGNORECASE)
EXECUTE: Final = re.compile(
    r"EXECUTE\s+IMMEDIATE\s+((?:'(?:\\.|''|[^'\\])*'|\"[^\"]*\"|[^'\"])+?)"
    r"(?:\s+(?:USING|INTO)\s+.*)?$",
    re.IGNORECASE | re.DOTALL,
)
WIDGET: Final = re.compile(
    r"CREATE\s+WIDGET\s+\w+\s+`?(\w+)`?\s+DEFAULT\s+(['\"])(.*?)\2", re.IGNORECASE | re.DOTALL
)
QUERY: Final = re.compile(r"\(\s*(?:SELECT|WITH|FROM)\b", re.IGNORECASE)
END: Final = re.compile(
    r"END(?:\s+(?:IF|FOR|WHILE|LOOP|REPEAT|CASE))?(?:\s+\w+)?|(?:LEAVE|ITERATE)\s+\w+",
    re.IGNORECASE,
)
LOCATION: Final = re.compile(r"\bLOCATION\s+'([^']+)'", re.IGNORECASE)
OPTION: Final = re.compile(
    r"\bOPTIONS\s*\([^)]*?\bpath\W{0,2}\s*=?\s*['\"]([^'\"]+)", re.IGNORECASE
)
VIEW: Final = re.compile(
    r"CREATE\s+(?:OR\s+REPLACE\s+)?(?:(?:GLOBAL\s+)?TEMP(?:ORARY)?\s+)?VIEW\b", re.IGNORECASE
)
NAMED_TABLES: Final = frozenset({"table_changes", "get_lineage", "event_log"})
PATH_FUNCTIONS: Final = frozenset({"read_files", "cloud_files", "list", "read_csv", "read_json"})


def accesses(
    text: str,
    *,
    file: str,
    line: int = 1,
    column: int = 1,
    is_point: bool = False,
    session: Session | None = None,
    parameters: Mapping[str, Any] | None = None,
) -> list[Access]:
    """Every access of the statements in `text`, which starts at `line` and `column` of `file`.

    `is_point`: the text is written elsewhere; every access is blamed on that one place.
    """
    state, given = session or Session(), parameters or {}
    origin = Origin(file, line, column, is_point)
    if text.strip() == HOLE:
        reason = "SQL that is put together while it runs"
        return [origin.access(Securable.TABLE, "?", WRITE, (line, column), reason)]
    found: list[Access] = []
    for one in statements(Text(text)):
        # As each statement may set what the next one is filled with, this is done one by one.
        ready = identified(filled(one, given, state), given, state)
        found.extend(_Statement(ready, text, origin, state, given).read())
    return found


@dataclass(slots=True)
class _Statement:
    """One statement and where it stands in `source`."""

    text: Text
    source: str
    origin: Origin
    session: Session
    parameters: Mapping[str, Any]

    def read(self) -> Iterator[Access]:
        yield from self._strip_prefixes()
        written = self.text.text.strip()
        if not written or END.fullmatch(written):
            return
        if self._settles(written):
            yield from self._asked(self.text)
            return
        if found := EXECUTE.match(written):
            yield from self._execute(found[1])
            return
        for head in HEADS:
            if (match := head.pattern.match(self.text.text)) and self._fits(head, match):
                yield from self._by_head(head, match)
                return
        yield from self._parsed()

    def _strip_prefixes(self) -> Iterator[Access]:
        """Take off what stands before a statement; the queries in it are read all the same."""
        while (found := PREFIX.match(self.text.text)) and found.end():
            if found["query"]:
                yield from self._other(self.text.part(*found.span("query")))
            elif found["condition"]:
                yield from self._asked(self.text.part(*found.span("condition")))
            self.text = self.text.part(found.end(), len(self.text.text))
        for pattern, new in SPELLINGS:
            self.text = self.text.replaced(pattern, partial(_expanded, new))

    def _other(self, text: Text) -> Iterator[Access]:
        """What another statement within this one touches."""
        return _Statement(text, self.source, self.origin, self.session, self.parameters).read()

    def _asked(self, text: Text) -> Iterator[Access]:
        """The queries in parentheses: all that a condition or a variable's value can touch."""
        position = 0
        for found in QUERY.finditer(text.text):
            end = closing(text.text, found.start())
            if found.start() >= position:
                position = end if end >= 0 else len(text.text)
                yield from self._other(text.part(found.start() + 1, position))

    # -- what later statements depend on -----------------------------------------------------------

    def _settles(self, written: str) -> bool:
        state = self.session
        if found := SET_CATALOG.match(written):
            state.catalog, state.schema = _plain(found[1]), "default"
        elif found := USE.match(written):
            if found[2]:
                state.catalog, state.schema = _plain(found[1]), _plain(found[2])
            else:
                state.schema = _plain(found[1])
        elif found := DECLARE.match(written) or SET_VARIABLE.match(written):
            state.variables[found[1].lower()] = constant(found[2], self.parameters, state)
        elif found := WIDGET.match(written):
            state.settings.setdefault(found[1], found[3])
        elif found := SET_SETTING.match(written):
            state.settings[found[1]] = found[2].strip("'\"")
        else:
            return False
        return True

    def _execute(self, expression: str) -> Iterator[Access]:
        text = constant(expression, self.parameters, self.session)
        at = self._at(0)
        yield from accesses(
            text,
            file=self.origin.file,
            line=at[0],
            column=at[1],
            is_point=True,
            session=self.session,
            parameters=self.parameters,
        )

    # -- by the first words ------------------------------------------------------------------------

    def _fits(self, head: Head, match: re.Match[str]) -> bool:
        """A row without a kind that hands on the rest is for what the parser doesn't take."""
        if not head.parses_rest or "kind" not in head.pattern.groupindex:
            return True
        return not _parses(self.text.text)

    def _by_head(self, head: Head, match: re.Match[str]) -> Iterator[Access]:
        groups = match.groupdict()
        word = " ".join((groups.get("kind") or "TABLE").upper().split())
        kind = head.kind or KINDS.get(word, Securable.TABLE)
        if groups.get("name") and (head.kind or word not in OUTSIDE):
            name = self._named(groups["name"])
            if name and not self.session.is_local(name):
                found = self._touch(kind, name, head.mode, match.start("name"))
                yield replace(found, doubt=head.doubt) if head.doubt else found
        if groups.get("path"):
            mode = READ if groups.get("name") else head.mode
            yield self._touch(Securable.PATH, groups["path"], mode, match.start("path"))
        if groups.get("other"):
            mode = WRITE if "RENAME" in match[0].upper() else READ
            name = self._named(groups["other"])
            if name and not self.session.is_local(name):
                yield self._touch(kind, name, mode, match.start("other"))
        yield from self._lies_at()
        if head.parses_rest:
            rest = self.text.part(match.end(), len(self.text.text))
            if body := re.match(r"\s*(?:AS\s*)?\$\$", rest.text, re.IGNORECASE):
                yield from self._body(rest.part(body.end(), len(rest.text)))
                return
            text = re.sub(r"^\s*AS\b", lambda m: " " * len(m[0]), rest.text, flags=re.IGNORECASE)
            yield from self._other(Text(text, rest.pieces))

    def _body(self, body: Text) -> Iterator[Access]:
        """What stands between `$$`: Python reads no table, a metric view names its sources."""
        for found in re.finditer(
            r"(?m)^\s*(?:-\s*)?source:\s*([\w.`]+)\s*(?:\$\$\s*)?$", body.text
        ):
            name = self._named(found[1])
            at = self.origin.place(self.source, body.written(found.start(1)))
            yield self.origin.access(Securable.TABLE, name, READ, at)

    # -- by the parser -----------------------------------------------------------------------------

    def _parsed(self) -> Iterator[Access]:
        tree = _parse(self.text.text)
        if tree is None or type(tree).__name__ == "Command":
            if HARMLESS.match(self.text.text):
                yield from self._asked(self.text)
            else:
                yield from self._not_understood()
            return
        yield from self._lies_at()
        yield from self._walk(tree)

    def _lies_at(self) -> Iterator[Access]:
        """The path at which what is created lies: a view only reads there."""
        mode = READ if VIEW.match(self.text.text) else WRITE
        for pattern in (LOCATION, OPTION):
            if found := pattern.search(self.text.text):
                yield self._touch(Securable.PATH, found[1], mode, found.start(1))

    def _walk(self, tree: Any) -> Iterator[Access]:
        from sqlglot import exp

        inner = tree.find_all(exp.Insert, exp.Merge, exp.Update, exp.Delete)  # of a procedure
        targets = [
            one for node in (tree, *(n for n in inner if n is not tree)) for one in _targets(node)
        ]
        written = {id(node) for node, _, _ in targets}
        ctes = {cte.alias_or_name.lower() for cte in tree.find_all(exp.CTE)}
        for node, securable, is_local in targets:
            name = self._name(node)
            if is_local:
                self.session.local_views.add(name.lower())
            elif name:
                yield self._touch(securable, name, WRITE, _offset(node))
        for node in tree.find_all(exp.Table):
            if id(node) not in written:
                yield from self._read(node, ctes)
        yield from self._functions(tree)
        is_quiet = isinstance(
            tree,
            exp.Query
            | exp.Values
            | exp.Describe
            | exp.Show
            | exp.Set
            | exp.Cache
            | exp.Uncache
            | exp.Use,
        )
        if not targets and not is_quiet:
            yield from self._not_understood()

    def _read(self, node: Any, ctes: set[str]) -> Iterator[Access]:
        from sqlglot import exp

        at = _offset(node)
        if isinstance(node.this, exp.Func) and not isinstance(node.this, exp.Identifier):
            yield from self._table_function(node, at)
            return
        name = self._name(node)
        short = name.lower()
        is_live = str(node.args.get("db") or "").upper() == "LIVE"  # of the pipeline itself
        if not name or is_live or self.session.is_local(name):
            return
        if short in ctes or (node.name.lower() in ctes and not node.args.get("db")):
            return
        yield self._touch(Securable.TABLE, name, READ, at)

    def _table_function(self, node: Any, at: int) -> Iterator[Access]:
        """Functions in a FROM: some name a path, a table or an index, others are the user's."""
        from sqlglot import exp

        name = node.this.name.lower()
        if node.args.get("db"):
            full = ".".join(part.name for part in node.parts if part.name)
            yield self._touch(Securable.FUNCTION, full, READ, at)
            return
        given = list(node.this.expressions)
        first = given[0] if given else None
        named = {one.this.name.lower(): one.expression for one in given if _is_keyword(one)}
        if name in PATH_FUNCTIONS:
            path = named.get("path", first)
            text = _literal(path) if path is not None else HOLE
            yield self._touch(Securable.PATH, text, READ, max(self.text.text.find(text), at))
        elif name in NAMED_TABLES and first is not None:
            text = _literal(first)
            if isinstance(first, exp.Anonymous):  # event_log(TABLE(a.b.c))
                text = first.expressions[0].sql() if first.expressions else HOLE
            yield self._touch(Securable.TABLE, self._named(text), READ, at)
        elif name == "vector_search_":
            index = named.get("index", first)
            text = _literal(index) if index is not None else HOLE
            yield self._touch(Securable.INDEX, text, READ, at)

    def _functions(self, tree: Any) -> Iterator[Access]:
        """Calls of functions by their full name, and tables handed to a function."""
        from sqlglot import exp

        for node in tree.find_all(exp.Dot):
            if isinstance(node.expression, exp.Anonymous | exp.Func):
                parts = _dotted(node)
                if len(parts) == 3:
                    yield self._touch(Securable.FUNCTION, ".".join(parts), READ, _offset(node))
        for node in tree.find_all(exp.Anonymous):
            called = str(node.this).upper()
            if called == "TABLE" and node.expressions:
                name = self._named(node.expressions[0].sql())
                yield self._touch(Securable.TABLE, name, READ, _offset(node))
            elif called == "AI_QUERY" and node.expressions:
                first = node.expressions[0]
                endpoint = first.expression if _is_keyword(first) else first
                yield self._touch(Securable.ENDPOINT, _literal(endpoint), READ, _offset(node))

    def _not_understood(self) -> Iterator[Access]:
        """What the parser refuses: the names in it that can be told, and the statement itself."""
        text = self.text.text
        for found in re.finditer(
            r"\b(INTO|FROM|JOIN|UPDATE|TABLE|VIEW|USING)\s+((?:`[^`]+`|\w+)(?:\.(?:`[^`]+`|\w+)){2})",
            text,
            re.IGNORECASE,
        ):
            writes = found[1].upper() in {"INTO", "UPDATE", "TABLE", "VIEW"}
            writes = (
                writes or re.match(r"DELETE\s+FROM", text[found.start() - 7 :], re.I) is not None
            )
            name = self._named(found[2])
            yield self._touch(Securable.TABLE, name, WRITE if writes else READ, found.start(2))
        first = text.strip().splitlines()[0][:120] if text.strip() else ""
        reason = "a statement that is not understood"
        yield self.origin.access(Securable.TABLE, first, WRITE, self._at(0), reason)

    # -- names and places --------------------------------------------------------------------------

    def _touch(self, securable: Securable, name: str, mode: Mode, offset: int) -> Access:
        at = self._at(offset)
        if securable is Securable.PATH or name.startswith(STORES):
            return path_access(name, mode, self.origin.file, *at)
        return self.origin.access(securable, name, mode, at)

    def _at(self, offset: int) -> tuple[int, int]:
        return self.origin.place(self.source, self.text.written(offset))

    def _named(self, written: str) -> str:
        parts = [_plain(part) for part in re.findall(r"`[^`]+`|[^.`]+", written)]
        if len(parts) == 2 and parts[1].startswith(STORES):
            return parts[1]
        return self.session.full(parts)

    def _name(self, node: Any) -> str:
        """The full name of a table node."""
        parts = [part.name for part in node.parts if part.name]
        if len(parts) == 2 and parts[1].startswith(STORES):  # delta.`/path`
            return str(parts[1])
        return self.session.full(parts)


def _targets(tree: Any) -> Iterator[tuple[Any, Securable, bool]]:
    """(node, kind, is a session-local view) of everything that a statement writes."""
    from sqlglot import exp

    if isinstance(tree, exp.Create):
        kind = KINDS.get(str(tree.kind or "").upper(), Securable.TABLE)
        properties = tree.args.get("properties")
        local = any(
            isinstance(one, exp.TemporaryProperty)
            for one in (properties.expressions if properties is not None else ())
        )
        node = tree.this.find(exp.Table) if tree.this is not None else None
        if node is not None:
            yield node, kind, local
    elif isinstance(tree, exp.MultitableInserts):
        for one in tree.expressions:
            yield from _targets(one)
    elif isinstance(tree, exp.Insert | exp.Merge | exp.Update | exp.Delete | exp.Alter):
        node = tree.this if isinstance(tree.this, exp.Table) else None
        node = node or (tree.this.find(exp.Table) if tree.this is not None else None)
        if node is not None:
            yield node, Securable.TABLE, False
    elif isinstance(tree, exp.TruncateTable | exp.Drop):
        for one in tree.args.get("expressions") or [tree.this]:
            node = one.find(exp.Table) if one is not None else None
            if node is not None:
                yield node, Securable.TABLE, False


def _parse(text: str) -> Any:
    """The tree of one statement, or None."""
    import sqlglot  # 40 ms: only when there is SQL to read
    from sqlglot.errors import SqlglotError

    logging.getLogger("sqlglot").setLevel(logging.CRITICAL)  # its fall-backs are our findings
    try:
        found = [one for one in sqlglot.parse(text, read="databricks") if one is not None]
    except (SqlglotError, RecursionError, ValueError):
        return None
    return found[0] if len(found) == 1 else None


def _parses(text: str) -> bool:
    tree = _parse(text)
    return tree is not None and type(tree).__name__ != "Command"


def _offset(node: Any) -> int:
    """Where a node's name begins within the statement."""
    from sqlglot import exp

    starts = [
        int(one.meta["start"]) for one in node.find_all(exp.Identifier) if "start" in one.meta
    ]
    if not starts:
        starts = [int(one.meta["start"]) for one in node.walk() if "start" in one.meta]
    return min(starts, default=0)


def _dotted(node: Any) -> list[str]:
    """The names of `a.b.f(…)`."""
    from sqlglot import exp

    left = node.this
    before = _dotted(left) if isinstance(left, exp.Dot) else [left.name]
    return [*before, str(node.expression.name)]


def _literal(node: Any) -> str:
    from sqlglot import exp

    if isinstance(node, exp.Column) and node.this.args.get("quoted"):
        return str(node.name)  # "text": a string, whatever the parser takes it for
    return str(node.name) if isinstance(node, exp.Literal) and node.is_string else HOLE


def _is_keyword(node: Any) -> bool:
    from sqlglot import exp

    return isinstance(node, exp.Kwarg)


def _plain(name: str) -> str:
    return name.strip().strip("`").strip()


def _expanded(new: str, match: re.Match[str]) -> str:
    return match.expand(new) if "\\" in new else new

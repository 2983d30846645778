"""What SQL text reads and writes, by sqlglot's Databricks dialect.

Holes in the text (parts that a program fills in with what can't be known here) are written as
`HOLE`; a name with a hole comes out as an access whose reason says that it is unknown. A statement
that the parser doesn't understand is an unknown access too, never silence.
"""

from __future__ import annotations

import logging
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from brickyard.policy.accesses import Access, Mode, Securable

HOLE = "__unknown__"
HARMLESS_COMMANDS = frozenset({"SHOW", "DESCRIBE", "EXPLAIN", "SET", "CACHE", "UNCACHE", "REFRESH"})
KINDS = {
    "TABLE": Securable.TABLE,
    "VIEW": Securable.TABLE,
    "MATERIALIZED VIEW": Securable.TABLE,
    "STREAMING TABLE": Securable.TABLE,
    "SCHEMA": Securable.SCHEMA,
    "DATABASE": Securable.SCHEMA,
    "CATALOG": Securable.CATALOG,
    "VOLUME": Securable.VOLUME,
    "FUNCTION": Securable.FUNCTION,
}


@dataclass(slots=True)
class Session:
    """What earlier statements settle for later ones: current names and local views."""

    catalog: str = ""
    schema: str = ""
    local_views: set[str] = field(default_factory=set)

    def full(self, parts: list[str]) -> str:
        if len(parts) == 2 and self.catalog:
            return ".".join([self.catalog, *parts])
        if len(parts) == 1 and self.catalog and self.schema:
            return ".".join([self.catalog, self.schema, *parts])
        return ".".join(parts)


def accesses(
    text: str,
    *,
    file: str,
    line: int = 1,
    session: Session | None = None,
    parameters: Mapping[str, Any] | None = None,
) -> list[Access]:
    """Every access of the statements in `text`, which starts at `line` of `file`."""
    import sqlglot  # 40 ms: only when there is SQL to read
    from sqlglot.errors import SqlglotError

    if text.strip() == HOLE:
        return [_At(file=file, line=line).unknown(HOLE, "SQL that is put together while it runs")]
    logging.getLogger("sqlglot").setLevel(logging.CRITICAL)  # its fall-backs are our findings
    state = session or Session()
    at = _At(file=file, line=line)
    try:
        statements = sqlglot.parse(_plain_parameters(text), read="databricks")
    except (SqlglotError, RecursionError) as fault:
        return [
            at.unknown(_first_line(text), f"SQL that can't be parsed: {_first_line(str(fault))}")
        ]
    found: list[Access] = []
    for statement in statements:
        if statement is not None:
            found.extend(_statement(statement, at, state, parameters or {}))
    return found


@dataclass(frozen=True, slots=True)
class _At:
    file: str
    line: int

    def access(self, securable: Securable, name: str, mode: Mode, line: int = 1) -> Access:
        reason = "part of the name is computed while it runs" if HOLE in name else ""
        return Access(
            securable=securable,
            full_name=name.replace(HOLE, "?"),
            mode=mode,
            file=self.file,
            line=self.line + line - 1,
            reason=reason,
        )

    def unknown(self, name: str, reason: str, mode: Mode = Mode.WRITE) -> Access:
        return Access(
            securable=Securable.TABLE,
            full_name=name.replace(HOLE, "?"),
            mode=mode,
            file=self.file,
            line=self.line,
            reason=reason,
        )


def _statement(
    statement: Any, at: _At, state: Session, parameters: Mapping[str, Any]
) -> Iterator[Access]:
    from sqlglot import exp

    if isinstance(statement, exp.Use):
        _use(statement, state)
        return
    if isinstance(statement, exp.Command):
        yield from _command(statement, at, state)
        return
    targets = list(_targets(statement, state))
    target_ids = {id(node) for node, _, _ in targets}
    ctes = {cte.alias_or_name.lower() for cte in statement.find_all(exp.CTE)}
    for node, securable, is_local in targets:
        name, line = _name(node, state, parameters)
        if is_local:
            state.local_views.add(name.lower())
        elif name:
            yield at.access(securable, name, Mode.WRITE, line)
    for node in statement.find_all(exp.Table):
        if id(node) in target_ids and not isinstance(statement, exp.Merge | exp.Update):
            continue
        if id(node) in target_ids:
            continue
        yield from _read(node, at, state, parameters, ctes)
    if not targets and not isinstance(
        statement, exp.Query | exp.Describe | exp.Show | exp.Set | exp.Cache | exp.Uncache
    ):
        yield at.unknown(statement.sql("databricks")[:80], "a statement whose target is not known")


def _targets(statement: Any, state: Session) -> Iterator[tuple[Any, Securable, bool]]:
    """(node, kind, is a session-local view) of everything that a statement writes."""
    from sqlglot import exp

    if isinstance(statement, exp.Create):
        kind = KINDS.get(str(statement.kind or "").upper(), Securable.TABLE)
        local = any(isinstance(p, exp.TemporaryProperty) for p in _properties(statement))
        node = statement.find(exp.Table)
        if isinstance(statement.this, exp.Schema | exp.UserDefinedFunction):
            node = statement.this.find(exp.Table)
        if node is not None:
            yield node, kind, local
    elif isinstance(statement, exp.Insert | exp.Merge | exp.Update | exp.Delete | exp.Alter):
        node = statement.this if isinstance(statement.this, exp.Table) else None
        node = node or (statement.this.find(exp.Table) if statement.this is not None else None)
        if node is not None:
            yield node, Securable.TABLE, False
    elif isinstance(statement, exp.Drop):
        kind = KINDS.get(str(statement.args.get("kind") or "").upper(), Securable.TABLE)
        nodes = statement.args.get("tables") or [statement.this]
        for one in nodes:
            table = one if isinstance(one, exp.Table) else one.find(exp.Table) if one else None
            if table is not None:
                yield table, kind, False
    elif isinstance(statement, exp.TruncateTable):
        for one in statement.expressions:
            yield one, Securable.TABLE, False
    elif isinstance(statement, exp.Grant | exp.Revoke):
        kind = KINDS.get(str(statement.args.get("kind") or "").upper(), Securable.TABLE)
        node = statement.args["securable"].find(exp.Table)
        if node is not None:
            yield node, kind, False
    elif isinstance(statement, exp.Comment) and isinstance(statement.this, exp.Table):
        yield statement.this, Securable.TABLE, False


def _properties(statement: Any) -> list[Any]:
    properties = statement.args.get("properties")
    return list(properties.expressions) if properties is not None else []


def _read(
    node: Any, at: _At, state: Session, parameters: Mapping[str, Any], ctes: set[str]
) -> Iterator[Access]:
    name, line = _name(node, state, parameters)
    if not name or name.lower() in ctes or name.lower() in state.local_views:
        return
    if name.startswith(("/", "dbfs:", "s3:", "abfss:", "gs:", "file:")):
        yield path_access(name, Mode.READ, at.file, at.line + line - 1)
        return
    yield at.access(Securable.TABLE, name, Mode.READ, line)


def _name(node: Any, state: Session, parameters: Mapping[str, Any]) -> tuple[str, int]:
    """The full name of a table node and its line within the text."""
    from sqlglot import exp

    first = node.find(exp.Identifier)
    line = int((first.meta.get("line") if first is not None else 1) or 1)
    inner = node.this
    if isinstance(inner, exp.Anonymous) and inner.name.upper() == "IDENTIFIER":
        return _identifier(inner.expressions[0], state, parameters), line
    if isinstance(inner, exp.Func) and not isinstance(inner, exp.Identifier):
        return _function(inner), line
    parts = [part.name for part in node.parts if part.name]
    if len(parts) == 2 and parts[1].startswith("/"):  # delta.`/path`
        return parts[1], line
    return state.full(parts), line


def _identifier(node: Any, state: Session, parameters: Mapping[str, Any]) -> str:
    from sqlglot import exp

    if isinstance(node, exp.Literal) and node.is_string:
        return state.full(node.name.split("."))
    if isinstance(node, exp.Placeholder | exp.Parameter):
        value = parameters.get(node.name)
        if isinstance(value, str):
            return state.full(value.split("."))
    return HOLE


def _function(node: Any) -> str:
    """A table function: `read_files('/Volumes/…')` names a path, others read nothing by name."""
    from sqlglot import exp

    if node.name.lower() in {"read_files", "cloud_files", "list"} and node.expressions:
        first = node.expressions[0]
        if isinstance(first, exp.Literal) and first.is_string:
            return str(first.name)
        return HOLE
    return ""


def _use(statement: Any, state: Session) -> None:
    kind = str(statement.args.get("kind") or "").upper()
    parts = [part.name for part in statement.this.parts if part.name]
    if kind == "CATALOG":
        state.catalog, state.schema = parts[0], "default"
    elif len(parts) == 2:
        state.catalog, state.schema = parts
    else:
        state.schema = parts[0]


def _command(statement: Any, at: _At, state: Session) -> Iterator[Access]:
    """Statements that sqlglot keeps as text: known verbs are read by hand, the rest is unknown."""
    verb = str(statement.this).upper()
    rest = statement.expression
    text = f"{verb} {rest if isinstance(rest, str) else getattr(rest, 'name', '')}"
    if verb in HARMLESS_COMMANDS:
        return
    if verb == "USE":
        words = text.split()
        name = words[-1].strip("`;")
        if len(words) > 2 and words[1].upper() == "CATALOG":
            state.catalog, state.schema = name, "default"
        return
    found = re.match(
        r"(OPTIMIZE|VACUUM|ANALYZE\s+TABLE|RESTORE\s+TABLE|MSCK\s+REPAIR\s+TABLE|COPY\s+INTO"
        r"|CREATE\s+(?:EXTERNAL\s+)?VOLUME(?:\s+IF\s+NOT\s+EXISTS)?"
        r"|DROP\s+VOLUME(?:\s+IF\s+EXISTS)?)\s+([\w.`]+)",
        text,
        re.IGNORECASE,
    )
    if found:
        kind = Securable.VOLUME if "VOLUME" in found[1].upper() else Securable.TABLE
        name = state.full([part.strip("`") for part in found[2].split(".")])
        yield at.access(kind, name, Mode.WRITE)
        return
    yield at.unknown(_first_line(text), "a statement that is not understood")


def path_access(path: str, mode: Mode, file: str, line: int) -> Access:
    """A file path as an access: of a volume where it lies in one."""
    parts = path.removeprefix("dbfs:").strip("/").split("/")
    if parts and parts[0] == "Volumes" and len(parts) >= 4 and HOLE not in "".join(parts[1:4]):
        name = ".".join(parts[1:4])
        return Access(securable=Securable.VOLUME, full_name=name, mode=mode, file=file, line=line)
    reason = "part of the path is computed while it runs" if HOLE in path else ""
    return Access(
        securable=Securable.PATH,
        full_name=path.replace(HOLE, "?"),
        mode=mode,
        file=file,
        line=line,
        reason=reason,
    )


def _plain_parameters(text: str) -> str:
    """`${name}` of notebooks and `{{name}}` of jobs are holes for the parser."""
    return re.sub(r"\$\{[^}]*\}|\{\{[^}]*\}\}", HOLE, text)


def _first_line(text: str) -> str:
    return text.strip().splitlines()[0][:120] if text.strip() else ""

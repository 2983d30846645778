"""Replacing the calls of Unity Catalog's functions, and of the workspace's own, in a statement.

A name without catalog and schema is a built-in function first, then one of the session's own, then
one of the current schema. A SQL function whose body its caller could not read is run as its owner
(`definers.py`).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING, Final, Protocol

from brickyard.workspace.catalog.routines import Routine
from brickyard.workspace.spark.accesses import Touched
from brickyard.workspace.spark.functions.calls import Argument, Call, calls, named
from brickyard.workspace.spark.functions.inlining import inlined
from brickyard.workspace.spark.functions.remote import Remote, remote
from brickyard.workspace.spark.refusals import Refusal

if TYPE_CHECKING:
    from brickyard.workspace.spark.definers import Definers
    from brickyard.workspace.spark.sessions import Caller

DEEPEST: Final = 20
USER_NAMES: Final = frozenset({"current_user", "session_user", "user"})
TAKES_A_SCHEMA: Final = frozenset({"from_json", "from_csv"})


class Hosted(Protocol):
    """Functions that the workspace itself offers in SQL (`ai_query`, `vector_search`)."""

    @property
    def names(self) -> frozenset[str]: ...

    def replacement(self, asked: HostedCall) -> str:
        """The text in the place of the call. What the engine must know goes to `touched`."""
        ...

    def secret(self, caller: Caller, scope: str, key: str) -> str:
        """What `secret('scope', 'key')` means to the caller. Raises ApiError."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class HostedCall:
    """`arguments` have no call of such functions any more; `parameters` are the statement's."""

    caller: Caller
    call: Call
    arguments: Sequence[Argument]
    parameters: Mapping[str, str]
    touched: Touched


@dataclass(frozen=True, slots=True, kw_only=True)
class Surroundings:
    """What an expansion needs to know, apart from the text."""

    routine: Callable[[str], Routine | None]
    columns: Callable[[str], Sequence[str]]
    parse: Callable[[str], object]
    own: frozenset[str]  # functions that the session registered
    hosted: Hosted | None
    caller: Caller
    definers: Definers | None = None


class Expansion:
    """Of the statements of one caller, seen from one schema."""

    def __init__(
        self,
        around: Surroundings,
        touched: Touched,
        *,
        catalog: str,
        schema: str,
        depth: int = 0,
    ) -> None:
        self._around = around
        self._touched = touched
        self._catalog = catalog
        self._schema = schema
        self._depth = depth
        self._parameters: Mapping[str, str] = {}

    def expand(self, sql: str, arguments: Mapping[str, str] | None = None) -> str:
        """The text with every such call replaced; the same text when there is none."""
        if self._around.caller.invoker is not None:
            sql = as_asked_by(self._around.caller.invoker.user_name, sql)
        if "(" not in sql:
            return sql
        self._parameters = arguments or self._parameters
        text = named(sql, self._parameters)
        changes: list[tuple[int, int, str]] = []
        behind = 0
        for call in calls(text):
            if call.start < behind:
                continue
            new = self._replacement(call)
            if new is not None:
                start, end = call.start, call.end
                if call.whole is not None and new.startswith("inline("):
                    start, end = call.whole
                    new = new.rpartition(" AS ")[0] or new
                changes.append((start, end, new))
                behind = end
        for start, end, new in reversed(changes):
            text = text[:start] + new + text[end:]
        return text

    def qualified(self, sql: str) -> str:
        """The text with the full names of the functions that are called: for what is kept."""
        changes = []
        for call in calls(sql):
            routine = self.routine(call.parts)
            if routine is not None and len(call.parts) < 3:
                full = ".".join(f"`{part}`" for part in routine.full_name.split("."))
                changes.append((call.start, call.name_end, full))
        for start, end, new in sorted(changes, reverse=True):
            sql = sql[:start] + new + sql[end:]
        return sql

    def _replacement(self, call: Call) -> str | None:
        hosted = self._around.hosted
        if hosted is not None and len(call.parts) == 1 and call.shown.lower() in hosted.names:
            inner = [Argument(name=one.name, text=self.expand(one.text)) for one in call.arguments]
            return hosted.replacement(
                HostedCall(
                    caller=self._around.caller,
                    call=call,
                    arguments=inner,
                    parameters=self._parameters,
                    touched=self._touched,
                )
            )
        if call.shown.lower() in TAKES_A_SCHEMA:
            return self._with_schema(call)
        routine = self.routine(call.parts)
        if routine is None and len(call.parts) > 1:
            raise Refusal(
                "UNRESOLVED_ROUTINE",
                f"Cannot resolve routine {call.shown}: there is no such function.",
                sql_state="42883",
            )
        if routine is None:
            return None
        self._touched.execute(routine.full_name)
        if self._depth >= DEEPEST:
            raise Refusal(
                "ROUTINE_RECURSION", f"{routine.full_name} calls itself.", sql_state="42P13"
            )
        if not routine.is_table and call.before in ("FROM", "JOIN"):
            raise Refusal(
                "NOT_A_TABLE_FUNCTION",
                f"{routine.full_name} gives one value and cannot stand after {call.before}.",
                sql_state="42887",
            )
        arguments = self._bound(routine, call)
        inside = self.inside(routine)
        definers = self._around.definers
        if routine.language != "SQL":
            text = self._remote(routine, arguments, remote_of(routine))
        elif definers is not None and definers.runs_function(routine):
            text = self._remote(routine, arguments, definers.function(routine))
        else:
            text = inlined(
                routine,
                inside.expand(routine.body),
                arguments,
                self._around.columns,
                self._around.parse,
            )
        return f"{text} AS `{routine.name}`" if routine.is_table and not call.is_aliased else text

    def _with_schema(self, call: Call) -> str | None:
        """The engine wants a literal where a statement may have a parameter."""
        given = call.arguments
        name = given[1].text.removeprefix(":").strip() if len(given) > 1 else ""
        if len(given) < 2 or not given[1].text.startswith(":") or name not in self._parameters:
            return None
        literal = self._parameters[name].replace("\\", "\\\\").replace("'", "\\'")
        texts = [self.expand(one.text) for one in given]
        texts[1] = f"'{literal}'"
        return f"{call.shown}({', '.join(texts)})"

    def _remote(self, routine: Routine, arguments: Sequence[str], made: Remote) -> str:
        self._touched.remotes[made.name] = made
        cast = [
            f"CAST({text} AS {one.type_text})"
            for one, text in zip(routine.parameters, arguments, strict=True)
        ]
        text = f"{made.name}({', '.join(cast) or 'true'})"
        return f"inline({text})" if routine.is_table else text

    def inside(self, routine: Routine) -> Expansion:
        """The same for the body of a function, seen from its schema."""
        catalog, schema, _ = routine.full_name.split(".")
        return Expansion(
            self._around, self._touched, catalog=catalog, schema=schema, depth=self._depth + 1
        )

    def is_called_in(self, sql: str) -> bool:
        """Whether the text calls any function that `expand` would replace."""
        hosted = self._around.hosted
        names = hosted.names if hosted is not None else frozenset()
        return "(" in sql and any(
            call.shown.lower() in names or self.routine(call.parts) is not None
            for call in calls(sql)
        )

    def routine(self, parts: tuple[str, ...]) -> Routine | None:
        """The function of the catalog that a name means here."""
        parts = tuple(part.lower() for part in parts)
        if len(parts) == 1 and (parts[0] in self._around.own or parts[0] in _built_in()):
            return None
        if len(parts) > 3:
            return None
        full = ".".join((self._catalog, self._schema)[: 3 - len(parts)] + parts)
        return self._around.routine(full)

    def _bound(self, routine: Routine, call: Call) -> list[str]:
        """One text per parameter, in their order."""
        given: dict[str, str] = {}
        for at, one in enumerate(call.arguments):
            if not one.name and at >= len(routine.parameters):
                raise wrong_number(routine, len(call.arguments))
            name = (one.name or routine.parameters[at].name).lower()
            if name in given:
                raise Refusal(
                    "DUPLICATE_ROUTINE_PARAMETER_ASSIGNMENT",
                    f"The parameter `{name}` of {routine.full_name} is given twice.",
                    sql_state="4274K",
                )
            given[name] = self.expand(one.text)
        known = {one.name.lower() for one in routine.parameters}
        if unknown := given.keys() - known:
            raise Refusal(
                "UNRECOGNIZED_PARAMETER_NAME",
                f"{routine.full_name} has no parameter `{min(unknown)}`. "
                f"It has: {', '.join(one.name for one in routine.parameters) or 'none'}.",
                sql_state="4274K",
            )
        bound = []
        for parameter in routine.parameters:
            name = parameter.name.lower()
            if name not in given and parameter.default is None:
                raise Refusal(
                    "REQUIRED_PARAMETER_NOT_FOUND",
                    f"Cannot invoke {routine.full_name}: the parameter `{parameter.name}` is "
                    "required, but no value was given.",
                    sql_state="4274K",
                )
            bound.append(
                given[name]
                if name in given
                else self.inside(routine).expand(str(parameter.default))
            )
        return bound


def remote_of(routine: Routine) -> Remote:
    """What the engine calls for a Python function."""
    asked = {"kind": "python", "function": routine.full_name, "digest": routine.digest}
    return remote(asked, routine.return_type, is_deterministic=routine.is_deterministic)


def as_asked_by(user: str, sql: str) -> str:
    """The text with a name for `current_user()` and the like: that of whoever asked."""
    from brickyard.workspace.spark.cursor import tokens_of

    tokens = tokens_of(sql)
    words = ["" if t.token_type.name == "STRING" else str(t.text).lower() for t in tokens]
    changes = []
    for at, word in enumerate(words):
        after = words[at + 1 : at + 3]
        is_call = after == ["(", ")"]
        is_named = at > 0 and words[at - 1] == "."
        is_quoted = sql[tokens[at].start] in "`\"'"
        if is_named or is_quoted or word not in USER_NAMES or not (is_call or word != "user"):
            continue
        end = tokens[at + 2 if is_call else at].end + 1
        escaped = user.replace("\\", "\\\\").replace("'", "\\'")
        changes.append((tokens[at].start, end, f"'{escaped}'"))
    for start, end, new in reversed(changes):
        sql = sql[:start] + new + sql[end:]
    return sql


def wrong_number(routine: Routine, given: int) -> Refusal:
    return Refusal(
        "WRONG_NUM_ARGS.WITHOUT_SUGGESTION",
        f"{routine.full_name} takes {len(routine.parameters)} arguments, but {given} were given.",
        sql_state="42605",
    )


@cache
def _built_in() -> frozenset[str]:
    """Functions of the dialect: a name without a schema means these first."""
    from sqlglot.dialects.databricks import Databricks

    return frozenset(name.lower() for name in Databricks.Parser.FUNCTIONS)

"""A SQL function's body in the place of its call: parameters become arguments, names become full.

Databricks resolves a name in a body first as a column of what the body reads, then as a parameter;
so does this. What an argument names is meant outside: one that a table of the body would capture
is refused rather than misread.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from brickyard.workspace.catalog.routines import Routine
from brickyard.workspace.spark.refusals import Refusal

# The columns of a table by full name; () when it is not known.
Columns = Callable[[str], Sequence[str]]


def inlined(
    routine: Routine, body: str, arguments: Sequence[str], columns: Columns, parse: Any
) -> str:
    """The text that stands for one call. `body` has no call of other functions any more."""
    text = substituted(routine, body, arguments, columns, parse)
    if not routine.is_table:
        return f"CAST(({text}) AS {routine.returns})"
    names = [f"`{one.name}`" for one in routine.columns]
    shown = ", ".join(
        f"CAST({name} AS {one.type_text}) AS {name}"
        for name, one in zip(names, routine.columns, strict=True)
    )
    return f"(SELECT {shown} FROM ({text}) AS `rows`({', '.join(names)}))"


def substituted(
    routine: Routine, body: str, arguments: Sequence[str], columns: Columns, parse: Any
) -> str:
    """The body alone, with arguments for parameters and full names."""
    tree = parse(body)
    given = {
        one.name.lower(): f"CAST({text} AS {one.type_text})"
        for one, text in zip(routine.parameters, arguments, strict=True)
    }
    sources = _Sources(routine, columns)
    _check_captures(routine, tree, arguments, sources, parse)
    changes = [*_parameters(routine, tree, given, sources), *sources.full_names(tree)]
    for start, end, new in sorted(changes, reverse=True):
        body = body[:start] + new + body[end:]
    return body


def _parameters(
    routine: Routine, tree: Any, given: Mapping[str, str], sources: _Sources
) -> list[tuple[int, int, str]]:
    from sqlglot import exp

    changes = []
    for column in tree.find_all(exp.Column):
        parts = [part for part in column.parts if isinstance(part, exp.Identifier)]
        if len(parts) != len(column.parts) or not parts:
            continue
        words = [part.name.lower() for part in parts]
        if len(parts) > 1 and words[0] == routine.name and words[1] in given:
            first, last, name = parts[0], parts[1], words[1]
        elif words[0] in given and not sources.holds(column, words):
            first = last = parts[0]
            name = words[0]
        else:
            continue
        changes.append((first.meta["start"], last.meta["end"] + 1, given[name]))
    return changes


def _check_captures(
    routine: Routine, tree: Any, arguments: Sequence[str], sources: _Sources, parse: Any
) -> None:
    from sqlglot import exp

    inside = sources.everything(tree)
    if not inside:
        return
    for text in arguments:
        for column in parse(text).find_all(exp.Column):
            if not column.table and column.name.lower() in inside:
                raise Refusal(
                    "AMBIGUOUS_REFERENCE",
                    f"The argument '{text}' of {routine.full_name} names a column that a table "
                    f"inside the function has too. Qualify it: alias.{column.name}.",
                    sql_state="42704",
                )


class _Sources:
    """What the queries of one body read from, and the columns that come with it."""

    def __init__(self, routine: Routine, columns: Columns) -> None:
        self._routine = routine
        self._columns = columns

    def holds(self, column: Any, words: Sequence[str]) -> bool:
        """Whether a name in the body is a column of, or the name of, something read around it."""
        from sqlglot import exp

        node = column
        while node is not None:
            if isinstance(node, exp.Select):
                for source in _read_by(node):
                    if len(words) > 1 and source.alias_or_name.lower() == words[0]:
                        return True
                    if len(words) == 1 and words[0] in self._of(source):
                        return True
            node = node.parent
        return False

    def everything(self, tree: Any) -> frozenset[str]:
        """Every column that some query of the body could mean."""
        from sqlglot import exp

        found: set[str] = set()
        for select in tree.find_all(exp.Select):
            for source in _read_by(select):
                found |= self._of(source)
        return frozenset(found)

    def full_names(self, tree: Any) -> list[tuple[int, int, str]]:
        """Names without catalog or schema mean those of the function."""
        from sqlglot import exp

        from brickyard.workspace.spark.statements import is_cte, is_path

        changes = []
        for table in tree.find_all(exp.Table):
            parts = tuple(part.name for part in table.parts)
            if isinstance(table.this, exp.Func) or len(parts) > 2 or is_path(parts):
                continue
            if len(parts) == 1 and is_cte(table):
                continue
            full = ".".join(f"`{part}`" for part in self._full(parts).split("."))
            alias = "" if table.alias else f" AS `{table.name}`"
            first, last = table.parts[0].meta["start"], table.parts[-1].meta["end"] + 1
            changes.append((first, last, full + alias))
        return changes

    def _of(self, source: Any) -> set[str]:
        from sqlglot import exp

        if source.alias_column_names:
            return {name.lower() for name in source.alias_column_names}
        if isinstance(source, exp.Table) and not isinstance(source.this, exp.Func):
            parts = tuple(part.name for part in source.parts)
            return {name.lower() for name in self._columns(self._full(parts))}
        if isinstance(source, exp.Subquery):
            return {name.lower() for name in source.named_selects}
        return set()

    def _full(self, parts: tuple[str, ...]) -> str:
        above = tuple(self._routine.full_name.split(".")[:2])
        return ".".join((*above[: 3 - len(parts)], *parts)).lower()


def _read_by(select: Any) -> list[Any]:
    first = select.args.get("from_") or select.args.get("from")
    joins = select.args.get("joins") or ()
    return [one.this for one in (first, *joins) if one is not None]

"""Data-quality rules as data: what a rule says, and the SQL that counts the rows that break it.

A rule has a kind, the columns that it is about and a few parameters. It comes from JSON (the
deterministic proposer, the example rules, a language model), and everything that can be wrong with
it is reported as a `RuleError` before any SQL is made. The SQL is the portable subset: aggregates,
CASE, GROUP BY and LEFT JOIN, so that it runs on Spark, on a SQL warehouse and on SQLite in tests.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from data_quality_agent.predicates import PredicateError, check_predicate

KINDS: Mapping[str, str] = {
    "not_null": "the column always has a value",
    "range": "numbers lie between `low` and `high`",
    "in_set": "the value is one of `values`",
    "length": "text has exactly `length` characters",
    "prefix": "text begins with `prefix`",
    "one_spelling": "no value is another value with words added",
    "null_together": "two columns are null in the same rows",
    "constant_per": "the first column has one value for each combination of the others",
    "key": "the columns together identify a row",
    "reference": "the columns' values exist in `references.columns` of `references.table`",
    "expression": "`predicate`, an SQL condition over the columns, is not false",
}
NUMERIC = ("tinyint", "smallint", "int", "bigint", "long", "float", "double", "decimal")


class RuleError(ValueError):
    """The rule cannot be understood, or does not fit the table."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Rule:
    kind: str
    columns: tuple[str, ...]
    parameters: Mapping[str, Any] = field(default_factory=dict)
    reason: str = ""
    source: str = "profile"

    @property
    def identity(self) -> str:
        """Equal for rules that say the same, whoever proposed them."""
        columns = self.columns if self.kind == "constant_per" else tuple(sorted(self.columns))
        parameters = self.parameters if self.kind == "expression" else _reference(self.parameters)
        return json.dumps([self.kind, columns, parameters], sort_keys=True, default=str)

    def describe(self) -> str:
        return _DESCRIBE[self.kind](self)

    def to_json(self) -> dict[str, Any]:
        return {
            "kind": self.kind,
            "columns": list(self.columns),
            "parameters": dict(self.parameters),
            "reason": self.reason,
            "source": self.source,
            "description": self.describe(),
        }


def read_rule(given: Any, *, columns: Mapping[str, str], source: str) -> Rule:
    """The rule in `given`, for a table with `columns` (name -> type). Raises RuleError."""
    if not isinstance(given, Mapping):
        raise RuleError(f"a rule is an object, not {given!r}")
    kind, names = given.get("kind"), given.get("columns")
    if kind not in KINDS:
        raise RuleError(f"unknown kind {kind!r}; known are {', '.join(KINDS)}")
    if isinstance(names, str):
        names = [names]
    if not isinstance(names, list) or not names or not all(isinstance(n, str) for n in names):
        raise RuleError("`columns` is a list with at least one column name")
    if unknown := [name for name in names if name not in columns]:
        raise RuleError(f"the table has no column {', '.join(unknown)}")
    if len(set(names)) < len(names):
        raise RuleError("`columns` names a column twice")
    parameters = given.get("parameters") or {}
    if not isinstance(parameters, Mapping):
        raise RuleError("`parameters` is an object")
    rule = Rule(
        kind=str(kind),
        columns=tuple(names),
        parameters=parameters,
        reason=str(given.get("reason") or ""),
        source=source,
    )
    _check_parameters(rule, columns)
    return rule


def broken_when(rule: Rule) -> str | None:
    """True for a row that breaks the rule; None when a single row can't tell."""
    make = _ROW_CONDITIONS.get(rule.kind)
    return make(rule) if make else None


def broken_rows(rule: Rule, table: str) -> str | None:
    """A query for the broken rows or groups of a rule that single rows can't decide."""
    make = _QUERIES.get(rule.kind)
    return make(rule, table) if make else None


def literal(value: Any) -> str:
    if isinstance(value, bool) or not isinstance(value, int | float | str):
        raise RuleError(f"{value!r} is not a text or a number")
    if isinstance(value, str):
        # Spark reads a backslash as an escape in a literal, SQLite doesn't: no rule needs one.
        if "\\" in value:
            raise RuleError("a backslash is not supported in a value")
        return "'" + value.replace("'", "''") + "'"
    return repr(value)


def quoted(name: str) -> str:
    """The name of a column, or a dotted name, as SQL writes it."""
    return ".".join("`" + part.replace("`", "``") + "`" for part in name.split("."))


def _reference(parameters: Mapping[str, Any]) -> Any:
    target = parameters.get("references")
    return [target["table"], sorted(target["columns"])] if isinstance(target, Mapping) else None


_WANTED: Mapping[str, tuple[int, int]] = {  # kind -> fewest, most columns
    "null_together": (2, 2),
    "constant_per": (2, 6),
    "key": (1, 8),
    "reference": (1, 4),
    "expression": (1, 12),
}


def _check_parameters(rule: Rule, columns: Mapping[str, str]) -> None:
    fewest, most = _WANTED.get(rule.kind, (1, 1))
    if not fewest <= len(rule.columns) <= most:
        raise RuleError(f"{rule.kind} is about {fewest} to {most} columns")
    given = rule.parameters
    match rule.kind:
        case "range":
            bounds = [given[name] for name in ("low", "high") if given.get(name) is not None]
            if not bounds or not all(_is_number(bound) for bound in bounds):
                raise RuleError("range needs `low`, `high` or both, as numbers")
            if not is_numeric(columns[rule.columns[0]]):
                raise RuleError(f"{rule.columns[0]} is not a number")
        case "in_set":
            values = given.get("values")
            if not isinstance(values, list) or not 0 < len(values) <= 200:
                raise RuleError("in_set needs `values`, a list of at most 200 values")
            for value in values:
                literal(value)
        case "length":
            if not isinstance(given.get("length"), int):
                raise RuleError("length needs `length`, a whole number")
        case "prefix":
            if not isinstance(given.get("prefix"), str) or not given["prefix"]:
                raise RuleError("prefix needs `prefix`, a text")
            literal(given["prefix"])
        case "reference":
            target = given.get("references")
            if not isinstance(target, Mapping) or not isinstance(target.get("table"), str):
                raise RuleError("reference needs `references`, with `table` and `columns`")
            if len(target.get("columns") or ()) != len(rule.columns):
                raise RuleError("`references.columns` has as many columns as the rule")
        case "expression":
            try:
                used = check_predicate(str(given.get("predicate") or ""), columns)
            except PredicateError as fault:
                raise RuleError(str(fault)) from fault
            if used != set(rule.columns):
                raise RuleError(f"the predicate uses {', '.join(sorted(used))}: name these columns")


def is_numeric(kind: str) -> bool:
    return kind.startswith(NUMERIC)


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _range(rule: Rule) -> str:
    name, given = quoted(rule.columns[0]), rule.parameters
    tests = []
    if given.get("low") is not None:
        tests.append(f"{name} < {literal(given['low'])}")
    if given.get("high") is not None:
        tests.append(f"{name} > {literal(given['high'])}")
    return "(" + " OR ".join(tests) + ")"


def _null_together(rule: Rule) -> str:
    one, other = (quoted(name) for name in rule.columns)
    return f"({one} IS NULL AND {other} IS NOT NULL OR {one} IS NOT NULL AND {other} IS NULL)"


def _in_set(rule: Rule) -> str:
    values = ", ".join(literal(value) for value in rule.parameters["values"])
    return f"{quoted(rule.columns[0])} NOT IN ({values})"


def _prefix(rule: Rule) -> str:
    prefix = rule.parameters["prefix"]
    return f"substr({quoted(rule.columns[0])}, 1, {len(prefix)}) <> {literal(prefix)}"


_ROW_CONDITIONS: Mapping[str, Callable[[Rule], str]] = {
    "not_null": lambda rule: f"{quoted(rule.columns[0])} IS NULL",
    "range": _range,
    "in_set": _in_set,
    "length": lambda r: f"length({quoted(r.columns[0])}) <> {r.parameters['length']}",
    "prefix": _prefix,
    "null_together": _null_together,
    "expression": lambda rule: f"NOT ({rule.parameters['predicate']})",
}


def _present(names: tuple[str, ...] | list[str]) -> str:
    return " AND ".join(f"{quoted(name)} IS NOT NULL" for name in names)


def _duplicates(rule: Rule, table: str) -> str:
    names = ", ".join(quoted(name) for name in rule.columns)
    return (
        f"SELECT {names}, COUNT(*) - 1 AS broken FROM {quoted(table)} "
        f"WHERE {_present(rule.columns)} GROUP BY {names} HAVING COUNT(*) > 1"
    )


def _varying(rule: Rule, table: str) -> str:
    value, groups = quoted(rule.columns[0]), ", ".join(quoted(n) for n in rule.columns[1:])
    return (
        f"SELECT {groups}, MIN({value}) AS least, MAX({value}) AS most, COUNT(*) AS broken "
        f"FROM {quoted(table)} WHERE {_present(rule.columns)} GROUP BY {groups} "
        f"HAVING MIN({value}) <> MAX({value})"
    )


def _orphans(rule: Rule, table: str) -> str:
    target = rule.parameters["references"]
    pairs = list(zip(rule.columns, target["columns"], strict=True))
    groups = ", ".join(f"child.{quoted(mine)}" for mine, _ in pairs)
    keys = ", ".join(f"{quoted(theirs)} AS k{i}" for i, (_, theirs) in enumerate(pairs))
    match = " AND ".join(f"child.{quoted(mine)} = parent.k{i}" for i, (mine, _) in enumerate(pairs))
    present = " AND ".join(f"child.{quoted(mine)} IS NOT NULL" for mine, _ in pairs)
    return (
        f"SELECT {groups}, COUNT(*) AS broken FROM {quoted(table)} child "
        f"LEFT JOIN (SELECT DISTINCT {keys} FROM {quoted(target['table'])}) parent ON {match} "
        f"WHERE parent.k0 IS NULL AND {present} GROUP BY {groups}"
    )


def _spellings(rule: Rule, table: str) -> str:
    """Rows whose value is another value of the column with words added ("AIRBUS INDUSTRIE")."""
    name = quoted(rule.columns[0])
    values = f"SELECT {name} AS v, COUNT(*) AS n FROM {quoted(table)} GROUP BY {name}"
    return (
        f"SELECT longer.v AS {name}, MIN(shorter.v) AS also, MIN(longer.n) AS broken "
        f"FROM ({values}) longer CROSS JOIN ({values}) shorter "
        f"WHERE substr(longer.v, 1, length(shorter.v) + 1) = shorter.v || ' ' GROUP BY longer.v"
    )


_QUERIES: Mapping[str, Callable[[Rule, str], str]] = {
    "key": _duplicates,
    "constant_per": _varying,
    "reference": _orphans,
    "one_spelling": _spellings,
}


def _between(rule: Rule) -> str:
    low, high = rule.parameters.get("low"), rule.parameters.get("high")
    if high is None:
        return f"{rule.columns[0]} is at least {low}"
    return f"{rule.columns[0]} is " + (f"at most {high}" if low is None else f"{low} to {high}")


def _to(rule: Rule) -> str:
    target = rule.parameters["references"]
    table = str(target["table"]).rsplit(".", 1)[-1]
    return f"{_names(rule)} exists in {table} ({', '.join(target['columns'])})"


def _names(rule: Rule) -> str:
    return ", ".join(rule.columns)


_DESCRIBE: Mapping[str, Callable[[Rule], str]] = {
    "not_null": lambda r: f"{_names(r)} always has a value",
    "range": _between,
    "in_set": lambda r: f"{_names(r)} is one of {', '.join(map(str, r.parameters['values']))}",
    "length": lambda r: f"{_names(r)} has {r.parameters['length']} characters",
    "prefix": lambda r: f"{_names(r)} begins with {r.parameters['prefix']}",
    "one_spelling": lambda r: f"{_names(r)} spells each name in one way",
    "null_together": lambda r: f"{r.columns[0]} and {r.columns[1]} are missing together",
    "constant_per": lambda r: f"{r.columns[0]} is the same for each {' and '.join(r.columns[1:])}",
    "key": lambda r: f"{_names(r)} identify a row" if r.columns[1:] else f"{_names(r)} is unique",
    "reference": _to,
    "expression": lambda r: str(r.parameters["predicate"]),
}

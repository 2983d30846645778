"""Checks proposals against the data: no rule is offered on anybody's word, a model's least of all.

A rule *holds* when nothing breaks it; it is a *finding* when a small share of the rows does, which
is what a defect looks like; it is *rejected* when so many do that the table plainly follows another
rule, or when the engine can't run it. Rules that rows decide are counted together in one scan.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from data_quality_agent.profile import Profile, plain_row
from data_quality_agent.rules import Rule, broken_rows, broken_when, quoted
from data_quality_agent.tables import Row, Tables

TOLERATED = 0.2  # a larger share of broken rows than this is another rule, not a defect
EXAMPLES = 3
HOLDS, FINDING, REJECTED = "holds", "finding", "rejected"


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdict:
    """What the data says about a rule. `broken` counts rows."""

    rule: Rule
    status: str
    broken: int = 0
    rate: float = 0.0
    examples: tuple[Row, ...] = ()
    problem: str = ""

    def to_json(self) -> dict[str, Any]:
        checked = {"status": self.status, "broken": self.broken, "rate": round(self.rate, 6)}
        shown = {"examples": list(self.examples)} if self.examples else {}
        problem = {"problem": self.problem} if self.problem else {}
        return self.rule.to_json() | checked | shown | problem


def check_rules(tables: Tables, profile: Profile, rules: Iterable[Rule]) -> tuple[Verdict, ...]:
    """One verdict for each rule, in their order."""
    rules = tuple(rules)
    by_rows = [rule for rule in rules if broken_when(rule) is not None]
    counts = _count_together(tables, profile.table, by_rows)
    return tuple(_judge(tables, profile, rule, counts.get(rule.identity)) for rule in rules)


def _count_together(tables: Tables, table: str, rules: Sequence[Rule]) -> dict[str, int | str]:
    """How many rows break each rule, or why that can't be computed. One scan, if all goes well."""
    if not rules:
        return {}
    parts = [
        f"SUM(CASE WHEN {broken_when(r)} THEN 1 ELSE 0 END) AS r{i}" for i, r in enumerate(rules)
    ]
    try:
        row = tables.query(f"SELECT {', '.join(parts)} FROM {quoted(table)}")[0]
    except Exception as fault:
        if len(rules) == 1:
            return {rules[0].identity: _first_line(fault)}
        # One of them is at fault: halve until it is alone, so that the others still count.
        half = len(rules) // 2
        return _count_together(tables, table, rules[:half]) | _count_together(
            tables, table, rules[half:]
        )
    return {rule.identity: int(row[f"r{i}"] or 0) for i, rule in enumerate(rules)}


def _judge(tables: Tables, profile: Profile, rule: Rule, count: int | str | None) -> Verdict:
    if isinstance(count, str):
        return Verdict(rule=rule, status=REJECTED, problem=count)
    try:
        if count is None:
            count, examples = _count_groups(tables, profile.table, rule)
        else:
            examples = _broken_examples(tables, profile, rule) if count else ()
    except Exception as fault:
        return Verdict(rule=rule, status=REJECTED, problem=_first_line(fault))
    rate = count / profile.rows if profile.rows else 0.0
    if count and rate > TOLERATED:
        problem = f"{rate:.0%} of the rows break it"
        return Verdict(rule=rule, status=REJECTED, broken=count, rate=rate, problem=problem)
    status = FINDING if count else HOLDS
    return Verdict(rule=rule, status=status, broken=count, rate=rate, examples=examples)


def _count_groups(tables: Tables, table: str, rule: Rule) -> tuple[int, tuple[Row, ...]]:
    query = broken_rows(rule, table)
    found = tables.query(f"SELECT SUM(broken) AS n FROM ({query}) broken_groups")[0]["n"]
    if not found:
        return 0, ()
    rows = tables.query(f"SELECT * FROM ({query}) g ORDER BY broken DESC LIMIT {EXAMPLES}")
    return int(found), tuple(plain_row(row) for row in rows)


def _broken_examples(tables: Tables, profile: Profile, rule: Rule) -> tuple[Row, ...]:
    if rule.kind == "not_null":
        return ()  # a row without the value shows nothing
    names = ", ".join(quoted(name) for name in rule.columns)
    rows = tables.query(
        f"SELECT {names}, COUNT(*) AS row_count FROM {quoted(profile.table)} "
        f"WHERE {broken_when(rule)} GROUP BY {names} "
        f"ORDER BY row_count DESC, {names} LIMIT {EXAMPLES}"
    )
    return tuple(plain_row(row) for row in rows)


def _first_line(fault: Exception) -> str:
    return (str(fault).strip().splitlines() or [type(fault).__name__])[0][:300]

"""The agent: profile a table, look up what is known, propose rules, ask for more, check them all.

Each step is a span of one MLflow trace.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import mlflow
from mlflow.entities import SpanType

from data_quality_agent.check import FINDING, HOLDS, REJECTED, Verdict, check_rules
from data_quality_agent.knowledge import COLUMN, RULE, Entry, Knowledge, rules_that_fit
from data_quality_agent.language_model import (
    ChatCompletions,
    LanguageModelError,
    Question,
    Tool,
    read_proposals,
)
from data_quality_agent.predicates import check_predicate
from data_quality_agent.profile import Profile, profile_table
from data_quality_agent.propose import propose_rules
from data_quality_agent.rules import Rule, quoted
from data_quality_agent.tables import Tables

PAST_RULES = 8  # that are looked up for a table
PAST = "past-rules"


@dataclass(frozen=True, slots=True, kw_only=True)
class Report:
    """What the agent found. `model` is who was asked, empty for nobody; `looked_up` are the ids of
    past rules that were found for the table; `tokens` is what the language model took; `notes` says
    what did not go as intended.
    """

    profile: Profile
    verdicts: tuple[Verdict, ...]
    model: str = ""
    looked_up: tuple[str, ...] = ()
    tokens: Mapping[str, int] = field(default_factory=dict)
    notes: tuple[str, ...] = ()

    def having(self, status: str) -> tuple[Verdict, ...]:
        return tuple(verdict for verdict in self.verdicts if verdict.status == status)

    @property
    def findings(self) -> tuple[Verdict, ...]:
        """Broken rules, most broken rows first."""
        return tuple(sorted(self.having(FINDING), key=lambda verdict: -verdict.broken))

    @property
    def hold_rate(self) -> float:
        """The share of all proposals that no row breaks."""
        return len(self.having(HOLDS)) / len(self.verdicts) if self.verdicts else 0.0

    def to_json(self) -> dict[str, Any]:
        return {
            "table": self.profile.table,
            "row_count": self.profile.rows,
            "columns": list(self.profile.types),
            "language_model": self.model,
            "past_rules": list(self.looked_up),
            "proposals": len(self.verdicts),
            "proposals_hold_rate": round(self.hold_rate, 4),
            "rules": [verdict.to_json() for verdict in self.having(HOLDS)],
            "findings": [verdict.to_json() for verdict in self.findings],
            "rejected": [verdict.to_json() for verdict in self.having(REJECTED)],
            "notes": list(self.notes),
        }

    def answer(self) -> str:
        lines = [
            f"{self.profile.table} has {self.profile.rows:,} rows and "
            f"{len(self.profile.columns)} columns. Of {len(self.verdicts)} proposed rules "
            f"{len(self.having(HOLDS))} hold and {len(self.findings)} are broken by some rows:",
            *(
                f"- {one.rule.describe()}: broken by {one.broken:,} rows ({_percent(one.rate)})"
                + (f", for example {_example(one.examples[0])}" if one.examples else "")
                for one in self.findings
            ),
        ]
        if not self.findings:
            lines[0] = lines[0].removesuffix(":") + "."
        return "\n".join([*lines, *(f"Note: {note}" for note in self.notes)])


def examine(
    tables: Tables, table: str, *, knowledge: Knowledge, model: ChatCompletions | None = None
) -> Report:
    profile = _profile(tables, table)
    proposed = _propose(tables, profile)
    dictionary, past = _look_up(knowledge, profile)
    recalled = rules_that_fit([json.loads(one.content) for one in past], list(profile.types))
    remembered, refused = read_proposals(recalled, columns=profile.types, source=PAST)
    notes = [f"a past rule does not fit: {one}" for one in refused]
    known = [*proposed, *remembered]
    asked: list[Rule] = []
    if model is None:
        notes.append("no language model is configured: nobody was asked for more rules")
    else:
        question = Question(
            profile=profile.to_json(),
            siblings=tables.siblings(profile.table),
            known=[rule.describe() for rule in known],
            dictionary=[json.loads(one.content) for one in dictionary],
            past_rules=[json.loads(one.content) for one in past],
        )
        asked, said = _ask(model, question, _tools(tables, profile, knowledge), profile)
        notes += said
    distinct = {rule.identity: rule for rule in reversed([*known, *asked])}
    verdicts = _check(tables, profile, list(reversed(distinct.values())))
    return Report(
        profile=profile,
        verdicts=verdicts,
        model=model.name if model else "",
        looked_up=tuple(one.id for one in past),
        tokens=dict(model.tokens) if model else {},
        notes=tuple(notes),
    )


def _profile(tables: Tables, table: str) -> Profile:
    with mlflow.start_span("profile", span_type=SpanType.TOOL) as span:
        span.set_inputs({"table": table})
        profile = profile_table(tables, table)
        span.set_outputs({"rows": profile.rows, "columns": list(profile.columns)})
        return profile


def _propose(tables: Tables, profile: Profile) -> list[Rule]:
    with mlflow.start_span("propose", span_type=SpanType.TOOL) as span:
        rules = propose_rules(tables, profile)
        span.set_outputs({"rules": [rule.describe() for rule in rules]})
        return rules


def _look_up(knowledge: Knowledge, profile: Profile) -> tuple[list[Entry], list[Entry]]:
    """What the data dictionary says of the table's columns, and past rules that may suit it."""
    subject = profile.table.rsplit(".", 1)[-1]
    columns = list(profile.types)
    text = f"{subject}: {', '.join(name.replace('_', ' ') for name in columns)}"
    with mlflow.start_span("look up", span_type=SpanType.RETRIEVER) as span:
        span.set_inputs({"query": text})
        described = knowledge.search(text, kind=COLUMN, subject=subject, count=len(columns))
        past = knowledge.search(text, kind=RULE, count=PAST_RULES)
        span.set_outputs(
            [
                {"page_content": one.text, "metadata": {"kind": one.kind}, "id": one.id}
                for one in (*described, *past)
            ]
        )
        return described, past


def _tools(tables: Tables, profile: Profile, knowledge: Knowledge) -> tuple[Tool, ...]:
    def search(query: str) -> str:
        found = [
            one.text
            for kind in (COLUMN, RULE)
            for one in knowledge.search(query, kind=kind, count=3)
        ]
        return "\n".join(found) or "nothing is known of it"

    def count(predicate: str) -> str:
        check_predicate(predicate, profile.types)
        statement = f"SELECT COUNT(*) AS n FROM {quoted(profile.table)} WHERE NOT ({predicate})"
        return str(tables.query(statement)[0]["n"])

    return (
        Tool(
            name="search_knowledge",
            description="Searches the data dictionary and the rules of other tables.",
            argument="query",
            about_argument="what to look for, in a few words",
            call=_spanned("search_knowledge", search),
        ),
        Tool(
            name="count_broken",
            description="Counts the rows of the table for which an SQL condition is false.",
            argument="predicate",
            about_argument="the condition, over columns of the table",
            call=_spanned("count_broken", count),
        ),
    )


def _spanned(name: str, call: Callable[[str], str]) -> Callable[[str], str]:
    def traced(given: str) -> str:
        with mlflow.start_span(name, span_type=SpanType.TOOL) as span:
            span.set_inputs({"given": given})
            answer = call(given)
            span.set_outputs({"answer": answer})
            return answer

    return traced


def _ask(
    model: ChatCompletions, question: Question, tools: Sequence[Tool], profile: Profile
) -> tuple[list[Rule], list[str]]:
    with mlflow.start_span("ask for more", span_type=SpanType.CHAT_MODEL) as span:
        span.set_inputs({"model": model.name, "known": list(question.known)})
        notes: list[str] = []
        try:
            proposed = model.propose(question, tools)
        except LanguageModelError as fault:
            proposed = []
            notes.append(f"the language model proposed nothing: {fault}")
        rules, refused = read_proposals(proposed, columns=profile.types, source=model.name)
        if refused:
            notes.append(f"{len(refused)} proposals of {model.name} were no rules: {refused[0]}")
        span.set_outputs({"rules": [rule.describe() for rule in rules], "refused": refused})
        return rules, notes


def _check(tables: Tables, profile: Profile, rules: Sequence[Rule]) -> tuple[Verdict, ...]:
    with mlflow.start_span("check", span_type=SpanType.EVALUATOR) as span:
        verdicts = check_rules(tables, profile, rules)
        span.set_outputs({one.rule.describe(): [one.status, one.broken] for one in verdicts})
        return verdicts


def _percent(rate: float) -> str:
    return f"{rate:.2%}" if rate >= 0.0001 else "under 0.01%"


def _example(row: Mapping[str, Any]) -> str:
    hidden = {"broken", "row_count"}
    return ", ".join(f"{name} = {value}" for name, value in row.items() if name not in hidden)

"""The agent: profile a table, propose rules, ask a model for more, check them all, and report.

Each step is a span of one MLflow trace.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import mlflow
from mlflow.entities import SpanType

from data_quality_agent.check import FINDING, HOLDS, REJECTED, Verdict, check_rules
from data_quality_agent.language_model import (
    LanguageModel,
    LanguageModelError,
    OfflineHeuristic,
    Question,
    read_proposals,
)
from data_quality_agent.profile import Profile, profile_table
from data_quality_agent.propose import propose_rules
from data_quality_agent.rules import Rule
from data_quality_agent.tables import Tables


@dataclass(frozen=True, slots=True, kw_only=True)
class Report:
    """What the agent found. `model` is who was asked; `notes` says what did not go as intended."""

    profile: Profile
    verdicts: tuple[Verdict, ...]
    model: str
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
            "language_model": self.model,
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


def examine(tables: Tables, table: str, model: LanguageModel) -> Report:
    profile = _profile(tables, table)
    rules = _propose(tables, profile)
    more, notes = _ask(tables, profile, model, rules)
    distinct = {rule.identity: rule for rule in reversed([*rules, *more])}
    verdicts = _check(tables, profile, list(reversed(distinct.values())))
    return Report(profile=profile, verdicts=verdicts, model=model.name, notes=notes)


def _profile(tables: Tables, table: str) -> Profile:
    with mlflow.start_span("profile", span_type=SpanType.RETRIEVER) as span:
        span.set_inputs({"table": table})
        profile = profile_table(tables, table)
        span.set_outputs({"rows": profile.rows, "columns": list(profile.columns)})
        return profile


def _propose(tables: Tables, profile: Profile) -> list[Rule]:
    with mlflow.start_span("propose", span_type=SpanType.TOOL) as span:
        rules = propose_rules(tables, profile)
        span.set_outputs({"rules": [rule.describe() for rule in rules]})
        return rules


def _ask(
    tables: Tables, profile: Profile, model: LanguageModel, known: Sequence[Rule]
) -> tuple[list[Rule], tuple[str, ...]]:
    question = Question(
        profile=profile.to_json(),
        siblings=tables.siblings(profile.table),
        known=[rule.describe() for rule in known],
    )
    kind = SpanType.TOOL if isinstance(model, OfflineHeuristic) else SpanType.CHAT_MODEL
    with mlflow.start_span("ask for more", span_type=kind) as span:
        span.set_inputs({"model": model.name, "known": list(question.known)})
        notes: list[str] = []
        if isinstance(model, OfflineHeuristic):
            notes.append(f"no language model is configured: {model.name} stood in for it")
        try:
            proposed = model.propose(question)
        except LanguageModelError as fault:
            proposed = []
            notes.append(f"the language model proposed nothing: {fault}")
        rules, refused = read_proposals(proposed, columns=profile.types, source=model.name)
        if refused:
            notes.append(f"{len(refused)} proposals of {model.name} were no rules: {refused[0]}")
        span.set_outputs({"rules": [rule.describe() for rule in rules], "refused": refused})
        return rules, tuple(notes)


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

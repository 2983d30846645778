"""Scores the agent's reports against labels: defects and constraints that people have confirmed.

A label says what is known about a table, with the SQL that proves it, and which rules would express
it. Recall is the share of labels that the agent found as what they are (a defect as a finding, a
constraint as a rule that holds); precision is the share of its findings that a label confirms.
"""

from __future__ import annotations

import json
import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from data_quality_agent.knowledge import rules_that_fit


@dataclass(frozen=True, slots=True, kw_only=True)
class Label:
    """`proof` counts the rows of the defect; for a constraint it counts none."""

    id: str
    table: str
    what: str
    is_defect: bool
    rows: int
    proof: str
    accepted: tuple[tuple[str, frozenset[str]], ...]  # kind, columns of a rule that expresses it

    def expressed_by(self, rule: Mapping[str, Any]) -> bool:
        return (rule["kind"], frozenset(rule["columns"])) in self.accepted


@dataclass(frozen=True, slots=True, kw_only=True)
class Score:
    """Of one table, or of several together. Rates of nothing are 1: nothing was missed."""

    labels: int
    found: int
    findings: int
    confirmed: int
    proposals: int
    holding: int
    missed: tuple[str, ...] = ()

    @property
    def recall(self) -> float:
        return self.found / self.labels if self.labels else 1.0

    @property
    def precision(self) -> float:
        return self.confirmed / self.findings if self.findings else 1.0

    @property
    def hold_rate(self) -> float:
        return self.holding / self.proposals if self.proposals else 0.0


def read_labels(path: Path) -> tuple[Label, ...]:
    labels = []
    for given in json.loads(path.read_text("utf-8")):
        accepted = tuple((one["kind"], frozenset(one["columns"])) for one in given["accepted"])
        labels.append(Label(**{**given, "accepted": accepted}))
    return tuple(labels)


def score(report: Mapping[str, Any], labels: Iterable[Label]) -> Score:
    """One table's report (`Report.to_json`) against that table's labels."""
    labels = tuple(labels)
    findings, holding = report["findings"], report["rules"]
    missed = [
        label.id
        for label in labels
        if not any(label.expressed_by(rule) for rule in (findings if label.is_defect else holding))
    ]
    defects = [label for label in labels if label.is_defect]
    confirmed = [rule for rule in findings if any(label.expressed_by(rule) for label in defects)]
    return Score(
        labels=len(labels),
        found=len(labels) - len(missed),
        findings=len(findings),
        confirmed=len(confirmed),
        proposals=report["proposals"],
        holding=len(holding),
        missed=tuple(missed),
    )


def pooled(scores: Sequence[Score]) -> Score:
    """All tables as one: tables with many labels weigh more."""
    return Score(
        labels=sum(one.labels for one in scores),
        found=sum(one.found for one in scores),
        findings=sum(one.findings for one in scores),
        confirmed=sum(one.confirmed for one in scores),
        proposals=sum(one.proposals for one in scores),
        holding=sum(one.holding for one in scores),
        missed=tuple(label for one in scores for label in one.missed),
    )


def examples(scores: Sequence[Score], labels: Iterable[Label]) -> dict[str, dict[str, int]]:
    """Whether each label was found, by its id: what two releases are compared by."""
    missed = set(pooled(scores).missed)
    return {label.id: {"found": int(label.id not in missed)} for label in labels}


@dataclass(frozen=True, slots=True, kw_only=True)
class Retrieval:
    """Past rules looked up for a table, against those whose columns the table has."""

    suiting: int
    found: int
    looked_up: int

    @property
    def recall(self) -> float:
        return self.found / self.suiting if self.suiting else 1.0

    @property
    def precision(self) -> float:
        return self.found / self.looked_up if self.looked_up else 1.0


def retrieval(
    looked_up: Sequence[str], columns: Sequence[str], past: Mapping[str, Mapping[str, Any]]
) -> Retrieval:
    """`past` has every past rule by its id."""
    suiting = {name for name, rule in past.items() if rules_that_fit([rule], columns)}
    found = suiting & set(looked_up)
    return Retrieval(suiting=len(suiting), found=len(found), looked_up=len(looked_up))


def metrics(
    scores: Sequence[Score],
    latencies_s: Sequence[float],
    retrievals: Sequence[Retrieval] = (),
) -> dict[str, float]:
    """What the release's gate reads; these names are part of brickyard.yml."""
    everything = pooled(scores)
    looked_up = Retrieval(
        suiting=sum(one.suiting for one in retrievals),
        found=sum(one.found for one in retrievals),
        looked_up=sum(one.looked_up for one in retrievals),
    )
    return {
        "retrieval_recall": round(looked_up.recall, 4),
        "retrieval_precision": round(looked_up.precision, 4),
        "rule_recall": round(everything.recall, 4),
        "rule_precision": round(everything.precision, 4),
        "proposals_hold_rate": round(everything.hold_rate, 4),
        "latency_p50_s": round(percentile(latencies_s, 0.50), 3),
        "latency_p95_s": round(percentile(latencies_s, 0.95), 3),
    }


def percentile(values: Sequence[float], at: float) -> float:
    """Nearest rank: with few values the 95th is the slowest. NaN of nothing."""
    if not values:
        return math.nan
    return sorted(values)[max(0, math.ceil(at * len(values)) - 1)]

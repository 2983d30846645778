"""Evaluation drift: scores over time, from the release records and from runs in MLflow.

The score of the live release is what later ones are measured against. Later are the runs of the
experiment that is named, the newest of which counts; without one, earlier releases show the way
that the scores went.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from typing import Any, Final

from brickyard.deploy import ApiFailure, Project
from brickyard.release.drift.findings import Finding, State
from brickyard.release.drift_settings import Score
from brickyard.release.records import ReleaseRecord

KIND: Final = "evaluation"
BY_NAME: Final = "/api/2.0/mlflow/experiments/get-by-name"
SEARCH: Final = "/api/2.0/mlflow/runs/search"
OVER: Final = 10  # releases that are shown


def evaluation_drift(
    project: Project,
    records: Sequence[ReleaseRecord],
    live: ReleaseRecord | None,
    scores: Sequence[Score],
) -> Iterator[Finding]:
    """A finding for each score that is watched; `recorded` is the release's."""
    for one in scores:
        if live is None or not _is_number(live.evaluation.get(one.metric)):
            detail = "the live release has no such score: let a step of the rollout measure it"
            yield Finding(kind=KIND, subject=one.metric, state=State.UNKNOWN, detail=detail)
            continue
        base = float(live.evaluation[one.metric])
        try:
            later, when = _latest(project, one, live) if one.experiment else _before(records, one)
        except ApiFailure as fault:
            yield Finding(
                kind=KIND, subject=one.metric, state=State.UNKNOWN, recorded=base, detail=str(fault)
            )
            continue
        yield _judged(one, base, later, when, series(records, one.metric))


def series(records: Sequence[ReleaseRecord], metric: str) -> str:
    """The scores of the last releases that succeeded, oldest first."""
    found = [
        f"{record.sequence}: {float(record.evaluation[metric]):.4g}"
        for record in records
        if record.succeeded and _is_number(record.evaluation.get(metric))
    ]
    return ", ".join(found[-OVER:])


def _judged(one: Score, base: float, later: float | None, when: str, shown: str) -> Finding:
    """Against an experiment: later against the release. Without: the release against before."""
    if later is None:
        detail = f"no run since the release has it; by release {shown}" if one.experiment else shown
        state = State.UNKNOWN if one.experiment else State.OK
        return Finding(kind=KIND, subject=one.metric, state=state, recorded=base, detail=detail)
    change = later - base if one.experiment else base - later
    fell = one.fall is not None and change < -one.fall - 1e-12
    rose = one.rise is not None and change > one.rise + 1e-12
    return Finding(
        kind=KIND,
        subject=one.metric,
        state=State.DRIFT if fell or rose else State.OK,
        recorded=base if one.experiment else later,
        actual=later if one.experiment else base,
        detail=f"changed by {change:+.4g}; by release {shown}",
        when=when,
    )


def _before(records: Sequence[ReleaseRecord], one: Score) -> tuple[float | None, str]:
    """The best score of the releases before the live one."""
    good = [
        float(record.evaluation[one.metric])
        for record in records
        if record.succeeded and _is_number(record.evaluation.get(one.metric))
    ][-OVER - 1 : -1]
    if not good:
        return None, ""
    return (min(good) if one.rise is not None and one.fall is None else max(good)), ""


def _latest(project: Project, one: Score, live: ReleaseRecord) -> tuple[float | None, str]:
    """The newest run since the release that logged the metric."""
    experiment = project.workspace.get(BY_NAME, {"experiment_name": one.experiment})
    id = str((experiment.get("experiment") or {}).get("experiment_id") or "")
    since_ms = int(datetime.fromisoformat(live.ended.replace("Z", "+00:00")).timestamp() * 1000)
    body = {
        "experiment_ids": [id],
        "filter": f"attributes.start_time > {since_ms}",
        "order_by": ["attributes.start_time DESC"],
        "max_results": 50,
    }
    for run in project.workspace.post(SEARCH, body).get("runs") or ():
        for metric in (run.get("data") or {}).get("metrics") or ():
            if metric.get("key") == one.metric:
                started = int((run.get("info") or {}).get("start_time") or 0)
                when = datetime.fromtimestamp(started / 1000, UTC).isoformat(timespec="seconds")
                return float(metric["value"]), when
    return None, ""


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)

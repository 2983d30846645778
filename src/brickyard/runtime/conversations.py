"""Scores whole conversations with scheduled scorers of sessions.

A session (the traces with one `mlflow.trace.session`) is judged once nothing has been added to it
for a while, as MLflow's online scoring does; the scores are on its first trace, which a scorer's
filter has to fit. One that goes on afterwards is judged again, and its new scores take the place of
the old ones. Traces of evaluation runs are left out.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any

from brickyard.runtime.scorers import (
    AT_ONCE,
    GIVEN_UP_MS,
    MARK,
    MOST,
    OF_NO_RUN,
    Scheduled,
    goes_on,
    leave,
    said,
    sampled,
)

SESSION = "mlflow.trace.session"
OF_A_SESSION = f"metadata.`{SESSION}` IS NOT NULL"
ONLINE = "mlflow.assessment.onlineScoringSessionId"
UNTIL = "brickyard.scored_until"
MOST_SESSIONS = 100


@dataclass(frozen=True, slots=True)
class Ended:
    """A session that nothing was added to for a while."""

    id: str
    last_ms: int


def score(
    experiment_id: str, group: Sequence[Scheduled], since_ms: int, until_ms: int, idle_ms: int
) -> dict[str, Any]:
    """Judge the sessions whose last trace began since then. `watermark_ms`: as for traces."""
    import mlflow

    settled = until_ms - idle_ms
    if not group or settled < since_ms:
        return {"watermark_ms": since_ms, "faults": [], "scored": 0, "failed": 0}
    recent = mlflow.search_traces(
        locations=[experiment_id],
        filter_string=f"trace.timestamp_ms >= {since_ms} AND {OF_NO_RUN} AND {OF_A_SESSION}",
        include_spans=False,
        return_type="list",
    )
    ended, watermark = ended_sessions(recent, settled, until_ms)
    counts = {"scored": 0, "failed": 0}
    faults = []
    with ThreadPoolExecutor(AT_ONCE) as pool:
        for good, bad, told in pool.map(lambda one: _judge(experiment_id, one, group), ended):
            counts["scored"] += good
            counts["failed"] += bad
            faults += told
    return {"watermark_ms": watermark, "faults": faults, **counts}


def ended_sessions(
    traces: Sequence[Any], settled_ms: int, until_ms: int
) -> tuple[list[Ended], int]:
    """The sessions that are over, in the order of their ends, and from when to look next time."""
    last: dict[str, int] = defaultdict(int)
    waiting: dict[str, int] = {}
    for trace in traces:
        session, at = trace.info.trace_metadata[SESSION], int(trace.info.timestamp_ms)
        last[session] = max(last[session], at)
        if goes_on(trace) and at > until_ms - GIVEN_UP_MS:
            waiting[session] = min(at, waiting.get(session, at))
    found = sorted((at, id) for id, at in last.items() if at <= settled_ms and id not in waiting)
    ended = [Ended(id, at) for at, id in found[:MOST_SESSIONS]]
    left = [at for at, _ in found[MOST_SESSIONS:]]
    return ended, min([settled_ms + 1, *left, *(last[id] for id in waiting)])


def _judge(
    experiment_id: str, ended: Ended, group: Sequence[Scheduled]
) -> tuple[int, int, list[str]]:
    """How many scorers said something, how many did not, and what went wrong around them."""
    import mlflow

    of_this = f"metadata.`{SESSION}` = {_quoted(ended.id)} AND {OF_NO_RUN}"

    def found(text: str = "", **options: Any) -> list[Any]:
        traces = mlflow.search_traces(
            locations=[experiment_id],
            filter_string=f"{of_this} AND {text}" if text else of_this,
            order_by=["timestamp_ms ASC"],
            return_type="list",
            **options,
        )
        return list(traces)

    try:
        traces = found(max_results=MOST)
    except mlflow.MlflowException as fault:
        return 0, 0, [f"session {ended.id}: {fault}"]
    if not traces:
        return 0, 0, []
    first = traces[0].info
    by_filter: dict[str, list[Scheduled]] = defaultdict(list)
    for one in group:
        by_filter[one.filter].append(one)
    good = bad = 0
    faults: list[str] = []
    for text, those in by_filter.items():
        try:
            fitting = found(text, max_results=1, include_spans=False) if text else traces
        except mlflow.MlflowException as fault:
            faults.append(f"{', '.join(one.name for one in those)}: {fault}")
            continue
        if not fitting or fitting[0].info.trace_id != first.trace_id:
            continue
        for one in sampled(ended.id, those):
            before = _before(first, one, ended)
            if any(told.metadata.get(UNTIL) == str(ended.last_ms) for told in before):
                continue
            marks = {MARK: one.name, ONLINE: ended.id, SESSION: ended.id, UNTIL: str(ended.last_ms)}
            is_good = leave(first.trace_id, said(one, session=traces), marks)
            good, bad = good + is_good, bad + (not is_good)
            for told in before:
                mlflow.delete_assessment(first.trace_id, told.assessment_id)
    return good, bad, faults


def _before(first: Any, one: Scheduled, ended: Ended) -> list[Any]:
    """What the scorer said of the session when it was shorter."""
    wanted: Mapping[str, str] = {MARK: one.name, ONLINE: ended.id}
    return [
        told
        for told in first.assessments or ()
        if all((told.metadata or {}).get(key) == value for key, value in wanted.items())
    ]


def _quoted(text: str) -> str:
    """As MLflow's filters take text: they know no escapes, and both kinds of quotes."""
    return f'"{text}"' if "'" in text else f"'{text}'"

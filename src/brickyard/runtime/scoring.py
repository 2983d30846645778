"""Scores what is new with scheduled scorers: `python -m brickyard.runtime.scoring SPEC`.

Traces here, whole conversations in `conversations.py`; which scorer judges what is in `scorers.py`.
Scores become feedback on the trace, and so do the errors of scorers. Traces of evaluation runs are
not judged again.
"""

from __future__ import annotations

import sys
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from brickyard.runtime import conversations, output, paths, session
from brickyard.runtime.magics import use_layer
from brickyard.runtime.refusals import Refusals
from brickyard.runtime.scorers import (
    AT_ONCE,
    GIVEN_UP_MS,
    MARK,
    MOST,
    OF_NO_RUN,
    Scheduled,
    goes_on,
    leave,
    loaded,
    said,
    sampled,
)
from brickyard.runtime.spec import read_spec, write_json


def main() -> int:
    spec = read_spec(sys.argv[1])
    output.install()
    paths.install(Refusals(spec), spec.mapped)
    use_layer(spec)
    try:
        result = score(**spec.scoring)
    except BaseException as fault:
        result = {"error": output.redacted(f"{type(fault).__name__}: {fault}")}
    write_json(spec.result_file, result)
    session.stop()
    output.finish()
    return 1 if result.get("error") else 0


def score(
    experiment_id: str,
    scorers: Sequence[Mapping[str, Any]],
    since_ms: int,
    until_ms: int,
    sessions_since_ms: int,
    idle_ms: int,
) -> dict[str, Any]:
    """Judge what is new. `watermark_ms`, `sessions_ms`: from when the next run has to look."""
    import mlflow

    mlflow.tracing.disable()  # a judge's own trace would be the next one to judge
    every = [loaded(one) for one in scorers]
    of_traces = _score_traces(
        experiment_id, [one for one in every if not one.of_sessions], since_ms, until_ms
    )
    if of_traces.get("error"):
        return of_traces
    whole = [one for one in every if one.of_sessions]
    of_sessions = conversations.score(experiment_id, whole, sessions_since_ms, until_ms, idle_ms)
    return {
        "watermark_ms": of_traces["watermark_ms"],
        "sessions_ms": of_sessions["watermark_ms"],
        **{name: of_traces[name] + of_sessions[name] for name in ("faults", "scored", "failed")},
    }


def _score_traces(
    experiment_id: str, scorers: Sequence[Scheduled], since_ms: int, until_ms: int
) -> dict[str, Any]:
    import mlflow

    by_filter: dict[str, list[Scheduled]] = defaultdict(list)
    for one in scorers:
        by_filter[one.filter].append(one)
    counts = {"scored": 0, "failed": 0}
    faults = []
    watermark = until_ms + 1
    for text, group in by_filter.items():
        span = f"trace.timestamp_ms >= {since_ms} AND trace.timestamp_ms <= {until_ms}"
        try:
            traces = mlflow.search_traces(
                locations=[experiment_id],
                filter_string=" AND ".join(part for part in (span, OF_NO_RUN, text) if part),
                order_by=["timestamp_ms ASC"],
                max_results=MOST,
                return_type="list",
            )
        except mlflow.MlflowException as fault:  # the filter of these; the others go on
            faults.append(f"{', '.join(one.name for one in group)}: {fault}")
            continue
        watermark = min(watermark, _looked_at(traces, until_ms))
        tasks = [(trace, one) for trace in traces for one in _chosen(trace, group)]
        with ThreadPoolExecutor(AT_ONCE) as pool:
            for is_good in pool.map(_judge, *zip(*tasks, strict=True)) if tasks else ():
                counts["scored" if is_good else "failed"] += 1
    if faults and len(faults) == len(by_filter):
        return {"error": "; ".join(faults)}
    return {"watermark_ms": watermark, "faults": faults, **counts}


def _looked_at(traces: Sequence[Any], until_ms: int) -> int:
    """Up to when everything is judged: not past a trace that goes on, or that did not fit."""
    last = traces[-1].info.timestamp_ms if len(traces) == MOST else until_ms + 1
    unfinished = (
        trace.info.timestamp_ms
        for trace in traces
        if goes_on(trace) and trace.info.timestamp_ms > until_ms - GIVEN_UP_MS
    )
    return int(min([last, *unfinished]))


def _chosen(trace: Any, group: Iterable[Scheduled]) -> list[Scheduled]:
    """Those that are to judge a trace and have not done so."""
    if goes_on(trace):
        return []
    done = {(told.metadata or {}).get(MARK) for told in trace.info.assessments or ()}
    return [one for one in sampled(trace.info.trace_id, group) if one.name not in done]


def _judge(trace: Any, one: Scheduled) -> bool:
    """Leave what the scorer says on the trace; whether it said anything but an error."""
    from mlflow.entities import Expectation

    root = next((span for span in trace.data.spans if span.parent_id is None), None)
    expected = {
        told.name: told.value
        for told in trace.info.assessments or ()
        if isinstance(told, Expectation)
    }
    told = said(
        one,
        inputs=root.inputs if root else None,
        outputs=root.outputs if root else None,
        expectations=expected,
        trace=trace,
    )
    return leave(trace.info.trace_id, told, {MARK: one.name})


if __name__ == "__main__":
    sys.exit(main())

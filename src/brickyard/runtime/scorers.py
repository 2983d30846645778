"""Scheduled scorers as they are at work: loaded, chosen by their share, and what they leave behind.

Of what there is to judge, a sample is judged: by the scorer with the highest rate first, and by the
next one only if that one judged it too, so that the same traces get all scores (as MLflow's own
online scoring samples). A score carries a mark, so that a run that was cut off and is repeated adds
nothing twice.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

MARK = "brickyard.scheduled_scorer"
SIZE = 2**64
OF_NO_RUN = "metadata.`mlflow.sourceRun` IS NULL"
MOST = 500  # traces at a time; the rest follows when this is due again
AT_ONCE = 4
GIVEN_UP_MS = 3_600_000  # a trace that is unfinished for so long is waited for no more


@dataclass(frozen=True, slots=True)
class Scheduled:
    """One scorer: mlflow's object, or why there is none."""

    name: str
    rate: float
    filter: str
    scorer: Any
    fault: str = ""
    of_sessions: bool = False  # judges conversations as a whole


def loaded(given: Mapping[str, Any]) -> Scheduled:
    """From what was registered."""
    from mlflow.genai.scorers import Scorer

    name = str(given["name"])
    rate, text = float(given.get("sample_rate") or 0), str(given.get("filter_string") or "")
    told = str(given.get("serialized_scorer"))
    try:
        scorer = Scorer.model_validate_json(told)
    except Exception as fault:
        reason = f"The scorer cannot be loaded: {fault}"
        return Scheduled(name, rate, text, None, reason, _says_of_sessions(told))
    is_whole = bool(getattr(scorer, "is_session_level_scorer", False))
    return Scheduled(name, rate, text, scorer, of_sessions=is_whole)


def _says_of_sessions(text: str) -> bool:
    try:
        told = json.loads(text)
    except ValueError:
        return False
    return isinstance(told, dict) and told.get("is_session_level_scorer") is True


def sampled(id: str, group: Iterable[Scheduled]) -> list[Scheduled]:
    """Those that are to judge the trace, or session, of this id."""
    chosen, above = [], 1.0
    for one in sorted(group, key=lambda one: -one.rate):
        digest = hashlib.sha256(f"{id}:{one.name}".encode()).digest()
        if int.from_bytes(digest[:8], "big") / SIZE >= one.rate / above:
            break
        chosen.append(one)
        above = one.rate
    return chosen


def goes_on(trace: Any) -> bool:
    return str(trace.info.state).endswith("IN_PROGRESS")


def said(one: Scheduled, **given: Any) -> list[Any]:
    """What a scorer says of what it is given: feedback, and its errors as such."""
    from mlflow.entities import Assessment, AssessmentError, AssessmentSource, Feedback

    source = AssessmentSource(source_type="CODE", source_id=one.name)
    if one.scorer is None:
        error = AssessmentError(error_code="SCORER_ERROR", error_message=one.fault)
        return [Feedback(name=one.name, error=error, source=source)]
    try:
        found = one.scorer.run(**given)
    except Exception as fault:
        error = AssessmentError(error_code="SCORER_ERROR", error_message=str(fault))
        return [Feedback(name=one.scorer.name, error=error, source=source)]
    if found is None:
        return []
    return [
        told
        if isinstance(told, Assessment)
        else Feedback(name=one.scorer.name, value=told, source=source)
        for told in (found if isinstance(found, list) else [found])
    ]


def leave(trace_id: str, told: Sequence[Any], marks: Mapping[str, str]) -> bool:
    """Put assessments on a trace; whether they say anything but an error."""
    import mlflow

    for one in told:
        one.trace_id = trace_id
        one.metadata = {**(one.metadata or {}), **marks}
        mlflow.log_assessment(trace_id=trace_id, assessment=one)
    return not any(getattr(one, "error", None) for one in told)

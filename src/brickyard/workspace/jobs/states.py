"""States of runs and tasks, in both shapes that the Jobs API shows: `state` and `status`."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

FAILED_RESULTS = frozenset({"FAILED", "TIMEDOUT", "UPSTREAM_FAILED"})
CANCELED_RESULTS = frozenset({"CANCELED", "UPSTREAM_CANCELED"})
SKIPPED_AFTER = "This caused all downstream tasks to get skipped."
INTERRUPTED = "interrupted: the workspace stopped"


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """How a task or run ended. `code` is the termination code of the newer `status`."""

    result: str  # SUCCESS, FAILED, TIMEDOUT, CANCELED, EXCLUDED, UPSTREAM_FAILED, ...
    message: str = ""
    code: str = ""
    life_cycle: str = "TERMINATED"
    fields: Mapping[str, Any] | None = None  # more of the task run to keep: outcome, error, ...

    @property
    def ok(self) -> bool:
        return self.result in ("SUCCESS", "EXCLUDED", "SUCCESS_WITH_FAILURES", "DISABLED")


CODES: Mapping[str, str] = {
    "SUCCESS": "SUCCESS",
    "SUCCESS_WITH_FAILURES": "SUCCESS_WITH_FAILURES",
    "FAILED": "RUN_EXECUTION_ERROR",
    "TIMEDOUT": "CANCELED",
    "CANCELED": "USER_CANCELED",
    "UPSTREAM_CANCELED": "USER_CANCELED",
    "EXCLUDED": "SKIPPED",
    "DISABLED": "DISABLED",
    "UPSTREAM_FAILED": "SKIPPED",
    "MAXIMUM_CONCURRENT_RUNS_REACHED": "MAX_CONCURRENT_RUNS_EXCEEDED",
}


def going_on(life_cycle: str, message: str = "") -> dict[str, Any]:
    """`state` and `status` of something that has not ended."""
    newer = {"QUEUED": "QUEUED", "BLOCKED": "BLOCKED", "PENDING": "PENDING"}
    return {
        "state": {
            "life_cycle_state": life_cycle,
            "state_message": message,
            "user_cancelled_or_timedout": False,
        },
        "status": {"state": newer.get(life_cycle, "RUNNING")},
    }


def ended(outcome: Outcome) -> dict[str, Any]:
    """`state` and `status` of something that has ended."""
    code = outcome.code or CODES.get(outcome.result, "RUN_EXECUTION_ERROR")
    kind = "SUCCESS" if outcome.ok else "CLIENT_ERROR"
    if outcome.code == "INTERNAL_ERROR":
        kind = "INTERNAL_ERROR"
    details = {"code": code, "type": kind, "message": outcome.message}
    return {
        "state": {
            "life_cycle_state": outcome.life_cycle,
            "result_state": outcome.result,
            "state_message": outcome.message,
            "user_cancelled_or_timedout": outcome.result in ("CANCELED", "TIMEDOUT"),
        },
        "status": {"state": "TERMINATED", "termination_details": details},
    }


def should_run(run_if: str, upstream: Iterable[str]) -> bool:
    """Whether a task may run, given the results of the tasks it depends on."""
    results = list(upstream)
    good = [r in ("SUCCESS", "SUCCESS_WITH_FAILURES") for r in results]
    bad = [r in FAILED_RESULTS or r in CANCELED_RESULTS for r in results]
    excluded = [r in ("EXCLUDED", "DISABLED") for r in results]
    if not results:
        return True
    match run_if:
        case "ALL_DONE":
            return True
        case "NONE_FAILED":
            return not any(bad) and not all(excluded)
        case "AT_LEAST_ONE_SUCCESS":
            return any(good)
        case "ALL_FAILED":
            return all(bad)
        case "AT_LEAST_ONE_FAILED":
            return any(bad)
    return not any(bad) and not any(excluded)


def not_run(run_if: str, upstream: Iterable[str]) -> Outcome:
    """The outcome of a task whose `run_if` does not hold."""
    results = [] if run_if in ("ALL_FAILED", "AT_LEAST_ONE_FAILED") else list(upstream)
    if any(r in CANCELED_RESULTS for r in results):
        return Outcome(
            result="UPSTREAM_CANCELED",
            message="An upstream task was canceled.",
            life_cycle="SKIPPED",
        )
    if any(r in FAILED_RESULTS for r in results):
        return Outcome(
            result="UPSTREAM_FAILED", message="An upstream task failed.", life_cycle="SKIPPED"
        )
    message = "The task was excluded: its run_if or condition does not hold."
    return Outcome(result="EXCLUDED", message=message, life_cycle="SKIPPED")


def of_run(tasks: Mapping[str, Outcome], leaves: Iterable[str]) -> Outcome:
    """The outcome of a run: its leaf tasks decide; a failure elsewhere is mentioned."""
    at_leaves = [tasks[key] for key in leaves]
    failed = {key: one for key, one in tasks.items() if one.result in ("FAILED", "TIMEDOUT")}
    if all(one.ok for one in at_leaves):
        return Outcome(result="SUCCESS_WITH_FAILURES" if failed else "SUCCESS")
    if failed:
        key, first = next(iter(failed.items()))
        many = f" ({len(failed)} tasks failed.)" if len(failed) > 1 else ""
        message = f"Task {key} failed with message: {first.message}{many}"
        if any(one.result == "UPSTREAM_FAILED" for one in tasks.values()):
            message = f"{message.removesuffix('.')}. {SKIPPED_AFTER}"
        return Outcome(
            result="FAILED",
            message=message,
            code=first.code or "RUN_EXECUTION_ERROR",
            life_cycle="INTERNAL_ERROR",
        )
    return Outcome(result="CANCELED", message="The run was canceled.")

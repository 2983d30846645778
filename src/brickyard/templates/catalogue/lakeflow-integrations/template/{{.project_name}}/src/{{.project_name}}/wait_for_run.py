"""Waits until the newest run of another job has ended, and fails if it did.

Without a job there is nothing to wait for.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Callable
from typing import Any

PAUSE_S = 5.0


def wait(
    client: Any,
    job_id: int,
    timeout_s: float,
    *,
    pause: Callable[[float], None] = time.sleep,
    clock: Callable[[], float] = time.monotonic,
) -> str:
    """The result of the run. Raises TimeoutError, and RuntimeError for a run that failed."""
    give_up_at = clock() + timeout_s
    while True:
        run = next(iter(client.jobs.list_runs(job_id=job_id, limit=1)), None)
        result = run.state.result_state if run is not None and run.state is not None else None
        if result is not None:
            if result.value != "SUCCESS":
                raise RuntimeError(f"run {run.run_id} of job {job_id} ended as {result.value}")
            return str(result.value)
        if clock() > give_up_at:
            raise TimeoutError(f"job {job_id} has no run that ended within {timeout_s:.0f} seconds")
        pause(PAUSE_S)


def main() -> None:
    job, timeout = (*sys.argv[1:], "", "")[:2]
    if not job:
        print("no job is named: nothing to wait for")
        return
    from databricks.sdk import WorkspaceClient

    print(f"job {job}: {wait(WorkspaceClient(), int(job), float(timeout or 3600))}")


if __name__ == "__main__":
    main()

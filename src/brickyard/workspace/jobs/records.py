"""Jobs, runs and task runs at rest. Every change is committed before the caller goes on."""

from __future__ import annotations

import secrets
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from sqlalchemy import Row, and_, delete, func, insert, select, update

from brickyard.workspace.jobs.states import INTERRUPTED, Outcome, ended
from brickyard.workspace.jobs.tables import JOBS, RUNS, TASK_RUNS
from brickyard.workspace.kernel import Store, now_ms

LAST_RUNS = 10


@dataclass(frozen=True, slots=True, kw_only=True)
class Job:
    job_id: int
    workspace: str
    creator: str
    created_ms: int
    settings: Mapping[str, Any]

    @property
    def name(self) -> str:
        return str(self.settings.get("name", ""))


@dataclass(frozen=True, slots=True, kw_only=True)
class Run:
    """A job run or a submitted run. `data` is what the API shows, plus names starting with `_`."""

    run_id: int
    workspace: str
    job_id: int | None
    start_ms: int
    active: bool
    data: Mapping[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class TaskRun:
    """One attempt of a task."""

    run_id: int
    root_id: int
    parent_id: int
    workspace: str
    task_key: str
    sequence: int
    active: bool
    data: Mapping[str, Any]


def new_id() -> int:
    """15 digits: an int64 that a JavaScript client can hold, as the service's are."""
    return 100_000_000_000_000 + secrets.randbelow(899_999_999_999_999)


class Records:
    def __init__(self, store: Store) -> None:
        self._store = store

    def add_job(self, workspace: str, creator: str, settings: Mapping[str, Any]) -> Job:
        job_id, created = new_id(), now_ms()
        row = {"job_id": job_id, "workspace": workspace, "creator": creator}
        row |= {"created_ms": created, "settings": settings, "name": settings.get("name", "")}
        with self._store.begin() as tx:
            tx.execute(insert(JOBS).values(**row))
        return Job(
            job_id=job_id,
            workspace=workspace,
            creator=creator,
            created_ms=created,
            settings=settings,
        )

    def job(self, workspace: str, job_id: int) -> Job | None:
        wanted = and_(JOBS.c.workspace == workspace, JOBS.c.job_id == job_id)
        with self._store.read() as tx:
            row = tx.execute(select(JOBS).where(wanted)).first()
        return _job(row) if row else None

    def jobs(self, workspace: str | None = None, name: str = "") -> list[Job]:
        """Newest first. The name is matched whole, ignoring case."""
        query = select(JOBS).order_by(JOBS.c.created_ms.desc(), JOBS.c.job_id.desc())
        if workspace is not None:
            query = query.where(JOBS.c.workspace == workspace)
        if name:
            query = query.where(func.lower(JOBS.c.name) == name.lower())
        with self._store.read() as tx:
            return [_job(row) for row in tx.execute(query)]

    def change_job(self, job: Job, settings: Mapping[str, Any]) -> Job:
        values = {"settings": settings, "name": settings.get("name", "")}
        with self._store.begin() as tx:
            tx.execute(update(JOBS).where(JOBS.c.job_id == job.job_id).values(**values))
        return replace(job, settings=settings)

    def remove_job(self, job_id: int) -> None:
        with self._store.begin() as tx:
            tx.execute(delete(JOBS).where(JOBS.c.job_id == job_id))

    def add_run(
        self, workspace: str, job_id: int | None, data: dict[str, Any], token: str | None
    ) -> tuple[Run, bool]:
        """The run, and whether it is new: a known idempotency token gives the run it made."""
        with self._store.begin() as tx:
            if token:
                same = and_(RUNS.c.workspace == workspace, RUNS.c.idempotency_token == token)
                known = tx.execute(select(RUNS).where(same)).first()
                if known is not None:
                    return _run(known), False
            run_id = new_id()
            data = {**data, "run_id": run_id}
            if job_id is not None:
                tx.execute(
                    update(JOBS)
                    .where(JOBS.c.job_id == job_id)
                    .values(runs_started=JOBS.c.runs_started + 1)
                )
                number = select(JOBS.c.runs_started).where(JOBS.c.job_id == job_id)
                data["number_in_job"] = tx.execute(number).scalar() or 1
            row: dict[str, Any] = {"run_id": run_id, "workspace": workspace, "job_id": job_id}
            row["active"] = True
            row |= {"start_ms": data["start_time"], "idempotency_token": token, "run": data}
            tx.execute(insert(RUNS).values(**row))
            made = tx.execute(select(RUNS).where(RUNS.c.run_id == run_id)).one()
        return _run(made), True

    def run(self, workspace: str, run_id: int) -> Run | None:
        wanted = and_(RUNS.c.workspace == workspace, RUNS.c.run_id == run_id)
        with self._store.read() as tx:
            row = tx.execute(select(RUNS).where(wanted)).first()
        return _run(row) if row else None

    def runs(
        self, workspace: str | None = None, job_id: int | None = None, active: bool | None = None
    ) -> list[Run]:
        """Newest first."""
        query = select(RUNS).order_by(RUNS.c.start_ms.desc(), RUNS.c.run_id.desc())
        if workspace is not None:
            query = query.where(RUNS.c.workspace == workspace)
        if job_id is not None:
            query = query.where(RUNS.c.job_id == job_id)
        if active is not None:
            query = query.where(RUNS.c.active == active)
        with self._store.read() as tx:
            return [_run(row) for row in tx.execute(query)]

    def last_runs(self, job_id: int) -> list[Run]:
        """The newest few runs of a job, newest first."""
        query = select(RUNS).where(RUNS.c.job_id == job_id).limit(LAST_RUNS)
        with self._store.read() as tx:
            rows = tx.execute(query.order_by(RUNS.c.start_ms.desc(), RUNS.c.run_id.desc()))
            return [_run(row) for row in rows]

    def change_run(self, run_id: int, changes: Mapping[str, Any], *, active: bool = True) -> None:
        wanted = RUNS.c.run_id == run_id
        with self._store.begin() as tx:
            data = tx.execute(select(RUNS.c.run).where(wanted)).scalar()
            if data is not None:
                merged = {**data, **changes}
                tx.execute(update(RUNS).where(wanted).values(run=merged, active=active))

    def remove_run(self, run_id: int) -> Sequence[int]:
        """Forget the run and its task runs; their ids."""
        with self._store.begin() as tx:
            of_run = TASK_RUNS.c.root_id == run_id
            ids = list(tx.execute(select(TASK_RUNS.c.run_id).where(of_run)).scalars())
            tx.execute(delete(TASK_RUNS).where(of_run))
            tx.execute(delete(RUNS).where(RUNS.c.run_id == run_id))
        return ids

    def add_task_run(
        self, root: Run, parent_id: int, sequence: int, data: Mapping[str, Any]
    ) -> TaskRun:
        run_id = new_id()
        with self._store.begin() as tx:
            row: dict[str, Any] = {"run_id": run_id, "root_id": root.run_id, "parent_id": parent_id}
            row |= {"workspace": root.workspace, "task_key": data["task_key"], "active": True}
            row |= {"sequence": sequence, "task": {**data, "run_id": run_id}}
            tx.execute(insert(TASK_RUNS).values(**row))
            made = tx.execute(select(TASK_RUNS).where(TASK_RUNS.c.run_id == run_id)).one()
        return _task(made)

    def task_run(self, workspace: str, run_id: int) -> TaskRun | None:
        wanted = and_(TASK_RUNS.c.workspace == workspace, TASK_RUNS.c.run_id == run_id)
        with self._store.read() as tx:
            row = tx.execute(select(TASK_RUNS).where(wanted)).first()
        return _task(row) if row else None

    def task_runs(self, parent_id: int) -> list[TaskRun]:
        """Every attempt, in the order in which the tasks are declared, then by attempt."""
        query = select(TASK_RUNS).where(TASK_RUNS.c.parent_id == parent_id)
        with self._store.read() as tx:
            found = [_task(row) for row in tx.execute(query)]
        return sorted(found, key=lambda one: (one.sequence, one.data["attempt_number"]))

    def change_task(self, run_id: int, changes: Mapping[str, Any], *, active: bool = True) -> None:
        wanted = TASK_RUNS.c.run_id == run_id
        with self._store.begin() as tx:
            data = tx.execute(select(TASK_RUNS.c.task).where(wanted)).scalar()
            if data is not None:
                merged = {**data, **changes}
                tx.execute(update(TASK_RUNS).where(wanted).values(task=merged, active=active))

    def interrupt_all(self) -> int:
        """Mark whatever was active when the workspace last stopped; the number of runs."""
        outcome = Outcome(
            result="FAILED", message=INTERRUPTED, code="INTERNAL_ERROR", life_cycle="INTERNAL_ERROR"
        )
        changes = {**ended(outcome), "end_time": now_ms()}
        with self._store.read() as tx:
            tasks = list(tx.execute(select(TASK_RUNS.c.run_id).where(TASK_RUNS.c.active)).scalars())
        runs = [run.run_id for run in self.runs(active=True)]
        for run_id in tasks:
            self.change_task(run_id, changes, active=False)
        for run_id in runs:
            self.change_run(run_id, changes, active=False)
        return len(runs)


def latest(tasks: Iterable[TaskRun]) -> dict[str, TaskRun]:
    """The last attempt of each task, by key."""
    return {one.task_key: one for one in tasks}


def _job(row: Row[Any]) -> Job:
    return Job(
        job_id=row.job_id,
        workspace=row.workspace,
        creator=row.creator,
        created_ms=row.created_ms,
        settings=row.settings,
    )


def _run(row: Row[Any]) -> Run:
    return Run(
        run_id=row.run_id,
        workspace=row.workspace,
        job_id=row.job_id,
        start_ms=row.start_ms,
        active=row.active,
        data=row.run,
    )


def _task(row: Row[Any]) -> TaskRun:
    return TaskRun(
        run_id=row.run_id,
        root_id=row.root_id,
        parent_id=row.parent_id,
        workspace=row.workspace,
        task_key=row.task_key,
        sequence=row.sequence,
        active=row.active,
        data=row.task,
    )

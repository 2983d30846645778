"""The tables of jobs. Settings and runs are kept whole, as JSON; columns are for searching."""

from __future__ import annotations

from sqlalchemy import JSON, BigInteger, Boolean, Column, Index, Integer, String, Table

from brickyard.workspace.kernel import METADATA

JOBS = Table(
    "jobs_jobs",
    METADATA,
    Column("job_id", BigInteger, primary_key=True, autoincrement=False),
    Column("workspace", String, nullable=False, index=True),
    Column("name", String, nullable=False, default=""),
    Column("creator", String, nullable=False),
    Column("created_ms", BigInteger, nullable=False),
    Column("runs_started", Integer, nullable=False, default=0),
    Column("settings", JSON, nullable=False),
)

RUNS = Table(
    "jobs_runs",
    METADATA,
    Column("run_id", BigInteger, primary_key=True, autoincrement=False),
    Column("workspace", String, nullable=False),
    Column("job_id", BigInteger),
    Column("start_ms", BigInteger, nullable=False),
    Column("active", Boolean, nullable=False),
    Column("idempotency_token", String),
    Column("run", JSON, nullable=False),
    Index("jobs_runs_by_job", "workspace", "job_id", "start_ms"),
    Index("jobs_runs_by_token", "workspace", "idempotency_token", unique=True),
)

# Every attempt of every task, and every iteration of a for-each task (whose parent is that task).
TASK_RUNS = Table(
    "jobs_task_runs",
    METADATA,
    Column("run_id", BigInteger, primary_key=True, autoincrement=False),
    Column("root_id", BigInteger, nullable=False, index=True),
    Column("parent_id", BigInteger, nullable=False, index=True),
    Column("workspace", String, nullable=False),
    Column("task_key", String, nullable=False),
    Column("sequence", Integer, nullable=False),
    Column("active", Boolean, nullable=False),
    Column("task", JSON, nullable=False),
)

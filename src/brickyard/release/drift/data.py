"""Data drift: what quality monitors measured, and how far tables went from the release's.

A table is compared with itself at the version that the release's record names, by Delta's time
travel, or with a baseline table. Samples of about 10,000 rows are fetched through a warehouse and
compared here, so that it is the same on Databricks and on the embedded workspace.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, Final

from brickyard.deploy import ApiFailure, Project
from brickyard.release.distances import of_numbers, of_texts
from brickyard.release.drift.findings import Finding, State
from brickyard.release.drift_settings import Watched
from brickyard.release.faults import StepFailed
from brickyard.release.monitors import measured, monitor_of, refresh
from brickyard.release.records import ReleaseRecord
from brickyard.release.requirements import Outcome, Requirement, judge
from brickyard.release.warehouse import run_statement, warehouse_id

KIND: Final = "data"
SAMPLE: Final = 10_000
MOST_VALUES: Final = 1_000


def data_drift(
    project: Project, record: ReleaseRecord | None, watched: tuple[Watched, ...]
) -> Iterator[Finding]:
    """A finding for each requirement; what can't be measured is unknown."""
    for one in watched:
        subject = one.monitor or one.table
        try:
            found = _monitor(project, one) if one.monitor else _table(project, record, one)
            yield from found
        except (StepFailed, ApiFailure) as fault:
            yield Finding(kind=KIND, subject=subject, state=State.UNKNOWN, detail=str(fault))


def _monitor(project: Project, one: Watched) -> list[Finding]:
    entry = project.store.pull().state.entries.get(f"resources.quality_monitors.{one.monitor}")
    if entry is None:
        raise StepFailed(f"resources.quality_monitors.{one.monitor} is not deployed")
    if one.refresh:
        refresh(project, entry.id, lambda text: None)
    numbers = measured(project, monitor_of(project, entry.id), warehouse_id(project, one.warehouse))
    return [_finding(entry.id, "", outcome) for outcome in judge(one.requirements, numbers)]


def _table(project: Project, record: ReleaseRecord | None, one: Watched) -> list[Finding]:
    name = _full_name(project, one)
    warehouse = warehouse_id(project, one.warehouse)
    baseline = _quoted(one.baseline) if one.baseline else _as_released(name, record)
    found = []
    for column, limits in one.columns.items():
        distances = _distances(project, warehouse, baseline, _quoted(name), column, limits)
        found += [_finding(name, column, outcome) for outcome in judge(limits, distances)]
    return found


def _as_released(name: str, record: ReleaseRecord | None) -> str:
    known = (record.data.get(name) or {}).get("version") if record is not None else None
    if known is None:
        raise StepFailed(
            f"the live release recorded no version of {name}: name a `baseline` table, or release"
            " again after the table was written"
        )
    return f"{_quoted(name)} VERSION AS OF {int(known)}"


def _distances(
    project: Project,
    warehouse: str,
    baseline: str,
    table: str,
    column: str,
    limits: tuple[Requirement, ...],
) -> dict[str, float]:
    name = f"`{column.replace('`', '``')}`"
    counts = [_count(project, warehouse, source, name) for source in (baseline, table)]
    found: dict[str, float] = {"count": float(counts[1]["n"])}
    if counts[1]["n"]:
        found["nulls"] = 1 - counts[1]["filled"] / counts[1]["n"]
    if not {one.metric for one in limits} - found.keys():
        return found
    samples = [
        _sample(project, warehouse, source, name, filled=int(counted["filled"]))
        for source, counted in zip((baseline, table), counts, strict=True)
    ]
    if all(isinstance(value, int | float) for sample in samples for value in sample):
        return found | of_numbers(*([float(one) for one in sample] for sample in samples))
    texts = [_texts(project, warehouse, source, name) for source in (baseline, table)]
    return found | of_texts(*texts)


def _count(project: Project, warehouse: str, source: str, name: str) -> dict[str, Any]:
    sql = f"SELECT count(*) AS n, count({name}) AS filled FROM {source}"
    return run_statement(project, sql, warehouse=warehouse).as_dicts()[0]


def _sample(project: Project, warehouse: str, source: str, name: str, *, filled: int) -> list[Any]:
    statement = sample_statement(source, name, filled)
    return [row[0] for row in run_statement(project, statement, warehouse=warehouse).values]


def sample_statement(source: str, name: str, filled: int) -> str:
    """Asks for the values without nulls; where there are many, for each with the same chance.

    Not `ORDER BY rand() LIMIT`: engines that keep the first rows of an order drop others by a
    bound that they compare with a fresh random number, which favours what is read first; and a
    seeded `rand` may begin again with every batch of rows.
    """
    statement = f"SELECT {name} AS v FROM {source} WHERE {name} IS NOT NULL"
    return statement if filled <= SAMPLE else f"{statement} AND rand() < {SAMPLE / filled:.12f}"


def _texts(project: Project, warehouse: str, source: str, name: str) -> Mapping[str, int]:
    sql = (
        f"SELECT CAST({name} AS STRING) AS v, count(*) AS n FROM {source} WHERE {name} IS NOT NULL"
        f" GROUP BY 1 ORDER BY n DESC, v LIMIT {MOST_VALUES}"
    )
    return {
        str(row[0]): int(row[1]) for row in run_statement(project, sql, warehouse=warehouse).values
    }


def _finding(subject: str, column: str, outcome: Outcome) -> Finding:
    """A number that is there and too far is drift; one that is not there is unknown."""
    state = State.OK if outcome.holds else State.DRIFT
    metric = outcome.requirement.metric
    return Finding(
        kind=KIND,
        subject=subject,
        field=f"{column}.{metric}" if column else metric,
        state=State.UNKNOWN if outcome.value is None else state,
        recorded=f"{outcome.requirement.test} {outcome.requirement.limit:g}",
        actual=outcome.value,
        detail=str(outcome),
    )


def _full_name(project: Project, one: Watched) -> str:
    if not one.schema:
        return one.table
    entry = project.store.pull().state.entries.get(f"resources.schemas.{one.schema}")
    if entry is None:
        raise StepFailed(f"resources.schemas.{one.schema} is not deployed")
    return f"{entry.id}.{one.table}"


def _quoted(name: str) -> str:
    return ".".join(f"`{part.strip('`')}`" for part in name.split("."))

"""Jobs that start by themselves, live: when files come, when tables change, and continuously."""

from __future__ import annotations

import io
import time
import uuid
from collections.abc import Callable
from typing import Any

import pytest
from databricks.sdk import WorkspaceClient
from databricks.sdk.errors import InvalidParameterValue
from databricks.sdk.service import jobs
from databricks.sdk.service.catalog import VolumeType
from job_tasks import condition, ended, failing


def until(found: Callable[[], Any]) -> Any:
    give_up_at = time.monotonic() + 120
    while not (value := found()):
        assert time.monotonic() < give_up_at, "it did not happen"
        time.sleep(0.05)
    return value


@pytest.fixture
def schema(dev: WorkspaceClient) -> str:
    name = f"triggers_{uuid.uuid4().hex[:8]}"
    dev.schemas.create(name=name, catalog_name="dev")
    dev.volumes.create("dev", name, "v", VolumeType.MANAGED)
    return name


@pytest.mark.documented
@pytest.mark.slow
def test_files_and_tables_start_jobs(dev: WorkspaceClient, schema: str) -> None:
    volume, table = f"/Volumes/dev/{schema}/v", f"dev.{schema}.t"
    warehouse = next(iter(dev.warehouses.list())).id
    sql = dev.statement_execution.execute_statement
    sql(f"CREATE TABLE {table} (n INT)", warehouse)
    dev.files.upload(f"{volume}/in/old.txt", io.BytesIO(b"old"))
    arrival = jobs.FileArrivalTriggerConfiguration(url=f"{volume}/in/")
    update = jobs.TableUpdateTriggerConfiguration(table_names=[table])
    files, tables, paused = (
        dev.jobs.create(name="triggered", trigger=trigger, tasks=[condition("a")]).job_id
        for trigger in (
            jobs.TriggerSettings(file_arrival=arrival),
            jobs.TriggerSettings(table_update=update),
            jobs.TriggerSettings(file_arrival=arrival, pause_status=jobs.PauseStatus.PAUSED),
        )
    )

    def triggers(job_id: int) -> list[str]:
        return [run.trigger.value for run in dev.jobs.list_runs(job_id=job_id)]

    dev.files.upload(f"{volume}/elsewhere.txt", io.BytesIO(b"x"))
    time.sleep(1.5)
    assert triggers(files) == triggers(tables) == []
    dev.files.upload(f"{volume}/in/deep/new.txt", io.BytesIO(b"new"))
    sql(f"INSERT INTO {table} VALUES (1)", warehouse)
    until(lambda: triggers(files))
    until(lambda: triggers(tables))
    assert triggers(files) == ["FILE_ARRIVAL"]
    assert triggers(tables) == ["TABLE"]
    assert triggers(paused) == []


@pytest.mark.documented
def test_a_continuous_job_goes_on_until_it_is_paused_and_pauses_after_failures(
    dev: WorkspaceClient,
) -> None:
    on = jobs.Continuous(pause_status=jobs.PauseStatus.UNPAUSED)
    good = dev.jobs.create(name="on and on", continuous=on, tasks=[condition("a")]).job_id
    bad = dev.jobs.create(name="badly", continuous=on, tasks=[failing("a")]).job_id

    def ran(job_id: int) -> list[jobs.BaseRun]:
        return list(dev.jobs.list_runs(job_id=job_id))

    until(lambda: len(ran(good)) >= 2)
    assert {run.trigger for run in ran(good)} == {jobs.TriggerType.CONTINUOUS}
    assert len(ran(bad)) < len(ran(good))
    off = jobs.Continuous(pause_status=jobs.PauseStatus.PAUSED)
    for job_id in (good, bad):
        dev.jobs.update(job_id, new_settings=jobs.JobSettings(continuous=off))
    ended(dev, ran(good)[0].run_id)
    count = len(ran(good))
    time.sleep(1.5)
    assert len(ran(good)) == count


@pytest.mark.documented
def test_triggers_that_cannot_be_are_refused(dev: WorkspaceClient) -> None:
    url = "/Volumes/dev/a/b/"
    soon = jobs.FileArrivalTriggerConfiguration(url=url, min_time_between_triggers_seconds=5)
    with pytest.raises(InvalidParameterValue, match="at least 60"):
        dev.jobs.create(name="soon", trigger=jobs.TriggerSettings(file_arrival=soon))
    both = {
        "schedule": jobs.CronSchedule(quartz_cron_expression="0 0 1 * * ?", timezone_id="UTC"),
        "continuous": jobs.Continuous(),
    }
    with pytest.raises(InvalidParameterValue, match="only one of"):
        dev.jobs.create(name="both", **both)

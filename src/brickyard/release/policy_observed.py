"""What the bundle's jobs and pipelines really read and wrote in the target's workspace.

The embedded workspace keeps every access with its run and its identity
(`/api/2.0/brickyard/accesses`). On Databricks the system table `system.access.table_lineage` has
it: it is asked through a SQL warehouse that runs already; none is started for it.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final

from brickyard.deploy import Project, Workspace
from brickyard.policy import Access, Environment, Mode, Securable
from brickyard.policy.references import place

EMBEDDED: Final = "/api/2.0/brickyard/accesses"
LINEAGE: Final = """\
SELECT DISTINCT entity_type, entity_id, source_table_full_name, target_table_full_name
FROM system.access.table_lineage
WHERE event_date > current_date() - INTERVAL 30 DAYS
  AND entity_type IN ('JOB', 'PIPELINE') AND entity_id IN ({ids})"""
MAX_RUNS: Final = 25
SECURABLES: Final = {one.value: one for one in Securable}


class NothingToAsk(Exception):
    """The workspace has nobody who could tell now."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Window:
    """One run: its names as the workspace's sources have them, its identity, and when it was."""

    address: str
    sources: frozenset[str]
    principal: str
    start: int
    end: int

    def covers(self, one: Mapping[str, Any]) -> bool:
        if str(one.get("source", "")).startswith(tuple(self.sources)):
            return True
        same = one.get("principal") == self.principal
        return same and self.start <= int(one.get("at", 0)) <= self.end


def observed(project: Project, client: Workspace, _rule: Environment) -> Iterator[Access]:
    """Accesses of the deployed jobs and pipelines, each once."""
    places = {one.address: place(one.value) for one in project.resolved.resources if not one.part}
    ids = _deployed(project, client)
    found = _embedded(client, ids) if project.address.is_embedded else _databricks(client, ids)
    seen: set[tuple[str, str, str]] = set()
    for address, securable, name, mode in found:
        if (address, name, mode) in seen or address not in places:
            continue
        seen.add((address, name, mode))
        file, line, column = places[address]
        yield Access(
            securable=securable,
            full_name=name,
            mode=Mode.WRITE if mode == "write" else Mode.READ,
            file=file,
            line=line,
            column=column,
            evidence="observed",
            resource=address,
        )


Found = tuple[str, Securable, str, str]  # address, securable, full name, mode


def _deployed(project: Project, client: Workspace) -> dict[str, str]:
    """Address to id of the jobs and pipelines that are deployed."""
    from dataclasses import replace

    connected = replace(project, client=client)
    entries = connected.store.pull().state.entries
    return {
        address: str(entry.id)
        for address, entry in entries.items()
        if address.startswith(("resources.jobs.", "resources.pipelines."))
        and address.count(".") == 2
    }


def _embedded(client: Workspace, ids: Mapping[str, str]) -> Iterator[Found]:
    windows = [window for address, id in ids.items() for window in _windows(client, address, id)]
    if not windows:
        return
    since = min(one.start for one in windows)
    for one in client.pages(EMBEDDED, "accesses", {"since": since}):
        for window in windows:
            if window.covers(one):
                securable = SECURABLES.get(str(one.get("kind", "")), Securable.TABLE)
                yield window.address, securable, str(one["full_name"]), str(one["mode"])


def _windows(client: Workspace, address: str, id: str) -> Iterator[Window]:
    if address.startswith("resources.jobs."):
        query = {"job_id": id, "limit": MAX_RUNS, "expand_tasks": True}
        answer = client.get("/api/2.2/jobs/runs/list", query)
        for run in answer.get("runs") or ():
            runs = (run, *(run.get("tasks") or ()))
            yield Window(
                address=address,
                sources=frozenset(f"run-{one['run_id']}" for one in runs if "run_id" in one),
                principal=str(run.get("run_as_user_name") or run.get("creator_user_name") or ""),
                start=int(run.get("start_time") or 0),
                end=int(run.get("end_time") or 0) or 2**62,
            )
        return
    pipeline = client.get(f"/api/2.0/pipelines/{id}")
    answer = client.get(f"/api/2.0/pipelines/{id}/updates", {"max_results": MAX_RUNS})
    for update in answer.get("updates") or ():
        start = int(update.get("creation_time") or 0)
        yield Window(
            address=address,
            sources=frozenset({f"update-{str(update['update_id'])[:8]}"}),
            principal=str(pipeline.get("run_as_user_name") or pipeline.get("creator_user_name")),
            start=start,
            end=start + 3_600_000,
        )


def _databricks(client: Workspace, ids: Mapping[str, str]) -> Iterator[Found]:
    if not ids:
        return
    warehouses = client.get("/api/2.0/sql/warehouses").get("warehouses") or ()
    running = next((one["id"] for one in warehouses if one.get("state") == "RUNNING"), None)
    if running is None:
        raise NothingToAsk("no SQL warehouse runs now that could read system.access.table_lineage")
    by_id = {id: address for address, id in ids.items()}
    listed = ", ".join(f"'{id}'" for id in by_id if id.replace("-", "").isalnum())
    answer = client.post(
        "/api/2.0/sql/statements",
        {"warehouse_id": running, "statement": LINEAGE.format(ids=listed), "wait_timeout": "30s"},
    )
    state = (answer.get("status") or {}).get("state")
    if state != "SUCCEEDED":
        raise NothingToAsk(f"the query of system.access.table_lineage ended as {state}")
    yield from _rows((answer.get("result") or {}).get("data_array") or (), by_id)


def _rows(rows: Iterable[Any], by_id: Mapping[str, str]) -> Iterator[Found]:
    for _kind, id, source, target in rows:
        for name, mode in ((source, "read"), (target, "write")):
            if name:
                yield by_id.get(str(id), ""), Securable.TABLE, str(name), mode

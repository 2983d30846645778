"""Configuration drift: every recorded field against what the workspace says now.

The comparison is the planner's own, with what was recorded in the place of what is wanted: it knows
which fields a service fills in or never tells. Besides the bundle's resources, the aliases and
endpoints are looked at that the live release moved.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from fnmatch import fnmatchcase
from typing import Any, Final

from brickyard.deploy import ApiFailure, Project
from brickyard.deploy.calls import Caller
from brickyard.deploy.plan import (
    Action,
    Actual,
    Change,
    access_changes,
    changes_of,
    declaration,
)
from brickyard.deploy.planning import read_actual
from brickyard.deploy.seals import MARK, redact
from brickyard.deploy.state import Entry
from brickyard.release.drift.findings import Finding, State
from brickyard.release.endpoints import fits, servable
from brickyard.release.records import ReleaseRecord
from brickyard.release.versions import alias_version, prompt_alias_version

KIND: Final = "configuration"
# Where services say who changed an object last, and when (milliseconds or text).
CHANGERS: Final = ("updated_by", "last_modified_by", "modified_by", "last_updated_user", "updater")
TIMES: Final = (
    "updated_at",
    "update_time",
    "last_modified",
    "modified_at",
    "last_updated_timestamp",
    "last_update_time",
)


def configuration_drift(
    project: Project, record: ReleaseRecord | None, ignore: tuple[str, ...]
) -> Iterator[Finding]:
    """A finding for each field that differs, and one `ok` where nothing does."""
    recorded = project.store.pull().state
    actual = read_actual(recorded, Caller(workspace=project.workspace))
    count = 0
    for address, entry in sorted(recorded.entries.items()):
        for found in _of_entry(address, entry, actual.get(address)):
            if not _is_ignored(found, ignore):
                count += 1
                yield found
    if record is not None:
        for found in _of_release(project, record):
            if not _is_ignored(found, ignore):
                count += 1
                yield found
    if count == 0:
        detail = f"{len(recorded.entries)} resources are as they were recorded"
        yield Finding(kind=KIND, subject="resources", state=State.OK, detail=detail)


def _of_entry(address: str, entry: Entry, found: Actual | None) -> Iterator[Finding]:
    if found is None:
        yield Finding(kind=KIND, subject=address, state=State.DRIFT, detail="it is gone")
        return
    who, when = _changer(found.whole)
    for path, change in sorted(_changes(address, entry, found).items()):
        if change.action is Action.SKIP or str(change.old).startswith(MARK):
            continue
        yield Finding(
            kind=KIND,
            subject=address,
            state=State.DRIFT,
            field=path,
            recorded=redact(change.old),
            actual=redact(change.remote),
            who=who,
            when=when,
        )


def _changes(address: str, entry: Entry, found: Actual) -> Mapping[str, Change]:
    kind, access = declaration(address)
    if access is not None:
        value = access.entries_of_state(dict(entry.state))
        return access_changes(access, entry, value, found)
    return changes_of(kind, entry, entry.state, found)


def _of_release(project: Project, record: ReleaseRecord) -> Iterator[Finding]:
    """Aliases and endpoints that the release moved and somebody moved since."""
    kinds = (
        ("models", record.models, alias_version),
        ("prompts", record.prompts, prompt_alias_version),
    )
    for _, versions, ask in kinds:
        for name, one in versions.items():
            for alias, version in (one.get("aliases") or {}).items():
                now = ask(project, name, alias)
                if now != str(version):
                    yield Finding(
                        kind=KIND,
                        subject=name,
                        field=f"alias {alias}",
                        state=State.DRIFT,
                        recorded=str(version),
                        actual=now or None,
                    )
    for name, config in record.endpoints.items():
        yield from _of_endpoint(project, name, config)


def _of_endpoint(project: Project, name: str, config: Mapping[str, Any]) -> Iterator[Finding]:
    try:
        found = project.workspace.get(f"/api/2.0/serving-endpoints/{name}")
    except ApiFailure as failure:
        if not failure.is_missing:
            raise
        yield Finding(kind=KIND, subject=name, state=State.DRIFT, detail="the endpoint is gone")
        return
    now = servable(found.get("config"))
    if not fits(config, now):
        who, when = _changer(found)
        yield Finding(
            kind=KIND,
            subject=name,
            field="served_entities",
            state=State.DRIFT,
            recorded=_versions(config),
            actual=_versions(now or {}),
            who=who,
            when=when,
        )


def _versions(config: Mapping[str, Any]) -> list[str]:
    entities = config.get("served_entities") or ()
    return [f"{one.get('entity_name')} version {one.get('entity_version')}" for one in entities]


def _changer(whole: Mapping[str, Any]) -> tuple[str, str]:
    """Who changed an object last, and when, as far as its service tells."""
    places = (whole, *(one for one in whole.values() if isinstance(one, Mapping)))
    who = next((str(p[key]) for p in places for key in CHANGERS if p.get(key)), "")
    when = next((p[key] for p in places for key in TIMES if p.get(key)), "")
    if isinstance(when, int):
        when = datetime.fromtimestamp(when / 1000, UTC).isoformat(timespec="seconds")
    return who, str(when)


def _is_ignored(found: Finding, ignore: tuple[str, ...]) -> bool:
    path = f"{found.subject}.{found.field}" if found.field else found.subject
    return any(fnmatchcase(path, one) or fnmatchcase(found.subject, one) for one in ignore)

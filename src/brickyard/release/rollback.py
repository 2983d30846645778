"""Rollback: an environment returns to an earlier release, all of it together.

The earlier commit is deployed again; aliases of models and prompts and the endpoints return to what
they were then; triggered indexes are synced from their source. Jobs are not run again, and what
they wrote to tables since is not undone: the record names that. Rolling back twice is rolling back
once: what goes further back is named by its number.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from brickyard.deploy import ApiFailure, make_plan
from brickyard.release.actions.indexes import sync_by_name
from brickyard.release.checkout import checked_out, find_commit
from brickyard.release.endpoints import serve, served_config
from brickyard.release.faults import PromotionRefused, StepFailed
from brickyard.release.journal import digest_of
from brickyard.release.promote import (
    Promotion,
    Stopped,
    begin,
    check_policy,
    content,
    deploy,
    find_environment,
    open_checkout,
    open_environment,
    plan_release,
)
from brickyard.release.records import ReleaseRecord, Result, history, live, write
from brickyard.release.rollout import Rollout
from brickyard.release.settings import FILE, read_settings
from brickyard.release.under_way import (
    fail,
    from_head,
    head_of,
    one_at_a_time,
    take_up,
    with_findings,
)
from brickyard.release.versions import (
    alias_version,
    prompt_alias_version,
    set_alias,
    set_prompt_alias,
)

# Actions that leave something behind which a rollback does not take back.
WRITES = {
    "run_job": "ran",
    "evaluate": "ran",
    "refresh_pipeline": "refreshed",
    "sql": "ran",
}


def rollback(wanted: Promotion, release: int | None = None) -> ReleaseRecord:
    """Return to release number `release`, by default the one before what is live now.

    Raises `PromotionRefused` when there is nothing to return to.
    """
    wanted.doing("", "reading the release records")
    settings = read_settings(content(wanted.root / FILE))
    environment = find_environment(settings, wanted.to)
    records = history(open_environment(wanted, environment))
    goal = find_goal(records, release, environment.name)
    now_live = live(records)
    if (
        now_live is not None
        and now_live.kind == "rollback"
        and now_live.returned_to
        in (
            goal.sequence,
            goal.returned_to or -1,
        )
    ):
        wanted.say("", f"release {now_live.sequence} returned to {goal.sequence} already")
        return now_live
    commit = find_commit(wanted.root, goal.commit)
    wanted.say("", f"{environment.name} back to release {goal.sequence}, {commit.short}")
    with checked_out(commit) as folder:
        project = open_checkout(wanted, folder, environment)
        with one_at_a_time(project, wanted.say, force=wanted.force_lock):
            beginning = take_up(
                project, digest_of("rollback", environment.name, goal.digest), wanted.say
            )
            if beginning.over is not None:
                return beginning.over
            journal = beginning.journal
            record = replace(
                begin(wanted, project, environment, commit, "rollback"),
                not_undone=not_undone(records, goal),
                returned_to=goal.returned_to or goal.sequence,
                promoted_by=goal.promoted_by,
                examples=goal.examples,
                data=goal.data,
                attempt=journal.attempt,
            )
            rollout = Rollout(
                project=project,
                read_file=lambda path: None,
                say=wanted.say,
                doing=wanted.doing,
                environment=environment.name,
                commit=commit.sha,
                journal=journal,
            )
            try:
                if journal.is_kept:
                    record, plan = from_head(journal.head), make_plan(project)
                else:
                    released = read_settings(content(folder / FILE))
                    record = check_policy(wanted, project, released, record)
                    record, plan = plan_release(wanted, project, record)
                    journal.head = head_of(record)
                    journal.save()
                deploy(wanted, project, plan)
                return_to(goal, rollout)
                record = replace(record, result=Result.SUCCEEDED)
            except Stopped as fault:
                record = fail(rollout, fault.record, fault)
            except (StepFailed, ApiFailure) as fault:
                record = fail(rollout, record, fault)
            except KeyboardInterrupt:
                rollout.interrupted()
                raise
            rollout.found.add({"evaluation": goal.evaluation, "examples": goal.examples})
            record = with_findings(record, rollout.found, rollout.steps, rollout.outputs)
            made = write(project, record)
            journal.forget()
            return made


def return_to(goal: ReleaseRecord, rollout: Rollout) -> None:
    """Aliases, endpoints and indexes as they were; each is written down before it is moved."""
    project, journal = rollout.project, rollout.journal
    for name, alias, version in _aliases(goal.models, (goal.model, goal.alias, goal.model_version)):
        before = alias_version(project, name, alias)
        journal.remember({"what": "alias", "name": name, "alias": alias, "version": before})
        set_alias(project, name, alias, version)
        rollout.say("alias", f"{name}@{alias} is version {version} again")
    for name, alias, version in _aliases(goal.prompts, ("", "", "")):
        before = prompt_alias_version(project, name, alias)
        journal.remember({"what": "prompt_alias", "name": name, "alias": alias, "version": before})
        set_prompt_alias(project, name, alias, version)
        rollout.say("alias", f"prompt {name}@{alias} is version {version} again")
    for name, config in (dict(goal.endpoints) or _only(goal.endpoint, goal.served)).items():
        rollout.doing("serve", "waiting until the endpoint serves the version")
        was = served_config(project, name)
        if was is not None:
            journal.remember({"what": "endpoint", "name": name, "config": was})
        serve(project, name, config)
        rollout.say("serve", f"{name} serves what it served again")
    for name in goal.indexes:
        rows = sync_by_name(rollout, "index", name)
        rollout.say("index", f"{name} is in sync with its source, {rows} rows")
    kept = ("models", "prompts", "endpoints", "indexes", "apps", "served")
    rollout.note(**{key: dict(getattr(goal, key)) for key in kept})
    texts = ("model", "model_version", "alias", "endpoint")
    rollout.note(**{key: getattr(goal, key) for key in texts})


def find_goal(
    records: Sequence[ReleaseRecord], release: int | None, environment: str
) -> ReleaseRecord:
    """The release to return to. Raises `PromotionRefused`."""
    if release is not None:
        found = next((one for one in records if one.sequence == release), None)
        if found is None or not found.succeeded:
            good = ", ".join(str(one.sequence) for one in records if one.succeeded) or "none"
            raise PromotionRefused(
                f"{environment} has no successful release {release}; it has {good}"
            )
        return found
    now = live(records)
    if now is None:
        raise PromotionRefused(f"nothing has been released to {environment} yet")
    if now.kind == "rollback":
        back = next((one for one in records if one.sequence == now.returned_to), None)
        if back is not None:
            return back
    for one in reversed(records[: now.sequence - 1]):
        moved = (one.commit, one.model_version) != (now.commit, now.model_version)
        if one.succeeded and moved:
            return one
    raise PromotionRefused(
        f"{environment} has no release before {now.sequence} to return to; see"
        f" `brickyard release history -t {environment}`"
    )


def not_undone(records: Sequence[ReleaseRecord], goal: ReleaseRecord) -> tuple[str, ...]:
    """What releases since the goal did that a rollback leaves as it is."""
    lines = []
    for one in records[goal.sequence :]:
        for step in one.steps:
            if step["action"] in WRITES:
                did = WRITES[step["action"]]
                lines.append(f"release {one.sequence} {did} `{step['step']}`; what it wrote stays")
        for table, version in one.data.items():
            then = (goal.data.get(table) or {}).get("version")
            now = version.get("version") if isinstance(version, Mapping) else None
            if now is not None and now != then:
                since = f" from version {then}" if then is not None else ""
                lines.append(f"table {table} went{since} to version {now} and stays there")
    return tuple(dict.fromkeys(lines))


def _aliases(kept: Mapping[str, Any], single: tuple[str, str, str]) -> list[tuple[str, str, str]]:
    """Name, alias, version; records of before had one model only."""
    found = [
        (name, alias, str(version))
        for name, one in kept.items()
        for alias, version in (one.get("aliases") or {}).items()
    ]
    return found or ([single] if all(single) else [])


def _only(endpoint: str, served: Mapping[str, Any]) -> dict[str, Any]:
    return {endpoint: served} if endpoint and served else {}

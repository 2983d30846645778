"""Rollback: an environment returns to an earlier release, all of it together.

The earlier commit is deployed again, and alias and endpoint return to the model version that it
registered then. Jobs are not run again, and what they wrote to tables since is not undone: the
record names that.
"""

from __future__ import annotations

from dataclasses import replace

from brickyard.deploy import ApiFailure
from brickyard.release.checkout import checked_out, find_commit
from brickyard.release.promote import (
    Promotion,
    PromotionRefused,
    begin,
    content,
    deploy_checked,
    find_environment,
    finished,
    open_checkout,
    open_environment,
)
from brickyard.release.records import ReleaseRecord, Result, history, live, write
from brickyard.release.rollout import (
    WAITING,
    Rollout,
    StepFailed,
    move_endpoint,
    restore_alias,
    set_alias,
)
from brickyard.release.settings import FILE, read_settings


def rollback(wanted: Promotion, release: int | None = None) -> ReleaseRecord:
    """Return to release number `release`, by default the one before what is live now.

    Raises `PromotionRefused` when there is nothing to return to.
    """
    wanted.doing("", "reading the release records")
    settings = read_settings(content(wanted.root / FILE))
    environment = find_environment(settings, wanted.to)
    records = history(open_environment(wanted, environment))
    goal = _goal(records, release, environment.name)
    commit = find_commit(wanted.root, goal.commit)
    wanted.say("", f"{environment.name} back to release {goal.sequence}, {commit.short}")
    with checked_out(commit) as folder:
        project = open_checkout(wanted, folder, environment)
        record = begin(wanted, project, environment, commit, "rollback")
        record = replace(record, not_undone=_not_undone(records, goal))
        rollout = Rollout(
            project=project, read_file=lambda path: None, say=wanted.say, doing=wanted.doing
        )
        try:
            released = read_settings(content(folder / FILE))
            record = deploy_checked(wanted, project, released, record)
            _return_to(goal, rollout)
            record = replace(record, result=Result.SUCCEEDED)
        except StepFailed as fault:
            rollout.put_back()
            record = replace(record, result=Result.FAILED, reason=str(fault))
        except ApiFailure as fault:
            rollout.put_back()
            record = replace(record, result=Result.FAILED, reason=fault.message)
        rollout.evaluation.update(goal.evaluation)
        return write(project, finished(record, rollout))


def _return_to(goal: ReleaseRecord, rollout: Rollout) -> None:
    project = rollout.project
    if goal.model and goal.alias:
        before = set_alias(project, goal.model, goal.alias, goal.model_version)
        rollout.undo.append(
            (
                f"alias {goal.alias}",
                lambda: restore_alias(project, goal.model, goal.alias, before),
            )
        )
        rollout.say("alias", f"{goal.model}@{goal.alias} is version {goal.model_version} again")
    if goal.endpoint and goal.served:
        rollout.doing("serve", WAITING["serve"])
        move_endpoint(rollout, goal.endpoint, dict(goal.served))
        rollout.say("serve", f"{goal.endpoint} serves version {goal.model_version} again")
    rollout.model, rollout.model_version = goal.model, goal.model_version
    rollout.alias = goal.alias


def _goal(
    records: tuple[ReleaseRecord, ...], release: int | None, environment: str
) -> ReleaseRecord:
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
    for one in reversed(records[: now.sequence - 1]):
        moved = (one.commit, one.model_version) != (now.commit, now.model_version)
        if one.succeeded and moved:
            return one
    raise PromotionRefused(
        f"{environment} has no release before {now.sequence} to return to; see"
        f" `brickyard release history -t {environment}`"
    )


def _not_undone(records: tuple[ReleaseRecord, ...], goal: ReleaseRecord) -> tuple[str, ...]:
    """What releases since the goal did that a rollback leaves as it is."""
    return tuple(
        f"release {one.sequence} ran `{step['step']}`; what it wrote stays"
        for one in records[goal.sequence :]
        for step in one.steps
        if step["action"] == "run_job"
    )

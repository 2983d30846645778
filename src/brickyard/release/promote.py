"""Promotion: one commit, deployed and re-run in the next environment, and moved live if it passes.

Code is promoted, not models: the environment ingests, registers and evaluates for itself. The
release record is written whatever the outcome; a failed gate leaves alias and endpoint as they
were.
"""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any

import brickyard
from brickyard.bundle import resolved_json
from brickyard.deploy import (
    Deployed,
    Plan,
    Project,
    apply_plan,
    connect_project,
    load_project,
    make_plan,
    source_paths,
    write_plan,
)
from brickyard.deploy.edited import check_edited
from brickyard.policy import PolicyMode, PolicyReport, Verdict, check
from brickyard.release.checkout import (
    Commit,
    author,
    checked_out,
    find_commit,
    is_on_branch,
    subject,
)
from brickyard.release.records import ReleaseRecord, Result, history, live, now, write
from brickyard.release.rollout import GateFailed, Rollout, StepFailed
from brickyard.release.settings import FILE, EnvironmentSettings, ReleaseSettings, read_settings
from brickyard.values import Diagnostic, has_errors

Say = Callable[[str, str], None]  # (step, text); `say`: done or found, `doing`: waited for


class PromotionRefused(Exception):
    """The promotion may not begin; `diagnostics` say more where a file is to blame."""

    def __init__(self, message: str, diagnostics: Sequence[Diagnostic] = ()) -> None:
        super().__init__(message)
        self.diagnostics = tuple(diagnostics)


@dataclass(frozen=True, slots=True, kw_only=True)
class Promotion:
    """What to promote and how to reach the environments."""

    root: Path
    to: str
    commit: str | None = None
    variables: tuple[tuple[str, str], ...] = ()
    profile: str | None = None
    local: bool = False
    start: Callable[[], None] | None = None
    say: Say = lambda step, text: None
    doing: Say = lambda step, text: None


def promote(wanted: Promotion) -> ReleaseRecord:
    """Bring a commit to an environment; the record of what happened, succeeded or not.

    Raises `PromotionRefused` when it may not begin, and the errors of the deploy room when the
    world is in the way; in both cases what is live stays live.
    """
    wanted.doing("", "choosing the commit")
    commit, environment = choose(wanted)
    wanted.say("", f"{commit.short} to {environment.name}: {subject(commit)}")
    with checked_out(commit) as folder:
        released = read_settings(content(folder / FILE))
        if has_errors(released.diagnostics):
            raise PromotionRefused(f"{FILE} has errors", released.diagnostics)
        project = open_checkout(wanted, folder, environment)
        record = begin(wanted, project, environment, commit, "promote")
        return _release(wanted, project, folder, released, record)


def choose(wanted: Promotion) -> tuple[Commit, EnvironmentSettings]:
    """Which commit goes where, by the ladder. Raises `PromotionRefused`."""
    settings = read_settings(content(wanted.root / FILE))
    if has_errors(settings.diagnostics):
        raise PromotionRefused(f"{FILE} has errors", settings.diagnostics)
    environment = find_environment(settings, wanted.to)
    if environment.after is None or wanted.commit is not None:
        commit = find_commit(wanted.root, wanted.commit or "HEAD")
    else:
        commit = _live_commit(wanted, settings, environment)
    if environment.after is not None:
        _check_passed(wanted, settings, environment, commit)
    if environment.branches and not is_on_branch(commit, environment.branches):
        names = " or ".join(environment.branches)
        raise PromotionRefused(
            f"{environment.name} takes commits of {names} only, and {commit.short} is on none;"
            f" merge it first"
        )
    return commit, environment


def find_environment(settings: ReleaseSettings, name: str) -> EnvironmentSettings:
    if name not in settings.environments:
        known = ", ".join(settings.environments)
        raise PromotionRefused(f"there is no environment `{name}`; {FILE} has {known}")
    return settings.environments[name]


def open_environment(wanted: Promotion, environment: EnvironmentSettings) -> Project:
    """The bundle as it lies in the folder, connected to an environment: enough to read history."""
    return connect_project(
        load_project(
            wanted.root,
            environment.target,
            variables=wanted.variables,
            profile=wanted.profile,
            local=wanted.local,
            start=wanted.start,
        )
    )


def open_checkout(wanted: Promotion, folder: Path, environment: EnvironmentSettings) -> Project:
    """The bundle as it is in the commit, connected. Its local state stays with the real folder."""
    private = wanted.root / ".databricks" / "bundle"
    surroundings = {"DATABRICKS_BUNDLE_TMP": str(private), **os.environ}
    return connect_project(
        load_project(
            folder,
            environment.target,
            variables=wanted.variables,
            environment=surroundings,
            profile=wanted.profile,
            local=wanted.local,
            start=wanted.start,
        )
    )


def begin(
    wanted: Promotion,
    project: Project,
    environment: EnvironmentSettings,
    commit: Commit,
    kind: str,
) -> ReleaseRecord:
    configuration = json.dumps(resolved_json(project.resolved), sort_keys=True).encode()
    return ReleaseRecord(
        kind=kind,
        environment=environment.name,
        target=environment.target,
        host=project.workspace.host,
        bundle=project.resolved.name,
        commit=commit.sha,
        author=author(commit),
        subject=subject(commit),
        who=project.user.user_name,
        started=now(),
        configuration_digest=hashlib.sha256(configuration).hexdigest(),
        brickyard_version=brickyard.__version__,
    )


def deploy_checked(
    wanted: Promotion,
    project: Project,
    settings: ReleaseSettings,
    record: ReleaseRecord,
    rollout: Rollout | None = None,
) -> ReleaseRecord:
    """Check the policy, plan and apply. Raises `StepFailed` when either says no.

    What waits for the steps of a `rollout` (an endpoint for its model's version) is left to it.
    """
    wanted.doing("policy", "reading what the bundle and its code access")
    report = check(
        project.resolved,
        project.disk,
        sources=source_paths(project),
        settings=settings.plain,
    )
    record = replace(record, policy=_policy_summary(report.as_json()))
    if report.blocks:
        broken = report.violations[0]
        raise _Stopped(
            record,
            f"the data policy is broken {len(report.violations)} times, first at"
            f" {broken.file}:{broken.line}: {broken.reason}; see"
            f" `brickyard policy check -t {project.resolved.target}`",
        )
    wanted.say("policy", _policy_line(report))
    wanted.doing("deploy", "comparing the bundle with the workspace")
    plan = make_plan(project)
    record = replace(record, plan=json.loads(write_plan(plan)))
    for found in check_edited(project, plan, force=False):
        wanted.say("deploy", f"{found.summary}; the release overwrites it")
    pending = len(plan.pending)
    wanted.doing("deploy", f"making {pending} changes" if pending else "uploading what changed")
    try:
        applied = carry_out(wanted, project, plan, rollout if settings.rollout else None)
    except StepFailed as fault:
        raise _Stopped(record, str(fault)) from fault
    wanted.say("deploy", _deploy_line(pending, applied.synced.uploaded))
    return record


def carry_out(wanted: Promotion, project: Project, plan: Plan, rollout: Rollout | None) -> Deployed:
    """Apply the plan; what waits for the rollout's steps is left to it. Raises `StepFailed`."""
    applied = apply_plan(project, plan)
    if applied.waiting and rollout is not None:
        wanted.say("deploy", f"{', '.join(applied.waiting)} waits for the rollout")
        rollout.complete = partial(_complete, wanted, project)
    elif applied.failures:
        raise StepFailed(f"the deployment failed: {'; '.join(applied.failures)}")
    return applied


def _complete(wanted: Promotion, project: Project) -> None:
    wanted.doing("deploy", "making what waited for the rollout")
    carry_out(wanted, project, make_plan(project), None)
    wanted.say("deploy", "made what waited for the rollout")


class _Stopped(StepFailed):
    """A step failed; the record as it stood comes along."""

    def __init__(self, record: ReleaseRecord, reason: str) -> None:
        super().__init__(reason)
        self.record = record


def _release(
    wanted: Promotion,
    project: Project,
    folder: Path,
    settings: ReleaseSettings,
    record: ReleaseRecord,
) -> ReleaseRecord:
    rollout = Rollout(
        project=project,
        read_file=lambda path: content(folder / path),
        say=wanted.say,
        doing=wanted.doing,
    )
    try:
        record = deploy_checked(wanted, project, settings, record, rollout)
        rollout.run(settings.rollout)
        record = replace(record, result=Result.SUCCEEDED)
    except GateFailed as fault:
        record = replace(record, result=Result.GATE_FAILED, reason=str(fault))
    except _Stopped as fault:
        record = replace(fault.record, result=Result.FAILED, reason=str(fault))
    except StepFailed as fault:
        record = replace(record, result=Result.FAILED, reason=str(fault))
    return write(project, finished(record, rollout))


def finished(record: ReleaseRecord, rollout: Rollout) -> ReleaseRecord:
    """The record with what the rollout did and found."""
    return replace(
        record,
        ended=now(),
        steps=tuple(rollout.steps),
        outputs=rollout.outputs,
        model=rollout.model,
        model_version=rollout.model_version,
        alias=rollout.alias,
        endpoint=rollout.endpoint,
        served=rollout.served,
        evaluation=rollout.evaluation,
        gate=tuple(
            f"{'holds' if outcome.holds else 'fails'}: {outcome}" for outcome in rollout.gate
        ),
    )


def _live_commit(
    wanted: Promotion, settings: ReleaseSettings, environment: EnvironmentSettings
) -> Commit:
    """What the environment before serves now."""
    before = find_environment(settings, environment.after or "")
    released = live(history(open_environment(wanted, before)))
    if released is None:
        raise PromotionRefused(
            f"nothing has been released to {before.name} yet, so there is nothing to promote to"
            f" {environment.name}; run: brickyard release promote --to {before.name}"
        )
    return find_commit(wanted.root, released.commit)


def _check_passed(
    wanted: Promotion,
    settings: ReleaseSettings,
    environment: EnvironmentSettings,
    commit: Commit,
) -> None:
    before = find_environment(settings, environment.after or "")
    records = history(open_environment(wanted, before))
    if not any(one.commit == commit.sha and one.succeeded for one in records):
        raise PromotionRefused(
            f"{commit.short} has not passed {before.name}; run:"
            f" brickyard release promote --to {before.name} --commit {commit.short}"
        )


def _policy_line(report: PolicyReport) -> str:
    if report.mode is PolicyMode.OFF:
        return "not checked: its mode is off"
    ok = sum(1 for one in report.accesses if one.verdict is Verdict.OK)
    counts = f"{ok} ok, {len(report.violations)} violations, {len(report.unknown)} unknown"
    return f"{len(report.accesses)} accesses: {counts}"


def _deploy_line(changes: int, uploaded: int) -> str:
    counts = ((changes, "resource", "changed"), (uploaded, "file", "uploaded"))
    parts = [f"{n} {noun}{'s' if n > 1 else ''} {verb}" for n, noun, verb in counts if n]
    return ", ".join(parts) or "nothing to change"


def _policy_summary(report: dict[str, Any]) -> dict[str, Any]:
    """The report less its list: counts by verdict, and every access that isn't clean."""
    accesses = report.pop("accesses")
    verdicts = [one["verdict"] for one in accesses]
    counts = {verdict: verdicts.count(verdict) for verdict in sorted(set(verdicts))}
    return {**report, "counts": counts, "open": [a for a in accesses if a["verdict"] != "ok"]}


def content(path: Path) -> bytes | None:
    """A file's bytes, or None where there is none."""
    try:
        return path.read_bytes()
    except (FileNotFoundError, NotADirectoryError):
        return None

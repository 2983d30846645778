"""Promotion: one commit, deployed and re-run in the next environment, and moved live if it passes.

Code is promoted, not models: the environment ingests, registers and evaluates for itself, unless a
promotion by model is asked for and the environment takes models from the one before. Where
approvals are asked for, nothing is deployed before they are there. The release record is written
whatever the outcome; a failed gate leaves what is served as it was.
"""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import Any, Final

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
from brickyard.deploy.changed_files import changed_files, distrust
from brickyard.deploy.edited import check_edited
from brickyard.deploy.planning import losses
from brickyard.deploy.project import OF_DEPLOYS
from brickyard.policy import Git, PolicyMode, PolicyReport, Verdict, check
from brickyard.release.approval_rules import rule_of
from brickyard.release.approvals import Waiting, ask, request_for, weighed
from brickyard.release.checkout import (
    Commit,
    author,
    checked_out,
    find_commit,
    is_on_branch,
    subject,
    tags_at,
)
from brickyard.release.evidence import artifact_digests, data_versions
from brickyard.release.faults import PromotionRefused, StepFailed
from brickyard.release.journal import digest_of
from brickyard.release.records import ReleaseRecord, Result, history, live, now, write
from brickyard.release.rollout import Rollout
from brickyard.release.settings import FILE, EnvironmentSettings, ReleaseSettings, read_settings
from brickyard.release.step_kinds import KINDS
from brickyard.release.under_way import (
    Beginning,
    fail,
    from_head,
    head_of,
    one_at_a_time,
    take_up,
    with_findings,
)
from brickyard.values import has_errors

Say = Callable[[str, str], None]  # (step, text); `say`: done or found, `doing`: waited for
CODE, MODEL = "code", "model"
READING: Final = frozenset({*OF_DEPLOYS, "bundle/run-as-unsupported"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Promotion:
    """What to promote and how to reach the environments."""

    root: Path
    to: str
    commit: str | None = None
    by: str = CODE
    again: bool = False  # also what is live already
    force_lock: bool = False
    auto_approve: bool = False  # also where data would be lost
    variables: tuple[tuple[str, str], ...] = ()
    profile: str | None = None
    local: bool = False
    start: Callable[[], None] | None = None
    say: Say = lambda step, text: None
    doing: Say = lambda step, text: None


def promote(wanted: Promotion) -> ReleaseRecord:
    """Bring a commit to an environment; the record of what happened, succeeded or not.

    Raises `PromotionRefused` when it may not begin, `Waiting` when it waits for approval, and the
    errors of the deploy room when the world is in the way; in all cases what is live stays live,
    and the next try goes on where this one ended.
    """
    wanted.doing("", "choosing the commit")
    commit, environment, passed = choose(wanted)
    wanted.say("", f"{commit.short} to {environment.name}: {subject(commit)}")
    with checked_out(commit) as folder:
        released = read_settings(content(folder / FILE))
        if has_errors(released.diagnostics):
            raise PromotionRefused(f"{FILE} has errors", released.diagnostics)
        project = open_checkout(wanted, folder, environment)
        source = _source(wanted, released, environment) if wanted.by == MODEL else None
        with one_at_a_time(project, wanted.say, force=wanted.force_lock):
            record = begin(wanted, project, environment, commit, "promote")
            goal = digest_of("promote", environment.name, commit.sha, wanted.by)
            goal = digest_of(goal, record.configuration_digest)
            beginning = take_up(project, goal, wanted.say)
            if beginning.over is not None:
                return beginning.over
            return _Release(
                wanted=wanted,
                project=project,
                folder=folder,
                settings=released,
                beginning=beginning,
                passed=passed,
                source=source,
            ).run(replace(record, attempt=beginning.journal.attempt, promoted_by=wanted.by))


def choose(wanted: Promotion) -> tuple[Commit, EnvironmentSettings, ReleaseRecord | None]:
    """Which commit goes where, by the ladder, and its release before. Raises `PromotionRefused`."""
    settings = read_settings(content(wanted.root / FILE))
    if has_errors(settings.diagnostics):
        raise PromotionRefused(f"{FILE} has errors", settings.diagnostics)
    environment = find_environment(settings, wanted.to)
    passed = None
    if environment.after is None or wanted.commit is not None:
        commit = find_commit(wanted.root, wanted.commit or "HEAD")
    else:
        commit = _live_commit(wanted, settings, environment)
    if environment.after is not None:
        passed = _passed(wanted, settings, environment, commit)
    if environment.branches and not is_on_branch(commit, environment.branches):
        names = " or ".join(environment.branches)
        raise PromotionRefused(
            f"{environment.name} takes commits of {names} only, and {commit.short} is on none;"
            f" merge it first"
        )
    return commit, environment, passed


def find_environment(settings: ReleaseSettings, name: str) -> EnvironmentSettings:
    if name not in settings.environments:
        known = ", ".join(settings.environments)
        raise PromotionRefused(f"there is no environment `{name}`; {FILE} has {known}")
    return settings.environments[name]


def open_environment(wanted: Promotion, environment: EnvironmentSettings) -> Project:
    """The bundle as it lies in the folder, connected to an environment: enough to read history.

    What only who deploys must be or may not have (such as `run_as` beside an endpoint) is let pass:
    who approves and who looks at records is somebody else.
    """
    return _open(wanted, wanted.root, environment, os.environ, tolerates=READING)


def open_checkout(wanted: Promotion, folder: Path, environment: EnvironmentSettings) -> Project:
    """The bundle as it is in the commit, connected. Its local state stays with the real folder."""
    private = wanted.root / ".databricks" / "bundle"
    return _open(wanted, folder, environment, {"DATABRICKS_BUNDLE_TMP": str(private), **os.environ})


def _open(
    wanted: Promotion,
    folder: Path,
    environment: EnvironmentSettings,
    surroundings: Mapping[str, str],
    *,
    tolerates: Collection[str] = (),
) -> Project:
    return connect_project(
        load_project(
            folder,
            environment.target,
            variables=wanted.variables,
            environment=surroundings,
            profile=wanted.profile,
            local=wanted.local,
            start=wanted.start,
        ),
        tolerates=tolerates,
    )


def begin(
    wanted: Promotion,
    project: Project,
    environment: EnvironmentSettings,
    commit: Commit,
    kind: str,
) -> ReleaseRecord:
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
        configuration_digest=_configuration_digest(project),
        brickyard_version=brickyard.__version__,
    )


def _configuration_digest(project: Project) -> str:
    """Of the resolved configuration, but for the commit and branch that it names as its own: the
    commit is a field of its own, and the same configuration of two commits is the same."""
    tree = json.loads(resolved_json(project.resolved))
    tree.get("bundle", {}).pop("git", None)
    return hashlib.sha256(json.dumps(tree, sort_keys=True).encode()).hexdigest()


class Stopped(StepFailed):
    """A release ends before anything was deployed; the record as it stood comes along."""

    def __init__(self, record: ReleaseRecord, reason: str) -> None:
        super().__init__(reason)
        self.record = record


def check_policy(
    wanted: Promotion, project: Project, settings: ReleaseSettings, record: ReleaseRecord
) -> ReleaseRecord:
    """The record with what the policy says. Raises `Stopped` when it says no."""
    wanted.doing("policy", "reading what the bundle and its code access")
    report = check(
        project.resolved,
        project.disk,
        sources=source_paths(project),
        settings=settings.plain,
        git=_git_of(wanted, settings, record),
        today=datetime.now(UTC).date(),
    )
    summary = _policy_summary(report.as_json())
    counted = tuple(one for one in summary.get("exceptions") or () if one.get("count"))
    record = replace(record, policy=summary, exceptions=counted)
    if report.blocks:
        broken = report.blocking[0]
        raise Stopped(
            record,
            f"the data policy is broken {len(report.blocking)} times, first at"
            f" {broken.file}:{broken.line}: {broken.reason}; see"
            f" `brickyard policy check -t {project.resolved.target}`",
        )
    wanted.say("policy", _policy_line(report))
    return record


def check_subjects(project: Project, settings: ReleaseSettings, environment: str) -> None:
    """Raise `StepFailed` when a step names a resource that the bundle has not: before anything is
    done, not half-way."""
    for step in settings.rollout:
        kind = KINDS[step.action].of
        if not kind or not step.is_for(environment) or "${" in str(step.subject):
            continue
        key = str(step.subject).removeprefix("resources.").removeprefix(f"{kind}.")
        declared = project.resolved.tree.get(f"resources.{kind}")
        if declared is None or key not in declared.items:
            known = ", ".join(sorted(declared.items)) if declared is not None else ""
            raise StepFailed(
                f"step {step.name} names {kind}.{key}, which {project.resolved.target} does not"
                f" have; it has {known or f'no {kind}'}"
            )


def plan_release(
    wanted: Promotion, project: Project, record: ReleaseRecord
) -> tuple[ReleaseRecord, Plan]:
    """What the deployment will change, also in the record."""
    wanted.doing("deploy", "comparing the bundle with the workspace")
    plan = make_plan(project)
    stop_at_losses(wanted, plan)
    for found in check_edited(project, plan, force=False):
        wanted.say("deploy", f"{found.summary}; the release overwrites it")
    record = replace(record, plan=json.loads(write_plan(plan)), artifacts=artifact_digests(project))
    return record, plan


def stop_at_losses(wanted: Promotion, plan: Plan) -> None:
    """Raise `PromotionRefused` when the deployment would lose data and nobody said that it may."""
    lost = [loss.line for loss in losses(plan) if loss.data]
    if lost and not wanted.auto_approve:
        raise PromotionRefused(
            f"the deployment would lose data: {'; '.join(lost)}. Where that is meant, say so with"
            " --auto-approve"
        )


def deploy(wanted: Promotion, project: Project, plan: Plan, rollout: Rollout | None = None) -> None:
    """Apply the plan. Raises `StepFailed`.

    What waits for the steps of a `rollout` (an endpoint for its model's version) is left to it.
    """
    changed = changed_files(project)
    if changed:
        wanted.say("deploy", f"changed in the workspace, and put back: {', '.join(changed)}")
        distrust(project, changed)
    pending = len(plan.pending)
    wanted.doing("deploy", f"making {pending} changes" if pending else "uploading what changed")
    applied = carry_out(wanted, project, plan, rollout)
    wanted.say("deploy", _deploy_line(pending, applied.synced.uploaded))


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


@dataclass(frozen=True, slots=True, kw_only=True)
class _Release:
    """One promotion under the lock."""

    wanted: Promotion
    project: Project
    folder: Path
    settings: ReleaseSettings
    beginning: Beginning
    passed: ReleaseRecord | None
    source: tuple[Project, Mapping[str, Any]] | None

    def run(self, record: ReleaseRecord) -> ReleaseRecord:
        journal = self.beginning.journal
        rollout = self._rollout(record)
        try:
            if journal.is_kept:
                record, plan = from_head(journal.head), make_plan(self.project)
            else:
                check_subjects(self.project, self.settings, record.environment)
                record = check_policy(self.wanted, self.project, self.settings, record)
                record, plan = plan_release(self.wanted, self.project, record)
                already = self._already_live(record, plan)
                if already is not None:
                    return already
                record = self._approved(record, plan)
                journal.head = head_of(record)
                journal.save()
            rollout.outputs |= given(record)
            deploy(self.wanted, self.project, plan, rollout if self.settings.rollout else None)
            rollout.run(self.settings.rollout)
            record = replace(record, result=Result.SUCCEEDED)
        except Stopped as fault:
            is_rejected = fault.record.result == Result.REJECTED
            record = fault.record if is_rejected else fail(rollout, fault.record, fault)
        except StepFailed as fault:
            record = fail(rollout, record, fault)
        except KeyboardInterrupt:
            rollout.interrupted()
            raise
        record = with_findings(record, rollout.found, rollout.steps, rollout.outputs)
        made = write(self.project, replace(record, data=data_versions(self.project, record)))
        journal.forget()
        return made

    def _rollout(self, record: ReleaseRecord) -> Rollout:
        source, models = self.source or (None, {})
        return Rollout(
            project=self.project,
            read_file=lambda path: content(self.folder / path),
            say=self.wanted.say,
            doing=self.wanted.doing,
            environment=record.environment,
            commit=record.commit,
            folder=self.folder,
            live=self.beginning.live,
            journal=self.beginning.journal,
            source=source,
            source_models=models,
        )

    def _already_live(self, record: ReleaseRecord, plan: Plan) -> ReleaseRecord | None:
        """The record of what is live, if that is what would be released, with nothing to change."""
        live_now, records = self.beginning.live, self.beginning.records
        if self.wanted.again or live_now is None or live_now is not records[-1]:
            return None
        same = all(
            getattr(live_now, name) == getattr(record, name)
            for name in ("commit", "configuration_digest", "promoted_by")
        )
        if not same or not plan.is_empty or changed_files(self.project):
            return None
        self.wanted.say(
            "", f"{record.commit[:10]} is live already; --again runs its rollout once more"
        )
        return live_now

    def _approved(self, record: ReleaseRecord, plan: Plan) -> ReleaseRecord:
        """The record with its approvals. Raises `Waiting`, and `Stopped` when it was rejected."""
        rule = rule_of(self.settings.plain, record.environment)
        if rule.count == 0:
            return record
        self.wanted.doing("approval", "looking for approvals")
        request = request_for(record, plan, self.passed, promoted_by=record.promoted_by)
        ask(self.project, request, rule)
        found = weighed(self.project, request, rule)
        said = tuple({**one.as_json(), "request": request.id} for one in found.decisions)
        no = found.rejected
        if no is not None:
            why = f"{no.who} rejected it{f': {no.comment}' if no.comment else ''}"
            if any(
                one.result == Result.REJECTED
                and one.approvals
                and one.approvals[0].get("request") == request.id
                for one in self.beginning.records
            ):
                raise PromotionRefused(f"{why}; a new commit, or another decision, is needed")
            rejected = replace(record, result=Result.REJECTED, reason=why, approvals=said)
            raise Stopped(rejected, why)
        if not found.is_approved:
            raise Waiting(request, found)
        who = ", ".join(one.who for one in found.decisions if not one.why_void)
        self.wanted.say("approval", f"approved by {who}")
        return replace(record, approvals=said)


def given(record: ReleaseRecord) -> dict[str, Any]:
    """What steps may refer to besides other steps, such as `${steps.policy.counts}`."""
    counts = {"ok": 0, "violation": 0, "unknown": 0, **(record.policy.get("counts") or {})}
    return {
        "policy": {"counts": counts},
        "release": {
            "commit": record.commit,
            "environment": record.environment,
            "target": record.target,
        },
    }


def _source(
    wanted: Promotion, settings: ReleaseSettings, environment: EnvironmentSettings
) -> tuple[Project, Mapping[str, Any]]:
    """Promoting by model: the environment before and the models it serves. Raises
    `PromotionRefused` where that is not declared."""
    entry = (settings.plain.get("environments") or {}).get(environment.name) or {}
    allowed = entry.get("models_from") or ()
    if environment.after is None:
        raise PromotionRefused(f"{environment.name} has no environment before to take models from")
    before = find_environment(settings, environment.after)
    catalog = ((settings.plain.get("environments") or {}).get(before.name) or {}).get("catalog")
    if str(catalog or before.name) not in allowed:
        raise PromotionRefused(
            f"{environment.name} takes no models of {before.name}: code is promoted, and the model"
            f" is made there. To allow it, write `models_from: [{catalog or before.name}]` under"
            f" environments.{environment.name} in {FILE}"
        )
    if not any(step.options.get("by_model") for step in settings.rollout):
        raise PromotionRefused(
            "no step of the rollout says which model it makes: add `by_model: <key of the"
            " registered model>` to the one that registers it"
        )
    project = open_environment(wanted, before)
    released = live(history(project))
    if released is None:
        raise PromotionRefused(f"nothing is live in {before.name} that a model could come from")
    models = dict(released.models) or {released.model: {"version": released.model_version}}
    return project, models


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


def _passed(
    wanted: Promotion,
    settings: ReleaseSettings,
    environment: EnvironmentSettings,
    commit: Commit,
) -> ReleaseRecord:
    """The last release of the commit that succeeded in the environment before."""
    before = find_environment(settings, environment.after or "")
    for one in reversed(history(open_environment(wanted, before))):
        if one.commit == commit.sha and one.succeeded:
            return one
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


def _git_of(wanted: Promotion, settings: ReleaseSettings, record: ReleaseRecord) -> Git:
    """Where the commit stands. That it is on one of the branches was seen when it was chosen."""
    environment = settings.environments.get(record.environment)
    branches = environment.branches if environment is not None else ()
    return Git(branch=branches[0] if branches else None, tags=tags_at(wanted.root, record.commit))


def _policy_summary(report: dict[str, Any]) -> dict[str, Any]:
    """The report less its list: counts by verdict, what is written, every access not clean."""
    accesses = report.pop("accesses")
    verdicts = [one["verdict"] for one in accesses]
    counts = {verdict: verdicts.count(verdict) for verdict in sorted(set(verdicts))}
    written = {
        one["full_name"]
        for one in accesses
        if one["mode"] == "write" and one["securable"] == "table" and one["verdict"] == "ok"
    }
    return {
        **report,
        "counts": counts,
        "tables_written": sorted(written),
        "open": [a for a in accesses if a["verdict"] != "ok"],
    }


def content(path: Path) -> bytes | None:
    """A file's bytes, or None where there is none."""
    try:
        return path.read_bytes()
    except (FileNotFoundError, NotADirectoryError):
        return None

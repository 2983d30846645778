"""The deploy and destroy verbs: what happens in which order, under which lock.

Order of the official CLI: lock, artifacts, files, plan checked against the state (or made then),
log, apply, push, metadata, unlock. Partial progress is pushed; the lock is released whatever
happened.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, replace
from typing import Final

from brickyard.deploy.active import check_idle, is_wanted
from brickyard.deploy.apply import Applied, Event, apply
from brickyard.deploy.artifacts import upload
from brickyard.deploy.calls import MAX_WAIT, Caller
from brickyard.deploy.folders import make_resource_folder, share_folders
from brickyard.deploy.hooks import HookFailed, run_hook
from brickyard.deploy.http import ApiFailure, Unreachable
from brickyard.deploy.local_files import local_file, look_at
from brickyard.deploy.lock import Lock, Locked, acquire
from brickyard.deploy.may_deploy import no_folder
from brickyard.deploy.metadata import METADATA, is_source_linked, write_metadata
from brickyard.deploy.plan import Plan
from brickyard.deploy.plan_file import current
from brickyard.deploy.planning import (
    Prevented,
    check_prevented,
    plan_destroy,
    prepare_resources,
)
from brickyard.deploy.project import Project
from brickyard.deploy.recovered import recovered
from brickyard.deploy.services import stop_if_unserved
from brickyard.deploy.state import State
from brickyard.deploy.state_store import Pulled, write_atomically
from brickyard.deploy.sync import DEPLOYMENT, Synced, Told, synchronise
from brickyard.deploy.unrecorded import creates_to_note
from brickyard.deploy.upload_set import upload_set

Say = Callable[[str], None]
Show = Callable[[Event], None]
# A note on what kept the lock from being taken.
AT_LOCK: Final = "while taking the deploy lock"
# The folder takes no further file, and so no lock; a forced destroy goes on.
FULL: Final = "MAX_CHILD_NODE_SIZE_EXCEEDED"
NOTHING: Final = Synced(uploaded=0, deleted=0)


def _silent(_: object) -> None:
    return None


class Cancelled(Exception):
    """The plan was not approved. A deploy's files are in the workspace, and nothing else."""

    def __init__(self, synced: Synced) -> None:
        super().__init__("the plan was not approved")
        self.synced = synced


@dataclass(frozen=True, slots=True, kw_only=True)
class Deployed:
    """How a deploy or destroy ended. `failures` holds one line per node that was not done."""

    applied: Applied
    synced: Synced
    state: State
    hook_failure: HookFailed | None = None  # of the script that runs after all was done

    @property
    def failures(self) -> tuple[str, ...]:
        return self.applied.failures

    @property
    def waiting(self) -> tuple[str, ...]:
        """The nodes that wait for what is made after a deploy, if nothing else failed."""
        return self.applied.waiting

    @property
    def succeeded(self) -> bool:
        return not self.failures

    @property
    def changed_nothing(self) -> bool:
        return self.applied.plan.is_empty and not self.synced.uploaded and not self.synced.deleted


# A plan that is made when the files are there: of the state as it was pulled.
Later = Callable[[Pulled, Synced], Plan]


def apply_plan(
    project: Project,
    plan: Plan | Later,
    progress: Show = _silent,
    *,
    say: Say = _silent,
    force_lock: bool = False,
    told: Told | None = None,
    fail_on_active: bool = False,
    approve: Callable[[Plan, Synced], bool] | None = None,
    done: Callable[[Deployed], None] = _silent,
) -> Deployed:
    """Deploy: upload what changed, carry out the plan, record it.

    `told` hears of each file. With `fail_on_active`, or when the bundle says so, nothing is done
    while a deployed job or pipeline runs. `approve` is asked once the files are there,
    and whether anything goes that must stay is then up to it. `done` hears how it ended, or that
    the `postdeploy` script failed, while the lock is still held.

    Raises `Cancelled` when it says no, `BadPlan` when the deployment has moved on since the plan,
    `Locked`, `Prevented`, `BrokenBundle` when the embedded workspace cannot make part of it, and
    the errors of the world.
    A failed node is not raised: see `Deployed.failures`.
    """
    if isinstance(plan, Plan):
        if approve is None:
            check_prevented(plan)
        stop_if_unserved(project, plan)
    caller = _caller(project, say)
    store = project.store
    run_hook(project, "predeploy", say)
    with locked(project, force=force_lock, say=say):
        pulled = store.pull()
        made = current(plan, pulled.state) if isinstance(plan, Plan) else None
        if fail_on_active or is_wanted(project):
            check_idle(project.workspace, pulled.state)
        ignore_in_git(project)
        synced = _upload(project, say, told)
        if not isinstance(plan, Plan):
            made = plan(pulled, synced)
        assert made is not None
        for address in sorted(pulled.unsure.keys() - made.nodes.keys()):
            if not made.not_selected:
                say(f"{address} may have been made by an interrupted deploy: look for it")
        if approve is not None and not approve(made, synced):
            raise Cancelled(synced)
        store.adopt(pulled.state, say)
        applied, state = _carry_out(project, made, pulled, caller, progress)
        deployed = Deployed(applied=applied, synced=synced, state=state)
        if deployed.succeeded or deployed.waiting:
            write_metadata(project, state)
        if deployed.succeeded:
            deployed = _after(project, deployed, say)
        done(deployed)
    if deployed.hook_failure is not None:
        raise deployed.hook_failure
    return deployed


def _after(project: Project, deployed: Deployed, say: Say) -> Deployed:
    """The deploy after its `postdeploy` script."""
    try:
        run_hook(project, "postdeploy", say)
    except HookFailed as failure:
        return replace(deployed, hook_failure=failure)
    return deployed


def destroy(
    project: Project,
    progress: Show = _silent,
    *,
    select: Sequence[str] = (),
    say: Say = _silent,
    force_lock: bool = False,
    approve: Callable[[Plan], bool] | None = None,
) -> Deployed:
    """Delete every recorded resource, then the deployment's folder. Nothing there is fine.

    What an interrupted deploy made without a record goes too, or is named if it can't be found.
    With `select`, only these resources go. `approve` is asked before anything does, with the plan.

    Raises `Cancelled` when it says no, `Locked`, `Prevented`, and the errors of the world.
    """
    store = project.store
    caller = _caller(project, say)
    with locked(project, force=force_lock, say=say, lockless_if_full=True):
        pulled = recovered(project, store.pull(), say)
        plan = plan_destroy(project, pulled.state, select=select, say=say)
        check_prevented(plan)
        if approve is not None and not approve(plan):
            raise Cancelled(NOTHING)
        store.adopt(pulled.state, say)
        applied, state = _carry_out(project, plan, pulled, caller, progress)
        if not applied.failures and not plan.not_selected:
            project.files.delete(project.path("root_path"), recursive=True)
            store.forget_local(DEPLOYMENT, METADATA)
    return Deployed(applied=applied, synced=NOTHING, state=state)


def is_deployed(project: Project) -> bool:
    """Whether there is anything a destroy could remove."""
    root = project.files.status(project.path("root_path"))
    return root is not None or bool(project.store.pull().state.entries)


@contextmanager
def locked(
    project: Project, *, force: bool, say: Say, lockless_if_full: bool = False
) -> Iterator[None]:
    """Hold the deploy lock, which is in the workspace; a target's `lock.force` forces it too.

    Raises `Locked`, also at the end when somebody took the lock by force meanwhile, and `NoFolder`.
    """
    configured = project.resolved.tree.get("bundle.deployment.lock.force")
    is_forced = force or (configured is not None and configured.data is True)
    folder = project.path("state_path")
    lock: Lock | None = None
    try:
        lock = acquire(project.files, folder, user=project.user.user_name, force=is_forced, say=say)
    except Unreachable as failure:
        failure.add_note(AT_LOCK)
        raise
    except ApiFailure as failure:
        if not (lockless_if_full and is_forced and failure.code == FULL):
            if failure.status not in (403, 404):
                failure.add_note(AT_LOCK)
                raise
            raise no_folder(project, folder) from failure
        say(f"Warning: Proceeding with destroy without a deployment lock: {failure}")
    try:
        yield
    except BaseException:
        if lock is not None:
            with suppress(Locked):
                lock.release()
        raise
    if lock is not None:
        lock.release()


def _carry_out(
    project: Project, plan: Plan, pulled: Pulled, caller: Caller, progress: Show
) -> tuple[Applied, State]:
    store = project.store
    if not plan.pending:
        if pulled.is_ahead:
            store.push(pulled.state, pulled.state)
        return Applied(plan=plan, outcomes={}), pulled.state
    user = project.facts.user.user_name
    creates = creates_to_note(plan, pulled.state, caller)
    journal = store.begin(pulled, dict.fromkeys(creates, user))
    try:
        applied = apply(
            plan,
            pulled.state,
            journal,
            caller,
            user=user,
            progress=progress,
        )
    finally:
        state = store.finish(journal, pulled)
    return applied, state


def _caller(project: Project, say: Say) -> Caller:
    """Who makes the calls, waiting no longer than the environment allows.

    Raises `Prevented` when that is no number of seconds: ignoring it would mean hours of waiting.
    """
    given = project.environment.get(MAX_WAIT)
    if given is None:
        return Caller(workspace=project.workspace, warn=say)
    if not (given.isascii() and given.isdigit()):
        raise Prevented(f"invalid {MAX_WAIT}={given!r}: expected a non-negative number of seconds")
    return Caller(workspace=project.workspace, max_wait_s=float(given), warn=say)


def _upload(project: Project, say: Say, told: Told | None) -> Synced:
    state_path = project.path("state_path")
    prepared = prepare_resources(project, say=_silent)
    root = project.sync_rules.root
    upload(prepared.uploads, project.files, state_path=state_path, root=root, say=say)
    if is_source_linked(project):
        return NOTHING
    files = look_at(project.sync_rules.root, upload_set(project), folder=project.folder)
    synced = synchronise(
        (*files, *(local_file(name, source) for name, source in prepared.archives)),
        remote=project.files,
        file_path=project.path("file_path"),
        state_path=state_path,
        local_state=project.folder,
        say=say,
        told=told,
    )
    share_folders(project)
    make_resource_folder(project)
    return synced


def ignore_in_git(project: Project) -> None:
    """Keep `.databricks` out of the user's commits."""
    mark = project.root / ".databricks" / ".gitignore"
    if not mark.exists():
        write_atomically(mark, b"*\n")

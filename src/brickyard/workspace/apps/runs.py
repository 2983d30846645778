"""The running processes of apps: brought up, swapped, taken down, looked at.

A deployment copies its source, gets its packages and starts its process beside the one that runs;
only when it listens does it take the other's place. One app is brought up by one thread at a time;
stopping does not wait for that thread, which finds out by the app's record.
"""

from __future__ import annotations

import logging
import shutil
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from brickyard.workspace.apps.auto_sync import AutoSync, Stamp, stamp_of
from brickyard.workspace.apps.deployments import health_timeout_s, variables_of
from brickyard.workspace.apps.process import (
    START_TIMEOUT_S,
    USUAL_PORT,
    AppFailed,
    AppProcess,
    Recipe,
)
from brickyard.workspace.apps.recipes import Recipes
from brickyard.workspace.apps.records import (
    ACTIVE,
    CANCELLED,
    FAILED,
    IN_PROGRESS,
    STOPPED,
    STOPPING,
    SUCCEEDED,
    App,
    Records,
)
from brickyard.workspace.apps.source import BadSource, Source, copy_source, read_source
from brickyard.workspace.kernel import ApiError, Home, WorkspaceInfo
from brickyard.workspace.processes import Mounts, UnresolvedEnvironment

if TYPE_CHECKING:
    from brickyard.workspace.files.engine import FilesEngine
    from brickyard.workspace.identity.engine import IdentityEngine

RUNNING, CRASHED, DEPLOYING, UNAVAILABLE = "RUNNING", "CRASHED", "DEPLOYING", "UNAVAILABLE"
LAST_PATIENCE_S: Final = 3.0  # with processes, when the workspace itself stops
EXPLAINED: Final = (AppFailed, ApiError, BadSource, UnresolvedEnvironment, OSError)
log = logging.getLogger("brickyard.apps")


@dataclass(frozen=True, slots=True)
class Status:
    """`app_status` of the API."""

    state: str
    message: str


NOT_DEPLOYED = Status(
    UNAVAILABLE,
    "App has status: App has not been deployed yet. Run your app by deploying source code",
)


class Runs:
    """Thread-safe."""

    def __init__(
        self,
        home: Home,
        workspaces: Mapping[str, WorkspaceInfo],
        records: Records,
        *,
        recipes: Recipes,
        identity: IdentityEngine,
        files: FilesEngine,
    ) -> None:
        self._home = home
        self._workspaces = workspaces
        self._records = records
        self._recipes = recipes
        self._identity = identity
        self._files = files
        self._lock = threading.Lock()
        self._locks: dict[str, threading.Lock] = {}
        self._live: dict[str, AppProcess] = {}  # by the app's id
        self._rising: dict[str, AppProcess] = {}
        self._sync = AutoSync()
        self._stopped = False

    # -- looking ------------------------------------------------------------------------------

    def port(self, app: App) -> int | None:
        process = self._live.get(app.id)
        return process.port if process is not None else None

    def log(self, app: App) -> Path:
        return self._home.logs / "apps" / f"{app.id}.log"

    def status(self, app: App) -> Status:
        if app.compute != ACTIVE:
            return Status(UNAVAILABLE, "App status is unavailable.")
        process = self._live.get(app.id)
        if process is not None and process.port is not None:
            return Status(RUNNING, "App has status: App is running")
        if app.body["pending"]:
            return Status(DEPLOYING, "App has status: App is being deployed")
        fault = (process.fault if process is not None else "") or str(app.body["fault"])
        if fault:
            return Status(CRASHED, f"App has status: {fault}")
        if app.body["active"]:
            return Status(DEPLOYING, "App has status: App is starting")
        return NOT_DEPLOYED

    # -- doing --------------------------------------------------------------------------------

    def bring_up(self, app: App, deployment: str) -> None:
        """Bring the pending deployment of the app to service, in the background."""
        self._in_background(self._bring_up, app, deployment)

    def resume(self, app: App) -> None:
        """After a start of the workspace: what ran runs again, what was begun is done again."""
        if app.body["active"]:
            self._in_background(self._run_again, app, str(app.body["active"]))
        if app.body["pending"]:
            self._in_background(self._bring_up, app, str(app.body["pending"]))

    def take_down(self, app: App) -> None:
        """End the app's processes in the background; then its compute is stopped."""
        self._in_background(self._take_down, app)

    def end(self, app: App) -> None:
        """End the app's processes at once, for good."""
        for process in self._processes(app):
            process.stop(patience_s=0)
        with self._only(app):
            for process in self._processes(app):
                process.stop(patience_s=0)
        self.log(app).unlink(missing_ok=True)
        self.log(app).with_suffix(".1.log").unlink(missing_ok=True)

    def stop(self) -> None:
        """End all, at the same time."""
        self._stopped = True
        self._sync.stop()
        with self._lock:
            processes = [*self._live.values(), *self._rising.values()]
        patience = {"patience_s": LAST_PATIENCE_S}
        threads = [threading.Thread(target=one.stop, kwargs=patience) for one in processes]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()

    def _bring_up(self, app: App, id: str) -> None:
        with self._only(app):
            now = self._records.find(app.workspace, app.name)
            if now is None or now.id != app.id or now.body["pending"] != id:
                self._records.say(app, id, CANCELLED, "The app was stopped meanwhile")
                return
            process: AppProcess | None = None
            try:
                body = self._records.deployment(app, id).body
                stamp = self._stamp(app, body)
                self._make_way(app)
                process = self._started(now, id, body)
                done = self._settled(now, id, body)
            except Exception as fault:
                if process is not None:
                    process.stop(patience_s=0)
                self._failed(now, id, fault)
                self._restore(now)
                return
            if done:
                self._swap(app, process)
                self._forget_sources(app, id)
                if stamp is not None:
                    self._watch(app, id, body, stamp)
            else:
                process.stop(patience_s=0)
                self._records.say(app, id, CANCELLED, "The app was stopped meanwhile")

    def _make_way(self, app: App) -> None:
        """Two versions cannot have the one port that is in the app's code."""
        process = self._live.get(app.id)
        if process is not None and process.port == USUAL_PORT:
            process.stop()

    def _restore(self, app: App) -> None:
        """Let the version run again that made way for one that failed."""
        process = self._live.get(app.id)
        if process is not None and process.is_stopped and app.body["active"]:
            self._in_background(self._run_again, app, str(app.body["active"]))

    def _run_again(self, app: App, id: str) -> None:
        with self._only(app):
            try:
                body = self._records.deployment(app, id).body
                if (stamp := self._stamp(app, body)) is not None:
                    self._watch(app, id, body, stamp)
                    shutil.rmtree(self._folder(app, id) / "source", ignore_errors=True)
                process = self._started(app, id, body)
            except Exception as fault:
                if not self._stopped:
                    self._records.change_if(app, {"active": id}, fault=_text(fault))
                    self._note(app, f"cannot start the app: {_text(fault)}")
                return
            running = self._records.change_if(app, {"compute": ACTIVE, "active": id}, fault="")
            if running is None or self._stopped:
                process.stop(patience_s=0)
            else:
                self._swap(app, process)

    def _stamp(self, app: App, body: Mapping[str, Any]) -> Stamp | None:
        """How the source of a deployment is now, if it is to be followed."""
        if body["mode"] != "AUTO_SYNC":
            return None
        return stamp_of(self._given(app, body))

    def _watch(self, app: App, id: str, body: Mapping[str, Any], stamp: Stamp) -> None:
        folder = self._given(app, body)
        self._sync.watch(app.id, folder, stamp, lambda: self._refresh(app, id))

    def _given(self, app: App, body: Mapping[str, Any]) -> Path:
        """The folder that was deployed. Raises RESOURCE_DOES_NOT_EXIST."""
        workspace = self._workspaces[app.workspace]
        return self._files.resolve(workspace, str(body["source_code_path"]))

    def _refresh(self, app: App, id: str) -> bool:
        """Run the deployment from its source as it is now; False when it no longer is the app's."""
        now = self._records.find(app.workspace, app.name)
        if now is None or now.id != app.id or now.body["active"] != id or self._stopped:
            return False
        self._note(app, "the source has changed")
        for process in self._processes(app):
            process.stop()
        with self._lock:
            self._live.pop(app.id, None)
        self._run_again(now, id)
        return True

    def _started(self, app: App, id: str, body: Mapping[str, Any]) -> AppProcess:
        """A process of the deployment that listens."""
        self._note(app, f"deployment {id} of {body['source_code_path']}")
        source = self._source(app, id, body)
        say = self._sayer(app, id)
        say("Installing packages")
        python = self._recipes.python(source)
        workspace = self._workspaces[app.workspace]
        health = body.get("health_check") or {}

        def prepare() -> Recipe:
            robot = self._identity.principal(app.client_id, app.workspace)
            now = self._records.find(app.workspace, app.name) or app
            return self._recipes.prepare(workspace, app.name, robot, now.uses, source, python)

        if source.is_node:
            self._recipes.install_node(source, self.log(app), prepare().environment(USUAL_PORT))
        say("Packages installed. Starting app")
        process = AppProcess(
            log=self.log(app),
            prepare=prepare,
            health_path=str(health.get("path") or ""),
            health_timeout_s=health_timeout_s(str(health.get("timeout") or "")) or START_TIMEOUT_S,
        )
        with self._lock:
            self._rising[app.id] = process
        try:
            now = self._records.find(app.workspace, app.name)
            if self._stopped or now is None or now.compute != ACTIVE:
                raise AppFailed("the app or the workspace was stopped meanwhile")
            process.start()
        finally:
            with self._lock:
                self._rising.pop(app.id, None)
        return process

    def _source(self, app: App, id: str, body: Mapping[str, Any]) -> Source:
        folder = self._folder(app, id) / "source"
        if not folder.is_dir():
            view = self._view_of(app, id)
            copy_source(self._given(app, body), folder, view, self.log(app))
        return read_source(folder, tuple(body.get("command") or ()), variables_of(body))

    def _view_of(self, app: App, id: str) -> Mounts:
        """The workspace files as who deployed it sees them."""
        workspace = self._workspaces[app.workspace]
        creator = self._records.deployment(app, id).creator
        principal = self._identity.principal(creator, app.workspace)
        return Mounts(
            home=self._home.root,
            workspace_files=self._home.files_of(app.workspace),
            openings=self._files.openings(principal, workspace),
        )

    def _settled(self, app: App, id: str, body: Mapping[str, Any]) -> bool:
        """Record that the deployment runs, unless the app was stopped or deleted meanwhile."""
        done = self._records.change_if(
            app,
            {"compute": ACTIVE, "pending": id},
            active=id,
            last=id,
            pending=None,
            fault="",
            default_source_code_path=body["source_code_path"],
        )
        if done is not None:
            self._records.say(app, id, SUCCEEDED, "App started successfully")
        return done is not None

    def _failed(self, app: App, id: str, fault: Exception) -> None:
        if self._stopped:
            return  # still pending: the next start takes it up again
        if not isinstance(fault, EXPLAINED):
            log.exception("deployment %s of app %s failed", id, app.name, exc_info=fault)
        self._note(app, f"deployment {id} failed: {_text(fault)}")
        known = self._records.change_if(app, {"pending": id}, pending=None, fault=_text(fault))
        state = FAILED if known is not None else CANCELLED
        self._records.say(app, id, state, _text(fault))

    def _swap(self, app: App, process: AppProcess) -> None:
        with self._lock:
            before = self._live.get(app.id)
            self._live[app.id] = process
        if before is not None:
            self._in_background(before.stop)
        if self._stopped:
            process.stop(patience_s=0)

    def _take_down(self, app: App) -> None:
        for process in self._processes(app):
            process.stop()
        with self._only(app):  # one that was on its way up has noticed by now
            for process in self._processes(app):
                process.stop()
            with self._lock:
                self._live.pop(app.id, None)
            self._records.change_if(app, {"compute": STOPPING}, compute=STOPPED)

    def _processes(self, app: App) -> list[AppProcess]:
        with self._lock:
            found = (self._live.get(app.id), self._rising.get(app.id))
        return [one for one in found if one is not None]

    def _forget_sources(self, app: App, kept: str) -> None:
        for folder in (self._home.apps / app.id).iterdir():
            if folder.name != kept:
                shutil.rmtree(folder, ignore_errors=True)

    def _folder(self, app: App, id: str) -> Path:
        return self._home.apps / app.id / id

    def _sayer(self, app: App, id: str) -> Callable[[str], None]:
        """Says how a pending deployment gets on; nothing of one that only runs again."""
        if app.body["pending"] != id:
            return lambda text: None
        return lambda text: self._records.say(app, id, IN_PROGRESS, text)

    def _note(self, app: App, text: str) -> None:
        """A line of ours in the app's log."""
        file = self.log(app)
        file.parent.mkdir(parents=True, exist_ok=True)
        at = time.strftime("%Y-%m-%d %H:%M:%S")
        with file.open("a") as log_file:
            log_file.write(f"[brickyard] {at} {text}\n")

    def _only(self, app: App) -> threading.Lock:
        with self._lock:
            return self._locks.setdefault(app.id, threading.Lock())

    def _in_background(self, work: Callable[..., None], *args: Any) -> None:
        name = f"apps-{getattr(work, '__name__', 'work').strip('_')}"
        threading.Thread(target=work, args=args, name=name, daemon=True).start()


def _text(fault: Exception) -> str:
    if isinstance(fault, ApiError):
        return fault.message
    if isinstance(fault, EXPLAINED):
        return str(fault)
    return f"{type(fault).__name__}; the workspace's log says more"

"""Tasks that are processes: notebooks, Python files, wheel entry points.

Each gets its own folder, token, mount view, Python environment and Spark session address, and
writes `result.json` and `values.json`, which become the task run's output and task values.
"""

from __future__ import annotations

import json
import time
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from brickyard.workspace.catalog import securables
from brickyard.workspace.jobs import sources, specs
from brickyard.workspace.jobs.calls import Stop, TaskCall
from brickyard.workspace.jobs.states import Outcome
from brickyard.workspace.kernel import ApiError, Home, Principal, WorkspaceInfo, now_ms
from brickyard.workspace.processes import (
    CatalogView,
    Child,
    Environments,
    Launch,
    Mounts,
    UnresolvedEnvironment,
    VolumeMount,
    start,
)

if TYPE_CHECKING:
    from brickyard.workspace.catalog.engine import CatalogEngine
    from brickyard.workspace.files.engine import FilesEngine
    from brickyard.workspace.identity.engine import IdentityEngine
    from brickyard.workspace.spark.engine import SparkEngine

TOKEN_LIFETIME_S = 24 * 3600
POLL_S = 0.05
VOLUMES_EVERY_S = 0.25
LOG_LINES_SHOWN = 5


@dataclass(frozen=True, slots=True, kw_only=True)
class ProcessTasks:
    home: Home
    identity: IdentityEngine
    catalog: CatalogEngine
    files: FilesEngine
    spark: SparkEngine
    environments: Environments

    def perform(self, call: TaskCall, stop: Stop, principal: Principal) -> Outcome:
        """Run it to its end. A failure of user code is an outcome, not an exception."""
        started = now_ms()
        mounts = self._mounts(call, principal)
        files = self.home.files_of(call.workspace.name)
        volumes = {f"/Volumes/{v.catalog}/{v.schema}/{v.name}": v.path for v in mounts.volumes}
        source = self._source(call, files, volumes)
        if source is not None and not source.inside.startswith("/Volumes/"):
            require_readable(self.files, principal, call.workspace, source)
        needs_pip = source.real if source and call.kind == "notebook_task" else None
        wanted = sources.requirements(call.task, call.settings, call.facts, needs_pip)
        try:
            python = self.environments.environment(
                wanted,
                locate=lambda path: sources.locate(path, files, volumes),
                shows=mounts.shows,
            )
        except UnresolvedEnvironment as fault:
            return Outcome(
                result="FAILED",
                message=str(fault),
                code="LIBRARY_INSTALLATION_ERROR",
                life_cycle="INTERNAL_ERROR",
                fields={"_error": str(fault), "setup_duration": now_ms() - started},
            )
        if stop.asked:
            return Outcome(result="CANCELED", message="Run cancelled.")
        return self._run(call, stop, principal, mounts, source, python, started)

    def _run(
        self,
        call: TaskCall,
        stop: Stop,
        principal: Principal,
        mounts: Mounts,
        source: sources.Source | None,
        python: Path,
        started: int,
    ) -> Outcome:
        folder = self.home.runs / str(call.task_run.run_id)
        folder.mkdir(parents=True, exist_ok=True)
        token = self.identity.issue_token(
            principal,
            call.workspace.name,
            lifetime_s=TOKEN_LIFETIME_S,
            comment=f"task run {call.task_run.run_id}",
        )
        scope = f"run-{call.task_run.run_id}"
        shown = folder / "volumes"
        shown.mkdir(exist_ok=True)
        mounts = replace(mounts, writable=(folder,), volumes_folder=shown)
        child: Child | None = None
        try:
            remote = self.spark.session_url(principal, call.workspace, token, scope, python=python)
            told = specs.spec(self.home, call, principal, mounts, source, folder)
            (folder / "spec.json").write_text(json.dumps(told))
            environment = specs.environment(call, principal, token, remote, source)
            log = folder / "log.txt"
            setup_ms = now_ms() - started
            child = start(
                Launch(
                    command=[
                        str(python),
                        "-m",
                        "brickyard.runtime.task",
                        str(folder / "spec.json"),
                    ],
                    cwd=folder,
                    environment=environment,
                    log=log,
                    mounts=mounts,
                )
            )
            known = {one.path for one in mounts.volumes}
            count = self._volume_count()
            looked = time.monotonic()
            while (code := child.wait(POLL_S)) is None:
                if stop.asked:
                    child.terminate()
                    code = child.wait()
                    break
                if time.monotonic() - looked > VOLUMES_EVERY_S:
                    if (now := self._volume_count()) != count:
                        self._show_new_volumes(call, principal, known, mounts)
                        count = now
                    looked = time.monotonic()
        finally:
            if child is not None:
                child.kill()  # nothing of it outlives the task, whatever happened here
            self.spark.release(scope)
            self.identity.revoke(token)
        return _outcome(folder, code or 0, setup_ms, log)

    def _mounts(self, call: TaskCall, principal: Principal) -> Mounts:
        catalogs = self.catalog.mounts(principal, call.workspace)
        volumes = tuple(self._volumes(call, principal, catalogs))
        return Mounts(
            home=self.home.root,
            workspace_files=self.home.files_of(call.workspace.name),
            openings=self.files.openings(principal, call.workspace),
            catalogs=catalogs,
            volumes=volumes,
            readable=(self.home.environments,),
        )

    def _volumes(
        self, call: TaskCall, principal: Principal, catalogs: Iterable[CatalogView]
    ) -> Iterator[VolumeMount]:
        """The volumes that the principal may read; writable where catalog and grant say so."""
        modes = {one.name: one.mode for one in catalogs}
        with self.catalog.metastore.read() as tx:
            found = securables.of_kind(tx, "volume")
        for volume in found:
            catalog, schema, name = volume.full_name.split(".")
            can = partial(self.catalog.can, principal, call.workspace)
            if catalog not in modes or not can("READ_VOLUME", "volume", volume.full_name):
                continue
            writes = modes[catalog] == "rw" and can("WRITE_VOLUME", "volume", volume.full_name)
            yield VolumeMount(
                catalog=catalog,
                schema=schema,
                name=name,
                path=self.catalog.volume_path(catalog, schema, name),
                mode="rw" if writes else "ro",
            )

    def _show_new_volumes(
        self, call: TaskCall, principal: Principal, known: set[Path], mounts: Mounts
    ) -> None:
        """Volumes that appeared since the task started, this task's own ones above all."""
        assert mounts.volumes_folder is not None
        for volume in self._volumes(call, principal, mounts.catalogs):
            if volume.path not in known:
                volume.link_in(mounts.volumes_folder)
                known.add(volume.path)

    def _volume_count(self) -> int:
        with self.catalog.metastore.read() as tx:
            return len(securables.of_kind(tx, "volume"))

    def _source(
        self, call: TaskCall, files: Path, volumes: Mapping[str, Path]
    ) -> sources.Source | None:
        body = call.task[call.kind]
        default = "GIT" if call.settings.get("git_source") else "WORKSPACE"
        if call.kind == "notebook_task":
            return sources.notebook(files, body["notebook_path"], body.get("source") or default)
        if call.kind == "spark_python_task":
            source = body.get("source") or default
            return sources.python_file(files, body["python_file"], source, volumes)
        return None


def require_readable(
    files: FilesEngine, principal: Principal, workspace: WorkspaceInfo, source: sources.Source
) -> None:
    """Raises PERMISSION_DENIED when the run's identity may not read its own source."""
    try:
        files.readable(principal, workspace, source.workspace_path)
    except ApiError as fault:
        if fault.status != 404:
            raise
        # A notebook named as a file: its object has no extension.
        bare = source.workspace_path.removesuffix(source.real.suffix)
        files.readable(principal, workspace, bare)


def _outcome(folder: Path, code: int, setup_ms: int, log: Path) -> Outcome:
    """From what the process left behind."""
    fields: dict[str, Any] = {"setup_duration": setup_ms}
    values = _read(folder / "values.json")
    if values:
        fields["_values"] = values
    result = _read(folder / "result.json")
    if result is None:
        message = f"The task's process ended with status {code} before it had a result."
        if code == 137:
            message = "The task's process was killed; it may have used too much memory."
        tail = _tail(log)
        fields |= {"_error": message, "_error_trace": tail}
        return Outcome(result="FAILED", message=message, code="DRIVER_ERROR", fields=fields)
    if result.get("error"):
        error = str(result["error"])
        fields |= {"_error": error, "_error_trace": result.get("error_trace", "")}
        denied = "UNAUTHORIZED_ERROR" if error.startswith("PERMISSION_DENIED") else ""
        return Outcome(result="FAILED", message=error, code=denied, fields=fields)
    if "result" in result:
        fields["_result"] = result["result"]
    return Outcome(result="SUCCESS", fields=fields)


def _read(path: Path) -> dict[str, Any] | None:
    try:
        found: dict[str, Any] = json.loads(path.read_text())
        return found
    except (OSError, ValueError):
        return None


def _tail(log: Path) -> str:
    try:
        return "\n".join(log.read_text(errors="replace").splitlines()[-LOG_LINES_SHOWN:])
    except OSError:
        return ""

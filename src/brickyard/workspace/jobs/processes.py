"""Tasks that are processes: notebooks, Python files, wheel entry points, shell commands.

Each runs as user code does (`processes/user_code.py`), and writes `result.json` and `values.json`,
which become the task run's output and task values.
"""

from __future__ import annotations

import json
import shutil
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from brickyard.workspace.jobs import sources, specs
from brickyard.workspace.jobs.calls import Stop, TaskCall
from brickyard.workspace.jobs.states import Outcome
from brickyard.workspace.kernel import ApiError, Principal, WorkspaceInfo, now_ms
from brickyard.workspace.processes import Mounts, UnresolvedEnvironment, enforcement
from brickyard.workspace.processes.places import locate
from brickyard.workspace.processes.user_code import Program, UserCode

if TYPE_CHECKING:
    from brickyard.workspace.files.engine import FilesEngine

LOG_LINES_SHOWN = 5
CLUSTER_DISK = "/databricks"
NO_SHELL = (
    "shell_command_task names paths such as /dbfs and /databricks, which only a platform with "
    "mount namespaces (Linux) can show to a command: run the project with backend=local here"
)


@dataclass(frozen=True, slots=True, kw_only=True)
class ProcessTasks:
    code: UserCode

    def perform(self, call: TaskCall, stop: Stop, principal: Principal) -> Outcome:
        """Run it to its end. A failure of user code is an outcome, not an exception."""
        started = now_ms()
        if call.kind == "shell_command_task" and enforcement().kind != "namespace":
            return Outcome(result="FAILED", message=NO_SHELL, code="INVALID_RUN_CONFIGURATION")
        mounts = self.code.mounts(principal, call.workspace)
        files = self.code.home.files_of(call.workspace.name)
        volumes = {f"/Volumes/{v.catalog}/{v.schema}/{v.name}": v.path for v in mounts.volumes}
        dbfs = self.code.home.dbfs_of(call.workspace.name)
        source = self._source(call, files, volumes, dbfs)
        if source is not None and source.inside.startswith("/Workspace/"):
            require_readable(self.code.files, principal, call.workspace, source)
        needs_pip = source.real if source and call.kind == "notebook_task" else None
        wanted = sources.requirements(call.task, call.settings, call.facts, needs_pip)
        try:
            python = self.code.environments.environment(
                wanted,
                locate=lambda path: locate(path, files, volumes, dbfs),
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
        folder = self.code.home.runs / str(call.task_run.run_id)
        folder.mkdir(parents=True, exist_ok=True)
        setup_ms: list[int] = []
        disk = folder / "databricks"
        if specs.has_cluster_disk(call, source):
            disk.mkdir(exist_ok=True)
            mounts = replace(mounts, placed=(*mounts.placed, (CLUSTER_DISK, disk)))
        program = Program(
            name=f"run-{call.task_run.run_id}",
            title=f"task run {call.task_run.run_id}",
            module="brickyard.runtime.task",
            folder=folder,
            spec=specs.spec(self.code.home, call, principal, mounts, source, folder),
            python=python,
            experiment=specs.experiment(call, principal, source),
            variables=specs.cluster_variables(call),
        )
        code = self.code.run(
            program,
            principal,
            call.workspace,
            mounts,
            is_stopped=lambda: stop.asked,
            started=lambda: setup_ms.append(now_ms() - started),
        )
        shutil.rmtree(disk, ignore_errors=True)  # as a cluster's disk goes with the cluster
        return _outcome(folder, code, setup_ms[0])

    def _source(
        self, call: TaskCall, files: Path, volumes: Mapping[str, Path], dbfs: Path
    ) -> sources.Source | None:
        body = call.task[call.kind]
        if call.kind == "notebook_task":
            return sources.notebook(files, body["notebook_path"], body.get("source") or "WORKSPACE")
        if call.kind == "spark_python_task":
            source = body.get("source") or "WORKSPACE"
            return sources.python_file(files, body["python_file"], source, volumes, dbfs)
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


def _outcome(folder: Path, code: int, setup_ms: int) -> Outcome:
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
        tail = _tail(folder / "log.txt")
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

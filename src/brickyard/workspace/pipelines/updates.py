"""One update from its start to its end: a thread that prepares, runs and watches its process.

The process (`brickyard.runtime.pipelines`) reads the sources, orders the datasets and writes the
tables; what it says in `events.jsonl` becomes the pipeline's events and the update's state.
"""

from __future__ import annotations

import json
import logging
import os
import threading
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from brickyard.workspace.kernel import ApiError, Document, Principal, WorkspaceInfo
from brickyard.workspace.pipelines import events
from brickyard.workspace.pipelines.projects import read_environment
from brickyard.workspace.pipelines.records import NewEvent, Records, Update
from brickyard.workspace.processes import Mounts, UnresolvedEnvironment, enforcement
from brickyard.workspace.processes.places import locate
from brickyard.workspace.processes.user_code import Program, UserCode, shown_catalogs

log = logging.getLogger("brickyard.pipelines")

MODULE: Final = "brickyard.runtime.pipelines"
SELECTIONS: Final = ("full_refresh", "full_refresh_selection", "refresh_selection", "validate_only")
LOG_LINES_SHOWN: Final = 5
NOT_CONTINUOUS: Final = (
    "continuous: the embedded workspace brings the pipeline up to date once and ends the update; "
    "start it again, or by a job, for what comes later."
)


@dataclass(slots=True, kw_only=True)
class Execution:
    """An active update."""

    update: Update
    pipeline: Document
    workspace: WorkspaceInfo
    run_as: Callable[[], Principal]
    code: UserCode
    records: Records
    folder: Path  # of this update
    state_folder: Path  # of the pipeline: what its flows have read
    on_end: Callable[[Update], None]
    stop: threading.Event = field(default_factory=threading.Event)
    ended: threading.Event = field(default_factory=threading.Event)

    def start(self) -> None:
        name = f"update-{self.update.update_id[:8]}"
        threading.Thread(target=self._run_safely, name=name, daemon=True).start()

    def _run_safely(self) -> None:
        error: Mapping[str, Any] | None = None
        try:
            self._tell("INITIALIZING")
            error = self._run()
        except ApiError as fault:
            error = events.failure(f"{fault.code}: {fault.message}", fault.code)
        except UnresolvedEnvironment as fault:
            error = events.failure(str(fault), "ENVIRONMENT_SETUP_ERROR")
        except Exception as fault:
            log.exception("update %s failed inside the workspace", self.update.update_id)
            text = f"Internal error of the workspace: {type(fault).__name__}: {fault}"
            error = events.failure(text, "INTERNAL_ERROR")
        state = "CANCELED" if self.stop.is_set() else "FAILED" if error else "COMPLETED"
        ending = events.progress(self.update, state, error if state == "FAILED" else None)
        self.records.change(self.update, state, [ending], ended=True)
        self.ended.set()
        self.on_end(self.update)

    def _tell(self, state: str) -> None:
        self.records.change(self.update, state, [events.progress(self.update, state)])

    def _run(self) -> Mapping[str, Any] | None:
        """What ended it badly, or None."""
        principal = self.run_as()
        if self.pipeline.body.get("continuous"):
            self.records.add_events(self.update, [events.warning(NOT_CONTINUOUS)])
        mounts = self.code.mounts(principal, self.workspace)
        python, import_folders = self._environment(mounts)
        self.folder.mkdir(parents=True, exist_ok=True)
        self.state_folder.mkdir(parents=True, exist_ok=True)
        said = events.Log(self.folder / "events.jsonl")
        short = self.update.update_id
        program = Program(
            name=f"update-{short}",
            title=f"update {short} of pipeline {self.pipeline.name}",
            module=MODULE,
            folder=self.folder,
            spec=self._spec(principal, mounts, import_folders),
            python=python,
            experiment=f"/Users/{principal.user_name}/{self.pipeline.name or 'pipeline'}",
            variables={},
        )
        code = self.code.run(
            program,
            principal,
            self.workspace,
            mounts,
            is_stopped=self.stop.is_set,
            look=lambda: self._listen(said),
            writable=(self.state_folder,),
        )
        self._listen(said)
        return self._ending(code)

    def _environment(self, mounts: Mounts) -> tuple[Path, tuple[str, ...]]:
        """The interpreter, and the folders of editable projects."""
        files = self.code.home.files_of(self.workspace.name)
        volumes = {f"/Volumes/{v.catalog}/{v.schema}/{v.name}": v.path for v in mounts.volumes}

        def find(path: str) -> Path:
            return locate(path, files, volumes)

        wanted = read_environment(self.pipeline.body, find, mounts.shows)
        if wanted.warnings:
            self.records.add_events(self.update, map(events.warning, wanted.warnings))
        python = self.code.environments.environment(wanted.lines, locate=find, shows=mounts.shows)
        return python, wanted.import_folders

    def _spec(
        self, principal: Principal, mounts: Mounts, import_folders: Sequence[str]
    ) -> dict[str, Any]:
        body, request = self.pipeline.body, self.update.request
        given = {**(body.get("parameters") or {}), **(request.get("parameters") or {})}
        return {
            "kind": "pipeline",
            "folder": str(self.folder),
            "catalogs": shown_catalogs(mounts),
            "catalogs_folder": os.path.realpath(self.code.home.catalogs),
            "workspace": self.workspace.name,
            "principal": principal.user_name,
            "mapped": {} if enforcement().kind == "namespace" else mounts.path_map(),
            "context": {"workspace_id": self.workspace.id},
            "pipeline": {
                "id": self.pipeline.id,
                "name": self.pipeline.name,
                "catalog": body.get("catalog") or self.workspace.catalog,
                "schema": body.get("schema") or body.get("target") or "default",
                "libraries": list(body.get("libraries") or ()),
                "import_folders": [
                    *(one for one in (body.get("root_path"),) if one),
                    *import_folders,
                ],
                "configuration": {**(body.get("configuration") or {}), **given},
                "state_folder": str(self.state_folder),
                **{name: request[name] for name in SELECTIONS},
            },
        }

    def _listen(self, said: events.Log) -> None:
        """Keep what the process said since the last time."""
        fresh: list[NewEvent] = []
        for one in said.new():
            state = one.get("state")
            if state in events.OF_PROCESS:
                fresh.append(events.progress(self.update, str(state)))
                self.records.change(self.update, str(state), fresh)
                fresh = []
            elif (event := events.read_event(one)) is not None:
                fresh.append(event)
        if fresh:
            self.records.add_events(self.update, fresh)

    def _ending(self, code: int) -> Mapping[str, Any] | None:
        try:
            result = json.loads((self.folder / "result.json").read_text())
        except (OSError, ValueError):
            if self.stop.is_set():
                return None
            tail = _tail(self.folder / "log.txt")
            return events.failure(
                f"The update's process ended with status {code} before it was done.\n{tail}",
                "DRIVER_ERROR",
            )
        error: Mapping[str, Any] | None = result.get("error")
        return error


def _tail(file: Path) -> str:
    try:
        return "\n".join(file.read_text(errors="replace").splitlines()[-LOG_LINES_SHOWN:])
    except OSError:
        return ""

"""The engine of pipelines: who may keep, change, run and delete which.

`settings` reads and checks specifications, `access` decides who may, `updates` runs an update in a
process of its own, `records` keeps updates and events. Updates that were active when the workspace
stopped are marked as ended at the next start.
"""

from __future__ import annotations

import json
import shutil
import threading
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from brickyard.workspace.kernel import (
    ApiError,
    Document,
    Documents,
    Home,
    Principal,
    Store,
    WorkspaceInfo,
    invalid,
    not_found,
)
from brickyard.workspace.pipelines import events, requests, settings
from brickyard.workspace.pipelines.access import MANAGE, RUN, VIEW, Access
from brickyard.workspace.pipelines.filters import Condition, like, read_filter
from brickyard.workspace.pipelines.records import EVENT_FIELDS, Records, Update
from brickyard.workspace.pipelines.tables import PIPELINES
from brickyard.workspace.pipelines.updates import Execution

if TYPE_CHECKING:
    from brickyard.workspace.catalog.engine import CatalogEngine
    from brickyard.workspace.identity.engine import IdentityEngine
    from brickyard.workspace.permissions.engine import PermissionsEngine
    from brickyard.workspace.processes.user_code import UserCode

STOP_WAIT_S = 15
MADE_BY = "pipelines.pipelineId"  # a property of the tables that a pipeline makes


class PipelinesEngine:
    def __init__(
        self,
        store: Store,
        home: Home,
        workspaces: Mapping[str, WorkspaceInfo],
        *,
        identity: IdentityEngine,
        catalog: CatalogEngine,
        permissions: PermissionsEngine,
        code: UserCode,
    ) -> None:
        self.access = Access(identity, permissions)
        self._pipelines = Documents(store, PIPELINES, "Pipeline", missing=not_found)
        self._records = Records(store)
        self._home = home
        self._identity = identity
        self._catalog = catalog
        self._code = code
        self._lock = threading.RLock()
        self._active: dict[str, Execution] = {}  # by update
        self._stopping = False

    def start(self) -> None:
        """Mark what was interrupted."""
        for one in self._records.interrupted():
            text = "The workspace ended while the update was under way."
            ending = events.progress(one, "FAILED", events.failure(text, "INTERRUPTED"))
            self._records.change(one, "FAILED", [ending], ended=True)

    def stop(self) -> None:
        """End active updates: they are shown as cancelled."""
        with self._lock:
            self._stopping = True
            active = list(self._active.values())
        for execution in active:
            execution.stop.set()
        for execution in active:
            execution.ended.wait(STOP_WAIT_S)

    def create(
        self, principal: Principal, workspace: WorkspaceInfo, given: Mapping[str, Any]
    ) -> Document:
        """Keep a new pipeline. Raises RESOURCE_CONFLICT when its name is in use."""
        kept = self._checked(principal, workspace, given, "CreatePipeline")
        name = str(kept.get("name", ""))
        self._require_free(workspace, name, given)
        made = self._pipelines.add(workspace.name, name, kept, creator=principal.user_name)
        self.access.own(principal, workspace, made.id)
        return made

    def preview(
        self, principal: Principal, workspace: WorkspaceInfo, given: Mapping[str, Any]
    ) -> dict[str, Any]:
        """What `create` would keep; nothing is made."""
        kept = self._checked(principal, workspace, given, "CreatePipeline")
        self._require_free(workspace, str(kept.get("name", "")), given)
        return {name: kept[name] for name in settings.FIELDS if name in kept}

    def pipeline(
        self, principal: Principal, workspace: WorkspaceInfo, pipeline_id: str, level: str = VIEW
    ) -> Document:
        """Raises RESOURCE_DOES_NOT_EXIST, or PERMISSION_DENIED below `level`."""
        found = self._pipelines.find(workspace.name, pipeline_id)
        if found is None:
            raise _missing(pipeline_id)
        self.access.require(principal, workspace, pipeline_id, level)
        return found

    def pipelines(
        self, principal: Principal, workspace: WorkspaceInfo, text: str = ""
    ) -> list[Document]:
        """Those that the principal may see, by id, as the filter selects."""
        conditions = read_filter(text, ("name", "notebook"))
        if len(conditions) > 1:
            raise invalid("Composite filters are not supported")
        found = self._pipelines.all(workspace.name)
        for condition in conditions:
            value = condition.values[0] if condition.values else ""
            if (condition.field, condition.operator) == ("name", "LIKE"):
                pattern = like(value)
                found = tuple(one for one in found if pattern.fullmatch(one.name))
            elif (condition.field, condition.operator) == ("notebook", "="):
                found = tuple(one for one in found if value in settings.sources_of(one.body))
            else:
                raise invalid("Invalid filter: there are name LIKE 'pattern' and notebook='path'")
        seen = [one for one in found if self.access.may_see(principal, workspace, one.id)]
        return sorted(seen, key=lambda one: one.id)

    def edit(
        self,
        principal: Principal,
        workspace: WorkspaceInfo,
        pipeline_id: str,
        given: Mapping[str, Any],
    ) -> Document:
        """Replace the specification. Raises RESOURCE_CONFLICT when it changed meanwhile."""
        before = self.pipeline(principal, workspace, pipeline_id, MANAGE)
        kept = settings.read_settings(given, "EditPipeline")
        if "run_as" not in kept and "run_as" in before.body:
            kept["run_as"] = before.body["run_as"]
        if kept.get("run_as") != before.body.get("run_as"):
            self.access.require_run_as(principal, workspace, kept)
        storage = before.body.get("storage")
        if storage and kept.get("storage", storage) != storage:
            raise invalid("Modifying the storage location of an existing pipeline is not possible.")
        name = str(kept.get("name", ""))
        expected = given.get("expected_last_modified")

        def replaced(current: Document) -> Mapping[str, Any]:
            if expected is not None and int(expected) != current.updated_ms:
                raise ApiError(
                    "RESOURCE_CONFLICT",
                    f"The pipeline {pipeline_id} was modified since {expected}: it was last "
                    f"modified at {current.updated_ms}.",
                )
            if name != current.name:
                self._require_free(workspace, name, given)
            return kept

        return self._pipelines.change(workspace.name, pipeline_id, replaced, name=name)

    def delete(
        self,
        principal: Principal,
        workspace: WorkspaceInfo,
        pipeline_id: str,
        *,
        cascade: bool = True,
    ) -> None:
        """Forget the pipeline, and drop the tables it made unless `cascade` is false."""
        self.pipeline(principal, workspace, pipeline_id, MANAGE)
        self._end(workspace, pipeline_id)
        if cascade:
            self._drop_tables(principal, workspace, pipeline_id)
        self._pipelines.remove(workspace.name, pipeline_id)
        self._records.forget(workspace.name, pipeline_id)
        self.access.forget(workspace, pipeline_id)
        shutil.rmtree(self._folder(pipeline_id), ignore_errors=True)

    # Updates

    def start_update(
        self,
        principal: Principal,
        workspace: WorkspaceInfo,
        pipeline_id: str,
        given: Mapping[str, Any],
    ) -> Update:
        """Begin an update. Raises RESOURCE_CONFLICT while one is active."""
        pipeline = self.pipeline(principal, workspace, pipeline_id, RUN)
        request = requests.read_start(given, pipeline)
        with self._lock:
            if self._stopping:
                raise ApiError("TEMPORARILY_UNAVAILABLE", "The workspace is stopping")
            begun = self._records.begin(workspace.name, pipeline_id, request)
            self._records.add_events(begun, [events.created(begun, principal.user_name)])
            folder = self._folder(pipeline_id)
            execution = Execution(
                update=begun,
                pipeline=pipeline,
                workspace=workspace,
                run_as=lambda: self._identity.principal(
                    self.run_as_name(workspace, pipeline), workspace.name
                ),
                code=self._code,
                records=self._records,
                folder=folder / "updates" / begun.update_id,
                state_folder=folder / "state",
                on_end=self._ended,
            )
            self._active[begun.update_id] = execution
            execution.start()
        return begun

    def stop_update(self, principal: Principal, workspace: WorkspaceInfo, pipeline_id: str) -> None:
        """Ask the active update to end, if there is one."""
        self.pipeline(principal, workspace, pipeline_id, RUN)
        active = self._records.active(workspace.name, pipeline_id)
        execution = self._active.get(active.update_id) if active else None
        if active is not None and execution is not None:
            self._records.change(active, "STOPPING", [events.progress(active, "STOPPING")])
            execution.stop.set()

    def update(
        self, principal: Principal, workspace: WorkspaceInfo, pipeline_id: str, update_id: str
    ) -> tuple[Document, Update]:
        pipeline = self.pipeline(principal, workspace, pipeline_id)
        found = self._records.update(workspace.name, pipeline_id, update_id)
        if found is None:
            raise not_found(f"The specified update {update_id} was not found.")
        return pipeline, found

    def updates(
        self, principal: Principal, workspace: WorkspaceInfo, pipeline_id: str
    ) -> tuple[Document, list[Update]]:
        """Newest first."""
        pipeline = self.pipeline(principal, workspace, pipeline_id)
        return pipeline, self._records.updates(workspace.name, pipeline_id)

    def latest(self, pipeline: Document, count: int = 5) -> list[Update]:
        return self._records.updates(pipeline.workspace, pipeline.id, count)

    def ended_as(self, begun: Update) -> Update | None:
        """The update as it ended, or None while it goes on."""
        now = self._records.update(begun.workspace, begun.pipeline_id, begun.update_id)
        if now is None:  # deleted with its pipeline
            return replace(begun, state="CANCELED", is_active=False)
        return None if now.is_active else now

    def conditions(self, text: str) -> tuple[Condition, ...]:
        """A filter of events. Raises INVALID_PARAMETER_VALUE."""
        return read_filter(text, EVENT_FIELDS)

    def events(
        self,
        principal: Principal,
        workspace: WorkspaceInfo,
        pipeline_id: str,
        conditions: Sequence[Condition],
        *,
        ascending: bool,
        after: int | None,
        limit: int,
    ) -> list[tuple[int, Mapping[str, Any]]]:
        """Events with their sequence numbers, newest first unless `ascending`."""
        self.pipeline(principal, workspace, pipeline_id)
        return self._records.events(
            workspace.name,
            pipeline_id,
            conditions,
            ascending=ascending,
            after=after,
            limit=limit,
        )

    def failure_of(self, update: Update) -> str:
        """What the events say went wrong in an update; '' when nothing did."""
        wanted = (
            Condition("update_id", "=", (update.update_id,)),
            Condition("level", "=", ("ERROR",)),
        )
        found = self._records.events(
            update.workspace, update.pipeline_id, wanted, ascending=True, limit=20
        )
        told = [
            str(one.get("message", ""))
            for _, event in found
            for one in (event.get("error") or {}).get("exceptions") or ()
        ]
        return told[0] if told else ""

    def run_as_name(self, workspace: WorkspaceInfo, pipeline: Document) -> str:
        return self.access.run_as_name(workspace, pipeline)

    # Inside

    def _checked(
        self, principal: Principal, workspace: WorkspaceInfo, given: Mapping[str, Any], verb: str
    ) -> dict[str, Any]:
        kept = settings.read_settings(given, verb)
        self.access.require_run_as(principal, workspace, kept)
        return kept

    def _require_free(self, workspace: WorkspaceInfo, name: str, given: Mapping[str, Any]) -> None:
        """Names are unique unless the request says that it does not matter."""
        if given.get("allow_duplicate_names") or not name:
            return
        if any(one.name == name for one in self._pipelines.all(workspace.name)):
            raise ApiError(
                "RESOURCE_CONFLICT",
                f"The pipeline name '{name}' is already used by another pipeline. This check can "
                "be skipped by setting `allow_duplicate_names = true` in the request.",
            )

    def _folder(self, pipeline_id: str) -> Path:
        return self._home.pipelines / pipeline_id

    def _ended(self, one: Update) -> None:
        with self._lock:
            self._active.pop(one.update_id, None)

    def _end(self, workspace: WorkspaceInfo, pipeline_id: str) -> None:
        """Stop the active update and wait until it has ended."""
        active = self._records.active(workspace.name, pipeline_id)
        execution = self._active.get(active.update_id) if active else None
        if execution is not None:
            execution.stop.set()
            execution.ended.wait(STOP_WAIT_S)

    def _drop_tables(
        self, principal: Principal, workspace: WorkspaceInfo, pipeline_id: str
    ) -> None:
        """Drop those of the tables its updates named that are still marked as its own."""
        try:
            file = self._folder(pipeline_id) / "state" / "state.json"
            named = [str(one) for one in json.loads(file.read_text())["datasets"]]
        except (OSError, ValueError, KeyError, TypeError):
            return
        for name in named:
            try:
                found = self._catalog.tables.get(principal, workspace, name)
            except ApiError:
                continue  # gone, or nothing that concerns whoever asks
            if found.properties.get(MADE_BY) == pipeline_id:
                self._catalog.tables.drop(principal, workspace, name)


def _missing(pipeline_id: str) -> ApiError:
    return not_found(f"The specified pipeline {pipeline_id} was not found.")

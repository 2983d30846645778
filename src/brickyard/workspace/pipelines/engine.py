"""The engine of pipelines: who may keep, change and delete which.

`settings` reads and checks specifications; `access` decides who may.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Final

from brickyard.workspace.kernel import (
    ApiError,
    Document,
    Documents,
    Home,
    Principal,
    Store,
    WorkspaceInfo,
    document_table,
    invalid,
    not_found,
)
from brickyard.workspace.pipelines import settings
from brickyard.workspace.pipelines.access import MANAGE, VIEW, Access
from brickyard.workspace.pipelines.filters import like, read_filter

if TYPE_CHECKING:
    from brickyard.workspace.identity.engine import IdentityEngine
    from brickyard.workspace.permissions.engine import PermissionsEngine

PIPELINES: Final = document_table("pipelines_pipelines")


class PipelinesEngine:
    def __init__(
        self,
        store: Store,
        home: Home,
        workspaces: Mapping[str, WorkspaceInfo],
        *,
        identity: IdentityEngine,
        permissions: PermissionsEngine,
    ) -> None:
        self.access = Access(identity, permissions)
        self._pipelines = Documents(store, PIPELINES, "Pipeline", missing=not_found)

    def start(self) -> None:
        """Nothing to start."""

    def stop(self) -> None:
        """Nothing to stop."""

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

    def delete(self, principal: Principal, workspace: WorkspaceInfo, pipeline_id: str) -> None:
        self.pipeline(principal, workspace, pipeline_id, MANAGE)
        self._pipelines.remove(workspace.name, pipeline_id)
        self.access.forget(workspace, pipeline_id)

    def run_as_name(self, workspace: WorkspaceInfo, pipeline: Document) -> str:
        return self.access.run_as_name(workspace, pipeline)

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


def _missing(pipeline_id: str) -> ApiError:
    return not_found(f"The specified pipeline {pipeline_id} was not found.")

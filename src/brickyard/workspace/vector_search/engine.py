"""Vector search: endpoints of a workspace, and indexes in the catalog.

An index belongs to the endpoint it was made on, by the endpoint's number: one made anew under the
same name does not have it.
"""

from __future__ import annotations

import threading
import time
import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from brickyard.workspace.catalog.securables import Securable
from brickyard.workspace.kernel import (
    ApiError,
    Document,
    Home,
    Principal,
    Store,
    WorkspaceInfo,
    invalid,
    not_found,
)
from brickyard.workspace.vector_search import direct
from brickyard.workspace.vector_search.definition import (
    Definition,
    check_columns,
    check_form,
    direct_columns,
    normalized_schema,
)
from brickyard.workspace.vector_search.direct import Outcome
from brickyard.workspace.vector_search.endpoints import USE, Endpoints
from brickyard.workspace.vector_search.rows import Rows, State
from brickyard.workspace.vector_search.schema import direct_schema
from brickyard.workspace.vector_search.sync import Syncs, definition_of

if TYPE_CHECKING:
    from brickyard.workspace.catalog.engine import CatalogEngine
    from brickyard.workspace.identity.engine import IdentityEngine
    from brickyard.workspace.permissions.engine import PermissionsEngine
    from brickyard.workspace.serving.engine import ServingEngine


Asked = tuple[Principal, str, str]  # who, in which workspace, which index
REMEMBERED: Final = 4096
NOTED_S: Final = 1.0  # reads of the same index by the same caller are evidence once a second


@dataclass(frozen=True, slots=True, kw_only=True)
class Status:
    ready: bool
    detailed: str
    message: str = ""
    rows: int = 0
    version: int = -1  # of the source table


class VectorSearchEngine:
    def __init__(
        self,
        store: Store,
        home: Home,
        workspaces: Mapping[str, WorkspaceInfo],
        *,
        identity: IdentityEngine,
        catalog: CatalogEngine,
        permissions: PermissionsEngine,
        serving: ServingEngine,
    ) -> None:
        self._store = store
        self._catalog = catalog
        self._serving = serving
        self._known: dict[Asked, tuple[int, Securable, Definition]] = {}  # with the store's age
        self._noted: dict[Asked, float] = {}
        self.endpoints = Endpoints(store, permissions)
        self.syncs = Syncs(workspaces, identity=identity, catalog=catalog)

    def start(self) -> None:
        """Take up syncs that were under way. Quick: they go on by themselves."""
        self.syncs.start()

    def stop(self) -> None:
        self.syncs.stop()

    def create_index(
        self, principal: Principal, workspace: WorkspaceInfo, want: Definition
    ) -> Securable:
        """Make an index. Takes CAN_USE on its endpoint, SELECT on its source, and CREATE_TABLE."""
        endpoint = self.endpoints.find(principal, workspace, want.endpoint_name, USE)
        check_form(want, endpoint.body["endpoint_type"])
        indexes = self._catalog.vector_indexes
        indexes.check_creating(principal, workspace, want.name)
        for model in want.models:
            self._check_model(principal, workspace, model)
        made = self._completed(principal, workspace, want)
        details = {
            "workspace": workspace.name,
            "endpoint_id": endpoint.body["id"],
            "definition": made.stored(),
        }

        def fill(folder: Path) -> None:
            rows = Rows(folder, made.primary_key, threading.Lock())
            if made.direct_access_index_spec is not None:
                rows.create(direct_schema(made))
            rows.note(requested=made.delta_sync_index_spec is not None)

        found = indexes.create(principal, workspace, want.name, details, fill)
        if made.delta_sync_index_spec is not None:
            self.syncs.request(found)
            self.syncs.await_first(found)
        return found

    def index(
        self,
        principal: Principal,
        workspace: WorkspaceInfo,
        name: str,
        endpoint_name: str = "",
    ) -> Securable:
        """An index, on this endpoint when one is named."""
        found = self._catalog.vector_indexes.get(principal, workspace, name)
        if endpoint_name and definition_of(found).endpoint_name != endpoint_name:
            raise not_found(f"Vector search index {name} is not on endpoint {endpoint_name}")
        return found

    def indexes_on(
        self, principal: Principal, workspace: WorkspaceInfo, endpoint_name: str
    ) -> list[Securable]:
        """The indexes of an endpoint that somebody may see."""
        endpoint = self.endpoints.find(principal, workspace, endpoint_name)
        visible = self._catalog.vector_indexes.visible(principal, workspace)
        return [one for one in visible if one.details["endpoint_id"] == endpoint.body["id"]]

    def counts(self) -> Mapping[str, int]:
        """The number of indexes by the number of their endpoint."""
        found: dict[str, int] = {}
        for one in self._catalog.vector_indexes.all():
            found[one.details["endpoint_id"]] = found.get(one.details["endpoint_id"], 0) + 1
        return found

    def delete_index(
        self, principal: Principal, workspace: WorkspaceInfo, name: str, endpoint_name: str = ""
    ) -> None:
        self.index(principal, workspace, name, endpoint_name)
        self._catalog.vector_indexes.drop(principal, workspace, name)

    def redefine(
        self, principal: Principal, workspace: WorkspaceInfo, name: str, settings: Mapping[str, Any]
    ) -> Securable:
        """Set fields of an index's definition that change nothing of its rows."""
        indexes = self._catalog.vector_indexes
        found = indexes.get(principal, workspace, name, "MANAGE")
        definition = {**found.details["definition"], **settings}
        return indexes.change(principal, found, {**found.details, "definition": definition})

    def status(self, found: Securable) -> Status:
        """How an index is, without opening it."""
        spec, state = definition_of(found).delta_sync_index_spec, self.syncs.rows(found).state
        endpoint = self._endpoint(found)
        if endpoint is not None and endpoint.body.get("is_stopped"):
            message = f"Endpoint {endpoint.name} is stopped: start it to use the index"
            return Status(ready=False, detailed="OFFLINE", message=message, rows=state.rows)
        if spec is None:
            online, message = "ONLINE_DIRECT_ACCESS", _searched(state)
            return Status(ready=True, detailed=online, message=message, rows=state.rows)
        busy = self.syncs.is_running(found)
        if state.version < 0:
            if state.fault and not busy:
                return Status(ready=False, detailed="OFFLINE_FAILED", message=state.fault)
            message = "The first sync from the source table is under way"
            return Status(ready=False, detailed="PROVISIONING_INITIAL_SNAPSHOT", message=message)
        detailed = "ONLINE_NO_PENDING_UPDATE"
        if busy:
            detailed = f"ONLINE_{spec.pipeline_type}_UPDATE"
        elif state.fault:
            detailed = "ONLINE_PIPELINE_FAILED"
        return Status(
            ready=True,
            detailed=detailed,
            message=state.fault or _searched(state),
            rows=state.rows,
            version=state.version,
        )

    def sync(self, principal: Principal, workspace: WorkspaceInfo, name: str) -> None:
        """Begin a sync; it goes on by itself."""
        found = self._catalog.vector_indexes.get(principal, workspace, name, "REFRESH")
        spec = definition_of(found).delta_sync_index_spec
        if spec is None or spec.pipeline_type != "TRIGGERED":
            raise invalid(f"Index {name} is not of pipeline_type TRIGGERED: it is not synced")
        self._require_endpoint(found)
        self.syncs.request(found)

    def upsert(
        self, principal: Principal, workspace: WorkspaceInfo, name: str, inputs_json: str
    ) -> Outcome:
        found, rows = self._written(principal, workspace, name)
        given = direct.given_rows(inputs_json)
        key = definition_of(found).primary_key
        with self.syncs.writing(found):
            table, failed = direct.arranged(given, rows.table().schema, key)
            if table.num_rows:
                rows.upsert(table)
        self.syncs.written(found)
        return Outcome(done=len(given) - len(failed), failed=failed)

    def delete_rows(
        self, principal: Principal, workspace: WorkspaceInfo, name: str, given: Sequence[Any]
    ) -> Outcome:
        found, rows = self._written(principal, workspace, name)
        key = definition_of(found).primary_key
        with self.syncs.writing(found):
            keys = direct.keys(given, rows.table().schema, key)
            done = rows.delete(keys)
        self.syncs.written(found)
        return Outcome(done=done)

    def readable(
        self, principal: Principal, workspace: WorkspaceInfo, name: str
    ) -> tuple[Definition, Rows]:
        """An index to search, for somebody with SELECT on it."""
        asked = (principal, workspace.name, name)
        found, definition = self._allowed(asked, workspace)
        rows = self.syncs.rows(found)
        if definition.delta_sync_index_spec is not None and rows.state.version < 0:
            status = self.status(found)
            raise ApiError("INVALID_STATE", f"Index {name} is not ready: {status.message}")
        self._note_read(asked, workspace)
        return definition, rows

    def remembered(
        self, principal: Principal, workspace: WorkspaceInfo, name: str
    ) -> tuple[Definition, Rows] | None:
        """The same, when nothing has to be read or written for it."""
        asked = (principal, workspace.name, name)
        known = self._known.get(asked)
        is_noted = time.monotonic() - self._noted.get(asked, -NOTED_S) < NOTED_S
        if known is None or known[0] != self._store.age or not is_noted:
            return None
        _, found, definition = known
        rows = self.syncs.rows(found)
        if definition.delta_sync_index_spec is not None and rows.state.version < 0:
            return None
        return definition, rows

    def _allowed(self, asked: Asked, workspace: WorkspaceInfo) -> tuple[Securable, Definition]:
        """The index and its definition: remembered until anything in the database changes."""
        principal, _, name = asked
        age = self._store.age
        known = self._known.get(asked)
        if known is not None and known[0] == age:
            return known[1:]
        found = self._catalog.vector_indexes.get(principal, workspace, name, "SELECT")
        self._require_endpoint(found)
        definition = definition_of(found)
        if len(self._known) >= REMEMBERED:
            self._known.clear()
        self._known[asked] = (age, found, definition)
        return found, definition

    def _note_read(self, asked: Asked, workspace: WorkspaceInfo) -> None:
        """Keep that it was read. What the same caller read a moment ago is not kept again."""
        now = time.monotonic()
        if now - self._noted.get(asked, -NOTED_S) < NOTED_S:
            return
        if len(self._noted) >= REMEMBERED:
            self._noted.clear()
        self._noted[asked] = now
        principal, _, name = asked
        self._catalog.record_access(principal, workspace, name, "read", "vector_search")

    def _written(
        self, principal: Principal, workspace: WorkspaceInfo, name: str
    ) -> tuple[Securable, Rows]:
        found = self._catalog.vector_indexes.get(principal, workspace, name, "MODIFY")
        if definition_of(found).direct_access_index_spec is None:
            raise invalid(f"Index {name} follows a table: write there instead")
        self._require_endpoint(found)
        self._catalog.record_access(principal, workspace, name, "write", "vector_search")
        return found, self.syncs.rows(found)

    def _require_endpoint(self, found: Securable) -> None:
        """An index is served by the endpoint it was made on, as long as that is there."""
        endpoint = self._endpoint(found)
        if endpoint is None:
            name = definition_of(found).endpoint_name
            raise not_found(
                f"The endpoint {name} that index {found.full_name} was made on is gone: delete the"
                " index and make it again"
            )
        if endpoint.body.get("is_stopped"):
            raise ApiError("INVALID_STATE", f"Endpoint {endpoint.name} is stopped: start it")

    def _endpoint(self, found: Securable) -> Document | None:
        """The endpoint that an index was made on; None when it is gone."""
        name = definition_of(found).endpoint_name
        endpoint = self.endpoints.named(found.details["workspace"], name)
        if endpoint is None or endpoint.body["id"] != found.details["endpoint_id"]:
            return None
        return endpoint

    def _completed(
        self, principal: Principal, workspace: WorkspaceInfo, want: Definition
    ) -> Definition:
        """The definition as it is kept, its columns checked."""
        spec = want.delta_sync_index_spec
        name = want.name.lower()
        if spec is None:
            direct = want.direct_access_index_spec
            assert direct is not None
            columns = direct_columns(direct.schema_json)
            check_columns(want, columns, "schema_json")
            kept = replace(direct, schema_json=normalized_schema(columns))
            return replace(want, name=name, direct_access_index_spec=kept)
        self._catalog.authorize(principal, workspace, "SELECT", "table", spec.source_table)
        source = self._catalog.table(spec.source_table)
        if source.storage_location is None:
            raise invalid(f"{spec.source_table} is a view: an index follows a Delta table")
        columns = {str(one["name"]): str(one["type_text"]) for one in source.columns}
        check_columns(want, columns, f"Source table {spec.source_table}")
        kept_spec = replace(spec, pipeline_id=str(uuid.uuid4()))
        return replace(want, name=name, delta_sync_index_spec=kept_spec)

    def _check_model(self, principal: Principal, workspace: WorkspaceInfo, name: str) -> None:
        try:
            self._serving.find(principal, workspace, name, "CAN_QUERY")
        except ApiError as refused:
            if refused.code != "RESOURCE_DOES_NOT_EXIST":
                raise
            raise invalid(
                f"Embedding model endpoint {name} does not exist in this workspace. Deploy a model"
                " serving endpoint of that name, or compute the vectors into a column of the"
                " source table and name it in embedding_vector_columns."
            ) from None


def _searched(state: State) -> str:
    """How vectors are compared, where that is not simply exact."""
    if not state.probes:
        return ""
    return f"Approximate search, recall at 10: {state.recall:.3f} (measured on rows of the index)"

"""Vector search: endpoints of a workspace, and indexes in the catalog.

An index belongs to the endpoint it was made on, by the endpoint's number: one made anew under the
same name does not have it.
"""

from __future__ import annotations

import uuid
from collections.abc import Mapping
from dataclasses import replace
from typing import TYPE_CHECKING

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
from brickyard.workspace.kernel.decode import decode
from brickyard.workspace.vector_search.definition import (
    Definition,
    check_columns,
    check_form,
    direct_columns,
    normalized_schema,
)
from brickyard.workspace.vector_search.endpoints import USE, Endpoints

if TYPE_CHECKING:
    from brickyard.workspace.catalog.engine import CatalogEngine
    from brickyard.workspace.permissions.engine import PermissionsEngine
    from brickyard.workspace.serving.engine import ServingEngine


class VectorSearchEngine:
    def __init__(
        self,
        store: Store,
        home: Home,
        workspaces: Mapping[str, WorkspaceInfo],
        *,
        catalog: CatalogEngine,
        permissions: PermissionsEngine,
        serving: ServingEngine,
    ) -> None:
        self._workspaces = workspaces
        self._catalog = catalog
        self._serving = serving
        self.endpoints = Endpoints(store, permissions)

    def start(self) -> None:
        """Nothing to start."""

    def stop(self) -> None:
        """Nothing to stop."""

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
        return indexes.create(principal, workspace, want.name, details, lambda folder: None)

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

    def endpoint_of(self, found: Securable) -> Document | None:
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


def definition_of(found: Securable) -> Definition:
    return decode(found.details["definition"], Definition)

"""The gateway: every request to a serving endpoint goes through it, whatever is behind one.

It knows who may ask, what is behind each served entity, and sends the request there; what requests
took it writes to a journal and from there to tables.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from brickyard.workspace.gateway import foundation, upstreams
from brickyard.workspace.gateway.admission import Admission
from brickyard.workspace.gateway.budgets import Budgets
from brickyard.workspace.gateway.configuration import Current
from brickyard.workspace.gateway.flow import Flow
from brickyard.workspace.gateway.journal import Journal
from brickyard.workspace.gateway.meters import Meters
from brickyard.workspace.gateway.publisher import Publisher
from brickyard.workspace.gateway.upstreams import Upstream
from brickyard.workspace.kernel import ApiError, Home, Store, WorkspaceInfo, now_ms
from brickyard.workspace.secrets.engine import REFERENCE
from brickyard.workspace.serving.config import Entity
from brickyard.workspace.serving.records import Endpoint

if TYPE_CHECKING:
    from brickyard.workspace.catalog.engine import CatalogEngine
    from brickyard.workspace.identity.engine import IdentityEngine
    from brickyard.workspace.permissions.engine import PermissionsEngine
    from brickyard.workspace.secrets.engine import SecretsEngine
    from brickyard.workspace.serving.engine import ServingEngine


class GatewayEngine:
    def __init__(
        self,
        store: Store,
        home: Home,
        workspaces: Mapping[str, WorkspaceInfo],
        *,
        identity: IdentityEngine,
        secrets: SecretsEngine,
        catalog: CatalogEngine,
        permissions: PermissionsEngine,
        serving: ServingEngine,
    ) -> None:
        self._workspaces = workspaces
        self._identity = identity
        self._secrets = secrets
        self._serving = serving
        self._current = Current(home.root, tuple(workspaces))
        self._journal = Journal(home.root / "gateway" / "journal")
        self._budgets = Budgets()
        self.meters = Meters()
        self.admission = Admission(store, serving, self._resolve)
        self.flow = Flow(
            serving, self.admission, self._current, self._journal, self.meters, self._budgets
        )
        self._publisher = Publisher(
            home,
            self._journal,
            workspaces,
            identity=identity,
            catalog=catalog,
            on_round=self.meters.export,
        )

    def start(self) -> None:
        self._journal.open()
        self._budgets.restore(self._publisher.spent())
        self.look()
        self._publisher.start()

    def stop(self) -> None:
        """What is in the journal goes to its tables."""
        self._publisher.stop()
        self._journal.close()
        self.meters.export(at_once=True)

    def look(self) -> None:
        """Take up the configuration file when it has changed: what it says counts from the next
        request on. Looking takes microseconds."""
        if self._current.changed():
            self.admission.forget()
            described = self._described()
            self._serving.provide(foundation.endpoints(self._workspaces, described, now_ms()))

    def _described(self) -> dict[tuple[str, str], str]:
        """What answers for each foundation model, by workspace and name, where it is a provider."""
        try:
            current = self._current.get()
        except ApiError as fault:
            told = f"Not available: {fault.message}"
            return {(at, one.name): told for at in self._workspaces for one in foundation.CATALOGUE}
        found: dict[tuple[str, str], str] = {}
        for at in self._workspaces:
            for one in foundation.CATALOGUE:
                if (named := current.model(one.name, at)) is not None:
                    model, _ = named
                    found[at, one.name] = f"Answered by {model.model} of provider {model.provider}."
                else:
                    told = foundation.offline_description(one, current.embedder)
                    found[at, one.name] = told
        return found

    def _resolve(
        self, endpoint: Endpoint, entity: Entity, workspace: WorkspaceInfo
    ) -> Upstream | None:
        """What is behind a served entity. Keys are this workspace's: no other's are looked up."""
        if entity.external_model is not None:
            creator = self._identity.principal(endpoint.creator, workspace.name)

            def readable(text: str) -> str:
                return self._secrets.resolve(text, creator, workspace)

            return upstreams.external(self._serving.external_model(endpoint, entity), readable)

        def own(text: str) -> str:
            found = REFERENCE.fullmatch(text)
            if found is None:
                return text
            return self._secrets.get(found[1], found[2], workspace).decode(errors="replace")

        name = endpoint.name if endpoint.is_provided else foundation.endpoint_of(entity)
        return upstreams.foundation(self._current.get(), name, workspace.name, own)

"""Where an app finds the Lakebase databases among its resources.

Follows "Define environment variables in a Databricks app" and "Add a Lakebase resource": by
`valueFrom` it gets the endpoint's path for a project's database and the host for an instance's; the
variables of libpq speak of the first one. No PostgreSQL is behind these hosts here.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from brickyard.workspace.apps.uses import Use
from brickyard.workspace.lakebase.instances import instance_host

if TYPE_CHECKING:
    from brickyard.workspace.kernel import Principal, WorkspaceInfo
    from brickyard.workspace.lakebase.engine import LakebaseEngine

INSTANCE, PROJECT = "database", "postgres"  # as resources of apps are called
PORT: Final = "5432"


@dataclass(frozen=True, slots=True, kw_only=True)
class Address:
    host: str
    database: str
    endpoint: str = ""  # its path, of a project's database

    @property
    def value(self) -> str:
        """What `valueFrom` gives."""
        return self.endpoint or self.host


class Databases:
    def __init__(self, lakebase: LakebaseEngine) -> None:
        self._lakebase = lakebase

    def address(self, workspace: WorkspaceInfo, use: Use) -> Address | None:
        """None for a resource of another kind, and for what is not there."""
        if use.kind == INSTANCE:
            name = str(use.body["instance_name"])
            found = self._lakebase.instances.named(workspace, name)
            if found is None:
                return None
            host, database = instance_host(found.body["uid"]), str(use.body["database_name"])
            return Address(host=host, database=database)
        if use.kind == PROJECT:
            place = self._lakebase.projects.place(
                workspace, str(use.body["branch"]), str(use.body["database"])
            )
            if place is None:
                return None
            return Address(host=place.host, database=place.database, endpoint=place.endpoint)
        return None

    def variables(
        self, workspace: WorkspaceInfo, app: str, robot: Principal, uses: Iterable[Use]
    ) -> dict[str, str]:
        """Of libpq; none for an app without a database."""
        for use in uses:
            if (at := self.address(workspace, use)) is not None:
                return {
                    "PGAPPNAME": app,
                    "PGDATABASE": at.database,
                    "PGHOST": at.host,
                    "PGPORT": PORT,
                    "PGSSLMODE": "require",
                    "PGUSER": robot.user_name,
                }
        return {}

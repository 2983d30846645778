"""A monitor with the table it watches."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from brickyard.workspace.catalog.tables import TableInfo

METASTORE: Final = ""  # monitors are not a workspace's: they are found from every one


@dataclass(frozen=True, slots=True, kw_only=True)
class Monitor:
    """A monitor and its table, as that is called now."""

    table: TableInfo
    settings: Mapping[str, Any]
    assets_dir: str
    version: int
    workspace: str  # where it was made
    runs_as: str  # who made it

    @property
    def profile_table(self) -> str:
        return f"{self._output}.{self.table.name}_profile_metrics"

    @property
    def drift_table(self) -> str:
        return f"{self._output}.{self.table.name}_drift_metrics"

    @property
    def _output(self) -> str:
        return str(self.settings["output_schema_name"]).lower()

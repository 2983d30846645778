"""What the tests of Lakebase share: a schema with a source table, and a database instance."""

from __future__ import annotations

from dataclasses import dataclass

from databricks.sdk import WorkspaceClient


@dataclass(frozen=True, slots=True, kw_only=True)
class Furnished:
    client: WorkspaceClient
    house: str  # the id of a SQL warehouse
    suffix: str
    schema: str  # dev.<schema>, with the table `source` (id, text) of one row
    instance: str

    @property
    def source(self) -> str:
        return f"{self.schema}.source"

    def ask(self, text: str, client: WorkspaceClient | None = None) -> list[list[str]]:
        """The rows of a statement."""
        asked = (client or self.client).statement_execution
        ran = asked.execute_statement(text, self.house, wait_timeout="50s")
        assert ran.status
        assert ran.status.state
        assert ran.status.state.value == "SUCCEEDED", ran.status.error
        return (ran.result.data_array or []) if ran.result else []

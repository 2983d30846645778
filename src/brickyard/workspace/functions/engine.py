"""What SQL functions ask of the workspace, one batch of columns at a time.

The Spark engine sends the arguments of a function that is not its own, with what is asked for; the
answer is one column. Rights are asked for again here: whoever may not execute a function gets no
answer, whichever way the question comes.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any, Final

from brickyard.workspace.catalog.engine import CatalogEngine
from brickyard.workspace.catalog.routines import Routine
from brickyard.workspace.functions.batches import Batch
from brickyard.workspace.functions.definer import Definer
from brickyard.workspace.functions.workers import Recipe, Workers, own_python
from brickyard.workspace.kernel import (
    ApiError,
    Home,
    Principal,
    Store,
    WorkspaceInfo,
    invalid,
)
from brickyard.workspace.processes import Environments, Mounts, UnresolvedEnvironment
from brickyard.workspace.spark.engine import SparkEngine

if TYPE_CHECKING:
    from brickyard.workspace.functions.offers import Offered
    from brickyard.workspace.functions.requesting import Requests
    from brickyard.workspace.identity.engine import IdentityEngine
    from brickyard.workspace.secrets.engine import SecretsEngine
    from brickyard.workspace.serving.engine import ServingEngine
    from brickyard.workspace.spark.functions.expansion import HostedCall
    from brickyard.workspace.spark.sessions import Caller
    from brickyard.workspace.sql.engine import SqlEngine
    from brickyard.workspace.vector_search.engine import VectorSearchEngine

BATCH_LIMIT_S: Final = 300.0
DEFINER: Final = "definer"


class FunctionsEngine:
    def __init__(
        self,
        store: Store,
        home: Home,
        workspaces: Mapping[str, WorkspaceInfo],
        *,
        identity: IdentityEngine,
        catalog: CatalogEngine,
        spark: SparkEngine,
        sql: SqlEngine,
        serving: ServingEngine,
        vector_search: VectorSearchEngine,
        secrets: SecretsEngine,
    ) -> None:
        self._home = home
        self._catalog = catalog
        self._serving = serving
        self._vector_search = vector_search
        self._secrets = secrets
        self._requests: Requests | None = None
        spark.hosted = self
        self._definer = Definer(catalog, identity, sql, spark.invokers, workspaces)
        self._workers = Workers(home.logs / "functions")
        self._environments = Environments(home.environments, home=home.root)
        self._offered: Offered | None = None

    @property
    def names(self) -> frozenset[str]:
        """The functions that are offered in SQL (`Hosted`)."""
        return self._offers().names

    def replacement(self, asked: HostedCall) -> str:
        return self._offers().replacement(asked)

    def secret(self, caller: Caller, scope: str, key: str) -> str:
        value = self._secrets.get_as(caller.principal, caller.workspace, scope, key)
        return value.decode()

    @property
    def requests(self) -> Requests:
        """HTTP requests by connections of the catalog."""
        if self._requests is None:
            from brickyard.workspace.functions.requesting import Requests

            self._requests = Requests(self._catalog)
        return self._requests

    def _offers(self) -> Offered:
        if self._offered is None:
            from brickyard.workspace.functions import http_offer, membership, searching
            from brickyard.workspace.functions.ai import offers as ai
            from brickyard.workspace.functions.offers import Offered

            self._offered = Offered(
                (
                    *ai.offers(self._serving, self._catalog),
                    searching.offer(self._vector_search),
                    http_offer.offer(self._catalog),
                    *membership.offers(),
                )
            )
        return self._offered

    def start(self) -> None:
        """Nothing yet: processes start when they are first needed."""

    def stop(self) -> None:
        self._workers.stop()

    def evaluate(self, batch: Batch) -> bytes:
        """One column, as an Arrow stream, for the columns of the batch. Raises ApiError."""
        lacking = [one for one in ("kind", "returns") if one not in batch.asked]
        if lacking:
            raise invalid(f"The question has no {' and no '.join(lacking)}")
        kind = str(batch.asked["kind"])
        if kind == "python":
            return self._python(batch)
        if kind == DEFINER:
            return self._definer.answer(batch)
        if kind == "http_request":
            from brickyard.workspace.functions.http_offer import requested

            return requested(self.requests, batch)
        run = _kinds().get(kind)
        if run is None:
            raise invalid(f"There is no function of the kind {kind!r}")
        return run(batch)

    def _python(self, batch: Batch) -> bytes:
        principal, workspace, asked = batch.principal, batch.workspace, batch.asked
        name = str(asked.get("function"))
        self._catalog.authorize(principal, workspace, "EXECUTE", "function", name)
        routine = self._catalog.functions.routine(name)
        if routine is None or routine.language != "PYTHON":
            raise ApiError("FUNCTION_DOES_NOT_EXIST", f"Function '{name}' does not exist.")
        if routine.digest != asked.get("digest"):
            raise ApiError(
                "ABORTED",
                f"Function '{name}' was replaced while the statement ran. Run it again.",
            )
        recipe = self._recipe(principal, workspace, routine, asked["returns"])
        return self._workers.call(recipe, batch.data, BATCH_LIMIT_S)

    def _recipe(
        self, principal: Principal, workspace: WorkspaceInfo, routine: Routine, returns: Any
    ) -> Recipe:
        import pyarrow as pa

        from brickyard.workspace.functions.arrow_types import arrow_type

        schema = pa.schema([pa.field("returned", arrow_type(returns))])
        return Recipe(
            key=(routine.full_name, routine.digest, workspace.name, principal.user_name),
            title=f"Function '{routine.full_name}'",
            told={
                "body": routine.body,
                "handler": routine.handler,
                "parameters": [one.name for one in routine.parameters],
                "is_table": routine.is_table,
                "returns": schema.serialize().to_pybytes().hex(),
            },
            python=self._python_for(routine),
            mounts=Mounts(home=self._home.root, readable=(self._home.environments,)),
        )

    def _python_for(self, routine: Routine) -> Any:
        if not routine.dependencies:
            return own_python()
        try:
            return self._environments.environment(routine.dependencies)
        except UnresolvedEnvironment as fault:
            raise ApiError(
                "INVALID_PARAMETER_VALUE",
                f"The ENVIRONMENT of function '{routine.full_name}' cannot be made: {fault}",
            ) from None


def _kinds() -> Mapping[str, Callable[[Batch], bytes]]:
    from brickyard.workspace.functions import searching
    from brickyard.workspace.functions.ai.tasks import TASKS

    return {**TASKS, "vector_search": searching.search}

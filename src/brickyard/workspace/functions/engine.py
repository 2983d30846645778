"""What SQL functions ask of the workspace, one batch of columns at a time.

The Spark engine sends the arguments of a function that is not its own, with what is asked for; the
answer is one column. Rights are asked for again here: whoever may not execute a function gets no
answer, whichever way the question comes.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Final

from brickyard.workspace.catalog.engine import CatalogEngine
from brickyard.workspace.catalog.routines import Routine
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

BATCH_LIMIT_S: Final = 300.0


class FunctionsEngine:
    def __init__(
        self,
        store: Store,
        home: Home,
        workspaces: Mapping[str, WorkspaceInfo],
        *,
        catalog: CatalogEngine,
        spark: SparkEngine,
    ) -> None:
        self._home = home
        self._catalog = catalog
        self._spark = spark
        self._workers = Workers(home.logs / "functions")
        self._environments = Environments(home.environments, home=home.root)
        self._kinds: Mapping[
            str, Callable[[Principal, WorkspaceInfo, Mapping[str, Any], bytes], bytes]
        ] = {"python": self._python}

    def start(self) -> None:
        """Nothing yet: processes start when they are first needed."""

    def stop(self) -> None:
        self._workers.stop()

    def evaluate(
        self, principal: Principal, workspace: WorkspaceInfo, asked: Mapping[str, Any], data: bytes
    ) -> bytes:
        """One column, as an Arrow stream, for the columns in `data`. Raises ApiError."""
        kind = self._kinds.get(str(asked.get("kind")))
        if kind is None:
            raise invalid(f"There is no function of the kind {asked.get('kind')!r}")
        return kind(principal, workspace, asked, data)

    def _python(
        self, principal: Principal, workspace: WorkspaceInfo, asked: Mapping[str, Any], data: bytes
    ) -> bytes:
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
        return self._workers.call(recipe, data, BATCH_LIMIT_S)

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

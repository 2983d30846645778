"""What an update is asked to do, and which pipelines cannot be run here."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from brickyard.workspace.kernel import Document, invalid

LISTS: Final = ("full_refresh_selection", "refresh_selection")
CAUSES: Final = frozenset({"API_CALL", "JOB_TASK", "USER_ACTION", "RETRY_ON_FAILURE"})
NOT_DONE: Final = ("replace_where_overrides", "reset_checkpoint_selection", "rewind_spec")
# What a pipeline may be made of that nothing here can run.
REFUSED: Final[Mapping[str, str]] = {
    "ingestion_definition": "Lakeflow Connect ingestion (ingestion_definition) is not available in "
    "the embedded workspace: the pipeline is kept, and runs on Databricks. Load the data with a "
    "task or a pipeline of your own here.",
    "gateway_definition": "An ingestion gateway (gateway_definition) is not available in the "
    "embedded workspace: the pipeline is kept, and runs on Databricks.",
}


def read_start(given: Mapping[str, Any], pipeline: Document) -> dict[str, Any]:
    """The update's request, complete. Raises INVALID_PARAMETER_VALUE."""
    for name, reason in REFUSED.items():
        if pipeline.body.get(name):
            raise invalid(reason)
    if not pipeline.body.get("libraries"):
        raise invalid("The pipeline has no libraries, so there is nothing to run.")
    for at, library in enumerate(pipeline.body["libraries"]):
        for kind in ("jar", "maven"):
            if library.get(kind):
                raise invalid(f"libraries[{at}].{kind}: the embedded workspace runs no JVM code")
    for name in NOT_DONE:
        if given.get(name):
            raise invalid(f"{name} is not available in the embedded workspace")
    lists = {name: _names(given, name) for name in LISTS}
    if given.get("full_refresh") and any(lists.values()):
        raise invalid("full_refresh cannot be combined with a selection of tables")
    cause = str(given.get("cause") or "API_CALL")
    parameters = given.get("parameters") or {}
    if not isinstance(parameters, Mapping):
        raise invalid("parameters must be an object")
    return {
        "name": pipeline.name,
        "cause": cause if cause in CAUSES else "API_CALL",
        "full_refresh": bool(given.get("full_refresh")),
        "validate_only": bool(given.get("validate_only")),
        "parameters": {str(name): str(value) for name, value in parameters.items()},
        **lists,
    }


def _names(given: Mapping[str, Any], field: str) -> list[str]:
    names = given.get(field) or []
    if not isinstance(names, list) or not all(isinstance(one, str) for one in names):
        raise invalid(f"{field} must be a list of table names")
    return [str(one) for one in names]

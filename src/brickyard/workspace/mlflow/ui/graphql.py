"""What a GraphQL query of MLflow's pages is about: the runs and experiments that it reads.

The pages ask for a run by GraphQL, and MLflow's server answers any query of its schema. Only root
fields of this table are passed on, each with the experiments whose permission it takes; what cannot
be told from the query (a fragment, a field that is not known) is refused.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from typing import Any, Final

from brickyard.workspace.kernel import ApiError, Call, denied, invalid
from brickyard.workspace.mlflow.subjects import Owners

Input = Mapping[str, Any]
About = Callable[[Owners, str, Input], Awaitable[tuple[str, ...]]]


async def experiments_of(call: Call) -> tuple[str, ...]:
    """The experiments that the query of a request reads. Raises INVALID_PARAMETER_VALUE."""
    body = call.fields()
    found: list[str] = []
    for field, given in root_fields(str(body.get("query") or ""), body.get("variables") or {}):
        if (about := FIELDS.get(field)) is None:
            raise denied(f"The GraphQL field {field!r} is not open to MLflow's pages here")
        found += await about(call.engines.mlflow.owners, call.workspace.name, given)
    return tuple(dict.fromkeys(found))


def root_fields(query: str, variables: Mapping[str, Any]) -> list[tuple[str, Input]]:
    """(field, its `input`) of every operation in a query, with the variables put in."""
    from graphql import GraphQLError, parse
    from graphql.language import FieldNode, OperationDefinitionNode, Visitor, visit
    from graphql.utilities import value_from_ast_untyped

    try:
        document = parse(query)
    except GraphQLError as fault:
        raise invalid(f"The GraphQL query cannot be read: {fault.message}") from None

    class Aliases(Visitor):
        """Answers are looked through by name, so names must be what they are."""

        def enter_field(self, node: FieldNode, *_: Any) -> None:
            if node.alias is not None:
                raise invalid("Aliases are not taken in a GraphQL query here")

    visit(document, Aliases())
    found: list[tuple[str, Input]] = []
    for node in document.definitions:
        if not isinstance(node, OperationDefinitionNode):
            continue  # a fragment counts where it is used, and is no root field there
        for chosen in node.selection_set.selections:
            if not isinstance(chosen, FieldNode):
                raise invalid("Fragments are not taken at the root of a GraphQL query here")
            values = {
                one.name.value: value_from_ast_untyped(one.value, dict(variables))
                for one in chosen.arguments
            }
            given = values.get("input")
            found.append((chosen.name.value, given if isinstance(given, Mapping) else {}))
    return found


def without_hidden(value: Any, readable: Callable[[str], bool]) -> Any:
    """An answer without the model versions that the caller may not read."""
    if isinstance(value, list):
        return [without_hidden(one, readable) for one in value]
    if not isinstance(value, Mapping):
        return value
    return {
        key: [one for one in inner if readable(str(one.get("name", "")))]
        if key == "modelVersions" and isinstance(inner, list)
        else without_hidden(inner, readable)
        for key, inner in value.items()
    }


async def _run(owners: Owners, workspace: str, given: Input) -> tuple[str, ...]:
    return tuple([await owners.of_run(workspace, one) for one in _texts(given, "runId", "runUuid")])


async def _runs(owners: Owners, workspace: str, given: Input) -> tuple[str, ...]:
    return tuple([await owners.of_run(workspace, one) for one in _texts(given, "runIds")])


async def _experiments(owners: Owners, workspace: str, given: Input) -> tuple[str, ...]:
    return tuple(_texts(given, "experimentId", "experimentIds"))


async def _nothing(owners: Owners, workspace: str, given: Input) -> tuple[str, ...]:
    return ()


def _texts(given: Input, *names: str) -> list[str]:
    found: list[str] = []
    for name in names:
        value = given.get(name)
        listed = value if isinstance(value, list) else [value]
        found += [str(one) for one in listed if one is not None]
    if not found:
        raise ApiError("INVALID_PARAMETER_VALUE", f"The GraphQL query lacks {names[0]}")
    return found


FIELDS: Final[Mapping[str, About]] = {
    "mlflowGetRun": _run,
    "mlflowListArtifacts": _run,
    "mlflowGetMetricHistoryBulkInterval": _runs,
    "mlflowGetExperiment": _experiments,
    "mlflowSearchRuns": _experiments,
    "mlflowSearchDatasets": _experiments,
    "__typename": _nothing,
}

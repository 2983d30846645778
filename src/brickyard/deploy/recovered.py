"""What an interrupted deploy made without a record, put into the state for destroy to find."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from brickyard.deploy.calls import Caller
from brickyard.deploy.http import ApiFailure
from brickyard.deploy.plan import Desired, declaration, needs, sent
from brickyard.deploy.planning import declared_nodes
from brickyard.deploy.project import Project
from brickyard.deploy.references import Unresolved
from brickyard.deploy.seals import for_the_record
from brickyard.deploy.state import Entry, State
from brickyard.deploy.state_store import Pulled
from brickyard.deploy.unrecorded import Ambiguous, can_be_found, expected, find_made


def recovered(project: Project, pulled: Pulled, say: Callable[[str], None]) -> Pulled:
    """The state with those creates in doubt that did make something; `unsure` keeps the rest.

    The rest is what cannot be looked for: no longer in the bundle, or of a type without a list.
    """
    if not pulled.unsure:
        return pulled
    caller = Caller(workspace=project.workspace)
    declared = {item.address: item for item in declared_nodes(project)}
    values = {address: item.value for address, item in declared.items()}
    state, unsure = pulled.state, dict(pulled.unsure)
    for address, user in sorted(pulled.unsure.items()):
        item = declared.get(address)
        try:
            if item is None or not can_be_found(declaration(address)[0]):
                raise Unresolved("it is not in the bundle, or its type cannot be looked for")
            entry = _made(item, values, state, caller, user)
        except (Ambiguous, ApiFailure, Unresolved) as failure:
            say(f"{address} may have been made by an interrupted deploy, look for it: {failure}")
            continue
        del unsure[address]
        if entry is not None:
            state = state.put(address, entry)
    return replace(pulled, state=state, unsure=unsure)


def _made(
    item: Desired, values: dict[str, object], state: State, caller: Caller, user: str
) -> Entry | None:
    kind, _ = declaration(item.address)
    desired = expected(sent(item.value, kind, None), values, state)
    id = find_made(caller, kind, desired, user, state)
    if id is None:
        return None
    edges = tuple(edge for edge in needs(item) if edge.node in state.entries)
    return Entry(id=id, state=for_the_record(desired, None, kind.secrets), depends_on=edges)

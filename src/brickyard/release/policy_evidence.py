"""Evidence of the data policy that only a workspace has: what identities could do (`grants`), and
what runs really did (`observed`).

Asked of the target's workspace where it answers at once: nothing is started, no warehouse is woken,
and offline everything else of the check is the same.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any

from brickyard.deploy import ApiFailure, Project, Unreachable, Workspace
from brickyard.deploy.connect import NoAuthentication, reach
from brickyard.policy import Access, Environment
from brickyard.release.policy_grants import granted
from brickyard.release.policy_observed import NothingToAsk, observed
from brickyard.release.unity import Unity

Ask = Callable[[Environment], Iterable[Access]]


def gather(
    project: Project, kinds: Iterable[str], settings: Mapping[str, Any]
) -> tuple[list[Ask], dict[str, str]]:
    """Questions to be asked once the environment is known, and what came of each kind."""
    wanted = [kind for kind in kinds if kind != "static"]
    client, why = _client(project)
    if client is None:
        return [], dict.fromkeys(wanted, why)
    told = dict.fromkeys(wanted, "asked")
    unity = Unity(client)
    questions: dict[str, Ask] = {
        "grants": lambda rule: granted(project, unity, rule, settings),
        "observed": lambda rule: observed(project, client, rule),
    }
    silent: list[str] = []  # why nobody is asked any more
    return [_guarded(kind, questions[kind], told, silent) for kind in wanted], told


def _client(project: Project) -> tuple[Workspace | None, str]:
    if project.client is not None:
        return project.client, ""
    try:
        client = reach(project.address, project.environment, project.embedded)
    except (ApiFailure, Unreachable, NoAuthentication, OSError, ValueError) as fault:
        return None, f"the workspace was not asked: {fault}"
    where = project.address.host or f"the embedded workspace of {project.address.environment}"
    return client, "" if client is not None else f"not asked: {where} does not answer"


def _guarded(kind: str, ask: Ask, told: dict[str, str], silent: list[str]) -> Ask:
    """A question whose failure is told instead of ending the check.

    A workspace that did not answer one is not waited for again.
    """

    def asked(rule: Environment) -> Iterable[Access]:
        if silent:
            told[kind] = silent[0]
            return []
        try:
            return list(ask(rule))
        except (ApiFailure, Unreachable, NothingToAsk) as fault:
            told[kind] = f"the workspace does not tell: {fault}"
            if isinstance(fault, Unreachable):
                silent.append(told[kind])
            return []

    return asked

"""The data policy of an environment: what it may read and what it may write, by catalog.

The default is the usual table: an environment reads its own catalog, production's, and the shared
`system` and `samples`; it writes only its own. `brickyard.yml` may say otherwise:

    environments:
      staging:
        catalog: staging
        reads: [prod]        # besides its own catalog and the shared ones
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass

from brickyard.policy.accesses import Access, Mode, Securable, Verdict
from brickyard.policy.rule_names import MODELS, READS, WRITES

UNGOVERNED = frozenset({Securable.ENDPOINT, Securable.CONNECTION})
NAME = re.compile(r"[^\s()]+")  # a statement that was not understood is no name
SHARED = ("system", "samples")
PRODUCTION = "prod"


@dataclass(frozen=True, slots=True, kw_only=True)
class Environment:
    """One environment's rule."""

    name: str
    catalog: str
    reads: frozenset[str]
    writes: frozenset[str]
    models_from: frozenset[str] = frozenset()


def name_of(target: str, standing_for: str, settings: Mapping[str, object]) -> str:
    """The environment of a target: the one that names it, otherwise what the target stands for."""
    declared = settings.get("environments")
    table = declared if isinstance(declared, Mapping) else {}
    for name, one in table.items():
        named = one.get("target") if isinstance(one, Mapping) else None
        if str(named or name) == target:
            return str(name)
    return standing_for


def environment(
    name: str, settings: Mapping[str, object], *, inferred_catalog: str = ""
) -> Environment:
    """The rule of environment `name`; `settings` is the plain tree of `brickyard.yml`.

    `inferred_catalog` counts where the file says nothing of any environment.
    """
    declared = settings.get("environments")
    table = declared if isinstance(declared, Mapping) else {}
    own = table.get(name)
    mine = own if isinstance(own, Mapping) else {}
    production = table.get(PRODUCTION)
    live = production.get("catalog") if isinstance(production, Mapping) else None
    inferred = "" if table else inferred_catalog
    catalog = str(mine.get("catalog") or inferred or name).lower()
    reads = mine.get("reads")
    if isinstance(reads, list):
        besides = {str(one).lower() for one in reads}
    else:
        besides = set() if mine and name == PRODUCTION else {str(live or PRODUCTION).lower()}
    writes = mine.get("writes")
    own_writes = {str(one).lower() for one in writes} if isinstance(writes, list) else {catalog}
    return Environment(
        name=name,
        catalog=catalog,
        reads=frozenset({catalog, *besides, *SHARED, *own_writes}),
        writes=frozenset(own_writes),
        models_from=frozenset(_names(mine.get("models_from"))),
    )


def _names(listed: object) -> list[str]:
    return [str(one).lower() for one in listed] if isinstance(listed, list) else []


def judge(access: Access, rule: Environment) -> Access:
    """The access with its verdict.

    One whose catalog is known is judged by it, even where the rest of its name isn't known.
    """
    catalog, why = _catalog(access)
    name = WRITES if access.mode is Mode.WRITE else READS
    if access.securable in UNGOVERNED:
        return access.judged(*_ungoverned(access))
    if why:
        return access.judged(Verdict.UNKNOWN, "" if access.reason else name, access.reason or why)
    if access.is_copy and catalog not in rule.writes:
        return _judged_copy(access, rule, catalog)
    allowed = rule.writes if access.mode is Mode.WRITE else rule.reads
    if catalog in allowed:
        if access.doubt and catalog not in rule.writes:
            return access.judged(Verdict.UNKNOWN, WRITES, access.doubt)
        return access.judged(Verdict.OK, name, "")
    can = ", ".join(sorted(allowed)) or "nothing"
    verb = "write" if access.mode is Mode.WRITE else "read"
    who = f"{access.principal} could {verb}" if access.principal else f"this {verb}s"
    reason = f"{rule.name} may {verb} {can}; {who} {catalog}"
    return access.judged(Verdict.VIOLATION, name, reason)


def _judged_copy(access: Access, rule: Environment, catalog: str) -> Access:
    """A model version from another catalog: promotion of a model instead of its code."""
    if catalog in rule.models_from:
        return access.judged(Verdict.OK, MODELS, "")
    reason = (
        f"{rule.name} may copy no model version from {catalog}: code is promoted, and a model only"
        " where `models_from` says so"
    )
    return access.judged(Verdict.VIOLATION, MODELS, reason)


def _ungoverned(access: Access) -> tuple[Verdict, str, str]:
    """Endpoints and connections have no catalog; those that nobody here declares are unknown."""
    if access.reason:
        return Verdict.UNKNOWN, "", access.reason
    return Verdict.OK, "", ""


def _catalog(access: Access) -> tuple[str, str]:
    """The catalog that an access touches, or why it can't be told."""
    name = access.full_name
    if access.securable is Securable.PATH:
        return "", f"a path outside Unity Catalog: {name}"
    parts = [part.strip("`").lower() for part in name.split(".")]
    needed = {Securable.CATALOG: 1, Securable.SCHEMA: 2}.get(access.securable, 3)
    if len(parts) < needed:
        return "", "the name has no catalog, so it depends on where it runs"
    if not re.fullmatch(r"[^?\s]+", parts[0]):
        return "", "part of the name is computed while it runs"
    if access.reason and access.securable is Securable.TABLE and not NAME.fullmatch(name):
        return "", access.reason
    return parts[0], ""

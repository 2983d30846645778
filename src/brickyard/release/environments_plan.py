"""From declared and actual environments to the steps that make them alike. Pure.

A step narrows access, widens it, or makes what is not there. Widening is told apart, so that it can
be consented to by itself. What nobody declares (other workspaces, other principals) is left alone
and said.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any, Final

from brickyard.release.environments import Declared
from brickyard.release.environments_actual import Actual, CatalogState
from brickyard.release.unity import BASE, READ_ONLY, READ_WRITE

SCIM: Final = "/api/2.0/preview/scim/v2"
READ: Final = frozenset({"USE_CATALOG", "USE_SCHEMA", "SELECT", "READ_VOLUME", "EXECUTE", "BROWSE"})
CREATE: Final = frozenset(
    {"CREATE_SCHEMA", "CREATE_TABLE", "CREATE_VOLUME", "CREATE_FUNCTION", "CREATE_MODEL"}
)
WRITE: Final = READ | CREATE | {"MODIFY", "WRITE_VOLUME"}
PRIVILEGES: Final[Mapping[str, frozenset[str]]] = {
    "none": frozenset(),
    "read": READ,
    "write": WRITE,
    "manage": WRITE | {"MANAGE"},
}
# What a privilege is, where nothing that is held goes beyond what is wanted.
CHANGING: Final = WRITE - READ | {"MANAGE", "ALL_PRIVILEGES", "APPLY_TAG"}
EVERYONE: Final = "account users"
SHORT: Final = {READ_ONLY: "read-only", READ_WRITE: "read and write"}


class Effect(StrEnum):
    CREATE = "create"
    NARROW = "narrow"
    WIDEN = "widen"


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """One request, made in the workspace of `environment`."""

    environment: str
    effect: Effect
    text: str
    method: str
    path: str
    body: Mapping[str, Any] = field(default_factory=dict)

    def as_json(self) -> dict[str, Any]:
        return {
            "environment": self.environment,
            "effect": str(self.effect),
            "text": self.text,
            "method": self.method,
            "path": self.path,
            "body": dict(self.body),
        }


@dataclass(frozen=True, slots=True, kw_only=True)
class EnvironmentsPlan:
    """Steps in the order they are made, and what is left alone or could not be told."""

    steps: tuple[Step, ...] = ()
    notes: tuple[str, ...] = ()

    @property
    def widening(self) -> tuple[Step, ...]:
        return tuple(one for one in self.steps if one.effect is Effect.WIDEN)

    @property
    def others(self) -> tuple[Step, ...]:
        return tuple(one for one in self.steps if one.effect is not Effect.WIDEN)


Both = tuple[Declared, Actual]


def plan(environments: Mapping[str, Both]) -> EnvironmentsPlan:
    """What has to change. An environment whose workspace does not answer gives a note only."""
    steps: list[Step] = []
    notes: list[str] = []
    for name, (wanted, found) in environments.items():
        if not found.is_known:
            notes.append(f"{name}: not compared, as {found.why}")
            continue
        steps += _principals(name, wanted, found)
        for catalog in wanted.writes:
            state = found.catalogs.get(catalog)
            if state is None:
                continue
            if not state.exists:
                steps.append(_create(name, catalog))
            elif not state.is_shown:
                who = found.user or "the caller"
                notes.append(f"{name}: {who} may not see grants and bindings of {catalog}")
                continue
            steps += _bindings(name, state, environments, notes)
            steps += _grants(name, state, environments)
            notes += _nobody(name, wanted, found)
            notes += _undeclared(name, state, environments)
    notes += _shared(environments)
    return EnvironmentsPlan(steps=tuple(_each_once(steps)), notes=tuple(dict.fromkeys(notes)))


def _shared(environments: Mapping[str, Both]) -> Iterator[str]:
    """Environments of one workspace, which no binding can keep apart."""
    by_id: dict[int, list[str]] = {}
    for declared, found in environments.values():
        if found.is_known and found.workspace_id:
            by_id.setdefault(found.workspace_id, []).append(declared.name)
    for id, names in by_id.items():
        if len(names) > 1:
            yield (
                f"{', '.join(names)} are one workspace ({id}): bindings can't keep their catalogs"
                " apart there, only grants do"
            )


def _principals(name: str, wanted: Declared, found: Actual) -> Iterator[Step]:
    """The service principals that an environment names and nobody knows yet."""
    for principal, exists in found.principals.items():
        role = "runs" if principal == wanted.run_as else "deploys"
        if exists or principal not in {wanted.deployer, wanted.run_as} or "@" in principal:
            continue
        body: dict[str, Any] = {
            "schemas": ["urn:ietf:params:scim:schemas:core:2.0:ServicePrincipal"],
            "displayName": f"{role}-{name}" if principal.count("-") == 4 else principal,
            "active": True,
        }
        if principal.count("-") == 4:  # an application id: Azure takes it, others make their own
            body["applicationId"] = principal
        yield Step(
            environment=name,
            effect=Effect.CREATE,
            text=f"make the service principal {principal}, which {role} {name}",
            method="POST",
            path=f"{SCIM}/ServicePrincipals",
            body=body,
        )


def _create(name: str, catalog: str) -> Step:
    return Step(
        environment=name,
        effect=Effect.CREATE,
        text=f"make the catalog {catalog}",
        method="POST",
        path=f"{BASE}/catalogs",
        body={"name": catalog, "comment": f"Catalog of the environment {name}"},
    )


def _bindings(
    name: str, state: CatalogState, environments: Mapping[str, Both], notes: list[str]
) -> Iterator[Step]:
    """Each known workspace bound as its environment may read or write the catalog; no other new."""
    catalog = state.name
    wanted = _wanted_bindings(catalog, environments)
    names: dict[int, str] = {}
    for declared, found in environments.values():
        shared = names.get(found.workspace_id)
        names[found.workspace_id] = f"{shared}, {declared.name}" if shared else declared.name
    if state.bindings is None:
        yield Step(
            environment=name,
            effect=Effect.NARROW,
            text=f"bind the catalog {catalog} to workspaces (it is open to all now)",
            method="PATCH",
            path=f"{BASE}/catalogs/{catalog}",
            body={"isolation_mode": "ISOLATED"},
        )
    own = environments[name][1].workspace_id
    # Isolating binds the workspace that asks for it.
    have = dict(state.bindings) if state.bindings is not None else {own: READ_WRITE}
    was_open = state.bindings is None
    for id, mode in wanted.items():
        held = have.get(id)
        if mode == held:
            continue
        where = f"workspace {id} ({names[id]})"
        if mode is None:
            text, change = f"no more bind {catalog} to {where}", {"remove": [_bound(id, held)]}
            effect = Effect.NARROW
        else:
            text = f"bind {catalog} {SHORT[mode]} to {where}"
            change = {"add": [_bound(id, mode)]}
            narrows = was_open or held == READ_WRITE
            effect = Effect.NARROW if narrows else Effect.WIDEN
        yield Step(
            environment=name,
            effect=effect,
            text=text,
            method="PATCH",
            path=f"{BASE}/bindings/catalog/{catalog}",
            body=change,
        )
    others = sorted(set(have) - set(wanted) - {0})
    if others:
        listed = ", ".join(str(one) for one in others)
        notes.append(f"{name}: {catalog} is bound to workspaces of no environment: {listed}")


def _wanted_bindings(catalog: str, environments: Mapping[str, Both]) -> dict[int, str | None]:
    """Workspace to binding: where several environments share one, the widest that they ask for."""
    found: dict[int, str | None] = {}
    for declared, actual in environments.values():
        if actual.is_known and actual.workspace_id:
            held, wanted = found.get(actual.workspace_id), _binding(declared, catalog)
            found[actual.workspace_id] = (
                READ_WRITE if READ_WRITE in (held, wanted) else held or wanted
            )
    return found


def _binding(declared: Declared, catalog: str) -> str | None:
    if catalog in declared.writes:
        return READ_WRITE
    return READ_ONLY if catalog in declared.reads else None


def _bound(id: int, mode: str | None) -> dict[str, Any]:
    return {"workspace_id": id, "binding_type": mode or READ_WRITE}


def _grants(name: str, state: CatalogState, environments: Mapping[str, Both]) -> Iterator[Step]:
    """What personas and identities hold on a catalog, made to be what is declared."""
    absent = {one for _, found in environments.values() for one in _absent(found)}
    made = {one for d, _ in environments.values() for one in (d.deployer, d.run_as)}
    for principal, wanted in sorted(_wanted_grants(state.name, environments).items()):
        if principal == state.owner or principal in absent - made:
            continue
        held = state.grants.get(principal, frozenset())
        beyond = held & CHANGING - wanted
        if beyond:
            yield _grant(name, state.name, principal, Effect.NARROW, remove=beyond)
        everyone = state.grants.get(EVERYONE, frozenset())
        missing = wanted - (held - beyond) - everyone
        if missing:
            yield _grant(name, state.name, principal, Effect.WIDEN, add=missing)


def _grant(
    name: str,
    catalog: str,
    principal: str,
    effect: Effect,
    *,
    add: frozenset[str] = frozenset(),
    remove: frozenset[str] = frozenset(),
) -> Step:
    verb, privileges = ("grant", add) if add else ("take", remove)
    link = "to" if add else "from"
    change: dict[str, Any] = {"principal": principal}
    change["add" if add else "remove"] = sorted(privileges)
    return Step(
        environment=name,
        effect=effect,
        text=f"{verb} {', '.join(sorted(privileges))} on {catalog} {link} {principal}",
        method="PATCH",
        path=f"{BASE}/permissions/catalog/{catalog}",
        body={"changes": [change]},
    )


def _wanted_grants(catalog: str, environments: Mapping[str, Both]) -> dict[str, frozenset[str]]:
    """Principal to privileges on a catalog, over all environments: the widest of what each says."""
    found: dict[str, frozenset[str]] = {}
    for declared, _ in environments.values():
        if catalog in declared.writes:
            level = dict.fromkeys((declared.run_as, declared.deployer), "write")
            level |= {m: one.access for one in declared.personas for m in one.members}
        elif catalog in declared.reads:
            level = dict.fromkeys((declared.run_as, declared.deployer), "read")
            level |= {
                m: "read" if one.access != "none" else "none"
                for one in declared.personas
                for m in one.members
            }
        else:
            continue
        for principal, access in level.items():
            if principal:
                wanted = PRIVILEGES.get(access, READ)
                found[principal] = found.get(principal, frozenset()) | wanted
    return found


def _absent(found: Actual) -> list[str]:
    return [principal for principal, exists in found.principals.items() if not exists]


def _nobody(name: str, wanted: Declared, found: Actual) -> Iterator[str]:
    """Personas whose group is missing: groups are made where people are managed, not here."""
    for principal in _absent(found):
        if principal not in {wanted.deployer, wanted.run_as}:
            yield f"{name}: {principal} is in none of these workspaces: nothing is granted"


def _undeclared(name: str, state: CatalogState, environments: Mapping[str, Both]) -> Iterator[str]:
    """Who else may change a catalog: nobody declares it, so nobody takes it away here."""
    known = {*_wanted_grants(state.name, environments), state.owner}
    for principal, held in sorted(state.grants.items()):
        changing = sorted(held & CHANGING)
        if principal not in known and changing:
            yield (
                f"{name}: {principal} may change {state.name} ({', '.join(changing)}), and no"
                " persona says so"
            )


def _each_once(steps: list[Step]) -> Iterator[Step]:
    seen: set[str] = set()
    for one in steps:
        key = f"{one.method} {one.path} {one.body}"
        if key not in seen:
            seen.add(key)
            yield one

"""The environments as they are: what each workspace that answers says of catalogs, bindings, grants
and principals. Nothing is started and nothing is changed."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace

from brickyard.deploy import ApiFailure, Project, Unreachable
from brickyard.deploy.connect import NoAuthentication, reach
from brickyard.release.environments import Declared
from brickyard.release.unity import Unity


@dataclass(frozen=True, slots=True, kw_only=True)
class CatalogState:
    """A catalog: `bindings` by workspace id, None while it is open; `grants` by principal."""

    name: str
    exists: bool
    owner: str = ""
    bindings: Mapping[int, str] | None = None
    grants: Mapping[str, frozenset[str]] = field(default_factory=dict)
    is_shown: bool = True  # False: its grants may not be read by the caller


@dataclass(frozen=True, slots=True, kw_only=True)
class Actual:
    """One environment's workspace. `why` says why it was not asked; then nothing else is known."""

    host: str = ""
    why: str = ""
    workspace_id: int = 0
    user: str = ""
    catalogs: Mapping[str, CatalogState] = field(default_factory=dict)
    principals: Mapping[str, bool] = field(default_factory=dict)  # name -> exists
    unity: Unity | None = None

    @property
    def is_known(self) -> bool:
        return self.unity is not None


def actual(project: Project | None, wanted: Declared, catalogs: Iterable[str]) -> Actual:
    """What the workspace of an environment says about these catalogs and the named principals."""
    if project is None:
        return Actual(why=f"target {wanted.target} does not resolve")
    try:
        client = reach(project.address, project.environment, project.embedded)
        if client is None:
            where = project.address.host or f"embedded workspace {project.address.environment}"
            return Actual(host=project.address.host or "", why=f"{where} does not answer")
        unity = Unity(client)
        return Actual(
            host=client.host,
            workspace_id=int(client.workspace_id() or 0),
            user=str(client.get("/api/2.0/preview/scim/v2/Me").get("userName") or ""),
            catalogs={name: _catalog(unity, name) for name in sorted(set(catalogs))},
            principals={name: exists_in(unity, name) for name in _principals(wanted)},
            unity=unity,
        )
    except (ApiFailure, Unreachable, NoAuthentication, OSError, ValueError) as fault:
        return Actual(host=project.address.host or "", why=str(fault))


def found_elsewhere(
    environments: Mapping[str, tuple[Declared, Actual]],
) -> dict[str, tuple[Declared, Actual]]:
    """The same, with members of personas that only another environment's workspace knows.

    A workspace shows who was given access to it; everybody of the account can be granted something
    all the same. Who deploys or runs has to be in the workspace itself.
    """
    known = [one.unity for _, one in environments.values() if one.unity is not None]
    answers: dict[str, bool] = {}

    def exists(name: str) -> bool:
        if name not in answers:
            answers[name] = any(exists_in(unity, name) for unity in known)
        return answers[name]

    return {
        name: (
            wanted,
            replace(
                found,
                principals={
                    who: here or (who not in (wanted.deployer, wanted.run_as) and exists(who))
                    for who, here in found.principals.items()
                },
            ),
        )
        for name, (wanted, found) in environments.items()
    }


def _catalog(unity: Unity, name: str) -> CatalogState:
    about = unity.catalogs().get(name)
    if about is None:
        return CatalogState(name=name, exists=False)
    try:
        grants, is_shown = unity.grants("catalog", name), True
    except ApiFailure:
        grants, is_shown = {}, False
    try:
        bindings = unity.bindings(name)
    except ApiFailure:
        bindings, is_shown = {}, False
    return CatalogState(
        name=name,
        exists=True,
        owner=str(about.get("owner", "")),
        bindings=bindings,
        grants=grants,
        is_shown=is_shown,
    )


def _principals(wanted: Declared) -> list[str]:
    members = (member for persona in wanted.personas for member in persona.members)
    return [one for one in dict.fromkeys((wanted.deployer, wanted.run_as, *members)) if one]


def exists_in(unity: Unity, name: str) -> bool:
    queries = (
        ("ServicePrincipals", f'applicationId eq "{name}"'),
        ("ServicePrincipals", f'displayName eq "{name}"'),
        ("Users", f'userName eq "{name}"'),
        ("Groups", f'displayName eq "{name}"'),
    )
    for path, condition in queries:
        try:
            answer = unity.client.get(f"/api/2.0/preview/scim/v2/{path}", {"filter": condition})
        except ApiFailure:
            continue
        if answer.get("Resources"):
            return True
    return False

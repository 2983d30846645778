"""The environments of a project as they are declared, with the usual table where nothing is said.

`brickyard.yml` says what it wants to be different; without it the three usual environments stand
for the bundle's targets, and a target's `catalog` variable says whose catalog it is.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from brickyard.deploy import Project
from brickyard.policy.environments import PRODUCTION, SHARED, environment
from brickyard.policy.inferred import inferred_catalog
from brickyard.policy.references import plain_text
from brickyard.release.settings import ReleaseSettings


@dataclass(frozen=True, slots=True, kw_only=True)
class Usual:
    """A row of the usual table: what an environment is for, unless the file says otherwise."""

    purpose: str
    control: str
    git: str
    who: tuple[str, ...]
    workloads: tuple[str, ...]


USUAL: Final[Mapping[str, Usual]] = {
    "dev": Usual(
        purpose="try and iterate",
        control="moderate",
        git="feature branches",
        who=("data scientists", "ML engineers"),
        workloads=("unit tests", "experiments"),
    ),
    "staging": Usual(
        purpose="validate features and the promotion itself",
        control="high",
        git="release candidates",
        who=("QA", "DevOps"),
        workloads=("integration tests", "performance tests"),
    ),
    "prod": Usual(
        purpose="serve",
        control="strict",
        git="main, tagged",
        who=("analysts", "end users"),
        workloads=("inference", "dashboards", "APIs"),
    ),
}
OTHER: Final = Usual(purpose="", control="high", git="any", who=(), workloads=())


@dataclass(frozen=True, slots=True, kw_only=True)
class Persona:
    """Who works in an environment: principals (groups, by default one of its name) and access."""

    name: str
    access: str  # none | read | write | manage
    members: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Declared:
    """One environment as it should be."""

    name: str
    target: str
    workspace: str
    catalog: str
    reads: tuple[str, ...]
    writes: tuple[str, ...]
    control: str
    git: str
    approvals: str
    deployer: str
    run_as: str
    personas: tuple[Persona, ...]
    who: tuple[str, ...]
    workloads: tuple[str, ...]
    purpose: str = ""
    extra: Mapping[str, Any] = field(default_factory=dict)

    @property
    def is_production(self) -> bool:
        return self.name == PRODUCTION or self.control == "strict"


def declared(name: str, settings: ReleaseSettings, project: Project | None) -> Declared:
    """The environment `name`; `project` is the bundle for its target, where that resolves."""
    rung = settings.environments[name]
    entries = settings.plain.get("environments")
    entry = entries.get(name) if isinstance(entries, Mapping) else None
    mine: Mapping[str, Any] = entry if isinstance(entry, Mapping) else {}
    usual = USUAL.get(name, OTHER)
    inferred = _inferred(project)
    rule = environment(name, settings.plain, inferred_catalog=inferred)
    branches, tags = _list(mine, "branches"), _list(mine, "tags")
    git = ", ".join((*branches, *(f"tag {tag}" for tag in tags))) or usual.git
    personas = tuple(_personas(mine))
    return Declared(
        name=name,
        target=rung.target,
        workspace=str(mine.get("workspace") or _text(project, "workspace.host")),
        catalog=rule.catalog,
        reads=tuple(sorted(rule.reads - set(SHARED))),
        writes=tuple(sorted(rule.writes)),
        control=str(mine.get("control") or usual.control),
        git=git,
        approvals=_approvals(mine.get("approvals")),
        deployer=str(mine.get("deployer") or ""),
        run_as=str(mine.get("run_as") or _text(project, "run_as.service_principal_name")),
        personas=personas,
        who=tuple(one.name for one in personas) or usual.who,
        workloads=_list(mine, "workloads") or usual.workloads,
        purpose=usual.purpose,
    )


def _inferred(project: Project | None) -> str:
    if project is None:
        return ""
    from brickyard.policy.configuration import configuration_accesses

    found = configuration_accesses(project.resolved, project.disk)
    return inferred_catalog(project.resolved, [*found])


def _text(project: Project | None, path: str) -> str:
    value = project.resolved.tree.get(path) if project is not None else None
    return plain_text(value, project.resolved.tree) if value is not None and project else ""


def _list(entry: Mapping[str, Any], key: str) -> tuple[str, ...]:
    found = entry.get(key)
    return tuple(str(one) for one in found) if isinstance(found, list) else ()


def _approvals(given: object) -> str:
    if isinstance(given, Mapping):
        by = given.get("by")
        names = " or ".join(str(one) for one in by) if isinstance(by, list) else ""
        return f"{given.get('count', 1)}{f' of {names}' if names else ''}"
    return str(given) if isinstance(given, int) and given else "none"


def _personas(entry: Mapping[str, Any]) -> list[Persona]:
    found = entry.get("personas")
    listed = found if isinstance(found, Mapping) else {}
    return [_persona(str(name), one) for name, one in listed.items()]


def _persona(name: str, one: object) -> Persona:
    if isinstance(one, Mapping):
        members = _list(one, "members") or (name,)
        return Persona(name=name, access=str(one.get("access") or "read"), members=members)
    return Persona(name=name, access=str(one), members=(name,))

"""What the deployer and the identities that run could read and write, by grants and bindings.

An identity could write a catalog where it, or a group of its, holds a privilege that writes, owns
it, and the catalog is bound to this workspace for writing. Schemas are asked one by one only in
catalogs that the policy closes, as nothing else could break it.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final

from brickyard.deploy import ApiFailure, Project
from brickyard.policy import Access, Environment, Mode, Securable
from brickyard.policy.references import place, plain_text
from brickyard.release.unity import NO_ACCESS, READ_ONLY, Unity
from brickyard.values import Value

READING: Final = frozenset({"SELECT", "READ_VOLUME", "EXECUTE", "ALL_PRIVILEGES", "MANAGE"})
WRITING: Final = frozenset(
    [
        "MODIFY",
        "WRITE_VOLUME",
        "CREATE_TABLE",
        "CREATE_SCHEMA",
        "CREATE_VOLUME",
        "CREATE_FUNCTION",
        "CREATE_MODEL",
        "CREATE_MATERIALIZED_VIEW",
        "CREATE_MODEL_VERSION",
        "APPLY_TAG",
        "ALL_PRIVILEGES",
        "MANAGE",
    ]
)
EVERYONE: Final = ("account users", "users")
IGNORED: Final = frozenset({"system", "samples", "hive_metastore", "__databricks_internal"})
MAX_SCHEMAS: Final = 100


@dataclass(frozen=True, slots=True, kw_only=True)
class Identity:
    """Who could act, in which role, and where the bundle says so."""

    name: str
    role: str
    file: str
    line: int
    column: int
    groups: tuple[str, ...] = ()

    @property
    def principals(self) -> frozenset[str]:
        return frozenset({self.name, *self.groups, *EVERYONE})


def granted(
    project: Project, unity: Unity, rule: Environment, settings: Mapping[str, Any]
) -> Iterator[Access]:
    """One access for each identity, catalog and mode that grants and bindings allow."""
    for identity in identities(project, unity, rule, settings):
        for name, catalog in sorted(unity.catalogs().items()):
            if name not in IGNORED:
                yield from _catalog(unity, identity, name, catalog, rule)


def identities(
    project: Project, unity: Unity, rule: Environment, settings: Mapping[str, Any]
) -> list[Identity]:
    """The deployer, and who jobs and pipelines run as; each once."""
    tree = project.resolved.tree
    found: dict[str, Identity] = {}
    declared = (settings.get("environments") or {}).get(rule.name) or {}
    deployer = str(declared.get("deployer") or "") or _current_user(unity)
    runs = [tree.get("run_as")]
    runs += [one.value.get("run_as") for one in project.resolved.resources if not one.part]
    named: list[tuple[str, str, Value | None]] = [(deployer, "the deployer", None)]
    for run_as in runs:
        for key in ("service_principal_name", "user_name"):
            value = run_as.get(key) if run_as is not None else None
            if value is not None and value.text:
                named.append((plain_text(value, tree), "who runs it", value))
    for name, role, value in named:
        if name and name not in found:
            file, line, column = place(value) if value is not None else _start(tree)
            found[name] = Identity(
                name=name,
                role=role,
                file=file,
                line=line,
                column=column,
                groups=unity.groups_of(name),
            )
    return list(found.values())


def _current_user(unity: Unity) -> str:
    return str(unity.client.get("/api/2.0/preview/scim/v2/Me").get("userName") or "")


def _start(tree: Value) -> tuple[str, int, int]:
    return place(tree.get("bundle") or tree)


def _catalog(
    unity: Unity, identity: Identity, name: str, catalog: Mapping[str, Any], rule: Environment
) -> Iterator[Access]:
    binding = unity.binding_here(name)
    if binding == NO_ACCESS:
        return
    held = _held(unity, "catalog", name, identity)
    owns = str(catalog.get("owner", "")) in identity.principals
    reads, writes = owns or bool(held & READING), owns or bool(held & WRITING)
    writes = writes and binding != READ_ONLY
    if reads or writes:
        yield from _both(identity, Securable.CATALOG, name, reads, writes)
    # A schema may be granted by itself; that matters only where the policy closes the catalog.
    open_modes = {Mode.READ: name in rule.reads, Mode.WRITE: name in rule.writes}
    if all(open_modes.values()) or (reads and writes):
        return
    for schema in _schemas(unity, name):
        inner = _held(unity, "schema", schema, identity)
        can_write = bool(inner & WRITING) and binding != READ_ONLY and not writes
        can_read = bool(inner & READING) and not reads
        yield from _both(identity, Securable.SCHEMA, schema, can_read, can_write)


def _schemas(unity: Unity, catalog: str) -> list[str]:
    try:
        return unity.schemas(catalog)[:MAX_SCHEMAS]
    except ApiFailure:
        return []


def _held(unity: Unity, kind: str, name: str, identity: Identity) -> frozenset[str]:
    """What an identity holds, by itself and by its groups; nothing where it may not be asked."""
    try:
        assigned = unity.effective(kind, name)
    except ApiFailure:
        return frozenset()
    return frozenset().union(*(assigned.get(one, frozenset()) for one in identity.principals))


def _both(
    identity: Identity, securable: Securable, name: str, reads: bool, writes: bool
) -> Iterable[Access]:
    for mode, can in ((Mode.READ, reads), (Mode.WRITE, writes)):
        if can:
            yield Access(
                securable=securable,
                full_name=name,
                mode=mode,
                file=identity.file,
                line=identity.line,
                column=identity.column,
                evidence="grants",
                principal=f"{identity.role} ({identity.name})",
            )

"""What the configuration itself touches: resources that are, or name, Unity Catalog securables."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Final

from brickyard.bundle import Declared, Resolved
from brickyard.policy.accesses import Access, Mode, Securable
from brickyard.policy.references import plain_text
from brickyard.policy.sql import HOLE, path_access
from brickyard.policy.sql import accesses as sql_accesses
from brickyard.values import Value

Rule = tuple[Securable, Mode, tuple[str, ...]]  # securable, mode, fields that make up its name

NAMED: Final[Mapping[str, tuple[Rule, ...]]] = {
    "catalogs": ((Securable.CATALOG, Mode.WRITE, ("name",)),),
    "schemas": ((Securable.SCHEMA, Mode.WRITE, ("catalog_name", "name")),),
    "volumes": ((Securable.VOLUME, Mode.WRITE, ("catalog_name", "schema_name", "name")),),
    "registered_models": ((Securable.MODEL, Mode.WRITE, ("catalog_name", "schema_name", "name")),),
    "quality_monitors": (
        (Securable.TABLE, Mode.READ, ("table_name",)),
        (Securable.SCHEMA, Mode.WRITE, ("output_schema_name",)),
    ),
    "pipelines": ((Securable.SCHEMA, Mode.WRITE, ("catalog", "schema")),),
    "vector_search_indexes": (
        (Securable.INDEX, Mode.WRITE, ("name",)),
        (Securable.TABLE, Mode.READ, ("delta_sync_index_spec.source_table",)),
    ),
    "synced_database_tables": (
        (Securable.TABLE, Mode.WRITE, ("name",)),
        (Securable.TABLE, Mode.READ, ("spec.source_table_full_name",)),
    ),
    "database_catalogs": ((Securable.CATALOG, Mode.WRITE, ("name",)),),
}


def configuration_accesses(resolved: Resolved) -> Iterator[Access]:
    """Every access that the resolved configuration states by itself."""
    for declared in resolved.resources:
        if declared.part:
            continue
        for rule in NAMED.get(declared.type, ()):
            yield from _named(resolved, declared, rule)
        if declared.type in EXTRA:
            yield from EXTRA[declared.type](resolved, declared)
    artifacts = resolved.tree.get("workspace.artifact_path")
    if artifacts is not None and artifacts.text.startswith("/Volumes/"):
        file, line = place(artifacts)
        yield path_access(artifacts.text, Mode.WRITE, file, line)


def place(value: Value) -> tuple[str, int]:
    """File and line to blame for a value."""
    location = value.location or value.key
    return (location.file, location.line) if location is not None else ("databricks.yml", 1)


def _named(resolved: Resolved, declared: Declared, rule: Rule) -> Iterator[Access]:
    securable, mode, paths = rule
    parts = [declared.value.get(path) for path in paths]
    present = [part for part in parts if part is not None and part.text]
    if not present:
        return
    names = [plain_text(part, resolved.tree) if part is not None else HOLE for part in parts]
    yield _access(securable, ".".join(names), mode, present[-1], declared)


def _access(
    securable: Securable, name: str, mode: Mode, blamed: Value, declared: Declared
) -> Access:
    file, line = place(blamed)
    reason = "part of the name is known only once it is deployed" if HOLE in name else ""
    return Access(
        securable=securable,
        full_name=name.replace(HOLE, "?"),
        mode=mode,
        file=file,
        line=line,
        reason=reason,
        resource=declared.address,
    )


def _serving(resolved: Resolved, declared: Declared) -> Iterator[Access]:
    entities = declared.value.get("config.served_entities")
    for entity in entities.elements if entities is not None else ():
        name = entity.get("entity_name")
        if name is not None and name.text:
            text = plain_text(name, resolved.tree)
            yield _access(Securable.MODEL, text, Mode.READ, name, declared)
    tables = declared.value.get("ai_gateway.inference_table_config")
    if tables is not None and tables.items:
        parts = [tables.get(key) for key in ("catalog_name", "schema_name", "table_name_prefix")]
        if parts[0] is not None and parts[1] is not None:
            names = [plain_text(part, resolved.tree) if part else "payload" for part in parts]
            yield _access(Securable.TABLE, ".".join(names), Mode.WRITE, parts[0], declared)


def _app(resolved: Resolved, declared: Declared) -> Iterator[Access]:
    resources = declared.value.get("resources")
    for one in resources.elements if resources is not None else ():
        name = one.get("uc_securable.securable_full_name")
        if name is None:
            continue
        kind = one.get("uc_securable.securable_type")
        permission = one.get("uc_securable.permission")
        writes = permission is not None and permission.text in {"MODIFY", "WRITE_VOLUME", "MANAGE"}
        securable = {"VOLUME": Securable.VOLUME, "FUNCTION": Securable.FUNCTION}.get(
            kind.text if kind is not None else "", Securable.TABLE
        )
        mode = Mode.WRITE if writes else Mode.READ
        yield _access(securable, plain_text(name, resolved.tree), mode, name, declared)


def _alert(resolved: Resolved, declared: Declared) -> Iterator[Access]:
    text = declared.value.get("query_text")
    if text is not None and text.text:
        file, line = place(text)
        yield from sql_accesses(plain_text(text, resolved.tree), file=file, line=line)


EXTRA: Final[Mapping[str, Callable[[Resolved, Declared], Iterator[Access]]]] = {
    "model_serving_endpoints": _serving,
    "apps": _app,
    "alerts": _alert,
}

"""What the configuration itself touches: resources that are, or name, Unity Catalog securables.

A row of `NAMED` says which fields make up a name; `[]` in a path goes through a list. Whatever else
a resource holds that lies in a volume is found by its text.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from typing import Final

from brickyard.bundle import Declared, Resolved
from brickyard.policy.accesses import Access, Mode, Securable
from brickyard.policy.dashboards import document_accesses
from brickyard.policy.references import place, plain_text
from brickyard.policy.sql import accesses as sql_accesses
from brickyard.policy.sql_places import PART_UNKNOWN, path_access
from brickyard.policy.sql_session import HOLE, Session
from brickyard.values import Value, show

READ, WRITE = Mode.READ, Mode.WRITE
Rule = tuple[Securable, Mode, tuple[str, ...]]  # securable, mode, fields that make up its name
ALTERNATIVES: Final = re.compile(r"\|")
CATALOG, SCHEMA, TABLE = Securable.CATALOG, Securable.SCHEMA, Securable.TABLE
_INGESTED: Final = "ingestion_definition.objects[]"

NAMED: Final[Mapping[str, tuple[Rule, ...]]] = {
    "catalogs": ((CATALOG, WRITE, ("name",)),),
    "schemas": ((SCHEMA, WRITE, ("catalog_name", "name")),),
    "volumes": ((Securable.VOLUME, WRITE, ("catalog_name", "schema_name", "name")),),
    "registered_models": ((Securable.MODEL, WRITE, ("catalog_name", "schema_name", "name")),),
    "quality_monitors": (
        (TABLE, READ, ("table_name",)),
        (TABLE, READ, ("baseline_table_name",)),
        (SCHEMA, WRITE, ("output_schema_name",)),
    ),
    "pipelines": (
        (SCHEMA, WRITE, ("catalog", "schema|target")),
        (TABLE, WRITE, ("event_log.catalog", "event_log.schema", "event_log.name")),
        (TABLE, WRITE, ("gateway_definition.gateway_storage_catalog",
                        "gateway_definition.gateway_storage_schema",
                        "gateway_definition.gateway_storage_name")),
        (SCHEMA, WRITE, (f"{_INGESTED}.table.destination_catalog",
                         f"{_INGESTED}.table.destination_schema")),
        (SCHEMA, WRITE, (f"{_INGESTED}.schema.destination_catalog",
                         f"{_INGESTED}.schema.destination_schema")),
        (SCHEMA, WRITE, (f"{_INGESTED}.report.destination_catalog",
                         f"{_INGESTED}.report.destination_schema")),
        (Securable.CONNECTION, READ, ("ingestion_definition.connection_name",)),
    ),
    "vector_search_indexes": (
        (Securable.INDEX, WRITE, ("name",)),
        (TABLE, READ, ("delta_sync_index_spec.source_table",)),
        (TABLE, WRITE, ("delta_sync_index_spec.embedding_writeback_table",)),
    ),
    "synced_database_tables": (
        (TABLE, WRITE, ("name",)),
        (TABLE, READ, ("spec.source_table_full_name",)),
        (SCHEMA, WRITE, ("spec.new_pipeline_spec.storage_catalog",
                         "spec.new_pipeline_spec.storage_schema")),
    ),
    "postgres_synced_tables": (
        (TABLE, WRITE, ("synced_table_id",)),
        (TABLE, READ, ("source_table_full_name",)),
    ),
    "database_catalogs": ((CATALOG, WRITE, ("name",)),),
    "postgres_catalogs": ((CATALOG, WRITE, ("catalog_id",)),),
    "model_serving_endpoints": (
        (Securable.MODEL, READ, ("config.served_entities[].entity_name",)),
    ),
    "jobs": (
        (TABLE, READ, ("trigger.table_update.table_names[]",)),
        (TABLE, READ, ("tasks[].power_bi_task.tables[].catalog",
                       "tasks[].power_bi_task.tables[].schema",
                       "tasks[].power_bi_task.tables[].name")),
    ),
    "experiments": (),
}  # fmt: skip

# Paths in volumes, by the field that holds them; what no row names is read.
WRITTEN_PATHS: Final = re.compile(
    r"cluster_log_conf|artifact_location|artifact_path|storage$|checkpoint|assets_dir|root_path"
    r"|storage_location|storage_root"
)
VOLUMES: Final = ("/Volumes/", "dbfs:/Volumes/")
# Fields that are followed as code, or named above.
NOT_PATHS: Final = re.compile(
    r"notebook_path|python_file|base_parameters|named_parameters|\.parameters\[|parameters\[\d+\]"
    r"|query_text|serialized"
)


def configuration_accesses(resolved: Resolved, files: Mapping[str, bytes]) -> Iterator[Access]:
    """Every access that the resolved configuration states by itself."""
    for declared in resolved.resources:
        if declared.part:
            continue
        for rule in NAMED.get(declared.type, ()):
            yield from _named(resolved, declared, rule)
        if declared.type in EXTRA:
            yield from EXTRA[declared.type](resolved, declared, files)
        yield from _paths(resolved, declared)
    artifacts = resolved.tree.get("workspace.artifact_path")
    if artifacts is not None and artifacts.text.startswith("/Volumes/"):
        yield path_access(artifacts.text, WRITE, *place(artifacts))


def _named(resolved: Resolved, declared: Declared, rule: Rule) -> Iterator[Access]:
    """A name from its fields, once for each item where they go through a list."""
    securable, mode, paths = rule
    for owner, left in _owners(declared.value, paths):
        parts = [_first(owner, path) for path in left]
        present = [part for part in parts if part is not None and _text(part)]
        if not present:
            continue
        # Parts that a default gives are never asked for; a name without its start is none.
        names = [plain_text(part, resolved.tree) if part is not None else HOLE for part in parts]
        is_short = names[0].count(".") < 2 and HOLE not in names[0]
        if mode is READ and securable is Securable.MODEL and is_short:
            continue  # a foundation model, or one of the workspace's own registry
        yield _access(securable, ".".join(names), mode, present[-1], declared)


def _owners(value: Value, paths: tuple[str, ...]) -> Iterator[tuple[Value, tuple[str, ...]]]:
    """The maps that hold the fields, with the paths that are left within them."""
    if "[]" not in paths[0]:
        yield value, paths
        return
    start = paths[0].split("[]")[0]
    found = value.get(start)
    rest = tuple(path.split("[]", 1)[1].removeprefix(".") for path in paths)
    for one in found.elements if found is not None else ():
        yield from _owners(one, rest) if any(rest) else iter([(one, ("",))])


def _first(owner: Value, path: str) -> Value | None:
    """The value at the first of `a|b` that is there; the owner itself for no path."""
    if not path:
        return owner
    return next((v for one in path.split("|") if (v := owner.get(one)) is not None), None)


def _text(value: Value) -> str:
    return str(value.data) if value.kind not in {"map", "sequence", "nil"} else ""


def _access(
    securable: Securable, name: str, mode: Mode, blamed: Value, declared: Declared
) -> Access:
    file, line, column = place(blamed)
    reason = "part of the name is known only once it is deployed" if HOLE in name else ""
    return Access(
        securable=securable,
        full_name=name.replace(HOLE, "?"),
        mode=mode,
        file=file,
        line=line,
        column=column,
        reason=reason,
        resource=declared.address,
    )


def _paths(resolved: Resolved, declared: Declared) -> Iterator[Access]:
    """Whatever lies in a volume: libraries, init scripts, logs, triggers, artifacts."""
    for path, value in declared.value.walk():
        if not value.text or "/Volumes/" not in value.text or NOT_PATHS.search(show(path)):
            continue
        text = plain_text(value, resolved.tree)
        if text.startswith(VOLUMES):
            mode = WRITE if WRITTEN_PATHS.search(show(path)) else READ
            found = path_access(text, mode, *place(value))
            yield _of(found, declared)


def _of(access: Access, declared: Declared) -> Access:
    return Access(
        securable=access.securable,
        full_name=access.full_name,
        mode=access.mode,
        file=access.file,
        line=access.line,
        column=access.column,
        reason=access.reason or (PART_UNKNOWN if "?" in access.full_name else ""),
        resource=declared.address,
    )


Files = Mapping[str, bytes]


def _serving(resolved: Resolved, declared: Declared, _files: Files) -> Iterator[Access]:
    """The tables that an endpoint writes its requests to."""
    for path in ("ai_gateway.inference_table_config", "config.auto_capture_config"):
        tables = declared.value.get(path)
        if tables is None or not tables.items:
            continue
        parts = [tables.get(key) for key in ("catalog_name", "schema_name", "table_name_prefix")]
        if parts[0] is not None and parts[1] is not None:
            names = [plain_text(part, resolved.tree) if part else "payload" for part in parts]
            yield _access(TABLE, ".".join(names), WRITE, parts[0], declared)


def _app(resolved: Resolved, declared: Declared, _files: Files) -> Iterator[Access]:
    resources = declared.value.get("resources")
    for one in resources.elements if resources is not None else ():
        name = one.get("uc_securable.securable_full_name")
        if name is None:
            continue
        kind = one.get("uc_securable.securable_type")
        permission = one.get("uc_securable.permission")
        writes = permission is not None and permission.text in {"MODIFY", "WRITE_VOLUME", "MANAGE"}
        securable = APP_KINDS.get(kind.text.upper() if kind is not None else "", TABLE)
        mode = WRITE if writes else READ
        yield _access(securable, plain_text(name, resolved.tree), mode, name, declared)


APP_KINDS: Final[Mapping[str, Securable]] = {
    "VOLUME": Securable.VOLUME,
    "FUNCTION": Securable.FUNCTION,
    "CONNECTION": Securable.CONNECTION,
}


def _alert(resolved: Resolved, declared: Declared, files: Files) -> Iterator[Access]:
    text = declared.value.get("query_text")
    if text is not None and text.text:
        file, line, column = place(text)
        is_block = "\n" in text.text.strip()
        found = sql_accesses(
            plain_text(text, resolved.tree), file=file, line=line + is_block, column=column,
            session=Session(),
        )  # fmt: skip
        yield from (_of(one, declared) for one in found)
    yield from _document(resolved, declared, files)


def _document(resolved: Resolved, declared: Declared, files: Files) -> Iterator[Access]:
    """A dashboard's or a space's document: a file of the bundle, or text in the configuration."""

    def text(key: str) -> str:
        value = declared.value.get(key)
        return plain_text(value, resolved.tree) if value is not None else ""

    catalog, schema = text("dataset_catalog"), text("dataset_schema")
    path = text("file_path")
    if path and path in files:
        content = files[path].decode("utf-8", errors="replace")
        found = document_accesses(content, path, catalog=catalog, schema=schema)
        yield from (_of(one, declared) for one in found)
        return
    for key in ("serialized_dashboard", "serialized_space"):
        value = declared.value.get(key)
        if value is not None and value.text:
            file, line, column = place(value)
            inline = plain_text(value, resolved.tree)
            yield from document_accesses(
                inline, file, at=(line, column), catalog=catalog, schema=schema
            )


EXTRA: Final[Mapping[str, Callable[[Resolved, Declared, Files], Iterator[Access]]]] = {
    "model_serving_endpoints": _serving,
    "apps": _app,
    "alerts": _alert,
    "dashboards": _document,
    "genie_spaces": _document,
}

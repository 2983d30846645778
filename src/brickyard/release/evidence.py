"""What a record keeps of artifacts and data: digests of files, versions of tables.

The tables are those that the bundle's code writes, as the policy's check saw, and those in the
schemas of the bundle. A version is Delta's: Unity Catalog
names it in the table's properties, `DESCRIBE HISTORY` on a warehouse otherwise.
"""

from __future__ import annotations

import hashlib
from typing import Any, Final
from urllib.parse import quote

from brickyard.deploy import ApiFailure, Project, Unreachable
from brickyard.deploy.planning import prepare_resources
from brickyard.release.faults import StepFailed
from brickyard.release.records import ReleaseRecord
from brickyard.release.warehouse import run_statement, warehouse_id

TABLES: Final = "/api/2.1/unity-catalog/tables"
VERSION: Final = "delta.lastUpdateVersion"
MOST_TABLES: Final = 200


def artifact_digests(project: Project) -> dict[str, str]:
    """Every built file that goes to the workspace: its name there to its SHA-256."""
    prepared = prepare_resources(project, say=lambda _: None)
    files = {one.target.rpartition("/")[2]: one.source for one in prepared.uploads}
    files |= dict(prepared.archives)
    return {
        name: hashlib.sha256(source.read_bytes()).hexdigest()
        for name, source in sorted(files.items())
    }


def data_versions(project: Project, record: ReleaseRecord) -> dict[str, Any]:
    """Table to `{version, updated}`; what can't be read says why and stops nothing."""
    if not record.steps:
        return {}
    names = {str(one) for one in record.policy.get("tables_written") or ()}
    try:
        names |= _own_tables(project)
        found = {name: _version(project, name) for name in sorted(names)[:MOST_TABLES]}
    except Unreachable:
        raise
    except ApiFailure:
        return {}
    return {name: one for name, one in found.items() if one}


def _own_tables(project: Project) -> set[str]:
    """Tables in the bundle's own schemas, whoever wrote them."""
    found: set[str] = set()
    for address, entry in project.store.pull().state.entries.items():
        if not address.startswith("resources.schemas.") or address.count(".") != 2:
            continue
        catalog, _, schema = entry.id.partition(".")
        tables = project.workspace.pages(
            TABLES, "tables", {"catalog_name": catalog, "schema_name": schema}
        )
        found |= {str(one["full_name"]) for one in tables if one.get("table_type") != "VIEW"}
    return found


def _version(project: Project, name: str) -> dict[str, Any]:
    try:
        table = project.workspace.get(f"{TABLES}/{quote(name, safe='')}")
    except ApiFailure as failure:
        return {} if failure.is_missing else {"unknown": str(failure)}
    told = (table.get("properties") or {}).get(VERSION)
    if told is not None:
        return {"version": int(told)}
    if str(table.get("data_source_format") or "DELTA") != "DELTA":
        return {"unknown": f"it is {table.get('data_source_format')}, not Delta"}
    quoted = ".".join(f"`{part}`" for part in name.split("."))
    try:
        rows = run_statement(
            project, f"DESCRIBE HISTORY {quoted} LIMIT 1", warehouse=warehouse_id(project)
        ).as_dicts()
    except StepFailed as fault:
        return {"unknown": str(fault)}
    if not rows:
        return {"unknown": "it has no history"}
    return {"version": rows[0].get("version"), "operation": str(rows[0].get("operation") or "")}

"""The catalog: what there is in it, of which shape, and whose."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from typing import Any, Final

from brickyard.workspace.kernel import not_found
from brickyard.workspace.pages.api import Api
from brickyard.workspace.pages.blocks import (
    Block,
    Cell,
    Facts,
    Page,
    Table,
    Text,
    address,
    cell,
    code,
    cut,
    facts,
    moment,
    state,
)
from brickyard.workspace.pages.rendering import size

SECTION: Final = "explore/data"
API: Final = "/api/2.1/unity-catalog"
ROWS: Final = 50
CATALOGS: Final = ("Catalog", "/explore/data")


async def catalogs(api: Api) -> Page:
    found = await api.get(f"{API}/catalogs")
    rows = [
        (
            cell(one["name"], address("explore", "data", one["name"])),
            cell(one.get("comment")),
            cell(one.get("owner")),
            cell("this workspace writes it" if one["name"] == api.workspace.catalog else ""),
        )
        for one in found.get("catalogs") or ()
    ]
    listed = Table(title="Catalogs", columns=("Name", "Comment", "Owner", ""), rows=rows)
    return Page(title="Catalog", section=SECTION, blocks=[listed])


async def catalog(api: Api, name: str) -> Page:
    """A catalog; or a table whose full name stands in its place, as some links have it."""
    if name.count(".") == 2:
        return await table(api, *name.split("."))
    found, schemas, rights = await asyncio.gather(
        api.get(f"{API}/catalogs/{name}"),
        api.get(f"{API}/schemas", catalog_name=name),
        _grants(api, "catalog", name),
    )
    rows = [
        (
            cell(one["name"], address("explore", "data", name, one["name"])),
            cell(one.get("comment")),
            cell(one.get("owner")),
        )
        for one in schemas.get("schemas") or ()
    ]
    listed = Table(title="Schemas", columns=("Name", "Comment", "Owner"), rows=rows)
    blocks: list[Block] = [_about(found), listed, rights]
    return Page(title=name, kind="Catalog", section=SECTION, above=[CATALOGS], blocks=blocks)


async def schema(api: Api, name: str, schema_name: str) -> Page:
    full = f"{name}.{schema_name}"
    where = {"catalog_name": name, "schema_name": schema_name}
    found, rights, *inside = await asyncio.gather(
        api.get(f"{API}/schemas/{full}"),
        _grants(api, "schema", full),
        api.seen(f"{API}/tables", **where),
        api.seen(f"{API}/volumes", **where),
        api.seen(f"{API}/models", **where),
        api.seen(f"{API}/functions", **where),
    )
    tables, volumes, models, functions = inside
    blocks: list[Block] = [
        _about(found),
        _members("Tables", tables.get("tables"), (), "table_type"),
        _members("Volumes", volumes.get("volumes"), ("volumes",), "volume_type"),
        _members("Models", models.get("registered_models"), ("models",), ""),
        _members("Functions", functions.get("functions"), ("functions",), "full_data_type"),
        rights,
    ]
    above = [CATALOGS, (name, address("explore", "data", name))]
    return Page(title=schema_name, kind="Schema", section=SECTION, above=above, blocks=blocks)


async def table(api: Api, name: str, schema_name: str, table_name: str) -> Page:
    """A table, view or vector index; its first rows when the address asks for them."""
    full = f"{name}.{schema_name}.{table_name}"
    found = await api.seen(f"{API}/tables/{full}")
    index = await api.seen(f"/api/2.0/vector-search/indexes/{full}")
    if not found and not index:
        raise not_found(f"There is no table or index {full}, or you may not see it")
    blocks: list[Block] = [_about(found)] if found else []
    if index:
        blocks.append(_index(index))
    if found.get("view_definition"):
        blocks.append(Text(title="Definition", text=str(found["view_definition"])))
    if columns := found.get("columns"):
        rows = [
            (code(one["name"]), code(one.get("type_text")), cell(one.get("comment")))
            for one in columns
        ]
        blocks.append(Table(title="Columns", columns=("Name", "Type", "Comment"), rows=rows))
        blocks.append(await _rows(api, full, address("explore", "data", *full.split("."))))
    blocks.append(await _grants(api, "table", full))
    kind = "Vector search index" if index else str(found.get("table_type", "table")).capitalize()
    return Page(
        title=table_name,
        kind=kind if index or kind == "View" else "Table",
        section=SECTION,
        above=_above(name, schema_name),
        blocks=blocks,
    )


async def volume(api: Api, name: str, schema_name: str, volume_name: str, path: str = "") -> Page:
    full = f"{name}.{schema_name}.{volume_name}"
    root = f"/Volumes/{name}/{schema_name}/{volume_name}"
    here = ("explore", "data", "volumes", name, schema_name, volume_name)
    inner = f"/{path.strip('/')}" if path.strip("/") else ""
    found, files, rights = await asyncio.gather(
        api.get(f"{API}/volumes/{full}"),
        api.get(f"/api/2.0/fs/directories{root}{inner}"),
        _grants(api, "volume", full),
    )
    rows = [
        (
            cell(one["name"], address(*here) + one["path"].removeprefix(root))
            if one.get("is_directory")
            else code(one["name"]),
            cell(size(one.get("file_size"))),
            moment(one.get("last_modified")),
        )
        for one in files.get("contents") or ()
    ]
    listed = Table(title=f"Files in {root}{inner}", columns=("Name", "Size", "Changed"), rows=rows)
    blocks: list[Block] = [_about(found), listed, rights]
    above = _above(name, schema_name)
    return Page(title=volume_name, kind="Volume", section=SECTION, above=above, blocks=blocks)


async def model(api: Api, name: str, schema_name: str, model_name: str) -> Page:
    full = f"{name}.{schema_name}.{model_name}"
    found, versions, rights = await asyncio.gather(
        api.get(f"{API}/models/{full}", include_aliases=True),
        api.get(f"{API}/models/{full}/versions"),
        _grants(api, "function", full),
    )
    aliases: dict[int, list[str]] = {}
    for one in found.get("aliases") or ():
        aliases.setdefault(int(one["version_num"]), []).append(one["alias_name"])
    rows = [
        (
            cell(one["version"]),
            cell(", ".join(aliases.get(int(one["version"]), ()))),
            state(one.get("status")),
            moment(one.get("created_at")),
            cell(one.get("created_by")),
            code(one.get("run_id"), address("mlflow") + f"/#/runs/{one['run_id']}")
            if one.get("run_id")
            else cell(""),
        )
        for one in sorted(
            versions.get("model_versions") or (), key=lambda one: -int(one["version"])
        )
    ]
    columns = ("Version", "Aliases", "State", "Created", "By", "Run")
    blocks: list[Block] = [
        _about(found),
        Table(title="Versions", columns=columns, rows=rows, empty="No version yet."),
        rights,
    ]
    above = _above(name, schema_name)
    return Page(title=model_name, kind="Model", section=SECTION, above=above, blocks=blocks)


async def function(api: Api, name: str, schema_name: str, function_name: str) -> Page:
    full = f"{name}.{schema_name}.{function_name}"
    found, rights = await asyncio.gather(
        api.get(f"{API}/functions/{full}"), _grants(api, "function", full)
    )
    given = (found.get("input_params") or {}).get("parameters") or ()
    rows = [
        (code(one["name"]), code(one.get("type_text")), cell(one.get("comment"))) for one in given
    ]
    language = found.get("external_language") or found.get("routine_body") or "SQL"
    blocks: list[Block] = [
        _about(found),
        facts(("Gives", code(found.get("full_data_type"))), ("Language", language)),
        Table(title="Parameters", columns=("Name", "Type", "Comment"), rows=rows),
        Text(title="Body", text=cut(str(found.get("routine_definition") or ""))),
        rights,
    ]
    above = _above(name, schema_name)
    return Page(title=function_name, kind="Function", section=SECTION, above=above, blocks=blocks)


def _above(name: str, schema_name: str) -> list[tuple[str, str]]:
    return [
        CATALOGS,
        (name, address("explore", "data", name)),
        (schema_name, address("explore", "data", name, schema_name)),
    ]


def _about(found: Mapping[str, Any]) -> Facts:
    return facts(
        ("Full name", code(found.get("full_name"))),
        ("Comment", found.get("comment")),
        ("Owner", found.get("owner")),
        ("Created", moment(found.get("created_at"))),
        ("Changed", moment(found.get("updated_at"))),
        ("Lies in", code(found.get("storage_location"))),
    )


def _members(title: str, found: Any, below: tuple[str, ...], kind: str) -> Table:
    rows = [
        (
            cell(one["name"], address("explore", "data", *below, *one["full_name"].split("."))),
            cell(str(one.get(kind) or "").lower() if kind else ""),
            cell(one.get("comment")),
            cell(one.get("owner")),
        )
        for one in found or ()
    ]
    return Table(title=title, columns=("Name", "Kind", "Comment", "Owner"), rows=rows)


async def _grants(api: Api, kind: str, full_name: str) -> Table:
    found = await api.seen(f"{API}/permissions/{kind}/{full_name}")
    rows = [
        (cell(one["principal"]), cell(", ".join(sorted(one["privileges"]))))
        for one in found.get("privilege_assignments") or ()
    ]
    return Table(title="Grants", columns=("To", "What"), rows=rows, empty="None on this object.")


async def _rows(api: Api, full_name: str, here: str) -> Block:
    """The first rows: asked of a warehouse, so only for who asks."""
    if api.query("rows") != "1":
        return Facts(rows=[("Rows", cell(f"Show the first {ROWS}", f"{here}?rows=1"))])
    warehouses = (await api.get("/api/2.0/sql/warehouses")).get("warehouses") or ()
    if not warehouses:
        return Text(title="Rows", text="There is no SQL warehouse that you may use.")
    quoted = ".".join(f"`{part}`" for part in full_name.split("."))
    told = await api.post(
        "/api/2.0/sql/statements",
        {
            "warehouse_id": warehouses[0]["id"],
            "statement": f"SELECT * FROM {quoted} LIMIT {ROWS}",
            "wait_timeout": "50s",
            "on_wait_timeout": "CANCEL",
        },
    )
    status = told.get("status") or {}
    if status.get("state") != "SUCCEEDED":
        message = (status.get("error") or {}).get("message") or status.get("state")
        return Text(title="Rows", text=str(message))
    columns = [one["name"] for one in told["manifest"]["schema"].get("columns") or ()]
    found: Sequence[Sequence[Any]] = (told.get("result") or {}).get("data_array") or ()
    return Table(
        title=f"First {len(found)} rows",
        columns=columns,
        rows=[[_value(one) for one in row] for row in found],
    )


def _value(value: Any) -> Cell:
    text = "" if value is None else str(value)
    return code(text if len(text) <= 200 else f"{text[:200]}…")


def _index(index: Mapping[str, Any]) -> Block:
    status = index.get("status") or {}
    spec = index.get("delta_sync_index_spec") or index.get("direct_access_index_spec") or {}
    source = str(spec.get("source_table") or "")
    return facts(
        ("Endpoint", cell(*_endpoint(index))),
        ("Kind", str(index.get("index_type") or "").replace("_", " ").lower()),
        ("Ready", state("READY" if status.get("ready") else "PENDING")),
        ("Message", status.get("message")),
        ("Rows", status.get("indexed_row_count")),
        ("Key", code(index.get("primary_key"))),
        ("Source", code(source, address("explore", "data", *source.split(".")) if source else "")),
        title="Index",
    )


def _endpoint(index: Mapping[str, Any]) -> tuple[str, str]:
    name = str(index.get("endpoint_name") or "")
    return name, address("compute", "vector-search", name)

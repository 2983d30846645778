"""Kinds of objects whose pages are a list, and the facts and settings of one: a table of them."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from brickyard.workspace.pages.api import Api
from brickyard.workspace.pages.blocks import (
    Block,
    Cell,
    Page,
    Table,
    address,
    as_json,
    cell,
    code,
    facts,
    moment,
    state,
)

# How a value is shown, by the end of the column's name.
AS_STATE: Final = ("State", "Ready")
AS_MOMENT: Final = ("Created", "Changed", "Started")


@dataclass(frozen=True, slots=True, kw_only=True)
class Kind:
    """One kind: where the API lists it and gives one, and what to show of it."""

    title: str
    one: str  # what a single one is called
    path: tuple[str, ...]  # of its pages
    api: str
    items: str  # the field of the list
    columns: Mapping[str, str]  # title -> path in the JSON, dots between keys
    key: str = "name"  # what its page's address has
    name: str = "name"
    fetch: str = ""  # the address of one, with {}; else `api/{}`
    query: str = ""  # the query parameter that names one
    acl: str = ""  # its kind in the permissions API
    more: tuple[tuple[str, str, str, Mapping[str, str]], ...] = ()  # title, path, items, columns


KINDS: Final = (
    Kind(
        title="Pipelines",
        one="Pipeline",
        path=("pipelines",),
        api="/api/2.0/pipelines",
        items="statuses",
        key="pipeline_id",
        columns={"State": "state", "Last update": "latest_updates.0.state"}
        | {"Creator": "creator_user_name"},
        acl="pipelines",
        more=(
            (
                "Updates",
                "/api/2.0/pipelines/{}/updates",
                "updates",
                {"Update": "update_id", "State": "state", "Started": "creation_time"}
                | {"Cause": "cause"},
            ),
            (
                "Events",
                "/api/2.0/pipelines/{}/events",
                "events",
                {"When": "timestamp", "Level": "level", "Message": "message"},
            ),
        ),
    ),
    Kind(
        title="Apps",
        one="App",
        path=("apps",),
        api="/api/2.0/apps",
        items="apps",
        columns={"State": "app_status.state", "Says": "app_status.message", "Address": "url"}
        | {"Creator": "creator"},
        acl="apps",
        more=(
            (
                "Deployments",
                "/api/2.0/apps/{}/deployments",
                "app_deployments",
                {"Deployment": "deployment_id", "State": "status.state"}
                | {"Says": "status.message", "Made": "create_time"},
            ),
        ),
    ),
    Kind(
        title="Vector search endpoints",
        one="Vector search endpoint",
        path=("compute", "vector-search"),
        api="/api/2.0/vector-search/endpoints",
        items="endpoints",
        columns={"State": "endpoint_status.state", "Indexes": "num_indexes"}
        | {"Created": "creation_timestamp", "Creator": "creator"},
        more=(
            (
                "Indexes",
                "/api/2.0/vector-search/indexes?endpoint_name={}",
                "vector_indexes",
                {"Index": "name", "Kind": "index_type", "Key": "primary_key"},
            ),
        ),
    ),
    Kind(
        title="SQL warehouses",
        one="SQL warehouse",
        path=("sql", "warehouses"),
        api="/api/2.0/sql/warehouses",
        items="warehouses",
        key="id",
        columns={"State": "state", "Size": "cluster_size", "Creator": "creator_name"},
        acl="warehouses",
    ),
    Kind(
        title="Dashboards",
        one="Dashboard",
        path=("dashboardsv3",),
        api="/api/2.0/lakeview/dashboards",
        items="dashboards",
        key="dashboard_id",
        name="display_name",
        columns={"Lies in": "parent_path", "Changed": "update_time"},
        acl="dashboards",
    ),
    Kind(
        title="Queries",
        one="Query",
        path=("sql", "queries"),
        api="/api/2.0/sql/queries",
        items="results",
        key="id",
        name="display_name",
        columns={"Query": "query_text", "Owner": "owner_user_name", "Changed": "update_time"},
        acl="queries",
    ),
    Kind(
        title="Alerts",
        one="Alert",
        path=("sql", "alerts-v2"),
        api="/api/2.0/alerts",
        items="alerts",
        key="id",
        name="display_name",
        columns={"State": "evaluation.state", "Cron": "schedule.quartz_cron_schedule"}
        | {"Query": "query_text", "Owner": "owner_user_name"},
        acl="alertsv2",
    ),
    Kind(
        title="Genie spaces",
        one="Genie space",
        path=("genie", "rooms"),
        api="/api/2.0/genie/spaces",
        items="spaces",
        key="space_id",
        name="title",
        columns={"Says": "description", "Warehouse": "warehouse_id"},
        acl="genie",
    ),
    Kind(
        title="Database instances",
        one="Database instance",
        path=("compute", "database-instances"),
        api="/api/2.0/database/instances",
        items="database_instances",
        columns={"State": "state", "Capacity": "capacity", "Creator": "creator"},
    ),
    Kind(
        title="Clusters",
        one="Cluster",
        path=("compute", "clusters"),
        api="/api/2.1/clusters/list",
        items="clusters",
        key="cluster_id",
        name="cluster_name",
        fetch="/api/2.1/clusters/get",
        query="cluster_id",
        columns={"State": "state", "Runtime": "spark_version", "Creator": "creator_user_name"},
        acl="clusters",
    ),
    Kind(
        title="Instance pools",
        one="Instance pool",
        path=("compute", "instance-pools"),
        api="/api/2.0/instance-pools/list",
        items="instance_pools",
        key="instance_pool_id",
        name="instance_pool_name",
        fetch="/api/2.0/instance-pools/get",
        query="instance_pool_id",
        columns={"State": "state", "Machines": "node_type_id"},
        acl="instance-pools",
    ),
)

DASHBOARDS: Final = next(kind for kind in KINDS if kind.title == "Dashboards")


async def listing(api: Api, kind: Kind) -> Page:
    found = await api.get(kind.api)
    table = rows_of(kind.title, kind.columns, found.get(kind.items) or (), kind)
    return Page(title=kind.title, section="/".join(kind.path), blocks=[table])


async def one(api: Api, key: str, kind: Kind) -> Page:
    if kind.fetch:
        fetched = api.get(kind.fetch, **{kind.query: key})
    else:
        fetched = api.get(kind.api + address(key))
    found, acl, *more = await asyncio.gather(
        fetched,
        api.seen(f"/api/2.0/permissions/{kind.acl}{address(key)}") if kind.acl else _nothing(),
        *(_more(api, path, key) for _, path, _, _ in kind.more),
    )
    blocks: list[Block] = [
        facts(
            ("Id" if kind.key != kind.name else "Name", code(key)),
            *((title, shown(title, found, path)) for title, path in kind.columns.items()),
        )
    ]
    for (title, _, items, columns), answer in zip(kind.more, more, strict=True):
        blocks.append(rows_of(title, columns, answer.get(items) or ()))
    blocks += [permissions(acl), as_json("Settings", found)]
    return Page(
        title=str(dig(found, kind.name) or key),
        kind=kind.one,
        section="/".join(kind.path),
        above=[(kind.title, address(*kind.path))],
        blocks=blocks,
    )


def rows_of(
    title: str,
    columns: Mapping[str, str],
    items: Sequence[Mapping[str, Any]],
    kind: Kind | None = None,
) -> Table:
    rows: list[list[Cell]] = []
    for item in items:
        cells = [shown(name, item, path) for name, path in columns.items()]
        if kind is not None:
            named = str(dig(item, kind.name) or dig(item, kind.key))
            cells.insert(0, cell(named, address(*kind.path, dig(item, kind.key))))
        rows.append(cells)
    head = ["Name", *columns] if kind is not None else list(columns)
    empty = f"No {title.lower()} that you may see."
    return Table(title=title, columns=head, rows=rows, empty=empty)


def permissions(acl: Mapping[str, Any]) -> Table:
    rows = []
    for entry in acl.get("access_control_list") or ():
        who = next((v for k, v in entry.items() if k.endswith("_name") and k != "display_name"), "")
        levels = [one["permission_level"] for one in entry.get("all_permissions") or ()]
        rows.append((cell(who), cell(", ".join(levels))))
    empty = "Not to be seen by you."
    return Table(title="Permissions", columns=("Who", "Level"), rows=rows, empty=empty)


def shown(title: str, item: Mapping[str, Any], path: str) -> Cell:
    value = dig(item, path)
    if title.endswith(AS_STATE):
        return state(value)
    if title in AS_MOMENT and isinstance(value, int):
        return moment(value)
    if title == "Index":
        return cell(value, address("explore", "data", *str(value).split(".")))
    if title == "Address":
        return cell(value, str(value or ""))
    return cell(value)


def dig(item: Any, path: str) -> Any:
    """A value by its path; None where there is none."""
    for part in path.split("."):
        if isinstance(item, Mapping):
            item = item.get(part)
        elif isinstance(item, Sequence) and part.isdigit() and int(part) < len(item):
            item = item[int(part)]
        else:
            return None
    return item


async def _more(api: Api, path: str, key: str) -> Mapping[str, Any]:
    where, _, query = path.partition("?")
    if query:
        return await api.seen(where, **{query.partition("=")[0]: key})
    return await api.seen(where.format(address(key)[1:]))


async def _nothing() -> Mapping[str, Any]:
    return {}

"""What is deployed, and where to look at it: the bundle's tree with ids, URLs and status added."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final, TypeAlias
from urllib.parse import quote, urlsplit

from brickyard.bundle import resolved_plain
from brickyard.deploy.http import Json
from brickyard.deploy.project import Project
from brickyard.deploy.state import Entry, State
from brickyard.resources import TITLES, TYPES, plural_title

# Types whose page is found by this field of the configuration.
NAMED_PAGES: Final = {
    "database_catalogs": "name",
    "postgres_catalogs": "catalog_id",
    "postgres_synced_tables": "synced_table_id",
    "quality_monitors": "table_name",
    "synced_database_tables": "name",
    "vector_search_endpoints": "name",
    "vector_search_indexes": "name",
}
PLACEHOLDER: Final = re.compile(r"\{(\w+)\}")
IN_PATHS: Final = "/$&+,:;=@!*'()"  # what Go leaves as it is in the path of a URL
WORKSPACE_ID: Final = "DATABRICKS_WORKSPACE_ID"

HasPage: TypeAlias = Callable[[str, Json], bool]


@dataclass(frozen=True, slots=True, kw_only=True)
class Item:
    """One resource, declared or deployed or both. `status` is created, deleted or empty."""

    type: str
    key: str
    name: str
    id: str
    url: str
    status: str

    @property
    def title(self) -> str:
        """What several of its type are called."""
        return plural_title(self.type) if self.type in TITLES else self.type


def summarise(
    project: Project,
    state: State,
    *,
    has_page: HasPage = lambda kind, value: True,
    has_name: HasPage = lambda kind, value: True,
) -> tuple[Item, ...]:
    """Every resource of bundle and state, by title and key.

    `has_page` says of a type and a configuration whether the page of what is deployed is told,
    `has_name` whether what the resource is called is.
    """
    declared = {
        f"resources.{kind}.{key}": value
        for kind, group in _resources(project).items()
        for key, value in group.items()
    }
    recorded = {address: e for address, e in state.entries.items() if address.count(".") == 2}
    items = []
    for address in sorted(declared.keys() | recorded.keys()):
        _, kind, key = address.split(".")
        entry, value = recorded.get(address), declared.get(address) or {}
        shown = dict(entry.state) if entry is not None else value
        status = "created" if entry is None else "deleted" if address not in declared else ""
        items.append(
            Item(
                type=kind,
                key=key,
                name=_name(kind, value or shown) if has_name(kind, value or shown) else "",
                id=entry.id if entry is not None else "",
                url=url_of(project, kind, entry) if entry and has_page(kind, value) else "",
                status=status,
            )
        )
    return tuple(sorted(items, key=lambda item: (item.title, item.key)))


def summary_tree(
    project: Project, state: State, *, has_page: HasPage = lambda kind, value: True
) -> Json:
    """The resolved bundle as `validate -o json` shows it, with `id`, `url`, `modified_status`."""
    tree = plain_tree(project)
    resources = tree.setdefault("resources", {})
    for item in summarise(project, state, has_page=has_page):
        shown = resources.setdefault(item.type, {}).setdefault(item.key, {})
        added = {"id": item.id, "url": item.url, "modified_status": item.status}
        shown.update({name: value for name, value in added.items() if value})
        if item.status != "deleted":
            shown.update(_told_by_state(item, state))
        if item.status == "created" and (url := _page_of_name(project, item.type, shown)):
            shown["url"] = url
    return tree


def shown_url(project: Project, item: Item, state: State) -> str:
    """Where to look at it: of some types there is a page by name before they are deployed."""
    declared = _resources(project).get(item.type, {}).get(item.key)
    if item.url or item.status != "created" or declared is None:
        return item.url
    return _page_of_name(project, item.type, declared)


def _page_of_name(project: Project, kind: str, value: Json) -> str:
    """The page of what is not deployed yet; the official CLI shows that of some types."""
    name = str(value.get(NAMED_PAGES.get(kind, "")) or "")
    return url_of(project, kind, Entry(id=name, state=value)) if name and "${" not in name else ""


def _told_by_state(item: Item, state: State) -> Json:
    """What only the state knows of a declared resource: a dashboard's etag, a run's job."""
    entry = state.entries.get(f"resources.{item.type}.{item.key}")
    if entry is None:
        return {}
    if item.type == "dashboards" and entry.state.get("etag"):
        return {"etag": entry.state["etag"]}
    if item.type == "job_runs" and entry.state.get("job_id"):
        return {"resolved_job_id": entry.state["job_id"]}
    return {}


def plain_tree(project: Project) -> Json:
    """The resolved configuration as plain data."""
    return resolved_plain(project.resolved)


def url_of(project: Project, kind: str, entry: Entry) -> str:
    """Where a person looks at the resource; empty when there is no such page."""
    pattern = TYPES[kind].url if kind in TYPES else ""
    host = project.client.host if project.client is not None else project.address.host
    if not pattern or not host:
        return ""
    known = {**entry.state, "id": entry.id}

    def value(match: re.Match[str]) -> str:
        name = match[1]
        if name.endswith("_path") and name not in known:
            return str(known.get(name.removesuffix("_path"), "")).replace(".", "/")
        return str(known.get(name, ""))

    path = quote(PLACEHOLDER.sub(value, pattern), safe=IN_PATHS)
    return f"{host}/{path}{_workspace_query(project, host)}"


def _workspace_query(project: Project, host: str) -> str:
    """`?w=<id>` as the official CLI adds it, unless the host's name tells the workspace."""
    if project.client is None:
        return ""
    if "workspace_id" not in project.built:
        given = project.text("workspace.workspace_id") or project.environment.get(WORKSPACE_ID)
        project.built["workspace_id"] = given or project.client.workspace_id()
    id = project.built["workspace_id"]
    return f"?w={id}" if id and id not in (urlsplit(host).hostname or "") else ""


def _resources(project: Project) -> dict[str, dict[str, Json]]:
    found = plain_tree(project).get("resources")
    groups = found if isinstance(found, dict) else {}
    return {kind: group for kind, group in groups.items() if isinstance(group, dict)}


def _name(kind: str, value: Json) -> str:
    field = TYPES[kind].name_field if kind in TYPES else "name"
    return str(value.get("display_name") or value.get(field) or "")

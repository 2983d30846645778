"""What is deployed, and where to look at it: the bundle's tree with ids, URLs and status added."""

from __future__ import annotations

from dataclasses import dataclass

from brickyard.bundle import resolved_plain
from brickyard.deploy.http import Json
from brickyard.deploy.project import Project
from brickyard.deploy.state import State
from brickyard.resources import TITLES, TYPES


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
        return TITLES.get(self.type, self.type)


def summarise(project: Project, state: State) -> tuple[Item, ...]:
    """Every resource of bundle and state, by type and key."""
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
                name=_name(kind, value or shown),
                id=entry.id if entry is not None else "",
                url=url_of(project, kind, entry.id) if entry is not None else "",
                status=status,
            )
        )
    return tuple(items)


def summary_tree(project: Project, state: State) -> Json:
    """The resolved bundle as `validate -o json` shows it, with `id`, `url`, `modified_status`."""
    tree = plain_tree(project)
    resources = tree.setdefault("resources", {})
    for item in summarise(project, state):
        shown = resources.setdefault(item.type, {}).setdefault(item.key, {})
        added = {"id": item.id, "url": item.url, "modified_status": item.status}
        shown.update({name: value for name, value in added.items() if value})
    return tree


def plain_tree(project: Project) -> Json:
    """The resolved configuration as plain data."""
    return resolved_plain(project.resolved)


def url_of(project: Project, kind: str, id: str) -> str:
    """Where a person looks at the resource; empty when there is no such page."""
    pattern = TYPES[kind].url if kind in TYPES else ""
    host = project.client.host if project.client is not None else project.address.host
    if not pattern or not host:
        return ""
    return f"{host}/{pattern.replace('{id_path}', id.replace('.', '/')).replace('{id}', id)}"


def _resources(project: Project) -> dict[str, dict[str, Json]]:
    found = plain_tree(project).get("resources")
    groups = found if isinstance(found, dict) else {}
    return {kind: group for kind, group in groups.items() if isinstance(group, dict)}


def _name(kind: str, value: Json) -> str:
    field = TYPES[kind].name_field if kind in TYPES else "name"
    return str(value.get(field) or value.get("display_name") or "")

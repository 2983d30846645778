"""Dashboards and Genie spaces: a configuration, and a document that is kept beside it as JSON.

The document is written with sorted keys and two spaces, so that a change in the workspace is a
readable change in Git. With `--resource` only the document of a deployed resource is written, once
or (`--watch`) whenever it has changed.
"""

from __future__ import annotations

import json
import posixpath
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any, Final

from brickyard.deploy.generate import configuration
from brickyard.deploy.generate.downloads import relative
from brickyard.deploy.generate.generated import Cannot, Generated, check, save, write
from brickyard.deploy.generate.places import Places, checked_key, under
from brickyard.deploy.http import ApiFailure, Json, Unreachable, Workspace, segment
from brickyard.deploy.project import Project

STATUS: Final = "/api/2.0/workspace/get-status"
POLL_S: Final = 1.0
SEPARATORS: Final = {0x2028: "\\u2028", 0x2029: "\\u2029"}
LEGACY: Final = (
    "Declarative Automation Bundles work exclusively with AI/BI dashboards.\n\n"
    "Instructions on how to convert a legacy dashboard to an AI/BI dashboard\n"
    "can be found at: https://docs.databricks.com/en/dashboards/clone-legacy-to-aibi.html."
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Kind:
    """What differs between the two: names, calls, and the member that holds the document."""

    type: str
    word: str
    title: str
    path: str
    query: Json
    document: str
    id_field: str
    extension: str
    config_extension: str
    configured: Callable[[Json, str], Json]


DASHBOARD: Final = Kind(
    type="dashboards",
    word="dashboard",
    title="display_name",
    path="/api/2.0/lakeview/dashboards/",
    query={},
    document="serialized_dashboard",
    id_field="dashboard_id",
    extension=".lvdash.json",
    config_extension=".dashboard.yml",
    configured=configuration.dashboard,
)
GENIE_SPACE: Final = Kind(
    type="genie_spaces",
    word="genie space",
    title="title",
    path="/api/2.0/genie/spaces/",
    query={"include_serialized_space": True},
    document="serialized_space",
    id_field="space_id",
    extension=".geniespace.json",
    config_extension=".genie_space.yml",
    configured=configuration.genie_space,
)


def dashboard_at(workspace: Workspace, path: str) -> str:
    """The id of the dashboard at a workspace path. Raises `Cannot` for anything else there."""
    name = posixpath.basename(path)
    try:
        found = workspace.get(STATUS, {"path": path})
    except ApiFailure as failure:
        if failure.is_missing:
            raise Cannot(f'dashboard "{name}" not found') from failure
        if failure.status == 400 and failure.message.startswith("dbsqlDashboard "):
            raise Cannot(f'dashboard "{name}" is a legacy dashboard\n\n{LEGACY}') from failure
        raise
    kind = str(found.get("object_type") or "")
    if kind != "DASHBOARD":
        raise Cannot(f"expected a dashboard, found a {kind.lower()}")
    if not found.get("resource_id"):
        raise Cannot("expected a non-empty dashboard resource ID")
    return str(found["resource_id"])


def generate_document(project: Project, kind: Kind, id: str, places: Places) -> Generated:
    """Configuration and document of an object that exists."""
    try:
        got = fetch(project.workspace, kind, id)
    except ApiFailure as failure:
        if failure.status == 404:
            raise Cannot(f"{kind.word} with ID {id} not found") from failure
        raise
    key = checked_key(places.key or configuration.key_of(str(got.get(kind.title) or "")))
    document = places.source_dir / f"{key}{kind.extension}"
    made = Generated(
        type=kind.type,
        key=key,
        id=str(got.get(kind.id_field) or id),
        value=kind.configured(got, relative(document, places.config_dir)),
        path=places.config_dir / f"{key}{kind.config_extension}",
        quoted=(kind.title,),
    )
    text = formatted(kind, got, document)
    _check(project, document, force=places.force)
    check(made, force=places.force)
    places.say(f"Writing {kind.word} to {under(project.root, document)}")
    write(document, text)
    places.say(f"Writing configuration to {under(project.root, made.path)}")
    save(made, force=places.force)
    return made


@dataclass(slots=True)
class Follower:
    """The document of a deployed resource, written to the file that the bundle names."""

    project: Project
    kind: Kind
    id: str
    path: Path
    force: bool
    say: Callable[[str], None]
    last: Json | None = None

    def take(self) -> bool:
        """Write what the workspace has, if it is new; whether it was."""
        if self.last is not None and not self._may_have_changed():
            return False
        got = fetch(self.project.workspace, self.kind, self.id)
        text = formatted(self.kind, got, self.path)
        is_new = self.last is None or text != _content(self.path)
        if is_new:
            _check(self.project, self.path, force=self.force)
            self.say(f"Writing {self.kind.word} to {under(self.project.root, self.path)}")
            write(self.path, text)
        self.last = got
        return is_new

    def follow(self, failed: Callable[[Exception], None], pause: Callable[[float], None]) -> None:
        """Take every change until interrupted. An error after the first is told and outlived."""
        self.take()
        while True:
            pause(POLL_S)
            try:
                self.take()
            except (ApiFailure, Unreachable) as error:
                failed(error)

    def _may_have_changed(self) -> bool:
        """A dashboard's time of change costs less to read than its document; spaces have none."""
        last = self.last or {}
        if self.kind is not DASHBOARD or not last.get("path"):
            return True
        status = self.project.workspace.get(STATUS, {"path": last["path"]})
        try:
            known_ms = datetime.fromisoformat(str(last.get("update_time"))).timestamp() * 1000
        except ValueError:
            return True
        return float(status.get("modified_at") or 0) > known_ms


def follower(
    project: Project, kind: Kind, key: str, *, force: bool, say: Callable[[str], None]
) -> Follower:
    """For resource KEY of the bundle, which must be deployed and keep its document in a file."""
    group = (project.resolved.tree.get("resources") or project.resolved.tree).get(kind.type)
    declared = group.items.get(key) if group is not None else None
    if declared is None:
        raise Cannot(f'{kind.word} resource "{key}" is not defined')
    named = declared.get("file_path")
    if named is None or not named.text:
        raise Cannot(f'{kind.word} resource "{key}" has no file path defined')
    entry = project.store.pull().state.entries.get(f"resources.{kind.type}.{key}")
    if entry is None or not entry.id:
        raise Cannot(f'{kind.word} resource "{key}" is not deployed: run `brickyard deploy` first')
    path = project.root / named.text
    return Follower(project, kind, entry.id, path, force, say)


def fetch(workspace: Workspace, kind: Kind, id: str) -> Json:
    return workspace.get(kind.path + segment(id), kind.query)


def formatted(kind: Kind, got: Json, path: Path) -> bytes:
    """The document as it is kept; numbers as Go writes them. Raises `Cannot` without one."""
    text = got.get(kind.document)
    if not text:
        raise Cannot(
            f"{kind.word} response did not include {kind.document}; refusing to write"
            f" {path.as_posix()}"
        )
    data = json.loads(text) if isinstance(text, str) else text
    shown = json.dumps(_as_go_reads(data), indent=2, sort_keys=True, ensure_ascii=False)
    return (shown.translate(SEPARATORS) + "\n").encode()


def _as_go_reads(data: Any) -> Any:
    """Whole floats become integers, as all numbers are one kind there."""
    if isinstance(data, dict):
        return {name: _as_go_reads(item) for name, item in data.items()}
    if isinstance(data, list):
        return [_as_go_reads(item) for item in data]
    if isinstance(data, float) and data.is_integer() and abs(data) < 1e21:
        return int(data)
    return data


def _check(project: Project, path: Path, *, force: bool) -> None:
    if path.is_dir():
        raise Cannot(f"{under(project.root, path)} is a directory")
    if path.exists() and not force:
        raise Cannot(f"{under(project.root, path)} already exists. Use --force to overwrite")


def _content(path: Path) -> bytes | None:
    try:
        return path.read_bytes()
    except FileNotFoundError:
        return None

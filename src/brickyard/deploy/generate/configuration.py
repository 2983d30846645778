"""What a bundle says of an object, from what the service answers about it. Pure.

Kept are the fields that a bundle can set, as the catalogue of fields knows them: first the telling
ones, then the others by name. Zero values that the service gives are kept, nulls are not.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any, Final

from brickyard.bundle.schema import Schema, schema
from brickyard.deploy.http import Json

JOB_FIRST: Final = ("name", "job_clusters", "compute", "tasks", "parameters")
JOB_LEFT_OUT: Final = frozenset({"format", "new_cluster", "existing_cluster_id"})
TASK_FIRST: Final = (
    "task_key",
    "depends_on",
    "existing_cluster_id",
    "new_cluster",
    "job_cluster_key",
)
PIPELINE_FIRST: Final = ("name", "clusters", "configuration", "libraries")
# `id` is given by the service; storage and edition are rarely changed, `development` is the mode's.
PIPELINE_LEFT_OUT: Final = frozenset({"id", "storage", "edition", "development"})
# Keys below which every text is quoted: maps from text to text.
JOB_QUOTED: Final = ("spark_conf", "custom_tags", "tags")
PIPELINE_QUOTED: Final = ("spark_conf", "custom_tags", "configuration")


def key_of(name: str) -> str:
    """A resource key from a name: lower case, one underscore for all that is no letter or digit."""
    kept = "".join(char if char.isalpha() or char.isdecimal() else "_" for char in name.lower())
    return re.sub("_+", "_", kept).strip("_")


def job(settings: Json) -> Json:
    """A job's settings, tasks with their own order of fields; defaults stay with their names."""
    known = _known(settings, "resources.jobs", schema())
    shown = {name: item for name, item in known.items() if name not in JOB_LEFT_OUT}
    if "tasks" in shown:
        shown["tasks"] = [
            _ordered({name: item for name, item in task.items() if name != "format"}, TASK_FIRST)
            for task in shown["tasks"]
        ]
    if "parameters" in shown:
        shown["parameters"] = [
            {"name": parameter.get("name", ""), "default": parameter.get("default", "")}
            for parameter in shown["parameters"]
        ]
        if not shown["parameters"]:
            del shown["parameters"]
    return _ordered(shown, JOB_FIRST)


def pipeline(spec: Json, *, root_path: str, remote_root: str) -> Json:
    """A pipeline's spec; its root folder is where the files have been put."""
    known = _known(spec, "resources.pipelines", schema())
    shown = {name: item for name, item in known.items() if name not in PIPELINE_LEFT_OUT}
    if remote_root:
        shown["root_path"] = root_path
        for library in shown.get("libraries") or ():
            glob = library.get("glob")
            if glob and "include" in glob:
                glob["include"] = glob["include"].replace(remote_root, root_path)
    return _ordered(shown, PIPELINE_FIRST)


def app(got: Json, source_code_path: str) -> Json:
    """An app: most of what the service says of it can't be set."""
    shown = {
        "name": got.get("name", ""),
        "description": got.get("description") or "",
        "source_code_path": source_code_path,
    }
    resources: Json = _known({"resources": got.get("resources")}, "resources.apps", schema())
    return shown | resources


def alert(got: Json, file_path: str) -> Json:
    """An alert: everything else is in its file."""
    return {
        "display_name": got.get("display_name", ""),
        "warehouse_id": got.get("warehouse_id", ""),
        "file_path": file_path,
    }


def dashboard(got: Json, file_path: str) -> Json:
    """A dashboard: what it shows is in its file."""
    return alert(got, file_path)


def genie_space(got: Json, file_path: str) -> Json:
    """A Genie space: what it knows is in its file."""
    shown = {
        "title": got.get("title", ""),
        "warehouse_id": got.get("warehouse_id", ""),
        "file_path": file_path,
    }
    if got.get("description"):
        shown["description"] = got["description"]
    folder = str(got.get("parent_path") or "")
    if folder:
        is_whole = folder == "/Workspace" or folder.startswith("/Workspace/")
        shown["parent_path"] = folder if is_whole else f"/Workspace/{folder.strip('/')}"
    return shown


def _known(value: Any, kind: str | None, known: Schema) -> Any:
    """The value without what no bundle can say, maps sorted by key."""
    if kind is None or kind == "any":
        return value
    if isinstance(value, Mapping):
        below = {name: known.below(kind, name) for name in sorted(value)}
        return {
            name: _known(value[name], step, known)
            for name, step in below.items()
            if step is not None and value[name] is not None
        }
    if isinstance(value, list):
        return [_known(item, known.below(kind, 0), known) for item in value]
    return value


def _ordered(value: Json, first: Sequence[str]) -> Json:
    """The named fields first, then the others by name."""
    names = [name for name in first if name in value]
    return {name: value[name] for name in (*names, *sorted(value.keys() - set(names)))}

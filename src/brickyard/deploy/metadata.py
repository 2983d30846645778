"""`metadata.json` beside the state: what the workspace's own pages read to show a deployment.

Equal, member for member, to what the official CLI writes: resources that are declared, whether
they have an id yet or not; members without a value left out where its encoder leaves them out.
"""

from __future__ import annotations

from typing import Any, Final

from brickyard.deploy.http import Json
from brickyard.deploy.project import Project
from brickyard.deploy.state import State, go_json
from brickyard.deploy.state_store import write_atomically

METADATA: Final = "metadata.json"
VERSION: Final = 1
SHOWN: Final = ("jobs", "pipelines", "dashboards")
GIT: Final = ("branch", "origin_url", "commit", "bundle_root_path")


def write_metadata(project: Project, state: State) -> None:
    """Put it into the workspace, unless what is there is the same."""
    path = f"{project.path('state_path')}/{METADATA}"
    content = go_json(metadata(project, state), indent=2).encode()
    known = project.folder / METADATA
    if known.exists() and known.read_bytes() == content and project.files.status(path):
        return
    project.files.write(path, content)
    write_atomically(known, content)


def metadata(project: Project, state: State) -> Json:
    """The content of the file."""
    linked = is_source_linked(project)
    worktree = project.facts.git.worktree if project.facts.git is not None else ""
    bundle = {
        "name": project.resolved.name,
        "target": project.resolved.target,
        "mode": project.resolved.mode,
    }
    return {
        "version": VERSION,
        "config": {
            "bundle": {**_present(bundle), "git": _git(project)},
            "workspace": {
                "file_path": str(project.sync_rules.root) if linked else project.path("file_path")
            },
            "resources": _present({kind: _resources(project, state, kind) for kind in SHOWN}),
            "presets": {"source_linked_deployment": linked},
        },
        "extra": {"git_folder_path": worktree} if worktree.startswith("/Workspace/") else {},
    }


def is_source_linked(project: Project) -> bool:
    """Whether the deployment runs from the very files of the bundle, uploading none."""
    found = project.resolved.tree.get("presets.source_linked_deployment")
    return found is not None and found.data is True


def _git(project: Project) -> Json:
    return _present({name: project.text(f"bundle.git.{name}") for name in GIT})


def _resources(project: Project, state: State, kind: str) -> Json:
    """The declared resources of a type: id, the file that declares each, a dashboard's source."""
    found: Json = {}
    group = project.resolved.tree.get(("resources", kind))
    for key, value in sorted(group.items.items()) if group is not None else ():
        entry = state.entries.get(f"resources.{kind}.{key}")
        place = value.location
        shown: dict[str, Any] = {"id": entry.id} if entry is not None else {}
        shown["relative_path"] = place.file if place is not None else ""
        if kind == "dashboards":
            source = value.child("file_path")
            shown["file_path"] = source.text if source is not None else ""
        found[key] = shown
    return found


def _present(data: Json) -> Json:
    return {name: value for name, value in data.items() if value}

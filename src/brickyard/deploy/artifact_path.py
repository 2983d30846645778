"""`workspace.artifact_path` in a volume: the volume must be there before anything is uploaded."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

from brickyard.bundle import Resolved
from brickyard.deploy.http import ApiFailure, Workspace
from brickyard.values import Diagnostic, Location, Value, error

CODE: Final = "deploy/artifact-path"
PATH: Final = "workspace.artifact_path"


def check_artifact_path(resolved: Resolved, client: Workspace) -> tuple[Diagnostic, ...]:
    """An error when the path names no volume, or one that is not there or may not be read."""
    path = resolved.tree.get(PATH)
    if path is None or not path.text.startswith("/Volumes/") or "${" in path.text:
        return ()
    names = path.text.split("/")[2:5]
    if len(names) < 3 or not all(names):
        summary = (
            "expected UC volume path to be in the format"
            f" /Volumes/<catalog>/<schema>/<volume>/..., got {path.text}"
        )
        return (_refused(path, summary, "Name catalog, schema and volume."),)
    full_name = ".".join(names)
    try:
        client.get(f"/api/2.1/unity-catalog/volumes/{full_name}")
    except ApiFailure as failure:
        if failure.status == 403:
            summary = f"cannot access volume {full_name}: {failure.message}"
            return (_refused(path, summary, "Ask its owner for READ VOLUME and WRITE VOLUME."),)
        if not failure.is_missing:
            raise
        return (_missing(resolved, path, names),)
    return ()


def _missing(resolved: Resolved, path: Value, names: list[str]) -> Diagnostic:
    summary = f"volume {'.'.join(names)} does not exist"
    for key, volume in (resolved.tree.get("resources.volumes") or Value({})).items.items():
        own = {name: volume.child(name) for name in ("catalog_name", "schema_name", "name")}
        catalog, schema, name = (part.text if part is not None else "" for part in own.values())
        same_schema = schema == names[1] or schema.startswith("${resources.schemas.")
        if same_schema and (catalog, name) == (names[0], names[2]):
            detail = (
                f"resources.volumes.{key} makes it, and it is not deployed yet: deploy without"
                f" `{PATH}` first, then set it."
            )
            return _refused(path, summary, detail, volume.locations)
    return _refused(path, summary, "Create the volume, or correct the path.")


def _refused(path: Value, summary: str, detail: str, more: Iterable[Location] = ()) -> Diagnostic:
    at = (*path.locations, *more)
    return error(CODE, summary, detail, path=PATH, at=at)

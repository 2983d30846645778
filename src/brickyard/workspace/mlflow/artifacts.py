"""Where the artifacts of runs, logged models and traces lie on disk.

Clients with `tracking_uri="databricks"` know an artifact by
`dbfs:/databricks/mlflow-tracking/<experiment>/<run>/artifacts/...` and reach it at
`/WorkspaceInternal/Mlflow/Artifacts/<experiment>/Runs/<run>/artifacts/...` of the Files API; both
mean `<home>/mlflow/artifacts/<workspace>/<experiment>/Runs/<run>/artifacts/...`.
"""

from __future__ import annotations

from pathlib import Path
from urllib.parse import unquote, urlparse

from brickyard.workspace.kernel import invalid

TRACKING = ("databricks", "mlflow-tracking")
TRACE_PREFIX = "tr-"
LONGEST_SEGMENT = 255  # bytes, of a file's name


def local_path(root: Path, workspace: str, uri: str) -> Path:
    """The file or folder behind an artifact URI. Raises INVALID_PARAMETER_VALUE for another one."""
    parsed = urlparse(uri)
    segments = [unquote(part) for part in parsed.path.split("/") if part]
    if parsed.scheme != "dbfs" or tuple(segments[:2]) != TRACKING or len(segments) < 3:
        raise invalid(f"{uri!r} is not an artifact location of this workspace")
    experiment, rest = segments[2], segments[3:]
    return inside(root / workspace, experiment, *_kind(rest))


def inside(root: Path, *segments: str) -> Path:
    """`root` joined with the segments, none of which may lead out of it."""
    for segment in segments:
        if segment in ("", ".", "..") or "/" in segment or "\0" in segment:
            raise invalid(f"Invalid artifact path segment: {segment!r}")
        if len(segment.encode()) > LONGEST_SEGMENT:
            raise invalid(f"An artifact path segment is too long: {segment[:40]!r}...")
    return root.joinpath(*segments)


def _kind(rest: list[str]) -> list[str]:
    if not rest:
        return []
    if rest[0] == "logged_models":
        return ["LoggedModels", *rest[1:]]
    if rest[0].startswith(TRACE_PREFIX):
        return ["Traces", *rest]
    return ["Runs", *rest]

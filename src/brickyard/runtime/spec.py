"""One task as its process receives it: a JSON file that the workspace writes before the start."""

# Paths are plain text here: pathlib costs start-up time and adds nothing.
# ruff: noqa: PTH105

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any


@dataclass(frozen=True, slots=True, kw_only=True)
class Catalog:
    """A catalog this task can see. Writing needs mode `rw`."""

    name: str
    path: str
    mode: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Spec:
    kind: str  # notebook | python | wheel | shell | pipeline | scoring
    folder: str  # the run's own folder: result.json, values.json, layer/
    file: str = ""  # notebook or Python file, as this process sees it
    notebook_path: str = ""  # workspace path without extension
    language: str = "python"
    widgets: Mapping[str, str] = field(default_factory=dict)
    arguments: tuple[str, ...] = ()
    package_name: str = ""
    entry_point: str = ""
    context: Mapping[str, Any] = field(default_factory=dict)
    task_values: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    catalogs: tuple[Catalog, ...] = ()
    catalogs_folder: str = ""  # where hidden catalogs would be
    workspace: str = ""  # dev | staging | prod
    principal: str = ""
    mapped: Mapping[str, str] = field(default_factory=dict)  # where the platform cannot mount
    variables: Mapping[str, str] = field(default_factory=dict)  # a shell command's own
    cluster_disk: bool = False  # there is a /databricks to work in
    pipeline: Mapping[str, Any] = field(default_factory=dict)  # what an update is asked to do
    scoring: Mapping[str, Any] = field(default_factory=dict)  # arguments of scoring.score

    @property
    def result_file(self) -> Path:
        return Path(self.folder, "result.json")

    @property
    def values_file(self) -> Path:
        return Path(self.folder, "values.json")

    @property
    def layer(self) -> Path:
        """Where `%pip install` puts what the task's environment lacks."""
        return Path(self.folder, "layer")


def read_spec(path: str) -> Spec:
    data = json.loads(Path(path).read_text())
    data["arguments"] = tuple(data.get("arguments", ()))
    data["catalogs"] = tuple(Catalog(**one) for one in data.get("catalogs", ()))
    return Spec(**data)


def write_json(path: Path, data: Any) -> None:
    """Whole or not at all: the workspace may read it while this process is killed."""
    beside = path.with_suffix(".new")
    beside.write_text(json.dumps(data))
    os.replace(beside, path)

"""Jobs, pipelines, apps and alerts: what they are, read from the workspace with all their files."""

from __future__ import annotations

import base64
import posixpath
from typing import Any

from brickyard.deploy.calls import Caller
from brickyard.deploy.generate import configuration
from brickyard.deploy.generate.downloads import Downloads, common_folder, relative
from brickyard.deploy.generate.generated import Cannot, Generated, check, save, shown, write
from brickyard.deploy.generate.places import Places, checked_key
from brickyard.deploy.http import ApiFailure, Json, Workspace, segment
from brickyard.resources import TYPES


def generate_job(
    workspace: Workspace, job_id: int, places: Places, *, with_python_files: bool = False
) -> Generated:
    """A job with its notebooks; Python files of `spark_python_task` only when asked for.

    A job from a Git repository keeps the paths it has there.
    """
    settings = _job_settings(workspace, job_id)
    downloads = _downloads(workspace, places)
    tasks = settings.get("tasks") or []
    if settings.get("git_source"):
        places.say("Job is using Git source, skipping downloading files")
    else:
        _take_task_files(tasks, downloads, with_python_files=with_python_files)
    key = places.key or configuration.key_of(str(settings.get("name") or ""))
    made = Generated(
        type="jobs",
        key=checked_key(key),
        id=str(job_id),
        value=configuration.job(settings),
        path=places.config_dir / f"{key}.job.yml",
        old_path=places.config_dir / f"{key}.yml",
        quoted=configuration.JOB_QUOTED,
    )
    _write(made, downloads, places)
    downloads.remove_flat_copies(force=places.force)
    places.say(f"Job configuration successfully saved to {shown(made.path)}")
    return made


def generate_pipeline(workspace: Workspace, pipeline_id: str, places: Places) -> Generated:
    """A pipeline with its libraries and all that is below its root folder."""
    got = workspace.get(f"/api/2.0/pipelines/{segment(pipeline_id)}")
    spec: Json = got.get("spec") or {}
    downloads = _downloads(workspace, places)
    for library in spec.get("libraries") or ():
        if (library.get("notebook") or {}).get("path"):
            library["notebook"]["path"] = downloads.notebook(library["notebook"]["path"])
        elif (library.get("file") or {}).get("path"):
            library["file"]["path"] = downloads.file(library["file"]["path"])
    remote_root = str(spec.get("root_path") or "")
    if remote_root:
        downloads.folder(remote_root)
    key = places.key or configuration.key_of(str(got.get("name") or spec.get("name") or ""))
    made = Generated(
        type="pipelines",
        key=checked_key(key),
        id=pipeline_id,
        value=configuration.pipeline(
            spec,
            root_path=relative(places.source_dir, places.config_dir),
            remote_root=remote_root,
        ),
        path=places.config_dir / f"{key}.pipeline.yml",
        old_path=places.config_dir / f"{key}.yml",
        quoted=configuration.PIPELINE_QUOTED,
    )
    _write(made, downloads, places)
    places.say(f"Pipeline configuration successfully saved to {shown(made.path)}")
    return made


def generate_app(workspace: Workspace, name: str, places: Places) -> Generated:
    """An app with its source, when one was ever deployed."""
    places.say(f"Loading app '{name}' configuration")
    got = workspace.get(f"/api/2.0/apps/{segment(name)}")
    downloads = _downloads(workspace, places)
    if got.get("default_source_code_path"):
        downloads.folder(str(got["default_source_code_path"]))
    key = places.key or configuration.key_of(str(got.get("name") or ""))
    made = Generated(
        type="apps",
        key=checked_key(key),
        id=str(got.get("name") or name),
        value=configuration.app(got, relative(places.source_dir, places.config_dir)),
        path=places.config_dir / f"{key}.app.yml",
    )
    _write(made, downloads, places)
    places.say(f"App configuration successfully saved to {shown(made.path)}")
    return made


def generate_alert(workspace: Workspace, id: str, places: Places) -> Generated:
    """An alert and its definition, which the workspace keeps as a file."""
    try:
        got = workspace.get(f"/api/2.0/alerts/{segment(id)}")
    except ApiFailure as failure:
        if failure.status == 404:
            raise Cannot(f"alert with ID {id} not found") from failure
        raise
    title = str(got.get("display_name") or "")
    key = checked_key(places.key or configuration.key_of(title))
    definition = places.source_dir / f"{key}.dbalert.json"
    made = Generated(
        type="alerts",
        key=key,
        id=id,
        value=configuration.alert(got, relative(definition, places.config_dir)),
        path=places.config_dir / f"{key}.alert.yml",
        quoted=("display_name",),
    )
    remote = posixpath.join(str(got.get("parent_path") or ""), f"{title}.dbalert.json")
    answer = workspace.get("/api/2.0/workspace/export", {"path": remote})
    if definition.exists() and not places.force:
        raise Cannot(f"{shown(definition)} already exists. Use --force to overwrite")
    check(made, force=places.force)
    write(definition, base64.b64decode(str(answer.get("content") or "")))
    save(made, force=places.force)
    places.say(f"Alert configuration successfully saved to {shown(made.path)}")
    places.say(f"Serialized alert definition to {shown(definition)}")
    return made


def _downloads(workspace: Workspace, places: Places) -> Downloads:
    return Downloads(
        workspace=workspace, source_dir=places.source_dir, config_dir=places.config_dir
    )


def _write(made: Generated, downloads: Downloads, places: Places) -> None:
    """All or, if anything is in the way, nothing."""
    downloads.check(force=places.force)
    check(made, force=places.force)
    downloads.fetch(force=places.force, say=places.say)
    save(made, force=places.force)


def _job_settings(workspace: Workspace, job_id: int) -> Json:
    actual = Caller(workspace=workspace).read(TYPES["jobs"], str(job_id))
    if actual is None:
        raise Cannot(f"Job {job_id} does not exist.")
    return dict(actual.configuration)


def _take_task_files(tasks: list[Any], downloads: Downloads, *, with_python_files: bool) -> None:
    """Mark the tasks' sources for download and let the tasks name them where they will be."""
    sources = [
        (downloads.notebook, task["notebook_task"], "notebook_path")
        if task.get("notebook_task")
        else (downloads.file, task["spark_python_task"], "python_file")
        for task in tasks
        if task.get("notebook_task") or (with_python_files and _has_python_file(task))
    ]
    paths = [str(holder.get(name) or "") for _, holder, name in sources]
    if paths:
        downloads.base = common_folder(paths)
    for (take, holder, name), path in zip(sources, paths, strict=True):
        holder[name] = take(path)


def _has_python_file(task: Json) -> bool:
    """Whether the task runs a file of the workspace: not from Git, not from a cloud's storage."""
    source = task.get("spark_python_task") or {}
    return source.get("source") != "GIT" and str(source.get("python_file") or "").startswith("/")

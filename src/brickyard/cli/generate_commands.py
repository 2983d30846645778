"""`generate job | pipeline | app | alert | dashboard | genie-space`: configuration from objects.

Flags, files and messages are those of `databricks bundle generate`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click

from brickyard.cli.commands import FlagsAnywhere
from brickyard.cli.completion import resource_keys
from brickyard.cli.failures import Refused, end_gently, say_error
from brickyard.cli.project_options import Chosen, connect, project_options
from brickyard.cli.usage import WrongFlags

if TYPE_CHECKING:
    from brickyard.deploy import Project
    from brickyard.deploy.generate import Generated, Places
    from brickyard.deploy.generate.documents import Kind

Command = TypeVar("Command", bound=Callable[..., Any])

KEY = click.option("--key", default="", metavar="KEY", help="Key of the resource in the bundle.")
FORCE = click.option("-f", "--force", is_flag=True, help="Overwrite files that are there.")
BIND = click.option(
    "-b", "--bind", is_flag=True, help="Let the bundle manage the object from now on."
)
CONFIG_DIR = click.option(
    "-d",
    "--config-dir",
    default="resources",
    show_default=True,
    metavar="FOLDER",
    help="Where the configuration goes.",
)


def source_dir(default: str) -> Callable[[Command], Command]:
    return click.option(
        "-s",
        "--source-dir",
        default=default,
        show_default=True,
        metavar="FOLDER",
        help="Where downloaded files go.",
    )


@click.group(cls=FlagsAnywhere)
def generate() -> None:
    """Write configuration, and the files it needs, for objects that exist already."""


@generate.command()
@click.option(
    "--existing-job-id", type=int, required=True, metavar="ID", help="The job to write down."
)
@KEY
@CONFIG_DIR
@source_dir("src")
@FORCE
@BIND
@click.option(
    "--download-spark-python-files",
    is_flag=True,
    help="Download the Python files of Spark Python tasks too.",
)
@project_options
def job(
    chosen: Chosen, *, existing_job_id: int, download_spark_python_files: bool, **rest: Any
) -> None:
    """Write configuration for a job, and download its notebooks.

    A job whose source is a Git repository keeps its paths, and nothing is downloaded.
    """
    from brickyard.deploy.generate import generate_job

    _generate(
        chosen,
        lambda project, places: generate_job(
            project.workspace,
            existing_job_id,
            places,
            with_python_files=download_spark_python_files,
        ),
        **rest,
    )


@generate.command()
@click.option(
    "--existing-pipeline-id", required=True, metavar="ID", help="The pipeline to write down."
)
@KEY
@CONFIG_DIR
@source_dir("src")
@FORCE
@BIND
@project_options
def pipeline(chosen: Chosen, *, existing_pipeline_id: str, **rest: Any) -> None:
    """Write configuration for a pipeline, and download its libraries and its root folder."""
    from brickyard.deploy.generate import generate_pipeline

    _generate(
        chosen,
        lambda project, places: generate_pipeline(project.workspace, existing_pipeline_id, places),
        **rest,
    )


@generate.command()
@click.option("--existing-app-name", required=True, metavar="NAME", help="The app to write down.")
@KEY
@CONFIG_DIR
@source_dir("src/app")
@FORCE
@BIND
@project_options
def app(chosen: Chosen, *, existing_app_name: str, **rest: Any) -> None:
    """Write configuration for an app, and download what it was last deployed from."""
    from brickyard.deploy.generate import generate_app

    _generate(
        chosen,
        lambda project, places: generate_app(project.workspace, existing_app_name, places),
        **rest,
    )


@generate.command()
@click.option("--existing-id", required=True, metavar="ID", help="The alert to write down.")
@KEY
@CONFIG_DIR
@source_dir("src")
@FORCE
@project_options
def alert(
    chosen: Chosen, *, existing_id: str, config_dir: str, source_dir: str, **rest: Any
) -> None:
    """Write configuration for a SQL alert, and download its definition.

    Relative folders are below the bundle's root.
    """
    from brickyard.deploy.generate import generate_alert

    _generate(
        chosen,
        lambda project, places: generate_alert(project.workspace, existing_id, places),
        config_dir=config_dir,
        source_dir=source_dir,
        below_root=True,
        bind=False,
        **rest,
    )


RESOURCE_DIR = click.option(
    "-d",
    "--resource-dir",
    default="resources",
    show_default=True,
    metavar="FOLDER",
    help="Where the configuration goes.",
)
WATCH = click.option(
    "--watch", is_flag=True, help="With --resource: go on, and write whenever it has changed."
)


def document_dir(name: str) -> Callable[[Command], Command]:
    return click.option(
        "-s",
        f"--{name}-dir",
        "source_dir",
        default="src",
        show_default=True,
        metavar="FOLDER",
        help="Where the document goes.",
    )


def resource_option(kind: str) -> Callable[[Command], Command]:
    return click.option(
        "--resource",
        metavar="KEY",
        shell_complete=lambda ctx, _, incomplete: resource_keys(ctx, incomplete, kind=kind),
        help="Write the document of this resource of the bundle, as it is in the workspace now.",
    )


@generate.command()
@click.option("--existing-path", metavar="PATH", help="The dashboard to write down, by its path.")
@click.option("--existing-id", metavar="ID", help="The dashboard to write down.")
@resource_option("dashboards")
@KEY
@RESOURCE_DIR
@document_dir("dashboard")
@FORCE
@BIND
@WATCH
@project_options
def dashboard(
    chosen: Chosen,
    *,
    existing_path: str | None,
    existing_id: str | None,
    resource: str | None,
    watch: bool,
    resource_dir: str,
    **rest: Any,
) -> None:
    """Write configuration for a dashboard, and its document.

    Relative folders are below the bundle's root. With `--resource`, only the document is written,
    to the file that the resource names.
    """
    given = {"existing-path": existing_path, "existing-id": existing_id, "resource": resource}
    only_one_of(given, required=list(given))
    only_one_of({"watch": watch, "existing-path": existing_path})
    only_one_of({"watch": watch, "existing-id": existing_id})
    only_one_of({"bind": rest["bind"], "resource": resource})
    from brickyard.deploy.generate import DASHBOARD, dashboard_at, generate_document

    if resource:
        _follow(chosen, DASHBOARD, resource, force=rest["force"], watch=watch)
        return

    def make(project: Project, places: Places) -> Generated:
        id = dashboard_at(project.workspace, existing_path) if existing_path else existing_id
        return generate_document(project, DASHBOARD, str(id), places)

    _generate(chosen, make, config_dir=resource_dir, below_root=True, **rest)


@generate.command(name="genie-space")
@click.option("--existing-id", metavar="ID", help="The Genie space to write down.")
@resource_option("genie_spaces")
@KEY
@RESOURCE_DIR
@document_dir("genie-space")
@FORCE
@BIND
@WATCH
@project_options
def genie_space(
    chosen: Chosen,
    *,
    existing_id: str | None,
    resource: str | None,
    watch: bool,
    resource_dir: str,
    **rest: Any,
) -> None:
    """Write configuration for a Genie space, and its document.

    Relative folders are below the bundle's root. With `--resource`, only the document is written,
    to the file that the resource names.
    """
    given = {"existing-id": existing_id, "resource": resource}
    if not any(given.values()):
        only_one_of({}, required=list(given))
    only_one_of({"watch": watch, "existing-id": existing_id})
    only_one_of({"bind": rest["bind"], "resource": resource})
    from brickyard.deploy.generate import GENIE_SPACE, generate_document

    if resource:
        _follow(chosen, GENIE_SPACE, resource, force=rest["force"], watch=watch)
        return
    _generate(
        chosen,
        lambda project, places: generate_document(project, GENIE_SPACE, str(existing_id), places),
        config_dir=resource_dir,
        below_root=True,
        **rest,
    )


def _follow(chosen: Chosen, kind: Kind, key: str, *, force: bool, watch: bool) -> None:
    import time

    from brickyard.cli.live import say
    from brickyard.deploy.generate import Cannot, follower

    project = connect(chosen, quiet=True)
    try:
        following = follower(project, kind, key, force=force, say=say)
        if not watch:
            following.take()
            return
        end_gently()
        with suppress(KeyboardInterrupt):
            following.follow(lambda error: say_error(f"{error}; trying again"), time.sleep)
    except Cannot as fault:
        raise Refused(str(fault)) from fault


def _generate(
    chosen: Chosen,
    make: Callable[[Project, Places], Generated],
    *,
    key: str,
    config_dir: str,
    source_dir: str,
    force: bool,
    bind: bool,
    below_root: bool = False,
) -> None:
    from brickyard.cli.live import say
    from brickyard.cli.project_options import reach_project
    from brickyard.deploy.generate import Cannot, Places

    project = reach_project(chosen)
    base = project.root if below_root else Path()
    places = Places(
        config_dir=base / config_dir, source_dir=base / source_dir, force=force, say=say, key=key
    )
    try:
        made = make(project, places)
    except Cannot as fault:
        raise Refused(str(fault)) from fault
    warn_if_left_out(project, made.path)
    if bind:
        bind_generated(chosen, made)


def warn_if_left_out(project: Project, path: Path) -> None:
    """Say so when no `include` takes the file in."""
    from brickyard.cli.diagnostics import show_diagnostics
    from brickyard.deploy.disk import DiskFiles
    from brickyard.deploy.generate import is_included, not_included

    if not is_included(project, path):
        show_diagnostics([not_included(project, path)], DiskFiles(project.root))


def bind_generated(chosen: Chosen, made: Generated) -> None:
    """Bind the object to the resource just written; its file has to be included."""
    from brickyard.cli.deployment_commands import bind_resource

    bind_resource(chosen, made.key, made.id, auto_approve=True, force_lock=False)


def only_one_of(given: Mapping[str, object], *, required: Sequence[str] = ()) -> None:
    """Refuse two options that exclude each other, or none of those of which one is needed."""
    chosen = [name for name, value in given.items() if value]
    if len(chosen) > 1:
        group, both = " ".join(given), " ".join(sorted(chosen))
        raise WrongFlags(
            f"if any flags in the group [{group}] are set none of the others can be;"
            f" [{both}] were all set"
        )
    if required and not chosen:
        group = " ".join(required)
        raise WrongFlags(f"at least one of the flags in the group [{group}] is required")

"""`init`: a new project from a template."""

from __future__ import annotations

import json
import os
import re
import sys
from collections.abc import Callable, Mapping
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from brickyard.bundle.json_faults import json_words
from brickyard.cli.dialect import is_official
from brickyard.cli.failures import Refused
from brickyard.cli.project_options import OUTPUT, PROFILE, accepting_shared
from brickyard.templates import (
    BUILT_IN,
    SCHEMA,
    BadAnswer,
    BadTemplate,
    NoTemplate,
    ProjectExists,
    Question,
    Renderer,
    Surroundings,
    TemplateFault,
    TemplateRefuses,
    TemplateSchema,
    accepted,
    collect,
    opened,
    read_files,
    read_schema,
    render_project,
    write_project,
)

if TYPE_CHECKING:
    from brickyard.deploy import Workspace

NO_ENTRY = re.compile(r'map has no entry for key "(.*)"')
CI_PROVIDER = "ci_provider"  # the question of our own templates
FAULTS = (BadAnswer, BadTemplate, NoTemplate, ProjectExists, TemplateFault, TemplateRefuses)


@click.command()
@accepting_shared
@click.argument("template", required=False)
@click.option("--config-file", help="Answers, as a JSON object.")
@click.option("--template-dir", default="", help="Folder of the template inside the repository.")
@click.option("--output-dir", default=".", help="Where to put the project.")
@click.option("--tag", default="", help="Git tag of the template.")
@click.option("--branch", default="", help="Git branch of the template.")
@PROFILE
@OUTPUT
def init(
    template: str | None,
    config_file: str | None,
    template_dir: str,
    output_dir: str,
    tag: str,
    branch: str,
    profile: str | None,
    output: str,
) -> None:
    """Start a project from TEMPLATE: a name, a folder, or the address of a Git repository."""
    if tag and branch:
        raise Refused("only one of --tag or --branch can be specified")
    can_ask = sys.stdin.isatty() and sys.stderr.isatty()
    chosen = template or _choose(can_ask)
    given = answers_of(config_file)
    try:
        with opened(chosen, inside=template_dir, tag=tag, branch=branch) as folder:
            target = Path(output_dir)
            around = surroundings_of(profile)
            made = _make(folder, target, given, around, can_ask=can_ask, file=config_file or "")
    except FAULTS as fault:
        raise Refused(_said(fault)) from fault
    if output == "json":
        root = target.resolve()
        names = sorted(path.resolve().relative_to(root).as_posix() for path in made)
        click.echo(json.dumps({"outputs": names}, indent=2))


def _said(fault: Exception) -> str:
    """What went wrong; of a template's text what the official CLI says of it, then the place."""
    if not isinstance(fault, TemplateFault):
        return _without_hint(str(fault))
    where = f"failed to compute file content for {fault.file}. " if fault.file else ""
    missing = NO_ENTRY.search(fault.message)
    if missing is not None:
        said = f'variable "{missing[1]}" not defined'
        return _without_hint(f"{where}{said}\n\n{fault.at}: nothing is asked for it.")
    if not is_official():
        return f"{where}{fault}"
    in_library = fault.at.file.startswith("library/")
    name = fault.at.file.rpartition("/")[2] if in_library else ""
    if not fault.text:
        place = f"{fault.at.line}:{fault.at.column - 1}"
        return f"{where}template: {name}:{place}: {fault.message}"
    shown = fault.text if "\n" not in fault.text.rstrip("\n") else fault.at.file
    begun = "" if in_library else f"error in {shown}: "
    return f"{where}{begun}template: {name}:{fault.at.line}: {fault.message}"


def _without_hint(text: str) -> str:
    """Below `bundle` the first line alone, which is the official CLI's."""
    return text.partition("\n\n")[0] if is_official() else text


def _make(
    folder: Path,
    target: Path,
    given: Mapping[str, Any],
    around: Surroundings,
    *,
    can_ask: bool,
    file: str = "",
) -> list[Path]:
    written = folder / SCHEMA
    if not written.is_file():
        raise NoTemplate(
            f"not a bundle template: expected to find a template schema file at {SCHEMA}\n\n"
            f"There is none in {folder}, and no template of that name comes along."
        )
    schema = read_schema(written.read_bytes(), SCHEMA)
    source = folder / schema.template_dir if schema.template_dir else folder
    if not source.is_dir():
        raise NoTemplate(f"template directory {Path(os.path.normpath(source))} not found")
    renderer = Renderer(around)
    files = read_files(source)
    renderer.learn(files)
    if schema.welcome:
        click.echo(renderer.text(schema.welcome, "welcome_message", {}), err=True)

    def render(text: str, name: str, answers: Mapping[str, Any]) -> str:
        return renderer.text(text, f"{SCHEMA}: {name}", answers)

    try:
        accepted(schema, given)
    except BadAnswer as fault:
        raise BadAnswer(f"failed to load config from file {file}: {fault}") from fault
    answers = collect(
        schema,
        given,
        render=render,
        ask=_asking(schema) if can_ask else None,
        warehouse=around.warehouse_path,
    )
    rendered = render_project(files, answers, renderer)
    made = write_project(rendered, target, _modes(source, rendered.files))
    made += _pipeline(target / str(answers.get("project_name", "")), answers.get(CI_PROVIDER))
    if schema.success:
        click.echo(renderer.text(schema.success, "success_message", answers), err=True)
    elif is_official():
        click.echo("✨ Successfully initialized template", err=True)
    return made


def _pipeline(project: Path, provider: Any) -> list[Path]:
    """The project's CI pipeline, for a template that asks for a provider; a file stays as it is."""
    from brickyard.cicd import PROVIDERS, Provider, render_file
    from brickyard.cli.ci_facts import find_place, gather

    if provider not in list(PROVIDERS):
        return []
    place = find_place(project)
    path = place.file(Provider(provider))
    if path.exists():
        click.echo(f"{path} is there already; `brickyard ci init` writes it for you", err=True)
        return []
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(render_file(Provider(provider), gather(place)), newline="\n")
    return [path]


def _modes(source: Path, names: Mapping[str, bytes]) -> dict[str, int]:
    """Scripts stay scripts: by name, as the name of a folder may have been filled in."""
    runnable = {
        path.name.removesuffix(".tmpl"): path.stat().st_mode & 0o777
        for path in source.rglob("*")
        if path.is_file() and path.stat().st_mode & 0o111
    }
    return {name: runnable[base] for name in names if (base := name.rsplit("/", 1)[-1]) in runnable}


def _choose(can_ask: bool) -> str:
    names = [one.name for one in BUILT_IN]
    if not can_ask:
        raise Refused(
            "prompting is not supported. Please specify the path, name or URL of the template to"
            f" use\n\nNames: {', '.join(names)}."
        )
    for one in BUILT_IN:
        click.echo(f"  {one.name:<16} {one.description}", err=True)
    picked: str = click.prompt("Template", type=click.Choice(names), default=names[0], err=True)
    return picked


def _asking(schema: TemplateSchema) -> Callable[[Question, str, Any], Any]:
    """Prompts; an answer that does not fit is asked for again."""
    from brickyard.templates.inputs import checked

    def ask(question: Question, description: str, default: Any) -> Any:
        while True:
            if question.type == "boolean" and not question.choices:
                answer: Any = click.confirm(description, default=bool(default), err=True)
            elif question.choices:
                kind = click.Choice([str(one) for one in question.choices])
                answer = click.prompt(description, type=kind, default=str(default), err=True)
            else:
                answer = click.prompt(description, default=default, err=True)
            try:
                return checked(schema, question, answer)
            except BadAnswer as fault:
                click.echo(f"Validation failed: {fault}", err=True)

    return ask


def answers_of(config_file: str | None, unread: str = "") -> Mapping[str, Any]:
    """The answers in a file. Raises `Refused` for one that holds none, or is not there."""
    if not config_file:
        return {}
    loading = f"failed to load config from file {config_file}"
    try:
        text = Path(config_file).read_text(encoding="utf-8", errors="replace")
    except OSError as reason:
        raise Refused(f"{unread or loading}: {_unread(config_file, reason)}") from reason
    try:
        found = json.loads(text)
    except json.JSONDecodeError as fault:
        raise Refused(f"{loading}: {json_words(text, fault)}") from fault
    if found is None:
        return {}
    if not isinstance(found, dict):
        kind = {list: "array", str: "string", bool: "bool"}.get(type(found), "number")
        said = f"json: cannot unmarshal {kind} into Go value of type map[string]interface {{}}"
        raise Refused(_without_hint(f"{loading}: {said}\n\nAnswers are a JSON object."))
    return found


def _unread(name: str, reason: OSError) -> str:
    """Why a file could not be read, as Go says it."""
    verb = "read" if isinstance(reason, IsADirectoryError) else "open"
    return f"{verb} {name}: {(reason.strerror or str(reason)).lower()}"


def workspace_of(profile: str | None) -> Workspace:
    """The workspace that the surroundings name, without a bundle; else the embedded one."""
    from brickyard.cli.project_options import start_embedded
    from brickyard.deploy.connect import address, connect
    from brickyard.deploy.embedded import Embedded, home_folder

    where = address(environment_name="dev", settings={}, environment=os.environ, profile=profile)
    embedded = Embedded(home=home_folder(os.environ), start=start_embedded)
    return connect(where, os.environ, embedded)


def surroundings_of(profile: str | None) -> Surroundings:
    """What templates ask of the workspace; nothing is asked unless one does."""

    @cache
    def client() -> Any:
        return workspace_of(profile)

    @cache
    def user() -> Any:
        from brickyard.deploy.project import who_am_i

        return who_am_i(client())

    def catalog() -> str:
        from brickyard.deploy import ApiFailure

        try:
            found = client().get("/api/2.1/unity-catalog/current-metastore-assignment")
        except ApiFailure:
            return ""
        name = str(found.get("default_catalog_name") or "")
        return "" if name == "hive_metastore" else name

    def warehouse() -> str:
        found = client().get("/api/2.0/sql/warehouses").get("warehouses") or ()
        usable = [one for one in found if not str(one.get("state")).startswith("DELET")]
        if not usable:
            raise BadAnswer("no compatible warehouses")
        first = min(usable, key=lambda one: (_readiness(one), str(one.get("name", "")).lower()))
        return f"/sql/1.0/warehouses/{first['id']}"

    def cloud() -> str:
        host = client().host
        return "azure" if "azuredatabricks" in host else "gcp" if ".gcp." in host else "aws"

    named: Callable[[], str] = lambda: user().user_name or user().id  # noqa: E731
    return Surroundings(
        workspace_host=lambda: str(client().host),
        user_name=named,
        short_name=lambda: str(user().short_name),
        is_service_principal=lambda: bool(user().is_service_principal),
        default_catalog=catalog,
        cloud=cloud,
        warehouse_path=warehouse,
        records_history=bool(os.environ.get("DATABRICKS_BUNDLE_INIT_RECORD_DEPLOYMENT_HISTORY")),
    )


def _readiness(warehouse: Mapping[str, Any]) -> int:
    """The sooner it can answer, the lower."""
    states = ("RUNNING", "STARTING", "STOPPED", "STOPPING")
    state = str(warehouse.get("state"))
    return states.index(state) + 1 if state in states else 0

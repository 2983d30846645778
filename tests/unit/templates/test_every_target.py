"""Every template of ours keeps the data policy in every target, whoever looks at it."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date

import pytest
import yaml

from brickyard.bundle import UNKNOWN_USER, CurrentUser, Facts, Resolved, resolve
from brickyard.policy import Git, PolicyReport, check
from brickyard.release import FILE, read_settings
from brickyard.templates import (
    BUILT_IN,
    SCHEMA,
    Renderer,
    Surroundings,
    collect,
    opened,
    read_files,
    read_schema,
    render_project,
)

LOCAL = [one.name for one in BUILT_IN if "://" not in one.folder]
DEPLOYER = "e1810f89-d4f7-5943-9973-74cd534a8711"
CALLERS = (UNKNOWN_USER, "somebody@example.com", DEPLOYER)


def project(template: str, **answers: str) -> dict[str, bytes]:
    """The files of a project named `shop`."""
    around = Surroundings(
        workspace_host=lambda: "",
        user_name=lambda: "somebody@example.com",
        short_name=lambda: "somebody",
        is_service_principal=lambda: False,
        default_catalog=lambda: "",
        cloud=lambda: "azure",
    )
    with opened(template) as folder:
        files = read_files(folder)
    fill = Renderer(around)
    given = collect(
        read_schema(files[SCHEMA], SCHEMA),
        {"project_name": "shop", **answers},
        render=fill.text,
        ask=None,
    )
    made = render_project(files, given, fill)
    return {name.removeprefix("shop/"): text for name, text in made.files.items()}


def checked(
    files: Mapping[str, bytes], target: str, caller: str, branch: str = "main"
) -> tuple[Resolved, PolicyReport]:
    facts = Facts(user=CurrentUser(user_name=caller), host="https://workspace.example.com")
    resolved = resolve(files, facts=facts, target=target, variables={})
    report = check(
        resolved,
        files,
        sources=tuple(name for name in files if not name.startswith("tests/")),
        settings=read_settings(files.get(FILE)).plain,
        git=Git(branch=branch),
        today=date(2026, 11, 28),
    )
    return resolved, report


@pytest.mark.parametrize("template", LOCAL)
def test_every_target_keeps_every_rule_whoever_deploys(template: str) -> None:
    files = project(template)
    targets = list(yaml.safe_load(files["databricks.yml"])["targets"])
    assert {"dev", "prod"} <= set(targets)
    for target in targets:
        for caller in CALLERS:
            resolved, report = checked(files, target, caller)
            about = f"{template} {target} as {caller}"
            assert list(resolved.resources) or template == "pydabs", about
            assert [f"{one.file}:{one.line} {one.rule}" for one in report.broken] == [], about
            unsure = [one for one in report.findings if one.verdict == "unknown"]
            assert [f"{one.file}:{one.line} {one.reason}" for one in unsure] == [], about


@pytest.mark.parametrize("template", LOCAL)
def test_production_runs_as_the_service_principal_that_was_named(template: str) -> None:
    mine = "01234567-89ab-4cde-8f01-23456789abcd"
    files = project(template, prod_deployer=mine)
    resolved, _ = checked(files, "prod", mine)
    folder = resolved.tree.get("workspace.root_path")
    run_as = resolved.tree.get("run_as.service_principal_name")
    assert folder is not None
    assert run_as is not None
    assert folder.text == f"/Workspace/Users/{mine}/.bundle/shop/prod"
    assert run_as.text == mine


def test_the_test_would_see_a_personal_folder() -> None:
    """What the rule is for: the folder of whoever happens to deploy."""
    files = project("empty")
    text = files["databricks.yml"].decode()
    personal = text.replace("${var.deployer}/.bundle", "${workspace.current_user.userName}/.bundle")
    assert personal != text
    files["databricks.yml"] = personal.encode()
    _, report = checked(files, "prod", "somebody@example.com")
    assert [one.rule for one in report.broken] == ["no-personal-paths-in-production"]
    _, unsure = checked(files, "prod", UNKNOWN_USER)
    assert [one.verdict for one in unsure.findings] == ["unknown"]

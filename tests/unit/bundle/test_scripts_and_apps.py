"""Scripts and apps: what they may hold, in the official CLI's words."""

from __future__ import annotations

from bundles import errors, fine, resolved

APP = "resources: {{apps: {{a: {{name: a, {a}}}, b: {{name: b, {b}}}}}}}"
CODE = {"code/app.py": "", "other/app.py": ""}


def app_findings(a: str, b: str = "source_code_path: other") -> list[str]:
    return [one.summary for one in resolved(APP.format(a=a, b=b), files=CODE).diagnostics]


def test_a_script_holds_no_references_and_its_environment_few() -> None:
    text = """
variables: {x: {default: 1}}
scripts:
  a: {content: "echo ${var.x}"}
  b: {content: "echo $X", env: {X: "${resources.jobs.j.id}", Y: "${var.x}"}}
  c: {}
"""
    found = errors(resolved(text))
    assert [(one.path, one.summary.split(";")[0].split(".")[0]) for one in found] == [
        ("scripts.a.content", "Found ${var"),
        ("scripts.b.env.X", "${resources"),
        ("scripts.c.content", "Script c has no content"),
    ]
    assert found[0].locations[0].line == 5


def test_a_script_may_use_the_shells_own_variables() -> None:
    fine(resolved('scripts: {a: {content: "echo ${HOME:-x} $HOME"}}'))


def test_an_app_has_one_source() -> None:
    assert app_findings("description: x") == ["Missing app source code path or git source"]
    both = app_findings("source_code_path: code, git_source: {branch: main}")
    assert both == ["Both source_code_path and git_source fields are set"]
    assert app_findings("source_code_path: code") == []


def test_two_apps_in_one_folder_would_overwrite_each_other() -> None:
    twice = app_findings("source_code_path: code", "source_code_path: ./code")
    assert twice == ["Duplicate app source code path"]


def test_permissions_that_would_take_an_apps_access_away_are_warned_about() -> None:
    text = """
resources:
  jobs:
    j: {name: j, permissions: [{level: CAN_VIEW, group_name: users}%s]}
  apps:
    a:
      name: a
      source_code_path: code
      resources: [{name: j, job: {id: "${resources.jobs.j.id}", permission: CAN_MANAGE_RUN}}]
"""
    found = resolved(text % "", files=CODE).diagnostics
    assert [one.code for one in found] == ["bundle/app-permission"]
    assert "level: CAN_MANAGE_RUN" in found[0].detail
    app = "${resources.apps.a.service_principal_client_id}"
    own = f', {{level: CAN_MANAGE, service_principal_name: "{app}"}}'
    assert not resolved(text % own, files=CODE).diagnostics

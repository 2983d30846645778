"""Rules beyond catalogs: each broken once and kept once, at its place, and only where it counts."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date
from textwrap import dedent
from typing import Any

import pytest

from brickyard.bundle import UNKNOWN_USER, CurrentUser, Facts, resolve
from brickyard.policy import Git, PolicyReport, check
from brickyard.policy.rule_names import (
    BRANCHES,
    MODELS,
    PERSONAL_OWNERS,
    PERSONAL_PATHS,
    PINNED,
    READ_ONLY,
    RULES,
    RUN_AS,
    SECRETS,
    WRITES,
)

PRINCIPAL = "e1810f89-d4f7-5943-9973-74cd534a8711"
TOKEN = "dapi" + "0123456789abcdef" * 2  # the shape of one; opens nothing
HEAD = f"""
    bundle: {{name: b}}
    targets:
      dev: {{default: true}}
      prod:
        workspace: {{root_path: /Workspace/Shared/b}}
        run_as: {{service_principal_name: {PRINCIPAL}}}
"""
JOB = """
    resources:
      jobs:
        j:
          name: j
          tasks:
            - task_key: t
              notebook_task: {notebook_path: main.py}
"""


def report(
    files: Mapping[str, str],
    *,
    target: str = "prod",
    settings: Mapping[str, Any] | None = None,
    git: Git | None = None,
    today: date | None = date(2026, 11, 28),
    user: str = "someone@example.com",
) -> PolicyReport:
    content = {name: dedent(text).encode() for name, text in files.items()}
    resolved = resolve(content, facts=Facts(user=CurrentUser(user_name=user)), target=target,
                       variables={})  # fmt: skip
    assert not resolved.has_errors, resolved.diagnostics
    return check(
        resolved, content, sources=tuple(content), settings=settings or {}, git=git, today=today
    )


def places(found: PolicyReport, rule: str, verdict: str = "violation") -> list[tuple[str, int]]:
    return [(f.file, f.line) for f in found.findings if f.rule == rule and f.verdict == verdict]


def bundle(*parts: str, **files: str) -> dict[str, str]:
    named = {name.replace("__", "/").replace("_dot_", "."): text for name, text in files.items()}
    text = "".join(dedent(part) for part in parts)
    return {
        "databricks.yml": text,
        "main.py": "# Databricks notebook source\nprint(1)\n",
        "task.py": "print(1)\n",
        **named,
    }


# -- (rule, what breaks it: files, line) ----------

PERSONAL_ROOT = HEAD.replace("/Workspace/Shared/b", "/Workspace/Users/someone@example.com/b")
OWNED = """
    permissions:
      - {user_name: someone@example.com, level: CAN_MANAGE}
"""
UNPINNED = """
    resources:
      jobs:
        j:
          name: j
          environments:
            - environment_key: e
              spec:
                environment_version: "2"
                dependencies:
                  - pandas==2.2.3
                  - requests>=2
          tasks:
            - task_key: t
              environment_key: e
              spark_python_task: {python_file: task.py}
"""
MANAGED = """
    permissions:
      - {group_name: data-scientists, level: CAN_MANAGE}
      - {group_name: analysts, level: CAN_VIEW}
"""
SECRET = f"""
    variables:
      key: {{default: {TOKEN}}}
"""
NOBODY = "\n".join(line for line in HEAD.splitlines() if "run_as" not in line) + "\n"
BROKEN = [
    (PERSONAL_PATHS, bundle(PERSONAL_ROOT, JOB), "databricks.yml", 6),
    (PERSONAL_PATHS, bundle(HEAD, JOB, other_dot_py="x = '/Users/a@b.com/x'\n"), "other.py", 1),
    (PERSONAL_OWNERS, bundle(HEAD, OWNED), "databricks.yml", 10),
    (
        RUN_AS,
        bundle(HEAD.split("    run_as", maxsplit=1)[0].rsplit("\n", 1)[0], JOB),
        "databricks.yml",
        10,
    ),
    (PINNED, bundle(HEAD, UNPINNED), "databricks.yml", 19),
    (PINNED, bundle(HEAD, JOB, n_dot_py="%pip install pandas\n"), "n.py", 1),
    (PINNED, bundle(HEAD, JOB, r_dot_py="log(pip_requirements=[f'{name}>=2'])\n"), "r.py", 1),
    (READ_ONLY, bundle(HEAD, MANAGED), "databricks.yml", 10),
    (SECRETS, bundle(HEAD, SECRET), "databricks.yml", 10),
    (SECRETS, bundle(HEAD, JOB, c_dot_py=f"t = '{TOKEN}'\n"), "c.py", 1),
]


@pytest.mark.parametrize(("rule", "files", "file", "line"), BROKEN)
def test_a_rule_is_broken_at_its_place(
    rule: str, files: dict[str, str], file: str, line: int
) -> None:
    found = report(files)
    assert [(place[0], place[1]) for place in places(found, rule)] == [(file, line)]
    assert found.rules()[rule] == "broken"
    assert all(one.fix for one in found.findings)


@pytest.mark.parametrize(("rule", "files", "file", "line"), BROKEN)
def test_rules_about_production_ask_nothing_of_others_and_each_can_be_off(
    rule: str, files: dict[str, str], file: str, line: int
) -> None:
    if rule != SECRETS:
        assert not places(report(files, target="dev"), rule)
    off = report(files, settings={"policy": {"rules": {rule: "off"}}})
    assert not places(off, rule)
    assert off.rules()[rule] == "off"


LOOKED_UP = """\
log_model(pip_requirements=[f"mlflow=={mlflow.__version__}", "pandas==2.3.3"])
log_model(pip_requirements=[f"{one}=={installed(one)}" for one in ("mlflow", "pandas")])
"""


def test_a_good_project_breaks_nothing() -> None:
    pinned = UNPINNED.replace("requests>=2", "requests==2.32.3")
    good = bundle(HEAD, pinned, r_dot_py=LOOKED_UP)
    found = report(good, git=Git(branch="main", tags=("v1",)))
    assert not found.findings
    assert set(found.rules()) == set(RULES)
    assert "broken" not in found.rules().values()


@pytest.mark.parametrize(
    ("git", "state"),
    [
        (Git(branch="main", tags=("v1.2",)), "holds"),
        (Git(branch="try-it", tags=("v1.2",)), "broken"),
        (Git(branch="main", tags=()), "broken"),
        (Git(), "unknown"),
    ],
)
def test_branches_and_tags_are_those_of_the_environment(git: Git, state: str) -> None:
    settings = {"environments": {"prod": {"branches": ["main"], "tags": ["v*"]}}}
    assert report(bundle(HEAD, JOB), settings=settings, git=git).rules()[BRANCHES] == state


def test_a_secret_is_never_shown() -> None:
    found = report(bundle(HEAD, SECRET, main2_dot_py=f"PASSWORD = 'x9Fk2-{TOKEN}'\n"))
    assert len(places(found, SECRETS)) == 2
    assert TOKEN not in str(found.as_json())


@pytest.mark.parametrize(
    "text",
    [
        'token: "${var.token}"',
        'token: "{{secrets/scope/key}}"',
        "token_name: my-special-token-name-1",
        "api_key: your-api-key-goes-here-1",
        "password: example",
    ],
)
def test_what_only_looks_like_a_secret_is_none(text: str) -> None:
    variables = "\n    variables: {token: {default: ''}}\n"
    job = JOB.replace("name: j\n", f"name: j\n          tags: {{{text}}}\n", 1)
    assert not places(report(bundle(HEAD, variables, job)), SECRETS)


def test_a_persona_that_may_write_and_the_deployer_may_change_production() -> None:
    settings = {"environments": {"prod": {"personas": {
        "ds": {"access": "write", "members": ["data-scientists"]}}}}}  # fmt: skip
    assert not places(report(bundle(HEAD, MANAGED), settings=settings), READ_ONLY)
    settings = {"environments": {"prod": {"deployer": "data-scientists"}}}
    assert not places(report(bundle(HEAD, MANAGED), settings=settings), READ_ONLY)


def test_a_model_is_copied_from_another_catalog_only_where_it_is_declared() -> None:
    code = "# Databricks notebook source\nfrom mlflow import MlflowClient\n"
    code += "MlflowClient().copy_model_version('models:/staging.m.a/3', 'prod.m.a')\n"
    files = {**bundle(HEAD, JOB), "main.py": code}
    found = report(files)
    assert [(a.file, a.line) for a in found.accesses if a.rule == MODELS] == [("main.py", 3)]
    assert found.rules()[MODELS] == "broken"
    allowed = report(files, settings={"environments": {"prod": {"models_from": ["staging"]}}})
    assert allowed.rules()[MODELS] == "holds"


def test_only_data_and_secrets_stop_a_deploy_until_a_rule_is_asked_to() -> None:
    settings: dict[str, Any] = {"policy": {"mode": "enforce"}}
    assert not report(bundle(HEAD, MANAGED), settings=settings).blocks
    assert report(bundle(HEAD, SECRET), settings=settings).blocks
    settings["policy"]["rules"] = {READ_ONLY: "enforce"}
    assert report(bundle(HEAD, MANAGED), settings=settings).blocks


# -- exceptions ----------

WRITE = "df.write.saveAsTable('dev.a.b')"


def excepted(comment: str, today: date | None = date(2026, 11, 28)) -> PolicyReport:
    settings = {"policy": {"mode": "enforce"}, "environments": {"prod": {}}}
    files = {**bundle(HEAD, JOB), "main.py": f"# Databricks notebook source\n{comment}\n{WRITE}\n"}
    return report(files, settings=settings, today=today)


GOOD = f"# brickyard: allow {WRITES} until 2026-12-31 because of the migration"


def test_an_exception_with_a_reason_and_an_end_allows_one_place_and_is_listed() -> None:
    found = excepted(GOOD)
    assert not found.blocks
    assert found.rules()[WRITES] == "holds"
    (listed,) = found.as_json()["exceptions"]
    assert (listed["state"], listed["count"]) == ("active", 1)
    assert listed["because"] == "of the migration"
    assert (listed["file"], listed["line"], listed["until"]) == ("main.py", 3, "2026-12-31")
    assert any("of the migration" in a["exception"] for a in found.as_json()["accesses"])


@pytest.mark.parametrize(
    ("comment", "today", "state"),
    [
        (GOOD, date(2027, 1, 1), "expired"),
        (GOOD, None, "expired"),
        (GOOD.split(" because", maxsplit=1)[0], date(2026, 11, 28), "invalid"),
        (GOOD.replace(" until 2026-12-31", ""), date(2026, 11, 28), "invalid"),
        (GOOD.replace(WRITES, "no-such-rule"), date(2026, 11, 28), "invalid"),
    ],
)
def test_one_that_has_ended_or_lacks_something_allows_nothing(
    comment: str, today: date | None, state: str
) -> None:
    found = excepted(comment, today)
    assert found.blocks
    assert [one["state"] for one in found.as_json()["exceptions"]] == [state]


def test_exceptions_of_the_file_go_by_rule_name_and_file() -> None:
    exception = {"rule": WRITES, "name": "dev.a.*", "file": "main.py", "until": "2026-12-31",
                 "because": "x"}  # fmt: skip
    settings = {"policy": {"mode": "enforce", "exceptions": [exception]}}
    files = {**bundle(HEAD, JOB), "main.py": f"# Databricks notebook source\n{WRITE}\n"}
    assert not report(files, settings=settings).blocks
    settings["policy"]["exceptions"] = [{**exception, "name": "dev.other.*"}]
    assert report(files, settings=settings).blocks


def test_an_exception_stands_in_sql_and_yaml_too() -> None:
    sql = f"-- {GOOD[2:]}\nDELETE FROM dev.a.b;\n"
    schema = f"""
    resources:
      schemas:
        s:
          # {GOOD[2:]}
          name: s
          catalog_name: dev
    """
    found = report({**bundle(HEAD, schema), "old.sql": sql})
    assert found.rules()[WRITES] == "holds"
    assert [one["count"] for one in found.as_json()["exceptions"]] == [1, 1]


def test_a_folder_of_whoever_deploys_is_unknown_until_a_workspace_tells_who_that_is() -> None:
    theirs = """
        resources:
          experiments:
            e: {name: "/Users/${workspace.current_user.userName}/e"}
    """
    files = bundle(HEAD, dedent(theirs))
    told = report(files, user="ann@example.com")
    assert places(told, PERSONAL_PATHS) == [("databricks.yml", 11)]
    silent = report(files, user=UNKNOWN_USER)
    assert places(silent, PERSONAL_PATHS) == []
    assert places(silent, PERSONAL_PATHS, "unknown") == [("databricks.yml", 11)]

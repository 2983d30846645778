"""What the official CLI leaves for the service to refuse, found here with its place."""

from __future__ import annotations

import pytest
from bundles import NOTEBOOK, codes, errors, fine, plain, resolved

TASK = "notebook_task: {notebook_path: n.py}"
FILES = {"n.py": NOTEBOOK, "dist/a.whl": "", "x/y.yml": ""}


def job(tasks: str, more: str = "") -> str:
    return f"resources: {{jobs: {{a: {{tasks: [{tasks}], {more}}}}}}}"


def task(key: str, *needs: str, more: str = TASK) -> str:
    return f"{{task_key: {key}, depends_on: [{', '.join(needs)}], {more}}}"


CONDITION = task("c", more='condition_task: {op: EQUAL_TO, left: "1", right: "1"}')
TRUE, FALSE = '{task_key: c, outcome: "true"}', '{task_key: c, outcome: "false"}'


def test_a_task_that_waits_for_both_outcomes_never_runs_nor_does_what_waits_for_it() -> None:
    tasks = [CONDITION, task("both", TRUE, FALSE), task("then", "{task_key: both}")]
    found = resolved(job(", ".join(tasks)), files=FILES).diagnostics
    assert [(one.code, one.path) for one in found] == [
        ("bundle/unreachable-task", "resources.jobs.a.tasks[0]"),
        ("bundle/unreachable-task", "resources.jobs.a.tasks[2]"),
    ]
    assert "waits for both outcomes of `c`" in found[0].detail
    assert "waits for `both`" in found[1].detail


def test_a_task_for_which_one_outcome_is_enough_does_run() -> None:
    either = task("either", TRUE, FALSE, more=f"run_if: AT_LEAST_ONE_SUCCESS, {TASK}")
    assert codes(resolved(job(f"{CONDITION}, {either}"), files=FILES)) == []


@pytest.mark.parametrize(
    "need", ['{task_key: n, outcome: "true"}', "{task_key: c, outcome: maybe}"]
)
def test_outcomes_belong_to_conditions_and_are_two(need: str) -> None:
    tasks = [CONDITION, task("n"), task("z", need)]
    assert codes(resolved(job(", ".join(tasks)), files=FILES)) == ["bundle/task-outcome"]


ENVIRONMENT = 'environments: [{environment_key: e, spec: {client: "2"}}]'
CLUSTER = "job_clusters: [{job_cluster_key: k, new_cluster: {spark_version: 15.4.x-scala2.12}}]"


@pytest.mark.parametrize(
    ("compute", "code"),
    [
        ("environment_key: e, job_cluster_key: k", "bundle/serverless-cluster"),
        ("environment_key: e, libraries: [{pypi: {package: x}}]", "bundle/serverless-libraries"),
        ("existing_cluster_id: c, job_cluster_key: k", "bundle/several-computes"),
    ],
)
def test_a_task_runs_on_one_kind_of_compute(compute: str, code: str) -> None:
    text = job(f"{{task_key: t, {compute}, {TASK}}}", f"{ENVIRONMENT}, {CLUSTER}")
    found = resolved(text, files=FILES).diagnostics
    assert [one.code for one in found] == [code]
    assert found[0].stops_deploy
    assert found[0].locations


def test_a_serverless_pipeline_has_no_clusters() -> None:
    text = "resources: {pipelines: {p: {name: p, serverless: true, clusters: [{num_workers: 1}]}}}"
    assert codes(resolved(text)) == ["bundle/serverless-cluster"]


@pytest.mark.parametrize(
    ("kind", "entries"),
    [
        ("jobs", "{level: IS_OWNER, user_name: a@x}, {level: IS_OWNER, user_name: b@x}"),
        ("pipelines", "{level: IS_OWNER, group_name: g}"),
        ("experiments", "{level: IS_OWNER, user_name: a@x}"),
    ],
)
def test_there_is_one_owner_where_there_is_any(kind: str, entries: str) -> None:
    text = f"resources: {{{kind}: {{a: {{name: a, permissions: [{entries}]}}}}}}"
    found = [one for one in resolved(text).diagnostics if one.code == "bundle/owner"]
    assert len(found) == 1
    assert found[0].stops_deploy
    assert "CAN_MANAGE" in found[0].detail


def test_double_stars_are_explained_where_they_mean_one_star() -> None:
    text = """
include: ["x/**/*.yml"]
artifacts: {w: {build: "true", files: [{source: "dist/**/*.whl"}]}}
sync: {include: ["data/**"]}
resources:
  pipelines: {p: {name: p, libraries: [{notebook: {path: "src/**"}}, {glob: {include: "src/**"}}]}}
"""
    found = [one for one in resolved(text, files=FILES).diagnostics if one.code.endswith("star")]
    assert [one.path for one in found] == [
        "include[0]",
        "artifacts.w.files[0].source",
        "resources.pipelines.p.libraries[0].notebook.path",
    ]
    assert "x/*.yml" in found[0].detail
    assert "glob: {include" in found[2].detail


def test_a_variable_that_nothing_uses_needs_no_value() -> None:
    text = "variables: {x: {description: unused}, xy: {default: 1}}\nresources: {jobs: {a: {%s}}}"
    found = fine(resolved(text % 'name: "${var.xy}"'))
    assert codes(found) == ["bundle/unused-variable"]
    assert plain(found, "resources.jobs.a.name") == "1"
    assert codes(resolved(text % 'name: "${var.x}"')) == ["bundle/no-value"]


def test_a_key_given_twice_is_warned_about_with_both_places() -> None:
    (found,) = resolved("resources: {jobs: {a: {name: x,\n name: y}}}").diagnostics
    assert found.code == "bundle/duplicate-key"
    assert [place.line for place in found.locations] == [3, 2]


def test_a_variable_meant_for_a_shell_is_explained_where_it_fails() -> None:
    text = job('{task_key: t, existing_cluster_id: "${FOO}", notebook_task: {notebook_path: n.py}}')
    (found,) = resolved(text, files=FILES).diagnostics
    assert found.path == "resources.jobs.a.tasks[0].existing_cluster_id"
    assert found.stops_deploy
    assert "for a shell write `${FOO:-}`" in found.detail


WHEEL_TASK = "python_wheel_task: {package_name: x, entry_point: y}, libraries: [{whl: dist/a.whl}]"


@pytest.mark.parametrize(
    ("version", "is_old"),
    [("12.2.x-scala2.12", True), ("13.0.x", True), ("13.3.x-cpu-ml", False), ("13.x", False)],
)
def test_local_libraries_need_a_newer_runtime_or_the_wrapper(version: str, is_old: bool) -> None:
    cluster = f"job_clusters: [{{job_cluster_key: k, new_cluster: {{spark_version: {version}}}}}]"
    text = job(f"{{task_key: t, job_cluster_key: k, {WHEEL_TASK}}}", cluster)
    found = [one.summary for one in resolved(text, files=FILES).diagnostics]
    said = ["job cluster k uses", "Python wheel tasks require"] if is_old else []
    dbr = [one for one in found if "DBR" in one]
    assert len(dbr) == len(said)
    assert all(one.startswith(words) for one, words in zip(sorted(dbr), sorted(said), strict=True))
    wrapped = f"experimental: {{python_wheel_wrapper: true}}\n{text}"
    assert "bundle/old-runtime" not in codes(resolved(wrapped, files=FILES))


def test_what_cannot_run_as_somebody_else_is_named_with_both_ways_out() -> None:
    text = """
run_as: {user_name: other@x}
resources: {apps: {a: {name: a, source_code_path: code}}, jobs: {j: {name: j}}}
"""
    (found,) = errors(resolved(text, files={"code/app.py": ""}))
    assert found.summary.startswith("apps do not support a setting a run_as user that is different")
    assert "deploy as other@x" in found.detail
    assert "move a to a bundle" in found.detail
    assert len(found.locations) == 3


def test_files_of_an_artifact_that_nothing_builds_are_found_at_once() -> None:
    wheels = {f"d/x-1.{n}-py3-none-any.whl": "" for n in (9, 10)}
    text = 'artifacts: {a: {files: [{source: "d/*"}]}, b: {build: "true", files: [{source: q/*}]}}'
    found = fine(resolved(text, files={**wheels, "d/y.jar": ""}))
    sources = [file["source"] for file in plain(found, "artifacts.a.files")]
    assert sources == ["/bundle/d/x-1.10-py3-none-any.whl", "/bundle/d/y.jar"]
    assert plain(found, "artifacts.b.files") == [{"source": "/bundle/q/*"}]
    (missing,) = errors(resolved("artifacts: {a: {files: [{source: nix/*.whl}]}}"))
    assert missing.summary == "nix/*.whl: no matching files"
    assert missing.path == "artifacts.a.files[0].source"


def test_local_libraries_of_an_environment_count_for_all_tasks_of_its_job() -> None:
    needs = "environments: [{environment_key: e, spec: {dependencies: [./dist/a.whl]}}]"
    old = "{task_key: t, new_cluster: {spark_version: 12.2.x}, notebook_task: {notebook_path: /n}}"
    assert codes(resolved(job(old, needs), files=FILES)).count("bundle/old-runtime") == 2
    assert "bundle/old-runtime" not in codes(resolved(job(old), files=FILES))

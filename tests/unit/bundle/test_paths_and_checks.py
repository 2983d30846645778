"""Local paths, libraries, artifacts, and what the service would refuse."""

from __future__ import annotations

import json

import pytest
from bundles import NOTEBOOK, codes, errors, fine, plain, resolved

from brickyard.bundle import Resolved, nodes, references, resolved_json
from brickyard.bundle.job_checks import find_circle
from brickyard.bundle.schedules import cron_problem
from brickyard.values import Severity

FILES = "/Workspace/Users/jane.doe@x.com/.bundle/shop/default/files"


def job(task: str, more: str = "") -> str:
    return f"resources: {{jobs: {{a: {{tasks: [{{task_key: t, {task}}}], {more}}}}}}}"


def task_of(found: Resolved) -> dict[str, dict[str, str]]:
    return plain(found, "resources.jobs.a.tasks[0]")  # type: ignore[no-any-return]


def test_a_notebook_becomes_a_workspace_path_without_its_extension() -> None:
    text = job("notebook_task: {notebook_path: ./src/n.py}")
    found = fine(resolved(text, files={"src/n.py": NOTEBOOK}))
    assert task_of(found)["notebook_task"] == {"notebook_path": f"{FILES}/src/n"}


JUPYTER = '{"cells": [], "metadata": {}, "nbformat": 4, "nbformat_minor": 5}'


def test_a_path_counts_from_the_file_that_holds_it() -> None:
    files = {"resources/j.yml": job("notebook_task: {notebook_path: ../src/n.ipynb}")}
    found = fine(resolved("include: [resources/*.yml]", files={**files, "src/n.ipynb": JUPYTER}))
    assert task_of(found)["notebook_task"]["notebook_path"] == f"{FILES}/src/n"


def test_a_path_that_is_a_variable_counts_from_where_it_is_used() -> None:
    task = "notebook_task: {notebook_path: '${var.path}'}"
    files = {"resources/j.yml": job(task), "src/n.py": NOTEBOOK}
    text = """
include: [resources/*.yml]
variables: {path: {default: ../src/n.py}}
"""
    found = fine(resolved(text, files=files))
    assert task_of(found)["notebook_task"]["notebook_path"] == f"{FILES}/src/n"


def test_a_path_inside_a_variable_counts_from_where_it_is_written() -> None:
    files = {"resources/j.yml": job("notebook_task: '${var.task}'"), "src/n.py": NOTEBOOK}
    text = """
include: [resources/*.yml]
variables: {task: {type: complex, default: {notebook_path: src/n.py}}}
"""
    found = fine(resolved(text, files=files))
    assert task_of(found)["notebook_task"]["notebook_path"] == f"{FILES}/src/n"


@pytest.mark.parametrize(
    ("task", "code"),
    [
        ("notebook_task: {notebook_path: ./nope.py}", "bundle/missing-notebook"),
        ("notebook_task: {notebook_path: ./src/plain.py}", "bundle/not-a-notebook"),
        (
            "existing_cluster_id: c, spark_python_task: {python_file: src/n.py}",
            "bundle/is-a-notebook",
        ),
        (
            "existing_cluster_id: c, spark_python_task: {python_file: src/x.py}",
            "bundle/missing-file",
        ),
        ("existing_cluster_id: c, dbt_task: {project_directory: dbt}", "bundle/missing-folder"),
        ("sql_task: {file: {path: out.sql}}", "bundle/missing-file"),
        ("sql_task: {file: {path: ../out.sql}}", "bundle/outside-sync-root"),
        ("notebook_task: {notebook_path: src}", "bundle/is-a-folder"),
    ],
)
def test_a_path_that_leads_nowhere_is_an_error_with_its_place(task: str, code: str) -> None:
    files = {"src/plain.py": "x = 1", "src/n.py": NOTEBOOK}
    (problem,) = errors(resolved(job(task), files=files))
    assert problem.code == code
    assert problem.locations[0].line == 2


def test_a_notebook_written_without_its_extension_is_explained() -> None:
    text = job("notebook_task: {notebook_path: src/n}")
    (problem,) = errors(resolved(text, files={"src/n.py": NOTEBOOK}))
    assert "src/n.py" in problem.detail


def test_files_outside_the_bundle_must_be_uploaded() -> None:
    text = job("notebook_task: {notebook_path: ../shared/n.py}")
    files = {"../shared/n.py": NOTEBOOK}
    assert codes(resolved(text, files=files)) == ["bundle/outside-sync-root"]
    wider = f"sync: {{paths: [../shared, .]}}\n{text}"
    found = fine(resolved(wider, files=files, root="/home/jane/shop"))
    assert found.sync.root == ".."
    assert found.sync.paths == ("shared", "shop")
    assert task_of(found)["notebook_task"]["notebook_path"] == f"{FILES}/shared/n"


@pytest.mark.parametrize(
    "path", ["/Workspace/x/n", "${resources.volumes.v.id}/x", "dbfs:/x/n", "s3://b/n"]
)
def test_paths_that_are_not_local_stay(path: str) -> None:
    task = f"existing_cluster_id: c, spark_python_task: {{python_file: '{path}'}}"
    text = job(task) + "\n"
    found = resolved(text)
    assert task_of(found)["spark_python_task"]["python_file"] == path


def test_tasks_from_git_keep_their_paths() -> None:
    source = "git_source: {git_url: https://x, git_provider: gitHub, git_branch: main}"
    fine(resolved(job("notebook_task: {notebook_path: src/n}", source)))


@pytest.mark.parametrize(
    ("dependency", "made", "source"),
    [
        ("./dist/*.whl", "./dist/*.whl", "dist/*.whl"),
        ("dist/a.whl[x,y]", "./dist/a.whl[x,y]", "dist/a.whl"),
        ("pandas>=2,<3", "pandas>=2,<3", None),
        ("a[b]==1 ; python_version > '3'", "a[b]==1 ; python_version > '3'", None),
        ("x @ https://h/x.whl", "x @ https://h/x.whl", None),
        ("/Volumes/a/b/x.whl", "/Volumes/a/b/x.whl", None),
        ("--index-url https://h", "--index-url https://h", None),
        ("-r requirements.txt", f"-r {FILES}/requirements.txt", None),
    ],
)
def test_dependencies_are_told_apart(dependency: str, made: str, source: str | None) -> None:
    need = json.dumps(dependency)
    more = f"environments: [{{environment_key: e, spec: {{dependencies: [{need}]}}}}]"
    task = "environment_key: e, python_wheel_task: {package_name: p, entry_point: m}"
    found = fine(resolved(job(task, more), files={"requirements.txt": "x"}))
    assert plain(found, "resources.jobs.a.environments[0].spec.dependencies") == [made]
    assert [library.source for library in found.libraries] == ([source] if source else [])


def test_a_local_library_with_a_setup_file_is_built() -> None:
    text = job(
        "existing_cluster_id: c, python_wheel_task: {package_name: p, entry_point: m},"
        " libraries: [{whl: dist/*.whl}]"
    )
    found = fine(resolved(text, files={"setup.py": ""}))
    assert plain(found, "artifacts.python_artifact") == {
        "type": "whl",
        "path": "/bundle",
        "build": "python3 setup.py bdist_wheel",
        "files": [{"source": "/bundle/dist/*.whl"}],
    }


@pytest.mark.parametrize(
    ("text", "code"),
    [
        (job("notebook_task: {notebook_path: /n}, job_cluster_key: k"), "unknown-job-cluster-key"),
        (job("notebook_task: {notebook_path: /n}, environment_key: k"), "unknown-environment-key"),
        (job("notebook_task: {notebook_path: /n}, depends_on: [{task_key: z}]"), "unknown-task"),
        (job("notebook_task: {notebook_path: /n}, depends_on: [{task_key: t}]"), "task-circle"),
        (job("max_retries: 1"), "task-kinds"),
        (job("notebook_task: {notebook_path: /n}, run_job_task: {job_id: 1}"), "task-kinds"),
        ("resources: {jobs: {a: {name: '${resources.jobs.b.id}'}}}", "unknown-resource"),
        (
            "resources: {jobs: {a: {schedule: {quartz_cron_expression: 0 0 * * *}}}}",
            "cron",
        ),
        ("resources: {jobs: {a: {continuous: {}, schedule: {}}}}", "no-cron"),
    ],
)
def test_what_the_service_would_refuse_is_said_here_and_not_deployed(text: str, code: str) -> None:
    refused = [one for one in fine(resolved(text)).diagnostics if one.stops_deploy]
    assert f"bundle/{code}" in [one.code for one in refused]
    assert all(one.severity is Severity.WARNING and one.detail for one in refused)


def test_a_task_with_nothing_to_run_on_is_an_error() -> None:
    (problem,) = errors(resolved(job("spark_python_task: {python_file: /x.py}")))
    assert problem.code == "bundle/no-compute"
    assert problem.path == "resources.jobs.a.tasks[0]"


@pytest.mark.parametrize(
    ("text", "place"),
    [
        ("resources: {schemas: {s: {name: s}}}", "resources.schemas.s"),
        (
            "resources: {jobs: {a: {tasks: [{run_job_task: {job_id: 1}}]}}}",
            "resources.jobs.a.tasks[0]",
        ),
        ("resources: {postgres_roles: {r: {role_id: r}}}", "resources.postgres_roles.r"),
    ],
)
def test_a_missing_field_is_warned_about_at_what_it_is_missing_in(text: str, place: str) -> None:
    codes = ("bundle/required-field", "bundle/empty-key")
    found = fine(resolved(text)).diagnostics
    assert place in [one.path for one in found if one.code in codes]


def test_a_pipelines_only_cluster_has_a_label() -> None:
    found = resolved("resources: {pipelines: {p: {name: p, clusters: [{num_workers: 1}]}}}")
    (cluster,) = plain(found, "resources.pipelines.p.clusters")
    assert cluster == {"label": "default", "num_workers": 1}


def test_what_a_deployment_sets_is_found_after_what_is_missing() -> None:
    text = "resources: {jobs: {a: {health: {rules: [{}]}, deployment: {deployment_id: x}}}}"
    found = [one.code for one in resolved(text).diagnostics]
    assert found.index("bundle/required-field") < found.index("bundle/set-by-deploy")


def endpoint(config: str) -> str:
    return f"resources: {{model_serving_endpoints: {{m: {{name: m, config: {config}}}}}}}"


def with_traffic(name: str, percentage: int) -> str:
    route = f"{{served_model_name: {name}, traffic_percentage: {percentage}}}"
    entity = "{entity_name: a.b.c, entity_version: 1}"
    return f"{{served_entities: [{entity}], traffic_config: {{routes: [{route}]}}}}"


@pytest.mark.parametrize(
    ("config", "found"),
    [
        (with_traffic("c-1", 100), []),
        ("{served_entities: [{entity_name: a.b.c}]}", ["bundle/served-entity"]),
        ("{served_entities: [{entity_version: 1}]}", ["bundle/served-entity"]),
        (with_traffic("c-1", 90), ["bundle/traffic"]),
        (with_traffic("c-2", 100), ["bundle/traffic"]),
    ],
)
def test_an_endpoint_serves_versions_and_all_traffic(config: str, found: list[str]) -> None:
    assert codes(resolved(endpoint(config))) == found


def test_served_models_is_the_old_name_of_served_entities() -> None:
    old = "{served_models: [{model_name: a.b.c, model_version: '1'}]}"
    found = fine(resolved(endpoint(old)))
    assert codes(found) == ["bundle/served-models"]
    assert plain(found, "resources.model_serving_endpoints.m.config") == {
        "served_entities": [{"entity_name": "a.b.c", "entity_version": "1"}]
    }


@pytest.mark.parametrize(
    ("text", "is_valid"),
    [
        ("0 0 6 * * ?", True),
        ("0 0/15 * ? * MON-FRI", True),
        ("0 0 0 L * ?", True),
        ("0 0 12 ? * 2#1 2030", True),
        ("44 37 8 * * ?", True),
        ("0 6 * * *", False),
        ("0 0 25 * * ?", False),
        ("0 0 6 * * *", False),
        ("0 0 6 ? * ?", False),
        ("a b c d e !", False),
    ],
)
def test_cron_expressions_are_looked_at(text: str, is_valid: bool) -> None:
    assert (cron_problem(text) == "") is is_valid


def test_a_circle_is_found_and_a_diamond_is_none() -> None:
    assert find_circle({"a": ("b", "c"), "b": ("d",), "c": ("d",), "d": ()}) == ()
    assert find_circle({"a": ("b",), "b": ("c",), "c": ("b",)}) == ("b", "c", "b")


def test_nodes_are_resources_with_their_permissions_and_grants() -> None:
    text = """
permissions: [{level: CAN_VIEW, group_name: g}]
resources:
  jobs: {a: {tasks: [], name: "${resources.schemas.s.name}x"}}
  schemas: {s: {catalog_name: c, name: s, grants: [{principal: p, privileges: [SELECT]}]}}
"""
    found = fine(resolved(text))
    assert [node.address for node in nodes(found)] == [
        "resources.jobs.a",
        "resources.jobs.a.permissions",
        "resources.schemas.s",
        "resources.schemas.s.grants",
    ]
    (reference,) = references(nodes(found)[0].value)
    assert (reference.path, reference.address, reference.field) == (
        "name",
        "resources.schemas.s",
        "name",
    )
    assert not reference.is_whole


def test_json_is_sorted_escaped_and_without_targets() -> None:
    found = fine(resolved("targets: {t: {}}\nresources: {jobs: {a: {name: 'a<b & c', tasks: []}}}"))
    text = resolved_json(found)
    assert '"name": "a\\u003cb \\u0026 c"' in text
    tree = json.loads(text)
    assert list(tree) == sorted(tree)
    assert "targets" not in tree
    assert tree["bundle"]["target"] == tree["bundle"]["environment"] == "t"
    assert tree["workspace"]["current_user"]["short_name"] == "jane_doe"
    assert tree["sync"]["paths"] == ["."]


def test_paths_that_lead_nowhere_are_named_as_the_official_cli_does() -> None:
    def said(task: str, **files: bytes) -> str:
        return errors(resolved(job(task), files={"n.py": NOTEBOOK, "x.py": "", **files}))[0].summary

    assert said("notebook_task: {notebook_path: ./nope.py}") == "notebook nope.py not found"
    without = said("notebook_task: {notebook_path: n}")
    assert without.startswith('notebook "n" not found. Did you mean "n.py"?')
    path = "resources.jobs.a.tasks[0].notebook_task.notebook_path"
    assert said("notebook_task: {notebook_path: x.py}") == (
        f'expected a notebook for "{path}" but got a file: file at /bundle/x.py is not a notebook'
    )
    outside = said("notebook_task: {notebook_path: ../n.py}", **{"../n.py": NOTEBOOK})
    assert outside == "path /n.py is not contained in sync root path"


def test_patterns_of_a_pipelines_sources_become_one_entry_each() -> None:
    text = """
resources: {pipelines: {p: {name: p, libraries: [
  {notebook: {path: "./src/*.py"}}, {file: {path: a.sql}}, {glob: {include: "src/**"}}]}}}
"""
    files = {"src/a.py": NOTEBOOK, "src/b.py": NOTEBOOK, "a.sql": ""}
    assert plain(fine(resolved(text, files=files)), "resources.pipelines.p.libraries") == [
        {"notebook": {"path": f"{FILES}/src/a"}},
        {"notebook": {"path": f"{FILES}/src/b"}},
        {"file": {"path": f"{FILES}/a.sql"}},
        {"glob": {"include": f"{FILES}/src/**"}},
    ]


def test_patterns_count_from_the_root_of_the_upload_when_that_lies_above_the_bundle() -> None:
    text = 'sync: {paths: [../common, ./src], exclude: ["*.log"]}'
    found = fine(resolved(text, files={"src/a.py": ""}, root="/home/b"))
    assert plain(found, "sync") == {"paths": ["common", "b/src"], "exclude": ["b/*.log"]}
    assert plain(found, "bundle.git.bundle_root_path") == "b"
    assert (found.sync.root, found.sync.exclude) == ("..", ("b/*.log",))


@pytest.mark.parametrize(
    ("path", "words"),
    [
        ("p%zz.py", 'failed to normalize paths: parse "p%zz.py": invalid URL escape "%zz"'),
        (":x", 'failed to normalize paths: parse ":x": missing protocol scheme'),
    ],
)
def test_a_text_that_is_no_url_is_no_path(path: str, words: str) -> None:
    found = resolved(job(f"notebook_task: {{notebook_path: '{path}'}}"), files={path: NOTEBOOK})
    assert [one.summary for one in errors(found)] == [words]


def test_an_empty_path_is_the_folder_of_its_file() -> None:
    text = job("dbt_task: {commands: [x], project_directory: ''}, environment_key: e")
    found = resolved("include: [a/b.yml]", files={"a/b.yml": text, "a/dbt_project.yml": ""})
    assert task_of(found)["dbt_task"]["project_directory"] == f"{FILES}/a"


@pytest.mark.parametrize(
    ("content", "words"),
    [
        ("", "error loading Jupyter notebook file: EOF"),
        ('{"cells": [', "error loading Jupyter notebook file: unexpected EOF"),
        ("{}", "invalid Jupyter notebook file"),
        ('{"cells": [], "metadata": {}, "nbformat": 3}', "unsupported Jupyter notebook version: 3"),
    ],
)
def test_a_notebook_that_no_workspace_imports_is_told(content: str, words: str) -> None:
    found = resolved(job("notebook_task: {notebook_path: n.ipynb}"), files={"n.ipynb": content})
    assert [one.summary for one in errors(found)] == [
        f"unable to determine if /bundle/n.ipynb is a notebook: n.ipynb: {words}"
    ]


def test_only_the_newest_wheel_that_fits_a_pattern_is_a_source() -> None:
    text = "resources: {pipelines: {p: {name: p, libraries: [{file: {path: '*.whl'}}]}}}"
    wheels = {f"w-0.1+{n}-py3-none-any.whl": b"" for n in (1, 2)}
    found = fine(resolved(text, files=wheels))
    libraries = plain(found, "resources.pipelines.p.libraries")
    assert libraries == [{"file": {"path": f"{FILES}/w-0.1+2-py3-none-any.whl"}}]

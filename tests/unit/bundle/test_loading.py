"""Root file, includes, merging, keys, unknown fields."""

from __future__ import annotations

import pytest
from bundles import codes, errors, fine, plain, resolved

from brickyard.bundle import CurrentUser, Facts, resolve

JOB = "resources: {jobs: {%s: {name: n, tasks: []}}}"


def test_without_a_root_file_there_is_no_bundle() -> None:
    found = resolve({"x.yml": b""}, facts=Facts(user=CurrentUser(user_name="u")))
    assert codes(found) == ["bundle/no-root-file"]


def test_two_root_files_are_one_too_many() -> None:
    assert codes(resolved("", files={"bundle.yml": "x: 1"})) == ["bundle/several-root-files"]


def test_a_bundle_needs_a_name() -> None:
    assert codes(resolved("bundle: {}")) == ["bundle/no-name"]


def test_included_files_are_merged_in_order_and_listed() -> None:
    files = {
        "resources/b.yml": JOB % "b",
        "resources/a.yml": JOB % "a",
        "resources/deep/c.yml": JOB % "c",
    }
    found = fine(resolved("include: [resources/*.yml, 'none/**/*.yml']", files=files))
    assert plain(found, "include") == ["resources/a.yml", "resources/b.yml"]
    assert [one.key for one in found.resources] == ["a", "b"]


def test_a_missing_include_is_an_error_with_the_nearest_name() -> None:
    (problem,) = errors(resolved("include: [job.yml]", files={"jobs.yml": ""}))
    assert problem.code == "bundle/include-missing"
    assert "`jobs.yml`" in problem.detail
    assert str(problem.locations[0]) == "databricks.yml:2:11"


def test_include_works_in_the_root_file_only() -> None:
    found = resolved("include: [a.yml]", files={"a.yml": "include: [b.yml]", "b.yml": "x"})
    assert codes(found) == ["bundle/include-in-include"]


def test_an_included_file_of_comments_is_empty() -> None:
    fine(resolved("include: [a.yml]", files={"a.yml": "# later\n"}))


@pytest.mark.parametrize(
    ("first", "second"), [("jobs", "jobs"), ("jobs", "schemas"), ("experiments", "volumes")]
)
def test_a_key_belongs_to_one_resource(first: str, second: str) -> None:
    text = f"resources: {{{first}: {{k: {{name: x}}}}}}"
    files = {"a.yml": f"resources: {{{second}: {{k: {{name: y}}}}}}"}
    (problem,) = errors(resolved(f"include: [a.yml]\n{text}", files=files))
    assert problem.code == "bundle/duplicate-resource"
    assert [place.file for place in problem.locations] == ["a.yml", "databricks.yml"]


def test_an_unknown_field_is_warned_about_and_left_out() -> None:
    found = fine(resolved("resources: {jobs: {a: {nmae: x, tasks: []}}}"))
    (warning,) = found.diagnostics
    assert warning.code == "bundle/unknown-field"
    assert "Did you mean `name`?" in warning.detail
    assert plain(found, "resources.jobs.a.tasks") == []
    assert "nmae" not in plain(found, "resources.jobs.a")


def test_a_field_spelled_as_in_app_yaml_is_told_its_name() -> None:
    env = "env: [{name: A, valueFrom: secret}]"
    found = resolved(f"resources: {{apps: {{a: {{name: a, config: {{{env}}}}}}}}}")
    (summary,) = [d.summary for d in found.diagnostics if d.code == "bundle/unknown-field"]
    assert summary == "Use 'value_from' instead of 'valueFrom'"


def test_a_section_that_only_holds_anchors_is_left_alone() -> None:
    found = fine(resolved("shared: &s {name: x}\nresources: {jobs: {a: {<<: *s, tasks: []}}}"))
    assert not found.diagnostics
    assert found.tree.get("shared") is None


@pytest.mark.parametrize(
    ("written", "made"),
    [
        ("max_retries: '3'", {"max_retries": 3}),
        ("max_retries: 3.0", {"max_retries": 3}),
        ("retry_on_timeout: yes", {"retry_on_timeout": True}),
        ("description: 5", {"description": "5"}),
        ("description: true", {"description": "true"}),
        ("description: 1.50", {"description": "1.5"}),
        ("max_retries: 0", {"max_retries": 0}),
    ],
)
def test_values_take_the_kind_of_their_field(written: str, made: dict[str, object]) -> None:
    task = "condition_task: {op: EQUAL_TO, left: a, right: b}"
    text = f"resources: {{jobs: {{a: {{tasks: [{{task_key: t, {task}, {written}}}]}}}}}}"
    found = fine(resolved(text))
    task_made = plain(found, "resources.jobs.a.tasks[0]")
    assert {name: task_made[name] for name in made} == made


def test_a_value_of_the_wrong_kind_is_dropped_with_a_warning() -> None:
    found = resolved("resources: {jobs: {a: {max_concurrent_runs: many, tasks: []}}}")
    (warning,) = found.diagnostics
    assert warning.code == "bundle/wrong-kind"
    assert warning.path == "resources.jobs.a.max_concurrent_runs"
    assert plain(found, "resources.jobs.a.max_concurrent_runs") == 1


def test_a_resource_without_settings_is_an_error() -> None:
    assert codes(resolved("resources: {jobs: {a: }}")) == ["bundle/empty-resource"]


def test_a_reference_in_a_key_is_an_error() -> None:
    text = "targets: {dev: {resources: {jobs: {'x${var.a}': {name: y}}}}}"
    assert "bundle/reference-in-key" in codes(resolved(text))


@pytest.mark.parametrize(
    ("constraint", "is_met"),
    [(">= 0.200.0, < 2.0.0", True), ("1.*", True), ("1.14.*", True), ("< 1.0.0", False)],
)
def test_the_version_constraint_is_kept(constraint: str, is_met: bool) -> None:
    found = resolved(f"bundle: {{name: x, databricks_cli_version: '{constraint}'}}")
    assert ("bundle/version-unmet" not in codes(found)) is is_met


def test_an_unknown_type_is_warned_about() -> None:
    found = resolved("resources: {job: {a: {name: x}}}")
    assert codes(found) == ["bundle/unknown-field"]
    assert "`jobs`" in found.diagnostics[0].detail


def test_an_empty_string_stays_only_where_a_request_must_have_one() -> None:
    text = """
resources: {jobs: {a: {description: '', parameters: [{name: p, default: ''}], tags: {t: ''}}}}
"""
    job = plain(fine(resolved(text)), "resources.jobs.a")
    assert "description" not in job
    assert job["parameters"] == [{"name": "p", "default": ""}]
    assert job["tags"] == {"t": ""}


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("scripts: {s: {content: 'echo ${var.x}'}}", "bundle/script"),
        ("scripts: {s: {env: {A: b}}}", "bundle/script-without-content"),
        ("bundle: {name: x, engine: terraform}", "bundle/engine"),
        ("workspace: {state_path: /Volumes/a/b/c}", "bundle/volume-path"),
        ("workspace: {root_path: /Workspace/Shared/x}", "bundle/shared-root"),
        ("permissions: [{level: CAN_VIEW, group_name: g}]", "bundle/deployer-permission"),
        ("presets: {source_linked_deployment: true}", "bundle/source-linked"),
        ("resources: {jobs: {a: {parameters: [{name: p}]}}}", "bundle/required-field"),
        ("artifacts: {a: {type: jar}}", "bundle/artifact"),
        ("python: {resources: [x]}", "bundle/python-resources"),
    ],
)
def test_settings_are_looked_at_too(text: str, code: str) -> None:
    assert codes(resolved(text)) == [code]


def test_a_timestamp_is_a_text_where_one_is_wanted() -> None:
    text = """
variables: {day: {default: 2024-01-02}}
resources: {jobs: {a: {name: '${var.day}', description: 2024-1-2, tags: {on: 2024-01-02}}}}
"""
    job = plain(fine(resolved(text)), "resources.jobs.a")
    given = (job["name"], job["description"], job["tags"]["on"])
    assert given == ("2024-01-02", "2024-1-2", "2024-01-02")
    assert {type(one) for one in given} == {str}


def test_an_empty_element_of_a_list_is_one_of_which_nothing_is_said() -> None:
    text = "resources: {jobs: {a: {name: a, tasks: [null], environments: [null]}}}"
    found = resolved(text)
    job = plain(found, "resources.jobs.a")
    assert (job["tasks"], job["environments"]) == ([{"task_key": ""}], [{}])
    assert "bundle/required-field" in codes(found)


def test_an_empty_section_is_not_shown() -> None:
    tree = fine(resolved("variables:\nartifacts:\nsync:\n  include:\n")).tree
    assert not {"variables", "artifacts"} & set(tree.items)
    assert tree.get("sync.include") is None

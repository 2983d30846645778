"""Choosing a target, laying it over the rest, giving variables their values."""

from __future__ import annotations

import pytest
from bundles import codes, errors, fine, plain, resolved

from brickyard.bundle import environment_of, parse_assignments

VARIABLES = (
    "variables: {v: {default: declared}}\nresources: {jobs: {a: {name: '${var.v}', tasks: []}}}"
)
NAME = "resources.jobs.a.name"


def test_the_only_target_is_chosen() -> None:
    assert resolved("targets: {x: }").target == "x"


def test_without_targets_there_is_one_called_default() -> None:
    assert resolved("").target == "default"


def test_the_default_target_is_chosen_among_several() -> None:
    assert resolved("targets: {x: {}, y: {default: true}}").target == "y"


def test_several_targets_without_a_default_ask_for_one() -> None:
    (problem,) = errors(resolved("targets: {x: {}, y: {}}"))
    assert problem.summary == "please specify target"
    assert "x, y" in problem.detail


def test_an_unknown_target_is_an_error_that_lists_them() -> None:
    (problem,) = errors(resolved("targets: {prod: {}, dev: {}}", target="prd"))
    assert "Did you mean `prod`?" in problem.detail


def test_environments_is_the_old_name_of_targets() -> None:
    assert resolved("environments: {x: {}}").target == "x"
    assert codes(resolved("environments: {x: {}}\ntargets: {y: {}}")) == ["bundle/targets-twice"]


@pytest.mark.parametrize(
    ("target", "mode", "environment"),
    [
        ("dev", "", "dev"),
        ("prod", "development", "prod"),
        ("live", "production", "prod"),
        ("mine", "development", "dev"),
        ("stage", "production", "staging"),
        ("qa", "", "staging"),
        ("x", "", "dev"),
    ],
)
def test_a_target_without_host_stands_for_an_environment(
    target: str, mode: str, environment: str
) -> None:
    assert environment_of(target, mode) == environment


def test_a_target_with_a_host_is_not_embedded() -> None:
    found = fine(resolved("targets: {x: {workspace: {host: https://w.cloud.databricks.com}}}"))
    assert not found.is_embedded
    assert resolved("targets: {x: {workspace: {host: }}}").is_embedded


def test_a_target_merges_into_maps_and_adds_to_lists() -> None:
    text = """
sync: {include: [a]}
resources: {jobs: {j: {name: n, tags: {a: x, b: y}, tasks: []}}}
targets: {t: {sync: {include: [b]}, resources: {jobs: {j: {tags: {b: z}}}}}}
"""
    found = fine(resolved(text))
    assert plain(found, "sync.include") == ["a", "b"]
    assert plain(found, "resources.jobs.j.tags") == {"a": "x", "b": "z"}


def test_lists_with_keys_merge_by_key_and_tasks_are_sorted() -> None:
    text = """
resources:
  jobs:
    j:
      parameters: [{name: p, default: a}, {name: o, default: b}]
      tasks:
        - {task_key: z, condition_task: {op: EQUAL_TO, left: a, right: b}}
        - {task_key: a, condition_task: {op: EQUAL_TO, left: a, right: b}}
targets:
  t:
    resources:
      jobs:
        j:
          parameters: [{name: p, default: c}]
          tasks: [{task_key: z, max_retries: 2}]
"""
    found = fine(resolved(text))
    tasks = plain(found, "resources.jobs.j.tasks")
    assert [task["task_key"] for task in tasks] == ["a", "z"]
    assert tasks[1]["max_retries"] == 2
    assert plain(found, "resources.jobs.j.parameters") == [
        {"name": "p", "default": "c"},
        {"name": "o", "default": "b"},
    ]


def test_grants_merge_by_principal() -> None:
    text = """
also: &q {principal: q, privileges: [MODIFY]}
resources:
  schemas: {s: {catalog_name: c, name: s, grants: [{principal: p, privileges: [SELECT]}]}}
targets:
  t:
    resources:
      schemas: {s: {grants: [{principal: p, privileges: [MODIFY, SELECT]}, *q]}}
"""
    grants = plain(fine(resolved(text)), "resources.schemas.s.grants")
    assert grants == [
        {"principal": "p", "privileges": ["SELECT", "MODIFY"]},
        {"principal": "q", "privileges": ["MODIFY"]},
    ]


def test_a_value_comes_from_the_first_place_that_has_one() -> None:
    in_target = VARIABLES + "\ntargets: {t: {variables: {v: target}}}"
    assert plain(resolved(VARIABLES), NAME) == "declared"
    assert plain(resolved(in_target), NAME) == "target"
    assert plain(resolved(in_target, overrides={"v": "file"}), NAME) == "file"
    environment = {"BUNDLE_VAR_v": "environment"}
    everywhere = resolved(in_target, overrides={"v": "file"}, environment=environment)
    assert plain(everywhere, NAME) == "environment"
    given = resolved(in_target, environment=environment, variables={"v": "given"})
    assert plain(given, NAME) == "given"


def test_a_variable_without_a_value_is_an_error_that_says_where_to_give_one() -> None:
    text = "variables: {catalog: {description: x}}\nworkspace: {root_path: '/x/${var.catalog}'}"
    (problem,) = errors(resolved(text))
    assert problem.code == "bundle/no-value"
    assert "--var catalog=" in problem.detail
    assert "BUNDLE_VAR_catalog" in problem.detail


def test_a_complex_variable_is_replaced_whole_and_typed() -> None:
    text = """
variables:
  cluster:
    type: complex
    default: {spark_version: 15.4.x, num_workers: "${var.n}"}
  n: {default: 2}
resources:
  jobs:
    j:
      job_clusters: [{job_cluster_key: k, new_cluster: "${var.cluster}"}]
      tasks: []
      name: size ${var.cluster.num_workers}
"""
    found = fine(resolved(text))
    cluster = plain(found, "resources.jobs.j.job_clusters[0].new_cluster")
    assert cluster == {"spark_version": "15.4.x", "num_workers": 2}
    assert plain(found, "resources.jobs.j.name") == "size 2"


def test_a_string_for_a_number_becomes_one_where_the_field_wants_it() -> None:
    text = (
        "variables: {n: {}}\nresources: {jobs: {j: {max_concurrent_runs: '${var.n}', tasks: []}}}"
    )
    found = fine(resolved(text, variables={"n": "7"}))
    assert plain(found, "resources.jobs.j.max_concurrent_runs") == 7


def test_a_reference_that_does_not_exist_suggests_one_that_does() -> None:
    text = "variables: {catalog: {default: c}}\nresources: {jobs: {a: {name: 'x ${var.catlog}'}}}"
    (problem,) = errors(resolved(text))
    assert problem.summary == "reference does not exist: ${var.catlog}"
    assert problem.detail == "Did you mean ${var.catalog}?"
    assert problem.path == "resources.jobs.a.name"
    assert str(problem.locations[0]) == "databricks.yml:3:30"


def test_references_in_a_circle_are_an_error_that_names_it() -> None:
    text = "variables: {a: {default: '${var.b}'}, b: {default: '${var.a}'}}"
    problem = errors(resolved(text))[0]
    assert problem.code == "bundle/reference-cycle"
    assert "var.b -> var.a -> var.b" in problem.summary


@pytest.mark.parametrize("text", ["${FOO:-x}", "${a..b}", "${ var.v }", "$var.v", "${_A}", "${1a}"])
def test_text_that_is_no_reference_stays(text: str) -> None:
    found = resolved(VARIABLES.replace("${var.v}", text))
    assert plain(fine(found), NAME) == text


def test_a_shell_variable_in_braces_is_an_error_before_the_deployment_finds_it() -> None:
    assert codes(resolved(VARIABLES.replace("${var.v}", "${FOO}"))) == ["bundle/unknown-reference"]


def test_there_is_no_escape() -> None:
    assert plain(resolved(VARIABLES.replace("${var.v}", "$${var.v}")), NAME) == "$declared"


def test_what_git_does_not_tell_is_empty() -> None:
    assert plain(resolved(VARIABLES.replace("${var.v}", "b${bundle.git.branch}")), NAME) == "b"


def test_references_to_resources_stay_as_text() -> None:
    text = VARIABLES.replace("${var.v}", "${resources.jobs.a.id}")
    assert plain(resolved(text), NAME) == "${resources.jobs.a.id}"


def test_a_lookup_is_a_question_until_it_has_an_answer() -> None:
    text = VARIABLES.replace("default: declared", "lookup: {warehouse: 'W ${bundle.target}'}")
    asked = fine(resolved(text))
    (question,) = asked.questions
    assert (question.id, question.kind, question.name) == ("variables.v", "warehouse", "W default")
    assert plain(asked, NAME) == "${var.v}"
    answered = fine(resolved(text, answers={"variables.v": "abc"}))
    assert plain(answered, NAME) == "abc"
    assert not answered.questions


def test_an_override_of_the_wrong_kind_is_an_error() -> None:
    assert codes(resolved(VARIABLES, overrides={"v": {"a": 1}})) == ["bundle/override-kind"]


def test_an_undeclared_variable_is_an_error_wherever_it_is_set() -> None:
    assert codes(resolved("", variables={"x": "1"})) == ["bundle/unknown-variable"]
    in_target = "variables: {catalog: {default: x}}\ntargets: {t: {variables: {catlog: y}}}"
    (problem,) = errors(resolved(in_target))
    assert "`catalog`" in problem.detail


def test_a_map_as_default_needs_no_type() -> None:
    found = resolved("variables: {m: {default: {a: 1}}}")
    assert codes(found) == []
    assert plain(found, "variables.m.value") == {"a": 1}


def test_assignments_are_read_as_comma_separated_values() -> None:
    given = parse_assignments(["a=1,b=2", '"c=x,y"', "d=e=f"])
    assert dict(given) == {"a": "1", "b": "2", "c": "x,y", "d": "e=f"}


@pytest.mark.parametrize(
    ("texts", "said"),
    [
        (["a"], "unexpected flag value for variable assignment: a"),
        (["b=1", "b=2"], "failed to assign 2 to b: variable has already been assigned value: 1"),
    ],
)
def test_an_assignment_that_is_none_is_refused(texts: list[str], said: str) -> None:
    with pytest.raises(ValueError, match=said):
        parse_assignments(texts)

"""Modes, presets, identities, permissions, defaults."""

from __future__ import annotations

import pytest
from bundles import codes, errors, fine, plain, resolved

from brickyard.bundle import UNKNOWN_USER, CurrentUser, GitFacts

ALL = """
resources:
  jobs: {j: {name: nightly, schedule: {quartz_cron_expression: 0 0 6 * * ?, timezone_id: UTC}}}
  schemas: {s: {catalog_name: c, name: sales}}
  volumes: {v: {catalog_name: c, schema_name: sales, name: files}}
  registered_models: {m: {catalog_name: c, schema_name: sales, name: model}}
  experiments: {e: {name: /Users/jane/exp}}
  model_serving_endpoints: {w: {name: serve}}
"""
DEVELOPMENT = ALL + "targets: {dev: {mode: development}}"
DEPLOYER = CurrentUser(
    user_name="335f7490-54fb-5c44-821d-d74bc9284e41", display_name="deployer-staging"
)

JOB = "resources: {jobs: {j: {name: j}}}\n"


def test_development_names_and_pauses_what_it_deploys() -> None:
    found = fine(resolved(DEVELOPMENT))
    resources = plain(found, "resources")
    assert resources["jobs"]["j"]["name"] == "[dev jane_doe] nightly"
    assert resources["jobs"]["j"]["tags"] == {"dev": "jane_doe"}
    assert resources["jobs"]["j"]["max_concurrent_runs"] == 4
    assert resources["jobs"]["j"]["schedule"]["pause_status"] == "PAUSED"
    assert resources["schemas"]["s"]["name"] == "dev_jane_doe_sales"
    assert resources["volumes"]["v"]["name"] == "files"
    assert resources["registered_models"]["m"]["name"] == "dev_jane_doe_model"
    assert resources["experiments"]["e"]["name"] == "/Users/jane/[dev jane_doe] exp"
    assert resources["experiments"]["e"]["tags"] == [{"key": "dev", "value": "jane_doe"}]
    assert resources["model_serving_endpoints"]["w"]["name"] == "dev_jane_doe_serve"
    assert plain(found, "bundle.deployment.lock.enabled") is False


def test_what_a_user_set_wins_over_the_mode() -> None:
    text = ALL + "presets: {name_prefix: 'x_jane_doe_', jobs_max_concurrent_runs: 9}\n"
    found = fine(resolved(text + "targets: {dev: {mode: development}}"))
    assert plain(found, "resources.jobs.j.name") == "x_jane_doe_nightly"
    assert plain(found, "resources.jobs.j.max_concurrent_runs") == 9


def test_without_a_mode_defaults_are_plain() -> None:
    job = plain(fine(resolved(ALL)), "resources.jobs.j")
    assert job["name"] == "nightly"
    assert job["max_concurrent_runs"] == 1
    assert job["queue"] == {"enabled": True}
    assert job["schedule"]["pause_status"] == "UNPAUSED"
    assert job["format"] == "MULTI_TASK"


def test_a_plain_schema_name_becomes_a_reference_and_follows_the_prefix() -> None:
    found = fine(resolved(DEVELOPMENT))
    reference = "${resources.schemas.s.name}"
    assert plain(found, "resources.volumes.v.schema_name") == reference
    assert plain(found, "resources.registered_models.m.schema_name") == reference
    assert plain(found, "resources.volumes.v.volume_path") == (
        "/Volumes/c/dev_jane_doe_sales/files"
    )


def test_the_path_of_a_volume_can_be_used_elsewhere() -> None:
    text = ALL.replace("name: nightly", "name: 'in ${resources.volumes.v.volume_path}/x'")
    name = plain(fine(resolved(text)), "resources.jobs.j.name")
    assert name == "in /Volumes/c/sales/files/x"


def test_the_path_of_a_volume_is_made_not_given() -> None:
    text = ALL.replace("name: files}", "name: files, volume_path: /Volumes/a/b/c}")
    found = errors(resolved(text))
    assert "resources.volumes.v.volume_path is computed and read-only" in found[0].summary


@pytest.mark.parametrize(
    ("settings", "code"),
    [
        ("mode: test", "bundle/unknown-mode"),
        ("mode: development, presets: {name_prefix: 'x '}", "bundle/development-prefix"),
        (
            "mode: development, presets: {trigger_pause_status: UNPAUSED}",
            "bundle/development-unpaused",
        ),
        (
            "mode: development, workspace: {root_path: /Workspace/Shared/x}",
            "bundle/development-shared-path",
        ),
        ("mode: production", "bundle/production-root"),
        ("presets: {trigger_pause_status: MAYBE}", "bundle/pause-status"),
    ],
)
def test_a_mode_insists_on_its_conditions(settings: str, code: str) -> None:
    found = resolved(ALL + f"targets: {{t: {{{settings}}}}}")
    assert [one.code for one in errors(found)] == [code]


def test_production_is_content_with_a_root_of_its_own_or_a_service_principal() -> None:
    root = "{mode: production, workspace: {root_path: /Workspace/prod/x}}"
    assert not errors(resolved(ALL + f"targets: {{t: {root}}}"))
    found = fine(resolved(ALL + "targets: {t: {mode: production}}", user=DEPLOYER))
    assert codes(found) == ["bundle/production-root"]


def test_paths_follow_the_user_and_the_root() -> None:
    found = fine(resolved("targets: {dev: {}}"))
    root = "/Workspace/Users/jane.doe@x.com/.bundle/shop/dev"
    assert plain(found, "workspace.root_path") == root
    assert plain(found, "workspace.file_path") == f"{root}/files"
    assert plain(found, "workspace.state_path") == f"{root}/state"
    own = fine(resolved("workspace: {root_path: /Shared/x, artifact_path: /Volumes/a/b/c}"))
    assert plain(own, "workspace.root_path") == "/Workspace/Shared/x"
    assert plain(own, "workspace.artifact_path") == "/Volumes/a/b/c"


def test_a_doubled_workspace_prefix_is_removed_with_a_warning() -> None:
    text = "resources: {jobs: {a: {name: '/Workspace/${workspace.file_path}/x', tasks: []}}}"
    found = resolved(text)
    assert codes(found) == ["bundle/workspace-twice"]
    assert plain(found, "resources.jobs.a.name").startswith("/Workspace/Users/")


def test_jobs_run_as_whom_the_bundle_says() -> None:
    text = "run_as: {service_principal_name: sp}\nresources: {jobs: {a: {tasks: []}}}"
    assert plain(fine(resolved(text)), "resources.jobs.a.run_as") == {
        "service_principal_name": "sp"
    }


def test_endpoints_refuse_to_run_as_somebody_else() -> None:
    found = resolved(ALL + "run_as: {service_principal_name: sp}")
    assert codes(found) == ["bundle/run-as-unsupported"]
    fine(resolved(ALL + "run_as: {user_name: jane.doe@x.com}"))
    # Offline nobody has said who deploys: the workspace is asked before anything is made.
    nobody = CurrentUser(user_name=UNKNOWN_USER)
    fine(resolved(ALL + "run_as: {service_principal_name: sp}", user=nobody))


@pytest.mark.parametrize("given", ["{}", "{user_name: a, service_principal_name: b}"])
def test_run_as_names_exactly_one(given: str) -> None:
    assert codes(resolved(f"{JOB}run_as: {given}")) == ["bundle/run-as"]


@pytest.mark.parametrize(
    "text",
    ["run_as: {}", "permissions: [{level: CAN_BIND, user_name: a}]"],
)
def test_settings_of_resources_are_not_looked_at_where_there_are_none(text: str) -> None:
    assert not resolved(text).has_errors
    assert resolved(JOB + text).has_errors


def test_permissions_of_the_bundle_reach_every_resource_in_its_own_words() -> None:
    text = ALL + "permissions: [{level: CAN_RUN, group_name: g}, {level: CAN_VIEW, group_name: v}]"
    found = fine(resolved(text))
    assert plain(found, "resources.jobs.j.permissions") == [
        {"level": "CAN_MANAGE_RUN", "group_name": "g"},
        {"level": "CAN_VIEW", "group_name": "v"},
        {"level": "IS_OWNER", "user_name": "jane.doe@x.com"},
    ]
    assert plain(found, "resources.experiments.e.permissions") == [
        {"level": "CAN_READ", "group_name": "v"},
        {"level": "CAN_MANAGE", "user_name": "jane.doe@x.com"},
    ]
    assert (
        plain(found, "resources.model_serving_endpoints.w.permissions")[0]["level"] == "CAN_QUERY"
    )


def test_a_deployer_that_manages_a_job_becomes_its_owner() -> None:
    mine = f"{{level: CAN_MANAGE, service_principal_name: {DEPLOYER.user_name}}}"
    text = f"resources: {{jobs: {{a: {{tasks: [], permissions: [{mine}]}}}}}}"
    assert plain(fine(resolved(text, user=DEPLOYER)), "resources.jobs.a.permissions") == [
        {"level": "IS_OWNER", "service_principal_name": DEPLOYER.user_name}
    ]


def test_an_owner_that_is_named_stays_the_owner() -> None:
    text = "resources: {jobs: {a: {tasks: [], permissions: [{level: IS_OWNER, user_name: bo}]}}}"
    assert plain(fine(resolved(text)), "resources.jobs.a.permissions") == [
        {"level": "IS_OWNER", "user_name": "bo"},
        {"level": "CAN_MANAGE", "user_name": "jane.doe@x.com"},
    ]


def test_the_bundle_has_three_levels_only() -> None:
    text = JOB + "permissions: [{level: CAN_QUERY, group_name: g}]"
    assert codes(resolved(text)) == ["bundle/permission-level"]


def test_a_service_principal_is_known_by_its_display_name() -> None:
    assert DEPLOYER.is_service_principal
    assert DEPLOYER.short_name == "deployer_staging"
    assert CurrentUser(user_name="Zoë.O'Hara@x.com").short_name == "zoë_o_hara"
    assert CurrentUser(user_name="Zoë.O'Hara@x.com").domain_friendly_name == "zoe-o-hara"


def test_a_cluster_for_everything_replaces_declared_compute() -> None:
    text = """
resources:
  jobs:
    a:
      tasks:
        - {task_key: p, spark_python_task: {python_file: /x.py}, environment_key: e}
        - {task_key: q, pipeline_task: {pipeline_id: "1"}}
      environments: [{environment_key: e}]
"""
    tasks = plain(fine(resolved(text, cluster_id="c-1")), "resources.jobs.a.tasks")
    assert tasks[0]["existing_cluster_id"] == "c-1"
    assert "environment_key" not in tasks[0]
    assert "existing_cluster_id" not in tasks[1]


def test_what_a_mode_insists_on_is_said_in_the_official_words() -> None:
    (problem,) = errors(resolved(ALL + "targets: {prod: {mode: production}}"))
    assert problem.summary == (
        "target with 'mode: production' must set 'workspace.root_path' to make sure only one copy"
        " is deployed"
    )
    assert "root_path: /Workspace/Users/jane.doe@x.com/.bundle/${bundle.name}" in problem.detail
    shared = "targets: {dev: {mode: development, workspace: {root_path: /Workspace/x}}}"
    (problem,) = errors(resolved(ALL + shared))
    assert problem.summary == (
        "root_path must start with '~/' or contain the current username to ensure uniqueness when"
        " using 'mode: development'"
    )


def test_a_bundle_that_cannot_be_deployed_is_not_marked_as_deployed() -> None:
    found = resolved(ALL + "targets: {prod: {mode: production}}")
    assert "deployment" not in plain(found, "resources.jobs.j")
    assert "deployment" in plain(resolved(DEVELOPMENT), "resources.jobs.j")


def test_an_unknown_field_of_a_target_is_reported_once() -> None:
    job = "{name: j, tasks: [], nix: 1}"
    found = resolved(f"targets: {{dev: {{resources: {{jobs: {{j: {job}}}}}}}}}")
    warned = [one.path for one in found.diagnostics if one.code == "bundle/unknown-field"]
    assert warned == ["targets.dev.resources.jobs.j"]


def test_what_the_workspace_does_not_say_of_the_user_is_empty() -> None:
    text = 'variables: {v: {default: "<${workspace.current_user.displayName}>"}}'
    user = CurrentUser(user_name="jane@x", record={"userName": "jane@x"})
    found = fine(resolved(text, user=user))
    assert plain(found, "variables.v.value") == "<>"


def test_a_pipeline_under_development_is_the_only_thing_said_of_a_production_target() -> None:
    text = "resources: {pipelines: {p: {name: p, development: true}}}\n"
    found = resolved(text + "targets: {prod: {mode: production}}", user=DEPLOYER)
    assert [one for one in codes(found) if "production" in one] == ["bundle/production-development"]


def test_who_deploys_is_told_before_what_the_mode_refuses() -> None:
    text = ALL + "permissions: [{level: CAN_VIEW, group_name: g}]\n"
    found = resolved(text + "targets: {prod: {mode: production}}").diagnostics
    told = [one.code for one in found]
    assert told.index("bundle/deployer-permission") < told.index("bundle/production-root")
    assert not any(one.is_late for one in found)


def test_a_commit_that_is_given_is_kept() -> None:
    git = GitFacts(branch="main", commit="fffff", origin_url="u")
    text = "bundle: {name: b, git: {commit: abc}}\n"
    assert resolved(text, git=git).tree.get("bundle.git.commit").plain() == "abc"
    assert resolved("", git=git).tree.get("bundle.git.commit").plain() == "fffff"

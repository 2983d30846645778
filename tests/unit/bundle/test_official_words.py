"""What the official CLI says of a bundle, we say in the same words at the same places."""

from __future__ import annotations

import pytest
from bundles import JANE, errors, fine, plain, resolved

from brickyard.bundle import Facts, resolve, resolved_plain
from brickyard.bundle.output import go_text
from brickyard.values import Diagnostic, Plain

B = "bundle: {name: b}\n"
JOB = B + "resources: {jobs: {j: {name: j}}}\n"
ROOT = "/bundle/databricks.yml"
LIST = {"databricks.yml": b"- a\n"}


def lines(found: Diagnostic) -> str:
    """Severity and summary, path and places, as they are printed."""
    paths = (found.path or "").splitlines()
    return "|".join((f"{found.severity}: {found.summary}", *paths, *map(str, found.locations)))


def said(text: str, **rest: object) -> list[str]:
    return [lines(one) for one in resolved(text, **rest).diagnostics]  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("text", "line"),
    [
        (
            "bundle:\n  x: [1, 2\nfoo: bar\n",
            (
                f"error: failed to load {ROOT}: yaml: line 1: did not find expected ',' or ']'"
                "|databricks.yml:3:4|databricks.yml:2:6"
            ),
        ),
        (
            B + "variables:\n  1: {default: a}\n",
            (
                f"error: failed to load {ROOT}: yaml ({ROOT}:3:3): invalid key tag: !!int"
                "|databricks.yml:3:3"
            ),
        ),
        (
            B + "variables: {a: {default: 12345678901234567890}}\n",
            (
                f"error: failed to load {ROOT}: yaml ({ROOT}:2:26): invalid int value:"
                " 12345678901234567890|databricks.yml:2:26"
            ),
        ),
        (
            B + "targets: {dev: {variables: abc}}\n",
            (
                f"error: failed to rewrite {ROOT}: expected a map or sequence, found string"
                "|databricks.yml:2:28"
            ),
        ),
        (
            B + "targets: 2024-01-02\n",
            (
                f"error: failed to rewrite {ROOT}: expected a map or sequence, found time"
                "|databricks.yml:2:10"
            ),
        ),
        (
            B + "resources: {jobs: {j: {name: j, max_concurrent_runs: 2024-01-02}}}\n",
            (
                "warning: expected int, found time|resources.jobs.j.max_concurrent_runs"
                "|databricks.yml:2:54"
            ),
        ),
        (
            B + "x: !foo bar\n",
            (
                f"error: failed to load {ROOT}: yaml ({ROOT}:2:4): unknown tag: !foo"
                "|databricks.yml:2:4"
            ),
        ),
        (
            B + "include: x\n",
            "warning: expected sequence, found string|include|databricks.yml:2:10",
        ),
        (
            B + "resources: {jobs: {a: {max_concurrent_runs: many}}}\n",
            (
                'warning: cannot parse "many" as an integer|resources.jobs.a.max_concurrent_runs'
                "|databricks.yml:2:45"
            ),
        ),
        (
            B + "resources: {jobs: {a: {timeout_seconds: 1.5}}}\n",
            (
                'warning: cannot accurately represent "1.5" as integer due to precision loss'
                "|resources.jobs.a.timeout_seconds|databricks.yml:2:41"
            ),
        ),
        (
            B + "resources: {jobs: {a: {timeout_seconds: }}}\n",
            (
                "warning: expected a int value, found null|resources.jobs.a.timeout_seconds"
                "|databricks.yml:2:41"
            ),
        ),
        (
            B + "resources: {jobs: {a: }}\n",
            "error: job a is not defined|resources.jobs.a|databricks.yml:2:23",
        ),
        (
            B + "resources: {jobs: {a: {name: x}}, apps: {a: {name: y}}}\n",
            (
                "error: multiple resources or scripts have been defined with the same key: a"
                "|resources.apps.a|resources.jobs.a|databricks.yml:2:23|databricks.yml:2:45"
            ),
        ),
        (
            B + 'targets: {dev: {resources: {jobs: {"a${var.x}": {name: a}}}}}\n',
            (
                'error: resource key "a${var.x}" must not contain variable references'
                "|targets.dev.resources.jobs.a${var.x}|databricks.yml:2:49"
            ),
        ),
        (
            B + "targets: {dev: {compute_id: xyz}}\n",
            (
                "warning: compute_id is deprecated, please use cluster_id instead|compute_id"
                "|databricks.yml:2:29"
            ),
        ),
        (
            "bundle: {}\n",
            (
                "error: unable to define default workspace root: bundle name not defined"
                "|bundle.name|databricks.yml:1:1"
            ),
        ),
        (
            "bundle: {name: b, engine: foo}\n",
            (
                'error: invalid value "foo" for bundle.engine (expected "terraform" or "direct")'
                "|bundle.engine|databricks.yml:1:27"
            ),
        ),
        (
            B + "presets: {source_linked_deployment: true}\n",
            (
                "warning: source-linked deployment is available only in the Databricks Workspace"
                "|targets.default.presets.source_linked_deployment|databricks.yml:2:37"
            ),
        ),
        (
            JOB + "permissions: [{level: CAN_EDIT, user_name: u}]\n",
            (
                "error: invalid permission level: CAN_EDIT, allowed values: [CAN_MANAGE, CAN_VIEW,"
                " CAN_RUN]|permissions[0].level|databricks.yml:3:23"
            ),
        ),
        (
            B + "resources: {schemas: {s: {name: s, catalog_name: c, grants: [{principal: p}]}}}\n",
            (
                "error: grant privileges is required|resources.schemas.s.grants[0]"
                "|databricks.yml:2:62"
            ),
        ),
        (
            B + "resources: {jobs: {j: {name: j, description: '${bundle.name.x}'}}}\n",
            (
                'error: expected a map to index "bundle.name.x", found string'
                "|resources.jobs.j.description|databricks.yml:2:46"
            ),
        ),
        (
            B + "variables: {a: {default: '${var.b}'}, b: {default: '${var.a}'}}\n",
            (
                "error: cycle detected in field resolution: variables.a.default -> var.b -> var.a"
                " -> var.b|variables.a.default|databricks.yml:2:26"
            ),
        ),
        (
            B + "variables: {a: {}}\ntargets: {dev: {variables: {b: 1}}}\n",
            (
                "error: failed to perform target override for target=dev: variable b is not defined"
                " but is assigned a value|targets.dev.variables.b|databricks.yml:3:29"
            ),
        ),
        (
            B + "workspace: {root_path: /Volumes/a/b/c}\n",
            (
                "error: workspace.root_path /Volumes/a/b/c starts with /Volumes. /Volumes can only"
                " be used with workspace.artifact_path.|workspace.root_path|databricks.yml:2:24"
            ),
        ),
        (
            JOB + "run_as: {user_name: a, service_principal_name: b}\n",
            (
                "error: run_as section cannot specify both user_name and service_principal_name"
                "|run_as|databricks.yml:3:9"
            ),
        ),
    ],
)
def test_a_finding_is_in_the_official_words(text: str, line: str) -> None:
    assert line in said(text)


def test_a_file_of_another_kind_is_a_warning_and_an_error() -> None:
    assert [lines(one) for one in resolve(LIST, facts=Facts(user=JANE)).diagnostics] == [
        "warning: expected map, found sequence|databricks.yml:1:1",
        f"error: failed to load {ROOT}: :0:0: expected a map, found a invalid|databricks.yml:1:1",
    ]


def test_an_unknown_type_takes_no_keys() -> None:
    text = B + "resources: {jobs: {a: {name: a}}, nothing: {a: 1}}\n"
    assert said(text) == ["warning: unknown field: nothing|resources|databricks.yml:2:35"]


def test_after_an_error_the_tree_is_as_it_was_then() -> None:
    found = resolved(B + "targets: {dev: {}, prod: {}}\n")
    assert found.has_errors
    assert found.tree.get("targets.prod") is not None
    assert found.tree.get("workspace") is None


@pytest.mark.parametrize(
    ("reference", "value"),
    [
        ("${variables.a.value}", "x"),
        ("${variables.a.default}", "x"),
        ("${variables.a.description}", None),
        ("${workspace.current_user.name.givenName}", None),
        ("<${bundle.git.branch}>", "<>"),
        ("<${var.m.n}>", "<<nil>>"),
    ],
)
def test_a_reference_may_name_any_setting(reference: str, value: object) -> None:
    found = resolved(
        B
        + "variables: {a: {default: x}, m: {type: complex, default: {n: null}}}\n"
        + f"resources: {{jobs: {{j: {{name: j, description: '{reference}'}}}}}}\n"
    )
    assert not found.has_errors
    held = found.tree.get("resources.jobs.j.description")
    assert (held.plain() if held is not None else None) == value


def test_settings_that_say_nothing_are_not_shown() -> None:
    text = (
        "bundle: {name: b, databricks_cli_version: '', deployment: {lock: {enabled: false}}}\n"
        "experimental: {python_wheel_wrapper: false}\nvariables: {a: {default: 0}}\n"
    )
    shown = resolved_plain(resolved(text))
    assert shown["bundle"]["deployment"] == {"lock": {"enabled": False}}  # type: ignore[index,call-overload]
    assert "databricks_cli_version" not in shown["bundle"]  # type: ignore[operator]
    assert shown["experimental"] == {}
    assert shown["variables"] == {"a": {"default": 0, "value": 0}}


@pytest.mark.parametrize(
    ("number", "text"),
    [
        (1.0, "1"),
        (1.5, "1.5"),
        (1e21, "1e+21"),
        (1e-7, "1e-7"),
        (123456789.5, "123456789.5"),
        (float("inf"), "null"),
        ("a<b>&\u2028", '"a\\u003cb\\u003e\\u0026\\u2028"'),
        ({"b": [], "a": {"x": None}}, '{\n  "a": {\n    "x": null\n  },\n  "b": []\n}'),
    ],
)
def test_json_is_written_as_go_does(number: Plain, text: str) -> None:
    assert go_text(number) == text + "\n"


def test_a_continuous_pipeline_is_paused_by_saying_nothing() -> None:
    found = resolved(
        B
        + "targets: {dev: {mode: development, presets: {pipelines_development: false}}}\n"
        + "resources: {pipelines: {p: {name: p, continuous: true}}}\n"
    )
    pipeline = found.tree.get("resources.pipelines.p")
    assert pipeline is not None
    assert pipeline.child("continuous") is None
    assert pipeline.child("development") is None


def test_a_cluster_of_the_environment_counts_in_development_only() -> None:
    task = "{task_key: t, existing_cluster_id: own, notebook_task: {notebook_path: /x}}"
    text = B + f"resources: {{jobs: {{j: {{name: j, tasks: [{task}]}}}}}}\n"
    surroundings = {"DATABRICKS_CLUSTER_ID": "other"}
    found = resolved(text, environment=surroundings)
    assert "is ignored" in found.diagnostics[0].summary
    at = "resources.jobs.j.tasks[0].existing_cluster_id"
    assert plain(found, at) == "own"
    inside = resolved(text + "targets: {dev: {mode: development}}", environment=surroundings)
    assert plain(inside, at) == "other"


@pytest.mark.parametrize(
    ("resources", "line"),
    [
        (
            "clusters: {c: {cluster_name: c, num_workers: 0}}",
            "warning: Single node cluster is not correctly configured|resources.clusters.c",
        ),
        (
            "dashboards: {d: {display_name: d, warehouse_id: w, etag: x}}",
            'error: dashboard "d" has an etag set. Etags must not be set in bundle configuration',
        ),
        (
            "job_runs: {r: {job_id: 5, idempotency_token: x}}",
            "error: idempotency_token must not be set in bundle configuration",
        ),
        (
            "job_runs: {r: {job_id: 5, lifecycle: {triggers: [{on_bundle_deploy: false}, {}]}}}",
            "error: lifecycle.triggers.on_bundle_deploy must be true when set",
        ),
        (
            "jobs: {j: {name: j, deployment: {kind: BUNDLE, deployment_id: x}}}",
            "error: deployment_id must not be set in bundle configuration",
        ),
        (
            "jobs: {j: {name: j, lifecycle: {started: true}}}",
            "warning: unknown field: started|resources.jobs.j.lifecycle",
        ),
        (
            "jobs: {j: {name: j, permissions: [{level: CAN_RUN, group_name: g}]}}",
            (
                'warning: invalid value "CAN_RUN" for enum field. Valid values are [CAN_MANAGE'
                " CAN_MANAGE_RUN CAN_VIEW IS_OWNER]"
            ),
        ),
        (
            "jobs: {j: {name: j, schedule: }}",
            'warning: required field "quartz_cron_expression" is not set',
        ),
    ],
)
def test_a_resource_is_judged_in_the_official_words(resources: str, line: str) -> None:
    assert any(one.startswith(line) for one in said(B + f"resources: {{{resources}}}\n"))


def test_a_cluster_of_a_pool_keeps_little_of_its_cloud() -> None:
    cluster = (
        "{instance_pool_id: p, node_type_id: n, gcp_attributes: {google_service_account: g,"
        " zone_id: z}, azure_attributes: {availability: SPOT_AZURE}}"
    )
    task = f"{{task_key: t, new_cluster: {cluster}, notebook_task: {{notebook_path: /x}}}}"
    found = resolved(B + f"resources: {{jobs: {{j: {{name: j, tasks: [{task}]}}}}}}\n")
    assert plain(found, "resources.jobs.j.tasks[0].new_cluster") == {
        "instance_pool_id": "p",
        "gcp_attributes": {"google_service_account": "g"},
        "azure_attributes": {},
    }


def test_privileges_are_judged_where_they_are_listed() -> None:
    grants = "grants: [{principal: p, privileges: [READ_SECRET]}]"
    schema = f"schemas: {{s: {{name: s, catalog_name: c, {grants}}}}}"
    secret = f"secrets: {{k: {{name: k, catalog_name: c, schema_name: s, {grants}}}}}"
    assert 'warning: invalid value "READ_SECRET"' in said(B + f"resources: {{{schema}}}\n")[0]
    assert not any("READ_SECRET" in one for one in said(B + f"resources: {{{secret}}}\n"))


def test_run_as_without_an_identity_is_as_none() -> None:
    assert said(B + "run_as:\nresources: {jobs: {a: {name: a}}}\n") == []


def test_the_old_run_as_makes_the_identity_own_the_pipelines() -> None:
    found = resolved(
        B
        + "experimental: {use_legacy_run_as: true}\nrun_as: {service_principal_name: other}\n"
        + "resources: {pipelines: {p: {name: p}}, jobs: {j: {name: j}}}\n"
    )
    owners = found.tree.get("resources.pipelines.p.permissions")
    assert owners is not None
    assert {"level": "IS_OWNER", "service_principal_name": "other"} in owners.plain()  # type: ignore[operator]
    assert found.tree.get("resources.pipelines.p.run_as") is None
    assert found.tree.get("resources.jobs.j.run_as.service_principal_name") is not None


def test_entries_of_nobody_are_no_permissions() -> None:
    found = resolved(
        B + "resources: {jobs: {a: {name: a, permissions: [{level: CAN_VIEW}, {user_name: q}]}}}\n"
    )
    held = found.tree.get("resources.jobs.a.permissions")
    assert held is not None
    assert [entry["level"] for entry in held.plain()] == ["IS_OWNER"]  # type: ignore[union-attr,index,call-overload]


def test_what_only_terraform_has_is_told_where_it_is_referred_to() -> None:
    text = 'resources: {jobs: {a: {description: "${resources.jobs.a.url}"}}}'
    found = resolved(text)
    told = [one.summary for one in errors(found)]
    assert len(told) == 1
    assert told[0].startswith('"resources.jobs.a.url": Terraform-only field; cross-resource')
    older = resolved(f"bundle: {{name: shop, engine: terraform}}\n{text}")
    assert not errors(older)
    assert any("this reference will not work" in one.summary for one in older.diagnostics)


def test_permissions_that_name_nobody_are_none() -> None:
    found = fine(resolved("resources: {jobs: {a: {permissions: []}, b: {permissions: }}}"))
    jobs = plain(found, "resources.jobs")
    assert "permissions" not in jobs["a"]
    assert "permissions" not in jobs["b"]


def test_the_path_of_a_volume_that_is_not_there_is_told() -> None:
    found = resolved('resources: {jobs: {a: {name: "${resources.volumes.v.volume_path}"}}}')
    assert [one.summary for one in errors(found)] == [
        "reference does not exist: ${resources.volumes.v.volume_path}"
    ]


@pytest.mark.parametrize(
    ("text", "summary"),
    [
        ("artifacts: {a: {build: x, type: 'w\\n'}}", 'invalid value "w\\\\n" for enum field.'),
        ('artifacts: {a: {build: x, type: "w\\n"}}', 'invalid value "w\\n" for enum field.'),
        (
            'variables: {v: {default: x, type: "a\\nb"}}',
            'invalid value "a\\nb" for enum field. Valid values are [complex]',
        ),
        (
            'bundle: {name: b, databricks_cli_version: "1\\n2"}',
            'invalid version constraint "1\\n2" specified.',
        ),
    ],
)
def test_values_are_quoted_on_one_line(text: str, summary: str) -> None:
    (found,) = resolved(text).diagnostics
    assert found.summary.startswith(summary)


def test_files_of_an_environment_are_paths_too() -> None:
    needs = "environments: [{environment_key: e, spec: {dependencies: [%s]}}]"
    for need in ("./a%zz.whl", "-r ./a%zz.txt"):
        text = f"resources: {{jobs: {{j: {{{needs % need!s}}}}}}}"
        told = [one.summary for one in errors(resolved(text))]
        path = need.removeprefix("-r ")
        fault = f'parse "{path}": invalid URL escape "%zz"'
        assert told == [f"failed to normalize paths: {fault}"]


def test_a_file_of_an_artifact_without_a_source_is_its_folder() -> None:
    found = resolved("artifacts: {a: {files: [{}]}}")
    assert not errors(found)
    assert plain(found, "artifacts.a.files") == [{"source": "/bundle"}]


def test_a_bad_pattern_of_an_artifact_is_told() -> None:
    found = errors(resolved('artifacts: {a: {files: [{source: "[x"}]}}'))
    assert [one.summary for one in found] == ["[x: syntax error in pattern"]


def test_a_mode_that_nobody_knows_is_told_after_all_else() -> None:
    found = resolved(
        "resources: {jobs: {a: {name: a, tasks: [{}]}}}\ntargets: {t: {mode: staging}}\n"
    )
    told = [one.summary.partition(":")[0] for one in found.diagnostics]
    assert told[-1] == "unsupported value 'staging' specified for 'mode'"
    assert len(told) > 1


@pytest.mark.parametrize(
    ("text", "summary", "shown"),
    [
        ("resources: '${var.x}'", 'expected a map at "resources", found string', "targets"),
        ("scripts: '${var.x}'", 'expected a map at "", found string', "targets"),
        (
            "targets: {dev: '${var.x}'}",
            'expected a map to index "targets.dev.resources", found string',
            "targets",
        ),
        (
            "workspace: '${var.x}'",
            'expected a map to index "workspace.host", found string',
            "workspace",
        ),
        ("sync: '${var.x}'", 'expected a map to index "paths", found string', "sync"),
        ("sync: {paths: '${var.x}'}", "expected a map or sequence, found string", "sync"),
        ("sync: {include: '${var.x}'}", "expected a map or sequence, found string", "sync"),
    ],
)
def test_a_section_cannot_be_a_reference(text: str, summary: str, shown: str) -> None:
    found = resolved(f"variables: {{x: {{default: q}}}}\n{text}")
    assert errors(found)[0].summary == summary
    assert set(found.tree.items) <= {"bundle", "variables", shown, "scripts", "resources"}
    assert shown in found.tree.items


def test_includes_cannot_be_a_reference() -> None:
    found = resolved("include: '${var.x}'\n")
    assert [one.summary for one in errors(found)] == ["reference does not exist: ${var.x}"]
    assert plain(found, "include") == "${var.x}"

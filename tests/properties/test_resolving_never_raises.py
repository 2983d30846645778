"""No input makes the loader raise, and the same input always gives the same tree and findings.

Inputs are made from a seed: whole bundles with characters changed, and trees with values of any
kind in places where others belong.
"""

from __future__ import annotations

import json
import random

import pytest

from brickyard.bundle import CurrentUser, Facts, Resolved, nodes, references, resolve, resolved_json
from brickyard.values import Severity, excerpt, read_yaml

BUNDLE = """
bundle: {name: shop, databricks_cli_version: ">= 0.200.0"}
include: [more/*.yml]
variables:
  catalog: {default: dev, description: where}
  cluster: {type: complex, default: &c {spark_version: 15.4.x, num_workers: 2}}
  house: {lookup: {warehouse: "Shared ${bundle.target}"}}
presets: {tags: {team: "${var.catalog}"}}
permissions:
  - {level: CAN_VIEW, group_name: users}
run_as: {user_name: jane@x.com}
targets:
  dev: {mode: development, default: true}
  prod:
    mode: production
    workspace: {root_path: "/Workspace/x/${bundle.name}"}
    variables: {catalog: prod}
    resources: {jobs: {a: {tasks: [{task_key: one, max_retries: 2}]}}}
resources:
  jobs:
    a:
      name: Job a
      job_clusters: [{job_cluster_key: k, new_cluster: "${var.cluster}"}]
      schedule: {quartz_cron_expression: "0 0 6 * * ?", timezone_id: UTC}
      tasks:
        - {task_key: one, job_cluster_key: k, notebook_task: {notebook_path: ./src/one.py}}
        - task_key: two
          depends_on: [{task_key: one}]
          sql_task: {warehouse_id: "${var.house}", file: {path: src/q.sql}}
  schemas:
    s: {catalog_name: dev, name: s, grants: [{principal: p, privileges: [SELECT]}]}
  volumes: {v: {catalog_name: dev, schema_name: s, name: v}}
  experiments: {e: {name: "/Users/x/${resources.volumes.v.volume_path}"}}
  model_serving_endpoints:
    m:
      name: m
      config:
        served_entities: [{entity_name: a.b.c, entity_version: 1}]
        traffic_config: {routes: [{served_model_name: c-1, traffic_percentage: 100}]}
artifacts: {w: {type: whl, path: .}}
sync: {include: ["data/**"], exclude: [tmp]}
"""
MORE = "resources: {registered_models: {r: {catalog_name: dev, schema_name: s, name: r}}}\n"
SOURCES = {"src/one.py": b"# Databricks notebook source\n", "src/q.sql": b"select 1"}
FACTS = Facts(user=CurrentUser(user_name="jane@x.com"))
PIECES = (
    *"{}[]:,&*#|>-?!%@`'\"\n\t ~.0aé\x00\ufeff",
    "${var.catalog}",
    "${var.x.y[0]}",
    "${resources.jobs.a.id}",
    "${bundle.name",
    "<<: *c",
    "*c",
    "null",
    "../..",
    "1e999",
    "0x",
    "- ",
    "? ",
    "&a *a",
)
LEAVES = (
    None,
    True,
    0,
    -1,
    10**40,
    1.5,
    float("nan"),
    "",
    "yes",
    "${var.catalog}",
    "${var.cluster}",
    "${var.house}",
    "${variables.catalog.value}",
    "${resources.schemas.s.name}",
    "${bundle}",
    "${workspace.current_user.userName}",
    "${FOO}",
    "a/../../b",
    "/abs",
    [],
    {},
    [[[]]],
    [None],
    {"": None},
    {"a.b[0]": {"default": 1}},
)


def resolved(files: dict[str, bytes], target: str | None) -> Resolved:
    return resolve(files, facts=FACTS, target=target, variables={"catalog": "c"} if target else {})


def check(files: dict[str, bytes], target: str | None) -> None:
    first = resolved(files, target)
    again = resolved(files, target)
    assert resolved_json(first) == resolved_json(again)
    assert first.diagnostics == again.diagnostics
    json.loads(resolved_json(first))
    for node in nodes(first):
        references(node.value)
    for found in first.diagnostics:
        assert found.code
        assert found.summary
        assert found.detail or found.severity is not Severity.ERROR
        for place in found.locations:
            if place.file in files:
                excerpt(files[place.file].decode(errors="replace"), place)


def with_changed_text(rng: random.Random) -> str:
    text = BUNDLE
    for _ in range(rng.randint(1, 6)):
        at = rng.randrange(len(text))
        end = min(len(text), at + rng.choice((0, 0, 1, 3, 20)))
        text = text[:at] + rng.choice(PIECES) + text[end:]
    return text


def with_changed_values(rng: random.Random) -> str:
    tree = read_yaml(BUNDLE, "databricks.yml")[0].plain()
    assert isinstance(tree, dict)
    for _ in range(rng.randint(1, 4)):
        change_one(tree["resources"] if rng.random() < 0.7 else tree, rng)
        if not isinstance(tree.get("resources"), dict):
            break
    return json.dumps(tree)


def change_one(tree: object, rng: random.Random) -> None:
    """Puts some leaf, or a piece of the tree itself, somewhere in the tree."""
    at = tree
    while True:
        if isinstance(at, dict) and at:
            step: object = rng.choice(sorted(at))
        elif isinstance(at, list) and at:
            step = rng.randrange(len(at))
        else:
            return
        below = at[step]  # type: ignore[index]
        if isinstance(below, dict | list) and below and rng.random() < 0.75:
            at = below
            continue
        new = json.loads(json.dumps(rng.choice((*LEAVES, below))))
        if isinstance(at, dict) and rng.random() < 0.3:
            step = rng.choice(("name", "tasks", "", "${var.catalog}", "permissions", "x.y"))
        at[step] = new  # type: ignore[index]
        return


@pytest.mark.parametrize("seed", range(40))
def test_a_bundle_with_changed_characters_never_raises(seed: int) -> None:
    rng = random.Random(seed)
    for _ in range(10):
        text = with_changed_text(rng)
        files = {"databricks.yml": text.encode(), "more/m.yml": MORE.encode(), **SOURCES}
        check(files, rng.choice((None, "dev", "prod", "nope")))


@pytest.mark.parametrize("seed", range(40))
def test_a_bundle_with_changed_values_never_raises(seed: int) -> None:
    rng = random.Random(1000 + seed)
    for _ in range(10):
        text = with_changed_values(rng)
        files = {"databricks.yml": text.encode(), "more/m.yml": MORE.encode(), **SOURCES}
        check(files, rng.choice((None, "dev", "prod")))


@pytest.mark.parametrize(
    "text",
    [
        "a: " + "[" * 5000,
        "a: " + "{a: " * 5000,
        "- " * 3000,
        "x: &a ["
        + "1," * 10
        + "]\n"
        + "".join(
            f"y{n}: &b{n} [{', '.join(['*b' + str(n - 1) if n else '*a'] * 10)}]\n"
            for n in range(12)
        ),
        "variables:\n"
        + "".join(
            f"  v{n}: {{type: complex, default: ['${{var.v{n + 1}}}', '${{var.v{n + 1}}}']}}\n"
            for n in range(40)
        )
        + "  v40: {default: x}\n",
        "variables:\n"
        + "".join(f"  v{n}: {{default: '${{var.v{n + 1}}}${{var.v{n + 1}}}'}}\n" for n in range(50))
        + "  v50: {default: xxxxxxxxxxxxxxx}\n",
    ],
    ids=["lists", "maps", "dashes", "aliases", "doubling", "doubling text"],
)
def test_a_hostile_text_is_refused_in_time(text: str) -> None:
    whole = text if "variables" not in text else "bundle: {name: x}\n" + text
    first = resolve({"databricks.yml": whole.encode()}, facts=FACTS)
    assert first.has_errors


def test_a_long_chain_of_variables_is_followed_to_its_end() -> None:
    links = "".join(f"  v{n}: {{default: '${{var.v{n + 1}}}'}}\n" for n in range(500))
    text = "bundle: {name: x}\nvariables:\n" + links + "  v500: {default: end}\n"
    value = resolve({"databricks.yml": text.encode()}, facts=FACTS).tree.get("variables.v0.value")
    assert value is not None
    assert value.data == "end"

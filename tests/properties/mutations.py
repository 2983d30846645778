"""Broken bundles, made from a seed: what the loader must take without a traceback.

Whole bundles with characters changed, and trees with values of any kind in places where others
belong. Run as a program, it resolves as many as asked for, on every core:

    python tests/properties/mutations.py 200000
"""

from __future__ import annotations

import faulthandler
import json
import os
import random
import sys
import time
from collections import Counter
from concurrent.futures import ProcessPoolExecutor

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
AGENT = """
bundle:
  name: agent
  git: {branch: main}
experimental: {scripts: {prebuild: echo}}
workspace: {root_path: ~/x, artifact_path: /Volumes/dev/s/v}
variables:
  limits: {type: complex, default: {min: 1, max: 4}}
  size: Small
resources:
  apps:
    chat:
      name: chat-${bundle.target}
      source_code_path: ./src
      config: {command: [python, app.py], env: [{name: A, value_from: house}]}
      resources: [{name: house, sql_warehouse: {id: "${resources.sql_warehouses.w.id}"}}]
      lifecycle: {started: true}
  sql_warehouses: {w: {name: w, cluster_size: 2X-Small, min_num_clusters: "${var.limits.min}"}}
  pipelines:
    p:
      name: p
      catalog: dev
      schema: s
      libraries: [{glob: {include: src/**}}, {notebook: {path: src/one.py}}]
      notifications: [{email_recipients: ["${workspace.current_user.userName}"], alerts: [a]}]
  clusters: {c: {spark_version: 15.4.x, autoscale: "${var.limits}", node_type_id: i3.xlarge}}
  dashboards: {d: {display_name: d, warehouse_id: "${var.size}", file_path: d.lvdash.json}}
  vector_search_endpoints: {e: {name: e, endpoint_type: STANDARD}}
  vector_search_indexes:
    i:
      name: dev.s.i
      endpoint_name: "${resources.vector_search_endpoints.e.name}"
      primary_key: id
      index_type: DELTA_SYNC
      delta_sync_index_spec: {source_table: dev.s.t, pipeline_type: TRIGGERED}
  secret_scopes: {k: {name: k, permissions: [{level: READ, group_name: users}]}}
targets:
  a:
    default: true
    presets: {name_prefix: "x_", jobs_max_concurrent_runs: 3, trigger_pause_status: PAUSED}
    resources: {apps: {chat: {description: "${var.size}"}}}
  dev: {mode: development, workspace: {host: "https://x.cloud.databricks.com"}}
  prod: {mode: production, run_as: {service_principal_name: s}, git: {branch: main}}
"""
PATHS = """
bundle: {name: paths, engine: direct}
variables:
  folder: {default: src}
  task: {type: complex, default: {notebook_path: src/one.py}}
python: {}
experimental: {skip_name_prefix_for_schema: true}
workspace: {resource_path: ~/r}
sync: {paths: [".", ./src], include: ["src//*.py", "!src/x"], exclude: [src/]}
resources:
  jobs:
    a:
      name: a
      git_source:
      environments: [{environment_key: e, spec: {dependencies: [./dist/*.whl, -r ./req.txt]}}]
      tasks:
        - task_key: n
          notebook_task: {notebook_path: nb.ipynb}
          libraries: [{whl: dist/*.whl}, {requirements: req.txt}, {jar: x.jar}]
        - {task_key: d, dbt_task: {commands: [dbt run], project_directory: src}, environment_key: e}
        - task_key: f
          for_each_task: {inputs: "[1]", task: {task_key: g, notebook_task: "${var.task}"}}
        - {task_key: l, alert_task: {alert_id: a, workspace_path: src/q.sql}}
    b: {description: "${resources.jobs.a.url}", permissions: [], tasks: []}
  pipelines:
    p:
      name: p
      root_path: "${var.folder}"
      libraries: [{file: {path: "src/*.sql"}}]
      environment: {dependencies: [-e src]}
  dashboards: {d: {display_name: d, warehouse_id: w, file_path: d.lvdash.json, parent_path: x}}
  genie_spaces: {g: {title: g, warehouse_id: w, serialized_space: {b: 1, a: [x]}}}
  alerts: {l: {warehouse_id: w, file_path: l.dbalert.json}}
  apps: {c: {name: c, source_code_path: src}}
  volumes: {v: {name: v}}
artifacts: {w: {path: src, build: echo, files: [{source: dist/*.whl}]}}
targets:
  dev: {mode: development, resources: {jobs: {a: {tasks: [{task_key: n, timeout_seconds: 1}]}}}}
  prod: {mode: production, presets: {name_prefix: "p_"}}
"""
BUNDLES = (BUNDLE, AGENT, PATHS)
MORE = "resources: {registered_models: {r: {catalog_name: dev, schema_name: s, name: r}}}\n"
SOURCES = {
    "src/one.py": b"# Databricks notebook source\n",
    "src/q.sql": b"select 1",
    "nb.ipynb": b'{"cells": [], "metadata": {}, "nbformat": 4}',
    "broken.ipynb": b'{"cells": [',
    "d.lvdash.json": b"{}",
    "l.dbalert.json": b'{"query_lines": ["select 1"], "display_name": 5}',
    "dist/w-0.1-py3-none-any.whl": b"",
    "req.txt": b"x",
}
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
    ".",
    "..",
    "nb.ipynb",
    "broken.ipynb",
    "src",
    "p%zz",
    ":x",
    "1a:b",
    "dbfs:x",
    "[a",
    "**/*",
    "-r ../x",
    "-e p%zz",
    "${resources.jobs.a.url}",
    "${resources.volumes.v.volume_path}",
    "http://[::1",
    "x\x00y",
    "\u202e",
    [],
    {},
    [[[]]],
    [None],
    {"": None},
    {"a.b[0]": {"default": 1}},
)


# Errors about the command line, not about a file: code -> path.
NOWHERE = {"bundle/unknown-variable": "variables", "bundle/unknown-target": "targets"}


def resolved(files: dict[str, bytes], target: str | None) -> Resolved:
    return resolve(files, facts=FACTS, target=target, variables={"catalog": "c"} if target else {})


def check(files: dict[str, bytes], target: str | None) -> list[str]:
    """Resolve a bundle twice and look at what was found; the codes of it."""
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
        if found.severity is Severity.ERROR and not found.locations:
            assert (found.path or "").startswith(NOWHERE.get(found.code, "?")), found
    return [found.code for found in first.diagnostics]


def broken_bundle(seed: int) -> tuple[dict[str, bytes], str | None]:
    """The files of a bundle and the target to resolve it for."""
    rng = random.Random(seed)
    text = with_changed_text(rng) if seed % 2 else with_changed_values(rng)
    files = {"databricks.yml": text.encode(), "more/m.yml": MORE.encode(), **SOURCES}
    return files, rng.choice((None, "dev", "prod", "nope"))


def with_changed_text(rng: random.Random) -> str:
    text = rng.choice(BUNDLES)
    for _ in range(rng.randint(1, 6)):
        at = rng.randrange(len(text))
        end = min(len(text), at + rng.choice((0, 0, 1, 3, 20)))
        text = text[:at] + rng.choice(PIECES) + text[end:]
    return text


def with_changed_values(rng: random.Random) -> str:
    tree = read_yaml(rng.choice(BUNDLES), "databricks.yml")[0].plain()
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


# -- as a program ---------------------------------------------------------------------------------

AT_ONCE = 500
HANGS_AFTER_S = 60


def check_many(first: int) -> Counter[str]:
    """Check `AT_ONCE` bundles; how often each finding came. A hang ends with where it hung."""
    found: Counter[str] = Counter()
    for seed in range(first, first + AT_ONCE):
        faulthandler.dump_traceback_later(HANGS_AFTER_S, exit=True)
        files, target = broken_bundle(seed)
        try:
            found.update(check(files, target))
        except BaseException as error:
            raise AssertionError(f"seed {seed}: {error!r}") from error
    faulthandler.cancel_dump_traceback_later()
    return found


def main(count: int) -> None:
    began = time.monotonic()
    found: Counter[str] = Counter()
    with ProcessPoolExecutor(os.cpu_count()) as workers:
        for done, one in enumerate(workers.map(check_many, range(0, count, AT_ONCE)), 1):
            found.update(one)
            print(f"\r{done * AT_ONCE:,} of {count:,}", end="", file=sys.stderr, flush=True)
    took = time.monotonic() - began
    print(f"\r{count:,} broken bundles in {took:,.0f} s: no traceback, no hang.")
    for code, times in found.most_common():
        print(f"{times:>9,}  {code}")


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 10_000)

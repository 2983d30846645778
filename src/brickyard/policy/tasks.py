"""Tasks of a job, as far as their inputs are known: in the order that they run, once for each input
of a `for_each`, with parameters in which `{{job.parameters.x}}`, `{{input}}` and
`{{tasks.t.values.k}}` are answered.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Final

from brickyard.policy.abstract_values import Known, Unknown, join, text_of, texts_of
from brickyard.policy.library import Task
from brickyard.policy.references import plain_text
from brickyard.policy.sql_session import HOLE
from brickyard.values import Value

DYNAMIC: Final = re.compile(r"\{\{\s*([^}]+?)\s*\}\}")
TASK_VALUE: Final = re.compile(r"tasks\.\"?([\w-]+)\"?\.values\.\"?([\w.-]+)\"?")
IN_A_RUN: Final = Unknown("a parameter that is known only in a run")
INITIAL_CATALOG: Final = ("spark.databricks.sql.initial.catalog.name",
                          "spark.databricks.sql.initial.catalog.namespace")  # fmt: skip
MAX_INPUTS: Final = 50


@dataclass(frozen=True, slots=True, kw_only=True)
class Job:
    """A job while it is followed. `values` is what its tasks hand on to later ones."""

    address: str
    parameters: Mapping[str, Known]
    clusters: Mapping[str, Value]
    has_git_source: bool = False
    values: dict[tuple[str, str], Known] = field(default_factory=dict)
    has_input: bool = False
    input: Known = None
    task_key: str = ""

    @staticmethod
    def of(address: str, job: Value, tree: Value, overrides: Mapping[str, Known]) -> Job:
        parameters: dict[str, Known] = {}
        for one in _elements(job, "parameters"):
            name, default = one.get("name"), one.get("default")
            if name is not None and default is not None:
                text = plain_text(default, tree)
                parameters[name.text] = IN_A_RUN if text == HOLE else text
        clusters = {}
        for one in _elements(job, "job_clusters"):
            key, cluster = one.get("job_cluster_key"), one.get("new_cluster")
            if key is not None and cluster is not None:
                clusters[key.text] = cluster
        return Job(
            address=address,
            parameters={**parameters, **overrides},
            clusters=clusters,
            has_git_source=job.get("git_source") is not None,
        )

    def known(self, value: Value, tree: Value) -> Known:
        """A parameter's value, with its references answered."""
        return self.answered(plain_text(value, tree))

    def answered(self, text: str) -> Known:
        """A text with every `{{…}}` answered; a value as it is where the text is one reference."""
        whole = DYNAMIC.fullmatch(text.strip())
        if whole:
            return self._answer(whole[1])
        found = [""]
        position = 0
        for one in DYNAMIC.finditer(text):
            before = text[position : one.start()]
            options = texts_of(self._answer(one[1]))
            found = [left + before + option for left in found for option in options][:16]
            position = one.end()
        value = join(left + text[position:] for left in found)
        return IN_A_RUN if value == HOLE else value

    def _answer(self, name: str) -> Known:
        if name.startswith("job.parameters."):
            return self.parameters.get(name.removeprefix("job.parameters."), IN_A_RUN)
        if name == "input" and self.has_input:
            return self.input
        if name.startswith("input.") and isinstance(self.input, dict):
            return self.input.get(name.removeprefix("input."), IN_A_RUN)
        if found := TASK_VALUE.fullmatch(name):
            return self.values.get((found[1], found[2]), IN_A_RUN)
        return IN_A_RUN


def tasks_in_order(job: Value) -> Iterator[Value]:
    """The tasks of a job, each after those that it depends on."""
    left = {
        _text(one, "task_key") or str(at): one for at, one in enumerate(_elements(job, "tasks"))
    }
    done: set[str] = set()
    while left:
        ready = [key for key, one in left.items() if not (_needed(one) & set(left)) - {key}]
        for key in ready or [next(iter(left))]:
            done.add(key)
            yield left.pop(key)


def variants(task: Value, job: Job, tree: Value) -> Iterator[Job]:
    """The job as each run of a task sees it: once, or once for each input of a `for_each`."""
    inner = task.get("for_each_task.task")
    key = _text(inner or task, "task_key")
    inputs = task.get("for_each_task.inputs")
    if inputs is None:
        yield replace(job, task_key=key)
        return
    for one in _inputs(job.known(inputs, tree)):
        yield replace(job, task_key=key, has_input=True, input=one)


def task_of(job: Job, task: Value, tree: Value) -> Task:
    """With what a task's code is started."""

    def mapping(path: str) -> dict[str, Known]:
        value = task.get(path)
        return {k: job.known(v, tree) for k, v in (value.items if value else {}).items()}

    def listed(path: str) -> tuple[Known, ...]:
        return tuple(job.known(one, tree) for one in _elements(task, path))

    named = mapping("python_wheel_task.named_parameters")
    arguments = (
        *listed("spark_python_task.parameters"),
        *listed("python_wheel_task.parameters"),
        *(join(f"--{key}={text}" for text in texts_of(value)) for key, value in named.items()),
    )
    environment, settings = _cluster(job, task, tree)
    return Task(
        widgets={
            **mapping("notebook_task.base_parameters"),
            **mapping("sql_task.parameters"),
            **job.parameters,
        },
        arguments=arguments,
        environment=environment,
        settings=settings,
        catalog=next((text_of(settings[k]) for k in INITIAL_CATALOG if k in settings), ""),
        schema="default" if any(key in settings for key in INITIAL_CATALOG) else "",
        task_key=job.task_key,
        values=job.values,
    )


def _cluster(job: Job, task: Value, tree: Value) -> tuple[dict[str, Known], dict[str, Known]]:
    """Variables of the environment and Spark's settings of the cluster that a task runs on."""
    cluster = task.get("new_cluster") or job.clusters.get(_text(task, "job_cluster_key"))
    if cluster is None:
        return {}, {}

    def mapping(key: str) -> dict[str, Known]:
        value = cluster.get(key)
        entries = value.items if value is not None else {}
        return {k: job.known(v, tree) for k, v in entries.items()}

    return mapping("spark_env_vars"), mapping("spark_conf")


def _inputs(value: Known) -> list[Known]:
    """What a `for_each` runs over, or one input that isn't known."""
    found: Any = value
    if isinstance(value, str):
        try:
            found = json.loads(value)
        except ValueError:
            found = None
    if not isinstance(found, list) or not found:
        return [Unknown("an input that is known only in a run")]
    return [str(one) if isinstance(one, int | float) else one for one in found[:MAX_INPUTS]]


def _needed(task: Value) -> set[str]:
    return {_text(one, "task_key") for one in _elements(task, "depends_on")}


def _elements(value: Value, path: str) -> tuple[Value, ...]:
    found = value.get(path)
    return found.elements if found is not None else ()


def _text(value: Value, path: str) -> str:
    found = value.get(path)
    return found.text if found is not None else ""

"""What a run of a job is given: values of job parameters, or parameters of tasks by their type.

Follows the official CLI: a job that declares parameters takes job parameters only, whichever; what
it has not declared is the service's to refuse. Words behind `--` become job parameters, or what the
one type of task that the job has takes.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from brickyard.deploy.run import RunRefused

# Fields of `run-now` whose values have names; those of the others are lists.
MAPS: Final = ("notebook_params", "pipeline_params", "python_named_params", "sql_params")
# What words behind `--` are for a job with one type of task.
WORDS: Final[Mapping[str, str]] = {
    "notebook_task": "notebook_params",
    "spark_jar_task": "jar_params",
    "spark_python_task": "python_params",
    "python_wheel_task": "python_params",
    "spark_submit_task": "spark_submit_params",
}
TRUTHS: Final = {"true": True, "1": True, "t": True, "false": False, "0": False, "f": False}


@dataclass(frozen=True, slots=True, kw_only=True)
class RunParameters:
    """`job` by name; `tasks` by field of `run-now`; `words` as they stand behind `--`."""

    job: Mapping[str, str] = field(default_factory=dict)
    tasks: Mapping[str, Any] = field(default_factory=dict)
    words: Sequence[str] = ()


def run_request(settings: Mapping[str, Any], given: RunParameters) -> dict[str, Any]:
    """The fields of `run-now` for a job with these settings. Raises `RunRefused`."""
    declared = [str(parameter["name"]) for parameter in settings.get("parameters") or ()]
    job, tasks = dict(given.job), {name: value for name, value in given.tasks.items() if value}
    kinds = {
        kind for task in settings.get("tasks") or () for kind in task if kind.endswith("_task")
    }
    if given.words:
        _take_words(given.words, declared, kinds, job, tasks)
    if declared and tasks:
        raise RunRefused(
            "the job to run defines job parameters; specifying task parameters is not allowed"
        )
    if job and not declared:
        raise RunRefused(
            "the job to run does not define job parameters; specifying job parameters is not"
            " allowed"
        )
    if "pipeline_params" in tasks:
        tasks["pipeline_params"] = _refresh(tasks["pipeline_params"])
    return {**({"job_parameters": job} if job else {}), **tasks}


def _take_words(
    words: Sequence[str],
    declared: Sequence[str],
    kinds: set[str],
    job: dict[str, str],
    tasks: dict[str, Any],
) -> None:
    if declared:
        job.update(_pairs(words))
        return
    name = WORDS.get(next(iter(kinds))) if len(kinds) == 1 else None
    if name is None:
        raise RunRefused(f"received {len(words)} unexpected positional arguments")
    if name in MAPS:
        tasks[name] = {**tasks.get(name, {}), **_pairs(words)}
    else:
        tasks[name] = [*tasks.get(name, ()), *words]


def _pairs(words: Sequence[str]) -> dict[str, str]:
    """`--name=value` and `--name value`."""
    found: dict[str, str] = {}
    rest = list(words)
    while rest:
        name, equals, value = rest.pop(0).partition("=")
        if not name.startswith("--") or (not equals and not rest):
            raise RunRefused(f"received {len(rest) + 1} unexpected positional arguments")
        found[name[2:]] = value if equals else rest.pop(0)
    return found


def _refresh(given: Mapping[str, str]) -> dict[str, bool]:
    truth = TRUTHS.get(str(given.get("full_refresh", "")).lower())
    if truth is None:
        raise RunRefused("job run argument --pipeline-params only supports `full_refresh=<bool>`")
    return {"full_refresh": truth}

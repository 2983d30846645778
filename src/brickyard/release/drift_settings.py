"""`drift` of `brickyard.yml`: what is looked at besides configuration and code, and its limits.

drift:
  configuration:
    ignore: ["resources.jobs.*.tags.*"]
  data:
    - monitor: flights                  # key of a quality monitor of the bundle
      in: [staging, prod]               # environments that have it; default: all
      require: {fare.percent_null: "<= 5"}
    - table: flights                    # in a schema of the bundle, or a full name
      schema: quality
      columns: {fare: {psi: "<= 0.2", ks_pvalue: ">= 0.01"}}
  evaluation:
    - {metric: rule_recall, fall: 0.05}
  code: {branch: main, behind: "<= 20"}
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final

from brickyard.release.distances import KNOWN
from brickyard.release.requirements import Requirement
from brickyard.release.step_kinds import FLAG, LIMIT, REQUIRE, TEXT, TEXT_OR_LIST
from brickyard.release.step_settings import read_requirements, texts, unknown_keys
from brickyard.values import Diagnostic, Value, did_you_mean, error

Json = dict[str, Any]

KEYS: Final = frozenset({"configuration", "data", "evaluation", "code"})
DATA_KEYS: Final = frozenset(
    {"monitor", "table", "schema", "baseline", "columns", "require", "refresh", "warehouse", "in"}
)
SCORE_KEYS: Final = frozenset({"metric", "fall", "rise", "experiment"})
CODE_KEYS: Final = frozenset({"branch", "behind"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Watched:
    """A monitor of the bundle, or a table against its baseline (by default as released)."""

    monitor: str = ""
    table: str = ""
    schema: str = ""
    baseline: str = ""
    warehouse: str = ""
    refresh: bool = False
    requirements: tuple[Requirement, ...] = ()  # of a monitor, named `fare.percent_null`
    columns: Mapping[str, tuple[Requirement, ...]]  # of a table: column -> distances
    environments: tuple[str, ...] = ()  # none: all

    def is_in(self, environment: str) -> bool:
        return not self.environments or environment in self.environments


@dataclass(frozen=True, slots=True, kw_only=True)
class Score:
    """A score that may not fall (or rise) by more than this since the release."""

    metric: str
    fall: float | None = None
    rise: float | None = None
    experiment: str = ""  # where later runs are, by path


@dataclass(frozen=True, slots=True, kw_only=True)
class DriftSettings:
    ignore: tuple[str, ...] = ()
    data: tuple[Watched, ...] = ()
    scores: tuple[Score, ...] = ()
    branch: str = ""
    behind: Requirement | None = None


def read_drift(
    tree: Value | None, environments: Collection[str] = ()
) -> tuple[DriftSettings, list[Diagnostic]]:
    """The section decoded, and what is wrong with it; `environments` are all that there are."""
    if tree is None:
        return DriftSettings(), []
    faults = list(unknown_keys(tree, KEYS, "drift"))
    if tree.kind not in {"map", "nil"}:
        faults.append(_fault(tree, "drift is not a mapping", "Write `drift: {data: […]}`."))
    configuration, code = tree.get("configuration"), tree.get("code")
    data, more = _list(tree.get("data"), "data", _watched)
    scores, yet = _list(tree.get("evaluation"), "evaluation", _score)
    faults += [*more, *yet, *_environment_faults(tree.get("data"), environments)]
    if configuration is not None:
        faults += unknown_keys(configuration, frozenset({"ignore"}), "drift.configuration")
    behind: tuple[Requirement, ...] = ()
    if code is not None:
        faults += unknown_keys(code, CODE_KEYS, "drift.code")
        limit = code.get("behind")
        behind, bad = read_requirements(Value({"behind": limit}, code.locations) if limit else None)
        faults += bad
    branch = code.get("branch") if code is not None else None
    made = DriftSettings(
        ignore=texts(configuration.get("ignore")) if configuration is not None else (),
        data=data,
        scores=scores,
        branch=branch.text if branch is not None else "",
        behind=behind[0] if behind else None,
    )
    return made, faults


def _list(tree: Value | None, name: str, one: Any) -> tuple[tuple[Any, ...], list[Diagnostic]]:
    if tree is None or tree.kind == "nil":
        return (), []
    if tree.kind != "sequence":
        return (), [
            _fault(tree, f"drift.{name} is not a list", f"Write `{name}:` and `- …` items.")
        ]
    found, faults = [], []
    for at, element in enumerate(tree.elements):
        made, bad = one(element, f"drift.{name}[{at}]")
        found.append(made)
        faults += bad
    return tuple(one for one in found if one is not None), faults


def _watched(tree: Value, path: str) -> tuple[Watched | None, list[Diagnostic]]:
    faults = list(unknown_keys(tree, DATA_KEYS, path))
    named = [key for key in ("monitor", "table") if tree.get(key) is not None]
    if len(named) != 1:
        detail = "Name one with `monitor: <key>` or `table: <name>`."
        return None, [*faults, _fault(tree, "what drifts is not named", detail)]
    requirements, bad = read_requirements(tree.get("require"))
    faults += bad
    columns: dict[str, tuple[Requirement, ...]] = {}
    given = tree.get("columns")
    for name, limits in (given.items if given is not None else {}).items():
        columns[name], bad = read_requirements(limits)
        faults += [*bad, *_distance_faults(limits)]
    wants = requirements if named == ["monitor"] else columns
    if not wants and not faults:
        key = "require" if named == ["monitor"] else "columns"
        faults.append(_fault(tree, "nothing is required of it", f"Add `{key}: …`."))
    text = {
        key: (tree.get(key) or Value("")).text for key in DATA_KEYS - {"require", "columns", "in"}
    }
    refresh = tree.get("refresh")
    made = Watched(
        monitor=text["monitor"],
        table=text["table"],
        schema=text["schema"],
        baseline=text["baseline"],
        warehouse=text["warehouse"],
        refresh=refresh is not None and refresh.data is True,
        requirements=requirements,
        columns=columns,
        environments=texts(tree.get("in")),
    )
    return made, faults


def _environment_faults(tree: Value | None, environments: Collection[str]) -> Iterator[Diagnostic]:
    for one in tree.elements if tree is not None and environments else ():
        place = one.get("in")
        for name in texts(place):
            if place is not None and name not in environments:
                detail = f"`{name}` is none. {did_you_mean(name, environments)}".strip()
                yield _fault(place, "`in` names no environment", detail)


def _distance_faults(limits: Value) -> Iterator[Diagnostic]:
    for name, limit in limits.items.items():
        if name not in KNOWN:
            detail = f"It is one of {', '.join(sorted(KNOWN))}. {did_you_mean(name, KNOWN)}"
            yield _fault(limit, "a distance that is not known", detail.strip())


def _score(tree: Value, path: str) -> tuple[Score | None, list[Diagnostic]]:
    faults = list(unknown_keys(tree, SCORE_KEYS, path))
    metric, experiment = tree.get("metric"), tree.get("experiment")
    numbers: dict[str, float] = {}
    for key in ("fall", "rise"):
        value = tree.get(key)
        if value is not None and value.kind in {"int", "float"} and float(str(value.data)) >= 0:
            numbers[key] = float(str(value.data))
        elif value is not None:
            faults.append(_fault(value, f"`{key}` is not a number", "Write `fall: 0.05`."))
    if metric is None or not metric.text or not (numbers or faults):
        detail = "Write `- {metric: recall, fall: 0.05}`."
        faults.append(_fault(tree, "a score without its name or its limit", detail))
    if metric is None:
        return None, faults
    made = Score(
        metric=metric.text,
        fall=numbers.get("fall"),
        rise=numbers.get("rise"),
        experiment=experiment.text if experiment is not None else "",
    )
    return made, faults


def drift_schema() -> Json:
    """The JSON schema of the section."""
    limits = {
        "type": "object",
        "properties": dict.fromkeys(sorted(KNOWN), LIMIT),
        "additionalProperties": False,
        "minProperties": 1,
    }
    watched = {
        "type": "object",
        "properties": {
            "monitor": {**TEXT, "description": "Key of a quality monitor of the bundle."},
            "refresh": {**FLAG, "description": "Refresh the monitor first; default: read it."},
            "require": REQUIRE,
            "table": {**TEXT, "description": "A table: its full name, or its name in `schema`."},
            "schema": {**TEXT, "description": "Key of a schema of the bundle."},
            "baseline": {
                **TEXT,
                "description": "Table to compare with; default: this one as it was released.",
            },
            "columns": {"type": "object", "additionalProperties": limits, "minProperties": 1},
            "warehouse": {**TEXT, "description": "Key or id of a SQL warehouse; default: any."},
            "in": {**TEXT_OR_LIST, "description": "Environments that have it; default: all."},
        },
        "oneOf": [{"required": ["monitor", "require"]}, {"required": ["table", "columns"]}],
        "additionalProperties": False,
    }
    number = {"type": "number", "minimum": 0}
    score = {
        "type": "object",
        "properties": {
            "metric": TEXT,
            "fall": {**number, "description": "How far it may fall since the release."},
            "rise": {**number, "description": "How far it may rise since the release."},
            "experiment": {**TEXT, "description": "Path of the experiment with later runs."},
        },
        "required": ["metric"],
        "anyOf": [{"required": ["fall"]}, {"required": ["rise"]}],
        "additionalProperties": False,
    }
    code = {
        "type": ["object", "null"],
        "properties": {
            "branch": {**TEXT, "description": "Default: the environment's first branch."},
            "behind": {**LIMIT, "description": "How many commits it may be behind."},
        },
        "additionalProperties": False,
    }
    configuration = {
        "type": ["object", "null"],
        "properties": {"ignore": {"type": "array", "items": TEXT}},
        "additionalProperties": False,
    }
    return {
        "type": ["object", "null"],
        "properties": {
            "configuration": configuration,
            "data": {"type": ["array", "null"], "items": watched},
            "evaluation": {"type": ["array", "null"], "items": score},
            "code": code,
        },
        "additionalProperties": False,
        "description": "What `brickyard drift` looks at, and its limits.",
    }


def _fault(tree: Value, summary: str, detail: str) -> Diagnostic:
    return error("release/settings", summary, detail, at=tree.locations)

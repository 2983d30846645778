"""Two releases side by side: code, configuration, prompts, models, indexes, data, scores.

Code and configuration come from Git: both commits are resolved again, offline, for the release's
target. Where a commit is not in this clone, that is said, and the digests still tell whether they
differ.
"""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

from brickyard.bundle import resolved_json
from brickyard.deploy import load_project
from brickyard.release.checkout import (
    GitFault,
    changed_files,
    checked_out,
    commits_between,
    find_commit,
)
from brickyard.release.records import ReleaseRecord

SECTIONS: Final = ("prompts", "models", "endpoints", "indexes", "apps", "data", "artifacts")
MOST_SHOWN: Final = 200


def compare_releases(root: Path, before: ReleaseRecord, after: ReleaseRecord) -> dict[str, Any]:
    """The differences by kind; an empty section says that there are none."""
    return {
        "before": _head(before),
        "after": _head(after),
        "code": _code(root, before, after),
        "configuration": _configuration(root, before, after),
        **{name: _maps(getattr(before, name), getattr(after, name)) for name in SECTIONS},
        "scores": _scores(before.evaluation, after.evaluation),
        "gate": {"before": list(before.gate), "after": list(after.gate)},
    }


def lines(found: Mapping[str, Any]) -> list[str]:
    """The comparison as text, for a person."""
    before, after = found["before"], found["after"]
    heads = [
        f"{one['sequence']} ({one['commit'][:10]}, {one['result']})" for one in (before, after)
    ]
    said = [f"Release {heads[0]} against {heads[1]}"]
    code = found["code"]
    if code.get("unknown"):
        said.append(f"code: {code['unknown']}")
    said += [f"commit {one}" for one in code.get("commits", ())]
    said += [f"code: {one['status']} {one['file']}" for one in code.get("files", ())]
    configuration = found["configuration"]
    if configuration.get("unknown"):
        said.append(f"configuration: {configuration['unknown']}")
    for name in ("configuration", *SECTIONS):
        for path, change in (found[name].get("changes") or {}).items():
            said.append(f"{name}: {path}: {_shown(change['before'])} -> {_shown(change['after'])}")
    for name, score in found["scores"].items():
        change = score.get("change")
        by = f" ({change:+.4g})" if change is not None else ""
        said.append(f"score: {name}: {_shown(score['before'])} -> {_shown(score['after'])}{by}")
    return said if len(said) > 1 else [*said, "no difference"]


def _head(record: ReleaseRecord) -> dict[str, Any]:
    names = ("sequence", "kind", "commit", "subject", "author", "who", "started", "result")
    return {name: getattr(record, name) for name in names}


def _code(root: Path, before: ReleaseRecord, after: ReleaseRecord) -> dict[str, Any]:
    if before.commit == after.commit:
        return {"commits": [], "files": []}
    try:
        old, new = find_commit(root, before.commit), find_commit(root, after.commit)
        return {
            "commits": list(commits_between(old, new)),
            "files": [{"status": status, "file": file} for status, file in changed_files(old, new)],
        }
    except GitFault as fault:
        return {"unknown": str(fault)}


def _configuration(root: Path, before: ReleaseRecord, after: ReleaseRecord) -> dict[str, Any]:
    if before.configuration_digest == after.configuration_digest:
        return {"changes": {}}
    try:
        trees = [_resolved(root, one) for one in (before, after)]
    except GitFault as fault:
        return {"changes": {}, "unknown": f"it differs; {fault}"}
    found = _maps(trees[0], trees[1])
    if found["changes"]:
        return found
    return {**found, "unknown": "it differs outside resources: by variables or by who released"}


def _resolved(root: Path, record: ReleaseRecord) -> dict[str, Any]:
    with checked_out(find_commit(root, record.commit)) as folder:
        project = load_project(folder, record.target, environment=dict(os.environ))
        resources = json.loads(resolved_json(project.resolved)).get("resources")
    return resources if isinstance(resources, dict) else {}


def _maps(before: Any, after: Any) -> dict[str, Any]:
    old, new = dict(_leaves(before)), dict(_leaves(after))
    paths = sorted(path for path in {*old, *new} if old.get(path) != new.get(path))
    changes = {path: {"before": old.get(path), "after": new.get(path)} for path in paths}
    return {"changes": dict(list(changes.items())[:MOST_SHOWN])}


def _leaves(value: Any, path: str = "") -> list[tuple[str, Any]]:
    if isinstance(value, Mapping) and value:
        return [
            leaf
            for key, one in value.items()
            for leaf in _leaves(one, f"{path}.{key}" if path else str(key))
        ]
    if isinstance(value, list | tuple) and value:
        return [leaf for at, one in enumerate(value) for leaf in _leaves(one, f"{path}[{at}]")]
    return [(path, value)] if path else []


def _scores(before: Mapping[str, Any], after: Mapping[str, Any]) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for name in sorted({*before, *after}):
        old, new = before.get(name), after.get(name)
        if old == new:
            continue
        found[name] = {"before": old, "after": new}
        if isinstance(old, int | float) and isinstance(new, int | float):
            found[name]["change"] = new - old
    return found


def _shown(value: Any) -> str:
    if value is None:
        return "none"
    text = f"{value:.4g}" if isinstance(value, float) else str(value)
    return text if len(text) <= 80 else text[:79] + "…"

"""Steps about versions of models and prompts: registering, copying, pointing an alias at one."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from brickyard.deploy import Project
from brickyard.release.faults import StepFailed
from brickyard.release.model_copies import copy_version, origin_of, register_source
from brickyard.release.versions import (
    alias_version,
    prompt_alias_version,
    register_prompt,
    set_alias,
    set_prompt_alias,
)

if TYPE_CHECKING:
    from brickyard.release.rollout import Rollout
    from brickyard.release.step_settings import RolloutStep


def move_alias(rollout: Rollout, step: RolloutStep) -> Mapping[str, Any]:
    """Point an alias of a model or prompt at a version."""
    alias, version = str(step.subject), str(step.options.get("version", ""))
    model, prompt = step.options.get("model"), step.options.get("prompt")
    if bool(model) == bool(prompt) or not version.isdigit():
        raise StepFailed(f"{step.name}: an alias needs `model` or `prompt`, and a `version`")
    if prompt:
        return _move_prompt_alias(rollout, step, str(prompt), alias, version)
    name = rollout.id_of("registered_models", model)
    before = alias_version(rollout.project, name, alias)
    kept = {"what": "alias", "name": name, "alias": alias, "version": before}
    before = str(rollout.journal.remember(kept)["version"])
    set_alias(rollout.project, name, alias, version)
    rollout.note(
        model=name,
        model_version=version,
        alias=alias,
        models={name: {"version": version, "aliases": {alias: version}}},
    )
    rollout.say(step.name, f"{name}@{alias} is version {version}")
    return {"model": name, "version": version, "previous": before}


def _move_prompt_alias(
    rollout: Rollout, step: RolloutStep, prompt: str, alias: str, version: str
) -> Mapping[str, Any]:
    before = prompt_alias_version(rollout.project, prompt, alias)
    kept = {"what": "prompt_alias", "name": prompt, "alias": alias, "version": before}
    before = str(rollout.journal.remember(kept)["version"])
    set_prompt_alias(rollout.project, prompt, alias, version)
    rollout.note(prompts={prompt: {"version": version, "aliases": {alias: version}}})
    rollout.say(step.name, f"prompt {prompt}@{alias} is version {version}")
    return {"prompt": prompt, "version": version, "previous": before}


def register_prompt_step(rollout: Rollout, step: RolloutStep) -> Mapping[str, Any]:
    """Register a prompt's template; the version that has it already is taken."""
    path = str(step.options.get("template") or "")
    content = rollout.read_file(path)
    if content is None:
        raise StepFailed(f"{step.name}: the template file `{path}` is not in the bundle")
    schema = step.options.get("schema")
    name = f"{rollout.id_of('schemas', schema)}.{step.subject}" if schema else str(step.subject)
    digest = hashlib.sha256(content).hexdigest()
    version, is_new = register_prompt(
        rollout.project,
        name,
        content.decode(),
        digest=digest,
        commit=rollout.commit,
        description=str(step.options.get("description") or ""),
    )
    rollout.note(prompts={name: {"version": version, "digest": digest, "file": path}})
    said = f"registered version {version}" if is_new else f"version {version} has it already"
    rollout.say(step.name, f"prompt {name}: {said}")
    return {"prompt": name, "version": version, "digest": digest, "is_new": is_new}


def register_model(rollout: Rollout, step: RolloutStep) -> Mapping[str, Any]:
    """Register what a run logged; the version that came from it already is taken.

    Promoting by model, the version that the environment before serves is copied instead.
    """
    if rollout.source is not None:
        return copy_model(rollout, step, str(step.subject))
    name = rollout.id_of("registered_models", step.subject)
    source = str(step.options.get("source") or "")
    if not source:
        raise StepFailed(f"{step.name}: `source` names no logged model, such as `models:/m-…`")
    version, is_new = register_source(
        rollout.project, name, source, str(step.options.get("description") or "")
    )
    return _left(rollout, step, name, version, "registered" if is_new else "found", source=source)


def copy_model(rollout: Rollout, step: RolloutStep, key: str) -> Mapping[str, Any]:
    """Promoting by model: copy the version that the environment before serves."""
    assert rollout.source is not None
    name = rollout.id_of("registered_models", key)
    origin = _origin(rollout.source, rollout.source_models, key)
    rollout.doing(step.name, f"copying {origin['model']} version {origin['version']}")
    version, is_new = copy_version(rollout.project, rollout.source, name, origin)
    said = "copied" if is_new else "found"
    uri = f"models:/{origin['model']}/{origin['version']}"
    left = _left(rollout, step, name, version, said, copied_from=origin)
    return {**left, "model_version": version, "source": uri}


def _origin(source: Project, models: Mapping[str, Any], key: str) -> dict[str, str]:
    """The bundle's model in the environment before, and the version that it serves there."""
    entry = source.store.pull().state.entries.get(f"resources.registered_models.{key}")
    version = (models.get(entry.id) or {}).get("version") if entry is not None else None
    if entry is None or not version:
        known = ", ".join(models) or "none"
        raise StepFailed(
            f"the environment before serves no version of registered_models.{key}: its live release"
            f" has {known}"
        )
    return origin_of(source, entry.id, str(version))


def _left(
    rollout: Rollout, step: RolloutStep, name: str, version: str, said: str, **lineage: Any
) -> Mapping[str, Any]:
    rollout.note(models={name: {"version": version, **lineage}})
    rollout.say(step.name, f"{said} {name} version {version}")
    return {"model": name, "version": version, **lineage}

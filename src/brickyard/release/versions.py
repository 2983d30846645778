"""Versions of models and prompts in Unity Catalog, and the aliases that point at them.

Follows the SDK's `RegisteredModelsAPI` and MLflow's store of prompts (`mlflow/protos/
unity_catalog_prompt_service.proto`), by REST: MLflow takes four seconds to import.
"""

from __future__ import annotations

import json
from typing import Any, Final
from urllib.parse import quote

from brickyard.deploy import ApiFailure, Project

MODELS: Final = "/api/2.1/unity-catalog/models"
PROMPTS: Final = "/api/2.0/mlflow/unity-catalog/prompts"
TEXT_PROMPT: Final = {"key": "_mlflow_prompt_type", "value": "text"}
DIGEST: Final = "brickyard.digest"
COMMIT: Final = "brickyard.commit"


def alias_version(project: Project, model: str, alias: str) -> str:
    """The version that a model's alias points to, or ''."""
    return _version_at(project, _model_alias(model, alias))


def set_alias(project: Project, model: str, alias: str, version: str) -> None:
    """Point an alias at a version; with none, take it away. Nothing is sent where it is so."""
    path = _model_alias(model, alias)
    if _version_at(project, path) == version:
        return
    if version:
        project.workspace.call("PUT", path, body={"version_num": int(version)})
    else:
        project.workspace.call("DELETE", path)


def prompt_alias_version(project: Project, prompt: str, alias: str) -> str:
    """The version that a prompt's alias points to, or ''."""
    return _version_at(project, f"{PROMPTS}/{quote(prompt)}/versions/by-alias/{_one(alias)}")


def set_prompt_alias(project: Project, prompt: str, alias: str, version: str) -> None:
    """As `set_alias`, for a prompt."""
    if prompt_alias_version(project, prompt, alias) == version:
        return
    path = f"{PROMPTS}/{quote(prompt)}/aliases/{_one(alias)}"
    if version:
        body = {"name": prompt, "alias": alias, "version": version}
        project.workspace.call("POST", path, body=body)
    else:
        project.workspace.call("DELETE", path)


def register_prompt(
    project: Project, prompt: str, template: str, *, digest: str, commit: str, description: str
) -> tuple[str, bool]:
    """The version with this template, and whether it was made now.

    The newest version that says it has the digest is taken: registering twice makes one.
    """
    base = f"{PROMPTS}/{quote(prompt)}"
    try:
        project.workspace.get(base)
    except ApiFailure as failure:
        if not failure.is_missing:
            raise
        info = {"name": prompt, **({"description": description} if description else {})}
        try:
            project.workspace.post(PROMPTS, {"name": prompt, "prompt": info})
        except ApiFailure as raced:
            if not raced.is_conflict:
                raise
    found = _version_with(project, base, digest)
    if found:
        return found, False
    version = {
        "name": prompt,
        "template": json.dumps(template),
        "description": description or f"commit {commit[:10]}",
        "tags": [
            TEXT_PROMPT,
            {"key": DIGEST, "value": digest},
            {"key": COMMIT, "value": commit},
        ],
    }
    made = project.workspace.post(f"{base}/versions", {"name": prompt, "prompt_version": version})
    return str(made["version"]), True


def _version_with(project: Project, base: str, digest: str) -> str:
    body: dict[str, Any] = {"max_results": 100}
    highest = 0
    while True:
        page = project.workspace.post(f"{base}/versions/search", body)
        for one in page.get("prompt_versions") or ():
            tags = {tag.get("key"): tag.get("value") for tag in one.get("tags") or ()}
            if tags.get(DIGEST) == digest:
                highest = max(highest, int(one["version"]))
        token = page.get("next_page_token")
        if not token:
            return str(highest) if highest else ""
        body = {**body, "page_token": token}


def _model_alias(model: str, alias: str) -> str:
    return f"{MODELS}/{quote(model)}/aliases/{_one(alias)}"


def _version_at(project: Project, path: str) -> str:
    try:
        found = project.workspace.get(path)
    except ApiFailure as failure:
        if not failure.is_missing:
            raise
        return ""
    return str(found.get("version") or found.get("version_num") or "")


def _one(text: str) -> str:
    return quote(text, safe="")

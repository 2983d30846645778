"""The system prompt as a versioned prompt of Unity Catalog."""

from __future__ import annotations

from typing import TYPE_CHECKING

import mlflow
from mlflow.exceptions import MlflowException

if TYPE_CHECKING:
    from mlflow.entities.model_registry import PromptVersion


def register_prompt(name: str, template: str) -> PromptVersion:
    """The newest version when it has this text, otherwise a new one."""
    newest = _newest(name)
    if newest is not None and newest.template == template:
        return newest
    return mlflow.genai.register_prompt(name=name, template=template)


def _newest(name: str) -> PromptVersion | None:
    try:
        versions = list(mlflow.MlflowClient().search_prompt_versions(name))
    except MlflowException as fault:
        if fault.error_code in ("RESOURCE_DOES_NOT_EXIST", "NOT_FOUND"):
            return None
        raise
    return max(versions, key=lambda one: int(one.version), default=None)

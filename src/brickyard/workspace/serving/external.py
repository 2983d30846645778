"""External models: which provider, which model, and with whose key.

Decodes `ExternalModel` of the SDK. A key is a reference to a secret, or plain text, which is sealed
before it is kept and never shown. Refused: providers whose protocol is not spoken here.
"""

from __future__ import annotations

import base64
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from brickyard.workspace.kernel import invalid
from brickyard.workspace.secrets.engine import REFERENCE
from brickyard.workspace.secrets.sealing import Seal

CHAT, COMPLETIONS, EMBEDDINGS = "llm/v1/chat", "llm/v1/completions", "llm/v1/embeddings"
TASKS: Final = (CHAT, COMPLETIONS, EMBEDDINGS)
PLAIN: Final = "_plaintext"
SEALED: Final = "sealed"


@dataclass(frozen=True, slots=True, kw_only=True)
class Provider:
    """One kind of provider as the API has it: where its settings are and which are secret."""

    config: str
    keys: tuple[str, ...]  # secrets, of which one at least is needed unless `optional`
    required: tuple[str, ...] = ()
    optional: bool = False
    refused: str = ""  # why it is not spoken here


PROVIDERS: Final[Mapping[str, Provider]] = {
    "openai": Provider(
        config="openai_config",
        keys=("openai_api_key", "microsoft_entra_client_secret"),
    ),
    "anthropic": Provider(config="anthropic_config", keys=("anthropic_api_key",)),
    "cohere": Provider(config="cohere_config", keys=("cohere_api_key",)),
    "ai21labs": Provider(config="ai21labs_config", keys=("ai21labs_api_key",)),
    "databricks-model-serving": Provider(
        config="databricks_model_serving_config",
        keys=("databricks_api_token",),
        required=("databricks_workspace_url",),
    ),
    "custom": Provider(
        config="custom_provider_config",
        keys=(),
        required=("custom_provider_url",),
        optional=True,
    ),
    "amazon-bedrock": Provider(
        config="amazon_bedrock_config", keys=(), refused="it signs requests with an AWS identity"
    ),
    "google-cloud-vertex-ai": Provider(
        config="google_cloud_vertex_ai_config",
        keys=(),
        refused="it takes tokens of a Google Cloud service account",
    ),
    "palm": Provider(config="palm_config", keys=(), refused="its API was switched off by Google"),
}
# Keys one level deeper: the two ways to authenticate at a custom provider.
NESTED: Final[Mapping[str, str]] = {"api_key_auth": "value", "bearer_token_auth": "token"}


def read_external(given: Any) -> dict[str, Any]:
    """An external model as the API takes it. Raises INVALID_PARAMETER_VALUE."""
    if not isinstance(given, Mapping):
        raise invalid("external_model must be an object")
    name, provider, task = (given.get(key) for key in ("name", "provider", "task"))
    if not isinstance(name, str) or not name:
        raise invalid("external_model.name is required: the model's name at its provider")
    if not isinstance(provider, str) or provider not in PROVIDERS:
        raise invalid(f"external_model.provider must be one of {', '.join(PROVIDERS)}")
    if task not in TASKS:
        raise invalid(f"external_model.task must be one of {', '.join(TASKS)}")
    kind = PROVIDERS[provider]
    if kind.refused:
        raise invalid(
            f"Provider {provider} is not available in this workspace: {kind.refused}. Use provider"
            " openai with openai_api_base, or custom, with a server that speaks OpenAI's API"
        )
    config = given.get(kind.config) or {}
    if not isinstance(config, Mapping):
        raise invalid(f"external_model.{kind.config} must be an object")
    for one in kind.required:
        if not config.get(one):
            raise invalid(f"external_model.{kind.config}.{one} is required")
    found = [_key(config, one, f"external_model.{kind.config}") for one in kind.keys]
    if not any(found) and not kind.optional:
        wanted = kind.keys[0]
        raise invalid(
            f"external_model.{kind.config} needs {wanted} ({{{{secrets/scope/key}}}}) or"
            f" {wanted}{PLAIN}"
        )
    for part, secret in NESTED.items():
        if config.get(part):
            _key(config[part], secret, f"external_model.{kind.config}.{part}")
    return {"name": name, "provider": provider, "task": task, kind.config: dict(config)}


def _key(config: Mapping[str, Any], name: str, where: str) -> bool:
    """Whether a key is given. Raises when it is given twice, or is no reference."""
    reference, plain = config.get(name), config.get(name + PLAIN)
    if reference and plain:
        raise invalid(f"{where} may have {name} or {name}{PLAIN}, not both")
    if reference and not REFERENCE.fullmatch(str(reference)):
        raise invalid(
            f"{where}.{name} must be a reference to a secret, {{{{secrets/scope/key}}}}; a key as"
            f" it is goes into {name}{PLAIN}"
        )
    return bool(reference or plain)


def seal(model: Mapping[str, Any], vault: Seal, *bound: str) -> dict[str, Any]:
    """The same with every plain key sealed and bound to its endpoint."""

    def closed(name: str, value: Any) -> Any:
        if not name.endswith(PLAIN) or not isinstance(value, str):
            return value
        return {SEALED: base64.b64encode(vault.close(value.encode(), *bound, name)).decode()}

    return _walk(model, closed)


def unseal(model: Mapping[str, Any], vault: Seal, *bound: str) -> dict[str, Any]:
    """What `seal` was given: for a request to the provider only."""

    def opened(name: str, value: Any) -> Any:
        if not name.endswith(PLAIN) or not isinstance(value, Mapping):
            return value
        return vault.open(base64.b64decode(value[SEALED]), *bound, name).decode()

    return _walk(model, opened)


def shown(model: Mapping[str, Any]) -> dict[str, Any]:
    """As the API shows it: references stay, plain keys are left out."""
    return {
        name: shown(value) if isinstance(value, Mapping) else value
        for name, value in model.items()
        if not name.endswith(PLAIN)
    }


def _walk(model: Mapping[str, Any], change: Any) -> dict[str, Any]:
    return {
        name: _walk(value, change)
        if isinstance(value, Mapping) and not name.endswith(PLAIN)
        else change(name, value)
        for name, value in model.items()
    }

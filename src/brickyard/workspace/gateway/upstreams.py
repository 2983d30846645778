"""What is behind a served entity that no process of ours serves: a provider and how to reach it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final

from brickyard.workspace.gateway.configuration import Configuration, key_for
from brickyard.workspace.gateway.dialects.anthropic import Anthropic
from brickyard.workspace.gateway.dialects.dialect import Dialect
from brickyard.workspace.gateway.dialects.openai import PATHS, OpenAi
from brickyard.workspace.kernel import invalid
from brickyard.workspace.serving.external import PLAIN

TIMEOUT_S: Final = 300.0
OPENAI: Final = "https://api.openai.com/v1"
ANTHROPIC: Final = "https://api.anthropic.com"
COHERE: Final = "https://api.cohere.ai/compatibility/v1"
AI21: Final = "https://api.ai21.com/studio/v1"
AZURE: Final = ("azure", "azuread")

Secret = Callable[[str], str]


@dataclass(frozen=True, slots=True, kw_only=True)
class Upstream:
    provider: str  # as messages name it
    dialect: Dialect
    base: str
    model: str
    timeout_s: float = TIMEOUT_S


def foundation(
    configuration: Configuration, endpoint: str, workspace: str, secret: Secret
) -> Upstream | None:
    """What the configuration names for a foundation model; None: the offline model."""
    found = configuration.model(endpoint, workspace)
    if found is None:
        return None
    model, provider = found
    key = key_for(provider, model.provider, workspace, secret)
    extra = provider.headers or {}
    dialect: Dialect
    if provider.kind == "anthropic":
        dialect = Anthropic(key=key)
    elif provider.kind == "databricks":
        dialect = _databricks(key)
    else:
        dialect = OpenAi(headers={**_bearer(key), **extra})
    return Upstream(
        provider=model.provider,
        dialect=dialect,
        base=provider.url,
        model=model.model,
        timeout_s=provider.timeout_s,
    )


def external(model: Mapping[str, Any], secret: Secret) -> Upstream:
    """What an external model of the API names, its keys open. `secret` resolves references."""
    provider = str(model["provider"])
    make = _EXTERNAL[provider]
    dialect, base = make(model, secret)
    return Upstream(provider=provider, dialect=dialect, base=base, model=str(model["name"]))


def _key(config: Mapping[str, Any], name: str, secret: Secret) -> str:
    plain = config.get(name + PLAIN)
    return str(plain) if plain else secret(str(config.get(name) or ""))


def _openai(model: Mapping[str, Any], secret: Secret) -> tuple[Dialect, str]:
    config = model.get("openai_config") or {}
    base = str(config.get("openai_api_base") or OPENAI).rstrip("/")
    kind = str(config.get("openai_api_type") or "openai").lower()
    key = _key(config, "openai_api_key", secret)
    if kind not in AZURE:
        headers = _bearer(key)
        if config.get("openai_organization"):
            headers["OpenAI-Organization"] = str(config["openai_organization"])
        return OpenAi(headers=headers), base
    if not key:
        raise invalid(
            "Signing in with Microsoft Entra ID is not available in this workspace: give"
            " openai_api_key"
        )
    deployment = config.get("openai_deployment_name") or model["name"]
    version = config.get("openai_api_version") or "2024-10-21"
    headers = {"api-key": key} if kind == "azure" else _bearer(key)
    path = f"/openai/deployments/{deployment}{{form}}"
    return OpenAi(headers=headers, path=path, query=f"?api-version={version}"), base


def _anthropic(model: Mapping[str, Any], secret: Secret) -> tuple[Dialect, str]:
    key = _key(model.get("anthropic_config") or {}, "anthropic_api_key", secret)
    return Anthropic(key=key), ANTHROPIC


def _cohere(model: Mapping[str, Any], secret: Secret) -> tuple[Dialect, str]:
    config = model.get("cohere_config") or {}
    key = _key(config, "cohere_api_key", secret)
    return OpenAi(headers=_bearer(key)), str(config.get("cohere_api_base") or COHERE).rstrip("/")


def _ai21(model: Mapping[str, Any], secret: Secret) -> tuple[Dialect, str]:
    key = _key(model.get("ai21labs_config") or {}, "ai21labs_api_key", secret)
    return OpenAi(headers=_bearer(key)), AI21


def _workspace(model: Mapping[str, Any], secret: Secret) -> tuple[Dialect, str]:
    config = model.get("databricks_model_serving_config") or {}
    key = _key(config, "databricks_api_token", secret)
    return _databricks(key), str(config["databricks_workspace_url"]).rstrip("/")


def _custom(model: Mapping[str, Any], secret: Secret) -> tuple[Dialect, str]:
    config = model.get("custom_provider_config") or {}
    headers: dict[str, str] = {}
    if by_key := config.get("api_key_auth"):
        headers[str(by_key["key"])] = _key(by_key, "value", secret)
    if by_token := config.get("bearer_token_auth"):
        headers |= _bearer(_key(by_token, "token", secret))
    base = str(config["custom_provider_url"]).rstrip("/")
    for path in PATHS.values():  # the address of the operation, or the root of all
        base = base.removesuffix(path)
    return OpenAi(headers=headers), base


def _databricks(key: str) -> Dialect:
    path = "/serving-endpoints/{model}/invocations"
    return OpenAi(headers=_bearer(key), path=path, names_model=False)


def _bearer(key: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {key}"} if key else {}


_EXTERNAL: Final[Mapping[str, Callable[[Mapping[str, Any], Secret], tuple[Dialect, str]]]] = {
    "openai": _openai,
    "anthropic": _anthropic,
    "cohere": _cohere,
    "ai21labs": _ai21,
    "databricks-model-serving": _workspace,
    "custom": _custom,
}

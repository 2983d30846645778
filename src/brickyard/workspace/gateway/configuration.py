"""Which models are behind the names: `gateway.yml` in the data directory, or the environment.

    providers:
      ollama:
        kind: openai                  # openai (any server that speaks it), anthropic, databricks
        url: http://127.0.0.1:11434/v1
        key: ${OLLAMA_KEY}            # a variable, {{secrets/scope/key}} of the workspace that
                                      # asks, or one of these for each workspace
        workspaces: [dev, staging]    # who may use it; all by default
        timeout_s: 120
    models:
      databricks-claude-*: {provider: anthropic, model: claude-sonnet-4-5}
      databricks-*: {provider: ollama, model: "llama3.1:8b"}
    prices:                           # of a million tokens, in any one currency
      databricks-*: {input: 0.5, output: 1.5}
    budgets:
      - {name: team, workspace: dev, period: day, cost: 5.0, tokens: 2000000}
    schemas:
      my-endpoint: {input: {...}, output: {...}}
    timeouts: {slow-*: 600}           # seconds
    embedder: lexical                 # of offline embeddings; or minilm, or a folder

Patterns: the most specific (longest) one that fits counts. One key for `prod` and another workspace
is refused: what dev holds must not reach prod's account. Without a file, `BRICKYARD_PROVIDER_URL`,
`_KEY`, `_MODEL`, `_EMBEDDING_MODEL` and `_KIND` name one provider for dev and staging.
"""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any, Final, Literal, TypeVar

from brickyard.workspace.gateway.offline import minilm
from brickyard.workspace.gateway.offline.wire import LEXICAL
from brickyard.workspace.kernel import ApiError
from brickyard.workspace.kernel.decode import decode

FILE: Final = "gateway.yml"
VARIABLE: Final = re.compile(r"\$\{(\w+)\}")
FROM_ENVIRONMENT: Final = "environment"
LOWER: Final = ("dev", "staging")
PRODUCTION: Final = "prod"
MILLION: Final = 1_000_000
V = TypeVar("V")


@dataclass(frozen=True, slots=True, kw_only=True)
class Provider:
    kind: Literal["openai", "anthropic", "databricks"] = "openai"
    url: str
    key: str | dict[str, str] | None = None
    workspaces: list[str] | None = None
    timeout_s: float = 300.0
    headers: dict[str, str] | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Model:
    provider: str
    model: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Price:
    """Of a million tokens."""

    input: float = 0.0
    output: float = 0.0

    def of(self, read: int, said: int) -> float:
        return (read * self.input + said * self.output) / MILLION


@dataclass(frozen=True, slots=True, kw_only=True)
class Budget:
    """What may be spent in a period. It holds for requests that fit all that it names."""

    name: str
    period: Literal["hour", "day", "month", "total"] = "day"
    tokens: int | None = None
    cost: float | None = None
    workspace: str | None = None
    endpoint: str | None = None  # a pattern
    user: str | None = None
    group: str | None = None
    largest_answer: int = 4096  # tokens set aside for a request that names no max_tokens


@dataclass(frozen=True, slots=True, kw_only=True)
class Schemas:
    """JSON schemas: `input` of the request, `output` of what the model says."""

    input: dict[str, Any] | None = None
    output: dict[str, Any] | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Configuration:
    providers: dict[str, Provider] = field(default_factory=dict)
    models: dict[str, Model] = field(default_factory=dict)
    prices: dict[str, Price] = field(default_factory=dict)
    budgets: list[Budget] = field(default_factory=list)
    schemas: dict[str, Schemas] = field(default_factory=dict)
    timeouts: dict[str, float] = field(default_factory=dict)  # seconds, by endpoint
    embedder: str = LEXICAL  # of the offline embeddings: or `minilm`, or the folder of its weights

    def model(self, endpoint: str, workspace: str) -> tuple[Model, Provider] | None:
        """What answers for a foundation model in a workspace; None: the offline model."""
        usable = {
            pattern: one
            for pattern, one in self.models.items()
            if workspace in (self.providers[one.provider].workspaces or (workspace,))
        }
        found = fitting(usable, endpoint)
        return (found, self.providers[found.provider]) if found else None

    def price(self, endpoint: str) -> Price | None:
        return fitting(self.prices, endpoint)

    def timeout_s(self, endpoint: str) -> float | None:
        return fitting(self.timeouts, endpoint)


def fitting(table: Mapping[str, V], name: str) -> V | None:
    """The value of the longest pattern that fits a name."""
    if not table:
        return None
    patterns = [one for one in table if fnmatchcase(name, one)]
    return table[max(patterns, key=len)] if patterns else None


def key_for(provider: Provider, name: str, workspace: str, secret: Callable[[str], str]) -> str:
    """The key that a workspace uses at a provider; '' for none. `secret` resolves references.

    Raises INVALID_STATE: a workspace without a key of its own does not get another one's.
    """
    key: Any = provider.key
    if isinstance(key, dict):
        key = key.get(workspace)
        if key is None:
            raise ApiError(
                "INVALID_STATE",
                f"Provider '{name}' has no key for workspace '{workspace}': name one under"
                f" providers.{name}.key.{workspace} in {FILE}",
            )
    return secret(key) if key else ""


class Fault(ValueError):
    """The configuration cannot be used. The text says where and why."""


def parse(text: str, environment: Mapping[str, str], workspaces: tuple[str, ...]) -> Configuration:
    """Raises Fault."""
    import yaml

    try:
        given = yaml.safe_load(text) or {}
        found = decode(given, Configuration)
    except (yaml.YAMLError, RecursionError) as fault:
        raise Fault(f"{FILE} is not YAML: {fault}") from None
    except ApiError as fault:
        raise Fault(f"{FILE}: {fault.message}") from None
    unknown = set(given) - set(Configuration.__dataclass_fields__)
    if unknown:
        raise Fault(f"{FILE} has no section {sorted(unknown)[0]!r}")
    for pattern, model in found.models.items():
        if model.provider not in found.providers:
            known = ", ".join(found.providers) or "none"
            raise Fault(
                f"{FILE}: models.{pattern} names provider {model.provider!r}, which is not among"
                f" providers ({known})"
            )
    providers = {
        name: _checked(name, one, environment, workspaces) for name, one in found.providers.items()
    }
    if found.embedder != LEXICAL:
        try:
            minilm.folder(found.embedder)
        except minilm.NoWeights as fault:
            raise Fault(f"{FILE}: {fault}") from None
    for at, budget in enumerate(found.budgets):
        if budget.tokens is None and budget.cost is None:
            raise Fault(f"{FILE}: budgets[{at}] needs tokens or cost")
    return Configuration(
        providers=providers,
        models=found.models,
        prices=found.prices,
        budgets=found.budgets,
        schemas=found.schemas,
        timeouts=found.timeouts,
        embedder=found.embedder,
    )


def _checked(
    name: str, provider: Provider, environment: Mapping[str, str], workspaces: tuple[str, ...]
) -> Provider:
    """The provider with variables in place, and keys that no two environments share."""

    def filled(text: str) -> str:
        def value(found: re.Match[str]) -> str:
            if found[1] not in environment:
                raise Fault(f"{FILE}: providers.{name} needs the variable {found[1]}")
            return environment[found[1]]

        return VARIABLE.sub(value, text)

    users = tuple(provider.workspaces or workspaces)
    for one in users:
        if one not in workspaces:
            raise Fault(f"{FILE}: providers.{name}.workspaces names {one!r}, which is no workspace")
    key: Any = provider.key
    if isinstance(key, str):
        shared = "{{secrets/" not in key  # a secret is each workspace's own
        if shared and PRODUCTION in users and len(users) > 1:
            raise Fault(
                f"{FILE}: providers.{name} has one key for {', '.join(users)}. Give {PRODUCTION} a"
                " key of its own (key: {prod: ..., dev: ...}), or list the workspaces that may use"
                " it (workspaces: [dev, staging])"
            )
        key = filled(key)
    elif isinstance(key, dict):
        key = {at: filled(one) for at, one in key.items()}
        plain = [one for one in key.values() if "{{secrets/" not in one]
        if key.get(PRODUCTION) in plain and plain.count(key[PRODUCTION]) > 1:
            raise Fault(f"{FILE}: providers.{name} has the key of {PRODUCTION} twice")
    return Provider(
        kind=provider.kind,
        url=filled(provider.url).rstrip("/"),
        key=key,
        workspaces=list(users),
        timeout_s=provider.timeout_s,
        headers={at: filled(one) for at, one in (provider.headers or {}).items()},
    )


def from_environment(environment: Mapping[str, str]) -> Configuration:
    """One provider for all foundation models, when the environment names it."""
    url = environment.get("BRICKYARD_PROVIDER_URL", "")
    if not url:
        return Configuration()
    kind: Any = environment.get("BRICKYARD_PROVIDER_KIND", "openai")
    provider = decode(
        {
            "kind": kind,
            "url": url.rstrip("/"),
            "key": environment.get("BRICKYARD_PROVIDER_KEY") or None,
            "workspaces": list(LOWER),
        },
        Provider,
    )
    models = {}
    if model := environment.get("BRICKYARD_PROVIDER_MODEL", ""):
        models["databricks-*"] = Model(provider=FROM_ENVIRONMENT, model=model)
    if model := environment.get("BRICKYARD_PROVIDER_EMBEDDING_MODEL", ""):
        for pattern in ("databricks-gte-*", "databricks-bge-*", "databricks-*embedding*"):
            models[pattern] = Model(provider=FROM_ENVIRONMENT, model=model)
    return Configuration(providers={FROM_ENVIRONMENT: provider}, models=models)


class Current:
    """The configuration as the file has it now: read again when the file changes."""

    def __init__(self, folder: Path, workspaces: tuple[str, ...]) -> None:
        self._file = folder / FILE
        self._workspaces = workspaces
        self._seen: tuple[int, int] | None = (-1, -1)
        self._found: Configuration | Fault = Configuration()
        self._usable: Configuration | None = None  # the last one

    def changed(self) -> bool:
        """Look at the file; whether it is another one than before. Quick."""
        try:
            about = self._file.stat()
            seen = (about.st_mtime_ns, about.st_size)
        except OSError:
            seen = None
        if seen == self._seen:
            return False
        self._seen = seen
        try:
            self._found = self._read() if seen is not None else from_environment(os.environ)
            self._usable = self._found
        except Fault as fault:
            self._found = fault
        except ApiError as fault:
            self._found = Fault(fault.message)
        return True

    def _read(self) -> Configuration:
        try:
            text = self._file.read_text()
        except (OSError, ValueError) as fault:  # no file, not ours to read, no text
            self._seen = (-1, -1)  # as it may be gone by now: look again
            raise Fault(f"{FILE} cannot be read: {fault}") from None
        if not text:  # as it is while somebody writes it
            raise Fault(f"{FILE} is empty: remove it to have no settings")
        return parse(text, os.environ, self._workspaces)

    def get(self) -> Configuration:
        """Raises INVALID_STATE when it cannot be used: nothing else answers in its place."""
        if isinstance(self._found, Fault):
            raise ApiError("INVALID_STATE", str(self._found))
        return self._found

    def usable(self) -> Configuration:
        """What the file said when it could last be used: its budgets and prices hold on.

        Raises INVALID_STATE when it could not be used since the server's start.
        """
        return self._usable if self._usable is not None else self.get()

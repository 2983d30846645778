"""The AI gateway's settings of an endpoint, as `AiGatewayConfig` of the SDK has them.

`read` checks and keeps what is understood; `rules` says what holds for a request. The older
`rate_limits` and `auto_capture_config` of an endpoint mean the same in their own words.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final, Literal

from brickyard.workspace.kernel import invalid
from brickyard.workspace.kernel.decode import as_given, decode

WITH_PRINCIPAL: Final = ("user_group", "service_principal")
LONGEST_LIST: Final = 100


@dataclass(frozen=True, slots=True, kw_only=True)
class RateLimit:
    renewal_period: Literal["minute"]
    key: Literal["endpoint", "user", "user_group", "service_principal"] = "endpoint"
    calls: int | None = None
    tokens: int | None = None
    principal: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Pii:
    behavior: Literal["BLOCK", "MASK", "NONE"] = "NONE"


@dataclass(frozen=True, slots=True, kw_only=True)
class Guard:
    pii: Pii | None = None
    safety: bool | None = None
    invalid_keywords: list[str] | None = None
    valid_topics: list[str] | None = None

    @property
    def is_on(self) -> bool:
        pii = self.pii is not None and self.pii.behavior != "NONE"
        return bool(pii or self.safety or self.invalid_keywords or self.valid_topics)


@dataclass(frozen=True, slots=True, kw_only=True)
class Guardrails:
    input: Guard | None = None
    output: Guard | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Switch:
    enabled: bool | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class InferenceTable:
    enabled: bool | None = None
    catalog_name: str | None = None
    schema_name: str | None = None
    table_name_prefix: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class AiGateway:
    rate_limits: list[RateLimit] | None = None
    usage_tracking_config: Switch | None = None
    inference_table_config: InferenceTable | None = None
    guardrails: Guardrails | None = None
    fallback_config: Switch | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Capture:
    """An inference table: where the requests of an endpoint and their answers are kept."""

    table: str  # full name
    legacy: bool = False  # with the columns of `auto_capture_config`


@dataclass(frozen=True, slots=True, kw_only=True)
class Rules:
    """What holds for every request to an endpoint."""

    limits: Sequence[RateLimit] = ()
    input: Guard | None = None
    output: Guard | None = None
    falls_back: bool = False
    tracks_usage: bool = False
    capture: Capture | None = None


def read(given: Any) -> dict[str, Any]:
    """The settings as they are kept and shown. Raises INVALID_PARAMETER_VALUE."""
    found = decode(given, AiGateway)
    for at, limit in enumerate(found.rate_limits or ()):
        where = f"rate_limits[{at}]"
        if limit.calls is None and limit.tokens is None:
            raise invalid(f"{where} must have calls or tokens")
        if min(limit.calls or 0, limit.tokens or 0) < 0:
            raise invalid(f"{where} must not be negative")
        if limit.key in WITH_PRINCIPAL and not limit.principal:
            raise invalid(f"{where} needs principal, as its key is {limit.key}")
        if limit.key == "endpoint" and limit.principal:
            raise invalid(f"{where} has a principal, but its key is endpoint")
    table = found.inference_table_config
    if table is not None and table.enabled and not (table.catalog_name and table.schema_name):
        raise invalid("inference_table_config needs catalog_name and schema_name to be enabled")
    for side in ("input", "output"):
        guard = getattr(found.guardrails, side, None) if found.guardrails else None
        for name in ("invalid_keywords", "valid_topics"):
            if len(getattr(guard, name, None) or ()) > LONGEST_LIST:
                raise invalid(f"guardrails.{side}.{name} has more than {LONGEST_LIST} entries")
    return as_given(found)


def read_limits(given: Any) -> list[dict[str, Any]]:
    """The older `rate_limits` of an endpoint. Raises INVALID_PARAMETER_VALUE."""
    limits: list[dict[str, Any]] = read({"rate_limits": given}).get("rate_limits", [])
    return limits


def rules(
    name: str,
    settings: Mapping[str, Any],
    auto_capture: Mapping[str, Any] | None,
    *,
    tracked: bool,
) -> Rules:
    """What an endpoint's kept settings mean; `tracked` is whether usage counts without them."""
    found = decode(settings.get("ai_gateway") or {}, AiGateway)
    older = decode({"rate_limits": settings.get("rate_limits") or []}, AiGateway)
    usage = found.usage_tracking_config
    return Rules(
        limits=(*(found.rate_limits or ()), *(older.rate_limits or ())),
        input=_on(found.guardrails.input if found.guardrails else None),
        output=_on(found.guardrails.output if found.guardrails else None),
        falls_back=bool(found.fallback_config and found.fallback_config.enabled),
        tracks_usage=bool(usage.enabled) if usage is not None else tracked,
        capture=_capture(name, found.inference_table_config, auto_capture),
    )


def _on(guard: Guard | None) -> Guard | None:
    return guard if guard is not None and guard.is_on else None


def _capture(
    name: str, table: InferenceTable | None, auto_capture: Mapping[str, Any] | None
) -> Capture | None:
    legacy = False
    if table is None or not table.enabled:
        table = decode(auto_capture or {}, InferenceTable)
        legacy = True
        if not auto_capture or table.enabled is False:
            return None
    if not table.catalog_name or not table.schema_name:
        return None
    prefix = table.table_name_prefix or name
    return Capture(
        table=f"{table.catalog_name}.{table.schema_name}.{prefix}_payload".lower(), legacy=legacy
    )

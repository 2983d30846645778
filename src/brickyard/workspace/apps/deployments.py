"""What a deployment is told, read from a request."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final, Literal

from brickyard.workspace.apps.records import IN_PROGRESS
from brickyard.workspace.apps.source import EnvVar
from brickyard.workspace.kernel import ApiError, invalid
from brickyard.workspace.kernel.decode import decode

KEPT: Final = ("mode", "source_code_path", "command", "env_vars", "health_check")


@dataclass(frozen=True, slots=True, kw_only=True)
class Variable:
    name: str
    value: str | None = None
    value_from: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class HealthCheck:
    path: str = ""
    timeout: str = ""  # a duration, "30s"


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    mode: Literal["SNAPSHOT", "AUTO_SYNC"] = "SNAPSHOT"
    source_code_path: str = ""
    command: Sequence[str] = ()
    env_vars: Sequence[Variable] = ()
    health_check: HealthCheck = HealthCheck()
    git_source: Mapping[str, Any] | None = None


def read_deployment(given: Mapping[str, Any], *, default_path: str) -> dict[str, Any]:
    """What is kept of a new deployment. Raises INVALID_PARAMETER_VALUE."""
    wanted = decode(given, Wanted)
    if wanted.git_source:
        raise ApiError(
            "FEATURE_DISABLED",
            "The embedded workspace deploys apps from workspace folders only: give"
            " source_code_path instead of git_source",
            status=400,
        )
    path = wanted.source_code_path or default_path
    if not path:
        raise invalid("source_code_path must be given: the app has not been deployed before")
    health_timeout_s(wanted.health_check.timeout)
    if wanted.health_check.path and not wanted.health_check.path.startswith("/"):
        raise invalid("health_check.path must begin with /")
    kept = {name: given[name] for name in KEPT if given.get(name)}
    status = {"state": IN_PROGRESS, "message": "Preparing source code for deployment"}
    return {"mode": wanted.mode, **kept, "source_code_path": path, "status": status}


def variables_of(body: Mapping[str, Any]) -> tuple[EnvVar, ...]:
    return tuple(
        EnvVar(
            name=str(one["name"]),
            value=str(one.get("value") or ""),
            value_from=str(one.get("value_from") or ""),
        )
        for one in body.get("env_vars") or ()
    )


def health_timeout_s(text: str) -> float | None:
    """A duration as protobuf's JSON has it; None for none."""
    if not text:
        return None
    try:
        seconds = float(text.removesuffix("s"))
    except ValueError:
        seconds = 0.0
    if not text.endswith("s") or not 0 < seconds <= 3600:
        raise invalid(f"health_check.timeout must be a duration like 30s, not {text!r}")
    return seconds

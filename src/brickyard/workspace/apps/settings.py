"""What an app is told: its fields, read from requests and checked."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields
from typing import Any, Final, Literal

from brickyard.workspace.apps.uses import check_uses
from brickyard.workspace.kernel import invalid
from brickyard.workspace.kernel.decode import decode

Json = Mapping[str, Any]
NAME: Final = re.compile(r"[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?")
DEFAULTS: Final[Json] = {"compute_size": "MEDIUM", "forward_user_access_token": True}


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """The fields that a request may set, as far as they are kept."""

    description: str | None = None
    resources: Sequence[Mapping[str, Any]] | None = None
    user_api_scopes: Sequence[str] | None = None
    forward_user_access_token: bool | None = None
    compute_size: Literal["MEDIUM", "LARGE", "XLARGE"] | None = None
    compute_min_instances: int | None = None
    compute_max_instances: int | None = None
    budget_policy_id: str | None = None
    usage_policy_id: str | None = None
    git_repository: Mapping[str, Any] | None = None
    telemetry_export_destinations: Sequence[Mapping[str, Any]] | None = None
    space: str | None = None


SETTABLE: Final = tuple(field.name for field in fields(Wanted))
FIXED: Final = ("space",)  # no request changes it


def read_name(given: Json) -> str:
    name = given.get("name")
    if not isinstance(name, str) or not NAME.fullmatch(name):
        raise invalid(
            f"App name {name!r} is not valid: it must contain only lowercase letters, numbers and"
            " dashes, and begin and end with a letter or number"
        )
    return name


def read_settings(given: Json) -> dict[str, Any]:
    """The settings of a request, those that it names. Raises INVALID_PARAMETER_VALUE."""
    wanted = decode({name: given[name] for name in SETTABLE if name in given}, Wanted)
    check_uses(wanted.resources or ())
    least, most = wanted.compute_min_instances, wanted.compute_max_instances
    if (least is None) != (most is None):
        raise invalid("compute_min_instances and compute_max_instances must be set together")
    if least is not None and most is not None and not 0 <= least <= most:
        raise invalid("compute_min_instances must not be greater than compute_max_instances")
    return {name: item for name in SETTABLE if (item := given.get(name)) is not None}


def masked(before: Json, given: Json, mask: str) -> dict[str, Any]:
    """The settings after an update of the fields that the mask names.

    A field that the mask names and the request leaves out is cleared, or gets its default.
    """
    names = [name.strip() for name in mask.split(",") if name.strip()]
    if names == ["*"]:
        names = [name for name in SETTABLE if name not in FIXED]
    for name in names:
        if name not in SETTABLE or name in FIXED:
            raise invalid(f"update_mask: there is no field {name!r} to update")
    told = read_settings({name: given[name] for name in names if name in given})
    after = {name: item for name, item in before.items() if name not in names or name in DEFAULTS}
    return {**after, **told}

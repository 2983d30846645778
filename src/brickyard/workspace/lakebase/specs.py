"""What can be said of a project and of each kind of object in it, and what is wrong with it.

The settings are the `spec` of the API; they are kept as they were said. Limits are those that the
API's documentation states.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, fields
from datetime import datetime
from typing import Any, Final, Literal

from brickyard.workspace.kernel import invalid
from brickyard.workspace.kernel.decode import decode

Spec = Mapping[str, Any]
DURATION: Final = re.compile(r"(\d+)(?:\.\d+)?s")
RETENTION_S: Final = range(172_800, 3_024_001)  # 2 to 35 days
SUSPEND_S: Final = range(60, 604_801)  # a minute to a week
LOWEST_CU, WIDEST_CU = 0.5, 16
READ_WRITE: Final = "ENDPOINT_TYPE_READ_WRITE"


@dataclass(frozen=True, slots=True, kw_only=True)
class EndpointSettings:
    autoscaling_limit_max_cu: float | None = None
    autoscaling_limit_min_cu: float | None = None
    no_suspension: bool | None = None
    pg_settings: Mapping[str, str] | None = None
    suspend_timeout_duration: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Tag:
    key: str
    value: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class ProjectSpec:
    budget_policy_id: str | None = None
    custom_tags: Sequence[Tag] | None = None
    default_branch: str | None = None
    default_endpoint_settings: EndpointSettings | None = None
    display_name: str | None = None
    enable_pg_native_login: bool | None = None
    history_retention_duration: str | None = None
    pg_version: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class BranchSpec:
    expire_time: str | None = None
    is_protected: bool | None = None
    no_expiry: bool | None = None
    source_branch: str | None = None
    source_branch_lsn: str | None = None
    source_branch_time: str | None = None
    ttl: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Group:
    min: int
    max: int
    enable_readable_secondaries: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class EndpointSpec:
    endpoint_type: Literal["ENDPOINT_TYPE_READ_WRITE", "ENDPOINT_TYPE_READ_ONLY"] | None = None
    autoscaling_limit_max_cu: float | None = None
    autoscaling_limit_min_cu: float | None = None
    disabled: bool | None = None
    group: Group | None = None
    no_suspension: bool | None = None
    settings: Mapping[str, Any] | None = None
    suspend_timeout_duration: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class DatabaseSpec:
    postgres_database: str | None = None
    role: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class RoleSpec:
    attributes: Mapping[str, bool] | None = None
    auth_method: Literal["LAKEBASE_OAUTH_V1", "NO_LOGIN", "PG_PASSWORD_SCRAM_SHA_256"] | None = None
    identity_type: Literal["USER", "SERVICE_PRINCIPAL", "GROUP"] | None = None
    membership_roles: Sequence[Literal["DATABRICKS_SUPERUSER"]] | None = None
    postgres_role: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Kind:
    """One kind of object: how messages, ids and the API's type names call it."""

    word: str  # "branch"; its id is asked for as `branch_id`
    noun: str  # "Branch", as types are called
    shape: type
    check: Callable[[Any], None]
    fixed: tuple[str, ...] = ()  # what no update changes

    @property
    def id_field(self) -> str:
        return f"{self.word}_id"

    def read(self, given: object) -> dict[str, Any]:
        """The settings in a spec, checked; unknown ones are ignored, as the real service does."""
        spec = given if given is not None else {}
        self.check(decode(spec, self.shape))
        assert isinstance(spec, dict)  # or decode had refused it
        known = {one.name for one in fields(self.shape)}
        return {name: value for name, value in spec.items() if name in known and value is not None}

    def changed(self, now: Spec, sent: object, mask: str) -> dict[str, Any]:
        """The settings after an update of what `mask` names (`spec.a,spec.b.c`; all without it)."""
        said, after = self.read(sent), dict(now)
        for path in (one.strip() for one in (mask or "*").split(",")):
            if path == "*":
                after |= said
            elif path == "spec":
                after = {**said, **{name: now[name] for name in self.fixed if name in now}}
            elif path.startswith("spec."):
                after = _put(after, said, path.removeprefix("spec.").split("."))
            else:
                raise invalid(f"update_mask may name fields of the spec only, not {path!r}")
        for name in self.fixed:
            if after.get(name) != now.get(name) and name in said:
                raise invalid(f"spec.{name} of a {self.word} cannot be changed")
        return self.read(after)


def _put(into: Spec, of: Spec, path: Sequence[str]) -> dict[str, Any]:
    """`into` with the one value at a path as `of` has it; without it, when `of` has none."""
    name, rest = path[0], path[1:]
    after = dict(into)
    if rest:
        below, given = into.get(name), of.get(name)
        after[name] = _put(
            below if isinstance(below, Mapping) else {},
            given if isinstance(given, Mapping) else {},
            rest,
        )
    elif name in of:
        after[name] = of[name]
    else:
        after.pop(name, None)
    return after


# -- what is wrong --------------------------------------------------------------------------------


def seconds(text: str, field: str, allowed: range | None = None) -> int:
    """A duration such as `604800s`."""
    found = DURATION.fullmatch(text)
    if found is None:
        raise invalid(f"{field} must be a number of seconds such as 3600s, not {text!r}")
    value = int(found[1])
    if allowed is not None and value not in allowed:
        raise invalid(f"{field} must be between {allowed[0]}s and {allowed[-1]}s, not {text}")
    return value


def moment(text: str, field: str) -> datetime:
    """A time such as `2030-01-01T00:00:00Z`."""
    try:
        found = datetime.fromisoformat(text)
    except ValueError:
        found = None
    if found is None or found.tzinfo is None:
        raise invalid(f"{field} must be a time such as 2030-01-01T00:00:00Z, not {text!r}")
    return found


def check_compute(given: EndpointSettings | EndpointSpec) -> None:
    low, high = given.autoscaling_limit_min_cu, given.autoscaling_limit_max_cu
    if low is not None and low < LOWEST_CU:
        raise invalid(f"autoscaling_limit_min_cu must be at least {LOWEST_CU}")
    if low is not None and high is not None and not 0 <= high - low <= WIDEST_CU:
        raise invalid(
            "autoscaling_limit_max_cu must be autoscaling_limit_min_cu or up to"
            f" {WIDEST_CU} more: not {low} to {high}"
        )
    if given.suspend_timeout_duration is not None:
        if given.no_suspension:
            raise invalid("no_suspension and suspend_timeout_duration exclude each other")
        seconds(given.suspend_timeout_duration, "suspend_timeout_duration", SUSPEND_S)


def _project(given: ProjectSpec) -> None:
    if given.display_name is not None and not 1 <= len(given.display_name) <= 256:
        raise invalid("display_name must have 1 to 256 characters")
    if given.history_retention_duration is not None:
        seconds(given.history_retention_duration, "history_retention_duration", RETENTION_S)
    if given.default_endpoint_settings is not None:
        check_compute(given.default_endpoint_settings)


def _branch(given: BranchSpec) -> None:
    ends = [
        name for name in ("ttl", "expire_time", "no_expiry") if getattr(given, name) is not None
    ]
    if len(ends) > 1:
        raise invalid(f"{' and '.join(ends)} exclude each other")
    if given.no_expiry is False:
        raise invalid("no_expiry cannot be false: give ttl or expire_time instead")
    if given.ttl is not None:
        seconds(given.ttl, "ttl")
    for name in ("expire_time", "source_branch_time"):
        if (text := getattr(given, name)) is not None:
            moment(text, name)


def _endpoint(given: EndpointSpec) -> None:
    check_compute(given)
    if given.group is not None and not 1 <= given.group.min == given.group.max:
        raise invalid("group.min and group.max must be equal, and at least 1")


def _anything(given: object) -> None:
    """The shape alone says what is wrong."""


PROJECT: Final = Kind(
    word="project", noun="Project", shape=ProjectSpec, check=_project, fixed=("pg_version",)
)
BRANCH: Final = Kind(
    word="branch",
    noun="Branch",
    shape=BranchSpec,
    check=_branch,
    fixed=("source_branch", "source_branch_lsn", "source_branch_time"),
)
ENDPOINT: Final = Kind(
    word="endpoint",
    noun="Endpoint",
    shape=EndpointSpec,
    check=_endpoint,
    fixed=("endpoint_type",),
)
DATABASE: Final = Kind(word="database", noun="Database", shape=DatabaseSpec, check=_anything)
ROLE: Final = Kind(word="role", noun="Role", shape=RoleSpec, check=_anything)
KINDS: Final[Mapping[str, Kind]] = {
    "projects": PROJECT,
    "branches": BRANCH,
    "endpoints": ENDPOINT,
    "databases": DATABASE,
    "roles": ROLE,
}

"""Who is calling which workspace: from a target's settings to a `Workspace`.

Order of the official clients: the target's host and profile, then the environment. A personal
access token, from the environment or a profile, needs nothing but this room. Every other method
(OAuth, Azure, Google, profiles with those) is the SDK's `Config`, imported only then. A target that
names no host at all, when nothing in the environment does either, means the embedded workspace of
its environment.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Final
from urllib.parse import urlsplit

from brickyard.deploy.embedded import Embedded
from brickyard.deploy.http import Headers, Workspace, bearer, timeout_from
from brickyard.deploy.profiles import Profile, profiles
from brickyard.values import Diagnostic, error

# Settings of `workspace` in databricks.yml that are authentication attributes of the SDK's Config.
ATTRIBUTES: Final = (
    "client_id",
    "azure_workspace_resource_id",
    "azure_client_id",
    "azure_tenant_id",
    "azure_environment",
    "azure_login_app_id",
    "google_service_account",
    "account_id",
    "workspace_id",
)
# Settings without which nobody can be authenticated from the environment alone.
CREDENTIALS: Final = (
    "DATABRICKS_TOKEN",
    "DATABRICKS_CLIENT_ID",
    "DATABRICKS_CONFIG_PROFILE",
    "DATABRICKS_AUTH_TYPE",
    "ARM_CLIENT_ID",
    "DATABRICKS_METADATA_SERVICE_URL",
)
QUICK_S: Final = 5.0


class NoAuthentication(Exception):
    """No way to prove who is calling was found."""


class WrongProfile(NoAuthentication):
    """The profile is not there, not the host's, or one of several; `summary` is a finding's.

    It is an error of the project or its surroundings whether anybody is asked or not.
    """

    def __init__(self, message: str, summary: str) -> None:
        super().__init__(message)
        self.summary = f"cannot resolve bundle auth configuration: {summary}"

    def diagnostic(self) -> Diagnostic:
        """The same as a finding, in the official CLI's words."""
        return error(
            "deploy/profile",
            self.summary,
            str(self),
            is_explained=True,
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Address:
    """Where a target deploys: a real host, or an embedded environment; never both."""

    host: str | None = None
    profile: str | None = None
    attributes: Mapping[str, str]
    environment: str | None = None

    @property
    def is_embedded(self) -> bool:
        return self.environment is not None


def address(
    *,
    environment_name: str,
    settings: Mapping[str, object],
    environment: Mapping[str, str],
    profile: str | None = None,
    local: bool = False,
) -> Address:
    """Decides between a real host and the embedded workspace; touches no network.

    `environment_name` is the embedded workspace that stands for the target: dev, staging or prod.
    """
    if local:
        return Address(attributes={}, environment=environment_name)
    host = settings.get("host")
    chosen = profile or settings.get("profile")
    if not host and not chosen:
        host = environment.get("DATABRICKS_HOST")
        chosen = environment.get("DATABRICKS_CONFIG_PROFILE")
    if not host and not chosen:
        return Address(attributes={}, environment=environment_name)
    return Address(
        host=normal_host(str(host)) if host else None,
        profile=str(chosen) if chosen else None,
        attributes={key: str(settings[key]) for key in ATTRIBUTES if settings.get(key)},
    )


def connect(where: Address, environment: Mapping[str, str], embedded: Embedded) -> Workspace:
    """A client for the address. Starts the embedded workspace when it is needed and not up."""
    if where.environment is not None:
        door = embedded.door(where.environment)
        return Workspace(
            host=door.host, authorize=bearer(door.token), environment=where.environment
        )
    timeout_s = timeout_from(environment)
    token = environment.get("DATABRICKS_TOKEN")
    same = normal_host(environment.get("DATABRICKS_HOST", "")) in ("", where.host)
    if where.host and not where.profile and token and same:
        return Workspace(host=where.host, authorize=bearer(token), timeout_s=timeout_s)
    profile = profile_of(where, environment)
    if profile is None and where.host and not where.profile and token:
        return Workspace(host=where.host, authorize=bearer(token), timeout_s=timeout_s)
    if profile is not None and profile.token and not where.attributes:
        host = normal_host(profile.host)
        return Workspace(host=host, authorize=bearer(profile.token), timeout_s=timeout_s)
    host, authorize = _through_sdk(where)
    return Workspace(host=host, authorize=authorize, timeout_s=timeout_s)


def reach(where: Address, environment: Mapping[str, str], embedded: Embedded) -> Workspace | None:
    """A client for a quick question, or None: nothing is started, nobody is waited for long.

    Raises what `connect` raises when there are credentials and they don't work.
    """
    if where.environment is not None:
        is_up = embedded.is_up(where.environment)
        return connect(where, environment, embedded) if is_up else None
    named = (where.profile, *where.attributes, *(environment.get(name) for name in CREDENTIALS))
    if not any(named) and profile_of(where, environment) is None:
        return None
    client = connect(where, environment, embedded)
    return replace(client, timeout_s=QUICK_S, pause=lambda _: None)


def wrong_profile(where: Address, environment: Mapping[str, str]) -> WrongProfile | None:
    """What is wrong with the profile that would be used; nobody is asked."""
    has_token = where.host and not where.profile and environment.get("DATABRICKS_TOKEN")
    if where.environment is not None or has_token:
        return None
    try:
        profile_of(where, environment)
    except WrongProfile as failure:
        return failure
    return None


def profile_of(where: Address, environment: Mapping[str, str]) -> Profile | None:
    """The profile that an address names, or the one that its host has. Raises when several do."""
    known = profiles(environment)
    if where.profile:
        found = known.get(where.profile)
        if found is None and known:
            file = environment.get("DATABRICKS_CONFIG_FILE", "~/.databrickscfg")
            raise WrongProfile(
                f"there is no profile {where.profile} in {file}: it has {', '.join(known)}",
                f"resolve: {file} has no {where.profile} profile configured."
                f" {_configured(where, environment)}",
            )
        if found is not None and not found.host and not where.host:
            file = environment.get("DATABRICKS_CONFIG_FILE", "~/.databrickscfg")
            raise WrongProfile(
                f"profile {found.name} in {file} has no host: add one to it, or set"
                " DATABRICKS_HOST or the target's `workspace.host`",
                f"resolve: profile {found.name} has no host. {_configured(where, environment)}",
            )
        if found is not None and where.host and normal_host(found.host) != where.host:
            raise WrongProfile(
                f"profile {found.name} is of {normal_host(found.host)}, and the target of"
                f" {where.host}: name another profile, or none",
                f"the host in the profile ({normal_host(found.host)}) doesn’t match the host"
                f" configured in the bundle ({where.host})",
            )
        return found
    fitting = [one for one in known.values() if where.host and normal_host(one.host) == where.host]
    if len(fitting) > 1:
        names = ", ".join(one.name for one in fitting)
        raise WrongProfile(
            f"{names} are profiles of {where.host}: choose one with --profile, or with"
            " `workspace.profile` in the target",
            f"resolve: {where.host}: multiple profiles matched: {names}: please set"
            " DATABRICKS_CONFIG_PROFILE or provide --profile flag to specify one."
            f" {_configured(where, environment)}",
        )
    return fitting[0] if fitting else None


def _configured(where: Address, environment: Mapping[str, str]) -> str:
    """Which settings there are and which of them the environment gave, as the SDKs end with it."""
    given = {
        "host": (where.host, "DATABRICKS_HOST"),
        "token": ("***" if environment.get("DATABRICKS_TOKEN") else "", "DATABRICKS_TOKEN"),
        "profile": (where.profile, "DATABRICKS_CONFIG_PROFILE"),
        "config_file": (environment.get("DATABRICKS_CONFIG_FILE"), "DATABRICKS_CONFIG_FILE"),
    }
    config = ", ".join(f"{name}={value}" for name, (value, _) in given.items() if value)
    names = ", ".join(name for value, name in given.values() if value and environment.get(name))
    return f"Config: {config}" + (f". Env: {names}" if names else "")


def normal_host(host: str) -> str:
    """`https://name` without path, query or trailing slash."""
    if not host:
        return ""
    url = urlsplit(host if "://" in host else f"https://{host}")
    return f"{url.scheme}://{url.netloc}".rstrip("/")


def _through_sdk(where: Address) -> tuple[str, Callable[[], Headers]]:
    try:
        from databricks.sdk.config import Config
    except ImportError:
        raise NoAuthentication(
            f"no token for {where.host or where.profile}: set DATABRICKS_TOKEN (with"
            " DATABRICKS_HOST), or `pip install databricks-sdk` for profiles and other log-ins"
        ) from None
    known = {"host": where.host, "profile": where.profile, **where.attributes}
    try:
        config = Config(**{key: value for key, value in known.items() if value})
        config.authenticate()
    except Exception as error:  # the SDK raises bare ValueError and OSError subclasses alike
        raise NoAuthentication(
            f"failed during request visitor: {str(error).splitlines()[0]}"
        ) from error
    return normal_host(str(config.host)), config.authenticate

"""Who is calling which workspace: from a target's settings to a `Workspace`.

Order of the official clients: the target's host and profile, then the environment. A personal
access token needs nothing but this file. Every other method (OAuth, Azure, Google, profiles with
those) is the SDK's `Config`, imported only then. A target that names no host at all, when nothing
in the environment does either, means the embedded workspace of its environment.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Final
from urllib.parse import urlsplit

from brickyard.deploy.embedded import Embedded
from brickyard.deploy.http import Headers, Workspace, bearer, timeout_from

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


class NoAuthentication(Exception):
    """No way to prove who is calling was found."""


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
    host, authorize = _through_sdk(where)
    return Workspace(host=host, authorize=authorize, timeout_s=timeout_s)


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
        raise NoAuthentication(f"cannot authenticate: {str(error).splitlines()[0]}") from error
    return normal_host(str(config.host)), config.authenticate

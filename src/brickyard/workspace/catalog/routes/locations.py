"""External locations and storage credentials, as ExternalLocationsAPI and StorageCredentialsAPI of
the SDK call them.

Not emulated: validation of what they point to, and events of files. There is nothing to validate.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from brickyard.workspace.catalog.locations import Outside
from brickyard.workspace.catalog.routes import shown
from brickyard.workspace.catalog.securables import Securable
from brickyard.workspace.kernel import Call, Fidelity, Json, Route

LOCATIONS = "/api/2.1/unity-catalog/external-locations"
CREDENTIALS = "/api/2.1/unity-catalog/storage-credentials"
NOTE = "kept; the embedded workspace reads and writes no cloud storage"

# What identifies whom a credential signs in as. Secrets are not among it and are not kept.
IDENTITIES: Mapping[str, tuple[str, ...]] = {
    "aws_iam_role": ("role_arn", "external_id", "unity_catalog_iam_arn"),
    "azure_managed_identity": ("access_connector_id", "managed_identity_id", "credential_id"),
    "azure_service_principal": ("directory_id", "application_id"),
    "cloudflare_api_token": ("account_id", "access_key_id"),
    "databricks_gcp_service_account": ("email", "credential_id"),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class CreateLocation:
    name: str
    url: str
    credential_name: str
    comment: str | None = None
    enable_file_events: bool | None = None
    encryption_details: Mapping[str, Any] | None = None
    fallback: bool | None = None
    file_event_queue: Mapping[str, Any] | None = None
    read_only: bool | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class UpdateLocation:
    new_name: str | None = None
    owner: str | None = None
    url: str | None = None
    credential_name: str | None = None
    comment: str | None = None
    enable_file_events: bool | None = None
    encryption_details: Mapping[str, Any] | None = None
    fallback: bool | None = None
    file_event_queue: Mapping[str, Any] | None = None
    isolation_mode: str | None = None
    read_only: bool | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Credential:
    name: str = ""
    new_name: str | None = None
    owner: str | None = None
    comment: str | None = None
    read_only: bool | None = None
    isolation_mode: str | None = None
    aws_iam_role: Mapping[str, Any] | None = None
    azure_managed_identity: Mapping[str, Any] | None = None
    azure_service_principal: Mapping[str, Any] | None = None
    cloudflare_api_token: Mapping[str, Any] | None = None
    databricks_gcp_service_account: Mapping[str, Any] | None = None


LOCATION_SETTINGS = tuple(
    name
    for name in UpdateLocation.__dataclass_fields__
    if name not in ("new_name", "owner", "comment")
)


def create_location(call: Call) -> Json:
    want = call.read(CreateLocation)
    settings = {"isolation_mode": "ISOLATION_MODE_OPEN", **_given(want, LOCATION_SETTINGS)}
    engine = call.engines.catalog.external_locations
    made = engine.create(call.principal, call.workspace, want.name, settings, comment=want.comment)
    return show_location(call, made)


def update_location(call: Call) -> Json:
    want = call.read(UpdateLocation)
    changed = call.engines.catalog.external_locations.change(
        call.principal,
        call.workspace,
        call.path["name"],
        _given(want, LOCATION_SETTINGS),
        new_name=want.new_name,
        owner=want.owner,
        comment=want.comment,
    )
    return show_location(call, changed)


def create_credential(call: Call) -> Json:
    want = call.read(Credential)
    settings = {"isolation_mode": "ISOLATION_MODE_OPEN", **_identity(want)}
    engine = call.engines.catalog.storage_credentials
    made = engine.create(call.principal, call.workspace, want.name, settings, comment=want.comment)
    return show_credential(call, made)


def update_credential(call: Call) -> Json:
    want = call.read(Credential)
    changed = call.engines.catalog.storage_credentials.change(
        call.principal,
        call.workspace,
        call.path["name"],
        _identity(want),
        new_name=want.new_name,
        owner=want.owner,
        comment=want.comment,
    )
    return show_credential(call, changed)


def show_location(call: Call, found: Securable) -> dict[str, Any]:
    settings = found.details["settings"]
    credential = call.engines.catalog.credential_id(str(settings["credential_name"]))
    plain = {key: value for key, value in shown.securable(found).items() if key != "full_name"}
    return {**plain, **settings, **({"credential_id": credential} if credential else {})}


def show_credential(call: Call, found: Securable) -> dict[str, Any]:
    return {**shown.securable(found), "id": found.id, **found.details["settings"]}


def _given(want: object, fields: tuple[str, ...]) -> dict[str, Any]:
    values = {name: getattr(want, name, None) for name in fields}
    return {name: value for name, value in values.items() if value is not None}


def _identity(want: Credential) -> dict[str, Any]:
    settings = _given(want, ("read_only", "isolation_mode"))
    for kind, fields in IDENTITIES.items():
        given = getattr(want, kind)
        if given is not None:
            settings[kind] = {name: given[name] for name in fields if name in given}
    return settings


def _routes(
    base: str,
    items: str,
    pick: Any,
    create: Any,
    update: Any,
    show: Any,
) -> tuple[Route, ...]:
    def engine(call: Call) -> Outside:
        found: Outside = pick(call.engines.catalog)
        return found

    def browse(call: Call) -> Json:
        found = engine(call).visible(call.principal, call.workspace)
        return call.page(items, found, lambda one: show(call, one))

    def fetch(call: Call) -> Json:
        return dict(show(call, engine(call).get(call.principal, call.workspace, call.path["name"])))

    def drop(call: Call) -> Json:
        name, force = call.path["name"], call.flag("force")
        engine(call).drop(call.principal, call.workspace, name, force=force)
        return {}

    return tuple(
        Route(method, path, handler, fidelity=Fidelity.VIRTUAL, note=NOTE)
        for method, path, handler in (
            ("POST", base, create),
            ("GET", base, browse),
            ("GET", base + "/{name}", fetch),
            ("PATCH", base + "/{name}", update),
            ("DELETE", base + "/{name}", drop),
        )
    )


ROUTES = (
    *_routes(
        LOCATIONS,
        "external_locations",
        lambda catalog: catalog.external_locations,
        create_location,
        update_location,
        show_location,
    ),
    *_routes(
        CREDENTIALS,
        "storage_credentials",
        lambda catalog: catalog.storage_credentials,
        create_credential,
        update_credential,
        show_credential,
    ),
)

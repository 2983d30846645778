"""Temporary credentials of tables and volumes, as their APIs of the SDK ask for them.

There is no cloud storage behind a table here, so no credential: the answer is the `file://` address
alone, for clients that run on this machine. In the sandbox of a task it is mounted as the caller's
rights say.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, Literal

from brickyard.workspace.kernel import Call, Json, Route, now_ms

BASE = "/api/2.0/unity-catalog"
LIFETIME_MS: Final = 3_600_000
NOTE = "no cloud credential: `url` is a file:// address on this machine"


@dataclass(frozen=True, slots=True, kw_only=True)
class TableCredentials:
    table_id: str
    operation: Literal["READ", "READ_WRITE"] = "READ"


@dataclass(frozen=True, slots=True, kw_only=True)
class VolumeCredentials:
    volume_id: str
    operation: Literal["READ_VOLUME", "WRITE_VOLUME"] = "READ_VOLUME"


def table(call: Call) -> Json:
    want = call.read(TableCredentials)
    privileges = ("SELECT", "MODIFY") if want.operation == "READ_WRITE" else ("SELECT",)
    return _place(call, "table", want.table_id, privileges)


def volume(call: Call) -> Json:
    want = call.read(VolumeCredentials)
    privileges = ("READ_VOLUME", "WRITE_VOLUME")
    wanted = privileges if want.operation == "WRITE_VOLUME" else privileges[:1]
    return _place(call, "volume", want.volume_id, wanted)


def _place(call: Call, kind: str, id: str, privileges: tuple[str, ...]) -> Json:
    catalog = call.engines.catalog
    found = catalog.metastore.identified(kind, id)
    for privilege in privileges:
        catalog.authorize(call.principal, call.workspace, privilege, kind, found.full_name)
    return {
        "url": catalog.metastore.path(found).as_uri(),
        "expiration_time": now_ms() + LIFETIME_MS,
    }


ROUTES = (
    Route("POST", BASE + "/temporary-table-credentials", table, note=NOTE),
    Route("POST", BASE + "/temporary-volume-credentials", volume, note=NOTE),
)

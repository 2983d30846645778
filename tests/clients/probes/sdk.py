"""The Python SDK: what its own machinery needs before any service."""

from __future__ import annotations

import io

from databricks.sdk import WorkspaceClient
from databricks.sdk.errors import NotFound
from place import SCHEMA, USER, unique

CLIENT = "databricks-sdk"
QUICK = True


def probe_identity() -> None:
    """current user, host metadata"""
    client = WorkspaceClient()
    assert client.current_user.me().user_name == USER
    assert client.get_workspace_id() > 0


def probe_errors() -> None:
    """errors become the SDK's own exceptions"""
    try:
        WorkspaceClient().tables.get(f"{SCHEMA}.nothing")
    except NotFound:
        return
    raise AssertionError("a missing table was found")


def probe_large_files() -> None:
    """files.upload of 60 MiB in parts, and its download"""
    client = WorkspaceClient()
    catalog, schema = SCHEMA.split(".")
    name = unique("volume")
    from databricks.sdk.service.catalog import VolumeType

    client.volumes.create(catalog, schema, name, VolumeType.MANAGED)
    path = f"/Volumes/{catalog}/{schema}/{name}/large.bin"
    content = bytes(range(256)) * (60 * 4096)
    client.files.upload(path, io.BytesIO(content), overwrite=True)
    got = client.files.download(path).contents
    assert got is not None
    assert got.read() == content

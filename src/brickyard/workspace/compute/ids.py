"""Ids in the shapes that Databricks gives clusters and pools: when they were made, and chance."""

from __future__ import annotations

import secrets
from datetime import UTC, datetime


def cluster_id() -> str:
    return f"{datetime.now(UTC):%m%d-%H%M%S}-{secrets.token_hex(4)}"


def pool_id() -> str:
    return f"{datetime.now(UTC):%m%d-%H%M%S}-brick{secrets.randbelow(900) + 100}-pool-" + (
        secrets.token_hex(4)
    )


def policy_id() -> str:
    return secrets.token_hex(8).upper()

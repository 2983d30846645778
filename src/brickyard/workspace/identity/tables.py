"""Tables of the identity engine.

Users and service principals belong to the account and are assigned to workspaces. Groups belong to
the account too, except `admins`, of which each workspace has its own. Tokens and OAuth secrets are
kept as SHA-256 of the random text; the text itself is shown once and never stored.
"""

from __future__ import annotations

from sqlalchemy import BigInteger, Boolean, Column, String, Table, Text, UniqueConstraint

from brickyard.workspace.kernel import METADATA

PRINCIPALS = Table(
    "identity_principals",
    METADATA,
    Column("id", BigInteger, primary_key=True),
    Column("kind", String, nullable=False),  # user | service_principal
    Column("user_name", String, nullable=False, unique=True),
    Column("display_name", String, nullable=False),
    Column("active", Boolean, nullable=False),
    Column("details", Text, nullable=False),  # JSON: the SCIM attributes without a column
)

ASSIGNMENTS = Table(
    "identity_assignments",
    METADATA,
    Column("principal_id", BigInteger, primary_key=True),
    Column("workspace", String, primary_key=True),
)

GROUPS = Table(
    "identity_groups",
    METADATA,
    Column("id", BigInteger, primary_key=True),
    Column("display_name", String, nullable=False),
    Column("workspace", String, nullable=False),  # where it is managed from
    Column("is_local", Boolean, nullable=False),  # exists in that workspace only
    Column("details", Text, nullable=False),
    UniqueConstraint("display_name", "workspace"),
)

MEMBERS = Table(
    "identity_members",
    METADATA,
    Column("group_id", BigInteger, primary_key=True),
    Column("member_id", BigInteger, primary_key=True),  # a principal or a group
)

TOKENS = Table(
    "identity_tokens",
    METADATA,
    Column("id", String, primary_key=True),
    Column("hash", String, nullable=False, unique=True),
    Column("kind", String, nullable=False),  # pat | oauth | task
    Column("workspace", String, nullable=False),
    Column("principal_id", BigInteger, nullable=False, index=True),
    Column("comment", String, nullable=False),
    Column("scopes", String, nullable=False),  # space separated, as OAuth writes them
    Column("created_ms", BigInteger, nullable=False),
    Column("expires_ms", BigInteger),
)

DEFAULT_TOKENS = Table(
    "identity_default_tokens",
    METADATA,
    Column("workspace", String, primary_key=True),
    Column("token_id", String, nullable=False),
    Column("nonce", String, nullable=False),  # with the key file, it gives the token's text
)

OAUTH_SECRETS = Table(
    "identity_oauth_secrets",
    METADATA,
    Column("id", String, primary_key=True),
    Column("principal_id", BigInteger, nullable=False, index=True),
    Column("hash", String, nullable=False, unique=True),
    Column("created_ms", BigInteger, nullable=False),
    Column("expires_ms", BigInteger, nullable=False),
)

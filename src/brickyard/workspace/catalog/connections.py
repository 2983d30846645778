"""Connections: how to reach a service outside, with what it takes to sign in sealed beside them.

Follows "Connect to external HTTP services" and ConnectionsAPI of the SDK. An HTTP connection is
used by `http_request`; the other types are kept, owned and granted; nothing reads through them.

details: `connection_type`, `options` without secrets, `properties`, `read_only`, `credential_type`.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final
from urllib.parse import urlsplit

from sqlalchemy import Column, Connection, ForeignKey, LargeBinary, Table, delete, insert, select

from brickyard.workspace.catalog import names, securables
from brickyard.workspace.catalog.access import Access
from brickyard.workspace.catalog.metastore import Metastore
from brickyard.workspace.catalog.privileges import BROWSE, MANAGE
from brickyard.workspace.catalog.securables import Securable
from brickyard.workspace.kernel import METADATA, ApiError, Principal, WorkspaceInfo, invalid
from brickyard.workspace.secrets.sealing import Seal

KIND: Final = "connection"
HTTP: Final = "HTTP"
USE: Final = "USE_CONNECTION"
SECRET: Final = re.compile(
    r"token$|secret|password|passphrase|private_?key|key_?json|credential|api_?key", re.IGNORECASE
)
MASK: Final = "*********(redacted)"
_STATEMENT: Final = re.compile(r"\bCONNECTION\b.*\bOPTIONS\b", re.IGNORECASE | re.DOTALL)
_OPTION: Final = re.compile(r"""([\w.]+|'[^']*'|"[^"]*")(\s*=?\s*)('(?:[^'\\]|\\.|'')*'|"[^"]*")""")
TYPES: Final = frozenset(
    [
        *("BIGQUERY", "CONFLUENCE", "DATABRICKS", "DYNAMICS365", "GA4_RAW_DATA", "GITHUB", "GLUE"),
        *("HIVE_METASTORE", "HTTP", "HUBSPOT", "JDBC", "META_MARKETING", "MYSQL", "NETSUITE"),
        *("ORACLE", "OUTLOOK", "POSTGRESQL", "POWER_BI", "REDSHIFT", "SALESFORCE"),
        *("SALESFORCE_DATA_CLOUD", "SERVICENOW", "SHAREPOINT", "SMARTSHEET", "SNOWFLAKE", "SQLDW"),
        *("SQLSERVER", "TERADATA", "TIKTOK_ADS", "WORKDAY_RAAS", "ZENDESK"),
    ]
)
OPTIONS: Final = Table(
    "catalog_connection_options",
    METADATA,
    Column(
        "securable_id", ForeignKey("catalog_securables.id", ondelete="CASCADE"), primary_key=True
    ),
    Column("sealed", LargeBinary, nullable=False),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Opened:
    """A connection with everything it was given, for whoever may use it."""

    name: str
    kind: str
    credential: str
    options: Mapping[str, str]


class Connections:
    def __init__(self, metastore: Metastore, access: Access) -> None:
        self._metastore = metastore
        self._access = access
        self._seal = Seal(metastore.home)

    def visible(self, principal: Principal, workspace: WorkspaceInfo) -> list[Securable]:
        with self._metastore.read() as tx:
            found = securables.of_kind(tx, KIND)
            return self._access.seen(tx, principal, workspace, found)

    def get(self, principal: Principal, workspace: WorkspaceInfo, name: str) -> Securable:
        self._access.authorize(principal, workspace, BROWSE, KIND, name)
        with self._metastore.read() as tx:
            return securables.need(tx, KIND, names.full(KIND, name))

    def opened(self, principal: Principal, workspace: WorkspaceInfo, name: str) -> Opened:
        """A connection to be used: takes USE CONNECTION on it."""
        self._access.authorize(principal, workspace, USE, KIND, name)
        with self._metastore.read() as tx:
            found = securables.need(tx, KIND, names.full(KIND, name))
            secrets = self._secrets(tx, found)
        return Opened(
            name=found.name,
            kind=found.details["connection_type"],
            credential=found.details["credential_type"],
            options={**found.details["options"], **secrets},
        )

    def create(
        self,
        principal: Principal,
        workspace: WorkspaceInfo,
        name: str,
        kind: str,
        options: Mapping[str, str],
        *,
        comment: str | None = None,
        properties: Mapping[str, str] | None = None,
        read_only: bool | None = None,
    ) -> Securable:
        self._access.authorize(principal, workspace, "CREATE_CONNECTION", "metastore", "")
        kind = kind.upper()
        if kind not in TYPES:
            raise invalid(
                f"connection_type {kind!r} is not known: one of {', '.join(sorted(TYPES))}"
            )
        plain, secrets = _split(options)
        details = {
            "connection_type": kind,
            "credential_type": _checked(kind, options),
            "options": plain,
            "properties": dict(properties or {}),
            "read_only": bool(read_only),
        }
        made = securables.new(
            KIND,
            names.normalised(name, "connection"),
            parent=self._metastore.root(),
            by=principal.user_name,
            comment=comment,
            details=details,
        )
        with self._metastore.begin() as tx:
            securables.add(tx, made)
            self._keep(tx, made, secrets)
        return made

    def change(
        self,
        principal: Principal,
        workspace: WorkspaceInfo,
        name: str,
        *,
        options: Mapping[str, str] | None = None,
        owner: str | None = None,
        new_name: str | None = None,
    ) -> Securable:
        """Options given replace all there were, as the service does."""
        self._access.authorize(principal, workspace, MANAGE, KIND, name)
        if owner is not None:
            self._metastore.check_principal(owner)
        by = principal.user_name
        with self._metastore.begin() as tx:
            found = securables.need(tx, KIND, names.full(KIND, name))
            values: dict[str, Any] = {"owner": owner} if owner is not None else {}
            if options is not None:
                plain, secrets = _split(options)
                credential = _checked(found.details["connection_type"], options)
                changed = {"options": plain, "credential_type": credential}
                values["details"] = {**found.details, **changed}
                self._keep(tx, found, secrets)
            found = securables.change(tx, found, by=by, **values)
            if new_name is not None:
                plain_name = names.normalised(new_name, "connection")
                found = securables.rename(tx, found, plain_name, by=by)
        return found

    def drop(self, principal: Principal, workspace: WorkspaceInfo, name: str) -> None:
        self._access.authorize(principal, workspace, MANAGE, KIND, name)
        with self._metastore.begin() as tx:
            securables.remove(tx, securables.need(tx, KIND, names.full(KIND, name)))

    def _keep(self, tx: Connection, of: Securable, secrets: Mapping[str, str]) -> None:
        tx.execute(delete(OPTIONS).where(OPTIONS.c.securable_id == of.id))
        if secrets:
            sealed = self._seal.close(json.dumps(dict(secrets)).encode(), *_bound(of))
            tx.execute(insert(OPTIONS).values(securable_id=of.id, sealed=sealed))

    def _secrets(self, tx: Connection, of: Securable) -> dict[str, str]:
        query = select(OPTIONS.c.sealed).where(OPTIONS.c.securable_id == of.id)
        sealed = tx.execute(query).scalar_one_or_none()
        found: dict[str, str] = (
            json.loads(self._seal.open(sealed, *_bound(of))) if sealed is not None else {}
        )
        return found


def url_of(options: Mapping[str, str]) -> str:
    """Where an HTTP connection leads: host, port and base path."""
    host = str(options.get("host", "")).rstrip("/")
    parts = urlsplit(host if "://" in host else f"https://{host}")
    port = str(options.get("port") or "")
    default = {"https": "443", "http": "80"}.get(parts.scheme, "")
    shown = f":{port}" if port and port != default and not parts.port else ""
    path = "/" + str(options.get("base_path") or "").strip("/")
    return f"{parts.scheme}://{parts.netloc}{shown}{parts.path}{path}".rstrip("/")


def redacted(statement: str) -> str:
    """A statement as it may be kept: what signs a connection in is taken out."""
    if not _STATEMENT.search(statement):
        return statement
    return _OPTION.sub(
        lambda found: (
            f"{found[1]}{found[2]}'{MASK}'" if SECRET.search(found[1].strip("'\"")) else (found[0])
        ),
        statement,
    )


def _split(options: Mapping[str, str]) -> tuple[dict[str, str], dict[str, str]]:
    """(what is shown, what is sealed)."""
    given = {str(key): str(value) for key, value in options.items() if value is not None}
    secrets = {key: value for key, value in given.items() if SECRET.search(key)}
    return {key: value for key, value in given.items() if key not in secrets}, secrets


def _checked(kind: str, options: Mapping[str, str]) -> str:
    """How a connection signs in. Raises INVALID_PARAMETER_VALUE for options that lead nowhere."""
    if kind != HTTP:
        return "USERNAME_PASSWORD" if "password" in options else "UNKNOWN_CREDENTIAL_TYPE"
    if not options.get("host"):
        raise invalid("An HTTP connection needs the option host, as https://api.example.com")
    parts = urlsplit(url_of(options))
    if parts.scheme not in ("https", "http") or not parts.hostname:
        raise invalid(f"The host {options['host']!r} of the connection is no https:// address")
    local = parts.hostname in ("localhost", "127.0.0.1", "::1")
    if parts.scheme == "http" and not local:
        raise invalid("An HTTP connection to another machine needs https://")
    if options.get("bearer_token"):
        return "BEARER_TOKEN"
    if options.get("client_id") and options.get("client_secret"):
        if not options.get("token_endpoint"):
            raise invalid("OAuth machine-to-machine needs the option token_endpoint")
        return "OAUTH_M2M"
    raise invalid(
        "An HTTP connection needs bearer_token, or client_id, client_secret and token_endpoint;"
        " signing in as a user (OAuth U2M) is not available here"
    )


def _bound(connection: Securable) -> tuple[str, str]:
    return "connection", connection.id


def missing_type(name: str, kind: str) -> ApiError:
    return invalid(f"Connection '{name}' is of type {kind}: http_request takes one of type HTTP")

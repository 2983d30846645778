"""Which APIs a token with scopes reaches.

The names are Databricks' own: the API scopes of its REST reference (`sql`, `unity-catalog`, …), of
which each one reaches `Me` as well, and the dotted ones that apps and served models ask for
(`serving.serving-endpoints`, `catalog.tables:read`, `mcp.functions`, …). `:read` narrows a scope to
requests that only read. What no row names is reached by `all-apis` alone, and so is every path
for which somebody forgets a row. Which route belongs to which scope is the reference's where it
says so, and our belief for what it leaves out (`/ai-gateway`, MLflow's routes, MCP servers).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from functools import cache
from typing import Final

from brickyard.workspace.kernel import ApiError, Principal, denied

ALL_APIS: Final = "all-apis"
NOTHING: Final = "nothing"  # a scope that is for no API
ME: Final = "/api/2.0/preview/scim/v2/Me"
SPARK_CONNECT: Final = "/spark-connect"  # the gRPC service; it has no path of its own
READS: Final = frozenset({"GET", "HEAD"})

CATALOG: Final = "/api/2.1/unity-catalog"
MCP: Final = "/api/2.0/mcp"
SERVING: Final = ("/api/2.0/serving-endpoints", "/serving-endpoints", "/ai-gateway")
WORKSPACE: Final = ("/api/2.0/workspace", "/api/2.0/workspace-files")
MLFLOW: Final = (
    *(f"/api/{version}/mlflow" for version in ("2.0", "3.0", "4.0", "5.0")),
    "/mlflow",
    "/api/2.0/otel",
    "/api/2.0/managed-evals",
    "/api/2.0/agents",
)

# The scope of a path's API: what a refusal names. Later rows are narrower, or for one purpose.
REACH: Final[Mapping[str, tuple[str, ...]]] = {
    "access-management": ("/api/2.0/permissions",),
    "ai-gateway": ("/ai-gateway",),
    "alerts": ("/api/2.0/alerts", "/api/2.0/notification-destinations"),
    "apps": ("/api/2.0/apps",),
    "authentication": (
        "/api/2.0/token",
        "/api/2.0/token-management",
        "/api/2.0/accounts/servicePrincipals",
    ),
    "clusters": (
        "/api/2.0/clusters",
        "/api/2.1/clusters",
        "/api/2.0/policies",
        "/api/2.0/policy-families",
        "/api/2.0/libraries",
    ),
    "command-execution": ("/api/1.2",),
    "dashboards": ("/api/2.0/lakeview",),
    "database": ("/api/2.0/database",),
    "files": ("/api/2.0/fs", "/api/2.0/dbfs", "/dbfs"),
    "genie": ("/api/2.0/genie", f"{MCP}/genie"),
    "git": ("/api/2.0/repos", "/api/2.0/git-credentials"),
    "instance-pools": ("/api/2.0/instance-pools",),
    "jobs": ("/api/2.0/jobs", "/api/2.1/jobs", "/api/2.2/jobs"),
    "model-serving": SERVING,
    "pipelines": ("/api/2.0/pipelines",),
    "postgres": ("/api/2.0/postgres",),
    "scim": ("/api/2.0/preview/scim/v2",),
    "secrets": ("/api/2.0/secrets",),
    "sql": (
        "/api/2.0/sql",
        "/api/2.0/preview/sql",
        "/sql",
        "/api/2.0/brickyard/functions",
        f"{MCP}/sql",
        SPARK_CONNECT,
    ),
    "unity-catalog": (
        CATALOG,
        "/api/2.0/unity-catalog",
        "/api/2.0/mlflow/unity-catalog",
        "/api/2.0/external-function",
        f"{MCP}/functions",
        f"{MCP}/external",
    ),
    "vector-search": ("/api/2.0/vector-search", f"{MCP}/vector-search"),
    "workspace": WORKSPACE,
    "mlflow": MLFLOW,
    "catalog.catalogs": (f"{CATALOG}/catalogs",),
    "catalog.schemas": (f"{CATALOG}/schemas",),
    "catalog.tables": (f"{CATALOG}/tables", f"{CATALOG}/table-summaries"),
    "catalog.connections": (
        f"{CATALOG}/connections",
        "/api/2.0/external-function",
        f"{MCP}/external",
    ),
    "dashboards.genie": ("/api/2.0/genie",),
    "files.files": ("/api/2.0/fs",),
    "iam.current-user": (ME,),
    "mcp.external": (f"{MCP}/external",),
    "mcp.functions": (f"{MCP}/functions",),
    "mcp.genie": (f"{MCP}/genie",),
    "mcp.sql": (f"{MCP}/sql",),
    "mcp.vectorsearch": (f"{MCP}/vector-search",),
    "serving.serving-endpoints": SERVING,
    "sql.alerts": ("/api/2.0/sql/alerts", "/api/2.0/alerts"),
    "sql.statement-execution": ("/api/2.0/sql/statements",),
    "sql.warehouses": ("/api/2.0/sql/warehouses",),
    "vectorsearch.vector-search-endpoints": ("/api/2.0/vector-search/endpoints",),
    "vectorsearch.vector-search-indexes": ("/api/2.0/vector-search/indexes",),
    "workspace.workspace": WORKSPACE,
}


def narrowing(scopes: frozenset[str]) -> frozenset[str] | None:
    """What a token's scopes limit it to: None when that is nothing."""
    return None if not scopes or ALL_APIS in scopes else scopes


def require_reach(who: Principal, method: str, path: str) -> None:
    """Raises PERMISSION_DENIED when the caller's token is not for the API of a route."""
    if who.scopes is None or any(reaches(one, method, path) for one in who.scopes):
        return
    raise ApiError(
        "PERMISSION_DENIED",
        f"Provided OAuth token does not have required scopes: {scope_of(path)}",
        headers={"WWW-Authenticate": 'Bearer realm="brickyard", error="insufficient_scope"'},
    )


def require_all_apis(who: Principal, what: str) -> None:
    """Raises PERMISSION_DENIED for a caller whose token is limited to some APIs."""
    if who.scopes is not None:
        raise ApiError(
            "PERMISSION_DENIED",
            f"Provided OAuth token does not have required scopes: {ALL_APIS} ({what} takes a"
            " token that is not limited to some APIs)",
        )


def within(who: Principal, limits: frozenset[str]) -> frozenset[str]:
    """The scopes of a token that the caller makes: those given, else the caller's own.

    Raises PERMISSION_DENIED for scopes that the caller's own token does not have.
    """
    if who.scopes is None:
        return limits
    if not limits <= who.scopes:
        lacking = ", ".join(sorted(limits - who.scopes))
        raise denied(f"A token cannot give what it does not have: {lacking}")
    return limits or who.scopes


def shared(who: Principal, wanted: Iterable[str]) -> frozenset[str]:
    """Those of the scopes that the caller's own token has, too; never none, which would be all."""
    found = frozenset(
        one for one in wanted if who.scopes is None or any(_covers(own, one) for own in who.scopes)
    )
    return found or frozenset({NOTHING})


@cache
def reaches(scope: str, method: str, path: str) -> bool:
    """Whether a scope is for a route; `path` is that of its pattern."""
    name, _, qualifier = scope.partition(":")
    if qualifier and (qualifier != "read" or method not in READS):
        return False
    return _is_for(name, path)


@cache
def scope_of(path: str) -> str:
    """The scope that a route asks for."""
    found = (name for name, prefixes in REACH.items() if any(_under(path, p) for p in prefixes))
    return next(found, ALL_APIS)


@cache
def _covers(scope: str, other: str) -> bool:
    """Whether all that another scope is for, one is for as well."""
    name, _, qualifier = scope.partition(":")
    other_name, _, other_qualifier = other.partition(":")
    if scope == other:
        return True
    if other_name not in REACH or qualifier not in ("", other_qualifier):
        return False
    return all(_is_for(name, path) for path in REACH[other_name])


def _is_for(name: str, path: str) -> bool:
    """Whether a path is of a scope's API; every API's scope has `Me`, too."""
    if path == ME and name in REACH and "." not in name:
        return True
    return any(_under(path, prefix) for prefix in REACH.get(name, ()))


def _under(path: str, prefix: str) -> bool:
    return path == prefix or path.startswith((f"{prefix}/", f"{prefix}:"))

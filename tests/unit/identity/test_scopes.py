"""Which routes a token with scopes reaches: all of them are spoken for, and none by accident."""

from __future__ import annotations

import pytest

from brickyard.workspace.assembly import ROUTES
from brickyard.workspace.identity import scopes
from brickyard.workspace.identity.scopes import ALL_APIS, REACH, reaches, require_reach, scope_of
from brickyard.workspace.kernel import ApiError, Principal

PROTECTED = [route for route in ROUTES if route.auth]


def limited(*names: str) -> Principal:
    return Principal(id=1, user_name="ann", display_name="Ann", scopes=frozenset(names))


def test_every_route_has_a_scope_but_for_our_own() -> None:
    unnamed = {route.path for route in PROTECTED if scope_of(route.path) == ALL_APIS}
    pages = {route.path for route in PROTECTED if route.stranger is not None}
    own = ("status", "routes", "accesses")
    assert unnamed - pages == {"/logout", *(f"/api/2.0/brickyard/{one}" for one in own)}


@pytest.mark.parametrize("scope", sorted(REACH))
def test_every_scope_is_for_some_route(scope: str) -> None:
    assert any(reaches(scope, route.method, route.path) for route in PROTECTED)


def test_a_scope_is_for_its_own_api_and_me() -> None:
    here = {route.path for route in PROTECTED if reaches("sql", route.method, route.path)}
    assert "/api/2.0/sql/statements" in here
    assert scopes.ME in here
    assert not any(path.startswith(("/api/2.1/unity-catalog", "/api/2.0/fs")) for path in here)


def test_a_dotted_scope_does_not_reach_me() -> None:
    assert not reaches("sql.warehouses", "GET", scopes.ME)
    assert reaches("iam.current-user:read", "GET", scopes.ME)


def test_read_is_for_reads() -> None:
    path = "/api/2.1/unity-catalog/tables/{full_name}"
    assert reaches("catalog.tables:read", "GET", path)
    assert not reaches("catalog.tables:read", "DELETE", path)
    assert not reaches("catalog.tables:write", "DELETE", path)
    assert not reaches("catalog.tables:read", "GET", "/api/2.1/unity-catalog/tables-else")


def test_a_refusal_names_what_is_missing() -> None:
    require_reach(limited("sql", "files"), "GET", "/api/2.0/fs/files/{path...}")
    with pytest.raises(ApiError) as refused:
        require_reach(limited("sql"), "GET", "/api/2.1/unity-catalog/tables/{full_name}")
    assert (refused.value.status, refused.value.code) == (403, "PERMISSION_DENIED")
    told = "Provided OAuth token does not have required scopes: unity-catalog"
    assert refused.value.message == told


def test_a_token_gives_no_more_than_it_has() -> None:
    assert scopes.within(limited("sql"), frozenset()) == {"sql"}
    with pytest.raises(ApiError, match="does not have: all-apis"):
        scopes.within(limited("sql"), frozenset({"all-apis"}))


def test_what_acts_for_a_caller_gets_what_both_have() -> None:
    wanted = ("sql.warehouses", "vectorsearch.vector-search-indexes", "iam.current-user:read")
    assert scopes.shared(limited("sql"), wanted) == {"sql.warehouses", "iam.current-user:read"}
    assert scopes.shared(limited("sql:read"), ("sql.warehouses", "catalog.tables:read")) == {
        scopes.NOTHING
    }
    everything = Principal(id=1, user_name="ann", display_name="Ann")
    assert scopes.shared(everything, wanted) == set(wanted)
    assert not any(reaches(scopes.NOTHING, one.method, one.path) for one in PROTECTED)

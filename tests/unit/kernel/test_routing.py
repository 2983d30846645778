"""Finding the route of a request, on the raw path."""

from __future__ import annotations

import pytest

from brickyard.workspace.kernel.routing import Route, Router


def nothing(call: object) -> None:
    return None


ROUTER = Router(
    Route(method, path, nothing)
    for method, path in (
        ("GET", "/api/2.0/jobs/{id}"),
        ("GET", "/api/2.0/jobs/list"),
        ("POST", "/api/2.0/jobs/{id}/runs"),
        ("GET", "/api/2.0/fs/files/{path...}"),
        ("PUT", "/api/2.0/fs/files/{path...}"),
        ("GET", "/api/2.0/things:find"),
        ("GET", "/api/2.0/postgres/{name...}"),
        ("GET", "/api/2.0/postgres/projects"),
        ("GET", "/api/2.0/postgres/{parent...}/branches"),
    )
)


@pytest.mark.parametrize(
    ("method", "path", "route", "parameters"),
    [
        ("GET", "/api/2.0/jobs/7", "/api/2.0/jobs/{id}", {"id": "7"}),
        ("GET", "/api/2.0/jobs/list", "/api/2.0/jobs/list", {}),
        ("GET", "/api/2.0/jobs/list/", "/api/2.0/jobs/list", {}),
        ("GET", "/api/2.0/jobs/a%2Fb%20c", "/api/2.0/jobs/{id}", {"id": "a/b c"}),
        ("POST", "/api/2.0/jobs/list/runs", "/api/2.0/jobs/{id}/runs", {"id": "list"}),
        ("GET", "/api/2.0/fs/files/Volumes/a/b%20c", "/api/2.0/fs/files/{path...}",
         {"path": "Volumes/a/b c"}),
        ("HEAD", "/api/2.0/fs/files/x", "/api/2.0/fs/files/{path...}", {"path": "x"}),
        ("GET", "/api/2.0/things%3Afind", "/api/2.0/things:find", {}),
        ("GET", "/api/2.0/postgres/projects", "/api/2.0/postgres/projects", {}),
        ("GET", "/api/2.0/postgres/projects/p/branches", "/api/2.0/postgres/{parent...}/branches",
         {"parent": "projects/p"}),
        ("GET", "/api/2.0/postgres/projects%2Fp/branches", "/api/2.0/postgres/{parent...}/branches",
         {"parent": "projects/p"}),
        ("GET", "/api/2.0/postgres/projects/p/branches/b", "/api/2.0/postgres/{name...}",
         {"name": "projects/p/branches/b"}),
        ("GET", "/api/2.0/postgres/branches", "/api/2.0/postgres/{name...}", {"name": "branches"}),
    ],
)  # fmt: skip
def test_a_request_finds_its_route(
    method: str, path: str, route: str, parameters: dict[str, str]
) -> None:
    found = ROUTER.find(method, path)
    assert found is not None
    assert (found[0].path, dict(found[1])) == (route, parameters)


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("POST", "/api/2.0/jobs/7"),
        ("GET", "/api/2.0/jobs"),
        ("GET", "/api/2.0/jobs/7/x"),
        ("GET", "/"),
        ("DELETE", "/api/2.0/fs/files/x"),
    ],
)
def test_what_no_route_takes_is_not_found(method: str, path: str) -> None:
    assert ROUTER.find(method, path) is None


def test_two_routes_of_one_shape_are_an_error() -> None:
    with pytest.raises(ValueError, match="two routes"):
        Router([Route("GET", "/a/{x}", nothing), Route("GET", "/a/{y}", nothing)])

"""Every route of the workspace, whatever it is for: who gets in, and what nonsense does to it.

The table is the server's own: a route that is added is tested without anybody writing a line here.
"""

from __future__ import annotations

import dataclasses
import importlib
import inspect
import json
import pkgutil
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest

import brickyard.workspace
from brickyard.workspace.assembly import ROUTES
from brickyard.workspace.kernel import Route

OPEN = {
    # Discovery: says where to ask for a token, and nothing that is not in the address already.
    "GET /.well-known/databricks-config",
    "GET /oidc/.well-known/oauth-authorization-server",
    # Says in words that nobody signs in here through a browser.
    "GET /oidc/v1/authorize",
    # Takes a client's secret instead of a token.
    "POST /oidc/v1/token",
    # Addresses that carry a signature, a moment of expiry and what they are good for.
    "GET /api/2.0/fs/signed",
    "PUT /api/2.0/fs/signed",
    "DELETE /api/2.0/fs/signed",
    "GET /api/2.0/brickyard/sql/results/{id}/{index}/{format}",
    "GET /api/2.0/brickyard/artifacts",
    "PUT /api/2.0/brickyard/artifacts",
    # Where a browser signs in with a token.
    "POST /login",
}
DOMAINS_IN_PARTS = ("brickyard.workspace.mlflow.", "brickyard.workspace.serving.")
PROGRAMS = ("scoring_process", "tracking_server", "__main__")
NUMBER = "9" * 30
# Databricks', OAuth's, SCIM's, JSON-RPC's.
SHAPES = (
    ("error_code", "message"),
    ("error", "error_description"),
    ("detail", "status"),
    ("jsonrpc", "error"),
)
ODD_SEGMENTS = (
    "x", "a.b.c", "-1", "0", NUMBER, "..%2F..%2Fetc%2Fpasswd", "%00", "a%00b", "%FF", "%ED%A0%80",
    "%F0%9F%90%A7", "%27%20OR%201=1", "x" * 300, "%25", "%0A", "..", "$%7Bx%7D",
)  # fmt: skip
ODD_BODIES = (
    b"{", b"[]", b"null", b'"x"', b"1", b"{}", b"\xff\xfe", b"[" * 50_000, b'{"a":' * 50_000,
    b"true", b"NaN", b'{"": 1}', b"\x00",
)  # fmt: skip
ODD_VALUES: tuple[Any, ...] = (
    "x", "", "\ud800", "a\x00b", "a.b.c", "/x/../y", 1, -1, 10**30, 1e308, True, None, [], {},
    [1], ["x"], [None], [{}], {"x": 1}, [{"key": "x", "value": {}}], NUMBER,
)  # fmt: skip
LONG_VALUE = "x" * 70_000
ODD_QUERY = ("", "x", "-1", NUMBER, "%00", "%FF", "%ED%A0%80", "a.b.c", "..%2F..", "%5B%5D")
NAMES = re.compile(r"""(?:query|queries|flag|integer|get|given|listed)\((?:call, )?["'](\w+)["']""")


def _sources() -> Iterator[Any]:
    for found in pkgutil.walk_packages(brickyard.workspace.__path__, "brickyard.workspace."):
        has_routes = "routes" in found.name or found.name.startswith(DOMAINS_IN_PARTS)
        if has_routes and not found.name.endswith(PROGRAMS):
            yield importlib.import_module(found.name)


def _field_names() -> dict[str, set[str]]:
    """Every name that any request body has, by domain."""
    names: dict[str, set[str]] = {}
    for module in _sources():
        mine = names.setdefault(_domain(module.__name__), set())
        for one in vars(module).values():
            if inspect.isclass(one) and dataclasses.is_dataclass(one):
                mine |= {field.name for field in dataclasses.fields(one)}
        mine |= set(NAMES.findall(Path(module.__file__).read_text()))
    names["identity"] |= {"userName", "displayName", "members", "Operations", "emails"}
    names["jobs"] |= {"tasks"}
    return names


def _domain(module: str) -> str:
    return module.removeprefix("brickyard.workspace.").partition(".")[0]


FIELDS_OF = _field_names()
FIELDS = sorted(set().union(*FIELDS_OF.values()))


def _odd_bodies(route: Route) -> Iterator[dict[str, Any]]:
    """A body of every field for each odd value; the long one in the route's own fields only."""
    for odd in ODD_VALUES:
        yield dict.fromkeys(FIELDS, odd)
    handler = inspect.unwrap(getattr(route.handler, "func", route.handler))
    yield dict.fromkeys(sorted(FIELDS_OF.get(_domain(handler.__module__), ())), LONG_VALUE)


def _path(route: Route, value: str = "x") -> str:
    return re.sub(r"\{[^}]+\}", lambda _: value, route.path)


def _name(route: Route) -> str:
    return f"{route.method} {route.path}"


def _fault(route: Route, answer: Any) -> str:
    """What is wrong with an answer to nonsense; '' when nothing is."""
    said = answer.body[:300]
    if answer.status >= 500 and answer.status != 501:
        return f"{answer.status} {said!r}"
    if b"Traceback (most recent" in answer.body:
        return f"traceback {said!r}"
    if answer.status < 400 or route.method == "HEAD":
        return ""
    return _shape_fault(answer)


def _shape_fault(answer: Any) -> str:
    try:
        body = answer.json()
    except ValueError:
        return f"{answer.status}, not JSON: {answer.body[:200]!r}"
    if not isinstance(body, dict):
        return f"{answer.status}: {answer.body[:200]!r}"
    for needed in SHAPES:
        if all(key in body for key in needed):
            return ""
    return f"{answer.status}: {answer.body[:200]!r}"


@pytest.mark.documented
def test_only_the_declared_routes_answer_without_a_token() -> None:
    assert {_name(route) for route in ROUTES if not route.auth} == OPEN


@pytest.mark.documented
def test_without_a_token_every_route_answers_401_in_json(wire: Any) -> None:
    faults = []
    for route in ROUTES:
        if not route.auth:
            continue
        for given in ({}, {"Authorization": "Bearer "}, {"Authorization": "Digest x"}):
            got = wire.send(route.method, _path(route), headers=given)
            shape = "" if route.method == "HEAD" else _shape_fault(got)
            if got.status != 401 or shape:
                faults.append(f"{_name(route)} {given}: {got.status} {shape}")
    assert not faults, "\n".join(faults)


@pytest.mark.documented
@pytest.mark.parametrize("kind", ["wrong", "other workspace", "revoked"])
def test_a_token_that_is_not_good_here_is_refused_everywhere(
    wire: Any, workspace: Any, nobody: Any, kind: str
) -> None:
    token = {"wrong": "dapi" + "0" * 40, "other workspace": workspace.token("prod")}.get(kind)
    if token is None:
        made = wire.send("POST", "/api/2.0/token/create", {}, token=nobody.token).json()
        token = made["token_value"]
        drop = {"token_id": made["token_info"]["token_id"]}
        assert wire.send("POST", "/api/2.0/token/delete", drop, token=token).status == 200
    faults = []
    for route in ROUTES:
        got = wire.send(route.method, _path(route), token=token)
        if route.auth and got.status not in (401, 403):
            faults.append(f"{_name(route)}: {got.status}")
        elif route.method != "HEAD" and (fault := _fault(route, got)):
            faults.append(f"{_name(route)}: {fault}")
    assert not faults, "\n".join(faults)


@pytest.mark.belief
def test_open_routes_give_nothing_to_whoever_has_no_signature(wire: Any) -> None:
    for route in ROUTES:
        if route.auth or route.path.startswith(("/.well-known", "/oidc/.well-known")):
            continue
        for query in ("", "?token=", "?token=x", "?token=e30.0", "?token=%00.%FF", "?signature=x"):
            got = wire.send(route.method, _path(route) + query, b"{}")
            assert got.status in (400, 401, 403, 404), f"{_name(route)}{query}: {got.status}"
            assert not _fault(route, got)


@pytest.mark.belief
def test_odd_paths_never_break_a_route(wire: Any) -> None:
    faults = []
    for route in ROUTES:
        if "{" not in route.path:
            continue
        for odd in ODD_SEGMENTS:
            got = wire.admin(route.method, _path(route, odd), {})
            if fault := _fault(route, got):
                faults.append(f"{_name(route)} [{odd[:40]}]: {fault}")
    assert not faults, "\n".join(faults)


@pytest.mark.belief
def test_odd_bodies_never_break_a_route(wire: Any) -> None:
    faults = []
    for route in ROUTES:
        if route.method in ("GET", "HEAD"):
            continue
        for odd in ODD_BODIES:
            got = wire.admin(route.method, _path(route), odd)
            if fault := _fault(route, got):
                faults.append(f"{_name(route)} [{odd[:20]!r}]: {fault}")
    assert not faults, "\n".join(faults)


@pytest.mark.belief
def test_odd_fields_never_break_a_route(wire: Any) -> None:
    faults = []
    for route in ROUTES:
        if route.method in ("GET", "HEAD"):
            continue
        for body in _odd_bodies(route):
            got = wire.admin(route.method, _path(route), body)
            if fault := _fault(route, got):
                odd = json.dumps(next(iter(body.values())))[:30]
                faults.append(f"{_name(route)} [{odd}]: {fault}")
    assert not faults, "\n".join(faults)


@pytest.mark.belief
def test_odd_queries_never_break_a_route(wire: Any) -> None:
    faults = []
    for route in ROUTES:
        for odd in ODD_QUERY:
            query = "&".join(f"{quote(name)}={odd}" for name in FIELDS)
            got = wire.admin(route.method, f"{_path(route)}?{query}")
            if fault := _fault(route, got):
                faults.append(f"{_name(route)} [{odd}]: {fault}")
    assert not faults, "\n".join(faults)

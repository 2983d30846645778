"""What pages of other sites can make a browser do here: nothing."""

from __future__ import annotations

from typing import Any

import pytest

ME = "/api/2.0/preview/scim/v2/Me"


def ask(wire: Any, workspace: Any, path: str = ME, **headers: str) -> Any:
    return wire.send("GET", path, token=workspace.token("dev"), headers=headers)


@pytest.mark.belief
@pytest.mark.parametrize(
    "host", ["evil.example", "evil.example:80", "127.0.0.1.evil.example", "0.0.0.0", "[::2]", "[x"]
)
def test_a_name_that_was_rebound_to_loopback_is_refused(
    wire: Any, workspace: Any, host: str
) -> None:
    for path in (ME, "/.well-known/databricks-config", "/nowhere"):
        got = ask(wire, workspace, path, Host=host)
        assert (got.status, got.json()["error_code"]) == (403, "PERMISSION_DENIED")


@pytest.mark.belief
@pytest.mark.parametrize("host", ["127.0.0.1", "localhost:8471", "dev.localhost", "[::1]:8471"])
def test_names_of_this_machine_are_good(wire: Any, workspace: Any, host: str) -> None:
    assert ask(wire, workspace, Host=host).status == 200


@pytest.mark.belief
def test_a_page_of_another_site_is_refused_even_with_a_token(wire: Any, workspace: Any) -> None:
    for origin in ("https://evil.example", "null", "http://127.0.0.1.evil.example"):
        assert ask(wire, workspace, Origin=origin).status == 403
    assert ask(wire, workspace, Origin="http://localhost:3000").status == 200


@pytest.mark.belief
def test_no_answer_invites_other_origins(wire: Any, workspace: Any) -> None:
    preflight = wire.send(
        "OPTIONS",
        ME,
        headers={"Origin": "http://localhost:3000", "Access-Control-Request-Method": "GET"},
    )
    assert preflight.status == 401
    for got in (preflight, ask(wire, workspace, Origin="http://localhost:3000")):
        assert not [name for name in got.headers if name.startswith("access-control-")]

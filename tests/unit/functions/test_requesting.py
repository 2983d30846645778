"""Where an HTTP connection leads, and what of it may be kept in the history of statements."""

from __future__ import annotations

import pytest

from brickyard.workspace.catalog.connections import redacted, url_of
from brickyard.workspace.functions.requesting import Request, target
from brickyard.workspace.kernel import ApiError

OPTIONS = {"host": "https://api.example.com", "port": "443", "base_path": "/v1/"}


def reached(path: str, **more: str) -> str:
    return target(OPTIONS, Request(method="GET", path=path, **more))  # type: ignore[arg-type]


def test_a_path_lies_below_the_base() -> None:
    assert reached("/chat.post") == "https://api.example.com/v1/chat.post"
    assert reached("a b?x=1") == "https://api.example.com/v1/a%20b?x=1"
    assert reached("") == "https://api.example.com/v1"
    assert reached("x", sub_domain="eu") == "https://eu.api.example.com/v1/x"
    assert url_of({"host": "h", "port": "8443"}) == "https://h:8443"


@pytest.mark.parametrize(
    "path",
    ["/../x", "a/../../x", "/%2e%2e/x", "%252e%252e/x", "..\\x", "https://evil/x", "//evil/x"],
)
def test_a_path_that_leaves_it_is_refused(path: str) -> None:
    with pytest.raises(ApiError):
        reached(path)


def test_a_sub_domain_is_one_name() -> None:
    with pytest.raises(ApiError):
        reached("x", sub_domain="evil.com/")


def test_secrets_of_a_connection_are_not_kept_with_the_statement() -> None:
    statement = (
        "CREATE CONNECTION c TYPE HTTP OPTIONS (host 'https://h', bearer_token 'hush', "
        "'client_secret' = \"hush\", port '443')"
    )
    kept = redacted(statement)
    assert "hush" not in kept
    assert "'https://h'" in kept
    assert "'443'" in kept
    assert redacted("SELECT 'token', 'x'") == "SELECT 'token', 'x'"

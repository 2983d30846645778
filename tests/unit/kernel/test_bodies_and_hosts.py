"""What a request may carry before any engine sees it."""

from __future__ import annotations

from dataclasses import dataclass

import pytest

from brickyard.workspace.kernel.call import parse
from brickyard.workspace.kernel.decode import decode
from brickyard.workspace.kernel.errors import ApiError
from brickyard.workspace.kernel.hosts import require_known_host


@dataclass(frozen=True, slots=True, kw_only=True)
class Shape:
    number: int


@pytest.mark.parametrize(
    "raw", [b'"\\ud800"', b"[9223372036854775808]", b"-99999999999999999999", b"[" * 100_000, b"{"]
)
def test_json_that_no_engine_could_keep_is_refused(raw: bytes) -> None:
    with pytest.raises((ValueError, RecursionError)):
        parse(raw)


def test_large_numbers_and_paired_surrogates_are_kept() -> None:
    assert parse(b"[9223372036854775807, -9223372036854775808]") == [2**63 - 1, -(2**63)]
    assert parse(b'"\\ud83d\\udc27 12345678901234567890"') == "🐧 12345678901234567890"


@pytest.mark.parametrize("given", ["--5", "²", "9" * 30, 1e308, "", "1 ", True, [], 10**30])
def test_what_is_not_a_64_bit_integer_is_refused(given: object) -> None:
    if given == 10**30:
        given = str(given)
    with pytest.raises(ApiError, match="number"):
        decode({"number": given}, Shape)


def test_integers_may_come_as_text() -> None:
    assert decode({"number": "-42"}, Shape).number == -42


def test_a_configured_name_is_admitted_and_others_are_not() -> None:
    require_known_host({"host": "bricks.internal:80"}, {"bricks.internal"})
    require_known_host({})
    with pytest.raises(ApiError, match="BRICKYARD_ALLOWED_HOSTS"):
        require_known_host({"host": "bricks.internal:80"})
    with pytest.raises(ApiError, match="evil"):
        require_known_host({"host": "localhost", "origin": "https://evil.example"})

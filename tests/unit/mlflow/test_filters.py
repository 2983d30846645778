"""The grammar of searches that are answered here."""

from __future__ import annotations

import pytest

from brickyard.workspace.kernel import ApiError
from brickyard.workspace.mlflow.filters import conditions, matches

ROW = {"name": "dev.gen.greeting", "tags.team": "data", "tags.a b": "it's"}


@pytest.mark.parametrize(
    "text",
    [
        "",
        "name = 'dev.gen.greeting'",
        "name LIKE 'dev.%'",
        "name ilike 'DEV._en.%' and tags.team = \"data\"",
        "tags.`a b` = 'it\\'s'",
        "tag.team != 'science' AND name LIKE '%greeting'",
    ],
)
def test_what_fits(text: str) -> None:
    assert matches(ROW, conditions(text, ("name",)))


@pytest.mark.parametrize(
    "text", ["name = 'x'", "name LIKE 'DEV.%'", "tags.none = 'x'", "tags.none != 'x'"]
)
def test_what_does_not(text: str) -> None:
    assert not matches(ROW, conditions(text, ("name",)))


@pytest.mark.parametrize(
    "text", ["name", "size > 3", "name = x", "name = 'a' or name = 'b'", "name='a' name='b'", "'"]
)
def test_what_cannot_be_read(text: str) -> None:
    with pytest.raises(ApiError, match="Invalid filter"):
        conditions(text, ("name",))

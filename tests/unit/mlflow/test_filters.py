"""The grammar of searches that are answered here."""

from __future__ import annotations

import pytest

from brickyard.workspace.kernel import ApiError
from brickyard.workspace.mlflow.filters import conditions, matches, need_outside_spans

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


@pytest.mark.parametrize(
    "text", ["span.name = 'x'", "status = 'OK' AND SPAN.type LIKE 'T%'", "trace.text LIKE '%a%'"]
)
def test_filters_by_spans_are_refused_rather_than_met_by_nothing(text: str) -> None:
    with pytest.raises(ApiError, match="spans lie in artifacts"):
        need_outside_spans(text)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "tags.a = 'span.name = 1'",
        "tags.`span.x` = 'y'",
        "trace.status = 'OK'",
        "wingspan.a = 1",
    ],
)
def test_other_filters_of_traces_are_left_to_mlflow(text: str) -> None:
    need_outside_spans(text)

"""A SQL type as `responseFormat` becomes the JSON schema that a model is asked to follow."""

from __future__ import annotations

import pytest

from brickyard.workspace.functions.ai.response_formats import response_format
from brickyard.workspace.kernel import ApiError


def test_a_type_becomes_a_strict_schema_of_its_one_field() -> None:
    text = (
        "STRUCT<paper: STRUCT<title: STRING, authors: ARRAY<STRING>, year: INT,"
        " score: DECIMAL(3, 1), seen: BOOLEAN, at: STRUCT<day: DATE>>>"
    )
    asked = response_format(text)
    assert asked["type"] == "json_schema"
    assert (asked["json_schema"]["name"], asked["json_schema"]["strict"]) == ("paper", True)
    schema = asked["json_schema"]["schema"]
    assert schema["required"] == ["title", "authors", "year", "score", "seen", "at"]
    assert schema["additionalProperties"] is False
    assert schema["properties"]["authors"] == {"type": "array", "items": {"type": "string"}}
    assert schema["properties"]["year"] == {"type": "integer"}
    assert schema["properties"]["score"] == {"type": "number"}
    assert schema["properties"]["at"]["properties"] == {"day": {"type": "string"}}


def test_json_goes_as_it_is() -> None:
    assert response_format('{"type": "json_object"}') == {"type": "json_object"}


@pytest.mark.parametrize(
    "text",
    [
        "nonsense",
        "[1]",
        '{"type": "xml"}',
        "STRUCT<a: INT, b: INT>",
        "STRUCT<a: MAP<STRING, INT>>",
        "STRUCT<a: ",
    ],
)
def test_other_texts_are_refused(text: str) -> None:
    with pytest.raises(ApiError, match="responseFormat"):
        response_format(text)

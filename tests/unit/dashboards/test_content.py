"""What the service makes of a dashboard's text."""

from __future__ import annotations

import pytest

from brickyard.workspace.dashboards.content import kept
from brickyard.workspace.kernel import ApiError


def test_text_stays_as_it_came_but_for_one_newline_at_its_end() -> None:
    assert kept('{ "a":  1 }', "", "") == '{ "a":  1 }\n'
    assert kept('{ "a":  1 }\n\n', "", "") == '{ "a":  1 }\n'


def test_nothing_becomes_an_empty_object() -> None:
    assert kept("", "", "") == kept(" { } ", "", "") == "{}\n"


def test_pages_get_a_kind_and_keep_the_one_they_have() -> None:
    assert kept('{"pages": [{"name": "é"}]}', "", "") == (
        '{"pages":[{"name":"é","pageType":"PAGE_TYPE_CANVAS"}]}\n'
    )
    told = '{"pages": [{"pageType": "PAGE_TYPE_GLOBAL_FILTERS"}]}'
    assert kept(told, "", "") == told + "\n"


def test_datasets_get_the_catalog_and_schema_that_are_asked_for() -> None:
    text = '{"datasets": [{"name": "d", "catalog": "old"}, {"name": "e"}]}'
    assert kept(text, "dev", "sales") == (
        '{"datasets":[{"name":"d","catalog":"dev","schema":"sales"},'
        '{"name":"e","catalog":"dev","schema":"sales"}]}\n'
    )
    assert kept(text, "", "") == text + "\n"


@pytest.mark.parametrize(
    "text", ["{", "[]", "1", '{"a": NaN', '{"n": ' + "9" * 30 + "}", "[" * 9999]
)
def test_what_is_no_json_object_is_refused(text: str) -> None:
    with pytest.raises(ApiError) as refused:
        kept(text, "", "")
    assert refused.value.code == "INVALID_PARAMETER_VALUE"
    assert "serialized_dashboard" in refused.value.message

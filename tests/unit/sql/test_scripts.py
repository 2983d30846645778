"""Splitting SQL files into statements."""

from __future__ import annotations

import pytest

from brickyard.workspace.sql.scripts import statements


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("select 1; select 2", ["select 1", "select 2"]),
        ("select 1;\n-- done; really\n", ["select 1"]),
        ("select ';'; /* ; */ select 2 -- x; y", ["select ';'", "/* ; */ select 2 -- x; y"]),
        ("select 'it''s; fine', \"a;b\", `c;d`", ["select 'it''s; fine', \"a;b\", `c;d`"]),
        ("select 4 / 2 - 1; ;", ["select 4 / 2 - 1"]),
        ("", []),
        ("-- only a comment", []),
        ("select 'open", ["select 'open"]),
    ],
)  # fmt: skip
def test_semicolons_split_only_where_they_end_a_statement(text: str, expected: list[str]) -> None:
    assert list(statements(text, {})) == expected


def test_parameters_are_filled_in_as_text_and_unknown_ones_stay() -> None:
    text = "select * from {{ catalog }}.a.b where x = '{{y}}' and z = {{ z }}"
    filled = list(statements(text, {"catalog": "dev", "y": "1"}))
    assert filled == ["select * from dev.a.b where x = '1' and z = {{ z }}"]

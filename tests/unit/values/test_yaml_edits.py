"""One value changed in a YAML text; every other character stays."""

from __future__ import annotations

import difflib
from collections.abc import Callable

import pytest

from brickyard.values.yaml_edits import (
    END,
    NoPlace,
    NotEdited,
    add_value,
    remove_value,
    replace_value,
)

TEXT = """\
# a bundle
jobs:
  a:
    name: "one"   # its name

    tasks:
      - task_key: main
        flow: {op: EQ, left: a}
      # the second
      - task_key: second
    tags:
      k: v
  b:
    text: |
      long
      text
z: last
"""


def changed(made: str, text: str = TEXT) -> list[str]:
    """The lines that are gone and new."""
    lines = difflib.unified_diff(text.splitlines(), made.splitlines(), n=0, lineterm="")
    return [line for line in lines if line[:2] not in ("--", "++", "@@")]


@pytest.mark.parametrize(
    ("made", "lines"),
    [
        (
            lambda: replace_value(TEXT, ("jobs", "a", "name"), "two"),
            ['-    name: "one"   # its name', "+    name: two   # its name"],
        ),
        (
            lambda: replace_value(TEXT, ("jobs", "b", "text"), "short"),
            ["-    text: |", "-      long", "-      text", "+    text: short"],
        ),
        (
            lambda: replace_value(TEXT, ("z",), "a\nb"),
            ["-z: last", "+z: |-", "+  a", "+  b"],
        ),
        (
            lambda: replace_value(TEXT, ("jobs", "a", "tasks", 0, "flow", "left"), "b"),
            [
                "-        flow: {op: EQ, left: a}",
                "+        flow:",
                "+          op: EQ",
                "+          left: b",
            ],
        ),
        (
            lambda: replace_value(TEXT, ("jobs", "a", "tasks", 1), {"task_key": "x", "n": [1]}),
            [
                "-      - task_key: second",
                "+      - n:",
                "+          - 1",
                "+        task_key: x",
            ],
        ),
        (
            lambda: add_value(TEXT, ("jobs", "a", "tasks", END), {"task_key": "x"}),
            ["+      - task_key: x"],
        ),
        (
            lambda: add_value(TEXT, ("jobs", "a", "tasks", 1), {"task_key": "x"}),
            ["+      - task_key: x"],
        ),
        (
            lambda: add_value(TEXT, ("jobs", "a", "mail", "on_failure"), ["a@example.com"]),
            ["+    mail:", "+      on_failure:", "+        - a@example.com"],
        ),
        (
            lambda: remove_value(TEXT, ("jobs", "a", "tasks", 0)),
            ["-      - task_key: main", "-        flow: {op: EQ, left: a}"],
        ),
        (
            lambda: remove_value(TEXT, ("jobs", "a", "tasks", 0, "task_key")),
            [
                "-      - task_key: main",
                "-        flow: {op: EQ, left: a}",
                "+      - flow: {op: EQ, left: a}",
            ],
        ),
        (
            lambda: remove_value(TEXT, ("jobs", "a", "tags", "k")),
            ["-    tags:", "-      k: v", "+    tags: {}"],
        ),
        (
            lambda: remove_value(TEXT, ("jobs", "b", "text")),
            ["-  b:", "-    text: |", "-      long", "-      text", "+  b: {}"],
        ),
    ],
)
def test_an_edit_changes_these_lines_and_no_others(
    made: Callable[[], str], lines: list[str]
) -> None:
    assert changed(made()) == lines


def test_a_list_without_indent_keeps_it() -> None:
    text = "l:\n- one\n- two\nz: 1\n"
    assert add_value(text, ("l", END), "three") == "l:\n- one\n- two\n- three\nz: 1\n"
    assert remove_value(text, ("l", 1)) == "l:\n- one\nz: 1\n"


def test_a_text_in_json_becomes_a_block() -> None:
    assert replace_value('{"a": {"b": 1}}', ("a", "b"), 2) == "a:\n  b: 2\n"


def test_what_is_not_there_has_no_place() -> None:
    for path in (("nope",), ("jobs", "a", "tasks", 7), ("jobs", "a", "name", "x")):
        with pytest.raises(NoPlace):
            replace_value(TEXT, path, "x")
        with pytest.raises(NoPlace):
            remove_value(TEXT, path)


def test_what_an_alias_brings_in_is_left_alone() -> None:
    text = "base: &base\n  n: 1\na: *base\nb:\n  <<: *base\n"
    with pytest.raises(NotEdited):
        replace_value(text, ("a", "n"), 2)
    with pytest.raises(NotEdited):  # the others would change too
        replace_value(text, ("base", "n"), 2)
    assert replace_value(text, ("b", "n"), 2) == f"{text}  n: 2\n"

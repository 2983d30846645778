"""Trees, paths, merging, suggestions and excerpts."""

from __future__ import annotations

import pytest

from brickyard.values import (
    Location,
    Value,
    did_you_mean,
    excerpt,
    merge,
    nearest,
    read_yaml,
    show,
    steps,
    value_of,
)


def read(text: str, file: str = "a.yml") -> Value:
    return read_yaml(text, file)[0]


@pytest.mark.parametrize("path", ["a.b[0].c", "a", "tasks[0][1]", "a[2].b"])
def test_a_path_is_written_as_it_was_read(path: str) -> None:
    assert show(steps(path)) == path


def test_get_finds_what_is_there_and_nothing_else() -> None:
    tree = read("a: {b: [{c: 1}]}")
    assert tree.get("a.b[0].c") == Value(1)
    assert tree.get("a.b[1].c") is None
    assert tree.get("a.b.c") is None
    assert tree.get("") is tree


def test_put_shares_what_it_does_not_touch() -> None:
    tree = read("a: {b: 1}\nc: {d: 2}")
    made = tree.put("a.e.f", value_of(3))
    assert made.plain() == {"a": {"b": 1, "e": {"f": 3}}, "c": {"d": 2}}
    assert made.get("c") is tree.get("c")
    assert tree.plain() == {"a": {"b": 1}, "c": {"d": 2}}


def test_put_keeps_the_place_of_the_key() -> None:
    tree = read("a:\n  b: 1")
    assert tree.put("a.b", value_of(2)).get("a.b").key == Location("a.yml", 2, 3)  # type: ignore[union-attr]


def test_drop_of_what_is_not_there_changes_nothing() -> None:
    tree = read("a: {b: 1}")
    assert tree.drop("a.c") is tree
    assert tree.drop("x.y") is tree
    assert tree.drop("a.b").plain() == {"a": {}}


@pytest.mark.parametrize(
    ("left", "right", "made"),
    [
        ("a: 1", "a: 2", {"a": 2}),
        ("a: {b: 1}", "a: {c: 2}", {"a": {"b": 1, "c": 2}}),
        ("a: [1]", "a: [2]", {"a": [1, 2]}),
        ("a:", "a: {b: 1}", {"a": {"b": 1}}),
        ("a: {b: 1}", "a:", {"a": {"b": 1}}),
    ],
)
def test_merging_follows_the_kinds(left: str, right: str, made: object) -> None:
    merged, found = merge(read(left), read(right, "b.yml"))
    assert merged.plain() == made
    assert not found


def test_two_kinds_do_not_merge_and_both_places_are_named() -> None:
    merged, (problem,) = merge(read("a: [1]"), read("a: ${var.x}", "b.yml"), ("resources",))
    assert merged.plain() == {"a": [1]}
    assert problem.summary == "cannot merge sequence with string"
    assert problem.path == "resources.a"
    assert [str(place) for place in problem.locations] == ["b.yml:1:4", "a.yml:1:4"]


def test_the_winning_scalar_comes_first_and_the_earliest_map_does() -> None:
    merged, _ = merge(read("a: {b: 1}"), read("a: {b: 2}", "b.yml"))
    assert [place.file for place in merged.get("a").locations] == ["a.yml", "b.yml"]  # type: ignore[union-attr]
    assert [place.file for place in merged.get("a.b").locations] == ["b.yml", "a.yml"]  # type: ignore[union-attr]


def test_the_nearest_name_is_suggested_and_a_far_one_is_not() -> None:
    assert nearest("catlog", ["catalog", "schema"]) == "catalog"
    assert nearest("ab", ["xy"]) is None
    assert did_you_mean("completely", ["else"]) == ""


def test_an_excerpt_points_at_the_column() -> None:
    text = "one\n\ttwo: x\nthree\nfour"
    assert excerpt(text, Location("f", 2, 2)) == "1 | one\n2 |  two: x\n  |  ^\n3 | three"
    assert excerpt(text, Location("f", 9, 1)) == ""
    assert excerpt(text, Location("f")) == ""


def test_an_excerpt_of_a_long_line_shows_the_part_round_the_column() -> None:
    text = "a: 1\n" + "x" * 300 + "HERE" + "y" * 300
    head, line, caret = excerpt(text, Location("f", 2, 301)).splitlines()
    assert max(len(line), len(caret)) <= 124
    assert line.startswith("2 | …x")
    assert line.endswith("y…")
    assert line[caret.index("^") :].startswith("HERE")
    assert head == "1 |"


def test_putting_many_values_at_once_is_putting_them_one_by_one() -> None:
    tree = value_of({"a": {"x": 1, "y": [1, {"z": 2}]}, "b": 3})
    changes = {
        ("a", "x"): value_of(10),
        ("a", "y", 1, "z"): value_of(20),
        ("a", "y", 7): value_of("outside"),
        ("new", "deep"): value_of([1]),
        ("b",): value_of({"c": 4}),
    }
    one_by_one = tree
    for path, value in changes.items():
        one_by_one = one_by_one.put(path, value)
    assert tree.put_all(changes) == one_by_one
    assert tree.put_all({}) is tree
    assert tree.put_all({(): value_of(1)}) == value_of(1)
    assert tree.plain() == {"a": {"x": 1, "y": [1, {"z": 2}]}, "b": 3}

"""YAML is read by the official CLI's rules, with a place on every value and every key."""

from __future__ import annotations

import pytest

from brickyard.values import Location, Severity, Timestamp, Value, read_yaml

NEEDS_MAPS = "map merge requires map or sequence of maps as the value"
TWO_MERGES = (
    "duplicate YAML merge key ('<<') is not allowed; to merge multiple maps, use a sequence:"
    " '<<: [*anchor1, *anchor2]'"
)


def read(text: str) -> Value:
    value, found = read_yaml(text, "f.yml")
    assert not [one for one in found if one.severity is Severity.ERROR], found
    return value


def refused(text: str | bytes) -> str:
    value, found = read_yaml(text, "f.yml")
    assert value.data is None
    (problem,) = [one for one in found if one.severity is Severity.ERROR]
    assert problem.detail
    assert problem.locations
    return problem.summary


@pytest.mark.parametrize(
    ("text", "plain"),
    [
        ("0777", 777),
        ("0x1F", 31),
        ("0o17", 15),
        ("0b11", 3),
        ("-012", -12),
        ("+5", 5),
        ("1_000", 1000),
        ("9007199254740993", 9007199254740993),
        ("1e3", 1000.0),
        ("1.50", 1.5),
        (".inf", float("inf")),
        ("true", True),
        ("FALSE", False),
        ("yes", "yes"),
        ("on", "on"),
        ("y", "y"),
        ("~", None),
        ("null", None),
        ("", None),
        ("2020-01-01", Timestamp("2020-01-01")),
        ("2020-1-2 3:4:5.6", Timestamp("2020-1-2 3:4:5.6")),
        ("2020-01-01T00:00:00Z", Timestamp("2020-01-01T00:00:00Z")),
        ("2020-01-01t00:00:00-05:00", Timestamp("2020-01-01t00:00:00-05:00")),
        ("!!timestamp '2020-01-01'", Timestamp("2020-01-01")),
        ("'2020-01-01'", "2020-01-01"),
        ("2020-02-30", "2020-02-30"),
        ("2020-01-01 25:00:00", "2020-01-01 25:00:00"),
        ("2020-01-01T00:00:00", "2020-01-01T00:00:00"),
        ("15.4.x", "15.4.x"),
        ("1:30", "1:30"),
        ('"1"', "1"),
        ("'true'", "true"),
        ("!!str 1", "1"),
        (".", "."),
        ("0x", "0x"),
    ],
)
def test_a_scalar_means_what_it_means_to_the_official_cli(text: str, plain: object) -> None:
    value = read(f"a: {text}\n").get("a")
    assert value is not None
    assert value.data == plain
    assert type(value.data) is type(plain)


def test_every_value_and_every_key_knows_its_place() -> None:
    tree = read("a:\n  b: [1, x]\n  c: |\n    text\n")
    assert tree.locations == (Location("f.yml", 1, 1),)
    assert tree.get("a").key == Location("f.yml", 1, 1)  # type: ignore[union-attr]
    assert tree.get("a.b").key == Location("f.yml", 2, 3)  # type: ignore[union-attr]
    assert tree.get("a.b[1]").location == Location("f.yml", 2, 10)  # type: ignore[union-attr]
    assert tree.get("a.c").location == Location("f.yml", 3, 6)  # type: ignore[union-attr]


def test_a_key_given_twice_is_reported_with_both_places() -> None:
    value, found = read_yaml("a: 1\nb: 2\na: 3\n", "f.yml")
    assert value.plain() == {"a": 3, "b": 2}
    assert list(value.items) == ["a", "b"]
    (problem,) = found
    assert problem.severity is Severity.WARNING
    assert problem.locations == (Location("f.yml", 3, 1), Location("f.yml", 1, 1))


def test_later_maps_of_a_merge_list_win_and_own_keys_win_over_all() -> None:
    tree = read("x: &x {p: 1, q: 1}\ny: &y {q: 2, r: 2}\nz:\n  r: 3\n  <<: [*x, *y]\n")
    assert tree.get("z").plain() == {"p": 1, "q": 2, "r": 3}  # type: ignore[union-attr]
    assert list(tree.get("z").items) == ["p", "q", "r"]  # type: ignore[union-attr]


def test_null_is_a_key_by_that_name() -> None:
    assert read("null: 1\n~: 2\n").plain() == {"null": 2}


def test_only_the_first_document_is_read() -> None:
    assert read("a: 1\n---\nb: 2\n").plain() == {"a": 1}


def test_a_file_of_comments_is_null() -> None:
    assert read("# nothing\n").data is None


def test_an_alias_of_an_alias_keeps_the_place_of_its_value() -> None:
    tree = read("a: &a {k: v}\nb: *a\n")
    assert tree.get("b.k").location == Location("f.yml", 1, 11)  # type: ignore[union-attr]
    assert tree.get("a").anchored  # type: ignore[union-attr]


@pytest.mark.parametrize(
    ("text", "summary"),
    [
        ("a: [", "yaml: line 1: did not find expected node content"),
        ("a: b: c", "yaml: mapping values are not allowed in this context"),
        ("\tx: 1", "yaml: found character that cannot start any token"),
        ("a: \x01", "yaml: control characters are not allowed"),
        (b"a: \xff", "yaml: invalid leading UTF-8 octet"),
        ("1: x", "invalid key tag: !!int"),
        ("true: x", "invalid key tag: !!bool"),
        ("2024-01-02: x", "invalid key tag: !!timestamp"),
        ("a: !!timestamp x", "invalid timestamp value: x"),
        ("? [a]\n: x", "key is not a scalar"),
        ("<<: {a: 1}", NEEDS_MAPS),
        ("<<: 1", NEEDS_MAPS),
        ("x: &x {a: 1}\ny:\n  <<: *x\n  <<: *x\n", TWO_MERGES),
        ("a: &a [*a]", 'cyclic reference to anchor "a"'),
        ("a: *b", "yaml: unknown anchor 'b' referenced"),
        ("[" * 200 + "]" * 200, "file is nested too deeply"),
    ],
)
def test_what_cannot_be_read_is_an_error_with_a_place(text: str | bytes, summary: str) -> None:
    assert refused(text) == summary


def test_json_is_read_like_yaml() -> None:
    assert read('{"a": [1, 2.5, null, "x"], "b": {"c": true}}').plain() == {
        "a": [1, 2.5, None, "x"],
        "b": {"c": True},
    }


@pytest.mark.parametrize("encoding", ["utf-16", "utf-8-sig"])
def test_a_mark_at_the_beginning_says_how_the_text_is_encoded(encoding: str) -> None:
    tree, found = read_yaml("name: größer\n".encode(encoding), "databricks.yml")
    assert tree.plain() == {"name": "größer"}
    assert not found

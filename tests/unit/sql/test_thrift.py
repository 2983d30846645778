"""Thrift's binary protocol, patterns of metadata and parameters: pure functions of the service."""

from __future__ import annotations

import random
import struct
from typing import Any

import pytest

from brickyard.workspace.kernel import ApiError
from brickyard.workspace.sql.thrift.binary import (
    BOOL,
    CALL,
    DOUBLE,
    I32,
    I64,
    LIST,
    MAP,
    STRICT,
    STRING,
    STRUCT,
    Malformed,
    read_message,
    reply,
)
from brickyard.workspace.sql.thrift.metadata import like
from brickyard.workspace.sql.thrift.parameters import bound

INNER = ((1, STRING, b"\x00\xff"), (2, DOUBLE, 1.5), (3, BOOL, True), (4, I64, -(2**40)))
FIELDS = (
    (1, I32, 7),
    (2, STRUCT, INNER),
    (3, LIST, (STRING, ["a", "b"])),
    (4, MAP, (STRING, I32, {"x": 1})),
    (5, STRING, None),
)


def call(fields: Any = FIELDS, name: str = "Any") -> bytes:
    """What a client sends: a reply differs in one byte."""
    raw = reply(name, 3, fields)
    return struct.pack(">I", STRICT | CALL) + raw[4:]


def test_what_is_written_is_read() -> None:
    found = read_message(call())
    assert (found.name, found.number) == ("Any", 3)
    assert found.arguments == {
        0: {
            1: 7,
            2: {1: b"\x00\xff", 2: 1.5, 3: True, 4: -(2**40)},
            3: [b"a", b"b"],
            4: {b"x": 1},
        }
    }


def test_nonsense_is_malformed_and_nothing_else() -> None:
    whole = call()
    chance = random.Random(7)
    for size in range(len(whole)):
        with pytest.raises(Malformed):
            read_message(whole[:size])
    for _ in range(3000):
        raw = bytearray(whole)
        for _ in range(chance.randint(1, 4)):
            raw[chance.randrange(len(raw))] = chance.randrange(256)
        try:
            read_message(bytes(raw))
        except Malformed:
            continue


def test_a_length_beyond_the_message_is_not_believed() -> None:
    raw = call(((1, LIST, (I32, [1])),))
    huge = raw.replace(struct.pack(">bi", I32, 1), struct.pack(">bi", I32, 2**30))
    with pytest.raises(Malformed):
        read_message(huge)


def test_a_message_is_not_too_deep() -> None:
    fields: Any = ((1, I32, 1),)
    for _ in range(100):
        fields = ((1, STRUCT, fields),)
    with pytest.raises(Malformed, match="deep"):
        read_message(call(fields))


@pytest.mark.parametrize(
    ("name", "pattern", "fits"),
    [
        ("orders", None, True),
        ("orders", "%", True),
        ("orders", "ord%", True),
        ("orders", "ORDERS", True),
        ("orders", "o_ders", True),
        ("orders", "order", False),
        ("a_b", "a\\_b", True),
        ("axb", "a\\_b", False),
        ("a.b", "a.b", True),
        ("axb", "a.b", False),
    ],
)
def test_patterns_are_sqls(name: str, pattern: str | None, fits: bool) -> None:
    assert like(name, pattern) is fits


def given(value: str | None, kind: bytes = b"STRING", name: bytes = b"") -> dict[int, Any]:
    found: dict[int, Any] = {3: kind}
    if name:
        found[2] = name
    if value is not None:
        found[4] = {1: value.encode()}
    return found


def test_positional_markers_become_named_ones() -> None:
    text, parameters = bound("SELECT ?, '?', `?`, :p FROM t -- ?", [given("a")])
    assert text == "SELECT :p_0, '?', `?`, :p FROM t -- ?"
    assert [(one.name, one.value) for one in parameters] == [("p_0", "a")]
    with pytest.raises(ApiError, match="more markers"):
        bound("SELECT ?, ?", [given("a")])


def test_lists_and_maps_become_text() -> None:
    numbers = {2: b"n", 3: b"ARRAY", 5: [{1: b"INT", 2: b"1"}, {1: b"VOID"}]}
    pairs = {3: b"MAP", 5: [{1: b"STRING", 2: b"it's"}, {1: b"ARRAY", 3: [{1: b"INT", 2: b"2"}]}]}
    text, parameters = bound("SELECT :n, ?, :plain", [numbers, pairs, given(None, name=b"plain")])
    assert text == (
        "SELECT array(CAST('1' AS INT), NULL), map('it\\'s', array(CAST('2' AS INT))), :plain"
    )
    assert [(one.name, one.value) for one in parameters] == [("plain", None)]


def test_statements_that_take_no_parameters_get_literals() -> None:
    from brickyard.workspace.sql.connect import Parameter
    from brickyard.workspace.sql.literals import is_query, written_out

    assert is_query(" -- a\n /* b */ (SELECT 1)")
    assert not is_query("INSERT INTO t SELECT 1")
    values = [Parameter(name="a", value="o'k"), Parameter(name="b", value="2", type="INT")]
    text = written_out("INSERT INTO t VALUES (:a, :b, ':a', :c)", values)
    assert text == "INSERT INTO t VALUES ('o\\'k', CAST('2' AS INT), ':a', :c)"

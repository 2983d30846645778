"""What is wrong with a JSON file is said with Go's words and places, as its decoder has them."""

from __future__ import annotations

import json

import pytest

from brickyard.bundle.json_faults import json_fault, json_words


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "1:1: unexpected end of JSON input"),
        ('{"a": ', "1:6: unexpected end of JSON input"),
        ('{"a": 1,', "1:9: unexpected end of JSON input"),
        ('{"a": x}', "1:7: invalid character 'x' looking for beginning of value"),
        ('{"a" 1}', "1:6: invalid character '1' after object key"),
        ("{a: 1}", "1:2: invalid character 'a'"),
        ('{"a": 1 "b": 2}', "1:9: invalid character '\"' after object key:value pair"),
        ('{"a": "x}', "1:7: unexpected EOF"),
        ('{"a": 1} x', "1:10: unexpected additional content"),
        ("nope", "1:1: invalid character 'o' in literal null (expecting 'u')"),
        ("{'a': 1}", r"1:2: invalid character '\''"),
        ('{"a": 1,}', "1:9: invalid character '}' looking for beginning of object key string"),
        ('{"a": tru}', "1:7: invalid character '}' in literal true (expecting 'e')"),
        ('{\n"a": 1,\n"b": ?\n}', "3:6: invalid character '?' looking for beginning of value"),
        ('{"a": [1 2]}', "1:10: invalid character '2' after array element"),
        ('{"a": "x\ny"}', r"1:7: invalid character '\n' in string literal"),
    ],
)
def test_a_fault_has_its_place_and_its_words(text: str, said: str) -> None:
    with pytest.raises(json.JSONDecodeError) as fault:
        json.loads(text)
    assert json_fault(text, fault.value) == said


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("{a: 1}", "invalid character 'a' looking for beginning of object key string"),
        ('{"a": 1} y', "invalid character 'y' after top-level value"),
        ("\ufeff{}", "invalid character 'ï' looking for beginning of value"),
        ("", "unexpected end of JSON input"),
    ],
)
def test_a_text_read_as_a_whole_has_other_words(text: str, words: str) -> None:
    with pytest.raises(json.JSONDecodeError) as caught:
        json.loads(text)
    assert json_words(text, caught.value) == words

"""YAML as the official CLI writes it; expectations were written down from what it wrote."""

from __future__ import annotations

from typing import Any

import pytest

from brickyard.values.yaml import read_yaml
from brickyard.values.yaml_writer import write_yaml


@pytest.mark.parametrize(
    ("text", "written"),
    [
        ("plain", "plain"),
        ("", '""'),
        ("5", '"5"'),
        ("0x1F", '"0x1F"'),
        ("1e5", '"1e5"'),
        ("inf", '"inf"'),
        ("true", '"true"'),
        ("null", '"null"'),  # the official CLI leaves it plain, and reads nothing back
        ("~", '"~"'),
        ("yes", "yes"),
        ("2024-01-01", "2024-01-01"),
        ("#x", "'#x'"),
        ("a: b", "'a: b'"),
        ("- a", "'- a'"),
        ("--x", "--x"),
        ("it's", "it's"),
        (" lead", "' lead'"),
        ("a\tb", '"a\\tb"'),
        ("x \ny", '"x \\ny"'),
        ("x \U0001f600", '"x \\U0001F600"'),
        ("Ünï — x", "Ünï — x"),
        ("0 0 3 * * ?", "0 0 3 * * ?"),
        ("a\nb", "|-\n  a\n  b"),
        ("a\n  b\n", "|\n  a\n    b"),
    ],
)
def test_a_text_is_written_as_the_official_cli_writes_it(text: str, written: str) -> None:
    assert write_yaml({"k": text}) == f"k: {written}\n"
    assert back(write_yaml({"k": text})) == {"k": text}


def test_lists_are_indented_and_nothing_is_folded() -> None:
    long = " ".join(["word"] * 60)
    tree = {"jobs": {"a": {"tasks": [{"task_key": "x", "on": ["y"]}], "none": {}, "no": []}}}
    assert write_yaml({**tree, "text": long}) == (
        "jobs:\n"
        "  a:\n"
        "    tasks:\n"
        "      - task_key: x\n"
        "        on:\n"
        "          - y\n"
        "    none: {}\n"
        "    no: []\n"
        f"text: {long}\n"
    )


def test_below_a_quoted_key_everything_is_in_double_quotes() -> None:
    tree = {"spark_conf": {"spark.x": "true", "n": 1}, "name": "spark_conf"}
    assert write_yaml(tree, quoted=("spark_conf", "name")) == (
        'spark_conf:\n  "spark.x": "true"\n  "n": "1"\nname: "spark_conf"\n'
    )


def test_numbers_booleans_and_nothing_stay_what_they_are() -> None:
    tree = {"a": 0, "b": 1.0, "c": 0.5, "d": False, "e": None, "f": 10**15}
    assert write_yaml(tree) == "a: 0\nb: 1\nc: 0.5\nd: false\ne: null\nf: 1000000000000000\n"


def back(text: str) -> Any:
    value, found = read_yaml(text, "x.yml")
    assert not found
    return value.plain()

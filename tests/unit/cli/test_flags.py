"""Calls below `bundle` as click gets them, and values of flags as Go reads them."""

from __future__ import annotations

from typing import Any

import click
import pytest

from brickyard.cli.bundle_commands import bundle
from brickyard.cli.flag_values import BadValue, boolean, duration, integer, listed, named
from brickyard.cli.flags import WrongCall, official_call


def read(call: str) -> list[str]:
    return official_call(bundle, call.split(), click.Context(bundle, info_name="bundle"))


@pytest.mark.parametrize(
    ("call", "words"),
    [
        ("validate -t=prod", ["validate", "--target=prod"]),
        ("validate -tprod -ojson", ["validate", "--target=prod", "--output=json"]),
        ("-t prod validate", ["validate", "--target=prod"]),
        ("plan -qqt dev", ["plan", "--quiet", "--quiet", "--target=dev"]),
        ("validate --strict=true --strict=false", ["validate"]),
        ("run a b -- -c", ["run", "a", "--", "b", "-c"]),
        ("run -- echo -n", ["run", "--", "echo", "-n"]),
        ("run --only a --only b j", ["run", "--only=a", "--only=b", "j", "--"]),
        ("generate job extra --existing-job-id 1", ["generate", "job", "--existing-job-id=1"]),
        ("deployment bind a 1", ["deployment", "bind", "--", "a", "1"]),
        ("open -h", ["open", "--help"]),
        ("schema --target x --var a=1", ["schema", "--target=x", "--var=a=1"]),
    ],
)
def test_a_call_is_read_as_the_official_cli_reads_it(call: str, words: list[str]) -> None:
    assert read(call) == words


@pytest.mark.parametrize(
    ("call", "said"),
    [
        ("--taget dev validate", "unknown flag: --taget"),
        ("validate --=x", "bad flag syntax: --=x"),
        ("deploy --select", "flag needs an argument: --select"),
        ("deploy -qt", "flag needs an argument: 't' in -t"),
        ("deploy -qZ", "unknown shorthand flag: 'Z' in -Z"),
        (
            "validate -o xml",
            'invalid argument "xml" for "-o, --output" flag: accepted arguments are',
        ),
        ("deployment unbind a b", "accepts 1 arg(s), received 2"),
        ("summary x", 'unknown command "x" for "bundle summary"'),
    ],
)
def test_the_first_fault_is_said(call: str, said: str) -> None:
    with pytest.raises(WrongCall) as caught:
        read(call)
    assert caught.value.message.startswith(said)


def test_a_flag_that_is_gone_is_told(capsys: pytest.CaptureFixture[str]) -> None:
    assert read("validate --progress-format append") == ["validate"]
    said = "Flag --progress-format has been deprecated, this flag is no longer functional\n"
    assert capsys.readouterr().err == said


@pytest.mark.parametrize(
    ("reader", "text", "value"),
    [
        (boolean, "T", True),
        (integer, "0x10", 16),
        (integer, "010", 8),
        (duration, "1m30s", 90.0),
        (duration, "-0.5h", -1800.0),
        (listed, 'a,"b,c"', ["a", "b,c"]),
        (listed, "", []),
        (named, "a=b,c", {"a": "b,c"}),
        (named, "a=1,b=2=3", {"a": "1", "b": "2=3"}),
        (named, 'a="x"', {"a": '"x'}),
    ],
)
def test_a_value_is_read_as_in_go(reader: Any, text: str, value: Any) -> None:
    assert reader(text) == value


@pytest.mark.parametrize(
    ("reader", "text", "said"),
    [
        (boolean, "yes", 'strconv.ParseBool: parsing "yes": invalid syntax'),
        (integer, "x", 'strconv.ParseInt: parsing "x": invalid syntax'),
        (integer, "9" * 20, "value out of range"),
        (duration, "5", 'time: missing unit in duration "5"'),
        (duration, "5q", 'time: unknown unit "q" in duration "5q"'),
        (duration, "", 'time: invalid duration ""'),
        (listed, '"a', "parse error on line 1, column 3: extraneous or missing"),
        (listed, 'a"b', 'parse error on line 1, column 2: bare " in non-quoted field'),
        (named, "a", "a must be formatted as key=value"),
        (named, "a=1,b=2,c", "c must be formatted as key=value"),
    ],
)
def test_what_is_no_value_is_told_as_in_go(reader: Any, text: str, said: str) -> None:
    with pytest.raises(BadValue) as caught:
        reader(text)
    assert said in str(caught.value)

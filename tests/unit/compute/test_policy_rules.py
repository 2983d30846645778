"""Cluster policies against cluster settings."""

from __future__ import annotations

import json
from typing import Any

import pytest

from brickyard.workspace.compute.rules import applied, read_definition
from brickyard.workspace.kernel import ApiError

RULES = {
    "spark_version": {"type": "allowlist", "values": ["15.4.x", "16.4.x"]},
    "num_workers": {
        "type": "range",
        "minValue": 1,
        "maxValue": 4,
        "defaultValue": 2,
        "isOptional": True,
    },
    "custom_tags.team.name": {"type": "fixed", "value": "data"},
    "init_scripts": {"type": "forbidden"},
    "node_type_id": {"type": "regex", "pattern": "i3\\..*", "isOptional": True},
    "runtime_engine": {"type": "blocklist", "values": ["PHOTON"]},
    "aws_attributes.*": {"type": "unlimited"},
    "dbus_per_hour": {"type": "range", "maxValue": 1},
}


def test_fixed_values_are_put_in_and_defaults_only_when_asked_for() -> None:
    given = {"spark_version": "15.4.x"}
    assert applied(given, RULES, with_defaults=False) == {
        "spark_version": "15.4.x",
        "custom_tags": {"team.name": "data"},
    }
    assert applied(given, RULES, with_defaults=True)["num_workers"] == 2
    assert given == {"spark_version": "15.4.x"}


def test_a_limited_value_must_be_there_unless_it_is_optional() -> None:
    with pytest.raises(ApiError, match="spark_version, the value must be present"):
        applied({}, RULES, with_defaults=False)


@pytest.mark.parametrize(
    ("given", "fault"),
    [
        ({"spark_version": "1"}, "spark_version, the value must be one of '15.4.x', '16.4.x'"),
        ({"num_workers": 9}, "num_workers, the value must be at most 4, not 9"),
        ({"num_workers": 0}, "num_workers, the value must be at least 1, not 0"),
        ({"num_workers": "x"}, "must be a number, not 'x'"),
        ({"custom_tags": {"team.name": "web"}}, "must be 'data', not 'web'"),
        ({"init_scripts": [{}]}, "init_scripts, the value must not be set"),
        ({"node_type_id": "m5.large"}, "must match"),
        ({"runtime_engine": "PHOTON"}, "must not be 'PHOTON'"),
    ],
)
def test_what_a_policy_does_not_allow_is_said_by_path(given: dict[str, Any], fault: str) -> None:
    with pytest.raises(ApiError, match="Cluster validation error") as refused:
        applied({"spark_version": "15.4.x", **given}, RULES, with_defaults=False)
    assert fault in refused.value.message


@pytest.mark.parametrize(
    "text",
    [
        "{",
        "[]",
        '{"a": 1}',
        '{"a": {"type": "maybe"}}',
        '{"a": {"type": "regex", "pattern": "("}}',
    ],
)
def test_what_is_no_definition_is_refused(text: str) -> None:
    with pytest.raises(ApiError, match="definition") as refused:
        read_definition("definition", text)
    assert refused.value.code == "INVALID_PARAMETER_VALUE"
    assert read_definition("definition", json.dumps(RULES)) == RULES

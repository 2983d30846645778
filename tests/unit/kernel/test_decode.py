"""Request bodies as dataclasses: every fault at once, with its path."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import Enum
from typing import Any, Literal

import pytest

from brickyard.workspace.kernel.decode import decode
from brickyard.workspace.kernel.errors import ApiError


class Colour(Enum):
    RED = "red"


@dataclass(frozen=True, slots=True, kw_only=True)
class Inner:
    size: int
    label: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Body:
    name: str
    inner: Inner | None = None
    many: Sequence[Inner] = ()
    tags: Mapping[str, str] | None = None
    colour: Colour = Colour.RED
    mode: Literal["a", "b"] = "a"
    extra: Any = None


@dataclass(frozen=True)
class Vector:
    numbers: list[float]


def test_a_full_body_is_decoded() -> None:
    data = {
        "name": "n",
        "inner": {"size": "7"},
        "many": [{"size": 1.0, "label": "x"}],
        "tags": {"k": "v"},
        "colour": "red",
        "mode": "b",
        "extra": [1],
        "unknown": True,
    }
    assert decode(data, Body) == Body(
        name="n",
        inner=Inner(size=7),
        many=(Inner(size=1, label="x"),),
        tags={"k": "v"},
        mode="b",
        extra=[1],
    )


def test_every_fault_is_named_with_its_path() -> None:
    data = {"inner": {"size": "x"}, "many": [{}, 3], "colour": "blue", "mode": "c", "tags": []}
    with pytest.raises(ApiError) as refused:
        decode(data, Body)
    assert refused.value.code == "INVALID_PARAMETER_VALUE"
    for part in ("name is required", "inner.size", "many[0].size", "many[1]", "colour", "mode"):
        assert part in refused.value.message
    assert "tags must be an object" in refused.value.message


@pytest.mark.parametrize("data", [None, [], "x", 3])
def test_a_body_that_is_no_object_is_refused(data: Any) -> None:
    with pytest.raises(ApiError, match="the request body must be an object"):
        decode(data, Body)


def test_a_boolean_is_no_number() -> None:
    with pytest.raises(ApiError, match="size must be an integer"):
        decode({"size": True}, Inner)


def test_a_list_of_numbers_takes_whole_ones_and_refuses_others() -> None:
    assert decode({"numbers": [0.5, 1.5]}, Vector) == Vector([0.5, 1.5])
    mixed = decode({"numbers": [0.5, 1]}, Vector)
    assert [type(one) for one in mixed.numbers] == [float, float]
    with pytest.raises(ApiError, match=r"numbers\[1\] must be a number"):
        decode({"numbers": [0.5, "x"]}, Vector)

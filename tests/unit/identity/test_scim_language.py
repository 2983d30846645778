"""SCIM's filters and patches on plain documents."""

from __future__ import annotations

from typing import Any

import pytest

from brickyard.workspace.identity.scim_filter import BadFilter, parse
from brickyard.workspace.identity.scim_patch import BadPatch, patched

ADA: dict[str, Any] = {
    "userName": "ada@example.com",
    "active": True,
    "name": {"givenName": "Ada"},
    "emails": [{"type": "work", "value": "ada@example.com"}],
    "members": [{"value": "1"}, {"value": "2"}],
}


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ('userName eq "ADA@example.com"', True),
        ('USERNAME Eq "ada@example.com" AND active eq true', True),
        ("active eq false", False),
        ('name.givenName sw "A"', True),
        ('emails.value ew "example.com"', True),
        ('emails co "nobody"', False),
        ("nickName pr", False),
        ("emails pr", True),
        ('userName ne "x"', True),
        ('not (userName eq "ada@example.com") or name.givenName eq "ada"', True),
        ('userName eq "a \\"quoted\\" word"', False),
    ],
)
def test_filters(text: str, expected: bool) -> None:
    assert parse(text)(ADA) is expected


@pytest.mark.parametrize("text", ["", "userName", "userName is x", '(a eq "1"', 'a eq "1" b', '"'])
def test_filters_that_cannot_be_read(text: str) -> None:
    with pytest.raises(BadFilter):
        parse(text)


@pytest.mark.parametrize(
    ("operation", "attribute", "expected"),
    [
        ({"op": "replace", "path": "active", "value": False}, "active", False),
        ({"op": "Replace", "value": {"ACTIVE": False}}, "active", False),
        ({"op": "add", "path": "name.familyName", "value": "L"}, "name", "familyName"),
        ({"op": "remove", "path": 'members[value eq "1"]'}, "members", [{"value": "2"}]),
        (
            {"op": "remove", "path": "members", "value": [{"value": "2"}]},
            "members",
            [{"value": "1"}],
        ),
        ({"op": "add", "path": "members", "value": {"value": "1"}}, "members", ADA["members"]),
        ({"op": "add", "path": "roles", "value": [{"value": "r"}]}, "roles", [{"value": "r"}]),
        ({"op": "remove", "path": "members"}, "members", None),
    ],
)
def test_patches(operation: dict[str, Any], attribute: str, expected: Any) -> None:
    done = patched(ADA, [operation])
    if attribute == "name":
        assert expected in done["name"]
    else:
        assert done.get(attribute) == expected


def test_a_patch_leaves_its_input_alone() -> None:
    patched(ADA, [{"op": "remove", "path": "members"}])
    assert len(ADA["members"]) == 2


@pytest.mark.parametrize(
    "operations",
    [None, [], ["x"], [{"op": "move"}], [{"op": "remove"}], [{"op": "add", "path": "a[b"}]],
)
def test_patches_that_cannot_be_applied(operations: Any) -> None:
    with pytest.raises(BadPatch):
        patched(ADA, operations)

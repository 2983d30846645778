"""What can be said of what is in a project, what an update changes, and names."""

from __future__ import annotations

from typing import Any

import pytest

from brickyard.workspace.kernel import ApiError
from brickyard.workspace.lakebase.names import check_id, read_name, read_parent
from brickyard.workspace.lakebase.specs import BRANCH, ENDPOINT, PROJECT, Kind

COMPUTE = {"autoscaling_limit_min_cu": 1, "autoscaling_limit_max_cu": 4}


@pytest.mark.parametrize(
    ("mask", "after"),
    [
        ("spec.display_name", {"display_name": "new", "default_endpoint_settings": COMPUTE}),
        ("spec.custom_tags", {"display_name": "old", "default_endpoint_settings": COMPUTE}),
        ("spec.default_endpoint_settings", {"display_name": "old"}),
        (
            "spec.default_endpoint_settings.autoscaling_limit_max_cu",
            {
                "display_name": "old",
                "default_endpoint_settings": {"autoscaling_limit_min_cu": 1},
            },
        ),
        ("*", {"display_name": "new", "default_endpoint_settings": COMPUTE}),
        ("", {"display_name": "new", "default_endpoint_settings": COMPUTE}),
        ("spec", {"display_name": "new"}),
    ],
)
def test_an_update_sets_what_its_mask_names_and_unsets_what_is_not_sent(
    mask: str, after: dict[str, Any]
) -> None:
    now = {"pg_version": 16, "display_name": "old", "default_endpoint_settings": COMPUTE}
    changed = PROJECT.changed(now, {"display_name": "new"}, mask)
    assert changed == {"pg_version": 16, **after}


@pytest.mark.parametrize(
    ("kind", "now", "sent", "mask", "said"),
    [
        (PROJECT, {"pg_version": 16}, {"pg_version": 17}, "spec.pg_version", "cannot be changed"),
        (PROJECT, {}, {}, "name", "fields of the spec"),
        (BRANCH, {"ttl": "60s"}, {"no_expiry": True}, "spec.no_expiry", "exclude each other"),
        (ENDPOINT, COMPUTE, {"autoscaling_limit_max_cu": 40}, "*", "up to 16 more"),
    ],
)
def test_an_update_to_what_cannot_be_is_refused(
    kind: Kind, now: dict[str, Any], sent: dict[str, Any], mask: str, said: str
) -> None:
    with pytest.raises(ApiError, match=said):
        kind.changed(now, sent, mask)


@pytest.mark.parametrize(
    ("kind", "spec", "said"),
    [
        (PROJECT, [], "must be an object"),
        (PROJECT, {"display_name": "x" * 257}, "1 to 256"),
        (PROJECT, {"history_retention_duration": "1d"}, "number of seconds"),
        (PROJECT, {"default_endpoint_settings": {"suspend_timeout_duration": "5s"}}, "between 60s"),
        (BRANCH, {"no_expiry": False}, "cannot be false"),
        (BRANCH, {"expire_time": "2030-01-01"}, "must be a time"),
        (ENDPOINT, {"endpoint_type": "READ"}, "endpoint_type"),
        (ENDPOINT, {"group": {"min": 1, "max": 2}}, "must be equal"),
        (ENDPOINT, {"autoscaling_limit_min_cu": 0.25}, "at least 0.5"),
        (ENDPOINT, {"no_suspension": True, "suspend_timeout_duration": "60s"}, "exclude"),
    ],
)
def test_a_spec_that_cannot_be_is_refused(kind: Kind, spec: Any, said: str) -> None:
    with pytest.raises(ApiError, match=said):
        kind.read(spec)


def test_names_say_what_they_are_of() -> None:
    name = read_name("projects/shop/branches/main/roles/app")
    assert (name.project, name.branch, name.id) == ("shop", "branches/main", "app")
    assert (name.kind.word, name.parent) == ("role", "projects/shop/branches/main")
    assert read_name("projects/shop").kind is PROJECT
    assert str(read_parent("projects/shop", "branches").child("branches", "main")) == (
        "projects/shop/branches/main"
    )
    for wrong in ("projects", "shop", "projects/shop/roles/app", "projects/shop/branches"):
        with pytest.raises(ApiError, match="nothing of the name"):
            read_name(wrong)
    with pytest.raises(ApiError, match="parent of branches is a project"):
        read_parent("projects/shop/branches/main", "branches")


@pytest.mark.parametrize(
    ("collection", "id"),
    [("projects", ""), ("branches", "1a"), ("branches", "a-"), ("roles", "abc"), ("roles", "A234")],
)
def test_an_id_that_cannot_be_is_refused(collection: str, id: str) -> None:
    with pytest.raises(ApiError, match="_id"):
        check_id(collection, id)

"""The declarations agree with the SDK and each other; access is written as the API wants it."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest

from brickyard.resources import ACCESS, TITLES, TYPES, On, ResourceType, catalogue
from brickyard.resources.experiments import same_name
from brickyard.resources.job_runs import modern
from brickyard.resources.model_serving_endpoints import changed_tags, configuration_of
from brickyard.resources.vector_search_endpoints import as_asked

ROOT = Path(__file__).parents[3]
KINDS = tuple(TYPES.values())


def kind_at(kind: ResourceType, path: str) -> str | None:
    """The type of the field that a rule's path names, None when there is none."""
    fields = catalogue()
    at: str | None = None
    for index, part in enumerate(re.split(r"\.|(?=\[)", path)):
        if not part:
            continue
        if index == 0:
            at = fields.resources[kind.key].get(part)
        elif (part == "[*]" and at is not None) or (part.startswith("['") and at is not None):
            at = at[1:-1]
        elif at is not None:
            at = fields.structures.get(at, {}).get(part)
        if at is None:
            return None
    return at


def test_the_committed_field_catalogue_is_what_the_sdk_says() -> None:
    script = [sys.executable, str(ROOT / "scripts" / "field_catalogue.py"), "--check"]
    done = subprocess.run(script, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


def test_every_type_has_a_title() -> None:
    assert len(TITLES) == 33
    assert set(TYPES) <= set(TITLES)
    assert all(TITLES[kind.key] == kind.title for kind in KINDS)


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.key)
def test_every_rule_names_a_field_and_says_why(kind: ResourceType) -> None:
    # Fields that only the service writes are in no request, so the catalogue has none of them.
    written_by_service = {"deployment.version_id", "apply_policy_default_values"}
    recorded = set(kind.recorded(dict.fromkeys(kind.required, 1)) if kind.recorded else ())
    for rule in kind.fields:
        assert rule.why
        if rule.path in written_by_service or rule.path.endswith("burst_scaling_enabled"):
            continue
        if rule.path == "*" or rule.path in recorded or kind.key == "secret_scopes":
            continue
        if rule.path.startswith("properties["):
            continue
        if "['" not in rule.path:
            assert kind_at(kind, rule.path), f"{kind.key}.{rule.path}"
    for name in (*kind.required, *kind.parents):
        assert kind_at(kind, name), f"{kind.key}.{name}"


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.key)
def test_every_keyed_list_has_its_key(kind: ResourceType) -> None:
    for path, key in kind.keyed_lists.items():
        element = kind_at(kind, f"{path}[*]")
        assert element is not None, path
        assert key in catalogue().structures[element], path


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.key)
def test_every_id_field_recreates_or_renames(kind: ResourceType) -> None:
    has_rename = any(rule.on is On.RENAME for rule in kind.fields)
    assert has_rename is (kind.rename is not None)


def test_the_configuration_of_an_endpoint_leaves_out_what_the_service_adds() -> None:
    entity = {"name": "c-1", "entity_name": "a.b.c", "state": {}, "creator": "x"}
    got = {
        "name": "m",
        "id": "7",
        "state": {"ready": "READY"},
        "config": {
            "config_version": 3,
            "served_models": [],
            "served_entities": [entity],
        },
        "tags": [{"key": "a", "value": "b"}],
    }
    assert configuration_of(got) == {
        "name": "m",
        "config": {"served_entities": [{"name": "c-1", "entity_name": "a.b.c"}]},
        "tags": [{"key": "a", "value": "b"}],
    }


def test_an_endpoint_that_is_being_updated_shows_what_it_will_be() -> None:
    got = {"name": "m", "pending_config": {"served_entities": [{"entity_name": "a.b.c"}]}}
    assert configuration_of(got)["config"] == {"served_entities": [{"entity_name": "a.b.c"}]}


def test_tags_are_changed_one_by_one() -> None:
    have = {"tags": [{"key": "a", "value": "1"}, {"key": "b", "value": "2"}]}
    want = {"tags": [{"key": "a", "value": "1"}, {"key": "c", "value": "3"}]}
    assert changed_tags(want, have, "m") == {
        "add_tags": [{"key": "c", "value": "3"}],
        "delete_tags": ["b"],
    }
    assert changed_tags(have, have, "m") is None


def test_an_experiment_is_the_same_with_and_without_the_workspace_prefix() -> None:
    assert same_name("/Workspace/Users/x/e", "/Users/x/e")
    assert not same_name("/Users/x/e", "/Users/y/e")


def test_permissions_are_read_without_what_is_inherited_and_written_whole() -> None:
    permissions = ACCESS["permissions"]
    got = {
        "access_control_list": [
            {
                "user_name": "jane",
                "all_permissions": [
                    {"permission_level": "IS_OWNER", "inherited": False},
                    {"permission_level": "CAN_MANAGE", "inherited": True},
                ],
            },
            {"group_name": "admins", "all_permissions": [{"permission_level": "CAN_MANAGE"}]},
        ]
    }
    entries = permissions.entries(got)
    assert entries == [
        {"level": "IS_OWNER", "user_name": "jane"},
        {"level": "CAN_MANAGE", "group_name": "admins"},
    ]
    whole = {
        "access_control_list": [
            {"permission_level": "IS_OWNER", "user_name": "jane"},
            {"permission_level": "CAN_MANAGE", "group_name": "admins"},
        ]
    }
    assert permissions.calls("/jobs/12", entries, []) == [
        ("PUT", "/api/2.0/permissions/jobs/12", whole)
    ]
    endpoint = TYPES["model_serving_endpoints"]
    assert permissions.id(endpoint, "m", {"endpoint_id": "7"}) == "/serving-endpoints/7"
    assert permissions.id(TYPES["jobs"], "12", {}) == "/jobs/12"
    assert permissions.read("/jobs/12") == "/api/2.0/permissions/jobs/12"


def test_the_list_of_a_secret_scope_is_written_one_principal_at_a_time() -> None:
    acls = ACCESS["acls"]
    want = [{"level": "MANAGE", "user_name": "a"}, {"level": "READ", "group_name": "g"}]
    have = [{"level": "READ", "user_name": "a"}, {"level": "READ", "user_name": "b"}]
    base = "/api/2.0/secrets/acls"
    assert acls.calls("s", want, have) == [
        ("POST", f"{base}/put", {"scope": "s", "principal": "a", "permission": "MANAGE"}),
        ("POST", f"{base}/put", {"scope": "s", "principal": "g", "permission": "READ"}),
        ("POST", f"{base}/delete", {"scope": "s", "principal": "b"}),
    ]
    assert acls.calls("s", want, want) == []


def test_grants_are_written_as_changes() -> None:
    grants = ACCESS["grants"]
    want = [{"principal": "a", "privileges": ["SELECT", "MODIFY"]}]
    have = [
        {"principal": "a", "privileges": ["SELECT", "CREATE_TABLE"]},
        {"principal": "b", "privileges": ["SELECT"]},
    ]
    changes = {
        "changes": [
            {"add": ["MODIFY", "SELECT"], "principal": "a", "remove": ["ALL_PRIVILEGES"]},
            {"principal": "b", "remove": ["ALL_PRIVILEGES"]},
        ]
    }
    path = "/api/2.1/unity-catalog/permissions/schema/c.s"
    assert grants.calls("schema/c.s", want, have) == [("PATCH", path, changes)]
    node = grants.id(TYPES["registered_models"], "c.s.m", {})
    assert node == "function/c.s.m"
    assert grants.read(node) == "/api/2.1/unity-catalog/permissions/function/c.s.m"
    assert grants.state(node, want) == {
        "securable_type": "function",
        "full_name": "c.s.m",
        "__embed__": [{"principal": "a", "privileges": ["MODIFY", "SELECT"]}],
    }


def test_an_endpoints_throughput_is_read_where_configuration_has_it() -> None:
    got = {"name": "e", "id": "1", "scaling_info": {"requested_target_qps": 7}}
    assert as_asked(got) == {**got, "endpoint_uuid": "1", "target_qps": 7}
    assert "target_qps" not in as_asked({"name": "e"})


def test_the_page_of_a_run_is_one_that_everybody_may_open() -> None:
    assert modern("https://x.net/?o=7#job/1/run/2") == "https://x.net/jobs/1/runs/2?o=7"
    assert modern("https://x.net/#job/1/run/2") == "https://x.net/jobs/1/runs/2"
    assert modern("https://x.net/jobs/1/runs/2?o=7") == "https://x.net/jobs/1/runs/2?o=7"

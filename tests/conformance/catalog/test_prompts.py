"""Prompts and tags: who may do what, on the wire. MLflow's client is tried in `tests/clients`."""

from __future__ import annotations

import json
import uuid
from typing import Any

import pytest
from databricks.sdk.errors import DatabricksError, NotFound, PermissionDenied
from databricks.sdk.service.catalog import EntityTagAssignment, PermissionsChange, Privilege

PROMPTS = "/api/2.0/mlflow/unity-catalog/prompts"


@pytest.fixture(scope="module")
def schema(workspace: Any) -> Any:
    client = workspace.client("dev")
    made = client.schemas.create(f"prompts_{uuid.uuid4().hex[:8]}", "dev")
    yield made.full_name
    client.schemas.delete(made.full_name, force=True)


def make(client: Any, name: str, text: str = "hello") -> Any:
    body = {"name": name, "prompt": {"name": name, "description": "d"}}
    client.api_client.do("POST", PROMPTS, body=body)
    version = {"prompt_version": {"template": json.dumps(text)}}
    return client.api_client.do("POST", f"{PROMPTS}/{name}/versions", body=version)


@pytest.mark.documented
def test_a_prompt_takes_the_privileges_that_databricks_documents(
    workspace: Any, somebody: Any, schema: str
) -> None:
    admin, other = workspace.client("dev"), somebody("dev")
    me = other.current_user.me().user_name
    name = f"{schema}.p_{uuid.uuid4().hex[:6]}"
    with pytest.raises(PermissionDenied, match="CREATE FUNCTION"):
        make(other, name)
    assert make(admin, name)["version"] == "1"
    # The catalog of dev lets everybody read; writing takes MANAGE.
    read = other.api_client.do("GET", f"{PROMPTS}/{name}/versions/1")
    assert json.loads(read["template"]) == "hello"
    alias = f"{PROMPTS}/{name}/aliases/live"
    with pytest.raises(PermissionDenied, match="MANAGE"):
        other.api_client.do("POST", alias, body={"version": "1"})
    change = PermissionsChange(principal=me, add=[Privilege.MANAGE])
    admin.grants.update("prompt", name, changes=[change])
    other.api_client.do("POST", alias, body={"version": "1"})
    shown = admin.grants.get("function", name)
    assert [one.principal for one in shown.privilege_assignments] == [me]
    with pytest.raises(DatabricksError) as taken:
        make(admin, name)
    assert taken.value.error_code == "ALREADY_EXISTS"


@pytest.mark.belief
def test_a_prompt_shares_its_name_with_no_model(workspace: Any, schema: str) -> None:
    client = workspace.client("dev")
    name = f"{schema}.p_{uuid.uuid4().hex[:6]}"
    make(client, name)
    catalog, inside, plain = name.split(".")
    with pytest.raises(DatabricksError, match="already exists"):
        client.registered_models.create(catalog_name=catalog, schema_name=inside, name=plain)
    with pytest.raises(NotFound):
        client.registered_models.get(name)
    with pytest.raises(DatabricksError, match="still has versions"):
        client.api_client.do("DELETE", f"{PROMPTS}/{name}")


@pytest.mark.belief
@pytest.mark.parametrize("template", ["plain text", "{}", "3", '"x'])
def test_a_template_that_clients_could_not_read_is_refused(
    workspace: Any, schema: str, template: str
) -> None:
    client = workspace.client("dev")
    name = f"{schema}.p_{uuid.uuid4().hex[:6]}"
    make(client, name)
    body = {"prompt_version": {"template": template}}
    with pytest.raises(DatabricksError, match="must be JSON"):
        client.api_client.do("POST", f"{PROMPTS}/{name}/versions", body=body)


@pytest.mark.documented
def test_tags_of_entities(workspace: Any, somebody: Any, schema: str) -> None:
    client = workspace.client("dev")
    api = client.entity_tag_assignments

    def tag(value: str = "gold") -> EntityTagAssignment:
        return EntityTagAssignment(
            entity_type="schemas", entity_name=schema, tag_key="tier", tag_value=value
        )

    assert api.create(tag()).tag_value == "gold"
    with pytest.raises(DatabricksError, match="already exists"):
        api.create(tag())
    assert api.update("schemas", schema, "tier", tag("silver"), "tag_value").tag_value == "silver"
    assert [one.tag_value for one in api.list("schemas", schema)] == ["silver"]
    with pytest.raises(PermissionDenied, match="APPLY TAG"):
        somebody("dev").entity_tag_assignments.delete("schemas", schema, "tier")
    api.delete("schemas", schema, "tier")
    with pytest.raises(NotFound):
        api.get("schemas", schema, "tier")

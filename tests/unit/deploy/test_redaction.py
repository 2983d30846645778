"""Plans show no secret, states hold none, and a saved plan that would set one is not applied."""

from __future__ import annotations

import json

import pytest
from fake_workspace import MakeProject

from brickyard.cli.plan_text import action_lines
from brickyard.deploy.binding import bind
from brickyard.deploy.calls import Caller
from brickyard.deploy.plan import Action, Actual, Change, Node, Plan
from brickyard.deploy.plan_file import BadPlan, read_plan, write_plan

ADDRESS = "resources.secrets.s"
VALUE = {"catalog_name": "c", "schema_name": "s", "name": "n", "value": "hunter2"}
CHANGE = Change(action=Action.UPDATE, reason="custom", old="", new="hunter2", remote="hunter1")


def plan(action: Action) -> Plan:
    node = Node(
        address=ADDRESS,
        action=action,
        id="c.s.n",
        value=VALUE,
        depends_on=(),
        changes={"value": CHANGE},
        remote={"name": "n", "effective_value": "hunter1"},
        is_gone=False,
    )
    return Plan(nodes={ADDRESS: node}, lineage="", serial=0)


def test_neither_the_file_nor_the_text_of_a_plan_shows_a_secret() -> None:
    made = plan(Action.UPDATE)
    shown = write_plan(made) + "\n".join(action_lines(made, lambda text, _: text))
    assert "hunter" not in shown
    assert "value: [redacted]" in shown


def test_a_saved_plan_that_would_set_a_secret_is_refused() -> None:
    with pytest.raises(BadPlan, match="would set secrets"):
        read_plan(write_plan(plan(Action.UPDATE)), "p.json")
    assert read_plan(write_plan(plan(Action.SKIP)), "p.json").nodes[ADDRESS].action is Action.SKIP


def test_binding_records_no_secret(
    make_project: MakeProject, monkeypatch: pytest.MonkeyPatch
) -> None:
    key = {"openai_config": {"openai_api_key_plaintext": "hunter3"}}
    model = {"name": "g", "provider": "openai", "task": "llm/v1/chat", **key}
    endpoint = {"name": "e", "config": {"served_entities": [{"external_model": model}]}}
    project = make_project({"secrets": {"s": VALUE}, "model_serving_endpoints": {"e": endpoint}})
    there = Actual(configuration={}, whole={})
    monkeypatch.setattr(Caller, "read", lambda self, kind, id, **more: there)
    for address, id in ((ADDRESS, "c.s.n"), ("resources.model_serving_endpoints.e", "e")):
        assert bind(project, address, id, agrees=lambda node: True, say=lambda _: None)
    held = project.store.path.read_text() + json.dumps(project.workspace.world["files"])
    assert "sealed:" in held
    assert "hunter" not in held

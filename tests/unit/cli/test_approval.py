"""Who is asked before something is lost, and what happens where nobody can be."""

from __future__ import annotations

import pytest

from brickyard.cli.approval import may_deploy, may_destroy, needs_approval
from brickyard.cli.failures import Refused
from brickyard.deploy.plan import Action, Node, Plan

ROOT = "/Workspace/Users/jane@x/.bundle/shop/dev"


def deleting(*addresses: str, not_selected: int = 0) -> Plan:
    nodes = {one: Node(address=one, action=Action.DELETE, id="1") for one in addresses}
    return Plan(nodes=nodes, not_selected=not_selected)


def test_without_a_terminal_a_deploy_that_loses_no_data_goes_on(
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert may_deploy(deleting("resources.jobs.a"), auto_approve=False)
    assert "delete resources.jobs.a" in capsys.readouterr().err
    assert may_deploy(Plan(nodes={}), auto_approve=False)
    assert capsys.readouterr().err == ""


def test_without_a_terminal_a_deploy_that_loses_data_stops() -> None:
    made = deleting("resources.jobs.a", "resources.schemas.s")
    with pytest.raises(Refused, match="the current console does not support prompting"):
        may_deploy(made, auto_approve=False)
    assert may_deploy(made, auto_approve=True)


def test_without_a_terminal_destroy_wants_approval_and_then_lists_what_goes(
    capsys: pytest.CaptureFixture[str],
) -> None:
    with pytest.raises(Refused, match=r"destroy all resources(.|\n)*Give --auto-approve"):
        needs_approval(auto_approve=False)
    needs_approval(auto_approve=True)
    assert may_destroy(deleting("resources.jobs.a"), ROOT, auto_approve=True)
    said = capsys.readouterr().err
    assert said.startswith("The following resources will be deleted:\n  delete resources.jobs.a\n")
    assert f"at the following location will be deleted: {ROOT}\n" in said
    some = deleting("resources.jobs.a", not_selected=1)
    assert may_destroy(some, ROOT, auto_approve=True)
    assert ROOT not in capsys.readouterr().err

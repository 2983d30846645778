"""What stops a deploy once the workspace is known: below `bundle` only what the service refuses."""

from __future__ import annotations

from pathlib import Path

import click
import pytest

import brickyard.deploy
from brickyard.cli.failures import Refused
from brickyard.cli.project_options import Chosen, connect
from brickyard.deploy.project import load_project, stop_on_refusals

BUNDLE = """
bundle: {name: demo}
resources:
  jobs:
    j: {name: j, schedule: {timezone_id: UTC}}
    k: {name: k, tasks: [{task_key: a, job_cluster_key: nope, notebook_task: {notebook_path: /n}}]}
"""
CHOSEN = Chosen(target=None, variables=(), profile=None, local=False, output="text")


def test_advice_does_not_stop_a_deploy_below_bundle(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "databricks.yml").write_text(BUNDLE)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(
        brickyard.deploy, "connect_project", lambda *_, **__: load_project(tmp_path)
    )
    main = click.Context(click.Command("brickyard"), info_name="brickyard")
    with main, click.Context(click.Command("bundle"), info_name="bundle", parent=main):
        stop_on_refusals(connect(CHOSEN, deploys=True).diagnostics)
    with pytest.raises(Refused):
        connect(CHOSEN, deploys=True)

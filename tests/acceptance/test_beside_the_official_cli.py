"""One bundle, deployed by this command and by the official CLI in turns.

Needs a `databricks` binary (1.14 or newer) on PATH; without one these tests are skipped.
"""

from __future__ import annotations

import shutil
import subprocess
import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from bundle_under_test import BundleUnderTest, Ended, write_bundle

OFFICIAL = shutil.which("databricks")
pytestmark = [
    pytest.mark.recorded,
    pytest.mark.skipif(OFFICIAL is None, reason="there is no databricks binary on PATH"),
]
QUIET = {
    "DATABRICKS_BUNDLE_ENGINE": "direct",
    "DATABRICKS_CACHE_ENABLED": "false",
    "DATABRICKS_CLI_DO_NOT_EXECUTE_NEWER_VERSION": "1",
}


@pytest.fixture
def bundle(tmp_path: Path, workspace: Any) -> Iterator[BundleUnderTest]:
    name = f"turns_{uuid.uuid4().hex[:8]}"
    made = write_bundle(tmp_path / "bundle", name, workspace.environment("dev"))
    yield made
    made("destroy", "--auto-approve", code=None)


def official(bundle: BundleUnderTest, *arguments: str) -> Ended:
    ended = subprocess.run(
        [str(OFFICIAL), "bundle", *arguments],
        cwd=bundle.folder,
        env={**bundle.environment, **QUIET},
        capture_output=True,
        text=True,
        check=False,
        stdin=subprocess.DEVNULL,
        timeout=180,
    )
    assert ended.returncode == 0, f"{arguments}: {ended.stdout}\n{ended.stderr}"
    return Ended(code=ended.returncode, out=ended.stdout, err=ended.stderr)


def actions(plan: Ended) -> dict[str, str]:
    """What a plan does to each node; official plans leave the word out of what stays."""
    return {name: node.get("action", "skip") for name, node in plan.data["plan"].items()}


def test_both_resolve_the_same_configuration(bundle: BundleUnderTest) -> None:
    ours = bundle("validate", "-o", "json").data
    theirs = official(bundle, "validate", "-o", "json").data
    assert ours == theirs


def test_what_one_deployed_the_other_leaves_as_it_is(bundle: BundleUnderTest) -> None:
    first = bundle("plan", "-o", "json")
    assert actions(first) == actions(official(bundle, "plan", "-o", "json"))
    bundle("deploy")
    seen = actions(official(bundle, "plan", "-o", "json"))
    assert set(seen) == set(actions(first))
    assert set(seen.values()) == {"skip"}

    bundle.edit("comment: Orders and customers.", "comment: Changed.")
    ours = actions(bundle("plan", "-o", "json"))
    assert ours == actions(official(bundle, "plan", "-o", "json"))
    assert ours["resources.schemas.sales"] == "update"
    official(bundle, "deploy")
    assert set(actions(bundle("plan", "-o", "json")).values()) == {"skip"}
    assert "Deployment complete" not in bundle("deploy").err
    official(bundle, "destroy", "--auto-approve")
    assert set(actions(bundle("plan", "-o", "json")).values()) == {"create"}

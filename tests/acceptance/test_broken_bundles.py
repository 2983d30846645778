"""A broken bundle ends in a message with its place and source line, and exit code 1, in every verb.

Each breakage is one edit of a sound bundle; the message names the file, line and column of the
edit, shows the line with a caret, and no verb answers with a traceback or starts a workspace.
"""

from __future__ import annotations

import json
import os
import re
import uuid
from dataclasses import dataclass
from pathlib import Path

import pytest
from bundle_under_test import BundleUnderTest, write_bundle

pytestmark = pytest.mark.documented


@dataclass(frozen=True, slots=True, kw_only=True)
class Breakage:
    """`new` takes the place of `old`; the message has `said`, and points at the text `at`."""

    old: str
    new: str
    said: str
    at: str


BREAKAGES = {
    "YAML that ends in the middle": Breakage(
        old='"4"\n', new='"4\n', said="unexpected end of stream", at='"4'
    ),
    "a tab for indentation": Breakage(
        old="    caller:\n", new="\tcaller:\n", said="", at="\tcaller:"
    ),
    "an unknown variable": Breakage(
        old="name: landing", new="name: ${var.nowhere}", said="nowhere", at="${var.nowhere}"
    ),
    "a variable that refers to itself": Breakage(
        old="targets:\n",
        new="variables:\n  a: {default: '${var.a}'}\ntargets:\n",
        said="a",
        at="'${var.a}'",
    ),
    "a file that is not there": Breakage(
        old="python_file: src/hello.py",
        new="python_file: src/helo.py",
        said="src/helo.py",
        at="src/helo.py",
    ),
}
# What the service would refuse: a warning of `validate`, and no verb deploys it.
REFUSED = {
    "a resource that is not there": Breakage(
        old="${resources.schemas.sales.name}\n      name: landing",
        new="${resources.schemas.sale.name}\n      name: landing",
        said="sale",
        at="${resources.schemas.sale.name}",
    ),
    "an environment that is not there": Breakage(
        old="          environment_key: plain\n",
        new="          environment_key: plane\n",
        said="plane",
        at="plane",
    ),
    "a task that depends on a missing one": Breakage(
        old="        - task_key: call\n",
        new="        - task_key: call\n          depends_on: [{task_key: first}]\n",
        said="first",
        at="first",
    ),
}
# These are let through, as by the official CLI: the value is left out, and the reader is told.
SLIPS = {
    "a required field that is missing": Breakage(
        old="      catalog_name: ${bundle.target}\n"
        "      schema_name: ${resources.schemas.sales.name}\n"
        "      name: landing\n",
        new="      catalog_name: ${bundle.target}\n      name: landing\n",
        said="schema_name",
        at="catalog_name: ${bundle.target}\n      name: landing",
    ),
    "the same key twice": Breakage(
        old="      name: caller\n",
        new="      name: caller\n      name: again\n",
        said="name",
        at="name: again",
    ),
    "text where a mapping belongs": Breakage(
        old="  volumes:\n    landing:\n",
        new="  volumes:\n    landing: 5\n    other:\n",
        said="",
        at="5\n    other",
    ),
    "a value of the wrong type": Breakage(
        old="      name: caller\n",
        new="      name: caller\n      max_concurrent_runs: many\n",
        said="many",
        at="many",
    ),
}
VERBS = (
    ("validate",),
    ("plan",),
    ("deploy",),
    ("run", "hello"),
    ("summary",),
    ("destroy", "--auto-approve"),
    ("policy", "check"),
)


@pytest.fixture
def bundle(tmp_path: Path) -> BundleUnderTest:
    """A sound bundle whose commands would start a server of their own, if they got so far."""
    credentials = ("DATABRICKS_", "MLFLOW_", "BRICKYARD_")
    kept = {name: value for name, value in os.environ.items() if not name.startswith(credentials)}
    environment = {**kept, "BRICKYARD_HOME": str(tmp_path / "home")}
    return write_bundle(tmp_path / "bundle", f"shop_{uuid.uuid4().hex[:8]}", environment)


def broken(bundle: BundleUnderTest, breakage: Breakage) -> tuple[str, int, int]:
    """Break it; the line's text, and the line and column of `at`."""
    bundle.edit(breakage.old, breakage.new)
    before, found, _ = (bundle.folder / "databricks.yml").read_text().partition(breakage.at)
    assert found
    line = before.count("\n") + 1
    column = len(before) - (before.rfind("\n") + 1) + 1
    text = (bundle.folder / "databricks.yml").read_text().splitlines()[line - 1]
    return text, line, column


@pytest.mark.parametrize("name", BREAKAGES)
def test_validate_shows_where_a_bundle_is_broken(bundle: BundleUnderTest, name: str) -> None:
    breakage = BREAKAGES[name]
    text, line, column = broken(bundle, breakage)
    refused = bundle("validate", code=1)
    assert "Traceback" not in refused.err
    assert refused.err.startswith("Error: ")
    assert breakage.said.lower() in refused.err.lower()
    place = re.search(r"in databricks\.yml:(\d+):(\d+)", refused.err)
    assert place, refused.err
    assert (int(place[1]), int(place[2])) == (line, column), refused.err
    assert text.strip() in refused.err
    assert re.search(r"^ *\| +\^", refused.err, re.MULTILINE)
    as_data = bundle("validate", "-o", "json", code=1)
    assert "Traceback" not in as_data.err
    assert not as_data.out or json.loads(as_data.out) is not None


@pytest.mark.parametrize("name", REFUSED)
def test_what_the_service_would_refuse_is_told_by_validate_and_not_deployed(
    bundle: BundleUnderTest, name: str
) -> None:
    breakage = REFUSED[name]
    _, line, column = broken(bundle, breakage)
    told = bundle("validate")
    assert told.err.startswith("Warning: ")
    assert f"in databricks.yml:{line}:{column}\n" in told.err
    for verb in ("plan", "deploy"):
        refused = bundle(verb, code=1)
        assert refused.err.startswith("Error: ")
        assert breakage.said in refused.err
        assert f"in databricks.yml:{line}:{column}\n" in refused.err
    assert not Path(bundle.environment["BRICKYARD_HOME"], "run").exists()


@pytest.mark.parametrize("name", SLIPS)
def test_a_slip_is_a_warning_with_its_place(bundle: BundleUnderTest, name: str) -> None:
    text, line, column = broken(bundle, SLIPS[name])
    told = bundle("validate")
    assert told.err.startswith("Warning: ")
    assert f"in databricks.yml:{line}:{column}\n" in told.err
    assert text.strip() in told.err


@pytest.mark.parametrize("verb", VERBS, ids=" ".join)
@pytest.mark.parametrize("name", ["YAML that ends in the middle", "an unknown variable"])
def test_every_verb_stops_at_a_broken_bundle(
    bundle: BundleUnderTest, verb: tuple[str, ...], name: str
) -> None:
    broken(bundle, BREAKAGES[name])
    refused = bundle(*verb, code=1)
    assert "Traceback" not in refused.err
    assert re.search(r"in databricks\.yml:\d+:\d+", refused.err)
    assert not Path(bundle.environment["BRICKYARD_HOME"], "run").exists()


def test_a_folder_without_a_bundle_is_told(bundle: BundleUnderTest) -> None:
    (bundle.folder / "databricks.yml").unlink()
    refused = bundle("deploy", code=1)
    assert "databricks.yml" in refused.err
    assert "Traceback" not in refused.err


def test_an_unknown_target_is_told_with_those_there_are(bundle: BundleUnderTest) -> None:
    refused = bundle("deploy", "-t", "prd", code=1)
    assert "prd" in refused.err
    assert "staging" in refused.err
    assert "Traceback" not in refused.err


def test_a_file_that_is_no_text_is_told(bundle: BundleUnderTest) -> None:
    (bundle.folder / "databricks.yml").write_bytes(b"bundle:\n  name: \xff\xfe\x00\n")
    refused = bundle("deploy", code=1)
    assert "databricks.yml" in refused.err
    assert "Traceback" not in refused.err

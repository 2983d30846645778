"""`choose`: what answers decide, and what a repository answers by itself."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from brickyard.templates import BUILT_IN
from brickyard.templates.choosing import QUESTIONS, RULES, TEMPLATES, choose
from brickyard.templates.looking import look

CLASSIC = {"kind": "classic-ml", "team": "several", "projects": "many", "ci": "azure"}


@pytest.mark.parametrize(
    ("answers", "choice"),
    [
        (CLASSIC, "mlops-stacks"),
        ({**CLASSIC, "kind": "generative"}, "bundle"),
        ({**CLASSIC, "kind": "app"}, "bundle"),
        ({**CLASSIC, "team": "one", "projects": "one"}, "bundle"),
        ({**CLASSIC, "ci": "other"}, "bundle"),
        ({**CLASSIC, "registry": "unity-catalog"}, "mlops-stacks"),
        ({}, "bundle"),
    ],
)
def test_the_answers_decide(answers: dict[str, str], choice: str) -> None:
    assert choose(answers).choice == choice


def test_every_rule_is_about_a_question_and_every_command_about_a_template() -> None:
    known = {(asked.name, answer) for asked in QUESTIONS for answer in asked.answers}
    assert {(rule.question, rule.answer) for rule in RULES} <= known
    assert set(TEMPLATES.values()) <= {one.name for one in BUILT_IN}


def test_what_decides_comes_first_with_its_reason() -> None:
    found = choose({**CLASSIC, "kind": "generative"})
    assert "prompts" in found.reasons[0].why
    assert found.command == "brickyard init retrieval-agent"
    assert "brickyard ci init --provider azure" in found.next
    assert choose(CLASSIC).command == "brickyard init mlops-stacks"
    assert choose({}, has_bundle=True).command == "brickyard validate"


def test_a_repository_answers_by_its_files() -> None:
    seen = look(
        {
            "src/train.py": "import lightgbm\nmlflow.set_registry_uri('databricks-uc')\n",
            "src/agent.py": "from mlflow.pyfunc import ResponsesAgent\n",
            "src/chat.py": "import openai\n",
            "databricks.yml": "bundle: {name: x}\n",
            ".github/workflows/ci.yml": "on: push\n",
        },
        authors=["a@x", "a@x", "b@x"],
    )
    assert seen.answers == {
        "kind": "generative",
        "registry": "unity-catalog",
        "ci": "github",
        "work": "local",
        "team": "one",
    }
    assert seen.evidence["kind"] == "src/chat.py and 1 more"
    assert seen.has_bundle
    assert not seen.is_stack
    assert look({}).answers == {}


def test_the_command_says_it_for_machines(tmp_path: Path) -> None:
    (tmp_path / "app.py").write_text("import streamlit as st\n")
    words = [sys.executable, "-m", "brickyard", "choose", "--from", str(tmp_path), "-o", "json"]
    ended = subprocess.run(words, capture_output=True, text=True, check=True)
    found = json.loads(ended.stdout)
    assert found["answers"]["kind"] == "app"
    assert found["evidence"]["kind"] == "app.py"
    assert found["command"] == "brickyard init streamlit-app"
    assert {way["use"] for way in found["ways"]} == {"Git folder", "bundle", "API"}

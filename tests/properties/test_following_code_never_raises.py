"""No Python makes the policy's interpreter raise or run away: here, all that this project has."""

from __future__ import annotations

import ast
import random
from pathlib import Path

import pytest

from brickyard.policy.interpreter import Interpreter
from brickyard.policy.library import Task
from brickyard.policy.sql import accesses

ROOT = Path(__file__).resolve().parents[2]
SOURCES = sorted(
    path for folder in ("src", "examples", "scripts") for path in (ROOT / folder).rglob("*.py")
)
WORDS = ["select", "from", "insert", "into", "prod.a.b", "(", ")", "*", "values", "'x'", "`", ";"]
WORDS += ["create", "table", "as", "with", "t", "merge", "using", "on", "drop", "identifier", ":p"]


@pytest.mark.parametrize("path", random.Random(7).sample(SOURCES, 60), ids=lambda p: p.name)
def test_any_source_is_followed_to_its_end(path: Path) -> None:
    interpreter = Interpreter(lambda name, importer: None)
    interpreter.run(ast.parse(path.read_text()), path.name, Task())
    interpreter.follow_unreached()
    assert all(one.file and one.line >= 1 for one in interpreter.found)


def test_any_text_is_read_as_sql_or_reported() -> None:
    chance = random.Random(11)
    for _ in range(400):
        text = " ".join(chance.choices(WORDS, k=chance.randint(1, 12)))
        for one in accesses(text, file="a.sql"):
            assert one.line >= 1

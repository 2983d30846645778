"""What tests of the bundle room share: one call from YAML to a resolved bundle."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from brickyard.bundle import CurrentUser, Facts, Resolved, resolve
from brickyard.values import Diagnostic, Severity

JANE = CurrentUser(user_name="jane.doe@x.com", display_name="Jane Doe", id="7")
NOTEBOOK = b"# Databricks notebook source\nprint(1)\n"


def resolved(
    text: str,
    *,
    target: str | None = None,
    files: Mapping[str, str | bytes] | None = None,
    variables: Mapping[str, str] | None = None,
    name: str = "shop",
    **facts: Any,
) -> Resolved:
    """The bundle in a text, called `shop` unless the text has a `bundle` section."""
    head = "" if "bundle:" in text else f"bundle: {{name: {name}}}\n"
    content = {
        path: held.encode() if isinstance(held, str) else held
        for path, held in {"databricks.yml": head + text, **(files or {})}.items()
    }
    facts.setdefault("user", JANE)
    return resolve(content, facts=Facts(**facts), target=target, variables=variables)


def plain(found: Resolved, path: str) -> Any:
    """The plain value at a path."""
    value = found.tree.get(path)
    assert value is not None, (path, found.diagnostics)
    return value.plain()


def errors(found: Resolved) -> list[Diagnostic]:
    """The errors among the findings, each checked to have what every error must have."""
    problems = [one for one in found.diagnostics if one.severity is Severity.ERROR]
    for problem in problems:
        assert problem.code.startswith("bundle/")
        assert problem.detail, problem
    return problems


def codes(found: Resolved) -> list[str]:
    """The codes of all findings, in order."""
    return [one.code for one in found.diagnostics]


def fine(found: Resolved) -> Resolved:
    """The same bundle, which must have no errors."""
    assert not errors(found), errors(found)
    return found

"""`bundle.databricks_cli_version`: the official CLI's version that a bundle asks for."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Final

from brickyard.bundle.draft import Draft
from brickyard.bundle.go_text import go_quoted
from brickyard.values import Diagnostic, error

CLAUSE: Final = re.compile(
    r"(?P<sign>>=|<=|!=|>|<)?\s*v?(?P<major>[0-9]+)\.(?:(?P<minor>[0-9]+)\.)?"
    r"(?P<patch>[0-9]+|\*)(?:-[0-9A-Za-z.-]+)?"
)


VERSION: Final = r"(\d+\.\d+\.\d+(\-\w+)?|\d+\.\d+.\*|\d+\.\*)"
SIGN: Final = r"(>=|<=|>|<|!=)?"
CONSTRAINT: Final = re.compile(rf"{SIGN} ?{VERSION}(, {SIGN} {VERSION})?", re.ASCII)


def check_version(draft: Draft) -> Draft:
    """An error when the version that this engine follows does not meet the constraint."""
    return draft.noting(*_constraint(draft))


def _constraint(draft: Draft) -> Iterator[Diagnostic]:
    wanted = draft.tree.get("bundle.databricks_cli_version")
    if wanted is None or not wanted.text:
        return
    clauses = [CLAUSE.fullmatch(clause.strip()) for clause in wanted.text.split(",")]
    if not CONSTRAINT.fullmatch(wanted.text) or not all(clauses):
        yield error(
            "bundle/version-constraint",
            f"invalid version constraint {go_quoted(wanted.text)} specified. Please specify the"
            " version constraint in the format (>=) 0.0.0(, <= 1.0.0)",
            "Write one or two clauses such as `>= 0.250.0, < 2.0.0` or `1.*`.",
            path="bundle.databricks_cli_version",
            at=wanted.locations,
        )
        return
    have = tuple(int(part) for part in draft.facts.cli_version.split("-")[0].split("."))
    if not all(clause and _meets(have, clause) for clause in clauses):
        yield error(
            "bundle/version-unmet",
            f"Databricks CLI version constraint not satisfied. Required: {wanted.text}, current:"
            f" {draft.facts.cli_version}",
            "This engine follows that version. Widen the constraint if the bundle works with it.",
            path="bundle.databricks_cli_version",
            at=wanted.locations,
        )


def _meets(have: tuple[int, ...], clause: re.Match[str]) -> bool:
    numbers = [clause["major"], clause["minor"], clause["patch"]]
    want = tuple(int(part) for part in numbers if part and part != "*")
    mine = have[: len(want)]
    match clause["sign"]:
        case ">=":
            return mine >= want
        case "<=":
            return mine <= want
        case ">":
            return mine > want
        case "<":
            return mine < want
        case "!=":
            return mine != want
        case _:
            return mine == want

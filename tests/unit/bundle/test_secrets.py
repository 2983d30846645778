"""Secrets: never written in a file, never shown."""

from __future__ import annotations

import pytest
from bundles import errors, fine, resolved

from brickyard.bundle import resolved_json

SECRET = "{{catalog_name: c, schema_name: s, name: n{0}}}"


def bundle(value: str, variables: str = "pw: {description: x}, other: {default: hello}") -> str:
    secret = SECRET.format(value)
    return (
        f"variables: {{{variables}}}\nresources: {{secrets: {{a: {secret}}}, jobs: {{j: {{%s}}}}}}"
    )


@pytest.mark.parametrize(
    ("value", "said"),
    [
        ("", "Secret value must be a string"),
        (", value: 1", "Secret value must be a variable reference"),
        (", value: hunter2", "Secret value must be a variable reference"),
        (", value: 'x${var.pw}'", "Secret value must be a variable reference"),
        (", value: '${var.other}'", "Variable used for secret value must not have a default value"),
    ],
)
def test_a_secrets_value_is_a_variable_that_no_file_gives(value: str, said: str) -> None:
    found = errors(resolved(bundle(value) % "name: j", variables={"pw": "hunter2"}))
    assert [one.summary for one in found] == [said]


def test_a_secret_and_every_variable_are_shown_redacted_and_so_is_what_repeats_it() -> None:
    job = 'name: "${var.other}", description: "use ${var.pw} here", tags: {k: "${var.pw}"}'
    text = bundle(", value: '${var.pw}'") % job
    found = fine(resolved(text, variables={"pw": "hunter2"}))
    shown = resolved_json(found)
    assert "hunter2" not in shown
    assert '"description": "use [redacted] here"' in shown
    assert '"default": "hello"' in shown
    assert shown.count('"value": "[redacted]"') == 3
    assert found.tree.get("resources.secrets.a.value").text == "hunter2"  # type: ignore[union-attr]


def test_a_bundle_without_secrets_shows_its_variables() -> None:
    text = "variables: {a: {default: hunter2}}\nresources: {jobs: {j: {name: x}}}"
    assert '"value": "hunter2"' in resolved_json(fine(resolved(text)))

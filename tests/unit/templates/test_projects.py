"""From questions to files: what is asked, what is skipped, what is refused."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from brickyard.templates import (
    BadAnswer,
    BadTemplate,
    NoTemplate,
    Renderer,
    Surroundings,
    TemplateRefuses,
    TemplateSchema,
    collect,
    read_files,
    read_schema,
    render_project,
)


def renderer() -> Renderer:
    return Renderer(
        Surroundings(
            workspace_host=lambda: "https://h",
            user_name=lambda: "jane@x.com",
            short_name=lambda: "jane",
            is_service_principal=lambda: False,
            default_catalog=lambda: "main",
            cloud=lambda: "azure",
        )
    )


def schema_of(properties: Mapping[str, Any]) -> TemplateSchema:
    described = {
        name: {"description": "d", **one} if isinstance(one, dict) else one
        for name, one in properties.items()
    }
    return read_schema(json.dumps({"properties": described}).encode(), "schema.json")


def answers(properties: Mapping[str, Any], given: Mapping[str, Any]) -> dict[str, Any]:
    schema = schema_of(properties)
    fill = renderer()
    return collect(schema, given, render=fill.text, ask=None)


def test_defaults_may_use_the_answers_before_them_in_order() -> None:
    properties = {
        "b": {"type": "string", "default": "{{.a}}_b", "order": 2},
        "a": {"type": "string", "default": "{{short_name}}", "order": 1},
        "c": {"type": "integer", "default": 3},
        "//note": "a comment",
    }
    assert answers(properties, {}) == {"a": "jane", "b": "jane_b", "c": 3}
    assert answers(properties, {"a": "x", "unknown": 1}) == {"a": "x", "b": "x_b", "c": 3}


@pytest.mark.parametrize(
    ("property", "given", "word"),
    [
        ({"type": "string", "enum": ["a", "b"]}, "c", r"to be one of \[a b\]\. Found: c"),
        ({"type": "string", "pattern": "^[a-z]+$"}, "A\n", "Expected to match regex pattern: "),
        ({"type": "integer"}, "many", 'cannot convert "many" to an integer'),
        ({"type": "boolean"}, "perhaps", "expected type boolean"),
        ({"type": "string", "const": "x"}, "y", "to be x. Found: y"),
        ({"type": "string"}, None, "expected type string, but value is <nil>"),
    ],
)
def test_an_answer_that_does_not_fit_is_refused(
    property: Mapping[str, Any], given: Any, word: str
) -> None:
    with pytest.raises(BadAnswer, match=word):
        answers({"q": property}, {"q": given})


def test_a_question_without_default_needs_somebody_to_ask() -> None:
    with pytest.raises(BadAnswer, match="--config-file"):
        answers({"q": {"type": "string"}}, {})


def test_a_question_is_skipped_when_its_condition_holds() -> None:
    asked: list[str] = []
    properties = {
        "a": {"type": "string", "order": 1},
        "b": {
            "type": "string",
            "default": "d",
            "order": 2,
            "skip_prompt_if": {"properties": {"a": {"const": "no"}}},
        },
    }
    schema = schema_of(properties)

    def ask(question: Any, text: str, default: Any) -> Any:
        asked.append(question.name)
        return "no"

    fill = renderer()
    found = collect(schema, {}, render=fill.text, ask=ask)
    assert (found, asked) == ({"a": "no", "b": "d"}, ["a"])


@pytest.mark.parametrize(
    ("schema", "words"),
    [
        (b"[1]", "cannot unmarshal array into Go value of type jsonschema.Schema"),
        (b"{", "failed to load schema: unexpected end of JSON input"),
        (b'{"version": 2}', "template schema version 2 is not supported"),
        (b'{"properties": {"a": {"type": "array"}}}', "property type array is not supported"),
        (b'{"properties": {"a": {"type": "int"}}}', 'Please use "integer" instead'),
        (b'{"properties": {"a": {"type": "string"}}}', "a is missing a description"),
        (b'{"properties": {"a": {"type": "string", "skip_prompt_if": {}}}}', "no default value"),
        (b'{"properties": {"a": {"type": "string", "default": 5}}}', "but value is 5"),
        (b'{"properties": {"a": {"type": "integer", "default": 1.5}}}', "got: 1.5"),
        (b'{"properties": {"a": {"type": "string", "enum": ["x", 5]}}}', "enum at index 1"),
        (b'{"properties": {"a": {"type": "string", "enum": ["x"], "default": "y"}}}', r"y: \[x\]"),
        (b'{"properties": {"a": {"type": "string", "pattern": "["}}}', "invalid regex pattern"),
        (b'{"properties": {"a": {"type": "integer", "pattern": "x"}}}', "only supported for str"),
        (b'{"min_databricks_cli_version": "v99.0.0"}', "is greater than current CLI version"),
        (b'{"min_databricks_cli_version": "1"}', "invalid minimum CLI version"),
    ],
)
def test_a_schema_that_cannot_be_used_is_refused(schema: bytes, words: str) -> None:
    with pytest.raises(BadTemplate, match=words):
        read_schema(schema, "schema.json")


def test_names_are_filled_in_and_files_without_the_ending_are_copied() -> None:
    files = {
        "library/helpers.tmpl": b'{{define "shout"}}{{upper .}}!{{end}}',
        "template/{{.name}}/a.txt.tmpl": b'{{template "shout" .name}}',
        "template/{{.name}}/b.txt": b"{{.name}}",
        "template/{{.name}}/deep/c.tmpl": b"{{smallest_node_type}}",
        "README.md": b"not part of it",
    }
    made = render_project(files, {"name": "x"}, renderer())
    assert made.files == {
        "x/a.txt": b"X!",
        "x/b.txt": b"{{.name}}",
        "x/deep/c": b"Standard_D3_v2",
    }
    assert made.folders == ("x", "x/deep")


def test_what_a_template_skips_is_not_there() -> None:
    files = {
        "template/__preamble.tmpl": b'{{skip "p/drop"}}{{skip "*.md"}}{{skip "__preamble"}}',
        "template/p/drop/x": b"1",
        "template/p/keep/y.md": b"2",
        "template/z.md": b"3",
        "template/p/late.tmpl": b'{{skip "late"}}',
    }
    made = render_project(files, {}, renderer())
    assert list(made.files) == ["p/keep/y.md"]
    assert "p/drop" not in made.folders


def test_a_template_may_refuse_the_answers() -> None:
    with pytest.raises(TemplateRefuses, match="x is no name"):
        render_project(
            {"template/a.tmpl": b'{{fail "%s is no name" .name}}'}, {"name": "x"}, renderer()
        )


@pytest.mark.parametrize("name", ["../x", "/x", "a/../../x"])
def test_no_answer_leads_out_of_the_project(name: str) -> None:
    for path in ("template/{{.name}}/a.txt", "template/{{.name}}"):
        with pytest.raises(BadTemplate, match="outside the project"):
            render_project({path: b""}, {"name": name}, renderer())


def test_a_template_that_is_no_text_is_told() -> None:
    with pytest.raises(BadTemplate, match=r"a\.tmpl is not UTF-8 text"):
        render_project({"template/a.tmpl": b"\xff"}, {}, renderer())


def test_a_link_out_of_the_template_is_refused(tmp_path: Path) -> None:
    (tmp_path / "secret").write_text("s")
    folder = tmp_path / "template"
    folder.mkdir()
    (folder / "inner").write_text("x")
    (folder / "fine").symlink_to("inner")
    assert set(read_files(folder)) == {"fine", "inner"}
    (folder / "link").symlink_to(tmp_path / "secret")
    with pytest.raises(NoTemplate, match="link is a link to a place outside"):
        read_files(folder)


def test_what_templates_pin_is_what_the_workspace_has() -> None:
    """A pin that the lock file went past would build an environment of its own for every task."""
    here = Path(__file__).resolve().parents[3]
    lock = (here / "requirements.lock").read_text()
    pinned = {
        found
        for path in (here / "src/brickyard/templates/catalogue").rglob("jobs.yml.tmpl")
        for found in re.findall(r'"([\w.-]+==[\w.]+)"', path.read_text())
    }
    assert len(pinned) >= 4
    for one in sorted(pinned):
        assert re.search(rf"(?m)^{re.escape(one)}(?=[ ;\\])", lock), f"{one} is not in the lock"

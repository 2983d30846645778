"""The schema for editors: what it takes and refuses, by the few keywords that it uses."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest

from brickyard.bundle.json_schema import json_schema
from brickyard.bundle.schema_names import OBSOLETE, definition_name
from brickyard.release.settings_schema import settings_schema
from brickyard.values import read_yaml

ROOT = Path(__file__).parents[3]
KEYWORDS = {
    *("$schema", "title", "description", "definitions", "type", "properties", "required"),
    *("additionalProperties", "items", "anyOf", "oneOf", "enum", "pattern", "$ref"),
    *("minItems", "minLength", "minProperties", "minimum"),
    *("$defs", "deprecated", "deprecationMessage"),
}
KINDS: dict[str, Any] = {
    "object": dict,
    "array": list,
    "string": str,
    "boolean": bool,
    "null": type(None),
}


def takes(schema: dict[str, Any], data: Any, top: dict[str, Any] | None = None) -> bool:
    """Whether a value fits; as much of JSON schema as is used here, or the test fails."""
    top = top or schema
    assert schema.keys() <= KEYWORDS, schema.keys() - KEYWORDS
    if "$ref" in schema:
        return takes(meant(schema["$ref"], top), data, top)
    for word, test in (("anyOf", any), ("oneOf", lambda fits: sum(fits) == 1)):
        if word in schema and not test([takes(one, data, top) for one in schema[word]]):
            return False
    kinds = schema.get("type", [])
    if kinds and not any(is_kind(data, kind) for kind in listed(kinds)):
        return False
    if "enum" in schema and data not in schema["enum"]:
        return False
    if isinstance(data, int | float) and data < schema.get("minimum", data):
        return False
    if isinstance(data, str):
        pattern = schema.get("pattern", "").replace(r"\p{L}\p{N}", r"\w").replace(r"\p{L}", r"\w")
        return len(data) >= schema.get("minLength", 0) and re.search(pattern, data) is not None
    if isinstance(data, list):
        enough = len(data) >= schema.get("minItems", 0)
        return enough and all(takes(schema.get("items", {}), item, top) for item in data)
    if not isinstance(data, dict):
        return True
    fields, others = schema.get("properties", {}), schema.get("additionalProperties", {})
    if not set(schema.get("required", ())) <= data.keys():
        return False
    if len(data) < schema.get("minProperties", 0):
        return False
    return all(
        takes(fields[name], item, top)
        if name in fields
        else others is not False and takes(others, item, top)
        for name, item in data.items()
    )


def meant(reference: str, top: dict[str, Any]) -> dict[str, Any]:
    """The definition that a reference points at: a step for each part of its path."""
    found = top
    for part in reference.removeprefix("#/").split("/"):
        found = found[part]
    return found


def listed(kinds: Any) -> list[str]:
    return [kinds] if isinstance(kinds, str) else list(kinds)


def is_kind(data: Any, kind: str) -> bool:
    if kind in ("integer", "number"):
        wanted = int if kind == "integer" else int | float
        return isinstance(data, wanted) and not isinstance(data, bool)
    return isinstance(data, KINDS[kind])


def job(**fields: Any) -> dict[str, Any]:
    return {"bundle": {"name": "b"}, "resources": {"jobs": {"j": fields}}}


@pytest.mark.parametrize(
    "document",
    [
        job(name="x", max_concurrent_runs=2),
        job(max_concurrent_runs="${var.runs}"),
        job(max_concurrent_runs="${resources.jobs.other.id}"),
        job(tasks="${var.tasks}", tags={"a": "b"}),
        job(tasks=[{"task_key": "a", "run_if": "ALL_DONE", "max_retries": 0}]),
        {"bundle": {"name": "b"}, "my_anchor": {"anything": 1}},
        {"targets": {"dev": {"default": True, "variables": {"v": 1, "w": {"default": "x"}}}}},
        {"variables": {"v": {"default": {"a": [1]}, "lookup": {"job": "x"}}}},
    ],
)
def test_a_document_of_the_official_schema_is_taken(document: dict[str, Any]) -> None:
    assert takes(json_schema(), document)


@pytest.mark.parametrize(
    "document",
    [
        job(name=5),
        job(no_such_field="x"),
        job(max_concurrent_runs="two"),
        job(max_concurrent_runs=None),
        job(tasks=[{"run_if": "ALL_DONE"}]),
        job(tasks=[{"task_key": "a", "run_if": "SOMETIMES"}]),
        job(id="1"),
        {"bundle": {}},
        {"bundle": {"name": "b", "engine": "diesel"}},
        {"resources": {"no_such_type": {}}},
        {"variables": {"v": "${var.w}"}},
    ],
)
def test_what_the_official_schema_refuses_is_refused(document: dict[str, Any]) -> None:
    assert not takes(json_schema(), document)


@pytest.mark.parametrize("path", sorted((ROOT / "examples").rglob("brickyard.yml")))
def test_our_examples_fit_the_settings_schema(path: Path) -> None:
    tree, found = read_yaml(path.read_bytes(), path.name)
    assert not found
    assert takes(settings_schema(), tree.plain())


@pytest.mark.parametrize(
    "settings",
    [
        {"policy": {"mode": "sometimes"}},
        {"environments": {"dev": {"reads": "prod"}}},
        {"rollout": [{"step": "a"}]},
        {"rollout": [{"step": "a", "run_job": "x", "metrics": {}}]},
        {"rollout": [{"step": "a", "metrics": "${steps.e.metrics}", "require": {"m": "high"}}]},
        {"no_such_key": 1},
    ],
)
def test_settings_that_are_read_with_a_finding_do_not_fit(settings: dict[str, Any]) -> None:
    assert not takes(settings_schema(), settings)


def test_every_reference_inside_has_a_definition() -> None:
    schema = json_schema()
    for reference in re.findall(r'"(#/[^"]+)"', json.dumps(schema)):
        assert isinstance(meant(reference, schema), dict)


def test_definitions_have_the_official_names() -> None:
    definitions = json_schema()["$defs"]
    cli = definitions["github.com"]["databricks"]["cli"]
    assert "oneOf" in cli["bundle"]["config"]["resources.MlflowExperiment"]
    assert (
        "oneOf"
        in definitions["map"]["github.com"]["databricks"]["cli"]["bundle"]["config"][
            "resources.VectorSearchIndex"
        ]
    )
    assert cli["libs"]["exec.ExecutableType"] == {"type": "string"}
    jobs = definitions["github.com"]["databricks"]["databricks-sdk-go"]["service"]
    assert jobs["jobs.Task"]["oneOf"][1]["pattern"].startswith(r"\$\{(var(\.")
    assert len(definitions["int"]["oneOf"]) == 6
    assert definitions["interface"] == {}


def test_obsolete_fields_are_marked() -> None:
    schema = json_schema()
    old = schema["properties"]["environments"]
    assert old["deprecated"] is True
    assert "targets" in old["deprecationMessage"]
    assert "deprecated" not in schema["properties"]["targets"]


@pytest.mark.parametrize(("structure", "fields"), sorted(OBSOLETE.items()))
def test_every_obsolete_field_is_in_the_schema(structure: str, fields: str) -> None:
    schema = json_schema()
    shape = schema
    if structure != "Root":
        shape = meant(f"#/$defs/{definition_name(structure)}", schema)["oneOf"][0]
    assert set(fields.split()) <= shape["properties"].keys()

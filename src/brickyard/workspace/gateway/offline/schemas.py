"""JSON schemas read as far as filling one needs: references, unions, and forms given in prose."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from typing import Any, Final

Schema = Mapping[str, Any]
DEEPEST: Final = 16
FORM: Final = re.compile(r"\bjson\b", re.IGNORECASE)
CHOICE: Final = re.compile(r"[\w -]+(?:\s*\|\s*[\w -]+)+")


def mapping(given: Any) -> Mapping[str, Any]:
    """What a caller says to be a schema, or a part of one; nothing when it is none."""
    return given if isinstance(given, Mapping) else {}


def properties_of(schema: Schema) -> dict[str, Schema]:
    return {str(name): mapping(one) for name, one in mapping(schema.get("properties")).items()}


def resolved(schema: Schema, root: Schema, depth: int = 0) -> Schema:
    """The schema with its reference followed and its union decided: the first that is not null."""
    schema = mapping(schema)
    if depth > DEEPEST:
        return {}
    reference = schema.get("$ref")
    if isinstance(reference, str) and reference.startswith("#/"):
        found: Any = root
        for step in reference[2:].split("/"):
            found = found.get(step, {}) if isinstance(found, Mapping) else {}
        return resolved(found if isinstance(found, Mapping) else {}, root, depth + 1)
    for union in ("anyOf", "oneOf"):
        options = schema.get(union)
        if isinstance(options, list):
            real = [
                one for one in options if isinstance(one, Mapping) and one.get("type") != "null"
            ]
            rest = {key: value for key, value in schema.items() if key != union}
            return {**resolved(real[0] if real else {}, root, depth + 1), **rest}
    parts = schema.get("allOf")
    if isinstance(parts, list):
        joined: dict[str, Any] = {key: value for key, value in schema.items() if key != "allOf"}
        for part in parts:
            found = resolved(part, root, depth + 1)
            properties = {**properties_of(joined), **properties_of(found)}
            joined = {**found, **joined, **({"properties": properties} if properties else {})}
        return joined
    return schema


def kind(schema: Schema) -> str:
    """Its type in one word; objects and lists may go without saying so."""
    given = schema.get("type")
    if isinstance(given, list):
        given = next((one for one in given if one != "null"), "null")
    if given is None:
        if "properties" in schema:
            return "object"
        return "array" if "items" in schema else "string"
    return str(given)


def choices(schema: Schema) -> list[Any]:
    """The values that it allows, when it names them."""
    if "const" in schema:
        return [schema["const"]]
    listed = schema.get("enum")
    return list(listed) if isinstance(listed, list) else []


def in_prose(text: str) -> Schema | None:
    """The form of an answer that a prompt shows as a JSON example or as a schema, if it does."""
    if not FORM.search(text):
        return None
    decoder = json.JSONDecoder()
    found: Schema | None = None
    at = text.find("{")
    while at >= 0:
        try:
            value, end = decoder.raw_decode(text, at)
        except ValueError:
            at = text.find("{", at + 1)
            continue
        if isinstance(value, dict) and value:
            found = value if "properties" in value else _of_example(value)
        at = text.find("{", end)
    return found


def narrowed(schema: Schema, told: Schema) -> Schema:
    """A schema with the choices that a prompt gives for fields that it leaves open."""
    properties = dict(schema.get("properties") or {})
    for name, one in (told.get("properties") or {}).items():
        given = properties.get(name)
        if isinstance(given, Mapping) and kind(given) == "string" and choices(one):
            properties[name] = {"enum": choices(one), **given}
    return {**schema, "properties": properties} if properties else schema


def _of_example(value: Any) -> Schema:
    if isinstance(value, dict):
        properties = {key: _of_example(one) for key, one in value.items()}
        return {"type": "object", "properties": properties, "required": list(properties)}
    if isinstance(value, list):
        return {"type": "array", "items": _of_example(value[0]) if value else {}}
    if isinstance(value, bool):
        return {"type": "boolean"}
    if isinstance(value, int | float):
        return {"type": "number" if isinstance(value, float) else "integer"}
    if isinstance(value, str) and CHOICE.fullmatch(value.strip()):
        return {"type": "string", "enum": [one.strip() for one in value.split("|")]}
    return {"type": "string", "description": str(value or "")}

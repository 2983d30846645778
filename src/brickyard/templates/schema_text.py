"""A template's schema with its texts filled in: for editors that ask its questions themselves.

Defaults first, in the order of the questions, as each may be made of those before; then all else
that may hold template language. What is not known is empty.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from typing import Any

from brickyard.templates.inputs import SCHEMA, read_schema
from brickyard.templates.rendering import Renderer

MESSAGES = ("welcome_message", "success_message")
NAMES = re.compile(r"\.(\w+)")  # of what a text may ask for
OF_QUESTIONS = ("description", "pattern_match_failure_message")


def filled_schema(text: bytes, given: Mapping[str, Any], renderer: Renderer) -> dict[str, Any]:
    """The schema as data. Raises `BadTemplate`, `TemplateFault` and `TemplateRefuses`."""
    questions = read_schema(text, SCHEMA, asks=False).questions
    schema: dict[str, Any] = json.loads(text)
    properties = schema.get("properties") or {}
    values = dict(given)

    def fill(owner: dict[str, Any], key: str, name: str) -> None:
        if isinstance(owner.get(key), str) and "{{" in owner[key]:
            known = {**dict.fromkeys(NAMES.findall(owner[key]), ""), **values}
            owner[key] = renderer.text(owner[key], f"{SCHEMA}: {name}", known)

    for question in questions:
        one = properties[question.name]
        if question.name not in values and "default" in one:
            fill(one, "default", question.name)
            values[question.name] = one["default"]
    for name, one in properties.items():
        for key in OF_QUESTIONS:
            fill(one, key, name)
    for key in MESSAGES:
        fill(schema, key, key)
    return schema

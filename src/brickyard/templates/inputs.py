"""What a template asks: `databricks_template_schema.json`, and the answers to it.

A JSON schema in the dialect of the official CLI: properties with a type, a default and a
description that may be templates themselves, an order, an enumeration or a pattern, and a condition
under which a question is not asked.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final

from brickyard.templates.go_values import compiled

SCHEMA: Final = "databricks_template_schema.json"
NEWEST: Final = 1
KINDS: Final[Mapping[str, type | tuple[type, ...]]] = {
    "string": str,
    "boolean": bool,
    "integer": int,
    "number": (int, float),
}


class BadTemplate(Exception):
    """The template itself is wrong."""


class BadAnswer(Exception):
    """An answer that the template does not take."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Question:
    """One input. `default` and `description` are still templates."""

    name: str
    type: str
    description: str
    default: Any
    order: int | None
    choices: tuple[Any, ...]
    pattern: str
    pattern_message: str
    skip_if: Mapping[str, Any] | None
    has_const: bool
    const: Any
    is_warehouse: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class TemplateSchema:
    """The questions in the order in which they are asked, and the messages around them."""

    questions: tuple[Question, ...]
    welcome: str
    success: str
    template_dir: str
    min_cli_version: str


def read_schema(text: bytes, name: str) -> TemplateSchema:
    """Raises `BadTemplate` with what is wrong and where."""
    try:
        data = json.loads(text)
    except ValueError as reason:
        raise BadTemplate(f"{name} is not JSON: {reason}") from reason
    if not isinstance(data, dict):
        raise BadTemplate(f"{name} holds no object")
    if int(data.get("version") or 0) > NEWEST:
        raise BadTemplate(
            f"{name} is of version {data['version']}, and only {NEWEST} is known: take a newer"
            " Brickyard"
        )
    found = [_question(key, value, name) for key, value in _properties(data)]
    found.sort(key=lambda one: (one.order is None, one.order or 0, one.name))
    return TemplateSchema(
        questions=tuple(found),
        welcome=str(data.get("welcome_message") or ""),
        success=str(data.get("success_message") or ""),
        template_dir=str(data.get("template_dir") or ""),
        min_cli_version=str(data.get("min_databricks_cli_version") or ""),
    )


def _properties(data: Mapping[str, Any]) -> Iterator[tuple[str, Mapping[str, Any]]]:
    for key, value in (data.get("properties") or {}).items():
        if not key.startswith("//") and isinstance(value, dict):
            yield key, value


def _question(name: str, value: Mapping[str, Any], file: str) -> Question:
    kind = value.get("type")
    if kind not in KINDS:
        raise BadTemplate(
            f"{file}: property {name} has type {kind!r}; write one of {', '.join(KINDS)}"
        )
    if value.get("skip_prompt_if") is not None and "default" not in value:
        raise BadTemplate(f"{file}: property {name} has skip_prompt_if and no default")
    return Question(
        name=name,
        type=str(kind),
        description=str(value.get("description") or ""),
        default=value.get("default"),
        order=value.get("order"),
        choices=tuple(value.get("enum") or ()),
        pattern=str(value.get("pattern") or ""),
        pattern_message=str(value.get("pattern_match_failure_message") or ""),
        skip_if=value.get("skip_prompt_if"),
        has_const="const" in value,
        const=value.get("const"),
        is_warehouse=value.get("format") == "warehouse_path",
    )


def fits(condition: Mapping[str, Any], answers: Mapping[str, Any]) -> bool:
    """Whether the answers so far meet a `skip_prompt_if`: the JSON schema words that it may use."""
    if not all(name in answers for name in condition.get("required") or ()):
        return False
    for name, wanted in (condition.get("properties") or {}).items():
        given = answers.get(name)
        if "const" in wanted and given != wanted["const"]:
            return False
        if "enum" in wanted and given not in wanted["enum"]:
            return False
        if "pattern" in wanted and not compiled(wanted["pattern"]).search(str(given)):
            return False
    every, some = condition.get("allOf") or (), condition.get("anyOf") or ()
    if not all(fits(one, answers) for one in every):
        return False
    return not some or any(fits(one, answers) for one in some)


def checked(question: Question, answer: Any) -> Any:
    """The answer in the type of its question. Raises `BadAnswer`."""
    value = _typed(question, answer)
    if question.has_const and value != question.const:
        raise BadAnswer(f"{question.name} must be {question.const!r}")
    if question.choices and value not in question.choices:
        names = ", ".join(map(str, question.choices))
        raise BadAnswer(f"{question.name} is {value!r}; it must be one of {names}")
    if question.pattern and not compiled(question.pattern).search(str(value)):
        said = question.pattern_message or f"it must match {question.pattern}"
        raise BadAnswer(f"{question.name} is {value!r}: {said}")
    return value


def _typed(question: Question, answer: Any) -> Any:
    kind = KINDS[question.type]
    if isinstance(answer, bool) is (question.type == "boolean") and isinstance(answer, kind):
        return answer
    text = str(answer).strip()
    try:
        match question.type:
            case "boolean":
                return {"true": True, "yes": True, "false": False, "no": False}[text.lower()]
            case "integer":
                return int(text)
            case "number":
                return float(text)
            case _:
                return str(answer)
    except (KeyError, ValueError):
        raise BadAnswer(f"{question.name} is {answer!r}, which is no {question.type}") from None


def collect(
    schema: TemplateSchema,
    given: Mapping[str, Any],
    *,
    render: Callable[[str, str, Mapping[str, Any]], str],
    ask: Callable[[Question, str, Any], Any] | None,
) -> dict[str, Any]:
    """Every answer: given ones first, then asked for, in order, or their defaults.

    `render(text, name, answers)` fills in a default or a description; `ask(question, description,
    default)` prompts, and is None where nobody can be asked. Raises `BadAnswer`.
    """
    answers = {
        one.name: checked(one, given[one.name]) for one in schema.questions if one.name in given
    }
    for question in schema.questions:
        if question.name in answers:
            continue
        default = question.default
        if isinstance(default, str):
            default = render(default, question.name, answers)
        if question.has_const and default is None:
            default = question.const
        is_skipped = question.skip_if is not None and fits(question.skip_if, answers)
        if ask is None or is_skipped:
            if default is None:
                raise BadAnswer(
                    f"no value for {question.name}, and nobody to ask: give it in --config-file"
                )
            answers[question.name] = checked(question, default)
            continue
        text = render(question.description, question.name, answers)
        answers[question.name] = checked(question, ask(question, text, default))
    return answers

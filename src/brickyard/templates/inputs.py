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

from brickyard.bundle.json_faults import json_words
from brickyard.templates.go_values import compiled
from brickyard.templates.schema_checks import (
    Unfit,
    check_answers,
    check_questions,
    check_schema,
    check_shape,
    integer,
)

SCHEMA: Final = "databricks_template_schema.json"
CLI_VERSION: Final = "1.14.0"  # of the official CLI whose templates are read
WAREHOUSE: Final = "warehouse_path"
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
    format: str


@dataclass(frozen=True, slots=True, kw_only=True)
class TemplateSchema:
    """The questions in the order in which they are asked, and the messages around them."""

    data: Mapping[str, Any]  # all of it
    properties: Mapping[str, Mapping[str, Any]]
    questions: tuple[Question, ...]
    welcome: str
    success: str
    template_dir: str


def read_schema(text: bytes, name: str, *, asks: bool = True) -> TemplateSchema:
    """Raises `BadTemplate` with what is wrong, as the official CLI says it; `asks`: or cannot be
    asked for.
    """
    loading = "failed to load schema"
    written = text.decode(errors="replace")
    try:
        data = json.loads(written)
    except json.JSONDecodeError as fault:
        raise BadTemplate(f"{loading}: {json_words(written, fault)}") from fault
    except RecursionError as fault:
        raise BadTemplate(f"{loading}: exceeded max depth") from fault
    try:
        check_shape(data)
    except Unfit as fault:
        raise BadTemplate(f"{loading}: {fault}") from fault
    properties = dict(_properties(data))
    try:
        check_schema(data, properties, CLI_VERSION)
        if asks:
            check_questions(data, properties)
    except Unfit as fault:
        raise BadTemplate(str(fault)) from fault
    found = [_question(key, value) for key, value in properties.items()]
    found.sort(key=lambda one: (one.order is None, one.order or 0, one.name))
    return TemplateSchema(
        data=data,
        properties=properties,
        questions=tuple(found),
        welcome=str(data.get("welcome_message") or ""),
        success=str(data.get("success_message") or ""),
        template_dir=str(data.get("template_dir") or ""),
    )


def _properties(data: Mapping[str, Any]) -> Iterator[tuple[str, Mapping[str, Any]]]:
    properties = data.get("properties")
    for key, value in properties.items() if isinstance(properties, dict) else ():
        if key.startswith("//"):
            continue
        if not isinstance(value, dict):
            raise BadTemplate(f"failed to load schema: property {key} is no object")
        yield key, value


def _question(name: str, value: Mapping[str, Any]) -> Question:
    kind = value["type"]
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
        format=str(value.get("format") or ""),
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


def checked(schema: TemplateSchema, question: Question, answer: Any) -> Any:
    """What somebody typed, in the type of its question. Raises `BadAnswer`."""
    value = _typed(question, answer)
    try:
        check_answers(
            {},
            {question.name: schema.properties[question.name]},
            {question.name: value},
            whole=False,
        )
    except Unfit as fault:
        raise BadAnswer(str(fault)) from fault
    return value


def accepted(schema: TemplateSchema, given: Mapping[str, Any]) -> dict[str, Any]:
    """The given answers that are asked for, checked. Raises `BadAnswer`."""
    if not given:
        return {}
    answers = dict(given)
    try:
        for question in schema.questions:
            if question.type == "integer" and question.name in answers:
                try:
                    answers[question.name] = integer(answers[question.name])
                except Unfit as fault:
                    raise Unfit(f"failed to parse property {question.name}: {fault}") from fault
        check_answers(schema.data, schema.properties, answers, whole=False)
    except Unfit as fault:
        raise BadAnswer(str(fault)) from fault
    return {one.name: answers[one.name] for one in schema.questions if one.name in answers}


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
    warehouse: Callable[[], str] = str,
) -> dict[str, Any]:
    """Every answer: given ones first, then asked for, in order, or their defaults.

    `render(text, name, answers)` fills in a default or a description; `ask(question, description,
    default)` prompts, and is None where nobody can be asked; `warehouse()` is the path of a
    warehouse, which is not asked for. Raises `BadAnswer`.
    """
    answers = accepted(schema, given)
    for question in schema.questions:
        if question.name in answers:
            continue
        default = question.default
        if isinstance(default, str):
            default = render(default, question.name, answers)
        if question.type == "integer" and default is not None:
            default = integer(default)
        if question.has_const and default is None:
            default = question.const
        is_skipped = question.skip_if is not None and fits(question.skip_if, answers)
        if question.format and not is_skipped:
            answers[question.name] = warehouse() if question.format == WAREHOUSE else ""
            continue
        if ask is None or is_skipped:
            if default is not None:
                answers[question.name] = default
            continue
        text = render(question.description, question.name, answers)
        answers[question.name] = checked(schema, question, ask(question, text, default))
    try:
        check_answers(schema.data, schema.properties, answers, whole=True)
    except Unfit as fault:
        hint = "" if ask else "\n\nAnswers come from --config-file where there is nobody to ask."
        raise BadAnswer(
            f"validation for template input parameters failed. {fault}{hint}"
        ) from fault
    return answers

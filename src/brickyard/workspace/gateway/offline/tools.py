"""Which tool a question calls, and with what: by the words they share.

The rules, in order:
1. Nothing is called when the tools have answered since the question, or `tool_choice` is `none`.
2. `tool_choice` that names a function calls it; `required` calls the tool that fits best.
3. Else the tool whose name, description and parameters share most words with the question, each
   word of the name counting three times. Ties go to the tool that is listed first.
4. Without any shared word, and with no passages to answer from: the tool that takes free text (a
   search), as that is what could bring some.

Arguments are found in the question, parameter by parameter (`argument`).
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any, Final

from brickyard.workspace.gateway.offline.passages import Conversation
from brickyard.workspace.gateway.offline.schemas import (
    Schema,
    choices,
    kind,
    mapping,
    properties_of,
    resolved,
)
from brickyard.workspace.gateway.offline.words import parts, stem, stems, words

NAME_WEIGHT: Final = 3
FREE_TEXT: Final = ("query", "question", "text", "search", "prompt", "input", "message", "content")
QUOTED: Final = re.compile(r"\"([^\"]+)\"|'([^']+)'(?!\w)|`([^`]+)`|“([^”]+)”")
NUMBER: Final = re.compile(r"(?<![\w.])-?\d+(?:[.,]\d+)*(?:\.\d+)?(?![\w])")
DATE: Final = re.compile(r"\b\d{4}-\d{2}-\d{2}(?:T[\d:.]+Z?)?\b")
EMAIL: Final = re.compile(r"[\w.+-]+@[\w-]+\.[\w.]+\w")
URL: Final = re.compile(r"https?://[^\s\"'<>]+")
DOTTED: Final = re.compile(r"\b\w+(?:\.\w+)+\b")
CODED: Final = re.compile(r"\b(?=\w*[_\d])(?=\w*[A-Za-z])[\w-]+\b|\b[A-Z]{2,}[\w-]*\b")
PROPER: Final = re.compile(
    r"(?:\b(?:in|for|of|at|from|to|about|named|called)\s+)((?:[A-Z][\w'-]*\s?)+)"
)
FORMATS: Final[Mapping[str, re.Pattern[str]]] = {
    "date": DATE,
    "date-time": DATE,
    "email": EMAIL,
    "uri": URL,
    "url": URL,
}
NAMED_LIKE: Final[Mapping[str, re.Pattern[str]]] = {
    "date": DATE,
    "day": DATE,
    "email": EMAIL,
    "mail": EMAIL,
    "url": URL,
    "uri": URL,
    "link": URL,
    "table": DOTTED,
    "path": DOTTED,
    "column": CODED,
    "id": CODED,
    "code": CODED,
    "key": CODED,
    "sku": CODED,
}
NO: Final = frozenset({"no", "not", "without", "don't", "never", "false"})


def choose(
    tools: Sequence[Mapping[str, Any]], choice: Any, talk: Conversation
) -> tuple[str, dict[str, Any]] | None:
    """The function to call and its arguments; None to answer in words."""
    functions = [one.get("function", one) for one in tools if isinstance(one, Mapping)]
    functions = [
        one for one in functions if isinstance(one, Mapping) and isinstance(one.get("name"), str)
    ]
    if not functions or choice == "none" or talk.results:
        return None
    named = _named(choice)
    chosen = next((one for one in functions if one["name"] == named), None)
    if chosen is None:
        chosen = _fitting(functions, talk, must=choice in ("required", "any"))
    if chosen is None:
        return None
    schema = mapping(chosen.get("parameters"))
    return chosen["name"], arguments(schema, talk.question)


def arguments(schema: Schema, question: str) -> dict[str, Any]:
    """Arguments for a function, taken from the question."""
    root = resolved(schema, schema)
    taken: set[str] = set()
    found: dict[str, Any] = {}
    required = root.get("required")
    needed = {str(one) for one in required} if isinstance(required, list) else set()
    properties = properties_of(root)
    texts = [name for name, one in properties.items() if kind(resolved(one, schema)) == "string"]
    for name, given in properties.items():
        only = name in needed and texts == [name]
        value = argument(name, resolved(given, schema), schema, question, taken, only=only)
        if value is None and name in needed:
            value = _last_resort(resolved(given, schema), schema, question)
        if value is not None:
            found[name] = value
    return found


def argument(
    name: str, schema: Schema, root: Schema, question: str, taken: set[str], *, only: bool
) -> Any:
    """The value of one parameter; None when the question has none.

    `taken` are the pieces of the question that other parameters have got.
    """
    allowed = choices(schema)
    if allowed:
        said = set(stems(question)) | set(words(question))
        return next((one for one in allowed if said & {str(one).lower(), *parts(str(one))}), None)
    match kind(schema):
        case "boolean":
            about = [stem(word) for word in parts(name)]
            heard = [stem(word) for word in words(question)]
            if not set(about) & set(heard):
                return None
            return not (NO & set(words(question)))
        case "integer" | "number":
            text = _near(name, NUMBER, question, taken)
            if text is None:
                return None
            number = float(text.replace(",", ""))
            return int(number) if kind(schema) == "integer" or number.is_integer() else number
        case "array":
            item = resolved(schema.get("items") or {}, root)
            values: list[Any] = []
            while len(values) < 20:
                one = argument(name, item, root, question, taken, only=False)
                if one is None or one in values:
                    break
                values.append(one)
            return values or None
        case "object":
            return arguments({**schema, "$defs": root.get("$defs", {})}, question) or None
        case "string":
            return _text(name, schema, question, taken, only=only)
    return None


def _text(name: str, schema: Schema, question: str, taken: set[str], *, only: bool) -> str | None:
    about = [part.lower() for part in re.split(r"[_\W]+|(?<=[a-z])(?=[A-Z])", name) if part]
    pattern = FORMATS.get(str(schema.get("format", "")))
    for word in about:
        pattern = pattern or NAMED_LIKE.get(word)
    if pattern is not None and (text := _near(name, pattern, question, taken)) is not None:
        return text
    if said := _labelled(about, question):
        return said
    if any(word in FREE_TEXT for word in about):
        return question
    for found in QUOTED.finditer(question):
        text = next(group for group in found.groups() if group)
        if text not in taken:
            taken.add(text)
            return text
    for found in PROPER.finditer(question):
        if (text := found.group(1).strip()) not in taken:
            taken.add(text)
            return text
    if only:
        coded = _near(name, DOTTED, question, taken) or _near(name, CODED, question, taken)
        return coded or question
    return None


def _labelled(about: Sequence[str], question: str) -> str | None:
    """`status is open`, `city: Berlin`, `name=x`: the word after the parameter's own name."""
    if not about:
        return None
    spoken = r"[ _-]?".join(re.escape(word) for word in about)
    found = re.search(rf"\b{spoken}\s*(?:is|=|:)\s*[\"'`]?([\w.@/-]+)", question, re.IGNORECASE)
    return found.group(1).rstrip(".") if found else None


def _near(name: str, pattern: re.Pattern[str], question: str, taken: set[str]) -> str | None:
    """The match nearest after a word of the parameter's name, else the first; each one once."""
    found = [one for one in pattern.finditer(question) if one.group() not in taken]
    if not found:
        return None
    lower = question.lower()
    starts = [lower.find(part) for part in parts(name) if part in lower]
    start = min(starts, default=0)
    chosen = min(found, key=lambda one: (one.start() < start, abs(one.start() - start)))
    taken.add(chosen.group())
    return chosen.group()


def _last_resort(schema: Schema, root: Schema, question: str) -> Any:
    """A required parameter that the question says nothing of: its default, or the least."""
    if "default" in schema:
        return schema["default"]
    if allowed := choices(schema):
        return allowed[0]
    match kind(schema):
        case "integer" | "number":
            return schema.get("minimum", 0)
        case "boolean":
            return False
        case "array":
            return []
        case "object":
            return arguments({**schema, "$defs": root.get("$defs", {})}, question)
        case "null":
            return None
    return question


def _named(choice: Any) -> str:
    if isinstance(choice, Mapping):
        return str(mapping(choice.get("function") or choice).get("name") or "")
    return ""


def _fitting(
    functions: Sequence[Mapping[str, Any]], talk: Conversation, *, must: bool
) -> Mapping[str, Any] | None:
    asked = set(stems(talk.question))
    scored = [(_score(one, asked), -at) for at, one in enumerate(functions)]
    best = max(scored)
    if best[0] > 0:
        return functions[-best[1]]
    searches = [one for one in functions if _searches(one)]
    if searches and (must or not talk.passages):
        return searches[0]
    return functions[0] if must else None


def _score(function: Mapping[str, Any], asked: set[str]) -> float:
    names = set(parts(function["name"]))
    properties = properties_of(mapping(function.get("parameters")))
    told = [str(function.get("description") or "")]
    told += [str(one.get("description") or "") for one in properties.values()]
    described = set(stems(" ".join(told))) | {
        part for name in properties for part in parts(str(name))
    }
    return NAME_WEIGHT * len(asked & names) + len(asked & (described - names))


def _searches(function: Mapping[str, Any]) -> bool:
    """Whether it takes free text: a search, a question to somebody else."""
    properties = properties_of(mapping(function.get("parameters")))
    texts = [name for name, one in properties.items() if kind(one) == "string"]
    return any(part in FREE_TEXT for name in texts for part in re.split(r"[_\W]", name))

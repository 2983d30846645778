"""The texts in a request and in an answer: where guardrails look, and what they change."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Final

Change = Callable[[str], str]
FIELDS: Final = ("messages", "prompt", "input", "instructions", "system")
PARTS: Final = ("message", "delta")  # of a choice
ADDED: Final = ("text", "partial_json")  # by an event of Anthropic's
WHOLE: Final = ("output", "content")  # of the Responses API, of Anthropic's


def of_request(body: Mapping[str, Any]) -> list[str]:
    """Every text that `in_request` changes."""
    found: list[str] = []
    for name in FIELDS:
        if name in body:
            _collect(body[name], found)
    return found


def in_request(body: Mapping[str, Any], change: Change) -> dict[str, Any]:
    """The body with every text of its conversation, prompt or input changed."""
    return {name: _in(value, change) if name in FIELDS else value for name, value in body.items()}


def of_answer(body: Mapping[str, Any]) -> list[str]:
    """Every text that `in_answer` changes."""
    found: list[str] = []
    choices = body.get("choices")
    for choice in choices if isinstance(choices, list) else ():
        if isinstance(choice, dict):
            for name in PARTS:
                if isinstance(choice.get(name), dict):
                    _collect(choice[name], found)
            if isinstance(choice.get("text"), str):
                found.append(choice["text"])
    for name in WHOLE:
        if isinstance(body.get(name), list):
            for one in body[name]:
                _collect(one, found)
    return found


def of_event(data: Mapping[str, Any]) -> list[str]:
    """Every text that an event of a stream adds, in OpenAI's and Anthropic's forms."""
    delta = data.get("delta")
    if isinstance(delta, str):
        return [delta]
    if not isinstance(delta, dict):
        return of_answer(data)
    return [text for name in ADDED if isinstance(text := delta.get(name), str)]


def of_anything(value: Any) -> list[str]:
    """Every text in what has no form that is known."""
    found: list[str] = []
    _collect(value, found)
    return found


def in_answer(body: Mapping[str, Any], change: Change) -> dict[str, Any]:
    """The body with every text that the model says changed, arguments of tool calls included."""
    changed = dict(body)
    if isinstance(body.get("choices"), list):
        changed["choices"] = [_choice(one, change) for one in body["choices"]]
    for name in WHOLE:
        if isinstance(body.get(name), list):
            changed[name] = [_in(one, change) for one in body[name]]
    return changed


def _choice(choice: Any, change: Change) -> Any:
    if not isinstance(choice, dict):
        return choice
    changed = dict(choice)
    for name in PARTS:
        if isinstance(choice.get(name), dict):
            changed[name] = _in(choice[name], change)
    if isinstance(choice.get("text"), str):
        changed["text"] = change(choice["text"])
    return changed


SAID: Final = ("content", "text", "arguments", "output", "refusal", "input")


def _in(value: Any, change: Change) -> Any:
    """Strings where texts stand, at any depth: names, ids and roles stay as they are."""
    if isinstance(value, str):
        return change(value)
    if isinstance(value, list):
        return [_in(one, change) for one in value]
    if isinstance(value, dict):
        return {
            name: _in(one, change) if name in SAID or isinstance(one, dict | list) else one
            for name, one in value.items()
        }
    return value


def _collect(value: Any, found: list[str]) -> None:
    """What `_in` changes, however deep it is."""
    if isinstance(value, str):
        found.append(value)
        return
    waiting = [value]
    while waiting:
        one = waiting.pop()
        if isinstance(one, str):
            found.append(one)
        elif isinstance(one, list):
            waiting += reversed(one)
        elif isinstance(one, dict):
            waiting += [
                part
                for name, part in reversed(one.items())
                if name in SAID or isinstance(part, dict | list)
            ]

"""The texts in a request and in an answer: where guardrails look, and what they change."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any, Final

Change = Callable[[str], str]
FIELDS: Final = ("messages", "prompt", "input", "instructions", "system")


def of_request(body: Mapping[str, Any]) -> Iterator[str]:
    found: list[str] = []
    in_request(body, lambda text: found.append(text) or text)  # type: ignore[func-returns-value]
    yield from found


def in_request(body: Mapping[str, Any], change: Change) -> dict[str, Any]:
    """The body with every text of its conversation, prompt or input changed."""
    return {name: _in(value, change) if name in FIELDS else value for name, value in body.items()}


def of_answer(body: Mapping[str, Any]) -> Iterator[str]:
    found: list[str] = []
    in_answer(body, lambda text: found.append(text) or text)  # type: ignore[func-returns-value]
    yield from found


def in_answer(body: Mapping[str, Any], change: Change) -> dict[str, Any]:
    """The body with every text that the model says changed, arguments of tool calls included."""
    changed = dict(body)
    if isinstance(body.get("choices"), list):
        changed["choices"] = [_choice(one, change) for one in body["choices"]]
    for name in ("output", "content"):  # of the Responses API, of Anthropic's
        if isinstance(body.get(name), list):
            changed[name] = [_in(one, change) for one in body[name]]
    return changed


def _choice(choice: Any, change: Change) -> Any:
    if not isinstance(choice, Mapping):
        return choice
    changed = dict(choice)
    for name in ("message", "delta"):
        if isinstance(choice.get(name), Mapping):
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
    if isinstance(value, Mapping):
        return {
            name: _in(one, change) if name in SAID or isinstance(one, dict | list) else one
            for name, one in value.items()
        }
    return value

"""A language model that is asked for more rules, with tools that it may call first.

It speaks the chat-completions protocol that OpenAI-compatible providers share, the serving
endpoints of a Databricks workspace among them.
"""

from __future__ import annotations

import json
import re
import urllib.error
import urllib.request
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from data_quality_agent.rules import Rule, RuleError, read_rule

MOST_RULES = 40
MOST_ROUNDS = 4  # of tool calls; after them the model has to answer


class LanguageModelError(RuntimeError):
    """The provider could not be reached, or its answer is not what was asked for."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Question:
    """What is asked: the table's profile, and what is known of it and of others."""

    profile: Mapping[str, Any]
    siblings: Sequence[str]
    known: Sequence[str]
    dictionary: Sequence[Any] = ()
    past_rules: Sequence[Mapping[str, Any]] = ()

    def text(self) -> str:
        shown = [{"about": one["about"], **one["rule"]} for one in self.past_rules]
        return json.dumps(
            {
                "table": self.profile,
                "data_dictionary": list(self.dictionary),
                "tables_beside_it": list(self.siblings),
                "known_rules": list(self.known),
                "rules_of_other_tables": shown,
            },
            default=str,
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Tool:
    """A function of one text argument that the model may call while it thinks."""

    name: str
    description: str
    argument: str
    about_argument: str
    call: Callable[[str], str]

    def declared(self) -> dict[str, Any]:
        parameters = {
            "type": "object",
            "properties": {self.argument: {"type": "string", "description": self.about_argument}},
            "required": [self.argument],
        }
        function = {
            "name": self.name,
            "description": self.description,
            "parameters": parameters,
        }
        return {"type": "function", "function": function}


@dataclass(frozen=True, slots=True, kw_only=True)
class ChatCompletions:
    """`headers` gives what authenticates, anew for each request; `tokens` counts what it took."""

    base_url: str
    name: str
    system_prompt: str
    headers: Callable[[], Mapping[str, str]] = dict
    timeout_s: float = 60
    tokens: Counter[str] = field(default_factory=Counter)  # input, output

    def propose(self, question: Question, tools: Sequence[Tool] = ()) -> list[Any]:
        """Rules as JSON objects, unchecked. Raises LanguageModelError."""
        messages: list[dict[str, Any]] = [
            {"role": "system", "content": self.system_prompt},
            {"role": "user", "content": question.text()},
        ]
        for round_left in reversed(range(MOST_ROUNDS + 1)):
            body: dict[str, Any] = {"model": self.name, "temperature": 0, "messages": messages}
            if tools and round_left:
                body["tools"] = [tool.declared() for tool in tools]
            message, answered_by = self._message(body)
            calls = message.get("tool_calls")
            if not calls or not round_left:
                try:
                    return rules_in(str(message.get("content") or ""))
                except LanguageModelError as fault:
                    raise LanguageModelError(f"{answered_by}: {fault}") from None
            messages += [message, *(_answered(call, tools) for call in calls)]
        raise AssertionError("the last round has no tools")

    def _message(self, body: Mapping[str, Any]) -> tuple[dict[str, Any], str]:
        """The message, and the name of the model that says it wrote it."""
        answer = self._post(body)
        try:
            message = answer["choices"][0]["message"]
            answered_by = str(answer.get("model") or self.name)
            usage = answer.get("usage") or {}
            for kind, name in (("input", "prompt_tokens"), ("output", "completion_tokens")):
                self.tokens[kind] += int(usage.get(name) or 0)
            return {name: part for name, part in message.items() if part is not None}, answered_by
        except (KeyError, IndexError, TypeError, AttributeError) as fault:
            raise LanguageModelError(f"{self.name} answered without a message") from fault

    def _post(self, body: Mapping[str, Any]) -> Any:
        request = urllib.request.Request(
            self.base_url.rstrip("/") + "/chat/completions",
            data=json.dumps(body, default=str).encode(),
            headers={"Content-Type": "application/json", **self.headers()},
        )
        try:
            with urllib.request.urlopen(request, timeout=self.timeout_s) as response:
                return json.load(response)
        except urllib.error.HTTPError as fault:
            told = fault.read(500).decode(errors="replace")
            raise LanguageModelError(f"{self.name} answered HTTP {fault.code}: {told}") from fault
        except (OSError, ValueError) as fault:
            raise LanguageModelError(f"{self.name} at {self.base_url}: {fault}") from fault


def _answered(call: Mapping[str, Any], tools: Sequence[Tool]) -> dict[str, Any]:
    """The tool's answer to one call, or what is wrong with the call: the model may try again."""
    function = call.get("function") or {}
    try:
        tool = next(one for one in tools if one.name == function.get("name"))
        content = tool.call(str(json.loads(function["arguments"])[tool.argument]))
    except StopIteration:
        content = f"there is no tool {function.get('name')}"
    except Exception as fault:
        content = f"{type(fault).__name__}: {fault}"
    return {"role": "tool", "tool_call_id": call.get("id", ""), "content": content}


def rules_in(text: str) -> list[Any]:
    """The rules in a model's answer, also when it put JSON into a code block or prose around it."""
    decoder = json.JSONDecoder()
    for start in (found.start() for found in re.finditer(r"[\[{]", text)):
        try:
            value, _ = decoder.raw_decode(text, start)
        except ValueError:
            continue
        rules = value.get("rules") if isinstance(value, dict) else value
        if isinstance(rules, list):
            return rules[:MOST_RULES]
    raise LanguageModelError("the answer holds no JSON with rules")


def read_proposals(
    proposed: Sequence[Any], *, columns: Mapping[str, str], source: str
) -> tuple[list[Rule], list[str]]:
    """The proposals that are rules, and why the others are not."""
    rules, refused = [], []
    for given in proposed:
        try:
            rules.append(read_rule(given, columns=columns, source=source))
        except RuleError as fault:
            refused.append(str(fault))
    return rules, refused

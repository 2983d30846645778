"""Who is asked for more rules: a language model, or, with none configured, the offline stand-in.

`ChatCompletions` speaks the chat-completions protocol that OpenAI-compatible providers share,
Databricks' own model serving among them. `OfflineHeuristic` is no language model and says so in its
name: it applies the example rules whose column names fit the table.
"""

from __future__ import annotations

import itertools
import json
import re
import urllib.error
import urllib.request
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from data_quality_agent.rules import Rule, RuleError, read_rule

MOST_RULES = 40


class LanguageModelError(RuntimeError):
    """The provider could not be reached, or its answer is not what was asked for."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Question:
    """What is asked: the table's profile, the tables beside it, and what is known already."""

    profile: Mapping[str, Any]
    siblings: Sequence[str]
    known: Sequence[str]

    def text(self, examples: Sequence[Mapping[str, Any]]) -> str:
        shown = [{"about": one["about"], **one["rule"]} for one in examples]
        return json.dumps(
            {
                "table": self.profile,
                "tables_beside_it": list(self.siblings),
                "known_rules": list(self.known),
                "example_rules_of_other_tables": shown,
            },
            default=str,
        )


class LanguageModel(Protocol):
    name: str

    def propose(self, question: Question) -> list[Any]:
        """Rules as JSON objects, unchecked. Raises LanguageModelError."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ChatCompletions:
    base_url: str
    name: str
    api_key: str
    system_prompt: str
    examples: Sequence[Mapping[str, Any]]
    timeout_s: float = 60

    def propose(self, question: Question) -> list[Any]:
        body = {
            "model": self.name,
            "temperature": 0,
            "messages": [
                {"role": "system", "content": self.system_prompt},
                {"role": "user", "content": question.text(self.examples)},
            ],
        }
        answer = self._post(body)
        try:
            text = answer["choices"][0]["message"]["content"]
        except (KeyError, IndexError, TypeError) as fault:
            raise LanguageModelError(f"{self.name} answered without a message") from fault
        return rules_in(str(text))

    def _post(self, body: Mapping[str, Any]) -> Any:
        headers = {"Content-Type": "application/json"}
        if self.api_key:
            headers["Authorization"] = f"Bearer {self.api_key}"
        request = urllib.request.Request(
            self.base_url.rstrip("/") + "/chat/completions",
            data=json.dumps(body, default=str).encode(),
            headers=headers,
        )
        try:
            with urllib.request.urlopen(request, timeout=self.timeout_s) as response:
                return json.load(response)
        except urllib.error.HTTPError as fault:
            told = fault.read(500).decode(errors="replace")
            raise LanguageModelError(f"{self.name} answered HTTP {fault.code}: {told}") from fault
        except (OSError, ValueError) as fault:
            raise LanguageModelError(f"{self.name} at {self.base_url}: {fault}") from fault


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


@dataclass(frozen=True, slots=True, kw_only=True)
class OfflineHeuristic:
    examples: Sequence[Mapping[str, Any]]
    name: str = "offline-heuristic"

    def propose(self, question: Question) -> list[Any]:
        columns = [str(column["name"]) for column in question.profile["columns"]]
        proposed: list[Any] = []
        for example in self.examples:
            for names in _fits(example["match"], columns):
                text = json.dumps(example["rule"])
                for role, name in names.items():
                    text = text.replace("{" + role + "}", name)
                proposed.append(json.loads(text) | {"reason": example["about"]})
        return proposed[:MOST_RULES]


def _fits(match: Mapping[str, str], columns: Sequence[str]) -> list[dict[str, str]]:
    """Every way to give each role a column whose name fits; named groups must agree."""
    found: list[list[tuple[str, dict[str, str]]]] = []
    for pattern in match.values():
        hits = ((column, re.fullmatch(pattern, column)) for column in columns)
        found.append([(column, hit.groupdict()) for column, hit in hits if hit])
    fits = []
    for chosen in itertools.product(*found):
        names = [name for name, _ in chosen]
        said: dict[str, set[str]] = {}
        for _, groups in chosen:
            for group, value in groups.items():
                said.setdefault(group, set()).add(value)
        if len(set(names)) == len(names) and all(len(values) == 1 for values in said.values()):
            fits.append(dict(zip(match, names, strict=True)))
    return fits


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

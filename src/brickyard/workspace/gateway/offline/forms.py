"""JSON answers: each field of a schema filled from the conversation, by words.

| field | value |
|---|---|
| one of given values, or a boolean | in a judge's prompt: the verdict; else what is said |
| rationale, reason, explanation ... | how the verdict came about |
| number | the first one in the sentence nearest to the field's name and description |
| text | the sentences nearest to the question, or to the field's name and description |
| list | of values: those that are mentioned; of texts: sentences; of objects: one |
"""

from __future__ import annotations

import re
from typing import Any, Final

from brickyard.workspace.gateway.offline import ranking
from brickyard.workspace.gateway.offline.judging import Verdict, judge
from brickyard.workspace.gateway.offline.passages import Conversation
from brickyard.workspace.gateway.offline.schemas import (
    DEEPEST,
    Schema,
    choices,
    kind,
    properties_of,
    resolved,
)
from brickyard.workspace.gateway.offline.tools import NUMBER
from brickyard.workspace.gateway.offline.words import stems, words

YES: Final = ("yes", "good", "true", "pass", "passed", "correct", "relevant", "safe", "supported")
NO: Final = (
    "no",
    "bad",
    "false",
    "fail",
    "failed",
    "incorrect",
    "irrelevant",
    "unsafe",
    "unsupported",
)
VERDICTS: Final = ("result", "verdict", "rating", "decision")
WHY: Final = re.compile(r"rationale|reason|explanation|justification|why", re.IGNORECASE)
UNKNOWN: Final = "The offline model found nothing about it in the conversation."


def fill(schema: Schema, talk: Conversation, whole: str) -> Any:
    """A value that the schema allows. `whole` is all that was said, instructions included."""
    return _Filler(schema, talk, judge(whole)).value(schema, "", 0)


class _Filler:
    def __init__(self, root: Schema, talk: Conversation, verdict: Verdict | None) -> None:
        self._root = root
        self._talk = talk
        self._verdict = verdict
        self._text = "\n".join((*talk.passages, talk.question))

    def value(self, given: Schema, about: str, depth: int) -> Any:
        schema = resolved(given, self._root)
        if depth > DEEPEST:
            return None
        asked = f"{about} {schema.get('description', '')}"
        if allowed := choices(schema):
            return self._choice(allowed, asked)
        match kind(schema):
            case "object":
                return {
                    name: self.value(one, _spoken(name), depth + 1)
                    for name, one in properties_of(schema).items()
                }
            case "array":
                return self._list(schema, about, depth)
            case "boolean":
                return self._holds(asked)
            case "integer" | "number":
                return self._number(schema, asked)
            case "null":
                return None
        return self._words(schema, about, asked)

    def _choice(self, allowed: list[Any], asked: str) -> Any:
        named = {str(one).lower(): one for one in allowed}
        yes = next((named[one] for one in YES if one in named), None)
        no = next((named[one] for one in NO if one in named), None)
        if yes is not None and no is not None:
            return yes if self._holds(asked) else no
        said = set(stems(self._text))
        scored = [(ranking.share(str(one), self._text), -at) for at, one in enumerate(allowed)]
        best = max(scored)
        return allowed[-best[1]] if said else allowed[0]

    def _holds(self, asked: str) -> bool:
        if self._verdict is not None:
            return self._verdict.holds
        return ranking.share(asked, "\n".join(self._talk.passages)) >= 0.5

    def _number(self, schema: Schema, asked: str) -> Any:
        whole = kind(schema) == "integer"
        sentences = [one for one in (*self._talk.passages, self._talk.question) if _has_number(one)]
        near = ranking.best(asked, sentences, 1) or sentences[:1]
        found = NUMBER.search(near[0]) if near else None
        number = float(found.group().replace(",", "")) if found else 0.0
        low, high = schema.get("minimum"), schema.get("maximum")
        number = max(number, low) if isinstance(low, int | float) else number
        number = min(number, high) if isinstance(high, int | float) else number
        return int(number) if whole or float(number).is_integer() else number

    def _list(self, schema: Schema, about: str, depth: int) -> list[Any]:
        item = resolved(schema.get("items") or {}, self._root)
        if allowed := choices(item):
            said = set(words(self._text))
            return [one for one in allowed if set(words(str(one))) <= said]
        if kind(item) == "string":
            asked = f"{self._talk.question} {about}"
            return ranking.best(asked, self._talk.passages)
        if kind(item) in ("integer", "number"):
            found = NUMBER.findall(self._text)
            values = [float(one.replace(",", "")) for one in found]
            return [int(one) if one.is_integer() else one for one in values]
        return [self.value(item, about, depth + 1)]

    def _words(self, schema: Schema, about: str, asked: str) -> str:
        if self._verdict is not None and about.strip().lower() in VERDICTS:
            return "yes" if self._verdict.holds else "no"
        if WHY.search(about):
            text = self._verdict.rationale if self._verdict else self._answer(asked)
        else:
            text = self._answer(asked)
        most = schema.get("maxLength")
        return text[:most] if isinstance(most, int) else text

    def _answer(self, asked: str) -> str:
        passages = self._talk.passages
        found = (
            ranking.best(asked, passages, 1)
            or ranking.best(self._talk.question, passages, 2)
            or list(self._talk.results)[:1]
        )
        return " ".join(found) or UNKNOWN


def _spoken(name: str) -> str:
    return re.sub(r"[_\W]+|(?<=[a-z])(?=[A-Z])", " ", name)


def _has_number(text: str) -> bool:
    return NUMBER.search(text) is not None

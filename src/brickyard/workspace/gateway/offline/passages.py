"""What a conversation asks, and what there is to answer it from.

The question is the last thing that the user said. Everything else that was said is material: tool
results, passages in the system message or before the question. Instructions are not material.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from brickyard.workspace.gateway.offline.words import sentences

ASKED: Final = re.compile(
    r"(?:^|\n)\s*(?:user\s+)?(?:question|query|request|task)\s*:\s*(.+?)\s*"
    r"(?=\n\s*\n|\n[A-Z][\w ]*:|$)",
    re.IGNORECASE | re.DOTALL,
)
TAGGED: Final = re.compile(r"<(question|query|user_query|request)>\s*(.+?)\s*</\1>", re.DOTALL)
# What introduces a passage and is not part of it.
INTRODUCED: Final = re.compile(r"^(?:context|passages?|documents?|sources?)\s*\d*\s*:\s*", re.I)
LABEL: Final = re.compile(r"^(?:#+\s*)?[\w ]{1,30}:\s*$")
# How instructions begin: they say what to do, and answer nothing.
ORDER: Final = re.compile(
    r"\W*(?:you\b|your\b|answer\b|use\b|do not\b|don't\b|please\b|if you\b|never\b|always\b"
    r"|respond\b|reply\b|return\b|given\b|based on\b|consider\b|make sure\b|only\b|think\b"
    r"|provide\b|write\b|be (?:concise|brief|helpful)\b|act as\b|cite\b|call\b)",
    re.IGNORECASE,
)
MARKUP: Final = re.compile(r"</?[a-zA-Z_][\w-]*>")


@dataclass(frozen=True, slots=True, kw_only=True)
class Conversation:
    question: str
    passages: Sequence[str]  # sentences to answer from, in the order in which they were said
    results: Sequence[str]  # what tools gave since the question, as text
    instructions: str  # what the system message says


def read(messages: Sequence[Mapping[str, Any]]) -> Conversation:
    last = max((at for at, one in enumerate(messages) if one.get("role") == "user"), default=-1)
    asked = text_of(messages[last].get("content")) if last >= 0 else ""
    question, around = split(asked)
    said: list[str] = []
    results: list[str] = []
    for at, one in enumerate(messages):
        text = text_of(one.get("content"))
        if at == last:
            said.append(around)
        elif one.get("role") in ("tool", "function"):
            flat = flattened(text)
            said.append(flat)
            if at > last:
                results.append(flat)
        elif one.get("role") in ("system", "developer", "user"):
            said.append(text)
    return Conversation(
        question=question,
        passages=tuple(line for text in said for line in material(text)),
        results=tuple(results),
        instructions="\n".join(
            text_of(one.get("content"))
            for one in messages
            if one.get("role") in ("system", "developer")
        ),
    )


def split(text: str) -> tuple[str, str]:
    """(question, what stands around it) of one message of the user."""
    for found in (TAGGED.search(text), ASKED.search(text)):
        if found is not None:
            return found.group(found.lastindex or 1), text.replace(found.group(), "\n")
    blocks = [block for block in re.split(r"\n\s*\n|\n(?=[^\n]*\?\s*$)", text.strip()) if block]
    if len(blocks) < 2:
        return text.strip(), ""
    asking = [at for at, block in enumerate(blocks) if block.rstrip().endswith("?")]
    at = asking[-1] if asking else (0 if ORDER.match(blocks[0]) else len(blocks) - 1)
    return blocks[at].strip(), "\n\n".join(block for i, block in enumerate(blocks) if i != at)


def material(text: str) -> Iterator[str]:
    """The sentences that say something: no instructions, labels or tags."""
    for sentence in sentences(MARKUP.sub("\n", text)):
        if not ORDER.match(sentence) and not LABEL.match(sentence):
            yield INTRODUCED.sub("", sentence.lstrip("-*• \t"))


def text_of(content: Any) -> str:
    """The text of a message: as it is, or in parts."""
    if isinstance(content, str):
        return content
    if isinstance(content, list):
        found = [one.get("text") for one in content if isinstance(one, Mapping)]
        return "\n".join(one for one in found if isinstance(one, str))
    return ""


def flattened(text: str) -> str:
    """A tool's result as lines: `name: value` for what is in JSON objects."""
    try:
        value = json.loads(text)
    except ValueError:
        return text
    return "\n".join(_lines(value)) if isinstance(value, dict | list) else text


def _lines(value: Any, name: str = "") -> Iterator[str]:
    if isinstance(value, Mapping):
        plain = {key: one for key, one in value.items() if not isinstance(one, dict | list)}
        texts = [one for one in plain.values() if isinstance(one, str) and len(one) > 80]
        if texts:
            yield from texts
        elif plain:
            yield ", ".join(f"{key}: {_said(one)}" for key, one in plain.items())
        for key, one in value.items():
            if isinstance(one, dict | list):
                yield from _lines(one, str(key))
    elif isinstance(value, list):
        if value and all(not isinstance(one, dict | list) for one in value):
            listed = ", ".join(_said(one) for one in value)
            yield f"{name}: {listed}" if name else listed
            return
        for one in value:
            yield from _lines(one, name)
    else:
        yield f"{name}: {_said(value)}" if name else _said(value)


def _said(value: Any) -> str:
    return value if isinstance(value, str) else json.dumps(value)

"""Yes-or-no questions about texts, by the words that they share: what LLM judges ask.

A judge's prompt holds a text that is to be supported (a claim, a question) and one that may do so
(a document, an answer), in tags or after their names. The verdict is the share of the first one's
words that the second one has. It is a lexical measure and says so in its rationale.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from brickyard.workspace.gateway.offline.ranking import share

SUPPORTED: Final = (
    "claim",
    "expected_facts",
    "expected_response",
    "expectations",
    "ground_truth",
    "guidelines",
    "question",
    "request",
    "query",
    "inputs",
    "input",
)
SUPPORTING: Final = (
    "document",
    "documents",
    "retrieved_context",
    "context",
    "response",
    "answer",
    "outputs",
    "output",
    "text",
)
ENOUGH: Final[Mapping[str, float]] = {"claim": 0.6}
USUALLY_ENOUGH: Final = 0.34
TAG: Final = re.compile(r"<([a-zA-Z_][\w-]*)>(.*?)</\1>", re.DOTALL)
NAMED: Final = re.compile(
    r"^[#*\s]*([A-Za-z_][\w ]{0,30}?)\**\s*:\s*(.*?)(?=^[#*\s]*[A-Za-z_][\w ]{0,30}?\**\s*:|\Z)",
    re.DOTALL | re.MULTILINE,
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdict:
    holds: bool
    rationale: str


def judge(text: str) -> Verdict | None:
    """What the words say; None when the text names nothing to compare."""
    blocks = _blocks(text)
    one = next((name for name in SUPPORTED if blocks.get(name)), None)
    other = next((name for name in SUPPORTING if blocks.get(name) and name != one), None)
    if one is None or other is None:
        return None
    part = share(blocks[one], blocks[other])
    holds = part >= ENOUGH.get(one, USUALLY_ENOUGH)
    return Verdict(
        holds=holds,
        rationale=(
            "Let's think step by step. The offline model compares words only:"
            f" {part:.0%} of the words of the {one.replace('_', ' ')} are in the"
            f" {other.replace('_', ' ')}."
            f" The response is {'correct' if holds else 'not correct'} by that measure."
        ),
    )


def _blocks(text: str) -> dict[str, str]:
    named = {
        found.group(1).strip().lower().replace(" ", "_"): found.group(2).strip()
        for found in NAMED.finditer(TAG.sub("", text))
    }
    tagged = {found.group(1).lower(): found.group(2).strip() for found in TAG.finditer(text)}
    return {**named, **tagged}

"""Guardrails: what may go in and come out, as `AiGatewayGuardrailParameters` of the SDK says.

`pii` blocks or masks personal data (`pii`); `invalid_keywords` blocks texts that hold one of the
words; `valid_topics` blocks questions that share too little with every topic, by their words;
`safety` blocks texts with phrases of a short list. The last two are lexical here: on Databricks,
models decide. A blocked request is answered with status 400, as Databricks does.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from functools import lru_cache
from typing import Any, Final, Literal

from brickyard.workspace.gateway import pii, texts
from brickyard.workspace.gateway.offline.embedder import embed
from brickyard.workspace.gateway.offline.words import stems
from brickyard.workspace.kernel import ApiError
from brickyard.workspace.serving.ai_gateway import Guard

Side = Literal["input", "output"]
NEAR_ENOUGH: Final = 0.2  # cosine of a text and a topic, by the lexical embedder
DIMENSIONS: Final = 512
# Categories of Databricks' safety filter, and phrases that speak of them.
UNSAFE: Final[Mapping[str, tuple[str, ...]]] = {
    "violent_crimes": ("kill someone", "kill him", "kill her", "murder", "build a bomb"),
    "weapons": ("make a bomb", "pipe bomb", "nerve agent", "build a gun", "explosive device"),
    "self_harm": ("kill myself", "commit suicide", "hurt myself", "end my life", "self-harm"),
    "hate": ("ethnic cleansing", "racial superiority", "gas the", "subhuman"),
    "sexual_exploitation": ("child porn", "csam", "sex with a minor", "sexualize a child"),
    "cyber_crimes": ("write ransomware", "build malware", "steal passwords", "phishing kit"),
}


def check_request(guard: Guard, body: Mapping[str, Any]) -> dict[str, Any]:
    """The request that may go on, masked where that is asked for. Raises the block."""
    last = list(texts.of_request(body))[-1:]
    _check("input", guard, list(texts.of_request(body)), about=last)
    return texts.in_request(body, _masking(guard)) if _masks(guard) else dict(body)


def check_answer(guard: Guard, body: Mapping[str, Any]) -> dict[str, Any]:
    """As `check_request`, of an answer."""
    said = list(texts.of_answer(body))
    _check("output", guard, said, about=said)
    return texts.in_answer(body, _masking(guard)) if _masks(guard) else dict(body)


def check_unknown(guard: Guard, said: str) -> None:
    """As `check_answer`, of texts that nobody can tell how to change: what would be masked, too."""
    if _masks(guard) and pii.masked(said)[0] != said:
        raise blocked("output", {"pii_detection": True}, "it has personal data")
    _check("output", guard, [said], about=[said])


def blocked(side: Side, flags: Mapping[str, Any], why: str) -> ApiError:
    return ApiError(
        "BAD_REQUEST",
        f"The {'request' if side == 'input' else 'answer'} was stopped by a guardrail: {why}",
        body={
            "error_code": "BAD_REQUEST",
            "message": f"The {'request' if side == 'input' else 'answer'} was stopped by a"
            f" guardrail: {why}",
            f"{side}_guardrail": [{"flagged": True, **flags}],
            "finishReason": f"{side}_guardrail_triggered",
        },
    )


def _check(side: Side, guard: Guard, said: list[str], about: Iterable[str]) -> None:
    if guard.pii is not None and guard.pii.behavior == "BLOCK":
        found = sorted({one.category for text in said for one in pii.find(text)})
        if found:
            flags = {"pii_detection": True, "categories": dict.fromkeys(found, True)}
            raise blocked(side, flags, f"it has personal data ({', '.join(found)})")
    for word in guard.invalid_keywords or ():
        if any(_has(word, text) for text in said):
            flags = {"categories": {"invalid_keywords": True}}
            raise blocked(side, flags, "it has a word that is not allowed")
    if guard.safety:
        for category, phrases in UNSAFE.items():
            if any(_has(one, text) for one in phrases for text in said):
                raise blocked(side, {"categories": {category: True}}, f"safety ({category})")
    topics = tuple(guard.valid_topics or ())
    if topics and not any(_on_topic(text, topics) for text in about):
        flags = {"categories": {"valid_topics": True}}
        raise blocked(side, flags, f"it is not about {', '.join(topics)}")


def _has(word: str, text: str) -> bool:
    return bool(word.strip()) and _pattern(word.strip()).search(text) is not None


@lru_cache(maxsize=2048)
def _pattern(word: str) -> re.Pattern[str]:
    return re.compile(rf"(?<!\w){re.escape(word)}(?!\w)", re.IGNORECASE)


def _on_topic(text: str, topics: tuple[str, ...]) -> bool:
    said = set(stems(text))
    if not said:
        return True
    vector = embed(text, DIMENSIONS)
    return any(
        set(stems(topic)) & said or _near(vector, _topic(topic)) >= NEAR_ENOUGH for topic in topics
    )


@lru_cache(maxsize=512)
def _topic(topic: str) -> tuple[float, ...]:
    return tuple(embed(topic, DIMENSIONS))


def _near(one: Iterable[float], other: Iterable[float]) -> float:
    return sum(a * b for a, b in zip(one, other, strict=True))


def _masks(guard: Guard) -> bool:
    return guard.pii is not None and guard.pii.behavior == "MASK"


def _masking(guard: Guard) -> texts.Change:
    return lambda text: pii.masked(text)[0]

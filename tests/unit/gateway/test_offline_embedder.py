"""The lexical embedder: same words, near; no shared words, far; always of length 1."""

from __future__ import annotations

import base64
import math
import struct

import pytest

from brickyard.workspace.gateway.offline import embedder, wire
from brickyard.workspace.gateway.offline.chat import BadRequest

RECORDED = [-0.1633, -0.5389, -0.5227, 0.3591, 0.1907, -0.1284, -0.2293, 0.4187]


def near(one: str, other: str) -> float:
    return sum(a * b for a, b in zip(embedder.embed(one), embedder.embed(other), strict=True))


@pytest.mark.parametrize("dimensions", [1, 7, 384, 1024, 4096])
@pytest.mark.parametrize("text", ["", "   ", "Refunds within 30 days", "数据质量", "a" * 10_000])
def test_any_text_has_a_vector_of_length_1(text: str, dimensions: int) -> None:
    vector = embedder.embed(text, dimensions)
    assert len(vector) == dimensions
    assert math.isclose(math.sqrt(sum(one * one for one in vector)), 1.0)


def test_shared_words_and_parts_of_words_are_near() -> None:
    question = "how do I get a refund"
    assert near(question, "Refunds are possible within 30 days") > 0.3
    assert near("normalisation", "normalization") > 0.2
    assert abs(near(question, "Our office is in Berlin")) < 0.1
    assert near(question, question) > 0.999


def test_a_vector_never_changes() -> None:
    # recorded: indexes that were built with an older version must still match
    vector = embedder.embed("Refunds within 30 days", 8)
    assert [round(one, 4) for one in vector] == RECORDED


def test_embeddings_as_numbers_and_packed() -> None:
    plain = wire.embeddings({"input": ["a b", "c"], "dimensions": 16}, 1024)
    packed = wire.embeddings(
        {"input": ["a b", "c"], "dimensions": 16, "encoding_format": "base64"}, 1024
    )
    assert plain["model"] == embedder.MODEL
    assert plain["usage"] == {"prompt_tokens": 3, "total_tokens": 3}
    for one, other in zip(plain["data"], packed["data"], strict=True):
        numbers = struct.unpack("<16f", base64.b64decode(other["embedding"]))
        assert numbers == pytest.approx(one["embedding"], abs=1e-6)


@pytest.mark.parametrize(
    "body", [{}, {"input": []}, {"input": [1]}, {"input": "x", "dimensions": -1}]
)
def test_what_cannot_be_embedded_is_refused(body: dict[str, object]) -> None:
    with pytest.raises(BadRequest):
        wire.embeddings(body, 1024)

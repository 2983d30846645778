"""The lexical embedder: texts that share words or parts of words are near each other.

Each text is a bag of features (words, pairs of words, pieces of 3 to 5 characters within words),
each hashed to a place and a sign in a vector of any wanted length, which is then normalised to
length 1. Deterministic on every machine. It knows nothing of meaning: `car` is far from `vehicle`.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Sequence
from functools import lru_cache
from hashlib import blake2b
from itertools import pairwise
from typing import Final

from brickyard.workspace.gateway.offline.words import STOP, stem, words

MODEL: Final = "brickyard-offline-lexical"
DIMENSIONS: Final = 1024
LARGEST: Final = 8192
WORD_WEIGHT: Final = 1.0
STOP_WEIGHT: Final = 0.15
PAIR_WEIGHT: Final = 0.4
PIECES_WEIGHT: Final = 1.0  # of all pieces of a word together
PIECES: Final = range(3, 6)

Feature = tuple[int, float]  # a place and a signed weight


def embed(text: str, dimensions: int = DIMENSIONS) -> list[float]:
    """A vector of length 1."""
    vector = [0.0] * dimensions
    found = words(text)
    for word, times in Counter(found).items():
        strength = 1.0 + math.log(times)
        for place, weight in _of_word(word, dimensions):
            vector[place] += strength * weight
    pairs = Counter(pairwise(found))
    for (one, other), times in pairs.items():
        if one not in STOP and other not in STOP:
            place, sign = _hashed(f"{stem(one)} {stem(other)}", dimensions)
            vector[place] += PAIR_WEIGHT * sign * (1.0 + math.log(times))
    length = math.sqrt(sum(one * one for one in vector))
    if not length:
        vector[_hashed("", dimensions)[0]], length = 1.0, 1.0
    return [one / length for one in vector]


def embed_all(texts: Sequence[str], dimensions: int = DIMENSIONS) -> list[list[float]]:
    return [embed(text, dimensions) for text in texts]


@lru_cache(maxsize=50_000)
def _of_word(word: str, dimensions: int) -> tuple[Feature, ...]:
    if word in STOP:
        place, sign = _hashed(word, dimensions)
        return ((place, STOP_WEIGHT * sign),)
    place, sign = _hashed(stem(word), dimensions)
    features = [(place, WORD_WEIGHT * sign)]
    framed = f"<{word}>"
    pieces = {
        framed[at : at + size] for size in PIECES for at in range(max(0, len(framed) - size + 1))
    }
    for piece in sorted(pieces):
        place, sign = _hashed(f"#{piece}", dimensions)
        features.append((place, PIECES_WEIGHT / math.sqrt(len(pieces)) * sign))
    return tuple(features)


def _hashed(feature: str, dimensions: int) -> tuple[int, float]:
    number = int.from_bytes(blake2b(feature.encode(), digest_size=8).digest(), "big")
    return (number >> 1) % dimensions, 1.0 if number & 1 else -1.0

"""What the agent knows, and how a text becomes a vector. Replace both by your own.

The vectors are counts of hashed words: enough to find a passage that shares words with a question,
everywhere, without a model. An embedding model's endpoint takes their place in one function.
"""

from __future__ import annotations

import hashlib
import math
import re

SIZE = 256
PASSAGES = {
    "refunds": "Refunds are paid within 14 days after the goods came back.",
    "delivery": "Delivery takes three working days, five to the islands.",
    "warranty": "The warranty covers two years from the day of purchase.",
    "returns": "Goods can be returned within 30 days, unused and in their packaging.",
}
STOP = frozenset("a an and are can do does for from how i in is it long of on the to what when with".split())


def embed(text: str) -> list[float]:
    """A vector of length one; of nothing but common words, all zeros."""
    vector = [0.0] * SIZE
    for word in re.findall(r"[a-z0-9]+", text.lower()):
        if word not in STOP:
            digest = hashlib.sha256(word.rstrip("s").encode()).digest()
            vector[int.from_bytes(digest[:4], "big") % SIZE] += 1.0
    length = math.sqrt(sum(one * one for one in vector))
    return [one / length for one in vector] if length else vector

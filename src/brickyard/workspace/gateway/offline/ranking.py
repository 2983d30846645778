"""Which sentences answer a question: BM25 over the sentences at hand, words cut to their stems."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Sequence
from typing import Final

from brickyard.workspace.gateway.offline.words import stems

K1: Final = 1.2
B: Final = 0.5
BEST: Final = 3  # sentences in an answer
NEAR: Final = 0.55  # of the best score: what still belongs to the answer


def scores(question: str, sentences: Sequence[str]) -> list[float]:
    """One score for each sentence; 0 when it shares no word with the question."""
    wanted = set(stems(question))
    bags = [Counter(stems(one)) for one in sentences]
    mean = sum(sum(bag.values()) for bag in bags) / max(1, len(bags)) or 1.0
    seen = Counter(word for bag in bags for word in bag if word in wanted)
    found = []
    for bag in bags:
        size = K1 * (1 - B + B * sum(bag.values()) / mean)
        found.append(
            sum(
                math.log(1 + (len(bags) - seen[word] + 0.5) / (seen[word] + 0.5))
                * bag[word]
                * (K1 + 1)
                / (bag[word] + size)
                for word in wanted
                if word in bag
            )
        )
    return found


def best(question: str, sentences: Sequence[str], most: int = BEST) -> list[str]:
    """The sentences that answer it best, as they stood; none when none shares a word with it."""
    unique = list(dict.fromkeys(sentences))
    scored = scores(question, unique)
    top = max(scored, default=0.0)
    if top <= 0:
        return []
    order = sorted(range(len(unique)), key=lambda at: (-scored[at], at))
    chosen = [at for at in order if scored[at] >= NEAR * top][:most]
    return [unique[at] for at in sorted(chosen)]


def central(sentences: Sequence[str], most: int = BEST) -> list[str]:
    """The sentences that share most with all the others: a summary by extraction."""
    unique = list(dict.fromkeys(sentences))
    weights = Counter(word for one in unique for word in set(stems(one)))
    value = [
        sum(weights[word] for word in set(stems(one))) / math.sqrt(len(stems(one)) or 1)
        for one in unique
    ]
    order = sorted(range(len(unique)), key=lambda at: (-value[at], at))[:most]
    return [unique[at] for at in sorted(order)]


def share(part: str, whole: str) -> float:
    """How much of what one text says, by its words, the other says too: 0 to 1."""
    wanted = set(stems(part))
    return len(wanted & set(stems(whole))) / len(wanted) if wanted else 0.0

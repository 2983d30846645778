"""Is it worse than what is live? A paired permutation test, one-sided, on examples both were asked.

Each example that both answered gives a difference, new minus live. Were nothing changed, every
difference could as well have the other sign: `p` is the share of all sign patterns whose sum is as
low as the one seen. With differences of one size (right or wrong) that is the exact sign test; with
up to 16 that differ every pattern is counted; above that, 20,000 patterns drawn from a fixed seed
stand for all of them, so that the same scores give the same answer.

An example that was asked again and has no number now, where what is live has one, closes the test:
failing on the hard ones would otherwise be a way to pass. Examples that were taken out of the set
are left out, and said.

Of our own, as one test does not justify SciPy at a client's start (decision 33).
"""

from __future__ import annotations

import math
import random
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import product
from typing import Any, Final

COUNTED: Final = 16
DRAWN: Final = 20_000
SEED: Final = 20_261_128
MOST_NAMED: Final = 5
NEARLY: Final = 1e-12  # sums of floats that should be equal


class NotComparable(Exception):
    """The test can't be made; the message says why."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Comparison:
    """One metric, new against live; `change` is the mean difference, positive is better."""

    metric: str
    examples: int
    of: int  # examples of what is live
    live: float
    new: float
    change: float
    p: float
    alpha: float
    margin: float | None

    @property
    def is_worse(self) -> bool:
        if self.margin is not None and self.change < -self.margin - NEARLY:
            return True
        return self.change < 0 and self.p < self.alpha

    def __str__(self) -> str:
        how = "significantly worse" if self.p < self.alpha and self.change < 0 else "not worse"
        if self.is_worse and how == "not worse":
            how = f"worse by more than {self.margin:g}"
        count = str(self.examples) if self.examples == self.of else f"{self.examples} of {self.of}"
        return (
            f"{self.metric} {self.new:.4g}, live {self.live:.4g}: {how}"
            f" (p {self.p:.3g}, {count} examples)"
        )


def compare(
    metric: str,
    new: object,
    live: object,
    *,
    lower_is_better: bool = False,
    alpha: float = 0.05,
    margin: float | None = None,
) -> Comparison:
    """Compare a metric on the examples that both have. Raises `NotComparable`.

    `new` and `live` are examples as an evaluation leaves them: see `scores`.
    """
    ours, theirs = scores(new, metric), scores(live, metric)
    if not ours:
        raise NotComparable(f"{metric}: the evaluation left no examples that have it")
    lost = sorted((_ids(new) & theirs.keys()) - ours.keys())
    if lost:
        named = ", ".join([*lost[:MOST_NAMED], *(["…"] if len(lost) > MOST_NAMED else [])])
        raise NotComparable(
            f"{metric}: the evaluation left no number for {len(lost)} examples that have one in"
            f" what is live: {named}"
        )
    shared = sorted(ours.keys() & theirs.keys())
    if not shared:
        raise NotComparable(f"{metric}: it shares no example with the evaluation of what is live")
    if 0.5 ** len(shared) > alpha:
        least = math.ceil(math.log(alpha, 0.5))
        raise NotComparable(
            f"{metric}: {len(shared)} shared examples can show nothing at {alpha:g};"
            f" {least} are the least"
        )
    sign = -1.0 if lower_is_better else 1.0
    differences = [sign * (ours[name] - theirs[name]) for name in shared]
    return Comparison(
        metric=metric,
        examples=len(shared),
        of=len(theirs),
        live=sum(theirs[name] for name in shared) / len(shared),
        new=sum(ours[name] for name in shared) / len(shared),
        change=sum(differences) / len(shared),
        p=p_of_worse(differences),
        alpha=alpha,
        margin=margin,
    )


def p_of_worse(differences: Sequence[float]) -> float:
    """How likely a sum as low as this is, if each difference could have either sign."""
    sizes = [abs(one) for one in differences if abs(one) > NEARLY]
    if not sizes:
        return 1.0
    seen = sum(one for one in differences if abs(one) > NEARLY)
    if max(sizes) - min(sizes) <= NEARLY:
        falls = sum(1 for one in differences if one < -NEARLY)
        return _at_least(falls, len(sizes))
    if len(sizes) <= COUNTED:
        signs = product((1.0, -1.0), repeat=len(sizes))
        sums = [sum(s * size for s, size in zip(row, sizes, strict=True)) for row in signs]
        return sum(1 for one in sums if one <= seen + NEARLY) / len(sums)
    drawn = random.Random(SEED)
    total, as_low = sum(sizes), 0
    for _ in range(DRAWN):
        bits = drawn.getrandbits(len(sizes))
        down = sum(size for at, size in enumerate(sizes) if bits >> at & 1)
        as_low += total - 2 * down <= seen + NEARLY
    return (as_low + 1) / (DRAWN + 1)


def _at_least(falls: int, count: int) -> float:
    """The chance of so many tails or more."""
    return float(sum(math.comb(count, k) for k in range(falls, count + 1)) / 2**count)


def scores(examples: object, metric: str) -> dict[str, float]:
    """Example to number, of those that have the metric; true counts 1, false 0.

    Examples are a mapping of id to metrics, or a list of mappings with an `id`.
    """
    rows = _rows(examples)
    found = {name: _number(one.get(metric)) for name, one in rows if isinstance(one, Mapping)}
    return {name: value for name, value in found.items() if value is not None}


def _rows(examples: object) -> list[tuple[str, Any]]:
    if isinstance(examples, Mapping):
        return [(str(name), one) for name, one in examples.items()]
    given = examples if isinstance(examples, list | tuple) else ()
    return [(str(one["id"]), one) for one in given if isinstance(one, Mapping) and "id" in one]


def _ids(examples: object) -> set[str]:
    """Every example that was asked, with or without an answer."""
    return {name for name, _ in _rows(examples)}


def _number(value: Any) -> float | None:
    if not isinstance(value, bool | int | float) or not math.isfinite(value):
        return None
    return float(value)

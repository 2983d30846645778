"""Distances between two samples of a column: pure, on the standard library alone.

Numbers are put into ten bins of equal share of the baseline (population stability index, total
variation, Jensen-Shannon) and compared by their empirical distributions (Kolmogorov-Smirnov,
Wasserstein); texts are compared by their shares. Shares of nothing count as 0.0001 for the index,
as is usual. Definitions are those of the columns of the drift metrics table in the public
documentation of Databricks' data profiling.
"""

from __future__ import annotations

import math
from bisect import bisect_left, bisect_right
from collections import Counter
from collections.abc import Mapping, Sequence
from itertools import pairwise
from typing import Final

BINS: Final = 10
LEAST: Final = 0.0001
OF_NUMBERS: Final = ("psi", "ks", "ks_pvalue", "tv", "js", "wasserstein")
OF_TEXTS: Final = ("psi", "tv", "js", "chi2_pvalue")
KNOWN: Final = frozenset({*OF_NUMBERS, *OF_TEXTS, "nulls", "count"})


def of_numbers(baseline: Sequence[float], now: Sequence[float]) -> dict[str, float]:
    """Every distance between two samples of numbers; nothing where one is empty."""
    if not baseline or not now:
        return {}
    old, new = sorted(baseline), sorted(now)
    edges = sorted({old[min(len(old) - 1, len(old) * at // BINS)] for at in range(1, BINS)})
    shares = _shares(old, edges), _shares(new, edges)
    statistic = ks(old, new)
    return {
        **of_shares(*shares),
        "ks": statistic,
        "ks_pvalue": ks_pvalue(statistic, len(old), len(new)),
        "wasserstein": wasserstein(old, new),
    }


def of_texts(baseline: Mapping[str, int], now: Mapping[str, int]) -> dict[str, float]:
    """Every distance between two counts of values; nothing where one is empty."""
    old_total, new_total = sum(baseline.values()), sum(now.values())
    if not old_total or not new_total:
        return {}
    names = sorted({*baseline, *now})
    old = {str(at): baseline.get(name, 0) / old_total for at, name in enumerate(names)}
    new = {str(at): now.get(name, 0) / new_total for at, name in enumerate(names)}
    rows = [(baseline.get(name, 0), now.get(name, 0)) for name in names]
    return {**of_shares(old, new), "chi2_pvalue": chi2_pvalue(rows)}


def of_shares(old: Mapping[str, float], new: Mapping[str, float]) -> dict[str, float]:
    """Population stability index, total variation and Jensen-Shannon distance."""
    pairs = [(old.get(name, 0.0), new.get(name, 0.0)) for name in {*old, *new}]
    index = sum(
        (max(b, LEAST) - max(a, LEAST)) * math.log(max(b, LEAST) / max(a, LEAST)) for a, b in pairs
    )
    divergence = sum(_half(a, (a + b) / 2) + _half(b, (a + b) / 2) for a, b in pairs) / 2
    return {
        "psi": index,
        "tv": sum(abs(a - b) for a, b in pairs) / 2,
        "js": math.sqrt(max(0.0, divergence)),
    }


def ks(old: Sequence[float], new: Sequence[float]) -> float:
    """The largest distance between the empirical distributions of two sorted samples."""
    points = sorted({*old, *new})
    return max(
        abs(bisect_right(old, x) / len(old) - bisect_right(new, x) / len(new)) for x in points
    )


def ks_pvalue(statistic: float, old: int, new: int) -> float:
    """How likely so large a distance is by chance: Kolmogorov's limit distribution."""
    root = math.sqrt(old * new / (old + new))
    x = (root + 0.12 + 0.11 / root) * statistic  # Stephens' correction for small samples
    if x < 0.2:
        return 1.0
    total = sum((-1) ** (k - 1) * math.exp(-2 * k * k * x * x) for k in range(1, 101))
    return float(min(1.0, max(0.0, 2 * total)))


def wasserstein(old: Sequence[float], new: Sequence[float]) -> float:
    """The area between the empirical distributions of two sorted samples."""
    points = sorted({*old, *new})
    return sum(
        (right - left)
        * abs(bisect_right(old, left) / len(old) - bisect_right(new, left) / len(new))
        for left, right in pairwise(points)
    )


def chi2_pvalue(rows: Sequence[tuple[int, int]]) -> float:
    """Chi-squared test that two columns of counts have the same shares."""
    totals = sum(a for a, _ in rows), sum(b for _, b in rows)
    whole = sum(totals)
    statistic = 0.0
    for row in rows:
        for count, total in zip(row, totals, strict=True):
            expected = sum(row) * total / whole
            statistic += (count - expected) ** 2 / expected if expected else 0.0
    degrees = len(rows) - 1
    return 1.0 if degrees < 1 else _upper_gamma(degrees / 2, statistic / 2)


def _upper_gamma(a: float, x: float) -> float:
    """The regularised upper incomplete gamma function, by series or continued fraction."""
    if x <= 0:
        return 1.0
    scale = math.exp(-x + a * math.log(x) - math.lgamma(a))
    if x < a + 1:
        term = total = 1 / a
        n = a
        while abs(term) > abs(total) * 1e-14:
            n += 1
            term *= x / n
            total += term
        return max(0.0, 1 - total * scale)
    b = x + 1 - a
    c, d = 1e300, 1 / b
    h = d
    for i in range(1, 10_000):
        an = -i * (i - a)
        b += 2
        d = 1 / (an * d + b or 1e-300)
        c = b + an / c or 1e-300
        step = d * c
        h *= step
        if abs(step - 1) < 1e-14:
            break
    return min(1.0, h * scale)


def _half(share: float, mean: float) -> float:
    return share * math.log(share / mean) if share else 0.0


def _shares(values: Sequence[float], edges: Sequence[float]) -> dict[str, float]:
    counts = Counter(bisect_left(edges, value) for value in values)
    return {str(at): counts[at] / len(values) for at in range(len(edges) + 1)}

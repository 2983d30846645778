"""How far two distributions of a column are from each other, as the drift table has it.

Both sides are what the profile table keeps of a column in a window: up to 1,000 quantiles of
numbers, the 100 most frequent items of texts and booleans. Up to so many values that is the whole
column; beyond, distances are those of the quantiles, and rarer items count as one. Tests and
distances are SciPy's; it takes half a second to import, so that is done by the first refresh.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

BINS: Final = 10
LEAST: Final = 0.0001  # share of an empty bin, as is usual for the index
REST: Final = None  # the items beyond the most frequent


@dataclass(frozen=True, slots=True, kw_only=True)
class Distribution:
    """A column within one window: how many values that are not null, and how they spread."""

    count: int
    quantiles: Sequence[float] | None = None
    items: Mapping[str | None, int] | None = None


def distances(now: Distribution, before: Distribution) -> dict[str, Any]:
    """The columns of the drift table that have a value; none where a side is empty."""
    if not now.count or not before.count:
        return {}
    if now.quantiles and before.quantiles:
        return _of_numbers(now, before)
    if now.items and before.items:
        return _of_items(now, before)
    return {}


def _of_numbers(now: Distribution, before: Distribution) -> dict[str, Any]:
    import numpy
    from scipy import stats

    old, new = numpy.array(before.quantiles), numpy.array(now.quantiles)
    test = stats.ks_2samp(old, new)
    pvalue = float(test.pvalue)
    if now.count > len(new) or before.count > len(old):
        effective = now.count * before.count / (now.count + before.count)
        pvalue = float(stats.kstwo.sf(test.statistic, max(1, round(effective))))
    edges = numpy.unique(numpy.quantile(old, [at / BINS for at in range(1, BINS)]))
    shares = [
        numpy.bincount(numpy.searchsorted(edges, side), minlength=len(edges) + 1) / len(side)
        for side in (old, new)
    ]
    return {
        "ks_test": {"statistic": float(test.statistic), "pvalue": pvalue},
        "wasserstein_distance": float(stats.wasserstein_distance(old, new)),
        "population_stability_index": _stability(*shares),
    }


def _of_items(now: Distribution, before: Distribution) -> dict[str, Any]:
    import numpy
    from scipy import stats
    from scipy.spatial.distance import jensenshannon

    sides = [_counted(before), _counted(now)]
    names = sorted({*sides[0], *sides[1]}, key=lambda name: (name is REST, name))
    counts = numpy.array([[side.get(name, 0) for name in names] for side in sides])
    old, new = counts / counts.sum(axis=1, keepdims=True)
    statistic, pvalue = 0.0, 1.0
    if len(names) > 1:
        test = stats.chi2_contingency(counts, correction=False)
        statistic, pvalue = float(test.statistic), float(test.pvalue)
    return {
        "chi_squared_test": {"statistic": statistic, "pvalue": pvalue},
        "tv_distance": float(abs(old - new).sum() / 2),
        "l_infinity_distance": float(abs(old - new).max()),
        "js_distance": float(numpy.nan_to_num(jensenshannon(old, new))),
        "population_stability_index": _stability(old, new),
    }


def _counted(side: Distribution) -> dict[str | None, int]:
    found = dict(side.items or {})
    rest = side.count - sum(found.values())
    return {**found, REST: rest} if rest > 0 else found


def _stability(old: Any, new: Any) -> float:
    import numpy

    old, new = numpy.maximum(old, LEAST), numpy.maximum(new, LEAST)
    return float(((new - old) * numpy.log(new / old)).sum())

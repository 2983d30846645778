"""Chance for whole columns: the same numbers from the same seed, in every version of Python."""

from __future__ import annotations

import random
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import pyarrow

CENTS = 2  # digits


class Draws:
    def __init__(self, seed: int) -> None:
        self._chance = random.Random(seed)

    def numbers(self, count: int, low: int, high: int) -> Any:
        """Whole numbers from `low` to `high`, both included."""
        import pyarrow as pa
        import pyarrow.compute as pc

        raw = pa.Array.from_buffers(
            pa.uint32(), count, [None, pa.py_buffer(self._chance.randbytes(4 * count))]
        ).cast(pa.int64())
        return pc.add(remainder(raw, high - low + 1), low)

    def words(self, count: int, words: Sequence[str]) -> Any:
        import pyarrow as pa

        return pa.array(words).take(self.numbers(count, 0, len(words) - 1))


def remainder(numbers: Any, by: int) -> Any:
    """Of numbers that are not negative."""
    import pyarrow.compute as pc

    return pc.subtract(numbers, pc.multiply(pc.divide(numbers, by), by))


def joined(*parts: Any) -> Any:
    """Text, row by row, of columns and constants."""
    import pyarrow as pa
    import pyarrow.compute as pc

    texts = [one if isinstance(one, str) else pc.cast(one, pa.string()) for one in parts]
    return pc.binary_join_element_wise(*texts, "")


def padded(numbers: Any, width: int) -> Any:
    import pyarrow as pa
    import pyarrow.compute as pc

    return pc.utf8_lpad(pc.cast(numbers, pa.string()), width, "0")


def money(cents: Any) -> pyarrow.Array:
    """`decimal(18,2)` of whole cents."""
    from decimal import Decimal

    import pyarrow as pa
    import pyarrow.compute as pc

    whole = pc.cast(cents, pa.decimal128(19, 0))
    return pc.cast(pc.multiply(whole, pa.scalar(Decimal("0.01"))), pa.decimal128(18, CENTS))

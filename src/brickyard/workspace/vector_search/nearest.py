"""The approximate index over an index's vectors: made when there are many rows, and measured.

Below `FROM` rows every query compares all of them, exactly. From there on rows are grouped around
centres (LanceDB's IVF_SQ), and a query looks into the nearest groups only, then compares what it
found once more exactly. How many groups, is found by measuring: the fewest by which rows of the
index find `RECALL` of their ten true neighbours; vectors that cannot be grouped so are searched
exactly. Rows written since are compared one by one until the next `tend`.
"""

from __future__ import annotations

import logging
import math
from collections.abc import Sequence
from typing import Any, Final

from brickyard.workspace.vector_search.rows import Rows, State

FROM: Final = 20_000  # rows; an exact search of as many takes some milliseconds
AGAIN: Final = 2  # times the rows it was made of, before it is made anew
RECALL: Final = 0.97
MEASURED: Final = 40  # queries
NEIGHBOURS: Final = 10
PROBES: Final = (2, 3, 5, 10, 20, 40, 80)
REFINE: Final = 3
log = logging.getLogger("brickyard.vector_search")


def is_due(state: State, rows: int) -> bool:
    """Whether the approximate index should be made, or made anew."""
    return rows >= max(FROM, state.trained * AGAIN)


def tend(rows: Rows, vector: str) -> None:
    """Make the approximate index, or make it anew, where that is due. Takes some seconds."""
    table = rows.table()
    count = table.count_rows() if table is not None and vector else 0
    if not is_due(rows.state, count):
        return
    from lancedb.index import IvfSq

    partitions = max(1, round(math.sqrt(count)))
    with rows.indexing:
        table.create_index(vector, config=IvfSq(distance_type="l2", num_partitions=partitions))
    probes, recall = _measured(table, vector, rows.key)
    if not probes:
        log.info("approximate search of %s finds too little (%.2f)", rows.folder, recall)
    rows.note(trained=count, probes=probes, recall=recall)


def nearest(
    table: Any, state: State, numbers: Sequence[float], vector: str, where: str, many: int
) -> Any:
    """The query for the `many` nearest rows; the caller chooses columns and runs it."""
    query = table.search(list(numbers), vector_column_name=vector, query_type="vector")
    query = query.distance_type("l2").limit(many)
    if not state.probes:
        query = query.bypass_vector_index() if state.trained else query
    else:
        # Groups are looked into until there are enough rows that fit the filter.
        probes = max(state.probes, math.ceil(many / 10))
        query = query.minimum_nprobes(probes).maximum_nprobes(0).refine_factor(REFINE)
    return query.where(where, prefilter=True) if where else query


def _measured(table: Any, vector: str, key: str) -> tuple[int, float]:
    """The fewest groups that do, 0 for none; and the share of true neighbours found with them."""
    import numpy as np

    columns = [key, vector]
    held = table.search().select(columns).where(f"`{vector}` IS NOT NULL")
    held = held.limit(table.count_rows()).to_arrow()
    flat = held[vector].combine_chunks()
    vectors = flat.values.to_numpy(zero_copy_only=False).reshape(len(flat), -1)
    picked = np.random.default_rng(0).choice(len(vectors), min(MEASURED, len(vectors)), False)
    keys, asked = held[key].to_pylist(), vectors[picked]
    squares = np.einsum("ij,ij->i", vectors, vectors)
    apart = squares[None, :] - 2 * asked @ vectors.T
    nearby = np.argpartition(apart, NEIGHBOURS, axis=1)[:, :NEIGHBOURS]
    truth = [{keys[at] for at in row} for row in nearby]
    recall = 0.0
    for probes in PROBES:
        state = State(trained=1, probes=probes)
        shares = []
        for one, true in zip(asked, truth, strict=True):
            query = nearest(table, state, one, vector, "", NEIGHBOURS)
            found = query.select([key, "_distance"]).to_arrow()[key].to_pylist()
            shares.append(len(true & set(found)) / len(true))
        recall = round(sum(shares) / len(shares), 4)
        if recall >= RECALL:
            return probes, recall
    return 0, recall

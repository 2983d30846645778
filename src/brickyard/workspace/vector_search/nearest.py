"""The approximate index over an index's vectors: made when there are many rows, and measured.

Below `FROM` rows every query compares all of them, exactly. From there on rows are grouped around
centres (LanceDB's IVF_SQ), and a query looks into the nearest groups only, then compares what it
found once more exactly. How many groups, is found by measuring: the fewest by which rows of the
index find `RECALL` of their ten true neighbours; vectors that cannot be grouped so are searched
exactly. Rows written since are compared one by one until the next `tend`.
"""

from __future__ import annotations

import asyncio
import logging
import math
from collections.abc import Sequence
from typing import Any, Final

from brickyard.workspace.vector_search import handles
from brickyard.workspace.vector_search.rows import Rows, State

FROM: Final = 20_000  # rows; an exact search of as many takes some milliseconds
AGAIN: Final = 2  # times the rows it was made of, before it is made anew
RECALL: Final = 0.97
MEASURED: Final = 40  # queries
NEIGHBOURS: Final = 10
PROBES: Final = (2, 3, 5, 10, 20, 40, 80)
SPREAD: Final = 10  # times as many groups where the next ones may hold nearer rows
NO_LIMIT: Final = 0
REFINE: Final = 2
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
    probes, recall = asyncio.run(_measured(table, rows, vector))
    if not probes:
        log.info("approximate search of %s finds too little (%.2f)", rows.folder, recall)
    rows.note(trained=count, probes=probes, recall=recall)


def nearest(
    table: Any, state: State, numbers: Sequence[float], vector: str, where: str, many: int
) -> Any:
    """The query for the `many` nearest rows; the caller chooses columns and runs it."""
    import pyarrow as pa

    query = table.query().nearest_to(pa.array(numbers, pa.float32())).column(vector)
    query = query.distance_type("l2").limit(many)
    if not state.probes:
        query = query.bypass_vector_index() if state.trained else query
    else:
        probes = max(state.probes, math.ceil(many / 10))
        # With a filter: until there are enough rows that fit it.
        most = NO_LIMIT if where else SPREAD * probes
        query = query.nprobes(probes).maximum_nprobes(most).refine_factor(REFINE)
    return query.where(where) if where else query


async def _measured(table: Any, rows: Rows, vector: str) -> tuple[int, float]:
    """The fewest groups that do, 0 for none; and the share of true neighbours found with them."""
    import numpy as np

    key = rows.key
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
    table = await handles.waiting(rows.folder)
    for probes in PROBES:
        state = State(trained=1, probes=probes)
        shares = []
        for one, true in zip(asked, truth, strict=True):
            query = nearest(table, state, one, vector, "", NEIGHBOURS)
            found = (await query.select([key, "_distance"]).to_arrow())[key].to_pylist()
            shares.append(len(true & set(found)) / len(true))
        recall = round(sum(shares) / len(shares), 4)
        if recall >= RECALL:
            return probes, recall
    return 0, recall

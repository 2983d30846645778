"""The approximate search of LanceDB, asked for a few rows and for many."""

from __future__ import annotations

import asyncio
import threading

import pyarrow as pa
import pytest

from brickyard.workspace.vector_search import handles
from brickyard.workspace.vector_search.nearest import nearest
from brickyard.workspace.vector_search.rows import Rows, State

ROWS, SIZE = 600, 8


@pytest.fixture(scope="module")
def rows(tmp_path_factory: pytest.TempPathFactory) -> Rows:
    import numpy as np
    from lancedb.index import IvfSq

    made = Rows(tmp_path_factory.mktemp("index"), "id", threading.Lock())
    vectors = np.random.default_rng(0).standard_normal((ROWS, SIZE)).astype("f4")
    column = pa.FixedSizeListArray.from_arrays(pa.array(vectors.ravel()), SIZE)
    table = pa.table({"id": pa.array(range(ROWS)), "vector": column})
    made.create(table.schema)
    made.upsert(table)
    made.table().create_index("vector", config=IvfSq(distance_type="l2", num_partitions=24))
    return made


@pytest.mark.belief
@pytest.mark.parametrize("probes", [0, 1, 2, 40, 80])
@pytest.mark.parametrize("where", ["", "id < 300"])
@pytest.mark.parametrize("many", [1, 10, 250, 500])
def test_as_many_rows_as_asked_for_are_found(
    rows: Rows, probes: int, where: str, many: int
) -> None:
    async def found() -> list[float]:
        table = await handles.waiting(rows.folder)
        state = State(trained=ROWS, probes=probes)
        query = nearest(table, state, [0.0] * SIZE, "vector", where, many)
        got = (await query.select(["id", "_distance"]).to_arrow())["_distance"].to_pylist()
        return [float(one) for one in got]

    distances = asyncio.run(found())
    assert len(distances) == min(many, 300 if where else ROWS)
    assert distances == sorted(distances)


@pytest.mark.belief
def test_what_is_written_is_found_at_once(rows: Rows) -> None:
    async def nearest_id() -> int:
        table = await handles.waiting(rows.folder)
        state = State(trained=ROWS, probes=2)
        query = nearest(table, state, [9.0] * SIZE, "vector", "", 1)
        return int((await query.select(["id", "_distance"]).to_arrow())["id"].to_pylist()[0])

    before = asyncio.run(nearest_id())
    column = pa.array([[9.0] * SIZE], pa.list_(pa.float32(), SIZE))
    rows.upsert(pa.table({"id": pa.array([ROWS + 1]), "vector": column}))
    assert asyncio.run(nearest_id()) == ROWS + 1
    rows.delete([ROWS + 1])
    assert asyncio.run(nearest_id()) == before

"""Vector search: 100,000 vectors of 384 numbers, asked over HTTP, against LanceDB called directly.

The same rows, the same index of LanceDB, the same parameters and the same questions in turn: what
is left is authentication, authorization, HTTP and JSON. Recall is counted against an exact search.
The vectors are made as embeddings are: of 48 latent numbers, in 500 groups, with noise.
"""

from __future__ import annotations

import asyncio
import http.client
import json
import statistics
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit

from benchmarks.server import connection, workspace
from benchmarks.timing import Comparison, timed

ROWS, SIZE, LATENT, GROUPS = 100_000, 384, 48, 500
QUESTIONS = 200
WANTED = 10
READY_S = 900
INDEX, TABLE = "dev.default.bench_index", "dev.default.bench_vectors"
FLOATS = {"type": "array", "elementType": "float", "containsNull": True}


def comparisons() -> Iterator[Comparison]:
    vectors, asked = made()
    with workspace() as (host, token):
        place = Place(connection(host), token)
        folder = place.fill(vectors)
        state = json.loads((folder / "state.json").read_text())
        direct = directly(folder)
        mine: list[float] = []
        other: list[float] = []
        found: list[list[int]] = []
        for vector in [*asked[:5], *asked]:  # the first ones warm up
            numbers = vector.tolist()
            other.append(timed(lambda numbers=numbers: direct(numbers)))
            mine.append(timed(lambda numbers=numbers: found.append(place.nearest(numbers))))
        recall = share(vectors, asked, found[5:])
    mine, other = sorted(mine[5:]), sorted(other[5:])
    print(f"  p95 {mine[int(len(mine) * 0.95)] * 1000:.1f} ms, probes {state['probes']}")
    yield Comparison(
        what=f"nearest {WANTED} of {ROWS:,} × {SIZE}, recall {recall:.3f}",
        ours_s=statistics.median(mine),
        against="the same query of LanceDB",
        theirs_s=statistics.median(other),
    )


class Place:
    """An index over a Delta table, in a workspace of its own."""

    def __init__(self, line: http.client.HTTPConnection, token: str) -> None:
        self._line = line
        self._headers = {"Authorization": f"Bearer {token}", "Content-Type": "application/json"}

    def call(self, method: str, path: str, body: Any = None) -> Any:
        self._line.request(method, path, body=json.dumps(body or {}), headers=self._headers)
        answer = self._line.getresponse()
        read = answer.read()
        if answer.status != 200:
            raise RuntimeError(f"{path} answered {answer.status}: {read[:500]!r}")
        return json.loads(read)

    def fill(self, vectors: Any) -> Path:
        """Make table and index, wait until it is synced, and give its folder."""
        import pyarrow as pa
        from deltalake import write_deltalake

        catalog, schema, name = TABLE.split(".")
        columns = [("id", "long"), ("text", "string"), ("vector", FLOATS)]
        table = {
            "catalog_name": catalog,
            "schema_name": schema,
            "name": name,
            "table_type": "MANAGED",
            "data_source_format": "DELTA",
            "columns": [{"name": n, "type_json": json.dumps(kind)} for n, kind in columns],
        }
        made = self.call("POST", "/api/2.1/unity-catalog/tables", table)
        place = Path(unquote(urlsplit(made["storage_location"]).path))
        listed = pa.FixedSizeListArray.from_arrays(pa.array(vectors.ravel()), SIZE)
        rows = {
            "id": pa.array(range(ROWS), pa.int64()),
            "text": [f"row {number}" for number in range(ROWS)],
            "vector": listed.cast(pa.list_(pa.float32())),
        }
        write_deltalake(str(place), pa.table(rows), mode="append")
        base = "/api/2.0/vector-search"
        self.call("POST", f"{base}/endpoints", {"name": "bench", "endpoint_type": "STANDARD"})
        spec = {
            "source_table": TABLE,
            "pipeline_type": "TRIGGERED",
            "embedding_vector_columns": [{"name": "vector", "embedding_dimension": SIZE}],
        }
        index = {
            "name": INDEX,
            "endpoint_name": "bench",
            "primary_key": "id",
            "index_type": "DELTA_SYNC",
            "delta_sync_index_spec": spec,
        }
        began = time.monotonic()
        id = self.call("POST", f"{base}/indexes", index)["id"]
        while (status := self.call("GET", f"{base}/indexes/{INDEX}")["status"])[
            "detailed_state"
        ] != "ONLINE_NO_PENDING_UPDATE":
            if "FAILED" in status["detailed_state"] or time.monotonic() - began > READY_S:
                raise RuntimeError(f"the index is not ready: {status}")
            time.sleep(0.5)
        print(f"  synced in {time.monotonic() - began:.0f} s; {status.get('message', '')}")
        root = next(one for one in place.parents if one.name == catalog)
        return root / "indexes" / id

    def nearest(self, numbers: list[float]) -> list[int]:
        body = {"columns": ["id", "text"], "query_vector": numbers, "num_results": WANTED}
        answer = self.call("POST", f"/api/2.0/vector-search/indexes/{INDEX}/query", body)
        return [row[0] for row in answer["result"]["data_array"]]


def directly(folder: Path) -> Any:
    """The same search, as one would write it with LanceDB alone."""
    from brickyard.workspace.vector_search import handles
    from brickyard.workspace.vector_search.nearest import nearest
    from brickyard.workspace.vector_search.rows import Rows

    state = Rows(folder, "id", threading.Lock()).state
    runner = asyncio.Runner()  # LanceDB's calls for coroutines are quicker than those for threads
    table = runner.run(handles.waiting(folder))

    async def ask(numbers: list[float]) -> Any:
        query = nearest(table, state, numbers, "vector", "", WANTED)
        return (await query.select(["id", "text", "_distance"]).to_arrow()).to_pylist()

    return lambda numbers: runner.run(ask(numbers))


def made() -> tuple[Any, Any]:
    """Vectors, and questions of the same kind that are none of them."""
    import numpy as np

    rng = np.random.default_rng(0)
    spread = rng.standard_normal((LATENT, SIZE)).astype("f4")
    centres = rng.standard_normal((GROUPS, LATENT)).astype("f4")

    def some(count: int) -> Any:
        near = centres[rng.integers(0, GROUPS, count)]
        latent = near + 0.7 * rng.standard_normal((count, LATENT)).astype("f4")
        found = latent @ spread + 0.3 * rng.standard_normal((count, SIZE)).astype("f4")
        return found / np.linalg.norm(found, axis=1, keepdims=True)

    return some(ROWS), some(QUESTIONS)


def share(vectors: Any, asked: Any, found: list[list[int]]) -> float:
    """The share of the true neighbours that were found."""
    import numpy as np

    squares = (vectors * vectors).sum(axis=1)
    shares = []
    for vector, ids in zip(asked, found, strict=True):
        true = np.argpartition(squares - 2 * vectors @ vector, WANTED)[:WANTED]
        shares.append(len({*true.tolist()} & {*ids}) / WANTED)
    return sum(shares) / len(shares)

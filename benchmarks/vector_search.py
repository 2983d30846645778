"""Vector search: 100,000 vectors of 384 numbers, asked over HTTP, against LanceDB called directly.

The same rows, the same index of LanceDB, the same parameters and the same questions in turn: what
is left is authentication, authorization, HTTP and JSON. Recall is counted against an exact search.
The vectors are made as embeddings are: of 48 latent numbers, in 500 groups, with noise. One word of
the questions is in every row, another in nearly every one, which is what costs a search by words.
"""

from __future__ import annotations

import asyncio
import http.client
import json
import statistics
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit

from benchmarks.server import connection, workspace
from benchmarks.timing import Comparison, timed

ROWS, SIZE, LATENT, GROUPS = 100_000, 384, 48, 500
QUESTIONS = 200
WANTED = 10
WARMING = 5
WORDS = "the table"
READY_S = 900
INDEX, TABLE = "dev.default.bench_index", "dev.default.bench_vectors"
FLOATS = {"type": "array", "elementType": "float", "containsNull": True}


def comparisons() -> Iterator[Comparison]:
    vectors, asked = made()
    questions = [one.tolist() for one in asked]
    with workspace() as (host, token):
        place = Place(connection(host), token)
        direct = Direct(place.fill(vectors))
        print(f"  probes {direct.state.probes}")
        found: list[list[int]] = []
        near = pair(questions, lambda one: found.append(place.nearest(one)), direct.nearest)
        said = pair(questions, lambda _: place.said(), lambda _: direct.said())
        both = pair(questions, place.both, direct.both)
    recall = share(vectors, asked, found[-QUESTIONS:])
    yield compared(f"nearest {WANTED} of {ROWS:,} × {SIZE}, recall {recall:.3f}", *near)
    yield compared(f"{WANTED} of {ROWS:,} by words of nearly every row", *said)
    yield compared(f"{WANTED} of {ROWS:,} by such words and a vector", *both)


def pair(
    questions: Sequence[Any], mine: Callable[[Any], Any], other: Callable[[Any], Any]
) -> tuple[list[float], list[float]]:
    """Times of the same questions asked in turn."""
    asked = [*questions[:WARMING], *questions]
    times = [(timed(lambda one=one: other(one)), timed(lambda one=one: mine(one))) for one in asked]
    return [ours for _, ours in times[WARMING:]], [theirs for theirs, _ in times[WARMING:]]


def compared(what: str, mine: list[float], other: list[float]) -> Comparison:
    late = sorted(mine)[int(len(mine) * 0.95)]
    print(f"  {what}: p95 {late * 1000:.1f} ms")
    return Comparison(
        what=what,
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
            "text": [text(number) for number in range(ROWS)],
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
        return self._query(query_vector=numbers)

    def said(self) -> list[int]:
        return self._query(query_type="FULL_TEXT", query_text=WORDS)

    def both(self, numbers: list[float]) -> list[int]:
        return self._query(query_type="HYBRID", query_text=WORDS, query_vector=numbers)

    def _query(self, **given: Any) -> list[int]:
        body = {"columns": ["id", "text"], "num_results": WANTED, **given}
        answer = self.call("POST", f"/api/2.0/vector-search/indexes/{INDEX}/query", body)
        return [row[0] for row in answer["result"]["data_array"]]


class Direct:
    """The same searches, as one would write them with LanceDB alone."""

    def __init__(self, folder: Path) -> None:
        from brickyard.workspace.vector_search import handles
        from brickyard.workspace.vector_search.rows import Rows

        self.state = Rows(folder, "id", threading.Lock()).state
        # LanceDB's calls for coroutines are quicker than those for threads.
        self._runner = asyncio.Runner()
        self._table = self._runner.run(handles.waiting(folder))

    def nearest(self, numbers: list[float]) -> Any:
        return self._run(self._near(numbers, WANTED), "_distance")

    def said(self) -> Any:
        from lancedb.query import MatchQuery

        query = self._table.query().nearest_to_text(MatchQuery(WORDS, "text"))
        return self._run(query.limit(WANTED), "_score")

    def both(self, numbers: list[float]) -> Any:
        from lancedb.query import MatchQuery

        query = self._near(numbers, WANTED).nearest_to_text(MatchQuery(WORDS, "text"))
        return self._run(query)

    def _near(self, numbers: list[float], many: int) -> Any:
        from brickyard.workspace.vector_search.nearest import nearest

        return nearest(self._table, self.state, numbers, "vector", "", many)

    def _run(self, query: Any, *scores: str) -> Any:
        async def ask() -> Any:
            return (await query.select(["id", "text", *scores]).to_arrow()).to_pylist()

        return self._runner.run(ask())


def text(number: int) -> str:
    """A text of ordinary length; what is in it more often than not is what is asked for."""
    rare = " ".join(f"w{number * 7919 * step % 4999}" for step in range(1, 10))
    return f"row {number} {'of the' if number % 20 else 'from a'} table {rare}"


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

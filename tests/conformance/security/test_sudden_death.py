"""kill -9 at random moments while every engine is being written to, again and again.

What was acknowledged is there, what is listed is whole, and the server starts.
"""

from __future__ import annotations

import base64
import itertools
import random
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

import pytest

UC = "/api/2.1/unity-catalog"
KILLS = 14
LIMIT_S = 120.0
SEED = 20


@dataclass(slots=True)
class Promises:
    """What the server has acknowledged: a request, and what its answer must say ever after."""

    numbers: Iterator[int] = field(default_factory=itertools.count)
    kept: list[tuple[str, int, bytes]] = field(default_factory=list)

    def expect(self, path: str, status: int, part: str = "") -> None:
        self.kept.append((path, status, part.encode()))


def schema_made_and_dropped(wire: Any, promises: Promises, n: int) -> None:
    full_name = f"dev.s{n}"
    need(wire, "POST", f"{UC}/schemas", {"catalog_name": "dev", "name": f"s{n}"})
    if n % 2:
        volume = {"catalog_name": "dev", "schema_name": f"s{n}", "name": "v"}
        need(wire, "POST", f"{UC}/volumes", {**volume, "volume_type": "MANAGED"})
        promises.expect(f"{UC}/volumes/{full_name}.v", 200, full_name)
        file = f"/api/2.0/fs/files/Volumes/dev/s{n}/v/f.txt"
        need(wire, "PUT", file, f"content {n}".encode() * 1000)
        promises.expect(file, 200, f"content {n}")
    else:
        need(wire, "DELETE", f"{UC}/schemas/{full_name}?force=true", None)
        promises.expect(f"{UC}/schemas/{full_name}", 404)


def table_made_and_dropped(wire: Any, promises: Promises, n: int) -> None:
    names = {"catalog_name": "dev", "schema_name": "default", "name": f"t{n}"}
    column = {"name": "a", "type_text": "int", "type_name": "INT", "position": 0}
    column["type_json"] = '{"name":"a","type":"integer","nullable":true,"metadata":{}}'
    shape = {"table_type": "MANAGED", "data_source_format": "DELTA", "columns": [column]}
    got = wire.admin("POST", f"{UC}/tables", {**names, **shape})
    if got.status != 200:
        return  # tables are made through Spark; this way need not be open
    promises.expect(f"{UC}/tables/dev.default.t{n}", 200, f"t{n}")


def file_imported(wire: Any, promises: Promises, n: int) -> None:
    content = base64.b64encode(f"print({n})".encode()).decode()
    body = {"path": f"/Shared/f{n}.txt", "content": content, "format": "RAW"}
    need(wire, "POST", "/api/2.0/workspace/import", body)
    promises.expect(f"/api/2.0/workspace/export?path=/Shared/f{n}.txt", 200, content)


def group_made(wire: Any, promises: Promises, n: int) -> None:
    body = {"displayName": f"g{n}"}
    made = need(wire, "POST", "/api/2.0/preview/scim/v2/Groups", body)
    promises.expect(f"/api/2.0/preview/scim/v2/Groups/{made['id']}", 200, f"g{n}")


def secret_kept(wire: Any, promises: Promises, n: int) -> None:
    body = {"scope": "kept", "key": f"k{n}", "string_value": f"value {n}"}
    need(wire, "POST", "/api/2.0/secrets/put", body)
    value = base64.b64encode(f"value {n}".encode()).decode()
    promises.expect(f"/api/2.0/secrets/get?scope=kept&key=k{n}", 200, value)


def job_made_and_run(wire: Any, promises: Promises, n: int) -> None:
    condition = {"op": "EQUAL_TO", "left": "1", "right": "1"}
    task = {"task_key": "t", "condition_task": condition}
    made = need(wire, "POST", "/api/2.2/jobs/create", {"name": f"j{n}", "tasks": [task]})
    job = made["job_id"]
    promises.expect(f"/api/2.2/jobs/get?job_id={job}", 200, f"j{n}")
    entry = {"group_name": "users", "permission_level": "CAN_VIEW"}
    body = {"access_control_list": [entry]}
    need(wire, "PATCH", f"/api/2.0/permissions/jobs/{job}", body)
    promises.expect(f"/api/2.0/permissions/jobs/{job}", 200, "CAN_VIEW")
    run = need(wire, "POST", "/api/2.2/jobs/run-now", {"job_id": job})["run_id"]
    promises.expect(f"/api/2.2/jobs/runs/get?run_id={run}", 200, "TERMINATED")


def endpoint_made(wire: Any, promises: Promises, n: int) -> None:
    need(wire, "POST", "/api/2.0/serving-endpoints", {"name": f"e{n}"})
    body = {"add_tags": [{"key": "n", "value": f"tag {n}"}]}
    need(wire, "PATCH", f"/api/2.0/serving-endpoints/e{n}/tags", body)
    promises.expect(f"/api/2.0/serving-endpoints/e{n}", 200, f"tag {n}")


WRITES: tuple[Callable[[Any, Promises, int], None], ...] = (
    schema_made_and_dropped,
    table_made_and_dropped,
    file_imported,
    group_made,
    secret_kept,
    job_made_and_run,
    endpoint_made,
)


class Refused(AssertionError):
    """The living server did not do what it was asked."""


def need(wire: Any, method: str, path: str, body: Any) -> Any:
    got = wire.admin(method, path, body)
    if got.status >= 300:
        raise Refused(f"{method} {path}: {got.status} {got.body[:300]!r}")
    return got.json() if got.body else {}


def write_on(server: Any, promises: Promises, write: Any, faults: list[str]) -> None:
    """Until the server is dead."""
    from tests.conformance.security.conftest import Wire

    wire = Wire(server)
    try:
        while True:
            write(wire, promises, next(promises.numbers))
    except Refused as fault:
        faults.append(str(fault))
    except Exception:
        wire.close()  # the connection broke: the server was killed


def broken(wire: Any, promises: Promises) -> list[str]:
    """The promises that are not kept, and what is listed but not whole."""
    faults = []
    for path, status, part in promises.kept:
        got = wire.admin("GET", path)
        if got.status != status or part not in got.body:
            faults.append(f"{path}: {got.status} {got.body[:200]!r}")
    schemas = wire.admin("GET", f"{UC}/schemas?catalog_name=dev").json()["schemas"]
    for schema in schemas:
        name = schema["name"]
        query = f"catalog_name=dev&schema_name={name}"
        for kind in ("volumes", "tables", "models"):
            for one in wire.admin("GET", f"{UC}/{kind}?{query}").json().get(kind, ()):
                full_name = one.get("full_name") or f"dev.{name}.{one['name']}"
                got = wire.admin("GET", f"{UC}/{kind}/{full_name}")
                if got.status != 200:
                    faults.append(f"half of {kind} {full_name}: {got.body[:200]!r}")
    return faults


@pytest.mark.belief
@pytest.mark.slow
def test_nothing_acknowledged_is_lost_by_kills(own_workspace: Any) -> None:
    from tests.conformance.security.conftest import Wire

    moments, promises, faults = random.Random(SEED), Promises(), list[str]()
    began, kills = time.monotonic(), 0
    wire = Wire(own_workspace)
    need(wire, "POST", "/api/2.0/secrets/scopes/create", {"scope": "kept"})
    while kills < KILLS and time.monotonic() - began < LIMIT_S:
        before = len(promises.kept)
        writers = [
            threading.Thread(target=write_on, args=(own_workspace, promises, write, faults))
            for write in WRITES
        ]
        for one in writers:
            one.start()
        time.sleep(moments.uniform(0.02, 0.5))
        own_workspace.kill()
        kills += 1
        for one in writers:
            one.join(60)
        wire.close()
        own_workspace.start()
        wire = Wire(own_workspace)
        recent = Promises(kept=promises.kept[before:])
        assert not (faults + broken(wire, recent)), "\n".join(faults + broken(wire, recent))
    assert broken(wire, promises) == []
    assert len(promises.kept) > kills
    wire.close()
    assert "Traceback" not in (own_workspace.home / "logs" / "server.log").read_text()


@pytest.mark.belief
@pytest.mark.slow
def test_tracking_survives_a_kill(own_workspace: Any) -> None:
    from tests.conformance.security.conftest import Wire

    wire = Wire(own_workspace)
    base = "/api/2.0/mlflow"
    made = need(wire, "POST", f"{base}/experiments/create", {"name": "/Shared/killed"})
    start = {"experiment_id": made["experiment_id"], "start_time": 1}
    run = need(wire, "POST", f"{base}/runs/create", start)["run"]["info"]["run_id"]
    acknowledged = threading.Event()
    last = [0]

    def log_on() -> None:
        try:
            for n in itertools.count(1):
                body = {"run_id": run, "key": "m", "value": n, "timestamp": n, "step": n}
                need(wire, "POST", f"{base}/runs/log-metric", body)
                last[0] = n
                if n > 20:
                    acknowledged.set()
        except Exception:
            acknowledged.set()

    writer = threading.Thread(target=log_on)
    writer.start()
    acknowledged.wait(30)
    own_workspace.kill()
    writer.join(30)
    wire.close()
    own_workspace.start()
    wire = Wire(own_workspace)
    got = need(wire, "GET", f"{base}/runs/get?run_id={run}", None)
    (metric,) = got["run"]["data"]["metrics"]
    assert metric["value"] >= last[0] > 20
    wire.close()

"""How the server is and what it answers, in Brickyard's own words: for `status` and for deploys.

Not part of Databricks' API; the path says so.
"""

from __future__ import annotations

import resource
import sys
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from brickyard import __version__
from brickyard.workspace.jobs.settings import RUNNABLE
from brickyard.workspace.kernel import Call, Json, Route, invalid
from brickyard.workspace.processes import Enforcement, enforcement


def status(call: Call) -> Json:
    guard = enforcement()
    return {
        "version": __version__,
        "memory_bytes": memory_bytes(),
        "mlflow": call.engines.mlflow.state(),
        "spark_engines": call.engines.spark.engine_count(),
        "enforcement": describe(guard, call.engines.spark.open_door()),
        "enforced": guard.kind != "none",
    }


def describe(guard: Enforcement, open_door: str = "") -> str:
    if guard.kind == "none":
        return f"not enforced against arbitrary code: {guard.reason}"
    if open_door:
        return f"not enforced against code that finds the port of a Spark engine: {open_door}"
    return "catalogs are read-only on disk for tasks that may not write them (mount namespaces)"


def accesses(call: Call) -> Json:
    """What was really read and written from this workspace; others than administrators see their
    own. Times are in ms; `source` names the run, the warehouse or the service."""
    conditions: dict[str, Any] = {"workspace": call.workspace.name}
    for name in ("source", "principal", "full_name", "mode"):
        if call.query(name):
            conditions[name] = call.query(name)
    for name in ("since", "until"):
        if call.query(name):
            conditions[name] = _ms(name, call.query(name))
    if not call.principal.is_admin:
        conditions["principal"] = call.principal.user_name
    return call.page("accesses", call.engines.catalog.accesses(**conditions), asdict)


def _ms(name: str, text: str | None) -> int:
    try:
        return int(text or 0)
    except ValueError:
        raise invalid(f"{name} is no time in ms: {text!r}") from None


def memory_bytes() -> int:
    """Resident memory now; the peak where the platform tells no more."""
    try:
        for line in Path("/proc/self/status").read_text().splitlines():
            if line.startswith("VmRSS:"):
                return int(line.split()[1]) * 1024
    except OSError:
        pass
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak if sys.platform == "darwin" else peak * 1024


def routes_over(services: Sequence[Route]) -> tuple[Route, ...]:
    """The routes of this domain. One lists those of the services, and the task types that run."""
    listed = [
        {"method": route.method, "path": route.path, "fidelity": route.fidelity.value}
        for route in services
    ]
    told = {"routes": listed, "task_types": list(RUNNABLE)}
    return (
        Route("GET", "/api/2.0/brickyard/status", status),
        Route("GET", "/api/2.0/brickyard/routes", lambda call: told),
        Route("GET", "/api/2.0/brickyard/accesses", accesses),
    )

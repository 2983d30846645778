"""A workspace small enough to keep in one file on disk, for tests of order and of sudden death.

It speaks at the level of one HTTP call, without sockets, and survives the process that uses it: a
test forks a deploy, lets it die at a chosen call, and deploys again. What it answers is what the
planner needs; how a workspace behaves is tested against the real one in tests/acceptance.
"""

from __future__ import annotations

import json
import os
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, unquote

from brickyard.deploy.http import Answer, ApiFailure, Workspace, bearer

KILLED = 9
ROOT = "/Workspace/Users/jane@x/.bundle/demo/dev"
MakeProject = Callable[..., Any]
LOCK = threading.Lock()
HEADERS = {"x-databricks-org-id": "42"}


@dataclass(frozen=True, slots=True, kw_only=True)
class FakeWorkspace(Workspace):
    """`dies_at` ends the process at that call, before it has an effect or (`after`) after it."""

    disk: Path
    dies_at: int = 0
    after: bool = False
    refuses: Mapping[str, str] = field(default_factory=dict)
    forbids: tuple[str, ...] = ()
    calls: list[str] = field(default_factory=list)

    def send(
        self,
        method: str,
        path: str,
        *,
        query: Mapping[str, object] | None = None,
        content: bytes | None = None,
        headers: Mapping[str, str] | None = None,
        timeout_s: float | None = None,
    ) -> Answer:
        with LOCK:
            line = f"{method} {unquote(path)}"
            self.calls.append(line)
            is_last = self.dies_at == len(self.calls)
            if is_last and not self.after:
                os._exit(KILLED)
            world = json.loads(self.disk.read_text())
            self._refuse(line, content)
            try:
                answer = self._answer(world, method, path, dict(query or {}), content or b"")
                self.disk.write_text(json.dumps(world))
            finally:
                if is_last:
                    os._exit(KILLED)
        return Answer(
            200, HEADERS, answer if isinstance(answer, bytes) else json.dumps(answer).encode()
        )

    @property
    def world(self) -> dict[str, Any]:
        found: dict[str, Any] = json.loads(self.disk.read_text())
        return found

    def _refuse(self, line: str, content: bytes | None) -> None:
        if any(mark in line for mark in self.forbids):
            raise ApiFailure(
                status=403, code="PERMISSION_DENIED", message="no", method="", path=line
            )
        for mark, message in self.refuses.items():
            if mark in line + " " + (content or b"").decode(errors="replace"):
                raise ApiFailure(
                    status=400, code="INVALID_STATE", message=message, method="", path=line
                )

    def _answer(
        self, world: dict[str, Any], method: str, path: str, query: dict[str, Any], content: bytes
    ) -> Any:
        for mark, handler in HANDLERS:
            if path.startswith(mark):
                rest = unquote(path[len(mark) :]).strip("/")
                return handler(world, method, rest, query, content)
        raise ApiFailure(
            status=404, code="ENDPOINT_NOT_FOUND", message=path, method=method, path=path
        )


def fake_workspace(folder: Path, **options: Any) -> FakeWorkspace:
    disk = folder / "workspace.json"
    if not disk.exists():
        disk.write_text(
            json.dumps({"files": {}, "jobs": {}, "schemas": {}, "acls": {}, "next": 100})
        )
    return FakeWorkspace(host="https://fake", authorize=bearer("t"), disk=disk, **options)


def missing(what: str, method: str = "") -> ApiFailure:
    return ApiFailure(
        status=404,
        code="RESOURCE_DOES_NOT_EXIST",
        message=f"{what} does not exist",
        method=method,
        path="",
    )


def import_file(world: Any, method: str, rest: str, query: Any, content: bytes) -> Any:
    path = "/" + rest
    if query["overwrite"] is False and path in world["files"]:
        raise ApiFailure(
            status=409, code="RESOURCE_ALREADY_EXISTS", message="exists", method="", path=""
        )
    world["files"][path] = content.decode("latin-1")
    return {}


def workspace(world: Any, method: str, rest: str, query: Any, content: bytes) -> Any:
    body = json.loads(content or b"{}")
    files = world["files"]
    if rest == "mkdirs":
        return {}
    if rest == "export":
        if query["path"] not in files:
            raise missing(query["path"])
        return files[query["path"]].encode("latin-1")
    if rest == "get-status":
        for id, dashboard in world.get("dashboards", {}).items():
            file = f"{dashboard.get('parent_path')}/{dashboard['display_name']}.lvdash.json"
            if query["path"] == file:
                return {"object_id": 2, "path": query["path"], "resource_id": id}
        below = [name for name in files if name.startswith(query["path"])]
        if not below:
            raise missing(query["path"])
        return {"object_id": 1, "path": query["path"]}
    if rest == "list":
        return {"objects": [{"path": n} for n in files if n.startswith(query["path"] + "/")]}
    doomed = [name for name in files if name == body["path"] or name.startswith(body["path"] + "/")]
    if not doomed:
        raise missing(body["path"])
    for name in doomed:
        del files[name]
    return {}


def jobs(world: Any, method: str, rest: str, query: Any, content: bytes) -> Any:
    body = json.loads(content or b"{}")
    known = world["jobs"]
    if rest == "create":
        world["next"] += 1
        known[str(world["next"])] = body
        return {"job_id": world["next"]}
    if rest == "list":
        return {
            "jobs": [
                {"job_id": int(id), "settings": settings}
                for id, settings in known.items()
                if settings.get("name") == query.get("name")
            ]
        }
    rest, _, asked = rest.partition("?")
    if rest in ("run-now", "runs/get"):
        return runs(world, query or dict(parse_qsl(asked)), body)
    id = str(query.get("job_id") or body.get("job_id"))
    if id not in known:
        raise ApiFailure(
            status=400,
            code="INVALID_PARAMETER_VALUE",
            message=f"Job {id} does not exist.",
            method="",
            path="",
        )
    if rest == "get":
        return {"job_id": int(id), "settings": known[id]}
    if rest == "reset":
        known[id] = body["new_settings"]
    if rest == "delete":
        del known[id]
    return {}


def runs(world: Any, query: Any, body: Any) -> Any:
    """Runs that succeed at once; a token that is known gives the run it made."""
    known = world.setdefault("runs", {})
    if "run_id" in query:
        return known[str(query["run_id"])]
    tokens = world.setdefault("tokens", {})
    if body["idempotency_token"] not in tokens:
        world["next"] += 1
        state = {"life_cycle_state": "TERMINATED", "result_state": "SUCCESS"}
        run = {"run_id": world["next"], "job_id": body["job_id"], "state": state}
        given = (body.get("job_parameters") or {}).items()
        run["job_parameters"] = [{"name": name, "value": value} for name, value in given]
        known[str(world["next"])] = run
        tokens[body["idempotency_token"]] = world["next"]
    return {"run_id": tokens[body["idempotency_token"]]}


def schemas(world: Any, method: str, rest: str, query: Any, content: bytes) -> Any:
    body = json.loads(content or b"{}")
    known = world["schemas"]
    if method == "POST":
        name = f"{body['catalog_name']}.{body['name']}"
        if name in known:
            raise ApiFailure(
                status=409, code="SCHEMA_ALREADY_EXISTS", message=name, method="", path=""
            )
        known[name] = body | {"full_name": name, "owner": "me"}
        return known[name]
    if rest not in known:
        raise missing(rest)
    if method == "PATCH":
        known[rest] |= body
    if method == "DELETE":
        return known.pop(rest)
    return known[rest]


def dashboards(world: Any, method: str, rest: str, query: Any, content: bytes) -> Any:
    """Drafts whose etag counts their versions, and what is published of them."""
    body = json.loads(content or b"{}")
    known = world.setdefault("dashboards", {})
    id, _, part = rest.partition("/")
    if method == "POST" and not id:
        world["next"] += 1
        id = f"dash{world['next']}"
        known[id] = {**body, "dashboard_id": id, "etag": "1", "lifecycle_state": "ACTIVE"}
        return known[id]
    if not id:
        return {"dashboards": list(known.values())}
    if id not in known:
        raise missing(id)
    if part == "published":
        return {"embed_credentials": False}
    if method == "PATCH":
        known[id] |= {**body, "etag": str(int(known[id]["etag"]) + 1)}
    if method == "DELETE":
        return known.pop(id)
    return known[id]


def grants(world: Any, method: str, rest: str, query: Any, content: bytes) -> Any:
    held = world.setdefault("grants", {}).setdefault(rest, {})
    for change in json.loads(content or b"{}").get("changes", ()):
        removed = set(change.get("remove") or ())
        mine = set() if "ALL_PRIVILEGES" in removed else set(held.get(change["principal"], ()))
        held[change["principal"]] = sorted((mine - removed) | set(change.get("add") or ()))
    entries = [{"principal": who, "privileges": may} for who, may in held.items() if may]
    return {"privilege_assignments": entries}


def endpoints(world: Any, method: str, rest: str, query: Any, content: bytes) -> Any:
    """An endpoint serves a model version that is among `versions`."""
    body = json.loads(content or b"{}")
    known = world.setdefault("endpoints", {})
    if method == "POST":
        for entity in body["config"]["served_entities"]:
            if entity["entity_version"] not in world.get("versions", ()):
                raise missing(f"Version {entity['entity_version']}", method)
        known[body["name"]] = {**body, "id": "e1", "state": {"config_update": "NOT_UPDATING"}}
        return known[body["name"]]
    if rest not in known:
        raise missing(rest)
    return known[rest]


def permissions(world: Any, method: str, rest: str, query: Any, content: bytes) -> Any:
    if method == "PUT":
        world["acls"][rest] = json.loads(content)["access_control_list"]
    return {
        "object_id": rest,
        "access_control_list": [
            {
                **{k: v for k, v in entry.items() if k != "permission_level"},
                "all_permissions": [{"permission_level": entry["permission_level"]}],
            }
            for entry in world["acls"].get(rest, [])
        ],
    }


def served(world: Any, method: str, rest: str, query: Any, content: bytes) -> Any:
    """What the embedded workspace tells about itself."""
    routes = [("POST", "/api/2.2/jobs/create"), ("POST", "/api/2.1/unity-catalog/schemas")]
    return {
        "routes": [{"method": verb, "path": path} for verb, path in routes],
        "task_types": ["notebook_task", "for_each_task"],
    }


HANDLERS: tuple[tuple[str, Callable[..., Any]], ...] = (
    ("/api/2.0/brickyard/routes", served),
    ("/api/2.0/workspace-files/import-file/", import_file),
    ("/api/2.0/workspace/", workspace),
    ("/api/2.2/jobs/", jobs),
    ("/api/2.1/unity-catalog/schemas", schemas),
    ("/api/2.0/permissions/", permissions),
    ("/api/2.1/unity-catalog/permissions/", grants),
    ("/api/2.0/serving-endpoints", endpoints),
    ("/api/2.0/lakeview/dashboards", dashboards),
    ("/api/2.0/preview/scim/v2/Me", lambda *_: {"userName": "jane@x"}),
)

"""The REST calls of one resource, made from its declaration. Nothing here decides; it does.

Also: reading a resource as it is, and waiting until it can be used.
"""

from __future__ import annotations

import json
import re
import time
import uuid
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final
from urllib.parse import quote

from brickyard.deploy.http import ApiFailure, Json, Workspace, segment
from brickyard.deploy.plan import Actual
from brickyard.deploy.references import field_of
from brickyard.resources import AccessType, Call, ResourceType, Wait

FIRST_PAUSE_S: Final = 0.1
LONGEST_PAUSE_S: Final = 5.0
RETRY_S: Final = 15 * 60.0
OPERATION_S: Final = 60 * 60.0
MAX_WAIT: Final = "DATABRICKS_BUNDLE_RESOURCE_MAX_WAIT"
NOTHING_TO_UPDATE: Final = "nothing to update"


class NotReady(Exception):
    """The resource was made or changed, and did not become usable."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Caller:
    """Makes the calls of declarations against one workspace."""

    workspace: Workspace
    sleep: Callable[[float], None] = time.sleep
    max_wait_s: float | None = None  # what is not ready by then is left to itself, with a warning
    warn: Callable[[str], None] = lambda _: None

    def create(self, kind: ResourceType, desired: Json, *, token: str = "") -> tuple[str, Json]:
        """Make it; its id and the answer. Of a type with tokens once per token and request."""
        if kind.token:
            salt = uuid.UUID(token) if token else uuid.uuid4()
            request = _body(kind.create, kind, desired, {}, "")
            known_by = uuid.uuid5(salt, json.dumps(request, sort_keys=True))
            desired = {**desired, kind.token: str(known_by)}
        try:
            answer = self._make(kind.create, kind, desired, {}, "") or {}
        except ApiFailure as failure:
            folder = desired.get(kind.folder_field) if kind.folder_field else None
            if not folder or not _misses_folder(failure):
                raise
            self.workspace.post("/api/2.0/workspace/mkdirs", {"path": folder})
            answer = self._make(kind.create, kind, desired, {}, "") or {}
        return kind.id(desired, answer), answer

    def follow(self, kind: ResourceType, id: str, desired: Json) -> None:
        """The calls that follow a create or an update."""
        for call in kind.after:
            self._make(call, kind, desired, {}, id)

    def read(
        self, kind: ResourceType, id: str, *, missing: Callable[[str], None] = lambda _: None
    ) -> Actual | None:
        """The resource as it is now, or None when it is gone: `missing` hears what was said."""
        query = {name: text.replace("{id}", id) for name, text in kind.read.query.items()}
        path = _path(kind.read.path, kind, id, {})
        try:
            whole = self.workspace.get(path, query)
            if kind.read.pick is not None:
                picked = kind.read.pick(whole, id)
                if picked is None:
                    return None
                whole = picked
            token = whole.get(kind.read.page_token) if kind.read.page_token else None
            while token:
                page = self.workspace.get(path, {**query, "page_token": token})
                for name in kind.read.page_lists:
                    _extend(whole, name, page)
                token = page.get(kind.read.page_token)
        except ApiFailure as failure:
            if failure.is_missing or _says_missing(kind, failure):
                missing(failure.message)
                return None
            raise
        if kind.read.is_gone is not None and kind.read.is_gone(whole):
            return None
        whole |= self._beside(kind.read.also, kind, id, whole)
        configuration = dict(kind.read.configuration(whole))
        record = dict(kind.read.record(whole))
        if kind.power is not None and (is_on := kind.power.is_on(whole)) is not None:
            configuration["lifecycle"] = record["lifecycle"] = {"started": is_on}
        return Actual(configuration=configuration, whole=record)

    def update(
        self, kind: ResourceType, id: str, desired: Json, recorded: Json, changed: frozenset[str]
    ) -> Json:
        """The calls that the changed fields need, in order; the last answer."""
        tops = {_top(path) for path in changed}
        answer: Json = {}
        for call in kind.update:
            if (call.when and not tops & set(call.when)) or tops <= set(call.unless_only):
                continue
            if call.await_ready:
                self.wait(kind.wait, id)
            try:
                answer = self._make(call, kind, desired, recorded, id, changed) or answer
            except ApiFailure as failure:
                if NOTHING_TO_UPDATE not in failure.message.lower():
                    raise
        return answer

    def switch(
        self, kind: ResourceType, id: str, desired: Json, *, was_on: bool | None, is_edited: bool
    ) -> None:
        """Start or stop it as `lifecycle.started` wants; without that, leave it."""
        wanted = (desired.get("lifecycle") or {}).get("started")
        power = kind.power
        if power is None or wanted is None:
            return
        if is_edited and power.edit_starts:
            was_on = True
        if bool(wanted) is not bool(was_on):
            self._make(power.start if wanted else power.stop, kind, desired, {}, id)
        if wanted and power.deploy is not None:
            self._make(power.deploy, kind, desired, {}, id)

    def resize(self, kind: ResourceType, id: str, desired: Json, recorded: Json) -> None:
        """Change the size of what is running; where that is refused, edit it."""
        assert kind.resize is not None
        try:
            self._make(kind.resize, kind, desired, recorded, id)
        except ApiFailure as failure:
            if failure.code != "INVALID_STATE":
                raise
            self.update(kind, id, desired, recorded, frozenset(desired))

    def rename(self, kind: ResourceType, id: str, desired: Json, recorded: Json) -> str:
        """Change name and fields in one go; the new id."""
        assert kind.rename is not None
        answer = self._make(kind.rename, kind, desired, recorded, id) or {}
        return kind.id(desired, answer)

    def delete(self, kind: ResourceType, id: str, recorded: Json) -> None:
        """Remove it and wait until its name is free; gone already is fine.

        What the service says of it when the caller may not delete it is passed on (403).
        """
        try:
            if kind.cancel is not None:
                self._cancel(kind.cancel, kind, id)
            self._make(kind.delete, kind, recorded, recorded, id)
        except ApiFailure as failure:
            if failure.is_missing or failure.is_managed_by_parent:
                return
            if failure.is_forbidden or not self._is_gone(kind, id):
                raise
        if kind.settle is not None:
            self.wait(kind.settle, id, until_gone=True)

    def _cancel(self, call: Call, kind: ResourceType, id: str) -> None:
        """End what goes on, as only what has ended can be deleted."""
        found = self.read(kind, id)
        if found is not None and not kind.has_ended(found.whole):
            self._make(call, kind, {}, {}, id)

    def _is_gone(self, kind: ResourceType, id: str) -> bool:
        """Whether a refused delete was of something that is not there; False if none can tell."""
        try:
            return self.read(kind, id) is None
        except ApiFailure:
            return False

    def wait(self, wait: Wait | None, id: str, *, until_gone: bool = False) -> None:
        """Poll until ready. Raises `NotReady` on failure or when the type's own time is up."""
        if wait is None:
            return
        self._await(wait, wait.path.replace("{id}", segment(id)), until_gone=until_gone)

    def _await(self, wait: Wait, path: str, *, until_gone: bool = False) -> None:
        limit_s: float = wait.timeout_s
        if self.max_wait_s is not None and self.max_wait_s < limit_s:
            limit_s = self.max_wait_s
        is_capped = limit_s < wait.timeout_s
        if is_capped and not limit_s:
            self.warn(f"Not waiting for {path} ({MAX_WAIT}=0); it may still be in progress")
            return
        give_up_at, pause_s = time.monotonic() + limit_s, FIRST_PAUSE_S
        while True:
            try:
                seen = self.workspace.get(path)
            except ApiFailure as failure:
                if until_gone and failure.is_missing:
                    return
                raise
            said = str(_at(seen, wait.message) or "") if wait.message else ""
            if any(str(_at(seen, path)) in values for path, values in wait.failed.items()):
                states = ", ".join(f"{path} is {_at(seen, path)}" for path in wait.failed)
                raise NotReady(said or states)
            if not until_gone and all(
                str(_at(seen, path)) in values for path, values in wait.ready.items()
            ):
                return
            if time.monotonic() > give_up_at and is_capped:
                self.warn(
                    f"Stopped waiting for {path} after {limit_s:.0f} s ({MAX_WAIT}); it may still"
                    " be in progress"
                )
                return
            if time.monotonic() > give_up_at:
                states = ", ".join(f"{path} is {_at(seen, path)}" for path in wait.ready)
                raise NotReady(f"not ready after {limit_s:.0f} s ({said or states})")
            self.sleep(pause_s)
            pause_s = min(pause_s * 1.5, LONGEST_PAUSE_S)

    def read_access(self, access: AccessType, id: str) -> Actual | None:
        """Permissions or grants as they are, in the written form."""
        try:
            whole = self.workspace.get(access.read(id))
            entries = access.entries(whole)
            token = whole.get(access.page_token) if access.page_token else None
            while token:
                page = self.workspace.get(access.read(id), {"page_token": token})
                entries += access.entries(page)
                token = page.get(access.page_token)
        except ApiFailure as failure:
            if failure.is_missing:
                return None
            raise
        return Actual(configuration=entries, whole=access.state(id, entries))

    def write_access(self, access: AccessType, id: str, desired: list[Json]) -> None:
        """Make the entries exactly these."""
        found = self.read_access(access, id)
        for method, path, body in access.calls(id, desired, found.configuration if found else []):
            try:
                self.workspace.call(method, path, body=body)
            except ApiFailure as failure:
                if not (failure.is_missing and path.endswith("/delete")):
                    raise

    def _make(
        self,
        call: Call,
        kind: ResourceType,
        desired: Json,
        recorded: Json,
        id: str,
        changed: frozenset[str] = frozenset(),
    ) -> Json | None:
        body = _body(call, kind, desired, recorded, id)
        query = _query(call, desired, id)
        if call.mask:
            names = sorted(
                {call.mask + _top(p) for p in changed} - {call.mask + n for n in kind.unsent}
            )
            if not names:
                return None
            query["update_mask"] = ",".join(names)
        if body is None:
            return None
        sent = None if call.method in ("GET", "DELETE") and not body else body
        path = _path(call.path, kind, id, desired)
        answer = self._repeated(call, path, query, sent)
        if call.operation:
            answer = self._finished(call.operation, answer)
        if call.then is not None:
            self._await(call.then, _path(call.then.path, kind, id, answer))
        return answer | self._beside(call.also, kind, id, answer) if call.also else answer

    def _beside(self, also: Mapping[str, str], kind: ResourceType, id: str, whole: Json) -> Json:
        """What further GETs know of a resource; nothing where they find nothing."""
        found: Json = {}
        for name, path in also.items():
            try:
                found[name] = self.workspace.get(_path(path, kind, id, whole))
            except ApiFailure as failure:
                if not failure.is_missing:
                    raise
        return found

    def _repeated(
        self, call: Call, path: str, query: Mapping[str, object], body: Json | None
    ) -> Json:
        """The call, again while it is refused for a reason that goes away."""
        give_up_at, pause_s = time.monotonic() + RETRY_S, FIRST_PAUSE_S
        while True:
            try:
                return self.workspace.call(call.method, path, query=query, body=body)
            except ApiFailure as failure:
                passing = call.retry_on and re.search(call.retry_on, failure.message)
                if not passing or time.monotonic() > give_up_at:
                    raise
            self.sleep(pause_s)
            pause_s = min(pause_s * 1.5, LONGEST_PAUSE_S)

    def _finished(self, path: str, operation: Json) -> Json:
        """What a long-running operation made, once it is done."""
        give_up_at, pause_s = time.monotonic() + OPERATION_S, FIRST_PAUSE_S
        while not operation.get("done"):
            if time.monotonic() > give_up_at:
                raise NotReady(f"operation {operation.get('name')} is still running")
            self.sleep(pause_s)
            pause_s = min(pause_s * 1.5, LONGEST_PAUSE_S)
            operation = self.workspace.get(f"{path}/{operation['name']}")
        if failed := operation.get("error"):
            raise NotReady(str(failed.get("message") or failed))
        return dict(operation.get("response") or {})


def revive(workspace: Workspace, kind: ResourceType, desired: Json) -> str | None:
    """Bring back an object deleted before, which still holds the name; its id, or None.

    MLflow only marks experiments as deleted: after a destroy, the next deploy finds its own there.
    """
    if kind.key != "experiments":
        return None
    try:
        found = workspace.get(
            "/api/2.0/mlflow/experiments/get-by-name", {"experiment_name": desired.get("name")}
        )["experiment"]
        if found.get("lifecycle_stage") != "deleted":
            return None
        id = str(found["experiment_id"])
        workspace.post("/api/2.0/mlflow/experiments/restore", {"experiment_id": id})
    except ApiFailure as failure:
        if failure.is_missing:
            return None
        raise
    return id


def _says_missing(kind: ResourceType, failure: ApiFailure) -> bool:
    return bool(kind.read.missing) and re.search(kind.read.missing, failure.message) is not None


def _body(call: Call, kind: ResourceType, desired: Json, recorded: Json, id: str) -> Json | None:
    if call.body is not None:
        return call.body(desired, recorded, id)
    names = (
        [name for name in desired if name not in kind.local and name not in kind.unsent]
        if call.fields is None
        else [name for name in call.fields if name in desired]
    )
    body: Json = {call.rename.get(name, name): desired[name] for name in names}
    if call.wrap:
        body = {call.wrap: body}
    if call.id_field:
        body[call.id_field] = int(id) if call.id_is_number else id
    return body | dict(call.constants)


def _query(call: Call, desired: Json, id: str) -> dict[str, object]:
    """The query; a part whose field is not set is left out."""
    query: dict[str, object] = {}
    for name, text in call.query.items():
        if not isinstance(text, str):
            query[name] = text(desired)
        elif text.startswith("{") and text != "{id}":
            if (value := desired.get(text[1:-1])) not in (None, ""):
                query[name] = value
        else:
            query[name] = text.replace("{id}", id)
    return query


def _path(pattern: str, kind: ResourceType, id: str, data: Json) -> str:
    """A path with id and fields in it, percent-encoded but for ids that are paths themselves."""
    whole = quote(id) if kind.id_is_path else segment(id)

    def value(match: re.Match[str]) -> str:
        return whole if match[1] == "id" else quote(str(data.get(match[1], "")), safe="/")

    return re.sub(r"\{(\w+)\}", value, pattern)


def _top(path: str) -> str:
    """The top-level field of a change's path."""
    return re.split(r"[.\[]", path, maxsplit=1)[0]


def _misses_folder(failure: ApiFailure) -> bool:
    """The workspace folder that was named is not there."""
    said = failure.message
    return failure.status == 404 or ("Tree node with path" in said and "does not exist" in said)


def _at(data: Mapping[str, Any], path: str) -> Any:
    try:
        return field_of(data, path)
    except KeyError:
        return None


def _extend(whole: Json, name: str, page: Json) -> None:
    *above, last = re.split(r"\.", name)
    here, there = whole, page
    for part in above:
        here, there = here.setdefault(part, {}), there.get(part) or {}
    here[last] = [*(here.get(last) or ()), *(there.get(last) or ())]

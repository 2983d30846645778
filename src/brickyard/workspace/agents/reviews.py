"""Review apps: which agents people try and label, the labels asked for, and labeling sessions.

One review app an experiment, whose permissions count. A labeling session is a run of the
experiment, to which the client links the traces to be labeled; each trace or dataset record is an
item. Follows the rest entities of the `databricks-agents` package.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from brickyard.workspace.kernel import Store, invalid, not_found, now_ms
from brickyard.workspace.kernel.clock import instant
from brickyard.workspace.kernel.documents import Document, Documents, document_table

APPS = document_table("agents_review_apps")
SESSIONS = document_table("agents_labeling_sessions")
ITEMS = document_table("agents_labeling_items")
STATES = ("PENDING", "IN_PROGRESS", "COMPLETED", "SKIPPED")
APP_PARTS = ("agents", "labeling_schemas")
SESSION_PARTS = ("name", "assigned_users", "agent", "labeling_schemas", "additional_configs")


class Reviews:
    """Knows nothing of permissions: the routes ask for those of the experiment."""

    def __init__(self, store: Store) -> None:
        self._apps = Documents(store, APPS, "Review app")
        self._sessions = Documents(store, SESSIONS, "Labeling session")
        self._items = Documents(store, ITEMS, "Labeling item")

    def create(
        self, workspace: str, creator: str, experiment: str, given: Mapping[str, Any]
    ) -> Document:
        """Raises RESOURCE_ALREADY_EXISTS: an experiment has one at most."""
        body = {name: given.get(name) or [] for name in APP_PARTS}
        return self._apps.add(workspace, experiment, body, creator=creator, unique_name=True)

    def apps(self, workspace: str, experiment: str = "") -> list[Document]:
        found = self._apps.all(workspace)
        return [one for one in found if not experiment or one.name == experiment]

    def app(self, workspace: str, id: str) -> Document:
        return self._apps.get(workspace, id)

    def change(
        self, workspace: str, id: str, given: Mapping[str, Any], parts: Iterable[str]
    ) -> Document:
        changes = _chosen(given, parts, APP_PARTS)
        return self._apps.change(workspace, id, lambda now: {**now.body, **changes})

    def begin(
        self, workspace: str, creator: str, app: str, run: str, given: Mapping[str, Any]
    ) -> Document:
        """A labeling session, whose run in the experiment is there already."""
        body = {name: given[name] for name in SESSION_PARTS if given.get(name) is not None}
        return self._sessions.add(
            workspace, app, {"assigned_users": [], **body, "mlflow_run_id": run}, creator=creator
        )

    def sessions(self, workspace: str, app: str) -> list[Document]:
        return [one for one in self._sessions.all(workspace) if one.name == app]

    def session(self, workspace: str, app: str, id: str) -> Document:
        found = self._sessions.get(workspace, id)
        if found.name != app:
            raise not_found(f"Labeling session {id} does not exist")
        return found

    def change_session(
        self, workspace: str, app: str, id: str, given: Mapping[str, Any], parts: Iterable[str]
    ) -> Document:
        self.session(workspace, app, id)
        changes = _chosen(given, parts, SESSION_PARTS)
        return self._sessions.change(workspace, id, lambda now: {**now.body, **changes})

    def end(self, workspace: str, app: str, id: str) -> None:
        self.session(workspace, app, id)
        for item in self.items(workspace, id):
            self._items.remove(workspace, item.id)
        self._sessions.remove(workspace, id)

    def items(self, workspace: str, session: str) -> list[Document]:
        return [one for one in self._items.all(workspace) if one.name == session]

    def add_items(
        self, workspace: str, creator: str, session: str, given: Iterable[Any]
    ) -> list[Document]:
        sources = [_source(one) for one in given]
        return [
            self._items.add(
                workspace,
                session,
                {"source": one, "state": STATES[0], "chat_rounds": [one], "by": creator},
                creator=creator,
            )
            for one in sources
        ]

    def change_item(
        self, workspace: str, user: str, session: str, id: str, given: Mapping[str, Any]
    ) -> Document:
        """Its `state`, as the reviewer goes on."""
        found = self._items.get(workspace, id)
        if found.name != session:
            raise not_found(f"Labeling item {id} does not exist")
        state = given.get("state")
        if state not in STATES:
            raise invalid(f"state must be one of {', '.join(STATES)}, not {state!r}")
        return self._items.change(
            workspace, id, lambda now: {**now.body, "state": state, "by": user}
        )


def show_app(one: Document) -> dict[str, Any]:
    return {"review_app_id": one.id, "experiment_id": one.name, **one.body}


def show_session(one: Document) -> dict[str, Any]:
    return {
        "labeling_session_id": one.id,
        "create_time": instant(one.created_ms),
        "created_by": one.creator,
        "last_update_time": instant(one.updated_ms),
        **one.body,
    }


def show_item(one: Document) -> dict[str, Any]:
    shown = {name: value for name, value in one.body.items() if name != "by"}
    return {
        "item_id": one.id,
        "create_time": instant(one.created_ms),
        "created_by": one.creator,
        "last_update_time": instant(one.updated_ms or now_ms()),
        "last_updated_by": one.body["by"],
        **shown,
    }


def _chosen(
    given: Mapping[str, Any], parts: Iterable[str], known: tuple[str, ...]
) -> dict[str, Any]:
    wanted = list(parts) or [name for name in known if name in given]
    unknown = [name for name in wanted if name not in known]
    if unknown:
        raise invalid(f"update_mask names {unknown[0]!r}; it may name {', '.join(known)}")
    return {name: given.get(name) for name in wanted}


def _source(given: Any) -> dict[str, Any]:
    """A trace or a record of a dataset."""
    source = given.get("source") if isinstance(given, dict) else None
    if isinstance(source, dict):
        if isinstance(source.get("trace_id"), str):
            return {"trace_id": source["trace_id"]}
        record = source.get("dataset_record")
        if isinstance(record, dict) and {"dataset_id", "dataset_record_id"} <= record.keys():
            return {"dataset_record": dict(record)}
    raise invalid("each item needs a source: a trace_id, or a dataset_record")

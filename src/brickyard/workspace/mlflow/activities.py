"""Requests to move a version to another stage, and comments on versions: of the older registry.

Kept by the number of the model, so that they survive its renaming and go with it.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from brickyard.workspace.kernel import (
    ApiError,
    Document,
    Documents,
    Principal,
    Store,
    WorkspaceInfo,
    document_table,
    invalid,
    not_found,
    now_ms,
)

REQUESTS = document_table("mlflow_transition_requests")
COMMENTS = document_table("mlflow_version_comments")
STAGES: Final[Mapping[str, str]] = {
    one.lower(): one for one in ("None", "Staging", "Production", "Archived")
}


def stage(given: str) -> str:
    """The stage's name as it is written. Raises INVALID_PARAMETER_VALUE."""
    found = STAGES.get(given.lower())
    if found is None:
        raise invalid(f"Invalid stage {given!r}: one of {', '.join(STAGES.values())} is expected")
    return found


class Activities:
    def __init__(self, store: Store) -> None:
        self._requests = Documents(store, REQUESTS, "Transition request")
        self._comments = Documents(store, COMMENTS, "Comment")

    # -- requests ------------------------------------------------------------------------------

    def ask(
        self,
        principal: Principal,
        workspace: WorkspaceInfo,
        model: str,
        version: str,
        to_stage: str,
        comment: str,
    ) -> Document:
        """Somebody's request; one for each version and stage."""
        name = _name(model, version, to_stage, principal.user_name)
        body = {"model": model, "version": version, "to_stage": to_stage, "comment": comment}
        try:
            return self._requests.add(
                workspace.name, name, body, creator=principal.user_name, id=name
            )
        except ApiError:
            raise ApiError(
                "RESOURCE_ALREADY_EXISTS",
                f"{principal.user_name} has already requested the transition to {to_stage}",
            ) from None

    def open(self, workspace: WorkspaceInfo, model: str, version: str) -> list[Document]:
        """The requests about a version, oldest first."""
        return [
            one
            for one in self._requests.all(workspace.name)
            if (one.body["model"], one.body["version"]) == (model, version)
        ]

    def settle(
        self, workspace: WorkspaceInfo, model: str, version: str, to_stage: str, creator: str = ""
    ) -> list[Document]:
        """End the requests for a stage, of one person or of all. Raises when there is none."""
        found = [
            one
            for one in self.open(workspace, model, version)
            if one.body["to_stage"] == to_stage and creator in ("", one.creator)
        ]
        if not found:
            raise not_found(f"There is no request to move version {version} to {to_stage}")
        for one in found:
            self._requests.remove(workspace.name, one.id)
        return found

    # -- comments ------------------------------------------------------------------------------

    def say(
        self, principal: Principal, workspace: WorkspaceInfo, model: str, version: str, text: str
    ) -> Document:
        body = {"model": model, "version": version, "comment": text}
        return self._comments.add(workspace.name, model, body, creator=principal.user_name)

    def comment(self, workspace: WorkspaceInfo, id: str) -> Document:
        return self._comments.get(workspace.name, id)

    def reword(self, workspace: WorkspaceInfo, id: str, text: str) -> Document:
        return self._comments.change(
            workspace.name, id, lambda before: {**before.body, "comment": text}
        )

    def unsay(self, workspace: WorkspaceInfo, id: str) -> None:
        self._comments.remove(workspace.name, id)

    def forget(self, workspace: WorkspaceInfo, model: str) -> None:
        """Everything about a model that is gone."""
        for kept in (self._requests, self._comments):
            for one in kept.all(workspace.name):
                if one.body["model"] == model:
                    kept.remove(workspace.name, one.id)


def shown_request(one: Document, actions: list[str]) -> dict[str, Any]:
    """TransitionRequest."""
    found = {
        "creation_timestamp": one.created_ms,
        "user_id": one.creator,
        "to_stage": one.body["to_stage"],
        "available_actions": actions,
    }
    return {**found, "comment": one.body["comment"]} if one.body["comment"] else found


def shown_comment(one: Document, actions: list[str]) -> dict[str, Any]:
    """CommentObject."""
    return {
        "id": one.id,
        "user_id": one.creator,
        "comment": one.body["comment"],
        "creation_timestamp": one.created_ms,
        "last_updated_timestamp": one.updated_ms,
        "available_actions": actions,
    }


def activity(
    kind: str, one: Document, principal: Principal, from_stage: str, comment: str
) -> dict[str, Any]:
    """Activity: what somebody just did with a request."""
    now = now_ms()
    found = {
        "id": one.id,
        "activity_type": kind,
        "user_id": principal.user_name,
        "from_stage": from_stage,
        "to_stage": one.body["to_stage"],
        "creation_timestamp": now,
        "last_updated_timestamp": now,
    }
    return {**found, "comment": comment} if comment else found


def _name(*parts: str) -> str:
    return "/".join(parts)

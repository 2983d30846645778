"""Which agents were deployed where: what `databricks.agents.deploy` notes beside the endpoint.

A deployment is one version of a model behind one served entity. Who manages its endpoint manages
it; who sees the endpoint sees it. Instructions and artifacts for reviewers are kept by model.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from brickyard.workspace.kernel import (
    ApiError,
    Principal,
    Store,
    WorkspaceInfo,
    denied,
    not_found,
)
from brickyard.workspace.kernel.documents import Document, Documents, document_table

if TYPE_CHECKING:
    from brickyard.workspace.serving.engine import ServingEngine

DEPLOYMENTS = document_table("agents_deployments")
REVIEWS = document_table("agents_model_reviews")


class AgentsEngine:
    def __init__(self, store: Store, *, serving: ServingEngine) -> None:
        self._serving = serving
        self._deployments = Documents(store, DEPLOYMENTS, "Deployment")
        self._reviews = Documents(store, REVIEWS, "Review of model")

    def start(self) -> None:
        """Nothing: everything is at rest."""

    def stop(self) -> None:
        """Nothing."""

    def add(
        self, principal: Principal, workspace: WorkspaceInfo, given: Mapping[str, Any]
    ) -> Document:
        """Note a deployment, or note it again. The endpoint has to exist."""
        self._serving.find(principal, workspace, given["endpoint_name"], "CAN_MANAGE")
        id = _id(given["model_name"], given["model_version"])
        if self._deployments.find(workspace.name, id) is not None:
            return self._deployments.change(workspace.name, id, lambda _: given)
        return self._deployments.add(
            workspace.name, given["model_name"], given, creator=principal.user_name, id=id
        )

    def visible(
        self, principal: Principal, workspace: WorkspaceInfo, model: str = "", version: str = ""
    ) -> list[Document]:
        """Oldest first; of one model, or of one version of it."""
        return [
            one
            for one in self._deployments.all(workspace.name)
            if (not model or one.name == model)
            and (not version or one.body["model_version"] == version)
            and self._may(principal, workspace, one, "CAN_VIEW")
        ]

    def remove(
        self, principal: Principal, workspace: WorkspaceInfo, model: str, version: str = ""
    ) -> None:
        found = self.visible(principal, workspace, model, version)
        if not found:
            raise not_found(f"Deployments for model {model} do not exist")
        for one in found:
            if not self._may(principal, workspace, one, "CAN_MANAGE"):
                raise denied(f"{principal.user_name} cannot manage the deployment of {model}")
        for one in found:
            self._deployments.remove(workspace.name, one.id)

    def review(
        self, principal: Principal, workspace: WorkspaceInfo, model: str
    ) -> Mapping[str, Any]:
        """`instructions` and `artifacts` of a model that is deployed."""
        if not self.visible(principal, workspace, model):
            raise not_found(f"Deployments for model {model} do not exist")
        found = self._reviews.find(workspace.name, model)
        return found.body if found else {}

    def instruct(
        self, principal: Principal, workspace: WorkspaceInfo, model: str, text: str
    ) -> None:
        self._change_review(principal, workspace, model, {"instructions": text})

    def attach(
        self, principal: Principal, workspace: WorkspaceInfo, model: str, artifacts: Sequence[str]
    ) -> None:
        """Add artifacts to those there are."""
        before = self.review(principal, workspace, model).get("artifacts", [])
        merged = list(dict.fromkeys([*before, *artifacts]))
        self._change_review(principal, workspace, model, {"artifacts": merged})

    def _change_review(
        self, principal: Principal, workspace: WorkspaceInfo, model: str, change: Mapping[str, Any]
    ) -> None:
        found = self.visible(principal, workspace, model)
        if not found:
            raise not_found(f"Deployments for model {model} do not exist")
        if not any(self._may(principal, workspace, one, "CAN_MANAGE") for one in found):
            raise denied(f"{principal.user_name} cannot manage a deployment of {model}")
        if self._reviews.find(workspace.name, model) is None:
            self._reviews.add(workspace.name, model, change, creator=principal.user_name, id=model)
        else:
            self._reviews.change(workspace.name, model, lambda now: {**now.body, **change})

    def _may(
        self, principal: Principal, workspace: WorkspaceInfo, one: Document, level: str
    ) -> bool:
        """By the endpoint; when that is gone, for who deployed and for administrators."""
        try:
            self._serving.find(principal, workspace, one.body["endpoint_name"], level)
        except ApiError as refused:
            is_gone = refused.code == "RESOURCE_DOES_NOT_EXIST"
            return is_gone and (principal.is_admin or principal.user_name == one.creator)
        return True


def _id(model: str, version: str) -> str:
    return f"{model}/{version}"

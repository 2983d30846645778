"""A request on its way through the gateway: what it asks, in which form, for whom.

Forms: `chat`, `completions`, `embeddings` and `responses` as OpenAI has them, `messages` as
Anthropic does, and `native`, a body that only the model behind the endpoint understands.
"""

from __future__ import annotations

import json
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from brickyard.workspace.kernel import ApiError, Principal, WorkspaceInfo
from brickyard.workspace.kernel.call import parse
from brickyard.workspace.kernel.ids import new_id
from brickyard.workspace.serving.config import Entity
from brickyard.workspace.serving.external import CHAT, COMPLETIONS, EMBEDDINGS
from brickyard.workspace.serving.records import Endpoint

LARGEST_BODY: Final = 16 * 1024 * 1024  # what Databricks takes
OURS: Final = frozenset({"client_request_id", "usage_context"})
NATIVE: Final = "native"
FORMS: Final[Mapping[str, str]] = {
    "chat": CHAT,
    "completions": COMPLETIONS,
    "embeddings": EMBEDDINGS,
    "responses": CHAT,
    "messages": CHAT,
}


@dataclass(slots=True, kw_only=True)
class Ask:
    """One request. `body` is None for a native one, which passes as it came."""

    endpoint: Endpoint
    principal: Principal
    workspace: WorkspaceInfo
    form: str
    given: bytes | None  # None: what `body` says
    content_type: str = "application/json"
    body: dict[str, Any] | None = None
    served: str | None = None
    client_request_id: str = ""
    usage_context: Mapping[str, str] = field(default_factory=dict)
    id: str = field(default_factory=new_id)
    began: float = field(default_factory=time.perf_counter)
    began_ms: int = field(default_factory=lambda: time.time_ns() // 1_000_000)

    @property
    def raw(self) -> bytes:
        """The body in bytes: made only when somebody wants to have it so."""
        if self.given is None:
            self.given = json.dumps(self.body).encode()
        return self.given

    @property
    def streams(self) -> bool:
        return bool(self.body and self.body.get("stream"))


def fields(raw: bytes) -> dict[str, Any]:
    """The body as an object. Raises MALFORMED_REQUEST."""
    try:
        found = parse(raw)
    except (ValueError, RecursionError) as fault:
        message = f"Could not parse request object: {fault}"
        raise ApiError("MALFORMED_REQUEST", message) from None
    if not isinstance(found, dict):
        raise ApiError("MALFORMED_REQUEST", "The request body must be a JSON object")
    return found


def listed(body: Mapping[str, Any], name: str) -> list[Any]:
    """A field that is a list, or left out. Raises INVALID_PARAMETER_VALUE."""
    found = body.get(name)
    if found is not None and not isinstance(found, list):
        raise ApiError("INVALID_PARAMETER_VALUE", f"{name} must be a list")
    return found or []


def mapped(body: Mapping[str, Any], name: str) -> Mapping[str, Any]:
    """A field that is an object, or left out. Raises INVALID_PARAMETER_VALUE."""
    found = body.get(name)
    if found is not None and not isinstance(found, Mapping):
        raise ApiError("INVALID_PARAMETER_VALUE", f"{name} must be an object")
    return found or {}


def take_notes(ask: Ask) -> None:
    """Take out of the body what is told to the gateway, not to the model.

    `client_request_id` and `usage_context` come back in the usage table.
    """
    body = ask.body
    if body is None or not (OURS & body.keys()):
        return
    given = body.get("usage_context")
    if given is not None and not isinstance(given, dict):
        raise ApiError("INVALID_PARAMETER_VALUE", "usage_context must be an object")
    ask.client_request_id = str(body.get("client_request_id") or "")
    ask.usage_context = {str(key): str(value) for key, value in (given or {}).items()}
    ask.body = {key: value for key, value in body.items() if key not in OURS}


def form_of(entity: Entity, body: Mapping[str, Any]) -> str:
    """The form of a body that was sent to `/invocations` of an endpoint with a task."""
    if entity.task == EMBEDDINGS:
        return "embeddings"
    if entity.task == COMPLETIONS:
        return "completions"
    if "messages" in body:
        return "chat"
    if "input" in body:
        return "responses"
    return "completions" if "prompt" in body else "chat"

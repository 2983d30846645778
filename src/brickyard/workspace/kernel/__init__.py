"""The frame around every service: routing, requests, answers, errors, paging, storage, paths."""

from brickyard.workspace.kernel.call import Call, Json, Principal, Reply, WorkspaceInfo
from brickyard.workspace.kernel.clock import now_ms
from brickyard.workspace.kernel.documents import Document, Documents, document_table
from brickyard.workspace.kernel.errors import ApiError, denied, exists, invalid, not_found
from brickyard.workspace.kernel.home import Home
from brickyard.workspace.kernel.routing import Fidelity, Route
from brickyard.workspace.kernel.store import METADATA, Store

__all__ = [
    "METADATA",
    "ApiError",
    "Call",
    "Document",
    "Documents",
    "Fidelity",
    "Home",
    "Json",
    "Principal",
    "Reply",
    "Route",
    "Store",
    "WorkspaceInfo",
    "denied",
    "document_table",
    "exists",
    "invalid",
    "not_found",
    "now_ms",
]

"""Texts into vectors, by a model serving endpoint of the workspace.

Asked over HTTP as whoever wants the vectors: the endpoint's permissions hold. Models take `input`,
as the API of embeddings has it, or `inputs`, as MLflow's do; which one is found out.
"""

from __future__ import annotations

import json
import time
import urllib.error
import urllib.request
from collections.abc import Mapping, Sequence
from typing import Any, Final
from urllib.parse import quote

from brickyard.workspace.kernel import ApiError, WorkspaceInfo

BATCH: Final = 64
TIMEOUT_S: Final = 300
PAUSE_S: Final = 1.0
REFUSALS: Final = {
    401: "UNAUTHENTICATED",
    403: "PERMISSION_DENIED",
    404: "RESOURCE_DOES_NOT_EXIST",
}
FORMS: Final = ("input", "inputs")


def embed(
    workspace: WorkspaceInfo,
    authorization: str,
    endpoint: str,
    texts: Sequence[str],
    *,
    patience_s: float = 0.0,
) -> list[list[float]]:
    """One vector for each text. `authorization` is the header of whoever asks.

    An endpoint that is not ready yet is asked again for as long as `patience_s`.
    """
    give_up_at = time.monotonic() + patience_s
    found: list[list[float]] = []
    for start in range(0, len(texts), BATCH):
        batch = list(texts[start : start + BATCH])
        vectors = _vectors(_ask(workspace, authorization, endpoint, batch, give_up_at))
        if vectors is None or len(vectors) != len(batch):
            raise ApiError(
                "INVALID_STATE",
                f"Serving endpoint {endpoint} gave no vector for each text: its model must answer"
                ' {"data": [{"embedding": [...]}]} or {"predictions": [[...]]}',
            )
        found += vectors
    return found


def _ask(
    workspace: WorkspaceInfo, authorization: str, endpoint: str, texts: list[str], give_up_at: float
) -> Any:
    forms, refused = list(FORMS), ""
    while forms:
        try:
            return _posted(workspace, authorization, endpoint, {forms[0]: texts})
        except urllib.error.HTTPError as fault:
            refused = _message(fault)
            if fault.code in REFUSALS:
                raise ApiError(REFUSALS[fault.code], refused) from None
            if fault.code == 503 and time.monotonic() < give_up_at:
                time.sleep(PAUSE_S)
            elif fault.code == 400:
                forms.pop(0)
            else:
                break
        except (OSError, ValueError) as fault:
            refused = str(fault)
            break
    raise ApiError("INVALID_STATE", f"Serving endpoint {endpoint} does not embed: {refused}")


def invoke(
    workspace: WorkspaceInfo, authorization: str, endpoint: str, body: Mapping[str, Any]
) -> Any:
    """What a serving endpoint answers. Raises `ApiError` for a refusal or no JSON."""
    try:
        return _posted(workspace, authorization, endpoint, body)
    except urllib.error.HTTPError as fault:
        raise ApiError(REFUSALS.get(fault.code, "INVALID_STATE"), _message(fault)) from None
    except (OSError, ValueError) as fault:
        raise ApiError("INVALID_STATE", f"Serving endpoint {endpoint}: {fault}") from None


def _posted(
    workspace: WorkspaceInfo, authorization: str, endpoint: str, body: Mapping[str, Any]
) -> Any:
    url = f"{workspace.url}/serving-endpoints/{quote(endpoint, safe='')}/invocations"
    headers = {"Authorization": authorization, "Content-Type": "application/json"}
    request = urllib.request.Request(url, data=json.dumps(body).encode(), headers=headers)
    with urllib.request.urlopen(request, timeout=TIMEOUT_S) as got:
        return json.loads(got.read())


def _message(fault: urllib.error.HTTPError) -> str:
    try:
        return str(json.loads(fault.read())["message"])
    except (ValueError, KeyError, TypeError):
        return f"it answered {fault.code}"


def _vectors(answer: Any) -> list[list[float]] | None:
    if not isinstance(answer, Mapping):
        return None
    found = answer.get("predictions")
    if isinstance(answer.get("data"), list):
        found = [one.get("embedding") for one in answer["data"] if isinstance(one, Mapping)]
    if isinstance(found, Mapping):
        return _vectors(found)
    if not isinstance(found, list) or not all(isinstance(one, list) and one for one in found):
        return None
    return [[float(number) for number in one] for one in found]

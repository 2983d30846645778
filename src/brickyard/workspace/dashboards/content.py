"""What the service makes of a dashboard's text before it keeps it.

Follows what the official CLI's own test server was checked to have in common with the real one: the
text stays as it came unless something is put into it (a kind of page, a catalog or schema for the
datasets), an empty object is `{}`, and there is one newline at the end.
"""

from __future__ import annotations

import json
from typing import Any

from brickyard.workspace.kernel import invalid
from brickyard.workspace.kernel.call import parse

EMPTY = "{}"


def kept(text: str, catalog: str, schema: str) -> str:
    """The text as the service answers it. Raises INVALID_PARAMETER_VALUE when it is not JSON."""
    dashboard = _read(text or EMPTY)
    changed = _complete(dashboard, {"catalog": catalog, "schema": schema})
    if changed or not dashboard:
        text = json.dumps(dashboard, separators=(",", ":"), ensure_ascii=False)
    return text.rstrip("\n") + "\n"


def _read(text: str) -> dict[str, Any]:
    try:
        dashboard = parse(text.encode())
    except (ValueError, RecursionError) as fault:
        raise invalid(f"serialized_dashboard is not valid JSON: {fault}") from None
    if not isinstance(dashboard, dict):
        raise invalid("serialized_dashboard must be a JSON object")
    return dashboard


def _complete(dashboard: dict[str, Any], defaults: dict[str, str]) -> bool:
    """Put in what the service puts in; whether that changed anything."""
    changed = False
    for page in _objects(dashboard.get("pages")):
        if "pageType" not in page:
            page["pageType"] = "PAGE_TYPE_CANVAS"
            changed = True
    for dataset in _objects(dashboard.get("datasets")):
        for key, value in defaults.items():
            if value and dataset.get(key) != value:
                dataset[key] = value
                changed = True
    return changed


def _objects(value: Any) -> list[dict[str, Any]]:
    return [one for one in value if isinstance(one, dict)] if isinstance(value, list) else []

"""The file that the service writes beside every alert: `<display name>.dbalert.json`.

In the order and with the lines that `bundle generate alert` of the official CLI reads.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any


def written(alert: Mapping[str, Any]) -> bytes:
    """The content of an alert's file."""
    evaluation = alert["evaluation"]
    notification = evaluation.get("notification")
    inner = {
        "source": evaluation["source"],
        "comparison_operator": evaluation["comparison_operator"],
        "threshold": evaluation.get("threshold"),
        "empty_result_state": evaluation.get("empty_result_state"),
        "notification": {"notify_on_ok": False, **notification} if notification else {},
    }
    file = {
        "custom_summary": alert.get("custom_summary"),
        "evaluation": _said(inner),
        "schedule": alert["schedule"],
        "parameters": alert.get("parameters"),
        "query_lines": _lines(alert["query_text"]),
        "custom_description_lines": _lines(alert.get("custom_description") or ""),
    }
    return (json.dumps(_said(file), indent=2, ensure_ascii=False) + "\n").encode()


def _lines(text: str) -> list[str]:
    return text.removesuffix("\n").split("\n") if text else []


def _said(value: dict[str, Any]) -> dict[str, Any]:
    return {key: one for key, one in value.items() if one is not None and one != []}

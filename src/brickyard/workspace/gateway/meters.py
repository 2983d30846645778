"""Counters of the gateway: Prometheus' text for one endpoint, OTLP to a collector for all.

OTLP goes over HTTP as JSON to `OTEL_EXPORTER_OTLP_METRICS_ENDPOINT`, or to
`OTEL_EXPORTER_OTLP_ENDPOINT` + `/v1/metrics`, once a minute, with the names of OpenTelemetry's
conventions for generative AI where there are any. Without either variable nothing is sent.
"""

from __future__ import annotations

import json
import logging
import os
import threading
import time
import urllib.request
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Final

from brickyard.workspace.gateway.answers import Usage

if TYPE_CHECKING:
    from brickyard.workspace.gateway.account import Account

EXPORT_S: Final = 60.0
# name for Prometheus, name for OpenTelemetry, unit, title
FAMILIES: Final = (
    ("gateway_requests_total", "gen_ai.gateway.requests", "{request}", "Requests"),
    ("gateway_errors_total", "gen_ai.gateway.errors", "{request}", "Answers of 400 and above"),
    ("gateway_limited_total", "gen_ai.gateway.limited", "{request}", "Refused by limit or budget"),
    ("gateway_fallbacks_total", "gen_ai.gateway.fallbacks", "{attempt}", "Attempts that failed"),
    ("input_tokens_total", "gen_ai.client.token.usage.input", "{token}", "Tokens of requests"),
    ("output_tokens_total", "gen_ai.client.token.usage.output", "{token}", "Tokens of answers"),
    ("gateway_cost_total", "gen_ai.gateway.cost", "1", "Cost, in the currency of the prices"),
    ("gateway_seconds_total", "gen_ai.server.request.duration.sum", "s", "Seconds spent"),
)
log = logging.getLogger("brickyard.gateway")
Labels = tuple[str, str, str]  # workspace, endpoint, served entity


class Meters:
    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._values: dict[Labels, list[float]] = {}  # in the order of FAMILIES
        self._sent = time.monotonic()
        self._began = time.time_ns()

    def add(
        self, kept: Account, status: int, seconds: float, taken: Usage | None, cost: float
    ) -> None:
        labels = (kept.ask.workspace.name, kept.ask.endpoint.name, kept.entity)
        with self._lock:
            values = self._values.get(labels)
            if values is None:
                values = self._values[labels] = [0.0] * len(FAMILIES)
            values[0] += 1
            values[1] += status >= 400
            values[2] += status == 429
            values[3] += kept.fallbacks
            if taken is not None:
                values[4] += taken.read
                values[5] += taken.said
            values[6] += cost
            values[7] += seconds

    def _family(self, at: int) -> list[tuple[Labels, float]]:
        """What was counted for one of FAMILIES, where anything was."""
        with self._lock:
            return [(labels, values[at]) for labels, values in self._values.items() if values[at]]

    def text(self, workspace: str, endpoint: str) -> str:
        """Prometheus' text for one endpoint."""
        lines: list[str] = []
        for at, (name, _, _, title) in enumerate(FAMILIES):
            lines += [f"# HELP {name} {title}", f"# TYPE {name} counter"]
            lines += [
                f'{name}{{served_entity_name="{entity}"}} {amount:g}'
                for (where, whose, entity), amount in sorted(self._family(at))
                if (where, whose) == (workspace, endpoint)
            ]
        return "\n".join(lines) + "\n"

    def export(self, *, at_once: bool = False) -> None:
        """Send what there is, when it is time and there is somebody to send it to. Blocks."""
        url = _address(os.environ)
        if not url or (not at_once and time.monotonic() - self._sent < EXPORT_S):
            return
        self._sent = time.monotonic()
        headers = {"Content-Type": "application/json", **_headers(os.environ)}
        body = json.dumps(self.otlp()).encode()
        try:
            request = urllib.request.Request(url, data=body, headers=headers)
            urllib.request.urlopen(request, timeout=5).close()
        except OSError as fault:
            log.warning("metrics were not taken by %s: %s", url, fault)

    def otlp(self) -> dict[str, Any]:
        """The request of OTLP's metrics service, as JSON."""
        now = str(time.time_ns())
        metrics = []
        for at, (_, otel, unit, title) in enumerate(FAMILIES):
            points = [
                {
                    "startTimeUnixNano": str(self._began),
                    "timeUnixNano": now,
                    "asDouble": float(amount),
                    "attributes": [
                        _attribute("databricks.workspace", workspace),
                        _attribute("databricks.endpoint", endpoint),
                        _attribute("gen_ai.response.model", entity),
                    ],
                }
                for (workspace, endpoint, entity), amount in self._family(at)
            ]
            if points:
                summed = {"aggregationTemporality": 2, "isMonotonic": True, "dataPoints": points}
                metrics.append({"name": otel, "unit": unit, "description": title, "sum": summed})
        scope = {"scope": {"name": "brickyard.gateway"}, "metrics": metrics}
        resource = {"attributes": [_attribute("service.name", "brickyard-gateway")]}
        return {"resourceMetrics": [{"resource": resource, "scopeMetrics": [scope]}]}


def _address(environment: Mapping[str, str]) -> str:
    if own := environment.get("OTEL_EXPORTER_OTLP_METRICS_ENDPOINT", ""):
        return own
    base = environment.get("OTEL_EXPORTER_OTLP_ENDPOINT", "").rstrip("/")
    return f"{base}/v1/metrics" if base else ""


def _headers(environment: Mapping[str, str]) -> dict[str, str]:
    listed = environment.get("OTEL_EXPORTER_OTLP_HEADERS", "").split(",")
    pairs = (one.partition("=") for one in listed if "=" in one)
    return {name.strip(): value.strip() for name, _, value in pairs}


def _attribute(key: str, value: str) -> dict[str, Any]:
    return {"key": key, "value": {"stringValue": value}}

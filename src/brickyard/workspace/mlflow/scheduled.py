"""Scheduled scorers: kept by experiment, as `Scorer.register()` and `.start()` leave them.

They score a sample of new traces every few minutes (`workspace/scoring`), of those that begin once
the first scorer is started, and of conversations that are over; with the rights of whoever changed
the scorers last.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final

from brickyard.workspace.kernel import (
    Call,
    Document,
    Documents,
    Json,
    Route,
    Store,
    WorkspaceInfo,
    document_table,
    exists,
    invalid,
    not_found,
    now_ms,
)
from brickyard.workspace.mlflow.tracking import EDIT, READ, require

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

TABLE: Final = document_table("mlflow_scheduled_scorers")
BASE: Final = "/api/2.0/managed-evals/scheduled-scorers/{experiment_id}"
CADENCE: Final = "/api/2.0/managed-evals/experiments/{experiment_id}/monitoring-configuration"
USUAL_MINUTES: Final = 15

Scorer = Mapping[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class Listed:
    scorers: list[dict[str, Any]] = field(default_factory=list)


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    scheduled_scorers: Listed


@dataclass(frozen=True, slots=True, kw_only=True)
class Cadence:
    frequency_minutes: int


@dataclass(frozen=True, slots=True, kw_only=True)
class WantedCadence:
    monitoring_configuration: Cadence


class ScheduledScorers:
    """One document an experiment.

    body: `scorers`, `frequency_minutes`, `by` (who changed it last), `watermark_ms` (traces that
    began before are not looked at), `sessions_ms` (nor conversations that ended before).
    """

    def __init__(self, store: Store) -> None:
        self._kept = Documents(store, TABLE, "Scheduled scorers of experiment")

    def of(self, workspace: WorkspaceInfo, experiment: str) -> Mapping[str, Any]:
        found = self._kept.find(workspace.name, experiment)
        return found.body if found is not None else {}

    def change(
        self,
        workspace: WorkspaceInfo,
        experiment: str,
        by: str,
        edit: Callable[[Mapping[str, Any]], Mapping[str, Any]],
    ) -> Mapping[str, Any]:
        def edited(had: Mapping[str, Any]) -> Mapping[str, Any]:
            new = {**edit(had), "by": by}
            now = now_ms()
            return new if active(had) else {**new, "watermark_ms": now, "sessions_ms": now}

        if self._kept.find(workspace.name, experiment) is None:
            return self._kept.add(
                workspace.name, experiment, edited({}), creator=by, id=experiment
            ).body
        return self._kept.change(workspace.name, experiment, lambda had: edited(had.body)).body

    def all(self, workspace: WorkspaceInfo) -> Sequence[Document]:
        """Those of every experiment, by its id."""
        return self._kept.all(workspace.name)

    def progressed(
        self, workspace: WorkspaceInfo, experiment: str, watermark: int, sessions: int
    ) -> None:
        """Traces that began before a moment are judged, and sessions that ended before another.
        They only go forward.
        """

        def edited(had: Document) -> Mapping[str, Any]:
            return {
                **had.body,
                "watermark_ms": max(watermark, watermark_ms(had.body)),
                "sessions_ms": max(sessions, sessions_ms(had.body)),
            }

        self._kept.change(workspace.name, experiment, edited)


def active(body: Mapping[str, Any]) -> Sequence[Scorer]:
    """The scorers that are started."""
    return [one for one in body.get("scorers") or () if _rate(one) > 0]


def frequency_s(body: Mapping[str, Any]) -> int:
    return 60 * int(body.get("frequency_minutes") or USUAL_MINUTES)


def watermark_ms(body: Mapping[str, Any]) -> int:
    return int(body.get("watermark_ms") or 0)


def sessions_ms(body: Mapping[str, Any]) -> int:
    return int(body.get("sessions_ms") or watermark_ms(body))


def _rate(scorer: Scorer) -> float:
    rate = scorer.get("sample_rate")
    return float(rate) if isinstance(rate, int | float) else 0.0


async def create(call: Call) -> Json:
    def edit(had: Mapping[str, Any]) -> Mapping[str, Any]:
        scorers = list(had.get("scorers") or ())
        taken = {one.get("name") for one in scorers}
        for one in _given(call):
            if one["name"] in taken:
                raise exists(
                    f"Scorer '{one['name']}' already exists in this experiment", "ALREADY_EXISTS"
                )
            scorers.append(one)
        return {**had, "scorers": scorers}

    return await _changed(call, edit)


async def update(call: Call) -> Json:
    """The whole list, as the mask `scheduled_scorers.scorers` says."""

    def edit(had: Mapping[str, Any]) -> Mapping[str, Any]:
        return {**had, "scorers": list(_given(call))}

    return await _changed(call, edit)


async def fetch(call: Call) -> Json:
    await require(call, _experiment(call), READ)
    found = call.engines.mlflow.scheduled.of(call.workspace, call.path["experiment_id"])
    return _shown(call, found)


async def drop(call: Call) -> Json:
    def edit(had: Mapping[str, Any]) -> Mapping[str, Any]:
        if not had.get("scorers"):
            raise not_found("This experiment has no scheduled scorers")
        return {**had, "scorers": []}

    await _changed(call, edit)
    return {}


async def cadence(call: Call) -> Json:
    await require(call, _experiment(call), READ)
    found = call.engines.mlflow.scheduled.of(call.workspace, call.path["experiment_id"])
    return {"frequency_minutes": found.get("frequency_minutes", USUAL_MINUTES)}


async def set_cadence(call: Call) -> Json:
    minutes = call.read(WantedCadence).monitoring_configuration.frequency_minutes
    if not 1 <= minutes <= 60:
        raise invalid(f"frequency_minutes must be between 1 and 60, not {minutes}")
    await _changed(call, lambda had: {**had, "frequency_minutes": minutes})
    return {"frequency_minutes": minutes}


async def _changed(call: Call, edit: Callable[[Mapping[str, Any]], Mapping[str, Any]]) -> Json:
    await require(call, _experiment(call), EDIT)
    body = call.engines.mlflow.scheduled.change(
        call.workspace, call.path["experiment_id"], call.principal.user_name, edit
    )
    return _shown(call, body)


def _given(call: Call) -> Sequence[Scorer]:
    scorers = call.read(Wanted).scheduled_scorers.scorers
    names = [one.get("name") for one in scorers]
    if not all(names) or len(set(names)) < len(names):
        raise invalid("Every scorer needs a name of its own")
    if any(not 0 <= _rate(one) <= 1 for one in scorers):
        raise invalid("sample_rate must be between 0 and 1")
    return scorers


def _shown(call: Call, body: Mapping[str, Any]) -> Json:
    return {
        "experiment_id": call.path["experiment_id"],
        "scheduled_scorers": {"scorers": list(body.get("scorers") or ())},
    }


def _experiment(call: Call) -> tuple[str]:
    return (call.path["experiment_id"],)


ROUTES: tuple[Route, ...] = (
    Route("GET", BASE, fetch),
    Route("POST", BASE, create),
    Route("PATCH", BASE, update),
    Route("DELETE", BASE, drop),
    Route("GET", CADENCE, cadence),
    Route("PATCH", CADENCE, set_cadence),
)

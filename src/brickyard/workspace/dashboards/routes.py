"""AI/BI dashboards, as dashboards.LakeviewAPI of the SDK calls them.

Left out: migration of legacy dashboards, of which there are none here, and tokens for embedding.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final, Literal

from brickyard.workspace.dashboards import shown
from brickyard.workspace.dashboards.engine import Draft
from brickyard.workspace.kernel import Call, Fidelity, Json, Route, invalid
from brickyard.workspace.kernel.cron import require_schedule

BASE: Final = "/api/2.0/lakeview/dashboards"
ONE: Final = BASE + "/{dashboard_id}"
PUBLISHED: Final = ONE + "/published"
SCHEDULES: Final = ONE + "/schedules"
SCHEDULE: Final = SCHEDULES + "/{schedule_id}"
SUBSCRIPTIONS: Final = SCHEDULE + "/subscriptions"
SUBSCRIPTION: Final = SUBSCRIPTIONS + "/{subscription_id}"
NOT_DRAWN: Final = "the dashboard is kept; there is no page that draws it"
NOT_RUN: Final = "kept: nothing is refreshed and nobody is mailed"


@dataclass(frozen=True, slots=True, kw_only=True)
class Publish:
    embed_credentials: bool = False
    warehouse_id: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Revert:
    etag: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Cron:
    quartz_cron_expression: str
    timezone_id: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Schedule:
    cron_schedule: Cron
    display_name: str | None = None
    pause_status: Literal["PAUSED", "UNPAUSED"] = "UNPAUSED"
    warehouse_id: str | None = None
    etag: str | None = None

    def kept(self) -> dict[str, Any]:
        """What the service remembers, as JSON. Raises when there is no such schedule."""
        cron = self.cron_schedule
        require_schedule(
            cron.quartz_cron_expression,
            cron.timezone_id,
            field="quartz_cron_expression",
            zone_field="cron_schedule.timezone_id",
        )
        optional = {"display_name": self.display_name, "warehouse_id": self.warehouse_id}
        return {
            "cron_schedule": {
                "quartz_cron_expression": cron.quartz_cron_expression,
                "timezone_id": cron.timezone_id,
            },
            "pause_status": self.pause_status,
            **{name: value for name, value in optional.items() if value is not None},
        }


@dataclass(frozen=True, slots=True, kw_only=True)
class User:
    user_id: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Destination:
    destination_id: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Subscriber:
    user_subscriber: User | None = None
    destination_subscriber: Destination | None = None

    def kept(self) -> dict[str, Any]:
        if self.user_subscriber is not None:
            return {"user_subscriber": {"user_id": self.user_subscriber.user_id}}
        if self.destination_subscriber is not None:
            id = self.destination_subscriber.destination_id
            return {"destination_subscriber": {"destination_id": id}}
        raise invalid("subscriber must name a user_subscriber or a destination_subscriber")


@dataclass(frozen=True, slots=True, kw_only=True)
class Subscription:
    subscriber: Subscriber
    skip_notify: bool = False


# -- drafts ---------------------------------------------------------------------------------------


def create(call: Call) -> Json:
    made = call.engines.dashboards.create(
        call.principal,
        call.workspace,
        call.read(Draft),
        catalog=call.query("dataset_catalog"),
        schema=call.query("dataset_schema"),
    )
    return shown.dashboard(made)


def fetch(call: Call) -> Json:
    return shown.dashboard(call.engines.dashboards.get(call.principal, call.workspace, _id(call)))


def browse(call: Call) -> Json:
    found = call.engines.dashboards.visible(
        call.principal, call.workspace, trashed=call.flag("show_trashed")
    )
    return call.page("dashboards", found, shown.summary)


def change(call: Call) -> Json:
    changed = call.engines.dashboards.update(
        call.principal,
        call.workspace,
        _id(call),
        call.read(Draft),
        catalog=call.query("dataset_catalog"),
        schema=call.query("dataset_schema"),
    )
    return shown.dashboard(changed)


def trash(call: Call) -> Json:
    call.engines.dashboards.trash(call.principal, call.workspace, _id(call))
    return {}


def revert(call: Call) -> Json:
    want = call.read(Revert)
    now = call.engines.dashboards.revert(call.principal, call.workspace, _id(call), want.etag)
    return {"dashboard": shown.dashboard(now)}


# -- what is published ----------------------------------------------------------------------------


def publish(call: Call) -> Json:
    want = call.read(Publish)
    now = call.engines.dashboards.publish(
        call.principal,
        call.workspace,
        _id(call),
        embed_credentials=want.embed_credentials,
        warehouse_id=want.warehouse_id,
    )
    return shown.publication(now.published or {})


def fetch_published(call: Call) -> Json:
    found = call.engines.dashboards.published(call.principal, call.workspace, _id(call))
    return shown.publication(found)


def unpublish(call: Call) -> Json:
    call.engines.dashboards.unpublish(call.principal, call.workspace, _id(call))
    return {}


# -- schedules and subscriptions ------------------------------------------------------------------


def add_schedule(call: Call) -> Json:
    id, want = _schedulable(call), call.read(Schedule)
    schedules = call.engines.dashboards.schedules
    made = schedules.add(call.workspace, id, want.kept(), call.principal.user_name)
    return shown.schedule(made)


def browse_schedules(call: Call) -> Json:
    id = _schedulable(call, "CAN_READ")
    found = call.engines.dashboards.schedules.of(call.workspace, id)
    return call.page("schedules", found, shown.schedule)


def fetch_schedule(call: Call) -> Json:
    id = _schedulable(call, "CAN_READ")
    schedules = call.engines.dashboards.schedules
    return shown.schedule(schedules.get(call.workspace, id, call.path["schedule_id"]))


def replace_schedule(call: Call) -> Json:
    id, want = _schedulable(call), call.read(Schedule)
    changed = call.engines.dashboards.schedules.replace(
        call.workspace, id, call.path["schedule_id"], want.kept(), want.etag
    )
    return shown.schedule(changed)


def drop_schedule(call: Call) -> Json:
    id, etag = _schedulable(call), call.query("etag")
    call.engines.dashboards.schedules.remove(call.workspace, id, call.path["schedule_id"], etag)
    return {}


def subscribe(call: Call) -> Json:
    id, schedule, want = _schedulable(call), _schedule(call), call.read(Subscription)
    kept: Mapping[str, Any] = {
        "subscriber": want.subscriber.kept(),
        "skip_notify": want.skip_notify,
        "created_by_user_id": call.principal.id,
    }
    schedules = call.engines.dashboards.schedules
    made = schedules.subscribe(call.workspace, schedule, kept, call.principal.user_name)
    return shown.subscription(made, id)


def browse_subscriptions(call: Call) -> Json:
    id, schedule = _schedulable(call, "CAN_READ"), _schedule(call)
    found = call.engines.dashboards.schedules.subscriptions(call.workspace, schedule)
    return call.page("subscriptions", found, lambda one: shown.subscription(one, id))


def fetch_subscription(call: Call) -> Json:
    id, schedule = _schedulable(call, "CAN_READ"), _schedule(call)
    found = call.engines.dashboards.schedules.subscription(
        call.workspace, schedule, call.path["subscription_id"]
    )
    return shown.subscription(found, id)


def unsubscribe(call: Call) -> Json:
    _schedulable(call)
    call.engines.dashboards.schedules.unsubscribe(
        call.workspace, _schedule(call), call.path["subscription_id"], call.query("etag")
    )
    return {}


def _id(call: Call) -> str:
    return call.path["dashboard_id"]


def _schedulable(call: Call, level: str = "CAN_EDIT") -> str:
    """The id of a dashboard that is there and that the caller has the level on."""
    return call.engines.dashboards.active(call.principal, call.workspace, _id(call), level).id


def _schedule(call: Call) -> str:
    """The id of a schedule that is the dashboard's."""
    schedules = call.engines.dashboards.schedules
    return schedules.get(call.workspace, _id(call), call.path["schedule_id"]).id


def _virtual(method: str, path: str, handler: Any, note: str = NOT_DRAWN) -> Route:
    return Route(method, path, handler, Fidelity.VIRTUAL, note=note)


ROUTES = (
    _virtual("POST", BASE, create),
    Route("GET", BASE, browse),
    Route("GET", ONE, fetch),
    _virtual("PATCH", ONE, change),
    Route("DELETE", ONE, trash),
    _virtual("POST", PUBLISHED, publish),
    Route("GET", PUBLISHED, fetch_published),
    Route("DELETE", PUBLISHED, unpublish),
    Route("POST", ONE + "/revert", revert),
    _virtual("POST", SCHEDULES, add_schedule, NOT_RUN),
    _virtual("GET", SCHEDULES, browse_schedules, NOT_RUN),
    _virtual("GET", SCHEDULE, fetch_schedule, NOT_RUN),
    _virtual("PUT", SCHEDULE, replace_schedule, NOT_RUN),
    _virtual("DELETE", SCHEDULE, drop_schedule, NOT_RUN),
    _virtual("POST", SUBSCRIPTIONS, subscribe, NOT_RUN),
    _virtual("GET", SUBSCRIPTIONS, browse_subscriptions, NOT_RUN),
    _virtual("GET", SUBSCRIPTION, fetch_subscription, NOT_RUN),
    _virtual("DELETE", SUBSCRIPTION, unsubscribe, NOT_RUN),
)

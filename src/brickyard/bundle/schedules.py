"""Schedules of jobs: one trigger, and a cron expression as Quartz reads it."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Final, TypeAlias

from brickyard.values import Diagnostic, Path, Value, refusal, show

CRON_FIELD: Final = re.compile(r"[0-9A-Za-z*?/,#-]+")

Found: TypeAlias = Iterator[Diagnostic]


def check_schedule(job: Value, at: Path) -> Found:
    """At most one trigger; a schedule has an expression that can be read."""
    triggers = [name for name in ("schedule", "continuous", "trigger") if job.child(name)]
    if len(triggers) > 1:
        yield refusal(
            "bundle/several-triggers",
            "job has more than one trigger",
            f"It has {', '.join(triggers)}. Keep one.",
            path=show(at),
            at=[place for name in triggers for place in job.items[name].key_locations],
        )
    cron = job.get("schedule.quartz_cron_expression")
    if job.child("schedule") is not None and (cron is None or not cron.data):
        yield refusal(
            "bundle/no-cron",
            "schedule has no cron expression",
            'Add `quartz_cron_expression`, for example "0 0 6 * * ?" for six every morning.',
            path=show((*at, "schedule")),
            at=job.items["schedule"].key_locations,
        )
    elif cron is not None and cron.text and "${" not in cron.text:
        problem = cron_problem(cron.text)
        if problem:
            yield refusal(
                "bundle/cron",
                "cron expression is not valid",
                f"{problem} Quartz wants second minute hour day month weekday [year], with `?`"
                ' for day or weekday: "0 0 6 * * ?" is six every morning.',
                path=show((*at, "schedule", "quartz_cron_expression")),
                at=cron.locations,
            )


LIMITS: Final = (
    ("second", 0, 59),
    ("minute", 0, 59),
    ("hour", 0, 23),
    ("day", 1, 31),
    ("month", 1, 12),
    ("weekday", 1, 7),
    ("year", 1970, 2199),
)


def cron_problem(text: str) -> str:
    """Why Quartz would not take an expression; nothing when it would, as far as can be seen."""
    fields = text.split()
    if len(fields) not in {6, 7}:
        return f"`{text}` has {len(fields)} fields instead of 6 or 7."
    for (name, low, high), field in zip(LIMITS, fields, strict=False):
        if not CRON_FIELD.fullmatch(field):
            return f"`{field}` is not a {name}."
        for number in re.findall(r"(?<![A-Za-z/#])[0-9]+", field):
            if not low <= int(number) <= high:
                return f"`{number}` is not a {name} ({low} to {high})."
    if (fields[3] == "?") == (fields[5] == "?"):
        return "Exactly one of day and weekday must be `?`."
    return ""

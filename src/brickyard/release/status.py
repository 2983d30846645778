"""What is live in an environment, what is under way there, what waits for approval."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any, Final

from brickyard.deploy import Project
from brickyard.release.approval_rules import rule_of
from brickyard.release.approvals import open_requests, requests, weighed
from brickyard.release.journal import read_journal
from brickyard.release.records import ReleaseRecord, history, live
from brickyard.release.verification import faults_of

SHOWN: Final = (
    "sequence",
    "kind",
    "commit",
    "subject",
    "author",
    "who",
    "started",
    "ended",
    "result",
    "reason",
    "model",
    "model_version",
    "alias",
    "endpoint",
    "promoted_by",
    "evaluation",
    "digest",
)


def status_of(project: Project, settings: Mapping[str, Any], environment: str) -> dict[str, Any]:
    """The status as data: `live`, `last`, `under_way`, `waiting`, `faults`."""
    records = history(project)
    journal = read_journal(project)
    if journal is not None and any(one.attempt == journal.attempt for one in records):
        journal = None  # its record is written; only the file was left
    rule = rule_of(settings, environment)
    waiting = []
    for request in open_requests(requests(project), records):
        found = weighed(project, request, rule)
        waiting.append(
            {
                **json.loads(json.dumps(request.as_json(), default=list)),
                "counted": found.counted,
                "needed": found.needed,
                "is_approved": found.is_approved,
                "decisions": [one.as_json() for one in found.decisions],
            }
        )
    return {
        "environment": environment,
        "host": project.workspace.host,
        "releases": len(records),
        "live": _shown(live(records)),
        "last": _shown(records[-1] if records else None),
        "under_way": None
        if journal is None
        else {
            "kind": str(journal.head.get("kind", "")),
            "commit": str(journal.head.get("commit", "")),
            "who": str(journal.head.get("who", "")),
            "started": str(journal.head.get("started", "")),
            "finished": list(journal.steps),
        },
        "waiting": waiting,
        "faults": list(faults_of(project, records)),
    }


def _shown(record: ReleaseRecord | None) -> dict[str, Any] | None:
    return None if record is None else {name: getattr(record, name) for name in SHOWN}

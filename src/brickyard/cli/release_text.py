"""Approval requests and the status of an environment as lines, for a person."""

from __future__ import annotations

from typing import Any


def request_lines(request: dict[str, Any]) -> list[str]:
    """What is to be approved: commit, people, plan, and the gate it passed before."""
    subject = request["subject"]
    what = f"{subject['commit'][:10]} to {request['environment']}"
    lines = [
        f"Request {request['id'][:12]}: {what}, {request['title']}",
        f"  author {request['author']}, asked by {request['asked_by']}",
    ]
    lines += [f"  plan: {line}" for line in request["plan"] or ("nothing to change",)]
    lines += [f"  gate before: {line}" for line in request["gate"]]
    return lines


def status_lines(environment: str, found: dict[str, Any]) -> list[str]:
    """`release status`, as `status_of` found it."""
    now_live, last = found["live"], found["last"]
    lines = [f"{environment} serves nothing yet."]
    if now_live is not None:
        version = now_live["model_version"]
        served = f"{now_live['commit'][:10]}{f', model version {version}' if version else ''}"
        since = now_live["ended"][:19].replace("T", " ")
        lines = [
            f"{environment} serves release {now_live['sequence']}: {served}, since {since} UTC"
        ]
    if last and (now_live is None or last["sequence"] != now_live["sequence"]):
        lines.append(f"The last try, {last['sequence']}, {last['result']}: {last['reason']}")
    under_way = found["under_way"]
    if under_way:
        done = ", ".join(under_way["finished"]) or "none"
        what = f"{under_way['kind']} of {under_way['commit'][:10]} by {under_way['who']}"
        lines.append(f"Under way: {what}; finished steps: {done}")
    for request in found["waiting"]:
        lines += request_lines(request)
        lines.append(f"  approved {request['counted']} of {request['needed']}")
        for one in request["decisions"]:
            void = f" (void: {one['why_void']})" if one["why_void"] else ""
            lines.append(f"  {one['decision']} by {one['who']}{void} {one['comment']}".rstrip())
    return lines + [f"Warning: the history was tampered with: {one}" for one in found["faults"]]

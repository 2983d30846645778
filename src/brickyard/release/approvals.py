"""Approvals, kept in the target workspace beside the records, so that any machine can give them.

    <records>/approvals/<request>/request.json      what is to be approved, whole
    <records>/approvals/<request>/<person>.json     what one person said

A request's name is the digest of its subject: commit, configuration, plan, and the evaluation that
the commit passed before. When any of it changes, it is another request, and what was said about
this one is void. Who may write there could write in another's name; so whoever decides also leaves
a one-time run, of which the workspace itself says who made it (decision 34).
"""

from __future__ import annotations

import json
import re
import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Final

from brickyard.deploy import Action, ApiFailure, Plan, Project
from brickyard.release.approval_rules import ApprovalRule, Decision, Weighed, own_names, weigh
from brickyard.release.faults import PromotionRefused
from brickyard.release.journal import digest_of
from brickyard.release.records import ReleaseRecord, now, records_folder

REQUEST: Final = "request.json"
EVERYBODY: Final = "users"
EDIT: Final = "CAN_EDIT"
READ: Final = "CAN_READ"
RUNS: Final = "/api/2.2/jobs/runs"


class Waiting(Exception):
    """A promotion that waits for approval; nothing was deployed."""

    def __init__(self, request: Request, weighed: Weighed) -> None:
        missing = weighed.needed - weighed.counted
        super().__init__(
            f"{request.environment} waits for {missing} more"
            f" approval{'' if missing == 1 else 's'} of request {request.id[:12]}; whoever may"
            f" approve runs: brickyard release approve -t {request.environment}"
        )
        self.request = request
        self.weighed = weighed


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """What is to be approved. `subject` is what the id is the digest of; the rest is to read."""

    id: str
    environment: str
    subject: Mapping[str, Any]
    asked_by: str
    asked: str
    author: str
    title: str  # the commit's subject
    plan: Sequence[str] = ()  # a line for each change
    evaluation: Mapping[str, Any] = field(default_factory=dict)
    gate: Sequence[str] = ()
    policy: Mapping[str, Any] = field(default_factory=dict)

    def as_json(self) -> dict[str, Any]:
        return {name: getattr(self, name) for name in self.__slots__}


def request_for(
    record: ReleaseRecord, plan: Plan, passed: ReleaseRecord | None, *, promoted_by: str
) -> Request:
    """The request to release this commit with this plan, on this evaluation."""
    subject = {
        "bundle": record.bundle,
        "environment": record.environment,
        "commit": record.commit,
        "promoted_by": promoted_by,
        "configuration": record.configuration_digest,
        "plan": plan_digest(plan),
        "evaluation": digest_of(passed.evaluation, passed.gate, passed.examples) if passed else "",
        "passed": passed.digest if passed is not None else "",
    }
    return Request(
        id=digest_of(subject),
        environment=record.environment,
        subject=subject,
        asked_by=record.who,
        asked=now(),
        author=record.author,
        title=record.subject,
        plan=tuple(f"{node.action.word} {node.address}" for node in plan.pending),
        evaluation=dict(passed.evaluation) if passed is not None else {},
        gate=tuple(passed.gate) if passed is not None else (),
        policy=record.policy,
    )


def plan_digest(plan: Plan) -> str:
    """Digest of what a plan does: actions and fields, not what else the workspace said."""
    return digest_of(
        [
            (
                node.address,
                node.action.word,
                node.value if node.action is Action.CREATE else None,
                {
                    path: (change.action.word, change.old, change.new)
                    for path, change in sorted(node.changes.items())
                    if change.action is not Action.SKIP
                },
            )
            for node in plan.pending
        ]
    )


def ask(project: Project, request: Request, rule: ApprovalRule) -> None:
    """Put a request where approvers find it, and let them write beside it."""
    folder = _folder(project, request.id)
    path = f"{folder}/{REQUEST}"
    if project.files.read(path) is None:
        project.files.write(path, json.dumps(request.as_json(), indent=1, default=list).encode())
    readers = sorted(rule.principals) or [EVERYBODY]
    _share(project, records_folder(project), readers, READ)
    _share(project, folder, readers, EDIT)


def weighed(project: Project, request: Request, rule: ApprovalRule) -> Weighed:
    """What has been said about a request, and what of it counts."""
    decisions = [_checked(project, one) for one in _decisions(project, request.id)]
    own = own_names(request.author, request.asked_by)
    return weigh(decisions, rule, request=request.id, own=own)


def decide(
    project: Project, request: Request, rule: ApprovalRule, decision: str, comment: str
) -> Decision:
    """Say yes or no, as who calls. Raises `PromotionRefused` for who may not."""
    user = project.user
    if not rule.takes(user.user_name, user.groups):
        people = ", ".join(rule.personas)
        raise PromotionRefused(
            f"{user.user_name} may not {decision}: {request.environment} asks {people}"
        )
    made = Decision(
        who=user.user_name,
        decision=decision,
        when=now(),
        request=request.id,
        comment=comment,
        groups=tuple(user.groups),
        run_id=_sign(project, request, rule, decision),
    )
    name = re.sub(r"[^\w.@-]", "_", user.user_name)
    path = f"{_folder(project, request.id)}/{name}.json"
    project.files.write(path, json.dumps(made.as_json(), indent=1, default=list).encode())
    return made


def requests(project: Project) -> tuple[Request, ...]:
    """Every request there is, the newest last. One that was changed is left out."""
    found = []
    for listed in project.files.listing(f"{records_folder(project)}/approvals"):
        content = project.files.read(f"{listed['path']}/{REQUEST}")
        request = _decoded(content) if content is not None else None
        if request is not None:
            found.append(request)
    return tuple(sorted(found, key=lambda one: one.asked))


def open_requests(
    found: Sequence[Request], records: Sequence[ReleaseRecord]
) -> tuple[Request, ...]:
    """The newest request, unless it has been released or rejected already."""
    over = {str(one.get("request")) for record in records for one in record.approvals}
    return tuple(one for one in found[-1:] if one.id not in over)


def find_request(
    project: Project, environment: str, id: str | None, records: Sequence[ReleaseRecord]
) -> Request:
    """The request that waits, or the one named. Raises `PromotionRefused`."""
    found = requests(project)
    waiting = open_requests(found, records)
    if id:
        named = [one for one in found if one.id.startswith(id)]
        if len(named) != 1:
            raise PromotionRefused(f"{environment} has no one request {id}")
        if named[0] not in waiting:
            raise PromotionRefused(f"request {id} of {environment} does not wait any more")
        return named[0]
    if not waiting:
        raise PromotionRefused(
            f"nothing waits for approval in {environment}. A request is made by `brickyard release"
            f" promote --to {environment}`, and is found under {records_folder(project)}: the"
            " target's workspace.root_path has to be the same for everybody"
        )
    return waiting[0]


def _decoded(content: bytes) -> Request | None:
    try:
        data = json.loads(content)
        request = Request(**{name: data[name] for name in Request.__slots__ if name in data})
    except (ValueError, TypeError):
        return None
    return request if request.id == digest_of(request.subject) else None


def _decisions(project: Project, request: str) -> list[Decision]:
    """What lies beside a request; what is no decision is passed over."""
    paths = [str(listed["path"]) for listed in project.files.listing(_folder(project, request))]
    files = [path for path in paths if path.endswith(".json") and not path.endswith(f"/{REQUEST}")]
    found = [_decision(project.files.read(path)) for path in files]
    return [one for one in found if one is not None]


def _decision(content: bytes | None) -> Decision | None:
    try:
        data = json.loads(content or b"")
        return Decision(
            who=str(data["who"]),
            decision=str(data["decision"]),
            when=str(data["when"]),
            request=str(data["request"]),
            comment=str(data.get("comment") or ""),
            groups=tuple(str(one) for one in data.get("groups") or ()),
            run_id=int(data.get("run_id") or 0),
        )
    except (ValueError, KeyError, TypeError):
        return None


def _checked(project: Project, one: Decision) -> Decision:
    """The decision with what the workspace says about who made it, and who they are."""
    why_void, evidence = _proof(project, one)
    groups = _groups(project, one.who)
    return replace(
        one,
        why_void=why_void,
        evidence=evidence,
        groups=one.groups if groups is None else groups,
    )


def _sign(project: Project, request: Request, rule: ApprovalRule, decision: str) -> int:
    """Leave a run in one's own name; its number. It starts nothing: one condition is compared."""
    readers = sorted({*rule.principals, request.asked_by})
    answer = project.workspace.post(
        f"{RUNS}/submit",
        {
            "run_name": f"brickyard {decision} {request.environment} {request.id[:12]}",
            "idempotency_token": uuid.uuid4().hex,
            "tasks": [
                {
                    "task_key": decision,
                    "condition_task": {"op": "EQUAL_TO", "left": request.id, "right": decision},
                }
            ],
            "access_control_list": [
                {_kind(name): name, "permission_level": "CAN_VIEW"}
                for name in readers
                if name != project.user.user_name
            ],
        },
    )
    return int(answer["run_id"])


def _proof(project: Project, one: Decision) -> tuple[str, str]:
    """Why a decision is void, or what proves it: the workspace says who made its run."""
    try:
        run = project.workspace.get(f"{RUNS}/get", {"run_id": one.run_id})
    except ApiFailure as failure:
        return f"the run that has to prove it can't be read: {failure}", ""
    tasks = run.get("tasks") or [{}]
    condition = tasks[0].get("condition_task") or {}
    maker = str(run.get("creator_user_name") or "")
    if maker != one.who:
        return f"signed as {one.who}, but its run was made by {maker}", ""
    if (condition.get("left"), condition.get("right")) != (one.request, one.decision):
        return "its run was made for something else", ""
    return "", f"run {one.run_id}, made by {maker}"


def _groups(project: Project, who: str) -> tuple[str, ...] | None:
    """The groups that somebody is in now, or None where the workspace does not say."""
    quoted = who.replace('"', '\\"')
    for kind, name in (("Users", "userName"), ("ServicePrincipals", "applicationId")):
        try:
            found = project.workspace.get(
                f"/api/2.0/preview/scim/v2/{kind}", {"filter": f'{name} eq "{quoted}"'}
            )
        except ApiFailure:
            return None
        for one in found.get("Resources") or ():
            return tuple(str(group.get("display", "")) for group in one.get("groups") or ())
    return None


def _share(project: Project, path: str, principals: Sequence[str], level: str) -> None:
    status = project.files.status(path) or {}
    for name in principals:
        entry = {_kind(name): name, "permission_level": level}
        try:
            project.workspace.call(
                "PATCH",
                f"/api/2.0/permissions/directories/{status.get('object_id')}",
                body={"access_control_list": [entry]},
            )
        except ApiFailure as failure:
            raise PromotionRefused(
                f"the approver {name} can't be let in: {failure}; is the name right?"
            ) from failure


def _kind(name: str) -> str:
    """What a principal is, by its name: an address, an application id, or a group."""
    if "@" in name:
        return "user_name"
    is_id = re.fullmatch(r"[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}", name)
    return "service_principal_name" if is_id else "group_name"


def _folder(project: Project, request: str) -> str:
    return f"{records_folder(project)}/approvals/{request[:16]}"

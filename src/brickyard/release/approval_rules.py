"""Who has to approve what, and whether they did: pure.

    environments:
      prod:
        approvals: {count: 2, by: [devops]}
        personas: {devops: {access: manage, members: [alice@example.com, operators]}}

A persona's members are users, service principals and groups; one without members is the group of
its name. An approval is for one exact subject (commit, configuration, plan, evaluation): approvals
of another are void. Persons count once. The commit's author and who asked for the release count as
one person, so that nobody approves their own work alone where two are asked.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Final

EMAIL: Final = re.compile(r"<([^<>]+)>")


@dataclass(frozen=True, slots=True, kw_only=True)
class ApprovalRule:
    """How many, and of whom; no `principals`: of anyone who may read the release."""

    count: int = 0
    personas: tuple[str, ...] = ()
    principals: frozenset[str] = frozenset()

    def takes(self, who: str, groups: Collection[str]) -> bool:
        return not self.principals or bool(self.principals & {who, *groups})

    @property
    def title(self) -> str:
        people = f" of {', '.join(self.personas)}" if self.personas else ""
        return f"{self.count} approval{'' if self.count == 1 else 's'}{people}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Decision:
    """What one person said. `why_void` is empty where it counts."""

    who: str
    decision: str  # approve | reject
    when: str
    request: str
    comment: str = ""
    groups: tuple[str, ...] = ()
    run_id: int = 0  # made by the same person, as the workspace says
    evidence: str = ""
    why_void: str = ""

    def as_json(self) -> dict[str, Any]:
        return {name: getattr(self, name) for name in self.__slots__}


@dataclass(frozen=True, slots=True, kw_only=True)
class Weighed:
    """All decisions about a request: how many count, and who said no."""

    needed: int
    counted: int
    decisions: tuple[Decision, ...]

    @property
    def is_approved(self) -> bool:
        return self.rejected is None and self.counted >= self.needed

    @property
    def rejected(self) -> Decision | None:
        return next((d for d in self.decisions if d.decision == "reject" and not d.why_void), None)


def rule_of(settings: Mapping[str, Any], environment: str) -> ApprovalRule:
    """The rule of an environment; `settings` is the plain tree of `brickyard.yml`."""
    section = settings.get("environments")
    entry = section.get(environment) if isinstance(section, Mapping) else None
    mine = entry if isinstance(entry, Mapping) else {}
    given = mine.get("approvals")
    if isinstance(given, Mapping):
        count, by = given.get("count", 1), given.get("by") or ()
    else:
        count, by = given or 0, ()
    personas = tuple(str(one) for one in by) if isinstance(by, list | tuple) else ()
    principals = {one for name in personas for one in _members(mine.get("personas"), name)}
    number = count if isinstance(count, int) and not isinstance(count, bool) else 0
    return ApprovalRule(count=number, personas=personas, principals=frozenset(principals))


def _members(personas: object, name: str) -> tuple[str, ...]:
    persona = personas.get(name) if isinstance(personas, Mapping) else None
    members = persona.get("members") if isinstance(persona, Mapping) else None
    return tuple(str(one) for one in members) if isinstance(members, list) and members else (name,)


def weigh(
    decisions: Sequence[Decision], rule: ApprovalRule, *, request: str, own: Collection[str]
) -> Weighed:
    """What counts. `own` are the names of the author and of who asked."""
    judged = tuple(_judged(one, rule, request) for one in decisions)
    yes = {one.who for one in judged if one.decision == "approve" and not one.why_void}
    mine = {name.lower() for name in own}
    others = {who for who in yes if who.lower() not in mine}
    counted = len(others) + (1 if len(others) < len(yes) else 0)
    return Weighed(needed=rule.count, counted=counted, decisions=judged)


def _judged(one: Decision, rule: ApprovalRule, request: str) -> Decision:
    if one.why_void:
        return one
    if one.request != request:
        return replace(one, why_void="what was to be approved has changed since")
    if not rule.takes(one.who, one.groups):
        return replace(one, why_void=f"not of {', '.join(rule.personas)}")
    return one


def own_names(author: str, asked_by: str) -> frozenset[str]:
    """The author's address in Git and who asked, as one person."""
    found = EMAIL.search(author)
    return frozenset({asked_by, *([found[1]] if found else [])} - {""})

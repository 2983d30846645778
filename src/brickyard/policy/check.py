"""The check: every access of a bundle judged by the rule of its environment, and every rule of the
project asked."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import date
from enum import StrEnum
from typing import Any, TypeAlias, TypeVar

from brickyard.bundle import Resolved
from brickyard.policy import exceptions
from brickyard.policy.accesses import Access, Verdict
from brickyard.policy.code import code_accesses, unique
from brickyard.policy.columns import placed
from brickyard.policy.configuration import configuration_accesses
from brickyard.policy.environments import Environment, environment, judge, name_of
from brickyard.policy.exceptions import Allowed
from brickyard.policy.inferred import inferred_catalog
from brickyard.policy.rule_names import MODELS, OF_ACCESSES, READS, RULES, SECRETS, WRITES
from brickyard.policy.rules import PROJECT_RULES, Finding, Git, Subject
from brickyard.values import Diagnostic, Location, Severity

Judged: TypeAlias = Access | Finding
One = TypeVar("One", Access, Finding)
STOPPING = (*OF_ACCESSES, SECRETS)
FIXES = {
    READS: "read production's catalog or the environment's own",
    WRITES: "write to the environment's own catalog through a variable that each target sets",
    MODELS: "train or register it in this environment, or declare `models_from` in brickyard.yml",
}


class PolicyMode(StrEnum):
    OFF = "off"
    REPORT = "report"
    ENFORCE = "enforce"


@dataclass(frozen=True, slots=True, kw_only=True)
class PolicyReport:
    """What was found for one target; `accesses` are in the order of file and line."""

    target: str
    environment: Environment
    mode: PolicyMode
    accesses: tuple[Access, ...]
    findings: tuple[Finding, ...] = ()
    exceptions: tuple[Allowed, ...] = ()
    modes: Mapping[str, PolicyMode] | None = None  # of each rule
    today: date | None = None
    evidence: Mapping[str, str] | None = None  # kind -> what came of asking for it

    @property
    def judged(self) -> tuple[Judged, ...]:
        return (*self.accesses, *self.findings)

    @property
    def violations(self) -> tuple[Access, ...]:
        return tuple(one for one in self.accesses if one.verdict is Verdict.VIOLATION)

    @property
    def unknown(self) -> tuple[Access, ...]:
        return tuple(one for one in self.accesses if one.verdict is Verdict.UNKNOWN)

    @property
    def broken(self) -> tuple[Judged, ...]:
        """Every place where a rule is broken, accesses and findings."""
        return tuple(one for one in self.judged if one.verdict is Verdict.VIOLATION)

    @property
    def blocking(self) -> tuple[Judged, ...]:
        """Those of rules that are enforced."""
        return tuple(one for one in self.broken if self.mode_of(one.rule) is PolicyMode.ENFORCE)

    @property
    def blocks(self) -> bool:
        """True when a deployment has to stop."""
        return bool(self.blocking)

    def mode_of(self, rule: str) -> PolicyMode:
        return (self.modes or {}).get(rule, self.mode)

    def rules(self) -> dict[str, str]:
        """Each rule: `broken`, `unknown`, `holds`, or `off`."""
        found = {}
        unsure = any(one.verdict is Verdict.UNKNOWN for one in self.accesses if not one.rule)
        for rule in RULES:
            verdicts = {one.verdict for one in self.judged if one.rule == rule}
            if self.mode_of(rule) is PolicyMode.OFF:
                found[rule] = "off"
            elif Verdict.VIOLATION in verdicts:
                found[rule] = "broken"
            elif Verdict.UNKNOWN in verdicts or (unsure and rule in (READS, WRITES)):
                found[rule] = "unknown"
            else:
                found[rule] = "holds"
        return found

    def as_json(self) -> dict[str, Any]:
        """The public JSON of `policy check`."""
        return {
            "target": self.target,
            "environment": self.environment.name,
            "catalog": self.environment.catalog,
            "mode": str(self.mode),
            "reads": sorted(self.environment.reads),
            "writes": sorted(self.environment.writes),
            "rules": self.rules(),
            "accesses": [one.as_json() for one in self.accesses],
            "findings": [one.as_json() for one in self.findings],
            "exceptions": [one.as_json(self.today, self._count(one)) for one in self.exceptions],
            "evidence": dict(self.evidence or {"static": "asked"}),
        }

    def _count(self, allowed: Allowed) -> int:
        """How often an exception allowed something."""
        return sum(one.exception != "" and _covers(allowed, one) for one in self.judged)

    def diagnostics(self) -> tuple[Diagnostic, ...]:
        """Violations as diagnostics, for the command that deploys."""
        return tuple(_diagnostic(one, self.mode_of(one.rule)) for one in self.broken)


def check(
    resolved: Resolved,
    files: Mapping[str, bytes],
    *,
    sources: Iterable[str],
    settings: Mapping[str, Any],
    git: Git | None = None,
    today: date | None = None,
    others: Callable[[Environment], Iterable[Access]] | None = None,
) -> PolicyReport:
    """Judge a resolved bundle and its code. `settings` is the plain tree of `brickyard.yml`.

    `today` decides which exceptions have ended; without it all have. `others` gives accesses of
    other evidence (grants, observed), which are judged alike.
    """
    paths = tuple(sources)
    name = name_of(resolved.target, resolved.environment, settings)
    mode, modes = _mode(settings), _modes(settings)
    configured = [*configuration_accesses(resolved, files)]
    rule = environment(name, settings, inferred_catalog=inferred_catalog(resolved, configured))
    if all(one is PolicyMode.OFF for one in modes.values()):
        return PolicyReport(
            target=resolved.target, environment=rule, mode=mode, accesses=(), modes=modes
        )
    found = [*placed(unique([*configured, *code_accesses(resolved, files, paths)]), files)]
    found += others(rule) if others is not None else ()
    accesses = [judge(one, rule) for one in found]
    subject = Subject(
        resolved=resolved,
        files=files,
        sources=paths,
        environment=name,
        declared=_declared(settings, name),
        git=git or _git(resolved),
    )
    # Anchors of YAML give one place to many resources: each finding once.
    findings = {
        (one.rule, one.file, one.line, one.reason): one
        for rule_name, ask in PROJECT_RULES.items()
        if modes[rule_name] is not PolicyMode.OFF
        for one in ask(subject)
    }.values()
    blamed = {one.file for one in accesses} | {one.file for one in findings}
    allowed = (*exceptions.declared(settings), *exceptions.inline(files, {*paths, *blamed}))
    return PolicyReport(
        target=resolved.target,
        environment=rule,
        mode=mode,
        accesses=tuple(_settled(one, modes, allowed, today) for one in accesses),
        findings=tuple(_excepted(one, allowed, today) for one in findings),
        exceptions=allowed,
        modes=modes,
        today=today,
    )


def _settled(
    access: Access,
    modes: Mapping[str, PolicyMode],
    allowed: Iterable[Allowed],
    today: date | None,
) -> Access:
    """An access whose rule is off is fine; a violation may be allowed by an exception."""
    if modes.get(access.rule, PolicyMode.REPORT) is PolicyMode.OFF:
        return replace(access, verdict=Verdict.OK, reason="the rule is off")
    return _excepted(access, allowed, today)


def _excepted(one: One, allowed: Iterable[Allowed], today: date | None) -> One:
    if one.verdict is not Verdict.VIOLATION:
        return one
    for exception in allowed:
        if not _covers(exception, one):
            continue
        if exception.fault:
            reason = f"{one.reason} (an exception allows nothing: {exception.fault})"
            return replace(one, reason=reason)
        if exception.has_ended(today):
            reason = f"{one.reason} (its exception ended on {exception.until})"
            return replace(one, reason=reason)
        return replace(
            one, verdict=Verdict.OK, exception=f"{exception.because} (until {exception.until})"
        )
    return one


def _covers(allowed: Allowed, one: Judged) -> bool:
    name = one.full_name if isinstance(one, Access) else one.resource
    return allowed.covers(one.rule, one.file, one.line, name)


def _declared(settings: Mapping[str, Any], name: str) -> Mapping[str, Any]:
    environments = settings.get("environments")
    one = environments.get(name) if isinstance(environments, Mapping) else None
    return one if isinstance(one, Mapping) else {}


def _git(resolved: Resolved) -> Git:
    """What the bundle itself knows of git: the branch that is checked out."""
    found = resolved.tree.get("bundle.git.actual_branch") or resolved.tree.get("bundle.git.branch")
    return Git(branch=found.text if found is not None and found.text else None)


def _mode(settings: Mapping[str, Any]) -> PolicyMode:
    declared = settings.get("policy")
    given = declared.get("mode", "report") if isinstance(declared, Mapping) else "report"
    return _mode_named(given)


def _mode_named(given: object) -> PolicyMode:
    # YAML 1.1 readers turn a bare `off` into false.
    text = "off" if given is False else str(given)
    return PolicyMode(text) if text in set(PolicyMode) else PolicyMode.REPORT


def _modes(settings: Mapping[str, Any]) -> dict[str, PolicyMode]:
    """The mode of each rule: its own, or the policy's."""
    declared = settings.get("policy")
    given = declared.get("rules") if isinstance(declared, Mapping) else None
    own = given if isinstance(given, Mapping) else {}
    mode = _mode(settings)
    return {rule: _mode_named(own[rule]) if rule in own else _default(rule, mode) for rule in RULES}


def _default(rule: str, mode: PolicyMode) -> PolicyMode:
    """Rules beyond the catalogs and secrets stop nothing until they are asked to, by name."""
    if rule in STOPPING or mode is PolicyMode.OFF:
        return mode
    return PolicyMode.REPORT


def _diagnostic(one: Judged, mode: PolicyMode) -> Diagnostic:
    is_enforced = mode is PolicyMode.ENFORCE
    if isinstance(one, Access):
        summary = f"{one.mode} of {one.securable} {one.full_name} breaks the data policy"
        fix = FIXES.get(one.rule, FIXES[WRITES])
    else:
        summary, fix = f"the policy's rule {one.rule} is broken", one.fix
    return Diagnostic(
        severity=Severity.ERROR if is_enforced else Severity.WARNING,
        code=f"policy/{one.rule}",
        summary=summary,
        detail=f"{one.reason}. To mend it, {fix}.",
        path=one.resource or None,
        locations=(Location(file=one.file, line=one.line, column=one.column),),
    )


__all__ = ["OF_ACCESSES", "PolicyMode", "PolicyReport", "check"]

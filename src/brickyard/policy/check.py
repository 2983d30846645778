"""The check: every access of a bundle judged by the rule of its environment."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from brickyard.bundle import Resolved
from brickyard.policy.accesses import Access, Verdict
from brickyard.policy.code import code_accesses, unique
from brickyard.policy.columns import placed
from brickyard.policy.configuration import configuration_accesses
from brickyard.policy.environments import Environment, environment, judge, name_of
from brickyard.policy.inferred import inferred_catalog
from brickyard.policy.rule_names import READS, WRITES
from brickyard.values import Diagnostic, Location, Severity


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

    @property
    def violations(self) -> tuple[Access, ...]:
        return tuple(one for one in self.accesses if one.verdict is Verdict.VIOLATION)

    @property
    def unknown(self) -> tuple[Access, ...]:
        return tuple(one for one in self.accesses if one.verdict is Verdict.UNKNOWN)

    @property
    def blocks(self) -> bool:
        """True when a deployment has to stop."""
        return self.mode is PolicyMode.ENFORCE and bool(self.violations)

    def rules(self) -> dict[str, str]:
        """Each rule: `broken`, `unknown` or `holds`."""
        found = {}
        for rule in (READS, WRITES):
            verdicts = {one.verdict for one in self.accesses if one.rule == rule}
            unsure = any(one.verdict is Verdict.UNKNOWN for one in self.accesses if not one.rule)
            if Verdict.VIOLATION in verdicts:
                found[rule] = "broken"
            elif Verdict.UNKNOWN in verdicts or unsure:
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
        }

    def diagnostics(self) -> tuple[Diagnostic, ...]:
        """Violations as diagnostics, for the command that deploys."""
        severity = Severity.ERROR if self.mode is PolicyMode.ENFORCE else Severity.WARNING
        return tuple(_diagnostic(one, severity) for one in self.violations)


def check(
    resolved: Resolved,
    files: Mapping[str, bytes],
    *,
    sources: Iterable[str],
    settings: Mapping[str, Any],
) -> PolicyReport:
    """Judge a resolved bundle and its code. `settings` is the plain tree of `brickyard.yml`."""
    name = name_of(resolved.target, resolved.environment, settings)
    mode = _mode(settings)
    accesses: tuple[Access, ...] = ()
    configured = [*configuration_accesses(resolved, files)]
    rule = environment(name, settings, inferred_catalog=inferred_catalog(resolved, configured))
    if mode is not PolicyMode.OFF:
        found = [*configured, *code_accesses(resolved, files, sources)]
        accesses = tuple(judge(one, rule) for one in placed(unique(found), files))
    return PolicyReport(target=resolved.target, environment=rule, mode=mode, accesses=accesses)


def _mode(settings: Mapping[str, Any]) -> PolicyMode:
    declared = settings.get("policy")
    given = declared.get("mode", "report") if isinstance(declared, Mapping) else "report"
    # YAML 1.1 readers turn a bare `off` into false.
    text = "off" if given is False else str(given)
    return PolicyMode(text) if text in set(PolicyMode) else PolicyMode.REPORT


def _diagnostic(access: Access, severity: Severity) -> Diagnostic:
    fix = "write to the environment's own catalog through a variable that each target sets"
    if access.rule == READS:
        fix = "read production's catalog or the environment's own"
    return Diagnostic(
        severity=severity,
        code=f"policy/{access.rule}",
        summary=f"{access.mode} of {access.securable} {access.full_name} breaks the data policy",
        detail=f"{access.reason}. To mend it, {fix}.",
        path=access.resource or None,
        locations=(Location(file=access.file, line=access.line, column=access.column),),
    )

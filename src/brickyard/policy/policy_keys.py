"""What `policy` in `brickyard.yml` may say: the mode, the mode of single rules, exceptions.

policy:
  mode: enforce
  rules:
    pinned-requirements-in-production: report
  exceptions:
    - rule: reads-only-what-it-may
      name: staging.quality.*
      until: 2027-01-31
      because: the comparison with staging ends in January
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date
from typing import Any, Final

from brickyard.policy.rule_names import RULES
from brickyard.values import Diagnostic, Value, did_you_mean, error, warning

Json = dict[str, Any]

MODES: Final = ("off", "report", "enforce")
POLICY_KEYS: Final = ("mode", "rules", "exceptions")
EXCEPTION_KEYS: Final = ("rule", "name", "file", "until", "because")
# YAML 1.1 readers turn a bare `off` into false.
MODE_SHAPE: Final[Json] = {"enum": [*MODES, False]}
DATE: Final[Json] = {"type": "string", "pattern": r"^\d{4}-\d{2}-\d{2}$"}


def policy_schema() -> Json:
    """The JSON schema of the section."""
    text: Json = {"type": "string", "minLength": 1}
    exception = {
        "type": "object",
        "properties": {
            "rule": {"enum": list(RULES), "description": "The rule that need not hold."},
            "name": {**text, "description": "Full name that it is about; * stands for any."},
            "file": {**text, "description": "File that it is about; * stands for any."},
            "until": {**DATE, "description": "Last day on which it counts."},
            "because": {**text, "description": "Why; it is listed in every release record."},
        },
        "required": ["rule", "until", "because"],
        "additionalProperties": False,
    }
    rules = {
        "type": ["object", "null"],
        "properties": dict.fromkeys(RULES, MODE_SHAPE),
        "additionalProperties": False,
        "description": "The mode of single rules; default: the policy's.",
    }
    return {
        "type": ["object", "null"],
        "properties": {
            "mode": MODE_SHAPE,
            "rules": rules,
            "exceptions": {"type": ["array", "null"], "items": exception},
        },
        "additionalProperties": False,
    }


def policy_faults(tree: Value | None) -> Iterator[Diagnostic]:
    """What would otherwise be taken for a rule, or for an exception, that is not there."""
    if tree is None:
        return
    yield from _unknown(tree, POLICY_KEYS, "policy")
    yield from _mode_faults(tree.get("mode"))
    rules = tree.get("rules")
    for name, mode in (rules.items if rules is not None else {}).items():
        if name not in RULES:
            detail = f"`{name}` is no rule. {did_you_mean(name, RULES)}".strip()
            yield _fault(mode, "an unknown rule of the policy", detail)
        yield from _mode_faults(mode)
    exceptions = tree.get("exceptions")
    if exceptions is not None and exceptions.kind not in {"sequence", "nil"}:
        yield _fault(exceptions, "`exceptions` is not a list", "Write `- rule: …` items.")
    for one in exceptions.elements if exceptions is not None else ():
        yield from _exception_faults(one)


def _mode_faults(mode: Value | None) -> Iterator[Diagnostic]:
    if mode is None or mode.data is False or mode.data in MODES:
        return
    yield _fault(mode, "the policy's mode is unknown", f"Write one of {', '.join(MODES)}.")


def _exception_faults(tree: Value) -> Iterator[Diagnostic]:
    yield from _unknown(tree, EXCEPTION_KEYS, "policy.exceptions")
    rule, until, because = (tree.get(key) for key in ("rule", "until", "because"))
    if rule is None or rule.text not in RULES:
        detail = f"Name one of {', '.join(RULES)}."
        yield _fault(rule or tree, "an exception names no rule", detail)
    if until is None or day(str(until.data)) is None:
        detail = "Write `until: 2027-01-31`: the last day on which it counts."
        yield _fault(until or tree, "an exception has no last day", detail)
    if because is None or not because.text.strip():
        yield _fault(tree, "an exception has no reason", "Say why with `because: …`.")


def day(text: str) -> date | None:
    """A day as `2027-01-31`, or None."""
    try:
        return date.fromisoformat(text.strip())
    except ValueError:
        return None


def _unknown(tree: Value, known: tuple[str, ...], path: str) -> Iterator[Diagnostic]:
    for key, value in tree.items.items():
        if key not in known:
            yield warning(
                "release/unknown-key",
                "unknown key in brickyard.yml",
                f"`{key}` is not known here and is ignored. {did_you_mean(key, known)}".strip(),
                path=f"{path}.{key}",
                at=value.key_locations,
            )


def _fault(tree: Value, summary: str, detail: str) -> Diagnostic:
    return error("release/settings", summary, detail, at=tree.locations)

"""The definition of a cluster policy, held against a cluster's settings.

Follows "Compute policy reference": paths of attributes with dots, each with a type. `fixed` values
are put in where the settings are silent, defaults only when asked for. Paths with `*` and virtual
attributes (`dbus_per_hour`, `cluster_type`) are kept and not checked.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from copy import deepcopy
from typing import Any, Final

from brickyard.workspace.kernel import invalid
from brickyard.workspace.kernel.call import parse

Rule = Mapping[str, Any]
VIRTUAL: Final = frozenset({"cluster_type", "dbus_per_hour"})


def read_definition(field: str, text: str) -> dict[str, Rule]:
    """The rules by path. Raises INVALID_PARAMETER_VALUE naming the field of what is none."""
    try:
        rules = parse(text.encode())
    except (ValueError, RecursionError) as fault:
        raise invalid(f"{field} is not valid JSON: {fault}") from None
    if not isinstance(rules, dict):
        raise invalid(f"{field} must be a JSON object of attribute paths and their rules")
    for path, rule in rules.items():
        kind = rule.get("type") if isinstance(rule, dict) else None
        if kind not in CHECKS:
            known = ", ".join(sorted(CHECKS))
            raise invalid(f"{field}: the rule of {path} must have a type, one of {known}")
        if kind == "regex":
            _check_pattern(field, path, rule.get("pattern"))
    return rules


def applied(
    settings: Mapping[str, Any], rules: Mapping[str, Rule], *, with_defaults: bool
) -> dict[str, Any]:
    """The settings with what the policy puts in. Raises for what it does not allow."""
    done: dict[str, Any] = deepcopy(dict(settings))
    faults = []
    for path, rule in rules.items():
        if "*" in path or path in VIRTUAL:
            continue
        value = _value_at(done, path)
        if value is None:
            value = rule.get("value") if rule["type"] == "fixed" else None
            if value is None and with_defaults:
                value = rule.get("defaultValue")
            if value is not None:
                _put(done, path, value)
        fault = _fault(value, rule)
        if fault:
            faults.append(f"Validation failed for {path}, the value {fault}")
    if faults:
        raise invalid("Cluster validation error: " + "; ".join(faults))
    return done


def _fault(value: Any, rule: Rule) -> str:
    """What is wrong with a value, '' for nothing. A limited one must be there unless optional."""
    kind = rule["type"]
    if value is None and kind != "forbidden":
        is_needed = kind != "blocklist" and rule.get("isOptional") is not True
        return "must be present" if is_needed else ""
    return CHECKS[kind](value, rule)


def _fixed(value: Any, rule: Rule) -> str:
    wanted = rule.get("value")
    return f"must be {wanted!r}, not {value!r}" if value != wanted else ""


def _forbidden(value: Any, rule: Rule) -> str:
    return "must not be set" if value is not None else ""


def _allowlist(value: Any, rule: Rule) -> str:
    allowed = rule.get("values") or []
    words = ", ".join(map(repr, allowed))
    return f"must be one of {words}, not {value!r}" if value not in allowed else ""


def _blocklist(value: Any, rule: Rule) -> str:
    return f"must not be {value!r}" if value in (rule.get("values") or []) else ""


def _regex(value: Any, rule: Rule) -> str:
    pattern = str(rule.get("pattern", ""))
    return "" if re.fullmatch(pattern, str(value)) else f"must match {pattern!r}, not {value!r}"


def _range(value: Any, rule: Rule) -> str:
    if not isinstance(value, int | float):
        return f"must be a number, not {value!r}"
    lowest, highest = rule.get("minValue"), rule.get("maxValue")
    if lowest is not None and value < lowest:
        return f"must be at least {lowest}, not {value}"
    if highest is not None and value > highest:
        return f"must be at most {highest}, not {value}"
    return ""


def _anything(value: Any, rule: Rule) -> str:
    return ""


CHECKS: Final[Mapping[str, Callable[[Any, Rule], str]]] = {
    "fixed": _fixed,
    "forbidden": _forbidden,
    "allowlist": _allowlist,
    "blocklist": _blocklist,
    "regex": _regex,
    "range": _range,
    "unlimited": _anything,
}


def _check_pattern(field: str, path: str, pattern: object) -> None:
    try:
        re.compile(str(pattern or ""))
    except re.error as fault:
        raise invalid(f"{field}: the pattern of {path} is not valid: {fault}") from None


def _steps(path: str) -> list[str]:
    """The keys of a path: those of `spark_conf` and `custom_tags` have dots of their own."""
    top, _, rest = path.partition(".")
    if top in ("spark_conf", "spark_env_vars", "custom_tags") and rest:
        return [top, rest]
    return path.split(".")


def _value_at(settings: Mapping[str, Any], path: str) -> Any:
    found: Any = settings
    for step in _steps(path):
        found = found.get(step) if isinstance(found, Mapping) else None
    return found


def _put(settings: dict[str, Any], path: str, value: Any) -> None:
    *above, last = _steps(path)
    at = settings
    for step in above:
        below = at.get(step)
        at[step] = below if isinstance(below, dict) else {}
        at = at[step]
    at[last] = value

"""Exceptions: what a rule need not hold for, until a day, for a reason.

In `brickyard.yml` under `policy.exceptions`, or in a comment on the line that it is about, or on
the line above:

    # brickyard: allow writes-only-its-own-catalog until 2027-01-31 because of the migration
    df.write.saveAsTable("prod.a.b")

One that has ended, or says no day or no reason, allows nothing. All are listed in the report.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import date
from fnmatch import fnmatchcase
from typing import Any, Final

from brickyard.policy.policy_keys import day
from brickyard.policy.rule_names import RULES

MARK: Final = re.compile(r"(?:#|--|//)\s*brickyard:\s*allow\b(.*)$", re.MULTILINE)
WORDS: Final = re.compile(
    r"\s+(?P<rule>[\w-]+)(?:\s+until\s+(?P<until>\S+))?(?:\s+because\s+(?P<why>.*\S))?\s*$"
)
COMMENT: Final = re.compile(r"^\s*(?:#|--|//)")
COMMENTED: Final = (".py", ".sql", ".yml", ".yaml", ".ipynb", ".r", ".R", ".scala", ".sh", ".toml")


@dataclass(frozen=True, slots=True, kw_only=True)
class Allowed:
    """One exception. `name` and `pattern` are patterns of a full name and of a file; an inline one
    has its `line` instead. `fault` says why it allows nothing."""

    rule: str
    until: date | None
    because: str
    file: str
    line: int
    name: str = "*"
    pattern: str = "*"
    is_inline: bool = False
    fault: str = ""

    def covers(self, rule: str, file: str, line: int, name: str) -> bool:
        if rule != self.rule:
            return False
        if self.is_inline:
            return file == self.file and line == self.line
        return fnmatchcase(name.lower(), self.name.lower()) and fnmatchcase(file, self.pattern)

    def has_ended(self, today: date | None) -> bool:
        """Without knowing the day nothing is allowed."""
        return today is None or self.until is None or today > self.until

    def as_json(self, today: date | None, count: int) -> dict[str, Any]:
        state = "invalid" if self.fault else "expired" if self.has_ended(today) else "active"
        return {
            "rule": self.rule,
            "until": self.until.isoformat() if self.until else "",
            "because": self.because,
            "file": self.file,
            "line": self.line,
            "name": self.name,
            "state": state,
            "reason": self.fault,
            "count": count,
        }


def declared(settings: Mapping[str, Any]) -> Iterator[Allowed]:
    """Those of `brickyard.yml`; faulty ones are reported when the file is read."""
    policy = settings.get("policy")
    listed = policy.get("exceptions") if isinstance(policy, Mapping) else None
    for one in listed if isinstance(listed, list) else ():
        if not isinstance(one, Mapping):
            continue
        until, because = day(str(one.get("until", ""))), str(one.get("because") or "").strip()
        yield Allowed(
            rule=str(one.get("rule", "")),
            until=until,
            because=because,
            file="brickyard.yml",
            line=1,
            name=str(one.get("name") or "*"),
            pattern=str(one.get("file") or "*"),
            fault=_fault(str(one.get("rule", "")), until, because),
        )


def inline(files: Mapping[str, bytes], paths: Iterable[str]) -> Iterator[Allowed]:
    """Those in comments of these files."""
    for path in sorted(set(paths)):
        content = files.get(path, b"") if path.endswith(COMMENTED) else b""
        if b"brickyard:" not in content:
            continue
        lines = content.decode("utf-8", errors="replace").splitlines()
        for at, line in enumerate(lines):
            found = MARK.search(line)
            if found:
                yield _inline(path, lines, at, found[1])


def _inline(path: str, lines: list[str], at: int, text: str) -> Allowed:
    # In a notebook of .ipynb the comment stands in a JSON string.
    found = (
        WORDS.match(text.split("\\n", maxsplit=1)[0].rstrip('",'))
        if path.endswith(".ipynb")
        else None
    )
    found = found or WORDS.match(text)
    rule = found["rule"] if found else text.strip().split(" ")[0]
    until = day(found["until"] or "") if found else None
    because = (found["why"] or "") if found else ""
    about = at
    while COMMENT.match(lines[about]) and about + 1 < len(lines):
        about += 1
    return Allowed(
        rule=rule,
        until=until,
        because=because,
        file=path,
        line=about + 1,
        is_inline=True,
        fault=_fault(rule, until, because),
    )


def _fault(rule: str, until: date | None, because: str) -> str:
    if rule not in RULES:
        return f"`{rule}` is no rule"
    if until is None:
        return "it says no last day: `until 2027-01-31`"
    return "" if because else "it says no reason: `because …`"

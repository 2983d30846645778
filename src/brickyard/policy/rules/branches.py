"""An environment takes commits of its branches, or with its tags, only.

What is live in production is then always in the history of the branch that was reviewed, and a tag
says which version it is.

Bad: feature work goes to production.

    environments: {prod: {branches: [main]}}     # and the checkout is on `try-it`

Good: the commit is on `main`, and production asks for a tag besides.

    environments: {prod: {branches: [main], tags: ["v*"]}}
"""

from __future__ import annotations

from collections.abc import Iterator
from fnmatch import fnmatchcase

from brickyard.policy.accesses import Verdict
from brickyard.policy.rule_names import BRANCHES as ID
from brickyard.policy.rules.subject import Finding, Subject


def check(subject: Subject) -> Iterator[Finding]:
    for key, have in (
        ("branches", (subject.git.branch,) if subject.git.branch else None),
        ("tags", subject.git.tags),
    ):
        wanted = subject.declared.get(key)
        if not isinstance(wanted, list) or not wanted:
            continue
        names = " or ".join(str(one) for one in wanted)
        if have is None:
            yield _finding(Verdict.UNKNOWN, f"{subject.environment} takes commits of {names}, and"
                           f" git does not tell on which {_word(key)} this one is", "")  # fmt: skip
        elif not any(fnmatchcase(one, str(pattern)) for one in have for pattern in wanted):
            on = ", ".join(have) or f"no {_word(key)}"
            yield _finding(
                Verdict.VIOLATION,
                f"{subject.environment} takes commits of {names} only, and this one is on {on}",
                f"merge it first, or deploy it to an environment that takes {on}",
            )


def _word(key: str) -> str:
    return {"branches": "branch", "tags": "tag"}[key]


def _finding(verdict: Verdict, reason: str, fix: str) -> Finding:
    return Finding(rule=ID, verdict=verdict, file="brickyard.yml", line=1, reason=reason, fix=fix)

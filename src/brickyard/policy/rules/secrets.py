"""No secret stands in configuration or code.

What is in Git is read by everyone who may read the repository, for ever. Keys of well-known shapes
are found anywhere; other values where their name says that they are secret and they look random.
What is found is never shown: the place and the kind are enough.

Bad:

    environment_vars: {API_KEY: 8f3a…}

Good:

    environment_vars: {API_KEY: "{{secrets/llm/api_key}}"}
"""

from __future__ import annotations

import math
import re
from collections import Counter
from collections.abc import Iterator
from typing import Final

from brickyard.policy.accesses import Verdict
from brickyard.policy.references import place
from brickyard.policy.rule_names import SECRETS as ID
from brickyard.policy.rules.subject import Finding, Subject, at_text, at_value, scalars

# (kind, shape). The shapes are those that the services publish.
SHAPES: Final[tuple[tuple[str, re.Pattern[str]], ...]] = tuple(
    (kind, re.compile(pattern))
    for kind, pattern in (
        ("a Databricks token", r"\bdapi[0-9a-f]{32}(?:-\d)?\b"),
        ("a Databricks OAuth secret", r"\bdose[0-9a-f]{32}\b"),
        ("an AWS access key", r"\b(?:AKIA|ASIA)[0-9A-Z]{16}\b"),
        ("an Azure storage key", r"\bAccountKey=[A-Za-z0-9+/]{80,}={0,2}"),
        ("an Azure shared access signature", r"[?&]sig=[A-Za-z0-9%+/]{40,}"),
        ("a Google API key", r"\bAIza[0-9A-Za-z_-]{35}\b"),
        ("a GitHub token", r"\b(?:gh[pousr]_[A-Za-z0-9]{36,}|github_pat_\w{60,})\b"),
        ("a GitLab token", r"\bglpat-[\w-]{20,}\b"),
        ("an OpenAI key", r"\bsk-(?:proj-)?[A-Za-z0-9_-]{32,}\b"),
        ("an Anthropic key", r"\bsk-ant-[\w-]{32,}\b"),
        ("a Hugging Face token", r"\bhf_[A-Za-z0-9]{30,}\b"),
        ("a Slack token", r"\bxox[abprs]-[0-9A-Za-z-]{20,}\b"),
        ("a Stripe key", r"\b[sr]k_live_[0-9A-Za-z]{20,}\b"),
        ("a PyPI token", r"\bpypi-AgEI[\w-]{50,}\b"),
        ("a private key", r"-----BEGIN (?:RSA |EC |OPENSSH |DSA |PGP )?PRIVATE KEY"),
        ("a JSON web token", r"\beyJ[\w-]{15,}\.eyJ[\w-]{15,}\.[\w-]{20,}\b"),
        ("a password within a URL", r"\b[a-z][a-z0-9+]{2,15}://[^\s:/@'\"{$<]+:[^\s:/@'\"{$<*]{4,}@"),
    )
)  # fmt: skip
SECRET_NAME: Final = re.compile(
    r"(?i)(?:^|[_.-])(?:password|passwd|pwd|secret|token|api_?key|access_?key|account_?key"
    r"|client_?secret|private_?key|connection_?string|credentials?|auth)(?:$|[_.\]-])"
)
NOT_A_SECRET: Final = re.compile(
    r"(?i)^(?:\$\{|\{\{|<|\*|secrets?/|projects/|arn:|https?://|/|dbutils|env:|none$|null$|true$"
    r"|false$|changeme|your[_-]|xxx|example|placeholder|dummy|test)"
)
ASSIGNED: Final = re.compile(
    r"""(?im)^\s*(?:export\s+)?["']?([\w.-]*(?:password|passwd|secret|token|api_?key|access_?key|"""
    r"""client_?secret|connection_?string)[\w.-]*)["']?\s*[:=]\s*["']([^"'\s]{12,})["']"""
)
MIN_LENGTH: Final = 12
MIN_BITS: Final = 3.0  # per character; English words have less, random keys more
FIX: Final = "keep it in a secret scope, write {{secrets/<scope>/<key>}}, and have the key renewed"


def check(subject: Subject) -> Iterator[Finding]:
    seen: set[tuple[str, int]] = set()
    for one in _found(subject):
        if (one.file, one.line) not in seen:
            seen.add((one.file, one.line))
            yield one


def _found(subject: Subject) -> Iterator[Finding]:
    for path, text in subject.texts():
        for kind, shape in SHAPES:
            for match in shape.finditer(text):
                yield at_text(ID, path, text, match.start(), f"here is {kind}", FIX)
        if path.endswith((".py", ".ipynb", ".toml", ".ini", ".cfg", ".json", ".env", ".sh")):
            for match in ASSIGNED.finditer(text):
                if looks_secret(match[2]):
                    reason = f"the value of {match[1]} looks like a secret"
                    yield at_text(ID, path, text, match.start(1), reason, FIX)
    for declared in subject.resources():
        for path, value in scalars(declared):
            yield from _value(path, value.text, lambda reason, v=value, d=declared: at_value(
                ID, v, reason, FIX, resource=d.address))  # fmt: skip
    variables = subject.resolved.tree.get("variables")
    for name, variable in (variables.items if variables is not None else {}).items():
        given = variable.get("value") or variable.get("default")
        if given is not None and given.text:
            file, line, column = place(given)
            yield from _value(name, given.text, lambda reason, f=file, n=line, c=column: Finding(
                rule=ID, verdict=Verdict.VIOLATION, file=f, line=n, column=c, reason=reason,
                fix=FIX))  # fmt: skip


def _value(path: str, text: str, found: object) -> Iterator[Finding]:
    """A value of the configuration, by its shape or by its name."""
    make = found if callable(found) else None
    if make is None:
        return
    for kind, shape in SHAPES:
        if shape.search(text):
            yield make(f"{path} holds {kind}")
            return
    name = path.rsplit(".", 1)[-1]
    if SECRET_NAME.search(name) and not name.endswith(("_name", "_scope")) and looks_secret(text):
        yield make(f"the value of {path} looks like a secret")


def looks_secret(text: str) -> bool:
    """Long, of one word, and as random as keys are."""
    if len(text) < MIN_LENGTH or NOT_A_SECRET.match(text) or re.search(r"\s|\$\{|\{\{", text):
        return False
    if not re.search(r"\d", text) and not re.search(r"[^\w]", text):
        return False  # words in a row
    return bits_per_character(text) >= MIN_BITS


def bits_per_character(text: str) -> float:
    """Shannon's entropy of a text's characters."""
    counts = Counter(text)
    return -sum(n / len(text) * math.log2(n / len(text)) for n in counts.values())

"""An access: what a bundle or its code does to a securable, where that is written, and the verdict.

The JSON of `policy check` is a list of these; the field names are a public contract.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass, replace
from enum import StrEnum
from typing import Any


class Securable(StrEnum):
    CATALOG = "catalog"
    SCHEMA = "schema"
    TABLE = "table"
    VOLUME = "volume"
    MODEL = "model"
    FUNCTION = "function"
    INDEX = "index"
    PROMPT = "prompt"
    ENDPOINT = "endpoint"
    CONNECTION = "connection"
    PATH = "path"


class Mode(StrEnum):
    READ = "read"
    WRITE = "write"


class Verdict(StrEnum):
    OK = "ok"
    VIOLATION = "violation"
    UNKNOWN = "unknown"  # never a clean bill: what can't be resolved is listed as such


@dataclass(frozen=True, slots=True, kw_only=True)
class Access:
    """One read or write. `full_name` is as far resolved as it could be; `line` counts from 1."""

    securable: Securable
    full_name: str
    mode: Mode
    file: str
    line: int
    column: int = 1
    verdict: Verdict = Verdict.UNKNOWN
    rule: str = ""
    reason: str = ""  # why unknown, or why a violation
    evidence: str = "static"
    resource: str = ""  # the bundle resource whose code or configuration this is
    doubt: str = ""  # why it may be a write, although it is listed as a read
    is_copy: bool = False  # a model version that is copied to another catalog
    principal: str = ""  # who could do it, where grants are the evidence
    exception: str = ""  # the exception that allows a violation: its reason and last day

    def judged(self, verdict: Verdict, rule: str, reason: str) -> Access:
        return replace(self, verdict=verdict, rule=rule, reason=reason)

    def as_json(self) -> dict[str, Any]:
        return {key: str(v) if isinstance(v, StrEnum) else v for key, v in asdict(self).items()}

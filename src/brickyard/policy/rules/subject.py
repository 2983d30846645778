"""What a rule of the project is given, and what it finds."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass, replace
from enum import StrEnum
from typing import Any, Final

from brickyard.bundle import UNKNOWN_USER, Declared, Resolved
from brickyard.policy.accesses import Verdict
from brickyard.policy.environments import PRODUCTION
from brickyard.policy.references import place, plain_text
from brickyard.values import Path, Value, show

APPLICATION_ID: Final = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}", re.IGNORECASE)
TEXTS: Final = (
    ".py .sql .yml .yaml .json .toml .ipynb .ini .cfg .conf .txt .env .sh .md .properties .tfvars"
    " .r .R .scala .xml"
)
TEXT_FILES: Final = tuple(TEXTS.split())
MAX_TEXT_BYTES: Final = 1_000_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """One place where a rule is broken, or can't be judged. Field names are a public contract."""

    rule: str
    verdict: Verdict
    file: str
    line: int
    column: int = 1
    reason: str
    fix: str = ""
    resource: str = ""
    exception: str = ""

    def as_json(self) -> dict[str, Any]:
        return {key: str(v) if isinstance(v, StrEnum) else v for key, v in asdict(self).items()}


@dataclass(frozen=True, slots=True, kw_only=True)
class Git:
    """Where the checked commit stands; None where nobody could tell."""

    branch: str | None = None
    tags: tuple[str, ...] | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Subject:
    """A bundle for one target. `declared` is the environment's entry in brickyard.yml."""

    resolved: Resolved
    files: Mapping[str, bytes]
    sources: tuple[str, ...]
    environment: str
    declared: Mapping[str, Any]
    git: Git = Git()

    @property
    def is_production(self) -> bool:
        """Production by name, or declared as strictly controlled."""
        return self.environment == PRODUCTION or self.declared.get("control") == "strict"

    def resources(self) -> Iterator[Declared]:
        """The resources themselves, without their permissions and grants."""
        return (one for one in self.resolved.resources if not one.part)

    def parts(self, name: str) -> Iterator[Declared]:
        """The `permissions` or `grants` of resources."""
        return (one for one in self.resolved.resources if one.part == name)

    def text(self, value: Value) -> str:
        return plain_text(value, self.resolved.tree)

    def texts(self) -> Iterator[tuple[str, str]]:
        """(path, text) of every source that is text."""
        for path in self.sources:
            if path.endswith(TEXT_FILES) or path.rsplit("/", 1)[-1].startswith(".env"):
                content = self.files.get(path, b"")
                if len(content) <= MAX_TEXT_BYTES:
                    yield path, content.decode("utf-8", errors="replace")

    @property
    def deployer(self) -> str:
        """Who deploys: the current user; empty where no workspace was asked."""
        found = self.resolved.tree.get("workspace.current_user.userName")
        name = found.text if found is not None else ""
        return "" if name == UNKNOWN_USER else name

    @property
    def deployer_is_unknown(self) -> bool:
        return not self.deployer


def at_value(
    rule: str, value: Value, reason: str, fix: str, *, resource: str = "", is_unknown: bool = False
) -> Finding:
    """A finding at the place of a value."""
    file, line, column = place(value)
    return Finding(
        rule=rule,
        verdict=Verdict.UNKNOWN if is_unknown else Verdict.VIOLATION,
        file=file,
        line=line,
        column=column,
        reason=reason,
        fix=fix,
        resource=resource,
    )


def at_text(rule: str, file: str, text: str, offset: int, reason: str, fix: str) -> Finding:
    """A finding at an offset of a file's text."""
    before = text[:offset]
    return Finding(
        rule=rule,
        verdict=Verdict.VIOLATION,
        file=file,
        line=before.count("\n") + 1,
        column=offset - (before.rfind("\n") + 1) + 1,
        reason=reason,
        fix=fix,
    )


def is_service_principal(name: str) -> bool:
    return APPLICATION_ID.fullmatch(name.strip()) is not None


def scalars(declared: Declared) -> Iterator[tuple[str, Value]]:
    """(path, value) of every text of a resource."""
    found: Iterator[tuple[Path, Value]] = declared.value.walk()
    return ((show(path), value) for path, value in found if value.text)


__all__ = ["Finding", "Git", "Subject", "at_text", "at_value", "replace"]

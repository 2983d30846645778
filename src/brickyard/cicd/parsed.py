"""A pipeline as it stands in a file: what `ci run` executes, whoever wrote it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final

ALWAYS: Final = "always()"


class Unreadable(ValueError):
    """The file is no pipeline that can be read; the message says where and why."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ParsedStep:
    """A script, or what a provider does itself: `uses` names it, `inputs` are its settings."""

    name: str
    script: str = ""
    uses: str = ""
    inputs: Mapping[str, Any] = field(default_factory=dict)
    env: Mapping[str, str] = field(default_factory=dict)
    condition: str = ""
    folder: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class ParsedJob:
    key: str
    title: str
    steps: tuple[ParsedStep, ...]
    needs: tuple[str, ...] = ()
    condition: str = ""
    rules: tuple[Mapping[str, Any], ...] = ()  # GitLab's, instead of a condition
    env: Mapping[str, str] = field(default_factory=dict)
    environment: str = ""
    artifacts: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class ParsedPipeline:
    jobs: tuple[ParsedJob, ...]
    env: Mapping[str, str] = field(default_factory=dict)


def texts(table: object) -> dict[str, str]:
    """A mapping of variables as a shell gets them."""
    if not isinstance(table, Mapping):
        return {}
    return {str(key): _text(value) for key, value in table.items()}


def _text(value: object) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    return "" if value is None else str(value)


def words(value: object) -> tuple[str, ...]:
    """A list of names, or one name."""
    if value is None:
        return ()
    return tuple(str(one) for one in value) if isinstance(value, list) else (str(value),)

"""What a rollout found and moved, gathered step by step for the release record.

A step adds plain data (`add`), which is also kept with the step in the journal: taken up after a
kill, the release knows what finished steps found.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any


@dataclass(slots=True, kw_only=True)
class Findings:
    """Lists grow, maps are updated, texts are replaced: the last step to say so wins."""

    evaluation: dict[str, Any] = field(default_factory=dict)
    examples: dict[str, Any] = field(default_factory=dict)  # step -> examples
    gate: list[str] = field(default_factory=list)
    models: dict[str, dict[str, Any]] = field(default_factory=dict)  # full name -> version, aliases
    prompts: dict[str, dict[str, Any]] = field(default_factory=dict)
    endpoints: dict[str, Any] = field(default_factory=dict)  # name -> config as it was set
    indexes: dict[str, Any] = field(default_factory=dict)
    apps: dict[str, Any] = field(default_factory=dict)
    model: str = ""
    model_version: str = ""
    alias: str = ""
    endpoint: str = ""
    served: dict[str, Any] = field(default_factory=dict)

    def add(self, facts: Mapping[str, Any]) -> None:
        for name, fact in facts.items():
            here = getattr(self, name)
            if isinstance(here, list):
                here += list(fact)
            elif isinstance(here, dict) and name != "served":
                for key, value in fact.items():
                    here[key] = _joined(here.get(key), value)
            else:
                setattr(self, name, fact)


def _joined(old: Any, new: Any) -> Any:
    """A model that is registered, then given an alias: both are said of it."""
    if isinstance(old, Mapping) and isinstance(new, Mapping) and "version" in new:
        aliases = {**(old.get("aliases") or {}), **(new.get("aliases") or {})}
        return {**old, **new, **({"aliases": aliases} if aliases else {})}
    return new

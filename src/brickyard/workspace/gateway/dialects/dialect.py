"""What a provider's API is to the gateway: a request out, an answer or events back.

Both ways the gateway's own words are OpenAI's.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Protocol

Json = dict[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class Outgoing:
    """One HTTP request to a provider."""

    url: str
    body: Json
    headers: Mapping[str, str] = field(default_factory=dict)


class Dialect(Protocol):
    def request(self, base: str, model: str, form: str, body: Mapping[str, Any]) -> Outgoing:
        """Raises INVALID_PARAMETER_VALUE for what the provider has no words for."""
        ...

    def answer(self, form: str, body: Json) -> Json:
        """Raises KeyError, TypeError and the like for a body that is none of this API."""
        ...

    def events(
        self, events: AsyncIterator[bytes], body: Mapping[str, Any]
    ) -> AsyncIterator[bytes]: ...

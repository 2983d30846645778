"""One authenticated request, as handlers see it, and what they may answer."""

from __future__ import annotations

import json
import re
from collections.abc import AsyncIterator, Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from brickyard.workspace.kernel.decode import decode
from brickyard.workspace.kernel.errors import ApiError, invalid
from brickyard.workspace.kernel.paging import take_page

if TYPE_CHECKING:
    from brickyard.workspace.engines import Engines

Json = Mapping[str, Any] | list[Any]
T = TypeVar("T")
INT64 = range(-(2**63), 2**63)
DIGITS = bytes(ord("0") if chr(one).isdecimal() and one < 128 else 32 for one in range(256))
LONG_NUMBER = b"0" * 19
SURROGATE = re.compile(rb"\\u[dD][89a-fA-F]")


@dataclass(frozen=True, slots=True, kw_only=True)
class Principal:
    """Who calls: a user or a service principal (whose user name is its application id)."""

    id: int
    user_name: str
    display_name: str
    is_service_principal: bool = False
    groups: frozenset[str] = frozenset()
    is_admin: bool = False  # workspace admin: member of `admins`
    scopes: frozenset[str] | None = None  # the APIs that the token is for; None: all of them


@dataclass(frozen=True, slots=True, kw_only=True)
class WorkspaceInfo:
    """One of the three workspaces. `catalog` is the one it owns."""

    name: str
    id: int
    catalog: str
    url: str


@dataclass(slots=True, kw_only=True)
class Reply:
    """An answer that is more than JSON with status 200. `body` as Path is streamed and kept."""

    status: int = 200
    json: Json | None = None
    body: bytes | Path | None = None
    stream: AsyncIterator[bytes] | None = None
    headers: dict[str, str] = field(default_factory=dict)
    offset: int = 0  # of a Path body: first byte
    length: int | None = None  # of a Path body: number of bytes


class Call:
    """A request that reached its handler: who, where, what, and the engines to ask."""

    __slots__ = (
        "_body",
        "_parsed",
        "engines",
        "headers",
        "method",
        "path",
        "principal",
        "query_items",
        "raw_path",
        "receive",
        "workspace",
    )

    def __init__(
        self,
        *,
        method: str,
        raw_path: str,
        path: Mapping[str, str],
        query_items: Sequence[tuple[str, str]],
        headers: Mapping[str, str],
        body: bytes | Path,
        principal: Principal,
        workspace: WorkspaceInfo,
        engines: Engines,
        receive: Callable[[], Any] | None = None,
    ) -> None:
        self.method = method
        self.raw_path = raw_path
        self.path = path
        self.query_items = query_items
        self.headers = headers  # names in lower case
        self.principal = principal
        self.workspace = workspace
        self.engines = engines
        self.receive = receive  # ASGI receive, for handlers that watch for a disconnect
        self._body = body
        self._parsed: Any = None

    def query(self, name: str, default: str = "") -> str:
        """The last value given for a query parameter."""
        return next((v for k, v in reversed(self.query_items) if k == name), default)

    def queries(self, name: str) -> tuple[str, ...]:
        return tuple(v for k, v in self.query_items if k == name)

    def flag(self, name: str) -> bool:
        """A boolean query parameter: `true` in any case."""
        return self.query(name).lower() == "true"

    def integer(self, name: str, default: int = 0) -> int:
        text = self.query(name)
        if not text:
            return default
        try:
            number = int(text)
        except ValueError:
            raise invalid(f"{name} must be an integer, not {text!r}") from None
        if number not in INT64:
            raise invalid(f"{name} is out of range: {text}")
        return number

    def header(self, name: str, default: str = "") -> str:
        return self.headers.get(name.lower(), default)

    def body(self) -> bytes:
        """The whole body in memory (a spooled one is read)."""
        return self._body.read_bytes() if isinstance(self._body, Path) else self._body

    def body_path(self) -> Path | None:
        """Where a large body was spooled; the handler may move the file away. None if in memory."""
        return self._body if isinstance(self._body, Path) else None

    def json(self) -> Any:
        """The body as JSON; `{}` when there is none. Raises MALFORMED_REQUEST otherwise."""
        if self._parsed is None:
            raw = self.body()
            try:
                self._parsed = parse(raw) if raw.strip() else {}
            except (ValueError, RecursionError) as fault:
                message = f"Could not parse request object: {fault}"
                raise ApiError("MALFORMED_REQUEST", message) from None
        return self._parsed

    def fields(self) -> Mapping[str, Any]:
        """The body, which must be a JSON object. Raises MALFORMED_REQUEST otherwise."""
        parsed = self.json()
        if not isinstance(parsed, dict):
            raise ApiError("MALFORMED_REQUEST", "The request body must be a JSON object")
        return parsed

    def read(self, shape: type[T]) -> T:
        """The body as a dataclass; unknown fields are ignored, as the real service does.

        Raises INVALID_PARAMETER_VALUE naming every fault with its path.
        """
        return decode(self.json(), shape)

    def page(
        self,
        key: str,
        items: Iterable[T],
        show: Callable[[T], Any],
        *,
        size: int | None = None,
        default_size: int = 1000,
    ) -> Json:
        """One page of a list, by `page_token` and `max_results` or `page_size` of the query.

        An empty list is left out of the answer, as the real service does.
        """
        wanted = size or self.integer("max_results") or self.integer("page_size") or default_size
        chunk, token = take_page(items, self.query("page_token"), wanted)
        answer: dict[str, Any] = {key: [show(item) for item in chunk]} if chunk else {}
        if token:
            answer["next_page_token"] = token
        return answer


def parse(raw: bytes) -> Any:
    """JSON that every engine can keep: no number beyond 64 bits, no half of a surrogate pair.

    Raises ValueError, or RecursionError for what is nested too deep.
    """
    is_long = LONG_NUMBER in raw.translate(DIGITS)
    parsed = json.loads(raw, parse_int=_int64 if is_long else None)
    if SURROGATE.search(raw):
        json.dumps(parsed, ensure_ascii=False).encode()
    return parsed


def _int64(text: str) -> int:
    number = int(text) if len(text) <= 20 else 2**63
    if number not in INT64:
        raise ValueError(f"the number {text[:40]} does not fit into 64 bits")
    return number

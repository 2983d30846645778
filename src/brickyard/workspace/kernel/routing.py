"""Routes and the table that finds them: method plus a trie of path segments, on the raw path.

`{name}` takes one segment and is percent-decoded on its own, so an encoded slash stays inside it;
`{name...}` takes the rest of the path, or what is before the literal segments after it. Literal
segments win over parameters. A trailing slash is equal to none (some official clients add one).
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from enum import Enum
from types import MappingProxyType
from typing import Any, Final
from urllib.parse import unquote

REMEMBERED: Final = 2048  # paths, with what was found for them


class Fidelity(Enum):
    """What an endpoint does, compared with the real service."""

    REAL = "real"  # does it
    VIRTUAL = "virtual"  # keeps what it is told, nothing is behind it
    ACCEPTED = "accepted"  # takes the request and ignores it, and says so
    REFUSED = "refused"  # says why it cannot be done here


@dataclass(frozen=True, slots=True)
class Route:
    method: str
    path: str
    handler: Callable[[Any], Any]  # Call -> Json | Reply, plain or async
    fidelity: Fidelity = Fidelity.REAL
    auth: bool = True
    browser: bool = False  # a browser's session counts, too
    stranger: Callable[[Any], Any] | None = (
        None  # WorkspaceInfo -> Reply, for a browser without one
    )
    largest: int | None = None  # bytes of a body; None: what the disk takes
    note: str = ""  # what is virtual or ignored; shown in the coverage page and in a header


@dataclass(slots=True)
class _Node:
    literals: dict[str, _Node] = field(default_factory=dict)
    parameter: _Node | None = None
    routes: dict[str, tuple[Route, tuple[str, ...]]] = field(default_factory=dict)
    rest: dict[str, tuple[Route, tuple[str, ...]]] = field(default_factory=dict)
    # What ends in these segments: the same as `rest`, and wins over it.
    endings: dict[tuple[str, ...], dict[str, tuple[Route, tuple[str, ...]]]] = field(
        default_factory=dict
    )


class Router:
    """Finds the route of a request. Two routes of the same method and shape are an error."""

    def __init__(self, routes: Iterable[Route]) -> None:
        self._root = _Node()
        self._found: dict[tuple[str, str], tuple[Route, Mapping[str, str]]] = {}
        self.routes = tuple(routes)
        for route in self.routes:
            self._add(route)

    def find(self, method: str, raw_path: str) -> tuple[Route, Mapping[str, str]] | None:
        """The route and its decoded path parameters, or None."""
        known = self._found.get((method, raw_path))
        if known is None and (known := self._look(method, raw_path)) is not None:
            if len(self._found) >= REMEMBERED:
                self._found.clear()
            self._found[method, raw_path] = known
        return known

    def _look(self, method: str, raw_path: str) -> tuple[Route, Mapping[str, str]] | None:
        segments = [part for part in raw_path.split("/") if part]
        found = _match(self._root, segments, 0, [], method)
        if found is None and method == "HEAD":
            found = _match(self._root, segments, 0, [], "GET")
        if found is None:
            return None
        (route, names), values = found
        return route, MappingProxyType(dict(zip(names, values, strict=True)))

    def _add(self, route: Route) -> None:
        node, names = self._root, []
        segments = [part for part in route.path.split("/") if part]
        for at, segment in enumerate(segments):
            if segment.startswith("{") and segment.endswith("...}"):
                names.append(segment[1:-4])
                ending = tuple(segments[at + 1 :])
                _put(node.endings.setdefault(ending, {}) if ending else node.rest, route, names)
                return
            if segment.startswith("{") and segment.endswith("}"):
                names.append(segment[1:-1])
                node.parameter = node.parameter or _Node()
                node = node.parameter
            else:
                node = node.literals.setdefault(segment, _Node())
        _put(node.routes, route, names)


def _put(table: dict[str, tuple[Route, tuple[str, ...]]], route: Route, names: list[str]) -> None:
    if route.method in table:
        raise ValueError(f"two routes for {route.method} {route.path}")
    table[route.method] = (route, tuple(names))


def _match(
    node: _Node, segments: list[str], at: int, values: list[str], method: str
) -> tuple[tuple[Route, tuple[str, ...]], list[str]] | None:
    if at == len(segments):
        if method in node.routes:
            return node.routes[method], values
        if method in node.rest:
            return node.rest[method], [*values, ""]
        return None
    segment = segments[at]
    # Clients may escape a literal ("%3A" for ":"): compare decoded as well.
    literal = node.literals.get(segment) or node.literals.get(unquote(segment))
    if literal is not None:
        found = _match(literal, segments, at + 1, values, method)
        if found is not None:
            return found
    if node.parameter is not None:
        found = _match(node.parameter, segments, at + 1, [*values, unquote(segment)], method)
        if found is not None:
            return found
    for ending, routes in node.endings.items():
        end = len(segments) - len(ending)
        if method in routes and end > at and tuple(map(unquote, segments[end:])) == ending:
            return routes[method], [*values, unquote("/".join(segments[at:end]))]
    if method in node.rest:
        return node.rest[method], [*values, unquote("/".join(segments[at:]))]
    return None

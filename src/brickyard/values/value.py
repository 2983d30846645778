"""The located tree: plain data in which every value and every key knows where it was written.

Trees are never changed; a step returns a new one and shares the parts that it did not touch. Maps
keep their order. Equality compares data only: two trees from different files may be equal.
Paths are written as in messages: `resources.jobs.nightly.tasks[0].task_key`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Final, TypeAlias

from brickyard.values.location import Location

Scalar: TypeAlias = str | int | float | bool | None
Plain: TypeAlias = "Scalar | list[Plain] | dict[str, Plain]"
Data: TypeAlias = "Scalar | Mapping[str, Value] | tuple[Value, ...]"
Step: TypeAlias = str | int
Path: TypeAlias = tuple[Step, ...]


class Timestamp(str):
    """A text that YAML takes for a time: `2024-01-02`. A string wherever one is wanted."""

    __slots__ = ()


@dataclass(frozen=True, slots=True)
class Value:
    """One node: its data, every place that gave it (the winner first), and the place of its key."""

    data: Data = None
    locations: tuple[Location, ...] = field(default=(), compare=False, repr=False)
    key: Location | None = field(default=None, compare=False, repr=False)
    anchored: bool = field(default=False, compare=False, repr=False)

    @property
    def location(self) -> Location | None:
        """The first place, if any is known."""
        return self.locations[0] if self.locations else None

    @property
    def key_locations(self) -> tuple[Location, ...]:
        """The place of this value's key, or of the value where it has none."""
        return (self.key,) if self.key else self.locations

    @property
    def kind(self) -> str:
        """`map`, `sequence`, `string`, `time`, `bool`, `int`, `float` or `nil`."""
        return kind_of(self.data)

    @property
    def items(self) -> Mapping[str, Value]:
        """The entries of a map; nothing for any other kind."""
        return self.data if isinstance(self.data, dict) else EMPTY

    @property
    def elements(self) -> tuple[Value, ...]:
        """The elements of a sequence; nothing for any other kind."""
        return self.data if isinstance(self.data, tuple) else ()

    @property
    def text(self) -> str:
        """The string, or an empty one for any other kind."""
        return self.data if isinstance(self.data, str) else ""

    def get(self, path: str | Path) -> Value | None:
        """The value at a path such as `a.b[0].c`, or None where there is none."""
        found: Value | None = self
        for step in steps(path) if isinstance(path, str) else path:
            found = found.child(step)  # type: ignore[union-attr]
            if found is None:
                return None
        return found

    def child(self, step: Step) -> Value | None:
        """The entry or element one step below."""
        if isinstance(step, str):
            return self.data.get(step) if isinstance(self.data, dict) else None
        if isinstance(self.data, tuple) and 0 <= step < len(self.data):
            return self.data[step]
        return None

    def plain(self) -> Plain:
        """The same data as dictionaries and lists, without places."""
        if isinstance(self.data, dict):
            return {name: value.plain() for name, value in self.data.items()}
        if isinstance(self.data, tuple):
            return [value.plain() for value in self.data]
        return self.data  # type: ignore[return-value]

    def with_data(self, data: Data) -> Value:
        """The same place, other data."""
        return Value(data, self.locations, self.key, self.anchored)

    def with_key(self, key: Location | None) -> Value:
        """The same value under another key's place."""
        return self if self.key == key else Value(self.data, self.locations, key, self.anchored)

    def put(self, path: str | Path, value: Value) -> Value:
        """A tree with `value` at `path`; missing maps on the way are made, others are replaced."""
        way = steps(path) if isinstance(path, str) else path
        if not way:
            return value
        step, rest = way[0], way[1:]
        if isinstance(step, int):
            if not isinstance(self.data, tuple) or not 0 <= step < len(self.data):
                return self
            below = self.data[step].put(rest, value)
            return self.with_data((*self.data[:step], below, *self.data[step + 1 :]))
        entries = dict(self.items)
        old = entries.get(step)
        new = (old or Value({}, value.locations)).put(rest, value)
        entries[step] = new.with_key(old.key) if old is not None and new.key is None else new
        return self.with_data(entries)

    def put_all(self, changes: Mapping[Path, Value]) -> Value:
        """As `put` at every path, but each map on the way is copied once.

        Steps that touch every resource need this: putting them one by one copies the map of all
        resources for each of them.
        """
        value = changes.get((), self)
        below: dict[Step, dict[Path, Value]] = {}
        for path, new in changes.items():
            if path:
                below.setdefault(path[0], {})[path[1:]] = new
        if not below:
            return value
        if isinstance(value.data, tuple):
            elements = list(value.data)
            for step, parts in below.items():
                if isinstance(step, int) and 0 <= step < len(elements):
                    elements[step] = elements[step].put_all(parts)
            return value.with_data(tuple(elements))
        entries = dict(value.items)
        for step, parts in below.items():
            if not isinstance(step, str):
                continue
            old = entries.get(step)
            made = (old or Value({}, next(iter(parts.values())).locations)).put_all(parts)
            entries[step] = made.with_key(old.key) if old and made.key is None else made
        return value.with_data(entries)

    def drop(self, path: str | Path) -> Value:
        """A tree without the map entry at `path`."""
        way = steps(path) if isinstance(path, str) else path
        parent = self.get(way[:-1]) if way else None
        if parent is None or way[-1] not in parent.items:
            return self
        left = {name: value for name, value in parent.items.items() if name != way[-1]}
        return self.put(way[:-1], parent.with_data(left))

    def walk(self, path: Path = ()) -> Iterator[tuple[Path, Value]]:
        """Every value below this one and itself, parents first, with its path."""
        yield path, self
        if isinstance(self.data, dict):
            for name, value in self.data.items():
                yield from value.walk((*path, name))
        elif isinstance(self.data, tuple):
            for index, value in enumerate(self.data):
                yield from value.walk((*path, index))

    def map(self, change: Callable[[Path, Value], Value], path: Path = ()) -> Value:
        """The tree with `change` applied to every value, children first; what stays is shared."""
        data: Data = self.data
        if isinstance(data, dict):
            entries = {name: value.map(change, (*path, name)) for name, value in data.items()}
            if any(entries[name] is not value for name, value in data.items()):
                data = entries
        elif isinstance(data, tuple):
            elements = tuple(value.map(change, (*path, at)) for at, value in enumerate(data))
            if any(new is not old for new, old in zip(elements, data, strict=True)):
                data = elements
        return change(path, self if data is self.data else self.with_data(data))


EMPTY: Final[Mapping[str, Value]] = {}
NOTHING: Final = Value(None)


def kind_of(data: object) -> str:
    """The word that messages use for this kind of data."""
    match data:
        case bool():
            return "bool"
        case int():
            return "int"
        case float():
            return "float"
        case Timestamp():
            return "time"
        case str():
            return "string"
        case dict():
            return "map"
        case tuple() | list():
            return "sequence"
        case _:
            return "nil"


def value_of(plain: object, locations: tuple[Location, ...] = ()) -> Value:
    """A located tree from plain data; every node gets the same places."""
    if isinstance(plain, Mapping):
        return Value({str(k): value_of(v, locations) for k, v in plain.items()}, locations)
    if isinstance(plain, list | tuple):
        return Value(tuple(value_of(element, locations) for element in plain), locations)
    if plain is None or isinstance(plain, str | int | float | bool):
        return Value(plain, locations)
    return Value(str(plain), locations)


def steps(path: str) -> Path:
    """The steps of a written path: names between dots, numbers in brackets.

    A number in brackets is an index; anything that is not a number is taken as part of the name.
    """
    found: list[Step] = []
    for part in path.split(".") if path else ():
        name, *indexes = part.split("[")
        if name or not indexes:
            found.append(name)
        for index in indexes:
            digits = index.removesuffix("]")
            found.append(int(digits) if digits.isdecimal() and len(digits) < 10 else digits)
    return tuple(found)


def show(path: Path) -> str:
    """A path as messages write it."""
    text = ""
    for step in path:
        text += f"[{step}]" if isinstance(step, int) else f".{step}" if text else step
    return text

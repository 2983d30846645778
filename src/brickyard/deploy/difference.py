"""Where recorded, desired and actual configurations differ, path by path.

Paths are printed as the official CLI prints them: `tasks[task_key='x'].max_retries`, `tags['k']`,
`tasks[0]`. Lists with a key are matched by it, those of one key in their order; other lists by
index, and a list of another length is one difference. Absent, null, empty text, empty list and
empty map count as one: nothing.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from functools import partial
from itertools import islice
from typing import Any, Final

from brickyard.resources import Json

WORD: Final = re.compile(r"[A-Za-z_][A-Za-z0-9_]*\Z")
ABSENT: Final = None
# How elements of a keyed list are told apart: by a field, or by what a function says of them,
# which is `field='value'`.
Keys = Mapping[str, str | Callable[[Json], str]]


@dataclass(frozen=True, slots=True)
class Rules:
    """What has to be known of lists and maps to compare them."""

    keys: Keys
    is_users: Callable[[str], bool]  # a map whose keys are printed as `['k']` rather than `.k`


@dataclass(frozen=True, slots=True)
class Step:
    """One part of a path. `pattern` is how rules name it: `.key`, or `[*]` for a list element."""

    text: str
    pattern: str


Path = tuple[Step, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Difference:
    """One path at which the three are not all alike."""

    path: Path
    old: Any = ABSENT
    new: Any = ABSENT
    remote: Any = ABSENT

    @property
    def text(self) -> str:
        return show_path(self.path)


def differences(
    old: Any, new: Any, remote: Any, keys: Keys, is_users: Callable[[str], bool] = lambda _: False
) -> tuple[Difference, ...]:
    """Every path where old ≠ new or remote ≠ new, as deep as the three still have one shape.

    Two kinds of nothing, one given and one absent, differ here: the plan tells it, and no more.

    `keys` maps the pattern of a keyed list (`tasks`, `tasks[*].depends_on`) to its key field.
    `is_users` says of a pattern whether a map is there whose keys are the user's.
    """
    return tuple(_compare((), _Sides(old, new, remote), Rules(keys, is_users)))


def show_path(path: Path) -> str:
    return "".join(step.text for step in path).removeprefix(".")


def pattern_of(path: Path) -> str:
    """`tasks[*].max_retries`: the path without keys and indices."""
    return "".join(step.pattern for step in path).removeprefix(".")


def is_empty(value: Any) -> bool:
    """Nothing set: absent, null, or an empty text, list or map (also one of only such)."""
    if isinstance(value, Mapping):
        return all(is_empty(item) for item in value.values())
    return value is None or value in ("", [], ())


def same(left: Any, right: Any) -> bool:
    """Equal, taking every kind of nothing as the same, and an int and its float as one."""
    if is_empty(left) and is_empty(right):
        return True
    if isinstance(left, Mapping) and isinstance(right, Mapping):
        return all(same(left.get(key), right.get(key)) for key in left.keys() | right.keys())
    if isinstance(left, list | tuple) and isinstance(right, list | tuple):
        return len(left) == len(right) and all(map(same, left, right))
    if isinstance(left, bool) != isinstance(right, bool):
        return False
    return bool(left == right)


@dataclass(frozen=True, slots=True)
class _Sides:
    """The three values at a path. A pair that has been told apart above is not looked at again."""

    old: Any
    new: Any
    remote: Any
    is_local: bool = True  # old and new are still to be compared
    is_away: bool = True  # remote and new are

    def at(self, get: Callable[[Any], Any]) -> _Sides:
        return replace(self, old=get(self.old), new=get(self.new), remote=get(self.remote))


def _compare(path: Path, sides: _Sides, rules: Rules) -> Iterator[Difference]:
    old, new, remote = sides.old, sides.new, sides.remote
    local = sides.is_local and old != new
    away = sides.is_away and remote != new
    if not local and not away:
        return
    ends_local = bool(path) and local and not _have_parts(old, new)
    ends_away = bool(path) and away and not _have_parts(remote, new)
    if ends_local or ends_away:
        yield Difference(path=path, old=old, new=new, remote=remote)
    inside = replace(sides, is_local=local and not ends_local, is_away=away and not ends_away)
    if not inside.is_local and not inside.is_away:
        return
    if any(isinstance(side, list | tuple) for side in (old, new, remote)):
        yield from _compare_lists(path, inside, rules, is_told=ends_local or ends_away)
    else:
        yield from _compare_maps(path, inside, rules)


def _have_parts(left: Any, right: Any) -> bool:
    """Two maps, or two lists: what differs is inside."""
    kinds = (Mapping, list | tuple)
    return any(isinstance(left, kind) and isinstance(right, kind) for kind in kinds)


def _compare_maps(path: Path, sides: _Sides, rules: Rules) -> Iterator[Difference]:
    users = rules.is_users(pattern_of(path))
    maps = [side for side in (sides.old, sides.new, sides.remote) if isinstance(side, Mapping)]
    for key in sorted({key for side in maps for key in side}):
        text = f"['{key}']" if users or not WORD.match(key) else f".{key}"
        step = Step(text, text)
        yield from _compare((*path, step), sides.at(partial(_entry, key)), rules)


def _entry(key: str, side: Any) -> Any:
    return side.get(key) if isinstance(side, Mapping) else None


def _compare_lists(
    path: Path, sides: _Sides, rules: Rules, *, is_told: bool
) -> Iterator[Difference]:
    key = rules.keys.get(pattern_of(path))
    lists = [
        side for side in (sides.old, sides.new, sides.remote) if isinstance(side, list | tuple)
    ]
    if key is None or not all(_is_keyed(side, key) for side in lists):
        new, ends_local, ends_away = sides.new, False, False
        if isinstance(new, list | tuple):
            ends_local = sides.is_local and len(sides.old) != len(new)
            ends_away = sides.is_away and len(sides.remote) != len(new)
        if (ends_local or ends_away) and not is_told:
            yield Difference(path=path, old=sides.old, new=new, remote=sides.remote)
        inside = replace(
            sides,
            is_local=sides.is_local and not ends_local,
            is_away=sides.is_away and not ends_away,
        )
        for index in range(max(map(len, lists)) if inside.is_local or inside.is_away else 0):
            step = Step(f"[{index}]", "[*]")
            yield from _compare((*path, step), inside.at(partial(_element, index)), rules)
        return
    for name, turn in dict.fromkeys(one for side in lists for one in _turns(side, key)):
        step = Step(f"[{key}='{name}']" if isinstance(key, str) else f"[{name}]", "[*]")
        yield from _compare((*path, step), sides.at(partial(_named, key, name, turn)), rules)


def _turns(side: Any, key: str | Callable[[Json], str]) -> Iterator[tuple[str, int]]:
    """The names of the elements, with a number for those of the same name."""
    seen: Counter[str] = Counter()
    for item in side:
        name = _name(item, key)
        yield name, seen[name]
        seen[name] += 1


def _element(index: int, side: Any) -> Any:
    return side[index] if isinstance(side, list | tuple) and index < len(side) else None


def _named(key: str | Callable[[Json], str], name: str, turn: int, side: Any) -> Any:
    elements = side if isinstance(side, list | tuple) else ()
    found = (item for item in elements if _name(item, key) == name)
    return next(islice(found, turn, None), None)


def _is_keyed(side: Any, key: str | Callable[[Json], str]) -> bool:
    """Every element is a map, whose name a function can tell."""
    return all(isinstance(item, dict) for item in side) and (
        isinstance(key, str) or all(key(item) for item in side)
    )


def _name(item: Json, key: str | Callable[[Json], str]) -> str:
    name = item.get(key) if isinstance(key, str) else key(item)
    return "" if name is None else str(name)

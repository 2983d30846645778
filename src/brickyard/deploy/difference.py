"""Where recorded, desired and actual configurations differ, path by path.

Paths are printed as the official CLI prints them: `tasks[task_key='x'].max_retries`, `tags['k']`,
`tasks[0]`. Lists with a key are matched by it; other lists by index, and a list of another length
is one difference. Absent, null, empty text, empty list and empty map count as one: nothing.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final

from brickyard.resources import Json

WORD: Final = re.compile(r"[A-Za-z_][A-Za-z0-9_]*\Z")
# Maps whose keys are the user's, printed as `tags['k']` rather than `tags.k`.
USER_MAPS: Final = frozenset(
    {
        "tags", "custom_tags", "spark_conf", "spark_env_vars", "base_parameters",
        "job_parameters", "named_parameters", "properties", "options", "configuration",
        "environment_vars", "parameters", "config_properties",
    }
)  # fmt: skip
ABSENT: Final = None
# How elements of a keyed list are told apart: by a field, or by what a function says of them.
Keys = Mapping[str, str | Callable[[Json], str]]


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


def differences(old: Any, new: Any, remote: Any, keys: Keys) -> tuple[Difference, ...]:
    """Every path where old ≠ new or remote ≠ new, as deep as the three still have one shape.

    `keys` maps the pattern of a keyed list (`tasks`, `tasks[*].depends_on`) to its key field.
    """
    return tuple(_compare((), old, new, remote, keys))


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


def _compare(path: Path, old: Any, new: Any, remote: Any, keys: Keys) -> Iterator[Difference]:
    if same(old, new) and same(remote, new):
        return
    present = [side for side in (old, new, remote) if side is not ABSENT]
    if path and len(present) == 1 and not isinstance(remote, Mapping):
        yield Difference(path=path, old=old, new=new, remote=remote)
    elif all(isinstance(side, Mapping) for side in present):
        yield from _compare_maps(path, old or {}, new or {}, remote or {}, keys)
    elif all(isinstance(side, list | tuple) for side in present):
        yield from _compare_lists(path, old, new, remote, keys)
    else:
        yield Difference(path=path, old=old, new=new, remote=remote)


def _compare_maps(
    path: Path,
    old: Mapping[str, Any],
    new: Mapping[str, Any],
    remote: Mapping[str, Any],
    keys: Keys,
) -> Iterator[Difference]:
    users = bool(path) and path[-1].text.removeprefix(".") in USER_MAPS
    for key in sorted(old.keys() | new.keys() | remote.keys()):
        text = f"['{key}']" if users or not WORD.match(key) else f".{key}"
        step = Step(text, text)
        yield from _compare((*path, step), old.get(key), new.get(key), remote.get(key), keys)


def _compare_lists(path: Path, old: Any, new: Any, remote: Any, keys: Keys) -> Iterator[Difference]:
    key = keys.get(pattern_of(path))
    sides = (old or [], new or [], remote or [])
    if key is None or not all(_is_keyed(side, key) for side in sides):
        if len({len(side) for side in sides}) > 1:
            yield Difference(path=path, old=old, new=new, remote=remote)
            return
        for index, (a, b, c) in enumerate(zip(*sides, strict=True)):
            yield from _compare((*path, Step(f"[{index}]", "[*]")), a, b, c, keys)
        return
    tables = [{_name(item, key): item for item in side} for side in sides]
    for name in dict.fromkeys(name for table in tables for name in table):
        step = Step(f"[{key}='{name}']" if isinstance(key, str) else f"['{name}']", "[*]")
        old_item, new_item, remote_item = (table.get(name) for table in tables)
        yield from _compare((*path, step), old_item, new_item, remote_item, keys)


def _is_keyed(side: Any, key: str | Callable[[Json], str]) -> bool:
    """Every element is a map with a name of its own."""
    names = [_name(item, key) for item in side if isinstance(item, dict)]
    return len(names) == len(side) == len(set(names)) and "" not in names


def _name(item: Json, key: str | Callable[[Json], str]) -> str:
    name = item.get(key) if isinstance(key, str) else key(item)
    return "" if name is None else str(name)

"""Changing one value in a YAML text and leaving every other character as it is.

An edit names a path and says what shall stand there. Comments, blank lines, quotes and order stay;
only what is written anew has the form of `write_yaml`. A flow collection (`{a: 1}`, `[1]`) that an
edit goes into is written anew as a block. What an alias or a merge key brings in is not touched.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final, TypeAlias

import yaml

from brickyard.values.value import Path, Plain, show
from brickyard.values.yaml import read_yaml
from brickyard.values.yaml_writer import write_yaml

END: Final = -1  # the index of an element that is added at the end
Marked: TypeAlias = yaml.Node


class NoPlace(Exception):
    """There is no such path in the text."""


class NotEdited(Exception):
    """The text cannot be changed there without changing more than was asked for."""


def replace_value(text: str, path: Path, value: Plain) -> str:
    """The text with another value at a path that is there. Raises `NoPlace`, `NotEdited`."""
    return _edited(text, path, _Put(_in_order(value), must_exist=True))


def add_value(text: str, path: Path, value: Plain) -> str:
    """The text with a value at a new path; an index puts it before that element, `END` last.

    Maps that are missing on the way are made. Raises `NoPlace`, `NotEdited`.
    """
    return _edited(text, path, _Put(_in_order(value), must_exist=False))


def remove_value(text: str, path: Path) -> str:
    """The text without the entry or element at a path. Raises `NoPlace`, `NotEdited`."""
    return _edited(text, path, None)


@dataclass(frozen=True, slots=True)
class _Put:
    value: Plain
    must_exist: bool


def _edited(text: str, path: Path, put: _Put | None) -> str:
    before = _plain(text)
    wanted = _changed(before, path, put)
    text = text if text.endswith("\n") or not text else f"{text}\n"
    made = _edit(text, path, put, before)
    if _plain(made) != wanted:
        raise NotEdited(f"{show(path)} cannot be changed by itself: look at what is written there")
    return made


def _plain(text: str) -> Plain:
    value, found = read_yaml(text, "")
    if any(one.severity.name == "ERROR" for one in found):
        raise NotEdited(found[0].summary)
    return value.plain()


def _changed(data: Plain, path: Path, put: _Put | None) -> Plain:
    """The data as the edit shall leave it."""
    step, rest = path[0], path[1:]
    if isinstance(data, list) and isinstance(step, int):
        at = len(data) if step == END else step
        is_new = put is not None and not put.must_exist and not rest
        if at > len(data) or (at == len(data) and not is_new):
            raise NoPlace(f"{show(path)} does not exist")
        if rest:
            return [*data[:at], _changed(data[at], rest, put), *data[at + 1 :]]
        middle = [] if put is None else [put.value]
        return [*data[:at], *middle, *data[at if is_new else at + 1 :]]
    if isinstance(data, dict | None) and isinstance(step, str):
        entries = dict(data or {})
        if step not in entries and (put is None or put.must_exist):
            raise NoPlace(f"{step} does not exist")
        if rest:
            entries[step] = _changed(entries.get(step), rest, put)
        elif put is None:
            del entries[step]
        else:
            entries[step] = put.value
        return entries
    if data is None and step == END and put is not None:
        return [put.value] if not rest else [_changed(None, rest, put)]
    raise NoPlace(f"{show(path)} does not exist")


def _edit(text: str, path: Path, put: _Put | None, whole: Plain) -> str:
    """Walks as far down as blocks go; there the text is cut, or the rest is written anew."""
    root = yaml.compose(text, Loader=yaml.SafeLoader)
    data: Any = whole
    here = _Spot(text=text, node=root)
    for at, step in enumerate(path):
        last = at == len(path) - 1
        below = here.child(step)
        if not here.is_block:
            return here.written(_changed(data, path[at:], put))
        if below is None and not last and put is not None:
            return here.with_new(None, step, _changed(None, path[at + 1 :], put))
        if last:
            return _at_end(here, below, step, put, data)
        assert below is not None
        here, data = below, _step_into(data, step)
    raise NoPlace("an edit needs a path")


def _step_into(data: Any, step: str | int) -> Any:
    return data[step]


def _at_end(here: _Spot, below: _Spot | None, step: str | int, put: _Put | None, data: Any) -> str:
    is_element = isinstance(step, int)
    if put is None:
        if below is None:
            raise NoPlace(f"{step} does not exist")
        if len(data) == 1:
            return here.written([] if is_element else {})
        return here.without(below)
    if below is not None and (put.must_exist or not is_element):
        return below.written(put.value)
    return here.with_new(below, step, put.value)


@dataclass(frozen=True, slots=True)
class _Spot:
    """A node in its text. `start` is where its key or dash stands, `column` in which column."""

    text: str
    node: Marked | None
    start: int = 0
    name: str | None = None  # its key; None for an element
    is_root: bool = True

    @property
    def is_block(self) -> bool:
        return isinstance(self.node, yaml.CollectionNode) and not self.node.flow_style

    @property
    def column(self) -> int:
        return self.start - (self.text.rfind("\n", 0, self.start) + 1)

    @property
    def end(self) -> int:
        """Just behind the last character of its value."""
        return _end(self.text, self.node) if self.node is not None else len(self.text)

    def child(self, step: str | int) -> _Spot | None:
        node = self.node
        if isinstance(node, yaml.MappingNode) and isinstance(step, str):
            for key, value in node.value:
                if isinstance(key, yaml.ScalarNode) and key.value == step:
                    _check_own(self, key, value)
                    return _Spot(self.text, value, key.start_mark.index, step, False)
        if isinstance(node, yaml.SequenceNode) and isinstance(step, int):
            return self._element(node, step)
        return None

    def _element(self, node: yaml.SequenceNode, at: int) -> _Spot | None:
        if not 0 <= at < len(node.value):
            return None
        value = node.value[at]
        _check_own(self, node, value)
        start = value.start_mark.index
        dash = start if node.flow_style else self.text.rfind("-", 0, start)
        return _Spot(self.text, value, dash, None, False)

    def written(self, value: Plain) -> str:
        """The text with another value in this spot."""
        if self.is_root:
            return write_yaml(value) if isinstance(value, dict) else self.text
        assert self.node is not None
        is_text = not isinstance(value, dict | list) or not value
        new = self._scalar(value) if is_text else ""
        start, end = self.node.start_mark.index, self.end
        was_line = isinstance(self.node, yaml.ScalarNode) and self.node.style not in ("|", ">")
        if was_line and start < end and new and "\n" not in new:
            return self.text[:start] + new + self.text[end:]
        return self.text[: self.start] + self._entry(value).lstrip(" ") + self.text[end:]

    def _scalar(self, value: Plain) -> str:
        return write_yaml({"x": value}).removeprefix("x: ").removesuffix("\n")

    def _entry(self, value: Plain) -> str:
        """This spot's lines, indented, without the last line's end."""
        if self.name is not None:
            lines = write_yaml({self.name: value})
            return _indented(lines, self.column)
        lines = write_yaml({"x": [value]}).partition("\n")[2]
        return _indented(lines, self.column - 2)

    def without(self, below: _Spot) -> str:
        """The text without one of several entries of this block."""
        first = self.text.rfind("\n", 0, below.start) + 1
        after = self.text.find("\n", below.end) + 1 or len(self.text)
        if not self.text[first : below.start].strip():
            return self.text[:first] + self.text[after:]
        # It stands behind a dash, which the next entry gets.
        rest = self.text[after:]
        skipped = len(rest) - len(rest.lstrip())
        return self.text[: below.start] + rest[skipped:]

    def with_new(self, before: _Spot | None, step: str | int, value: Plain) -> str:
        """The text with one more entry in this block: before another, or last."""
        name = step if isinstance(step, str) else None
        known = self._first_child()
        like = _Spot(self.text, None, known.start, name, False)
        lines = f"{_indented_whole(like, value)}\n"
        if before is not None:
            at = self.text.rfind("\n", 0, before.start) + 1
        else:
            at = self.text.find("\n", self.end) + 1 or len(self.text)
        return self.text[:at] + lines + self.text[at:]

    def _first_child(self) -> _Spot:
        assert isinstance(self.node, yaml.CollectionNode)
        if isinstance(self.node, yaml.MappingNode):
            key, value = self.node.value[0]
            return _Spot(self.text, value, key.start_mark.index, "", False)
        found = self.child(0)
        assert found is not None
        return found


def _indented_whole(spot: _Spot, value: Plain) -> str:
    return " " * spot.column + spot._entry(value).lstrip(" ")


def _indented(lines: str, column: int) -> str:
    if column < 0:
        return "\n".join(line[-column:] for line in lines.rstrip("\n").split("\n"))
    pad = " " * column
    text = lines.removesuffix("\n")
    return "\n".join(f"{pad}{line}" if line else line for line in text.split("\n"))


def _in_order(value: Plain) -> Any:
    """Maps by key: what is new has no order of its own."""
    if isinstance(value, Mapping):
        return {key: _in_order(value[key]) for key in sorted(value)}
    if isinstance(value, Sequence) and not isinstance(value, str):
        return [_in_order(one) for one in value]
    return value


def _check_own(here: _Spot, before: Marked, value: Marked) -> None:
    """Raise `NotEdited` for an alias: its value stands elsewhere, and others have it too."""
    if value.start_mark.index < before.start_mark.index:
        raise NotEdited("the value comes from an alias: change it where it is written")


def _end(text: str, node: Marked) -> int:
    if isinstance(node, yaml.CollectionNode) and not node.flow_style and node.value:
        last = node.value[-1]
        if isinstance(last, tuple):
            key, last = last
            if last.start_mark.index < key.start_mark.index:  # an alias
                return text.find("\n", key.end_mark.index)
        return _end(text, last)
    end = int(node.end_mark.index)
    while end > node.start_mark.index and text[end - 1] in "\n\r ":
        end -= 1
    return end

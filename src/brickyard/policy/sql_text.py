"""SQL as text, before it is parsed: comments blanked, statements told apart, values filled in.

Every change keeps the way back: an offset in the changed text has its offset in the text as it was
written, and so its line and column.
"""

from __future__ import annotations

import re
from bisect import bisect_right
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Final

# What separates or hides: strings, quoted names, comments, bodies of functions, the semicolon.
TOKENS: Final = re.compile(
    r"'(?:\\.|''|[^'\\])*'|\"(?:\\.|[^\"\\])*\"|`[^`]*`"
    r"|(?P<comment>--[^\n]*|/\*(?s:.*?)\*/)|\$\$(?s:.*?)\$\$|(?P<end>;)"
)
Edit = tuple[int, int, str]  # from, to, what is there instead


@dataclass(frozen=True, slots=True)
class Text:
    """A piece of SQL. `pieces` are (offset here, offset as written, is it one place), ascending."""

    text: str
    pieces: tuple[tuple[int, int, bool], ...] = ((0, 0, False),)

    def written(self, offset: int) -> int:
        """The offset in the text as it was written."""
        at = bisect_right([here for here, _, _ in self.pieces], offset) - 1
        here, there, is_one_place = self.pieces[max(at, 0)]
        return there if is_one_place else there + offset - here

    def edited(self, edits: list[Edit]) -> Text:
        """The text with these parts replaced; they don't overlap and come in order."""
        if not edits:
            return self
        parts: list[str] = []
        pieces: list[tuple[int, int, bool]] = []
        length = position = 0
        for start, end, new in edits:
            pieces += self._shifted(position, start, length)
            parts += [self.text[position:start], new]
            length += start - position
            pieces.append((length, self.written(start), True))
            length += len(new)
            position = end
        pieces += self._shifted(position, len(self.text) + 1, length)
        return Text("".join([*parts, self.text[position:]]), tuple(pieces))

    def replaced(self, pattern: re.Pattern[str], new: Callable[[re.Match[str]], str]) -> Text:
        """The text with every match replaced."""
        return self.edited([(m.start(), m.end(), new(m)) for m in pattern.finditer(self.text)])

    def part(self, start: int, end: int) -> Text:
        """A slice of it."""
        return Text(self.text[start:end], tuple(self._shifted(start, end + 1, 0)))

    def _shifted(self, start: int, end: int, to: int) -> Iterator[tuple[int, int, bool]]:
        """The pieces between two offsets, as they are when `start` comes to stand at `to`."""
        if start >= end:
            return
        yield to, self.written(start), self._is_one_place(start)
        for here, there, is_one_place in self.pieces:
            if start < here < end:
                yield to + here - start, there, is_one_place

    def _is_one_place(self, offset: int) -> bool:
        at = bisect_right([here for here, _, _ in self.pieces], offset) - 1
        return self.pieces[max(at, 0)][2]


def statements(text: Text) -> Iterator[Text]:
    """The statements without their comments, which are blanks of the same length."""
    blanked: list[str] = []
    position = 0
    ends: list[int] = []
    for found in TOKENS.finditer(text.text):
        blanked.append(text.text[position : found.start()])
        if found["comment"]:
            blanked.append(re.sub(r"[^\n]", " ", found[0]))
        else:
            blanked.append(found[0])
            if found["end"]:
                ends.append(found.start())
        position = found.end()
    blanked.append(text.text[position:])
    clean = Text("".join(blanked), text.pieces)
    start = 0
    for end in [*ends, len(clean.text)]:
        if clean.text[start:end].strip():
            skipped = len(clean.text[start:end]) - len(clean.text[start:end].lstrip())
            yield clean.part(start + skipped, end)
        start = end + 1


def closing(text: str, opening: int) -> int:
    """The offset of the parenthesis that closes the one at `opening`; -1 where there is none."""
    depth, at = 0, opening
    while at < len(text):
        quoted = TOKENS.match(text, at)
        if quoted and not quoted["end"]:
            at = quoted.end()
            continue
        depth += {"(": 1, ")": -1}.get(text[at], 0)
        if depth == 0:
            return at
        at += 1
    return -1

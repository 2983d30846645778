"""Documents into passages: what is embedded, found and cited.

A passage is a part of one section of a Markdown page, no longer than `LONGEST`, cut between
paragraphs. Lines that were wrapped are joined again and rows of tables become sentences: what is
embedded and cited should read as it is meant. Its id comes from its place and its text: a passage
that did not change keeps its id, so that ingesting again touches nothing and nothing is embedded
twice.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from hashlib import sha256
from pathlib import Path

LONGEST = 1200  # characters
ITEM = re.compile(r"\s*(?:[-*]|\d+\.)\s")
CELLS = re.compile(r"(?<!\\)\|")
HEADING = re.compile(r"(#{1,4})\s+(.+)")


@dataclass(frozen=True, slots=True, kw_only=True)
class Passage:
    id: str
    page: str  # the file's name
    title: str  # of the page
    section: str  # headings below the title, "Delta sync > Filters"; empty above the first one
    text: str  # with title and section before it, as it is embedded

    def row(self) -> dict[str, str]:
        return asdict(self)


def read_library(folder: Path) -> list[Passage]:
    """Every page of a folder, in the order of their names."""
    return [
        passage
        for path in sorted(folder.glob("*.md"))
        for passage in read_page(path.name, path.read_text("utf-8"))
    ]


def read_page(page: str, text: str) -> list[Passage]:
    title, found = page, []
    for headings, body in _sections(text):
        if headings and headings[0]:
            title = headings[0]
        section = " > ".join(one for one in headings[1:] if one)
        for part in _parts(body):
            found.append(_passage(page, title, section, part))
    return found


def _passage(page: str, title: str, section: str, body: str) -> Passage:
    place = f"{title} > {section}" if section else title
    text = f"{place}\n\n{body}"
    digest = sha256(f"{page}\n{text}".encode()).hexdigest()[:24]
    return Passage(id=digest, page=page, title=title, section=section, text=text)


def _sections(text: str) -> Iterator[tuple[list[str], str]]:
    """(headings by level, what stands below them); headings in code are none."""
    headings: list[str] = []
    lines: list[str] = []
    in_code = False
    for line in text.splitlines():
        in_code ^= line.startswith("```")
        found = None if in_code else HEADING.fullmatch(line)
        if found is None:
            lines.append(line)
            continue
        yield headings, "\n".join(lines).strip()
        level = len(found.group(1))
        headings = [*headings[: level - 1], *[""] * (level - 1 - len(headings)), found.group(2)]
        lines = []
    yield headings, "\n".join(lines).strip()


def _parts(body: str) -> Iterator[str]:
    """A section in parts of at most `LONGEST`, unless a single paragraph is longer."""
    held = ""
    for paragraph in map(_plain, _paragraphs(body)):
        if held and len(held) + len(paragraph) > LONGEST:
            yield held
            held = ""
        held = f"{held}\n\n{paragraph}" if held else paragraph
    if held:
        yield held


def _plain(paragraph: str) -> str:
    """A paragraph without wrapped lines; the rows of a table as "first: second; third."."""
    lines = paragraph.splitlines()
    if lines[0].startswith("```"):
        return paragraph
    if lines[0].startswith("|"):
        return "\n".join(filter(None, map(_row, lines[2:])))
    joined: list[str] = []
    for line in lines:
        if joined and not ITEM.match(line):
            joined[-1] += f" {line.strip()}"
        else:
            joined.append(line)
    return "\n".join(joined)


def _row(line: str) -> str:
    first, *others = (cell.strip() for cell in CELLS.split(line.strip().strip("|")))
    told = "; ".join(cell for cell in others if cell)
    return f"{first}: {told}." if told else first


def _paragraphs(body: str) -> Iterator[str]:
    """Paragraphs; a block of code stays whole."""
    held: list[str] = []
    in_code = False
    for line in body.splitlines():
        in_code ^= line.startswith("```")
        if not line.strip() and not in_code:
            if held:
                yield "\n".join(held)
            held = []
        else:
            held.append(line)
    if held:
        yield "\n".join(held)

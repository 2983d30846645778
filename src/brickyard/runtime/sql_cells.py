"""SQL cells: text into statements, their widgets and markers, `_sqldf`.

Follows the notebooks guide: `:name` markers, `${name}` and `getArgument` (the older forms),
`CREATE WIDGET` and `REMOVE WIDGET`. Leaves out `$name` without braces.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

TOKEN = re.compile(
    r"--[^\n]*|/\*.*?\*/|'(?:[^'\\]|\\.|'')*'|\"(?:[^\"\\]|\\.)*\"|`[^`]*`|;|:[A-Za-z_]\w*|::|.",
    re.S,
)
SQLDF = re.compile(
    r"--[^\n]*|/\*.*?\*/|'(?:[^'\\]|\\.|'')*'|\"(?:[^\"\\]|\\.)*\"|(?<![\w.])`?(_sqldf)\b`?",
    re.S,
)
CREATE_WIDGET = re.compile(
    r"CREATE\s+WIDGET\s+(TEXT|DROPDOWN|COMBOBOX|MULTISELECT)\s+`?([\w .-]+?)`?"
    r"\s+DEFAULT\s+(?:'([^']*)'|\"([^\"]*)\")(?:\s+CHOICES\s+(.*))?",
    re.S | re.I,
)
REMOVE_WIDGET = re.compile(r"REMOVE\s+WIDGET\s+`?([\w .-]+?)`?", re.I)
OLD_MARKER = re.compile(r"\$\{([\w.-]+)\}")
GET_ARGUMENT = re.compile(r"getArgument\(\s*(?:'([^']*)'|\"([^\"]*)\")\s*\)", re.I)


def statements(text: str) -> Iterator[str]:
    """SQL text at its semicolons; those in strings, names and comments do not count."""
    current = ""
    for token in TOKEN.findall(text):
        if token == ";":
            if _has_code(current):
                yield current.strip()
            current = ""
        else:
            current += token
    if _has_code(current):
        yield current.strip()


def parameters(statement: str, known: Iterable[str]) -> set[str]:
    """Names of `:name` markers that are widgets."""
    names = {t[1:] for t in TOKEN.findall(statement) if t.startswith(":") and t != "::"}
    return names & set(known)


def with_view(statement: str, view: str) -> str:
    """The statement reading `view` where it names `_sqldf`; strings and comments stay."""
    return SQLDF.sub(lambda found: view if found[1] else found[0], statement)


def with_widgets(statement: str, values: Mapping[str, str]) -> str:
    """`${name}` by the widget's text, `getArgument('name')` by it as a literal."""

    def literal(found: re.Match[str]) -> str:
        name = found[1] or found[2] or ""
        return found[0] if name not in values else "'" + values[name].replace("'", "''") + "'"

    filled = OLD_MARKER.sub(lambda found: values.get(found[1], found[0]), statement)
    return GET_ARGUMENT.sub(literal, filled)


def is_about_widgets(statement: str, widgets: Any) -> bool:
    """Whether the statement made or removed a widget, which is now done."""
    if made := CREATE_WIDGET.fullmatch(statement):
        widgets.text(made[2], made[3] if made[3] is not None else made[4])
    elif gone := REMOVE_WIDGET.fullmatch(statement):
        widgets.remove(gone[1])
    else:
        return False
    return True


def _has_code(text: str) -> bool:
    return bool("".join(t for t in TOKEN.findall(text) if not t.startswith(("--", "/*"))).strip())

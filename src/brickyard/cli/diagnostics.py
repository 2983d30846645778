"""How findings look on a terminal: severity, summary, place, source excerpt with a caret, way out.

Printed to stderr in the official CLI's form. Below `bundle` nothing else, in the order in which
they were found; the short verbs sort them by severity and place and add the source lines.
Colours only where a terminal shows them.
"""

from __future__ import annotations

import re
import sys
from collections.abc import Callable, Iterable, Mapping

import click

from brickyard.cli.dialect import is_official, spoken, worded
from brickyard.cli.json_failures import hear_finding
from brickyard.resources import PLAINTEXT
from brickyard.values import Diagnostic, Severity, excerpt

COLOURS = {
    Severity.ERROR: "red",
    Severity.WARNING: "yellow",
    Severity.RECOMMENDATION: "cyan",
}
# A secret written in a configuration, with the rest of its line.
PLAIN_SECRET = re.compile(rf"({PLAINTEXT}[\"']?\s*:\s*)\S.*")
ORDER = (Severity.ERROR, Severity.WARNING, Severity.RECOMMENDATION)


def show_diagnostics(found: Iterable[Diagnostic], files: Mapping[str, bytes]) -> None:
    """Print all of them to stderr."""
    paint = painter(sys.stderr.isatty())
    shown = spoken(found)
    texts = (
        _logged(diagnostic) + render(diagnostic, files, paint)
        for diagnostic in (shown if is_official() else sorted(shown, key=_place))
    )
    for text in dict.fromkeys(texts):
        click.echo(text, err=True)
    for diagnostic in shown:
        hear_finding(as_json(diagnostic))


def _logged(diagnostic: Diagnostic) -> str:
    """What the official CLI's log says beside a finding, whatever its level."""
    if not is_official() or diagnostic.code != "bundle/sync-path":
        return ""
    return f"Error: cannot list files: {diagnostic.summary}\n"


def as_json(diagnostic: Diagnostic) -> dict[str, str | int]:
    """One finding for machines, with its first place."""
    first = diagnostic.locations[0] if diagnostic.locations else None
    return {
        "severity": diagnostic.severity.value,
        "code": diagnostic.code,
        "summary": diagnostic.summary,
        "detail": diagnostic.detail,
        "file": first.file if first else "",
        "line": first.line if first else 0,
    }


def render(
    diagnostic: Diagnostic, files: Mapping[str, bytes], paint: Callable[[str, str], str]
) -> str:
    """One finding as text, ending with an empty line."""
    diagnostic = worded(diagnostic)
    word = diagnostic.severity.value.capitalize()
    lines = [f"{paint(word + ':', COLOURS[diagnostic.severity])} {diagnostic.summary}"]
    for index, path in enumerate((diagnostic.path or "").splitlines()):
        lines.append(("  at " if index == 0 else "     ") + path)
    for index, place in enumerate(diagnostic.locations):
        lines.append(("  in " if index == 0 else "     ") + str(place))
    if not is_official():
        lines += [f"  {paint(line, 'dim')}" for line in _source(diagnostic, files)]
    if diagnostic.detail:
        lines += ["", diagnostic.detail]
    return "\n".join(lines) + "\n"


def verdict(found: Iterable[Diagnostic]) -> str:
    """`Validation OK!`, or how many of which severity were found."""
    kinds = [diagnostic.severity for diagnostic in found]
    counts = [(kinds.count(severity), severity.value) for severity in ORDER]
    parts = [f"{count} {word}{'s' if count > 1 else ''}" for count, word in counts if count]
    if not parts:
        return "Validation OK!"
    if len(parts) < 3:
        return "Found " + " and ".join(parts)
    return f"Found {parts[0]}, {parts[1]}, and {parts[2]}"


def painter(is_terminal: bool) -> Callable[[str, str], str]:
    """A function `(text, colour) -> text`; the text as it is without a terminal."""
    if not is_terminal:
        return lambda text, _: text
    return lambda text, colour: (
        click.style(text, dim=True) if colour == "dim" else click.style(text, fg=colour, bold=True)
    )


def _place(diagnostic: Diagnostic) -> tuple[int, str, int, int, str]:
    first = diagnostic.locations[0] if diagnostic.locations else None
    rank = ORDER.index(diagnostic.severity)
    if first is None:
        return rank, "", 0, 0, diagnostic.summary
    return rank, first.file, first.line, first.column, diagnostic.summary


def _source(diagnostic: Diagnostic, files: Mapping[str, bytes]) -> list[str]:
    hidden = diagnostic.hides_source or not diagnostic.locations
    if hidden or not diagnostic.locations[0].line:
        return []
    content = files.get(diagnostic.locations[0].file)
    if content is None:
        return []
    shown = excerpt(content.decode(errors="replace"), diagnostic.locations[0])
    return [PLAIN_SECRET.sub(r"\1[redacted]", line) for line in shown.splitlines()]

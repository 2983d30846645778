"""What `policy check` found, as text."""

from __future__ import annotations

import sys
from collections.abc import Iterator

import click

from brickyard.cli.diagnostics import painter
from brickyard.policy import Access, PolicyReport, Verdict

MARKS = {
    Verdict.OK: ("ok", "green"),
    Verdict.VIOLATION: ("VIOLATION", "red"),
    Verdict.UNKNOWN: ("unknown", "yellow"),
}
RULE_MARKS = {"holds": "green", "broken": "red", "unknown": "yellow", "off": "yellow"}


def show_report(report: PolicyReport, *, shows_all: bool) -> None:
    """Rules, then what is not ok, then counts."""
    paint = painter(sys.stdout.isatty())
    rule = report.environment
    click.echo(
        f"{rule.name} (target {report.target}) reads {', '.join(sorted(rule.reads))}"
        f" and writes {', '.join(sorted(rule.writes))}; policy mode {report.mode}"
    )
    for name, state in report.rules().items():
        click.echo(f"  {paint(f'{state:<8}', RULE_MARKS[state])} {name}")
    for kind, told in (report.evidence or {}).items():
        if told != "asked":
            click.echo(f"  evidence {kind}: {told}")
    for one in report.judged:
        if shows_all or one.verdict is not Verdict.OK or one.exception:
            word, colour = MARKS[one.verdict]
            what = _what(one) if isinstance(one, Access) else one.rule
            click.echo(f"  {paint(f'{word:<9}', colour)} {what}  {one.file}:{one.line}")
            for line in _details(one):
                click.echo(f"            {line}")
    for line in _exceptions(report):
        click.echo(line)
    counts = dict.fromkeys(Verdict, 0)
    for access in report.accesses:
        counts[access.verdict] += 1
    click.echo(
        f"{len(report.accesses)} accesses: {counts[Verdict.OK]} ok,"
        f" {counts[Verdict.VIOLATION]} violations, {counts[Verdict.UNKNOWN]} unknown"
    )


def _what(access: Access) -> str:
    told = "" if access.evidence == "static" else f" ({access.evidence})"
    return f"{access.mode:<5} {access.securable} {access.full_name}{told}"


def _details(one: object) -> Iterator[str]:
    for key, lead in (("reason", ""), ("fix", "to mend it, "), ("exception", "allowed: ")):
        text = getattr(one, key, "")
        if text:
            yield f"{lead}{text}"


def _exceptions(report: PolicyReport) -> Iterator[str]:
    shown = [one for one in report.as_json()["exceptions"] if one["state"] != "active"]
    for one in shown:
        why = one["reason"] or f"it ended on {one['until']}"
        yield f"  exception of {one['rule']} at {one['file']}:{one['line']} allows nothing: {why}"

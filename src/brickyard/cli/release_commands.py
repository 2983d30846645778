"""`release …`: moving one commit through the environments, and what is known about it."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any, Final

import click

from brickyard.cli.diagnostics import show_diagnostics
from brickyard.cli.failures import Refused
from brickyard.cli.live import LiveLine
from brickyard.cli.progress import ReleaseProgress
from brickyard.cli.project_options import FORCE_LOCK
from brickyard.cli.release_options import (
    ENVIRONMENT,
    WAITING,
    promotion,
    reach,
    record_numbered,
    records_of,
    release_options,
    settings_here,
)
from brickyard.cli.release_text import request_lines, status_lines
from brickyard.deploy.disk import DiskFiles
from brickyard.release import (
    FILE,
    Promotion,
    ReleaseRecord,
    Waiting,
    faults_of,
    history,
    live,
    promote,
    read_settings,
    rollback,
    uncommitted,
)
from brickyard.release.verification import compare_expected, expected_digests
from brickyard.values import has_errors

DIGEST: Final = re.compile("[0-9a-fA-F]{64}")
LOSSES = click.option(
    "--auto-approve", is_flag=True, help="Go on though the deployment loses data."
)


@click.group()
def release() -> None:
    """Releases: promote a commit, approve it, see what was released, go back."""


@release.command("promote", short_help="Release a commit to an environment, if it passes there.")
@click.option(
    "--to", required=True, metavar="ENVIRONMENT", help="Environment of brickyard.yml to release to."
)
@click.option(
    "--commit",
    metavar="COMMIT",
    help="Commit to release; default: what the environment before serves, or HEAD for the first.",
)
@click.option(
    "--by",
    type=click.Choice(["code", "model"]),
    default="code",
    help="What is promoted: code (default), or the model version that the environment before"
    " serves, where brickyard.yml allows it.",
)
@click.option("--again", is_flag=True, help="Release also what is live already.")
@LOSSES
@FORCE_LOCK
@release_options
def promote_command(to: str, output: str, **options: Any) -> None:
    """Deploy a commit to an environment, run its rollout there, and let it go live if it passes.

    Broken off, it goes on where it ended when it is run again. Exit code 1 when it does not pass:
    the environment then serves what it served. Exit code 3 when it waits for approval.
    """
    wanted = promotion(to, **options)
    if output == "text":
        _show_notes(wanted)
    try:
        record = _followed(wanted, output, promote)
    except Waiting as waiting:
        if output == "json":
            click.echo(json.dumps(_waiting_json(waiting), indent=2))
        raise
    _show_result(record, output)


@release.command("rollback", short_help="Return an environment to an earlier release.")
@ENVIRONMENT
@click.option(
    "--release",
    "number",
    type=int,
    metavar="NUMBER",
    help="Release to return to; default: the one before what is live.",
)
@LOSSES
@FORCE_LOCK
@release_options
def rollback_command(environment: str, number: int | None, output: str, **options: Any) -> None:
    """Return an environment to an earlier release: code, aliases, endpoints, indexes together.

    What jobs wrote to tables since then stays; the record says which did. Rolling back twice is
    rolling back once: name an earlier release to go further.
    """
    wanted = promotion(environment, **options)
    record = _followed(wanted, output, lambda shown: rollback(shown, number))
    _show_result(record, output)
    if output == "text":
        for line in record.not_undone:
            click.echo(f"  not undone: {line}")


@release.command("approve", short_help="Approve the release that waits.")
@ENVIRONMENT
@click.option("--request", metavar="ID", help="The request meant; default: the one that waits.")
@click.option("--comment", metavar="TEXT", default="", help="What to say about it.")
@release_options
def approve_command(environment: str, output: str, **options: Any) -> None:
    """Approve a release: this commit, with this plan and this evaluation, and no other."""
    _decide(environment, "approve", output, **options)


@release.command("reject", short_help="Reject the release that waits.")
@ENVIRONMENT
@click.option("--request", metavar="ID", help="The request meant; default: the one that waits.")
@click.option("--comment", metavar="TEXT", default="", help="Why.")
@release_options
def reject_command(environment: str, output: str, **options: Any) -> None:
    """Reject a release: the next try to promote it is put on record as rejected."""
    _decide(environment, "reject", output, **options)


@release.command("status", short_help="Say what is live, under way, and waiting.")
@ENVIRONMENT
@release_options
def status_command(environment: str, output: str, **options: Any) -> None:
    """Say what an environment serves, what is under way there, and what waits for approval."""
    from brickyard.release.status import status_of

    settings = settings_here()
    project = reach(environment, output, **options)
    with LiveLine("reading the releases", is_silent=output == "json"):
        found = status_of(project, settings.plain, environment)
    if output == "json":
        click.echo(json.dumps(found, indent=2, default=list))
        return
    for line in status_lines(environment, found):
        click.echo(line)


@release.command("history")
@ENVIRONMENT
@release_options
def history_command(environment: str, output: str, **options: Any) -> None:
    """List the releases of an environment, oldest first."""
    project = reach(environment, output, **options)
    records = history(project)
    if output == "json":
        click.echo(json.dumps([record.as_json() for record in records], indent=2))
        return
    if not records:
        click.echo(f"Nothing has been released to {environment} yet.")
    for record in records:
        version = f"model version {record.model_version}" if record.model_version else ""
        started = record.started[:19].replace("T", " ")
        click.echo(
            f"{record.sequence:>4}  {started} UTC  {record.commit[:10]}  {record.kind:<8}"
            f"  {record.result:<11}  {version}  {record.who}"
        )
    for fault in faults_of(project, records):
        click.echo(f"Warning: the history was tampered with: {fault}", err=True)


@release.command("show")
@click.argument("number", type=int, metavar="NUMBER")
@ENVIRONMENT
@release_options
def show_command(number: int, environment: str, output: str, **options: Any) -> None:
    """Print one release record, whole, as JSON. `release history` has the numbers."""
    records = records_of(environment, output, **options)
    found = record_numbered(records, number, environment)
    click.echo(json.dumps(found.as_json(), indent=2))


@release.command("diff", short_help="Compare two releases.")
@click.argument("before", type=int, metavar="BEFORE")
@click.argument("after", type=int, metavar="AFTER")
@ENVIRONMENT
@release_options
def diff_command(before: int, after: int, environment: str, output: str, **options: Any) -> None:
    """Compare two releases: code, configuration, prompts, models, indexes, data and scores."""
    from brickyard.release.comparison import compare_releases, lines

    records = records_of(environment, output, **options)
    pair = [record_numbered(records, number, environment) for number in (before, after)]
    wanted = promotion(environment, **options)
    with LiveLine("comparing the two", is_silent=output == "json"):
        found = compare_releases(wanted.root, pair[0], pair[1])
    if output == "json":
        click.echo(json.dumps(found, indent=2, default=list))
        return
    for line in lines(found):
        click.echo(line)


@release.group("record", short_help="Check the records, or export one.")
def record_group() -> None:
    """Release records: check that none was changed, give one to other tools."""


@record_group.command("verify", short_help="Check the chain of an environment's records.")
@ENVIRONMENT
@click.option(
    "--expect",
    metavar="DIGEST|FILE",
    help="A digest kept elsewhere, or an exported statement: what it knows must be there still.",
)
@release_options
def verify_command(environment: str, output: str, expect: str | None, **options: Any) -> None:
    """Check that no record was changed, taken out or put in. Exit code 1 if one was."""
    expected = _expected(expect)
    project = reach(environment, output, **options)
    records = history(project)
    faults = faults_of(project, records)
    for digest in expected:
        faults += compare_expected(records, digest)
    if output == "json":
        head = records[-1].digest if records else ""
        answer = {"records": len(records), "head": head, "faults": list(faults)}
        click.echo(json.dumps(answer, indent=2))
    elif not faults:
        head = f"; the last is {records[-1].digest}" if records else ""
        click.echo(f"{len(records)} records of {environment}, each as it was written{head}")
    if faults:
        raise Refused(f"the history of {environment} was tampered with: {'; '.join(faults)}")


def _expected(given: str | None) -> tuple[str, ...]:
    """The digests that have to be in the history: the one given, or those of a statement."""
    if not given:
        return ()
    if DIGEST.fullmatch(given):
        return (given.lower(),)
    try:
        return expected_digests(json.loads(Path(given).read_bytes()))
    except (OSError, ValueError) as fault:
        raise Refused(
            f"--expect {given}: {fault}; give the 64 digits that `record verify` prints, or a file"
            " that `record export` wrote"
        ) from None


@record_group.command("export", short_help="Print a record as a signed tool can take it.")
@click.argument("number", type=int, metavar="[NUMBER]", required=False)
@ENVIRONMENT
@click.option(
    "--format",
    "form",
    type=click.Choice(["in-toto", "slsa"]),
    default="slsa",
    help="slsa: an in-toto statement with SLSA provenance v1 (default); in-toto: one with the"
    " whole record as its predicate.",
)
@release_options
def export_command(
    number: int | None, environment: str, form: str, output: str, **options: Any
) -> None:
    """Print a release as an in-toto statement v1, to be signed; default: the one that is live."""
    from brickyard.release.provenance import statement

    project = reach(environment, output, **options)
    records = history(project)
    faults = faults_of(project, records)
    if faults:
        raise Refused(f"the history of {environment} was tampered with: {'; '.join(faults)}")
    now_live = live(records)
    if number is None and now_live is None:
        raise Refused(f"nothing is live in {environment} yet")
    record = now_live if number is None else record_numbered(records, number, environment)
    assert record is not None
    click.echo(json.dumps(statement(record, form, records[-1]), indent=2))


def _decide(environment: str, decision: str, output: str, **options: Any) -> None:
    from brickyard.release.approval_rules import rule_of
    from brickyard.release.approvals import decide, find_request, weighed

    settings = settings_here()
    project = reach(environment, output, **options)
    rule = rule_of(settings.plain, environment)
    request = find_request(project, environment, options.get("request"), history(project))
    if output == "text":
        for line in request_lines(request.as_json()):
            click.echo(line)
    made = decide(project, request, rule, decision, str(options.get("comment") or ""))
    found = weighed(project, request, rule)
    if output == "json":
        answer = {
            **made.as_json(),
            "counted": found.counted,
            "needed": found.needed,
            "is_approved": found.is_approved,
        }
        click.echo(json.dumps(answer, indent=2, default=list))
        return
    if decision == "reject":
        click.echo(f"Rejected by {made.who}.")
        return
    click.echo(f"Approved by {made.who}: {found.counted} of {found.needed}.")
    if found.is_approved:
        click.echo(f"Now run: brickyard release promote --to {environment}")


def _show_notes(wanted: Promotion) -> None:
    """What of the folder is not part of the release, and what its settings say that is odd."""
    files = DiskFiles(wanted.root)
    settings = read_settings(files.get(FILE))
    if not has_errors(settings.diagnostics):  # errors are said by the promotion itself
        show_diagnostics(settings.diagnostics, files)
    left_out = uncommitted(wanted.root)
    if left_out:
        shown = ", ".join(left_out[:3]) + (" …" if len(left_out) > 3 else "")
        click.echo(f"Note: a release is a commit; not part of it: {shown}", err=True)


def _followed(
    wanted: Promotion, output: str, work: Callable[[Promotion], ReleaseRecord]
) -> ReleaseRecord:
    """The work with its progress on stderr; silent for machines."""
    is_silent = output == "json"
    with LiveLine(is_silent=is_silent) as line:
        progress = ReleaseProgress(line, is_silent=is_silent)
        return work(replace(wanted, say=progress.say, doing=progress.doing))


def _show_result(record: ReleaseRecord, output: str) -> None:
    if output == "json":
        click.echo(json.dumps(record.as_json(), indent=2))
    else:
        version = f", model version {record.model_version}" if record.model_version else ""
        click.echo(
            f"Release {record.sequence} of {record.environment}: {record.result}"
            f" ({record.commit[:10]}{version})"
        )
    if not record.succeeded:
        raise Refused(f"{record.reason}\n{record.environment} goes on serving what it served")


def _waiting_json(waiting: Waiting) -> dict[str, Any]:
    return {
        "result": "waiting",
        "exit_code": WAITING,
        "counted": waiting.weighed.counted,
        "needed": waiting.weighed.needed,
        "request": json.loads(json.dumps(waiting.request.as_json(), default=list)),
        "decisions": [one.as_json() for one in waiting.weighed.decisions],
    }

"""`ci run`, `ci watch`: the pipeline's file, executed here against the embedded workspace."""

from __future__ import annotations

import sys
import tempfile
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import click

from brickyard.cicd import PROVIDERS, Event, ProjectFacts
from brickyard.cicd.design import DRIFT
from brickyard.cicd.expressions import BadExpression
from brickyard.cicd.local_context import Commit as EventCommit
from brickyard.cicd.parsed import ParsedPipeline, Unreadable
from brickyard.cicd.running import PipelineRun, Ran, as_json, run_pipeline
from brickyard.cicd.yaml_text import BadYaml, read
from brickyard.cli.ci_facts import Place, find_place, gather, one_provider
from brickyard.cli.failures import Refused
from brickyard.cli.project_options import OUTPUT, start_embedded
from brickyard.release import GitFault
from brickyard.release.checkout import Commit, file_at, find_branches, find_commit, find_tags
from brickyard.values import did_you_mean

PROVIDER = click.option(
    "--provider",
    type=click.Choice([one.value for one in PROVIDERS]),
    help="CI provider; default: the one that there is a pipeline of.",
)
STAGE = click.option(
    "--stage", "stages", multiple=True, metavar="KEY", help="Only this job; repeatable."
)
APPROVE = click.option(
    "--approve",
    "approved",
    multiple=True,
    metavar="ENVIRONMENT",
    help="Approve this environment beforehand; repeatable.",
)
MARKS = {"job": "\n== {}", "step": "-- {}", "note": "   ({})", "output": "   {}", "result": "== {}"}


@click.command("run", short_help="Run the pipeline here, step for step, on the embedded workspace.")
@PROVIDER
@click.option(
    "--event",
    "events",
    multiple=True,
    type=click.Choice([one.value for one in Event]),
    help="What happens to the commit; repeatable; default: all, one after the other.",
)
@STAGE
@click.option("--commit", default="HEAD", metavar="COMMIT", help="Commit to run; default: HEAD.")
@APPROVE
@OUTPUT
def run_command(
    provider: str | None,
    events: tuple[str, ...],
    stages: tuple[str, ...],
    commit: str,
    approved: tuple[str, ...],
    output: str,
) -> None:
    """Execute the pipeline as it is written in its file: from a pull request to production.

    Jobs run in clones of their own, logins go to the embedded workspace. Exit code 1 when a job
    fails or waits for approval.
    """
    here = _Here(find_place(Path.cwd()), provider, stages, approved, output)
    try:
        sha = find_commit(here.place.bundle, commit).sha
    except GitFault as fault:
        raise Refused(str(fault)) from None
    chosen = tuple(Event(one) for one in events) or tuple(Event)
    if here.travel(sha, chosen):
        raise Refused(exit_code=1)


@click.command("watch", short_help="Run the pipeline on every new commit of a branch.")
@PROVIDER
@click.option("--branch", metavar="BRANCH", help="Branch to follow; default: the main branch.")
@STAGE
@APPROVE
@click.option("--every", "every_s", default=2.0, show_default=True, help="Seconds between looks.")
@click.option("--count", type=click.IntRange(min=1), help="End after so many commits.")
@OUTPUT
def watch_command(
    provider: str | None,
    branch: str | None,
    stages: tuple[str, ...],
    approved: tuple[str, ...],
    every_s: float,
    count: int | None,
    output: str,
) -> None:
    """Run the pipeline on each commit that comes to a branch, and on each new tag of it.

    A commit to the main branch is what a push to it is; to any other, a pull request.
    """
    here = _Here(find_place(Path.cwd()), provider, stages, approved, output)
    main = here.facts().main
    name = branch or main
    event = Event.MAIN if name == main else Event.PULL_REQUEST
    seen = _newest(here.place, name)
    tags = find_tags(here.place.bundle)
    click.echo(f"Watching {name} of {here.place.repository}; Ctrl-C ends it.", err=True)
    ran = 0
    while count is None or ran < count:
        time.sleep(every_s)
        newest = _newest(here.place, name)
        now = find_tags(here.place.bundle)
        if newest != seen:
            seen = newest
            here.travel(newest, (event,))
            ran += 1
        for tag in sorted(now.keys() - tags.keys()):
            here.travel(now[tag], (Event.TAG,), tag=tag)
            ran += 1
        tags = now


class _Here:
    """A project whose pipeline is run on this machine."""

    def __init__(
        self,
        place: Place,
        provider: str | None,
        stages: tuple[str, ...],
        approved: tuple[str, ...],
        output: str,
    ) -> None:
        self.place = place
        self.provider = one_provider(place, provider)
        self.stages, self.approved = stages, approved
        self.wants_json = output == "json"
        if not place.file(self.provider).is_file():
            raise Refused(
                f"there is no {PROVIDERS[self.provider].file}; write it: brickyard ci init"
            )

    def facts(self) -> ProjectFacts:
        return gather(self.place)

    def travel(self, sha: str, events: tuple[Event, ...], tag: str = "") -> bool:
        """Run the commit through the events, until one fails. Whether one did."""
        facts = self.facts()
        pipeline = self._pipeline(sha)
        folder = Path(tempfile.mkdtemp(prefix="brickyard-ci-"))
        self._say("note", f"{sha[:10]}; what jobs leave is in {folder}")
        for event in events:
            commit = EventCommit(sha=sha, event=event, main=facts.main, tag=tag or f"v0-{sha[:10]}")
            run = PipelineRun(
                provider=self.provider,
                pipeline=pipeline,
                commit=commit,
                repository=self.place.repository,
                folder=folder / event,
                only=self.stages,
                door=lambda name: _door(facts, name),
                approve=self._approves,
                say=self._say,
            )
            try:
                ran = run_pipeline(run)
            except (Unreadable, BadExpression) as fault:
                raise Refused(f"{PROVIDERS[self.provider].file}: {fault}") from fault
            self._check_stages(pipeline)
            self._show(ran, event)
            if ran.has_failed:
                return True
        return False

    def _pipeline(self, sha: str) -> ParsedPipeline:
        """As the commit has it; before it is committed, as it lies in the folder."""
        file = PROVIDERS[self.provider].file
        committed = file_at(Commit(sha=sha, repository=self.place.repository, folder=Path()), file)
        content = self.place.file(self.provider).read_bytes() if committed is None else committed
        if committed is None:
            self._say("note", f"{file} is not in the commit: the one in the folder is run")
        try:
            return PROVIDERS[self.provider].parse(read(content.decode(errors="replace"), file))
        except (BadYaml, Unreadable) as fault:
            raise Refused(str(fault)) from fault

    def _check_stages(self, pipeline: ParsedPipeline) -> None:
        known = [job.key for job in pipeline.jobs]
        for one in self.stages:
            if one not in known:
                raise Refused(f"there is no job `{one}`; the pipeline has {', '.join(known)}")

    def _approves(self, environment: str) -> bool:
        if environment in self.approved:
            return True
        if not (sys.stdin.isatty() and sys.stderr.isatty()):
            return False
        return click.confirm(f"Release to {environment}?", err=True)

    def _say(self, kind: str, text: str) -> None:
        if not self.wants_json:
            click.echo(MARKS[kind].format(text))

    def _show(self, ran: Ran, event: Event) -> None:
        if self.wants_json:
            click.echo(as_json(ran))


def _door(facts: ProjectFacts, name: str) -> Mapping[str, str]:
    """Variables that lead a client to the embedded workspace that stands for an environment."""
    from brickyard.cli import embedded

    names = {rung.name: rung.stands_for for rung in facts.ladder}
    standing = names.get(name) or names.get(name.removesuffix(f"-{DRIFT}"))
    if not standing:
        return {}
    start_embedded()
    found = embedded.running()
    if found is None:
        return {}
    address: Any = found.workspaces[standing]
    return {"DATABRICKS_HOST": address.host, "DATABRICKS_TOKEN": address.token}


def _newest(place: Place, branch: str) -> str:
    """The commit at the end of a local branch."""
    try:
        branches = find_branches(place.bundle)
    except GitFault as fault:
        raise Refused(str(fault)) from None
    if branch not in branches:
        near = did_you_mean(branch, branches)
        has = ", ".join(branches) or "no commit yet"
        raise Refused(
            f"there is no branch `{branch}` in {place.repository}, which has {has};"
            f" name one with --branch. {near}".rstrip()
        )
    return branches[branch]

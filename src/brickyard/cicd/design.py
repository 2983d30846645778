"""From a project to its pipeline.

    pull request   checks -> a rehearsal on an embedded workspace; the plan of staging
    main           checks -> every environment on the way to the last, one after the other
    tag            checks -> the last environment, when someone approved it
    every night    what drifted, in each environment that a commit passes

`checks` validates every target, holds it against the data policy and runs the unit tests. An
environment is released to with `release promote`, so gates, records and the ladder of
`brickyard.yml` hold in CI as they do by hand; the commit is the one that was checked out. Who looks
for drift only reads, and waits for nobody: an identity of its own for each environment.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from shlex import quote
from typing import Final

from brickyard.cicd.model import OUTPUT, Event, Identity, Pipeline, Stage, Step

PYTHON: Final = "3.12"
CHECKS, REHEARSAL, PLAN, DRIFT = "checks", "rehearsal", "plan", "drift"
COMMITS: Final = frozenset(Event) - {Event.SCHEDULE}


@dataclass(frozen=True, slots=True, kw_only=True)
class Rung:
    """An environment of `brickyard.yml`, as far as a pipeline has to know it."""

    name: str
    target: str
    takes_any_branch: bool = True
    stands_for: str = ""  # the embedded workspace that it is on one machine
    leads_on: bool = True  # whether another environment comes after it; else it is for trying


@dataclass(frozen=True, slots=True, kw_only=True)
class ProjectFacts:
    """What a pipeline is made from. `ladder` is in the order in which a commit climbs it."""

    name: str
    ladder: tuple[Rung, ...]
    requirement: str
    folder: str = ""
    main: str = "main"
    tags: str = "v*"
    unit_tests: str = ""  # folders of tests, relative to the bundle's; empty: none
    integration_tests: str = ""
    is_package: bool = False  # has a pyproject.toml that can be installed
    has_rollout: bool = False
    needs_sync: bool = False  # declares resources in Python, from an environment that uv makes
    other_targets: tuple[str, ...] = ()  # of databricks.yml, which no environment deploys

    @property
    def way(self) -> tuple[Rung, ...]:
        """The environments that a commit passes, the last one included."""
        return (*(rung for rung in self.ladder[:-1] if rung.leads_on), self.ladder[-1])


def design(facts: ProjectFacts) -> Pipeline:
    """The pipeline of a project with at least one environment."""
    *lower, last = facts.way
    stages = [_checks(facts), _rehearsal(facts, facts.ladder[0])]
    if lower:
        stages.append(_plan(lower[-1]))
    before = CHECKS
    for rung in lower:
        tested = facts.integration_tests if rung is lower[-1] else ""
        stages.append(_release(rung, Event.MAIN, before, tests=tested))
        before = stages[-1].key
    stages.append(_release(last, Event.TAG, CHECKS, approval=True))
    stages += [_drift(rung) for rung in facts.way]
    return Pipeline(
        name=facts.name,
        folder=facts.folder,
        main=facts.main,
        tags=facts.tags,
        python=PYTHON,
        requirement=facts.requirement,
        stages=tuple(_with_environment(facts, one) for one in stages),
    )


def _with_environment(facts: ProjectFacts, stage: Stage) -> Stage:
    """The stage after the environment was made that the bundle's Python resources need."""
    if not facts.needs_sync:
        return stage
    script = ("python -m pip install --quiet uv", "uv sync --quiet")
    return replace(stage, steps=(Step(name="Python of the bundle", script=script), *stage.steps))


def _checks(facts: ProjectFacts) -> Stage:
    targets = [rung.target for rung in facts.ladder]
    steps = [
        Step(
            name="Validate",
            script=tuple(f"brickyard validate --offline -t {quote(one)}" for one in targets),
        ),
        Step(
            name="Data policy",
            script=tuple(f"brickyard policy check -t {quote(one)}" for one in targets),
        ),
        Step(name="Pipeline still fits the project", script=("brickyard ci check",)),
    ]
    if facts.unit_tests:
        steps.append(_tests("Unit tests", facts.unit_tests, facts))
    return Stage(key=CHECKS, title="Checks", events=COMMITS, steps=tuple(steps), minutes=20)


def _tests(name: str, folder: str, facts: ProjectFacts, *words: str) -> Step:
    needed = "--editable . pytest" if facts.is_package else "pytest"
    apart = f" --ignore={quote(facts.integration_tests)}" if _holds(folder, facts) else ""
    return Step(
        name=name,
        script=(
            f"python -m pip install --quiet {needed}",
            " ".join((*words, f"python -m pytest {quote(folder)}{apart}")),
        ),
    )


def _holds(folder: str, facts: ProjectFacts) -> bool:
    """Whether the folder of tests also has the integration tests."""
    return facts.integration_tests.startswith(f"{folder}/")


def _rehearsal(facts: ProjectFacts, rung: Rung) -> Stage:
    """A pull request, deployed and evaluated on a workspace that ends with the job."""
    exec_ = "brickyard exec -- brickyard"
    if facts.has_rollout and rung.takes_any_branch:
        # A release deploys; what the rollout has to make first, a deployment alone would lack.
        promoted = f"{exec_} release promote --to {quote(rung.name)} --commit HEAD --local"
        steps = [
            Step(name="Deploy to an embedded workspace and evaluate", script=(promoted,)),
            _record(rung, "brickyard exec -- ", " --local"),
        ]
    else:
        deployed = f"{exec_} deploy -t {quote(rung.target)} --local --auto-approve"
        steps = [Step(name="Deploy to an embedded workspace", script=(deployed,))]
    return Stage(
        key=REHEARSAL,
        title="Rehearsal on an embedded workspace",
        events=frozenset({Event.PULL_REQUEST}),
        needs=(CHECKS,),
        steps=tuple(steps),
        is_embedded=True,
        artifact=REHEARSAL,
    )


def _plan(rung: Rung) -> Stage:
    return Stage(
        key=PLAN,
        title=f"Plan of {rung.name}",
        events=frozenset({Event.PULL_REQUEST}),
        needs=(CHECKS,),
        steps=(_planned(rung),),
        identity=Identity(),
        artifact=PLAN,
        minutes=20,
    )


def _planned(rung: Rung) -> Step:
    """The plan as people and machines read it."""
    place = f"{OUTPUT}/plan-{_slug(rung.name)}"
    shown, kept = f"{place}.md", f"{place}.json"
    return Step(
        name=f"Plan of {rung.name}",
        script=(
            f"mkdir -p {OUTPUT}",
            f"brickyard plan -t {quote(rung.target)} -o json > {kept}",
            f"echo {quote(f'### Plan of {rung.name}')} > {shown}",
            f"echo '```' >> {shown}",
            f"brickyard plan -t {quote(rung.target)} | tee -a {shown}",
            f"echo '```' >> {shown}",
        ),
        summary=shown,
    )


def _release(
    rung: Rung, event: Event, after: str, *, tests: str = "", approval: bool = False
) -> Stage:
    steps = [
        _planned(rung),
        Step(
            name=f"Release to {rung.name}",
            script=(f"brickyard release promote --to {quote(rung.name)} --commit HEAD",),
        ),
    ]
    if tests:
        steps.append(
            Step(
                name="Integration tests",
                script=(
                    "python -m pip install --quiet pytest",
                    f"python -m pytest {quote(tests)}",
                ),
                env={"BRICKYARD_TARGET": rung.target},
            )
        )
    steps.append(_record(rung))
    return Stage(
        key=_key(rung.name),
        title=f"Release to {rung.name}",
        events=frozenset({event}),
        needs=(after,),
        steps=tuple(steps),
        identity=Identity(
            environment=rung.name,
            suffix="_" + _slug(rung.name).upper(),
            needs_approval=approval,
        ),
        artifact=f"release-{_slug(rung.name)}",
        minutes=180,
    )


def _drift(rung: Rung) -> Stage:
    """Every night: what an environment is against what was released to it. Fails where it drifted,
    and where something could not be looked at.
    """
    place = f"{OUTPUT}/drift-{_slug(rung.name)}"
    shown, kept = f"{place}.md", f"{place}.json"
    step = Step(
        name=f"Drift of {rung.name}",
        script=(
            f"mkdir -p {OUTPUT}",
            f"echo {quote(f'### Drift of {rung.name}')} > {shown}",
            f"echo '```' >> {shown}",
            "drifted=0",
            f"brickyard drift -t {quote(rung.name)} --report {kept} | tee -a {shown} || drifted=$?",
            f"echo '```' >> {shown}",
            'exit "$drifted"',
        ),
        summary=shown,
    )
    return Stage(
        key=f"{DRIFT}_{_slug(rung.name)}",
        title=f"Drift of {rung.name}",
        events=frozenset({Event.SCHEDULE}),
        steps=(step,),
        identity=Identity(
            environment=f"{rung.name}-{DRIFT}",
            suffix=f"_{_slug(rung.name)}_{DRIFT}".upper(),
            only_reads=True,
        ),
        artifact=f"{DRIFT}-{_slug(rung.name)}",
        minutes=60,
    )


def _record(rung: Rung, before: str = "", after: str = "") -> Step:
    record = f"{OUTPUT}/releases-{_slug(rung.name)}.json"
    return Step(
        name="Release records",
        script=(
            f"mkdir -p {OUTPUT}",
            f"{before}brickyard release history -t {quote(rung.name)}{after} -o json > {record}",
        ),
        always=True,
    )


def _key(name: str) -> str:
    """A job's key: letters, digits and underscores, beginning with a letter."""
    key = _slug(name)
    taken = key in {CHECKS, REHEARSAL, PLAN} or key.startswith(f"{DRIFT}_")
    return f"release_{key}" if taken or not key[:1].isalpha() else key


def _slug(name: str) -> str:
    return re.sub(r"[^A-Za-z0-9_]", "_", name)

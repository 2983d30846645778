"""Whether a pipeline's file still fits the project that it releases.

A file that stands as it was written must be what would be written now. One that a person changed is
held to what it says: its targets and environments exist, every environment is released to, actions
are pinned to commits, and nothing logs in with a stored secret.
"""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator, Sequence
from itertools import pairwise
from typing import Final

from brickyard.cicd.actions import PINNED
from brickyard.cicd.design import ProjectFacts
from brickyard.cicd.model import Provider
from brickyard.cicd.parsed import ParsedPipeline, Unreadable
from brickyard.cicd.providers import PROVIDERS, render_file
from brickyard.cicd.written import State, state_of
from brickyard.cicd.yaml_text import BadYaml, read
from brickyard.values import Diagnostic, Location, did_you_mean, error, warning

USES: Final = re.compile(r"^\s*(?:- )?uses:\s*([^\s#]+)")
STORED: Final = re.compile(
    r"\b(?:secrets\.)?(?:DATABRICKS_TOKEN|DATABRICKS_CLIENT_SECRET|ARM_CLIENT_SECRET)\b"
)
TARGET_WORDS: Final = ("-t", "--target")
ENVIRONMENT_WORDS: Final = ("--to", "--environment")


def check(provider: Provider, file: str, text: str, facts: ProjectFacts) -> tuple[Diagnostic, ...]:
    """What is wrong with the file, in its order."""
    try:
        pipeline = PROVIDERS[provider].parse(read(text, file))
    except (BadYaml, Unreadable) as fault:
        return (error("ci/unreadable", "a pipeline can't be read", str(fault), at=_at(file, 1)),)
    if state_of(text) is State.OURS:
        return tuple(_stale(provider, file, text, facts))
    return (
        *_names(pipeline, file, text, facts),
        *_pins(file, text),
        *_secrets(file, text),
    )


def _stale(provider: Provider, file: str, text: str, facts: ProjectFacts) -> Iterator[Diagnostic]:
    wanted = render_file(provider, facts)
    if text.replace("\r\n", "\n") == wanted:
        return
    have, want = text.splitlines(), wanted.splitlines()
    differs = (
        at for at, (old, new) in enumerate(zip(have, want, strict=False), start=1) if old != new
    )
    # The first two lines are version and digest: what they stand for comes below.
    line = next((at for at in differs if at > 2), min(len(have), len(want)) or 1)
    yield error(
        "ci/stale",
        "a pipeline no longer fits the project",
        "Environments, targets, tests or the version of Brickyard changed since it was written."
        f" Write it again: `brickyard ci init --provider {provider}`.",
        at=_at(file, line),
    )


def _names(
    pipeline: ParsedPipeline, file: str, text: str, facts: ProjectFacts
) -> Iterator[Diagnostic]:
    environments = [rung.name for rung in facts.ladder]
    targets = [rung.target for rung in facts.ladder] + list(facts.other_targets)
    released: set[str] = set()
    for words in _calls(pipeline):
        of_environment = words[:1] in (["release"], ["drift"])
        for option, name in pairwise(words):
            names_target = option in TARGET_WORDS and not of_environment
            if names_target and name not in targets:
                yield _unknown("target", name, targets, file, text)
            names_environment = option in ENVIRONMENT_WORDS or (
                option in TARGET_WORDS and of_environment
            )
            if names_environment and name not in environments and "$" not in name:
                yield _unknown("environment", name, environments, file, text)
        if "--to" in words[:-1]:
            released.add(words[words.index("--to") + 1])
        if words[:1] == ["deploy"] and "-t" in words[:-1]:
            deployed = words[words.index("-t") + 1]
            released |= {rung.name for rung in facts.ladder if rung.target == deployed}
    for name in (rung.name for rung in facts.way):
        if name not in released:
            yield warning(
                "ci/unreleased-environment",
                "no stage releases to an environment",
                f"`{name}` is in brickyard.yml, and no step deploys or promotes to it.",
                at=_at(file, 1),
            )


def _calls(pipeline: ParsedPipeline) -> Iterator[list[str]]:
    """The arguments of every call of `brickyard` in the scripts."""
    for job in pipeline.jobs:
        for step in job.steps:
            for line in step.script.replace("\\\n", " ").splitlines():
                try:
                    words = shlex.split(line, comments=True)
                except ValueError:
                    continue
                starts = [at for at, word in enumerate(words) if word == "brickyard"]
                for start, end in pairwise([*starts, len(words)]):
                    yield words[start + 1 : end]


def _unknown(kind: str, name: str, known: Sequence[str], file: str, text: str) -> Diagnostic:
    detail = f"`{name}` is none of {', '.join(known)}. {did_you_mean(name, known)}".strip()
    line = next((at for at, one in _numbered(text) if name in one.split()), 1)
    return error(
        f"ci/unknown-{kind}", f"a pipeline names an unknown {kind}", detail, at=_at(file, line)
    )


def _pins(file: str, text: str) -> Iterator[Diagnostic]:
    for at, line in _numbered(text):
        found = USES.match(line)
        if (
            found
            and not found[1].startswith(("./", "docker://"))
            and not PINNED.fullmatch(found[1])
        ):
            yield warning(
                "ci/unpinned-action",
                "an action is not pinned to a commit",
                f"`{found[1]}` can change under you: a tag can be moved. Name the commit's SHA.",
                at=_at(file, at),
            )


def _secrets(file: str, text: str) -> Iterator[Diagnostic]:
    for at, line in _numbered(text):
        found = STORED.search(line.partition("#")[0])
        if found:
            yield warning(
                "ci/stored-secret",
                "a stored secret is used to log in",
                f"`{found[0]}` lives until someone revokes it. Federation gives every run a token"
                " of its own; docs/ci-cd.md says how.",
                at=_at(file, at),
            )


def _numbered(text: str) -> Iterator[tuple[int, str]]:
    return enumerate(text.splitlines(), start=1)


def _at(file: str, line: int) -> tuple[Location, ...]:
    return (Location(file, line, 1),)

"""`choose`: MLOps Stacks or a plain bundle; Git folder, bundle or API; with reasons."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import click

from brickyard.cli.project_options import OUTPUT
from brickyard.templates.choosing import QUESTIONS, UNKNOWN, WAYS, Choice, choose
from brickyard.templates.looking import LARGEST, SOURCES, Seen, look

SKIPPED = {".git", ".venv", "node_modules", "__pycache__", ".databricks", "site-packages", "dist"}
MOST_FILES = 4000


def _with_questions(command: Any) -> Any:
    for asked in reversed(QUESTIONS):
        kinds = click.Choice(list(asked.answers))
        known = "; ".join(f"{key}: {text}" for key, text in asked.answers.items())
        command = click.option(f"--{asked.name}", type=kinds, help=f"{asked.text} {known}.")(
            command
        )
    return command


@click.command("choose")
@click.option(
    "--from",
    "folder",
    type=click.Path(exists=True, file_okay=False),
    help="Look at the repository in this folder instead of asking.",
)
@_with_questions
@OUTPUT
def choose_command(folder: str | None, output: str, **given: str | None) -> None:
    """Decide between MLOps Stacks and a plain bundle, and between Git folder, bundle and API.

    Answers come from the options, from a look at a repository, or from you at a terminal; the rest
    stays unknown and speaks for nothing. It ends with the command to run, and runs nothing.
    """
    seen = (
        _look(Path(folder))
        if folder
        else Seen(answers={}, evidence={}, has_bundle=False, is_stack=False)
    )
    answers = {**seen.answers, **{key: value for key, value in given.items() if value}}
    if folder is None and output == "text" and sys.stdin.isatty() and sys.stderr.isatty():
        answers |= _ask(answers)
    found = choose(answers, has_bundle=seen.has_bundle)
    if output == "json":
        click.echo(json.dumps(_as_json(found, answers, seen), indent=2))
    else:
        _show(found, answers, seen)


def _ask(known: Mapping[str, str]) -> dict[str, str]:
    answers: dict[str, str] = {}
    for asked in QUESTIONS:
        if asked.name in known:
            continue
        click.echo(asked.text, err=True)
        for key, text in asked.answers.items():
            click.echo(f"  {key:<14} {text}", err=True)
        kinds = click.Choice([*asked.answers, UNKNOWN])
        answers[asked.name] = click.prompt("", type=kinds, default=UNKNOWN, err=True)
    return answers


def _look(folder: Path) -> Seen:
    return look(dict(_files(folder)), _authors(folder))


def _files(folder: Path) -> Iterator[tuple[str, str]]:
    """Path and text of sources, path alone of what says something by its name."""
    count = 0
    for here, folders, names in os.walk(folder):
        folders[:] = sorted(one for one in folders if one not in SKIPPED)
        for name in sorted(names):
            path = Path(here) / name
            count += 1
            if count > MOST_FILES:
                return
            text = ""
            if path.suffix in SOURCES and not path.is_symlink() and path.stat().st_size <= LARGEST:
                text = path.read_text(errors="replace")
            yield path.relative_to(folder).as_posix(), text


def _authors(folder: Path) -> list[str]:
    words = ["git", "-C", str(folder), "log", "--format=%ae", "-n", "2000", "--", "."]
    try:
        ended = subprocess.run(words, capture_output=True, text=True, check=False)
    except OSError:
        return []
    return ended.stdout.split() if ended.returncode == 0 else []


def _show(found: Choice, answers: Mapping[str, str], seen: Seen) -> None:
    click.echo("What is known:")
    for asked in QUESTIONS:
        answer = answers.get(asked.name, UNKNOWN)
        origin = seen.evidence.get(asked.name) if answer == seen.answers.get(asked.name) else ""
        click.echo(f"  {asked.name:<9} {answer}" + (f"  ({origin})" if origin else ""))
    if seen.is_stack:
        click.echo("This repository was made from MLOps Stacks.")
    names = {"bundle": "a plain bundle", "mlops-stacks": "MLOps Stacks"}
    shown = ", ".join(f"{names[key]} {score}" for key, score in found.scores.items())
    click.echo(f"\nUse {names[found.choice]} ({shown}):")
    for reason in found.reasons:
        sign = "+" if reason.speaks_for == found.choice else "-"
        click.echo(f"  {sign}{reason.weight:<3} {reason.why}")
    click.echo("\nHow code comes to the workspace:")
    for way in WAYS:
        first = "  <- how you work" if way.use == found.way and answers.get("work") else ""
        click.echo(f"  {way.use:<11} for {way.work}{first}")
        click.echo(f"  {'':<11} {way.why}")
    click.echo("\nRun:")
    for command in (found.command, *found.next):
        click.echo(f"  {command}")


def _as_json(found: Choice, answers: Mapping[str, str], seen: Seen) -> dict[str, Any]:
    return {
        "choice": found.choice,
        "scores": dict(found.scores),
        "reasons": [
            {"for": one.speaks_for, "weight": one.weight, "why": one.why} for one in found.reasons
        ],
        "answers": {asked.name: answers.get(asked.name, UNKNOWN) for asked in QUESTIONS},
        "evidence": dict(seen.evidence),
        "has_bundle": seen.has_bundle,
        "is_stack": seen.is_stack,
        "way": found.way,
        "ways": [
            {"use": way.use, "work": way.work, "why": way.why, "command": way.command}
            for way in WAYS
        ],
        "command": found.command,
        "next": list(found.next),
    }

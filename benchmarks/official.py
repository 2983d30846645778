"""The bundle engine against the official CLI: the same bundle, the same embedded workspace.

Needs a `databricks` binary on PATH; without one there is nothing to compare with. What takes
long is timed once per engine, from a cold process: a ratio is all that is wanted. The official CLI
sends 15 requests a second at most, which is most of its time where there are many; to send its
files it is told to send as many as it can, as it would take six minutes otherwise.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
import uuid
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path

from benchmarks.engine import bundle
from benchmarks.server import workspace
from benchmarks.timing import Comparison, timed

JOBS = (1, 100, 1000)
TASKS = 30
RESOURCES = 1000
FILES = 5000
MANY = 10_000
ROUNDS, LONG_S = 3, 8.0
PEAK = """
import resource, subprocess, sys
subprocess.run(sys.argv[1:], check=True, stdout=subprocess.DEVNULL)
print(resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss)
"""
UNLIMITED = {"DATABRICKS_RATE_LIMIT": "100000"}
QUIET = {
    "DATABRICKS_BUNDLE_ENGINE": "direct",
    "DATABRICKS_CACHE_ENABLED": "false",
    "DATABRICKS_CLI_DO_NOT_EXECUTE_NEWER_VERSION": "1",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Engine:
    """One command line, and what tells its deployments from the other's."""

    name: str
    command: tuple[str, ...]
    environment: Mapping[str, str]

    def run(self, folder: Path, *arguments: str) -> None:
        """One command to its end. A failing one stops the benchmark."""
        self._ended(folder, [*self.command, *arguments])

    def peak_memory(self, folder: Path, *arguments: str) -> int:
        """What a command takes at most, in bytes.

        A small process starts it: a child's peak begins with that of the process it is made from.
        """
        said = self._ended(folder, [sys.executable, "-c", PEAK, *self.command, *arguments])
        return int(said) * 1024

    def _ended(self, folder: Path, command: list[str]) -> str:
        ended = subprocess.run(
            command,
            cwd=folder,
            env=dict(self.environment),
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            check=False,
        )
        if ended.returncode:
            raise RuntimeError(f"{self.name} {command}: {ended.stderr[-2000:]}")
        return ended.stdout


def comparisons() -> Iterator[Comparison]:
    official = shutil.which("databricks")
    if official is None:
        print("official: there is no databricks binary on PATH", file=sys.stderr)
        return
    with tempfile.TemporaryDirectory(prefix="bench-") as folder, workspace() as (host, token):
        scratch = Path(folder)
        ours = Engine(
            name="brickyard",
            command=(sys.executable, "-m", "brickyard", "bundle"),
            environment=_clients_of(host, token),
        )
        theirs = Engine(
            name="databricks",
            command=(official, "bundle"),
            environment={**ours.environment, **QUIET},
        )
        yield from _validating(scratch, ours, theirs)
        yield from _deploying(scratch, ours, theirs)
        yield from _syncing(scratch, ours, theirs)
        yield from _growing(scratch, ours, theirs)


def _validating(scratch: Path, ours: Engine, theirs: Engine) -> Iterator[Comparison]:
    for jobs in JOBS:
        folder = _bundle(scratch, bundle(jobs))
        yield _both(f"validate {jobs:,} jobs", folder, ours, theirs, "validate")
    folder = _bundle(scratch, _with_tasks(JOBS[1]))
    yield _both(f"validate {JOBS[1]} jobs of {TASKS} tasks", folder, ours, theirs, "validate")


def _deploying(scratch: Path, ours: Engine, theirs: Engine) -> Iterator[Comparison]:
    """First deploy, plan and deploy without a change, each engine its own bundle."""
    mine, other = (_bundle(scratch, bundle(RESOURCES)) for _ in range(2))
    for what, verb in (
        ("first deploy of", ("deploy", "--auto-approve")),
        ("plan without a change of", ("plan",)),
        ("deploy without a change of", ("deploy", "--auto-approve")),
    ):
        took = timed(lambda verb=verb: ours.run(mine, *verb))
        yield Comparison(
            what=f"{what} {RESOURCES:,} jobs",
            ours_s=took,
            against=f"official CLI: {' '.join(verb[:1])}",
            theirs_s=timed(lambda verb=verb: theirs.run(other, *verb)),
        )


def _syncing(scratch: Path, ours: Engine, theirs: Engine) -> Iterator[Comparison]:
    theirs = replace(theirs, environment={**theirs.environment, **UNLIMITED})
    mine, other = (_bundle(scratch, bundle(1)) for _ in range(2))
    for folder in (mine, other):
        for number in range(FILES):
            path = folder / "src" / f"{number // 100}" / f"module_{number}.py"
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(f"print({number})\n")
    against = "official CLI: deploy, unlimited"
    yield Comparison(
        what=f"deploy of {FILES:,} files",
        ours_s=timed(lambda: ours.run(mine, "deploy")),
        against=against,
        theirs_s=timed(lambda: theirs.run(other, "deploy")),
    )
    yield Comparison(
        what=f"deploy without a change of {FILES:,} files",
        ours_s=min(timed(lambda: ours.run(mine, "deploy")) for _ in range(ROUNDS)),
        against=against,
        theirs_s=min(timed(lambda: theirs.run(other, "deploy")) for _ in range(ROUNDS)),
    )


def _growing(scratch: Path, ours: Engine, theirs: Engine) -> Iterator[Comparison]:
    """Ten times the jobs, against ten times as long; and what memory the smaller one takes."""
    small, large = _bundle(scratch, bundle(JOBS[-1])), _bundle(scratch, bundle(MANY))
    took = timed(lambda: ours.run(small, "validate"))
    yield Comparison(
        what=f"validate {MANY:,} jobs",
        ours_s=timed(lambda: ours.run(large, "validate")),
        against=f"brickyard: validate {JOBS[-1]:,} jobs",
        theirs_s=took,
    )
    yield Comparison(
        what=f"validate {JOBS[-1]:,} jobs, peak memory",
        ours_s=ours.peak_memory(small, "validate") / 2**20,
        against="official CLI: validate",
        theirs_s=theirs.peak_memory(small, "validate") / 2**20,
        unit="MiB",
    )


def _both(what: str, folder: Path, ours: Engine, theirs: Engine, *verb: str) -> Comparison:
    """The faster of three runs each, in turn; of what takes long, the only one."""
    mine, other = [], []
    while len(mine) < ROUNDS and sum(other) < LONG_S:
        mine.append(timed(lambda: ours.run(folder, *verb)))
        other.append(timed(lambda: theirs.run(folder, *verb)))
    return Comparison(
        what=what,
        ours_s=min(mine),
        against=f"official CLI: {' '.join(verb)}",
        theirs_s=min(other),
    )


def _bundle(scratch: Path, text: str) -> Path:
    """A folder of its own, with a bundle of a name of its own."""
    name = f"large_{uuid.uuid4().hex[:8]}"
    folder = scratch / name
    folder.mkdir()
    text = text.replace("name: large", f"name: {name}", 1)
    (folder / "databricks.yml").write_text(text)
    return folder


def _with_tasks(jobs: int) -> str:
    lines = ["bundle: {name: large}", "resources:", "  jobs:"]
    for number in range(jobs):
        lines += [f"    job_{number}:", f"      name: job {number}", "      tasks:"]
        lines += [
            f"        - {{task_key: t{at}, notebook_task: {{notebook_path: /Shared/n{at}}}}}"
            for at in range(TASKS)
        ]
    return "\n".join(lines)


def _clients_of(host: str, token: str) -> dict[str, str]:
    """The process environment of the clients of one workspace."""
    kept = {k: v for k, v in os.environ.items() if not k.startswith(("DATABRICKS_", "MLFLOW_"))}
    return {**kept, "DATABRICKS_HOST": host, "DATABRICKS_TOKEN": token}

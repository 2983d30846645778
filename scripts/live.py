"""The walkthrough on a real workspace, through public REST alone, with its replies recorded.

    make live PROFILE=my-profile CATALOG=sandbox
    make live PROFILE=my-profile SOLUTION=examples/data_quality_agent

Makes a small solution from a template, or takes one as it is, and brings it to one environment and
back: validate, policy, plan, deploy, release, status, record, drift, destroy. Commands reach the
workspace through a recorder on this machine, which signs their requests as the profile says;
nothing of the embedded workspace is used. The recording holds of each reply its shape and its
states, no names and no data: see `recording.py`. It makes what the solution declares, in a schema
of its own, and removes it.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import subprocess
import sys
import tempfile
import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

sys.path.insert(0, str(Path(__file__).resolve().parent))

from recording import Recorder, Recording, compare

LIMIT_S: Final = 3 * 3600
TARGET: Final = "dev"
ENVIRONMENT: Final = ("-t", TARGET)
# What is done, in this order; the last also after a failure.
STEPS: Final[Sequence[tuple[str, ...]]] = (
    ("validate", *ENVIRONMENT),
    ("policy", "check", *ENVIRONMENT),
    ("environments", "show"),
    ("plan", *ENVIRONMENT),
    ("release", "promote", "--to", TARGET),
    ("plan", *ENVIRONMENT, "--detailed-exitcode"),
    ("release", "status", *ENVIRONMENT),
    ("release", "record", "verify", *ENVIRONMENT),
    ("drift", *ENVIRONMENT),
)
LAST: Final = ("destroy", *ENVIRONMENT, "--auto-approve")


@dataclass(frozen=True, slots=True, kw_only=True)
class Walk:
    """Where the solution is made, and how its commands reach the workspace."""

    folder: Path
    environment: Mapping[str, str]

    def __call__(self, *words: str) -> int:
        print(f"$ brickyard {' '.join(words)}", flush=True)
        ended = subprocess.run(
            [sys.executable, "-m", "brickyard", *words],
            cwd=self.folder,
            env=dict(self.environment),
            stdin=subprocess.DEVNULL,
            timeout=LIMIT_S,
            check=False,
        )
        return ended.returncode


def walk_through(recorder: Recorder, given: argparse.Namespace, folder: Path) -> list[str]:
    """Do every step; those that failed. What was made is removed whatever happens."""
    kept = {k: v for k, v in os.environ.items() if not k.startswith(("DATABRICKS_", "BRICKYARD_"))}
    environment = {
        **kept,
        "DATABRICKS_HOST": recorder.host,
        "DATABRICKS_TOKEN": "the-recorder-signs",
        # A home without an embedded workspace: whatever would start one fails.
        "BRICKYARD_HOME": str(folder / "no-workspace-here"),
    }
    try:
        place = copied(given.solution, folder) if given.solution else None
    except OSError as fault:
        return [f"copying {given.solution}: {fault}"]
    place = place or made(Walk(folder=folder, environment=environment), given)
    if place is None:
        return ["init"]
    walk = Walk(folder=place, environment=environment)
    who = ("-c", "user.name=live", "-c", "user.email=live@localhost")
    for words in (("init", "-q", "-b", "main"), ("add", "-A"), (*who, "commit", "-qm", "Live")):
        subprocess.run(["git", *words], cwd=walk.folder, check=True)
    failed = []
    try:
        for words in STEPS:
            if walk(*words):
                failed.append(" ".join(words))
                break
    finally:
        if walk(*LAST):
            failed.append(" ".join(LAST))
    return failed


def made(walk: Walk, given: argparse.Namespace) -> Path | None:
    """A project from the template, with a name of its own; None where it could not be made."""
    name = f"live_{uuid.uuid4().hex[:8]}"
    answers = {"project_name": name, "catalog": given.catalog}
    (walk.folder / "answers.json").write_text(json.dumps(answers))
    failed = walk("init", given.template, "--config-file", "answers.json")
    return None if failed else walk.folder / name


def copied(solution: Path, folder: Path) -> Path:
    """A bundle as it lies there, without what lies there besides."""
    if not (solution / "databricks.yml").is_file():
        raise FileNotFoundError("it has no databricks.yml")
    left_out = shutil.ignore_patterns(".*", "__pycache__", "dist")
    return Path(shutil.copytree(solution, folder / solution.resolve().name, ignore=left_out))


def main(arguments: Sequence[str]) -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--profile", help="profile of ~/.databrickscfg")
    parser.add_argument("--catalog", default="dev", help="catalog that the solution may write")
    parser.add_argument("--template", default="agent", help="solution that is released")
    parser.add_argument("--solution", type=Path, help="a bundle that is released, instead")
    parser.add_argument("--out", type=Path, default=Path("live.jsonl"), help="the recording")
    parser.add_argument("--compare", type=Path, nargs=2, help="two recordings, instead of a walk")
    given = parser.parse_args(arguments)
    if given.compare:
        ours, theirs = (Recording.read(path) for path in given.compare)
        differences = compare(ours, theirs)
        print("\n".join(differences) or "the same shapes")
        return 1 if differences else 0
    if not given.profile:
        parser.error("--profile names the workspace; its owner has to agree to what is made there")
    with (
        tempfile.TemporaryDirectory(prefix="brickyard-live-") as folder,
        Recorder.of_profile(given.profile) as recorder,
    ):
        failed = walk_through(recorder, given, Path(folder))
        recorder.recording.write(given.out)
    print(f"{len(recorder.recording.calls)} replies recorded in {given.out}")
    for step in failed:
        print(f"failed: {step}", file=sys.stderr)
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))

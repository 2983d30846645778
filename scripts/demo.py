"""The main job, end to end: `make demo`.

A generative solution travels from a pull request to production on the embedded workspace, in a
Git repository that is made for it: rehearsal, merge, staging, approval, production; then a change
that its gate stops, one that the data policy stops, and a release that is rolled back, each with
its record. Everything goes through the command line, as a user would; nothing here knows how it
works inside.

All of it is in `.demo`, apart from your own workspace, and made anew each time. KEEP=1 leaves the
workspace running; DEMO=short ends with the first release to production.
"""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
import time
import urllib.request
from collections.abc import Mapping
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
EXAMPLE = ROOT / "examples" / "data_quality_agent"
PLACE = ROOT / ".demo"
HOME = PLACE / "home"
SOLUTION = PLACE / "solution"
BRICKYARD = (sys.executable, "-m", "brickyard")
MAIN, STAGING, PROD = "main", "staging", "prod"
WAITS = 3  # exit code of a release that waits for approval
# Lines of commands that the story does without: what is clean, and where it was read.
LEFT_OUT = re.compile(
    r"\s+(unknown |holds  |part of the |SQL that is put |to mend it|plan: create |\(left out)"
    r"|.*what jobs leave is in|\s+.*(passed|\.+) +\[ *\d+%\]|\s*$"
)
OPTIONAL = (
    "src/data_quality_agent/propose.py",
    "if column.nulls <= TOLERATED * profile.rows:",
    "if column.nulls <= 0.02 * profile.rows:",
)
LESSON = {
    "about": "No trip ends where it begins.",
    "match": {"origin": "origin|source", "dest": "dest|destination|target"},
    "rule": {
        "kind": "expression",
        "columns": ["{origin}", "{dest}"],
        "parameters": {"predicate": "{origin} <> {dest}"},
    },
}
STRAY = """\
# Databricks notebook source
# Keeps what was found where everybody looks: in production.
findings = spark.table("staging.quality.flights").where("dep_time IS NULL")
findings.write.mode("overwrite").saveAsTable("prod.quality.findings")
"""


class DemoFailed(Exception):
    """A command of the demo failed; its own output said why."""


class Clock:
    """What took how long."""

    def __init__(self) -> None:
        self.started = time.monotonic()
        self.acts: list[tuple[str, float]] = []

    def act(self, title: str) -> None:
        self.acts.append((title, time.monotonic()))
        line = f"{len(self.acts)}. {title}"
        print(f"\n{bold(line)}\n{'=' * len(line)}", flush=True)

    def show(self) -> None:
        ends = [begun for _, begun in self.acts[1:]] + [time.monotonic()]
        for number, ((title, begun), end) in enumerate(zip(self.acts, ends, strict=True), 1):
            print(f"  {number}. {title:62} {end - begun:5.0f} s")
        print(f"  {'':65} {time.monotonic() - self.started:5.0f} s")


def main() -> int:
    clock = Clock()
    try:
        story(clock, is_short=os.environ.get("DEMO") == "short")
    except DemoFailed as failure:
        print(f"\nThe demo stopped: {failure}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("\nInterrupted; `make demo` begins anew.", file=sys.stderr)
        return 130
    finally:
        if not os.environ.get("KEEP"):
            subprocess.run((*BRICKYARD, "down"), env=environment(), check=False)
    print(f"\n{bold('How long it took')}")
    clock.show()
    show_what_next()
    return 0


def story(clock: Clock, *, is_short: bool) -> None:
    clock.act("A workspace, two people, and a repository")
    begin()
    brickyard("up", "--detach", "--ports", "0,0,0")
    ada, ola = person("ada", "owner"), person("ola", "operator")
    say("Ada writes the solution and owns it; Ola operates production. Its pipeline is written:")
    make_repository(ada)

    clock.act("Pull request: checked, rehearsed on a workspace of its own, planned")
    git("switch", "-q", "-c", "agent")
    copy_example()
    brickyard("ci", "init", "--provider", "github")
    commit("An agent that examines tables")
    brickyard("ci", "run", "--event", "pull-request")

    clock.act("Merge: the same commit is released to staging, and tested there")
    merge("agent")
    brickyard("ci", "run", "--event", "main", "--stage", STAGING)
    show_records(STAGING)

    clock.act("Production waits for approval; two people give it; production is live")
    release_to_production(ada, ola)
    ask_production()
    show_records(PROD)
    if is_short:
        return

    clock.act("A bad change: every check passes, its gate stops it")
    say("Ada takes more columns for optional: fewer alarms. The pull request's checks pass:")
    git("switch", "-q", "-c", "fewer-alarms")
    replace_in(*OPTIONAL)
    commit("Take a column for optional that lacks 2 % of its values")
    brickyard("ci", "run", "--event", "pull-request", "--stage", "checks")
    say("It is merged. Every limit holds in staging; but label by label it finds less than before:")
    merge("fewer-alarms")
    brickyard("ci", "run", "--event", "main", "--stage", STAGING, code=1)
    show_records(STAGING)
    say("Staging and production serve what they served.")
    brickyard("release", "status", "-t", PROD)
    git("revert", "--no-edit", "HEAD")

    clock.act("A change against the data policy: stopped on its pull request")
    git("switch", "-q", "-c", "shortcut")
    (SOLUTION / "src" / "findings.py").write_text(STRAY)
    commit("Keep findings in production")
    brickyard("ci", "run", "--event", "pull-request", "--stage", "checks", code=1)
    git("switch", "-q", MAIN)

    clock.act("A good change goes all the way")
    say("The agent learns from other tables that no trip ends where it begins.")
    learn()
    commit("Know that no trip ends where it begins")
    brickyard("ci", "run", "--event", "main", "--stage", STAGING)
    release_to_production(ada, ola)
    brickyard("release", "diff", "1", "2", "-t", PROD)

    clock.act("Roll it back: code, model, prompt, index and endpoint together")
    brickyard("release", "rollback", "-t", PROD)
    ask_production()
    show_records(PROD)

    clock.act("What is left to see: drift, and what the project still lacks")
    brickyard("drift", "-t", PROD)
    brickyard("doctor")


def begin() -> None:
    """An empty place. What `uv` installed for tasks is kept, as it depends on nothing else."""
    subprocess.run((*BRICKYARD, "down"), env=environment(), check=False, capture_output=True)
    kept = PLACE / "environments"
    if (HOME / "environments").is_dir() and not kept.exists():
        (HOME / "environments").rename(kept)
    for folder in (HOME, SOLUTION):
        shutil.rmtree(folder, ignore_errors=True)
    HOME.mkdir(parents=True)
    if kept.exists():
        kept.rename(HOME / "environments")
    SOLUTION.mkdir(parents=True)


def make_repository(author: Mapping[str, str]) -> None:
    git("init", "-q", "-b", MAIN)
    git("config", "user.name", "Ada")
    git("config", "user.email", author["name"])
    (SOLUTION / ".gitignore").write_text(".databricks/\n.brickyard/\n__pycache__/\n")
    commit("Begin")


def copy_example() -> None:
    """The example as it lies in this checkout."""
    listed = subprocess.run(
        ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard", "."],
        cwd=EXAMPLE,
        check=False,
        capture_output=True,
        text=True,
    )
    names = [name for name in listed.stdout.split("\0") if name]
    if listed.returncode != 0:  # not a clone: all that is there
        found = (path for path in EXAMPLE.rglob("*") if path.is_file())
        names = [path.relative_to(EXAMPLE).as_posix() for path in found]
    for name in names:
        if not (EXAMPLE / name).is_file() or "__pycache__" in name or name.startswith("."):
            continue
        target = SOLUTION / name
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes((EXAMPLE / name).read_bytes())


def replace_in(name: str, before: str, after: str) -> None:
    path = SOLUTION / name
    text = path.read_text()
    if before not in text:
        raise DemoFailed(f"{name} has no `{before.strip()}`")
    path.write_text(text.replace(before, after))


def learn() -> None:
    path = SOLUTION / "src/data_quality_agent/known/past_rules.json"
    path.write_text(json.dumps([*json.loads(path.read_text()), LESSON], indent=2) + "\n")


def release_to_production(ada: Mapping[str, str], ola: Mapping[str, str]) -> None:
    brickyard("release", "promote", "--to", PROD, code=WAITS)
    say("Ada has written it: her yes is one of two, whoever says it besides her.")
    brickyard("release", "approve", "-t", PROD, "--comment", "it does what it should", who=ada)
    brickyard("release", "approve", "-t", PROD, "--comment", "looked at the plan", who=ola)
    brickyard("release", "promote", "--to", PROD)


def ask_production() -> None:
    """Asks the endpoint about weather, as a client would."""
    door = json.loads(output("env", "--workspace", PROD, "-o", "json"))
    say("Production, asked what is wrong with the weather:")
    question = {
        "input": [{"role": "user", "content": "What is wrong with prod.quality.weather?"}],
    }
    request = urllib.request.Request(
        f"{door['DATABRICKS_HOST']}/serving-endpoints/data-quality-agent/invocations",
        data=json.dumps(question).encode(),
        headers={
            "Authorization": f"Bearer {door['DATABRICKS_TOKEN']}",
            "Content-Type": "application/json",
        },
    )
    with urllib.request.urlopen(request, timeout=300) as response:
        answer = json.load(response)
    for item in answer.get("output", []):
        for part in item.get("content", []):
            for line in str(part.get("text", "")).splitlines()[:5]:
                print(f"  {line}"[:118], flush=True)


def show_records(name: str) -> None:
    """The records of an environment, and that nobody changed them."""
    brickyard("release", "history", "-t", name)
    brickyard("release", "record", "verify", "-t", name)


def person(name: str, role: str) -> dict[str, str]:
    """Somebody of the production workspace: who they are there, and how they speak to it."""
    door = json.loads(output("env", "--workspace", PROD, "-o", "json"))
    ended = subprocess.run(
        [sys.executable, EXAMPLE / "scripts" / "person.py", name, "--as", role],
        env={**environment(), **door},
        check=False,
        capture_output=True,
        text=True,
    )
    found = re.search(r"HOST=(\S+) DATABRICKS_TOKEN=(\S+)\n#.* is (\S+) here", ended.stdout)
    if found is None:
        raise DemoFailed(f"{name} could not be made: {ended.stderr[-2000:]}")
    return {
        "title": name.title(),
        "name": found[3],
        "DATABRICKS_HOST": found[1],
        "DATABRICKS_TOKEN": found[2],
    }


def merge(branch: str) -> None:
    git("switch", "-q", MAIN)
    git("merge", "-q", "--ff-only", branch)


def commit(message: str) -> None:
    git("add", "-A")
    git("commit", "-q", "-m", message)


def git(*arguments: str) -> None:
    print(f"$ git {' '.join(shown(one) for one in arguments)}", flush=True)
    ended = subprocess.run(
        ["git", *arguments], cwd=SOLUTION, check=False, capture_output=True, text=True
    )
    if ended.returncode != 0:
        raise DemoFailed(f"`git {arguments[0]}`: {ended.stderr.strip()}")


def brickyard(*arguments: str, code: int = 0, who: Mapping[str, str] | None = None) -> None:
    """Run a command with its output on this terminal, less what the story does without."""
    caller = f"{who['title']}: " if who else ""
    print(f"{caller}$ brickyard {' '.join(shown(one) for one in arguments)}", flush=True)
    with subprocess.Popen(
        (*BRICKYARD, *arguments),
        cwd=SOLUTION,
        env=environment(who),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        errors="replace",
    ) as process:
        assert process.stdout is not None
        for line in process.stdout:
            if not LEFT_OUT.match(line):
                print(f"  {line}", end="", flush=True)
    if process.returncode != code:
        raise DemoFailed(
            f"`brickyard {' '.join(arguments)}` ended with {process.returncode}, not {code}"
        )
    if code:
        print(f"  (exit code {code})", flush=True)


def output(*arguments: str) -> str:
    ended = subprocess.run(
        (*BRICKYARD, *arguments),
        cwd=PLACE,
        env=environment(),
        stdout=subprocess.PIPE,
        text=True,
        check=False,
    )
    if ended.returncode != 0:
        raise DemoFailed(f"`brickyard {' '.join(arguments)}` ended with {ended.returncode}")
    return ended.stdout


def environment(who: Mapping[str, str] | None = None) -> dict[str, str]:
    """The caller's, less what would send a command to another workspace; or somebody else's."""
    kept: dict[str, Any] = {
        key: value for key, value in os.environ.items() if not key.startswith("DATABRICKS_")
    }
    theirs = {key: value for key, value in (who or {}).items() if key.startswith("DATABRICKS_")}
    return {**kept, **theirs, "BRICKYARD_HOME": str(HOME), "PYTHONUNBUFFERED": "1"}


def show_what_next() -> None:
    print(f"""
{bold("What to look at next")}
  .demo/solution            the repository of this story: git log, brickyard.yml, the pipeline
  KEEP=1 make demo          leaves the workspace running; then, in .demo/solution:
    export BRICKYARD_HOME={HOME}
    brickyard release show 1 -t prod      a record, whole
    brickyard release record export 1 -t prod --format slsa
    brickyard status                      the addresses of the workspaces and their consoles
  examples/data_quality_agent/README.md   the same by hand, step by step
  docs/releases.md, docs/ci-cd.md         what the commands do""")


def say(text: str) -> None:
    print(f"\n{text}", flush=True)


def bold(text: str) -> str:
    return f"\033[1m{text}\033[0m" if sys.stdout.isatty() else text


def shown(word: str) -> str:
    return f'"{word}"' if " " in word else word


if __name__ == "__main__":
    sys.exit(main())

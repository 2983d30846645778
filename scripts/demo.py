"""The main job, end to end: `make demo`.

A generative solution in this Git repository is validated, checked against the data policy, and
released to dev, staging and prod on the embedded workspace: each environment deploys the same
commit, ingests, registers, evaluates, and serves only what passed. Everything goes through the
command line, as a user would; nothing here knows how it works inside.

Its data is in `.demo`, apart from your own workspace. KEEP=1 leaves the workspace running.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
SOLUTION = ROOT / "examples" / "data_quality_agent"
HOME = ROOT / ".demo"
ENVIRONMENTS = ("dev", "staging", "prod")
BRICKYARD = (sys.executable, "-m", "brickyard")


class DemoFailed(Exception):
    """A command of the demo failed; its own output said why."""


def main() -> int:
    started = time.monotonic()
    try:
        say("Start the embedded workspace: one metastore, three workspaces")
        brickyard("up", "--detach", "--ports", "0,0,0")
        for name in ENVIRONMENTS:
            say(f"Check the bundle for {name}, offline")
            brickyard("validate", "-t", name)
            brickyard("policy", "check", "-t", name)
        records = {}
        for name in ENVIRONMENTS:
            say(f"Release to {name}: deploy, ingest, register, evaluate, gate, serve, ask")
            records[name] = release(name)
        say("What is released")
        show_table(records)
        show_answer(records["prod"])
    except DemoFailed as failure:
        print(f"\nThe demo stopped: {failure}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("\nInterrupted; run `make demo` again, it goes on from here.", file=sys.stderr)
        return 130
    finally:
        if not os.environ.get("KEEP"):
            subprocess.run((*BRICKYARD, "down"), env=environment(), check=False)
    print(f"\nDone in {time.monotonic() - started:.0f} s. KEEP=1 make demo leaves it running.")
    return 0


def release(name: str) -> dict[str, Any]:
    """Promote to one environment; its release record."""
    brickyard("release", "promote", "--to", name)
    records = json.loads(output("release", "history", "-t", name, "-o", "json"))
    return dict(records[-1])


def show_table(records: dict[str, dict[str, Any]]) -> None:
    header = ("environment", "commit", "model version", "evaluation", "endpoint", "rows written")
    rows = [header]
    for name, record in records.items():
        evaluation = record["evaluation"]
        score = (
            f"recall {evaluation['rule_recall']:.2f}, precision {evaluation['rule_precision']:.2f}"
        )
        written = sum(record["outputs"]["ingest"]["rows"].values())
        rows.append(
            (
                name,
                record["commit"][:10],
                f"{record['model']} v{record['model_version']}",
                score,
                record["endpoint"],
                f"{written:,}",
            )
        )
    widths = [max(len(row[at]) for row in rows) for at in range(len(header))]
    for number, row in enumerate(rows):
        print("  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)))
        if number == 0:
            print("  ".join("-" * width for width in widths))


def show_answer(record: dict[str, Any]) -> None:
    """What production's endpoint said about the real flights table, as the smoke test heard it."""
    answer = record["outputs"]["smoke"]["answer"]
    print(f"\n{record['endpoint']} in production, asked about flights:")
    for item in answer.get("output", []):
        for part in item.get("content", []):
            for line in str(part.get("text", "")).splitlines():
                print(f"  {line}")


def brickyard(*arguments: str) -> None:
    """Run a command with its output on this terminal."""
    print(f"$ brickyard {' '.join(arguments)}", flush=True)
    ended = subprocess.run((*BRICKYARD, *arguments), cwd=SOLUTION, env=environment(), check=False)
    if ended.returncode != 0:
        raise DemoFailed(f"`brickyard {' '.join(arguments)}` ended with {ended.returncode}")


def output(*arguments: str) -> str:
    ended = subprocess.run(
        (*BRICKYARD, *arguments),
        cwd=SOLUTION,
        env=environment(),
        stdout=subprocess.PIPE,
        text=True,
        check=False,
    )
    if ended.returncode != 0:
        raise DemoFailed(f"`brickyard {' '.join(arguments)}` ended with {ended.returncode}")
    return ended.stdout


def environment() -> dict[str, str]:
    """The caller's, less what would send a command to another workspace."""
    kept = {key: value for key, value in os.environ.items() if not key.startswith("DATABRICKS_")}
    return {**kept, "BRICKYARD_HOME": str(HOME)}


def say(text: str) -> None:
    print(f"\n== {text}", flush=True)


if __name__ == "__main__":
    sys.exit(main())

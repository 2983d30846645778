"""Run the official examples of search and agents to their answers; write the results to a page.

    git clone https://github.com/databricks/bundle-examples
    git clone https://github.com/databricks/app-templates
    python scripts/official_agents.py bundle-examples app-templates

Works on copies, unmodified, against one embedded workspace of its own data directory, with its
offline models. The bundle `vector_search_product_discovery` is deployed, loaded and asked the
questions that its notebook lists. Each agent is installed as its `pyproject.toml` says, started by
its own `start-server`, asked over `/invocations`, and evaluated by its own `agent-evaluate`.
"""

from __future__ import annotations

import json
import os
import re
import signal
import socket
import subprocess
import sys
import tempfile
import textwrap
import time
import urllib.request
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from official_examples import Ended, Trial, commit_of

PAGE = Path(__file__).parents[1] / "docs" / "official-agents.md"
PRODUCTS = Path("knowledge_base") / "vector_search_product_discovery"
AGENTS = ("agent-openai-agents-sdk", "agent-langgraph")
EXPECTED = re.compile(r"^# MAGIC \| `(.+?)` \| (.+?) \|$", re.M)
READY_S, ANSWER_S, EVALUATION_S = 600, 300, 3600
HEAD = """\
# The official agents and search examples, run

Written by `python scripts/official_agents.py bundle-examples app-templates`, which says at its top
where the two folders come from and what is done.
On {commits}.

Nothing in them is changed, and nothing outside this machine is asked: chat and embedding endpoints
are answered by the workspace's offline models, which know words and not what they mean. What they
answer is short of what a language model says; that everything around it works is what is shown.

An evaluation is run when it ends and its scores are in the experiment. Of the conversations that
the OpenAI template simulates, second turns fail inside its agents SDK, which does not take the
messages as the template hands them over (`Unhandled item type`); what is scored is the rest.

| Example | Step | Result |
|---|---|---|
"""
SEARCHES = """
## What the product search finds

The questions and the products expected are those of the notebook `02_query_demo.py`. They are
chosen so that the words of question and description differ, which is where a lexical embedder must
fail.

| Question | Expected first | Place | Found first |
|---|---|---|---|
"""
QUESTIONS = (
    ("a question", "Say in one sentence what a lakehouse is."),
    ("a question for its tool", "What is the current time?"),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    example: str
    name: str
    result: str

    def row(self) -> str:
        told = self.result.replace("|", "\\|").replace("\n", " ")
        return f"| {self.example} | {self.name} | {textwrap.shorten(told, 200)} |\n"


def products(repository: Path, trial: Trial) -> tuple[list[Step], list[str]]:
    """Deploy, load and ask; the second list is the table of what was found."""
    where, name = repository / PRODUCTS, str(PRODUCTS)
    steps, rows = [], []
    for told, arguments in (
        ("deploy", ("deploy", "--local", "--auto-approve")),
        ("run product_discovery_setup", ("run", "product_discovery_setup", "--local")),
        ("run product_discovery_query", ("run", "product_discovery_query", "--local")),
    ):
        ended = trial.run(where, *arguments)
        steps.append(
            Step(example=name, name=told, result=f"no: {ended.reason}" if ended.code else "yes")
        )
        if ended.code:
            return steps, rows
    notebook = (where / "src" / "02_query_demo.py").read_text()
    for question, expected in EXPECTED.findall(notebook):
        asked = ("run", "product_discovery_query", "--local", "--params", f"query={question}")
        ended = trial.run(where, *asked)
        found = [one["name"] for one in answer_in(ended.out + ended.err)]
        fitting = [at for at, one in enumerate(found, start=1) if one.startswith(expected)]
        place = str(fitting[0]) if fitting else "not in 5"
        rows.append(f"| {question} | {expected} | {place} | {found[0] if found else '–'} |\n")
    return steps, rows


def answer_in(text: str) -> list[dict[str, Any]]:
    """The JSON list that the notebook exited with, wherever the command shows it."""
    for start in (found.start() for found in re.finditer(r"\[\{", text)):
        try:
            return list(json.JSONDecoder().raw_decode(text, start)[0])
        except ValueError:
            continue
    return []


def agent(source: Path, trial: Trial, given: Mapping[str, str]) -> Iterator[Step]:
    """Install, start, ask and evaluate one template."""
    name = source.name
    python = source / ".venv" / "bin"
    for arguments in (
        ("venv", "-q", "--python", sys.executable, ".venv"),
        ("pip", "install", "-q", "--python", str(python / "python"), "-e", "."),
    ):
        ended = command(source, given, "uv", *arguments, limit_s=900)
        if ended.code:
            yield Step(example=name, name="install", result=f"no: {ended.reason}")
            return
    yield Step(example=name, name="install", result="yes")
    port = free_port()
    log = source / "server.log"
    with log.open("wb") as out:
        process = subprocess.Popen(
            [str(python / "start-server"), "--port", str(port)],
            cwd=source,
            env=dict(given),
            stdout=out,
            stderr=out,
            start_new_session=True,
        )
    try:
        if not listening(port, process):
            tail = (log.read_text(errors="replace").strip().splitlines() or ["?"])[-1]
            yield Step(example=name, name="start-server", result="no: " + tail)
            return
        yield Step(example=name, name="start-server", result="yes")
        for told, question in QUESTIONS:
            for streamed in (False, True):
                label = f"/invocations, {told}{', streamed' if streamed else ''}"
                answered = tried(lambda q=question, s=streamed: asked(port, q, streamed=s))
                yield Step(example=name, name=label, result=answered)
    finally:
        os.killpg(process.pid, signal.SIGTERM)
        process.wait()
    ended = command(source, given, str(python / "agent-evaluate"), limit_s=EVALUATION_S)
    result = f"no: {ended.reason}" if ended.code else f"yes: {evaluated(given)}"
    yield Step(example=name, name="agent-evaluate", result=result)


def asked(port: int, question: str, *, streamed: bool) -> str:
    """The items of an answer, and its text."""
    body = {"input": [{"role": "user", "content": question}], "stream": streamed}
    request = urllib.request.Request(
        f"http://127.0.0.1:{port}/invocations",
        data=json.dumps(body).encode(),
        headers={"Content-Type": "application/json"},
    )
    with urllib.request.urlopen(request, timeout=ANSWER_S) as got:
        text = got.read().decode()
    if not streamed:
        return described(json.loads(text)["output"])
    lines = (
        line.removeprefix("data: ") for line in text.splitlines() if line.startswith("data: {")
    )
    events = [json.loads(line) for line in lines]
    if bad := [one for one in events if "error" in one]:
        raise ValueError(str(bad[0]["error"]))
    done = [one["item"] for one in events if one.get("type") == "response.output_item.done"]
    return described(done)


def described(items: list[dict[str, Any]]) -> str:
    parts = []
    for one in items:
        if one.get("type") == "function_call":
            parts.append(f"calls {one['name']}")
        elif one.get("type") == "message":
            parts.append("".join(part.get("text", "") for part in one["content"]))
    if not parts:
        raise ValueError(f"an answer without items: {items}")
    return "yes: " + "; ".join(parts)


def evaluated(given: Mapping[str, str]) -> str:
    """What the newest run of the experiment holds: its metrics."""
    found = api(
        given,
        "/api/2.0/mlflow/runs/search",
        {"experiment_ids": [given["MLFLOW_EXPERIMENT_ID"]], "max_results": 1},
    )
    metrics = found["runs"][0]["data"].get("metrics", []) if found.get("runs") else []
    shown = ", ".join(f"{one['key']} {one['value']:.2g}" for one in metrics)
    return shown or "no metrics"


def api(given: Mapping[str, str], path: str, body: Any) -> Any:
    request = urllib.request.Request(
        given["DATABRICKS_HOST"] + path,
        data=json.dumps(body).encode(),
        headers={
            "Authorization": f"Bearer {given['DATABRICKS_TOKEN']}",
            "Content-Type": "application/json",
        },
    )
    with urllib.request.urlopen(request, timeout=60) as got:
        return json.loads(got.read())


def tried(work: Callable[[], str]) -> str:
    try:
        return work()
    except (OSError, ValueError, KeyError) as fault:
        told = getattr(fault, "read", lambda: b"")().decode(errors="replace")
        return f"no: {told or fault}"


def command(where: Path, given: Mapping[str, str], *arguments: str, limit_s: float) -> Ended:
    try:
        ended = subprocess.run(
            arguments,
            cwd=where,
            env=dict(given),
            capture_output=True,
            text=True,
            check=False,
            stdin=subprocess.DEVNULL,
            timeout=limit_s,
        )
    except subprocess.TimeoutExpired:
        return Ended(code=-1, out="", err=f"Error: no end within {limit_s:.0f} s")
    return Ended(code=ended.returncode, out=ended.stdout, err=ended.stderr)


def listening(port: int, process: subprocess.Popen[bytes]) -> bool:
    give_up_at = time.monotonic() + READY_S
    while time.monotonic() < give_up_at and process.poll() is None:
        try:
            socket.create_connection(("127.0.0.1", port), timeout=1).close()
            return True
        except OSError:
            time.sleep(0.2)
    return False


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def variables(trial: Trial, name: str) -> dict[str, str]:
    """What an agent's `.env` would say, with an experiment of its own."""
    folder = trial.folder / "home" / "run" / "workspaces.json"
    address = json.loads(folder.read_text())["dev"]
    kept = {
        key: value
        for key, value in trial.environment.items()
        if not key.startswith(("BRICKYARD_", "VIRTUAL_ENV", "PYTHON"))
    }
    given = kept | {
        "DATABRICKS_HOST": address["host"],
        "DATABRICKS_TOKEN": address["token"],
        "MLFLOW_TRACKING_URI": "databricks",
        "MLFLOW_REGISTRY_URI": "databricks-uc",
    }
    made = api(given, "/api/2.0/mlflow/experiments/create", {"name": f"/Shared/{name}"})
    return given | {"MLFLOW_EXPERIMENT_ID": made["experiment_id"]}


def page(bundles: Path, templates: Path, trial: Trial) -> str:
    copies = []
    for repository in (bundles, templates):
        copy = trial.folder / repository.name
        subprocess.run(["git", "clone", "-q", str(repository), str(copy)], check=True)
        copies.append(copy)
    trial.furnish()
    text = HEAD.format(commits=", ".join(commit_of(one) for one in copies))
    steps, found = products(copies[0], trial)
    text += "".join(map(say, steps))
    for name in AGENTS:
        for step in agent(copies[1] / name, trial, variables(trial, name)):
            text += say(step)
    return text + SEARCHES + "".join(found)


def say(step: Step) -> str:
    print(step.row(), end="", file=sys.stderr, flush=True)
    return step.row()


def main(bundles: str, templates: str) -> None:
    with tempfile.TemporaryDirectory(prefix="official-agents-") as folder:
        trial = Trial(Path(folder))
        try:
            PAGE.write_text(page(Path(bundles).resolve(), Path(templates).resolve(), trial))
        finally:
            trial.run(Path(folder), "down")


if __name__ == "__main__":
    main(*sys.argv[1:])

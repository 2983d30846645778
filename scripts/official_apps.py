"""Deploy every official app template as it is and ask it; write the results to a page.

    git clone https://github.com/databricks/app-templates
    python scripts/official_apps.py app-templates [TEMPLATE ...]

Each template is uploaded from a copy, unmodified, to one embedded workspace of its own data
directory, as an app with the resources that its `manifest.yaml`, or else its `databricks.yml`,
declares. It is deployed with what its `app.yaml`, or else its `databricks.yml`, says, and asked at
its door: its main page, `/invocations` of an agent, `/mcp` of an MCP server. With names, only those
templates are tried and their rows of the page renewed. Needs a network for packages.
"""

from __future__ import annotations

import io
import json
import re
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml
from databricks.sdk import WorkspaceClient
from databricks.sdk.errors import DatabricksError, OperationFailed
from databricks.sdk.service.apps import App, AppDeployment, AppResource, EnvVar
from databricks.sdk.service.workspace import ImportFormat
from official_examples import Trial, commit_of

PAGE = Path(__file__).parents[1] / "docs" / "official-apps.md"
SKIPPED = {".git", "node_modules", ".venv", "__pycache__"}
ANSWER_S = 120
HEAD = """\
# The official app templates, run

Written by `python scripts/official_apps.py app-templates`, which says at its top where the folder
comes from and what is done. On {commit}.

Nothing in them is changed. Agents ask the workspace's offline models, so what they answer is short
of what a language model says ([official-agents.md](official-agents.md) has their evaluations). The
page of a Streamlit, Dash or Shiny app is what a browser fills in by further requests, which were
not made. Times include the upload, all packages and the builds, on two busy cores.

What does not come to an answer:

- Lakebase has no PostgreSQL behind it here ([lakebase.md](lakebase.md)): the two advanced agents
  keep their memory in it and end without; apps that ask it for their page say so or never answer.
- `agent-openai-agents-sdk-multiagent` has placeholders to fill in before it starts.
- `agent-migration-from-model-serving` starts MLflow's agent server in an environment that its
  `pyproject.toml` leaves without `httpx`, anywhere.
- `agent-langchain-ts` fetches its chat page from GitHub, which was out of reach. The other agents
  try that, too, and go on without it.
- `agentic-support-console`, `content-moderator`, `inventory-intelligence`, `rag-chat`,
  `saas-tracker` and `vacation-rentals` ask npm for a version that the registry did not have.

| Template | Deployed | Asked | Answer |
|---|---|---|---|
"""
TALK = {"input": [{"role": "user", "content": "What is the current time?"}]}
DOCUMENT = {"document_text": "The company has 12 employees.", "questions": ["Are there employees?"]}
OPEN_API = {
    "openapi": "3.0.0",
    "info": {"title": "Shop", "version": "1"},
    "paths": {"/orders": {"get": {"operationId": "orders", "responses": {"200": {}}}}},
}
GREETING = {
    "jsonrpc": "2.0",
    "id": 1,
    "method": "initialize",
    "params": {
        "protocolVersion": "2025-03-26",
        "capabilities": {},
        "clientInfo": {"name": "official-apps", "version": "1"},
    },
}


@dataclass(frozen=True, slots=True)
class Question:
    """One request to a door, and how it is called on the page."""

    name: str
    path: str
    body: Any = None


PAGE_ITSELF = Question("`/`", "/")
AGENT = (
    Question("`/invocations`", "/invocations", TALK),
    Question("`/invocations`, streamed", "/invocations", {**TALK, "stream": True}),
)
QUESTIONS: Mapping[str, tuple[Question, ...]] = {
    "agent-non-conversational": (Question("`/invocations`", "/invocations", DOCUMENT),),
    "mcp-server-hello-world": (Question("`/mcp`", "/mcp", GREETING),),
    "mcp-server-open-api-spec": (Question("`/mcp`", "/mcp", GREETING),),
}


class Resources:
    """What templates are given, made when the first one needs it."""

    def __init__(self, client: WorkspaceClient) -> None:
        self._client = client
        self._made: dict[str, Any] = {}
        self._makers: Mapping[str, Callable[[], Mapping[str, str]]] = {
            "sql_warehouse": self._warehouse,
            "serving_endpoint": lambda: {"name": "databricks-claude-sonnet-4"},
            "experiment": self._experiment,
            "genie_space": self._space,
            "uc_securable": self._volume,
            "postgres": self._project,
            "database": self._instance,
        }

    def of(self, source: Path) -> list[AppResource]:
        return [
            AppResource.from_dict({"name": name, kind: {**self._given(kind), **told}})
            for name, kind, told in declared(source)
        ]

    def _given(self, kind: str) -> Mapping[str, str]:
        if kind not in self._made:
            self._made[kind] = self._makers[kind]()
        return dict(self._made[kind])

    def _warehouse(self) -> Mapping[str, str]:
        return {"id": str(next(iter(self._client.warehouses.list())).id)}

    def _experiment(self) -> Mapping[str, str]:
        made = self._client.experiments.create_experiment("/Shared/official-apps")
        return {"experiment_id": str(made.experiment_id)}

    def _space(self) -> Mapping[str, str]:
        space = json.dumps(
            {"version": 2, "data_sources": {"tables": [{"identifier": "samples.nyctaxi.trips"}]}}
        )
        warehouse = self._given("sql_warehouse")["id"]
        made = self._client.genie.create_space(warehouse, space, title="Trips")
        return {"name": "genie-space", "space_id": made.space_id}

    def _volume(self) -> Mapping[str, str]:
        from databricks.sdk.service.catalog import VolumeType

        self._client.schemas.create("apps", "dev")
        self._client.volumes.create("dev", "apps", "files", VolumeType.MANAGED)
        spec = json.dumps(OPEN_API).encode()  # what mcp-server-open-api-spec has one put there
        self._client.files.upload("/Volumes/dev/apps/files/spec.json", io.BytesIO(spec))
        return {"securable_full_name": "dev.apps.files", "securable_type": "VOLUME"}

    def _project(self) -> Mapping[str, str]:
        do = self._client.api_client.do
        do("POST", "/api/2.0/postgres/projects", query={"project_id": "apps"}, body={})
        branch = "projects/apps/branches/production"
        return {"branch": branch, "database": f"{branch}/databases/databricks-postgres"}

    def _instance(self) -> Mapping[str, str]:
        body = {"name": "apps", "capacity": "CU_1"}
        self._client.api_client.do("POST", "/api/2.0/database/instances", body=body)
        return {"instance_name": "apps", "database_name": "databricks_postgres"}


def declared(source: Path) -> Iterator[tuple[str, str, dict[str, str]]]:
    """(name, kind, what is said of it) of each resource; values to be filled in are left out."""
    manifest = _yaml(source / "manifest.yaml")
    for one in manifest.get("resource_specs") or ():
        kind = next(key for key in one if key.endswith("_spec"))
        yield one["name"], kind.removesuffix("_spec"), dict(one[kind])
    if manifest:
        return
    for one in _bundled(source).get("resources") or ():
        kind = next(key for key, body in one.items() if isinstance(body, dict))
        said = {key: text for key, text in one[kind].items() if "${" not in str(text)}
        yield one["name"], kind, said


def _bundled(source: Path) -> Mapping[str, Any]:
    """The app of the template's bundle."""
    apps = (_yaml(source / "databricks.yml").get("resources") or {}).get("apps") or {}
    return next(iter(apps.values()), {})


def _yaml(path: Path) -> Mapping[str, Any]:
    return (yaml.safe_load(path.read_text()) or {}) if path.exists() else {}


def deployment(source: Path, folder: str) -> AppDeployment:
    """As `app.yaml` says, or the bundle where there is none."""
    made = AppDeployment(source_code_path=folder)
    config = _bundled(source).get("config") or {}
    if not (source / "app.yaml").exists() and config:
        made.command = config.get("command")
        known = {name for name, _, _ in declared(source)}
        made.env_vars = [
            EnvVar(name=one["name"], value=one.get("value"), value_from=one.get("value_from"))
            for one in config.get("env") or ()
            if one.get("value_from") is None or one["value_from"] in known
        ]
    return made


def upload(client: WorkspaceClient, source: Path, folder: str) -> None:
    made: set[str] = set()
    for path in sorted(source.rglob("*")):
        below = path.relative_to(source)
        if not path.is_file() or SKIPPED & set(below.parts):
            continue
        parent = str(Path(folder, below).parent)
        if parent not in made:
            client.workspace.mkdirs(parent)
            made.add(parent)
        client.workspace.upload(
            f"{folder}/{below}",
            io.BytesIO(path.read_bytes()),
            format=ImportFormat.AUTO,
            overwrite=True,
        )


def tried(client: WorkspaceClient, resources: Resources, source: Path, token: str) -> Iterator[str]:
    """The rows of one template."""
    name = source.name
    app = name[:30].rstrip("-")
    folder = f"/Workspace/Shared/official-apps/{name}"
    began = time.monotonic()
    try:
        upload(client, source, folder)
        client.apps.create_and_wait(App(name=app, resources=resources.of(source)))
        client.apps.deploy_and_wait(app, deployment(source, folder))
    except (DatabricksError, OperationFailed, TimeoutError) as fault:
        told = _reason(client, app) or str(fault)
        if "log says why" in told or "crashed" in told:
            told += f": {_last_words(str(client.apps.get(app).url), token)}"
        yield f"| {name} | no | – | {_short(told)} |"
        return
    took = f"yes, {time.monotonic() - began:.0f} s"
    url = str(client.apps.get(app).url)
    usual = AGENT if name.startswith("agent-") else (PAGE_ITSELF,)
    for question in QUESTIONS.get(name, usual):
        yield f"| {name} | {took} | {question.name} | {_short(asked(url, question, token))} |"
    client.apps.stop(app)


def asked(url: str, question: Question, token: str) -> str:
    headers = {"Authorization": f"Bearer {token}", "Accept": "application/json, text/event-stream"}
    data = None
    if question.body is not None:
        headers["Content-Type"] = "application/json"
        data = json.dumps(question.body).encode()
    request = urllib.request.Request(url + question.path, data=data, headers=headers)
    try:
        with urllib.request.urlopen(request, timeout=ANSWER_S) as got:
            text = got.read().decode(errors="replace")
    except urllib.error.HTTPError as refused:
        return f"{refused.code}: {refused.read().decode(errors='replace')}"
    except OSError as fault:
        return f"no answer: {fault}"
    title = re.search(r"<title>(.*?)</title>", text, re.S)
    return f"200: {title[1].strip() if title else _said(text)}"


def _said(text: str) -> str:
    """What an agent or a tool server said, without the envelope."""
    calls = re.findall(r'"name": ?"(\w+)"[^{}]*"type": ?"function_call"', text) + re.findall(
        r'"type": ?"function_call"[^{}]*"name": ?"(\w+)"', text
    )
    texts = re.findall(r'"text": ?"((?:[^"\\]|\\.)*)"', text)
    parts = [f"calls {one}" for one in dict.fromkeys(calls)] + texts[-1:]
    return "; ".join(parts) or (f"{len(text)} characters" if "<" in text[:200] else text)


def _reason(client: WorkspaceClient, app: str) -> str:
    try:
        found = list(client.apps.list_deployments(app))
    except DatabricksError:
        return ""
    status = found[0].status if found else None
    return str(status.message) if status else ""


def _last_words(url: str, token: str) -> str:
    """The lines of the log that speak of an error, else its last one."""
    log = asked(url, Question("log", "/logz"), token)
    lines = [line.strip() for line in log.splitlines() if line.strip()]
    ours = [line for line in lines if "[brickyard]" not in line]
    errors = [line for line in ours if re.search(r"error|cannot|not found", line, re.I)]
    return " ".join(errors[:3] or ours[-1:])


def _short(text: str) -> str:
    plain = re.sub(r"\x1b\[[0-9;]*m|https?://\S+", "", text)
    return " ".join(plain.split()).replace("|", "\\|")[:160]


def renewed(page: str, rows: Mapping[str, list[str]]) -> str:
    """The page with these rows in the place of the templates' old ones."""
    head, _, table = page.partition("|---|---|---|---|\n")
    kept: dict[str, list[str]] = {}
    for line in table.splitlines():
        kept.setdefault(line.split("|")[1].strip(), []).append(line)
    lines = [
        line for name in sorted({**kept, **rows}) for line in rows.get(name, kept.get(name, []))
    ]
    return head + "|---|---|---|---|\n" + "\n".join(lines) + "\n"


def main(repository: str, *names: str) -> None:
    with tempfile.TemporaryDirectory(prefix="official-apps-") as folder:
        trial = Trial(Path(folder))
        copy = trial.folder / "app-templates"
        subprocess.run(["git", "clone", "-q", repository, str(copy)], check=True)
        trial.run(trial.folder, "up", "--detach")
        told = json.loads((trial.folder / "home" / "run" / "workspaces.json").read_text())["dev"]
        client = WorkspaceClient(host=told["host"], token=told["token"])
        resources = Resources(client)
        if not names or not PAGE.exists():
            PAGE.write_text(HEAD.format(commit=commit_of(copy)))
        found = [path.parent.name for path in sorted(copy.glob("*/README*"))]
        found += [path.parent.name for path in copy.glob("*/app.yaml")]
        try:
            for name in names or sorted(set(found)):
                rows = list(tried(client, resources, copy / name, told["token"]))
                print(*rows, sep="\n", file=sys.stderr, flush=True)
                PAGE.write_text(renewed(PAGE.read_text(), {name: rows}))
        finally:
            trial.run(trial.folder, "down")


if __name__ == "__main__":
    main(*sys.argv[1:])

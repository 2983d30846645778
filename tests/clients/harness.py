"""Official clients, each in an environment of its own, against the embedded workspace.

    tests/clients/
      environments/NAME.txt    what to install for a client: pinned, no index named
      probes/PROBE.py          what to try with it: one function a feature
      results/PROBE.json       what the last run gave; written by `make clients`
      runner.py, place.py      run inside the client's environment; standard library only
      harness.py               this file: builds the environments, runs the probes

To add a client: `environments/NAME.txt`; the first requirement is the client whose version the
table shows, the others are what it needs beside it.

To add a feature: a function in a module of `probes/`, or a new module there:

    '''Chat with databricks-openai.'''

    from place import SCHEMA, unique          # a schema of its own, and names nobody else has

    CLIENT = "databricks-openai"              # environments/databricks-openai.txt
    QUICK = False                             # True: `make test` runs it (builds in seconds)

    def probe_streaming() -> None:
        '''chat completions, streamed'''      # the feature, as the table names it
        ...                                   # whatever fails raises

A probe reads `DATABRICKS_HOST` and `DATABRICKS_TOKEN` of the dev workspace from its environment, as
any client does, imports its packages inside the functions or at the top, and uses them unmodified.
A module's functions run one after the other in one process, whose limit is `LIMIT_S` if it needs
more than ten minutes. Try one with

    .venv/bin/python tests/clients/harness.py PROBE [function]

`make test` runs the quick ones; `make clients` runs all, keeps `results/` and writes
`docs/clients.md` (`make clients ONLY=PROBE` for one). Environments are cached by the hash of their
requirements under `~/.cache/brickyard-clients`, or where `BRICKYARD_CLIENTS` says.
"""

from __future__ import annotations

import ast
import hashlib
import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
import uuid
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

HERE = Path(__file__).resolve().parent
LIMIT_S = 600
PREFIX = "probe_"


@dataclass(frozen=True, slots=True, kw_only=True)
class Probe:
    """One module of `probes/`, read without running it."""

    name: str  # of the module
    about: str  # first line of its docstring
    client: str  # name of the environment
    quick: bool
    limit_s: float
    features: Mapping[str, str]  # function -> what the table calls it

    @property
    def path(self) -> Path:
        return HERE / "probes" / f"{self.name}.py"

    @property
    def requirements(self) -> Path:
        return HERE / "environments" / f"{self.client}.txt"


@dataclass(frozen=True, slots=True, kw_only=True)
class Result:
    """What came of one feature. `detail` is the last line of what was raised."""

    feature: str
    works: bool
    detail: str = ""
    seconds: float = 0.0


def probes() -> tuple[Probe, ...]:
    return tuple(_read(path) for path in sorted((HERE / "probes").glob("*.py")))


def run(probe: Probe, workspace: Any, *, only: str = "") -> Mapping[str, Result]:
    """Function -> result, of all functions or of one. `workspace` is an `EmbeddedServer`."""
    python = environment(probe.client)
    with tempfile.TemporaryDirectory(prefix="brickyard-probe-") as folder, _schema(workspace) as it:
        answers = Path(folder) / "results.jsonl"
        command = [str(python), "-P", str(HERE / "runner.py"), str(probe.path), str(answers)]
        told = ""
        try:
            done = subprocess.run(
                [*command, *([only] if only else [])],
                cwd=folder,
                env=_variables(workspace, it),
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
                timeout=probe.limit_s,
                check=False,
                text=True,
                errors="replace",
            )
            told = done.stdout[-4000:]
        except subprocess.TimeoutExpired:
            told = f"not done after {probe.limit_s:.0f} s"
        lines = answers.read_text().splitlines() if answers.exists() else []
    found = {one.pop("function"): Result(**one) for one in map(json.loads, lines)}
    wanted = [only] if only else list(probe.features)
    lost = {name: Result(feature=probe.features[name], works=False, detail=told) for name in wanted}
    return {name: found.get(name, lost[name]) for name in wanted}


def environment(client: str) -> Path:
    """The interpreter of a client's environment, built if there is none for its requirements."""
    requirements = (HERE / "environments" / f"{client}.txt").read_text()
    version = ".".join(map(str, sys.version_info[:2]))
    digest = hashlib.sha256(f"{version}\n{requirements}".encode()).hexdigest()[:16]
    root = Path(os.environ.get("BRICKYARD_CLIENTS") or Path.home() / ".cache" / "brickyard-clients")
    ready = root / f"{client}-{digest}"
    python = ready / "bin" / "python"
    if python.exists():
        return python
    root.mkdir(parents=True, exist_ok=True)
    build = Path(tempfile.mkdtemp(prefix=f".{client}-", dir=root))
    listed = HERE / "environments" / f"{client}.txt"
    try:
        _uv("venv", "--quiet", "--relocatable", "--python", sys.executable, str(build / "env"))
        into = str(build / "env" / "bin" / "python")
        _uv("pip", "install", "--quiet", "--python", into, "-r", str(listed))
        try:
            (build / "env").rename(ready)
        except OSError:  # somebody else was quicker
            if not python.exists():
                raise
    finally:
        shutil.rmtree(build, ignore_errors=True)
    return python


def packages(client: str) -> Mapping[str, str]:
    """The pinned requirements of a client: name -> version, the client itself first."""
    lines = (HERE / "environments" / f"{client}.txt").read_text().splitlines()
    pins = [line.split("#")[0].strip() for line in lines]
    return {name: version for name, _, version in (pin.partition("==") for pin in pins if pin)}


def keep(probe: Probe, results: Mapping[str, Result]) -> None:
    """Write what `docs/clients.md` is made of."""
    rows = {name: _kept(one) for name, one in results.items()}
    text = json.dumps({"client": packages(probe.client), "results": rows}, indent=2)
    (HERE / "results" / f"{probe.name}.json").write_text(text + "\n")


def kept(probe: Probe) -> Mapping[str, Any] | None:
    """What the last run wrote."""
    path = HERE / "results" / f"{probe.name}.json"
    return json.loads(path.read_text()) if path.exists() else None


def _kept(one: Result) -> dict[str, Any]:
    shown = asdict(one)
    shown.pop("seconds")
    shown["detail"] = _last(one.detail)
    return shown


def _last(detail: str) -> str:
    """What was raised, in short, and nothing of where on this machine."""
    lines = [line for line in detail.strip().splitlines() if line[:1].strip()]
    said = lines[-1].replace("\\n", " ").split("/")[0] if lines else ""
    return said[:120]


def _read(path: Path) -> Probe:
    module = ast.parse(path.read_text())
    said: dict[str, Any] = {}
    features = {}
    for node in module.body:
        if isinstance(node, ast.Assign) and isinstance(node.targets[0], ast.Name):
            if node.targets[0].id in ("CLIENT", "QUICK", "LIMIT_S"):
                said[node.targets[0].id] = ast.literal_eval(node.value)
        elif isinstance(node, ast.FunctionDef) and node.name.startswith(PREFIX):
            told = ast.get_docstring(node) or node.name.removeprefix(PREFIX).replace("_", " ")
            features[node.name] = told.splitlines()[0].rstrip(".")
    return Probe(
        name=path.stem,
        about=(ast.get_docstring(module) or "").split("\n")[0],
        client=str(said["CLIENT"]),
        quick=bool(said.get("QUICK", False)),
        limit_s=float(said.get("LIMIT_S", LIMIT_S)),
        features=features,
    )


def _variables(workspace: Any, schema: str) -> dict[str, str]:
    hidden = ("PYTHON", "VIRTUAL_ENV", "COVERAGE_", "BRICKYARD_", "OPENAI_")
    given = workspace.environment("dev", BRICKYARD_PROBE_SCHEMA=schema)
    kept = {k: v for k, v in given.items() if not k.startswith(hidden) or v == schema}
    return kept | {
        "BRICKYARD_PROBE_USER": workspace.user("dev"),
        "BRICKYARD_PROBE_TLS_HOST": workspace.addresses["dev"]["tls_host"],
        "BRICKYARD_PROBE_TLS_BUNDLE": str(workspace.home / "run" / "tls-bundle.pem"),
        "MLFLOW_DISABLE_TELEMETRY": "true",
        "DO_NOT_TRACK": "true",
    }


class _schema:
    """A schema of the dev catalog for one run, dropped afterwards with what is in it."""

    def __init__(self, workspace: Any) -> None:
        self._client = workspace.client("dev")
        self._name = f"clients_{uuid.uuid4().hex[:8]}"

    def __enter__(self) -> str:
        return str(self._client.schemas.create(self._name, "dev").full_name)

    def __exit__(self, *_: object) -> None:
        self._client.schemas.delete(f"dev.{self._name}", force=True)


def _uv(*arguments: str) -> None:
    from uv import find_uv_bin

    done = subprocess.run(
        [find_uv_bin(), *arguments], capture_output=True, text=True, check=False, cwd="/"
    )
    if done.returncode:
        raise RuntimeError(f"uv {arguments[0]} failed:\n{done.stderr[-4000:]}")


def _by_hand(name: str, only: str) -> int:
    sys.path.insert(0, str(HERE.parent))
    from conftest import EmbeddedServer

    probe = next(one for one in probes() if one.name == name)
    with tempfile.TemporaryDirectory(prefix="brickyard-clients-") as home:
        server = EmbeddedServer(home=Path(home) / "home")
        server.start()
        try:
            at = time.monotonic()
            results = run(probe, server, only=only)
            for one in results.values():
                print("ok  " if one.works else "FAIL", f"{one.seconds:6.1f} s ", one.feature)
                print(one.detail, end="" if one.detail.endswith("\n") or not one.detail else "\n")
            print(f"{time.monotonic() - at:.1f} s")
        finally:
            server.stop()
    return int(not all(one.works for one in results.values()))


if __name__ == "__main__":
    sys.exit(_by_hand(sys.argv[1], sys.argv[2] if len(sys.argv) > 2 else ""))

"""Try every bundle and template of the official examples; write the results to a page.

    git clone https://github.com/databricks/bundle-examples
    git clone https://github.com/databricks/mlops-stacks
    python scripts/official_examples.py bundle-examples mlops-stacks

Works on copies. Each bundle is validated, and deployed to an embedded workspace of its own data
directory, planned again, and destroyed. Each template is initialised with every combination of its
answers that are listed or yes-or-no, and what comes out is validated.
"""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
import textwrap
from collections.abc import Iterable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from brickyard.templates.inputs import fits

PAGE = Path(__file__).parents[1] / "docs" / "official-examples.md"
LIMIT_S = 600
DONE = "yes"
FREE = {"artifacts_dest_path": "/Volumes/main/default/artifacts"}  # answers with a form to them
HEAD = """\
# The official examples, tried

Written by `python scripts/official_examples.py bundle-examples mlops-stacks`, which says at its top
where the two folders come from. On {commits}.

A bundle is resolved with `brickyard validate`, deployed with `brickyard deploy --local`, planned
again (`empty`: nothing to do), and destroyed (`clean`: nothing recorded is left). Where one of
these is not possible the last column says why, in the words of the command.

{furnished}

| Bundle | Validated | Deployed | Planned | Destroyed | Why not |
|---|---|---|---|---|---|
"""
TEMPLATES = """
Templates are initialised with every combination of their listed and yes-or-no answers to questions
that are asked, the others as by default, and the bundle that comes out is validated. `Refused`
counts combinations that the template itself refuses. What failed of mlops-stacks, a feature store
without models in Unity Catalog, refers to a variable that the template does not declare there: the
official CLI refuses it with the same words.

| Template | Combinations | Initialised and valid | Refused | Failed |
|---|---|---|---|---|
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Tried:
    """What became of one bundle; empty for a step that was not reached."""

    name: str
    validated: str = ""
    deployed: str = ""
    planned: str = ""
    destroyed: str = ""
    why: str = ""

    def row(self) -> str:
        steps = (self.validated, self.deployed, self.planned, self.destroyed)
        return "| " + " | ".join((self.name, *(one or "–" for one in steps), self.why)) + " |"


@dataclass(frozen=True, slots=True, kw_only=True)
class Ended:
    code: int
    out: str
    err: str

    @property
    def reason(self) -> str:
        """The first error, without what is only of this run."""
        found = re.search(r"^(?:Failed|Error:) (.*)$", self.err, re.M)
        text = found.group(1) if found else (self.err.strip().splitlines() or ["?"])[-1]
        text = re.sub(r"/\S*/official-examples-\w+/", "", text)
        return text.replace("|", "\\|")[:160]


FURNISHED = (
    "What some of them expect of a workspace was made beforehand: the catalog `main`, open to"
    " everybody, the schema `dev.mlops_stacks`, warehouses named"
    " `Shared Unity Catalog Serverless` and `Shared Unity Catalog Severless`, the user"
    " `user@company.com`, and a virtual environment with `databricks-bundles` where one is named."
)
FURNISH = """
from databricks.sdk import WorkspaceClient
from databricks.sdk.service.catalog import PermissionsChange, Privilege

client = WorkspaceClient()
client.catalogs.create("main")
everything = PermissionsChange(principal="account users", add=[Privilege.ALL_PRIVILEGES])
client.grants.update("catalog", "main", changes=[everything])
for name in ("Shared Unity Catalog Serverless", "Shared Unity Catalog Severless"):
    client.warehouses.create(name=name, cluster_size="2X-Small")
client.schemas.create("mlops_stacks", "dev")
client.users.create(user_name="user@company.com")
"""
VENV = "uv venv -q .venv && uv pip install -q --python .venv/bin/python databricks-bundles"


class Trial:
    """Commands against one embedded workspace, on copies in one folder."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        kept = {k: v for k, v in os.environ.items() if not k.startswith(("DATABRICKS_", "MLFLOW_"))}
        self.environment = kept | {
            "BRICKYARD_HOME": str(folder / "home"),
            "BRICKYARD_PORTS": "0,0,0",
            "HOME": str(folder),
            "PATH": f"{Path(sys.executable).parent}{os.pathsep}{kept['PATH']}",
        }

    def furnish(self) -> None:
        """Start the workspace and make what examples expect of one."""
        command = ["exec", "--", sys.executable, "-c", FURNISH]
        made = self.run(self.folder, "up", "--detach")
        made = self.run(self.folder, *command) if not made.code else made
        if made.code:
            raise RuntimeError(made.err)

    def run(self, where: Path, *arguments: str) -> Ended:
        try:
            ended = subprocess.run(
                [sys.executable, "-m", "brickyard", *arguments],
                cwd=where,
                env=self.environment,
                capture_output=True,
                text=True,
                check=False,
                stdin=subprocess.DEVNULL,
                timeout=LIMIT_S,
            )
        except subprocess.TimeoutExpired:
            return Ended(code=-1, out="", err=f"Error: no end within {LIMIT_S} s")
        return Ended(code=ended.returncode, out=ended.stdout, err=ended.stderr)

    def bundle(self, name: str, where: Path) -> Tried:
        if "venv_path" in (where / "databricks.yml").read_text():
            subprocess.run(VENV, cwd=where, env=self.environment, shell=True, check=True)
        target = _target(json.loads(self.run(where, "validate", "-o", "json").out or "{}"))
        chosen = ("-t", target) if target else ()
        valid = self.run(where, "validate", *chosen)
        if valid.code:
            return Tried(name=name, validated="no", why=valid.reason)
        here = (*chosen, "--local")
        deployed = self.run(where, "deploy", *here, "--auto-approve")
        steps = {"validated": DONE, "deployed": "no" if deployed.code else DONE}
        why = deployed.reason if deployed.code else ""
        if deployed.code and "Resources: " not in deployed.err:  # it did not come to that
            return Tried(name=name, why=why, **steps)
        if not deployed.code:
            planned = self.run(where, "plan", *here, "--detailed-exitcode")
            steps["planned"] = "no" if planned.code else "empty"
            why = "" if not planned.code else _changes(planned)
        destroyed = self.run(where, "destroy", *here, "--auto-approve")
        left = _recorded(self.run(where, "summary", *here, "-o", "json"))
        steps["destroyed"] = "no" if destroyed.code or left else "clean"
        if destroyed.code or left:
            why = why or (destroyed.reason if destroyed.code else f"left: {', '.join(left)}")
        return Tried(name=name, why=why, **steps)

    def template(self, source: Path, number: int, answers: Mapping[str, Any]) -> str:
        """`valid`, `refused`, or why what was made is not valid."""
        place = self.folder / "made" / f"{source.name}-{number}"
        place.mkdir(parents=True)
        config = place / "answers.json"
        config.write_text(json.dumps(answers))
        made = self.run(
            place, "init", str(source), "--config-file", str(config), "--output-dir", "out"
        )
        if made.code:
            shutil.rmtree(place)
            return "refused" if "Error: " in made.err else made.reason
        outcome = "valid"
        for root in sorted((place / "out").rglob("databricks.yml")):
            found = self.run(root.parent, "validate")
            if found.code:
                outcome = found.reason
        shutil.rmtree(place)
        return outcome


def _target(resolved: Mapping[str, Any]) -> str:
    """The target to use: none when there is a default one, else the first."""
    if resolved.get("bundle", {}).get("target"):
        return ""
    return next(iter(resolved.get("targets") or {}), "")


def _changes(planned: Ended) -> str:
    lines = [line.strip() for line in planned.out.splitlines() if line.strip()]
    return "; ".join(lines[:2])[:160] or planned.reason


def _recorded(summary: Ended) -> list[str]:
    """Addresses that still have an id."""
    resources = json.loads(summary.out or "{}").get("resources", {})
    return [
        f"{kind}.{key}"
        for kind, each in resources.items()
        for key, one in each.items()
        if one.get("id")
    ]


def bundles(repository: Path) -> Iterator[Path]:
    """The folders of bundles that are no parts of templates."""
    for root in sorted(repository.rglob("databricks.yml")):
        if "template" not in root.relative_to(repository).parts:
            yield root.parent


def templates(repository: Path) -> Iterator[Path]:
    for schema in sorted(repository.rglob("databricks_template_schema.json")):
        if not {"template", "assets"} & set(schema.relative_to(repository).parts):
            yield schema.parent


def combinations(template: Path) -> list[dict[str, Any]]:
    """Every combination of the answers that can be enumerated, of questions that would be asked."""
    schema = json.loads((template / "databricks_template_schema.json").read_text())
    made: list[dict[str, Any]] = [{}]
    for name, asked in schema["properties"].items():
        choices = asked.get("enum") or ([True, False] if asked.get("type") == "boolean" else [])
        if not choices:
            choices = [asked.get("default", FREE.get(name, f"my_{name}"))]
        grown = []
        for answers in made:
            is_skipped = "skip_prompt_if" in asked and fits(asked["skip_prompt_if"], answers)
            offered = [asked["default"]] if is_skipped else choices
            grown += [{**answers, name: choice} for choice in offered]
        made = grown
    return [{k: v for k, v in one.items() if "{{" not in str(v)} for one in made]  # not computed


def commit_of(repository: Path) -> str:
    asked = ["git", "-C", str(repository), "rev-parse", "--short", "HEAD"]
    found = subprocess.run(asked, capture_output=True, text=True, check=False).stdout.strip()
    return f"{repository.name} {found}".strip()


def page(repositories: Iterable[Path], trial: Trial) -> str:
    copies = []
    for repository in repositories:
        copy = trial.folder / repository.name
        shutil.copytree(repository, copy, symlinks=True)
        copies.append(copy)
    trial.furnish()
    commits = ", ".join(commit_of(one) for one in copies)
    text = HEAD.format(commits=commits, furnished=textwrap.fill(FURNISHED, 100))
    for copy in copies:
        for where in bundles(copy):
            tried = trial.bundle(str(where.relative_to(trial.folder)), where)
            print(tried.row(), file=sys.stderr, flush=True)
            text += tried.row() + "\n"
    text += TEMPLATES
    for copy in copies:
        for source in templates(copy):
            text += _template_row(str(source.relative_to(trial.folder)), source, trial)
    return text


def _template_row(name: str, source: Path, trial: Trial) -> str:
    wanted = combinations(source)
    with ThreadPoolExecutor(os.cpu_count()) as workers:
        numbers = range(len(wanted))
        outcomes = list(workers.map(lambda n: trial.template(source, n, wanted[n]), numbers))
    failed = [one for one in outcomes if one not in ("valid", "refused")]
    counts = (len(wanted), outcomes.count("valid"), outcomes.count("refused"), len(failed))
    row = "| " + " | ".join((name, *map(str, counts))) + " |\n"
    print(row + "".join(f"  {one}\n" for one in failed[:3]), end="", file=sys.stderr, flush=True)
    return row


def main(repositories: list[str]) -> None:
    with tempfile.TemporaryDirectory(prefix="official-examples-") as folder:
        trial = Trial(Path(folder))
        try:
            PAGE.write_text(page([Path(one).resolve() for one in repositories], trial))
        finally:
            trial.run(Path(folder), "down")


if __name__ == "__main__":
    main(sys.argv[1:])

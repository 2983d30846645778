"""Where templates come from, and where projects go: built in, a folder, a Git repository; the disk.

Names of the official CLI's own templates are known, so that `init default-python` gives a project
here too; those templates are ours. Others of its names are refused with what to use instead.
"""

from __future__ import annotations

import re
import subprocess
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from brickyard.templates.rendering import Rendered

CATALOGUE: Final = Path(__file__).with_name("catalogue")
MLOPS_STACKS: Final = "https://github.com/databricks/mlops-stacks"
GIT_URL: Final = re.compile(r"(https|ssh|file)://|git@")
UNSUPPORTED: Final = re.compile(r"(http|git|ftps?)://")


class NoTemplate(Exception):
    """There is no such template, or it cannot be fetched."""


class ProjectExists(Exception):
    """A file of the new project is there already."""


@dataclass(frozen=True, slots=True)
class BuiltIn:
    """A template that comes along. `folder` is below the catalogue, or a Git address."""

    name: str
    description: str
    folder: str
    aliases: tuple[str, ...] = ()


BUILT_IN: Final = (
    BuiltIn("agent", "An agent: code, evaluation, registered model, serving endpoint", "agent"),
    BuiltIn(
        "data-quality-agent",
        "An agent that says which rows of a table break a rule",
        "data-quality-agent",
    ),
    BuiltIn(
        "retrieval-agent",
        "An agent that answers from passages, over a vector index",
        "retrieval-agent",
    ),
    BuiltIn("classic-ml", "A model trained on a table, released, used in batch", "classic-ml"),
    BuiltIn(
        "ingestion-pipeline",
        "Files to tables: a volume, a declarative pipeline, a check",
        "ingestion-pipeline",
    ),
    BuiltIn("streamlit-app", "A Streamlit page over a model serving endpoint", "streamlit-app"),
    BuiltIn("empty", "Three environments, a data policy, one schema", "empty"),
    BuiltIn("default-python", "A Python package and a job that runs its wheel", "default-python"),
    BuiltIn("default-sql", "SQL queries as a job on a warehouse", "default-sql"),
    BuiltIn("default-minimal", "An empty bundle with dev and prod", "default-minimal"),
    BuiltIn(
        "lakeflow-pipelines",
        "A declarative pipeline, in Python or SQL",
        "lakeflow-pipelines",
        ("cli-pipelines",),
    ),
    BuiltIn("dbt-sql", "A dbt project as a job on a SQL warehouse", "dbt-sql"),
    BuiltIn(
        "lakeflow-integrations",
        "Jobs that send a message and wait for a run",
        "lakeflow-integrations",
    ),
    BuiltIn("pydabs", "A bundle whose job is declared in Python", "pydabs"),
    BuiltIn("mlops-stacks", "Databricks' MLOps Stacks, from Git", MLOPS_STACKS, ("mlops-stack",)),
)
# Names of the official CLI that give nothing here, and what to do instead.
OFFICIAL_ONLY: Final[Mapping[str, str]] = {
    "default-scala": "the embedded workspace runs no JVM; use the official CLI for it",
    "experimental-jobs-as-code": "it became `pydabs`",
}


@contextmanager
def opened(template: str, *, inside: str = "", tag: str = "", branch: str = "") -> Iterator[Path]:
    """The template's folder, fetched for as long as it is needed. Raises `NoTemplate`."""
    known = next((one for one in BUILT_IN if template in (one.name, *one.aliases)), None)
    place = known.folder if known else template
    if known and not GIT_URL.match(place):
        yield CATALOGUE / place
        return
    if template in OFFICIAL_ONLY:
        raise NoTemplate(
            f"{template} is a template of the official CLI alone: {OFFICIAL_ONLY[template]}"
        )
    if UNSUPPORTED.match(place):
        raise NoTemplate(
            f'unsupported protocol in Git URL "{place}": only https://, ssh://, git@ URLs are'
            " supported"
        )
    if not GIT_URL.match(place):
        yield Path(place).expanduser() / inside
        return
    with tempfile.TemporaryDirectory(prefix="brickyard-template-") as made:
        _clone(place, Path(made), tag or branch)
        yield Path(made) / inside


def _clone(address: str, folder: Path, reference: str) -> None:
    chosen = ["--branch", reference] if reference else []
    try:
        ended = subprocess.run(
            ["git", "clone", "--quiet", "--depth", "1", *chosen, "--", address, str(folder)],
            capture_output=True,
            text=True,
            check=False,
        )
    except OSError as reason:
        raise NoTemplate(f"cannot fetch {address}: git is needed ({reason})") from reason
    if ended.returncode != 0:
        said = (ended.stderr.strip().splitlines() or ["git failed"])[-1]
        raise NoTemplate(f"cannot fetch {address}: {said}")


def read_files(folder: Path) -> dict[str, bytes]:
    """Every file of a template, by posix path; `.git` left out.

    Raises `NoTemplate` for a link that leads out of it: what it shows is not the template's.
    """
    found: dict[str, bytes] = {}
    home = folder.resolve()
    for path in sorted(folder.rglob("*")):
        name = path.relative_to(folder)
        if not path.is_file() or ".git" in name.parts:
            continue
        if not path.resolve().is_relative_to(home):
            raise NoTemplate(f"{name} is a link to a place outside the template")
        found[name.as_posix()] = path.read_bytes()
    return found


def write_project(rendered: Rendered, folder: Path, modes: Mapping[str, int]) -> list[Path]:
    """Write everything, or nothing when a file is in the way (`ProjectExists`)."""
    targets = {folder / name: content for name, content in rendered.files.items()}
    if targets and folder.exists() and not folder.is_dir():
        first = next(iter(rendered.files))
        raise ProjectExists(
            f"error while verifying file {first} does not already exist:"
            f" stat {folder.resolve() / first}: not a directory"
        )
    for path in targets:
        if path.exists():
            raise ProjectExists(
                "failed to initialize template, one or more files already exist:"
                f" {path.relative_to(folder).as_posix()}\n\nChoose another --output-dir, or move it"
                " away."
            )
    for name in rendered.folders:
        (folder / name).mkdir(parents=True, exist_ok=True)
    for path, content in targets.items():
        path.parent.mkdir(parents=True, exist_ok=True)
        try:
            path.write_bytes(content)
        except IsADirectoryError as reason:
            raise ProjectExists(f"file already exists: {path.resolve()}") from reason
        mode = modes.get(path.relative_to(folder).as_posix())
        if mode is not None:
            path.chmod(mode | 0o200)
    return list(targets)

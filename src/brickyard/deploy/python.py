"""Running a bundle's Python: the interpreter, the files of the protocol, what went wrong.

`<interpreter> -m databricks.bundles.build --phase P --input F --output F --diagnostics F
--locations F`, in the bundle's root. The interpreter is the one of `python.venv_path`, else
`python3` as found. Answers are kept for as long as the command runs: a bundle is resolved several
times, and the same input gives the same output.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from brickyard.bundle import PythonAnswer
from brickyard.values import Diagnostic, Location, Severity, error

MODULE: Final = "databricks.bundles.build"
# The first without any package of Databricks, the second with another one, such as the SDK.
NO_MODULE: Final = (
    f"Error while finding module specification for '{MODULE}'",
    f"No module named {MODULE}",
)
INSTALL: Final = (
    "The package databricks-bundles is not installed there. Install it into that environment, for"
    " example with `uv sync` or `pip install databricks-bundles`, and name the environment in"
    " `python.venv_path`."
)


class NoInterpreter(Exception):
    """There is no Python to run the bundle's functions with."""


@dataclass(frozen=True, slots=True)
class PythonRunner:
    """Runs the bundle's functions; to be called by `resolve` (`RunPython`)."""

    root: Path
    environment: Mapping[str, str]
    answers: dict[str, PythonAnswer] = field(default_factory=dict)

    def __call__(
        self, phase: str, settings: Mapping[str, Any], configuration: Mapping[str, Any]
    ) -> PythonAnswer:
        text = json.dumps(configuration, sort_keys=True)  # functions see resources in this order
        known = phase + text
        if known not in self.answers:
            self.answers[known] = self._run(phase, str(settings.get("venv_path") or ""), text)
        return self.answers[known]

    def _run(self, phase: str, venv: str, text: str) -> PythonAnswer:
        try:
            interpreter = self._interpreter(venv)
        except NoInterpreter as problem:
            return _failed(
                f"failed to get Python interpreter path: {problem}",
                "Create the environment with the packages that the bundle needs, for example with"
                " `uv sync`, or correct `python.venv_path`.",
            )
        with tempfile.TemporaryDirectory(prefix="brickyard-python-") as made:
            folder = Path(made)
            names = ("input", "output", "diagnostics", "locations")
            files = {name: folder / f"{name}.json" for name in names}
            files["input"].write_text(text)
            arguments = [arg for name, file in files.items() for arg in (f"--{name}", str(file))]
            try:
                ended = subprocess.run(
                    [interpreter, "-m", MODULE, "--phase", phase, *arguments],
                    cwd=self.root,
                    env=dict(self.environment),
                    capture_output=True,
                    text=True,
                    check=False,
                )
            except OSError as reason:
                return _failed(f"failed to get Python interpreter path: {reason}", INSTALL)
            return self._answer(ended, files)

    def _interpreter(self, venv: str) -> str:
        if venv:
            inside = ("Scripts", "python.exe") if os.name == "nt" else ("bin", "python3")
            path = Path(venv).joinpath(*inside)
            for folder in (self.root, *_lender(self.root)):
                if (folder / path).is_file():
                    return str(folder / path)
            raise NoInterpreter(f'can\'t find "{path}", check if virtualenv is created')
        search = self.environment.get("PATH")
        found = shutil.which("python3", path=search) or shutil.which("python", path=search)
        if found is None:
            raise NoInterpreter("no python3 on PATH")
        return found

    def _answer(
        self, ended: subprocess.CompletedProcess[str], files: Mapping[str, Path]
    ) -> PythonAnswer:
        diagnostics = tuple(_diagnostics(files["diagnostics"], self.root))
        if any(one.severity is Severity.ERROR for one in diagnostics):
            return PythonAnswer(output=None, diagnostics=diagnostics)
        if ended.returncode != 0:
            said = ended.stderr.strip()
            detail = f"{said}\n{INSTALL}" if any(words in said for words in NO_MODULE) else said
            return _failed(
                f'python mutator process failed: "{" ".join(ended.args)}: exit status'
                f' {ended.returncode}", use --debug to enable logging',
                detail or "It said nothing. Run it by hand to see more.",
            )
        try:
            output = json.loads(files["output"].read_bytes())
        except (OSError, ValueError) as reason:
            return _failed(f"failed to load output: {reason}", INSTALL)
        return PythonAnswer(
            output=output if isinstance(output, dict) else {},
            diagnostics=diagnostics,
            places=dict(_places(files["locations"], self.root)),
        )


def _lender(root: Path) -> tuple[Path, ...]:
    """The folder that a commit is released from: what is checked out below its `.databricks` has
    the commit's files and no environment of its own."""
    parts = root.parts
    at = next((i for i in range(len(parts) - 1, 0, -1) if parts[i] == ".databricks"), 0)
    is_checkout = at and parts[at + 1 : at + 2] == ("releases",)
    return (Path(*parts[:at]),) if is_checkout else ()


def _failed(summary: str, detail: str) -> PythonAnswer:
    found = error("bundle/python-failed", summary, detail, path="python")
    return PythonAnswer(output=None, diagnostics=(found,))


def _lines(file: Path) -> list[dict[str, Any]]:
    try:
        rows = [json.loads(line) for line in file.read_text().splitlines() if line.strip()]
    except (OSError, ValueError):
        return []
    return [row for row in rows if isinstance(row, dict)]


def _diagnostics(file: Path, root: Path) -> list[Diagnostic]:
    found = []
    for row in _lines(file):
        place = row.get("location") or {}
        found.append(
            Diagnostic(
                severity=Severity.ERROR if row.get("severity") == "error" else Severity.WARNING,
                code="bundle/python",
                summary=str(row.get("summary", "")),
                detail=str(row.get("detail") or ""),
                path=str(row["path"]) if row.get("path") else None,
                locations=(_location(place, root),) if place.get("file") else (),
            )
        )
    return found


def _places(file: Path, root: Path) -> list[tuple[str, Location]]:
    return [(str(row.get("path", "")), _location(row, root)) for row in _lines(file)]


def _location(place: Mapping[str, Any], root: Path) -> Location:
    """A place with its file relative to the bundle's root, as all others are."""
    path = Path(str(place.get("file", "")))
    if path.is_absolute() and path.is_relative_to(root):
        path = path.relative_to(root)
    line, column = int(place.get("line") or 0), int(place.get("column") or 0)
    return Location(path.as_posix(), line, column)

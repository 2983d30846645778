"""A pipeline's file, executed on this machine: each job in a fresh clone, each script in bash.

Done as the provider does it: the order of `needs`, conditions, variables, working folders, what a
script leaves in `GITHUB_ENV`, artifacts. Done by other means, and said so: the checkout is a
clone, Python is the one that runs this with an environment of the job's own on top, artifacts are
folders. Left out, and said so: caches and whatever else a provider does itself. Who the provider
would log in as by federation is, here, who deploys to the environment's embedded workspace.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import sysconfig
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from enum import StrEnum
from pathlib import Path
from typing import Final

from brickyard.cicd.expressions import Outcome
from brickyard.cicd.local_context import Commit, Surroundings
from brickyard.cicd.model import Provider
from brickyard.cicd.parsed import ParsedJob, ParsedPipeline, ParsedStep, Unreadable

Say = Callable[[str, str], None]  # (kind, text); kinds: job, step, note, output, result
Door = Callable[[str], Mapping[str, str]]  # environment's name -> variables that reach it here
Approve = Callable[[str], bool]  # environment's name
# Variables that would lead a run on this machine to somebody's workspace, or to another store.
FOREIGN: Final = ("DATABRICKS_", "ARM_", "AZURE_", "MLFLOW_", "GITHUB_", "CI_", "SYSTEM_", "BUILD_")
KEPT_OUT: Final = ("CI", "GITLAB_CI", "TF_BUILD", "PYTHONPATH", "VIRTUAL_ENV")
FEDERATION: Final = "DATABRICKS_AUTH_TYPE"
GITHUB_FILES: Final = ("GITHUB_ENV", "GITHUB_OUTPUT", "GITHUB_PATH", "GITHUB_STEP_SUMMARY")
# A script of this name is there instead of GitHub's client: it keeps what it would have posted.
GH: Final = """\
#!/usr/bin/env bash
# Stands for GitHub's client in a run on this machine: keeps the comment, posts nothing.
while [ $# -gt 0 ]; do
  if [ "$1" = --body-file ]; then cp "$2" "COMMENTS/comment-$(date +%s%N).md"; fi
  shift
done
"""


class Result(StrEnum):
    SUCCEEDED = "succeeded"
    FAILED = "failed"
    SKIPPED = "skipped"
    WAITING = "waiting for approval"


@dataclass(frozen=True, slots=True, kw_only=True)
class RanStep:
    job: str
    name: str
    result: Result
    why: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class PipelineRun:
    """What to run. `folder` gets a folder for each job, and the artifacts and comments."""

    provider: Provider
    pipeline: ParsedPipeline
    commit: Commit
    repository: Path
    folder: Path
    only: tuple[str, ...] = ()  # keys of jobs; empty: all that the event starts
    door: Door
    approve: Approve
    say: Say = lambda kind, text: None


@dataclass(slots=True)
class Ran:
    """What happened: `jobs` by key, in the order in which they ran."""

    jobs: dict[str, Result] = field(default_factory=dict)
    steps: list[RanStep] = field(default_factory=list)

    @property
    def has_failed(self) -> bool:
        return any(one in (Result.FAILED, Result.WAITING) for one in self.jobs.values())


def run_pipeline(run: PipelineRun) -> Ran:
    """Run every job that the event starts, one after the other. Raises `Unreadable` on a cycle."""
    ran = Ran()
    for job in _ordered(run.pipeline.jobs):
        if run.only and job.key not in run.only:
            continue
        result = _decide(run, job, ran)
        if result is None:
            result = _run_job(run, job, ran)
        ran.jobs[job.key] = result
        if result is not Result.SKIPPED:
            run.say("result", f"{job.title}: {result}")
    return ran


def _ordered(jobs: Iterable[ParsedJob]) -> Iterator[ParsedJob]:
    """Each after what it needs, otherwise as in the file."""
    left, done = list(jobs), set[str]()
    known = {job.key for job in left}
    while left:
        ready = next((one for one in left if not (set(one.needs) & known) - done), None)
        if ready is None:
            raise Unreadable(f"{', '.join(job.key for job in left)} wait for each other")
        left.remove(ready)
        done.add(ready.key)
        yield ready


def _decide(run: PipelineRun, job: ParsedJob, ran: Ran) -> Result | None:
    """The result of a job that doesn't run; None for one that does."""
    around = _around(run, job)
    before = [ran.jobs[one] for one in job.needs if one in ran.jobs]
    has_failed = any(one is not Result.SUCCEEDED for one in before)
    rule = around.rule(job)
    if rule == "never" or not around.allows(job.condition, Outcome(has_failed=has_failed)):
        return Result.SKIPPED
    if rule in {"on_success", "manual"} and has_failed and not job.condition:
        return Result.SKIPPED
    if job.environment and (rule == "manual" or run.commit.event == "tag"):
        run.say("job", f"{job.title} ({run.commit.event})")
        if not run.approve(job.environment):
            run.say("note", f"{job.environment} waits for approval")
            return Result.WAITING
    return None


def _around(run: PipelineRun, job: ParsedJob) -> Surroundings:
    place = run.folder / "jobs" / job.key
    around = Surroundings(
        provider=run.provider,
        commit=run.commit,
        folder=str(place / "work"),
        temp=str(place / "temp"),
        variables={**run.pipeline.env},
    )
    filled = {key: around.filled_in(value) for key, value in run.pipeline.env.items()}
    around = replace(around, variables=filled)
    own = {key: around.filled_in(value) for key, value in job.env.items()}
    return replace(around, variables={**filled, **own})


def _run_job(run: PipelineRun, job: ParsedJob, ran: Ran) -> Result:
    run.say("job", f"{job.title} ({run.commit.event})")
    around = _around(run, job)
    work, temp = Path(around.folder), Path(around.temp)
    shutil.rmtree(work.parent, ignore_errors=True)
    temp.mkdir(parents=True)
    python = _own_python(temp / "python")
    env = _environment(run, job, around, python)
    if run.provider is not Provider.GITHUB:  # the others check out by themselves
        _clone(run, work)
    has_failed = False
    for name in job.needs if run.provider is Provider.GITLAB else ():
        _copy(run.folder / "artifacts" / name, work)
    for step in job.steps:
        found = _run_step(run, job, step, around, env, has_failed=has_failed)
        has_failed = has_failed or found.result is Result.FAILED
        ran.steps.append(found)
    for path in job.artifacts:
        _copy(work / path, run.folder / "artifacts" / job.key / path)
    return Result.FAILED if has_failed else Result.SUCCEEDED


def _environment(
    run: PipelineRun, job: ParsedJob, around: Surroundings, python: Path
) -> dict[str, str]:
    env = {
        key: value
        for key, value in os.environ.items()
        if not key.startswith(FOREIGN) and key not in KEPT_OUT
    }
    env |= {**around.environment(), **around.variables}
    temp = Path(around.temp)
    if run.provider is Provider.GITHUB:
        for name in GITHUB_FILES:
            path = temp / name.lower()
            path.touch()
            env[name] = str(path)
    comments = run.folder / "comments"
    comments.mkdir(parents=True, exist_ok=True)
    gh = python / "gh"
    gh.write_text(GH.replace("COMMENTS", str(comments)))
    gh.chmod(0o755)
    env["PATH"] = f"{python}{os.pathsep}{env.get('PATH', '')}"
    env["VIRTUAL_ENV"] = str(python.parent)
    if "BRICKYARD_HOME" in job.env:
        env["BRICKYARD_HOME"] = str(temp / "brickyard")
        run.say("note", "the embedded workspace of this job is in its own folder")
    if FEDERATION in env:
        kind = env[FEDERATION]
        env = {key: value for key, value in env.items() if not key.startswith("DATABRICKS_")}
        env |= {"BRICKYARD_LOCAL": "1", **run.door(job.environment)}
        where = job.environment or "every target"
        run.say("note", f"{kind}: here, the embedded workspace of {where}")
    return env


def _own_python(folder: Path) -> Path:
    """An environment over the one that runs this: installs go into it. Its folder of programs."""
    subprocess.run(
        [sys.executable, "-m", "venv", "--without-pip", str(folder)],
        check=True,
        capture_output=True,
    )
    programs = folder / "bin"
    inside = sysconfig.get_path("purelib", vars={"base": str(folder)})
    places = [one for one in sys.path if one and Path(one).is_dir() and "site-packages" in one]
    source = Path(__file__).resolve().parents[2]  # where `brickyard` is imported from
    Path(inside).mkdir(parents=True, exist_ok=True)
    (Path(inside) / "run_here.pth").write_text("\n".join((*places, str(source))) + "\n")
    for name, module in (("brickyard", "brickyard"), ("pip", "pip"), ("pytest", "pytest")):
        program = programs / name
        program.write_text(f'#!/usr/bin/env bash\nexec "{programs}/python" -m {module} "$@"\n')
        program.chmod(0o755)
    return programs


def _run_step(
    run: PipelineRun,
    job: ParsedJob,
    step: ParsedStep,
    around: Surroundings,
    env: dict[str, str],
    *,
    has_failed: bool,
) -> RanStep:
    if not around.allows(step.condition, Outcome(has_failed=has_failed)):
        return RanStep(job=job.key, name=step.name, result=Result.SKIPPED, why="its condition")
    run.say("step", step.name)
    if not step.script:
        done = USES.get(step.uses.partition("@")[0], _not_here)
        why = done(run, step, around)
        run.say("note", why)
        is_left_out = done in (_not_here, _no_cache)
        result = Result.SKIPPED if is_left_out else Result.SUCCEEDED
        return RanStep(job=job.key, name=step.name, result=result, why=why)
    own = env | {key: around.filled_in(value) for key, value in step.env.items()}
    folder = Path(around.folder) / around.filled_in(step.folder)
    code = _bash(run, around.filled_in(step.script), folder, own)
    if run.provider is Provider.GITHUB:
        _learn(env)
    if code != 0:
        run.say("note", f"exit code {code}")
        return RanStep(job=job.key, name=step.name, result=Result.FAILED, why=f"exit code {code}")
    return RanStep(job=job.key, name=step.name, result=Result.SUCCEEDED)


def _bash(run: PipelineRun, script: str, folder: Path, env: Mapping[str, str]) -> int:
    """As the providers call it: stops at the first command that fails, in a pipe too."""
    words = ["bash", "--noprofile", "--norc", "-eo", "pipefail", "-c", script]
    with subprocess.Popen(
        words,
        cwd=folder,
        env=dict(env),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        errors="replace",
    ) as process:
        assert process.stdout is not None
        for line in process.stdout:
            run.say("output", line.rstrip("\n"))
        return process.wait()


def _learn(env: dict[str, str]) -> None:
    """What a step left for the next ones in GitHub's files: `NAME=value` lines, folders."""
    for line in Path(env["GITHUB_ENV"]).read_text().splitlines():
        name, equals, value = line.partition("=")
        if equals and "<<" not in name:
            env[name] = value
    for line in Path(env["GITHUB_PATH"]).read_text().splitlines():
        env["PATH"] = f"{line}{os.pathsep}{env['PATH']}"
    for name in ("GITHUB_ENV", "GITHUB_PATH"):
        Path(env[name]).write_text("")


def _clone(run: PipelineRun, work: Path) -> None:
    if (work / ".git").exists():
        return
    quiet = ["git", "-c", "advice.detachedHead=false"]
    steps = (
        [*quiet, "clone", "--quiet", "--no-hardlinks", "--", str(run.repository), str(work)],
        [*quiet, "-C", str(work), "checkout", "--quiet", "--detach", run.commit.sha],
    )
    for words in steps:
        ended = subprocess.run(words, capture_output=True, text=True, check=False)
        if ended.returncode != 0:
            raise Unreadable(f"cannot check {run.commit.sha[:10]} out: {ended.stderr.strip()}")


def _copy(source: Path, target: Path) -> None:
    if source.is_dir():
        shutil.copytree(source, target, dirs_exist_ok=True)
    elif source.is_file():
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy2(source, target)


def _check_out(run: PipelineRun, step: ParsedStep, around: Surroundings) -> str:
    _clone(run, Path(around.folder))
    return f"a clone of {run.repository} at {run.commit.sha[:10]}"


def _python(run: PipelineRun, step: ParsedStep, around: Surroundings) -> str:
    wanted = str(step.inputs.get("python-version") or step.inputs.get("versionSpec") or "")
    have = f"{sys.version_info.major}.{sys.version_info.minor}"
    other = f"; the file wants {wanted}" if wanted and wanted != have else ""
    return f"Python {have} of this machine{other}"


def _upload(run: PipelineRun, step: ParsedStep, around: Surroundings) -> str:
    name = around.filled_in(str(step.inputs.get("name") or "artifact"))
    kept = run.folder / "artifacts" / name
    for path in around.filled_in(str(step.inputs.get("path", ""))).split("\n"):
        if path.strip():
            _copy(Path(around.folder) / path.strip(), kept)
    return f"kept in {kept}" if kept.exists() else "there is nothing to keep"


def _download(run: PipelineRun, step: ParsedStep, around: Surroundings) -> str:
    name = around.filled_in(str(step.inputs.get("name") or step.inputs.get("artifact") or ""))
    target = Path(around.folder) / around.filled_in(str(step.inputs.get("path") or "."))
    _copy(run.folder / "artifacts" / name, target)
    return f"artifact {name or 'of every name'}"


def _no_cache(run: PipelineRun, step: ParsedStep, around: Surroundings) -> str:
    return "left out: this machine's own caches are used"


def _not_here(run: PipelineRun, step: ParsedStep, around: Surroundings) -> str:
    return f"left out: `{step.uses}` can't be done on this machine"


USES: Final[Mapping[str, Callable[[PipelineRun, ParsedStep, Surroundings], str]]] = {
    "actions/checkout": _check_out,
    "actions/setup-python": _python,
    "actions/cache": _no_cache,
    "actions/upload-artifact": _upload,
    "actions/download-artifact": _download,
    "checkout": _check_out,
    "UsePythonVersion": _python,
    "Cache": _no_cache,
    "publish": _upload,
    "download": _download,
}


def as_json(ran: Ran) -> str:
    """The result for machines."""
    steps = [
        {"job": one.job, "name": one.name, "result": one.result.value, "why": one.why}
        for one in ran.steps
    ]
    jobs = {key: value.value for key, value in ran.jobs.items()}
    return json.dumps({"jobs": jobs, "steps": steps}, indent=2)

"""What a provider tells a job about the commit: variables and the values of expressions, here.

The repository is called `local/NAME`; there is one pull request, number 1, from it to the main
branch. Variables and secrets kept at the provider are empty on this machine.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from brickyard.cicd.expressions import Outcome, evaluate, holds, says_status
from brickyard.cicd.model import Event, Provider
from brickyard.cicd.parsed import ParsedJob

GITHUB_VALUE: Final = re.compile(r"\$\{\{(.*?)\}\}", re.DOTALL)
AZURE_VALUE: Final = re.compile(r"\$\(([\w.]+)\)")
SHELL_VALUE: Final = re.compile(r"\$(?:\{(\w+)\}|(\w+))")


@dataclass(frozen=True, slots=True, kw_only=True)
class Commit:
    """The commit that a pipeline runs for, and what happened to it."""

    sha: str
    event: Event
    main: str
    tag: str
    repository: str = "local/project"

    @property
    def ref(self) -> str:
        refs = {
            Event.PULL_REQUEST: "refs/pull/1/merge",
            Event.MAIN: f"refs/heads/{self.main}",
            Event.TAG: f"refs/tags/{self.tag}",
            Event.SCHEDULE: f"refs/heads/{self.main}",
        }
        return refs[self.event]


@dataclass(frozen=True, slots=True, kw_only=True)
class Surroundings:
    """A provider's view of one job: `folder` is its checkout, `temp` a folder for its files."""

    provider: Provider
    commit: Commit
    folder: str
    temp: str
    variables: Mapping[str, str] = field(default_factory=dict)

    def environment(self) -> dict[str, str]:
        """The variables that the provider sets by itself."""
        return {"CI": "true", **ENVIRONMENTS[self.provider](self)}

    def lookup(self, name: str) -> Any:
        return LOOKUPS[self.provider](self, name)

    def filled_in(self, text: str) -> str:
        """The text with what the provider fills in, before any shell sees it."""
        return FILLERS[self.provider](self, text)

    def allows(self, condition: str, outcome: Outcome) -> bool:
        """A condition that says nothing of success also needs it."""
        plain = condition.strip()
        if not plain:
            return not outcome.has_failed
        inner = GITHUB_VALUE.fullmatch(plain)
        text = inner[1] if inner else plain
        if outcome.has_failed and not says_status(text):
            return False
        return holds(text, self.lookup, outcome, ignores_case=self.provider is not Provider.GITLAB)

    def rule(self, job: ParsedJob) -> str:
        """Of a job of GitLab: when it runs (`on_success`, `manual`, …), or `never`."""
        if not job.rules:
            return "on_success"
        for one in job.rules:
            condition = str(one.get("if", ""))
            if not condition or holds(condition, self.lookup, ignores_case=False):
                return str(one.get("when", "on_success"))
        return "never"


def _github_environment(job: Surroundings) -> dict[str, str]:
    return {
        "GITHUB_ACTIONS": "true",
        "GITHUB_EVENT_NAME": _github_event(job),
        "GITHUB_REF": job.commit.ref,
        "GITHUB_REF_NAME": job.commit.ref.split("/", 2)[2],
        "GITHUB_SHA": job.commit.sha,
        "GITHUB_REPOSITORY": job.commit.repository,
        "GITHUB_WORKSPACE": job.folder,
        "RUNNER_OS": "Linux",
        "RUNNER_TEMP": job.temp,
    }


def _github_event(job: Surroundings) -> str:
    names = {Event.PULL_REQUEST: "pull_request", Event.SCHEDULE: "schedule"}
    return names.get(job.commit.event, "push")


def _github_lookup(job: Surroundings, name: str) -> Any:
    is_request = job.commit.event is Event.PULL_REQUEST
    known: dict[str, Any] = {
        "github.event_name": _github_event(job),
        "github.ref": job.commit.ref,
        "github.ref_name": job.commit.ref.split("/", 2)[2],
        "github.sha": job.commit.sha,
        "github.repository": job.commit.repository,
        "github.workspace": job.folder,
        "github.workflow": "Brickyard",
        "github.run_id": "1",
        "github.event.pull_request.head.repo.full_name": job.commit.repository
        if is_request
        else "",
        "github.event.pull_request.number": "1" if is_request else "",
        "github.event.pull_request.head.sha": job.commit.sha if is_request else "",
        "runner.os": "Linux",
        "runner.temp": job.temp,
    }
    if name.startswith("env."):
        return job.variables.get(name.removeprefix("env."), "")
    return known.get(name, "")


def _github_filled(job: Surroundings, text: str) -> str:
    def value(found: re.Match[str]) -> str:
        result = evaluate(found[1], job.lookup)
        if isinstance(result, bool):
            return "true" if result else "false"
        return "" if result is None else str(result)

    return GITHUB_VALUE.sub(value, text)


def _azure_environment(job: Surroundings) -> dict[str, str]:
    known = {name.upper().replace(".", "_"): value for name, value in _azure_known(job).items()}
    return {"TF_BUILD": "True", **known}


def _azure_known(job: Surroundings) -> dict[str, str]:
    reasons = {Event.PULL_REQUEST: "PullRequest", Event.SCHEDULE: "Schedule"}
    return {
        "Build.Reason": reasons.get(job.commit.event, "IndividualCI"),
        "Build.SourceBranch": job.commit.ref,
        "Build.SourceBranchName": job.commit.ref.rpartition("/")[2],
        "Build.SourceVersion": job.commit.sha,
        "Build.SourcesDirectory": job.folder,
        "Build.Repository.Name": job.commit.repository,
        "Build.BuildId": "1",
        "Pipeline.Workspace": job.temp,
        "Agent.OS": "Linux",
        "Agent.TempDirectory": job.temp,
        "System.JobAttempt": "1",
        "System.AccessToken": "",
    }


def _azure_lookup(job: Surroundings, name: str) -> Any:
    known = {key.lower(): value for key, value in _azure_known(job).items()}
    known |= {key.lower(): value for key, value in job.variables.items()}
    return known.get(name.removeprefix("variables.").lower(), "")


def _azure_filled(job: Surroundings, text: str) -> str:
    """`$(Name)`. What is unknown stays as it is, for the shell, as at Azure."""

    def value(found: re.Match[str]) -> str:
        known = {key.lower(): one for key, one in {**_azure_known(job), **job.variables}.items()}
        return known.get(found[1].lower(), found[0])

    return AZURE_VALUE.sub(value, text)


def _gitlab_environment(job: Surroundings) -> dict[str, str]:
    return {"GITLAB_CI": "true", **{k: v for k, v in _gitlab_known(job).items() if v is not None}}


def _gitlab_known(job: Surroundings) -> dict[str, str | None]:
    event = job.commit.event
    is_request = event is Event.PULL_REQUEST
    sources = {Event.PULL_REQUEST: "merge_request_event", Event.SCHEDULE: "schedule"}
    is_of_main = event in (Event.MAIN, Event.SCHEDULE)
    return {
        "CI_PIPELINE_SOURCE": sources.get(event, "push"),
        "CI_COMMIT_BRANCH": job.commit.main if is_of_main else None,
        "CI_COMMIT_TAG": job.commit.tag if event is Event.TAG else None,
        "CI_COMMIT_SHA": job.commit.sha,
        "CI_DEFAULT_BRANCH": job.commit.main,
        "CI_PROJECT_DIR": job.folder,
        "CI_PROJECT_PATH": job.commit.repository,
        "CI_MERGE_REQUEST_SOURCE_PROJECT_PATH": job.commit.repository if is_request else None,
        "CI_MERGE_REQUEST_IID": "1" if is_request else None,
    }


def _gitlab_lookup(job: Surroundings, name: str) -> Any:
    plain = name.strip("${}")
    return {**_gitlab_known(job), **job.variables}.get(plain)


def _gitlab_filled(job: Surroundings, text: str) -> str:
    """Variables within variables; what is unknown stays for the shell."""

    def value(found: re.Match[str]) -> str:
        known = {**_gitlab_known(job), **job.variables}
        return known.get(found[1] or found[2]) or found[0]

    return SHELL_VALUE.sub(value, text)


ENVIRONMENTS: Final[Mapping[Provider, Callable[[Surroundings], dict[str, str]]]] = {
    Provider.GITHUB: _github_environment,
    Provider.AZURE: _azure_environment,
    Provider.GITLAB: _gitlab_environment,
}
LOOKUPS: Final[Mapping[Provider, Callable[[Surroundings, str], Any]]] = {
    Provider.GITHUB: _github_lookup,
    Provider.AZURE: _azure_lookup,
    Provider.GITLAB: _gitlab_lookup,
}
FILLERS: Final[Mapping[Provider, Callable[[Surroundings, str], str]]] = {
    Provider.GITHUB: _github_filled,
    Provider.AZURE: _azure_filled,
    Provider.GITLAB: _gitlab_filled,
}

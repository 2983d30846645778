"""The providers: where each keeps its pipeline, and how it is written and read."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final

from brickyard import __version__
from brickyard.cicd import azure, github, gitlab
from brickyard.cicd.design import ProjectFacts, design
from brickyard.cicd.model import Pipeline, Provider
from brickyard.cicd.parsed import ParsedPipeline
from brickyard.cicd.written import with_header


@dataclass(frozen=True, slots=True, kw_only=True)
class ProviderFormat:
    """`schema` is what `check-jsonschema` is told to check against the schema that it ships."""

    title: str
    file: str
    schema: tuple[str, ...]
    render: Callable[[Pipeline], str]
    parse: Callable[[Mapping[str, Any]], ParsedPipeline]


def _schema(name: str, transform: str = "") -> tuple[str, ...]:
    """`transform` is what the package does to expressions that a schema does not foresee."""
    transforms = ("--data-transform", transform) if transform else ()
    return ("--builtin-schema", f"vendor.{name}", "--regex-variant", "nonunicode", *transforms)


PROVIDERS: Final[Mapping[Provider, ProviderFormat]] = {
    Provider.GITHUB: ProviderFormat(
        title="GitHub Actions",
        file=github.FILE,
        schema=_schema("github-workflows"),
        render=github.render,
        parse=github.parse,
    ),
    Provider.AZURE: ProviderFormat(
        title="Azure Pipelines",
        file=azure.FILE,
        schema=_schema("azure-pipelines", "azure-pipelines"),
        render=azure.render,
        parse=azure.parse,
    ),
    Provider.GITLAB: ProviderFormat(
        title="GitLab CI",
        file=gitlab.FILE,
        schema=_schema("gitlab-ci", "gitlab-ci"),
        render=gitlab.render,
        parse=gitlab.parse,
    ),
}


def render_file(provider: Provider, facts: ProjectFacts) -> str:
    """The whole file, header and all."""
    return with_header(provider, PROVIDERS[provider].render(design(facts)), __version__)

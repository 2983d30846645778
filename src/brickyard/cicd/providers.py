"""The providers: where each keeps its pipeline, and how it is written and read."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final

from brickyard import __version__
from brickyard.cicd import github
from brickyard.cicd.design import ProjectFacts, design
from brickyard.cicd.model import Pipeline, Provider
from brickyard.cicd.parsed import ParsedPipeline
from brickyard.cicd.written import with_header


@dataclass(frozen=True, slots=True, kw_only=True)
class ProviderFormat:
    """`schema` is the name under which `check-jsonschema` ships the provider's schema."""

    title: str
    file: str
    schema: str
    render: Callable[[Pipeline], str]
    parse: Callable[[Mapping[str, Any]], ParsedPipeline]


PROVIDERS: Final[Mapping[Provider, ProviderFormat]] = {
    Provider.GITHUB: ProviderFormat(
        title="GitHub Actions",
        file=github.FILE,
        schema="vendor.github-workflows",
        render=github.render,
        parse=github.parse,
    ),
}


def render_file(provider: Provider, facts: ProjectFacts) -> str:
    """The whole file, header and all."""
    return with_header(provider, PROVIDERS[provider].render(design(facts)), __version__)

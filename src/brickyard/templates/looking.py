"""What a repository says of itself, for `choose`: each answer with the file that it was seen in.

Reads names and contents of files that it is given; a line that is only a comment counts as much as
another. What nothing speaks for stays unknown.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Final

SOURCES: Final = (".py", ".sql", ".ipynb", ".yml", ".yaml", ".toml", ".txt", ".cfg")
LARGEST: Final = 400_000  # bytes of a file that is still looked into
# Question, answer, what is looked for in sources. The answer with most files wins.
GENERATIVE: Final = (
    r"ResponsesAgent|langchain|langgraph|openai|ai_query\(|vector_search|VectorSearchClient"
    r"|databricks\.agents|mlflow\.genai|llama_index|dspy"
)
STAGES: Final = r"transition_model_version_stage|models:/[^/\s]+/(Production|Staging)"
SIGNS: Final = (
    ("kind", "generative", GENERATIVE),
    (
        "kind",
        "classic-ml",
        r"sklearn|lightgbm|xgboost|catboost|pyspark\.ml\b|FeatureEngineeringClient|statsmodels",
    ),
    ("kind", "data", r"import dlt\b|pyspark import pipelines|cloudFiles|AUTO CDC|STREAMING TABLE"),
    ("kind", "app", r"import streamlit|import gradio|import dash\b|^\s*apps:\s*$"),
    ("registry", "unity-catalog", r"databricks-uc|^\s*registered_models:\s*$"),
    (
        "registry",
        "workspace",
        r"transition_model_version_stage|models:/[^/\s]+/(Production|Staging)",
    ),
)
CI_FILES: Final = (
    ("github", r"(^|/)\.github/workflows/[^/]+\.ya?ml$"),
    ("azure", r"(^|/)azure-pipelines[^/]*\.ya?ml$|(^|/)\.azure/.*\.ya?ml$"),
    ("gitlab", r"(^|/)\.gitlab-ci\.ya?ml$"),
    ("other", r"(^|/)(bitbucket-pipelines\.yml|Jenkinsfile|\.circleci/config\.yml)$"),
)
BUNDLE: Final = re.compile(r"(^|/)databricks\.ya?ml$")
STACK: Final = re.compile(r"clusterSource: mlops-stacks")


@dataclass(frozen=True, slots=True, kw_only=True)
class Seen:
    """`answers` by question; `evidence` by question: a file that spoke for it, how many did."""

    answers: Mapping[str, str]
    evidence: Mapping[str, str]
    has_bundle: bool
    is_stack: bool


def look(files: Mapping[str, str], authors: Iterable[str] = ()) -> Seen:
    """`files`: path to text, of sources at least; `authors`: who committed."""
    answers: dict[str, str] = {}
    evidence: dict[str, str] = {}
    for question in dict.fromkeys(sign[0] for sign in SIGNS):
        found = {
            answer: _having(files, pattern) for asked, answer, pattern in SIGNS if asked == question
        }
        best = max(found, key=lambda one: len(found[one]))
        if found[best]:
            answers[question] = best
            evidence[question] = _shown(found[best])
    for provider, pattern in CI_FILES:
        named = [path for path in files if re.search(pattern, path)]
        if named and "ci" not in answers:
            answers["ci"], evidence["ci"] = provider, _shown(named)
    bundles = [path for path in files if BUNDLE.search(path)]
    if len(bundles) > 2:
        answers["projects"], evidence["projects"] = "many", _shown(bundles)
    notebooks = [path for path in files if path.endswith(".ipynb")]
    code = [path for path in files if path.endswith(".py")]
    if notebooks or code:
        answers["work"] = "workspace" if len(notebooks) > len(code) else "local"
        evidence["work"] = f"{len(notebooks)} notebooks, {len(code)} Python files"
    people = set(authors)
    if people:
        answers["team"] = "several" if len(people) > 5 else "one"
        evidence["team"] = f"{len(people)} authors of commits"
    return Seen(
        answers=answers,
        evidence=evidence,
        has_bundle=bool(bundles),
        is_stack=any(STACK.search(text) for text in files.values()),
    )


def _having(files: Mapping[str, str], pattern: str) -> list[str]:
    sign = re.compile(pattern, re.MULTILINE)
    return [path for path, text in files.items() if path.endswith(SOURCES) and sign.search(text)]


def _shown(paths: list[str]) -> str:
    more = f" and {len(paths) - 1} more" if len(paths) > 1 else ""
    return f"{min(paths, key=len)}{more}"

"""Which way to go: MLOps Stacks or a plain bundle; Git folder, bundle or API. Decided by a table.

A row of `RULES` says what an answer speaks for, how much, and why; the sum decides, and the reasons
are shown with the weight that they had. What is not known speaks for nothing. `WAYS` says the same
of how code comes to a workspace; there the answers do not add up, each kind of work has its way.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

STACKS, BUNDLE = "mlops-stacks", "bundle"
UNKNOWN: Final = "unknown"


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """A question: its name, its answers with what each means."""

    name: str
    text: str
    answers: Mapping[str, str]


QUESTIONS: Final = (
    Asked(
        name="kind",
        text="What is it about?",
        answers={
            "classic-ml": "a model trained on tables: scikit-learn, LightGBM, Spark ML",
            "generative": "prompts, agents, retrieval, a language model",
            "data": "ingestion and pipelines",
            "app": "an app for people, on an endpoint",
        },
    ),
    Asked(
        name="team",
        text="Who works on it?",
        answers={
            "one": "one person or one small team",
            "several": "several teams, or data scientists apart from ML engineers",
        },
    ),
    Asked(
        name="projects",
        text="How many projects of this shape will there be?",
        answers={"one": "this one", "many": "many, which should look alike"},
    ),
    Asked(
        name="registry",
        text="Where are models registered?",
        answers={
            "unity-catalog": "in Unity Catalog",
            "workspace": "in the workspace's own registry, with stages",
            "none": "nowhere",
        },
    ),
    Asked(
        name="ci",
        text="Which CI provider?",
        answers={
            "github": "GitHub Actions",
            "azure": "Azure DevOps",
            "gitlab": "GitLab",
            "other": "another one",
            "none": "none",
        },
    ),
    Asked(
        name="work",
        text="How is it worked on?",
        answers={
            "workspace": "in notebooks, in the workspace",
            "local": "in an editor, on one's own machine",
            "programs": "by programs that make what they need while they run",
        },
    ),
)


@dataclass(frozen=True, slots=True)
class Rule:
    question: str
    answer: str
    speaks_for: str
    weight: int
    why: str


RULES: Final = (
    Rule(
        "kind",
        "generative",
        BUNDLE,
        10,
        "MLOps Stacks has nothing for prompts, indexes, agents, their evaluation and endpoints",
    ),
    Rule(
        "kind", "data", BUNDLE, 8, "MLOps Stacks is about training and using models, not about data"
    ),
    Rule("kind", "app", BUNDLE, 8, "MLOps Stacks makes no apps and no serving endpoints"),
    Rule(
        "kind",
        "classic-ml",
        STACKS,
        3,
        "training, validation, deployment and batch inference are what MLOps Stacks lays out",
    ),
    Rule(
        "team",
        "several",
        STACKS,
        2,
        "it separates what data scientists change from what ML engineers run",
    ),
    Rule(
        "team",
        "one",
        BUNDLE,
        2,
        "its folders, workflows and parameters are more than one team needs",
    ),
    Rule("projects", "many", STACKS, 3, "one template makes many projects alike"),
    Rule("projects", "one", BUNDLE, 1, "a layout for many projects pays off with the second one"),
    Rule("ci", "github", STACKS, 1, "it writes workflows for GitHub Actions"),
    Rule("ci", "azure", STACKS, 1, "it writes pipelines for Azure DevOps"),
    Rule("ci", "gitlab", STACKS, 1, "it writes pipelines for GitLab"),
    Rule("ci", "other", BUNDLE, 8, "it writes pipelines for GitHub, Azure DevOps and GitLab only"),
    Rule("ci", "none", BUNDLE, 2, "most of it is CI"),
    Rule(
        "registry", "unity-catalog", BUNDLE, 1, "a bundle declares models of Unity Catalog itself"
    ),
    Rule(
        "registry",
        "workspace",
        STACKS,
        1,
        "it knows the workspace's registry and its stages; but move to Unity Catalog",
    ),
)
ALWAYS: Final = (
    (BUNDLE, 1, "the template was changed last in February 2025 and pins a runtime of that time"),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Way:
    """How one kind of work comes to a workspace."""

    work: str
    use: str
    why: str
    command: str


WAYS: Final = (
    Way(
        work="trying things out in notebooks, together, in the workspace",
        use="Git folder",
        why="everyone has a branch checked out, and runs what they see; nothing is deployed",
        command="brickyard git-folders create URL --branch BRANCH",
    ),
    Way(
        work="everything that is to be the same in development, staging and production",
        use="bundle",
        why="jobs, pipelines, models, endpoints and rights are files of a commit, planned before"
        " they are made, and promoted with their gates",
        command="brickyard deploy",
    ),
    Way(
        work="what only a running program knows: a schema for each customer, a run, a query",
        use="API",
        why="it is called when it is needed; what stays for longer belongs into the bundle",
        command="brickyard exec -- python PROGRAM",
    ),
)
FIRST: Final = {"workspace": "Git folder", "local": "bundle", "programs": "API"}
TEMPLATES: Final = {
    "classic-ml": "classic-ml",
    "generative": "retrieval-agent",
    "data": "ingestion-pipeline",
    "app": "streamlit-app",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Reason:
    speaks_for: str
    weight: int
    why: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Choice:
    """What to do, and why. `scores` is by choice; `way` how it is worked on day by day."""

    choice: str
    scores: Mapping[str, int]
    reasons: tuple[Reason, ...]
    way: str
    command: str
    next: tuple[str, ...]


def choose(answers: Mapping[str, str], *, has_bundle: bool = False) -> Choice:
    """The choice by the answers that are known; a bundle that is there stays one."""
    reasons = [
        Reason(speaks_for=rule.speaks_for, weight=rule.weight, why=rule.why)
        for rule in RULES
        if answers.get(rule.question) == rule.answer
    ]
    reasons += [Reason(speaks_for=one, weight=weight, why=why) for one, weight, why in ALWAYS]
    if has_bundle:
        reasons.append(Reason(speaks_for=BUNDLE, weight=6, why="there is a bundle already"))
    scores = {
        one: sum(reason.weight for reason in reasons if reason.speaks_for == one)
        for one in (BUNDLE, STACKS)
    }
    choice = STACKS if scores[STACKS] > scores[BUNDLE] else BUNDLE
    return Choice(
        choice=choice,
        scores=scores,
        reasons=tuple(sorted(reasons, key=lambda one: (one.speaks_for != choice, -one.weight))),
        way=FIRST.get(answers.get("work", ""), "bundle"),
        command=_command(choice, answers, has_bundle),
        next=_next(choice, answers),
    )


def _command(choice: str, answers: Mapping[str, str], has_bundle: bool) -> str:
    if has_bundle:
        return "brickyard validate"
    if choice == STACKS:
        return "brickyard init mlops-stacks"
    return f"brickyard init {TEMPLATES.get(answers.get('kind', ''), 'empty')}"


def _next(choice: str, answers: Mapping[str, str]) -> tuple[str, ...]:
    """What comes after the command."""
    ci = answers.get("ci", "")
    steps = ["brickyard deploy"]
    if choice == BUNDLE and ci in ("github", "azure", "gitlab"):
        steps.append(f"brickyard ci init --provider {ci}")
    if answers.get("work") == "workspace":
        steps.append("brickyard git-folders create URL")
    return tuple(steps)

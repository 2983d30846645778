"""Answering the questions a bundle asks of its workspace: names to ids (`variables.*.lookup`).

The lists are those the official CLI uses. A name that fits two objects is an error, except for
service principals, where the service is trusted to have one.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Final

from brickyard.bundle import Question
from brickyard.bundle.go_text import go_quoted
from brickyard.deploy.http import ApiFailure, Json, Workspace


class NoAnswer(Exception):
    """A look-up found nothing, or too much."""

    def __init__(self, question: Question, problem: str, way_out: str) -> None:
        kind = question.kind.replace("_", "-")
        super().__init__(f"failed to resolve {kind}: {question.name}, err: {problem}")
        self.question = question
        self.way_out = way_out


@dataclass(frozen=True, slots=True, kw_only=True)
class List:
    """Where objects of one kind are listed, and which members hold name and id."""

    path: str
    items: str
    name: str
    id: str
    query: tuple[tuple[str, str], ...] = ()


LISTS: Final[Mapping[str, List]] = {
    "alert": List(path="/api/2.0/sql/alerts", items="results", name="display_name", id="id"),
    "query": List(path="/api/2.0/sql/queries", items="results", name="display_name", id="id"),
    "cluster": List(
        path="/api/2.1/clusters/list",
        items="clusters",
        name="cluster_name",
        id="cluster_id",
        query=(("filter_by.cluster_sources", "UI"), ("filter_by.cluster_sources", "API")),
    ),
    "cluster_policy": List(
        path="/api/2.0/policies/clusters/list", items="policies", name="name", id="policy_id"
    ),
    "dashboard": List(
        path="/api/2.0/preview/sql/dashboards", items="results", name="name", id="id"
    ),
    "instance_pool": List(
        path="/api/2.0/instance-pools/list",
        items="instance_pools",
        name="instance_pool_name",
        id="instance_pool_id",
    ),
    "job": List(path="/api/2.2/jobs/list", items="jobs", name="settings.name", id="job_id"),
    "metastore": List(
        path="/api/2.1/unity-catalog/metastores",
        items="metastores",
        name="name",
        id="metastore_id",
    ),
    "notification_destination": List(
        path="/api/2.0/notification-destinations", items="results", name="display_name", id="id"
    ),
    "pipeline": List(path="/api/2.0/pipelines", items="statuses", name="name", id="pipeline_id"),
    "service_principal": List(
        path="/api/2.0/preview/scim/v2/ServicePrincipals",
        items="Resources",
        name="displayName",
        id="applicationId",
    ),
    "warehouse": List(path="/api/2.0/sql/warehouses", items="warehouses", name="name", id="id"),
}


QUOTED: Final = frozenset({"metastore", "notification_destination", "service_principal"})
# What the official clients call one of each kind in their messages.
NOUNS: Final = {
    "alert": "alert",
    "cluster": "cluster",
    "cluster_policy": "Policy",
    "dashboard": "dashboard name",
    "instance_pool": "InstancePoolAndStats",
    "job": "BaseJob",
    "metastore": "metastore",
    "notification_destination": "notification destination",
    "pipeline": "PipelineStateInfo",
    "query": "query",
    "service_principal": "service principal",
    "warehouse": "EndpointInfo",
}


def answer(questions: Iterable[Question], workspace: Workspace) -> Mapping[str, str]:
    """`Question.id` to the id found. Raises `NoAnswer` naming variable, kind and name."""
    asked = tuple(questions)
    with ThreadPoolExecutor(max_workers=8) as pool:
        found = pool.map(lambda question: _answer(question, workspace), asked)
        return {question.id: value for question, value in zip(asked, found, strict=True)}


def _answer(question: Question, workspace: Workspace) -> str:
    where = LISTS.get(question.kind)
    if where is None:
        raise NoAnswer(question, "no such kind", f"Write one of {', '.join(sorted(LISTS))}.")
    try:
        ids = list(_matches(where, question.name, workspace))
    except ApiFailure as failure:
        raise NoAnswer(question, str(failure), "See what the service says.") from failure
    noun = NOUNS[question.kind]
    if not ids:
        way_out = f"Correct the name, or make it in {workspace.host} first."
        named = go_quoted(question.name) if question.kind in QUOTED else f"'{question.name}'"
        words = "" if question.kind == "dashboard" else " named"
        raise NoAnswer(question, f"{noun}{words} {named} does not exist", way_out)
    if len(ids) > 1 and question.kind != "service_principal":
        problem = f"there are {len(ids)} instances of {noun} named '{question.name}'"
        raise NoAnswer(question, problem, "Give the id instead of a look-up.")
    return ids[0]


def _matches(where: List, name: str, workspace: Workspace) -> Iterator[str]:
    query: dict[str, object] = {}
    for key, value in where.query:
        query[key] = (*_as_tuple(query.get(key)), value)
    for item in workspace.pages(where.path, where.items, query):
        if _member(item, where.name) == name:
            yield str(item[where.id])


def _member(item: Json, path: str) -> object:
    here: object = item
    for part in path.split("."):
        here = here.get(part) if isinstance(here, Mapping) else None
    return here


def _as_tuple(value: object) -> tuple[object, ...]:
    return value if isinstance(value, tuple) else ()

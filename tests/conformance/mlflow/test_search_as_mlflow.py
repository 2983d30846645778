"""Searches give what a plain MLflow store gives: the same random filters and orders on both.

The reference is MLflow's own SQL store on a SQLite file, filled with the same runs and logged
models. Runs have other ids there, so they are told apart by name, and no two start at one moment.
"""

from __future__ import annotations

import itertools
import math
import os
import random
import uuid
from collections.abc import Callable, Iterator
from functools import partial
from typing import Any

import pytest

pytestmark = [pytest.mark.filterwarnings("ignore"), pytest.mark.slow, pytest.mark.recorded]

SEARCHES = int(os.environ.get("BRICKYARD_SEARCHES", "80"))  # more, when somebody has time
MODEL_SEARCHES = SEARCHES // 4
BEGAN = 1_700_000_000_000
METRICS = ("loss", "f1 score", "a.b/c", "größe")
PARAMETERS = ("depth", "learning rate", "kind")
TAGS = ("team", "mlflow.note.content", "two words")
VALUES = (0.0, -1.5, 0.5, 1.0, 3.25, 1e300, math.inf, -math.inf, math.nan)
TEXTS = ("even", "odd", "EVEN", "a%b", "a_b", "it's", 'say "so"', "", "größer", "10", "9")
STATUSES = ("RUNNING", "FINISHED", "FAILED", "KILLED", "SCHEDULED")


@pytest.fixture(scope="module")
def both(workspace: Any, tmp_path_factory: pytest.TempPathFactory) -> Iterator[list[Any]]:
    """(client, experiment): the embedded workspace's first, then the plain store's."""
    from mlflow import MlflowClient

    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("DATABRICKS_HOST", workspace.host("dev"))
        patch.setenv("DATABRICKS_TOKEN", workspace.token("dev"))
        patch.setenv("MLFLOW_DISABLE_TELEMETRY", "true")
        file = tmp_path_factory.mktemp("plain") / "mlflow.db"
        clients = [
            MlflowClient("databricks", "databricks"),
            MlflowClient(f"sqlite:///{file}", f"sqlite:///{file}"),
        ]
        name = f"/Shared/search-{uuid.uuid4().hex[:8]}"
        made = [(client, client.create_experiment(name)) for client in clients]
        for client, experiment in made:
            fill(client, experiment, random.Random(7))
        yield made


def fill(client: Any, experiment: str, chance: random.Random) -> None:
    """The same runs whenever `chance` starts the same."""
    from mlflow.entities import Metric, Param, RunTag

    for number in range(16):
        begin = BEGAN + number * 1000
        run = client.create_run(experiment, start_time=begin, run_name=f"run-{number:02}")
        some = lambda names, share: [one for one in names if chance.random() < share]  # noqa: E731
        client.log_batch(
            run.info.run_id,
            metrics=[
                Metric(name, chance.choice(VALUES), begin + step, step)
                for name in some(METRICS, 0.7)
                for step in range(chance.randint(1, 2))
            ],
            params=[
                Param(name, chance.choice([one for one in TEXTS if one]))
                for name in some(PARAMETERS, 0.7)
            ],
            tags=[RunTag(name, chance.choice(TEXTS)) for name in some(TAGS, 0.6)],
        )
        status = STATUSES[number % len(STATUSES)]
        if status not in ("RUNNING", "SCHEDULED"):
            end = begin + chance.randint(1, 10**6)
            client.set_terminated(run.info.run_id, status, end_time=end)
        if number % 9 == 8:
            client.delete_run(run.info.run_id)


def quoted(name: str, chance: random.Random) -> str:
    if name.isidentifier() and name.isascii():
        return name
    return chance.choice((f"`{name}`", f'"{name}"'))


def literal(text: str, chance: random.Random) -> str:
    if "'" in text:
        return f'"{text}"'
    return f"'{text}'" if '"' in text or chance.random() < 0.8 else f'"{text}"'


def condition(chance: random.Random) -> str:
    """One comparison, rarely one that MLflow refuses."""
    compare = chance.choice(("=", "!=", ">", ">=", "<", "<="))
    text = chance.choice(("=", "!=", "LIKE", "ILIKE", "like"))
    pattern = chance.choice((*TEXTS, "%e%", "EV%", "_dd", "%"))
    kind = chance.randrange(10)
    if kind <= 2:
        value = chance.choice(("0", "-1.5", "0.5", "1", "3.25", "1e10", "-1e400"))
        prefix = chance.choice(("metrics", "metric"))
        return f"{prefix}.{quoted(chance.choice((*METRICS, 'none')), chance)} {compare} {value}"
    if kind <= 4:
        prefix = chance.choice(("params", "param", "parameters"))
        name = quoted(chance.choice((*PARAMETERS, "none")), chance)
        return f"{prefix}.{name} {text} {literal(pattern, chance)}"
    if kind <= 6:
        name = quoted(chance.choice((*TAGS, "none")), chance)
        return f"{chance.choice(('tags', 'tag'))}.{name} {text} {literal(pattern, chance)}"
    if kind == 7:
        field = chance.choice(("start_time", "end_time", "attributes.start_time", "created"))
        return f"{field} {compare} {BEGAN + chance.randint(0, 16) * 1000}"
    if kind == 8:
        field = chance.choice(("status", "attributes.status", "attribute.status"))
        return f"{field} {chance.choice(('=', '!=', 'LIKE'))} '{chance.choice(STATUSES)}'"
    names = ", ".join(f"'run-{chance.randint(0, 16):02}'" for _ in range(3))
    return chance.choice(
        (
            f"run_name LIKE 'run-{chance.randint(0, 2)}%'",
            f"attributes.run_name IN ({names})",
            f"attributes.`Run name` = 'run-0{chance.randint(0, 9)}'",
            f"run_name > {chance.randint(0, 9)}",
            f"params.depth > {chance.randint(0, 9)}",
            "metrics.loss LIKE 'x'",
            "tags.team = even",
            "loss",
            "metrics.loss > 1 OR metrics.loss < 0",
            "params.kind IS NULL",
            "params.kind IN ('even', 'odd')",
        )
    )


def order(chance: random.Random) -> list[str]:
    fields = (
        *(f"metrics.`{one}`" for one in METRICS),
        *(f"params.`{one}`" for one in PARAMETERS),
        *(f"tags.`{one}`" for one in TAGS),
        *("start_time", "attributes.end_time", "status", "attributes.run_name", "run_name"),
        *("metrics.none", "params.none"),
    )
    found = [
        f"{chance.choice(fields)}{chance.choice(('', ' ASC', ' DESC', ' desc'))}"
        for _ in range(chance.randint(0, 2))
    ]
    if chance.random() < 0.05:
        found.append(chance.choice(("start_time SIDEWAYS", "nothing.at.all", "metrics")))
    return found


def paged(search: Callable[..., Any], **asked: Any) -> list[str]:
    """Every page, to the end."""
    found: list[str] = []
    token = None
    while True:
        page = search(**asked, page_token=token)
        assert len(page) <= asked["max_results"]
        found += [getattr(one, "name", None) or one.info.run_name for one in page]
        if not page.token:
            return found
        token = page.token


def outcome(ask: Callable[[], list[str]]) -> tuple[str, Any]:
    """The names found, or the code of the error and what it says."""
    from mlflow.exceptions import MlflowException

    try:
        return "found", ask()
    except MlflowException as refused:
        # What is valid is listed in the order of a set, another one in every process.
        said = str(refused).removeprefix(f"{refused.error_code}: ").split("Valid")[0]
        # A plain store takes some faults of a request for its own; a server must not.
        return refused.error_code.replace("INTERNAL_ERROR", "INVALID_PARAMETER_VALUE"), said


def test_random_searches_of_runs_find_the_same(both: list[Any]) -> None:
    chance = random.Random(20)
    kinds: dict[str, int] = {}
    for number in range(SEARCHES):
        asked = {
            "filter_string": " and ".join(condition(chance) for _ in range(chance.randint(0, 3))),
            "order_by": order(chance),
            "run_view_type": chance.choice((1, 1, 2, 3)),
            "max_results": chance.choice((1, 5, 100)) if number % 4 else 7,
        }
        here, plain = (
            outcome(partial(paged, client.search_runs, experiment_ids=[experiment], **asked))
            for client, experiment in both
        )
        assert here == plain, asked
        kinds[here[0]] = kinds.get(here[0], 0) + (bool(here[1]) if here[0] == "found" else 1)
    # Neither only empty answers nor only refusals, or the comparison would say nothing.
    assert kinds["found"] > SEARCHES // 4, kinds
    assert kinds["INVALID_PARAMETER_VALUE"] > 3, kinds


def test_random_searches_of_logged_models_find_the_same(both: list[Any]) -> None:
    from mlflow.entities import LoggedModelStatus

    for client, experiment in both:
        chance = random.Random(11)
        for number in range(12):
            model = client.create_logged_model(
                experiment,
                name=f"model-{number:02}",
                params={"depth": str(number % 4)},
                tags={"team": chance.choice(("data", "web"))},
                model_type=chance.choice(("agent", "", "classifier")),
            )
            run = client.create_run(experiment, start_time=BEGAN + number)
            for name in ("loss", "f1 score"):
                if chance.random() < 0.7:
                    client.log_metric(
                        run.info.run_id, name, chance.choice(VALUES[:5]), model_id=model.model_id
                    )
            if number % 3:
                client.finalize_logged_model(model.model_id, LoggedModelStatus.READY)
    filters = (
        *("", "name = 'model-03'", "name != 'model-03'", "name LIKE 'model-0%'", "name ILIKE 'M%'"),
        *("params.depth = '2'", "tags.team = 'data' AND params.depth != '1'", "status = 'READY'"),
        *("metrics.loss > 0", "metrics.`f1 score` <= 0.5", "model_type = 'agent'", "nonsense"),
        *("creation_timestamp > 0", "metrics.loss LIKE 'x'", "name IN ('model-01', 'model-02')"),
    )
    orders: tuple[Any, ...] = (
        None,
        [{"field_name": "name", "ascending": True}],
        [{"field_name": "metrics.loss", "ascending": False}, {"field_name": "name"}],
        [{"field_name": "creation_timestamp", "ascending": True}],
        [{"field_name": "nothing"}],
    )
    asked = list(itertools.product(filters, orders))
    random.Random(3).shuffle(asked)
    for text, by in asked[:MODEL_SEARCHES]:
        wanted = {"filter_string": text or None, "order_by": by, "max_results": 5}
        here, plain = (
            outcome(
                partial(paged, client.search_logged_models, experiment_ids=[experiment], **wanted)
            )
            for client, experiment in both
        )
        assert here == plain, (text, by)

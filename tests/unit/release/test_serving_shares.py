"""Shares of an endpoint's traffic, and what a budget is measured from."""

from __future__ import annotations

from brickyard.release.actions.serving import percentile, shared

NEW = {"entity_name": "dev.a.m", "entity_version": "2", "workload_size": "Small"}
OLD = {
    "served_entities": [
        {"name": "m-1", "entity_name": "dev.a.m", "entity_version": "1"},
        {"name": "m-0", "entity_name": "dev.a.m", "entity_version": "0"},
    ],
    "traffic_config": {
        "routes": [
            {"served_model_name": "m-1", "traffic_percentage": 90},
            {"served_model_name": "m-0", "traffic_percentage": 10},
        ]
    },
}


def shares(config: dict[str, object]) -> dict[str, int]:
    routes = config["traffic_config"]["routes"]  # type: ignore[index]
    return {one["served_entity_name"]: one["traffic_percentage"] for one in routes}


def test_the_rest_stays_with_what_had_most() -> None:
    config = shared(OLD, NEW, 20)
    assert shares(config) == {"m-1": 80, "version-2": 20}
    assert [one["entity_version"] for one in config["served_entities"]] == ["1", "2"]


def test_all_of_it_leaves_one_entity() -> None:
    assert shares(shared(OLD, NEW, 100)) == {"version-2": 100}


def test_an_endpoint_that_served_nothing_gives_it_everything() -> None:
    assert shares(shared(None, NEW, 10)) == {"version-2": 100}


def test_a_version_that_is_served_already_gets_everything() -> None:
    assert shares(shared(OLD, {**NEW, "entity_version": "1"}, 10)) == {"version-1": 100}


def test_percentiles_are_values_that_were_measured() -> None:
    values = [float(one) for one in range(1, 21)]
    assert [percentile(values, share) for share in (50, 95, 99)] == [10.0, 19.0, 20.0]
    assert percentile([3.0], 95) == 3.0

"""What a cluster may be asked for, and what the service fills in."""

from __future__ import annotations

from typing import Any

import pytest

from brickyard.workspace.compute.settings import check, completed, masked
from brickyard.workspace.kernel import ApiError

SMALL: dict[str, Any] = {"spark_version": "15.4.x-scala2.12", "num_workers": 1}


@pytest.mark.parametrize(
    ("given", "fault"),
    [
        ({"num_workers": 1}, "spark_version"),
        ({"spark_version": "x"}, "Exactly 1 of"),
        ({**SMALL, "autoscale": {"min_workers": 1, "max_workers": 2}}, "Exactly 1 of"),
        ({**SMALL, "num_workers": -1}, "must not be negative"),
        ({**SMALL, "num_workers": "many"}, "num_workers must be an integer"),
        ({**SMALL, "instance_pool_id": "p", "node_type_id": "i3.xlarge"}, "instance pool ID"),
        ({**SMALL, "autotermination_minutes": 5}, "autotermination_minutes must be 0 or from 10"),
        (
            {"spark_version": "x", "autoscale": {"min_workers": 3, "max_workers": 2}},
            "must not be above",
        ),
    ],
)
def test_what_no_cluster_can_be_made_of_is_refused(given: dict[str, Any], fault: str) -> None:
    with pytest.raises(ApiError, match=fault) as refused:
        check(given)
    assert refused.value.code == "INVALID_PARAMETER_VALUE"


@pytest.mark.parametrize(
    ("asked", "shown", "whose"),
    [
        ({"data_security_mode": "DATA_SECURITY_MODE_STANDARD"}, "USER_ISOLATION", None),
        ({"data_security_mode": "DATA_SECURITY_MODE_DEDICATED"}, "SINGLE_USER", "me"),
        ({"data_security_mode": "DATA_SECURITY_MODE_AUTO"}, "USER_ISOLATION", None),
        (
            {"data_security_mode": "DATA_SECURITY_MODE_AUTO", "use_ml_runtime": True},
            "SINGLE_USER",
            "me",
        ),
        ({"data_security_mode": "SINGLE_USER", "single_user_name": "you"}, "SINGLE_USER", "you"),
        ({}, None, None),
    ],
)
def test_a_mode_has_one_word_in_answers(
    asked: dict[str, Any], shown: str | None, whose: str | None
) -> None:
    done = completed({**SMALL, **asked}, "me")
    assert (done.get("data_security_mode"), done.get("single_user_name")) == (shown, whose)


def test_the_service_fills_in_what_a_cloud_decides() -> None:
    plain = completed({**SMALL, "node_type_id": "i3.xlarge"}, "me")
    assert (plain["driver_node_type_id"], plain["enable_elastic_disk"]) == ("i3.xlarge", False)
    assert plain["aws_attributes"]["availability"] == "SPOT_WITH_FALLBACK"
    azure = completed({**SMALL, "azure_attributes": {"first_on_demand": 1}}, "me")
    assert "aws_attributes" not in azure
    google = completed({**SMALL, "gcp_attributes": {"zone_id": "auto"}}, "me")
    assert google["gcp_attributes"]["first_on_demand"] == 1
    pooled = completed({**SMALL, "instance_pool_id": "p"}, "me")
    assert pooled["driver_instance_pool_id"] == "p"


def test_a_mask_sets_takes_away_and_swaps_the_size() -> None:
    now = {**SMALL, "cluster_name": "a", "spark_conf": {"x": "1", "y": "2"}}
    scale = {"min_workers": 1, "max_workers": 2}
    after = masked(now, {"autoscale": scale}, ("autoscale", "cluster_name"))
    assert (after["autoscale"], after["cluster_name"]) == (scale, None)
    assert "num_workers" not in after
    inner = masked(now, {"spark_conf": {"x": "3"}}, ("spark_conf.x", "spark_conf.y"))
    assert inner["spark_conf"] == {"x": "3"}
    with pytest.raises(ApiError, match="no field state"):
        masked(now, {}, ("state",))

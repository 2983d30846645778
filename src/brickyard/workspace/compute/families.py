"""Policy families: the starting points that a policy may take its rules from.

Ids and names are Databricks'; the rules are the gist of what its documentation says of each.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

AUTO_TERMINATION: Final = {"type": "unlimited", "defaultValue": 4320, "isOptional": True}


@dataclass(frozen=True, slots=True, kw_only=True)
class Family:
    name: str
    description: str
    rules: Mapping[str, Any]


FAMILIES: Final[Mapping[str, Family]] = {
    "personal-vm": Family(
        name="Personal Compute",
        description="One machine for one person, with little to decide",
        rules={
            "num_workers": {"type": "fixed", "value": 0, "hidden": True},
            "data_security_mode": {"type": "fixed", "value": "SINGLE_USER", "hidden": True},
            "autotermination_minutes": AUTO_TERMINATION,
        },
    ),
    "shared-compute": Family(
        name="Shared Compute",
        description="A larger cluster that several people share",
        rules={
            "data_security_mode": {"type": "fixed", "value": "USER_ISOLATION", "hidden": True},
            "autotermination_minutes": AUTO_TERMINATION,
        },
    ),
    "power-user": Family(
        name="Power User Compute",
        description="A larger cluster for one person",
        rules={
            "data_security_mode": {"type": "fixed", "value": "SINGLE_USER", "hidden": True},
            "autotermination_minutes": AUTO_TERMINATION,
        },
    ),
    "job-cluster": Family(
        name="Job Compute",
        description="Clusters that jobs make for their runs",
        rules={"cluster_type": {"type": "fixed", "value": "job"}},
    ),
}

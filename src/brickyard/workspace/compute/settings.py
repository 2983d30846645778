"""What may be asked of a cluster: fields, checks, and the defaults that the service fills in.

Follows the Clusters API 2.1. Runtimes and node types are those of any cloud: none is refused.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, fields
from typing import Any, Final, Literal

from brickyard.workspace.kernel import invalid
from brickyard.workspace.kernel.decode import decode

Object = dict[str, Any]
Objects = list[dict[str, Any]]
CLOUDS: Final = ("aws_attributes", "azure_attributes", "gcp_attributes")
SIZE: Final = ("num_workers", "autoscale")
ON_AWS: Final = {"availability": "SPOT_WITH_FALLBACK", "zone_id": "us-east-1c"}
ON_GCP: Final = {"first_on_demand": 1, "use_preemptible_executors": False}
# Two words of the API for one mode: what is asked for, and what is answered.
MODES: Final = {
    "DATA_SECURITY_MODE_STANDARD": "USER_ISOLATION",
    "DATA_SECURITY_MODE_DEDICATED": "SINGLE_USER",
}
LONGEST_AUTOTERMINATION: Final = 10_000  # minutes


@dataclass(frozen=True, slots=True, kw_only=True)
class Autoscale:
    min_workers: int = 0
    max_workers: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Shape:
    """The types of what is kept of a request; the values are kept as they came."""

    apply_policy_default_values: bool | None = None
    autoscale: Autoscale | None = None
    autotermination_minutes: int | None = None
    aws_attributes: Object | None = None
    azure_attributes: Object | None = None
    cluster_log_conf: Object | None = None
    cluster_name: str | None = None
    custom_tags: dict[str, str] | None = None
    data_security_mode: str | None = None
    dependency_mode: str | None = None
    docker_image: Object | None = None
    driver_instance_pool_id: str | None = None
    driver_node_type_flexibility: Object | None = None
    driver_node_type_id: str | None = None
    enable_elastic_disk: bool | None = None
    enable_local_disk_encryption: bool | None = None
    gcp_attributes: Object | None = None
    init_scripts: Objects | None = None
    instance_pool_id: str | None = None
    is_single_node: bool | None = None
    kind: str | None = None
    node_type_id: str | None = None
    num_workers: int | None = None
    policy_id: str | None = None
    remote_disk_throughput: int | None = None
    runtime_engine: Literal["NULL", "PHOTON", "STANDARD"] | None = None
    single_user_name: str | None = None
    spark_conf: dict[str, Any] | None = None
    spark_env_vars: dict[str, Any] | None = None
    spark_version: str | None = None
    ssh_public_keys: list[str] | None = None
    total_initial_remote_disk_size: int | None = None
    use_ml_runtime: bool | None = None
    worker_node_type_flexibility: Object | None = None
    workload_type: Object | None = None


FIELDS: Final = tuple(one.name for one in fields(Shape))


def read_settings(given: Mapping[str, Any]) -> dict[str, Any]:
    """What to keep of a request. Raises INVALID_PARAMETER_VALUE for values of a wrong type."""
    decode(dict(given), Shape)
    return {name: given[name] for name in FIELDS if given.get(name) is not None}


def check(kept: Mapping[str, Any]) -> None:
    """Raises INVALID_PARAMETER_VALUE for what no cluster can be made of."""
    decode(dict(kept), Shape)
    if not kept.get("spark_version"):
        raise invalid("Missing required field: spark_version")
    check_size(kept)
    if kept.get("instance_pool_id") and kept.get("node_type_id"):
        raise invalid(
            "The field 'node_type_id' cannot be supplied when an instance pool ID is provided."
        )
    minutes = int(kept.get("autotermination_minutes", 0))
    if not (minutes == 0 or 10 <= minutes <= LONGEST_AUTOTERMINATION):
        raise invalid(
            f"autotermination_minutes must be 0 or from 10 to {LONGEST_AUTOTERMINATION}, not"
            f" {minutes}"
        )


def masked(
    now: Mapping[str, Any], given: Mapping[str, Any], paths: Iterable[str]
) -> dict[str, Any]:
    """The settings with the fields of a mask as given, or gone; `a.b` is a field of `a`.

    A size replaces the other kind of size. Raises INVALID_PARAMETER_VALUE for unknown fields.
    """
    named = tuple(paths)
    sized = any(path.partition(".")[0] in SIZE for path in named)
    done = {name: item for name, item in now.items() if not (sized and name in SIZE)}
    for path in named:
        top, _, inner = path.partition(".")
        if top not in FIELDS:
            raise invalid(f"update_mask: a cluster has no field {path}")
        item = given.get(top)
        if inner:
            item = {**(done.get(top) or {}), inner: (item or {}).get(inner)}
            item = {name: one for name, one in item.items() if one is not None}
        done[top] = item
    return done


def check_size(size: Mapping[str, Any]) -> None:
    """A fixed number of workers, or a range of them. Raises INVALID_PARAMETER_VALUE."""
    named = [name for name in SIZE if size.get(name) is not None]
    if len(named) > 1 or not (named or size.get("is_single_node")):
        raise invalid(
            "Exactly 1 of virtual_cluster_size, num_workers or autoscale must be specified."
        )
    if int(size.get("num_workers") or 0) < 0:
        raise invalid("num_workers must not be negative")
    if "autoscale" in named:
        wanted = decode(size["autoscale"], Autoscale)
        if not 0 <= wanted.min_workers <= wanted.max_workers:
            raise invalid(
                f"autoscale.min_workers ({wanted.min_workers}) must not be above"
                f" autoscale.max_workers ({wanted.max_workers})"
            )


def completed(kept: Mapping[str, Any], creator: str) -> dict[str, Any]:
    """The settings as the service answers them, with its defaults."""
    done = {name: item for name, item in kept.items() if name != "apply_policy_default_values"}
    if "gcp_attributes" in done:
        done["gcp_attributes"] = {**ON_GCP, **done["gcp_attributes"]}
    elif not any(name in done for name in CLOUDS):
        done["aws_attributes"] = ON_AWS
    if done.get("node_type_id"):
        done.setdefault("driver_node_type_id", done["node_type_id"])
    if done.get("instance_pool_id"):
        done.setdefault("driver_instance_pool_id", done["instance_pool_id"])
    done.setdefault("enable_elastic_disk", False)
    done.setdefault("enable_local_disk_encryption", False)
    done.setdefault("cluster_name", "")
    if "autoscale" not in done:
        done.setdefault("num_workers", 0)
    mode = done.get("data_security_mode")
    if mode:
        done["data_security_mode"] = _mode(mode, done)
    if done.get("data_security_mode") == "SINGLE_USER":
        done.setdefault("single_user_name", creator)
    return done


def _mode(asked: str, settings: Mapping[str, Any]) -> str:
    """The access mode by the name that the service answers; AUTO is dedicated for ML."""
    if asked != "DATA_SECURITY_MODE_AUTO":
        return MODES.get(asked, asked)
    is_ml = settings.get("use_ml_runtime") or "-ml-" in str(settings["spark_version"])
    return "SINGLE_USER" if is_ml else "USER_ISOLATION"

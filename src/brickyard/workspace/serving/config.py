"""What an endpoint is to serve: served entities and how traffic is split among them.

Decodes `EndpointCoreConfigInput` of the SDK, in its new (`served_entities`) and old
(`served_models`) form, puts in the defaults that the real service shows, and refuses what cannot
work. MLflow models of Unity Catalog are served by processes of this workspace; external models and
foundation models (`system.ai`) are asked for by the gateway.
"""

from __future__ import annotations

import os
import re
from collections import Counter
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any

from brickyard.workspace.kernel import invalid
from brickyard.workspace.serving.external import CHAT, EMBEDDINGS, read_external

NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]{0,62}")
POSITIVE = re.compile(r"0*[1-9]\d*(\.\d+)?|0*\.\d*[1-9]\d*|0\.\d*[1-9]\d*")
FOUNDATION = "system.ai."  # the schema of foundation models
EMBEDDING_NAMES = re.compile(r"embed|bge|gte|e5")
PROVISIONED = (
    "min_provisioned_throughput",
    "max_provisioned_throughput",
    "provisioned_model_units",
)
DEFAULT_SIZE = "Small"
SIZES = {"Small": 4, "Medium": 16, "Large": 64}  # requests at once, at most
STEP = 4  # provisioned concurrency comes in multiples of it
# Of the server, or of one served entity among its `environment_vars`.
IDLE_VARIABLE = "BRICKYARD_SERVING_IDLE_S"
IDLE_S = 30 * 60.0  # until an endpoint scales to zero, as on Databricks
MEMORY_VARIABLE = "BRICKYARD_SERVING_MEMORY_MB"
MEMORY_MB = 4096  # of a CPU served entity, as on Databricks
TIMEOUT_VARIABLE = "MLFLOW_SCORING_SERVER_REQUEST_TIMEOUT"
NUMBERS = (IDLE_VARIABLE, MEMORY_VARIABLE, TIMEOUT_VARIABLE)


@dataclass(frozen=True, slots=True, kw_only=True)
class Entity:
    """One served entity: a model version and how it is run."""

    name: str
    entity_name: str
    entity_version: str
    environment_vars: Mapping[str, str] = field(default_factory=dict)
    workload_size: str = DEFAULT_SIZE
    workload_type: str = "CPU"
    scale_to_zero_enabled: bool = False
    creator: str = ""
    creation_timestamp: int = 0
    external_model: Mapping[str, Any] | None = None
    foundation_model: Mapping[str, Any] | None = None  # `name`, and `task` for our own use
    provisioned: Mapping[str, int] = field(default_factory=dict)

    @property
    def is_local(self) -> bool:
        """Whether a process of this workspace serves it."""
        return self.external_model is None and self.foundation_model is None

    @property
    def task(self) -> str:
        """What its requests look like; '' when the model decides."""
        model = self.external_model or self.foundation_model or {}
        return str(model.get("task", ""))

    @property
    def concurrency(self) -> int:
        """How many requests one process answers at once."""
        size = SIZES.get(self.workload_size, SIZES[DEFAULT_SIZE])
        return self.provisioned.get("max_provisioned_concurrency") or size

    @property
    def idle_s(self) -> float | None:
        """Seconds until it scales to zero, where that is not as for all; None when it never may."""
        if not self.scale_to_zero_enabled:
            return None
        return float(
            self.environment_vars.get(IDLE_VARIABLE) or os.environ.get(IDLE_VARIABLE) or IDLE_S
        )

    @property
    def memory_bytes(self) -> int | None:
        """What its process may use. On a GPU memory is elsewhere, and no bound is known."""
        if self.workload_type != "CPU":
            return None
        given = self.environment_vars.get(MEMORY_VARIABLE) or os.environ.get(MEMORY_VARIABLE)
        return int(float(given or MEMORY_MB)) * 1024**2

    def runs_as(self, other: Entity) -> bool:
        """Whether the process of the other one can serve this one, too."""
        return self._process() == other._process()

    def _process(self) -> tuple[Any, ...]:
        what = (self.name, self.entity_name, self.entity_version, self.workload_type)
        return (*what, self.concurrency, dict(self.environment_vars))


@dataclass(frozen=True, slots=True, kw_only=True)
class Config:
    entities: tuple[Entity, ...]
    traffic: Mapping[str, int]  # served entity name -> percentage
    version: int = 1
    start_ms: int = 0
    auto_capture: Mapping[str, Any] | None = None

    @property
    def is_local(self) -> bool:
        return all(one.is_local for one in self.entities)

    @property
    def task(self) -> str:
        return self.entities[0].task

    def stored(self) -> dict[str, Any]:
        return asdict(self) | {"entities": [asdict(one) for one in self.entities]}


def from_stored(stored: Mapping[str, Any]) -> Config:
    entities = tuple(Entity(**one) for one in stored["entities"])
    return Config(**{**stored, "entities": entities})


def read_config(given: Mapping[str, Any], *, creator: str, version: int, now_ms: int) -> Config:
    """A configuration as the API takes it. Raises INVALID_PARAMETER_VALUE."""
    if not isinstance(given, Mapping):
        raise invalid("config must be an object")
    listed = given.get("served_entities") or given.get("served_models") or []
    if not isinstance(listed, list) or not listed:
        raise invalid("config.served_entities must name at least one served entity")
    entities = tuple(_entity(one, creator, now_ms) for one in listed)
    twice = [name for name, count in Counter(one.name for one in entities).items() if count > 1]
    if twice:
        raise invalid(f"Served entity names must be unique; {twice[0]!r} is used twice")
    if len({(one.is_local, one.task) for one in entities}) > 1:
        raise invalid(
            "An endpoint serves models of one kind and task: external models and others need"
            " endpoints of their own"
        )
    return Config(
        entities=entities,
        traffic=_traffic(given.get("traffic_config"), entities),
        version=version,
        start_ms=now_ms,
        auto_capture=_mapped(given.get("auto_capture_config"), "auto_capture_config"),
    )


def _mapped(given: Any, name: str) -> Mapping[str, Any] | None:
    if given is not None and not isinstance(given, Mapping):
        raise invalid(f"{name} must be an object")
    return given


def _whole(given: Any, name: str) -> int:
    try:
        return int(given)
    except (TypeError, ValueError, OverflowError):
        raise invalid(f"{name} must be a whole number, not {given!r}") from None


def _entity(given: Any, creator: str, now_ms: int) -> Entity:
    if not isinstance(given, Mapping):
        raise invalid("each served entity must be an object")
    if given.get("external_model"):
        return _external(given, creator, now_ms)
    full_name = given.get("entity_name") or given.get("model_name")
    version = given.get("entity_version") or given.get("model_version")
    if str(full_name or "").startswith(FOUNDATION):
        return _foundation(given, str(full_name), str(version or "1"), creator, now_ms)
    if not full_name or not version:
        raise invalid("A served entity needs entity_name and entity_version")
    if str(full_name).count(".") != 2:
        raise invalid(
            f"entity_name {full_name!r} must be a Unity Catalog model: catalog.schema.model"
        )
    name = given.get("name") or f"{str(full_name).rpartition('.')[2]}-{version}"
    variables = _mapped(given.get("environment_vars"), "environment_vars") or {}
    for variable in NUMBERS:
        if variable in variables and not POSITIVE.fullmatch(str(variables[variable])):
            raise invalid(f"environment_vars: {variable} must be a positive number")
    provisioned = _concurrency(given)
    return Entity(
        name=_name(name),
        entity_name=str(full_name),
        entity_version=str(version),
        environment_vars={str(key): str(value) for key, value in variables.items()},
        workload_size="" if provisioned else str(given.get("workload_size") or DEFAULT_SIZE),
        workload_type=str(given.get("workload_type") or "CPU"),
        scale_to_zero_enabled=bool(given.get("scale_to_zero_enabled", False)),
        creator=creator,
        creation_timestamp=now_ms,
        provisioned=provisioned,
    )


def _external(given: Mapping[str, Any], creator: str, now_ms: int) -> Entity:
    model = read_external(given["external_model"])
    return Entity(
        name=_name(given.get("name") or re.sub(r"[^A-Za-z0-9_-]+", "-", model["name"]).strip("-")),
        entity_name="",
        entity_version="",
        creator=creator,
        creation_timestamp=now_ms,
        external_model=model,
    )


def _foundation(
    given: Mapping[str, Any], full_name: str, version: str, creator: str, now_ms: int
) -> Entity:
    """A model of `system.ai` with throughput set apart for it: asked for by its name."""
    model = full_name.removeprefix(FOUNDATION)
    provisioned = {
        key: _whole(given[key], key) for key in PROVISIONED if given.get(key) is not None
    }
    if not provisioned:
        raise invalid(
            f"{full_name} is a foundation model: give {PROVISIONED[-1]} or {PROVISIONED[1]}"
        )
    task = EMBEDDINGS if EMBEDDING_NAMES.search(model) else CHAT
    return Entity(
        name=_name(given.get("name") or f"{model}-{version}"),
        entity_name=full_name,
        entity_version=version,
        creator=creator,
        creation_timestamp=now_ms,
        foundation_model={"name": full_name, "task": task},
        provisioned=provisioned,
    )


def _name(given: Any) -> str:
    if not NAME.fullmatch(str(given)):
        raise invalid(f"Served entity name {given!r} may have letters, digits, '-' and '_' only")
    return str(given)


def _concurrency(given: Mapping[str, Any]) -> dict[str, int]:
    """Provisioned concurrency, which stands in the place of a workload size."""
    names = ("min_provisioned_concurrency", "max_provisioned_concurrency")
    found = {name: _whole(given[name], name) for name in names if given.get(name) is not None}
    if not found:
        return {}
    most = found.get(names[1], 0)
    if most < STEP or any(number % STEP or number < 0 for number in found.values()):
        raise invalid(f"{names[1]} is needed, and both must be multiples of {STEP}")
    if found.setdefault(names[0], 0) > most:
        raise invalid(f"{names[0]} must not be more than {names[1]}")
    return found


def _traffic(given: Any, entities: tuple[Entity, ...]) -> dict[str, int]:
    routes = (_mapped(given, "traffic_config") or {}).get("routes") or []
    if not isinstance(routes, list) or not all(isinstance(one, Mapping) for one in routes):
        raise invalid("traffic_config.routes must be a list of objects")
    names = [one.name for one in entities]
    if not routes:
        if len(names) > 1:
            raise invalid("traffic_config.routes must split the traffic of several entities")
        return {names[0]: 100}
    split: dict[str, int] = {}
    for route in routes:
        name = route.get("served_entity_name") or route.get("served_model_name")
        if name not in names:
            known = ", ".join(names)
            raise invalid(f"traffic_config routes to {name!r}, which is not served ({known})")
        split[name] = _whole(route.get("traffic_percentage") or 0, "traffic_percentage")
    if sum(split.values()) != 100 or min(split.values()) < 0:
        raise invalid(f"traffic_percentage must sum to 100, not {sum(split.values())}")
    return {name: split.get(name, 0) for name in names}

"""What model serving would refuse: entities without a version, traffic that leads nowhere."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TypeAlias

from brickyard.values import Diagnostic, Path, Value, did_you_mean, refusal, show

Found: TypeAlias = Iterator[Diagnostic]


def check_endpoint(endpoint: Value, at: Path) -> Found:
    """Entities have a name and a version; traffic goes to them and adds up."""
    entities = endpoint.get("config.served_entities")
    names = []
    for index, entity in enumerate(entities.elements if entities is not None else ()):
        where = (*at, "config", "served_entities", index)
        names.append(_entity_name(entity))
        if entity.child("external_model") is not None:
            continue
        if not _text(entity.child("entity_name")):
            yield refusal(
                "bundle/served-entity",
                "served entity names no model",
                "Add `entity_name` (catalog.schema.model) or `external_model`.",
                path=show((*where, "entity_name")),
                at=entity.locations,
            )
        version = entity.child("entity_version")
        if version is None or version.data in (None, ""):
            yield refusal(
                "bundle/served-entity",
                "served entity has no version",
                "Add `entity_version`: which version of the model is served.",
                path=show((*where, "entity_version")),
                at=entity.locations,
            )
    routes = endpoint.get("config.traffic_config.routes")
    if routes is None or not routes.elements:
        return
    shares = [route.child("traffic_percentage") for route in routes.elements]
    numbers = [share.data for share in shares if share is not None and isinstance(share.data, int)]
    if len(numbers) == len(shares) and sum(numbers) != 100:
        yield refusal(
            "bundle/traffic",
            "traffic does not add up to 100 percent",
            f"The routes share {sum(numbers)} percent. Correct `traffic_percentage`.",
            path=show((*at, "config", "traffic_config", "routes")),
            at=routes.locations,
        )
    for index, route in enumerate(routes.elements):
        name = route.child("served_model_name") or route.child("served_entity_name")
        if name is None or not name.text or "${" in name.text or None in names:
            continue
        if name.text not in names:
            known = [known for known in names if known]
            yield refusal(
                "bundle/traffic",
                "route leads to no served entity",
                f"There is no entity `{name.text}`. {did_you_mean(name.text, known)}".rstrip()
                + f" There are {', '.join(known)}.",
                path=show((*at, "config", "traffic_config", "routes", index)),
                at=name.locations,
            )


def _entity_name(entity: Value) -> str | None:
    """The name of an entity as routes use it; None when only the deployment knows it."""
    own = _text(entity.child("name"))
    if own:
        return None if "${" in own else own
    model, version = _text(entity.child("entity_name")), entity.child("entity_version")
    if not model or "${" in model or version is None or "${" in str(version.data):
        return None
    return f"{model.rpartition('.')[2]}-{version.data}"


def _text(value: Value | None) -> str:
    return value.text if value is not None else ""

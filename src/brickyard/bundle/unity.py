"""Unity Catalog names inside a bundle: references made of plain names, and paths of volumes."""

from __future__ import annotations

from typing import Final

from brickyard.bundle.draft import Draft
from brickyard.bundle.interpolate import interpolate
from brickyard.bundle.schema import schema
from brickyard.values import Path, Value, value_of

# Where a resource names its catalog and schema.
NAMING: Final = {
    "volumes": (("catalog_name",), ("schema_name",)),
    "registered_models": (("catalog_name",), ("schema_name",)),
    "schemas": (("catalog_name",), ()),
    "model_serving_endpoints": (
        ("ai_gateway", "inference_table_config", "catalog_name"),
        ("ai_gateway", "inference_table_config", "schema_name"),
    ),
}


def refer_to_schemas(draft: Draft) -> Draft:
    """A plain name of a schema or catalog of this bundle becomes a reference to it.

    So the order of deployment is right and a name prefix reaches every user of the name. Reads:
    `schemas`, `catalogs`. Writes: the names in `NAMING`.
    """
    catalogs = {
        name.text: f"${{resources.catalogs.{key}.name}}"
        for key, value in draft.each("catalogs")
        if (name := value.child("name")) is not None and name.text
    }
    schemas = {
        (catalog.text, name.text): f"${{resources.schemas.{key}.name}}"
        for key, value in draft.each("schemas")
        if (catalog := value.child("catalog_name")) is not None
        and (name := value.child("name")) is not None
        and name.text
    }
    changes: dict[Path, Value] = {}
    for kind, (catalog_at, schema_at) in NAMING.items():
        for key, value in draft.each(kind):
            at: Path = ("resources", kind, key)
            catalog = value.get(catalog_at)
            schema_name = value.get(schema_at) if schema_at else None
            if catalog is None:
                continue
            if schema_name is not None and (catalog.text, schema_name.text) in schemas:
                made = schemas[catalog.text, schema_name.text]
                changes[(*at, *schema_at)] = schema_name.with_data(made)
            if catalog.text in catalogs:
                changes[(*at, *catalog_at)] = catalog.with_data(catalogs[catalog.text])
    return draft.putting(changes)


def put_volume_paths(draft: Draft) -> Draft:
    """`${resources.volumes.v.volume_path}` everywhere. Writes: `volume_path` and its users."""
    changes: dict[Path, Value] = {}
    for key, value in draft.each("volumes"):
        names = [value.child(name) for name in ("catalog_name", "schema_name", "name")]
        if all(name is not None and name.text for name in names):
            path = "/Volumes/" + "/".join(name.text for name in names if name is not None)
            changes["resources", "volumes", key, "volume_path"] = value_of(path, value.locations)
    if not changes:
        return draft
    tree = draft.tree.put_all(changes)
    paths = {
        f"${{resources.volumes.{key}.volume_path}}": text.text
        for key, value in (tree.get("resources.volumes") or Value({})).items.items()
        if (text := value.child("volume_path")) is not None
    }

    def change(_path: Path, value: Value) -> Value:
        if not isinstance(value.data, str) or ".volume_path}" not in value.data:
            return value
        text = value.data
        for written, path in paths.items():
            text = text.replace(written, path)
        return value if text == value.data else value.with_data(text)

    tree = tree.map(change)
    made, found = interpolate(tree, schema(), within=lambda path: path[:1] != ("resources",))
    return draft.having(made, found)

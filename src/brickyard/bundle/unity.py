"""Unity Catalog names inside a bundle: references made of plain names, and paths of volumes."""

from __future__ import annotations

from typing import Final

from brickyard.bundle.draft import Draft
from brickyard.bundle.interpolate import interpolate
from brickyard.bundle.references import is_pure, names_in
from brickyard.bundle.schema import schema
from brickyard.values import Diagnostic, Path, Value, error, show, value_of

# Where resources name a catalog, and schemas of it.
_PLAIN: Final = (("catalog_name",), (("schema_name",),))
NAMING: Final[tuple[tuple[str, tuple[Path, tuple[Path, ...]]], ...]] = (
    ("volumes", _PLAIN),
    ("secrets", _PLAIN),
    ("registered_models", _PLAIN),
    ("pipelines", (("catalog",), (("schema",), ("target",)))),
    *(
        ("model_serving_endpoints", ((*at, "catalog_name"), ((*at, "schema_name"),)))
        for at in (("ai_gateway", "inference_table_config"), ("config", "auto_capture_config"))
    ),
    ("schemas", (("catalog_name",), ())),
)


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
    for kind, (catalog_at, schemas_at) in NAMING:
        for key, value in draft.each(kind):
            at: Path = ("resources", kind, key)
            catalog = value.get(catalog_at)
            if catalog is None:
                continue
            for schema_at in schemas_at:
                name = value.get(schema_at)
                if name is not None and (catalog.text, name.text) in schemas:
                    changes[(*at, *schema_at)] = name.with_data(schemas[catalog.text, name.text])
            if catalog.text in catalogs:
                changes[(*at, *catalog_at)] = catalog.with_data(catalogs[catalog.text])
    for key, value in draft.each("quality_monitors"):
        output = value.child("output_schema_name")
        catalog_name, dot, schema_name = (output.text if output is not None else "").partition(".")
        if output is None or not dot:
            continue
        made = schemas.get((catalog_name, schema_name), schema_name)
        text = f"{catalogs.get(catalog_name, catalog_name)}.{made}"
        if text != output.text:
            place: Path = ("resources", "quality_monitors", key, "output_schema_name")
            changes[place] = output.with_data(text)
    return draft.putting(changes)


def put_volume_paths(draft: Draft) -> Draft:
    """`${resources.volumes.v.volume_path}` everywhere. Writes: `volume_path` and its users.

    The path is made of the names that references stand for; the references themselves stay.
    """
    changes: dict[Path, Value] = {}
    found: list[Diagnostic] = []
    for key, value in draft.each("volumes"):
        at: Path = ("resources", "volumes", key, "volume_path")
        given = value.child("volume_path")
        if given is not None and given.text:
            found.append(_computed(given, at))
            continue
        names = [value.child(name) for name in ("catalog_name", "schema_name", "name")]
        parts = ["" if name is None else _meant(draft.tree, name.text) for name in names]
        changes[at] = value_of("/Volumes/" + "/".join(parts), value.locations)
    draft = draft.noting(*found)
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
    made, faults = interpolate(tree, schema(), within=lambda path: path[:1] != ("resources",))
    return draft.having(made, faults)


def _meant(tree: Value, text: str) -> str:
    """What one reference to a resource's field stands for, if the bundle itself says it."""
    if not is_pure(text) or not text.startswith("${resources."):
        return text
    named = tree.get(names_in(text)[0])
    return named.data if named is not None and isinstance(named.data, str) else text


def _computed(given: Value, at: Path) -> Diagnostic:
    return error(
        "bundle/computed-field",
        f"{show(at)} is computed and read-only; remove it from the configuration",
        "It is made of `catalog_name`, `schema_name` and `name`.",
        path=show(at),
        at=given.locations,
    )

"""Unity Catalog secrets. Their value is sent, compared with the actual one, and kept nowhere."""

from __future__ import annotations

from typing import Final

from brickyard.resources.declaration import Call, Field, Json, On, Read, ResourceType

BASE: Final = "/api/2.1/unity-catalog/secrets"
ONE: Final = BASE + "/{id}"
ANSWERS: Final = (
    "create_time",
    "created_by",
    "effective_owner",
    "effective_value",
    "full_name",
    "metastore_id",
    "update_time",
    "updated_by",
)


def value_differs(
    path: str, old: object, new: object, remote: object, record: Json
) -> tuple[str, str] | None:
    """The state holds no value to compare with: the actual one decides."""
    if path != "value":
        return None
    actual = record.get("effective_value") or record.get("value")
    return ("skip", "custom") if actual == new else ("update", "")


def settable(got: Json) -> Json:
    """The secret without what the metastore says of it, with the value that it holds."""
    kept = {name: value for name, value in got.items() if name not in ANSWERS}
    return kept | ({"value": got["effective_value"]} if got.get("effective_value") else {})


SECRETS: Final = ResourceType(
    key="secrets",
    title="Secret",
    service="secrets_uc",
    create=Call(method="POST", path=BASE, fields=None),
    read=Read(path=ONE, query={"include_value": "true"}, configuration=settable),
    update=(Call(method="PATCH", path=ONE, fields=None, query={"update_mask": "*"}),),
    delete=Call(method="DELETE", path=ONE),
    id=lambda sent, got: str(
        got.get("full_name")
        or ".".join(str(sent[name]) for name in ("catalog_name", "schema_name", "name"))
    ),
    chosen_id="{catalog_name}.{schema_name}.{name}",
    fields=(
        *(
            Field(name, On.RECREATE, "part of the full name", reason="spec:immutable")
            for name in ("catalog_name", "schema_name", "name")
        ),
        Field("owner", On.INPUT_ONLY, "read back as effective_owner"),
        Field("value", On.INPUT_ONLY, "read back as effective_value"),
        *(Field(name, On.OUTPUT_ONLY, "set by the metastore") for name in ANSWERS),
    ),
    decides=value_differs,
    parents={"catalog_name": "catalogs.name", "schema_name": "schemas.name"},
    required=("name", "catalog_name", "schema_name"),
    secrets=("value", "effective_value"),
    url="explore/data/{id_path}",
    securable="secret",
)

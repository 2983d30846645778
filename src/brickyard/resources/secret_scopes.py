"""Secret scopes. Their id is the name, and nothing about them can be changed but who may use them.

A bundle spells their fields otherwise than the API (`backend_type`, `keyvault_metadata`); state and
requests hold the API's words.
"""

from __future__ import annotations

from typing import Final

from brickyard.resources.declaration import Call, Field, Json, On, Read, ResourceType

BASE: Final = "/api/2.0/secrets/scopes"
WORDS: Final = {
    "name": "scope",
    "backend_type": "scope_backend_type",
    "keyvault_metadata": "backend_azure_keyvault",
}


def in_words_of_the_api(value: Json) -> Json:
    """A scope as `scopes/create` takes it."""
    return {word: value[name] for name, word in WORDS.items() if value.get(name)}


def scope_called(got: Json, name: str) -> Json | None:
    """The scope of this name in an answer of scopes/list."""
    return next((one for one in got.get("scopes") or [] if one.get("name") == name), None)


SECRET_SCOPES: Final = ResourceType(
    key="secret_scopes",
    title="Secret scope",
    service="secrets",
    create=Call(method="POST", path=BASE + "/create", fields=None),
    read=Read(path=BASE + "/list", pick=scope_called, configuration=in_words_of_the_api),
    delete=Call(method="POST", path=BASE + "/delete", id_field="scope"),
    id=lambda sent, got: str(sent["scope"]),
    chosen_id="{scope}",
    recorded=in_words_of_the_api,
    fields=(
        Field("scope", On.ID, "secrets are found by it"),
        Field("scope_backend_type", On.SERVER_DEFAULT, "what it is without", ("DATABRICKS",)),
        *(
            Field(name, On.RECREATE, "fixed at creation")
            for name in (
                "scope_backend_type",
                "backend_azure_keyvault",
                "initial_manage_principal",
            )
        ),
    ),
    required=("name",),
    loses_data="all secrets in the scope",
    permissions="/secret-scopes/",
    permission_list="acls",
)

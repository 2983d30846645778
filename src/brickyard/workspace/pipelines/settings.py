"""Specifications of pipelines as the service keeps them: fields, checks, defaults.

Follows the Pipelines REST API. Field names are those of `PipelineSpec`; `parameters` and `run_as`
are kept beside the specification, as an answer of the API has them.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any, Final

from brickyard.workspace.kernel import invalid

FIELDS: Final = (
    *("budget_policy_id", "catalog", "channel", "clusters", "configuration", "continuous"),
    *("deployment", "development", "edition", "environment", "event_log", "filters"),
    *("gateway_definition", "ingestion_definition", "libraries", "name", "notifications"),
    *("parent_path", "photon", "restart_window", "root_path", "schema", "serverless"),
    *("serverless_compute_id", "storage", "tags", "target", "trigger", "usage_policy_id"),
)
BESIDE: Final = ("parameters", "run_as")
SCHEMA_NAME: Final = re.compile(r"[^\s./\x00-\x1f\x7f]+")
LIBRARY_KINDS: Final = ("notebook", "file", "glob", "jar", "maven", "whl")
MAX_TAGS: Final = 25


def read_settings(given: Mapping[str, Any], verb: str) -> dict[str, Any]:
    """What to keep of a request: the known fields that have a value, checked.

    `verb` is how messages name the request: CreatePipeline or EditPipeline. Raises
    INVALID_PARAMETER_VALUE.
    """
    kept = {
        name: given[name]
        for name in (*FIELDS, *BESIDE)
        if given.get(name) is not None and given[name] != []
    }
    _check_types(kept)
    for name in ("schema", "target"):
        text = kept.get(name)
        if text and not SCHEMA_NAME.fullmatch(text):
            raise invalid(
                f'{verb} {name}_schema_name "{text}" is not a valid name. Valid names must '
                "contain only alphanumeric characters and underscores, and cannot contain spaces, "
                "periods, forward slashes, or control characters."
            )
    if kept.get("schema") and kept.get("target"):
        raise invalid(f"{verb}: exactly one of schema and target may be set")
    if kept.get("serverless") and kept.get("clusters"):
        raise invalid("You cannot provide cluster settings when using serverless compute.")
    if kept.get("ingestion_definition") and kept.get("libraries"):
        raise invalid("A pipeline with an ingestion_definition cannot have libraries.")
    if len(kept.get("tags") or ()) > MAX_TAGS:
        raise invalid(f"A pipeline can have at most {MAX_TAGS} tags.")
    for at, library in enumerate(kept.get("libraries") or ()):
        _check_library(library, at)
    return kept


def with_defaults(settings: Mapping[str, Any], pipeline_id: str) -> dict[str, Any]:
    """The specification as the service answers it."""
    spec = {name: settings[name] for name in FIELDS if name in settings}
    spec["id"] = pipeline_id
    if not spec.get("storage") and not spec.get("catalog"):
        spec["storage"] = f"dbfs:/pipelines/{pipeline_id}"
    return spec


def sources_of(settings: Mapping[str, Any]) -> list[str]:
    """The notebooks that the pipeline names."""
    libraries = settings.get("libraries") or ()
    return [str(one["notebook"].get("path", "")) for one in libraries if one.get("notebook")]


OBJECTS: Final = (
    *("configuration", "deployment", "environment", "event_log", "filters", "gateway_definition"),
    *("ingestion_definition", "parameters", "restart_window", "run_as", "tags", "trigger"),
)
LISTS: Final = ("clusters", "libraries", "notifications")
BOOLEANS: Final = ("continuous", "development", "photon", "serverless")
TYPES: Final[Mapping[str, tuple[type, str]]] = {
    **dict.fromkeys(OBJECTS, (dict, "an object")),
    **dict.fromkeys(LISTS, (list, "a list")),
    **dict.fromkeys(BOOLEANS, (bool, "a boolean")),
}


def _check_types(kept: Mapping[str, Any]) -> None:
    for name, item in kept.items():
        kind, words = TYPES.get(name, (str, "a string"))
        if not isinstance(item, kind):
            raise invalid(f"{name} must be {words}")


def _check_library(library: Any, at: int) -> None:
    kinds = [kind for kind in LIBRARY_KINDS if isinstance(library, dict) and library.get(kind)]
    if len(kinds) != 1:
        raise invalid(f"libraries[{at}] needs exactly one of {', '.join(LIBRARY_KINDS)}")
    wanted = {"notebook": "path", "file": "path", "glob": "include"}.get(kinds[0])
    body = library[kinds[0]]
    if wanted and not (isinstance(body, dict) and isinstance(body.get(wanted), str)):
        raise invalid(f"libraries[{at}].{kinds[0]}.{wanted} is required")

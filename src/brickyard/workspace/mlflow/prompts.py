"""Prompts of Unity Catalog, as MLflow's client calls them with `registry_uri="databricks-uc"`.

Follows `unity_catalog_prompt_service.proto` of MLflow. The catalog keeps the prompts; a link of
prompt versions to a trace, run or logged model is the tag `mlflow.linkedPrompts` of that, as
MLflow's own server and its UI have it. Left out: optimizing prompts.
"""

from __future__ import annotations

import asyncio
import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, Final

from brickyard.workspace.catalog.prompts import PromptVersion
from brickyard.workspace.catalog.securables import Securable
from brickyard.workspace.kernel import Call, Json, Route, invalid
from brickyard.workspace.kernel.paging import take_page
from brickyard.workspace.mlflow.filters import Condition, conditions, matches
from brickyard.workspace.mlflow.tracking import EDIT, V2, require

PROMPTS: Final = f"{V2}/unity-catalog/prompts"
PROMPT: Final = PROMPTS + "/{name}"
VERSION: Final = PROMPT + "/versions/{version}"
LINKS: Final = f"{V2}/unity-catalog/prompt-versions"
LINKED: Final = "mlflow.linkedPrompts"
PAGE: Final = 100


@dataclass(frozen=True, slots=True, kw_only=True)
class Tag:
    key: str
    value: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Prompt:
    name: str | None = None
    description: str | None = None
    tags: list[Tag] = field(default_factory=list)


@dataclass(frozen=True, slots=True, kw_only=True)
class WritePrompt:
    name: str | None = None
    prompt: Prompt


@dataclass(frozen=True, slots=True, kw_only=True)
class Version:
    template: str | None = None
    description: str | None = None
    tags: list[Tag] = field(default_factory=list)


@dataclass(frozen=True, slots=True, kw_only=True)
class WriteVersion:
    prompt_version: Version


@dataclass(frozen=True, slots=True, kw_only=True)
class SchemaOf:
    catalog_name: str
    schema_name: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Search:
    catalog_schema: SchemaOf
    filter: str | None = None
    max_results: int | None = None
    page_token: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class SearchVersions:
    max_results: int | None = None
    page_token: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class SetAlias:
    version: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Linked:
    name: str
    version: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Links:
    prompt_versions: list[Linked]
    trace_ids: list[str] = field(default_factory=list)
    run_ids: list[str] = field(default_factory=list)
    model_ids: list[str] = field(default_factory=list)


# -- prompts --------------------------------------------------------------------------------------


def create(call: Call) -> Json:
    want = call.read(WritePrompt)
    made = call.engines.catalog.prompts.create(
        call.principal,
        call.workspace,
        want.name or want.prompt.name or "",
        description=want.prompt.description,
        tags=_tags(want.prompt.tags),
    )
    return show(made)


def fetch(call: Call) -> Json:
    found = call.engines.catalog.prompts.get(call.principal, call.workspace, call.path["name"])
    return show(found)


def update(call: Call) -> Json:
    want = call.read(WritePrompt).prompt
    changed = call.engines.catalog.prompts.change(
        call.principal, call.workspace, call.path["name"], want.description or ""
    )
    return show(changed)


def drop(call: Call) -> Json:
    call.engines.catalog.prompts.drop(call.principal, call.workspace, call.path["name"])
    return {}


def search(call: Call) -> Json:
    want = call.read(Search)
    schema = f"{want.catalog_schema.catalog_name}.{want.catalog_schema.schema_name}"
    wanted = conditions(want.filter or "", ("name",))
    found = call.engines.catalog.prompts.visible(call.principal, call.workspace, schema)
    fitting = [one for one in found if _fits(one, wanted)]
    chunk, token = take_page(fitting, want.page_token or "", want.max_results or PAGE)
    return _page("prompts", [show(one) for one in chunk], token)


def _fits(one: Securable, wanted: Sequence[Condition]) -> bool:
    tags = one.details.get("tags") or {}
    fields = {"name": one.full_name, **{f"tags.{key}": value for key, value in tags.items()}}
    return matches(fields, wanted) or matches({**fields, "name": one.name}, wanted)


def set_tag(call: Call) -> Json:
    want = call.read(Tag)
    _set_tag(call, want.key, want.value)
    return {}


def drop_tag(call: Call) -> Json:
    _set_tag(call, call.path["key"], None)
    return {}


def _set_tag(call: Call, key: str, value: str | None) -> None:
    call.engines.catalog.prompts.set_tag(
        call.principal, call.workspace, call.path["name"], key, value
    )


# -- versions -------------------------------------------------------------------------------------


def create_version(call: Call) -> Json:
    want = call.read(WriteVersion).prompt_version
    if want.template is None:
        raise invalid("prompt_version.template is required")
    _check_template(want.template)
    catalog, name = call.engines.catalog, call.path["name"]
    made = catalog.prompts.add_version(
        call.principal,
        call.workspace,
        name,
        want.template,
        description=want.description,
        tags=_tags(want.tags),
    )
    _record(call, made, "write")
    return show_version(made)


def _check_template(template: str) -> None:
    """Clients encode a text or a list of messages as JSON, and break on anything else."""
    try:
        decoded = json.loads(template)
    except ValueError:
        decoded = None
    if not isinstance(decoded, str | list):
        raise invalid(
            "prompt_version.template must be JSON of a text or of a list of chat messages: "
            "mlflow.genai.register_prompt sends it so"
        )


def fetch_version(call: Call) -> Json:
    return show_version(_version(call, call.path["version"]))


def fetch_by_alias(call: Call) -> Json:
    return show_version(_version(call, f"@{call.path['alias']}"))


def _version(call: Call, version: str) -> PromptVersion:
    catalog, name = call.engines.catalog, call.path["name"]
    found = catalog.prompts.version(call.principal, call.workspace, name, version)
    _record(call, found, "read")
    return found


def _record(call: Call, one: PromptVersion, mode: Any) -> None:
    call.engines.catalog.record_access(
        call.principal, call.workspace, one.full_name, mode, "prompts", kind="prompt"
    )


def search_versions(call: Call) -> Json:
    want = call.read(SearchVersions)
    found = call.engines.catalog.prompts.versions(call.principal, call.workspace, call.path["name"])
    chunk, token = take_page(found, want.page_token or "", want.max_results or PAGE)
    return _page("prompt_versions", [show_version(one) for one in chunk], token)


def update_version(call: Call) -> Json:
    want = call.read(WriteVersion).prompt_version
    path = call.path
    prompts = call.engines.catalog.prompts
    if want.template is not None:
        before = prompts.version(call.principal, call.workspace, path["name"], path["version"])
        if before.template != want.template:
            raise invalid("The template of a prompt version never changes: register a new version")
    changed = prompts.describe_version(
        call.principal, call.workspace, path["name"], path["version"], want.description or ""
    )
    return show_version(changed)


def drop_version(call: Call) -> Json:
    call.engines.catalog.prompts.drop_version(
        call.principal, call.workspace, call.path["name"], call.path["version"]
    )
    return {}


def set_version_tag(call: Call) -> Json:
    want = call.read(Tag)
    _tag_version(call, want.key, want.value)
    return {}


def drop_version_tag(call: Call) -> Json:
    _tag_version(call, call.path["key"], None)
    return {}


def _tag_version(call: Call, key: str, value: str | None) -> None:
    call.engines.catalog.prompts.tag_version(
        call.principal, call.workspace, call.path["name"], call.path["version"], key, value
    )


def set_alias(call: Call) -> Json:
    _set_alias(call, call.read(SetAlias).version)
    return {}


def drop_alias(call: Call) -> Json:
    _set_alias(call, None)
    return {}


def _set_alias(call: Call, version: str | None) -> None:
    call.engines.catalog.prompts.set_alias(
        call.principal, call.workspace, call.path["name"], call.path["alias"], version
    )


# -- links ----------------------------------------------------------------------------------------


async def link_traces(call: Call) -> Json:
    """MLflow's server has this link itself, and makes it once."""
    want = await _links(call)
    listed = [{"name": one.name, "version": one.version} for one in want.prompt_versions]
    owners = call.engines.mlflow.owners
    for trace in want.trace_ids:
        await require(call, (await owners.of_trace(call.workspace.name, trace),), EDIT)
        body = {"trace_id": trace, "prompt_versions": listed}
        await _tell(call, "POST", f"{V2}/traces/link-prompts", body)
    return {}


async def link_runs(call: Call) -> Json:
    want = await _links(call)
    owners = call.engines.mlflow.owners
    for run in want.run_ids:
        await require(call, (await owners.of_run(call.workspace.name, run),), EDIT)
        found = await _ask(call, f"{V2}/runs/get", (("run_id", run),))
        value = linked(found["run"]["data"].get("tags") or (), want.prompt_versions)
        if value:
            body = {"run_id": run, "key": LINKED, "value": value}
            await _tell(call, "POST", f"{V2}/runs/set-tag", body)
    return {}


async def link_models(call: Call) -> Json:
    want = await _links(call)
    owners = call.engines.mlflow.owners
    for model in want.model_ids:
        await require(call, (await owners.of_model(call.workspace.name, model),), EDIT)
        path = f"{V2}/logged-models/{model}"
        found = await _ask(call, path, ())
        value = linked(found["model"]["info"].get("tags") or (), want.prompt_versions)
        if value:
            await _tell(call, "PATCH", f"{path}/tags", {"tags": [{"key": LINKED, "value": value}]})
    return {}


def linked(tags: Sequence[Mapping[str, str]], more: Sequence[Linked]) -> str:
    """The value of the tag with more prompt versions in it; '' when they are in it already."""
    had = next((tag.get("value", "") for tag in tags if tag.get("key") == LINKED), "")
    try:
        listed = json.loads(had) if had else []
    except ValueError:
        listed = []
    new = [{"name": one.name, "version": one.version} for one in more]
    lacking = [one for one in new if one not in listed]
    return json.dumps([*listed, *lacking]) if lacking else ""


async def _links(call: Call) -> Links:
    """What to link, after all prompt versions were found and may be read."""
    want = call.read(Links)
    version = call.engines.catalog.prompts.version
    for one in want.prompt_versions:
        await asyncio.to_thread(version, call.principal, call.workspace, one.name, one.version)
    return want


async def _ask(call: Call, path: str, query: tuple[tuple[str, str], ...]) -> Any:
    proxy = call.engines.mlflow.proxy
    return (await proxy.send(call.workspace.name, "GET", path, query=query)).result()


async def _tell(call: Call, method: str, path: str, body: Mapping[str, Any]) -> None:
    proxy, raw = call.engines.mlflow.proxy, json.dumps(body).encode()
    (await proxy.send(call.workspace.name, method, path, body=raw)).result()


# -- what they look like --------------------------------------------------------------------------


def show(found: Securable) -> dict[str, Any]:
    aliases = found.details.get("aliases") or {}
    tags = found.details.get("tags") or {}
    shown = {
        "name": found.full_name,
        "creation_timestamp": _time(found.created_at),
        "last_updated_timestamp": _time(found.updated_at),
        "aliases": [{"alias": name, "version": str(at)} for name, at in aliases.items()],
        "tags": [{"key": key, "value": value} for key, value in tags.items()],
    }
    return shown | ({"description": found.comment} if found.comment is not None else {})


def show_version(one: PromptVersion) -> dict[str, Any]:
    shown = {
        "name": one.full_name,
        "version": str(one.version),
        "template": one.template,
        "creation_timestamp": _time(one.created_at),
        "last_updated_timestamp": _time(one.updated_at),
        "aliases": [{"alias": name, "version": str(one.version)} for name in one.aliases],
        "tags": [{"key": key, "value": value} for key, value in one.tags.items()],
    }
    return shown | ({"description": one.description} if one.description is not None else {})


def _time(ms: int) -> str:
    """As protobuf's JSON has a moment."""
    moment = datetime.fromtimestamp(ms / 1000, UTC)
    return re.sub(r"\+00:00$", "Z", moment.isoformat(timespec="milliseconds"))


def _tags(given: Sequence[Tag]) -> dict[str, str]:
    return {tag.key: tag.value for tag in given}


def _page(key: str, shown: Sequence[Any], token: str) -> Json:
    return {key: list(shown), **({"next_page_token": token} if token else {})}


ROUTES: tuple[Route, ...] = (
    Route("POST", PROMPTS, create),
    Route("POST", PROMPTS + "/search", search),
    Route("GET", PROMPT, fetch),
    Route("PATCH", PROMPT, update),
    Route("DELETE", PROMPT, drop),
    Route("POST", PROMPT + "/tags", set_tag),
    Route("DELETE", PROMPT + "/tags/{key}", drop_tag),
    Route("POST", PROMPT + "/versions", create_version),
    Route("POST", PROMPT + "/versions/search", search_versions),
    Route("GET", PROMPT + "/versions/by-alias/{alias}", fetch_by_alias),
    Route("GET", VERSION, fetch_version),
    Route("PATCH", VERSION, update_version),
    Route("DELETE", VERSION, drop_version),
    Route("POST", VERSION + "/tags", set_version_tag),
    Route("DELETE", VERSION + "/tags/{key}", drop_version_tag),
    Route("POST", PROMPT + "/aliases/{alias}", set_alias),
    Route("DELETE", PROMPT + "/aliases/{alias}", drop_alias),
    Route("POST", LINKS + "/links-to-traces", link_traces),
    Route("POST", LINKS + "/links-to-runs", link_runs),
    Route("POST", LINKS + "/links-to-models", link_models),
)

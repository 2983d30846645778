"""Prompts: named, described, tagged, aliased templates, whose versions never change.

On Databricks they are objects of a schema, and what its documentation asks for is kept here:
CREATE FUNCTION on the schema to make one, EXECUTE to read it, MANAGE (which the owner has) to add
versions, move aliases, tag and delete. They share a name space with functions and models, and the
grants API finds them as `prompt` and as `function`. A template is kept as the client encoded it, as
JSON: text stays text and a list of chat messages a list.
details: `tags`, `aliases` (alias -> version), `last_version` (numbers are never used twice).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from sqlalchemy import (
    JSON,
    BigInteger,
    Column,
    Connection,
    ForeignKey,
    Integer,
    RowMapping,
    String,
    Table,
    Text,
    delete,
    insert,
    select,
    update,
)

from brickyard.workspace.catalog import names, securables
from brickyard.workspace.catalog.collection import Collection
from brickyard.workspace.catalog.models import tagged
from brickyard.workspace.catalog.privileges import BROWSE, MANAGE
from brickyard.workspace.catalog.securables import Securable
from brickyard.workspace.catalog.versions import check_alias, number
from brickyard.workspace.kernel import (
    METADATA,
    Principal,
    WorkspaceInfo,
    invalid,
    not_found,
    now_ms,
)

KIND: Final = "prompt"
LONGEST_TEMPLATE: Final = 1_000_000
VERSIONS: Final = Table(
    "catalog_prompt_versions",
    METADATA,
    Column("prompt_id", ForeignKey("catalog_securables.id", ondelete="CASCADE"), primary_key=True),
    Column("version", Integer, primary_key=True),
    Column("template", Text, nullable=False),
    Column("description", Text),
    Column("tags", JSON, nullable=False),
    Column("created_at", BigInteger, nullable=False),
    Column("created_by", String, nullable=False),
    Column("updated_at", BigInteger, nullable=False),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class PromptVersion:
    full_name: str  # of the prompt
    version: int
    template: str  # JSON: a text, or a list of messages
    description: str | None
    tags: Mapping[str, str]
    aliases: tuple[str, ...]
    created_at: int  # ms
    created_by: str
    updated_at: int  # ms


class Prompts(Collection):
    KIND = KIND

    def get(self, principal: Principal, workspace: WorkspaceInfo, full_name: str) -> Securable:
        self._access.authorize(principal, workspace, BROWSE, KIND, full_name)
        with self._metastore.read() as tx:
            return _need(tx, full_name)

    def create(
        self,
        principal: Principal,
        workspace: WorkspaceInfo,
        full_name: str,
        *,
        description: str | None = None,
        tags: Mapping[str, str] | None = None,
    ) -> Securable:
        """A prompt without versions. Who may only add these to it hears that it exists."""
        full_name = names.full(KIND, full_name)
        schema, _, name = full_name.rpartition(".")
        names.normalised(name, KIND)
        if self._access.can(principal, workspace, MANAGE, KIND, full_name):
            raise names.taken(KIND, full_name)
        self._access.authorize(principal, workspace, "CREATE_FUNCTION", "schema", schema)
        with self._metastore.begin() as tx:
            made = securables.new(
                KIND,
                full_name,
                parent=securables.need(tx, "schema", schema),
                by=principal.user_name,
                comment=description,
                details={"tags": dict(tags or {}), "aliases": {}, "last_version": 0},
            )
            securables.add(tx, made)
        return made

    def change(
        self, principal: Principal, workspace: WorkspaceInfo, full_name: str, description: str
    ) -> Securable:
        self._access.authorize(principal, workspace, MANAGE, KIND, full_name)
        with self._metastore.begin() as tx:
            found = _need(tx, full_name)
            return securables.change(tx, found, by=principal.user_name, comment=description)

    def drop(self, principal: Principal, workspace: WorkspaceInfo, full_name: str) -> None:
        """Remove a prompt. Databricks asks for its versions to be deleted first."""
        self._access.authorize(principal, workspace, MANAGE, KIND, full_name)
        with self._metastore.begin() as tx:
            found = _need(tx, full_name)
            left = tx.execute(
                select(VERSIONS.c.version).where(VERSIONS.c.prompt_id == found.id)
            ).scalars()
            if listed := sorted(left):
                raise invalid(
                    f"Prompt '{found.full_name}' still has versions "
                    f"({', '.join(map(str, listed[:10]))}): delete them first"
                )
            securables.remove(tx, found)

    def set_tag(
        self,
        principal: Principal,
        workspace: WorkspaceInfo,
        full_name: str,
        key: str,
        value: str | None,
    ) -> None:
        """Set a tag of the prompt, or take it away with None."""
        self._access.authorize(principal, workspace, MANAGE, KIND, full_name)
        with self._metastore.begin() as tx:
            found = _need(tx, full_name)
            tags = tagged(found.details.get("tags") or {}, key, value)
            details = {**found.details, "tags": tags}
            securables.change(tx, found, by=principal.user_name, details=details)

    # -- versions ---------------------------------------------------------------------------------

    def add_version(
        self,
        principal: Principal,
        workspace: WorkspaceInfo,
        full_name: str,
        template: str,
        *,
        description: str | None = None,
        tags: Mapping[str, str] | None = None,
    ) -> PromptVersion:
        self._access.authorize(principal, workspace, MANAGE, KIND, full_name)
        if len(template) > LONGEST_TEMPLATE:
            raise invalid(f"A template may have {LONGEST_TEMPLATE} characters, not {len(template)}")
        now = now_ms()
        with self._metastore.begin() as tx:
            found = _need(tx, full_name)
            version = int(found.details.get("last_version", 0)) + 1
            details = {**found.details, "last_version": version}
            found = securables.change(tx, found, by=principal.user_name, details=details)
            values = {
                "prompt_id": found.id,
                "version": version,
                "template": template,
                "description": description,
                "tags": dict(tags or {}),
                "created_at": now,
                "created_by": principal.user_name,
                "updated_at": now,
            }
            tx.execute(insert(VERSIONS).values(**values))
            return _shown(found, _need_version(tx, found, version))

    def version(
        self, principal: Principal, workspace: WorkspaceInfo, full_name: str, version: int | str
    ) -> PromptVersion:
        """A version with its template, by number or by `@alias`."""
        self._access.authorize(principal, workspace, "EXECUTE", KIND, full_name)
        with self._metastore.read() as tx:
            found = _need(tx, full_name)
            if isinstance(version, str) and version.startswith("@"):
                version = _aliased(found, version[1:])
            return _shown(found, _need_version(tx, found, number(version)))

    def versions(
        self, principal: Principal, workspace: WorkspaceInfo, full_name: str
    ) -> list[PromptVersion]:
        """Every version, newest first."""
        self._access.authorize(principal, workspace, "EXECUTE", KIND, full_name)
        with self._metastore.read() as tx:
            found = _need(tx, full_name)
            query = select(VERSIONS).where(VERSIONS.c.prompt_id == found.id)
            rows = tx.execute(query.order_by(VERSIONS.c.version.desc())).mappings().all()
        return [_shown(found, row) for row in rows]

    def describe_version(
        self,
        principal: Principal,
        workspace: WorkspaceInfo,
        full_name: str,
        version: int | str,
        description: str,
    ) -> PromptVersion:
        """Say something else about a version; its template stays."""
        return self._edit(principal, workspace, full_name, version, description=description)

    def tag_version(
        self,
        principal: Principal,
        workspace: WorkspaceInfo,
        full_name: str,
        version: int | str,
        key: str,
        value: str | None,
    ) -> None:
        """Set a tag of a version, or take it away with None."""
        self._access.authorize(principal, workspace, MANAGE, KIND, full_name)
        with self._metastore.begin() as tx:
            found = _need(tx, full_name)
            row = _need_version(tx, found, number(version))
            tags = tagged(row["tags"], key, value)
            _update(tx, found, row["version"], tags=tags)

    def drop_version(
        self, principal: Principal, workspace: WorkspaceInfo, full_name: str, version: int | str
    ) -> None:
        """Remove a version and the aliases that point at it."""
        self._access.authorize(principal, workspace, MANAGE, KIND, full_name)
        with self._metastore.begin() as tx:
            found = _need(tx, full_name)
            gone = _need_version(tx, found, number(version))["version"]
            tx.execute(delete(VERSIONS).where(_is(found, gone)))
            aliases = {name: at for name, at in _aliases(found).items() if at != gone}
            details = {**found.details, "aliases": aliases}
            securables.change(tx, found, by=principal.user_name, details=details)

    def set_alias(
        self,
        principal: Principal,
        workspace: WorkspaceInfo,
        full_name: str,
        alias: str,
        version: int | str | None,
    ) -> None:
        """Point an alias at a version, or take it away with None."""
        self._access.authorize(principal, workspace, MANAGE, KIND, full_name)
        with self._metastore.begin() as tx:
            found = _need(tx, full_name)
            aliases = {name: at for name, at in _aliases(found).items() if name != alias}
            if version is not None:
                check_alias(alias)
                aliases[alias] = _need_version(tx, found, number(version))["version"]
            details = {**found.details, "aliases": aliases}
            securables.change(tx, found, by=principal.user_name, details=details)

    def _edit(
        self,
        principal: Principal,
        workspace: WorkspaceInfo,
        full_name: str,
        version: int | str,
        **values: Any,
    ) -> PromptVersion:
        self._access.authorize(principal, workspace, MANAGE, KIND, full_name)
        with self._metastore.begin() as tx:
            found = _need(tx, full_name)
            row = _need_version(tx, found, number(version))
            _update(tx, found, row["version"], **values)
            return _shown(found, _need_version(tx, found, row["version"]))


def _need(tx: Connection, full_name: str) -> Securable:
    return securables.need(tx, KIND, names.full(KIND, full_name))


def _need_version(tx: Connection, prompt: Securable, version: int) -> RowMapping:
    row = tx.execute(select(VERSIONS).where(_is(prompt, version))).mappings().first()
    if row is None:
        raise not_found(f"Version {version} of prompt '{prompt.full_name}' does not exist.")
    return row


def _aliased(prompt: Securable, alias: str) -> int:
    version = _aliases(prompt).get(alias)
    if version is None:
        raise not_found(f"Alias '{alias}' does not exist on prompt '{prompt.full_name}'.")
    return version


def _aliases(prompt: Securable) -> dict[str, int]:
    return dict(prompt.details.get("aliases") or {})


def _is(prompt: Securable, version: int) -> Any:
    return (VERSIONS.c.prompt_id == prompt.id) & (VERSIONS.c.version == version)


def _update(tx: Connection, prompt: Securable, version: int, **values: Any) -> None:
    stamped = values | {"updated_at": now_ms()}
    tx.execute(update(VERSIONS).where(_is(prompt, version)).values(**stamped))


def _shown(prompt: Securable, row: RowMapping) -> PromptVersion:
    return PromptVersion(
        full_name=prompt.full_name,
        aliases=tuple(name for name, at in _aliases(prompt).items() if at == row["version"]),
        **{key: row[key] for key in row if key != "prompt_id"},
    )

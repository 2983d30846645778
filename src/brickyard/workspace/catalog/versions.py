"""Versions of registered models: made pending, filled with files, then finalized.

PENDING_REGISTRATION -> READY. Files are written only while pending; a version that is READY never
changes. The folder of a version lies in that of its model.
"""

from __future__ import annotations

import re
import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
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
    delete,
    insert,
    select,
    update,
)
from sqlalchemy.dialects.sqlite import insert as upsert

from brickyard.workspace.catalog import folders, names, securables
from brickyard.workspace.catalog.access import Access
from brickyard.workspace.catalog.metastore import Metastore
from brickyard.workspace.catalog.models import ALIASES, aliased, aliases_of, tagged
from brickyard.workspace.catalog.privileges import BROWSE, MANAGE
from brickyard.workspace.catalog.securables import Securable
from brickyard.workspace.kernel import (
    METADATA,
    ApiError,
    Principal,
    WorkspaceInfo,
    invalid,
    not_found,
    now_ms,
)

PENDING: Final = "PENDING_REGISTRATION"
READY: Final = "READY"

VERSIONS = Table(
    "catalog_model_versions",
    METADATA,
    Column("model_id", ForeignKey("catalog_securables.id", ondelete="CASCADE"), primary_key=True),
    Column("version", Integer, primary_key=True),
    Column("id", String, nullable=False, unique=True),
    Column("status", String, nullable=False),
    Column("comment", String),
    Column("source", String),
    Column("run_id", String),
    Column("run_workspace_id", BigInteger),
    Column("logged_model_id", String),
    Column("created_at", BigInteger, nullable=False),
    Column("created_by", String, nullable=False),
    Column("updated_at", BigInteger, nullable=False),
    Column("updated_by", String, nullable=False),
    Column("details", JSON, nullable=False),  # tags, dependencies, lineage
)

_CONDITION: Final = re.compile(r"\s*(\w+)\s*(=)\s*(?:'([^']*)'|\"([^\"]*)\")\s*", re.IGNORECASE)


@dataclass(frozen=True, slots=True, kw_only=True)
class ModelVersion:
    full_name: str  # of the model
    version: int
    id: str
    status: str
    comment: str | None
    source: str | None
    run_id: str | None
    run_workspace_id: int | None
    logged_model_id: str | None
    created_at: int  # ms
    created_by: str
    updated_at: int  # ms
    updated_by: str
    tags: Mapping[str, str]
    dependencies: Sequence[Mapping[str, Any]]
    aliases: tuple[str, ...]
    path: Path  # the folder of its artifacts; made with the version

    @property
    def uri(self) -> str:
        """How the Files API names its folder."""
        return f"/Models/{self.full_name.replace('.', '/')}/{self.version}"


class Versions:
    def __init__(self, metastore: Metastore, access: Access) -> None:
        self._metastore = metastore
        self._access = access

    def version(self, full_name: str, version: int | str) -> ModelVersion:
        """A version, by number or by `@alias`. Asks nobody: the caller authorizes."""
        with self._metastore.read() as tx:
            model = securables.need(tx, "model", names.full("model", full_name))
            if isinstance(version, str) and version.startswith("@"):
                version = aliased(tx, model, version[1:])
            return self._shown(tx, model, need_version(tx, model, number(version)))

    def get(
        self,
        principal: Principal,
        workspace: WorkspaceInfo,
        full_name: str,
        version: int | str,
    ) -> ModelVersion:
        self._access.authorize(principal, workspace, BROWSE, "model", full_name)
        return self.version(full_name, version)

    def visible(
        self, principal: Principal, workspace: WorkspaceInfo, full_name: str
    ) -> list[ModelVersion]:
        """Every version of a model, newest first."""
        self._access.authorize(principal, workspace, BROWSE, "model", full_name)
        with self._metastore.read() as tx:
            model = securables.need(tx, "model", names.full("model", full_name))
            return self._all(tx, model)

    def search(
        self, principal: Principal, workspace: WorkspaceInfo, text: str
    ) -> list[ModelVersion]:
        """Versions by a filter such as `name='c.s.m' and run_id='…'`; all models without name."""
        wanted = _conditions(text)
        name = wanted.pop("name", None)
        with self._metastore.read() as tx:
            if name is None:
                models = securables.of_kind(tx, "model")
            else:
                found = securables.find(tx, "model", names.full("model", name))
                models = [found] if found is not None and found.kind == "model" else []
            every = [one for model in models for one in self._all(tx, model)]
        seen = {
            model.full_name
            for model in models
            if self._access.can(principal, workspace, BROWSE, "model", model.full_name)
        }
        return [
            one
            for one in every
            if one.full_name in seen
            and all(getattr(one, key) == value for key, value in wanted.items())
        ]

    def artifacts(
        self,
        principal: Principal,
        workspace: WorkspaceInfo,
        full_name: str,
        version: int | str,
        *,
        write: bool = False,
    ) -> Path:
        """The folder of a version's files, for somebody who may read (EXECUTE) or fill it."""
        privilege = "CREATE_MODEL_VERSION" if write else "EXECUTE"
        self._access.authorize(principal, workspace, privilege, "model", full_name)
        found = self.version(full_name, version)
        if write and found.status != PENDING:
            raise ApiError(
                "INVALID_STATE",
                f"Version {found.version} of model '{found.full_name}' is {found.status}: its "
                "files can no longer change. Create a new version instead.",
            )
        return found.path

    def create(
        self,
        principal: Principal,
        workspace: WorkspaceInfo,
        full_name: str,
        *,
        source: str | None = None,
        run_id: str | None = None,
        run_workspace_id: int | None = None,
        logged_model_id: str | None = None,
        comment: str | None = None,
        tags: Mapping[str, str] | None = None,
        dependencies: Sequence[Mapping[str, Any]] = (),
    ) -> ModelVersion:
        """The next version, pending and without files."""
        self._access.authorize(principal, workspace, "CREATE_MODEL_VERSION", "model", full_name)
        by, now = principal.user_name, now_ms()
        with self._metastore.begin() as tx:
            model = securables.need(tx, "model", names.full("model", full_name))
            version = int(model.details.get("last_version", 0)) + 1
            details = {**model.details, "last_version": version}
            model = securables.change(tx, model, by=by, details=details)
            values = {
                "model_id": model.id,
                "version": version,
                "id": str(uuid.uuid4()),
                "status": PENDING,
                "comment": comment,
                "source": source,
                "run_id": run_id,
                "run_workspace_id": run_workspace_id,
                "logged_model_id": logged_model_id,
                "created_at": now,
                "created_by": by,
                "updated_at": now,
                "updated_by": by,
                "details": {
                    "tags": dict(tags or {}),
                    "dependencies": [dict(one) for one in dependencies],
                },
            }
            tx.execute(insert(VERSIONS).values(**values))
            made = self._shown(tx, model, need_version(tx, model, version))
            made.path.mkdir(parents=True, exist_ok=True)
        return made

    def finalize(
        self, principal: Principal, workspace: WorkspaceInfo, full_name: str, version: int | str
    ) -> ModelVersion:
        """Close a version: its files are complete. Doing it twice changes nothing."""
        self._access.authorize(principal, workspace, "CREATE_MODEL_VERSION", "model", full_name)
        return self._set(principal, full_name, version, status=READY)

    def change(
        self,
        principal: Principal,
        workspace: WorkspaceInfo,
        full_name: str,
        version: int | str,
        *,
        comment: str,
    ) -> ModelVersion:
        self._access.authorize(principal, workspace, MANAGE, "model", full_name)
        return self._set(principal, full_name, version, comment=comment)

    def set_tag(
        self,
        principal: Principal,
        workspace: WorkspaceInfo,
        full_name: str,
        version: int | str,
        key: str,
        value: str | None,
    ) -> None:
        """Set a tag, or take it away with None."""
        self._access.authorize(principal, workspace, "APPLY_TAG", "model", full_name)
        with self._metastore.begin() as tx:
            model = securables.need(tx, "model", names.full("model", full_name))
            row = need_version(tx, model, number(version))
            details = dict(row["details"])
            details["tags"] = tagged(details.get("tags") or {}, key, value)
            _update(tx, model, row["version"], principal, details=details)

    def set_alias(
        self,
        principal: Principal,
        workspace: WorkspaceInfo,
        full_name: str,
        alias: str,
        version: int | None,
    ) -> None:
        """Point an alias at a version, or take it away with None. Raises for a missing version."""
        self._access.authorize(principal, workspace, MANAGE, "model", full_name)
        with self._metastore.begin() as tx:
            found = securables.need(tx, "model", names.full("model", full_name))
            if version is None:
                tx.execute(
                    delete(ALIASES).where(ALIASES.c.model_id == found.id, ALIASES.c.alias == alias)
                )
                return
            check_alias(alias)
            need_version(tx, found, version)
            values = {"model_id": found.id, "alias": alias, "version": version}
            tx.execute(
                upsert(ALIASES)
                .values(**values)
                .on_conflict_do_update(
                    index_elements=["model_id", "alias"], set_={"version": version}
                )
            )

    def add_lineage(
        self,
        principal: Principal,
        workspace: WorkspaceInfo,
        full_name: str,
        version: int | str,
        told: Mapping[str, Any],
    ) -> None:
        """Keep what a client says about the origin or use of a version; the last 100 reports."""
        self._access.authorize(principal, workspace, BROWSE, "model", full_name)
        entry = {"at": now_ms(), "by": principal.user_name, "told": dict(told)}
        with self._metastore.begin() as tx:
            model = securables.need(tx, "model", names.full("model", full_name))
            row = need_version(tx, model, number(version))
            details = dict(row["details"])
            details["lineage"] = [*(details.get("lineage") or ()), entry][-100:]
            tx.execute(update(VERSIONS).where(_is(model, row["version"])).values(details=details))

    def drop(
        self, principal: Principal, workspace: WorkspaceInfo, full_name: str, version: int | str
    ) -> None:
        """Remove a version with its files and the aliases that point at it."""
        self._access.authorize(principal, workspace, MANAGE, "model", full_name)
        with self._metastore.begin() as tx:
            model = securables.need(tx, "model", names.full("model", full_name))
            gone = self._shown(tx, model, need_version(tx, model, number(version)))
            pointing = (ALIASES.c.model_id == model.id) & (ALIASES.c.version == gone.version)
            tx.execute(delete(ALIASES).where(pointing))
            tx.execute(delete(VERSIONS).where(_is(model, gone.version)))
        folders.remove([gone.path])

    def _set(
        self, principal: Principal, full_name: str, version: int | str, **values: Any
    ) -> ModelVersion:
        with self._metastore.begin() as tx:
            model = securables.need(tx, "model", names.full("model", full_name))
            row = need_version(tx, model, number(version))
            _update(tx, model, row["version"], principal, **values)
            return self._shown(tx, model, need_version(tx, model, row["version"]))

    def _all(self, tx: Connection, model: Securable) -> list[ModelVersion]:
        query = (
            select(VERSIONS)
            .where(VERSIONS.c.model_id == model.id)
            .order_by(VERSIONS.c.version.desc())
        )
        aliases = aliases_of(tx, model)
        return [self._shown(tx, model, row, aliases) for row in tx.execute(query).mappings().all()]

    def _shown(
        self,
        tx: Connection,
        model: Securable,
        row: RowMapping,
        aliases: Mapping[str, int] | None = None,
    ) -> ModelVersion:
        pointing = aliases_of(tx, model) if aliases is None else aliases
        kept = {key: row[key] for key in row if key not in ("model_id", "details")}
        return ModelVersion(
            full_name=model.full_name,
            tags=row["details"].get("tags") or {},
            dependencies=row["details"].get("dependencies") or (),
            aliases=tuple(name for name, at in pointing.items() if at == row["version"]),
            path=self._metastore.path(model) / str(row["version"]),
            **kept,
        )


def need_version(tx: Connection, model: Securable, version: int) -> RowMapping:
    """The row of a version. Raises RESOURCE_DOES_NOT_EXIST."""
    row = tx.execute(select(VERSIONS).where(_is(model, version))).mappings().first()
    if row is None:
        raise not_found(f"Version {version} of model '{model.full_name}' does not exist.")
    return row


def number(version: int | str) -> int:
    """A version number, which clients send as a string too."""
    try:
        return int(version)
    except ValueError:
        raise invalid(f"Model version must be an integer, not {version!r}") from None


def _is(model: Securable, version: int) -> Any:
    return (VERSIONS.c.model_id == model.id) & (VERSIONS.c.version == version)


def _update(
    tx: Connection, model: Securable, version: int, principal: Principal, **values: Any
) -> None:
    stamped = values | {"updated_at": now_ms(), "updated_by": principal.user_name}
    tx.execute(update(VERSIONS).where(_is(model, version)).values(**stamped))


def _conditions(text: str) -> dict[str, str]:
    """`name='x' and run_id='y'` as a mapping. Raises for anything else."""
    fields = {"name": "name", "run_id": "run_id", "source_path": "source"}
    wanted: dict[str, str] = {}
    if not text.strip():
        return wanted
    for part in re.split(r"\s+and\s+", text.strip(), flags=re.IGNORECASE):
        found = _CONDITION.fullmatch(part)
        if found is None or found.group(1).lower() not in fields:
            raise invalid(
                f"Invalid filter {text!r}: write name='catalog.schema.model', run_id='…' or "
                "source_path='…', joined by 'and'"
            )
        value = found.group(3) if found.group(3) is not None else found.group(4)
        wanted[fields[found.group(1).lower()]] = value
    return wanted


def check_alias(alias: str) -> None:
    """Raises for a name that no alias of a model or prompt may have."""
    plain = alias.replace("-", "").replace("_", "")
    if not plain.isalnum() or (alias[:1] in "vV" and alias[1:].isdigit()) or alias.isdigit():
        raise invalid(
            f"Invalid alias {alias!r}: use letters, digits, '-' and '_', and no version number"
        )
    if alias.lower() == "latest":
        raise invalid("The alias 'latest' is reserved")

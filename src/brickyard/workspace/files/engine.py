"""Workspace objects with their permissions, and the roots of the Files API.

Rights on an object are its own and those of every folder above it. A person's home folder appears
when it is first asked for and is theirs; `/Shared` is everybody's. What another service keeps in
the tree, such as a dashboard, is claimed by it. Left out: Repos.
"""

from __future__ import annotations

import threading
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from brickyard.workspace.catalog.engine import CatalogEngine
from brickyard.workspace.files.claims import Claim, Claims
from brickyard.workspace.files.dbfs import Dbfs
from brickyard.workspace.files.notebooks import LANGUAGES
from brickyard.workspace.files.objects import Objects
from brickyard.workspace.files.paths import joined, parts_of, workspace_parts
from brickyard.workspace.files.places import Places
from brickyard.workspace.files.publish import Staging
from brickyard.workspace.files.signing import Signer
from brickyard.workspace.files.tree import PERMISSION_TYPE, Found, Kind, Parts, Tree
from brickyard.workspace.files.uploads import Uploads
from brickyard.workspace.files.view import Opening, fewest
from brickyard.workspace.identity import directory
from brickyard.workspace.identity.engine import IdentityEngine
from brickyard.workspace.identity.records import Kind as IdentityKind
from brickyard.workspace.kernel import (
    ApiError,
    Home,
    Principal,
    Store,
    WorkspaceInfo,
    denied,
    exists,
    invalid,
    not_found,
)
from brickyard.workspace.permissions.engine import Entry, PermissionsEngine, Subject
from brickyard.workspace.permissions.levels import rank

HOMES = "Users"
SHARED = "Shared"
OPEN: frozenset[Parts] = frozenset({(), (HOMES,)})  # everybody sees that these exist
EVERYBODY = Entry(kind="group_name", name="users", level="CAN_MANAGE")


@dataclass(frozen=True, slots=True, kw_only=True)
class WorkspaceObject:
    """A folder, file or notebook with its id."""

    id: int
    path: str
    kind: Kind
    disk: Path
    language: str | None
    size: int
    created_ms: int
    modified_ms: int
    claim: Claim | None  # the object of another service that this file belongs to


class FilesEngine:
    def __init__(
        self,
        store: Store,
        home: Home,
        workspaces: Mapping[str, WorkspaceInfo],
        *,
        identity: IdentityEngine,
        catalog: CatalogEngine,
        permissions: PermissionsEngine,
    ) -> None:
        self._workspaces = workspaces
        self._identity = identity
        self._permissions = permissions
        self._objects = Objects(store)
        self._claims = Claims(store)
        self._homes: set[tuple[str, str]] = set()
        self._homes_lock = threading.Lock()
        self._claims_lock = threading.Lock()
        self._stagings = {name: Staging(home.workspaces / name / "staging") for name in workspaces}
        self._trees = {
            name: Tree(home.files_of(name), staging) for name, staging in self._stagings.items()
        }
        self.places = Places(home, catalog=catalog, permissions=permissions, files=self)
        self.dbfs = Dbfs(home, self._stagings)
        self.uploads = Uploads(home.spool / "uploads")
        self.signer = Signer(home.keys / "files-signing")

    def start(self) -> None:
        """Remove drafts that a kill left; put `/Users` and `/Shared` in place."""
        for workspace in self._workspaces.values():
            self._stagings[workspace.name].sweep()
            self._ensure_roots(workspace)
        self.dbfs.start()
        self.uploads.sweep()

    def stop(self) -> None:
        """Nothing runs."""

    # -- for other engines: nobody is asked --------------------------------------------------

    def resolve(self, workspace: WorkspaceInfo, path: str) -> Path:
        """Where an object is on disk. Raises RESOURCE_DOES_NOT_EXIST."""
        return self._need(workspace, workspace_parts(path)).disk

    def object(self, workspace: WorkspaceInfo, path: str) -> WorkspaceObject:
        """The object at a path. Raises RESOURCE_DOES_NOT_EXIST."""
        return self._described(workspace, [self._need(workspace, workspace_parts(path))])[0]

    def ancestors(self, workspace: WorkspaceInfo, object_id: str) -> tuple[int, ...] | None:
        """The ids of the folders above an object, nearest first; None if there is no object."""
        path = self._path_of(workspace, object_id)
        if path is None:
            return None
        return self._folder_ids(workspace, workspace_parts(path)[:-1]) if path != "/" else ()

    # -- for services whose objects lie in the tree: they ask who may -------------------------

    def claimed(self, workspace: WorkspaceInfo, claim: Claim) -> WorkspaceObject | None:
        """The file of another service's object; None when it was removed."""
        found = self._claimed(workspace, claim)
        return self._described(workspace, [found])[0] if found is not None else None

    def require_folder(self, principal: Principal, workspace: WorkspaceInfo, path: str) -> str:
        """The path of a folder, as the API answers it, that the caller may put something into."""
        parts = workspace_parts(path)
        self._touch_home(workspace, parts)
        self._require_above(principal, workspace, (*parts, ""))
        found = self._tree(workspace).find(parts)
        if found is None:
            raise not_found(f"Path ({joined(parts)}) doesn't exist.")
        if found.kind is not Kind.DIRECTORY:
            raise invalid(f"({found.path}) is not a folder.")
        return found.path

    def folder_and_above(self, workspace: WorkspaceInfo, path: str) -> tuple[Subject, ...]:
        """What somebody's rights on a folder come from: itself, as long as it is there, and up."""
        parts = workspace_parts(path)
        if self._tree(workspace).find(parts) is None:
            return ()
        return tuple(Subject("directories", str(o)) for o in self._folder_ids(workspace, parts))

    def folders_above(self, workspace: WorkspaceInfo, type: str, id: str) -> tuple[Subject, ...]:
        """The folders that a service's object inherits permissions from, nearest first."""
        found = self._claimed(workspace, Claim(type=type, id=id))
        above = self._folder_ids(workspace, found.parts[:-1]) if found is not None else ()
        return tuple(Subject("directories", str(one)) for one in above)

    def rewrite(self, workspace: WorkspaceInfo, claim: Claim, content: bytes) -> None:
        """Give the file of a service's object other content. Raises when it was removed."""
        found = self._claimed(workspace, claim)
        if found is None:
            raise not_found(f"The file of {claim.type} {claim.id} doesn't exist.")
        self._tree(workspace).put(found.parts, "", self.draft(workspace, content), overwrite=True)

    def rename(self, workspace: WorkspaceInfo, claim: Claim, name: str) -> None:
        """Another name for a service's object, in the folder where it is."""
        found = self._claimed(workspace, claim)
        if found is None:
            raise not_found(f"The file of {claim.type} {claim.id} doesn't exist.")
        parts = (*found.parts[:-1], _file_name(name, claim))
        if parts == found.parts:
            return
        with self._claims_lock:
            if self._tree(workspace).find(parts) is not None:
                raise exists(f"Path ({joined(parts)}) already exists.")
            self._claims.put(workspace.name, joined(parts), claim)  # until the old one goes: both
            self._tree(workspace).move(found, parts)
            self._objects.move(workspace.name, found.path, joined(parts))
            self._claims.forget(workspace.name, found.path)

    def discard(self, workspace: WorkspaceInfo, claim: Claim) -> None:
        """Remove the file of a service's object; quiet when it is gone."""
        found = self._claimed(workspace, claim)
        if found is not None:
            self._tree(workspace).drop(found, recursive=False)
            self._forget(workspace, found.path)

    def _claimed(self, workspace: WorkspaceInfo, claim: Claim) -> Found | None:
        paths = self._claims.paths(workspace.name, claim)
        found = (self._tree(workspace).find(workspace_parts(path)) for path in paths)
        return next((one for one in found if one is not None), None)

    # -- as somebody -------------------------------------------------------------------------

    def status(self, principal: Principal, workspace: WorkspaceInfo, path: str) -> WorkspaceObject:
        found = self.readable(principal, workspace, path)
        return self._described(workspace, [found])[0]

    def readable(self, principal: Principal, workspace: WorkspaceInfo, path: str) -> Found:
        """The object, for somebody who may read it."""
        found = self._need(workspace, workspace_parts(path))
        if found.parts not in OPEN:
            self.require(principal, workspace, found, "CAN_READ")
        return found

    def listing(
        self, principal: Principal, workspace: WorkspaceInfo, path: str
    ) -> list[WorkspaceObject]:
        """What a folder holds that the caller may see; of another object, itself."""
        parts = workspace_parts(path)
        if parts == (HOMES,):
            self._ensure_all_homes(workspace)
        found = self.readable(principal, workspace, path)
        if found.kind is not Kind.DIRECTORY:
            return self._described(workspace, [found])
        inside = self._tree(workspace).children(found)
        seen = [one for one in inside if self._sees(principal, workspace, one)]
        return self._described(workspace, seen)

    def put(
        self,
        principal: Principal,
        workspace: WorkspaceInfo,
        path: str,
        draft: Path,
        *,
        suffix: str = "",
        overwrite: bool = False,
    ) -> None:
        """Put a finished file at a path; with a suffix, as a notebook of that kind."""
        parts = workspace_parts(path)
        tree = self._tree(workspace)
        self._touch_home(workspace, parts)
        before = tree.find(parts)
        if before is not None and overwrite:
            self.require(principal, workspace, before, "CAN_EDIT")
        else:
            self._require_above(principal, workspace, parts)
        forget = partial(self._forget_parts, workspace)
        if tree.put(parts, suffix, draft, overwrite=overwrite, before_new=forget):
            self._is_new(principal, workspace, parts)

    def put_claimed(
        self,
        principal: Principal,
        workspace: WorkspaceInfo,
        folder: str,
        name: str,
        claim: Claim,
        content: bytes,
    ) -> None:
        """A new file of another service's object in a folder that the caller may edit."""
        parts = (*workspace_parts(folder), _file_name(name, claim))
        self.require_folder(principal, workspace, folder)
        tree = self._tree(workspace)
        with self._claims_lock:
            if tree.find(parts) is not None:
                raise exists(f"Path ({joined(parts)}) already exists.")
            self._forget(workspace, joined(parts))
            self._claims.put(workspace.name, joined(parts), claim)
            try:
                tree.put(parts, "", self.draft(workspace, content), overwrite=False)
            except ApiError:  # somebody else's file came first
                self._claims.forget(workspace.name, joined(parts))
                raise

    def make_folder(self, principal: Principal, workspace: WorkspaceInfo, path: str) -> None:
        """`mkdir -p`, by somebody who may edit the first folder that exists on the way."""
        parts = workspace_parts(path)
        self._touch_home(workspace, parts)
        tree = self._tree(workspace)
        found = tree.find(parts)
        if found is None:
            self._require_above(principal, workspace, parts)
        else:
            self.readable(principal, workspace, path)  # that it is there is not for everybody
        for made in tree.make_folders(parts, partial(self._forget_parts, workspace)):
            self._is_new(principal, workspace, made)

    def drop(
        self, principal: Principal, workspace: WorkspaceInfo, path: str, *, recursive: bool
    ) -> None:
        parts = workspace_parts(path)
        found = self._need(workspace, parts)
        need_removable(parts)
        self.require(principal, workspace, found, "CAN_MANAGE")
        self._tree(workspace).drop(found, recursive=recursive)
        self._forget(workspace, found.path)

    def draft(self, workspace: WorkspaceInfo, content: bytes) -> Path:
        """Content as a file that `put` can take."""
        return self._stagings[workspace.name].draft(content)

    def require(
        self, principal: Principal, workspace: WorkspaceInfo, found: Found, level: str
    ) -> None:
        """Raise PERMISSION_DENIED unless the caller has the level on the object."""
        if not self._can(principal, workspace, found, level):
            raise denied(f"{principal.user_name} does not have {level} permission on {found.path}")

    # -- by the names on disk, as the Files API reaches `/Workspace` --------------------------

    def on_disk(
        self, principal: Principal, workspace: WorkspaceInfo, parts: Parts, *, write: bool
    ) -> Path:
        """A path below `/Workspace` as tasks see it, for somebody who may use it that way."""
        tree = self._tree(workspace)
        self._touch_home(workspace, parts)
        found = tree.by_disk(parts)
        if found is None:
            self._require_above(principal, workspace, parts, "CAN_EDIT" if write else "CAN_READ")
        elif write or found.parts not in OPEN:
            self.require(principal, workspace, found, "CAN_EDIT" if write else "CAN_READ")
        return tree.root

    def dropped_on_disk(self, workspace: WorkspaceInfo, path: str) -> None:
        """Something was removed below `/Workspace`: forget its id and permissions."""
        self._forget(workspace, path)
        stem, dot, suffix = path.rpartition(".")
        is_gone = self._tree(workspace).find(workspace_parts(stem)) is None if dot else False
        if is_gone and f".{suffix}" in LANGUAGES:
            self._forget(workspace, stem)

    # -- as the file system shows it -----------------------------------------------------------

    def openings(
        self, principal: Principal, workspace: WorkspaceInfo
    ) -> tuple[Opening, ...] | None:
        """What a process of somebody may see of the tree; None: all of it, to read and write."""
        if principal.is_admin:
            return None
        self._touch_home(workspace, (HOMES, principal.user_name))
        return fewest(self._opened(principal, workspace))

    def _opened(self, principal: Principal, workspace: WorkspaceInfo) -> Iterator[Opening]:
        root = self._tree(workspace).root
        for kind in PERMISSION_TYPE.values():
            for object_id, level in self._permissions.held(principal, workspace, kind).items():
                path = self._path_of(workspace, object_id)
                found = self._tree(workspace).find(workspace_parts(path)) if path else None
                if found is not None:
                    mode = "rw" if rank(kind, level) >= rank(kind, "CAN_EDIT") else "ro"
                    inside = found.disk.relative_to(root).parts
                    yield Opening(parts=inside, path=found.disk, mode=mode)

    # -- permissions -------------------------------------------------------------------------

    def _can(
        self, principal: Principal, workspace: WorkspaceInfo, found: Found, level: str
    ) -> bool:
        if principal.is_admin:
            return True
        above = self._folder_ids(workspace, found.parts[:-1]) if found.parts else ()
        it = self._described(workspace, [found])[0]
        subject = Subject(PERMISSION_TYPE[found.kind], str(it.id))
        if it.claim is not None:
            subject = Subject(it.claim.type, it.claim.id)
        return self._permissions.can(
            principal,
            workspace,
            subject.type,
            subject.id,
            level,
            tuple(Subject("directories", str(one)) for one in above),
        )

    def _sees(self, principal: Principal, workspace: WorkspaceInfo, found: Found) -> bool:
        return found.parts in OPEN or self._can(principal, workspace, found, "CAN_READ")

    def _require_above(
        self,
        principal: Principal,
        workspace: WorkspaceInfo,
        parts: Parts,
        level: str = "CAN_EDIT",
    ) -> None:
        """The caller has the level on the nearest folder that exists above a path."""
        tree = self._tree(workspace)
        above = parts[:-1]
        while (found := tree.find(above)) is None:
            above = above[:-1]
        if found.parts not in OPEN or level != "CAN_READ":
            self.require(principal, workspace, found, level)

    def _is_new(self, principal: Principal, workspace: WorkspaceInfo, parts: Parts) -> None:
        """Whoever makes an object may manage it."""
        if principal.is_admin:
            return
        found = self._tree(workspace).need(parts)
        if not self._can(principal, workspace, found, "CAN_MANAGE"):
            one = self._described(workspace, [found])[0]
            kind = PERMISSION_TYPE[found.kind]
            self._permissions.grant_owner(principal, workspace, kind, str(one.id))

    def _forget_parts(self, workspace: WorkspaceInfo, parts: Parts) -> None:
        """What was known of an earlier object at a path does not count for the new one.

        To be done before the new one is there: others may put something into it at once.
        """
        self._forget(workspace, joined(parts))

    def _forget(self, workspace: WorkspaceInfo, path: str) -> None:
        self._claims.forget(workspace.name, path)
        for one in self._objects.forget(workspace.name, path):
            for kind in PERMISSION_TYPE.values():
                self._permissions.forget(workspace, kind, str(one))

    # -- the tree ----------------------------------------------------------------------------

    def _tree(self, workspace: WorkspaceInfo) -> Tree:
        return self._trees[workspace.name]

    def _need(self, workspace: WorkspaceInfo, parts: Parts) -> Found:
        self._touch_home(workspace, parts)
        return self._tree(workspace).need(parts)

    def _described(self, workspace: WorkspaceInfo, found: list[Found]) -> list[WorkspaceObject]:
        born = {one.path: one.modified_ms for one in found}
        ids = self._objects.ids(workspace.name, born)
        return [
            WorkspaceObject(
                id=ids[one.path].id,
                path=one.path,
                kind=one.kind,
                disk=one.disk,
                language=one.language,
                size=one.size,
                created_ms=ids[one.path].created_ms,
                modified_ms=one.modified_ms,
                claim=self._claims.at(workspace.name, one.parts),
            )
            for one in found
        ]

    def _folder_ids(self, workspace: WorkspaceInfo, parts: Parts) -> tuple[int, ...]:
        """Ids of a folder and of those above it, nearest first."""
        chain = [parts[:depth] for depth in range(len(parts), -1, -1)]
        found = [one for one in map(self._tree(workspace).find, chain) if one is not None]
        return tuple(one.id for one in self._described(workspace, found))

    def _path_of(self, workspace: WorkspaceInfo, object_id: str) -> str | None:
        if not object_id.isdecimal() or len(object_id) > 18:
            return None
        path = self._objects.path_of(workspace.name, int(object_id))
        if path is None or self._tree(workspace).find(workspace_parts(path)) is None:
            return None
        return path

    # -- home folders ------------------------------------------------------------------------

    def _ensure_roots(self, workspace: WorkspaceInfo) -> None:
        self._tree(workspace).make_folders((HOMES,))
        self._tree(workspace).make_folders((SHARED,))
        subject = self._folder(workspace, (SHARED,))
        if not self._permissions.entries(workspace, subject):
            self._permissions.merge(workspace, subject, [EVERYBODY])

    def _touch_home(self, workspace: WorkspaceInfo, parts: Parts) -> None:
        """Make a person's home folder, theirs, when a path leads into it for the first time."""
        if len(parts) < 2 or parts[0] != HOMES or (workspace.name, parts[1]) in self._homes:
            return
        try:
            person = self._identity.principal(parts[1], workspace.name)
        except ApiError:
            return
        with self._homes_lock:
            self._tree(workspace).make_folders(parts[:2])
            subject = self._folder(workspace, parts[:2])
            if not self._permissions.entries(workspace, subject):
                self._permissions.grant_owner(person, workspace, subject.type, subject.id)
            self._homes.add((workspace.name, parts[1]))

    def _folder(self, workspace: WorkspaceInfo, parts: Parts) -> Subject:
        found = self._described(workspace, [self._tree(workspace).need(parts)])[0]
        return Subject("directories", str(found.id))

    def _ensure_all_homes(self, workspace: WorkspaceInfo) -> None:
        with self._identity.look() as tx:
            people = [
                one.user_name
                for kind in IdentityKind
                for one in directory.people_of(tx, workspace.name, kind)
            ]
        for name in people:
            self._touch_home(workspace, (HOMES, name))


def need_removable(parts: Parts) -> None:
    """Raise INVALID_PARAMETER_VALUE for the folders that every workspace has."""
    if parts in OPEN or parts == (SHARED,) or (len(parts) == 2 and parts[0] == HOMES):
        raise invalid(f"Folder ({joined(parts)}) is part of every workspace: it stays")


def _file_name(name: str, claim: Claim) -> str:
    """What the file of a service's object is called. Raises INVALID_PARAMETER_VALUE."""
    if not name or "/" in name:
        raise invalid(f"{name[:40]!r} cannot be the name of a workspace object")
    return parts_of(f"/{name}{claim.suffix}")[0]

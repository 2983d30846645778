"""Who may do what: the single decision point of Unity Catalog.

A decision takes the workspace's binding of the catalog first (nobody is above it), then the right
to enter (USE_CATALOG, USE_SCHEMA), then the privilege itself: held directly or through a group, on
the object or on what contains it, or by owning one of these. The owner of the metastore administers
everything but reads and writes data only where he holds a grant.

Decisions are cached until anything in the catalog changes.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Final

from sqlalchemy import Connection

from brickyard.workspace.catalog import bindings, grants, names, securables
from brickyard.workspace.catalog.metastore import EVERYONE, NAME, Metastore
from brickyard.workspace.catalog.privileges import (
    ADMINISTERS,
    ALL,
    BROWSE,
    CREATES_IN_SCHEMA,
    GRANTABLE,
    MANAGE,
    words,
)
from brickyard.workspace.catalog.securables import Securable
from brickyard.workspace.kernel import ApiError, Principal, WorkspaceInfo, denied, invalid

_ENTER: Final[Mapping[str, str]] = {"catalog": "USE_CATALOG", "schema": "USE_SCHEMA"}
_KINDS: Final[Mapping[str, str]] = {
    "registered_model": "model",
    "registered-model": "model",
    "view": "table",
}
_REMEMBERED: Final = 20_000

_Key = tuple[Principal, str, str, str, str]


def kind_of(securable_type: str) -> str:
    """The kind that a securable type of the API stands for, in any case."""
    plain = securable_type.lower()
    kind = _KINDS.get(plain, plain)
    if kind not in GRANTABLE:
        known = ", ".join(sorted(GRANTABLE))
        raise invalid(f"Securable type {securable_type!r} is not known here: use one of {known}")
    return kind


def identities(principal: Principal) -> frozenset[str]:
    """Every name under which a principal may own something or hold a grant."""
    return principal.groups | {principal.user_name, EVERYONE}


class Access:
    def __init__(self, metastore: Metastore) -> None:
        self._metastore = metastore
        self._decided: dict[_Key, ApiError | None] = {}
        self._generation = -1

    def authorize(
        self,
        principal: Principal,
        workspace: WorkspaceInfo,
        privilege: str,
        kind: str,
        full_name: str,
    ) -> None:
        """Raises PERMISSION_DENIED with the reason, or `<KIND>_DOES_NOT_EXIST`.

        `privilege` BROWSE asks whether the object may be seen at all.
        """
        refused = self._decision(principal, workspace, privilege, kind, full_name)
        if refused is not None:
            raise ApiError(refused.code, refused.message, status=refused.status)

    def can(
        self,
        principal: Principal,
        workspace: WorkspaceInfo,
        privilege: str,
        kind: str,
        full_name: str,
    ) -> bool:
        return self._decision(principal, workspace, privilege, kind, full_name) is None

    def seen(
        self,
        tx: Connection,
        principal: Principal,
        workspace: WorkspaceInfo,
        found: Sequence[Securable],
    ) -> list[Securable]:
        """Those of some siblings that the principal may see here."""
        if not found:
            return []
        own = grants.direct(tx, [one.id for one in found])
        above = _above(tx, found[0])
        held_above = grants.direct(tx, [one.id for one in above])
        root = securables.need(tx, "metastore", "")
        visible = []
        for one in found:
            chain = [*above, one]
            refused = self._judge(
                tx, principal, workspace, BROWSE, chain, {**held_above, **own}, root
            )
            if refused is None:
                visible.append(one)
        return visible

    def administers(self, principal: Principal) -> bool:
        """Whether the principal owns the metastore."""
        return self._metastore.root().owner in identities(principal)

    def _decision(
        self,
        principal: Principal,
        workspace: WorkspaceInfo,
        privilege: str,
        kind: str,
        full_name: str,
    ) -> ApiError | None:
        kind = kind_of(kind)
        name = "" if kind == "metastore" else names.full(kind, full_name)
        key = (principal, workspace.name, privilege, kind, name)
        generation = self._metastore.generation
        if generation != self._generation or len(self._decided) > _REMEMBERED:
            # A decision under way on the old state lands in the dictionary that is let go here.
            self._decided = {}
            self._generation = generation
        decided = self._decided
        if key in decided:
            return decided[key]
        with self._metastore.read() as tx:
            refused = self._decide(tx, principal, workspace, privilege, kind, name)
        if generation == self._metastore.generation:
            decided[key] = refused
        return refused

    def _decide(
        self,
        tx: Connection,
        principal: Principal,
        workspace: WorkspaceInfo,
        privilege: str,
        kind: str,
        full_name: str,
    ) -> ApiError | None:
        root = securables.need(tx, "metastore", "")
        if kind == "metastore":
            held = grants.direct(tx, [root.id])
            return self._judge(tx, principal, workspace, privilege, [], held, root)
        chain, lacking = _chain(tx, kind, full_name)
        held = grants.direct(tx, [one.id for one in chain])
        if lacking is None:
            return self._judge(tx, principal, workspace, privilege, chain, held, root)
        # Whoever may not enter the container does not learn what is missing inside it, and what
        # the binding forbids is forbidden whether or not the object is there.
        if chain:
            target = f"{names.SPELLED[kind]} '{full_name}'"
            if refused := self._bound(tx, workspace, privilege, chain[0], target):
                return refused
            enter = _ENTER[chain[-1].kind]
            entering = self._judge(tx, principal, workspace, enter, chain, held, root)
            if entering is not None:
                return entering
        return lacking

    def _judge(
        self,
        tx: Connection,
        principal: Principal,
        workspace: WorkspaceInfo,
        privilege: str,
        chain: Sequence[Securable],
        held: Mapping[str, grants.Held],
        root: Securable,
    ) -> ApiError | None:
        """Why not, or None. `chain` leads from the catalog to the object and exists."""
        who = identities(principal)
        standing: set[str] = set()
        if root.owner in who:
            standing |= ADMINISTERS
        if not chain:
            standing |= _privileges(held, root, who)
            if privilege in standing or root.owner in who:
                return None
            return denied(f"User does not have {words(privilege)} on Metastore '{NAME}'.")
        target = chain[-1]
        if refused := self._bound(tx, workspace, privilege, chain[0], str(target)):
            return refused
        for one in chain:
            standing |= _privileges(held, one, who)
            if one.owner in who:
                standing |= {ALL, MANAGE}
            enter = _ENTER.get(one.kind)
            entered = one is not target or _creates_in(privilege, one)
            if privilege == BROWSE and BROWSE in standing:
                continue
            if enter and entered and not _holds(standing, enter, one.kind):
                return denied(f"User does not have {words(enter)} on {one}.")
        if _holds(standing, privilege, target.kind):
            return None
        return denied(f"User does not have {words(privilege)} on {target}.")

    def _bound(
        self,
        tx: Connection,
        workspace: WorkspaceInfo,
        privilege: str,
        catalog: Securable,
        target: str,
    ) -> ApiError | None:
        if catalog.kind in names.OUTSIDE:  # open to every workspace
            return None
        mode = bindings.mode_in(tx, catalog, workspace)
        if mode == "READ_WRITE":
            return None
        return bindings.refusal(
            mode,
            catalog,
            workspace,
            privilege,
            target,
            self._metastore.workspaces,
            bindings.bindings_of(tx, catalog),
        )


def _holds(standing: set[str], privilege: str, kind: str) -> bool:
    """Whether these privileges amount to the one asked for. Seeing takes any that fits the kind."""
    if privilege == BROWSE:
        return bool(standing & GRANTABLE[kind])
    return privilege in standing or (ALL in standing and privilege != MANAGE)


def _privileges(
    held: Mapping[str, grants.Held], on: Securable, who: Iterable[str]
) -> frozenset[str]:
    by_principal = held.get(on.id, {})
    return frozenset().union(*(by_principal.get(name, frozenset()) for name in who))


def _creates_in(privilege: str, container: Securable) -> bool:
    """Creating something takes the right to enter where it goes."""
    if container.kind == "schema":
        return privilege in CREATES_IN_SCHEMA
    return privilege == "CREATE_SCHEMA"


def _above(tx: Connection, one: Securable) -> list[Securable]:
    """What contains a securable, from the catalog down."""
    found: list[Securable] = []
    parent_id = one.parent_id
    while parent_id is not None:
        parent = securables.by_id(tx, parent_id)
        assert parent is not None
        if parent.kind == "metastore":
            break
        found.insert(0, parent)
        parent_id = parent.parent_id
    return found


def _chain(tx: Connection, kind: str, full_name: str) -> tuple[list[Securable], ApiError | None]:
    """From the catalog to the object, as far as it exists, and the error if it does not."""
    parts = full_name.split(".")
    kinds = (kind,) if kind in names.OUTSIDE else ("catalog", "schema", kind)[: len(parts)]
    chain: list[Securable] = []
    for at, one in enumerate(kinds):
        name = ".".join(parts[: at + 1])
        found = securables.find(tx, one, name)
        if found is None:
            return chain, names.missing(one, name)
        chain.append(found)
    return chain, None

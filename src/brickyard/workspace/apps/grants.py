"""What an app's service principal may do with the resources declared for the app.

Declaring a resource grants its permission, taking it out of the list takes the permission back.
Whoever declares it must be able to grant it: CAN_MANAGE on the object, MANAGE on a secret scope or
securable. Databases are kept only: there is no database behind them here.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

from brickyard.workspace.apps.uses import KINDS, Use
from brickyard.workspace.catalog.permissions import Change
from brickyard.workspace.kernel import ApiError, Principal, WorkspaceInfo, denied, not_found
from brickyard.workspace.permissions.engine import Entry, Subject
from brickyard.workspace.permissions.levels import levels_of, rank
from brickyard.workspace.serving.engine import FOR_ALL

if TYPE_CHECKING:
    from brickyard.workspace.catalog.engine import CatalogEngine
    from brickyard.workspace.permissions.engine import PermissionsEngine
    from brickyard.workspace.secrets.engine import SecretsEngine
    from brickyard.workspace.serving.engine import ServingEngine


class Grants:
    def __init__(
        self,
        *,
        permissions: PermissionsEngine,
        secrets: SecretsEngine,
        catalog: CatalogEngine,
        serving: ServingEngine,
    ) -> None:
        self._permissions = permissions
        self._secrets = secrets
        self._catalog = catalog
        self._serving = serving

    def change(
        self,
        caller: Principal,
        workspace: WorkspaceInfo,
        robot: Principal,
        before: Iterable[Use],
        after: Iterable[Use],
    ) -> None:
        """Give what is new, then take back what is no longer declared."""
        kept, wanted = list(before), list(after)
        held = [(one.kind, one.body) for one in kept]
        for use in wanted:
            if (use.kind, use.body) not in held:
                self._give(caller, workspace, robot, use)
        still = [(one.kind, one.body) for one in wanted]
        for use in kept:
            if (use.kind, use.body) not in still:
                self._take(caller, workspace, robot, use, wanted)

    def _give(
        self, caller: Principal, workspace: WorkspaceInfo, robot: Principal, use: Use
    ) -> None:
        if use.kind == "secret":
            scope = str(use.body["scope"])
            if not self._secrets.can(robot, workspace, scope, use.permission):
                self._secrets.put_acl(caller, workspace, scope, robot.user_name, use.permission)
        elif use.kind == "uc_securable":
            self._give_privilege(caller, workspace, robot, use)
        elif (subject := self._subject(caller, workspace, use)) is not None:
            level = "CAN_MANAGE" if "CAN_MANAGE" in levels_of(subject.type) else "CAN_USE"
            self._permissions.require(caller, workspace, subject.type, subject.id, level)
            has = self._permissions.level(robot, workspace, subject.type, subject.id)
            if rank(subject.type, has) < rank(subject.type, use.level):
                entry = _entry(robot, use)
                self._permissions.merge(workspace, subject, [entry], caller)

    def _give_privilege(
        self, caller: Principal, workspace: WorkspaceInfo, robot: Principal, use: Use
    ) -> None:
        """The privilege, and the way to it where the caller may open that too."""
        name, kind = str(use.body["securable_full_name"]), str(use.body["securable_type"])
        change = self._catalog.permissions.change
        added = Change(principal=robot.user_name, add=(use.permission,))
        change(caller, workspace, kind, name, [added])
        parts = name.split(".")
        for above, privilege in ((1, "USE_CATALOG"), (2, "USE_SCHEMA")):
            if len(parts) <= above:
                continue
            parent, parent_kind = ".".join(parts[:above]), ("catalog", "schema")[above - 1]
            if not self._catalog.can(robot, workspace, privilege, parent_kind, parent):
                way = Change(principal=robot.user_name, add=(privilege,))
                try:
                    change(caller, workspace, parent_kind, parent, [way])
                except ApiError as refused:
                    if refused.code != "PERMISSION_DENIED":
                        raise

    def _take(
        self,
        caller: Principal,
        workspace: WorkspaceInfo,
        robot: Principal,
        use: Use,
        wanted: Iterable[Use],
    ) -> None:
        """What is gone already, or not the caller's to change, is left."""
        try:
            if use.kind == "secret":
                scope = str(use.body["scope"])
                others = (one for one in wanted if one.kind == "secret")
                if not any(one.body["scope"] == scope for one in others):
                    self._secrets.delete_acl(caller, workspace, scope, robot.user_name)
            elif use.kind == "uc_securable":
                name, kind = str(use.body["securable_full_name"]), str(use.body["securable_type"])
                removed = Change(principal=robot.user_name, remove=(use.permission,))
                self._catalog.permissions.change(caller, workspace, kind, name, [removed])
            elif (subject := self._subject(caller, workspace, use)) is not None:
                self._permissions.withdraw(workspace, subject, _entry(robot, use))
        except ApiError as refused:
            if refused.status not in (403, 404):
                raise

    def _subject(self, caller: Principal, workspace: WorkspaceInfo, use: Use) -> Subject | None:
        """The object whose permissions decide; None for one that has none here."""
        kind = KINDS[use.kind]
        if not kind.object_type or not levels_of(kind.object_type):
            return None
        id = str(use.body[kind.object_field])
        if use.kind == "serving_endpoint":
            endpoint = self._serving.find(caller, workspace, id, "CAN_VIEW")
            if endpoint.is_provided:  # a foundation model: everybody may ask it, nobody manages it
                if use.permission not in FOR_ALL:
                    raise denied(f"{use.name}: {id} is a foundation model, which nobody manages")
                return None
            id = endpoint.id
        if use.kind == "postgres":
            id = id.split("/")[1] if id.startswith("projects/") else id
        subject = Subject(kind.object_type, id)
        if not self._permissions.entries(workspace, subject):
            if kind.level:
                return None  # a database: kept in the list, whether it is there or not
            raise not_found(f"{use.kind} {id} of resource {use.name} does not exist")
        return subject


def _entry(robot: Principal, use: Use) -> Entry:
    return Entry(kind="service_principal_name", name=robot.user_name, level=use.level)

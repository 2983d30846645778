"""Apps: what is kept of them, who may do what, their compute, their deployments.

An app is a process (`process`) behind a door of its own (`front`, `proxy`, `gate`), with its own
service principal. `runs` starts and ends processes. What a kill interrupts is taken up again at the
next start: apps that ran are started, deployments under way are done again.
"""

from __future__ import annotations

import shutil
import threading
import uuid
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from brickyard.workspace.apps import settings
from brickyard.workspace.apps.databases import Databases
from brickyard.workspace.apps.deployments import read_deployment
from brickyard.workspace.apps.front import Front
from brickyard.workspace.apps.gate import KIND, MANAGE, USE, AppDoor, Gate
from brickyard.workspace.apps.grants import Grants
from brickyard.workspace.apps.proxy import Behind, Proxy
from brickyard.workspace.apps.recipes import Recipes
from brickyard.workspace.apps.records import (
    ACTIVE,
    CREATING,
    DELETING,
    EMPTY,
    IN_PROGRESS,
    STOPPED,
    STOPPING,
    App,
    Records,
    with_body,
)
from brickyard.workspace.apps.runs import Runs
from brickyard.workspace.apps.uses import uses_of
from brickyard.workspace.identity.app_principals import (
    add_principal,
    drop_principal,
    new_principal,
)
from brickyard.workspace.kernel import (
    ApiError,
    Document,
    Home,
    Principal,
    Store,
    WorkspaceInfo,
    not_found,
)

if TYPE_CHECKING:
    from brickyard.workspace.catalog.engine import CatalogEngine
    from brickyard.workspace.files.engine import FilesEngine
    from brickyard.workspace.identity.engine import IdentityEngine
    from brickyard.workspace.lakebase.engine import LakebaseEngine
    from brickyard.workspace.permissions.engine import PermissionsEngine
    from brickyard.workspace.secrets.engine import SecretsEngine
    from brickyard.workspace.serving.engine import ServingEngine


DELETE_WAIT_S = 10.0


class AppsEngine:
    def __init__(
        self,
        store: Store,
        home: Home,
        workspaces: Mapping[str, WorkspaceInfo],
        *,
        identity: IdentityEngine,
        secrets: SecretsEngine,
        catalog: CatalogEngine,
        files: FilesEngine,
        permissions: PermissionsEngine,
        serving: ServingEngine,
        lakebase: LakebaseEngine,
    ) -> None:
        self._home = home
        self._workspaces = workspaces
        self._identity = identity
        self._files = files
        self._permissions = permissions
        self._records = Records(store)
        self._grants = Grants(
            permissions=permissions, secrets=secrets, catalog=catalog, serving=serving
        )
        recipes = Recipes(home, identity=identity, secrets=secrets, databases=Databases(lakebase))
        self.runs = Runs(
            home, workspaces, self._records, recipes=recipes, identity=identity, files=files
        )
        gate = Gate(home.keys, identity=identity, permissions=permissions)
        self._proxy = Proxy(gate, self._behind)
        self._front = Front(self._proxy.serve)
        self._front.closing.append(self._proxy.close)

    def start(self) -> None:
        """Finish what was interrupted, open the doors, start what ran. Quick: in the background."""
        apps = [app for name in self._workspaces for app in self._records.all(name)]
        for app in apps:
            if app.compute in (CREATING, DELETING):
                threading.Thread(target=self._remove, args=(app,), daemon=True).start()
                continue
            if app.compute == STOPPING:
                app = self._records.change(app, compute=STOPPED)
            app = self._open(app)
            if app.compute == ACTIVE:
                self.runs.resume(app)

    def stop(self) -> None:
        """End every process and close the doors."""
        self._front.stop()
        self.runs.stop()

    # -- apps ---------------------------------------------------------------------------------

    def create(
        self,
        principal: Principal,
        workspace: WorkspaceInfo,
        given: Mapping[str, Any],
        *,
        no_compute: bool = False,
    ) -> App:
        """A new app with its service principal. Raises RESOURCE_ALREADY_EXISTS."""
        name = settings.read_name(given)
        wanted = {**settings.DEFAULTS, **settings.read_settings(given)}
        id = str(uuid.uuid4())
        robot = new_principal(f"app-{id[:6]} {name}")
        body = {
            **EMPTY,
            "id": id,
            "settings": {**wanted, "resources": []},
            "principal": {
                "id": robot.id,
                "client_id": robot.user_name,
                "name": robot.display_name,
            },
            "oauth2_app_client_id": str(uuid.uuid4()),
            "oauth2_app_integration_id": str(uuid.uuid4()),
            "updater": principal.user_name,
        }
        app = self._records.add(workspace.name, name, body, principal.user_name)
        try:
            add_principal(self._identity, workspace.name, robot)
            self._permissions.grant_owner(principal, workspace, KIND, name)
            self._grant(principal, workspace, app, wanted)
            app = self._open(app)
            compute = STOPPED if no_compute else ACTIVE
            return self._records.change(app, settings=wanted, compute=compute)
        except Exception:
            self._remove(with_body(app, settings=wanted), principal)
            raise

    def find(
        self, principal: Principal, workspace: WorkspaceInfo, name: str, level: str = USE
    ) -> App:
        """Raises RESOURCE_DOES_NOT_EXIST, and PERMISSION_DENIED below `level`."""
        app = self._records.find(workspace.name, name)
        if app is None or app.compute == CREATING:
            raise not_found(f"App {name} does not exist or is deleted")
        self._permissions.require(principal, workspace, KIND, name, level)
        return app

    def visible(self, principal: Principal, workspace: WorkspaceInfo) -> list[App]:
        found = self._records.all(workspace.name)
        return [
            app
            for app in found
            if app.compute != CREATING
            and self._permissions.can(principal, workspace, KIND, app.name, USE)
        ]

    def manages(self, principal: Principal, workspace: WorkspaceInfo, app: App) -> bool:
        return self._permissions.can(principal, workspace, KIND, app.name, MANAGE)

    def update(
        self,
        principal: Principal,
        workspace: WorkspaceInfo,
        name: str,
        given: Mapping[str, Any],
        mask: str,
    ) -> App:
        """Change the fields that the mask names. What uses the app has is granted anew."""
        app = self._standing(principal, workspace, name)
        wanted = settings.masked(app.settings, given, mask)
        self._grant(principal, workspace, app, wanted)
        return self._records.change(
            app, settings=wanted, updater=principal.user_name, update=dict(wanted)
        )

    def delete(self, principal: Principal, workspace: WorkspaceInfo, name: str) -> App:
        """The app as it goes. Its name is free when this returns, unless packages are installed
        for it just now: that is waited for, though not by the caller.
        """
        app = self._standing(principal, workspace, name)
        app = self._records.change(app, compute=DELETING, active=None, pending=None)
        removing = threading.Thread(target=self._remove, args=(app, principal), daemon=True)
        removing.start()
        removing.join(DELETE_WAIT_S)
        return app

    # -- compute ------------------------------------------------------------------------------

    def start_app(self, principal: Principal, workspace: WorkspaceInfo, name: str) -> App:
        """Start the compute, and with it what was deployed last."""
        app = self._standing(principal, workspace, name)
        if app.compute == ACTIVE:
            return app
        if app.compute == STOPPING:
            raise ApiError("INVALID_STATE", f"App {name} is stopping; start it when it is stopped")
        app = self._records.change(app, compute=ACTIVE, pending=app.body["last"], fault="")
        if app.body["pending"]:
            self._records.say(app, app.body["pending"], IN_PROGRESS, "Starting app")
            self.runs.bring_up(app, app.body["pending"])
        return app

    def stop_app(self, principal: Principal, workspace: WorkspaceInfo, name: str) -> App:
        app = self._standing(principal, workspace, name)
        if app.compute == ACTIVE:
            app = self._records.change(app, compute=STOPPING, active=None, pending=None, fault="")
            self.runs.take_down(app)
        return app

    # -- deployments --------------------------------------------------------------------------

    def deploy(
        self,
        principal: Principal,
        workspace: WorkspaceInfo,
        name: str,
        given: Mapping[str, Any],
    ) -> Document:
        """Begin a deployment. Raises INVALID_STATE, and RESOURCE_CONFLICT while another goes on."""
        app = self._standing(principal, workspace, name)
        wanted = read_deployment(given, default_path=str(app.body["default_source_code_path"]))
        path = str(wanted["source_code_path"])
        found = self._files.readable(principal, workspace, path)
        if not found.disk.is_dir():
            raise ApiError(
                "INVALID_PARAMETER_VALUE", f"source_code_path {path} is not a workspace folder"
            )
        if app.compute != ACTIVE:
            raise ApiError(
                "INVALID_STATE",
                f"Cannot deploy app {name}: its compute is {app.compute}. Start the app first",
            )
        made = self._records.add_deployment(app, wanted, principal.user_name)
        taken = self._records.change_if(
            app, {"compute": ACTIVE, "pending": None}, pending=made.id, fault=""
        )
        if taken is None:
            self._records.drop_deployment(app, made.id)
            raise ApiError(
                "RESOURCE_CONFLICT",
                f"Cannot deploy app {name}: there is an active deployment in progress. Wait until"
                " it is complete",
            )
        self.runs.bring_up(taken, made.id)
        return made

    def deployment(
        self, principal: Principal, workspace: WorkspaceInfo, name: str, id: str
    ) -> Document:
        return self._records.deployment(self.find(principal, workspace, name), id)

    def deployments(
        self, principal: Principal, workspace: WorkspaceInfo, name: str
    ) -> tuple[Document, ...]:
        return self._records.deployments(self.find(principal, workspace, name))

    def shown_deployments(self, app: App) -> dict[str, Document]:
        """`active` and `pending`, those that there are."""
        found = {}
        for which in ("active", "pending"):
            if app.body[which]:
                found[which] = self._records.deployment(app, app.body[which])
        return found

    # -- inside -------------------------------------------------------------------------------

    def _standing(self, principal: Principal, workspace: WorkspaceInfo, name: str) -> App:
        """An app to change, which nobody is deleting."""
        app = self.find(principal, workspace, name, MANAGE)
        if app.compute == DELETING:
            raise ApiError(
                "BAD_REQUEST",
                f"App {name} is not terminal with state DELETING: it is being deleted. Please wait"
                " before trying again.",
            )
        return app

    def _grant(
        self,
        principal: Principal,
        workspace: WorkspaceInfo,
        app: App,
        wanted: Mapping[str, Any],
    ) -> None:
        robot = self._identity.principal(app.client_id, workspace.name)
        after = uses_of(wanted.get("resources") or ())
        self._grants.change(principal, workspace, robot, app.uses, after)

    def _open(self, app: App) -> App:
        """Its door, where it was before if it can be."""
        port = self._front.open(app.key, int(app.body["port"]))
        return app if port == app.body["port"] else self._records.change(app, port=port)

    def _behind(self, key: str) -> Behind:
        """What the proxy finds behind a door."""
        workspace, _, name = key.partition("/")
        app = self._records.find(workspace, name)
        if app is None:
            raise not_found(f"App {name} does not exist or is deleted")
        scopes = tuple(app.settings.get("user_api_scopes") or ())
        door = AppDoor(
            id=app.id,
            name=app.name,
            workspace=self._workspaces[workspace],
            scopes=scopes,
            forwards=bool(app.settings.get("forward_user_access_token", True)),
        )
        status = self.runs.status(app)
        return Behind(
            door=door, port=self.runs.port(app), reason=status.message, log=self.runs.log(app)
        )

    def _remove(self, app: App, principal: Principal | None = None) -> None:
        """Everything of an app; again, when a kill came in between."""
        workspace = self._workspaces[app.workspace]
        self.runs.end(app)
        self._front.close(app.key)
        caller = principal or self._identity.deployer(app.workspace)
        try:
            robot = self._identity.principal(app.client_id, app.workspace)
        except ApiError:
            robot = None
        if robot is not None:
            self._grants.change(caller, workspace, robot, app.uses, ())
            drop_principal(self._identity, app.workspace, robot.id)
        self._permissions.forget(workspace, KIND, app.name)
        shutil.rmtree(self._folder(app), ignore_errors=True)
        self._records.remove(app)

    def _folder(self, app: App) -> Path:
        return self._home.apps / app.id

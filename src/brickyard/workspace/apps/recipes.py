"""How to run a deployment of an app: its packages, its environment, its identity, its disk.

The process is the app's own service principal: it gets an OAuth secret made for this start. Its
disk is the copy of its source and the machine outside of the data directory; data is reached by
the API, as on Databricks, which mounts nothing into apps.
"""

from __future__ import annotations

import os
import shutil
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Final

from brickyard.workspace.apps.databases import INSTANCE, PROJECT, Databases
from brickyard.workspace.apps.preinstalled import VERSIONS
from brickyard.workspace.apps.process import Recipe
from brickyard.workspace.apps.source import BadSource, EnvVar, Source, with_port
from brickyard.workspace.apps.uses import KINDS, Use
from brickyard.workspace.identity.app_principals import renew_secret
from brickyard.workspace.kernel import ApiError, Home, Principal, WorkspaceInfo
from brickyard.workspace.processes import Child, Environments, Launch, Mounts, start
from brickyard.workspace.processes.user_code import inherited, with_site

if TYPE_CHECKING:
    from brickyard.workspace.identity.engine import IdentityEngine
    from brickyard.workspace.secrets.engine import SecretsEngine

# npm's own, for where packages come from.
NODE_PASSED_ON: Final = ("NPM_CONFIG_REGISTRY", "npm_config_registry", "NODE_EXTRA_CA_CERTS")
NODE_INSTALL_S: Final = 600.0
# What common frameworks read to find where to listen; nothing but the proxy should reach them.
LISTENING: Final[Mapping[str, str]] = {
    "DATABRICKS_APP_PORT": "{port}",
    "PORT": "{port}",
    "STREAMLIT_SERVER_PORT": "{port}",
    "STREAMLIT_SERVER_ADDRESS": "127.0.0.1",
    "STREAMLIT_SERVER_HEADLESS": "true",
    "STREAMLIT_SERVER_ENABLE_CORS": "false",
    "STREAMLIT_SERVER_ENABLE_XSRF_PROTECTION": "false",
    "STREAMLIT_BROWSER_GATHER_USAGE_STATS": "false",
    "GRADIO_SERVER_PORT": "{port}",
    "GRADIO_SERVER_NAME": "127.0.0.1",
    "GRADIO_ANALYTICS_ENABLED": "false",
    "FLASK_RUN_PORT": "{port}",
    "FLASK_RUN_HOST": "127.0.0.1",
    "UVICORN_PORT": "{port}",
    "UVICORN_HOST": "127.0.0.1",
}


class Recipes:
    def __init__(
        self,
        home: Home,
        *,
        identity: IdentityEngine,
        secrets: SecretsEngine,
        databases: Databases,
    ) -> None:
        self._home = home
        self._identity = identity
        self._secrets = secrets
        self._databases = databases
        self._environments = Environments(home.environments, home=home.root)

    def prepare(
        self,
        workspace: WorkspaceInfo,
        name: str,
        robot: Principal,
        uses: tuple[Use, ...],
        source: Source,
        python: Path,
    ) -> Recipe:
        """What one start needs. Raises BadSource."""
        folder = source.folder
        given = {
            **self._databases.variables(workspace, name, robot, uses),
            **self.variables(workspace, robot, uses, source.variables),
        }
        own = {
            "DATABRICKS_HOST": workspace.url,
            "DATABRICKS_WORKSPACE_ID": str(workspace.id),
            "DATABRICKS_APP_NAME": name,
            "DATABRICKS_CLIENT_ID": robot.user_name,
            "DATABRICKS_CLIENT_SECRET": renew_secret(self._identity, robot.id),
            "HOME": str(folder.parent / "home"),
            "PATH": _path(python),
            "PYTHONUNBUFFERED": "1",
            "PYTHONDONTWRITEBYTECODE": "1",
        }
        (folder.parent / "home").mkdir(exist_ok=True)
        return Recipe(
            command=lambda port: program(with_port(source.command, port), python, folder),
            environment=lambda port: with_site(
                {
                    **inherited(),
                    **{one: text.format(port=port) for one, text in LISTENING.items()},
                    **given,
                    **own,
                    "DATABRICKS_APP_PORT": str(port),
                }
            ),
            cwd=folder,
            mounts=self._mounts(folder),
        )

    def python(self, source: Source) -> Path:
        """The interpreter with the app's packages. Raises UnresolvedEnvironment. May be slow."""
        return self._environments.environment(
            source.requirements,
            folder=source.folder,
            shows=self._mounts(source.folder).shows,
            preferred=VERSIONS,
        )

    def install_node(self, source: Source, log: Path, environment: Mapping[str, str]) -> None:
        """`npm install` and, where there is such a script, `npm run build`. Raises BadSource.

        They get the app's own environment: builds ask the workspace for the types of queries.
        """
        npm = shutil.which("npm")
        if npm is None or shutil.which("node") is None:
            raise BadSource(
                "The app has a package.json, and Node.js is not installed on this machine: install"
                " `node` with `npm`, or remove package.json"
            )
        for words in ((npm, "install"), (npm, "run", "build", "--if-present")):
            self._run_in(source.folder, words, log, environment)

    def variables(
        self,
        workspace: WorkspaceInfo,
        robot: Principal,
        uses: tuple[Use, ...],
        wanted: tuple[EnvVar, ...],
    ) -> dict[str, str]:
        """The variables of `app.yaml` and of the deployment, with what they name put in."""
        by_name = {use.name: use for use in uses}
        found: dict[str, str] = {}
        for one in wanted:
            if not one.value_from:
                found[one.name] = one.value
                continue
            use = by_name.get(one.value_from)
            if use is None:
                raise BadSource(
                    f"error resolving resource {one.value_from} specified in app.yaml. Please make"
                    f" sure to configure a resource with name {one.value_from}"
                )
            found[one.name] = self._value(workspace, robot, use)
        return found

    def _value(self, workspace: WorkspaceInfo, robot: Principal, use: Use) -> str:
        if use.kind in (INSTANCE, PROJECT):
            if (at := self._databases.address(workspace, use)) is None:
                raise BadSource(f"error resolving resource {use.name}: there is no such database")
            return at.value
        if use.kind != "secret":
            return KINDS[use.kind].value(use.body)
        scope, key = str(use.body["scope"]), str(use.body["key"])
        try:
            return self._secrets.get_as(robot, workspace, scope, key).decode(errors="replace")
        except ApiError as refused:
            raise BadSource(f"error resolving resource {use.name}: {refused.message}") from None

    def _run_in(
        self, folder: Path, words: tuple[str, ...], log: Path, environment: Mapping[str, str]
    ) -> None:
        own = {one: os.environ[one] for one in NODE_PASSED_ON if one in os.environ}
        child: Child = start(
            Launch(
                command=words,
                cwd=folder,
                environment={**environment, **own},
                log=log,
                mounts=self._mounts(folder),
                timeout_s=NODE_INSTALL_S,
            )
        )
        if code := child.wait():
            shown = " ".join(("npm", *words[1:]))
            raise BadSource(f"`{shown}` ended with status {code}; the app's log says why")

    def _mounts(self, folder: Path) -> Mounts:
        """The deployment's own folder, to write too, and packages. No catalog, no other file."""
        return Mounts(
            home=self._home.root,
            writable=(folder.parent,),
            readable=(self._home.environments,),
        )


def program(words: list[str], python: Path, folder: Path) -> list[str]:
    """The command with its program's full path; scripts of Python run with the app's packages.

    Raises BadSource when there is no such program.
    """
    name, rest = words[0], words[1:]
    if name in ("python", "python3"):
        return [str(python), *rest]
    if "/" in name:
        found: str | None = str(folder / name)
    else:
        found = shutil.which(name, path=_path(python))
    if found is None or not Path(found).exists():
        raise BadSource(
            f"there is no program `{name}`, which the app's command starts with: add its package to"
            " requirements.txt"
        )
    is_installed = Path(found).parent in (python.parent, Path(sys.executable).parent)
    runs_python = is_installed and _is_python_script(Path(found))
    return [str(python), found, *rest] if runs_python else [found, *rest]


def _path(python: Path) -> str:
    """The app's packages first, then the workspace's own, then the machine's."""
    folders = (str(python.parent), str(Path(sys.executable).parent), os.environ.get("PATH", ""))
    return os.pathsep.join(dict.fromkeys(folders))


def _is_python_script(path: Path) -> bool:
    """An entry point that an installer wrote: the interpreter it names may be another one."""
    try:
        with path.open("rb") as file:
            first, second = file.readline(1000), file.readline(1000)
    except OSError:
        return False
    return first.startswith(b"#!") and (b"python" in first or second.startswith(b"'''exec'"))

"""Processes that run a user's code: a job's task, an update of a pipeline.

Each gets its own folder, a token that ends with it, its mount view, its Python environment and the
address of a Spark session of its own. It is told what to do in `spec.json` of its folder, writes
its output to `log.txt`, and leaves its results beside them.
"""

from __future__ import annotations

import json
import os
import re
import sys
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from brickyard.workspace.catalog import securables
from brickyard.workspace.kernel import Home, Principal, WorkspaceInfo
from brickyard.workspace.processes.child import Child, Launch, start
from brickyard.workspace.processes.environments import Environments
from brickyard.workspace.processes.mounts import CatalogView, Mounts, VolumeMount

if TYPE_CHECKING:
    from brickyard.workspace.catalog.engine import CatalogEngine
    from brickyard.workspace.files.engine import FilesEngine
    from brickyard.workspace.identity.engine import IdentityEngine
    from brickyard.workspace.spark.engine import SparkEngine

TOKEN_LIFETIME_S = 24 * 3600  # from now, as long as it runs
PROLONGED_EVERY_S = TOKEN_LIFETIME_S / 24
POLL_S = 0.05
VOLUMES_EVERY_S = 0.25
RUNTIME_VERSION = "17.3"
DBFS = "/dbfs"
SITE = Path(__file__).parents[2] / "runtime" / "site"
# Passed on from the workspace's own environment: where tools are, locale, proxies, certificates.
INHERITED = ("PATH", "HOME", "LANG", "LC_ALL", "TZ", "TMPDIR", "USER", "LOGNAME", "SHELL")
INHERITED_PREFIXES = (
    *("SSL_", "REQUESTS_", "CURL_", "HTTP_", "HTTPS_", "NO_PROXY"),
    *("http_", "https_", "no_proxy", "CUDA_"),
)
# Of pip and uv, only where packages and certificates are. Names and passwords stay here.
INDEXES = (
    *("PIP_INDEX_URL", "PIP_EXTRA_INDEX_URL", "PIP_FIND_LINKS", "PIP_CERT"),
    *("UV_INDEX_URL", "UV_DEFAULT_INDEX", "UV_EXTRA_INDEX_URL", "UV_FIND_LINKS", "UV_OFFLINE"),
)
USER_IN_URL = re.compile(r"(?<=://)[^/@\s]*@")


@dataclass(frozen=True, slots=True, kw_only=True)
class Program:
    """What one process runs. `variables` are added to the usual ones and win over none of them."""

    name: str  # run-123: the scope of its Spark engine
    title: str  # what its token is for
    module: str  # python -m …
    folder: Path
    spec: Mapping[str, Any]
    python: Path
    experiment: str  # where MLflow logs unless told otherwise; empty: nowhere in particular
    variables: Mapping[str, str]


@dataclass(frozen=True, slots=True, kw_only=True)
class UserCode:
    """Starts such processes; what it needs of the engines below."""

    home: Home
    identity: IdentityEngine
    catalog: CatalogEngine
    files: FilesEngine
    spark: SparkEngine
    environments: Environments

    def mounts(self, principal: Principal, workspace: WorkspaceInfo) -> Mounts:
        """What the principal may see and write in this workspace."""
        catalogs = self.catalog.mounts(principal, workspace)
        return Mounts(
            home=self.home.root,
            workspace_files=self.home.files_of(workspace.name),
            openings=self.files.openings(principal, workspace),
            catalogs=catalogs,
            volumes=tuple(self._volumes(principal, workspace, catalogs)),
            readable=(self.home.environments,),
            placed=((DBFS, self.home.dbfs_of(workspace.name)),),
        )

    def run(
        self,
        program: Program,
        principal: Principal,
        workspace: WorkspaceInfo,
        mounts: Mounts,
        *,
        is_stopped: Callable[[], bool],
        started: Callable[[], None] = lambda: None,
        look: Callable[[], None] = lambda: None,
        writable: tuple[Path, ...] = (),
    ) -> int:
        """Run it to its end, or to the moment `is_stopped` says so; the exit status.

        `look` is called again and again meanwhile. Nothing of the process outlives this call.
        """
        folder = program.folder
        token = self.identity.issue_token(
            principal, workspace.name, lifetime_s=TOKEN_LIFETIME_S, comment=program.title
        )
        shown = folder / "volumes"
        shown.mkdir(exist_ok=True)
        mounts = replace(mounts, writable=(folder, *writable), volumes_folder=shown)
        child: Child | None = None
        try:
            remote = self.spark.session_url(
                principal, workspace, token, program.name, python=program.python
            )
            spec = folder / "spec.json"
            spec.write_text(json.dumps(program.spec))
            command = [str(program.python), "-m", program.module, str(spec)]
            environment = _environment(program, workspace, token, remote)
            started()
            child = start(
                Launch(
                    command=command,
                    cwd=folder,
                    environment=environment,
                    log=folder / "log.txt",
                    mounts=mounts,
                )
            )
            known = {one.path for one in mounts.volumes}
            count = self._volume_count()
            looked = prolonged = time.monotonic()
            while (code := child.wait(POLL_S)) is None:
                if is_stopped():
                    child.terminate()
                    code = child.wait()
                    break
                look()
                if time.monotonic() - looked > VOLUMES_EVERY_S:
                    if (now := self._volume_count()) != count:
                        self._show_new_volumes(principal, workspace, known, mounts)
                        count = now
                    looked = time.monotonic()
                if looked - prolonged > PROLONGED_EVERY_S:
                    self.identity.prolong(token, TOKEN_LIFETIME_S)
                    prolonged = looked
        finally:
            if child is not None:
                child.kill()  # nothing of it outlives the task, whatever happened here
            self.spark.release(program.name)
            self.identity.revoke(token)
        return code or 0

    def _volumes(
        self, principal: Principal, workspace: WorkspaceInfo, catalogs: Iterable[CatalogView]
    ) -> Iterator[VolumeMount]:
        """The volumes that the principal may read; writable where catalog and grant say so."""
        modes = {one.name: one.mode for one in catalogs}
        with self.catalog.metastore.read() as tx:
            found = securables.of_kind(tx, "volume")
        for volume in found:
            catalog, schema, name = volume.full_name.split(".")
            can = partial(self.catalog.can, principal, workspace)
            if catalog not in modes or not can("READ_VOLUME", "volume", volume.full_name):
                continue
            writes = modes[catalog] == "rw" and can("WRITE_VOLUME", "volume", volume.full_name)
            yield VolumeMount(
                catalog=catalog,
                schema=schema,
                name=name,
                path=self.catalog.volume_path(catalog, schema, name),
                mode="rw" if writes else "ro",
            )

    def _show_new_volumes(
        self, principal: Principal, workspace: WorkspaceInfo, known: set[Path], mounts: Mounts
    ) -> None:
        """Volumes that appeared since the start, the process's own ones above all."""
        assert mounts.volumes_folder is not None
        for volume in self._volumes(principal, workspace, mounts.catalogs):
            if volume.path not in known:
                volume.link_in(mounts.volumes_folder)
                known.add(volume.path)

    def _volume_count(self) -> int:
        with self.catalog.metastore.read() as tx:
            return len(securables.of_kind(tx, "volume"))


def shown_catalogs(mounts: Mounts) -> list[dict[str, str]]:
    """The catalogs as a spec tells them."""
    return [
        {"name": one.name, "path": os.path.realpath(one.path), "mode": one.mode}
        for one in mounts.catalogs
    ]


def inherited() -> dict[str, str]:
    """What a user's process has of the workspace's own environment."""
    kept = {
        name: value
        for name, value in os.environ.items()
        if name in INHERITED or name.startswith(INHERITED_PREFIXES)
    }
    without_users = {
        name: USER_IN_URL.sub("", os.environ[name]) for name in INDEXES if name in os.environ
    }
    return kept | without_users


def with_site(environment: Mapping[str, str]) -> dict[str, str]:
    """The same, for Python that runs the runtime's `sitecustomize` first."""
    folders = (str(SITE), environment.get("PYTHONPATH", ""))
    return {**environment, "PYTHONPATH": os.pathsep.join(one for one in folders if one)}


def _environment(
    program: Program, workspace: WorkspaceInfo, token: str, remote: str
) -> dict[str, str]:
    """The whole environment of the process."""
    own = {
        "DATABRICKS_HOST": workspace.url,
        "DATABRICKS_TOKEN": token,
        "DATABRICKS_RUNTIME_VERSION": RUNTIME_VERSION,
        "SPARK_REMOTE": remote,
        "MLFLOW_TRACKING_URI": "databricks",
        "MLFLOW_REGISTRY_URI": "databricks-uc",
        "PYTHONUNBUFFERED": "1",
        "PYTHONDONTWRITEBYTECODE": "1",
        "PYSPARK_PYTHON": sys.executable,
        # The Spark Connect client looks for an installation when it is imported; any path will do.
        "SPARK_HOME": sys.prefix,
    }
    if program.experiment:
        own["MLFLOW_EXPERIMENT_NAME"] = program.experiment
    return with_site({**inherited(), **program.variables, **own})

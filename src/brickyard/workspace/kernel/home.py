"""Where the embedded workspace keeps everything: one data directory.

brickyard.db              state of every service (SQLite, WAL)
catalogs/<catalog>/       tables/<id> (Delta), volumes/<id>, indexes/<id> (LanceDB)
workspaces/<name>/files/  the workspace tree: /Workspace as tasks see it
workspaces/<name>/dbfs/   the DBFS root: /dbfs as tasks see it
git/                      data of Git folders and of what jobs check out; no working trees
models/                   artifacts of Unity Catalog model versions
mlflow/                   MLflow's own database and run artifacts
runs/<run id>/            working folder and logs of each task run
pipelines/<pipeline id>/  working folders of its updates; state/: what its flows have read
apps/<app id>/            what each app runs: a folder per deployment
environments/<hash>/      Python environments, shared by requirement
statements/               results of SQL statements
gateway.yml               providers of models, prices, budgets: written by hand, kept by a reset
gateway/                  journal of requests to models on its way to the usage tables
spool/                    large request bodies on their way
logs/, run/, keys/        server logs; sockets, pids and endpoints; secrets at rest
"""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path


def default_root() -> Path:
    """`BRICKYARD_HOME`, or `~/.brickyard`."""
    given = os.environ.get("BRICKYARD_HOME")
    return Path(given).expanduser().absolute() if given else Path.home() / ".brickyard"


@dataclass(frozen=True, slots=True)
class Home:
    root: Path

    def create(self) -> Home:
        """Make the folders, readable by this user only. Returns itself."""
        self.root.mkdir(parents=True, exist_ok=True)
        self.root.chmod(0o700)
        for path in (self.catalogs, self.workspaces, self.models, self.mlflow, self.runs):
            path.mkdir(exist_ok=True)
        for path in (self.environments, self.logs, self.run, self.keys, self.spool):
            path.mkdir(exist_ok=True)
        return self

    @property
    def database(self) -> Path:
        return self.root / "brickyard.db"

    @property
    def catalogs(self) -> Path:
        return self.root / "catalogs"

    @property
    def workspaces(self) -> Path:
        return self.root / "workspaces"

    @property
    def git(self) -> Path:
        return self.root / "git"

    @property
    def models(self) -> Path:
        return self.root / "models"

    @property
    def mlflow(self) -> Path:
        return self.root / "mlflow"

    @property
    def runs(self) -> Path:
        return self.root / "runs"

    @property
    def pipelines(self) -> Path:
        return self.root / "pipelines"

    @property
    def apps(self) -> Path:
        return self.root / "apps"

    @property
    def environments(self) -> Path:
        return self.root / "environments"

    @property
    def logs(self) -> Path:
        return self.root / "logs"

    @property
    def run(self) -> Path:
        return self.root / "run"

    @property
    def keys(self) -> Path:
        return self.root / "keys"

    @property
    def spool(self) -> Path:
        """Request bodies too large for memory, until they are moved into place."""
        return self.root / "spool"

    def files_of(self, workspace: str) -> Path:
        """The folder that tasks of this workspace see as `/Workspace`."""
        return self.workspaces / workspace / "files"

    def dbfs_of(self, workspace: str) -> Path:
        """The DBFS root of this workspace, which its tasks see as `/dbfs`."""
        return self.workspaces / workspace / "dbfs"

    def catalog(self, name: str) -> Path:
        return self.catalogs / name

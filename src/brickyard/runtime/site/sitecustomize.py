"""Runs as the first of every Python process that the workspace starts for users (PYTHONPATH).

Databricks is always at `https://HOST`, and the SQL connector knows no other way: given the host of
an embedded workspace, it would ask port 443 for as long as it retries. Programs that pass on what
they were given (`sql.connect(server_hostname=Config().host, …)`, as every tutorial does) mean
`DATABRICKS_HOST`; so that is where a connection without an address of its own goes. Nothing else is
touched, and nothing is imported before the program imports the connector.

Standard library only, for any Python that an app brings along.
"""

# Paths are plain text here: pathlib costs every process start-up time.
# ruff: noqa: PTH120

from __future__ import annotations

import importlib.machinery
import importlib.util
import os
import sys
from typing import Any

CLIENT = "databricks.sql.client"


class Finder:
    """Finds the connector's client as others do, and hands out a loader that mends it."""

    def find_spec(self, name: str, path: Any = None, target: Any = None) -> Any:
        if name != CLIENT:
            return None
        sys.meta_path.remove(self)
        spec: Any = importlib.util.find_spec(name)
        if spec is not None and spec.loader is not None:
            spec.loader = Mending(spec.loader)
        return spec


class Mending:
    """Another loader, and what is done once it has run the module."""

    def __init__(self, loader: Any) -> None:
        self._loader = loader

    def __getattr__(self, name: str) -> Any:
        return getattr(self._loader, name)

    def create_module(self, spec: Any) -> Any:
        return self._loader.create_module(spec)

    def exec_module(self, module: Any) -> None:
        self._loader.exec_module(module)
        connection = getattr(module, "Connection", None)
        if connection is not None:
            connection.__init__ = at_the_workspace(connection.__init__)


def at_the_workspace(init: Any) -> Any:
    """`Connection.__init__` that takes `DATABRICKS_HOST` for what it is."""

    def connect(
        self: Any, server_hostname: Any, http_path: Any, *rest: Any, **options: Any
    ) -> None:
        host = os.environ.get("DATABRICKS_HOST", "").rstrip("/")
        takes_http = options.get("use_sea") or options.get("use_kernel")
        if not takes_http and "_connection_uri" not in options and is_meant(server_hostname, host):
            options["_connection_uri"] = host + "/" + str(http_path).lstrip("/")
        init(self, server_hostname, http_path, *rest, **options)

    connect.__doc__ = init.__doc__
    return connect


def is_meant(given: Any, host: str) -> bool:
    """Whether a host name is that of a workspace without TLS: with or without scheme and port."""
    if not host.startswith("http://") or not isinstance(given, str):
        return False
    place = host[len("http://") :]
    bare = given.split("://", 1)[-1].rstrip("/")
    return bare in (place, place.rsplit(":", 1)[0])


def go_on() -> None:
    """Run the `sitecustomize` that this one stands before."""
    here = os.path.realpath(os.path.dirname(__file__))
    rest = [one for one in sys.path if os.path.realpath(one or ".") != here]
    spec = importlib.machinery.PathFinder.find_spec("sitecustomize", rest)
    if spec is not None and spec.loader is not None:
        spec.loader.exec_module(importlib.util.module_from_spec(spec))


sys.meta_path.insert(0, Finder())
go_on()

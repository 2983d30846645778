"""Entry points of wheels that the bundle builds: from a name to a module and a function."""

from __future__ import annotations

import ast
import configparser
import posixpath
import re
import tomllib
from collections.abc import Callable, Iterator, Mapping
from typing import Any, Final

from brickyard.policy.sources import Sources

Found = tuple[str, str]  # module, function
LINE: Final = re.compile(r"\s*([\w.-]+)\s*=\s*([\w.]+)\s*:\s*([\w.]+)")


def entry_point(sources: Sources, package: str, name: str) -> Found | None:
    """Where a wheel task begins: a declared entry point, else a function of the package itself."""
    for path in sources.names:
        read = READERS.get(posixpath.basename(path))
        for declared, module, function in read(sources.text(path)) if read else ():
            if declared == name:
                return module, function
    module = package.replace("-", "_")
    path = sources.module(module, "databricks.yml") or ""
    if path and re.search(rf"(?m)^(?:def|from .* import .*\b|import .*\b){re.escape(name)}\b",
                          sources.text(path)):  # fmt: skip
        return module, name
    if path and re.search(rf"(?m)^def\s+{re.escape(name)}\b", sources.text(path)):
        return module, name
    return None


def _pyproject(text: str) -> Iterator[tuple[str, str, str]]:
    try:
        tree = tomllib.loads(text)
    except tomllib.TOMLDecodeError:
        return
    project, tool = _map(tree.get("project")), _map(tree.get("tool"))
    poetry = _map(tool.get("poetry"))
    groups = [
        _map(project.get("scripts")),
        *_map(project.get("entry-points")).values(),
        _map(poetry.get("scripts")),
        *_map(poetry.get("plugins")).values(),
    ]
    for group in groups:
        for name, target in _map(group).items():
            if isinstance(target, str):
                module, _, function = target.partition(":")
                yield name, module.strip(), function.strip() or "main"


def _setup_cfg(text: str) -> Iterator[tuple[str, str, str]]:
    reader = configparser.ConfigParser(interpolation=None)
    try:
        reader.read_string(text)
    except configparser.Error:
        return
    if reader.has_section("options.entry_points"):
        for lines in dict(reader["options.entry_points"]).values():
            yield from _lines(lines)


def _setup_py(text: str) -> Iterator[tuple[str, str, str]]:
    """The texts of `entry_points=…` in a setup.py, which is not run."""
    try:
        tree = ast.parse(text)
    except (SyntaxError, ValueError):
        return
    for node in ast.walk(tree):
        if isinstance(node, ast.Constant) and isinstance(node.value, str):
            yield from _lines(node.value)


def _lines(text: str) -> Iterator[tuple[str, str, str]]:
    for line in text.splitlines():
        if found := LINE.fullmatch(line.strip()):
            yield found[1], found[2], found[3]


def _map(value: Any) -> Mapping[str, Any]:
    return value if isinstance(value, dict) else {}


READERS: Final[Mapping[str, Callable[[str], Iterator[tuple[str, str, str]]]]] = {
    "pyproject.toml": _pyproject,
    "setup.cfg": _setup_cfg,
    "setup.py": _setup_py,
}

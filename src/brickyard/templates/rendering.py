"""From a template's files and the answers to the files of a project: pure, nothing is written.

`template/` is walked breadth first, the files of a folder before those below it. Names are
templates too. `skip` takes files and folders out; a folder that was skipped before it is reached is
not walked.
"""

from __future__ import annotations

import posixpath
import random
import re
import uuid
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import cache
from typing import Any, Final

from brickyard.templates.go_format import printf
from brickyard.templates.go_functions import BUILTINS, FunctionFault
from brickyard.templates.go_text import Body, Template, TemplateFault, execute, parse
from brickyard.templates.go_values import Pair, Regexp, Url
from brickyard.templates.inputs import BadTemplate

FOLDER: Final = "template"
LIBRARY: Final = "library"
ENDING: Final = ".tmpl"
NODE_TYPES: Final = {"azure": "Standard_D3_v2", "gcp": "n1-standard-4"}


class TemplateRefuses(Exception):
    """The template's own `fail`."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Surroundings:
    """What templates may ask of the workspace; each is looked up when it is first asked for."""

    workspace_host: Callable[[], str]
    user_name: Callable[[], str]
    short_name: Callable[[], str]
    is_service_principal: Callable[[], bool]
    default_catalog: Callable[[], str]
    cloud: Callable[[], str]
    records_history: bool = False
    warehouse_path: Callable[[], str] = str  # of a warehouse that may be used


@dataclass(frozen=True, slots=True)
class Rendered:
    """The files of the new project, by path, and the folders that are there even without any."""

    files: Mapping[str, bytes]
    folders: tuple[str, ...]


@dataclass(slots=True)
class Renderer:
    """Fills in one template. `definitions` are those of its `library`."""

    surroundings: Surroundings
    definitions: dict[str, Body] = field(default_factory=dict)
    bundle_uuid: str = field(default_factory=lambda: str(uuid.uuid4()))
    skipped: list[str] = field(default_factory=list)
    _parsed: dict[tuple[str, str], Template] = field(default_factory=dict)

    def learn(self, files: Mapping[str, bytes]) -> None:
        """Take over what the files under `library/` define."""
        for name in sorted(files):
            if name.startswith(f"{LIBRARY}/") and name.endswith(ENDING):
                self.definitions |= self._template(_decoded(files[name], name), name).definitions

    def text(self, text: str, name: str, answers: Mapping[str, Any], folder: str = "") -> str:
        """One text filled in. Raises `TemplateFault` and `TemplateRefuses`."""
        return execute(
            self._template(text, name),
            dict(answers),
            functions=self._functions(folder, answers),
            definitions=self.definitions,
        )

    def _template(self, text: str, name: str) -> Template:
        key = (name, text)
        if key not in self._parsed:
            self._parsed[key] = parse(text, name, {*BUILTINS, *self._functions("", {})})
        return self._parsed[key]

    def _functions(
        self, folder: str, answers: Mapping[str, Any]
    ) -> Mapping[str, Callable[..., Any]]:
        around = self.surroundings

        def skip(pattern: str) -> str:
            path = posixpath.normpath(posixpath.join(folder, pattern))
            self.skipped.append(self.text(path, path, answers) if "{{" in path else path)
            return ""

        def fail(text: str, *values: Any) -> str:
            raise TemplateRefuses(printf(text, *values))

        return {
            "fail": fail,
            "skip": skip,
            "url": Url,
            "regexp": Regexp,
            "random_int": random_int,
            "uuid": lambda: str(uuid.uuid4()),
            "bundle_uuid": lambda: self.bundle_uuid,
            "pair": Pair,
            "map": lambda *pairs: {one.key: one.value for one in pairs},
            "lower": str.lower,
            "upper": str.upper,
            "path_separator": lambda: "/",
            "smallest_node_type": lambda: NODE_TYPES.get(around.cloud(), "i3.xlarge"),
            "workspace_host": around.workspace_host,
            "user_name": around.user_name,
            "short_name": around.short_name,
            "is_service_principal": around.is_service_principal,
            "default_catalog": around.default_catalog,
            "record_deployment_history": lambda: around.records_history,
        }


def random_int(end: int) -> int:
    if end <= 0:
        raise FunctionFault("invalid argument to IntN")
    return random.randrange(end)


def render_project(
    files: Mapping[str, bytes], answers: Mapping[str, Any], renderer: Renderer
) -> Rendered:
    """The files that `template/` becomes. `files` are the whole template's, by path.

    Raises `TemplateFault`, `TemplateRefuses`, and `BadTemplate` for a name that leads out of the
    project.
    """
    renderer.learn(files)
    inside = {
        name.removeprefix(f"{FOLDER}/"): content
        for name, content in files.items()
        if name.startswith(f"{FOLDER}/")
    }
    made: dict[str, bytes] = {}
    folders: list[str] = []
    waiting = [("", "")]  # the template's folder, and what it is called in the project
    while waiting:
        source, target = waiting.pop(0)
        if target and is_skipped(target, renderer.skipped):
            continue
        if target:
            folders.append(target)
        below = sorted(name for name in inside if posixpath.dirname(name) == source)
        for name in below:
            path, content = _file(name, target, inside[name], answers, renderer)
            made[path] = content
        for child in _folders_in(source, inside):
            name = renderer.text(posixpath.basename(child), child, answers, target)
            waiting.append((child, _inside(posixpath.join(target, name), child)))
    kept = {path: text for path, text in made.items() if not is_skipped(path, renderer.skipped)}
    return Rendered(kept, tuple(folders))


def _file(
    name: str, folder: str, content: bytes, answers: Mapping[str, Any], renderer: Renderer
) -> tuple[str, bytes]:
    base = posixpath.basename(name)
    is_template = base.endswith(ENDING)
    title = renderer.text(base.removesuffix(ENDING), name, answers, folder)
    path = _inside(posixpath.join(folder, title), name)
    if not is_template:
        return path, content
    try:
        return path, renderer.text(_decoded(content, name), name, answers, folder).encode()
    except TemplateFault as fault:
        if isinstance(fault.cause, TemplateRefuses):
            raise fault.cause from fault
        fault.file = name
        raise


def _inside(path: str, source: str) -> str:
    """The path, if it stays in the project."""
    if path.startswith("/") or ".." in path.split("/"):
        raise BadTemplate(f"{FOLDER}/{source} would become {path}, outside the project")
    return path


def _decoded(content: bytes, name: str) -> str:
    try:
        return content.decode()
    except UnicodeDecodeError as fault:
        raise BadTemplate(f"{name} is not UTF-8 text (byte {fault.start})") from fault


def _folders_in(source: str, inside: Mapping[str, bytes]) -> list[str]:
    prefix = f"{source}/" if source else ""
    found = {
        prefix + name.removeprefix(prefix).split("/")[0]
        for name in inside
        if name.startswith(prefix) and "/" in name.removeprefix(prefix)
    }
    return sorted(found)


def is_skipped(path: str, patterns: list[str]) -> bool:
    """Whether a pattern covers this path; no wildcard crosses a folder.

    Raises `BadTemplate` for what is no pattern.
    """
    return any(_pattern(pattern).fullmatch(path) is not None for pattern in patterns)


PIECE: Final = re.compile(
    r"(?P<any>\*+)|(?P<one>\?)|\[(?P<not>\^?)(?P<set>(?:\\.|[^\]\\])+)\]|\\(?P<raw>.)"
    r"|(?P<plain>[^\[\\])",
    re.DOTALL,
)


@cache
def _pattern(text: str) -> re.Pattern[str]:
    """A pattern of Go's path.Match."""
    made, at = "", 0
    while at < len(text):
        found = PIECE.match(text, at)
        if found is None:
            raise BadTemplate("syntax error in pattern")
        if found["any"]:
            made += "[^/]*"
        elif found["one"]:
            made += "[^/]"
        elif found["set"]:
            inside = re.sub(r"\[|&&|~~|\|\|", lambda one: f"\\{one[0]}", found["set"])
            made += f"[{'^/' if found['not'] else ''}{inside}]"
        else:
            made += re.escape(found["raw"] or found["plain"])
        at = found.end()
    try:
        return re.compile(made, re.DOTALL)
    except re.error as fault:
        raise BadTemplate("syntax error in pattern") from fault
